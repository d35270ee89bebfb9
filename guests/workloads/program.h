// What the parts of workloads share: Linux's i386 system calls by number (asm/unistd_32.h) and printing.
#pragma once
#include "../lib/print.h"
#include "../lib/string.h"
#include "../lib/types.h"

enum {
  SYS_EXIT = 1,
  SYS_FORK = 2,
  SYS_READ = 3,
  SYS_WRITE = 4,
  SYS_OPEN = 5,
  SYS_CLOSE = 6,
  SYS_WAITPID = 7,
  SYS_UNLINK = 10,
  SYS_EXECVE = 11,
  SYS_LSEEK = 19,
  SYS_DUP = 41,
  SYS_PIPE = 42,
  SYS_BRK = 45,
  SYS_DUP2 = 63,
  SYS_GETPPID = 64,
  SYS_MUNMAP = 91,
  SYS_MMAP2 = 192,
  SYS_CLOCK_GETTIME = 265,
};
#define O_RDWR_CREAT_TRUNC 01102
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 34

i32 linux_call(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f);
#define CALL0(number) linux_call(number, 0, 0, 0, 0, 0, 0)
#define CALL1(number, a) linux_call(number, (u32)(a), 0, 0, 0, 0, 0)
#define CALL3(number, a, b, c) linux_call(number, (u32)(a), (u32)(b), (u32)(c), 0, 0, 0)
static inline i32 map_pages(u32 pages) {
  return linux_call(SYS_MMAP2, 0, pages * PAGE_SIZE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, ~0u, 0);
}

void say(const char *format, ...);
NORETURN void quit(u32 status);
// Prints what calls return, also wrong ones: the same under every kernel.
void check(const char *self);
