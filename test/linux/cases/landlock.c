// Landlock: landlock(7), landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2).
#include "case.h"
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, REMOVE_DIR = 16, REMOVE_FILE = 32, MAKE_CHAR = 64, MAKE_DIR = 128, MAKE_REG = 256, MAKE_SOCK = 512, MAKE_FIFO = 1024, MAKE_BLOCK = 2048, MAKE_SYM = 4096, REFER = 8192, ALL = 16383 };
struct beneath { uint64_t allowed; int32_t fd; } __attribute__((packed));

static int rules(uint64_t handled) { return SYS(landlock_create_ruleset, &handled, sizeof handled, 0); }
static int allow(int set, const char *path, uint64_t rights) {
  struct beneath rule = {rights, open(path, O_PATH | O_CLOEXEC)};
  int result = SYS(landlock_add_rule, set, 1, &rule, 0), error = errno;
  close(rule.fd);
  errno = error;
  return result;
}
static void restrict_to(int set) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  R(SYS(landlock_restrict_self, set, 0));
  close(set);
}
static void tree(void) { mkdir("a", 0777); mkdir("b", 0777); mkdir("a/d", 0777); put("a/f", "in a"); put("b/f", "in b"); put("a/d/f", "in d"); }
/** Everything is forbidden but in `a`, and there is a directory `a/d` below it. */
static void only_a(uint64_t handled, uint64_t rights) { tree(); int set = rules(handled); R(allow(set, "a", rights)); restrict_to(set); }

