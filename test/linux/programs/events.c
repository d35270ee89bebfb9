// epoll(7), eventfd(2), timerfd_create(2), signalfd(2), memfd_create(2).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void result(const char *what, long value) {
  int error = errno;
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(error) : "");
}

static void wait_events(int epoll, int timeout) {
  struct epoll_event events[8];
  int count = epoll_wait(epoll, events, 8, timeout);
  printf("events: %d", count);
  for (int i = 0; i < count; i++) printf(" %x from %d", events[i].events, events[i].data.fd & 0xff);
  puts("");
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int event = eventfd(3, EFD_NONBLOCK);
  uint64_t value = 0;
  result("read", read(event, &value, 8));
  printf("value %d\n", (int)value);
  result("read of nothing", read(event, &value, 8));
  result("short read", read(event, &value, 4));
  value = 5;
  result("write", write(event, &value, 8));
  int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  read(semaphore, &value, 8);
  printf("semaphore gives %d\n", (int)value);
  value = UINT64_MAX;
  result("too much", write(event, &value, 8));
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int pipes[2];
  pipe2(pipes, O_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = 1};
  result("add", epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &e));
  result("add again", epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &e));
  result("modify what is not there", epoll_ctl(epoll, EPOLL_CTL_MOD, event, &e));
  result("add itself", epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &e));
  int file = memfd_create("memory", MFD_CLOEXEC);
  result("add a file", epoll_ctl(epoll, EPOLL_CTL_ADD, file, &e));
  wait_events(epoll, 0);
  write(pipes[1], "ab", 2);
  wait_events(epoll, 0);
  wait_events(epoll, 0);
  e.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[0], &e);
  wait_events(epoll, 0);
  wait_events(epoll, 0);
  write(pipes[1], "c", 1);
  wait_events(epoll, 0);
  e.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[0], &e);
  wait_events(epoll, 0);
  wait_events(epoll, 0);
  struct epoll_event other = {.events = EPOLLIN | EPOLLOUT, .data.fd = 2};
  epoll_ctl(epoll, EPOLL_CTL_ADD, event, &other);
  wait_events(epoll, 0);
  result("delete", epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL));
  result("delete again", epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL));
  struct pollfd p = {.fd = epoll, .events = POLLIN};
  printf("epoll is a file: %d\n", poll(&p, 1, 0));
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec times = {.it_value = {.tv_nsec = 300000000}, .it_interval = {.tv_nsec = 5000000}};
  result("settime", timerfd_settime(timer, 0, &times, NULL));
  result("not yet", read(timer, &value, 8));
  e.events = EPOLLIN;
  e.data.fd = 3;
  epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &e);
  wait_events(epoll, -1);
  result("expired", read(timer, &value, 8));
  usleep(40000);
  read(timer, &value, 8);
  printf("several times: %d\n", value > 3);
  struct itimerspec none = {0};
  timerfd_settime(timer, 0, &none, &times);
  printf("interval %ld\n", times.it_interval.tv_nsec);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int signals = signalfd(-1, &set, SFD_NONBLOCK);
  struct signalfd_siginfo info;
  result("no signal", read(signals, &info, sizeof info));
  raise(SIGUSR1);
  result("signal", read(signals, &info, sizeof info));
  printf("number %d from me %d\n", info.ssi_signo, info.ssi_pid == getpid());
  pid_t child = fork();
  if (child == 0) {
    usleep(10000);
    _exit(6);
  }
  p.fd = signals;
  printf("poll: %d", poll(&p, 1, -1));
  read(signals, &info, sizeof info);
  printf(" child %d status %d code %d\n", (pid_t)info.ssi_pid == child, info.ssi_status, info.ssi_code);
  waitpid(child, NULL, 0);
  ftruncate(file, 8192);
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  strcpy(memory + 4096, "through memory");
  char buffer[32] = {0};
  pread(file, buffer, 20, 4096);
  puts(buffer);
  close(pipes[1]);
  e.events = EPOLLIN;
  e.data.fd = 1;
  epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[0], &e);
  while (read(pipes[0], buffer, 32) > 0) continue;
  wait_events(epoll, 0);
  close(pipes[0]);
  wait_events(epoll, 0);
  return 0;
}
