// Processes of tinyos: scheduling, fork, exec, exit, wait, sleep, kill.
#include "os.h"

struct process processes[MAX_PROCESSES];
struct process *current;
u32 ticks;
bool reschedule;

static i32 next_pid = 1;
static u32 *idle_stack_pointer; // of the boot stack, which runs idle()

void switch_context(u32 **save, u32 *next);
void process_start(void);

static struct process *find(i32 pid) {
  for (u32 i = 0; i < MAX_PROCESSES; i++) {
    if (processes[i].state != FREE && processes[i].pid == pid) return &processes[i];
  }
  return NULL;
}

static struct trap_frame *frame_of(struct process *process) {
  return (struct trap_frame *)(process->kernel_stack + PAGE_SIZE) - 1;
}

// A process that starts by leaving through `frame` when it is first scheduled.
static struct process *process_new(const struct trap_frame *frame) {
  for (u32 i = 0; i < MAX_PROCESSES; i++) {
    struct process *process = &processes[i];
    if (process->state != FREE) continue;
    memset(process, 0, sizeof *process);
    process->kernel_stack = page_take();
    process->directory = process->kernel_stack == NULL ? NULL : space_create();
    if (process->directory == NULL) {
      if (process->kernel_stack != NULL) page_release(process->kernel_stack);
      return NULL;
    }
    struct trap_frame *own = frame_of(process);
    *own = *frame;
    u32 *stack = (u32 *)own;
    *--stack = (u32)process_start;
    for (u32 r = 0; r < 4; r++) *--stack = 0;
    process->stack_pointer = stack;
    process->pid = next_pid++;
    return process;
  }
  return NULL;
}

void process_free(struct process *process) {
  page_release(process->kernel_stack);
  process->state = FREE;
}

// Round robin from the one after the current; the idle loop when nobody can run.
void schedule(void) {
  reschedule = false;
  u32 from = current == NULL ? 0 : (u32)(current - processes) + 1;
  struct process *next = NULL;
  for (u32 i = 0; i < MAX_PROCESSES && next == NULL; i++) {
    struct process *candidate = &processes[(from + i) % MAX_PROCESSES];
    if (candidate->state == RUNNABLE) next = candidate;
  }
  if (next == current) return;
  u32 **save = current == NULL ? &idle_stack_pointer : &current->stack_pointer;
  current = next;
  if (next == NULL) {
    pv_load_directory(pv_boot_directory());
    switch_context(save, idle_stack_pointer);
    return;
  }
  pv_set_kernel_stack((u32)next->kernel_stack + PAGE_SIZE);
  pv_load_directory(next->directory);
  switch_context(save, next->stack_pointer);
}

static NORETURN void idle(void) {
  for (;;) {
    schedule();
    pv_halt();
    pv_cli();
  }
}

void wait_on(const void *channel) {
  current->state = BLOCKED;
  current->channel = channel;
  schedule();
  leave_if_killed();
}

void wake(const void *channel) {
  for (u32 i = 0; i < MAX_PROCESSES; i++) {
    if (processes[i].state == BLOCKED && processes[i].channel == channel) processes[i].state = RUNNABLE;
  }
}

void timer_tick(void) {
  ticks++;
  for (u32 i = 0; i < MAX_PROCESSES; i++) {
    if (processes[i].state == SLEEPING && (i32)(ticks - processes[i].wake_tick) >= 0) processes[i].state = RUNNABLE;
  }
  reschedule = true;
}

void leave_if_killed(void) {
  if (current != NULL && current->killed) process_exit(STATUS_KILLED);
}

void process_exit(i32 status) {
  if (current->pid == 1) {
    print("tinyos: init has ended with status %d\n", status);
    if (status == 0) pv_power_off();
    pv_exit((u32)status);
  }
  for (u32 i = 0; i < MAX_FILES; i++) file_close(&current->files[i]);
  for (u32 i = 0; i < MAX_PROCESSES; i++) {
    if (processes[i].state != FREE && processes[i].parent == current->pid) processes[i].parent = 1;
  }
  pv_load_directory(pv_boot_directory());
  space_destroy(current->directory);
  current->status = status;
  current->state = ZOMBIE;
  struct process *parent = find(current->parent);
  wake(parent);
  wake(find(1));
  schedule();
  panic("a dead process was scheduled");
}

i32 sys_fork(struct trap_frame *frame) {
  struct process *child = process_new(frame);
  if (child == NULL) return -1;
  if (!space_copy(child->directory, current->directory)) {
    space_destroy(child->directory);
    process_free(child);
    return -1;
  }
  child->parent = current->pid;
  child->heap_end = current->heap_end;
  child->heap_start = current->heap_start;
  child->is_linux = current->is_linux;
  memcpy(child->areas, current->areas, sizeof child->areas);
  memcpy(child->name, current->name, MAX_NAME);
  for (u32 i = 0; i < MAX_FILES; i++) {
    child->files[i] = current->files[i];
    file_share(&child->files[i]);
  }
  frame_of(child)->eax = 0;
  child->state = RUNNABLE;
  return child->pid;
}

static bool program_exists(const char *name) {
  // The image's pointers are user addresses; the kernel reads the image where it is embedded.
  const struct user_header *header = user_image();
  const char *at = (const char *)header + ((u32)header->names - USER_BASE);
  for (; *at != 0; at += strlen(at) + 1) {
    if (strcmp(at, name) == 0) return true;
  }
  return false;
}

