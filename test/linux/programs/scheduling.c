// Policies, priorities and affinity as sched(7) and setpriority(2) have them; nothing here needs privileges.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

static const char *text(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }
static void tell(const char *what, long result) {
  if (result < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: %ld\n", what, result);
}

static long set(int policy, int priority) {
  struct sched_param parameters = {priority};
  return syscall(SYS_sched_setscheduler, 0, policy, &parameters);
}

int main(void) {
  for (int policy = -1; policy < 7; policy++) {
    tell("max", syscall(SYS_sched_get_priority_max, policy));
    tell("min", syscall(SYS_sched_get_priority_min, policy));
  }
  tell("policy", syscall(SYS_sched_getscheduler, 0));
  tell("policy of nobody", syscall(SYS_sched_getscheduler, 999999));
  tell("policy of -1", syscall(SYS_sched_getscheduler, -1));
  tell("other 1", set(SCHED_OTHER, 1));
  tell("fifo 0", set(SCHED_FIFO, 0));
  tell("fifo 100", set(SCHED_FIFO, 100));
  tell("no such", set(42, 0));
  tell("no parameters", syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, 0));
  tell("batch", set(SCHED_BATCH, 0));
  tell("policy", syscall(SYS_sched_getscheduler, 0));
  tell("idle, reset", set(SCHED_IDLE | SCHED_RESET_ON_FORK, 0));
  tell("policy", syscall(SYS_sched_getscheduler, 0));
  struct sched_param parameters = {7};
  tell("getparam", syscall(SYS_sched_getparam, 0, &parameters));
  tell("priority", parameters.sched_priority);
  tell("getparam null", syscall(SYS_sched_getparam, 0, 0));
  fflush(stdout);
  if (fork() == 0) {
    tell("of a child", syscall(SYS_sched_getscheduler, 0));
    _exit(fflush(stdout));
  }
  wait(0);
  tell("other", set(SCHED_OTHER, 0));
  struct attributes attributes = {0};
  tell("getattr", syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
  printf("%u %u %d %u\n", attributes.size, attributes.policy, attributes.nice, attributes.priority);
  tell("getattr small", syscall(SYS_sched_getattr, 0, &attributes, 40, 0));
  tell("getattr flags", syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 1));
  attributes.nice = 5;
  attributes.policy = SCHED_BATCH;
  tell("setattr", syscall(SYS_sched_setattr, 0, &attributes, 0));
  attributes.size = 20;
  tell("setattr small", syscall(SYS_sched_setattr, 0, &attributes, 0));
  printf("size then: %d\n", attributes.size > 40);
  attributes.size = sizeof attributes;
  attributes.flags = 1 << 20;
  tell("setattr flags", syscall(SYS_sched_setattr, 0, &attributes, 0));
  tell("raw priority", syscall(SYS_getpriority, PRIO_PROCESS, 0));
  tell("setpriority", setpriority(PRIO_PROCESS, 0, 100));
  tell("raw priority", syscall(SYS_getpriority, PRIO_PROCESS, 0));
  tell("raw priority of nobody", syscall(SYS_getpriority, PRIO_PROCESS, 999999));
  tell("which", syscall(SYS_getpriority, 3, 0));
  tell("group of nobody", setpriority(PRIO_PGRP, 999999, 10));
  fflush(stdout);
  if (fork() == 0) {
    setuid(12345);
    tell("lower", setpriority(PRIO_PROCESS, 0, 5));
    errno = 0;
    nice(-3);
    printf("nice: %s\n", errno ? strerrorname_np(errno) : "ok");
    tell("same", setpriority(PRIO_PROCESS, 0, 19));
    tell("another's", setpriority(PRIO_PROCESS, getppid(), 19));
    tell("mine as a user", syscall(SYS_getpriority, PRIO_USER, 0));
    tell("fifo", set(SCHED_FIFO, 1));
    tell("idle", set(SCHED_IDLE, 0));
    _exit(fflush(stdout));
  }
  wait(0);
  unsigned char mask[128] = {0};
  tell("affinity of 3 bytes", syscall(SYS_sched_getaffinity, 0, 3, mask));
  tell("affinity of 0 bytes", syscall(SYS_sched_getaffinity, 0, 0, mask));
  tell("affinity of nobody", syscall(SYS_sched_getaffinity, 999999, 128, mask));
  printf("affinity: %d\n", syscall(SYS_sched_getaffinity, 0, 128, mask) > 0 && (mask[0] & 1));
  memset(mask, 0, sizeof mask);
  tell("to none", syscall(SYS_sched_setaffinity, 0, 128, mask));
  mask[0] = 1;
  tell("to the first", syscall(SYS_sched_setaffinity, 0, 128, mask));
  tell("yield", sched_yield());
  struct timespec time;
  tell("interval", sched_rr_get_interval(0, &time));
  tell("interval of nobody", sched_rr_get_interval(999999, &time));
  tell("interval of -1", sched_rr_get_interval(-1, &time));
  return 0;
}
