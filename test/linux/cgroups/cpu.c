// The cpu controller's files, real-time tasks before all others, and who runs after sched_yield.
#include "cgroup.h"

static volatile struct {
  int next;
  char order[64];
} *shared;

static void realtime(int policy, int priority) {
  struct sched_param parameters = {priority};
  printf("policy %d: %s\n", policy, result(sched_setscheduler(0, policy, &parameters)));
}

static pid_t worker(const char *group) {
  pid_t pid = fork();
  if (pid) return pid;
  char path[64];
  sprintf(path, CG "%s/cgroup.procs", group);
  put(path, "0");
  for (;;) work();
}

static void mark(char who) { shared->order[shared->next++] = who; }

int main(void) {
  setbuf(stdout, 0);
  shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mkdir(CG "c", 0755);
  printf("without the controller:\n%s", strstr(get(CG "c/cpu.stat"), "nr_") ? "more\n" : "only use\n");
  try(CG "cgroup.subtree_control", "+cpu");
  show(CG "c/cpu.weight");
  show(CG "c/cpu.weight.nice");
  show(CG "c/cpu.max");
  show(CG "c/cpu.max.burst");
  show(CG "c/cpu.idle");
  printf("nothing used: %s", get(CG "c/cpu.stat"));
  try(CG "c/cpu.weight", "0");
  try(CG "c/cpu.weight", "10001");
  try(CG "c/cpu.weight", "many");
  try(CG "c/cpu.weight", "300");
  show(CG "c/cpu.weight");
  show(CG "c/cpu.weight.nice");
  try(CG "c/cpu.weight.nice", "-20");
  show(CG "c/cpu.weight");
  try(CG "c/cpu.weight.nice", "20");
  try(CG "c/cpu.idle", "2");
  try(CG "c/cpu.idle", "1");
  show(CG "c/cpu.weight");
  try(CG "c/cpu.weight", "100");
  try(CG "c/cpu.idle", "0");
  show(CG "c/cpu.weight");
  try(CG "c/cpu.max", "50000");
  show(CG "c/cpu.max");
  try(CG "c/cpu.max", "max 50000");
  show(CG "c/cpu.max");
  try(CG "c/cpu.max", "999 50000");
  try(CG "c/cpu.max", "5000 500");
  try(CG "c/cpu.max", "5000 1000001");
  try(CG "c/cpu.max", "-1");
  try(CG "c/cpu.max", "");
  try(CG "c/cpu.max", "10000 50000");
  try(CG "c/cpu.max.burst", "10001");
  try(CG "c/cpu.max.burst", "10000");
  show(CG "c/cpu.max.burst");

  // a fifth of the time, and a saved fifth after a pause
  realtime(SCHED_FIFO | SCHED_RESET_ON_FORK, 10);
  pid_t first = worker("c");
  milliseconds(500);
  printf("use in 500 ms: %ld ms\n", value(CG "c/cpu.stat", "usage_usec") / 1000);
  printf("throttled: %ld of %ld\n", value(CG "c/cpu.stat", "nr_throttled"), value(CG "c/cpu.stat", "nr_periods"));
  put(CG "c/cgroup.freeze", "1");
  milliseconds(200);
  long before = value(CG "c/cpu.stat", "usage_usec");
  put(CG "c/cgroup.freeze", "0");
  milliseconds(45);
  printf("burst: %ld ms\n", (value(CG "c/cpu.stat", "usage_usec") - before) / 1000);
  milliseconds(50);
  printf("bursts: %ld\n", value(CG "c/cpu.stat", "nr_bursts"));
  kill(first, SIGKILL);
  try(CG "c/cpu.max", "max");
  waitpid(first, 0, 0);

  // who is real-time runs; the others get a twentieth of each second, which begins with the first use
  milliseconds(1000);
  worker("c");
  pid_t greedy = fork();
  if (greedy == 0) {
    struct sched_param parameters = {5};
    sched_setscheduler(0, SCHED_RR, &parameters);
    for (;;) work();
  }
  milliseconds(1);
  before = value(CG "c/cpu.stat", "usage_usec");
  milliseconds(1000);
  long left = value(CG "c/cpu.stat", "usage_usec") - before;
  printf("beside a real-time task: %d\n", left > 40000 && left < 60000);
  kill(greedy, SIGKILL);
  waitpid(greedy, 0, 0);
  put(CG "c/cgroup.kill", "1");
  while (wait(0) > 0);

  // turns of SCHED_FIFO go round by sched_yield alone; the higher priority comes first
  for (char name = 'a'; name <= 'd'; name++) {
    pid_t pid = fork();
    if (pid == 0) {
      for (int n = 0; n < 3; n++) {
        mark(name);
        sched_yield();
      }
      _exit(0);
    }
    struct sched_param parameters = {name == 'd' ? 7 : 5};
    sched_setscheduler(pid, SCHED_FIFO, &parameters);
  }
  while (wait(0) > 0);
  printf("order: %s\n", shared->order);
  return 0;
}
