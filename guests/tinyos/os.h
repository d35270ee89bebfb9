// What the parts of the tinyos kernel share. The kernel runs with interrupts off and is never preempted; user code is.
#pragma once
#include "../lib/print.h"
#include "../lib/pv-ops.h"
#include "../lib/string.h"
#include "abi.h"

#define MAX_PROCESSES 24
#define MAX_FILES 8
#define TIMER_HZ 1000

struct pipe {
  u32 readers, writers, head, count;
  u8 data[512];
};

enum file_kind { FILE_NONE, FILE_CONSOLE, FILE_PIPE_READ, FILE_PIPE_WRITE };
struct file {
  enum file_kind kind;
  struct pipe *pipe;
};

enum process_state { FREE, RUNNABLE, BLOCKED, SLEEPING, ZOMBIE };
struct process {
  enum process_state state;
  i32 pid, parent, status;
  bool killed;
  pte_t *directory;
  u32 *stack_pointer;  // where switch_context() left it
  u8 *kernel_stack;    // one page
  const void *channel; // what a BLOCKED process waits for
  u32 wake_tick, heap_end;
  struct file files[MAX_FILES];
  char name[MAX_NAME];
};

// memory.c: pages and address spaces
void memory_init(void);
void *page_take(void); // zeroed, NULL when there is none
void page_release(void *page);
u32 pages_free(void);
pte_t *space_create(void);
bool space_copy(pte_t *to, pte_t *from); // copy on write
void space_destroy(pte_t *directory);
bool space_map_program(pte_t *directory);
void space_shrink(pte_t *directory, u32 from, u32 to);
// Makes one user address usable (demand zero, copy on write); false when the process may not use it so.
bool space_resolve(struct process *process, u32 address, bool write);
bool space_check(u32 address, u32 length, bool write);
const struct user_header *user_image(void);

// process.c: scheduling, life and death
extern struct process processes[MAX_PROCESSES];
extern struct process *current;
extern u32 ticks;
extern bool reschedule;
void processes_start(const char *const *arguments);
void schedule(void);
void wait_on(const void *channel);
void wake(const void *channel);
void timer_tick(void);
void leave_if_killed(void);
NORETURN void process_exit(i32 status);
i32 sys_fork(struct trap_frame *frame);
i32 sys_exec(struct trap_frame *frame, u32 name, u32 arguments);
i32 sys_wait(u32 status);
i32 sys_kill(i32 pid);
i32 sys_sleep(u32 duration);
i32 sys_sbrk(i32 increment);
i32 sys_processes(u32 buffer, u32 count);

// files.c: console and pipes
void console_input(void);
void file_share(struct file *file);
void file_close(struct file *file);
i32 sys_read(u32 fd, u32 buffer, u32 count);
i32 sys_write(u32 fd, u32 buffer, u32 count);
i32 sys_close(u32 fd);
i32 sys_dup(u32 fd);
i32 sys_pipe(u32 fds);

NORETURN void panic(const char *why);
