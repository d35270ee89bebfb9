// The pids controller: limits of forks, of this group and of those above; a fork bomb stays in its group.
#include "cgroup.h"
#include <linux/sched.h>

static pid_t child(void) {
  pid_t pid = fork();
  if (pid == 0) for (;;) pause();
  return pid;
}

static long into(int fd) {
  struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = fd};
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) _exit(get("/proc/self/cgroup")[4] == 'q' ? 7 : 8);
  return pid;
}

int main(void) {
  put(CG "cgroup.subtree_control", "+pids");
  mkdir(CG "p", 0755);
  show(CG "p/pids.max");
  try(CG "p/pids.max", "-1");
  try(CG "p/pids.max", "x");
  try(CG "p/pids.max", "3");
  show(CG "p/pids.max");
  try(CG "p/cgroup.procs", "0");
  show(CG "p/pids.current");
  pid_t first = child(), second = child();
  printf("two: %d\n", first > 0 && second > 0);
  printf("third: %s\n", result(child() < 0));
  show(CG "p/pids.current");
  show(CG "p/pids.events");
  kill(first, SIGKILL);
  waitpid(first, 0, 0);
  printf("after one has gone: %s\n", result(child() < 0));
  show(CG "p/pids.peak");
  try(CG "p/pids.max", "1");
  show(CG "p/pids.current");
  // a bomb
  try(CG "p/pids.max", "50");
  if (fork() == 0)
    for (;;) if (fork() < 0) for (volatile int n = 0; n < 100000; n++);
  milliseconds(20);
  show(CG "p/pids.current");
  printf("refused: %d\n", value(CG "p/pids.events", "max") > 10);
  try(CG "cgroup.procs", "0");
  try(CG "p/cgroup.kill", "2");
  try(CG "p/cgroup.kill", "1");
  while (wait(0) > 0);
  milliseconds(10);
  show(CG "p/pids.current");
  show(CG "p/cgroup.events");
  // started in another group
  mkdir(CG "q", 0755);
  int fd = open(CG "q", O_DIRECTORY), status;
  waitpid(into(fd), &status, 0);
  printf("into: %d\n", WEXITSTATUS(status));
  printf("into no group: %s\n", result(into(0) < 0));
  put(CG "q/pids.max", "0");
  printf("into a full one: %s\n", result(into(fd) < 0));
  show(CG "q/pids.events");
  return 0;
}
