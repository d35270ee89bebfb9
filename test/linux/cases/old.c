// The calls that libc has left for newer ones, made by their numbers: files by name, IDs, limits, waits, and those only i386
// has - IDs of 16 bits, offsets and times of 64, signals of one word, the calls with a number inside (man 2 of each; "C
// library/kernel differences" there).
#include "case.h"
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/epoll.h>
#include <mqueue.h>
#include <utime.h>

static volatile int caught;
static void on_signal(int signal) { caught = signal; }

static void handle(int signal, int flags) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
  sigaction(signal, &action, NULL);
}

#ifdef __i386__
/** struct stat of the kernel: the C library's is another. */
struct plain_stat {
  unsigned long st_dev, st_ino;
  unsigned short st_mode, st_nlink, st_uid, st_gid;
  unsigned long st_rdev, st_size, st_blksize, st_blocks, rest[8];
};
#else
#define plain_stat stat
#endif

#define STATS(call, s)                                                                                             \
  ({                                                                                                               \
    if (R(call) == 0)                                                                                              \
      say("mode %o links %d of %d:%d size %d\n", (int)(s).st_mode, (int)(s).st_nlink, (int)(s).st_uid,             \
          (int)(s).st_gid, (int)(s).st_size);                                                                      \
  })

CASE(open_makes) { R(SYS(open, "f", O_CREAT | O_RDWR, 0640)); struct plain_stat s; STATS(SYS(stat, "f", &s), s); }
CASE(open_again) { put("f", "x"); R(SYS(open, "f", O_CREAT | O_EXCL | O_RDWR, 0640)); R(SYS(open, "none", O_RDONLY)); }
CASE(open_faults) { R(SYS(open, BAD, O_RDONLY)); R(SYS(open, "", O_RDONLY)); }
CASE(open_directory) { R(SYS(open, ".", O_RDWR)); R(SYS(open, ".", O_RDONLY | O_DIRECTORY)); }
CASE(creat_empties) { put("f", "text"); R(SYS(creat, "f", 0600)); show("f"); }
CASE(creat_errors) { R(SYS(creat, ".", 0600)); R(SYS(creat, "no/f", 0600)); R(SYS(creat, BAD, 0600)); }
CASE(stat_file) { put("f", "12345"); struct plain_stat s; STATS(SYS(stat, "f", &s), s); }
CASE(stat_errors) { struct plain_stat s; R(SYS(stat, "none", &s)); R(SYS(stat, ".", BAD)); R(SYS(stat, BAD, &s)); }
CASE(fstat_file) { put("f", "12345"); int fd = open("f", O_RDONLY); struct plain_stat s; STATS(SYS(fstat, fd, &s), s); }
CASE(fstat_errors) { struct plain_stat s; R(SYS(fstat, 77, &s)); R(SYS(fstat, 0, BAD)); }
CASE(lstat_link) { R(SYS(symlink, "nowhere", "l")); struct plain_stat s; STATS(SYS(lstat, "l", &s), s); }
CASE(lstat_errors) { struct plain_stat s; R(SYS(lstat, "none", &s)); R(SYS(lstat, "", &s)); R(SYS(lstat, ".", BAD)); }
CASE(mknod_kinds) {
  R(SYS(mknod, "p", S_IFIFO | 0600, 0));
  R(SYS(mknod, "f", 0600, 0));
  R(SYS(mknod, "c", S_IFCHR | 0600, 0x103));
  struct plain_stat s;
  STATS(SYS(stat, "p", &s), s);
  STATS(SYS(stat, "f", &s), s);
  STATS(SYS(stat, "c", &s), s);
}
CASE(mknod_errors) {
  R(SYS(mknod, "d", S_IFDIR | 0600, 0));
  R(SYS(mknod, "l", S_IFLNK | 0600, 0));
  R(SYS(mknod, ".", S_IFREG | 0600, 0));
  R(SYS(mknod, "x", 0170000, 0));
  unprivileged();
  R(SYS(mknod, "c", S_IFCHR | 0600, 0x103));
  R(SYS(mknod, "p", S_IFIFO | 0600, 0));
}
CASE(mkdirat_makes) {
  R(SYS(mkdirat, AT_FDCWD, "d", 0750));
  int fd = open("d", O_RDONLY);
  R(SYS(mkdirat, fd, "e", 0700));
  struct plain_stat s;
  STATS(SYS(stat, "d", &s), s);
}
CASE(mkdirat_errors) {
  put("f", "x");
  int fd = open("f", O_RDONLY);
  R(SYS(mkdirat, AT_FDCWD, "f", 0700));
  R(SYS(mkdirat, AT_FDCWD, "f/d", 0700));
  R(SYS(mkdirat, fd, "d", 0700));
  R(SYS(mkdirat, 77, "d", 0700));
  R(SYS(mkdirat, 77, BAD, 0700));
}
CASE(renameat_moves) {
  put("a", "x");
  mkdir("d", 0700);
  int fd = open("d", O_RDONLY);
  R(SYS(renameat, AT_FDCWD, "a", fd, "b"));
  show("d/b");
}
CASE(renameat_errors) {
  mkdir("d", 0700);
  mkdir("d/e", 0700);
  put("f", "x");
  R(SYS(renameat, AT_FDCWD, "d", AT_FDCWD, "d/e/g"));
  R(SYS(renameat, AT_FDCWD, "none", AT_FDCWD, "x"));
  R(SYS(renameat, AT_FDCWD, "f", AT_FDCWD, "d"));
  R(SYS(renameat, AT_FDCWD, "d/e", AT_FDCWD, "f"));
  R(SYS(renameat, AT_FDCWD, "d/e", AT_FDCWD, "d"));
  R(SYS(renameat, 77, "f", AT_FDCWD, "g"));
}
CASE(symlinkat_makes) {
  mkdir("d", 0700);
  int fd = open("d", O_RDONLY);
  char text[9] = "";
  R(SYS(symlinkat, "target", fd, "l"));
  R(readlink("d/l", text, 8));
  say("%s\n", text);
}
CASE(symlinkat_errors) {
  R(SYS(symlinkat, "", AT_FDCWD, "l"));
  R(SYS(symlinkat, "x", AT_FDCWD, "."));
  R(SYS(symlinkat, "x", 77, "l"));
  R(SYS(symlinkat, "x", AT_FDCWD, "no/l"));
  R(SYS(symlinkat, BAD, AT_FDCWD, "l"));
}
CASE(faccessat_may) {
  put("f", "x");
  R(SYS(faccessat, AT_FDCWD, "f", R_OK | W_OK));
  R(SYS(faccessat, AT_FDCWD, "f", X_OK));
  R(SYS(faccessat, AT_FDCWD, "f", 8));
  R(SYS(faccessat, AT_FDCWD, "none", F_OK));
  R(SYS(faccessat, 77, "f", F_OK));
  unprivileged();
  R(SYS(faccessat, AT_FDCWD, "f", W_OK));
}
CASE(fchmodat_changes) { put("f", ""); R(SYS(fchmodat, AT_FDCWD, "f", 04751)); struct plain_stat s; STATS(SYS(stat, "f", &s), s); }
CASE(fchmodat_errors) {
  put("f", "");
  R(SYS(fchmodat, AT_FDCWD, "none", 0700));
  R(SYS(fchmodat, 77, "f", 0700));
  R(SYS(fchmodat, AT_FDCWD, BAD, 0700));
  unprivileged();
  R(SYS(fchmodat, AT_FDCWD, "f", 0700));
}
CASE(fchmod_changes) { put("f", ""); R(SYS(fchmod, open("f", O_RDONLY), 0600)); struct plain_stat s; STATS(SYS(stat, "f", &s), s); R(SYS(fchmod, 77, 0)); R(SYS(fchmod, open("f", O_PATH), 0)); }
CASE(fchown_changes) { put("f", ""); R(SYS(fchown, open("f", O_RDONLY), 5, 6)); struct plain_stat s; STATS(SYS(stat, "f", &s), s); R(SYS(fchown, 77, 0, 0)); }
CASE(fchown_needs_right) { put("f", ""); int fd = open("f", O_RDONLY); unprivileged(); R(SYS(fchown, fd, 1000, 1000)); R(SYS(fchown, fd, -1, -1)); }
CASE(lchown_link) { R(symlink("none", "l")); R(SYS(lchown, "l", 7, 8)); struct plain_stat s; STATS(SYS(lstat, "l", &s), s); R(SYS(chown, "l", 7, 8)); }
CASE(lchown_errors) { R(SYS(lchown, "none", 1, 1)); R(SYS(lchown, BAD, 1, 1)); R(SYS(lchown, "none/x", 1, 1)); }
CASE(truncate_both_ways) { put("f", "12345"); R(SYS(truncate, "f", 2)); show("f"); R(SYS(truncate, "f", 9)); struct plain_stat s; STATS(SYS(stat, "f", &s), s); }
CASE(truncate_errors) {
  put("f", "x");
  R(SYS(truncate, "f", -1));
  R(SYS(truncate, ".", 0));
  R(SYS(truncate, "none", 0));
  mkfifo("p", 0600);
  R(SYS(truncate, "p", 0));
  R(SYS(ftruncate, open("f", O_RDONLY), 0));
}
CASE(utime_sets) {
  put("f", "");
#ifdef __i386__
  int times[2] = {1000, 2000};
#else
  long times[2] = {1000, 2000};
#endif
  struct stat s;
  R(SYS(utime, "f", times));
  stat("f", &s);
  say("%d %d\n", (int)s.st_atime, (int)s.st_mtime);
  R(SYS(utime, "f", NULL));
}
CASE(utime_errors) { put("f", ""); R(SYS(utime, "none", NULL)); R(SYS(utime, "f", BAD)); chmod("f", 0644); unprivileged(); R(SYS(utime, "f", NULL)); long t[2] = {1, 1}; R(SYS(utime, "f", t)); }
CASE(getdents_reads) {
  put("one", "");
  char buffer[1024];
  int fd = open(".", O_RDONLY);
  long length = SYS(getdents, fd, buffer, sizeof buffer);
  int found = 0;
  for (long at = 0; at < length;) {
    unsigned short size = *(unsigned short *)(buffer + at + 2 * sizeof(long));
    const char *name = buffer + at + 2 * sizeof(long) + 2;
    int type = buffer[at + size - 1];
    if (!strcmp(name, "one")) say("one: %d bytes, type %d\n", size, type);
    at += size;
    found++;
  }
  say("%d entries\n", found);
  R(SYS(getdents, fd, buffer, sizeof buffer));
}
CASE(getdents_errors) {
  char buffer[1024];
  int fd = open(".", O_RDONLY);
  R(SYS(getdents, fd, buffer, 8));
  R(SYS(getdents, fd, BAD, 1024));
  R(SYS(getdents, 0, buffer, 1024));
  R(SYS(getdents, 77, buffer, 1024));
}
CASE(pipe_old) { int fds[2]; R(SYS(pipe, fds)); say("%d %d\n", fds[0], fds[1]); R(write(fds[1], "x", 1)); }
CASE(pipe_faults) { R(SYS(pipe, BAD)); R(dup(0)); }
CASE(pipe_limit) { struct rlimit limit = {4, 4}; setrlimit(RLIMIT_NOFILE, &limit); int fds[2]; R(SYS(pipe, fds)); R(dup(0)); }
CASE(writev_errors) {
  struct iovec v[2] = {{"x", 1}, {"y", -1}}, bad = {BAD, 4};
  R(writev(1, v, -1));
  R(writev(1, v, 1025));
  R(writev(1, v, 2));
  R(writev(1, BAD, 1));
  R(writev(77, v, 1));
  R(writev(open("f", O_CREAT | O_RDWR, 0600), &bad, 1));
  R(writev(open("f", O_RDONLY), v, 1));
}
CASE(preadv_errors) {
  char c;
  struct iovec v = {&c, 1};
  put("f", "x");
  int fds[2], fd = open("f", O_RDONLY);
  pipe(fds);
  R(SYS(preadv, fd, &v, 1, -1, -1));
  R(SYS(preadv, fds[0], &v, 1, 0, 0));
  R(SYS(preadv, 77, &v, 1, 0, 0));
  R(SYS(preadv, fd, &v, 1025, 0, 0));
  R(SYS(preadv, fd, BAD, 1, 0, 0));
  R(SYS(preadv, open("f", O_WRONLY), &v, 1, 0, 0));
}
CASE(pwritev_errors) {
  struct iovec v = {"x", 1};
  put("f", "x");
  int fds[2], fd = open("f", O_WRONLY);
  pipe(fds);
  R(SYS(pwritev, fd, &v, 1, -1, -1));
  R(SYS(pwritev, fds[1], &v, 1, 0, 0));
  R(SYS(pwritev, 77, &v, 1, 0, 0));
  R(SYS(pwritev, fd, &v, -1, 0, 0));
  R(SYS(pwritev, open("f", O_RDONLY), &v, 1, 0, 0));
}
CASE(pwritev2_errors) {
  struct iovec v = {"x", 1};
  put("f", "x");
  int fd = open("f", O_WRONLY);
  R(SYS(pwritev2, fd, &v, 1, 0, 0, 1 << 20));
  R(SYS(pwritev2, fd, &v, 1, -2, -1, 0));
  R(SYS(pwritev2, 77, &v, 1, 0, 0, 0));
}
CASE(ustat_answers) {
  struct { int free; long inodes; char rest[32]; } u;
  struct stat s;
  stat(".", &s);
  R(SYS(ustat, (unsigned)s.st_dev, &u));
  R(SYS(ustat, 0x7ffff, &u));
  R(SYS(ustat, (unsigned)s.st_dev, BAD));
}
CASE(fstatfs_answers) {
  struct statfs s;
  int fd = open(".", O_RDONLY);
#ifdef __i386__
  R(SYS(fstatfs64, fd, 84, &s));
  R(SYS(fstatfs64, fd, 12, &s));
  R(SYS(fstatfs64, 77, 84, &s));
  R(SYS(statfs64, ".", 84, &s));
  R(SYS(statfs64, ".", 99, &s));
  R(SYS(statfs64, "none", 84, &s));
  R(SYS(statfs64, ".", 84, BAD));
#endif
  R(SYS(fstatfs, fd, &s));
  say("%lx\n", (long)s.f_type);
  R(SYS(fstatfs, 77, &s));
  R(SYS(fstatfs, fd, BAD));
}
CASE(syncfs_answers) { R(SYS(syncfs, open(".", O_RDONLY))); R(SYS(syncfs, 77)); R(SYS(syncfs, open(".", O_PATH))); }

