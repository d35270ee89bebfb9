// Namespaces and mounts, in a mount namespace of the case's own: unshare and setns, mount, umount2, pivot_root, and the calls
// that make mounts step by step (namespaces(7), mount(2), mount_setattr(2), the man pages of each).
#include "case.h"
#include <linux/mount.h>
#include <sys/mount.h>
#undef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 1

/** A mount namespace whose mounts nobody else sees. */
static void own_mounts(void) {
  if (SYS(unshare, CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) say("no namespace: %s\n", error_name(errno));
}

/** The same with a file system of memory on "m". */
static void own_tmpfs(void) {
  own_mounts();
  mkdir("m", 0755);
  if (SYS(mount, "none", "m", "tmpfs", 0, "")) say("no tmpfs: %s\n", error_name(errno));
}

CASE(unshare_nothing) { R(SYS(unshare, 0)); R(SYS(unshare, CLONE_FILES)); R(SYS(unshare, CLONE_FS)); R(SYS(unshare, CLONE_SYSVSEM)); }
CASE(unshare_wrong) { R(SYS(unshare, CLONE_PARENT)); R(SYS(unshare, 1)); R(SYS(unshare, CLONE_CHILD_SETTID)); }
CASE(unshare_thread_alone) { R(SYS(unshare, CLONE_THREAD)); R(SYS(unshare, CLONE_SIGHAND)); R(SYS(unshare, CLONE_VM)); }
CASE(unshare_unprivileged) { unprivileged(); R(SYS(unshare, CLONE_NEWNS)); R(SYS(unshare, CLONE_NEWUTS)); R(SYS(unshare, CLONE_NEWIPC)); R(SYS(unshare, CLONE_NEWNET)); R(SYS(unshare, CLONE_NEWPID)); R(SYS(unshare, CLONE_NEWCGROUP)); }
CASE(unshare_names) {
  char name[65] = "";
  R(SYS(unshare, CLONE_NEWUTS));
  R(sethostname("inner", 5));
  gethostname(name, 64);
  say("%s\n", name);
}
CASE(unshare_pids) {
  R(SYS(unshare, CLONE_NEWPID));
  CHILD(R(SYS(getpid)); R(SYS(getppid)));
  R(SYS(fork) == -1);
}
CASE(unshare_pids_twice) { R(SYS(unshare, CLONE_NEWPID)); CHILD(R(SYS(getpid))); OK(SYS(fork)); }
CASE(unshare_cwd) { mkdir("d", 0755); R(SYS(unshare, CLONE_FS)); R(chdir("d")); R(access("../d", F_OK)); }
CASE(setns_errors) {
  put("f", "");
  R(SYS(setns, 77, 0));
  R(SYS(setns, open("f", O_RDONLY), 0));
  R(SYS(setns, open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWIPC));
  R(SYS(setns, 0, CLONE_NEWUTS));
}
CASE(setns_uts) {
  int before = open("/proc/self/ns/uts", O_RDONLY);
  char name[65] = "";
  SYS(unshare, CLONE_NEWUTS);
  sethostname("inner", 5);
  R(SYS(setns, before, CLONE_NEWUTS));
  gethostname(name, 64);
  say("%d\n", !strcmp(name, "inner"));
}
CASE(setns_any) { R(SYS(setns, open("/proc/self/ns/ipc", O_RDONLY), 0)); R(SYS(setns, open("/proc/self/ns/mnt", O_RDONLY), 0)); }
CASE(setns_user_own) { R(SYS(setns, open("/proc/self/ns/user", O_RDONLY), CLONE_NEWUSER)); }
CASE(setns_unprivileged) { int fd = open("/proc/self/ns/uts", O_RDONLY); unprivileged(); R(SYS(setns, fd, CLONE_NEWUTS)); }
CASE(setns_pidfd) {
  int fd = SYS(pidfd_open, getpid(), 0);
  R(SYS(setns, fd, CLONE_NEWUTS));
  R(SYS(setns, fd, 0));
  R(SYS(setns, fd, CLONE_VM));
}

CASE(mount_tmpfs) { own_tmpfs(); put("m/f", "inside"); show("m/f"); R(SYS(umount2, "m", 0)); show("m/f"); }
CASE(mount_errors) {
  own_mounts();
  mkdir("m", 0755);
  put("f", "");
  R(SYS(mount, "none", "none", "tmpfs", 0, ""));
  R(SYS(mount, "none", "f", "tmpfs", 0, ""));
  R(SYS(mount, "none", "m", "nosuchfs", 0, ""));
  R(SYS(mount, "none", "m", NULL, 0, ""));
  R(SYS(mount, "none", BAD, "tmpfs", 0, ""));
  R(SYS(mount, "none", "m", BAD, 0, ""));
  R(SYS(mount, "none", "m", "tmpfs", 0, "nosuch=1"));
  R(SYS(mount, "none", "m", "tmpfs", 0, "size=x"));
  R(SYS(mount, "none", "m", "tmpfs", 0, BAD));
}
CASE(mount_unprivileged) { mkdir("m", 0755); unprivileged(); R(SYS(mount, "none", "m", "tmpfs", 0, "")); R(SYS(umount2, "m", 0)); R(SYS(umount2, "none", 0)); }
CASE(mount_bind) {
  own_mounts();
  mkdir("a", 0755);
  mkdir("b", 0755);
  put("a/f", "through");
  R(SYS(mount, "a", "b", NULL, MS_BIND, NULL));
  show("b/f");
  R(SYS(mount, "none", "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  R(open("b/g", O_CREAT | O_RDWR, 0600));
  R(open("a/g", O_CREAT | O_RDWR, 0600));
  R(SYS(mount, "none", "b", NULL, MS_BIND, NULL));
  R(SYS(mount, NULL, "b", NULL, MS_BIND, NULL));
}
CASE(mount_bind_file) { own_mounts(); put("a", "text"); put("b", ""); mkdir("d", 0755); R(SYS(mount, "a", "b", NULL, MS_BIND, NULL)); show("b"); R(unlink("b")); R(rename("b", "c")); R(SYS(mount, "a", "d", NULL, MS_BIND, NULL)); R(SYS(umount2, "b", 0)); R(unlink("b")); }
CASE(mount_flags) {
  own_tmpfs();
  R(SYS(mount, "none", "m", NULL, MS_REMOUNT | MS_NODEV | MS_NOEXEC, ""));
  R(mknod("m/null", S_IFCHR | 0666, 0x103));
  R(open("m/null", O_RDWR));
  put("m/x", "#!/bin/sh\n");
  chmod("m/x", 0755);
  R(access("m/x", X_OK));
  R(execve("m/x", NULL, NULL));
}
CASE(mount_read_only) { own_tmpfs(); put("m/f", ""); int fd = open("m/f", O_WRONLY); R(SYS(mount, "none", "m", NULL, MS_REMOUNT | MS_RDONLY, "")); close(fd); R(SYS(mount, "none", "m", NULL, MS_REMOUNT | MS_RDONLY, "")); R(mkdir("m/d", 0700)); R(unlink("m/f")); R(chmod("m/f", 0600)); }
CASE(mount_move) { own_tmpfs(); mkdir("n", 0755); put("m/f", "moved"); R(SYS(mount, "m", "n", NULL, MS_MOVE, NULL)); show("n/f"); R(SYS(mount, "m", "n", NULL, MS_MOVE, NULL)); mkdir("n/d", 0755); R(SYS(mount, "n", "n/d", NULL, MS_MOVE, NULL)); }
CASE(mount_propagation) { own_tmpfs(); R(SYS(mount, "none", "m", NULL, MS_SHARED, NULL)); R(SYS(mount, "none", "m", NULL, MS_SLAVE, NULL)); R(SYS(mount, "none", "m", NULL, MS_UNBINDABLE, NULL)); mkdir("n", 0755); R(SYS(mount, "m", "n", NULL, MS_BIND, NULL)); R(SYS(mount, "none", "m", NULL, MS_SHARED | MS_PRIVATE, NULL)); R(SYS(mount, "none", "n", NULL, MS_SHARED, NULL)); }
CASE(umount_errors) {
  own_tmpfs();
  R(SYS(umount2, "none", 0));
  R(SYS(umount2, ".", 0));
  R(SYS(umount2, "m", 0x100));
  R(SYS(umount2, "m", MNT_EXPIRE | MNT_DETACH));
  R(SYS(umount2, BAD, 0));
  int fd = open("m", O_RDONLY);
  R(SYS(umount2, "m", 0));
  R(SYS(umount2, "m", MNT_DETACH));
  R(SYS(umount2, "m", 0));
}
CASE(umount_expire) { own_tmpfs(); R(SYS(umount2, "m", MNT_EXPIRE)); R(SYS(umount2, "m", MNT_EXPIRE)); R(SYS(umount2, "m", MNT_EXPIRE)); }
CASE(umount_link) { own_tmpfs(); symlink("m", "l"); R(SYS(umount2, "l", UMOUNT_NOFOLLOW)); R(SYS(umount2, "l", 0)); }
CASE(umount_below) { own_tmpfs(); mkdir("m/n", 0755); R(SYS(mount, "none", "m/n", "tmpfs", 0, "")); R(SYS(umount2, "m", 0)); R(SYS(umount2, "m/n", 0)); R(SYS(umount2, "m", 0)); }
CASE(pivot_root_turns) {
  own_tmpfs();
  mkdir("m/old", 0755);
  put("m/here", "the new root\n");
  R(SYS(pivot_root, "m", "m/old"));
  R(chdir("/"));
  show("here");
  R(access("/old/proc", F_OK));
  R(SYS(umount2, "/old", MNT_DETACH));
  R(access("/old/proc", F_OK));
}
CASE(pivot_root_errors) {
  own_tmpfs();
  mkdir("m/old", 0755);
  mkdir("d", 0755);
  put("f", "");
  R(SYS(pivot_root, "none", "m/old"));
  R(SYS(pivot_root, "f", "m/old"));
  R(SYS(pivot_root, "/", "m/old"));
  R(SYS(pivot_root, BAD, "m/old"));
  unprivileged();
  R(SYS(pivot_root, "m", "m/old"));
}
CASE(pivot_root_shared) { own_tmpfs(); mkdir("m/old", 0755); R(SYS(mount, "none", "m", NULL, MS_SHARED, NULL)); R(SYS(pivot_root, "m", "m/old")); }
CASE(chroot_hides) { mkdir("d", 0755); R(chroot("d")); R(chdir("/")); R(access("/proc", F_OK)); R(SYS(unshare, CLONE_NEWNS)); }

CASE(umount_of_what_is_mapped) {
  own_tmpfs();
  put("m/f", "x");
  int fd = open("m/f", O_RDWR);
  char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  R(SYS(umount2, "m", 0));
  munmap(at, 4096);
  R(SYS(umount2, "m", 0));
}
CASE(fsopen_makes) {
  own_mounts();
  mkdir("m", 0755);
  int fs = R(SYS(fsopen, "tmpfs", FSOPEN_CLOEXEC));
  R(fcntl(fs, F_GETFD));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "size", "64k", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "mode", "700", 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  int made = R(SYS(fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC));
  R(SYS(mkdirat, made, "inside", 0755));
  R(SYS(move_mount, made, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH));
  struct stat s;
  R(stat("m", &s));
  say("%o\n", s.st_mode);
  R(access("m/inside", F_OK));
}
CASE(fsopen_errors) { R(SYS(fsopen, "nosuchfs", 0)); R(SYS(fsopen, "tmpfs", 2)); R(SYS(fsopen, BAD, 0)); unprivileged(); R(SYS(fsopen, "tmpfs", 0)); }
CASE(fsconfig_errors) {
  int fs = SYS(fsopen, "tmpfs", 0);
  R(SYS(fsconfig, 77, FSCONFIG_SET_STRING, "size", "64k", 0));
  R(SYS(fsconfig, 0, FSCONFIG_SET_STRING, "size", "64k", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, NULL, "64k", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "size", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "size", "64k", 1));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "size", "x", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, BAD, NULL, 0));
  R(SYS(fsconfig, fs, 99, NULL, NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, "x", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
}
CASE(fsconfig_checks_at_once) {
  int fs = SYS(fsopen, "tmpfs", 0);
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "nonsense", "x", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "nonsense", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "mode", "9", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "size", "many", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "size", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", "10", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "sync", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "nolazytime", NULL, 0));
}
CASE(fsconfig_other_values) {
  int fs = SYS(fsopen, "tmpfs", 0);
  R(SYS(fsconfig, fs, FSCONFIG_SET_PATH, "size", "/", AT_FDCWD));
  R(SYS(fsconfig, fs, FSCONFIG_SET_PATH, "size", "/", -5));
  R(SYS(fsconfig, fs, FSCONFIG_SET_PATH, "size", BAD, AT_FDCWD));
  R(SYS(fsconfig, fs, FSCONFIG_SET_PATH, "size", "", AT_FDCWD));
  R(SYS(fsconfig, fs, FSCONFIG_SET_PATH_EMPTY, "size", "", AT_FDCWD));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FD, "size", NULL, 77));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FD, "size", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FD, "size", "x", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_BINARY, "size", "1k", 2));
  R(SYS(fsconfig, fs, FSCONFIG_SET_BINARY, "size", "1k", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_BINARY, "size", BAD, 2));
}
CASE(fsopen_has_no_messages) { char text[9]; int fs = SYS(fsopen, "tmpfs", 0); R(read(fs, text, 9)); R(lseek(fs, 0, SEEK_SET)); R(write(fs, "x", 1)); R(fcntl(fs, F_GETFL)); }
CASE(fsopen_read_only) {
  own_mounts();
  mkdir("m", 0755);
  int fs = SYS(fsopen, "tmpfs", 0);
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  int made = SYS(fsmount, fs, 0, 0);
  R(SYS(mkdirat, made, "inside", 0755));
}
CASE(fspick_changes) {
  own_tmpfs();
  put("m/f", "x");
  int fs = R(SYS(fspick, AT_FDCWD, "m", FSPICK_CLOEXEC));
  R(fcntl(fs, F_GETFD));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0));
  put("m/g", "x");
  R(SYS(fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
  R(open("m/h", O_CREAT | O_RDWR, 0600));
  R(SYS(fsconfig, fs, FSCONFIG_SET_FLAG, "rw", NULL, 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
  R(OK(open("m/h", O_CREAT | O_RDWR, 0600)) > 0);
}
CASE(fspick_options) {
  own_tmpfs();
  int fs = SYS(fspick, AT_FDCWD, "m", 0);
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "size", "8k", 0));
  R(SYS(fsconfig, fs, FSCONFIG_SET_STRING, "size", "none", 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
  int fd = open("m/f", O_CREAT | O_RDWR, 0600);
  char page[4096] = {1};
  R(write(fd, page, 4096));
  R(write(fd, page, 4096));
  R(write(fd, page, 4096));
}
CASE(fspick_makes_nothing) {
  own_tmpfs();
  int fs = SYS(fspick, AT_FDCWD, "m", 0);
  R(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  R(SYS(fsmount, fs, 0, 0));
}
CASE(fspick_by_descriptor) { own_tmpfs(); int fd = open("m", O_PATH); OK(SYS(fspick, fd, "", FSPICK_EMPTY_PATH)); R(SYS(fspick, fd, "", 0)); }
CASE(fspick_errors) {
  own_tmpfs();
  mkdir("m/d", 0755);
  symlink("m", "l");
  R(SYS(fspick, AT_FDCWD, "m/d", 0));
  R(SYS(fspick, AT_FDCWD, "none", 0));
  R(SYS(fspick, AT_FDCWD, BAD, 0));
  R(SYS(fspick, AT_FDCWD, "m", 16));
  R(SYS(fspick, AT_FDCWD, "l", FSPICK_SYMLINK_NOFOLLOW));
  R(SYS(fspick, 77, "m", 0));
  unprivileged();
  R(SYS(fspick, AT_FDCWD, "m", 0));
}
CASE(fsmount_errors) {
  int fs = SYS(fsopen, "tmpfs", 0);
  R(SYS(fsmount, fs, 0, 0));
  R(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  R(SYS(fsmount, fs, 2, 0));
  R(SYS(fsmount, fs, 0, 1 << 28));
  R(SYS(fsmount, 77, 0, 0));
  R(SYS(fsmount, 0, 0, 0));
  R(SYS(fsmount, fs, 0, 0));
  R(SYS(fsmount, fs, 0, 0));
}
CASE(open_tree_copies) {
  own_mounts();
  mkdir("a", 0755);
  mkdir("b", 0755);
  put("a/f", "text");
  int tree = R(SYS(open_tree, AT_FDCWD, "a", OPEN_TREE_CLONE));
  R(SYS(move_mount, tree, "", AT_FDCWD, "b", MOVE_MOUNT_F_EMPTY_PATH));
  show("b/f");
  R(SYS(umount2, "b", MNT_DETACH));
  show("b/f");
}
CASE(open_tree_errors) {
  put("f", "");
  R(SYS(open_tree, AT_FDCWD, "none", 0));
  R(SYS(open_tree, 77, "f", 0));
  R(SYS(open_tree, AT_FDCWD, "f", 2));
  R(SYS(open_tree, AT_FDCWD, "f", AT_RECURSIVE));
  R(SYS(open_tree, AT_FDCWD, BAD, 0));
  R(SYS(open_tree, AT_FDCWD, "", 0));
  unprivileged();
  R(SYS(open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE));
  R(SYS(open_tree, AT_FDCWD, ".", 0));
}
CASE(move_mount_errors) {
  own_tmpfs();
  mkdir("d", 0755);
  put("f", "");
  R(SYS(move_mount, AT_FDCWD, "d", AT_FDCWD, "m", 0));
  R(SYS(move_mount, AT_FDCWD, "m", AT_FDCWD, "f", 0));
  R(SYS(move_mount, AT_FDCWD, "m", AT_FDCWD, "none", 0));
  R(SYS(move_mount, AT_FDCWD, "m", AT_FDCWD, "d", 0x8000));
  R(SYS(move_mount, 77, "", AT_FDCWD, "d", MOVE_MOUNT_F_EMPTY_PATH));
  R(SYS(move_mount, AT_FDCWD, "m", AT_FDCWD, "d", 0));
  R(SYS(move_mount, AT_FDCWD, BAD, AT_FDCWD, "d", 0));
  unprivileged();
  R(SYS(move_mount, AT_FDCWD, "d", AT_FDCWD, "m", 0));
}
CASE(mount_setattr_sets) {
  own_tmpfs();
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes));
  R(mkdir("m/d", 0700));
  attributes = (struct mount_attr){.attr_clr = MOUNT_ATTR_RDONLY};
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes));
  R(mkdir("m/d", 0700));
}
CASE(mount_setattr_errors) {
  own_tmpfs();
  struct mount_attr attributes = {.attr_set = 1 << 28};
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes));
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, 8));
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, BAD, sizeof attributes));
  R(SYS(mount_setattr, AT_FDCWD, "m", 2, &attributes, sizeof attributes));
  attributes = (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY};
  R(SYS(mount_setattr, AT_FDCWD, ".", 0, &attributes, sizeof attributes));
  R(SYS(mount_setattr, AT_FDCWD, "none", 0, &attributes, sizeof attributes));
  R(SYS(mount_setattr, 77, "m", 0, &attributes, sizeof attributes));
  attributes.propagation = 5;
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes));
  attributes = (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY, .attr_clr = MOUNT_ATTR__ATIME & MOUNT_ATTR_NOATIME};
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes));
  unprivileged();
  R(SYS(mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes));
}
