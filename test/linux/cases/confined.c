// What gives a program no more rights than it has: set-user-ID programs under a tracer or no_new_privs, processes that hide
// themselves before they enter a namespace, mounts of more privileged namespaces, directories that were moved out of what is
// mounted (execve(2), ptrace(2) "Ptrace access mode checking", mount_namespaces(7) "Restrictions on mount namespaces",
// user_namespaces(7)).
#include "case.h"
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/xattr.h>
#include <ucontext.h>

#define P(request, pid, addr, data) SYS(ptrace, request, pid, (void *)(long)(addr), (void *)(long)(data))

/** A copy of this program with other permissions and owners. */
static void copy_program(const char *name, int owner, int mode) {
  char bytes[65536];
  int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT, 0755);
  for (long count; (count = read(from, bytes, sizeof bytes)) > 0;) write(to, bytes, count);
  close(from), close(to);
  chown(name, owner, owner), chmod(name, mode);
}

static void ids(void) {
  uid_t r, e, s;
  gid_t g, eg, sg;
  getresuid(&r, &e, &s), getresgid(&g, &eg, &sg);
  say("uid %d %d %d gid %d %d %d", r, e, s, g, eg, sg);
  char text[4096];
  int fd = open("/proc/self/status", O_RDONLY), length = read(fd, text, sizeof text - 1);
  text[length > 0 ? length : 0] = 0;
  char *set = strstr(text, "CapPrm:");
  if (set) say(" permitted %s", strtoull(set + 7, 0, 16) == 0 ? "none" : strtoull(set + 7, 0, 16) == 1 << 6 ? "setgid" : "all");
  say(" dumpable %d\n", prctl(PR_GET_DUMPABLE));
  close(fd);
}
/** What a program that was executed tells. */
CASE(shows_ids) { ids(); }

static void execute(const char *name) {
  char *arguments[] = {(char *)name, "shows_ids", 0}, *environment[] = {0};
  execve(name, arguments, environment);
  say("execve: %s\n", error_name(errno));
}

