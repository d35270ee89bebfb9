// tmpfs: extended attributes, files without names, allocation, holes, renameat2, limits, times and statx.
#include "common.h"
#include <linux/falloc.h>
#include <linux/stat.h>
#include <sys/syscall.h>

static void attributes(void) {
  char value[64] = {0};
  put("f", "contents");
  ok("set", setxattr("f", "user.one", "1", 1, 0));
  result("create again", setxattr("f", "user.one", "1", 1, XATTR_CREATE));
  result("replace nothing", setxattr("f", "user.two", "1", 1, XATTR_REPLACE));
  result("bad flags", setxattr("f", "user.two", "1", 1, 8));
  ok("trusted", setxattr("f", "trusted.t", "abc", 3, XATTR_CREATE));
  ok("security", setxattr("f", "security.s", "", 0, 0));
  result("no prefix", setxattr("f", "one", "1", 1, 0));
  result("no name", setxattr("f", "user.", "1", 1, 0));
  result("empty name", setxattr("f", "", "1", 1, 0));
  char name[300];
  memset(name, 'x', 299);
  memcpy(name, "user.", 5);
  name[256] = 0;
  result("long name", setxattr("f", name, "1", 1, 0));
  result("too big", setxattr("f", "user.big", name, 65537, 0));
  result("size", getxattr("f", "trusted.t", 0, 0));
  result("get", getxattr("f", "trusted.t", value, sizeof value));
  puts(value);
  result("too small", getxattr("f", "trusted.t", value, 2));
  result("none", getxattr("f", "user.none", value, 2));
  result("no such file", getxattr("nofile", "user.none", value, 2));
  char names[256];
  long length = listxattr("f", names, sizeof names);
  printf("names: %ld bytes\n", length);
  result("list size", listxattr("f", 0, 0));
  result("list too small", listxattr("f", names, 3));
  ok("remove", removexattr("f", "user.one"));
  result("remove again", removexattr("f", "user.one"));
  symlink("f", "s");
  result("user on a link", lsetxattr("s", "user.x", "1", 1, 0));
  ok("trusted on a link", lsetxattr("s", "trusted.x", "1", 1, 0));
  result("of the link", lgetxattr("s", "trusted.x", value, 9));
  result("of the file", getxattr("s", "trusted.x", value, 9));
  int fd = open("f", O_RDONLY);
  ok("by descriptor", fsetxattr(fd, "user.fd", "22", 2, 0));
  result("get by descriptor", fgetxattr(fd, "user.fd", value, 9));
  result("list by descriptor", flistxattr(fd, 0, 0));
  ok("remove by descriptor", fremovexattr(fd, "user.fd"));
  close(fd);
  mkdir("d", 0755);
  ok("on a directory", setxattr("d", "user.d", "1", 1, 0));
  mkfifo("p", 0600);
  result("on a fifo", setxattr("p", "user.d", "1", 1, 0));
  if (!fork()) {
    chmod("f", 0600);
    setresuid(1000, 1000, 1000);
    result("unprivileged get", getxattr("f", "trusted.t", value, 9));
    result("unprivileged set", setxattr("f", "trusted.t", "", 0, 0));
    result("unprivileged security", setxattr("f", "security.t", "", 0, 0));
    result("unprivileged user", setxattr("f", "user.t", "", 0, 0));
    result("unprivileged list", listxattr("f", 0, 0));
    exit(0);
  }
  wait(0);
}

static void nameless(void) {
  char path[64];
  struct stat st;
  result("read-only", open(".", O_TMPFILE | O_RDONLY, 0600));
  result("not a directory", open("f", O_TMPFILE | O_RDWR, 0600));
  int fd = open(".", O_TMPFILE | O_RDWR, 0640);
  fstat(fd, &st);
  printf("mode %o links %ld\n", st.st_mode, (long)st.st_nlink);
  write(fd, "hidden", 6);
  sprintf(path, "/proc/self/fd/%d", fd);
  ok("link", linkat(AT_FDCWD, path, AT_FDCWD, "found", AT_SYMLINK_FOLLOW));
  show("found");
  fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
  sprintf(path, "/proc/self/fd/%d", fd);
  result("exclusive", linkat(AT_FDCWD, path, AT_FDCWD, "found2", AT_SYMLINK_FOLLOW));
  fd = open(".", O_TMPFILE | O_RDWR, 0640);
  ok("link by descriptor", linkat(fd, "", AT_FDCWD, "found3", AT_EMPTY_PATH));
  result("bad flags", linkat(fd, "", AT_FDCWD, "found4", 7));
  unlink("found3");
  result("after unlink", linkat(fd, "", AT_FDCWD, "found4", AT_EMPTY_PATH));
  mkdir("gone", 0700);
  int dir = open("gone", O_RDONLY | O_DIRECTORY);
  rmdir("gone");
  result("create in a removed directory", openat(dir, "x", O_CREAT | O_RDWR, 0600));
  fchdir(dir);
  char cwd[64];
  result("getcwd in a removed directory", (long)getcwd(cwd, sizeof cwd) ? 1 : -1);
  chdir("/tmp");
}

