// poll(2), select(2), non-blocking files, clocks and sleeping.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long since(struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int fds[2];
  pipe2(fds, O_NONBLOCK | O_CLOEXEC);
  char buffer[70000] = {0};
  printf("empty: %ld %s\n", (long)read(fds[0], buffer, 1), strerror(errno));
  struct pollfd files[3] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLOUT}, {.fd = 77, .events = POLLIN}};
  printf("poll: %d", poll(files, 3, 0));
  printf(" %x %x %x\n", files[0].revents, files[1].revents, files[2].revents);
  printf("full: %ld", (long)write(fds[1], buffer, 70000));
  printf(", then %ld %s\n", (long)write(fds[1], buffer, 10), strerror(errno));
  printf("poll: %d", poll(files, 2, 0));
  printf(" %x %x\n", files[0].revents, files[1].revents);
  while (read(fds[0], buffer, sizeof buffer) > 0) continue;
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  printf("poll times out: %d", poll(files, 1, 30));
  printf(" after at least 30 ms: %d\n", since(&start) >= 30);
  fd_set reading, writing;
  FD_ZERO(&reading);
  FD_ZERO(&writing);
  FD_SET(fds[0], &reading);
  FD_SET(fds[1], &writing);
  struct timeval timeout = {.tv_sec = 1};
  printf("select: %d", select(fds[1] + 1, &reading, &writing, NULL, &timeout));
  printf(" %d %d\n", FD_ISSET(fds[0], &reading), FD_ISSET(fds[1], &writing));
  if (fork() == 0) {
    usleep(20000);
    write(fds[1], "wake", 4);
    _exit(0);
  }
  files[0].revents = 0;
  printf("poll waits: %d", poll(files, 1, -1));
  printf(" %x\n", files[0].revents);
  wait(NULL);
  close(fds[1]);
  read(fds[0], buffer, 10);
  printf("writer gone: %d", poll(files, 1, 0));
  printf(" %x, read %ld\n", files[0].revents, (long)read(fds[0], buffer, 1));
  clock_gettime(CLOCK_MONOTONIC, &start);
  struct timespec time = {.tv_nsec = 15000000};
  printf("nanosleep: %d", nanosleep(&time, NULL));
  printf(", long enough: %d\n", since(&start) >= 15);
  time.tv_nsec = 2000000000;
  printf("bad time: %d %s\n", nanosleep(&time, NULL), strerror(errno));
  struct timespec later = start;
  later.tv_nsec += 40000000;
  if (later.tv_nsec >= 1000000000) {
    later.tv_nsec -= 1000000000;
    later.tv_sec++;
  }
  printf("absolute sleep: %d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &later, NULL));
  printf(", long enough: %d\n", since(&start) >= 40);
  printf("bad clock: %d %s\n", clock_gettime(77, &time), strerror(errno));
  return 0;
}
