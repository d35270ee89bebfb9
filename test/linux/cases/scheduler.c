// Scheduling as programs set and see it: sched(7), getpriority(2), sched_setscheduler(2), sched_setattr(2),
// sched_setaffinity(2), sched_rr_get_interval(2), sched_yield(2).
#include "case.h"
#include <sys/resource.h>

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t least, most;
};

static struct sched_param parameter;
static struct attributes attr;

static void show_attributes(void) {
  memset(&attr, 0, sizeof attr);
  R(SYS(sched_getattr, 0, &attr, sizeof attr, 0));
  say("policy %u nice %d priority %u\n", attr.policy, attr.nice, attr.priority);
}

CASE(priority_get) { R(SYS(getpriority, PRIO_PROCESS, 0)); R(SYS(getpriority, PRIO_PGRP, 0)); }
CASE(priority_bad) { R(SYS(getpriority, 5, 0)); R(SYS(getpriority, PRIO_PROCESS, 4000000)); R(SYS(setpriority, -1, 0, 0)); R(SYS(setpriority, PRIO_PROCESS, 4000000, 0)); }
CASE(priority_set) { R(SYS(setpriority, PRIO_PROCESS, 0, 7)); R(SYS(getpriority, PRIO_PROCESS, 0)); R(SYS(setpriority, PRIO_PROCESS, 0, 100)); R(SYS(getpriority, PRIO_PROCESS, 0)); R(SYS(setpriority, PRIO_PROCESS, 0, -100)); R(SYS(getpriority, PRIO_PROCESS, 0)); }
CASE(priority_denied) { unprivileged(); R(SYS(setpriority, PRIO_PROCESS, 0, 5)); R(SYS(setpriority, PRIO_PROCESS, 0, 4)); }
CASE(priority_of_another) { CHILD(unprivileged(); R(SYS(getpriority, PRIO_PROCESS, getppid())); R(SYS(setpriority, PRIO_PROCESS, getppid(), 5))); }
CASE(priority_of_user) { SYS(setpriority, PRIO_PROCESS, 0, 3); SYS(setresuid, 4321, 4321, 4321); R(SYS(getpriority, PRIO_USER, 0)); R(SYS(getpriority, PRIO_USER, 4322)); }
CASE(priority_inherited) { SYS(setpriority, PRIO_PROCESS, 0, 9); CHILD(R(SYS(getpriority, PRIO_PROCESS, 0))); }
CASE(scheduler_default) { R(SYS(sched_getscheduler, 0)); R(SYS(sched_getparam, 0, &parameter)); say("%d\n", parameter.sched_priority); }
CASE(scheduler_fifo) { parameter.sched_priority = 5; R(SYS(sched_setscheduler, 0, SCHED_FIFO, &parameter)); R(SYS(sched_getscheduler, 0)); SYS(sched_getparam, 0, &parameter); say("%d\n", parameter.sched_priority); parameter.sched_priority = 7; R(SYS(sched_setparam, 0, &parameter)); show_attributes(); }
CASE(scheduler_bad) { parameter.sched_priority = 0; R(SYS(sched_setscheduler, 0, SCHED_FIFO, &parameter)); parameter.sched_priority = 100; R(SYS(sched_setscheduler, 0, SCHED_RR, &parameter)); parameter.sched_priority = 1; R(SYS(sched_setscheduler, 0, SCHED_OTHER, &parameter)); R(SYS(sched_setscheduler, 0, 99, &parameter)); R(SYS(sched_setscheduler, 0, SCHED_FIFO, BAD)); R(SYS(sched_setscheduler, 0, SCHED_FIFO, NULL)); R(SYS(sched_setscheduler, -1, SCHED_FIFO, &parameter)); R(SYS(sched_setscheduler, 4000000, SCHED_FIFO, &parameter)); }
CASE(scheduler_get_bad) { R(SYS(sched_getscheduler, -1)); R(SYS(sched_getscheduler, 4000000)); R(SYS(sched_getparam, -1, &parameter)); R(SYS(sched_getparam, 0, NULL)); R(SYS(sched_getparam, 0, BAD)); R(SYS(sched_getparam, 4000000, &parameter)); }
CASE(setparam_bad) { R(SYS(sched_setparam, 0, NULL)); R(SYS(sched_setparam, -1, &parameter)); R(SYS(sched_setparam, 4000000, &parameter)); parameter.sched_priority = 3; R(SYS(sched_setparam, 0, &parameter)); }
CASE(scheduler_denied) { unprivileged(); parameter.sched_priority = 1; R(SYS(sched_setscheduler, 0, SCHED_FIFO, &parameter)); parameter.sched_priority = 0; R(SYS(sched_setscheduler, 0, SCHED_BATCH, &parameter)); R(SYS(sched_setscheduler, 0, SCHED_IDLE, &parameter)); R(SYS(sched_setscheduler, 0, SCHED_OTHER, &parameter)); R(SYS(sched_getscheduler, 0)); }
CASE(scheduler_reset_on_fork) { R(SYS(sched_setscheduler, 0, SCHED_BATCH | SCHED_RESET_ON_FORK, &parameter)); R(SYS(sched_getscheduler, 0)); CHILD(R(SYS(sched_getscheduler, 0))); }
CASE(scheduler_reset_real_time) { parameter.sched_priority = 2; R(SYS(sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter)); CHILD(R(SYS(sched_getscheduler, 0)); R(SYS(sched_getparam, 0, &parameter))); }
CASE(priority_bounds) { for (int policy = 0; policy < 7; policy++) { R(SYS(sched_get_priority_min, policy)); R(SYS(sched_get_priority_max, policy)); } }
CASE(rr_interval) { struct timespec t; R(SYS(sched_rr_get_interval, 0, BAD)); R(SYS(sched_rr_get_interval, -1, &t)); R(SYS(sched_rr_get_interval, 4000000, &t)); parameter.sched_priority = 1; SYS(sched_setscheduler, 0, SCHED_FIFO, &parameter); R(SYS(sched_rr_get_interval, 0, &t)); say("%ld %ld\n", (long)t.tv_sec, (long)t.tv_nsec); SYS(sched_setscheduler, 0, SCHED_RR, &parameter); SYS(sched_rr_get_interval, 0, &t); say("%ld %ld\n", (long)t.tv_sec, (long)t.tv_nsec); }
CASE(yield) { R(SYS(sched_yield)); parameter.sched_priority = 1; SYS(sched_setscheduler, 0, SCHED_RR, &parameter); R(SYS(sched_yield)); }
CASE(attributes_default) { show_attributes(); say("%u\n", attr.size); }
CASE(attributes_nice) { SYS(setpriority, PRIO_PROCESS, 0, 4); show_attributes(); attr = (struct attributes){.size = 48, .nice = 6}; R(SYS(sched_setattr, 0, &attr, 0)); R(SYS(getpriority, PRIO_PROCESS, 0)); }
CASE(attributes_real_time) { attr = (struct attributes){.size = 48, .policy = SCHED_RR, .priority = 9}; R(SYS(sched_setattr, 0, &attr, 0)); show_attributes(); }
CASE(attributes_get_bad) { R(SYS(sched_getattr, 0, NULL, 48, 0)); R(SYS(sched_getattr, 0, &attr, 8, 0)); R(SYS(sched_getattr, 0, &attr, 5000, 0)); R(SYS(sched_getattr, 0, &attr, 48, 1)); R(SYS(sched_getattr, -1, &attr, 48, 0)); R(SYS(sched_getattr, 4000000, &attr, 48, 0)); R(SYS(sched_getattr, 0, BAD, 48, 0)); }
CASE(attributes_set_bad) { R(SYS(sched_setattr, 0, NULL, 0)); R(SYS(sched_setattr, 0, BAD, 0)); attr = (struct attributes){.size = 48, .policy = 55}; R(SYS(sched_setattr, 0, &attr, 0)); attr = (struct attributes){.size = 48, .flags = 1 << 20}; R(SYS(sched_setattr, 0, &attr, 0)); attr = (struct attributes){.size = 48}; R(SYS(sched_setattr, 0, &attr, 1)); R(SYS(sched_setattr, 4000000, &attr, 0)); attr = (struct attributes){.size = 20}; R(SYS(sched_setattr, 0, &attr, 0)); say("%u\n", attr.size); }
CASE(attributes_too_long) { struct { struct attributes a; char more[40]; } big = {{.size = 80}, {1}}; R(SYS(sched_setattr, 0, &big, 0)); }
CASE(affinity_get_bad) { unsigned long mask[128]; R(SYS(sched_getaffinity, 0, 1, mask)); R(SYS(sched_getaffinity, 0, 9, mask)); R(SYS(sched_getaffinity, 4000000, sizeof mask, mask)); R(SYS(sched_getaffinity, -1, sizeof mask, mask)); R(SYS(sched_getaffinity, 0, sizeof mask, BAD)); }
CASE(affinity_set) { unsigned long mask[2] = {1}; R(SYS(sched_setaffinity, 0, sizeof mask, mask)); unsigned long seen[128] = {0}; OK(SYS(sched_getaffinity, 0, sizeof seen, seen)); say("%lx\n", seen[0]); CHILD(SYS(sched_getaffinity, 0, sizeof seen, seen); say("%lx\n", seen[0])); }
CASE(affinity_set_bad) { unsigned long mask[2] = {0}; R(SYS(sched_setaffinity, 0, sizeof mask, mask)); R(SYS(sched_setaffinity, 0, sizeof mask, BAD)); mask[0] = 1; R(SYS(sched_setaffinity, 4000000, sizeof mask, mask)); R(SYS(sched_setaffinity, -1, sizeof mask, mask)); R(SYS(sched_setaffinity, 0, 4, mask)); CHILD(unprivileged(); R(SYS(sched_setaffinity, getppid(), sizeof mask, mask))); }
CASE(getcpu) { unsigned cpu = 99, node = 99; R(SYS(getcpu, &cpu, &node, NULL)); say("%d %u\n", cpu < 64, node); R(SYS(getcpu, BAD, NULL, NULL)); R(SYS(getcpu, NULL, NULL, NULL)); }
CASE(fifo_runs_first) {
  int p[2];
  pipe(p);
  unsigned long mask[2] = {1};
  SYS(sched_setaffinity, 0, sizeof mask, mask);
  parameter.sched_priority = 10;
  SYS(sched_setscheduler, 0, SCHED_FIFO, &parameter);
  for (int n = 1; n <= 3; n++)
    if (!fork()) {
      parameter.sched_priority = 10 - n;
      SYS(sched_setscheduler, 0, SCHED_FIFO, &parameter);
      char c = '0' + n;
      write(p[1], &c, 1);
      _exit(0);
    }
  while (wait(NULL) > 0) {}
  char order[4] = {0};
  read(p[0], order, 3);
  say("%s\n", order);
}
