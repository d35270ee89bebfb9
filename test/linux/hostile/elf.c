// Spoils the headers of programs, or cuts them off, and executes what is left, in children that are killed when they do not end.
// Arguments: seed, how many, the program to execute, the file to spoil (the program, or its interpreter). Prints how many ended
// in each way: the error of execve, a signal, or an exit.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t state;

static uint32_t next(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state >> 32;
}

static uint64_t value(uint64_t old) {
  static const uint64_t special[] = {0, 1, 2, 3, 4, 6, 7, 8, 16, 32, 52, 56, 64, 127, 128, 4095, 4096, 4097, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff,
                                     0x100000000, 0x7fffffffe000, 0x7ffffffff000, 0x800000000000, 0x8000000000000000, 0xfffffffffffff000, -1ull, -4096ull, 0xffffffff80000000};
  switch (next() % 6) {
    case 0: return old + 1;
    case 1: return old - 1;
    case 2: return old ^ 1ull << next() % 64;
    case 3: return old + ((uint64_t)next() % 64 << 12);
    case 4: return (uint64_t)next() << 32 | next();
    default: return special[next() % (sizeof special / sizeof *special)];
  }
}

int main(int argc, char **argv) {
  static int ended[512], refused[512];
  state = 0x9e3779b97f4a7c15 * (strtoull(argv[1], 0, 10) + 1);
  int fd = open(argv[4], O_RDONLY);
  struct stat s;
  fstat(fd, &s);
  char *whole = malloc(s.st_size);
  if (read(fd, whole, s.st_size) != s.st_size) return 1;
  close(fd);
  int wide = whole[EI_CLASS] == ELFCLASS64;
  int length = wide ? 64 + 56 * ((Elf64_Ehdr *)whole)->e_phnum : 52 + 32 * ((Elf32_Ehdr *)whole)->e_phnum;
  int *error = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int n = atoi(argv[2]); n > 0; n--) {
    char head[4096];
    memcpy(head, whole, length);
    for (int many = 1 + next() % 3; many > 0; many--) {
      static const int sizes[] = {1, 2, 4, 8, 8};
      int size = sizes[next() % 5], at = (next() % 5 ? 16 + next() % (length - 16) : next() % 16) & -size;
      if (wide && next() % 2) size = 8, at = 64 + (next() % ((length - 64) / 8)) * 8;
      uint64_t old = 0, new;
      memcpy(&old, head + at, size);
      new = value(old), memcpy(head + at, &new, size);
    }
    int isCut = next() % 32 == 0;
    fd = open(argv[4], O_RDWR);
    pwrite(fd, head, length, 0);
    if (isCut) ftruncate(fd, next() % 2 ? next() % s.st_size : next() % (length + 16));
    close(fd);
    *error = 0;
    pid_t pid = fork();
    if (pid == 0) {
      struct itimerval soon = {{0, 0}, {0, 5000}};
      setitimer(ITIMER_REAL, &soon, 0);
      int null = open("/dev/null", O_RDWR);
      for (int n = 0; n < 3; n++) dup2(null, n);
      char *arguments[] = {argv[3], 0}, *environment[] = {0};
      execve(argv[3], arguments, environment);
      *error = errno;
      _exit(0);
    }
    int status;
    for (int tries = 0; waitpid(pid, &status, WNOHANG) == 0; tries++) {
      usleep(500);
      if (tries > 100) kill(pid, SIGKILL);
    }
    if (*error) refused[*error]++;
    else if (WIFSIGNALED(status)) ended[WTERMSIG(status)]++;
    else ended[0]++;
    fd = open(argv[4], O_RDWR);
    if (isCut) pwrite(fd, whole, s.st_size, 0);
    else pwrite(fd, whole, length, 0);
    close(fd);
  }
  for (int n = 0; n < 256; n++) if (refused[n]) printf("%s %d\n", strerrorname_np(n), refused[n]);
  for (int n = 0; n < 128; n++) if (ended[n]) printf("%s %d\n", n ? sigabbrev_np(n) : "exit", ended[n]);
  return 0;
}
