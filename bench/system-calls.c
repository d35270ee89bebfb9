// What system calls cost: NAME COUNT makes COUNT of one kind, and nothing else that takes long.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 64

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void calls_getppid(long count) {
  for (long i = 0; i < count; i++) syscall(SYS_getppid);
}

static void calls_pipe(long count) {
  int ends[2];
  char byte = 1;
  if (pipe(ends) != 0) fail("pipe");
  for (long i = 0; i < count; i += 2) {
    if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) fail("pipe");
  }
}

static void calls_open(long count) {
  for (long i = 0; i < count; i += 2) {
    int file = open("/dev/null", O_RDONLY);
    if (file < 0) fail("open");
    close(file);
  }
}

static void calls_stat(long count) {
  struct stat status;
  for (long i = 0; i < count; i++) {
    if (stat("/dev/null", &status) != 0) fail("stat");
  }
}

static void calls_mmap(long count) {
  for (long i = 0; i < count; i += 2) {
    void *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    munmap(at, 4096);
  }
}

// Counts page faults.
static void calls_fault(long count) {
  for (long i = 0; i < count; i += PAGES) {
    volatile char *at = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    for (long page = 0; page < PAGES; page++) at[page * 4096] = 1;
    munmap((void *)at, PAGES * 4096);
  }
}

// Counts pairs of fork and wait.
static void calls_fork(long count) {
  for (long i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) _exit(0);
    if (waitpid(child, 0, 0) != child) fail("waitpid");
  }
}

static const struct {
  const char *name;
  void (*run)(long count);
} kinds[] = {
    {"getppid", calls_getppid}, {"pipe", calls_pipe},   {"open", calls_open}, {"stat", calls_stat},
    {"mmap", calls_mmap},       {"fault", calls_fault}, {"fork", calls_fork},
};

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strcmp(argv[1], kinds[i].name) == 0) {
      kinds[i].run(atol(argv[2]));
      return 0;
    }
  }
  return 2;
}
