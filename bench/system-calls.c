// What system calls cost: NAME COUNT makes COUNT of one kind, and nothing else that takes long.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 64
#define BLOCK 4096

static const char *self;

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

// Counts files that were opened, read and closed.
static void calls_file(long count) {
  static char block[BLOCK];
  for (long i = 0; i < count; i++) {
    int file = open(self, O_RDONLY);
    if (file < 0 || read(file, block, sizeof block) != sizeof block || close(file) != 0) fail("file");
  }
}

// Counts pages that were mapped, touched and unmapped.
static void calls_touch(long count) {
  for (long i = 0; i < count; i++) {
    volatile char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    at[0] = 1;
    munmap((void *)at, 4096);
  }
}

static volatile long delivered;

static void handler(int signal) {
  (void)signal;
  delivered++;
}

// Counts signals that a process sends itself and handles.
static void calls_signal(long count) {
  struct sigaction action = {.sa_handler = handler};
  if (sigaction(SIGUSR1, &action, 0) != 0) fail("sigaction");
  pid_t pid = getpid();
  for (long i = 0; i < count; i++) kill(pid, SIGUSR1);
  if (delivered != count) fail("signal");
}

// Counts messages of a byte between two processes: each of them is a switch.
static void calls_switch(long count) {
  int there[2], back[2];
  char byte = 1;
  if (pipe(there) != 0 || pipe(back) != 0) fail("pipe");
  pid_t child = fork();
  if (child < 0) fail("fork");
  for (long i = 0; i < count; i += 2) {
    if (child == 0 && (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)) _exit(1);
    if (child != 0 && (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)) fail("switch");
  }
  if (child == 0) _exit(0);
  if (waitpid(child, 0, 0) != child) fail("waitpid");
}

static volatile int turn;

static void hand_over(int mine, long count) {
  for (long i = 0; i < count; i++) {
    while (turn != mine) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, 0, 0, 0);
    turn = !mine;
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  }
}

static void *other_thread(void *count) {
  hand_over(1, (long)count);
  return 0;
}

// Counts how often one thread hands over to another.
static void calls_futex(long count) {
  pthread_t thread;
  if (pthread_create(&thread, 0, other_thread, (void *)(count / 2)) != 0) fail("thread");
  hand_over(0, count / 2);
  pthread_join(thread, 0);
}

// Counts programs that were started and waited for.
static void calls_exec(long count) {
  for (long i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      execl(self, self, "getppid", "0", (char *)0);
      _exit(1);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) fail("exec");
  }
}

static const struct {
  const char *name;
  void (*run)(long count);
} kinds[] = {
    {"getppid", calls_getppid}, {"pipe", calls_pipe},   {"open", calls_open}, {"stat", calls_stat},
    {"mmap", calls_mmap},       {"fault", calls_fault}, {"fork", calls_fork},   {"file", calls_file},
    {"touch", calls_touch},     {"signal", calls_signal}, {"switch", calls_switch}, {"futex", calls_futex},
    {"exec", calls_exec},
};

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  self = argv[0];
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strcmp(argv[1], kinds[i].name) == 0) {
      kinds[i].run(atol(argv[2]));
      return 0;
    }
  }
  return 2;
}