/** Executes a program in a child that is traced; the tracer is `root` or the same user. */
static void traced(const char *name, int isPrivileged) {
  pid_t child = fork();
  if (child == 0) {
    int gate[2];
    pipe(gate);
    pid_t inner = fork();
    if (inner == 0) {
      char c;
      setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
      read(gate[0], &c, 1);
      execute(name);
      _exit(1);
    }
    if (!isPrivileged) setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000);
    pause_ms(20);
    if (P(PTRACE_SEIZE, inner, 0, PTRACE_O_TRACEEXEC)) say("seize: %s\n", error_name(errno));
    write(gate[1], "x", 1);
    int status;
    while (waitpid(inner, &status, 0) == inner && WIFSTOPPED(status)) {
      if (status >> 16 == PTRACE_EVENT_EXEC) {
        char path[64];
        sprintf(path, "/proc/%d/mem", inner);
        say("stopped, its memory: %s\n", open(path, O_RDONLY) < 0 ? error_name(errno) : "open");
      }
      P(PTRACE_CONT, inner, 0, 0);
    }
    _exit(0);
  }
  reap(child);
}
CASE(set_user_id_traced) { copy_program("p", 0, 06755); chmod(".", 0755); traced("./p", 0); }
CASE(set_user_id_traced_by_root) { copy_program("p", 0, 06755); chmod(".", 0755); traced("./p", 1); }
CASE(set_user_id_of_another_traced) { copy_program("p", 2000, 06755); chmod(".", 0755); traced("./p", 0); }
CASE(set_user_id_alone) { copy_program("p", 0, 06755); chmod(".", 0755); CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); execute("./p")); }
static const unsigned char setgid_capability[20] = {1, 0, 0, 2, 1 << 6};
CASE(file_capabilities_traced) {
  copy_program("p", 0, 0755), chmod(".", 0755);
  R(setxattr("p", "security.capability", setgid_capability, 20, 0));
  CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); execute("./p"));
  traced("./p", 0), traced("./p", 1);
}
CASE(trace_me_set_user_id) {
  // the rights that count are those of the one who asked to be traced
  copy_program("p", 0, 06755), chmod(".", 0755);
  pid_t child = fork();
  if (child == 0) {
    setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000);
    P(PTRACE_TRACEME, 0, 0, 0);
    execute("./p");
    _exit(1);
  }
  int status;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) P(PTRACE_CONT, child, 0, 0);
}
CASE(set_user_id_no_new_privileges) { copy_program("p", 0, 06755); chmod(".", 0755); CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); execute("./p")); }
CASE(file_capabilities_no_new_privileges) {
  copy_program("p", 0, 0755), chmod(".", 0755), setxattr("p", "security.capability", setgid_capability, 20, 0);
  CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); execute("./p"));
}
CASE(attach_to_set_user_id) {
  copy_program("p", 0, 04755), chmod(".", 0755);
  int gate[2];
  pipe(gate);
  pid_t child = fork();
  if (child == 0) {
    dup2(gate[1], 1);
    setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000);
    char *arguments[] = {"./p", "waits", 0};
    execve("./p", arguments, 0);
    _exit(1);
  }
  char c;
  read(gate[0], &c, 1);
  CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); R(P(PTRACE_SEIZE, child, 0, 0)); char path[64];
        static const char *const names[] = {"mem", "environ", "maps", "auxv", "smaps", "io", "fd", "cwd", "root", "exe", "fdinfo", "stat", "personality", "ns/mnt", "fd/0", "mountstats", "limits", "cmdline", "status"};
        for (int n = 0; n < 19; n++) {
          char text[64];
          sprintf(path, "/proc/%d/%s", child, names[n]);
          int fd = open(path, O_RDONLY);
          int count = fd < 0 ? -1 : read(fd, text, 60);
          say("%s: %s\n", names[n], fd < 0 ? error_name(errno) : count < 0 ? error_name(errno) : count > 0 ? "read" : "empty");
        });
  kill(child, SIGKILL), reap(child);
}
CASE(waits) { say("x"); pause_ms(1500); }
CASE(memory_file_across_exec) {
  // what was opened before the program got its rights stays with the memory of before
  copy_program("p", 0, 04755), chmod(".", 0755);
  int gate[2], go[2];
  pipe(gate), pipe(go);
  setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
  pid_t child = fork();
  if (child == 0) {
    char c, *arguments[] = {"./p", "waits", 0};
    read(go[0], &c, 1), dup2(gate[1], 1);
    execve("./p", arguments, 0);
    _exit(1);
  }
  char path[64], c;
  sprintf(path, "/proc/%d/mem", child);
  int fd = open(path, O_RDWR);
  say("opened %d\n", fd >= 0);
  R(pread(fd, &c, 1, (long)&case_waits) == 1);
  write(go[1], "x", 1), read(gate[0], &c, 1);
  R(pread(fd, &c, 1, (long)&case_waits)), R(pwrite(fd, "x", 1, (long)&case_waits));
  struct iovec own = {&c, 1}, other = {(void *)&case_waits, 1};
  R(process_vm_readv(child, &own, 1, &other, 1, 0));
  R(kill(child, SIGKILL)), R(kill(child, SIGCONT) == -1 ? errno == EPERM : 0);
}
CASE(name_of_another) {
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  char path[64];
  sprintf(path, "/proc/%d/comm", child);
  int fd = open(path, O_WRONLY);
  R(write(fd, "other", 5));
  fd = open("/proc/self/comm", O_WRONLY);
  R(write(fd, "own", 3)), show("/proc/self/comm");
  kill(child, SIGKILL), reap(child);
}

