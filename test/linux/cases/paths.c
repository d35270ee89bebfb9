// open(2), mkdir(2), link(2), rename(2), unlink(2), chmod(2), chown(2), stat(2), utimensat(2), readlink(2), ... and
// path_resolution(7).
#include "case.h"
#include <linux/openat2.h>
#include <sys/sysmacros.h>

static char buffer[8192];
static struct stat s;

static char *long_name(int length) {
  static char name[5000];
  memset(name, 'n', length);
  name[length] = 0;
  return name;
}

ONE(open_missing, open("missing", O_RDONLY))
ONE(open_empty_name, open("", O_RDONLY))
ONE(open_bad_address, open(BAD, O_RDONLY))
ONE(open_null, open(NULL, O_RDONLY))
ONE(open_missing_directory, open("missing/file", O_CREAT | O_RDWR, 0600))
ONE(open_name_too_long, open(long_name(256), O_CREAT | O_RDWR, 0600))
ONE(open_longest_name, open(long_name(255), O_CREAT | O_RDWR, 0600))
ONE(open_path_too_long, open(long_name(4096), O_RDONLY))
ONE(openat_bad_descriptor, openat(77, "file", O_RDONLY))
ONE(mkdir_exists_dot, mkdir(".", 0700))
ONE(mkdir_root, mkdir("/", 0700))
ONE(mkdir_bad_address, mkdir(BAD, 0700))
ONE(mkdir_empty, mkdir("", 0700))
ONE(rmdir_missing, rmdir("missing"))
ONE(rmdir_dot, rmdir("."))
ONE(rmdir_root, rmdir("/"))
ONE(unlink_missing, unlink("missing"))
ONE(unlink_root, unlink("/"))
ONE(unlink_empty, unlink(""))
ONE(unlinkat_bad_flags, unlinkat(AT_FDCWD, "x", 1))
ONE(rename_missing, rename("missing", "other"))
ONE(link_missing, link("missing", "other"))
ONE(symlink_empty_target, symlink("", "link"))
ONE(symlink_empty_name, symlink("target", ""))
ONE(readlink_missing, readlink("missing", buffer, 10))
ONE(stat_missing, stat("missing", &s))
ONE(stat_empty, stat("", &s))
ONE(stat_bad_buffer, SYS(stat, "/", BAD))
ONE(access_missing, access("missing", F_OK))
ONE(access_bad_mode, access("/", 8))
ONE(chmod_missing, chmod("missing", 0600))
ONE(chown_missing, chown("missing", 1, 1))
ONE(chdir_missing, chdir("missing"))
ONE(chdir_bad_address, chdir(BAD))
ONE(chroot_missing, chroot("missing"))
ONE(getcwd_small, SYS(getcwd, buffer, 1))
ONE(getcwd_bad_address, SYS(getcwd, BAD, 4096))
ONE(mknod_bad_type, mknod("node", 0150000 | 0600, 0))
ONE(utimensat_missing, utimensat(AT_FDCWD, "missing", NULL, 0))
ONE(utimensat_bad_flags, utimensat(AT_FDCWD, ".", NULL, 0x8000))
ONE(renameat2_bad_flags, SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 64))
ONE(linkat_bad_flags, linkat(AT_FDCWD, "a", AT_FDCWD, "b", 1))
ONE(statx_missing, statx(AT_FDCWD, "missing", 0, STATX_ALL, (void *)buffer))
ONE(statx_bad_flags, statx(AT_FDCWD, ".", 0x8000000, STATX_ALL, (void *)buffer))
ONE(faccessat2_bad_flags, SYS(faccessat2, AT_FDCWD, ".", 0, 1))
ONE(fstatat_bad_flags, fstatat(AT_FDCWD, ".", &s, 1))
ONE(fchownat_bad_flags, fchownat(AT_FDCWD, ".", 0, 0, 1))

