// What programs have used: getrusage(2), wait4(2), the fields of proc(5) that tell the same, times(2).
#include "case.h"
#include <sys/resource.h>

static struct rusage used(int who) {
  struct rusage usage;
  memset(&usage, 0xff, sizeof usage);
  getrusage(who, &usage);
  return usage;
}

/** Writes to each of so many new pages. */
static void touch(int pages) {
  char *at = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int n = 0; n < pages; n++) at[4096 * n] = 1;
  munmap(at, pages * 4096);
}

CASE(faults_of_pages) {
  long before = used(RUSAGE_SELF).ru_minflt;
  touch(100);
  long count = used(RUSAGE_SELF).ru_minflt - before;
  say("%d %d\n", count >= 100, count < 120);
}
CASE(faults_of_a_thread) {
  long before = used(RUSAGE_THREAD).ru_minflt;
  touch(100);
  long count = used(RUSAGE_THREAD).ru_minflt - before;
  say("%d %d\n", count >= 100, count < 120);
}
CASE(faults_of_children_are_counted_when_waited_for) {
  pid_t child = fork();
  if (child == 0) { touch(200); _exit(0); }
  siginfo_t info;
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  say("%ld ", used(RUSAGE_CHILDREN).ru_minflt);
  waitpid(child, NULL, 0);
  say("%d\n", used(RUSAGE_CHILDREN).ru_minflt >= 200);
}
CASE(faults_of_grandchildren) {
  CHILD(CHILD(touch(200)));
  say("%d\n", used(RUSAGE_CHILDREN).ru_minflt >= 200);
}
CASE(children_that_are_ignored_count_nothing) {
  signal(SIGCHLD, SIG_IGN);
  if (fork() == 0) { touch(200); _exit(0); }
  R(wait(NULL));
  say("%ld %ld\n", used(RUSAGE_CHILDREN).ru_minflt, used(RUSAGE_CHILDREN).ru_maxrss);
}
CASE(wait4_tells_faults) {
  struct rusage usage;
  if (fork() == 0) { touch(200); _exit(0); }
  wait4(-1, NULL, 0, &usage);
  say("%d %d %ld %ld\n", usage.ru_minflt >= 200, usage.ru_maxrss >= 800, usage.ru_majflt, usage.ru_nswap);
}
CASE(wait4_tells_of_grandchildren) {
  struct rusage usage;
  if (fork() == 0) { CHILD(touch(200)); _exit(0); }
  wait4(-1, NULL, 0, &usage);
  say("%d\n", usage.ru_minflt >= 200);
}
CASE(waitid_tells_faults) {
  struct rusage usage;
  siginfo_t info;
  pid_t child = fork();
  if (child == 0) { touch(200); _exit(0); }
  OK(SYS(waitid, P_PID, child, &info, WEXITED, &usage));
  say("%d\n", usage.ru_minflt >= 200);
}
CASE(waitid_usage_faults) {
  siginfo_t info;
  pid_t child = fork();
  if (child == 0) _exit(0);
  say("%ld\n", (long)SYS(waitid, P_PID, child, &info, WEXITED, BAD));
}
CASE(largest_size) {
  long before = used(RUSAGE_SELF).ru_maxrss;
  touch(1000);
  long after = used(RUSAGE_SELF).ru_maxrss;
  say("%d %d\n", before > 0, after >= 4000);
  touch(10);
  say("%d\n", used(RUSAGE_SELF).ru_maxrss >= after);
}
CASE(largest_size_of_children) {
  CHILD(touch(1000));
  CHILD(touch(10));
  say("%d %d\n", used(RUSAGE_CHILDREN).ru_maxrss >= 4000, used(RUSAGE_CHILDREN).ru_maxrss < 40000);
}
CASE(largest_size_survives_execve) {
  if (fork() == 0) {
    touch(3000);
    execl("/proc/self/exe", "case", "the_rest_of_largest_size", NULL);
    _exit(9);
  }
  struct rusage usage;
  wait4(-1, NULL, 0, &usage);
  say("%d\n", usage.ru_maxrss >= 12000);
}
CASE(the_rest_of_largest_size) { say("%d\n", used(RUSAGE_SELF).ru_minflt > 0); }
CASE(waits_are_voluntary) {
  long before = used(RUSAGE_SELF).ru_nvcsw;
  for (int n = 0; n < 5; n++) pause_ms(1);
  say("%d\n", used(RUSAGE_SELF).ru_nvcsw - before >= 5);
}
CASE(waits_of_a_pipe) {
  int there[2], back[2];
  char c;
  pipe(there); pipe(back);
  if (fork() == 0) { for (int n = 0; n < 10; n++) { read(there[0], &c, 1); write(back[1], &c, 1); } _exit(0); }
  long before = used(RUSAGE_SELF).ru_nvcsw;
  for (int n = 0; n < 10; n++) { write(there[1], "x", 1); read(back[0], &c, 1); }
  say("%d\n", used(RUSAGE_SELF).ru_nvcsw - before >= 5);
  reap(-1);
}
CASE(being_preempted) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);
  pid_t child = fork();
  for (int n = 0; n < 50; n++) sched_yield();
  if (child == 0) { for (;;) sched_yield(); }
  say("%d\n", used(RUSAGE_SELF).ru_nivcsw > 0);
  kill(child, SIGKILL);
  reap(child);
}
CASE(switches_in_proc) {
  char line[256];
  long voluntary = -1, other = -1;
  pause_ms(1);
  FILE *file = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, file)) {
    sscanf(line, "voluntary_ctxt_switches: %ld", &voluntary);
    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &other);
  }
  say("%d %d\n", voluntary > 0, other >= 0);
}
CASE(faults_in_proc) {
  long minor, children, major;
  CHILD(touch(300));
  touch(100);
  FILE *file = fopen("/proc/self/stat", "r");
  fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %ld %ld %ld", &minor, &children, &major);
  say("%d %d %ld\n", minor >= 100, children >= 300, major);
}
CASE(largest_size_in_proc) {
  char line[256];
  long largest = 0, now = 0;
  touch(1000);
  FILE *file = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, file)) {
    sscanf(line, "VmHWM: %ld", &largest);
    sscanf(line, "VmRSS: %ld", &now);
  }
  say("%d %d\n", largest >= 4000, now < 4000);
}
CASE(what_is_not_counted) {
  struct rusage usage = used(RUSAGE_SELF);
  say("%ld %ld %ld %ld %ld %ld %ld\n", usage.ru_ixrss, usage.ru_idrss, usage.ru_isrss, usage.ru_nswap, usage.ru_msgsnd,
      usage.ru_msgrcv, usage.ru_nsignals);
}
CASE(files_in_memory_are_no_input) {
  put("f", "text");
  show("f");
  struct rusage usage = used(RUSAGE_SELF);
  say("%ld %ld\n", usage.ru_inblock, usage.ru_oublock);
}