// A fresh address space with the program in it and the arguments on its stack; the frame starts the program.
static bool load_program(struct process *process, struct trap_frame *frame, const char *const *arguments) {
  pte_t *old = process->directory, *fresh = space_create();
  if (fresh == NULL) return false;
  u32 heap_start = (USER_BASE + user_image()->memory_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  if (!space_map_program(fresh)) {
    space_destroy(fresh);
    return false;
  }
  process->directory = fresh;
  process->heap_end = heap_start;
  pv_load_directory(fresh);
  space_destroy(old);

  u32 count = 0, at = USER_END, pointers[MAX_ARGUMENTS + 1];
  for (; arguments[count] != NULL && count < MAX_ARGUMENTS; count++) {
    u32 length = strlen(arguments[count]) + 1;
    at -= length;
    if (!space_resolve(process, at, true)) return false;
    memcpy((void *)at, arguments[count], length);
    pointers[count] = at;
  }
  pointers[count] = 0;
  at = (at & ~15u) - sizeof pointers;
  memcpy((void *)at, pointers, sizeof pointers);
  u32 call[2] = {count, at};
  at -= sizeof call;
  memcpy((void *)at, call, sizeof call);
  memset(process->name, 0, MAX_NAME);
  memcpy(process->name, arguments[0], strlen(arguments[0]) < MAX_NAME ? strlen(arguments[0]) : MAX_NAME - 1);

  memset(frame, 0, sizeof *frame);
  frame->ds = frame->es = frame->ss = PV_USER_DS;
  frame->cs = PV_USER_CS;
  frame->eip = user_image()->entry;
  frame->esp = at;
  frame->eflags = FLAG_IF | 2;
  return true;
}

// Copies a string out of user memory; false when it is too long or not there.
static bool copy_string(char *to, u32 from, u32 size) {
  for (u32 i = 0; i < size; i++) {
    if (!space_check(from + i, 1, false)) return false;
    to[i] = *(char *)(from + i);
    if (to[i] == 0) return true;
  }
  return false;
}

i32 sys_exec(struct trap_frame *frame, u32 name, u32 arguments) {
  static char text[MAX_ARGUMENTS + 1][64];
  const char *pointers[MAX_ARGUMENTS + 1];
  if (!copy_string(text[MAX_ARGUMENTS], name, MAX_NAME) || !program_exists(text[MAX_ARGUMENTS])) return -1;
  u32 count = 0;
  for (; count < MAX_ARGUMENTS; count++) {
    if (!space_check(arguments + 4 * count, 4, false)) return -1;
    u32 pointer = ((u32 *)arguments)[count];
    if (pointer == 0) break;
    if (!copy_string(text[count], pointer, sizeof text[0])) return -1;
    pointers[count] = text[count];
  }
  if (count == 0) return -1;
  pointers[count] = NULL;
  pointers[0] = text[MAX_ARGUMENTS];
  if (!load_program(current, frame, pointers)) process_exit(STATUS_KILLED);
  return 0;
}

i32 sys_wait(u32 status) {
  if (status != 0 && !space_check(status, 4, true)) return -1;
  for (;;) {
    bool children = false;
    for (u32 i = 0; i < MAX_PROCESSES; i++) {
      struct process *child = &processes[i];
      if (child->state == FREE || child->parent != current->pid) continue;
      children = true;
      if (child->state != ZOMBIE) continue;
      if (status != 0 && space_check(status, 4, true)) *(i32 *)status = child->status;
      process_free(child);
      return child->pid;
    }
    if (!children) return -1;
    wait_on(current);
  }
}

i32 sys_kill(i32 pid) {
  struct process *victim = find(pid);
  if (victim == NULL || victim->state == ZOMBIE || pid == 1) return -1;
  victim->killed = true;
  if (victim->state == BLOCKED || victim->state == SLEEPING) victim->state = RUNNABLE;
  leave_if_killed();
  return 0;
}

i32 sys_sleep(u32 duration) {
  if (duration == 0) return 0;
  current->wake_tick = ticks + duration;
  current->state = SLEEPING;
  schedule();
  leave_if_killed();
  return 0;
}

i32 sys_sbrk(i32 increment) {
  u32 old = current->heap_end, start = USER_BASE + user_image()->memory_size;
  u32 target = old + (u32)increment;
  if (increment > 0 && (target > USER_HEAP_END || target < old)) return -1;
  if (increment < 0 && (target < start || target > old)) return -1;
  current->heap_end = target;
  if (target < old) space_shrink(current->directory, target, old);
  return (i32)old;
}

i32 sys_processes(u32 buffer, u32 count) {
  if (count > MAX_PROCESSES) count = MAX_PROCESSES;
  if (!space_check(buffer, count * sizeof(struct process_info), true)) return -1;
  struct process_info *to = (struct process_info *)buffer;
  u32 filled = 0;
  for (u32 i = 0; i < MAX_PROCESSES && filled < count; i++) {
    const struct process *process = &processes[i];
    if (process->state == FREE) continue;
    struct process_info info = {process->pid, process->parent, ".RBSZ" [process->state], { 0 }};
    memcpy(info.name, process->name, MAX_NAME);
    to[filled++] = info;
  }
  return (i32)filled;
}

struct process *process_first(struct trap_frame **frame) {
  struct trap_frame empty;
  memset(&empty, 0, sizeof empty);
  struct process *init = process_new(&empty);
  if (init == NULL) panic("no memory for init");
  *frame = frame_of(init);
  return init;
}

void processes_run(struct process *init) {
  for (u32 i = 0; i < 3; i++) init->files[i].kind = FILE_CONSOLE;
  init->state = RUNNABLE;
  pv_load_directory(pv_boot_directory());
  idle();
}

void processes_start(const char *const *arguments) {
  struct trap_frame *frame;
  struct process *init = process_first(&frame);
  if (!load_program(init, frame, arguments)) panic("init cannot be loaded");
  processes_run(init);
}