CASE(create) { uint64_t handled = READ_FILE; R(SYS(landlock_create_ruleset, NULL, 0, 1 << 20)); R(SYS(landlock_create_ruleset, &handled, 8, 1)); R(SYS(landlock_create_ruleset, NULL, 8, 0)); R(SYS(landlock_create_ruleset, &handled, 7, 0)); R(SYS(landlock_create_ruleset, BAD, 8, 0)); R(SYS(landlock_create_ruleset, &handled, 4097, 0)); handled = 1ULL << 40; R(SYS(landlock_create_ruleset, &handled, 8, 0)); handled = 0; R(SYS(landlock_create_ruleset, &handled, 8, 0)); OK(SYS(landlock_create_ruleset, NULL, 0, 1)); }
CASE(created) { int set = OK(rules(READ_FILE)); R(fcntl(set, F_GETFD)); R(fcntl(set, F_GETFL) & O_ACCMODE); char byte; R(read(set, &byte, 1)); R(write(set, "x", 1)); R(lseek(set, 0, SEEK_SET)); }
CASE(larger_attributes) { uint64_t some[20] = {READ_FILE}; OK(SYS(landlock_create_ruleset, some, sizeof some, 0)); some[19] = 1; R(SYS(landlock_create_ruleset, some, sizeof some, 0)); }
CASE(add) { tree(); int set = rules(READ_FILE | READ_DIR), dir = open("a", O_PATH), file = open("a/f", O_PATH); struct beneath rule = {READ_FILE, dir}; R(SYS(landlock_add_rule, set, 1, &rule, 0)); R(SYS(landlock_add_rule, set, 1, &rule, 1)); R(SYS(landlock_add_rule, set, 0, &rule, 0)); R(SYS(landlock_add_rule, set, 1, BAD, 0)); R(SYS(landlock_add_rule, 99, 1, &rule, 0)); R(SYS(landlock_add_rule, dir, 1, &rule, 0)); rule.allowed = 0; R(SYS(landlock_add_rule, set, 1, &rule, 0)); rule.allowed = WRITE_FILE; R(SYS(landlock_add_rule, set, 1, &rule, 0)); rule = (struct beneath){READ_DIR, file}; R(SYS(landlock_add_rule, set, 1, &rule, 0)); rule = (struct beneath){READ_FILE, file}; R(SYS(landlock_add_rule, set, 1, &rule, 0)); rule.fd = 99; R(SYS(landlock_add_rule, set, 1, &rule, 0)); rule.fd = set; R(SYS(landlock_add_rule, set, 1, &rule, 0)); int p[2]; pipe(p); rule.fd = p[0]; R(SYS(landlock_add_rule, set, 1, &rule, 0)); }
CASE(restrict_self) { int set = rules(READ_FILE); R(SYS(landlock_restrict_self, 99, 0)); R(SYS(landlock_restrict_self, 0, 0)); R(SYS(landlock_restrict_self, set, 1 << 20)); R(SYS(landlock_restrict_self, set, 0)); CHILD(unprivileged(); R(SYS(landlock_restrict_self, set, 0)); R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); R(SYS(landlock_restrict_self, set, 0))); }
CASE(layers) { int set = rules(MAKE_SOCK), made = 0; for (; made < 20; made++) if (SYS(landlock_restrict_self, set, 0)) break; say("%d %s\n", made, error_name(errno)); }
CASE(reading) { only_a(READ_FILE, READ_FILE); show("a/f"); show("a/d/f"); show("b/f"); OK(open("b/f", O_WRONLY)); R(open("b/f", O_RDWR)); OK(open("b/f", O_PATH)); OK(open("b", O_RDONLY)); OK(open("/dev/null", O_WRONLY)); R(open("/dev/null", O_RDONLY)); }
CASE(writing) { only_a(WRITE_FILE, WRITE_FILE); show("b/f"); OK(open("a/f", O_WRONLY)); R(open("b/f", O_WRONLY)); R(open("b/f", O_RDWR)); OK(open("b/f", O_RDONLY | O_TRUNC)); R(truncate("b/f", 0)); R(open("b/new", O_CREAT | O_WRONLY, 0600)); R(access("b/new", F_OK)); }
CASE(directories) { only_a(READ_DIR, READ_DIR); OK(open("a", O_RDONLY)); OK(open("a/d", O_RDONLY | O_DIRECTORY)); R(open("b", O_RDONLY)); R(open(".", O_RDONLY)); OK(open("b", O_PATH)); show("b/f"); R(chdir("b")); struct stat status; R(stat("f", &status)); }
CASE(making) { only_a(MAKE_REG | MAKE_DIR | MAKE_SYM | MAKE_FIFO | MAKE_SOCK | MAKE_CHAR | MAKE_BLOCK, MAKE_REG | MAKE_DIR); OK(open("a/x", O_CREAT | O_RDWR, 0600)); R(mkdir("a/y", 0700)); R(symlink("x", "a/l")); R(mkfifo("a/p", 0600)); R(mknod("a/c", S_IFCHR | 0600, 0x103)); R(mknod("a/b", S_IFBLK | 0600, 0x103)); R(mknod("a/r", S_IFREG | 0600, 0)); R(open("b/x", O_CREAT | O_RDWR, 0600)); OK(open("b/f", O_CREAT | O_RDWR, 0600)); R(mkdir("b/y", 0700)); R(mkdir("b/f", 0700)); R(mknod("b/r", S_IFREG | 0600, 0)); int fd = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr_un name = {AF_UNIX, "a/s"}; R(bind(fd, (void *)&name, sizeof name)); }
CASE(removing) { only_a(REMOVE_FILE | REMOVE_DIR, REMOVE_FILE); R(unlink("a/f")); R(unlink("a/d/f")); R(rmdir("a/d")); R(unlink("b/f")); R(rmdir("b")); R(unlink("b/none")); R(unlink("a/d")); }
CASE(nameless) { only_a(WRITE_FILE | MAKE_REG, WRITE_FILE); OK(open("a", O_TMPFILE | O_RDWR, 0600)); R(open("b", O_TMPFILE | O_RDWR, 0600)); }
CASE(opened_before) { tree(); int fd = open("b/f", O_RDWR); int set = rules(ALL); restrict_to(set); char byte; R(read(fd, &byte, 1)); R(write(fd, "x", 1)); R(ftruncate(fd, 0)); R(open("b/f", O_RDONLY)); }
CASE(pipes_stay) { int set = rules(ALL); restrict_to(set); int p[2]; R(pipe(p)); char name[30]; sprintf(name, "/proc/self/fd/%d", p[0]); OK(open(name, O_RDONLY)); R(open("/proc/self/stat", O_RDONLY)); }
CASE(inherited) { only_a(READ_FILE, READ_FILE); CHILD(show("a/f"); show("b/f")); CHILD(setresuid(1000, 1000, 1000); show("b/f")); }
CASE(more_layers) { only_a(READ_FILE, READ_FILE); int set = rules(READ_FILE); R(allow(set, "a/d", READ_FILE)); R(allow(set, "b", READ_FILE)); restrict_to(set); show("a/f"); show("a/d/f"); show("b/f"); }
CASE(rules_add_up) { tree(); int set = rules(READ_FILE | WRITE_FILE); allow(set, "a", READ_FILE); allow(set, "a/d", WRITE_FILE); allow(set, "b/f", READ_FILE); allow(set, "b/f", WRITE_FILE); restrict_to(set); OK(open("a/d/f", O_RDWR)); R(open("a/f", O_RDWR)); OK(open("b/f", O_RDWR)); }
CASE(rules_later) { tree(); int set = rules(READ_FILE), copy = dup(set); restrict_to(set); R(allow(copy, "a", READ_FILE)); show("a/f"); }
CASE(follows_the_file) { only_a(READ_FILE, READ_FILE); R(rename("a", "c")); show("c/f"); mkdir("a", 0700); put("a/f", "new"); show("a/f"); }
CASE(links_to_others) { tree(); symlink("../b/f", "a/l"); int set = rules(READ_FILE); allow(set, "a", READ_FILE); restrict_to(set); show("a/l"); show("a/../b/f"); show("b/../a/f"); }
CASE(executing) { only_a(EXECUTE, EXECUTE); put("b/x", "#!/bin/true\n"); chmod("b/x", 0700); R(execl("b/x", "x", NULL)); R(access("b/x", X_OK)); }
CASE(refer_denied) { only_a(MAKE_REG | REMOVE_FILE, MAKE_REG | REMOVE_FILE); R(rename("a/f", "a/g")); R(rename("a/g", "a/d/g")); R(link("a/g", "a/d/g")); R(link("a/g", "a/h")); R(rename("a/g", "b/g")); R(rename("b/f", "b/g")); R(link("b/f", "b/g")); }
CASE(refer_only) { only_a(REFER, REFER); R(rename("a/f", "a/d/g")); R(rename("a/d/f", "a/h")); R(rename("a/h", "b/h")); R(rename("b/f", "a/k")); R(link("a/h", "a/d/h")); R(link("a/h", "b/h")); R(rename("b/f", "b/g")); }
CASE(refer_without_gain) { tree(); int set = rules(REFER | READ_FILE | WRITE_FILE); R(allow(set, "a", REFER | READ_FILE)); R(allow(set, "b", REFER | READ_FILE | WRITE_FILE)); restrict_to(set); R(rename("a/f", "b/g")); R(link("a/f", "b/g")); R(rename("b/f", "a/g")); R(rename("a/g", "b/f")); R(rename("a/d", "b/d")); R(SYS(renameat2, AT_FDCWD, "a/f", AT_FDCWD, "b/f", 2)); }
CASE(refer_exchange) { tree(); int set = rules(REFER | READ_FILE | MAKE_REG | REMOVE_FILE); R(allow(set, "a", REFER | READ_FILE | MAKE_REG | REMOVE_FILE)); R(allow(set, "b", REFER | READ_FILE | MAKE_REG | REMOVE_FILE)); restrict_to(set); R(SYS(renameat2, AT_FDCWD, "a/f", AT_FDCWD, "b/f", 2)); show("a/f"); show("b/f"); R(rename("a/f", "b/f")); show("b/f"); }
CASE(removing_by_renaming) { tree(); put("a/g", "g"); int set = rules(REMOVE_FILE | MAKE_REG); R(allow(set, "a", MAKE_REG)); restrict_to(set); R(rename("a/f", "a/g")); R(rename("a/f", "a/h")); R(link("a/f", "a/h")); }
CASE(mounting) { unshare(CLONE_NEWNS); mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL); mkdir("m", 0755); mkdir("n", 0755); mount("tmpfs", "m", "tmpfs", 0, NULL); restrict_to(rules(READ_FILE)); R(mount("tmpfs", "n", "tmpfs", 0, NULL)); R(mount("m", "n", NULL, MS_BIND, NULL)); R(mount(NULL, "m", NULL, MS_REMOUNT, NULL)); R(umount("m")); R(SYS(pivot_root, "m", "m")); R(chroot("m")); }
CASE(through_mounts) { unshare(CLONE_NEWNS); mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL); tree(); mount("tmpfs", "a/d", "tmpfs", 0, NULL); put("a/d/f", "mounted"); mount("b", "a/d", NULL, MS_BIND, NULL); int set = rules(READ_FILE); allow(set, "a", READ_FILE); restrict_to(set); show("a/d/f"); show("b/f"); }
CASE(tracing) { tree(); pid_t free = fork(); if (!free) { pause(); _exit(0); } restrict_to(rules(MAKE_SOCK)); R(ptrace(PTRACE_ATTACH, free, 0, 0)); pid_t child = fork(); if (!child) { pause(); _exit(0); } R(ptrace(PTRACE_ATTACH, child, 0, 0)); waitpid(child, NULL, 0); R(ptrace(PTRACE_DETACH, child, 0, 0)); kill(child, SIGKILL); reap(child); kill(free, SIGKILL); reap(free); }
CASE(tracing_inner) { pid_t child = fork(); if (!child) { restrict_to(rules(MAKE_SOCK)); pause(); _exit(0); } pause_ms(50); R(ptrace(PTRACE_ATTACH, child, 0, 0)); kill(child, SIGKILL); }
