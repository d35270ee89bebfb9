// What user programs of tinyos have: system calls, formatted output, the table of programs.
#pragma once
#include "../../lib/string.h"
#include "../abi.h"

i32 system_call(u32 number, u32 a, u32 b, u32 c);
#define CALL0(number) system_call(number, 0, 0, 0)
#define CALL1(number, a) system_call(number, (u32)(a), 0, 0)
#define CALL2(number, a, b) system_call(number, (u32)(a), (u32)(b), 0)
#define CALL3(number, a, b, c) system_call(number, (u32)(a), (u32)(b), (u32)(c))
static inline NORETURN void exit(i32 status) {
  for (;;) CALL1(SYS_EXIT, status);
}
static inline i32 fork(void) { return CALL0(SYS_FORK); }
static inline i32 read(i32 fd, void *buffer, u32 count) { return CALL3(SYS_READ, fd, buffer, count); }
static inline i32 write(i32 fd, const void *buffer, u32 count) { return CALL3(SYS_WRITE, fd, buffer, count); }
static inline i32 close(i32 fd) { return CALL1(SYS_CLOSE, fd); }
static inline i32 wait(i32 *status) { return CALL1(SYS_WAIT, status); }
static inline i32 exec(const char *name, const char *const *arguments) { return CALL2(SYS_EXEC, name, arguments); }
static inline i32 getpid(void) { return CALL0(SYS_GETPID); }
static inline i32 yield(void) { return CALL0(SYS_YIELD); }
static inline i32 kill(i32 pid) { return CALL1(SYS_KILL, pid); }
static inline i32 dup(i32 fd) { return CALL1(SYS_DUP, fd); }
static inline i32 pipe(i32 fds[2]) { return CALL1(SYS_PIPE, fds); }
static inline u32 current_ticks(void) { return (u32)CALL0(SYS_TICKS); }
static inline void *sbrk(i32 increment) { return (void *)CALL1(SYS_SBRK, increment); }
static inline i32 sleep(u32 duration) { return CALL1(SYS_SLEEP, duration); }
static inline i32 processes(struct process_info *to, u32 count) { return CALL2(SYS_PROCESSES, to, count); }
static inline u32 free_pages(void) { return (u32)CALL0(SYS_FREE_PAGES); }

// Buffered until the newline, so that a line comes out whole.
void say(const char *format, ...);
i32 run_shell_line(char *line);

i32 program_main(i32 argc, const char *const *argv);
i32 init_main(i32 argc, const char *const *argv);
i32 shell_main(i32 argc, const char *const *argv);
i32 usertests_main(i32 argc, const char *const *argv);
i32 primes_main(i32 argc, const char *const *argv);
i32 forktest_main(i32 argc, const char *const *argv);