CASE(open_creates) { int fd = R(open("f", O_CREAT | O_RDWR, 0666)); fstat(fd, &s); say("%o %d\n", s.st_mode, (int)s.st_nlink); }
CASE(open_exclusive) { put("f", ""); R(open("f", O_CREAT | O_EXCL | O_RDWR, 0600)); }
CASE(open_exclusive_dangling) { symlink("nowhere", "l"); R(open("l", O_CREAT | O_EXCL | O_RDWR, 0600)); }
CASE(open_creates_through_link) { symlink("target", "l"); R(open("l", O_CREAT | O_RDWR, 0600)); R(stat("target", &s)); }
CASE(open_truncates) { put("f", "abc"); open("f", O_WRONLY | O_TRUNC); stat("f", &s); say("%d\n", (int)s.st_size); }
CASE(open_directory_write) { mkdir("d", 0700); R(open("d", O_RDWR)); R(open("d", O_RDONLY | O_CREAT, 0600)); R(open("d", O_RDONLY)); }
CASE(open_directory_flag) { put("f", ""); R(open("f", O_DIRECTORY)); R(open(".", O_DIRECTORY)); }
CASE(open_directory_create) { R(open("f", O_DIRECTORY | O_CREAT | O_RDWR, 0600)); }
CASE(open_nofollow) { put("f", ""); symlink("f", "l"); R(open("l", O_NOFOLLOW)); R(open("l", O_NOFOLLOW | O_PATH)); }
CASE(open_trailing_slash) { put("f", ""); R(open("f/", O_RDONLY)); R(open("g/", O_CREAT | O_RDWR, 0600)); mkdir("d", 0700); R(open("d/", O_RDONLY)); }
CASE(open_file_as_directory) { put("f", ""); R(open("f/x", O_RDONLY)); R(open("f/..", O_RDONLY)); R(open("f/.", O_RDONLY)); }
CASE(open_loop) { symlink("b", "a"); symlink("a", "b"); R(open("a", O_RDONLY)); }
CASE(open_40_links) {
  char from[8], to[8];
  put("l0", "");
  for (int n = 1; n <= 41; n++) { sprintf(to, "l%d", n - 1); sprintf(from, "l%d", n); symlink(to, from); }
  R(open("l40", O_RDONLY));
  R(open("l41", O_RDONLY));
}
CASE(open_denied) { put("f", "x"); chmod("f", 0200); unprivileged(); R(open("f", O_RDONLY)); R(open("f", O_WRONLY)); }
CASE(open_denied_owner_without_rights) { put("f", "x"); chown("f", 1000, 1000); chmod("f", 0077); unprivileged(); R(open("f", O_RDONLY)); }
CASE(open_search_denied) { mkdir("d", 0600); put("d/f", ""); chown("d", 1000, 1000); unprivileged(); R(open("d/f", O_RDONLY)); R(open("d", O_RDONLY)); }
CASE(open_create_denied) { mkdir("d", 0555); unprivileged(); R(open("d/f", O_CREAT | O_RDWR, 0600)); }
CASE(open_mode_applies_later) { int fd = R(open("f", O_CREAT | O_RDWR, 0)); R(write(fd, "x", 1)); unprivileged(); R(open("f", O_RDWR)); }
CASE(open_noatime_denied) { put("f", ""); unprivileged(); R(open("f", O_RDONLY | O_NOATIME)); }
CASE(open_path) { put("f", "x"); int fd = R(open("f", O_PATH)); R(read(fd, buffer, 1)); R(fchmod(fd, 0600)); R(fstat(fd, &s)); R(fchdir(fd)); R(ioctl(fd, 0x5421, buffer)); R(lseek(fd, 0, SEEK_SET)); }
CASE(open_path_without_right) { put("f", "x"); chmod("f", 0); unprivileged(); R(open("f", O_PATH)); }
CASE(open_text_busy) { put("f", "#!/bin/x\n"); R(open("/proc/self/exe", O_WRONLY)); }
CASE(open_fifo_nonblocking) { mkfifo("p", 0600); R(open("p", O_WRONLY | O_NONBLOCK)); R(open("p", O_RDONLY | O_NONBLOCK)); R(open("p", O_WRONLY | O_NONBLOCK)); R(open("p", O_RDWR)); }
CASE(open_fifo_meets) { mkfifo("p", 0600); pid_t child = fork(); if (!child) { int fd = open("p", O_WRONLY); write(fd, "hi", 2); _exit(0); } int fd = R(open("p", O_RDONLY)); R(read(fd, buffer, 9)); R(read(fd, buffer, 9)); reap(child); }
CASE(open_socket) { R(mknod("s", S_IFSOCK | 0600, 0)); R(open("s", O_RDONLY)); }
CASE(open_device_missing) { R(mknod("d", S_IFCHR | 0600, makedev(240, 77))); R(open("d", O_RDONLY)); }
CASE(open_block_missing) { R(mknod("d", S_IFBLK | 0600, makedev(240, 77))); R(open("d", O_RDONLY)); }
CASE(openat_absolute_ignores_descriptor) { R(openat(77, "/", O_RDONLY)); }
CASE(openat_of_file) { put("f", ""); int fd = open("f", O_RDONLY); R(openat(fd, "x", O_RDONLY)); }
CASE(openat_directory) { mkdir("d", 0700); put("d/f", "in"); int fd = open("d", O_RDONLY); R(openat(fd, "f", O_RDONLY)); R(openat(fd, "../d/f", O_RDONLY)); }
CASE(openat2_basic) { struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0600}; R(SYS(openat2, AT_FDCWD, "f", &how, sizeof how)); }
CASE(openat2_unknown_restrictions) { struct open_how how = {.flags = O_RDONLY, .resolve = -1}; R(SYS(openat2, AT_FDCWD, ".", &how, sizeof how)); how.resolve = 1ULL << 40; R(SYS(openat2, AT_FDCWD, ".", &how, sizeof how)); }
CASE(openat2_sizes) { struct open_how how = {.flags = O_RDONLY}; R(SYS(openat2, AT_FDCWD, ".", &how, 8)); R(SYS(openat2, AT_FDCWD, ".", &how, 5000)); char big[40] = {0}; R(SYS(openat2, AT_FDCWD, ".", big, 40)); big[30] = 1; R(SYS(openat2, AT_FDCWD, ".", big, 40)); }
CASE(openat2_bad_flags) { struct open_how how = {.flags = 1ULL << 40}; R(SYS(openat2, AT_FDCWD, ".", &how, sizeof how)); how.flags = O_RDONLY; how.mode = 0600; R(SYS(openat2, AT_FDCWD, ".", &how, sizeof how)); how.mode = 0; how.resolve = 0x1000; R(SYS(openat2, AT_FDCWD, ".", &how, sizeof how)); }
CASE(openat2_beneath) { mkdir("d", 0700); put("f", ""); put("d/g", ""); symlink("/", "d/root"); symlink("../f", "d/up"); int fd = open("d", O_RDONLY); struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH}; R(SYS(openat2, fd, "g", &how, sizeof how)); R(SYS(openat2, fd, "../f", &how, sizeof how)); R(SYS(openat2, fd, "/f", &how, sizeof how)); R(SYS(openat2, fd, "root", &how, sizeof how)); R(SYS(openat2, fd, "up", &how, sizeof how)); }
CASE(openat2_in_root) { mkdir("d", 0700); put("d/f", "inner"); symlink("/f", "d/l"); int fd = open("d", O_RDONLY); struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT}; R(SYS(openat2, fd, "/f", &how, sizeof how)); R(SYS(openat2, fd, "../../f", &how, sizeof how)); R(SYS(openat2, fd, "l", &how, sizeof how)); }
CASE(openat2_no_symlinks) { put("f", ""); symlink("f", "l"); struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS}; R(SYS(openat2, AT_FDCWD, "l", &how, sizeof how)); R(SYS(openat2, AT_FDCWD, "f", &how, sizeof how)); }
CASE(openat2_no_magiclinks) { put("f", ""); int f = open("f", O_RDONLY); struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_MAGICLINKS}; R(SYS(openat2, AT_FDCWD, "/proc/self/fd/3", &how, sizeof how)); (void)f; }
CASE(openat2_no_xdev) { struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_XDEV}; R(SYS(openat2, AT_FDCWD, "/proc", &how, sizeof how)); R(SYS(openat2, AT_FDCWD, ".", &how, sizeof how)); }

