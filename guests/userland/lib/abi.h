// Numbers and structures of Linux (man-pages section 2). What differs between amd64 and i386 is chosen here, so that both have the
// same structures: times of 64 bits everywhere, and statx(2) in place of stat(2).
#pragma once
#include "types.h"

// Number on amd64, number on i386
#ifdef __x86_64__
#define CALL(name, amd64, i386) SYS_##name = amd64
#else
#define CALL(name, amd64, i386) SYS_##name = i386
#endif
enum {
  CALL(read, 0, 3), CALL(write, 1, 4), CALL(close, 3, 6), CALL(lseek, 8, 140), CALL(brk, 12, 45),
  CALL(rt_sigaction, 13, 174), CALL(rt_sigprocmask, 14, 175), CALL(ioctl, 16, 54), CALL(dup, 32, 41), CALL(dup2, 33, 63),
  CALL(getpid, 39, 20), CALL(socket, 41, 359), CALL(connect, 42, 362), CALL(shutdown, 48, 373), CALL(bind, 49, 361),
  CALL(listen, 50, 363), CALL(setsockopt, 54, 366), CALL(fork, 57, 2), CALL(execve, 59, 11), CALL(wait4, 61, 114),
  CALL(kill, 62, 37), CALL(uname, 63, 122), CALL(fcntl, 72, 221), CALL(fsync, 74, 118), CALL(ftruncate, 77, 194),
  CALL(getcwd, 79, 183), CALL(chdir, 80, 12), CALL(umask, 95, 60), CALL(sysinfo, 99, 116), CALL(getuid, 102, 199),
  CALL(getgid, 104, 200), CALL(geteuid, 107, 201), CALL(getegid, 108, 202), CALL(setpgid, 109, 57),
  CALL(getppid, 110, 64), CALL(getpgid, 121, 132), CALL(setsid, 112, 66), CALL(getgroups, 115, 205),
  CALL(statfs, 137, 268), CALL(sync, 162, 36), CALL(chroot, 161, 61), CALL(mount, 165, 21), CALL(umount2, 166, 52),
  CALL(sethostname, 170, 74), CALL(getdents64, 217, 220), CALL(clock_gettime, 228, 403),
  CALL(clock_nanosleep, 230, 407), CALL(exit_group, 231, 252), CALL(openat, 257, 295), CALL(mkdirat, 258, 296),
  CALL(mknodat, 259, 297), CALL(fchownat, 260, 298), CALL(unlinkat, 263, 301), CALL(linkat, 265, 303),
  CALL(symlinkat, 266, 304), CALL(readlinkat, 267, 305), CALL(fchmodat, 268, 306), CALL(ppoll, 271, 414),
  CALL(unshare, 272, 310), CALL(utimensat, 280, 412), CALL(accept4, 288, 364), CALL(pipe2, 293, 331),
  CALL(prlimit64, 302, 340), CALL(setns, 308, 346), CALL(renameat2, 316, 353), CALL(memfd_create, 319, 356),
  CALL(statx, 332, 383), CALL(faccessat2, 439, 439), CALL(clock_settime, 227, 404), CALL(times, 100, 43),
  CALL(setgroups, 116, 206), CALL(setuid, 105, 213), CALL(setgid, 106, 214),
};
#undef CALL

enum {
  EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10,
  EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15, EBUSY = 16, EEXIST = 17, EXDEV = 18, ENODEV = 19,
  ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28,
  ESPIPE = 29, EROFS = 30, EMLINK = 31, EPIPE = 32, ERANGE = 34, ENAMETOOLONG = 36, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40,
};

enum {
  O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_TRUNC = 01000, O_APPEND = 02000,
  O_NONBLOCK = 04000, O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000, O_CLOEXEC = 02000000,
  AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_REMOVEDIR = 0x200, AT_EMPTY_PATH = 0x1000, AT_EACCESS = 0x200,
  SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, R_OK = 4, W_OK = 2, X_OK = 1, F_OK = 0,
  F_DUPFD_CLOEXEC = 1030, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, FD_CLOEXEC = 1,
};

enum {
  S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFLNK = 0120000, S_IFREG = 0100000, S_IFBLK = 0060000, S_IFDIR = 0040000,
  S_IFCHR = 0020000, S_IFIFO = 0010000, S_ISUID = 04000, S_ISGID = 02000, S_ISVTX = 01000,
};

// clock_gettime(2) and everything else that has a time
struct timespec {
  i64 seconds;
  i64 nanoseconds;
};

// statx(2)
struct timestamp {
  i64 seconds;
  u32 nanoseconds;
  i32 reserved;
};
struct stat {
  u32 mask, block_size;
  u64 attributes;
  u32 links, uid, gid;
  u16 mode, reserved;
  u64 inode, size, blocks, attributes_mask;
  struct timestamp accessed, born, changed, modified;
  u32 rdev_major, rdev_minor, dev_major, dev_minor;
  u64 mount;
  u64 spare[13];
};
#define STATX_BASIC_STATS 0x7ff

// getdents64(2)
struct directory_entry {
  u64 inode;
  i64 offset;
  u16 length;
  u8 type;
  char name[];
};

// statfs(2); statfs64 on i386
struct file_system {
  long type, block_size;
  u64 blocks, free, available, files, free_files;
  i32 id[2];
  long name_length, fragment_size, flags, spare[4];
} __attribute__((packed));

// uname(2)
struct system_name {
  char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

// sysinfo(2)
struct system_information {
  long uptime;
  unsigned long loads[3], ram, free_ram, shared_ram, buffer_ram, swap, free_swap;
  u16 processes, pad;
  unsigned long high, free_high;
  u32 unit;
  char fill[20];
};

// sigaction(2), as the kernel has it
struct signal_action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  u64 mask;
};
#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)
enum { SA_RESTORER = 0x04000000, SA_RESTART = 0x10000000, SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2, SIGNALS = 65 };
enum {
  SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGUSR1 = 10, SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17,
  SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22,
};

enum { WNOHANG = 1, WUNTRACED = 2, WCONTINUED = 8 };
#define WTERMSIG(status) ((status) & 0x7f)
#define WEXITSTATUS(status) (((status) >> 8) & 0xff)
#define WIFEXITED(status) (WTERMSIG(status) == 0)
#define WIFSTOPPED(status) (((status) & 0xff) == 0x7f)
#define WIFCONTINUED(status) ((status) == 0xffff)
#define WIFSIGNALED(status) (!WIFEXITED(status) && !WIFSTOPPED(status) && !WIFCONTINUED(status))

enum { TCGETS = 0x5401, TCSETSW = 0x5403, TIOCSWINSZ = 0x5414, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410, TIOCSCTTY = 0x540e, TIOCGWINSZ = 0x5413 };

// poll(2)
struct poll {
  int fd;
  short events, happened;
};
enum { POLLIN = 1, POLLOUT = 4, POLLHUP = 16, POLLERR = 8 };
