// POSIX access control lists: acl(5), setxattr(2), chmod(2), umask(2), open(2), mkdir(2), mknod(2).
#include "case.h"
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

static unsigned char value[4096], list[4096];

/** A list of words such as u::6 u:5:4 g::4 g:7:2 m::7 o::0: tag, ID and permissions. */
static int make(const char *text) {
  int size = 4;
  memcpy(list, &(uint32_t){2}, 4);
  for (const char *at = text; *at;) {
    char tag = *at;
    at += 2;
    uint32_t id = *at == ':' ? 0xffffffff : (uint32_t)strtoul(at, (char **)&at, 10);
    at++;
    uint16_t permissions = (uint16_t)strtoul(at, (char **)&at, 8);
    uint16_t number = tag == 'u' ? (id == 0xffffffff ? 1 : 2) : tag == 'g' ? (id == 0xffffffff ? 4 : 8) : tag == 'm' ? 16 : tag == 'o' ? 32 : 64;
    memcpy(list + size, &number, 2);
    memcpy(list + size + 2, &permissions, 2);
    memcpy(list + size + 4, &id, 4);
    size += 8;
    while (*at == ' ') at++;
  }
  return size;
}

static void set(const char *path, const char *kind, const char *text) {
  int size = make(text);
  int failed = setxattr(path, kind, list, size, 0);
  say("%s %s: %s\n", path, text, failed ? error_name(errno) : "set");
}

static void tell(const char *path, const char *kind) {
  ssize_t size = getxattr(path, kind, value, sizeof value);
  say("%s%s:", path, kind == (char *)DEFAULT || !strcmp(kind, DEFAULT) ? " default" : "");
  if (size < 0) say(" %s", error_name(errno));
  for (int at = 4; at < size; at += 8) {
    uint16_t tag, permissions;
    uint32_t id;
    memcpy(&tag, value + at, 2);
    memcpy(&permissions, value + at + 2, 2);
    memcpy(&id, value + at + 4, 4);
    say(" %s:", tag == 1 || tag == 2 ? "u" : tag == 4 || tag == 8 ? "g" : tag == 16 ? "m" : "o");
    if (tag == 2 || tag == 8) say("%u", id);
    say(":%o", permissions);
  }
  struct stat status;
  lstat(path, &status);
  say(" %o\n", status.st_mode);
}

static void file(const char *name, int mode) {
  close(open(name, O_RDWR | O_CREAT, 0600));
  chmod(name, mode);
}

static void as(int uid, int gid) {
  chmod("..", 0755);
  if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) say("cannot become %d\n", uid);
}

/** What somebody may do with a file. */
static void try(const char *path, int uid, int gid) {
  CHILD(
    as(uid, gid);
    char got[4] = "---";
    for (int bit = 0; bit < 3; bit++) if (faccessat(AT_FDCWD, path, 4 >> bit, AT_EACCESS) == 0) got[bit] = "rwx"[bit];
    say("%d:%d %s %s\n", uid, gid, path, got);
  );
}