static void holes(void) {
  struct stat st;
  int fd = open("holes", O_RDWR | O_CREAT | O_TRUNC, 0600);
  pwrite(fd, "a", 1, 0);
  pwrite(fd, "b", 1, 40960);
  fstat(fd, &st);
  printf("size %ld blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
  result("data at 0", lseek(fd, 0, SEEK_DATA));
  result("hole after 0", lseek(fd, 0, SEEK_HOLE));
  result("data after 5000", lseek(fd, 5000, SEEK_DATA));
  result("hole at 5000", lseek(fd, 5000, SEEK_HOLE));
  result("hole after 40960", lseek(fd, 40960, SEEK_HOLE));
  result("data behind the end", lseek(fd, 50000, SEEK_DATA));
  result("hole at the end", lseek(fd, st.st_size, SEEK_HOLE));
  result("negative", lseek(fd, -1, SEEK_DATA));
  ok("allocate", fallocate(fd, 0, 8192, 8192));
  fstat(fd, &st);
  printf("size %ld blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
  ok("allocate beyond", fallocate(fd, FALLOC_FL_KEEP_SIZE, 65536, 4096));
  fstat(fd, &st);
  printf("size %ld blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
  ok("grow", fallocate(fd, 0, 65536, 5000));
  fstat(fd, &st);
  printf("size %ld\n", (long)st.st_size);
  char *map = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memset(map, 'm', 16384);
  ok("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4000, 8300));
  printf("around the hole: %d %d %d %d %d\n", map[3999], map[4000], map[8192], map[12299], map[12300]);
  fstat(fd, &st);
  result("punch without keep", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
  result("collapse", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
  result("zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
  result("no length", fallocate(fd, 0, 0, 0));
  result("negative", fallocate(fd, 0, -1, 10));
  close(fd);
  fd = open("holes", O_RDONLY);
  result("read-only", fallocate(fd, 0, 0, 10));
  close(fd);
  int ends[2];
  pipe(ends);
  result("pipe", fallocate(ends[1], 0, 0, 10));
}

static void renames(void) {
  put("one", "1");
  put("two", "2");
  mkdir("dir", 0755);
  mkdir("dir/inner", 0755);
  result("no replace", renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_NOREPLACE));
  ok("exchange", renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_EXCHANGE));
  show("one");
  chdir("dir");
  ok("exchange with a directory", renameat2(AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/dir", RENAME_EXCHANGE));
  char cwd[64];
  puts(getcwd(cwd, sizeof cwd));
  chdir("/tmp");
  show("dir");
  result("exchange with nothing", renameat2(AT_FDCWD, "one", AT_FDCWD, "none", RENAME_EXCHANGE));
  result("both", renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_EXCHANGE | RENAME_NOREPLACE));
  result("unknown", renameat2(AT_FDCWD, "one", AT_FDCWD, "two", 64));
  ok("whiteout", renameat2(AT_FDCWD, "two", AT_FDCWD, "three", RENAME_WHITEOUT));
  struct stat st;
  stat("two", &st);
  printf("mode %o device %x\n", st.st_mode, (unsigned)st.st_rdev);
}

static void limits(void) {
  mkdir("small", 0755);
  ok("mount", mount("none", "small", "tmpfs", 0, "size=64k,nr_inodes=5,mode=0750,uid=7,gid=8"));
  struct stat st;
  stat("small", &st);
  printf("mode %o uid %d gid %d\n", st.st_mode, st.st_uid, st.st_gid);
  struct statfs fs;
  statfs("small", &fs);
  printf("blocks %ld free %ld files %ld free %ld type %lx name %ld\n", (long)fs.f_blocks, (long)fs.f_bfree, (long)fs.f_files,
         (long)fs.f_ffree, (long)fs.f_type, (long)fs.f_namelen);
  int fd = open("small/f", O_RDWR | O_CREAT, 0600);
  static char block[50000];
  result("first", write(fd, block, 50000));
  result("second is cut", write(fd, block, 50000));
  result("third", write(fd, block, 10));
  statfs("small", &fs);
  printf("free %ld files %ld\n", (long)fs.f_bfree, (long)fs.f_ffree);
  result("allocate", fallocate(fd, 0, 0, 100000));
  ftruncate(fd, 4096);
  statfs("small", &fs);
  printf("free %ld\n", (long)fs.f_bfree);
  mkdir("small/a", 0700);
  symlink("x", "small/b");
  result("link", link("small/f", "small/g"));
  result("one too many", mkdir("small/c", 0700));
  unlink("small/f");
  unlink("small/g");
  statfs("small", &fs);
  printf("still open: free %ld files %ld\n", (long)fs.f_bfree, (long)fs.f_ffree);
  close(fd);
  statfs("small", &fs);
  printf("closed: free %ld files %ld\n", (long)fs.f_bfree, (long)fs.f_ffree);
  ok("larger", mount("none", "small", "tmpfs", MS_REMOUNT, "size=128k"));
  statfs("small", &fs);
  printf("blocks %ld\n", (long)fs.f_blocks);
  result("unknown option", mount("none", "small", "tmpfs", 0, "sizes=1"));
  result("bad size", mount("none", "small", "tmpfs", 0, "size=x"));
  umount("small");
}

static void times(void) {
  struct stat st;
  put("t", "t");
  struct timespec set[2] = {{100, 1}, {200, 2}};
  ok("set", utimensat(AT_FDCWD, "t", set, 0));
  set[0].tv_nsec = UTIME_OMIT;
  set[1].tv_sec = 300;
  ok("omit", utimensat(AT_FDCWD, "t", set, 0));
  stat("t", &st);
  printf("%ld.%ld %ld.%ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  set[1].tv_nsec = 1000000000;
  result("too many nanoseconds", utimensat(AT_FDCWD, "t", set, 0));
  result("flags", utimensat(AT_FDCWD, "t", 0, 4));
  symlink("t", "tl");
  struct timespec far[2] = {{1, 0}, {2, 0}};
  ok("link", utimensat(AT_FDCWD, "tl", far, AT_SYMLINK_NOFOLLOW));
  lstat("tl", &st);
  printf("%ld\n", (long)st.st_mtime);
  stat("t", &st);
  printf("%ld\n", (long)st.st_mtime);
  struct statx x;
  result("statx", syscall(SYS_statx, AT_FDCWD, "t", 0, STATX_ALL, &x));
  printf("mask %d size %ld mode %o btime %d\n", (x.stx_mask & STATX_ALL) == STATX_ALL, (long)x.stx_size, x.stx_mode,
         x.stx_btime.tv_sec > 0);
  result("of the root", syscall(SYS_statx, AT_FDCWD, "/tmp", 0, 0, &x));
  printf("mount root %d\n", !!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT));
  result("reserved", syscall(SYS_statx, AT_FDCWD, "t", 0, 0x80000000, &x));
  result("bad flags", syscall(SYS_statx, AT_FDCWD, "t", 1, STATX_ALL, &x));
  chmod("t", 06755);
  if (!fork()) {
    chmod("t", 06777);
    setresuid(1000, 1000, 1000);
    int fd = open("t", O_WRONLY);
    write(fd, "x", 1);
    fstat(fd, &st);
    printf("mode after write %o\n", st.st_mode);
    exit(0);
  }
  wait(0);
}

static void blocks(void) {
  static const char *const names[] = {"blocks", "blocks/link", "blocks/fifo", "blocks/empty", "blocks/byte"};
  mkdir("blocks", 0755);
  symlink("nowhere", "blocks/link");
  mkfifo("blocks/fifo", 0600);
  put("blocks/empty", "");
  put("blocks/byte", "x");
  for (int i = 0; i < 5; i++) {
    struct stat st;
    lstat(names[i], &st);
    printf("%s: %ld blocks\n", names[i], (long)st.st_blocks);
  }
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  own_tmp();
  attributes();
  nameless();
  holes();
  renames();
  limits();
  times();
  blocks();
  list("/tmp");
  return 0;
}