static void map_root(void) {
  char line[32];
  int uid = geteuid(), gid = getegid();
  R(SYS(unshare, CLONE_NEWUSER));
  int fd = open("/proc/self/setgroups", O_WRONLY);
  write(fd, "deny", 4), close(fd);
  fd = open("/proc/self/uid_map", O_WRONLY), sprintf(line, "0 %d 1", uid), write(fd, line, strlen(line)), close(fd);
  fd = open("/proc/self/gid_map", O_WRONLY), sprintf(line, "0 %d 1", gid), write(fd, line, strlen(line)), close(fd);
}
static void in_user_namespace(void) {
  setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
  map_root();
}
static void own_mounts(void) {
  if (SYS(unshare, CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) say("no namespace: %s\n", error_name(errno));
}
static void in_place(void) {
  char path[PATH_MAX];
  long length = SYS(getcwd, path, sizeof path);
  say("%s\n", length < 0 ? error_name(errno) : strncmp(path, "(unreachable)", 13) ? "reachable" : "unreachable");
}

CASE(hidden_process_in_user_namespace) {
  // a process of outside that enters a user namespace stays out of the reach of those inside
  int gate[2], go[2];
  pipe(gate), pipe(go);
  pid_t inner = fork();
  if (inner == 0) {
    char c;
    setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
    map_root();
    write(gate[1], "x", 1);
    read(go[0], &c, 1);
    pid_t target;
    read(go[0], &target, sizeof target);
    R(P(PTRACE_SEIZE, target, 0, 0));
    char path[64];
    sprintf(path, "/proc/%d/mem", target), R(open(path, O_RDONLY));
    sprintf(path, "/proc/%d/root/.", target), R(open(path, O_RDONLY | O_PATH));
    struct iovec own = {&c, 1}, other = {(void *)&case_waits, 1};
    R(process_vm_readv(target, &own, 1, &other, 1, 0));
    _exit(0);
  }
  char c, path[64];
  read(gate[0], &c, 1);
  sprintf(path, "/proc/%d/ns/user", inner);
  int user = open(path, O_RDONLY);
  pid_t outer = fork();
  if (outer == 0) {
    R(SYS(setns, user, CLONE_NEWUSER));
    R(prctl(PR_GET_DUMPABLE));
    write(gate[1], "x", 1);
    for (;;) pause();
  }
  read(gate[0], &c, 1), write(go[1], "x", 1), write(go[1], &outer, sizeof outer);
  reap(inner), kill(outer, SIGKILL), reap(outer);
}

CASE(moved_out_of_bind_mount) {
  own_mounts();
  mkdir("a", 0755), mkdir("a/b", 0755), mkdir("a/b/c", 0755), mkdir("m", 0755);
  R(mount("a/b", "m", NULL, MS_BIND, NULL));
  int fd = open(".", O_RDONLY);
  R(chdir("m/c")), in_place();
  R(renameat(fd, "a/b/c", fd, "a/c"));
  in_place(), R(chdir("..")), R(access("../b", F_OK)), R(open("../..", O_RDONLY)), R(access(".", F_OK)), in_place();
}
CASE(moved_out_of_bind_mount_far) {
  own_mounts();
  mkdir("t", 0755), R(mount("none", "t", "tmpfs", 0, "")), R(chdir("t"));
  mkdir("b", 0755), mkdir("b/c", 0755), mkdir("m", 0755), R(mount("b", "m", NULL, MS_BIND, NULL));
  int fd = open(".", O_RDONLY);
  R(chdir("m/c")), R(renameat(fd, "b/c", fd, "c")), R(chdir("..")), R(chdir("../../../..")), in_place();
}
CASE(moved_out_of_chroot) {
  mkdir("a", 0755), mkdir("a/b", 0755), mkdir("a/b/c", 0755);
  int fd = open(".", O_RDONLY);
  R(chdir("a/b/c")), R(chroot("..")), R(renameat(fd, "a/b/c", fd, "c")), in_place(), R(chdir("..")), in_place(), R(access("a/b", F_OK));
}
CASE(unmounted_is_not_attached_again) {
  own_mounts();
  mkdir("m", 0755), mkdir("n", 0755), R(mount("none", "m", "tmpfs", 0, ""));
  put("m/f", "x");
  int fd = open("m", O_PATH);
  R(umount2("m", MNT_DETACH));
  R(SYS(move_mount, fd, "", AT_FDCWD, "n", MOVE_MOUNT_F_EMPTY_PATH)), R(access("n/f", F_OK));
  OK(SYS(open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE));
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
  R(SYS(mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr));
}
CASE(nameless_is_not_attached) {
  own_mounts();
  put("f", "");
  int memory = SYS(memfd_create, "m", 0), ends[2];
  pipe(ends);
  char path[64];
  for (int n = 0; n < 2; n++) {
    sprintf(path, "/proc/self/fd/%d", n ? ends[0] : memory);
    R(SYS(move_mount, AT_FDCWD, path, AT_FDCWD, "f", MOVE_MOUNT_F_SYMLINKS)), R(SYS(open_tree, AT_FDCWD, path, OPEN_TREE_CLONE)), R(mount(path, "f", NULL, MS_BIND, NULL));
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    R(SYS(mount_setattr, AT_FDCWD, path, 0, &attr, sizeof attr)), R(write(memory, "x", 1));
  }
}

/** Enters a user namespace with mounts of its own that come from a tree with a read-only bind and a mount over files. */
static void below_locked(void) {
  own_mounts();
  mkdir("t", 0777), R(mount("none", "t", "tmpfs", MS_NOSUID | MS_NODEV, "")), R(chdir("t"));
  mkdir("a", 0777), put("a/f", "under"), mkdir("r", 0777), mkdir("n", 0777), mkdir("o", 0777), chmod("a", 0777);
  R(mount("a", "r", NULL, MS_BIND, NULL)), R(mount("none", "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL));
  R(mount("none", "a", "tmpfs", 0, "")), put("a/over", "x"), chmod(".", 0777);
  setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
  map_root();
  R(SYS(unshare, CLONE_NEWNS));
}
CASE(locked_mount_flags) {
  below_locked();
  R(mount("none", "r", NULL, MS_REMOUNT | MS_BIND, NULL)), R(mount("none", "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  R(mount("none", "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL)), R(mount("none", "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | MS_NODEV | MS_NOSUID, NULL));
  R(mount("none", "r", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | MS_NODEV | MS_NOSUID | MS_NOATIME, NULL));
  R(mount("none", "r", NULL, MS_REMOUNT, NULL)), R(mount("none", ".", NULL, MS_REMOUNT, NULL)), R(open("r/new", O_CREAT | O_WRONLY, 0600));
  R(mount("r", "n", NULL, MS_BIND, NULL)), R(mount("none", "n", NULL, MS_REMOUNT | MS_BIND, NULL)), R(open("n/new", O_CREAT | O_WRONLY, 0600));
  struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
  R(SYS(mount_setattr, AT_FDCWD, "r", 0, &attr, sizeof attr));
  int tree = SYS(open_tree, AT_FDCWD, "r", OPEN_TREE_CLONE);
  R(SYS(mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr));
  R(SYS(move_mount, tree, "", AT_FDCWD, "o", MOVE_MOUNT_F_EMPTY_PATH)), R(open("o/new", O_CREAT | O_WRONLY, 0600));
}
CASE(locked_mounts_stay) {
  below_locked();
  R(umount2("a", 0)), R(umount2("a", MNT_DETACH)), R(umount2("r", MNT_DETACH)), R(mount("a", "n", NULL, MS_MOVE, NULL));
  R(mount(".", "n", NULL, MS_BIND, NULL)), R(mount(".", "n", NULL, MS_BIND | MS_REC, NULL)), R(access("n/a/f", F_OK)), R(access("n/a/over", F_OK));
  R(umount2("n/a", MNT_DETACH)), R(umount2("n", MNT_DETACH)), R(access("n/a/f", F_OK));
  R(SYS(open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE)), R(SYS(open_tree, AT_FDCWD, "a", OPEN_TREE_CLONE) >= 0);
  int fd = open(".", O_PATH), above = open("..", O_PATH);
  R(umount2(".", MNT_DETACH)), R(openat(fd, "a/f", O_RDONLY)), R(faccessat(fd, "a/over", F_OK, 0) == 0);
}
CASE(locked_mounts_pivot) {
  below_locked();
  R(mount("none", "n", "tmpfs", 0, "")), mkdir("n/old", 0755);
  R(SYS(pivot_root, "n", "n/old")), R(chdir("/")), R(umount2("old", MNT_DETACH)), R(access("old", F_OK)), R(umount2("/", MNT_DETACH));
}
CASE(locked_mounts_own_over) {
  below_locked();
  R(mount("none", "a", "tmpfs", 0, "")), R(access("a/over", F_OK)), R(umount2("a", 0)), R(access("a/over", F_OK)), R(umount2("a", 0));
}
CASE(locked_mounts_overlay) {
  below_locked();
  mkdir("u", 0777), mkdir("w", 0777);
  R(mount("none", "n", "tmpfs", 0, "")), mkdir("n/u", 0777), mkdir("n/w", 0777);
  R(mount("overlay", "o", "overlay", 0, "lowerdir=.,upperdir=n/u,workdir=n/w"));
  R(access("o/a/over", F_OK)), R(access("o/a/f", F_OK)), R(access("o/r", F_OK));
}
CASE(overlay_of_read_only_mount) {
  below_locked();
  R(mount("overlay", "o", "overlay", 0, "lowerdir=n,upperdir=r,workdir=n")), R(open("o/x", O_CREAT | O_WRONLY, 0600));
}
CASE(overlay_of_what_is_hidden) {
  // directories of one's own above those of others show nothing of them
  own_mounts();
  mkdir("t", 0777), R(mount("none", "t", "tmpfs", 0, "")), R(chdir("t")), mkdir("l", 0755), mkdir("l/secret", 0700), put("l/secret/f", "x"), put("l/mine", "x"), put("l/other", "x"), put("l/hidden", "x");
  chmod("l/hidden", 0600), chown("l/mine", 1000, 1000), mkdir("n", 0777), mkdir("o", 0777), chmod(".", 0777), in_user_namespace();
  R(SYS(unshare, CLONE_NEWNS)), R(mount("none", "n", "tmpfs", 0, "")), mkdir("n/u", 0755), mkdir("n/w", 0755), mkdir("n/u/secret", 0755);
  R(mount("overlay", "o", "overlay", 0, "lowerdir=l,upperdir=n/u,workdir=n/w,userxattr")), R(access("o/secret", F_OK)), R(access("o/secret/f", F_OK)), R(open("o/secret/f", O_RDONLY));
  R(access("o/mine", W_OK)), R(chmod("o/mine", 0600)), R(rename("o/other", "o/moved")), R(rename("o/hidden", "o/moved")), R(open("o/hidden", O_RDONLY)), R(unlink("o/hidden"));
}
CASE(locked_mounts_propagate) {
  // a mount that comes from above is locked, too, but for its own top
  own_mounts();
  mkdir("t", 0777), R(mount("none", "t", "tmpfs", 0, "")), R(mount("none", "t", NULL, MS_SHARED, NULL)), R(chdir("t"));
  mkdir("m", 0777), mkdir("s", 0777), mkdir("s/i", 0777), chmod(".", 0777);
  int gate[2], go[2];
  pipe(gate), pipe(go);
  pid_t child = fork();
  if (child == 0) {
    char c;
    setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
    map_root(), R(SYS(unshare, CLONE_NEWNS));
    write(gate[1], "x", 1), read(go[0], &c, 1);
    R(access("m/i/top", F_OK)), R(umount2("m/i", MNT_DETACH)), R(mount("none", "m", NULL, MS_REMOUNT | MS_BIND, NULL)), R(umount2("m", MNT_DETACH)), R(access("m/i", F_OK));
    R(mount("none", "m", "tmpfs", 0, "")), put("m/mine", "");
    write(gate[1], "x", 1), read(go[0], &c, 1);
    _exit(0);
  }
  char c;
  read(gate[0], &c, 1);
  int tree = SYS(open_tree, AT_FDCWD, "s", OPEN_TREE_CLONE);
  mount("s", "s", NULL, MS_BIND, NULL), mount("none", "s", NULL, MS_PRIVATE, NULL), mount("none", "s/i", "tmpfs", 0, ""), put("s/i/top", "");
  mount("none", "s", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
  R(mount("s", "m", NULL, MS_BIND | MS_REC, NULL));
  write(go[1], "x", 1), read(gate[0], &c, 1);
  R(access("m/mine", F_OK)), R(access("m/i/top", F_OK));
  write(go[1], "x", 1), reap(child);
}

CASE(proc_in_user_namespace) {
  own_mounts();
  mkdir("n", 0777), chmod(".", 0777), in_user_namespace();
  R(SYS(unshare, CLONE_NEWNS)), R(mount("proc", "n", "proc", 0, ""));
  R(SYS(unshare, CLONE_NEWPID)); CHILD(R(mount("proc", "n", "proc", 0, "")); R(access("n/1/status", F_OK)); R(open("n/sys/kernel/hostname", O_WRONLY)));
}
CASE(proc_masked) {
  own_mounts();
  mkdir("n", 0777), chmod(".", 0777), R(mount("/dev/null", "/proc/version", NULL, MS_BIND, NULL)), in_user_namespace();
  R(SYS(unshare, CLONE_NEWNS | CLONE_NEWPID)); CHILD(R(mount("proc", "n", "proc", 0, "")); R(umount2("/proc/version", MNT_DETACH)));
}
CASE(proc_read_only) {
  own_mounts();
  mkdir("n", 0777), chmod(".", 0777), R(mount("none", "/proc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL)), setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
  R(SYS(unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID));
  CHILD(R(mount("proc", "n", "proc", 0, "")); R(mount("proc", "n", "proc", MS_RDONLY, "")); R(mount("none", "n", NULL, MS_REMOUNT | MS_BIND, NULL)); R(mount("none", "n", NULL, MS_REMOUNT, NULL)); R(mount("none", "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)));
}
CASE(file_systems_in_user_namespace) {
  own_mounts();
  mkdir("n", 0777), chmod(".", 0777), in_user_namespace();
  R(SYS(unshare, CLONE_NEWNS));
  R(mount("none", "n", "sysfs", 0, "")), R(mount("none", "n", "cgroup2", 0, "")), R(mount("none", "n", "mqueue", 0, "")), R(mount("none", "n", "devtmpfs", 0, "")), R(mount("none", "n", "tmpfs", 0, ""));
  R(mknod("n/null", S_IFCHR | 0666, 0x103)), R(mknod("n/fifo", S_IFIFO | 0666, 0)), R(mount("none", "n", "devpts", 0, "newinstance"));
}
CASE(set_user_id_on_own_tmpfs) {
  // the superuser of a user namespace makes a set-user-ID program: it counts inside only
  own_mounts();
  mkdir("n", 0777), copy_program("p", 0, 0755), chmod(".", 0777);
  int gate[2], go[2];
  pipe(gate), pipe(go);
  pid_t child = fork();
  if (child == 0) {
    char c;
    in_user_namespace();
    R(SYS(unshare, CLONE_NEWNS)), R(mount("none", "n", "tmpfs", 0, "")), copy_program("n/p", 0, 06755);
    write(gate[1], "x", 1), read(go[0], &c, 1);
    _exit(0);
  }
  char c, path[64];
  read(gate[0], &c, 1);
  sprintf(path, "/proc/%d/root%s", child, "");
  char cwd[PATH_MAX], full[PATH_MAX + 64];
  getcwd(cwd, sizeof cwd), sprintf(full, "%s%s/n/p", path, cwd);
  CHILD(setresgid(2000, 2000, 2000); setresuid(2000, 2000, 2000); execute(full));
  CHILD(execute(full));
  write(go[1], "x", 1), reap(child);
}
CASE(namespaces_of_ancestors) {
  int user = open("/proc/self/ns/user", O_RDONLY), mnt = open("/proc/self/ns/mnt", O_RDONLY), uts = open("/proc/self/ns/uts", O_RDONLY), pid = open("/proc/self/ns/pid", O_RDONLY), ipc = open("/proc/self/ns/ipc", O_RDONLY);
  int net = open("/proc/self/ns/net", O_RDONLY), cgroup = open("/proc/self/ns/cgroup", O_RDONLY);
  in_user_namespace();
  R(SYS(setns, user, 0)), R(SYS(setns, mnt, 0)), R(SYS(setns, uts, 0)), R(SYS(setns, pid, 0)), R(SYS(setns, ipc, 0)), R(SYS(setns, net, 0)), R(SYS(setns, cgroup, 0));
  R(SYS(setns, open("/proc/self/ns/user", O_RDONLY), 0)), R(chroot("/")), R(sethostname("x", 1)), R(SYS(unshare, CLONE_NEWUSER)), R(SYS(setns, user, 0));
}
CASE(parent_of_pid_namespace) {
  int pid = open("/proc/self/ns/pid", O_RDONLY);
  R(SYS(unshare, CLONE_NEWPID));
  CHILD(R(SYS(setns, pid, CLONE_NEWPID)));
}
CASE(ids_of_user_namespace) {
  put("f", "x"), chown("f", 2000, 2000), chmod("f", 0600), put("r", "x"), chmod("r", 0600), chmod(".", 0777), in_user_namespace();
  R(open("f", O_RDONLY)), R(open("r", O_RDONLY)), R(chown("f", 0, 0)), R(chmod("r", 0644)), R(unlink("r")), R(setuid(5)), R(setgid(5)), R(SYS(setgroups, 0, 0));
  R(open("mine", O_CREAT | O_WRONLY, 0600) >= 0), R(chown("mine", 5, 5)), R(setxattr("mine", "security.capability", setgid_capability, 20, 0)), R(setxattr("mine", "trusted.x", "", 0, 0));
  R(SYS(settimeofday, &(struct timeval){0, 0}, 0)), R(SYS(acct, 0)), R(SYS(swapoff, "x")), R(SYS(reboot, 0, 0, 0, 0)), R(mknod("d", S_IFCHR, 0x103)), R(SYS(setpriority, 0, 0, -5));
  R(SYS(syslog, 3, 0, 0) >= 0), R(SYS(quotactl, 0, 0, 0, 0) >= 0);
}
CASE(map_of_parent) {
  // only one ID of one's own, and only once
  setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1);
  R(SYS(unshare, CLONE_NEWUSER));
  int fd = open("/proc/self/uid_map", O_WRONLY);
  R(write(fd, "0 0 1", 5)), R(write(fd, "0 1000 2", 8)), R(write(fd, "0 999 1", 7)), R(write(fd, "0 1000 1\n1 1001 1", 17)), R(write(fd, "0 1000 1", 8)), R(write(fd, "0 1000 1", 8));
  int groups = open("/proc/self/gid_map", O_WRONLY);
  R(write(groups, "0 1000 1", 8));
  int set = open("/proc/self/setgroups", O_WRONLY);
  R(write(set, "deny", 4)), R(write(groups, "0 1000 1", 8)), R(write(set, "allow", 5)), ids();
}
CASE(map_written_by_privileged_program) {
  // the rights of whoever opened the file count, not only of who writes
  int gate[2];
  pipe(gate);
  pid_t child = fork();
  if (child == 0) { setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), prctl(PR_SET_DUMPABLE, 1); R(SYS(unshare, CLONE_NEWUSER)); write(gate[1], "x", 1); for (;;) pause(); }
  char c, path[64];
  read(gate[0], &c, 1);
  sprintf(path, "/proc/%d/uid_map", child);
  setresuid(-1, 1000, -1), prctl(PR_SET_DUMPABLE, 1);
  int fd = open(path, O_WRONLY);
  say("%d\n", fd >= 0);
  setresuid(-1, 0, -1), R(write(fd, "0 0 1", 5)), R(SYS(sethostname, "a", 1) >= 0);
  kill(child, SIGKILL), reap(child);
}
CASE(sysctl_opened_by_unprivileged) {
  setresuid(-1, 1000, -1);
  R(open("/proc/sys/kernel/core_pattern", O_WRONLY)), R(open("/proc/sys/kernel/hostname", O_WRONLY)), R(open("/proc/sys/kernel/pid_max", O_WRONLY)), R(open("/proc/sys/vm/overcommit_memory", O_RDWR)), R(open("/proc/sys/fs/file-max", O_WRONLY));
}

#if __x86_64__
static long wanted;
static void to_wanted(int signal, siginfo_t *info, void *context) { ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = wanted; }
static void tell_fault(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  say("%s code %d address %#lx rip %d error %lld trap %lld\n", sigabbrev_np(signal), info->si_code, (long)info->si_addr, u->uc_mcontext.gregs[REG_RIP] == wanted, u->uc_mcontext.gregs[REG_ERR], u->uc_mcontext.gregs[REG_TRAPNO]);
  _exit(0);
}
static void return_to(long address) {
  struct sigaction spoil = {.sa_sigaction = to_wanted, .sa_flags = SA_SIGINFO}, tell = {.sa_sigaction = tell_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &spoil, 0), sigaction(SIGSEGV, &tell, 0);
  wanted = address;
  raise(SIGUSR1);
}
CASE(return_not_canonical) { CHILD(return_to(0x800000000000)); CHILD(return_to(0x7000000000000000)); CHILD(return_to(0xffffff0000000000)); CHILD(return_to(0xffffffff80005000)); CHILD(return_to(0)); }
CASE(handler_not_canonical) { CHILD(signal(SIGUSR1, (void *)0x1234567812345678); raise(SIGUSR1)); CHILD(signal(SIGUSR1, (void *)-4096); raise(SIGUSR1)); CHILD(struct sigaction a = {.sa_handler = (void *)0x800000000000, .sa_flags = SA_NODEFER}; sigaction(SIGSEGV, &a, 0); raise(SIGSEGV)); }
CASE(traced_to_not_canonical) {
  pid_t child = fork();
  if (child == 0) { P(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); _exit(0); }
  int status;
  waitpid(child, &status, 0);
  struct user_regs_struct regs;
  R(P(PTRACE_GETREGS, child, 0, &regs));
  regs.rip = 0x800000000000, regs.rsp = 0x123456789abcdef0;
  R(P(PTRACE_SETREGS, child, 0, &regs)), R(P(PTRACE_CONT, child, 0, 0));
  waitpid(child, &status, 0), say("%d\n", WSTOPSIG(status));
  P(PTRACE_CONT, child, 0, SIGSEGV), waitpid(child, &status, 0), say("%d\n", WTERMSIG(status));
}
#endif
