// The freezer: nothing of a frozen group runs, SIGKILL ends it all the same, and cgroup.events tells those who poll.
#include "cgroup.h"

static volatile long *counter;
static const struct timespec HUNDRED = {0, 100000000};

static int changed(int fd, int timeout) {
  struct pollfd wait = {fd, POLLPRI, 0};
  poll(&wait, 1, timeout);
  char text[100];
  pread(fd, text, sizeof text, 0);
  return wait.revents;
}

int main(void) {
  counter = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mkdir(CG "f", 0755);
  mkdir(CG "f/g", 0755);
  char pid[16];
  pid_t worker = fork();
  if (worker == 0) for (;;) ++*counter;
  number(pid, worker);
  int events = open(CG "f/cgroup.events", O_RDONLY);
  changed(events, 0);
  put(CG "f/g/cgroup.procs", pid);
  printf("populated is told: %d\n", changed(events, 1000) == (POLLPRI | POLLERR));
  show(CG "f/cgroup.events");
  milliseconds(50);
  printf("runs: %d\n", *counter > 0);
  try(CG "f/cgroup.freeze", "2");
  try(CG "f/cgroup.freeze", "x");
  try(CG "f/cgroup.freeze", "1");
  printf("frozen is told: %d\n", changed(events, 1000) == (POLLPRI | POLLERR));
  show(CG "f/cgroup.events");
  show(CG "f/g/cgroup.events");
  show(CG "f/g/cgroup.freeze");
  long before = *counter;
  milliseconds(100);
  printf("stands still: %d\n", *counter == before);
  char stat[64];
  sprintf(stat, "/proc/%d/stat", worker);
  printf("state: %c\n", strchr(get(stat), ')')[2]);
  kill(worker, SIGUSR1);
  milliseconds(20);
  printf("signals wait: %d\n", waitpid(worker, 0, WNOHANG) == 0);
  // what comes into a frozen group freezes
  pid_t late = fork();
  if (late == 0) {
    put(CG "f/g/cgroup.procs", "0");
    *counter = 1;
    _exit(0);
  }
  milliseconds(50);
  printf("comes in: %d\n", waitpid(late, 0, WNOHANG) == 0 && *counter == before);
  show(CG "f/cgroup.events");
  kill(late, SIGKILL);
  int status;
  printf("killed: %d\n", waitpid(late, &status, 0) == late && WTERMSIG(status) == SIGKILL);
  show(CG "f/cgroup.events");
  try(CG "f/cgroup.freeze", "0");
  waitpid(worker, &status, 0);
  printf("thawed, the signal comes: %d\n", WTERMSIG(status) == SIGUSR1);
  show(CG "f/cgroup.events");
  // a frozen sleeper sleeps on
  pid_t sleeper = fork();
  if (sleeper == 0) {
    put(CG "f/cgroup.procs", "0");
    int left = nanosleep(&HUNDRED, 0);
    _exit(left == 0 ? 5 : 6);
  }
  milliseconds(20);
  put(CG "f/cgroup.freeze", "1");
  milliseconds(200);
  printf("asleep: %d\n", waitpid(sleeper, 0, WNOHANG) == 0);
  put(CG "f/cgroup.freeze", "0");
  waitpid(sleeper, &status, 0);
  printf("awake: %d\n", WEXITSTATUS(status));
  return 0;
}
