// read(2), write(2), lseek(2), dup(2), fcntl(2), pipe(2), readv(2), sendfile(2), getdents64(2), ftruncate(2), ...
#include "case.h"
#include <dirent.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

static char buffer[8192];

static int file(const char *text) {
  put("file", text);
  return open("file", O_RDWR);
}

ONE(read_bad_descriptor, read(77, buffer, 1))
ONE(read_negative_descriptor, read(-1, buffer, 1))
ONE(write_bad_descriptor, write(77, buffer, 1))
ONE(close_bad_descriptor, close(77))
ONE(close_negative, close(-1))
ONE(fsync_bad_descriptor, fsync(77))
ONE(fdatasync_bad_descriptor, fdatasync(77))
ONE(lseek_bad_descriptor, lseek(77, 0, SEEK_SET))
ONE(dup_bad_descriptor, dup(77))
ONE(dup2_bad_descriptor, dup2(77, 5))
ONE(dup3_same, SYS(dup3, 1, 1, 0))
ONE(dup3_bad_flags, SYS(dup3, 1, 5, 12345))
ONE(fcntl_bad_descriptor, fcntl(77, F_GETFD))
ONE(fcntl_bad_operation, fcntl(1, 9999))
ONE(ftruncate_bad_descriptor, ftruncate(77, 0))
ONE(fstat_bad_descriptor, SYS(fstat, 77, buffer))
ONE(fchdir_bad_descriptor, fchdir(77))
ONE(fchmod_bad_descriptor, fchmod(77, 0644))
ONE(fchown_bad_descriptor, fchown(77, 0, 0))
ONE(fstatfs_bad_descriptor, fstatfs(77, (void *)buffer))
ONE(getdents_bad_descriptor, SYS(getdents64, 77, buffer, 100))
ONE(ioctl_bad_descriptor, ioctl(77, FIONREAD, buffer))
ONE(readv_bad_descriptor, readv(77, (struct iovec[]){{buffer, 1}}, 1))
ONE(pread_bad_descriptor, pread(77, buffer, 1, 0))
ONE(pwrite_bad_descriptor, pwrite(77, buffer, 1, 0))
ONE(sendfile_bad_output, sendfile(77, 0, NULL, 1))
ONE(sendfile_bad_input, sendfile(1, 77, NULL, 1))
ONE(pipe_bad_address, SYS(pipe2, BAD, 0))
ONE(pipe2_bad_flags, SYS(pipe2, buffer, 1))
ONE(close_range_backwards, SYS(close_range, 10, 5, 0))
ONE(close_range_bad_flags, SYS(close_range, 3, 5, 64))
ONE(close_range_empty, SYS(close_range, 40, 50, 0))