CASE(mkdir_mode) { R(mkdir("d", 0777)); stat("d", &s); say("%o %d\n", s.st_mode, (int)s.st_nlink); }
CASE(mkdir_sticky) { R(mkdir("d", 01777)); stat("d", &s); say("%o\n", s.st_mode); }
CASE(mkdir_exists) { put("f", ""); R(mkdir("f", 0700)); mkdir("d", 0700); R(mkdir("d", 0700)); R(mkdir("d/", 0700)); }
CASE(mkdir_missing_parent) { R(mkdir("a/b", 0700)); }
CASE(mkdir_below_file) { put("f", ""); R(mkdir("f/d", 0700)); }
CASE(mkdir_dangling) { symlink("nowhere", "l"); R(mkdir("l", 0700)); }
CASE(mkdir_trailing_slash) { R(mkdir("d/", 0700)); R(stat("d", &s)); }
CASE(mkdir_dot) { R(mkdir("d/.", 0700)); mkdir("d", 0700); R(mkdir("d/.", 0700)); R(mkdir("d/..", 0700)); }
CASE(mkdir_links_of_parent) { mkdir("d", 0700); mkdir("d/a", 0700); mkdir("d/b", 0700); stat("d", &s); say("%d\n", (int)s.st_nlink); rmdir("d/a"); stat("d", &s); say("%d\n", (int)s.st_nlink); }
CASE(mkdir_setgid_inherits) { mkdir("d", 0700); chown("d", 0, 77); chmod("d", 02755); mkdir("d/e", 0755); put("d/f", ""); stat("d/e", &s); say("%o %d\n", s.st_mode, s.st_gid); stat("d/f", &s); say("%o %d\n", s.st_mode, s.st_gid); }
CASE(rmdir_not_empty) { mkdir("d", 0700); put("d/f", ""); R(rmdir("d")); unlink("d/f"); R(rmdir("d")); }
CASE(rmdir_file) { put("f", ""); R(rmdir("f")); }
CASE(rmdir_link) { mkdir("d", 0700); symlink("d", "l"); R(rmdir("l")); R(rmdir("l/")); }
CASE(rmdir_dot_inside) { mkdir("d", 0700); R(rmdir("d/.")); mkdir("d/e", 0700); R(rmdir("d/e/..")); }
CASE(rmdir_current) { mkdir("d", 0700); chdir("d"); R(rmdir("../d")); R(open("f", O_CREAT | O_RDWR, 0600)); R(SYS(getcwd, buffer, 100)); R(mkdir("e", 0700)); R(chdir("..")); }
CASE(rmdir_denied) { mkdir("p", 0755); mkdir("p/d", 0777); unprivileged(); R(rmdir("p/d")); }
CASE(unlink_file) { put("f", ""); R(unlink("f")); R(unlink("f")); }
CASE(unlink_directory) { mkdir("d", 0700); R(unlink("d")); }
CASE(unlink_open) { put("f", "abc"); int fd = open("f", O_RDWR); R(unlink("f")); R(read(fd, buffer, 9)); fstat(fd, &s); say("%d\n", (int)s.st_nlink); }
CASE(unlink_trailing_slash) { put("f", ""); R(unlink("f/")); }
CASE(unlink_sticky) { mkdir("d", 0777); chmod("d", 01777); put("d/f", ""); chmod("d/f", 0666); unprivileged(); R(unlink("d/f")); R(rename("d/f", "d/g")); put("d/own", ""); R(unlink("d/own")); }
CASE(unlinkat_removedir) { mkdir("d", 0700); put("f", ""); R(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR)); R(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR)); R(unlinkat(AT_FDCWD, "f", 0)); }
CASE(link_counts) { put("f", ""); R(link("f", "g")); stat("f", &s); say("%d\n", (int)s.st_nlink); unlink("f"); stat("g", &s); say("%d\n", (int)s.st_nlink); }
CASE(link_exists) { put("f", ""); put("g", ""); R(link("f", "g")); R(link("f", "f")); }
CASE(link_directory) { mkdir("d", 0700); R(link("d", "e")); }
CASE(link_symlink) { symlink("nowhere", "l"); R(link("l", "m")); lstat("m", &s); say("%o\n", s.st_mode & S_IFMT); R(linkat(AT_FDCWD, "l", AT_FDCWD, "n", AT_SYMLINK_FOLLOW)); }
CASE(link_other_device) { put("f", ""); R(link("/proc/self/status", "g")); }
CASE(linkat_empty_path) { put("f", "x"); int fd = open("f", O_RDONLY); R(linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH)); show("g"); unprivileged(); R(linkat(fd, "", AT_FDCWD, "h", 0)); }
CASE(symlink_exists) { put("f", ""); R(symlink("x", "f")); }
CASE(symlink_size) { R(symlink("some/target", "l")); lstat("l", &s); say("%o %d\n", s.st_mode, (int)s.st_size); }
CASE(symlink_long) { R(symlink(long_name(4096), "l")); R(symlink(long_name(4095), "l")); }
CASE(readlink_truncates) { symlink("target", "l"); R(readlink("l", buffer, 3)); say("%.3s\n", buffer); R(readlink("l", buffer, 100)); }
CASE(readlink_not_a_link) { put("f", ""); R(readlink("f", buffer, 10)); }
CASE(readlink_sizes) { symlink("t", "l"); R(SYS(readlink, "l", buffer, 0)); R(SYS(readlink, "l", buffer, -1)); R(SYS(readlink, "l", BAD, 10)); }
CASE(readlinkat_empty) { symlink("t", "l"); int fd = open("l", O_PATH | O_NOFOLLOW); R(readlinkat(fd, "", buffer, 10)); put("f", ""); int g = open("f", O_PATH); R(readlinkat(g, "", buffer, 10)); }
CASE(rename_file) { put("a", "A"); put("b", "B"); R(rename("a", "b")); show("b"); show("a"); }
CASE(rename_same_inode) { put("a", "A"); link("a", "b"); R(rename("a", "b")); show("a"); show("b"); }
CASE(rename_itself) { put("a", "A"); R(rename("a", "a")); show("a"); }
CASE(rename_directory_over_file) { mkdir("d", 0700); put("f", ""); R(rename("d", "f")); R(rename("f", "d")); }
CASE(rename_directory_over_directory) { mkdir("a", 0700); mkdir("b", 0700); put("b/f", ""); R(rename("a", "b")); unlink("b/f"); R(rename("a", "b")); R(stat("a", &s)); }
CASE(rename_into_itself) { mkdir("a", 0700); R(rename("a", "a/b")); R(rename("a", "a/b/c")); }
CASE(rename_dot) { R(rename(".", "x")); mkdir("d", 0700); R(rename("d/..", "x")); R(rename("d", ".")); }
CASE(rename_trailing_slash) { put("f", ""); R(rename("f/", "g")); R(rename("f", "g/")); mkdir("d", 0700); R(rename("d/", "e/")); }
CASE(rename_cross_device) { put("f", ""); R(rename("f", "/proc/f")); }
CASE(rename_noreplace) { put("a", ""); put("b", ""); R(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1)); R(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "c", 1)); }
CASE(rename_exchange) { put("a", "A"); mkdir("b", 0700); R(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2)); show("b"); R(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "missing", 2)); R(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 3)); }
CASE(rename_moves_directory) { mkdir("a", 0700); mkdir("b", 0700); mkdir("a/x", 0700); R(rename("a/x", "b/x")); stat("a", &s); say("%d ", (int)s.st_nlink); stat("b", &s); say("%d\n", (int)s.st_nlink); }
CASE(rename_denied) { mkdir("d", 0755); put("d/f", ""); unprivileged(); R(rename("d/f", "g")); R(rename("d", "e")); }

