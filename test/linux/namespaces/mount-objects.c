// Mounts as open files: open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), mount_setattr(2).
#include "common.h"
#include <stdint.h>
#include <sys/statvfs.h>

static int open_tree_(int fd, const char *path, unsigned flags) { return syscall(428, fd, path, flags); }
static int move_mount_(int from, const char *path, int to, const char *target, unsigned flags) { return syscall(429, from, path, to, target, flags); }
static int fsopen_(const char *type, unsigned flags) { return syscall(430, type, flags); }
static int fsconfig_(int fd, unsigned command, const char *key, const void *value, int extra) { return syscall(431, fd, command, key, value, extra); }
static int fsmount_(int fd, unsigned flags, unsigned attributes) { return syscall(432, fd, flags, attributes); }
static int set_attributes(int fd, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation, size_t size) {
  uint64_t attr[8] = {set, clear, propagation};
  return syscall(442, fd, path, flags, attr, size);
}

#define CLONE 1
#define RECURSIVE 0x8000
#define RDONLY 1
#define NOEXEC 8
#define NOATIME 0x10
#define ATIME 0x70

static int make(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0644);
  return fd < 0 ? -1 : close(fd);
}

static void flags_of(const char *path) {
  struct statvfs st;
  statvfs(path, &st);
  printf("%s: flags %lx\n", path, st.f_flag);
}

static void trees(void) {
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  make("/tmp/a/inside");
  mkdir("/tmp/a/sub", 0755);
  mount("y", "/tmp/a/sub", "tmpfs", 0, NULL);
  make("/tmp/a/sub/deep");
  TELL(open_tree_(AT_FDCWD, "/tmp/a", 0x10));
  TELL(open_tree_(AT_FDCWD, "/tmp/a", RECURSIVE));
  TELL(open_tree_(AT_FDCWD, "/tmp/none", CLONE));
  int plain = open_tree_(AT_FDCWD, "/tmp/a", 0), one = open_tree_(AT_FDCWD, "/tmp/a", CLONE | O_CLOEXEC), all = open_tree_(AT_FDCWD, "/tmp/a", CLONE | RECURSIVE);
  char byte;
  TELL(read(one, &byte, 1));
  TELL(faccessat(one, "inside", F_OK, 0));
  TELL(faccessat(one, "sub/deep", F_OK, 0));
  TELL(faccessat(all, "sub/deep", F_OK, 0));
  TELL(access("/tmp/b/inside", F_OK));
  TELL(set_attributes(one, "", AT_EMPTY_PATH, RDONLY, 0, 0, 32));
  TELL(move_mount_(one, "", AT_FDCWD, "/tmp/b", 4));
  TELL(access("/tmp/b/inside", F_OK));
  TELL(make("/tmp/b/refused"));
  TELL(make("/tmp/a/allowed"));
  TELL(move_mount_(one, "", AT_FDCWD, "/tmp/b", 0x8000));
  TELL(move_mount_(plain, "", AT_FDCWD, "/tmp/file", 4));
  TELL(move_mount_(AT_FDCWD, "/tmp/b", AT_FDCWD, "/tmp/c", 0));
  TELL(access("/tmp/c/inside", F_OK));
  TELL(access("/tmp/b/inside", F_OK));
  close(all);
  close(one);
  TELL(access("/tmp/c/inside", F_OK));
  TELL(umount("/tmp/c"));
}

