// System calls of Linux programs under tinyos: INT 0x80 with Linux's i386 numbers; what is not here fails with ENOSYS.
#include "linux.h"
#include "os.h"

#define MAP_TOP 0x40000000
#define HEAP_ROOM 0x10000000
#define MAX_VECTORS 16

struct vector {
  u32 base, length;
};

// ---- Files -------------------------------------------------------------------------------------------------------
static i32 linux_read(u32 fd, u32 buffer, u32 count) {
  const struct file *file = file_of(fd);
  if (file == NULL || file->kind == FILE_PIPE_WRITE) return -EBADF;
  if (!space_check(buffer, count, true)) return -EFAULT;
  return sys_read(fd, buffer, count);
}

static i32 linux_write(u32 fd, u32 buffer, u32 count) {
  const struct file *file = file_of(fd);
  if (file == NULL || file->kind == FILE_PIPE_READ) return -EBADF;
  if (!space_check(buffer, count, false)) return -EFAULT;
  i32 result = sys_write(fd, buffer, count);
  return result == -1 ? -EPIPE : result;
}

static i32 linux_writev(u32 fd, u32 vectors, u32 count) {
  i32 done = 0;
  if (count > MAX_VECTORS) return -EINVAL;
  if (!space_check(vectors, count * sizeof(struct vector), false)) return -EFAULT;
  for (u32 i = 0; i < count; i++) {
    const struct vector *vector = (const struct vector *)vectors + i;
    i32 result = linux_write(fd, vector->base, vector->length);
    if (result < 0) return done > 0 ? done : result;
    done += result;
  }
  return done;
}

// Copies a path out of user memory; an error number, or 0.
static i32 path_from(char *to, u32 size, u32 from) {
  for (u32 i = 0; i < size; i++) {
    if (!space_check(from + i, 1, false)) return -EFAULT;
    to[i] = *(char *)(from + i);
    if (to[i] == 0) return i == 0 ? -ENOENT : 0;
  }
  return -ENAMETOOLONG;
}

static i32 linux_open(u32 from, u32 flags) {
  char path[64];
  i32 error = path_from(path, sizeof path, from);
  return error != 0 ? error : memory_open(path, flags);
}

static i32 linux_unlink(u32 from) {
  char path[64];
  i32 error = path_from(path, sizeof path, from);
  return error != 0 ? error : memory_unlink(path);
}

static i32 linux_lseek(u32 fd, i32 offset, u32 whence) {
  const struct file *file = file_of(fd);
  if (file == NULL) return -EBADF;
  return file->kind == FILE_MEMORY ? memory_seek(file->description, offset, whence) : -ESPIPE;
}

static i32 linux_dup(u32 fd) {
  if (file_of(fd) == NULL) return -EBADF;
  i32 slot = sys_dup(fd);
  return slot < 0 ? -EMFILE : slot;
}

static i32 linux_dup2(u32 from, u32 to) {
  struct file *file = file_of(from);
  if (file == NULL || to >= MAX_FILES) return -EBADF;
  if (from == to) return (i32)to;
  if (file_of(to) != NULL) file_close(file_of(to));
  current->files[to] = *file;
  file_share(file);
  return (i32)to;
}

static i32 linux_pipe(u32 fds) {
  if (!space_check(fds, 8, true)) return -EFAULT;
  return sys_pipe(fds) < 0 ? -EMFILE : 0;
}

// ---- Memory ------------------------------------------------------------------------------------------------------
// The heap is one area, which starts at heap_start.
static struct area *heap(void) {
  struct area *free = NULL;
  for (u32 i = 0; i < MAX_AREAS; i++) {
    struct area *area = &current->areas[i];
    if (area->end != 0 && area->start == current->heap_start) return area;
    if (area->end == 0) free = area;
  }
  if (free != NULL) *free = (struct area){current->heap_start, current->heap_start};
  return free;
}