CASE(chmod_bits) { put("f", ""); R(chmod("f", 07777)); stat("f", &s); say("%o\n", s.st_mode); R(chmod("f", 0100644)); stat("f", &s); say("%o\n", s.st_mode); }
CASE(chmod_denied) { put("f", ""); unprivileged(); R(chmod("f", 0777)); }
CASE(chmod_setgid_cleared) { unprivileged(); put("f", ""); R(chmod("f", 02755)); stat("f", &s); say("%o\n", s.st_mode); }
CASE(chmod_setgid_foreign_group) { put("f", ""); chown("f", 1000, 5); unprivileged(); R(chmod("f", 02755)); stat("f", &s); say("%o\n", s.st_mode); }
CASE(chmod_link_follows) { put("f", ""); symlink("f", "l"); R(chmod("l", 0600)); stat("f", &s); say("%o\n", s.st_mode); }
CASE(fchmodat_symlink_flag) { put("f", ""); R(SYS(fchmodat, AT_FDCWD, "f", 0600)); }
CASE(chown_clears_setid) { put("f", ""); chmod("f", 06755); R(chown("f", 5, 6)); stat("f", &s); say("%o %d %d\n", s.st_mode, s.st_uid, s.st_gid); }
CASE(chown_keeps_setgid_without_execute) { put("f", ""); chmod("f", 02644); R(chown("f", 5, 6)); stat("f", &s); say("%o\n", s.st_mode); }
CASE(chown_unchanged) { put("f", ""); chown("f", 5, 6); R(chown("f", -1, 7)); stat("f", &s); say("%d %d\n", s.st_uid, s.st_gid); R(chown("f", 8, -1)); stat("f", &s); say("%d %d\n", s.st_uid, s.st_gid); R(chown("f", -1, -1)); }
CASE(chown_denied) { put("f", ""); unprivileged(); R(chown("f", 1000, 1000)); put("own", ""); R(chown("own", 1000, -1)); R(chown("own", -1, 1000)); R(chown("own", -1, 5)); R(chown("own", 0, -1)); }
CASE(lchown_link) { symlink("x", "l"); R(lchown("l", 5, 6)); lstat("l", &s); say("%d %d\n", s.st_uid, s.st_gid); }
CASE(fchownat_empty_path) { put("f", ""); int fd = open("f", O_PATH); R(fchownat(fd, "", 5, 6, AT_EMPTY_PATH)); stat("f", &s); say("%d %d\n", s.st_uid, s.st_gid); }
CASE(write_clears_setuid) { put("f", "x"); chown("f", 1000, 1000); chmod("f", 06777); unprivileged(); int fd = open("f", O_WRONLY); write(fd, "y", 1); stat("f", &s); say("%o\n", s.st_mode); }