static void contexts(void) {
  TELL(fsopen_("nothing", 0));
  TELL(fsopen_("tmpfs", 8));
  int fd = fsopen_("tmpfs", 1);
  TELL(fd);
  TELL(fsmount_(fd, 0, 0));
  TELL(fsconfig_(fd, 1, "source", "mine", 0));
  TELL(fsconfig_(fd, 1, "source", "again", 0));
  TELL(fsconfig_(fd, 1, "size", "1m", 0));
  TELL(fsconfig_(fd, 1, NULL, "1m", 0));
  TELL(fsconfig_(fd, 0, "size", "1m", 0));
  TELL(fsconfig_(fd, 1, "mode", "700", 7));
  TELL(fsconfig_(fd, 1, "mode", "700", 0));
  TELL(fsconfig_(fd, 77, NULL, NULL, 0));
  TELL(fsconfig_(fd, 6, NULL, NULL, 0));
  TELL(fsconfig_(fd, 6, NULL, NULL, 0));
  TELL(fsmount_(fd, 0, 0x4000));
  TELL(fsmount_(fd, 0, ATIME));
  int tree = fsmount_(fd, 1, NOEXEC | NOATIME);
  TELL(tree);
  TELL(fsmount_(fd, 0, 0));
  TELL(move_mount_(tree, "", AT_FDCWD, "/tmp/a", 4));
  flags_of("/tmp/a");
  struct stat st;
  stat("/tmp/a", &st);
  printf("mode %o\n", st.st_mode);
  TELL(make("/tmp/a/x"));
  close(fd);
  close(tree);
  TELL(access("/tmp/a/x", F_OK));
  TELL(fsconfig_(0, 6, NULL, NULL, 0));
}

static void attributes(void) {
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  mkdir("/tmp/a/sub", 0755);
  mount("y", "/tmp/a/sub", "tmpfs", 0, NULL);
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, RDONLY, 0, 0, 31));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, RDONLY, 0, 0, 5000));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, 0, 0, 0, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a/sub/none", 0, RDONLY, 0, 0, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/file", 0, RDONLY, 0, 0, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, 0x4000, 0, 0, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, NOATIME, 0, 0, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, NOATIME, NOATIME, 0, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, NOATIME, ATIME, 0, 32));
  flags_of("/tmp/a");
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, 0, 0, 12345, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, 0, 0, MS_SHARED | MS_SLAVE, 32));
  TELL(set_attributes(AT_FDCWD, "/tmp/a", 0, RDONLY | NOEXEC, 0, 0, 32));
  flags_of("/tmp/a");
  flags_of("/tmp/a/sub");
  TELL(set_attributes(AT_FDCWD, "/tmp/a", RECURSIVE, NOEXEC, RDONLY, MS_SHARED, 32));
  flags_of("/tmp/a");
  flags_of("/tmp/a/sub");
  int open_for_writing = open("/tmp/a/sub/x", O_CREAT | O_WRONLY, 0600);
  TELL(set_attributes(AT_FDCWD, "/tmp/a", RECURSIVE, RDONLY, 0, 0, 32));
  flags_of("/tmp/a");
  close(open_for_writing);
  TELL(set_attributes(AT_FDCWD, "/tmp/a", RECURSIVE, RDONLY, 0, 0, 32));
  TELL(make("/tmp/a/sub/y"));
}

static void refused(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {0};
  syscall(SYS_capset, &header, none);
  TELL(open_tree_(AT_FDCWD, "/tmp", CLONE));
  TELL(open_tree_(AT_FDCWD, "/tmp", 0));
  TELL(fsopen_("tmpfs", 0));
  TELL(set_attributes(AT_FDCWD, "/tmp", 0, RDONLY, 0, 0, 32));
  TELL(move_mount_(AT_FDCWD, "/tmp", AT_FDCWD, "/tmp/b", 0));
}

static void step(const char *name, void (*run)(void)) {
  printf("-- %s\n", name);
  IN_CHILD({
    unshare(CLONE_NEWNS);
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mount("tmp", "/tmp", "tmpfs", 0, NULL);
    mkdir("/tmp/a", 0755);
    mkdir("/tmp/b", 0755);
    mkdir("/tmp/c", 0755);
    make("/tmp/file");
    run();
  });
}

int main(void) {
  become_root(0);
  step("trees", trees);
  step("contexts", contexts);
  step("attributes", attributes);
  step("refused", refused);
  return 0;
}
