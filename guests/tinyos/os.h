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

enum file_kind { FILE_NONE, FILE_CONSOLE, FILE_PIPE_READ, FILE_PIPE_WRITE, FILE_MEMORY };
struct description; // of a file in memory: memory-files.c
struct file {
  enum file_kind kind;
  struct pipe *pipe;
  struct description *description;
};

// Memory of a Linux program that is zero until it is written: bss, heap, stack, anonymous mappings.
#define MAX_AREAS 24
struct area {
  u32 start, end;
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
  bool is_linux; // which system calls it makes, and how its memory is laid out
  u32 heap_start;
  struct area areas[MAX_AREAS]; // of a Linux program; end 0: free
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
// One page of a program image, shared by all who map it; a writable one is copied when it is written.
bool space_map_page(pte_t *directory, u32 address, const u8 *page, bool writable);
void *space_page(pte_t *directory, u32 address); // a fresh zeroed page there, NULL when there is none

// process.c: scheduling, life and death
extern struct process processes[MAX_PROCESSES];
extern struct process *current;
extern u32 ticks;
extern bool reschedule;
void processes_start(const char *const *arguments);
void linux_start(void);
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
void process_free(struct process *process);
// The first process; it starts when the boot stack turns to idle().
struct process *process_first(struct trap_frame **frame);
NORETURN void processes_run(struct process *init);
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
struct file *file_of(u32 fd);
i32 file_slot(void);

// memory-files.c: files in memory, for Linux programs
i32 memory_open(const char *path, u32 flags);
i32 memory_unlink(const char *path);
i32 memory_read(struct description *description, u8 *to, u32 count);
i32 memory_write(struct description *description, const u8 *from, u32 count);
i32 memory_seek(struct description *description, i32 offset, u32 whence);
void memory_share(struct description *description);
void memory_close(struct description *description);

// linux-program.c: ELF programs; linux-calls.c: what they ask for
bool linux_load(struct process *process, struct trap_frame *frame, const char *const *arguments, u32 count);
bool linux_program_is(const char *path);
void linux_call(struct trap_frame *frame);
i32 linux_exec(struct trap_frame *frame, u32 path, u32 arguments);

NORETURN void panic(const char *why);