CASE(stat_file) { put("f", "hello"); R(stat("f", &s)); say("%o %d %d %d %d %d\n", s.st_mode, (int)s.st_nlink, s.st_uid, s.st_gid, (int)s.st_size, (int)s.st_blksize); }
CASE(stat_blocks) { put("f", "hello"); stat("f", &s); say("%d\n", (int)s.st_blocks); put("e", ""); stat("e", &s); say("%d\n", (int)s.st_blocks); }
CASE(stat_device) { stat("/dev/null", &s); say("%o %d:%d\n", s.st_mode, major(s.st_rdev), minor(s.st_rdev)); }
CASE(lstat_link) { symlink("x", "l"); R(lstat("l", &s)); say("%o\n", s.st_mode); R(stat("l", &s)); }
CASE(fstatat_empty_path) { put("f", "abc"); int fd = open("f", O_RDONLY); R(fstatat(fd, "", &s, AT_EMPTY_PATH)); say("%d\n", (int)s.st_size); R(fstatat(fd, "", &s, 0)); R(fstatat(AT_FDCWD, "", &s, AT_EMPTY_PATH)); say("%o\n", s.st_mode & S_IFMT); }
CASE(statx_basic) { put("f", "hello"); struct statx x; R(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x)); say("%o %d %d %d\n", x.stx_mode, (int)x.stx_size, x.stx_nlink, (x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS); }
CASE(statx_reserved_mask) { struct statx x; R(statx(AT_FDCWD, ".", 0, 0x80000000, &x)); R(SYS(statx, AT_FDCWD, ".", 0x6000, 0, &x)); }
CASE(statx_bad_buffer) { R(SYS(statx, AT_FDCWD, ".", 0, 0, BAD)); }

