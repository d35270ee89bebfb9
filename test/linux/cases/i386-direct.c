// Calls of i386 for which its C library makes others: socketcall and ipc, those of wider IDs, offsets and times; made by their
// own numbers here (syscalls(2), the man page of each).
#include "case.h"
#include <sys/mount.h>
#include <sys/statfs.h>

#ifdef __i386__

CASE(ids_of_16_bits_set) { R(SYS(setreuid, 5, 6)); R(SYS(getuid)); R(SYS(geteuid)); }
CASE(setuid_of_16_bits) { R(SYS(setuid, 65536 + 5)); R(SYS(getuid)); }
CASE(groups_of_16_bits_errors) { unsigned short list[2]; SYS(setgroups32, 2, ((unsigned[]){1, 2})); R(SYS(getgroups, 1, list)); R(SYS(getgroups, -1, list)); }
CASE(umount_own) { SYS(unshare, CLONE_NEWNS); mount("none", "/", NULL, 0x44000, NULL); mkdir("m", 0755); R(mount("none", "m", "tmpfs", 0, "")); R(SYS(umount, "m")); }
CASE(lseek_of_32_bits) { put("f", "abc"); int fd = open("f", O_RDONLY), fds[2]; pipe(fds); R(SYS(lseek, fd, 2, SEEK_SET)); R(SYS(lseek, fd, -3, SEEK_CUR)); R(SYS(lseek, fd, 0, 9)); R(SYS(lseek, 77, 0, 0)); R(SYS(lseek, fds[0], 0, 0)); }
CASE(fcntl_of_32_bits) {
  put("f", "abc");
  int fd = open("f", O_RDWR);
  struct { short type, whence; int start, length, pid; } lock = {F_WRLCK, SEEK_SET, 1, 1, 0};
  R(SYS(fcntl, fd, 6, &lock));
  CHILD(R(SYS(fcntl, fd, 6, &lock)); R(SYS(fcntl, fd, 5, &lock)); say("%d %d\n", lock.type, lock.start));
  R(SYS(fcntl, 77, F_GETFD, 0));
  R(SYS(fcntl, fd, 6, BAD));
}
CASE(shared_memory_direct) {
  int id = SYS(shmget, 0, 4096, 0600);
  R(id >= 0);
  char *at = (char *)SYS(shmat, id, NULL, 0);
  *at = 1;
  R(SYS(shmctl, id, 0, NULL));
  R(SYS(shmdt, at));
  R(SYS(shmdt, at));
  R(SYS(shmat, -1, NULL, 0));
  R(SYS(shmctl, -1, 0, NULL));
  R(SYS(shmget, 0, 0, 0600));
}
CASE(queue_direct) {
  struct { long type; char text[4]; } message = {1, "abc"};
  int id = SYS(msgget, 0, 0600);
  R(id >= 0);
  R(SYS(msgget, 77, 0));
  R(SYS(msgsnd, id, &message, 4, 0));
  R(SYS(msgsnd, id, &message, -1, 0));
  R(SYS(msgrcv, id, &message, 4, 0, 0));
  R(SYS(msgrcv, id, &message, 4, 0, 04000));
  R(SYS(msgctl, id, 0, NULL));
  R(SYS(msgctl, id, 0, NULL));
}
CASE(semaphores_direct) { int id = SYS(semget, 0, 1, 0600); R(SYS(semget, 0, -1, 0600)); R(SYS(semctl, id, 0, 16, 5)); R(SYS(semctl, id, 0, 12, 0)); R(SYS(semctl, id, 7, 12, 0)); R(SYS(semctl, id, 0, 0, 0)); }
CASE(times_of_32_bits) {
  int now[2], zone[2], timer, values[4], later[4] = {0, 0, 1000, 0}, wrong[4] = {0, 0, -1, 0};
  struct sigevent none = {.sigev_notify = SIGEV_NONE};
  R(SYS(gettimeofday, now, zone));
  R(SYS(gettimeofday, BAD, zone));
  R(SYS(clock_gettime, 1, now));
  R(SYS(clock_gettime, 99, now));
  R(SYS(clock_getres, 1, now));
  say("%d %d\n", now[0], now[1]);
  R(SYS(clock_getres, 99, now));
  R(SYS(clock_settime, 1, now));
  R(SYS(timer_create, CLOCK_MONOTONIC, &none, &timer));
  R(SYS(timer_settime, timer, 0, later, NULL));
  R(SYS(timer_settime, timer, 0, wrong, NULL));
  R(SYS(timer_gettime, timer, values));
  say("%d\n", values[2] >= 998);
  R(SYS(timer_gettime, 99, values));
  int fd = SYS(timerfd_create, CLOCK_MONOTONIC, 0);
  R(SYS(timerfd_settime, fd, 0, later, NULL));
  R(SYS(timerfd_settime, fd, 0, wrong, NULL));
  R(SYS(timerfd_gettime, fd, values));
  R(SYS(timerfd_gettime, 77, values));
  char words[256] = {0};
  OK(SYS(clock_adjtime, CLOCK_REALTIME, words) < 0);
  R(SYS(clock_adjtime, CLOCK_MONOTONIC, words));
  R(SYS(clock_adjtime, CLOCK_REALTIME, BAD));
}
CASE(statfs_of_32_bits) { struct statfs s; R(SYS(statfs, ".", &s)); R(SYS(statfs, "none", &s)); R(SYS(statfs, ".", BAD)); }
CASE(sockets_direct) {
  struct { unsigned short family; char path[8]; } name = {1, "s"}, none = {1, "none"};
  char text[8] = "abc", found[16];
  unsigned length = sizeof found, value, size = sizeof value;
  struct iovec v = {text, 3};
  struct { struct { void *name; unsigned name_length; struct iovec *iov; unsigned count; void *control; unsigned control_length, flags; } header; unsigned length; } m = {{NULL, 0, &v, 1}};
  int fds[2], server = SYS(socket, 1, 1, 0), client = SYS(socket, 1, 1, 0);
  R(server);
  R(SYS(socket, 99, 1, 0));
  R(SYS(bind, server, &name, 4));
  R(SYS(bind, server, &none, 7));
  R(SYS(listen, server, 1));
  R(SYS(listen, 0, 1));
  R(SYS(connect, client, &none, 7));
  R(SYS(connect, client, &name, 4));
  int peer = R(SYS(accept4, server, NULL, NULL, 0));
  R(SYS(accept4, server, NULL, NULL, 1));
  R(SYS(getsockname, server, found, &length));
  R(SYS(getsockname, 0, found, &length));
  R(SYS(getpeername, client, found, &length));
  R(SYS(getpeername, server, found, &length));
  R(SYS(sendto, client, text, 3, 0, NULL, 0));
  R(SYS(sendto, 0, text, 3, 0, NULL, 0));
  R(SYS(recvfrom, peer, text, 3, 0, NULL, NULL));
  R(SYS(recvfrom, peer, text, 3, 0x40, NULL, NULL));
  R(SYS(sendmsg, client, &m.header, 0));
  R(SYS(sendmsg, 0, &m.header, 0));
  R(SYS(recvmsg, peer, &m.header, 0));
  R(SYS(recvmsg, peer, &m.header, 0x40));
  R(SYS(sendto, client, text, 3, 0, NULL, 0));
  R(SYS(recvmmsg, peer, &m, 1, 0, NULL));
  R(SYS(recvmmsg, peer, &m, 1, 0x40, NULL));
  value = 1;
  R(SYS(setsockopt, client, 1, 16, &value, 4));
  R(SYS(setsockopt, client, 1, 999, &value, 4));
  R(SYS(getsockopt, client, 1, 3, &value, &size));
  R(SYS(getsockopt, client, 1, 999, &value, &size));
  R(SYS(shutdown, client, 1));
  R(SYS(shutdown, client, 9));
  R(SYS(socketpair, 1, 1, 0, fds));
  R(SYS(socketpair, 99, 1, 0, fds));
}
CASE(arch_prctl_of_i386) { R(SYS(arch_prctl, 0x1002, 0)); }