CASE(set_and_get) { file("f", 0640); tell("f", ACCESS); set("f", ACCESS, "u::6 u:5:4 g::4 m::6 o::0"); tell("f", ACCESS); R(getxattr("f", ACCESS, NULL, 0)); R(getxattr("f", ACCESS, value, 10)); }
CASE(mode_follows) { file("f", 0640); set("f", ACCESS, "u::7 u:5:4 g::1 m::6 o::2"); tell("f", ACCESS); set("f", ACCESS, "u::4 g::5 o::1"); tell("f", ACCESS); R(listxattr("f", value, sizeof value)); }
CASE(mode_equivalent_with_mask) { file("f", 0640); set("f", ACCESS, "u::4 g::5 m::7 o::1"); tell("f", ACCESS); }
CASE(removing) { file("f", 0640); set("f", ACCESS, "u::6 u:5:4 g::4 m::7 o::0"); R(removexattr("f", ACCESS)); tell("f", ACCESS); R(removexattr("f", ACCESS)); R(removexattr("f", DEFAULT)); mkdir("d", 0700); R(removexattr("d", DEFAULT)); }
CASE(setting_nothing) { file("f", 0640); set("f", ACCESS, "u::6 u:5:4 g::4 m::7 o::0"); set("f", ACCESS, ""); tell("f", ACCESS); set("f", ACCESS, "u::6 u:5:4 g::4 m::7 o::0"); R(setxattr("f", ACCESS, "", 0, 0)); tell("f", ACCESS); }
CASE(flags_do_not_matter) { file("f", 0640); int size = make("u::6 u:5:4 g::4 m::7 o::0"); R(setxattr("f", ACCESS, list, size, XATTR_REPLACE)); R(setxattr("f", ACCESS, list, size, XATTR_CREATE)); R(setxattr("f", ACCESS, list, size, 4)); }
CASE(order_of_entries) { file("f", 0640); set("f", ACCESS, "g::4 u::6 o::0"); set("f", ACCESS, "u::6 o::0"); set("f", ACCESS, "u::6 g::4"); set("f", ACCESS, "u::6 g::4 g:3:4 u:5:4 m::7 o::0"); set("f", ACCESS, "u::6 u::6 g::4 o::0"); set("f", ACCESS, "u::6 g::4 o::0 o::0"); set("f", ACCESS, "u::6 g::4 o::0 m::7"); }
CASE(mask_is_needed) { file("f", 0640); set("f", ACCESS, "u::6 u:5:4 g::4 o::0"); set("f", ACCESS, "u::6 g::4 g:5:4 o::0"); set("f", ACCESS, "u::6 g::4 m::4 m::4 o::0"); }
CASE(ids_in_any_order) { file("f", 0640); set("f", ACCESS, "u::6 u:9:4 u:5:4 u:9:6 g::4 g:8:1 g:3:4 m::7 o::0"); tell("f", ACCESS); }
CASE(bad_permissions) { file("f", 0640); set("f", ACCESS, "u::10 g::4 o::0"); set("f", ACCESS, "x::6 g::4 o::0"); }
CASE(bad_bytes) { file("f", 0640); int size = make("u::6 g::4 o::0"); R(setxattr("f", ACCESS, list, 3, 0)); R(setxattr("f", ACCESS, list, size - 1, 0)); list[0] = 1; R(setxattr("f", ACCESS, list, size, 0)); R(setxattr("f", ACCESS, list, size - 1, 0)); R(setxattr("f", ACCESS, BAD, size, 0)); R(setxattr("f", "system.other", list, size, 0)); R(getxattr("f", "system.other", value, 9)); }
CASE(default_of_a_file) { file("f", 0640); set("f", DEFAULT, "u::6 g::4 o::0"); set("f", DEFAULT, ""); R(getxattr("f", DEFAULT, value, 9)); }
CASE(names_are_listed) { mkdir("d", 0750); setxattr("d", "user.a", "x", 1, 0); set("d", DEFAULT, "u::7 g::5 o::0"); set("d", ACCESS, "u::7 u:5:7 g::5 m::7 o::0"); ssize_t size = listxattr("d", (char *)value, sizeof value); for (char *at = (char *)value; at < (char *)value + size; at += strlen(at) + 1) say("%s\n", at); }
CASE(symbolic_link) { file("f", 0640); symlink("f", "l"); int size = make("u::6 u:5:4 g::4 m::7 o::0"); R(lsetxattr("l", ACCESS, list, size, 0)); R(lgetxattr("l", ACCESS, value, 99)); R(setxattr("l", ACCESS, list, size, 0)); tell("f", ACCESS); }
CASE(other_types) { mkfifo("p", 0640); set("p", ACCESS, "u::6 u:5:4 g::4 m::7 o::0"); tell("p", ACCESS); set("p", DEFAULT, "u::6 g::4 o::0"); }
CASE(by_descriptor) { file("f", 0640); int fd = open("f", O_RDONLY); int size = make("u::6 u:5:4 g::4 m::7 o::0"); R(fsetxattr(fd, ACCESS, list, size, 0)); R(fgetxattr(fd, ACCESS, value, 99)); R(fremovexattr(fd, ACCESS)); R(fgetxattr(fd, ACCESS, value, 99)); }
CASE(on_proc) { int size = make("u::6 u:5:4 g::4 m::7 o::0"); R(setxattr("/proc/version", ACCESS, list, size, 0)); R(getxattr("/proc/version", ACCESS, value, 99)); }
CASE(on_pipe) { int p[2]; pipe(p); int size = make("u::6 u:5:4 g::4 m::7 o::0"); R(fsetxattr(p[0], ACCESS, list, size, 0)); R(fgetxattr(p[0], ACCESS, value, 99)); }
CASE(only_the_owner_sets) { file("f", 0666); file("g", 0640); chown("g", 1000, 1000); unprivileged(); set("f", ACCESS, "u::6 u:5:4 g::4 m::7 o::0"); R(removexattr("f", ACCESS)); set("g", ACCESS, "u::6 u:5:4 g::4 m::7 o::0"); tell("g", ACCESS); R(getxattr("f", ACCESS, value, 99)); }
CASE(anybody_reads) { file("f", 0600); set("f", ACCESS, "u::6 u:5:4 g::0 m::4 o::0"); unprivileged(); tell("f", ACCESS); }
CASE(set_group_id_is_lost) { file("f", 02750); chown("f", 1000, 50); chmod("f", 02750); unprivileged(); set("f", ACCESS, "u::7 u:5:4 g::4 m::7 o::0"); tell("f", ACCESS); }
CASE(set_group_id_is_kept) { file("f", 06750); set("f", ACCESS, "u::7 u:5:4 g::4 m::7 o::0"); tell("f", ACCESS); }

