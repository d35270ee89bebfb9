// The calls only i386 has: IDs of 16 bits, offsets and times of 64, signals of one word, the calls with a number inside
// (man 2 of each, "C library/kernel differences"; syscalls(2)).
#include "case.h"
#include <sys/statfs.h>

#ifdef __i386__

static volatile int caught;
static void on_signal(int signal) { caught = signal; }

/** struct stat64 of the kernel. */
struct long_stat {
  uint64_t st_dev;
  unsigned pad, short_ino, st_mode, st_nlink;
  uint32_t st_uid, st_gid;
  uint64_t st_rdev;
  unsigned pad2;
  int64_t st_size __attribute__((packed, aligned(4)));
  uint32_t rest[12];
};

static void tell(const struct long_stat *s) {
  say("mode %o links %u of %u:%u size %lld\n", s->st_mode, s->st_nlink, s->st_uid, s->st_gid, (long long)s->st_size);
}

struct spec { int64_t seconds, nanoseconds; };

CASE(waitpid_ends) {
  int status = 0;
  pid_t child = fork();
  if (!child) _exit(3);
  OK(SYS(waitpid, child, &status, 0));
  say("%x\n", status);
  R(SYS(waitpid, -1, &status, 0));
  R(SYS(waitpid, -1, &status, 0x100));
}
CASE(waitpid_faults) { if (!fork()) _exit(3); R(SYS(waitpid, -1, BAD, 0)); }
CASE(umount_errors) { R(SYS(umount, "none")); R(SYS(umount, BAD)); R(SYS(umount, ".")); unprivileged(); R(SYS(umount, "/proc")); }
CASE(stime_errors) { R(SYS(stime, BAD)); int now = 1; unprivileged(); R(SYS(stime, &now)); }
CASE(time_answers) { OK(SYS(time, NULL)); R(SYS(time, BAD)); }
CASE(nice_changes) { R(SYS(nice, 3)); R(SYS(getpriority, 0, 0)); R(SYS(nice, 99)); R(SYS(getpriority, 0, 0)); unprivileged(); R(SYS(nice, -1)); }
CASE(signal_sets) {
  R(SYS(signal, SIGUSR1, SIG_IGN));
  R(SYS(signal, SIGUSR1, SIG_DFL));
  R(SYS(signal, SIGKILL, SIG_IGN));
  R(SYS(signal, 65, SIG_IGN));
  R(SYS(signal, 0, SIG_IGN));
}
CASE(signal_once) {
  R(SYS(signal, SIGUSR1, on_signal));
  raise(SIGUSR1);
  say("%d\n", caught == SIGUSR1);
  R(SYS(signal, SIGUSR1, SIG_IGN));
}
CASE(sigaction_old) {
  struct { void *handler; unsigned long mask, flags; void *restorer; } set = {SIG_IGN, 0x10, SA_RESTART, NULL}, old;
  R(SYS(sigaction, SIGUSR2, &set, NULL));
  R(SYS(sigaction, SIGUSR2, NULL, &old));
  say("%d %lx %lx\n", old.handler == SIG_IGN, old.mask, old.flags);
  R(SYS(sigaction, SIGSTOP, &set, NULL));
  R(SYS(sigaction, SIGUSR1, BAD, NULL));
  R(SYS(sigaction, SIGUSR1, NULL, BAD));
  R(SYS(sigaction, 99, NULL, &old));
}
CASE(masks_of_a_word) {
  R(SYS(ssetmask, 0x100));
  R(SYS(sgetmask));
  R(SYS(ssetmask, 0xffffffff));
  say("%lx\n", (long)SYS(sgetmask));
}
CASE(sigprocmask_old) {
  unsigned long set = 1 << (SIGUSR1 - 1), old = 99;
  R(SYS(sigprocmask, SIG_BLOCK, &set, &old));
  say("%lx\n", old);
  raise(SIGUSR1);
  R(SYS(sigpending, &old));
  say("%lx\n", old);
  R(SYS(sigpending, BAD));
  R(SYS(sigprocmask, 7, &set, NULL));
  R(SYS(sigprocmask, 7, NULL, &old));
  say("%lx\n", old);
  R(SYS(sigprocmask, SIG_BLOCK, BAD, NULL));
  R(SYS(sigprocmask, SIG_BLOCK, NULL, BAD));
}
CASE(sigsuspend_old) {
  unsigned long set = 1 << (SIGUSR1 - 1);
  signal(SIGUSR1, on_signal);
  SYS(sigprocmask, SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  R(SYS(sigsuspend, 0, 0, 0));
  say("%d\n", caught == SIGUSR1);
  R(SYS(sgetmask));
}
CASE(socketcall_answers) {
  unsigned long socket[3] = {1, 1, 0}, bad[3] = {99, 1, 0}, listen[2] = {3, 1};
  R(SYS(socketcall, 1, socket));
  R(SYS(socketcall, 1, bad));
  R(SYS(socketcall, 1, BAD));
  R(SYS(socketcall, 0, socket));
  R(SYS(socketcall, 21, socket));
  R(SYS(socketcall, 4, listen));
}
CASE(ipc_calls) {
  struct { long type; char text[4]; } message = {1, "abc"};
  long queue = SYS(ipc, 13, 0, 0600, 0, 0, 0);
  R(queue >= 0);
  R(SYS(ipc, 11, queue, 4, 0, &message, 0));
  R(SYS(ipc, 11, queue, -1, 0, &message, 0));
  struct { void *message; long type; } kludge = {&message, 0};
  R(SYS(ipc, 12, queue, 4, 0, &kludge, 0));
  R(SYS(ipc, 12, queue, 4, 04000, &kludge, 0));
  R(SYS(ipc, 12, queue, 4, 0, NULL, 0));
  R(SYS(ipc, 14, queue, 0, 0, NULL, 0));
  R(SYS(ipc, 14, queue, 0, 0, NULL, 0));
  R(SYS(ipc, 99, 0, 0, 0, 0, 0));
}
CASE(ipc_memory) {
  long segment = SYS(ipc, 23, 0, 4096, 0600, 0, 0);
  unsigned long at = 0;
  R(segment >= 0);
  R(SYS(ipc, 21, segment, 0, &at, NULL, 0));
  *(char *)at = 1;
  R(SYS(ipc, 21, -1, 0, &at, NULL, 0));
  R(SYS(ipc, 22, 0, 0, 0, (void *)at, 0));
  R(SYS(ipc, 22, 0, 0, 0, (void *)at, 0));
  R(SYS(ipc, 24, segment, 0, 0, NULL, 0));
  R(SYS(ipc, 21, segment, 0x10000, &at, NULL, 0));
}
CASE(llseek_moves) {
  put("f", "abc");
  int fd = open("f", O_RDONLY);
  long long at = 0;
  R(SYS(_llseek, fd, 2, 5, &at, SEEK_SET));
  say("%llx\n", at);
  R(SYS(_llseek, fd, -1, -1, &at, SEEK_SET));
  R(SYS(_llseek, fd, 0, 0, &at, 9));
  R(SYS(_llseek, fd, 0, 0, BAD, SEEK_SET));
  R(SYS(_llseek, 77, 0, 0, &at, SEEK_SET));
}
CASE(newselect_waits) {
  int fds[2];
  pipe(fds);
  unsigned long sets[32] = {1 << fds[1]}, none[32] = {1 << fds[0]};
  int soon[2] = {0, 0}, bad[2] = {-1, 0};
  R(SYS(_newselect, 8, NULL, sets, NULL, soon));
  R(SYS(_newselect, 8, none, NULL, NULL, soon));
  R(SYS(_newselect, -1, NULL, sets, NULL, soon));
  R(SYS(_newselect, 8, NULL, sets, NULL, bad));
  R(SYS(_newselect, 8, BAD, NULL, NULL, soon));
  sets[0] = 1 << 7;
  R(SYS(_newselect, 8, sets, NULL, NULL, soon));
}
CASE(select_block) {
  struct { int count; void *read, *write, *except, *timeout; } block = {8, NULL, NULL, NULL, NULL};
  int soon[2] = {0, 0};
  block.timeout = soon;
  R(SYS(select, &block));
  R(SYS(select, BAD));
  block.count = -1;
  R(SYS(select, &block));
}
CASE(mmap_block) {
  unsigned long block[6] = {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
  OK(SYS(mmap, block));
  block[5] = 1;
  R(SYS(mmap, block));
  block[5] = 0;
  block[1] = 0;
  R(SYS(mmap, block));
  R(SYS(mmap, BAD));
}
CASE(mmap2_pages) {
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  pwrite(fd, "second", 6, 4096);
  char *at = (char *)SYS(mmap2, NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 1);
  say("%s\n", at);
  R(SYS(mmap2, NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0));
  R(SYS(mmap2, NULL, 4096, PROT_READ, 0, fd, 0));
  R(SYS(mmap2, NULL, 4096, PROT_READ, MAP_PRIVATE, 77, 0));
  R(SYS(mmap2, 1, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0));
}
CASE(ugetrlimit_answers) {
  unsigned long limits[2];
  R(SYS(setrlimit, 4, (unsigned long[]){1, 0xffffffff}));
  R(SYS(ugetrlimit, 4, limits));
  say("%lx %lx\n", limits[0], limits[1]);
  R(SYS(getrlimit, 4, limits));
  say("%lx %lx\n", limits[0], limits[1]);
  R(SYS(ugetrlimit, 16, limits));
  R(SYS(ugetrlimit, 4, BAD));
}
CASE(truncate64_files) {
  put("f", "12345");
  int fd = open("f", O_RDWR | 0100000);
  struct long_stat s;
  R(SYS(truncate64, "f", 3, 0));
  show("f");
  R(SYS(truncate64, "f", 0, -1));
  R(SYS(truncate64, "none", 0, 0));
  R(SYS(ftruncate64, fd, 7, 1));
  R(SYS(fstat64, fd, &s));
  tell(&s);
  R(SYS(fstat64, 77, &s));
  R(SYS(ftruncate64, fd, 0, -1));
  R(SYS(ftruncate64, 77, 0, 0));
}
CASE(stat64_files) {
  put("f", "123");
  symlink("f", "l");
  struct long_stat s;
  R(SYS(stat64, "l", &s));
  tell(&s);
  R(SYS(lstat64, "l", &s));
  tell(&s);
  R(SYS(fstatat64, AT_FDCWD, "l", &s, AT_SYMLINK_NOFOLLOW));
  tell(&s);
  R(SYS(stat64, "none", &s));
  R(SYS(lstat64, "none", &s));
  R(SYS(lstat64, "f", BAD));
  R(SYS(stat64, "f", BAD));
  R(SYS(fstatat64, AT_FDCWD, "", &s, 0));
  R(SYS(fstatat64, AT_FDCWD, "f", &s, 1));
  R(SYS(fstatat64, 77, "f", &s, 0));
}
CASE(chown_of_32_bits) {
  put("f", "");
  symlink("f", "l");
  int fd = open("f", O_RDONLY);
  struct long_stat s;
  R(SYS(chown32, "f", 70000, 70001));
  SYS(stat64, "f", &s);
  tell(&s);
  R(SYS(lchown32, "l", 80000, -1));
  SYS(lstat64, "l", &s);
  tell(&s);
  R(SYS(fchown32, fd, -1, 90000));
  SYS(stat64, "f", &s);
  tell(&s);
  R(SYS(chown32, "none", 1, 1));
  R(SYS(lchown32, "none", 1, 1));
  R(SYS(fchown32, 77, 1, 1));
}
CASE(chown_of_16_bits) {
  put("f", "");
  symlink("f", "l");
  int fd = open("f", O_RDONLY);
  struct long_stat s;
  R(SYS(chown, "f", 70000, 0xffff));
  SYS(stat64, "f", &s);
  tell(&s);
  R(SYS(fchown, fd, 0xffff, 70001));
  SYS(stat64, "f", &s);
  tell(&s);
  R(SYS(lchown, "l", 3, 65537));
  SYS(lstat64, "l", &s);
  tell(&s);
}
CASE(ids_of_32_bits) {
  unsigned a, b, c;
  R(SYS(setregid32, 70000, 70001));
  R(SYS(getgid32));
  R(SYS(getegid32));
  R(SYS(getgid));
  R(SYS(getegid));
  R(SYS(setresgid32, 80000, 80001, 80002));
  R(SYS(getresgid32, &a, &b, &c));
  say("%u %u %u\n", a, b, c);
  R(SYS(getresgid32, &a, BAD, &c));
  R(SYS(setgid32, 5));
  R(SYS(setfsgid32, 6));
  R(SYS(setfsgid32, -1));
  R(SYS(setfsuid32, 6));
  R(SYS(setfsuid32, -1));
  R(SYS(setresuid32, 70000, 70001, 70002));
  R(SYS(getresuid32, &a, &b, &c));
  say("%u %u %u\n", a, b, c);
  R(SYS(getresuid32, BAD, &b, &c));
  R(SYS(getuid32));
  R(SYS(geteuid32));
  R(SYS(getuid));
  R(SYS(geteuid));
  unsigned short x, y, z;
  R(SYS(getresuid, &x, &y, &z));
  say("%u %u %u\n", x, y, z);
  R(SYS(setresuid32, 1, 2, 3));
  R(SYS(setreuid32, 1, 2));
  R(SYS(setuid32, 9));
  R(SYS(setgid32, 99));
  R(SYS(setregid32, 99, 99));
  R(SYS(setresgid32, 99, 99, 99));
}
CASE(setuid32_all) { R(SYS(setreuid32, 70000, -1)); R(SYS(setuid32, 70001)); R(SYS(getuid32)); R(SYS(geteuid32)); R(SYS(setuid32, -1)); }
CASE(ids_of_16_bits) {
  unsigned short a, b, c;
  R(SYS(setregid, 70000, 5));
  R(SYS(getgid));
  R(SYS(setresgid, 0xffff, 6, 7));
  R(SYS(getresgid, &a, &b, &c));
  say("%u %u %u\n", a, b, c);
  R(SYS(getresgid, BAD, &b, &c));
  R(SYS(setgid, 65536 + 8));
  R(SYS(getgid));
  R(SYS(setfsgid, 3));
  R(SYS(setfsgid, 0xffff));
  R(SYS(setfsuid, 3));
  R(SYS(setfsuid, 0xffff));
  R(SYS(setresuid, 0xffff, 6, 7));
  R(SYS(getresuid, &a, &b, &c));
  say("%u %u %u\n", a, b, c);
  R(SYS(getresuid, &a, &b, BAD));
  R(SYS(setreuid, 9, 9));
  R(SYS(setuid, 9));
  R(SYS(setgid, 99));
  R(SYS(setregid, 99, 99));
}
CASE(groups_of_both_widths) {
  unsigned list[3] = {70000, 5, 6};
  unsigned short shorts[3] = {1, 2, 3};
  R(SYS(setgroups32, 3, list));
  R(SYS(getgroups32, 3, list));
  say("%u %u %u\n", list[0], list[1], list[2]);
  R(SYS(getgroups, 3, shorts));
  say("%u %u %u\n", shorts[0], shorts[1], shorts[2]);
  R(SYS(getgroups32, 2, list));
  R(SYS(getgroups32, -1, list));
  R(SYS(getgroups32, 3, BAD));
  R(SYS(setgroups32, 65537, list));
  R(SYS(setgroups32, 1, BAD));
  R(SYS(setgroups, 3, shorts));
  R(SYS(getgroups32, 3, list));
  say("%u %u %u\n", list[0], list[1], list[2]);
}
CASE(fcntl64_locks) {
  put("f", "12345");
  int fd = open("f", O_RDWR);
  struct { short type, whence; long long start, length; int pid; } __attribute__((packed, aligned(4))) lock = {F_WRLCK, SEEK_SET, 1LL << 33, 1, 0};
  R(SYS(fcntl64, fd, 13, &lock));
  CHILD(R(SYS(fcntl64, fd, 13, &lock)); R(SYS(fcntl64, fd, 12, &lock)); say("%d %llx\n", lock.type, lock.start));
  R(SYS(fcntl64, fd, F_GETFL, 0));
  R(SYS(fcntl64, 77, F_GETFL, 0));
  R(SYS(fcntl64, fd, 13, BAD));
  R(SYS(fcntl64, fd, 9999, 0));
}
CASE(sendfile64_copies) {
  put("f", "12345");
  int in = open("f", O_RDONLY), out = open("g", O_RDWR | O_CREAT, 0600);
  long long at = 2;
  R(SYS(sendfile64, out, in, &at, 9));
  say("%lld\n", at);
  show("g");
  at = -1;
  R(SYS(sendfile64, out, in, &at, 9));
  R(SYS(sendfile64, out, in, BAD, 9));
  R(SYS(sendfile64, in, in, NULL, 9));
  R(SYS(sendfile64, 77, in, NULL, 9));
}
CASE(fadvise64_advice) {
  put("f", "12345");
  int fd = open("f", O_RDONLY), fds[2];
  pipe(fds);
  R(SYS(fadvise64_64, fd, 0, 0, 5, 0, 3));
  R(SYS(fadvise64_64, fd, 0, 0, 5, 0, 9));
  R(SYS(fadvise64_64, fd, 0, 0, 0, -1, 3));
  R(SYS(fadvise64_64, fds[0], 0, 0, 5, 0, 3));
  R(SYS(fadvise64_64, 77, 0, 0, 5, 0, 3));
  R(SYS(fadvise64, fd, 0, 0, 5, 3));
  R(SYS(fadvise64, 77, 0, 0, 5, 3));
}
CASE(clocks_of_64_bits) {
  struct spec t;
  R(SYS(clock_gettime64, CLOCK_MONOTONIC, &t));
  R(SYS(clock_gettime64, 99, &t));
  R(SYS(clock_gettime64, CLOCK_MONOTONIC, BAD));
  R(SYS(clock_getres_time64, CLOCK_MONOTONIC, &t));
  say("%lld %lld\n", t.seconds, t.nanoseconds);
  R(SYS(clock_getres_time64, 99, &t));
  R(SYS(clock_getres_time64, CLOCK_MONOTONIC, NULL));
  R(SYS(clock_settime64, CLOCK_MONOTONIC, &t));
  R(SYS(clock_settime64, CLOCK_REALTIME, BAD));
  struct spec wrong = {0, 1000000000}, little = {0, 1000};
  R(SYS(clock_settime64, CLOCK_REALTIME, &wrong));
  R(SYS(clock_nanosleep_time64, CLOCK_MONOTONIC, 0, &little, NULL));
  R(SYS(clock_nanosleep_time64, CLOCK_MONOTONIC, 0, &wrong, NULL));
  R(SYS(clock_nanosleep_time64, CLOCK_THREAD_CPUTIME_ID, 0, &little, NULL));
  R(SYS(clock_nanosleep_time64, CLOCK_MONOTONIC, 0, BAD, NULL));
}
CASE(clock_adjtime64_errors) { char words[512] = {0}; R(SYS(clock_adjtime64, CLOCK_MONOTONIC, words)); R(SYS(clock_adjtime64, CLOCK_REALTIME, BAD)); OK(SYS(clock_adjtime64, CLOCK_REALTIME, words) < 0); }
CASE(clock_settime64_right) { struct spec t = {1, 0}; unprivileged(); R(SYS(clock_settime64, CLOCK_REALTIME, &t)); }
CASE(timers_of_64_bits) {
  int timer;
  struct spec later[2] = {{0, 0}, {1LL << 33, 5}}, old[2], wrong[2] = {{0, 0}, {0, -1}};
  struct sigevent none = {.sigev_notify = SIGEV_NONE};
  R(SYS(timer_create, CLOCK_MONOTONIC, &none, &timer));
  R(SYS(timer_settime64, timer, 0, later, NULL));
  R(SYS(timer_gettime64, timer, old));
  say("%d %lld\n", (int)(old[1].seconds >> 30), old[0].seconds);
  R(SYS(timer_settime64, timer, 0, wrong, NULL));
  R(SYS(timer_settime64, timer, 0, BAD, NULL));
  R(SYS(timer_settime64, 99, 0, later, NULL));
  R(SYS(timer_gettime64, 99, old));
  R(SYS(timer_gettime64, timer, BAD));
}
CASE(timerfds_of_64_bits) {
  int fd = SYS(timerfd_create, CLOCK_MONOTONIC, 0);
  struct spec later[2] = {{3, 0}, {1LL << 33, 5}}, old[2], wrong[2] = {{0, 0}, {-1, 0}};
  R(SYS(timerfd_settime64, fd, 0, later, NULL));
  R(SYS(timerfd_gettime64, fd, old));
  say("%d %lld\n", (int)(old[1].seconds >> 30), old[0].seconds);
  R(SYS(timerfd_settime64, fd, 0, wrong, NULL));
  R(SYS(timerfd_settime64, fd, 99, later, NULL));
  R(SYS(timerfd_settime64, 0, 0, later, NULL));
  R(SYS(timerfd_settime64, 77, 0, later, NULL));
  R(SYS(timerfd_gettime64, 77, old));
  R(SYS(timerfd_gettime64, 0, old));
}
CASE(utimensat_of_64_bits) {
  put("f", "");
  struct spec times[2] = {{1LL << 33, 1}, {5, 2}}, wrong[2] = {{0, 1000000000}, {0, 0}};
  R(SYS(utimensat_time64, AT_FDCWD, "f", times, 0));
  struct statx s;
  statx(AT_FDCWD, "f", 0, STATX_ALL, &s);
  say("%lld %lld\n", (long long)s.stx_atime.tv_sec, (long long)s.stx_mtime.tv_sec);
  R(SYS(utimensat_time64, AT_FDCWD, "f", wrong, 0));
  R(SYS(utimensat_time64, AT_FDCWD, "none", times, 0));
  R(SYS(utimensat_time64, AT_FDCWD, "f", times, 1));
  R(SYS(utimensat_time64, AT_FDCWD, "f", BAD, 0));
}
CASE(waits_of_64_bits) {
  struct spec soon = {0, 0}, wrong = {0, -1};
  struct pollfd p = {1, POLLOUT};
  int fds[2];
  pipe(fds);
  unsigned long set[32] = {1 << fds[1]};
  R(SYS(pselect6_time64, 8, NULL, set, NULL, &soon, NULL));
  R(SYS(pselect6_time64, 8, NULL, NULL, NULL, &wrong, NULL));
  R(SYS(pselect6_time64, -1, NULL, NULL, NULL, &soon, NULL));
  R(SYS(pselect6_time64, 8, BAD, NULL, NULL, &soon, NULL));
  R(SYS(ppoll_time64, &p, 0, &soon, NULL, 0));
  R(SYS(ppoll_time64, &p, 0, &wrong, NULL, 0));
  R(SYS(ppoll_time64, BAD, 1, &soon, NULL, 0));
  R(SYS(ppoll_time64, &p, 1, &soon, BAD, 8));
}
CASE(recvmmsg_of_64_bits) {
  struct spec soon = {0, 0}, wrong = {0, -1};
  int fds[2];
  unsigned long pair[4] = {1, 2, 0, (unsigned long)fds};
  SYS(socketcall, 8, pair);
  write(fds[0], "abc", 3);
  char text[4];
  struct iovec v = {text, 4};
  struct { void *name; unsigned name_length; struct iovec *iov; unsigned count; void *control; unsigned control_length, flags, length; } m = {NULL, 0, &v, 1};
  R(SYS(recvmmsg_time64, fds[1], &m, 1, 0x40, &soon));
  say("%u\n", m.length);
  R(SYS(recvmmsg_time64, fds[1], &m, 1, 0x40, NULL));
  R(SYS(recvmmsg_time64, 77, &m, 1, 0x40, NULL));
}
CASE(queues_of_64_bits) {
  struct { long flags, most, size, now, rest[4]; } attributes = {0, 1, 8};
  struct spec past = {1, 0}, wrong = {0, -1};
  int queue = SYS(mq_open, "case", O_CREAT | O_RDWR | O_EXCL, 0600, &attributes);
  SYS(mq_unlink, "case");
  char text[8];
  R(SYS(mq_timedreceive_time64, queue, text, 8, NULL, &past));
  R(SYS(mq_timedsend_time64, queue, "abc", 3, 0, &past));
  R(SYS(mq_timedsend_time64, queue, "abc", 3, 0, &past));
  R(SYS(mq_timedsend_time64, queue, "abc", 3, 0, &wrong));
  R(SYS(mq_timedsend_time64, queue, "123456789", 9, 0, NULL));
  R(SYS(mq_timedsend_time64, 77, "1", 1, 0, NULL));
  R(SYS(mq_timedreceive_time64, queue, text, 7, NULL, NULL));
  R(SYS(mq_timedreceive_time64, queue, text, 8, NULL, &past));
  R(SYS(mq_timedreceive_time64, 0, text, 8, NULL, &past));
}
CASE(semtimedop_of_64_bits) {
  int id = SYS(semget, 0, 1, 0600);
  struct spec soon = {0, 1000}, wrong = {0, -1};
  struct { unsigned short number; short change, flags; } up = {0, 1, 0}, down = {0, -2, 0};
  R(SYS(semtimedop_time64, id, &up, 1, NULL));
  R(SYS(semtimedop_time64, id, &down, 1, &soon));
  R(SYS(semtimedop_time64, id, &down, 1, &wrong));
  R(SYS(semtimedop_time64, id, &down, 1, BAD));
  R(SYS(semtimedop_time64, -1, &up, 1, NULL));
  SYS(semctl, id, 0, 0, 0);
}
CASE(sigtimedwait_of_64_bits) {
  uint64_t set = 1 << (SIGUSR1 - 1);
  struct spec soon = {0, 1000}, wrong = {0, -1};
  SYS(rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
  raise(SIGUSR1);
  R(SYS(rt_sigtimedwait_time64, &set, NULL, &soon, 8));
  R(SYS(rt_sigtimedwait_time64, &set, NULL, &soon, 8));
  R(SYS(rt_sigtimedwait_time64, &set, NULL, &wrong, 8));
  R(SYS(rt_sigtimedwait_time64, &set, NULL, &soon, 4));
  R(SYS(rt_sigtimedwait_time64, BAD, NULL, &soon, 8));
}
CASE(futex_of_64_bits) {
  int word = 5;
  struct spec soon = {0, 1000}, wrong = {0, -1};
  R(SYS(futex_time64, &word, 0, 5, &soon, NULL, 0));
  R(SYS(futex_time64, &word, 0, 4, &soon, NULL, 0));
  R(SYS(futex_time64, &word, 0, 5, &wrong, NULL, 0));
  R(SYS(futex_time64, &word, 1, 1, NULL, NULL, 0));
  R(SYS(futex_time64, 3, 1, 1, NULL, NULL, 0));
  R(SYS(futex_time64, &word, 99, 1, NULL, NULL, 0));
}
CASE(slice_of_64_bits) { struct spec t; R(SYS(sched_rr_get_interval_time64, 0, &t)); R(SYS(sched_rr_get_interval_time64, -1, &t)); R(SYS(sched_rr_get_interval_time64, 9999999, &t)); R(SYS(sched_rr_get_interval_time64, 0, BAD)); }
#else
CASE(none) { say("the calls are i386's\n"); }
#endif
