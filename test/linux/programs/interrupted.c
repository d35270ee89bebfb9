// What a signal that ends a wait writes back, and where it cannot.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void handler(int signal) {}

/** Again and again: the first may come before the wait. */
static void soon(void) {
  struct itimerval timer = {{0, 50000}, {0, 50000}};
  setitimer(ITIMER_REAL, &timer, 0);
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGALRM, &action, 0);
  struct timespec long_time = {5, 0}, left = {0, 0};
  soon();
  int result = nanosleep(&long_time, &left);
  printf("%d %s, left: %d\n", result, strerrorname_np(errno), left.tv_sec == 4);
  soon();
  result = syscall(SYS_nanosleep, &long_time, (void *)16);
  printf("bad address: %d %s\n", result, strerrorname_np(errno));
  soon();
  result = syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &long_time, (void *)16);
  printf("bad address: %d %s\n", result, strerrorname_np(errno));
  return 0;
}
