// System calls as functions. All give what the kernel gives: an error is its number, negative.
#pragma once
#include "abi.h"

long system_call(long number, ...);
#define CALL0(name) system_call(SYS_##name)
#define CALL1(name, a) system_call(SYS_##name, (long)(a))
#define CALL2(name, a, b) system_call(SYS_##name, (long)(a), (long)(b))
#define CALL3(name, a, b, c) system_call(SYS_##name, (long)(a), (long)(b), (long)(c))
#define CALL4(name, a, b, c, d) system_call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d))
#define CALL5(name, a, b, c, d, e) system_call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

_Noreturn void exit_now(int status);
long read(int fd, void *buffer, size_t count);
long write(int fd, const void *buffer, size_t count);
// Writes all of it, or gives the error.
long write_all(int fd, const void *buffer, size_t count);
long open(const char *path, int flags, int mode);
long close(int fd);
i64 seek(int fd, i64 offset, int whence);
long truncate_file(int fd, i64 size);
long pipe(int fds[2]);
long dup(int fd);
long dup2(int from, int to);
long ioctl(int fd, unsigned long request, void *argument);
bool is_terminal(int fd);

long stat(const char *path, struct stat *into);
long lstat(const char *path, struct stat *into);
long fstat(int fd, struct stat *into);
long file_system(const char *path, struct file_system *into);
long access(const char *path, int mode);
long mkdir(const char *path, int mode);
long unlink(const char *path);
long rmdir(const char *path);
long rename(const char *from, const char *to);
long link(const char *from, const char *to);
long symlink(const char *target, const char *path);
// The target, ended by 0, and its length; cut to fit.
long readlink(const char *path, char *buffer, size_t size);
long chmod(const char *path, int mode);
long chown(const char *path, u32 uid, u32 gid, bool follow);
// Times NULL: now.
long set_times(const char *path, const struct timespec times[2], bool follow);
#define UTIME_OMIT ((1 << 30) - 2)
#define UTIME_NOW ((1 << 30) - 1)
long make_node(const char *path, int mode, u32 major, u32 minor);
long get_directory(char *buffer, size_t size);
long chdir(const char *path);
int umask(int mask);

int fork(void);
long execve(const char *path, char *const *arguments, char *const *environment);
long wait_for(int pid, int *status, int options);
long kill(int pid, int signal);
int getpid(void);
int getppid(void);
u32 getuid(void);
u32 geteuid(void);
u32 getgid(void);
u32 getegid(void);
long setpgid(int pid, int group);
int getpgid(int pid);
// The process group in the foreground of a terminal.
int foreground(int fd);
long set_foreground(int fd, int group);
void set_signal(int number, void (*handler)(int), unsigned long flags);
void block_signals(int how, u64 set, u64 *before);

void clock(int which, struct timespec *into);
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1 };
long sleep_for(struct timespec time);
long poll(struct poll *files, int count, i64 milliseconds);
