// Cases for file locks, holes, O_TMPFILE and copies between files: fcntl(2), flock(2), lseek(2), open(2), copy_file_range(2).
#include "case.h"
#include <sys/file.h>

static char buffer[8192];
static struct stat s;

static int file(const char *text) {
  put("file", text);
  return open("file", O_RDWR);
}

CASE(fallocate_grows) { int fd = file("abc"); R(fallocate(fd, 0, 0, 100)); R(lseek(fd, 0, SEEK_END)); }
CASE(fallocate_keep_size) { int fd = file("abc"); R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100)); R(lseek(fd, 0, SEEK_END)); }
CASE(fallocate_bad_length) { int fd = file("abc"); R(fallocate(fd, 0, 0, 0)); R(fallocate(fd, 0, -1, 5)); }
CASE(fallocate_read_only) { put("f", "x"); int fd = open("f", O_RDONLY); R(fallocate(fd, 0, 0, 5)); }
CASE(fallocate_pipe) { int p[2]; pipe(p); R(fallocate(p[1], 0, 0, 5)); }
CASE(fallocate_punch) { int fd = file(""); memset(buffer, 'x', 8192); write(fd, buffer, 8192); R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)); pread(fd, buffer, 8192, 0); say("%d %c\n", buffer[0], buffer[4096]); R(lseek(fd, 0, SEEK_END)); }
CASE(fallocate_punch_needs_keep) { int fd = file("abc"); R(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1)); }
CASE(flock_two) { int a = file("x"), b = open("file", O_RDWR); R(flock(a, LOCK_EX)); R(flock(b, LOCK_EX | LOCK_NB)); R(flock(a, LOCK_UN)); R(flock(b, LOCK_SH | LOCK_NB)); R(flock(a, LOCK_SH | LOCK_NB)); }
CASE(flock_bad) { R(flock(77, LOCK_EX)); R(flock(1, 0)); }
CASE(copy_range) { int fd = file("abcdef"); int out = open("out", O_RDWR | O_CREAT, 0600); loff_t at = 1; R(copy_file_range(fd, &at, out, NULL, 3, 0)); say("%d\n", (int)at); show("out"); }
CASE(copy_range_flags) { int fd = file("abcdef"); R(copy_file_range(fd, NULL, fd, NULL, 3, 1)); }
CASE(copy_range_pipe) { int fd = file("abcdef"); int p[2]; pipe(p); R(copy_file_range(fd, NULL, p[1], NULL, 3, 0)); }
CASE(lseek_data_hole) {
  int fd = file("abc");
  R(lseek(fd, 0, SEEK_DATA));
  R(lseek(fd, 0, SEEK_HOLE));
  R(lseek(fd, 3, SEEK_DATA));
  R(lseek(fd, 4, SEEK_HOLE));
}
CASE(lseek_hole_between) {
  int fd = file("");
  pwrite(fd, "x", 1, 0);
  pwrite(fd, "x", 1, 3 * 4096);
  R(lseek(fd, 0, SEEK_HOLE));
  R(lseek(fd, 4096, SEEK_DATA));
}
CASE(lock_fcntl) {
  int fd = file("0123456789");
  struct flock lock = {F_WRLCK, SEEK_SET, 2, 3};
  R(fcntl(fd, F_SETLK, &lock));
  CHILD({
    struct flock other = {F_WRLCK, SEEK_SET, 0, 0};
    R(fcntl(fd, F_GETLK, &other));
    say("%d %d %d %d\n", other.l_type, other.l_whence, (int)other.l_start, (int)other.l_len);
    struct flock third = {F_RDLCK, SEEK_SET, 4, 1};
    R(fcntl(fd, F_SETLK, &third));
    struct flock free_ = {F_RDLCK, SEEK_SET, 5, 1};
    R(fcntl(fd, F_SETLK, &free_));
  });
}
ONE(fallocate_bad_descriptor, fallocate(77, 0, 0, 1))
ONE(syncfs_bad_descriptor, syncfs(77))
CASE(open_tmpfile) { int fd = open(".", O_TMPFILE | O_RDWR, 0600); R(fd); R(write(fd, "abc", 3)); fstat(fd, &s); say("%d %o\n", (int)s.st_nlink, s.st_mode); R(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", AT_SYMLINK_FOLLOW)); show("named"); }
CASE(open_tmpfile_read_only) { R(open(".", O_TMPFILE | O_RDONLY, 0600)); }
CASE(open_tmpfile_exclusive) { R(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600)); R(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", AT_SYMLINK_FOLLOW)); }
ONE(name_to_handle_bad, SYS(name_to_handle_at, AT_FDCWD, "missing", buffer, buffer + 4096, 0))

CASE(quotactl_fd_errors) { R(SYS(quotactl_fd, 77, 0, 0, NULL)); int fd = open(".", O_RDONLY); R(SYS(quotactl_fd, fd, 5, 0, NULL)); R(SYS(quotactl_fd, fd, 0x80000700, 0, NULL)); }
ONE(restart_syscall_of_nothing, SYS(restart_syscall))