CASE(read_write_only) { int fd = open("a", O_WRONLY | O_CREAT, 0600); R(read(fd, buffer, 1)); }
CASE(write_read_only) { put("a", "x"); int fd = open("a", O_RDONLY); R(write(fd, "y", 1)); }
CASE(read_directory) { int fd = open(".", O_RDONLY); R(read(fd, buffer, 1)); }
CASE(read_at_end) { int fd = file("abc"); R(read(fd, buffer, 10)); R(read(fd, buffer, 10)); }
CASE(read_bad_address) { int fd = file("abc"); R(read(fd, BAD, 3)); R(lseek(fd, 0, SEEK_CUR)); }
CASE(read_zero_bad_address) { int fd = file("abc"); R(read(fd, BAD, 0)); }
CASE(read_partly_bad_address) {
  int fd = file("abcdefgh");
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  R(read(fd, page + 4092, 8));
  say("%.4s\n", page + 4092);
}
CASE(write_bad_address) { int fd = file(""); R(write(fd, BAD, 3)); }
CASE(write_partly_bad_address) {
  int fd = file("");
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(page, 'x', 8192);
  munmap(page + 4096, 4096);
  R(write(fd, page + 4092, 8));
  R(lseek(fd, 0, SEEK_END));
}
CASE(write_append) {
  int fd = open("a", O_RDWR | O_CREAT | O_APPEND, 0600);
  R(write(fd, "one", 3));
  R(lseek(fd, 0, SEEK_SET));
  R(write(fd, "two", 3));
  R(lseek(fd, 0, SEEK_CUR));
  show("a");
}
CASE(write_hole) {
  int fd = file("");
  R(lseek(fd, 5, SEEK_SET));
  R(write(fd, "x", 1));
  R(pread(fd, buffer, 10, 0));
  say("%d %c\n", buffer[2], buffer[5]);
}
CASE(write_file_too_big) {
  struct { unsigned long soft, hard; } limit = {10, 10};
  signal(SIGXFSZ, SIG_IGN);
  int fd = file("");
  R(SYS(setrlimit, 1, &limit));
  R(write(fd, "0123456789abc", 13));
  R(write(fd, "x", 1));
}
CASE(write_file_too_big_signal) {
  struct { unsigned long soft, hard; } limit = {0, 0};
  int fd = file("");
  R(SYS(setrlimit, 1, &limit));
  R(write(fd, "x", 1));
}
CASE(truncate_file_too_big) {
  struct { unsigned long soft, hard; } limit = {10, 10};
  signal(SIGXFSZ, SIG_IGN);
  int fd = file("");
  SYS(setrlimit, 1, &limit);
  R(ftruncate(fd, 11));
  R(ftruncate(fd, 10));
}
CASE(lseek_whences) {
  int fd = file("0123456789");
  R(lseek(fd, 3, SEEK_SET));
  R(lseek(fd, 3, SEEK_CUR));
  R(lseek(fd, -2, SEEK_END));
  R(lseek(fd, 100, SEEK_END));
}
CASE(lseek_negative) { int fd = file("abc"); R(lseek(fd, -1, SEEK_SET)); R(lseek(fd, -4, SEEK_END)); }
CASE(lseek_bad_whence) { int fd = file("abc"); R(lseek(fd, 0, 9)); }
CASE(lseek_pipe) { int p[2]; pipe(p); R(lseek(p[0], 0, SEEK_CUR)); }
CASE(dup_shares_offset) {
  int fd = file("abcdef");
  int other = R(dup(fd));
  R(read(fd, buffer, 2));
  R(lseek(other, 0, SEEK_CUR));
}
CASE(dup2_same) { R(dup2(1, 1)); }
CASE(dup2_replaces) { int fd = file("abc"); R(dup2(fd, 9)); R(close(fd)); R(read(9, buffer, 3)); }
CASE(dup2_negative) { R(dup2(1, -1)); }
CASE(dup2_beyond_limit) { R(dup2(1, 1 << 30)); }
CASE(dup3_cloexec) { R(dup3(1, 9, O_CLOEXEC)); R(fcntl(9, F_GETFD)); }
CASE(dup_lowest) { int a = dup(1), b = dup(1); close(a); R(dup(1)); (void)b; }
CASE(dup_drops_cloexec) { int fd = open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0600); R(fcntl(fd, F_GETFD)); R(fcntl(dup(fd), F_GETFD)); }
CASE(descriptors_run_out) {
  struct { unsigned long soft, hard; } limit = {5, 5};
  SYS(setrlimit, 7, &limit);
  R(dup(1));
  R(dup(1));
  R(dup(1));
  R(open("/dev/null", O_RDONLY));
  R(SYS(pipe, buffer));
  R(dup2(1, 5));
}
CASE(fcntl_dupfd_from) { R(fcntl(1, F_DUPFD, 20)); R(fcntl(1, F_DUPFD, 20)); }
CASE(fcntl_dupfd_negative) { R(fcntl(1, F_DUPFD, -1)); }
CASE(fcntl_dupfd_cloexec) { int fd = R(fcntl(1, F_DUPFD_CLOEXEC, 30)); R(fcntl(fd, F_GETFD)); }
CASE(fcntl_setfd) { int fd = file("x"); R(fcntl(fd, F_SETFD, 1)); R(fcntl(fd, F_GETFD)); R(fcntl(fd, F_SETFD, 0)); R(fcntl(fd, F_GETFD)); }
CASE(fcntl_getfl) {
  int fd = open("f", O_RDWR | O_CREAT | O_APPEND | O_TRUNC, 0600);
  say("%#x\n", fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000);
}
CASE(fcntl_setfl) {
  int fd = file("x");
  R(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND));
  say("%#x\n", fcntl(fd, F_GETFL) & ~0100000);
  R(fcntl(fd, F_SETFL, O_WRONLY));
  say("%#x\n", fcntl(fd, F_GETFL) & ~0100000);
}
CASE(path_descriptor_does_nothing) {
  put("f", "x");
  mkdir("d", 0700);
  int fd = open("f", O_PATH), directory = open("d", O_PATH), queue = epoll_create1(0);
  struct pollfd asked = {fd, POLLIN};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  R(ftruncate(fd, 0));
  R(lseek(fd, 0, SEEK_SET));
  R(listen(fd, 1));
  R(accept(fd, NULL, NULL));
  R(SYS(getdents64, directory, buffer, sizeof buffer));
  R(epoll_ctl(queue, EPOLL_CTL_ADD, fd, &(struct epoll_event){EPOLLIN}));
  R(epoll_ctl(fd, EPOLL_CTL_ADD, queue, &(struct epoll_event){EPOLLIN}));
  R(poll(&asked, 1, 0));
  say("%#x\n", asked.revents);
  R(select(fd + 1, &set, NULL, NULL, NULL));
  R(signalfd(fd, &(sigset_t){0}, 0));
  R(inotify_add_watch(fd, "f", IN_OPEN));
  R(splice(fd, NULL, fd, NULL, 1, 0));
}
CASE(path_descriptor_can_be_passed_on) { put("f", "x"); int fd = open("f", O_PATH); struct statfs s; R(fstatfs(fd, &s)); OK(dup(fd)); R(dup2(fd, fd) == fd); R(dup2(fd, 50)); struct stat of; R(fstat(50, &of)); say("%d\n", (int)of.st_size); }
CASE(fcntl_path_descriptor) { put("f", "x"); int fd = open("f", O_PATH); R(fcntl(fd, F_SETFL, O_NONBLOCK)); R(fcntl(fd, F_GETFD)); }
CASE(fcntl_pipe_size) { int p[2]; pipe(p); R(fcntl(p[0], F_GETPIPE_SZ)); R(fcntl(p[0], F_SETPIPE_SZ, 5000)); R(fcntl(p[1], F_GETPIPE_SZ)); }
CASE(fcntl_pipe_size_of_file) { int fd = file("x"); R(fcntl(fd, F_GETPIPE_SZ)); }
CASE(fcntl_owner) { int p[2]; pipe(p); R(fcntl(p[0], F_GETOWN)); R(fcntl(p[0], F_SETOWN, getpid())); say("%d\n", fcntl(p[0], F_GETOWN) == getpid()); }
CASE(fcntl_signal) { int p[2]; pipe(p); R(fcntl(p[0], F_GETSIG)); R(fcntl(p[0], F_SETSIG, 10)); R(fcntl(p[0], F_GETSIG)); R(fcntl(p[0], F_SETSIG, 100)); }
CASE(pipe_basic) { int p[2]; R(pipe(p)); say("%d %d\n", p[0], p[1]); R(write(p[1], "hello", 5)); R(read(p[0], buffer, 100)); }
CASE(pipe_end_of_file) { int p[2]; pipe(p); write(p[1], "x", 1); close(p[1]); R(read(p[0], buffer, 10)); R(read(p[0], buffer, 10)); }
CASE(pipe_broken) { int p[2]; pipe(p); close(p[0]); signal(SIGPIPE, SIG_IGN); R(write(p[1], "x", 1)); }
CASE(pipe_broken_signal) { int p[2]; pipe(p); close(p[0]); R(write(p[1], "x", 1)); }
CASE(pipe_read_from_write_end) { int p[2]; pipe(p); R(read(p[1], buffer, 1)); R(write(p[0], buffer, 1)); }
CASE(pipe_nonblocking_empty) { int p[2]; pipe2(p, O_NONBLOCK); R(read(p[0], buffer, 1)); }
CASE(pipe_nonblocking_full) {
  int p[2];
  pipe2(p, O_NONBLOCK);
  long total = 0, count;
  while ((count = write(p[1], buffer, 4096)) > 0) total += count;
  say("%ld %s\n", total, error_name(errno));
  R(write(p[1], buffer, 1));
  R(read(p[0], buffer, 4096));
  R(write(p[1], buffer, 4096));
}
CASE(pipe_partial_write) {
  int p[2];
  pipe2(p, O_NONBLOCK);
  static char big[70000];
  R(write(p[1], big, sizeof big));
}
CASE(pipe_zero_write) { int p[2]; pipe(p); R(write(p[1], "", 0)); int n = -1; R(ioctl(p[0], FIONREAD, &n)); say("%d\n", n); }
CASE(pipe_bytes_waiting) { int p[2]; pipe(p); write(p[1], "12345", 5); int n = -1; R(ioctl(p[0], FIONREAD, &n)); say("%d\n", n); }
CASE(pipe_flags) { int p[2]; pipe2(p, O_CLOEXEC | O_NONBLOCK); R(fcntl(p[0], F_GETFD)); say("%#x %#x\n", fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL)); }
CASE(pipe_packets) { int p[2]; R(pipe2(p, O_DIRECT)); write(p[1], "abc", 3); write(p[1], "de", 2); R(read(p[0], buffer, 10)); R(read(p[0], buffer, 1)); R(fcntl(p[0], F_SETFL, O_NONBLOCK)); R(read(p[0], buffer, 1)); }
CASE(pipe_child_blocks) {
  int p[2];
  pipe(p);
  CHILD({ close(p[0]); pause_ms(5); write(p[1], "late", 4); });
  close(p[1]);
  R(read(p[0], buffer, 10));
}
CASE(pipe_fstat) { int p[2]; pipe(p); struct stat s; R(fstat(p[0], &s)); say("%o %ld\n", s.st_mode, (long)s.st_size); }
CASE(readv_two) {
  int fd = file("abcdefgh");
  char a[3], b[10];
  R(readv(fd, (struct iovec[]){{a, 3}, {b, 10}}, 2));
  say("%.3s %.5s\n", a, b);
}
CASE(readv_too_many) { int fd = file("x"); R(readv(fd, (void *)buffer, 1025)); }
CASE(readv_negative_count) { int fd = file("x"); R(readv(fd, (void *)buffer, -1)); }
CASE(readv_none) { int fd = file("x"); R(readv(fd, (void *)buffer, 0)); }
CASE(readv_bad_vector) { int fd = file("x"); R(SYS(readv, fd, BAD, 1)); }
CASE(readv_negative_length) { int fd = file("x"); R(readv(fd, (struct iovec[]){{buffer, (size_t)-1}}, 1)); }
CASE(writev_two) { int fd = file(""); R(writev(fd, (struct iovec[]){{"ab", 2}, {"", 0}, {"cde", 3}}, 3)); show("file"); }
CASE(writev_partly_bad) { int fd = file(""); R(writev(fd, (struct iovec[]){{"ab", 2}, {BAD, 3}}, 2)); show("file"); }
CASE(pread_keeps_offset) { int fd = file("abcdef"); R(pread(fd, buffer, 3, 2)); R(lseek(fd, 0, SEEK_CUR)); }
CASE(pread_negative) { int fd = file("abc"); R(pread(fd, buffer, 1, -1)); }
CASE(pread_beyond_end) { int fd = file("abc"); R(pread(fd, buffer, 1, 100)); }
CASE(pread_pipe) { int p[2]; pipe(p); R(pread(p[0], buffer, 1, 0)); R(pwrite(p[1], buffer, 1, 0)); }
CASE(pwrite_keeps_offset) { int fd = file("abcdef"); R(pwrite(fd, "XY", 2, 1)); R(lseek(fd, 0, SEEK_CUR)); show("file"); }
CASE(pwrite_append) { put("file", "abc"); int fd = open("file", O_RDWR | O_APPEND); R(pwrite(fd, "X", 1, 0)); show("file"); }
CASE(preadv_offset) { int fd = file("abcdef"); R(preadv(fd, (struct iovec[]){{buffer, 2}, {buffer + 10, 2}}, 2, 1)); say("%.2s%.2s\n", buffer, buffer + 10); }
CASE(pwritev_offset) { int fd = file("abcdef"); R(pwritev(fd, (struct iovec[]){{"1", 1}, {"2", 1}}, 2, 4)); show("file"); }
CASE(preadv2_current_offset) { int fd = file("abcdef"); R(preadv2(fd, (struct iovec[]){{buffer, 2}}, 1, -1, 0)); R(lseek(fd, 0, SEEK_CUR)); }
CASE(preadv2_bad_flags) { int fd = file("abc"); R(preadv2(fd, (struct iovec[]){{buffer, 2}}, 1, 0, 0x10000)); }
CASE(pwritev2_append) { int fd = file("abc"); R(pwritev2(fd, (struct iovec[]){{"x", 1}}, 1, 0, RWF_APPEND)); show("file"); }
CASE(ftruncate_grows) { int fd = file("abc"); R(ftruncate(fd, 10)); R(lseek(fd, 0, SEEK_END)); R(pread(fd, buffer, 10, 0)); say("%d\n", buffer[9]); }
CASE(ftruncate_shrinks) { int fd = file("abcdef"); R(ftruncate(fd, 2)); R(ftruncate(fd, 6)); R(pread(fd, buffer, 10, 0)); say("%.2s %d\n", buffer, buffer[3]); }
CASE(ftruncate_negative) { int fd = file("abc"); R(ftruncate(fd, -1)); }
CASE(ftruncate_read_only) { put("a", "x"); int fd = open("a", O_RDONLY); R(ftruncate(fd, 0)); }
CASE(ftruncate_pipe) { int p[2]; pipe(p); R(ftruncate(p[1], 0)); }
CASE(truncate_missing) { R(truncate("missing", 0)); }
CASE(truncate_directory) { mkdir("d", 0700); R(truncate("d", 0)); }
CASE(truncate_negative) { put("f", "x"); R(truncate("f", -5)); }
CASE(truncate_denied) { put("f", "x"); chmod("f", 0444); unprivileged(); R(truncate("f", 0)); }
CASE(sendfile_to_pipe) { int fd = file("abcdef"); int p[2]; pipe(p); R(sendfile(p[1], fd, NULL, 4)); R(lseek(fd, 0, SEEK_CUR)); R(read(p[0], buffer, 10)); }
CASE(sendfile_offset) { int fd = file("abcdef"); int p[2]; pipe(p); off_t at = 2; R(sendfile(p[1], fd, &at, 10)); say("%ld\n", (long)at); R(lseek(fd, 0, SEEK_CUR)); }
CASE(sendfile_from_pipe) { int p[2]; pipe(p); int fd = file(""); write(p[1], "x", 1); R(sendfile(fd, p[0], NULL, 1)); }
CASE(sendfile_negative_offset) { int fd = file("abc"); off_t at = -1; R(sendfile(1, fd, &at, 1)); }
CASE(getdents_small_buffer) { int fd = open(".", O_RDONLY); R(SYS(getdents64, fd, buffer, 4)); }
CASE(getdents_of_file) { int fd = file("x"); R(SYS(getdents64, fd, buffer, 1000)); }
CASE(getdents_names) {
  put("a", "");
  mkdir("b", 0700);
  symlink("a", "c");
  DIR *dir = opendir(".");
  char seen[4] = {0};
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    seen[entry->d_name[0] - 'a'] = entry->d_type;
  }
  say("%d %d %d\n", seen[0], seen[1], seen[2]);
}
CASE(getdents_rewind) {
  put("a", "");
  int fd = open(".", O_RDONLY);
  long first = SYS(getdents64, fd, buffer, sizeof buffer);
  R(SYS(getdents64, fd, buffer, sizeof buffer));
  R(lseek(fd, 0, SEEK_SET));
  say("%d\n", SYS(getdents64, fd, buffer, sizeof buffer) == first);
}
CASE(getdents_removed) { mkdir("d", 0700); int fd = open("d", O_RDONLY); rmdir("d"); R(SYS(getdents64, fd, buffer, sizeof buffer)); }
CASE(dev_null) { int fd = open("/dev/null", O_RDWR); R(write(fd, "abc", 3)); R(read(fd, buffer, 3)); R(lseek(fd, 10, SEEK_SET)); }
CASE(dev_zero) { int fd = open("/dev/zero", O_RDWR); buffer[0] = 1; R(read(fd, buffer, 3)); say("%d\n", buffer[0]); R(write(fd, "abc", 3)); }
CASE(dev_full) { int fd = open("/dev/full", O_RDWR); R(write(fd, "abc", 3)); R(read(fd, buffer, 3)); }
CASE(ioctl_not_a_terminal) { int fd = file("x"); R(ioctl(fd, 0x5401, buffer)); }
CASE(ioctl_fionbio) { int p[2]; pipe(p); int on = 1; R(ioctl(p[0], FIONBIO, &on)); R(read(p[0], buffer, 1)); }
CASE(ioctl_cloexec) { int fd = file("x"); R(ioctl(fd, FIOCLEX)); R(fcntl(fd, F_GETFD)); R(ioctl(fd, FIONCLEX)); R(fcntl(fd, F_GETFD)); }
CASE(ioctl_fionread_file) { int fd = file("abcdef"); int n = 0; read(fd, buffer, 2); R(ioctl(fd, FIONREAD, &n)); say("%d\n", n); }
CASE(fsync_pipe) { int p[2]; pipe(p); R(fsync(p[0])); }
CASE(fsync_file) { int fd = file("x"); R(fsync(fd)); R(fdatasync(fd)); }
CASE(fadvise_ok) { int fd = file("abc"); R(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL)); }
CASE(fadvise_bad_advice) { int fd = file("abc"); R(posix_fadvise(fd, 0, 0, 77)); }
CASE(fadvise_pipe) { int p[2]; pipe(p); R(posix_fadvise(p[0], 0, 0, 0)); }
CASE(fadvise_bad_descriptor) { R(posix_fadvise(77, 0, 0, 0)); }
CASE(readahead_file) { int fd = file("abc"); R(readahead(fd, 0, 10)); }
CASE(readahead_bad) { R(readahead(77, 0, 10)); int p[2]; pipe(p); R(readahead(p[0], 0, 1)); }
CASE(sync_range) { int fd = file("abc"); R(sync_file_range(fd, 0, 0, 7)); R(sync_file_range(fd, 0, 0, 8)); R(sync_file_range(fd, -1, 0, 1)); }
CASE(close_range_closes) { dup(1); dup(1); R(SYS(close_range, 3, 4, 0)); R(fcntl(3, F_GETFD)); R(fcntl(4, F_GETFD)); }
CASE(close_range_cloexec) { dup(1); R(SYS(close_range, 3, ~0U, 4)); R(fcntl(3, F_GETFD)); }
CASE(sync_all) { R((sync(), 0)); }
CASE(statfs_tmpfs_fields) { struct statfs s; R(statfs("/proc", &s)); say("%lx %ld\n", (long)s.f_type, (long)s.f_namelen); }
CASE(statfs_missing) { struct statfs s; R(statfs("missing", &s)); }
CASE(vhangup_denied) { unprivileged(); R(vhangup()); }