/** struct __old_kernel_stat. */
struct first_stat { unsigned short st_dev, st_ino, st_mode, st_nlink, st_uid, st_gid, st_rdev; unsigned st_size, st_atime_, st_mtime_, st_ctime_; };
#define FIRST(call, s) ({ if (R(call) == 0) say("inode %d mode %o of %d:%d size %d\n", (s).st_ino, (s).st_mode, (s).st_uid, (s).st_gid, (s).st_size); })
CASE(oldstat_of_a_small_number) { struct first_stat s; FIRST(SYS(oldstat, "/proc", &s), s); }
CASE(oldstat_errors) { struct first_stat s; R(SYS(oldstat, "none", &s)); R(SYS(oldstat, "/proc", BAD)); R(SYS(oldstat, BAD, &s)); }
CASE(oldlstat_of_a_small_number) { struct first_stat s; FIRST(SYS(oldlstat, "/proc", &s), s); R(SYS(symlink, "/proc/.", "l")); R(SYS(oldlstat, "none", &s)); R(SYS(oldlstat, "/proc", BAD)); }
CASE(oldfstat_of_a_small_number) { struct first_stat s; int fd = open("/proc", O_RDONLY); FIRST(SYS(oldfstat, fd, &s), s); R(SYS(oldfstat, 77, &s)); R(SYS(oldfstat, fd, BAD)); }
CASE(oldstat_of_a_large_number) { struct first_stat s; R(SYS(oldstat, "/proc/self/ns/uts", &s)); }
CASE(readdir_reads_one_by_one) {
  struct { unsigned ino, offset; unsigned short length; char name[256]; } entry;
  put("one", "");
  int fd = open(".", O_RDONLY), found = 0;
  while (SYS(readdir, fd, &entry, 77) == 1) {
    found++;
    if (!strcmp(entry.name, "one")) say("one: %d bytes, has inode %d\n", entry.length, entry.ino != 0);
  }
  say("%d entries\n", found);
  R(SYS(readdir, fd, &entry, 1));
}
CASE(readdir_errors) { char b[300]; R(SYS(readdir, 77, b, 1)); R(SYS(readdir, 0, b, 1)); R(SYS(readdir, open(".", O_RDONLY), BAD, 1)); }
CASE(olduname_tells) { char b[5][65]; R(SYS(sethostname, "a-name-of-many", 14)); R(SYS(olduname, b)); say("%s %s\n", b[0], b[1]); R(SYS(olduname, BAD)); R(SYS(olduname, NULL)); }
CASE(oldolduname_tells) { char b[5][9]; R(SYS(sethostname, "a-name-of-many", 14)); R(SYS(oldolduname, b)); say("%s %s\n", b[0], b[1]); R(SYS(oldolduname, BAD)); R(SYS(oldolduname, NULL)); }

#else
CASE(none) { say("the calls are i386's\n"); }
#endif