CASE(named_user) { file("f", 0600); set("f", ACCESS, "u::6 u:5:5 g::0 m::7 o::2"); try("f", 5, 5); try("f", 6, 6); try("f", 0, 0); }
CASE(named_user_masked) { file("f", 0600); set("f", ACCESS, "u::6 u:5:7 g::0 m::4 o::2"); try("f", 5, 5); try("f", 6, 6); }
CASE(named_user_is_owner) { file("f", 0600); chown("f", 5, 5); set("f", ACCESS, "u::4 u:5:7 g::7 m::7 o::7"); try("f", 5, 5); }
CASE(named_group) { file("f", 0600); set("f", ACCESS, "u::6 g::0 g:5:6 m::7 o::1"); try("f", 6, 5); try("f", 6, 6); try("f", 6, 0); }
CASE(groups_do_not_add_up) { file("f", 0600); chown("f", 0, 7); set("f", ACCESS, "u::6 g::4 g:5:2 m::7 o::7"); try("f", 6, 5); try("f", 6, 7); CHILD(gid_t both[] = {5, 7}; chmod("..", 0755); setgroups(2, both); setresgid(9, 9, 9); setresuid(6, 6, 6); R(open("f", O_RDWR)); R(close(open("f", O_RDONLY))); R(close(open("f", O_WRONLY)))); }
CASE(group_masked) { file("f", 0600); chown("f", 0, 7); set("f", ACCESS, "u::6 g::6 g:5:7 m::4 o::7"); try("f", 6, 5); try("f", 6, 7); try("f", 6, 8); }
CASE(member_is_not_other) { file("f", 0600); set("f", ACCESS, "u::6 g::0 g:5:0 m::7 o::7"); try("f", 6, 5); try("f", 6, 6); }
CASE(no_bits_for_the_group) { file("f", 0600); set("f", ACCESS, "u::6 u:5:7 g::7 m::0 o::6"); try("f", 5, 5); try("f", 6, 0); try("f", 6, 6); }
CASE(directories) { mkdir("d", 0700); set("d", ACCESS, "u::7 u:5:1 g::0 m::7 o::0"); file("d/f", 0644); CHILD(as(5, 5); R(open("d", O_RDONLY)); OK(open("d/f", O_RDONLY)); R(open("d/g", O_CREAT | O_RDWR, 0600))); CHILD(as(6, 6); R(open("d/f", O_RDONLY))); }
CASE(executing) { file("f", 0600); set("f", ACCESS, "u::6 u:5:1 g::0 m::1 o::0"); try("f", 5, 5); try("f", 0, 0); set("f", ACCESS, "u::6 u:5:1 g::0 m::0 o::0"); try("f", 0, 0); }