CASE(access_root) { put("f", ""); chmod("f", 0); R(access("f", R_OK | W_OK)); R(access("f", X_OK)); chmod("f", 0100); R(access("f", X_OK)); }
CASE(access_user) { put("f", ""); chmod("f", 0604); unprivileged(); R(access("f", R_OK)); R(access("f", W_OK)); R(access("f", X_OK)); R(access("f", F_OK)); }
CASE(access_real_id) { put("f", ""); chmod("f", 0600); chmod(".", 0755); setegid(1000); seteuid(1000); R(access("f", R_OK)); R(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS)); R(SYS(faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS)); }
CASE(access_link) { symlink("nowhere", "l"); R(access("l", F_OK)); R(SYS(faccessat2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW)); }
CASE(faccessat2_empty_path) { put("f", ""); int fd = open("f", O_PATH); R(SYS(faccessat2, fd, "", R_OK, AT_EMPTY_PATH)); }

CASE(chdir_file) { put("f", ""); R(chdir("f")); }
CASE(chdir_denied) { mkdir("d", 0600); unprivileged(); R(chdir("d")); }
CASE(chdir_and_up) { mkdir("d", 0700); R(chdir("d")); R(chdir("..")); R(stat("d", &s)); }
CASE(fchdir_file) { put("f", ""); int fd = open("f", O_RDONLY); R(fchdir(fd)); }
CASE(fchdir_path) { mkdir("d", 0700); int fd = open("d", O_PATH); R(fchdir(fd)); R(stat("../d", &s)); }
CASE(chroot_denied) { unprivileged(); R(chroot(".")); }
CASE(chroot_file) { put("f", ""); R(chroot("f")); }
CASE(chroot_hides) { mkdir("d", 0700); put("d/inside", "x"); R(chroot("d")); R(access("/inside", F_OK)); R(access("/d", F_OK)); R(access("/../d", F_OK)); R(access("d", F_OK)); chdir("/"); R(access("../inside", F_OK)); }
CASE(getcwd_in_chroot) { mkdir("d", 0700); mkdir("d/e", 0700); chroot("d"); chdir("/e"); R(SYS(getcwd, buffer, 100)); say("%s\n", buffer); }
CASE(getcwd_outside_chroot) { mkdir("d", 0700); chroot("d"); long n = SYS(getcwd, buffer, 100); say("%d %.13s\n", n > 0, buffer); }
CASE(umask_returns_old) { R(umask(077)); R(umask(01777)); R(umask(0)); }
CASE(umask_applies) { umask(027); put("f", ""); mkdir("d", 0777); stat("f", &s); say("%o ", s.st_mode); stat("d", &s); say("%o\n", s.st_mode); }

