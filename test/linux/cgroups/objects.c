// Memory that the kernel holds for a group: tasks, what is in pipes and sockets; who hoards it is stopped. Names of groups as
// a cgroup namespace shows them, and delegation to a user.
#include "cgroup.h"
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>

static char bytes[65536];
static long kind(const char *name) { return value(CG "k/memory.stat", name); }

/** A child in the group fills pipes or sockets until it is stopped. */
static void hoard(int sockets) {
  int status;
  if (fork() == 0) {
    put(CG "k/cgroup.procs", "0");
    struct rlimit files = {4000, 4000};
    setrlimit(RLIMIT_NOFILE, &files);
    for (int n = 0; n < 1500; n++) {
      int ends[2];
      if (sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) : pipe2(ends, O_NONBLOCK)) _exit(2);
      while (write(ends[1], bytes, sizeof bytes) > 0);
    }
    _exit(0);
  }
  wait(&status);
  printf("hoard: %s\n", WIFSIGNALED(status) ? "killed" : "ended");
}

int main(void) {
  setbuf(stdout, 0);
  put(CG "cgroup.subtree_control", "+memory +pids");
  mkdir(CG "k", 0755);
  put(CG "k/cgroup.procs", "0");
  pid_t pid = fork();
  if (pid == 0) for (;;) pause();
  printf("stack of a task: %ld\n", kind("kernel_stack"));
  kill(pid, SIGKILL);
  waitpid(pid, 0, 0);
  printf("gone: %ld\n", kind("kernel_stack"));
  int ends[2];
  long none = kind("slab");
  pipe(ends);
  long before = kind("slab");
  write(ends[1], bytes, 65536);
  printf("in the pipe: %ld\n", kind("slab") - before);
  read(ends[0], bytes, 40000);
  printf("less: %ld\n", kind("slab") - before);
  close(ends[0]);
  close(ends[1]);
  printf("closed: %ld\n", kind("slab") - none);
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  write(ends[0], bytes, 10000);
  printf("in the socket: %ld\n", kind("sock"));
  close(ends[0]);
  close(ends[1]);
  printf("closed: %ld\n", kind("sock"));
  put(CG "cgroup.procs", "0");
  put(CG "k/memory.max", "8M");
  hoard(0);
  hoard(1);
  printf("kernel memory left: %ld\n", kind("kernel") + kind("sock"));

  // inotify hears of events
  int watch = inotify_init1(IN_NONBLOCK);
  inotify_add_watch(watch, CG "k/cgroup.events", IN_MODIFY);
  if (fork() == 0) _exit(put(CG "k/cgroup.procs", "0"));
  wait(0);
  struct inotify_event event[8];
  printf("told: %d\n", read(watch, event, sizeof event) >= (int)sizeof *event && event->mask == IN_MODIFY);

  // from inside a cgroup namespace
  mkdir(CG "k/in", 0755);
  int status;
  if (fork() == 0) {
    put(CG "k/in/cgroup.procs", "0");
    unshare(CLONE_NEWCGROUP | CLONE_NEWNS);
    printf("self: %s", get("/proc/self/cgroup"));
    char path[64];
    sprintf(path, "/proc/%d/cgroup", getppid());
    printf("parent: %s", get(path));
    mkdir("/tmp/cg", 0755);
    printf("mount: %s\n", result(mount("cgroup2", "/tmp/cg", "cgroup2", 0, 0)));
    printf("mine: %d\n", atoi(get("/tmp/cg/cgroup.procs")) == getpid());
    printf("the root's files are not there: %s\n", get("/tmp/cg/k/cgroup.procs"));
    printf("out: %s\n", strerrorname_np(put(CG "cgroup.procs", "0")));
    umount("/tmp/cg");
    _exit(0);
  }
  wait(&status);
  printf("remount: %s\n", result(mount(0, CG, 0, MS_REMOUNT, "nonsense")));

  // a user who was given a group moves tasks within it and not out of it
  mkdir(CG "u", 0755);
  chown(CG "u", 1000, 1000);
  chown(CG "u/cgroup.procs", 1000, 1000);
  chown(CG "u/cgroup.subtree_control", 1000, 1000);
  if (fork() == 0) {
    put(CG "u/cgroup.procs", "0");
    setgid(1000);
    setuid(1000);
    printf("mkdir: %s\n", result(mkdir(CG "u/mine", 0755)));
    try(CG "u/mine/cgroup.procs", "0");
    try(CG "u/cgroup.subtree_control", "+pids");
    printf("limit of the group: %s\n", strerrorname_np(put(CG "u/pids.max", "max")));
    try(CG "u/mine/pids.max", "5");
    printf("out: %s\n", strerrorname_np(put(CG "cgroup.procs", "0")));
    printf("elsewhere: %s\n", strerrorname_np(put(CG "k/in/cgroup.procs", "0")));
    printf("mkdir elsewhere: %s\n", result(mkdir(CG "k/x", 0755)));
    _exit(0);
  }
  wait(&status);
  return 0;
}