CASE(fork_child) { pid_t child = SYS(fork); if (!child) _exit(5); reap(child); }
CASE(fork_limit) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_NPROC, &none);
  unprivileged();
  R(SYS(fork));
  R(SYS(vfork));
}
CASE(wait_pipe_exit) { pid_t child = SYS(fork); if (!child) SYS(exit, 0x1234); reap(child); }
CASE(times_errors) { struct tms t; OK(SYS(times, &t)); OK(SYS(times, NULL)); R(SYS(times, BAD)); }
CASE(groups_errors) {
  int list[2] = {5, 6};
  R(SYS(setgroups, 65537, list));
  R(SYS(setgroups, 1, BAD));
  R(SYS(setgroups, -1, list));
  unprivileged();
  R(SYS(setgroups, 0, list));
}
CASE(setresuid_errors) { unprivileged(); R(SYS(setresuid, 0, -1, -1)); R(SYS(setresuid, -1, 5, -1)); R(SYS(setresuid, -1, -1, 1000)); R(SYS(setresgid, -1, 0, -1)); R(SYS(setresgid, 1000, 1000, -1)); }
CASE(getrlimit_answers) {
  unsigned long limits[2] = {3, 4};
  R(SYS(setrlimit, RLIMIT_CORE, limits));
  R(SYS(getrlimit, RLIMIT_CORE, limits));
  say("%lu %lu\n", limits[0], limits[1]);
  R(SYS(getrlimit, 16, limits));
  R(SYS(getrlimit, -1, limits));
  R(SYS(getrlimit, RLIMIT_CORE, BAD));
}
CASE(setrlimit_errors) {
  unsigned long limits[2] = {9, 4};
  R(SYS(setrlimit, RLIMIT_CORE, limits));
  R(SYS(setrlimit, 16, limits));
  R(SYS(setrlimit, RLIMIT_CORE, BAD));
  limits[0] = 4;
  R(SYS(setrlimit, RLIMIT_CORE, limits));
  unprivileged();
  limits[1] = 5;
  R(SYS(setrlimit, RLIMIT_CORE, limits));
}
CASE(prlimit_errors) {
  uint64_t limits[2] = {9, 4};
  R(SYS(prlimit64, 0, 16, NULL, limits));
  R(SYS(prlimit64, 0, RLIMIT_CORE, limits, NULL));
  R(SYS(prlimit64, 9999999, RLIMIT_CORE, NULL, limits));
  R(SYS(prlimit64, 0, RLIMIT_CORE, NULL, BAD));
  R(SYS(prlimit64, 0, RLIMIT_CORE, BAD, NULL));
  pid_t parent = getpid();
  CHILD(unprivileged(); R(SYS(prlimit64, parent, RLIMIT_CORE, NULL, limits)));
}
CASE(ioprio_errors) { R(SYS(ioprio_set, 1, 0, 4 << 13)); R(SYS(ioprio_set, 9, 0, 2 << 13)); R(SYS(ioprio_set, 1, 9999999, 2 << 13)); R(SYS(ioprio_set, 1, 0, 2 << 13 | 3)); R(SYS(ioprio_get, 1, 0)); }
CASE(nanosleep_old) {
#ifdef __i386__
  int t[2] = {0, 1000}, bad[2] = {0, 1000000000}, negative[2] = {-1, 0};
#else
  long t[2] = {0, 1000}, bad[2] = {0, 1000000000}, negative[2] = {-1, 0};
#endif
  R(SYS(nanosleep, t, NULL));
  R(SYS(nanosleep, bad, NULL));
  R(SYS(nanosleep, negative, NULL));
  R(SYS(nanosleep, BAD, NULL));
}
CASE(pause_ends) {
  handle(SIGALRM, SA_RESTART);
  struct itimerval soon = {{0, 0}, {0, 10000}};
  setitimer(ITIMER_REAL, &soon, NULL);
  R(SYS(pause));
  say("%d\n", caught);
}
CASE(alarm_rest) { R(SYS(alarm, 100)); R(SYS(alarm, 0)); R(SYS(alarm, 0)); }
CASE(timerfd_gettime_errors) {
  struct itimerspec t;
  R(SYS(timerfd_gettime, 77, &t));
  R(SYS(timerfd_gettime, 0, &t));
  R(SYS(timerfd_gettime, timerfd_create(CLOCK_MONOTONIC, 0), BAD));
}
CASE(semop_old) {
  int id = SYS(semget, 0, 1, 0600);
  R(id >= 0);
  struct { unsigned short number; short change, flags; } up = {0, 1, 0}, down = {0, -2, 04000}, high = {9, 1, 0};
#ifdef __i386__
#define SEMOP(id, operations, count) SYS(ipc, 1, id, count, 0, operations, 0)
#else
#define SEMOP(id, operations, count) SYS(semop, id, operations, count)
#endif
  R(SEMOP(id, &up, 1));
  R(SEMOP(id, &down, 1));
  R(SEMOP(id, &high, 1));
  R(SEMOP(id, &up, 0));
  R(SEMOP(id, BAD, 1));
  R(SEMOP(id, &up, 501));
  R(SEMOP(-1, &up, 1));
}
CASE(syslog_answers) {
  char text[64];
  OK(SYS(syslog, 10, NULL, 0));
  R(SYS(syslog, 0, NULL, 0));
  R(SYS(syslog, 1, NULL, 0));
  R(SYS(syslog, 11, NULL, 0));
  R(SYS(syslog, 3, NULL, 5));
  R(SYS(syslog, 3, text, -1));
  R(SYS(syslog, 8, NULL, 9));
}
CASE(adjtimex_reads) {
  int words[64] = {0};
  OK(SYS(adjtimex, words) < 0);
  R(SYS(adjtimex, BAD));
  memset(words, 0, sizeof words);
  words[0] = 0x4000;
  unprivileged();
  R(SYS(adjtimex, words));
}
CASE(rt_sigsuspend_ends) {
  handle(SIGUSR1, 0);
  sigset_t block, none;
  sigemptyset(&none);
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigprocmask(SIG_BLOCK, &block, NULL);
  raise(SIGUSR1);
  say("%d\n", caught);
  R(SYS(rt_sigsuspend, &none, 8));
  say("%d\n", caught == SIGUSR1);
  R(SYS(rt_sigsuspend, &none, 4));
  R(SYS(rt_sigsuspend, BAD, 8));
}
CASE(settimeofday_nothing) { R(SYS(settimeofday, NULL, NULL)); R(SYS(settimeofday, BAD, NULL)); }
CASE(acct_off) { R(SYS(acct, NULL)); unprivileged(); R(SYS(acct, NULL)); }
static void heard(int signal) { char text[] = "signal 00\n"; text[7] += signal / 10; text[8] += signal % 10; write(1, text, 10); }
CASE(vhangup_takes_the_terminal) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  R(master >= 0);
  grantpt(master);
  unlockpt(master);
  char *name = ptsname(master), text[9];
  CHILD(
    setsid();
    signal(SIGHUP, heard);
    int fd = open(name, O_RDWR);
    struct pollfd one = {fd, POLLIN | POLLOUT};
    R(SYS(vhangup));
    R(read(fd, text, 9));
    R(write(fd, "x", 1));
    R(poll(&one, 1, 0));
    say("%x %d\n", one.revents, isatty(fd));
    R(open("/dev/tty", O_RDWR));
    close(fd);
    fd = open(name, O_RDWR);
    R(fd >= 0);
    R(write(fd, "again", 5));
    R(isatty(fd)));
  R(read(master, text, 9));
}
CASE(vhangup_without_terminal) { CHILD(setsid(); R(SYS(vhangup))); unprivileged(); R(SYS(vhangup)); }
CASE(no_free_number) {
  struct rlimit limit = {3, 3};
  setrlimit(RLIMIT_NOFILE, &limit);
  R(SYS(eventfd, 0));
  R(SYS(inotify_init));
  R(SYS(epoll_create, 1));
}
CASE(remap_file_pages_turns) {
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  pwrite(fd, "first", 6, 0);
  pwrite(fd, "second", 7, 4096);
  char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  R(SYS(remap_file_pages, at, 4096, 0, 1, 0));
  say("%s\n", at);
  R(SYS(remap_file_pages, at, 4096, PROT_READ, 1, 0));
  R(SYS(remap_file_pages, BAD, 4096, 0, 1, 0));
}
CASE(queue_to_thread) {
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
  handle(SIGUSR1, 0);
  R(SYS(rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
  say("%d\n", caught == SIGUSR1);
  R(SYS(rt_tgsigqueueinfo, getpid(), 9999999, SIGUSR1, &info));
  R(SYS(rt_tgsigqueueinfo, -1, getpid(), SIGUSR1, &info));
  R(SYS(rt_tgsigqueueinfo, getpid(), getpid(), 99, &info));
  R(SYS(rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, BAD));
}
#ifndef __i386__
CASE(thread_areas_of_amd64) { R(SYS(set_thread_area, BAD)); R(SYS(get_thread_area, BAD)); }
#endif
CASE(epoll_pwait_masks) {
  struct epoll_event event = {EPOLLOUT, {.u32 = 7}}, found;
  uint64_t mask = 1 << (SIGUSR1 - 1);
  int fds[2], epoll = epoll_create1(0);
  pipe(fds);
  epoll_ctl(epoll, EPOLL_CTL_ADD, fds[1], &event);
  R(SYS(epoll_pwait, epoll, &found, 1, 0, &mask, 8));
  say("%x %u\n", found.events, found.data.u32);
  R(SYS(epoll_pwait, epoll, &found, 0, 0, &mask, 8));
  R(SYS(epoll_pwait, epoll, &found, 1, 0, &mask, 4));
  R(SYS(epoll_pwait, 0, &found, 1, 0, NULL, 8));
}