CASE(mknod_fifo) { R(mknod("p", S_IFIFO | 0644, 0)); stat("p", &s); say("%o\n", s.st_mode); }
CASE(mknod_regular) { R(mknod("f", 0644, 0)); stat("f", &s); say("%o\n", s.st_mode); R(mknod("f", S_IFREG | 0644, 0)); }
CASE(mknod_directory) { R(mknod("d", S_IFDIR | 0755, 0)); }
CASE(mknod_device_denied) { unprivileged(); R(mknod("d", S_IFCHR | 0644, makedev(1, 3))); R(mknod("p", S_IFIFO | 0644, 0)); R(mknod("s", S_IFSOCK | 0644, 0)); }
CASE(mknod_device_works) { R(mknod("n", S_IFCHR | 0644, makedev(1, 3))); int fd = R(open("n", O_RDWR)); R(read(fd, buffer, 10)); }
CASE(mknodat_trailing_slash) { R(mknod("p/", S_IFIFO | 0644, 0)); }

CASE(utime_sets) { put("f", ""); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{100, 5}, {200, 7}}, 0)); stat("f", &s); say("%ld.%ld %ld.%ld\n", (long)s.st_atim.tv_sec, s.st_atim.tv_nsec, (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec); }
CASE(utime_omit) { put("f", ""); utimensat(AT_FDCWD, "f", (struct timespec[]){{100, 5}, {200, 7}}, 0); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{0, UTIME_OMIT}, {300, 0}}, 0)); stat("f", &s); say("%ld %ld\n", (long)s.st_atim.tv_sec, (long)s.st_mtim.tv_sec); }
CASE(utime_bad_nanoseconds) { put("f", ""); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{0, 1000000000}, {0, 0}}, 0)); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{0, 0}, {0, -1}}, 0)); }
CASE(utime_before_1970) { put("f", ""); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{-5, 0}, {-6, 1}}, 0)); stat("f", &s); say("%ld %ld\n", (long)s.st_atim.tv_sec, (long)s.st_mtim.tv_sec); }
CASE(utime_denied) { put("f", ""); chmod("f", 0444); unprivileged(); R(utimensat(AT_FDCWD, "f", NULL, 0)); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{1, 0}, {2, 0}}, 0)); }
CASE(utime_now_needs_write) { put("f", ""); chmod("f", 0666); unprivileged(); R(utimensat(AT_FDCWD, "f", NULL, 0)); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{0, UTIME_NOW}, {0, UTIME_NOW}}, 0)); R(utimensat(AT_FDCWD, "f", (struct timespec[]){{0, UTIME_NOW}, {0, UTIME_OMIT}}, 0)); }
CASE(utime_link) { symlink("x", "l"); R(utimensat(AT_FDCWD, "l", (struct timespec[]){{5, 0}, {6, 0}}, AT_SYMLINK_NOFOLLOW)); lstat("l", &s); say("%ld\n", (long)s.st_mtim.tv_sec); }
CASE(futimens_descriptor) { put("f", ""); int fd = open("f", O_RDONLY); R(futimens(fd, (struct timespec[]){{5, 0}, {6, 0}})); stat("f", &s); say("%ld\n", (long)s.st_mtim.tv_sec); }
CASE(utimes_call) { put("f", ""); R(SYS(utimes, "f", ((long[]){5, 1, 6, 2}))); stat("f", &s); say("%ld %ld\n", (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec); R(SYS(utimes, "f", ((long[]){5, 1000000, 6, 2}))); }
CASE(utime_call) { put("f", ""); R(SYS(utime, "f", ((long[]){5, 6}))); stat("f", &s); say("%ld %ld\n", (long)s.st_atim.tv_sec, (long)s.st_mtim.tv_sec); }
CASE(futimesat_call) { put("f", ""); R(SYS(futimesat, AT_FDCWD, "f", ((long[]){5, 1, 6, 2}))); stat("f", &s); say("%ld\n", (long)s.st_mtim.tv_sec); R(SYS(futimesat, 77, "f", NULL)); }
CASE(times_of_write) { put("f", ""); utimensat(AT_FDCWD, "f", (struct timespec[]){{5, 0}, {6, 0}}, 0); int fd = open("f", O_WRONLY); write(fd, "x", 1); stat("f", &s); say("%ld %d\n", (long)s.st_atim.tv_sec, s.st_mtim.tv_sec > 6); }
CASE(proc_self_fd) { put("f", "text"); int fd = open("f", O_RDONLY); R(open("/proc/self/fd/3", O_RDONLY)); R(readlink("/proc/self/fd/3", buffer, sizeof buffer) > 0); say("%d\n", strstr(buffer, "/f") != NULL); (void)fd; }
CASE(dot_dot_of_root) { R(access("/..", F_OK)); stat("/", &s); ino_t ino = s.st_ino; stat("/..", &s); say("%d\n", ino == s.st_ino); }
CASE(slashes_collapse) { mkdir("d", 0700); put("d/f", ""); R(access("d//f", F_OK)); R(access(".//./d/./f", F_OK)); }
CASE(symlink_in_middle) { mkdir("d", 0700); put("d/f", ""); symlink("d", "l"); R(access("l/f", F_OK)); R(access("l/../l/f", F_OK)); }
CASE(name_not_utf8) { R(open("\xff\xfe", O_CREAT | O_RDWR, 0600)); R(access("\xff\xfe", F_OK)); R(access("\xff", F_OK)); }
CASE(name_utf8_below_one_that_is_not) { mkdir("d\xff", 0700); put("d\xff/\xc3\xa0", "x"); R(chdir("d\xff")); R(access("\xc3\xa0", F_OK)); R(unlink("\xc3\xa0")); R(rename("../d\xff", "../\xc3\xa0\xc3")); R(access("../\xc3\xa0\xc3", F_OK)); }
CASE(name_beyond_16_bits) { mkdir("\xf0\x9f\x92\xa9", 0700); chdir("\xf0\x9f\x92\xa9"); getcwd(buffer, sizeof buffer); say("%s\n", strcmp(strrchr(buffer, '/'), "/\xf0\x9f\x92\xa9") ? "other" : "same"); R(symlink("\xf0\x9f\x92\xa9\xff", "l")); R(readlink("l", buffer, sizeof buffer)); say("%d\n", memcmp(buffer, "\xf0\x9f\x92\xa9\xff", 5)); }
CASE(name_longest_in_bytes) { char name[260]; for (int n = 0; n < 256; n++) name[n] = n % 2 ? 0xa0 : 0xc3; name[256] = 0; R(mkdir(name, 0700)); name[254] = 0; R(mkdir(name, 0700)); name[254] = 0xff; name[255] = 0; R(mkdir(name, 0700)); }
CASE(symlink_size_in_bytes) { symlink("\xff\xfe", "l"); lstat("l", &s); say("%ld\n", (long)s.st_size); symlink("\xc3\xa0\xff", "m"); lstat("m", &s); say("%ld\n", (long)s.st_size); }
