// The memory controller: what is charged, limits with reclaim and slowing down, and who is killed.
#include "cgroup.h"

#define MIB (1 << 20)
static char *pages(size_t bytes) {
  return mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void touch(char *memory, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
}
static long current(const char *group) {
  char path[64];
  sprintf(path, CG "%s/memory.current", group);
  return atol(get(path));
}
/** A process of a group that takes memory and waits. */
static pid_t hog(const char *group, size_t bytes, int adjustment) {
  int ready[2];
  pipe(ready);
  pid_t pid = fork();
  if (pid == 0) {
    char path[64], text[16];
    sprintf(path, CG "%s/cgroup.procs", group);
    put(path, "0");
    number(text, adjustment);
    put("/proc/self/oom_score_adj", text);
    touch(pages(bytes), bytes);
    write(ready[1], "x", 1);
    for (;;) pause();
  }
  close(ready[1]);
  char byte;
  read(ready[0], &byte, 1);
  close(ready[0]);
  // whoever was killed for it ends
  milliseconds(5);
  return pid;
}
static const char *ended(pid_t pid) {
  static char text[32];
  int status;
  if (waitpid(pid, &status, WNOHANG) != pid) return "lives";
  sprintf(text, WIFSIGNALED(status) ? "signal %d" : "exit %d", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return text;
}
static int about(long value, long wanted) { return value > wanted * 9 / 10 && value < wanted * 11 / 10 + 65536; }

int main(void) {
  setbuf(stdout, 0);
  printf("in the root: %s %d\n", get(CG "memory.current"), value(CG "memory.stat", "anon") > 0);
  put(CG "cgroup.subtree_control", "+memory");
  mkdir(CG "m", 0755);
  show(CG "m/memory.current");
  show(CG "m/memory.max");
  show(CG "m/memory.low");
  try(CG "m/memory.max", "64m");
  show(CG "m/memory.max");
  try(CG "m/memory.max", "1234567");
  show(CG "m/memory.max");
  try(CG "m/memory.max", "-1");
  try(CG "m/memory.max", "much");
  try(CG "m/memory.max", "16M");
  show(CG "m/memory.events");
  show(CG "m/memory.swap.current");

  // charges, and what they are for
  pid_t holder = hog("m", 4 * MIB, 0);
  printf("anon: %d\n", about(value(CG "m/memory.stat", "anon"), 4 * MIB));
  printf("tables: %d\n", value(CG "m/memory.stat", "pagetables") > 0);
  printf("current: %d\n", about(current("m"), 4 * MIB + 100000));
  kill(holder, SIGKILL);
  waitpid(holder, 0, 0);
  printf("given back: %d\n", current("m") == 0);
  printf("peak: %d\n", about(atol(get(CG "m/memory.peak")), 4 * MIB + 100000));

  // files in memory stay charged after who wrote them has gone
  if (fork() == 0) {
    put(CG "m/cgroup.procs", "0");
    int fd = open("/tmp/file", O_CREAT | O_RDWR, 0600);
    static char bytes[MIB];
    for (int n = 0; n < 2; n++) write(fd, bytes, sizeof bytes);
    _exit(0);
  }
  wait(0);
  printf("shmem: %ld\n", value(CG "m/memory.stat", "shmem"));
  printf("file: %ld\n", value(CG "m/memory.stat", "file"));
  unlink("/tmp/file");
  printf("current: %ld\n", current("m"));

  // above the limit: the one that uses most ends, the others live
  pid_t small = hog("m", 2 * MIB, 0), big = hog("m", 9 * MIB, 0), other = hog("m", 3 * MIB, 0);
  pid_t last = hog("m", 3 * MIB, 0);
  printf("small %s, ", ended(small));
  printf("big %s, ", ended(big));
  printf("other %s, ", ended(other));
  printf("last %s\n", ended(last));
  printf("max happened: %d\n", value(CG "m/memory.events", "max") > 0);
  printf("oom %ld, oom_kill %ld\n", value(CG "m/memory.events", "oom"), value(CG "m/memory.events", "oom_kill"));
  printf("below the limit: %d\n", current("m") <= 16 * MIB);
  put(CG "m/cgroup.kill", "1");
  while (wait(0) > 0);

  // the adjustment decides
  pid_t adjusted = hog("m", 3 * MIB, 1000), spared = hog("m", 9 * MIB, -1000);
  printf("score: %d\n", atoi(get("/proc/self/oom_score")) == 0);
  char path[64];
  sprintf(path, "/proc/%d/oom_score", spared);
  printf("spared: %s", get(path));
  last = hog("m", 6 * MIB, 0);
  printf("adjusted %s, ", ended(adjusted));
  printf("spared %s, ", ended(spared));
  printf("last %s\n", ended(last));
  put(CG "m/cgroup.kill", "1");
  while (wait(0) > 0);
  printf("adj: %s\n", result(put("/proc/self/oom_score_adj", "1001") ? (errno = EINVAL, 1) : 0));

  // all of a group together
  mkdir(CG "m/g", 0755);
  put(CG "m/cgroup.subtree_control", "+memory");
  try(CG "m/g/memory.oom.group", "2");
  try(CG "m/g/memory.oom.group", "1");
  small = hog("m/g", MIB, 0);
  big = hog("m/g", 17 * MIB, 0);
  printf("small %s, ", ended(small));
  printf("big %s\n", ended(big));
  show(CG "m/g/memory.events.local");
  show(CG "m/memory.events.local");
  printf("of m: %ld\n", value(CG "m/memory.events", "oom_group_kill"));

  // a system call that needs memory which is not there: the caller is killed
  if (fork() == 0) {
    put(CG "m/g/cgroup.procs", "0");
    int fd = open("/tmp/much", O_CREAT | O_RDWR, 0600);
    static char bytes[MIB];
    for (int n = 0; n < 40; n++) write(fd, bytes, sizeof bytes);
    _exit(3);
  }
  int status;
  wait(&status);
  printf("writer: %d\n", WTERMSIG(status) == SIGKILL);
  printf("its file: %d\n", value(CG "m/g/memory.stat", "shmem") > 14 * MIB);
  unlink("/tmp/much");

  // memory.max below what is in use
  big = hog("m/g", 8 * MIB, 0);
  put(CG "m/g/memory.oom.group", "0");
  try(CG "m/g/memory.max", "4M");
  milliseconds(1);
  printf("too big now: %s\n", ended(big));
  printf("fits: %d\n", current("m/g") <= 4 * MIB);
  put(CG "m/g/memory.max", "max");

  // memory.high slows down and kills nobody
  put(CG "m/memory.max", "max");
  try(CG "m/g/memory.high", "2M");
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  pid_t slow = hog("m/g", 4 * MIB, 0);
  clock_gettime(CLOCK_MONOTONIC, &after);
  printf("slowed down: %d\n", after.tv_sec - before.tv_sec > 3);
  printf("high happened: %d\n", value(CG "m/g/memory.events", "high") > 4);
  printf("lives: %s\n", ended(slow));
  put(CG "m/cgroup.kill", "1");
  wait(0);
  try(CG "m/memory.reclaim", "1M");
  rmdir(CG "m/g");
  printf("at the end: %ld\n", current("m"));
  return 0;
}
