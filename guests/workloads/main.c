// workloads: a static Linux program for i386 that times kinds of work a program does, the same bytes as a process, in a
// container and inside a kernel in a virtual machine. Prints `mark NAME` just before a timed loop and
// `bench NAME iterations N cycles C` after it; nothing in between. Arguments: iterations=N only=NAME; or `check` (check.c), `exit STATUS`, `wait`.
#include "../lib/x86.h"
#include "program.h"

#define TOUCHED_PAGES 64u
#define FILE_PATH "/tmp/work"

static const char *const *arguments;
static char out[128];
static u32 out_length;
static u8 block[PAGE_SIZE];
volatile u32 sink;

static void out_put(char c) { out[out_length++] = c; }
void say(const char *format, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, format);
  print_to(out_put, format, list);
  __builtin_va_end(list);
  CALL3(SYS_WRITE, 1, out, out_length);
  out_length = 0;
}

void quit(u32 status) {
  for (;;) CALL1(SYS_EXIT, status);
}
static NORETURN void fail(const char *what) {
  say("workloads: %s failed\n", what);
  quit(1);
}

// ---- The kinds of work: each does `count` operations ------------------------------------------------------------
static void compute(u32 count) {
  u32 x = 1;
  for (u32 i = 0; i < count; i++) {
    for (u32 k = 0; k < 1000; k++) x = (x << 5) + x + (x >> 7) + k;
  }
  sink = x;
}

static void call_loop(u32 count) {
  for (u32 i = 0; i < count; i++) CALL0(SYS_GETPPID);
}

static void touch(u32 count) {
  for (u32 done = 0; done < count; done += TOUCHED_PAGES) {
    i32 at = map_pages(TOUCHED_PAGES);
    if (at > -4096 && at < 0) fail("mmap");
    for (u32 page = 0; page < TOUCHED_PAGES; page++) *(volatile u32 *)((u32)at + page * PAGE_SIZE) = page;
    if (CALL3(SYS_MUNMAP, at, TOUCHED_PAGES * PAGE_SIZE, 0) != 0) fail("munmap");
  }
}

static void collect(i32 child) {
  i32 status = -1;
  if (child < 0 || CALL3(SYS_WAITPID, child, &status, 0) != child || status != 0) fail("a child");
}

static void fork_loop(u32 count) {
  for (u32 i = 0; i < count; i++) {
    i32 child = CALL0(SYS_FORK);
    if (child == 0) quit(0);
    collect(child);
  }
}

static void exec_loop(u32 count) {
  const char *const child_arguments[] = {arguments[0], "child", NULL};
  static const char *const environment[] = {NULL};
  for (u32 i = 0; i < count; i++) {
    i32 child = CALL0(SYS_FORK);
    if (child == 0) {
      CALL3(SYS_EXECVE, arguments[0], child_arguments, environment);
      quit(1);
    }
    collect(child);
  }
}

static i32 to_child[2], to_parent[2], partner;

static void pass_back(void) {
  u8 byte;
  CALL1(SYS_CLOSE, to_child[1]);
  CALL1(SYS_CLOSE, to_parent[0]);
  while (CALL3(SYS_READ, to_child[0], &byte, 1) == 1) CALL3(SYS_WRITE, to_parent[1], &byte, 1);
  quit(0);
}

static void pipe_prepare(void) {
  if (CALL1(SYS_PIPE, to_child) != 0 || CALL1(SYS_PIPE, to_parent) != 0) fail("pipe");
  partner = CALL0(SYS_FORK);
  if (partner == 0) pass_back();
  CALL1(SYS_CLOSE, to_child[0]);
  CALL1(SYS_CLOSE, to_parent[1]);
}

static void pipe_loop(u32 count) {
  u8 byte = 7;
  for (u32 i = 0; i < count; i++) {
    if (CALL3(SYS_WRITE, to_child[1], &byte, 1) != 1 || CALL3(SYS_READ, to_parent[0], &byte, 1) != 1) fail("a pipe");
  }
}

static void pipe_finish(void) {
  CALL1(SYS_CLOSE, to_child[1]);
  CALL1(SYS_CLOSE, to_parent[0]);
  collect(partner);
}

static i32 file;

static void file_prepare(void) {
  file = CALL3(SYS_OPEN, FILE_PATH, O_RDWR_CREAT_TRUNC, 0600);
  if (file < 0) fail("open");
}

// One operation: a page written, and read again.
static void file_loop(u32 count) {
  for (u32 i = 0; i < count; i++) {
    CALL3(SYS_LSEEK, file, i % 16 * PAGE_SIZE, 0);
    if (CALL3(SYS_WRITE, file, block, PAGE_SIZE) != (i32)PAGE_SIZE) fail("write");
    CALL3(SYS_LSEEK, file, i % 16 * PAGE_SIZE, 0);
    if (CALL3(SYS_READ, file, block, PAGE_SIZE) != (i32)PAGE_SIZE) fail("read");
  }
}

static void file_finish(void) {
  CALL1(SYS_CLOSE, file);
  if (CALL1(SYS_UNLINK, FILE_PATH) != 0) fail("unlink");
}

static void nothing(void) {}

static const struct workload {
  const char *name;
  u32 warm_up, count; // operations that are not timed: code and page tables of first runs; and those that are
  void (*prepare)(void), (*run)(u32 count), (*finish)(void);
} workloads[] = {
    {"compute", 1, 200, nothing, compute, nothing},
    {"getppid", 10, 2000, nothing, call_loop, nothing},
    {"touch", 64, 1024, nothing, touch, nothing},
    {"fork", 2, 20, nothing, fork_loop, nothing},
    {"exec", 2, 20, nothing, exec_loop, nothing},
    {"pipe", 2, 200, pipe_prepare, pipe_loop, pipe_finish},
    {"file", 16, 200, file_prepare, file_loop, file_finish},
};

static const char *value_of(const char *argument, const char *name) {
  u32 length = strlen(name);
  return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

i32 program_main(i32 argc, const char *const *argv) {
  const char *only = NULL;
  u32 iterations = 0;
  arguments = argv;
  for (i32 i = 1; i < argc; i++) {
    if (strcmp(argv[i], "child") == 0) return 0;
    if (strcmp(argv[i], "exit") == 0 && i + 1 < argc) return (i32)parse_number(argv[i + 1]);
    if (strcmp(argv[i], "wait") == 0) return CALL3(SYS_READ, 0, block, 1);
    if (strcmp(argv[i], "check") == 0) {
      check(argv[0]);
      return 0;
    }
    if (value_of(argv[i], "only") != NULL) only = value_of(argv[i], "only");
    if (value_of(argv[i], "iterations") != NULL) iterations = parse_number(value_of(argv[i], "iterations"));
  }
  for (u32 i = 0; i < COUNT(workloads); i++) {
    const struct workload *work = &workloads[i];
    if (only != NULL && strcmp(only, work->name) != 0) continue;
    u32 count = iterations == 0 ? work->count : iterations;
    work->prepare();
    work->run(work->warm_up);
    say("mark %s\n", work->name);
    u64 start = rdtsc();
    work->run(count);
    u32 cycles = (u32)(rdtsc() - start);
    work->finish();
    say("bench %s iterations %u cycles %u\n", work->name, count, cycles);
  }
  return 0;
}