CASE(vector_errors_in_order) {
  int p[2], only = open("only", O_RDONLY | O_CREAT, 0644), fd = file("abc");
  pipe(p);
  struct iovec good = {buffer, 2}, bad = {buffer, -1}, far = {BAD, 2};
  R(pwritev2(p[0], &good, 1, 0, 0));
  R(pwritev2(p[0], &good, 1, -1, 0));
  R(preadv2(p[1], &good, 1, 0, 0));
  R(pwritev(p[0], &good, 1, 0));
  R(preadv(p[1], &good, 1, -5));
  R(pwrite(p[0], buffer, 1, 0));
  R(pwrite(p[0], buffer, 1, -1));
  R(pread(p[1], buffer, 1, 0));
  R(pwrite(77, buffer, 1, -1));
  R(pwrite(only, buffer, 1, -1));
  R(pwritev2(only, &good, 1, 0, -1));
  R(pwritev2(fd, &bad, 1, 0, -1));
  R(pwritev2(fd, &good, -1, 0, 0));
  R(pwritev2(fd, &good, 1, 1, -1));
  R(pwritev2(fd, &far, 1, 0, 0));
}
CASE(vector_without_waiting) {
  int p[2];
  pipe(p);
  struct iovec part = {buffer, 4};
  R(preadv2(p[0], &part, 1, -1, RWF_NOWAIT));
  write(p[1], "ab", 2);
  R(preadv2(p[0], &part, 1, -1, RWF_NOWAIT));
}
