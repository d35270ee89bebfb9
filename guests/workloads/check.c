// `workloads check`: what system calls return, right and wrong ones (man-pages section 2). Nothing here depends on the kernel.
#include "program.h"

#define BAD_ADDRESS 16u
#define NO_SUCH_CALL 1000

static i32 status_of(i32 child) {
  i32 status = -1;
  i32 found = CALL3(SYS_WAITPID, child, &status, 0);
  return found == child ? status & ~0x80 : found; // whether there is a dump is a matter of limits
}

// How a child that touches an address ends.
static i32 touching(u32 address, bool write) {
  i32 child = CALL0(SYS_FORK);
  if (child == 0) {
    if (write)
      *(volatile u32 *)address = 1;
    else
      (void)*(volatile u32 *)address;
    quit(7);
  }
  return status_of(child);
}

static void errors(const char *self) {
  u32 word;
  say("unknown call %d\n", CALL0(NO_SUCH_CALL));
  say("read of no file %d, of a bad address %d\n", CALL3(SYS_READ, 99, &word, 1), CALL3(SYS_WRITE, 1, BAD_ADDRESS, 1));
  say("close %d, dup %d, dup2 %d\n", CALL1(SYS_CLOSE, 99), CALL1(SYS_DUP, 99), CALL3(SYS_DUP2, 99, 5, 0));
  say("open %d, of a bad address %d\n", CALL3(SYS_OPEN, "/tmp/none", 0, 0), CALL3(SYS_OPEN, BAD_ADDRESS, 0, 0));
  say("execve %d\n", CALL3(SYS_EXECVE, "/tmp/none", &self, 0));
  say("waitpid %d, of nobody's child %d\n", CALL3(SYS_WAITPID, -1, 0, 0), CALL3(SYS_WAITPID, 12345, 0, 0));
  say("munmap %d, mmap of nothing %d\n", CALL3(SYS_MUNMAP, 1, PAGE_SIZE, 0), map_pages(0));
  say("clock %d\n", CALL3(SYS_CLOCK_GETTIME, 0, BAD_ADDRESS, 0));
}

static void memory(void) {
  u32 heap = (u32)CALL1(SYS_BRK, 0);
  say("brk %d", (u32)CALL1(SYS_BRK, heap + 2 * PAGE_SIZE) - heap);
  ((volatile u8 *)heap)[PAGE_SIZE] = 1;
  CALL1(SYS_BRK, heap);
  CALL1(SYS_BRK, heap + 2 * PAGE_SIZE);
  say(", given back and zero again %u\n", ((volatile u8 *)heap)[PAGE_SIZE]);
  u32 at = (u32)map_pages(3);
  for (u32 page = 0; page < 3; page++) ((volatile u32 *)at)[page * 1024] = page;
  say("munmap of the middle %d\n", CALL3(SYS_MUNMAP, at + PAGE_SIZE, PAGE_SIZE, 0));
  say("touched: before %x, in it %x, behind %x\n", touching(at, true), touching(at + PAGE_SIZE, false),
      touching(at + 2 * PAGE_SIZE, true));
  say("and the parent's are %u and %u\n", ((volatile u32 *)at)[0], ((volatile u32 *)at)[2048]);
  say("code written %x, address 0 read %x\n", touching((u32)check, true), touching(0, false));
}

static void files(void) {
  char text[8];
  i32 fd = CALL3(SYS_OPEN, "/tmp/check", O_RDWR_CREAT_TRUNC, 0600);
  i32 write = CALL3(SYS_WRITE, fd, "0123456789", 10), copy = CALL1(SYS_DUP, fd);
  say("file %d, written %d, copy %d, at %d\n", fd, write, copy, CALL3(SYS_LSEEK, copy, 0, 1));
  CALL3(SYS_LSEEK, copy, 4, 0);
  i32 got = CALL3(SYS_READ, fd, text, 4);
  text[4] = 0;
  say("read %d: %s, end %d, before it %d\n", got, text, CALL3(SYS_LSEEK, fd, 0, 2), CALL3(SYS_LSEEK, fd, -20, 2));
  CALL3(SYS_LSEEK, fd, 2 * PAGE_SIZE, 0);
  CALL3(SYS_WRITE, fd, "x", 1);
  CALL3(SYS_LSEEK, fd, PAGE_SIZE, 0);
  text[0] = 1;
  say("hole %d", CALL3(SYS_READ, fd, text, 1));
  say(" reads %u\n", text[0]);
  say("unlink %d, again %d, still %d\n", CALL1(SYS_UNLINK, "/tmp/check"), CALL1(SYS_UNLINK, "/tmp/check"),
      CALL3(SYS_LSEEK, fd, 0, 2));
  CALL1(SYS_CLOSE, fd);
  CALL1(SYS_CLOSE, copy);
}

static void processes(const char *self) {
  i32 ends[2];
  u8 byte;
  CALL1(SYS_PIPE, ends);
  i32 child = CALL0(SYS_FORK);
  if (child == 0) {
    CALL1(SYS_CLOSE, ends[0]);
    CALL3(SYS_WRITE, ends[1], "p", 1);
    const char *const arguments[] = {self, "exit", "42", NULL};
    static const char *const environment[] = {NULL};
    CALL3(SYS_EXECVE, self, arguments, environment);
    quit(1);
  }
  CALL1(SYS_CLOSE, ends[1]);
  i32 got = CALL3(SYS_READ, ends[0], &byte, 1);
  say("pipe %d %c", got, byte);
  say(", end %d, child %x\n", CALL3(SYS_READ, ends[0], &byte, 1), status_of(child));
  say("seek in a pipe %d, write into its end for reading %d\n", CALL3(SYS_LSEEK, ends[0], 0, 0),
      CALL3(SYS_WRITE, ends[0], &byte, 1));
  CALL1(SYS_CLOSE, ends[0]);
}

void check(const char *self) {
  errors(self);
  memory();
  files();
  processes(self);
}
