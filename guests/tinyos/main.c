// tinyos: a small Unix-like kernel with preemptive processes in their own address spaces. It touches the machine
// through pv-ops.h only, so that one source gives the unmodified and the paravirtualized kernel.
// This file: start, traps, system-call dispatch. With a multiboot module, the module is a Linux program (linux-program.c).
#include "os.h"

#define MEMORY_LIMIT (12u << 20)

void panic(const char *why) {
  print("tinyos: panic: %s\n", why);
  pv_exit(2);
}

static i32 system_call(struct trap_frame *frame) {
  u32 a = frame->ebx, b = frame->ecx, c = frame->edx;
  switch (frame->eax) {
    case SYS_EXIT: process_exit((i32)a & 255);
    case SYS_FORK: return sys_fork(frame);
    case SYS_READ: return sys_read(a, b, c);
    case SYS_WRITE: return sys_write(a, b, c);
    case SYS_CLOSE: return sys_close(a);
    case SYS_WAIT: return sys_wait(a);
    case SYS_EXEC: return sys_exec(frame, a, b);
    case SYS_GETPID: return current->pid;
    case SYS_YIELD: reschedule = true; return 0;
    case SYS_KILL: return sys_kill((i32)a);
    case SYS_DUP: return sys_dup(a);
    case SYS_PIPE: return sys_pipe(a);
    case SYS_TICKS: return (i32)ticks;
    case SYS_SBRK: return sys_sbrk((i32)a);
    case SYS_SLEEP: return sys_sleep(a);
    case SYS_FREE_PAGES: return (i32)pages_free();
    case SYS_PROCESSES: return sys_processes(a, b);
    default: return -1;
  }
}

// exec replaces the frame: then the result is already where it belongs.
static void own_call(struct trap_frame *frame) {
  u32 before = frame->eip;
  i32 result = system_call(frame);
  if (frame->eip == before) frame->eax = (u32)result;
}

static const char *trap_name(u32 vector) {
  switch (vector) {
    case 0: return "divide error";
    case 1: return "debug exception";
    case 3: return "breakpoint";
    case 4: return "overflow";
    case 5: return "bound range exceeded";
    case 6: return "invalid opcode";
    case 13: return "general protection fault";
    case 14: return "page fault";
    default: return "exception";
  }
}

static NORETURN void kill_for(const struct trap_frame *frame) {
  print("tinyos: process %d (%s) killed: %s\n", current->pid, current->name, trap_name(frame->vector));
  process_exit(STATUS_KILLED + (i32)frame->vector);
}

static void handle_event(u32 vector) {
  u32 events = pv_acknowledge(vector);
  if (events & PV_EVENT_TIMER) timer_tick();
  if (events & PV_EVENT_CONSOLE) console_input();
}

void trap_handler(struct trap_frame *frame) {
  bool user = (frame->cs & 3) == 3;
  if (frame->vector == 0x80) {
    pv_cli(); // the only gate that leaves interrupts on
    if (current->is_linux)
      linux_call(frame);
    else
      own_call(frame);
  } else if (frame->vector >= PV_VECTOR_FIRST) {
    handle_event(frame->vector);
  } else if (frame->vector == 14 && user && space_resolve(current, pv_read_cr2(), (frame->error & 2) != 0)) {
    // demand zero or copy on write
  } else if (user) {
    kill_for(frame);
  } else {
    print("tinyos: vector %u error %x eip %08x\n", frame->vector, frame->error, frame->eip);
    panic("trap in the kernel");
  }
  if (!user) return;
  leave_if_killed();
  if (reschedule) schedule();
  leave_if_killed();
}

void kernel_main(void) {
  pv_init(MEMORY_LIMIT);
  pv_set_traps(trap_table);
  memory_init();
  if (user_image()->magic != USER_MAGIC) panic("the user image is damaged");
  print("tinyos: starting init\n");
  pv_console_events(true);
  pv_start_timer(TIMER_HZ);
  if (pv_module_size > 0) linux_start();
  static const char *const shell[] = {"init", "shell", NULL}, *const test[] = {"init", NULL};
  processes_start(flag("shell") ? shell : test);
}