CASE(chmod_sets_the_mask) { file("f", 0640); set("f", ACCESS, "u::6 u:5:7 g::5 m::7 o::0"); R(chmod("f", 04705)); tell("f", ACCESS); R(chmod("f", 0732)); tell("f", ACCESS); try("f", 5, 5); }
CASE(chmod_leaves_default) { mkdir("d", 0750); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::0"); R(chmod("d", 0700)); tell("d", DEFAULT); tell("d", ACCESS); }
CASE(chown_leaves_it) { file("f", 04640); set("f", ACCESS, "u::6 u:5:7 g::5 m::7 o::0"); R(chown("f", 5, 6)); tell("f", ACCESS); }

CASE(inherited_by_file) { mkdir("d", 0755); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4"); umask(077); OK(open("d/f", O_CREAT | O_RDWR, 0666)); tell("d/f", ACCESS); tell("d/f", DEFAULT); OK(open("d/g", O_CREAT | O_RDWR, 0400)); tell("d/g", ACCESS); }
CASE(inherited_by_directory) { mkdir("d", 0755); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4"); umask(077); R(mkdir("d/e", 0777)); tell("d/e", ACCESS); tell("d/e", DEFAULT); R(mkdir("d/e/f", 0750)); tell("d/e/f", ACCESS); tell("d/e/f", DEFAULT); }
CASE(inherited_without_names) { mkdir("d", 0755); set("d", DEFAULT, "u::7 g::5 o::4"); umask(077); OK(open("d/f", O_CREAT | O_RDWR, 0666)); tell("d/f", ACCESS); R(mkdir("d/e", 0777)); tell("d/e", ACCESS); tell("d/e", DEFAULT); }
CASE(inherited_with_mask) { mkdir("d", 0755); set("d", DEFAULT, "u::7 g::7 m::5 o::4"); OK(open("d/f", O_CREAT | O_RDWR, 0666)); tell("d/f", ACCESS); }
CASE(inherited_by_node) { mkdir("d", 0755); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4"); umask(077); R(mkfifo("d/p", 0666)); tell("d/p", ACCESS); R(mknod("d/n", 0604, 0)); tell("d/n", ACCESS); R(symlink("x", "d/l")); R(lgetxattr("d/l", ACCESS, value, 99)); }
CASE(inherited_by_nameless) { mkdir("d", 0755); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4"); umask(077); int fd = open("d", O_TMPFILE | O_RDWR, 0666); R(fgetxattr(fd, ACCESS, NULL, 0)); struct stat status; fstat(fd, &status); say("%o\n", status.st_mode); }
CASE(inherited_by_socket) { mkdir("d", 0755); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4"); umask(022); int fd = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr_un name = {AF_UNIX, "d/s"}; R(bind(fd, (void *)&name, sizeof name)); tell("d/s", ACCESS); }
CASE(umask_without_default) { mkdir("d", 0755); set("d", ACCESS, "u::7 u:5:7 g::5 m::7 o::4"); umask(027); OK(open("d/f", O_CREAT | O_RDWR, 0666)); tell("d/f", ACCESS); R(mkdir("d/e", 0777)); tell("d/e", ACCESS); }
CASE(inherited_with_set_group_id) { mkdir("d", 0755); chown("d", 0, 7); chmod("d", 02775); set("d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4"); R(mkdir("d/e", 0777)); tell("d/e", ACCESS); struct stat status; stat("d/e", &status); say("%d\n", status.st_gid); }
CASE(kept_by_rename_and_link) { file("f", 0640); set("f", ACCESS, "u::6 u:5:7 g::5 m::7 o::0"); rename("f", "g"); tell("g", ACCESS); link("g", "h"); tell("h", ACCESS); chmod("h", 0600); tell("g", ACCESS); }
CASE(times_change) { file("f", 0640); struct stat a, b; stat("f", &a); pause_ms(20); set("f", ACCESS, "u::6 g::4 o::0"); stat("f", &b); say("%d %d\n", a.st_mtim.tv_nsec == b.st_mtim.tv_nsec, a.st_ctim.tv_nsec == b.st_ctim.tv_nsec); }
CASE(read_only) { unshare(CLONE_NEWNS); mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL); mkdir("d", 0755); mount("tmpfs", "d", "tmpfs", 0, NULL); file("d/f", 0640); set("d/f", ACCESS, "u::6 u:5:7 g::5 m::7 o::0"); R(mount(NULL, "d", NULL, MS_REMOUNT | MS_RDONLY, NULL)); set("d/f", ACCESS, "u::6 g::5 o::0"); R(removexattr("d/f", ACCESS)); tell("d/f", ACCESS); }

static void overlay(void) {
  unshare(CLONE_NEWNS);
  mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mkdir("l", 0755); mkdir("u", 0755); mkdir("w", 0755); mkdir("m", 0755);
  file("l/f", 0640);
  set("l/f", ACCESS, "u::6 u:5:7 g::5 m::7 o::0");
  mkdir("l/d", 0755);
  set("l/d", DEFAULT, "u::7 u:5:7 g::5 m::7 o::4");
  R(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"));
}
CASE(copied_up) { overlay(); tell("m/f", ACCESS); R(chmod("m/f", 0600)); tell("m/f", ACCESS); tell("u/f", ACCESS); tell("l/f", ACCESS); }
CASE(copied_up_by_writing) { overlay(); int fd = open("m/f", O_RDWR); write(fd, "x", 1); tell("m/f", ACCESS); tell("u/f", ACCESS); try("m/f", 5, 5); try("m/f", 6, 6); }
CASE(inherited_in_overlay) { overlay(); umask(077); OK(open("m/d/f", O_CREAT | O_RDWR, 0666)); tell("m/d/f", ACCESS); tell("u/d/f", ACCESS); tell("u/d", DEFAULT); R(mkdir("m/d/e", 0777)); tell("m/d/e", DEFAULT); }
CASE(set_in_overlay) { overlay(); set("m/f", ACCESS, "u::7 u:9:4 g::0 m::4 o::0"); tell("m/f", ACCESS); R(removexattr("m/f", ACCESS)); tell("m/f", ACCESS); tell("l/f", ACCESS); set("m/d", DEFAULT, "u::7 g::0 o::0"); tell("m/d", DEFAULT); tell("l/d", DEFAULT); }

static void map(const char *name, const char *text) {
  int fd = open(name, O_WRONLY);
  write(fd, text, strlen(text));
  close(fd);
}
CASE(ids_in_user_namespace) {
  file("f", 0640);
  chmod("..", 0755);
  set("f", ACCESS, "u::6 u:5:7 u:1005:4 g::5 g:1006:2 m::7 o::0");
  CHILD(
    R(unshare(CLONE_NEWUSER));
    map("/proc/self/setgroups", "deny");
    map("/proc/self/uid_map", "0 0 1");
    map("/proc/self/gid_map", "0 0 1");
    tell("f", ACCESS);
    set("f", ACCESS, "u::6 u:5:7 g::5 m::7 o::0");
    set("f", ACCESS, "u::6 u:0:7 g::5 m::7 o::0");
    tell("f", ACCESS);
  );
  tell("f", ACCESS);
}