static i32 linux_brk(u32 target) {
  if (target < current->heap_start || target > current->heap_start + HEAP_ROOM) return (i32)current->heap_end;
  struct area *area = heap();
  if (area == NULL) return (i32)current->heap_end;
  u32 end = (target + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  if (end < area->end) space_shrink(current->directory, end, area->end);
  area->end = end == area->start ? 0 : end;
  current->heap_end = target;
  return (i32)target;
}

static bool is_free(u32 start, u32 end) {
  for (u32 i = 0; i < MAX_AREAS; i++) {
    const struct area *area = &current->areas[i];
    if (area->end != 0 && area->start < end && area->end > start) return false;
  }
  return start >= current->heap_start + HEAP_ROOM && end <= MAP_TOP;
}

// The highest room below MAP_TOP; 0 when there is none.
static u32 find_room(u32 length) {
  u32 best = 0;
  for (u32 i = 0; i <= MAX_AREAS; i++) {
    u32 end = i == MAX_AREAS ? MAP_TOP : current->areas[i].start;
    if (i < MAX_AREAS && current->areas[i].end == 0) continue;
    if (end >= length && end - length > best && is_free(end - length, end)) best = end - length;
  }
  return best;
}

static i32 linux_mmap2(const struct trap_frame *frame) {
  u32 length = (frame->ecx + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1), flags = frame->esi;
  if (length == 0) return -EINVAL;
  if ((flags & (MAP_PRIVATE | MAP_ANONYMOUS)) != (MAP_PRIVATE | MAP_ANONYMOUS) || flags & MAP_FIXED) return -ENOSYS;
  u32 start = find_room(length);
  if (start == 0) return -ENOMEM;
  struct area *free = NULL;
  for (u32 i = 0; i < MAX_AREAS; i++) {
    struct area *area = &current->areas[i];
    if (area->end == 0) {
      free = area;
    } else if (area->start == start + length && area->end <= MAP_TOP) {
      area->start = start;
      return (i32)start;
    }
  }
  if (free == NULL) return -ENOMEM;
  *free = (struct area){start, start + length};
  return (i32)start;
}

static i32 linux_munmap(u32 start, u32 length) {
  u32 end = start + ((length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
  if (start % PAGE_SIZE != 0 || end <= start || end > MAP_TOP || start < current->heap_start + HEAP_ROOM) return -EINVAL;
  for (u32 i = 0; i < MAX_AREAS; i++) {
    struct area *area = &current->areas[i];
    if (area->end == 0 || area->start >= end || area->end <= start) continue;
    if (area->start < start && area->end > end) {
      u32 n = 0;
      while (n < MAX_AREAS && current->areas[n].end != 0) n++;
      if (n == MAX_AREAS) return -ENOMEM;
      current->areas[n] = (struct area){end, area->end};
      area->end = start;
    } else if (area->start < start) {
      area->end = start;
    } else if (area->end > end) {
      area->start = end;
    } else {
      area->end = 0;
    }
  }
  space_shrink(current->directory, start, end);
  return 0;
}

// ---- Processes ---------------------------------------------------------------------------------------------------
// How a process ended, as wait4(2) tells it.
static u32 wait_status(i32 status) {
  if (status < STATUS_KILLED) return (u32)status << 8;
  u32 vector = (u32)(status - STATUS_KILLED);
  if (vector == 6) return SIGILL;
  if (vector == 13 || vector == 14) return SIGSEGV;
  return status == STATUS_KILLED ? SIGKILL : SIGFPE;
}

static i32 linux_wait(i32 pid, u32 status, u32 options) {
  if (status != 0 && !space_check(status, 4, true)) return -EFAULT;
  for (;;) {
    bool children = false;
    for (u32 i = 0; i < MAX_PROCESSES; i++) {
      struct process *child = &processes[i];
      if (child->state == FREE || child->parent != current->pid || (pid > 0 && child->pid != pid)) continue;
      children = true;
      if (child->state != ZOMBIE) continue;
      if (status != 0) *(u32 *)status = wait_status(child->status);
      i32 found = child->pid;
      process_free(child);
      return found;
    }
    if (!children) return -ECHILD;
    if (options & WNOHANG) return 0;
    wait_on(current);
  }
}

static i32 linux_fork(struct trap_frame *frame) {
  i32 pid = sys_fork(frame);
  return pid < 0 ? -EAGAIN : pid;
}

// ---- Time and names ----------------------------------------------------------------------------------------------
static i32 linux_clock(u32 clock, u32 to, bool is_wide) {
  if (clock > CLOCK_MONOTONIC) return -EINVAL;
  if (!space_check(to, is_wide ? 16 : 8, true)) return -EFAULT;
  u32 seconds = ticks / TIMER_HZ, nanoseconds = ticks % TIMER_HZ * (1000000000 / TIMER_HZ);
  u32 *words = (u32 *)to;
  words[0] = seconds;
  if (is_wide) {
    words[1] = 0;
    words[2] = nanoseconds;
    words[3] = 0;
  } else {
    words[1] = nanoseconds;
  }
  return 0;
}

static i32 linux_gettimeofday(u32 to) {
  if (to == 0) return 0;
  if (!space_check(to, 8, true)) return -EFAULT;
  ((u32 *)to)[0] = ticks / TIMER_HZ;
  ((u32 *)to)[1] = ticks % TIMER_HZ * (1000000 / TIMER_HZ);
  return 0;
}

static i32 linux_nanosleep(u32 wanted) {
  if (!space_check(wanted, 8, false)) return -EFAULT;
  const u32 *words = (const u32 *)wanted;
  if (words[1] >= 1000000000) return -EINVAL;
  const u32 tick = 1000000000 / TIMER_HZ;
  return sys_sleep(words[0] * TIMER_HZ + (words[1] + tick - 1) / tick);
}

static i32 linux_uname(u32 to) {
  static const char *const texts[] = {"Linux", "tinyos", "tinyos", "tinyos", "i686", "(none)"};
  if (!space_check(to, sizeof texts / sizeof texts[0] * 65, true)) return -EFAULT;
  for (u32 i = 0; i < COUNT(texts); i++) {
    memset((void *)(to + 65 * i), 0, 65);
    memcpy((void *)(to + 65 * i), texts[i], strlen(texts[i]));
  }
  return 0;
}

// ---- Dispatch ----------------------------------------------------------------------------------------------------
static i32 dispatch(struct trap_frame *frame) {
  u32 a = frame->ebx, b = frame->ecx, c = frame->edx;
  switch (frame->eax) {
    case LINUX_EXIT:
    case LINUX_EXIT_GROUP: process_exit((i32)a & 255);
    case LINUX_FORK:
    case LINUX_VFORK: return linux_fork(frame);
    case LINUX_READ: return linux_read(a, b, c);
    case LINUX_WRITE: return linux_write(a, b, c);
    case LINUX_WRITEV: return linux_writev(a, b, c);
    case LINUX_OPEN: return linux_open(a, b);
    case LINUX_CLOSE: return sys_close(a) < 0 ? -EBADF : 0;
    case LINUX_UNLINK: return linux_unlink(a);
    case LINUX_LSEEK: return linux_lseek(a, (i32)b, c);
    case LINUX_DUP: return linux_dup(a);
    case LINUX_DUP2: return linux_dup2(a, b);
    case LINUX_PIPE: return linux_pipe(a);
    case LINUX_IOCTL: return file_of(a) == NULL ? -EBADF : -ENOTTY;
    case LINUX_WAITPID:
    case LINUX_WAIT4: return linux_wait((i32)a, b, c);
    case LINUX_GETPID:
    case LINUX_GETTID: return current->pid;
    case LINUX_GETPPID: return current->parent;
    case LINUX_KILL: return b == SIGKILL ? (sys_kill((i32)a) < 0 ? -ESRCH : 0) : -ENOSYS;
    case LINUX_SCHED_YIELD: reschedule = true; return 0;
    case LINUX_BRK: return linux_brk(a);
    case LINUX_MMAP2: return linux_mmap2(frame);
    case LINUX_MUNMAP: return linux_munmap(a, b);
    case LINUX_NANOSLEEP: return linux_nanosleep(a);
    case LINUX_CLOCK_GETTIME: return linux_clock(a, b, false);
    case LINUX_CLOCK_GETTIME64: return linux_clock(a, b, true);
    case LINUX_GETTIMEOFDAY: return linux_gettimeofday(a);
    case LINUX_UNAME: return linux_uname(a);
    default: return -ENOSYS;
  }
}

void linux_call(struct trap_frame *frame) {
  // execve that succeeds leaves a fresh frame
  if (frame->eax == LINUX_EXECVE) {
    i32 error = linux_exec(frame, frame->ebx, frame->ecx);
    if (error != 0) frame->eax = (u32)error;
    return;
  }
  frame->eax = (u32)dispatch(frame);
}
