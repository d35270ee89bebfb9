// Files that are read when they are needed: their pages are charged to who read them, given back when memory is short, and
// counted and slowed down as input and output.
#include "cgroup.h"

#define MIB (1 << 20)

/** A child in a group reads /data of 8 MiB, by read or by a mapping. */
static int reads(const char *group, int maps) {
  int status;
  if (fork() == 0) {
    char path[64];
    sprintf(path, CG "%s/cgroup.procs", group);
    put(path, "0");
    int fd = open("/data", O_RDONLY), sum = 0;
    static char bytes[65536];
    if (!maps) for (ssize_t count; (count = read(fd, bytes, sizeof bytes)) > 0;) sum += bytes[0] + bytes[4096];
    else {
      char *data = mmap(0, 8 * MIB, PROT_READ, MAP_SHARED, fd, 0);
      for (int at = 0; at < 8 * MIB; at += 65536) sum += data[at] + data[at + 4096];
    }
    _exit(sum & 0x7f);
  }
  wait(&status);
  return status;
}
static long seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

int main(void) {
  put(CG "cgroup.subtree_control", "+memory +io");
  mkdir(CG "r", 0755);
  show(CG "r/io.max");
  show(CG "r/io.stat");
  show(CG "r/io.weight");
  int whole = reads("r", 0);
  printf("ended: %d\n", WIFEXITED(whole));
  printf("pages kept: %ld\n", value(CG "r/memory.stat", "file"));
  show(CG "r/io.stat");
  printf("reads again: %d\n", reads("r", 0) == whole);
  show(CG "r/io.stat");
  try(CG "r/memory.reclaim", "1M");
  printf("pages kept: %ld\n", value(CG "r/memory.stat", "file"));
  try(CG "r/memory.reclaim", "1G");
  printf("pages kept: %ld\n", value(CG "r/memory.stat", "file"));

  // less memory than file
  try(CG "r/memory.max", "2M");
  printf("reads in 2 MiB: %d\n", reads("r", 0) == whole);
  printf("maps in 2 MiB: %d\n", WIFEXITED(reads("r", 1)));
  printf("fits: %d\n", atol(get(CG "r/memory.current")) <= 2 * MIB);
  printf("nobody is killed: %ld\n", value(CG "r/memory.events", "oom_kill"));
  printf("taken back: %d\n", value(CG "r/memory.stat", "pgsteal") > 1000);
  printf("faults: %d\n", value(CG "r/memory.stat", "pgmajfault") > 100);

  // what is protected stays while there is something else
  mkdir(CG "p", 0755);
  put(CG "p/cgroup.subtree_control", "+memory");
  mkdir(CG "p/low", 0755);
  mkdir(CG "p/other", 0755);
  put(CG "r/memory.reclaim", "1G");
  reads("p/low", 0);
  put(CG "p/low/memory.low", "8M");
  put(CG "p/memory.max", "9M");
  int fd = open("/more", O_RDONLY);
  if (fork() == 0) {
    put(CG "p/other/cgroup.procs", "0");
    static char bytes[65536];
    while (read(fd, bytes, sizeof bytes) > 0);
    _exit(0);
  }
  wait(0);
  printf("protected: %ld\n", value(CG "p/low/memory.stat", "file"));
  show(CG "p/low/memory.events");
  put(CG "p/low/memory.low", "0");
  put(CG "p/memory.reclaim", "6M");
  printf("not any more: %d\n", value(CG "p/low/memory.stat", "file") < 8 * MIB);

  // limits of input and output
  put(CG "r/memory.max", "max");
  put(CG "memory.reclaim", "1G");
  try(CG "r/io.max", "8:0 rbps=1048576");
  try(CG "r/io.max", "254:0 speed=1");
  try(CG "r/io.max", "254:0 rbps=0");
  try(CG "r/io.max", "254:0 rbps=2097152 wiops=100");
  show(CG "r/io.max");
  long before = seconds();
  reads("r", 0);
  printf("8 MiB at 2 MiB/s: %ld s\n", seconds() - before);
  try(CG "r/io.max", "254:0 rbps=max wiops=max riops=512");
  put(CG "memory.reclaim", "1G");
  before = seconds();
  reads("r", 1);
  printf("256 reads of 512/s: %d\n", seconds() - before <= 1);
  try(CG "r/io.weight", "0");
  try(CG "r/io.weight", "default 50");
  show(CG "r/io.weight");
  return 0;
}
