// Extended attributes: xattr(7), setxattr(2), getxattr(2), listxattr(2), removexattr(2).
#include "case.h"
#include <sys/xattr.h>

static char value[70000], name[300];

static void have(const char *path) {
  ssize_t size = listxattr(path, value, sizeof value);
  say("%d:", (int)size);
  for (char *at = value; size > 0 && at < value + size; at += strlen(at) + 1) say(" %s", at);
  say("\n");
}

static int file(void) {
  put("f", "");
  return open("f", O_RDWR);
}

CASE(set_get) { file(); R(setxattr("f", "user.a", "one", 3, 0)); R(getxattr("f", "user.a", value, 10)); say("%.3s\n", value); R(getxattr("f", "user.a", NULL, 0)); R(getxattr("f", "user.a", value, 2)); }
CASE(set_missing) { R(setxattr("missing", "user.a", "", 0, 0)); R(getxattr("missing", "user.a", value, 9)); R(listxattr("missing", value, 9)); R(removexattr("missing", "user.a")); }
CASE(set_l_missing) { R(lsetxattr("missing", "user.a", "", 0, 0)); R(lgetxattr("missing", "user.a", value, 9)); R(llistxattr("missing", value, 9)); R(lremovexattr("missing", "user.a")); }
CASE(set_f_bad) { R(fsetxattr(77, "user.a", "", 0, 0)); R(fgetxattr(77, "user.a", value, 9)); R(flistxattr(77, value, 9)); R(fremovexattr(77, "user.a")); }
CASE(set_flags) { file(); R(setxattr("f", "user.a", "", 0, XATTR_REPLACE)); R(setxattr("f", "user.a", "", 0, XATTR_CREATE)); R(setxattr("f", "user.a", "", 0, XATTR_CREATE)); R(setxattr("f", "user.a", "x", 1, XATTR_REPLACE)); R(setxattr("f", "user.a", "x", 1, 3)); R(setxattr("f", "user.a", "x", 1, 4)); }
CASE(set_names) { file(); R(setxattr("f", "", "", 0, 0)); R(setxattr("f", "user", "", 0, 0)); R(setxattr("f", "user.", "", 0, 0)); R(setxattr("f", "other.a", "", 0, 0)); memset(name, 'n', 299); memcpy(name, "user.", 5); R(setxattr("f", name, "", 0, 0)); name[255] = 0; R(setxattr("f", name, "", 0, 0)); R(setxattr("f", BAD, "", 0, 0)); R(setxattr(BAD, "user.a", "", 0, 0)); }
CASE(set_sizes) { file(); R(setxattr("f", "user.a", value, 65537, 0)); R(setxattr("f", "user.a", BAD, 3, 0)); R(setxattr("f", "user.a", value, 0, 0)); R(getxattr("f", "user.a", value, 10)); }
CASE(get_missing_name) { file(); R(getxattr("f", "user.none", value, 9)); R(getxattr("f", "user.none", NULL, 0)); R(removexattr("f", "user.none")); R(getxattr("f", "", value, 9)); R(getxattr("f", BAD, value, 9)); }
CASE(get_bad_buffer) { file(); setxattr("f", "user.a", "abc", 3, 0); R(getxattr("f", "user.a", BAD, 9)); R(listxattr("f", BAD, 99)); }
CASE(list_names) { file(); have("f"); setxattr("f", "user.b", "", 0, 0); have("f"); setxattr("f", "user.b", "x", 1, 0); have("f"); R(listxattr("f", NULL, 0)); R(listxattr("f", value, 3)); R(removexattr("f", "user.b")); have("f"); }
CASE(by_descriptor) { int fd = file(); R(fsetxattr(fd, "user.a", "v", 1, 0)); R(fgetxattr(fd, "user.a", value, 9)); R(flistxattr(fd, value, 99)); R(fremovexattr(fd, "user.a")); R(fremovexattr(fd, "user.a")); }
CASE(by_path_descriptor) { file(); int fd = open("f", O_PATH); R(fsetxattr(fd, "user.a", "v", 1, 0)); R(fgetxattr(fd, "user.a", value, 9)); }
CASE(read_only_descriptor) { put("f", ""); int fd = open("f", O_RDONLY); R(fsetxattr(fd, "user.a", "v", 1, 0)); }
CASE(through_link) { file(); symlink("f", "l"); R(setxattr("l", "user.a", "v", 1, 0)); R(getxattr("f", "user.a", value, 9)); R(lgetxattr("l", "user.a", value, 9)); R(lsetxattr("l", "user.a", "v", 1, 0)); R(lsetxattr("l", "trusted.a", "v", 1, 0)); R(lgetxattr("l", "trusted.a", value, 9)); R(llistxattr("l", value, 99)); R(lremovexattr("l", "trusted.a")); R(getxattr("f", "trusted.a", value, 9)); }
CASE(dangling_link) { symlink("nowhere", "l"); R(setxattr("l", "user.a", "", 0, 0)); R(lgetxattr("l", "trusted.a", value, 9)); }
CASE(special_files) { mkfifo("p", 0600); R(setxattr("p", "user.a", "", 0, 0)); R(getxattr("p", "user.a", value, 9)); R(setxattr("p", "trusted.a", "", 0, 0)); mkdir("d", 0700); R(setxattr("d", "user.a", "", 0, 0)); }
CASE(sticky_directory) { mkdir("d", 01777); chmod("d", 01777); unprivileged(); R(setxattr("d", "user.a", "", 0, 0)); }
CASE(trusted_hidden) { file(); setxattr("f", "trusted.t", "x", 1, 0); setxattr("f", "user.u", "x", 1, 0); chmod("f", 0666); R(listxattr("f", value, 99)); unprivileged(); have("f"); R(getxattr("f", "trusted.t", value, 9)); R(setxattr("f", "trusted.t", "", 0, 0)); R(setxattr("f", "user.w", "", 0, 0)); }
CASE(rights) { file(); setxattr("f", "user.u", "x", 1, 0); chmod("f", 0600); unprivileged(); R(getxattr("f", "user.u", value, 9)); R(setxattr("f", "user.u", "", 0, 0)); R(removexattr("f", "user.u")); have("f"); }
CASE(security_denied) { file(); chmod("f", 0666); unprivileged(); R(setxattr("f", "security.x", "", 0, 0)); R(removexattr("f", "security.x")); R(getxattr("f", "security.x", value, 9)); }
CASE(capability_checked) { file(); R(setxattr("f", "security.capability", "junk", 4, 0)); }
CASE(kept_by_rename) { file(); setxattr("f", "user.a", "v", 1, 0); rename("f", "g"); R(getxattr("g", "user.a", value, 9)); link("g", "h"); R(getxattr("h", "user.a", value, 9)); }
CASE(changes_ctime) { int fd = file(); struct stat a, b; fstat(fd, &a); pause_ms(20); fsetxattr(fd, "user.a", "v", 1, 0); fstat(fd, &b); say("%d %d\n", a.st_mtim.tv_nsec == b.st_mtim.tv_nsec, a.st_ctim.tv_nsec == b.st_ctim.tv_nsec); }
CASE(on_proc) { R(setxattr("/proc/version", "user.a", "", 0, 0)); R(getxattr("/proc/version", "user.a", value, 9)); }
CASE(on_pipe) { int p[2]; pipe(p); R(fsetxattr(p[0], "user.a", "", 0, 0)); R(flistxattr(p[0], value, 99)); }
