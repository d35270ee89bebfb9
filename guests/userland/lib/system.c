// See system.h.
#include "system.h"

_Noreturn void exit_now(int status) {
  for (;;) CALL1(exit_group, status);
}

long read(int fd, void *buffer, size_t count) { return CALL3(read, fd, buffer, count); }
long write(int fd, const void *buffer, size_t count) { return CALL3(write, fd, buffer, count); }

long write_all(int fd, const void *buffer, size_t count) {
  for (size_t done = 0; done < count;) {
    long written = write(fd, (const char *)buffer + done, count - done);
    if (written < 0 && written != -EINTR) return written;
    if (written > 0) done += written;
  }
  return 0;
}

long open(const char *path, int flags, int mode) { return CALL4(openat, AT_FDCWD, path, flags, mode); }
long close(int fd) { return CALL1(close, fd); }

#ifdef __x86_64__
i64 seek(int fd, i64 offset, int whence) { return CALL3(lseek, fd, offset, whence); }
long truncate_file(int fd, i64 size) { return CALL2(ftruncate, fd, size); }
long file_system(const char *path, struct file_system *into) { return CALL2(statfs, path, into); }
#else
i64 seek(int fd, i64 offset, int whence) {
  i64 result;
  long error = CALL5(lseek, fd, offset >> 32, offset, &result, whence);
  return error < 0 ? error : result;
}
long truncate_file(int fd, i64 size) { return CALL3(ftruncate, fd, size, size >> 32); }
long file_system(const char *path, struct file_system *into) { return CALL3(statfs, path, sizeof *into, into); }
#endif

long pipe(int fds[2]) { return CALL2(pipe2, fds, 0); }
long dup(int fd) { return CALL1(dup, fd); }
long dup2(int from, int to) { return CALL2(dup2, from, to); }
long ioctl(int fd, unsigned long request, void *argument) { return CALL3(ioctl, fd, request, argument); }

bool is_terminal(int fd) {
  char settings[64];
  return ioctl(fd, TCGETS, settings) == 0;
}

static long look(int fd, const char *path, int flags, struct stat *into) {
  return CALL5(statx, fd, path, flags, STATX_BASIC_STATS, into);
}
long stat(const char *path, struct stat *into) { return look(AT_FDCWD, path, 0, into); }
long lstat(const char *path, struct stat *into) { return look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, into); }
long fstat(int fd, struct stat *into) { return look(fd, "", AT_EMPTY_PATH, into); }
long access(const char *path, int mode) { return CALL4(faccessat2, AT_FDCWD, path, mode, AT_EACCESS); }

long mkdir(const char *path, int mode) { return CALL3(mkdirat, AT_FDCWD, path, mode); }
long unlink(const char *path) { return CALL3(unlinkat, AT_FDCWD, path, 0); }
long rmdir(const char *path) { return CALL3(unlinkat, AT_FDCWD, path, AT_REMOVEDIR); }
long rename(const char *from, const char *to) { return CALL5(renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); }
long link(const char *from, const char *to) { return CALL5(linkat, AT_FDCWD, from, AT_FDCWD, to, 0); }
long symlink(const char *target, const char *path) { return CALL3(symlinkat, target, AT_FDCWD, path); }

long readlink(const char *path, char *buffer, size_t size) {
  long length = CALL4(readlinkat, AT_FDCWD, path, buffer, size - 1);
  if (length >= 0) buffer[length] = 0;
  return length;
}

long chmod(const char *path, int mode) { return CALL3(fchmodat, AT_FDCWD, path, mode); }
long chown(const char *path, u32 uid, u32 gid, bool follow) {
  return CALL5(fchownat, AT_FDCWD, path, uid, gid, follow ? 0 : AT_SYMLINK_NOFOLLOW);
}
long set_times(const char *path, const struct timespec times[2], bool follow) {
  return CALL4(utimensat, AT_FDCWD, path, times, follow ? 0 : AT_SYMLINK_NOFOLLOW);
}
// The device number as makedev(3) packs it.
long make_node(const char *path, int mode, u32 major, u32 minor) {
  return CALL4(mknodat, AT_FDCWD, path, mode, (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffu) << 12);
}
long get_directory(char *buffer, size_t size) { return CALL2(getcwd, buffer, size); }
long chdir(const char *path) { return CALL1(chdir, path); }
int umask(int mask) { return CALL1(umask, mask); }

int fork(void) { return CALL0(fork); }
long execve(const char *path, char *const *arguments, char *const *environment) {
  return CALL3(execve, path, arguments, environment);
}
long wait_for(int pid, int *status, int options) { return CALL4(wait4, pid, status, options, 0); }
long kill(int pid, int signal) { return CALL2(kill, pid, signal); }
int getpid(void) { return CALL0(getpid); }
int getppid(void) { return CALL0(getppid); }
u32 getuid(void) { return CALL0(getuid); }
u32 geteuid(void) { return CALL0(geteuid); }
u32 getgid(void) { return CALL0(getgid); }
u32 getegid(void) { return CALL0(getegid); }
long setpgid(int pid, int group) { return CALL2(setpgid, pid, group); }
int getpgid(int pid) { return CALL1(getpgid, pid); }

int foreground(int fd) {
  int group;
  long error = ioctl(fd, TIOCGPGRP, &group);
  return error < 0 ? (int)error : group;
}
long set_foreground(int fd, int group) { return ioctl(fd, TIOCSPGRP, &group); }

void restore_signal(void);
void set_signal(int number, void (*handler)(int), unsigned long flags) {
  struct signal_action action = {handler, flags | SA_RESTORER, restore_signal, 0};
  CALL4(rt_sigaction, number, &action, 0, sizeof action.mask);
}
void block_signals(int how, u64 set, u64 *before) { CALL4(rt_sigprocmask, how, &set, before, sizeof set); }

void clock(int which, struct timespec *into) { CALL2(clock_gettime, which, into); }
long sleep_for(struct timespec time) { return CALL4(clock_nanosleep, CLOCK_REALTIME, 0, &time, &time); }
long poll(struct poll *files, int count, i64 milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return CALL4(ppoll, files, count, milliseconds < 0 ? NULL : &time, 0);
}
