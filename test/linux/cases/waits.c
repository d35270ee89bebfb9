// Waiting for many descriptors: select(2), poll(2), epoll(7), eventfd(2), signalfd(2), timerfd(2).
#include "case.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

static int p[2];
static struct epoll_event event, events[8];
static void nothing(int signal) {}
static const struct timespec zero;

static void alarm_soon(void) {
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGALRM, &action, 0);
  struct itimerval soon = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &soon, 0);
}

static void show_poll(struct pollfd *fds, int count, int timeout) {
  int found = poll(fds, count, timeout);
  say("poll %d:", found);
  for (int n = 0; n < count; n++) say(" %x", fds[n].revents);
  say("\n");
}

CASE(poll_pipe) { pipe(p); struct pollfd f[] = {{p[0], POLLIN}, {p[1], POLLOUT}}; show_poll(f, 2, 0); write(p[1], "x", 1); show_poll(f, 2, 0); close(p[1]); show_poll(f, 1, 0); }
CASE(poll_reader_gone) { pipe(p); close(p[0]); struct pollfd f[] = {{p[1], POLLOUT}}; show_poll(f, 1, 0); }
CASE(poll_bad_descriptor) { struct pollfd f[] = {{77, POLLIN}, {-1, POLLIN}}; show_poll(f, 2, 0); }
CASE(poll_file) { put("f", ""); struct pollfd f[] = {{open("f", O_RDWR), POLLIN | POLLOUT | POLLPRI}}; show_poll(f, 1, 0); }
CASE(poll_bad_address) { R(poll(BAD, 1, 0)); R(poll(NULL, 0, 0)); R(SYS(poll, NULL, 100000000, 0)); }
CASE(poll_timeout) { R(poll(NULL, 0, 10)); pipe(p); struct pollfd f[] = {{p[0], POLLIN}}; R(poll(f, 1, 10)); }
CASE(poll_interrupted) { pipe(p); struct pollfd f[] = {{p[0], POLLIN}}; alarm_soon(); R(poll(f, 1, -1)); }
CASE(poll_woken) { pipe(p); if (!fork()) { pause_ms(10); write(p[1], "x", 1); _exit(0); } struct pollfd f[] = {{p[0], POLLIN}}; show_poll(f, 1, -1); wait(NULL); }
CASE(ppoll_times) { struct timespec bad = {0, 1000000000}, negative = {-1, 0}; R(SYS(ppoll, NULL, 0, &bad, NULL, 8)); R(SYS(ppoll, NULL, 0, &negative, NULL, 8)); struct timespec short_time = {0, 1000}; R(SYS(ppoll, NULL, 0, &short_time, NULL, 8)); say("%ld\n", (long)short_time.tv_nsec); R(SYS(ppoll, NULL, 0, BAD, NULL, 8)); }
CASE(ppoll_mask) { sigset_t set, none; sigemptyset(&none); sigemptyset(&set); sigaddset(&set, SIGALRM); sigprocmask(SIG_BLOCK, &set, 0); alarm_soon(); pipe(p); struct pollfd f[] = {{p[0], POLLIN}}; R(ppoll(f, 1, NULL, &none)); sigprocmask(SIG_SETMASK, NULL, &set); R(sigismember(&set, SIGALRM)); R(SYS(ppoll, f, 1, NULL, &none, 4)); }
CASE(select_pipe) { pipe(p); fd_set in, out; FD_ZERO(&in); FD_ZERO(&out); FD_SET(p[0], &in); FD_SET(p[1], &out); struct timeval t = {0, 0}; R(select(8, &in, &out, NULL, &t)); say("%d %d\n", !!FD_ISSET(p[0], &in), !!FD_ISSET(p[1], &out)); write(p[1], "x", 1); FD_SET(p[0], &in); R(select(8, &in, &out, NULL, &t)); }
CASE(select_bad) { fd_set in; FD_ZERO(&in); FD_SET(60, &in); struct timeval t = {0, 0}, negative = {-1, 0}; R(select(61, &in, NULL, NULL, &t)); R(select(-1, NULL, NULL, NULL, &t)); R(select(0, NULL, NULL, NULL, &negative)); R(SYS(select, 8, BAD, NULL, NULL, NULL)); }
CASE(select_timeout_left) { struct timeval t = {0, 5000}; R(SYS(select, 0, NULL, NULL, NULL, &t)); say("%ld %ld\n", (long)t.tv_sec, (long)t.tv_usec); }
CASE(select_interrupted) { alarm_soon(); pipe(p); fd_set in; FD_ZERO(&in); FD_SET(p[0], &in); R(select(8, &in, NULL, NULL, NULL)); }
CASE(select_hangup) { pipe(p); close(p[1]); fd_set in, except; FD_ZERO(&in); FD_ZERO(&except); FD_SET(p[0], &in); FD_SET(p[0], &except); struct timeval t = {0, 0}; R(select(8, &in, NULL, &except, &t)); say("%d %d\n", !!FD_ISSET(p[0], &in), !!FD_ISSET(p[0], &except)); }
CASE(pselect_mask) { sigset_t set, none; sigemptyset(&none); sigemptyset(&set); sigaddset(&set, SIGALRM); sigprocmask(SIG_BLOCK, &set, 0); alarm_soon(); R(pselect(0, NULL, NULL, NULL, NULL, &none)); struct { void *set; size_t size; } argument = {&none, 5}; R(SYS(pselect6, 0, NULL, NULL, NULL, &zero, &argument)); R(SYS(pselect6, 0, NULL, NULL, NULL, &zero, BAD)); R(SYS(pselect6, 0, NULL, NULL, NULL, BAD, NULL)); }

CASE(epoll_create_sizes) { R(SYS(epoll_create, 0)); R(SYS(epoll_create, -1)); R(SYS(epoll_create, 1)); R(SYS(epoll_create1, 1)); int fd = R(SYS(epoll_create1, EPOLL_CLOEXEC)); R(fcntl(fd, F_GETFD)); }
CASE(epoll_ctl_bad) { int e = epoll_create1(0); put("f", ""); int file = open("f", O_RDWR); pipe(p); event.events = EPOLLIN; R(epoll_ctl(77, EPOLL_CTL_ADD, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_ADD, 77, &event)); R(epoll_ctl(e, EPOLL_CTL_ADD, e, &event)); R(epoll_ctl(e, EPOLL_CTL_ADD, file, &event)); R(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &event)); R(epoll_ctl(e, 9, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL)); R(epoll_ctl(e, EPOLL_CTL_ADD, p[0], BAD)); R(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL)); }
CASE(epoll_wait_bad) { int e = epoll_create1(0); R(epoll_wait(e, events, 0, 0)); R(epoll_wait(e, events, -1, 0)); R(epoll_wait(77, events, 1, 0)); R(epoll_wait(0, events, 1, 0)); R(epoll_wait(e, events, 8, 0)); pipe(p); event.events = EPOLLOUT; epoll_ctl(e, EPOLL_CTL_ADD, p[1], &event); R(SYS(epoll_wait, e, BAD, 1, 0)); }
CASE(epoll_level) { int e = epoll_create1(0); pipe(p); event = (struct epoll_event){EPOLLIN, {.u64 = 0x1234567890}}; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); R(epoll_wait(e, events, 8, 0)); write(p[1], "xy", 2); R(epoll_wait(e, events, 8, 0)); say("%x %llx\n", events[0].events, (unsigned long long)events[0].data.u64); char c; read(p[0], &c, 1); R(epoll_wait(e, events, 8, 0)); read(p[0], &c, 1); R(epoll_wait(e, events, 8, 0)); }
CASE(epoll_edge) { int e = epoll_create1(0); pipe(p); event.events = EPOLLIN | EPOLLET; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); write(p[1], "xy", 2); R(epoll_wait(e, events, 8, 0)); R(epoll_wait(e, events, 8, 0)); write(p[1], "z", 1); R(epoll_wait(e, events, 8, 0)); }
CASE(epoll_one_shot) { int e = epoll_create1(0); pipe(p); event.events = EPOLLIN | EPOLLONESHOT; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); write(p[1], "x", 1); R(epoll_wait(e, events, 8, 0)); R(epoll_wait(e, events, 8, 0)); R(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event)); R(epoll_wait(e, events, 8, 0)); }
CASE(epoll_hangup) { int e = epoll_create1(0); pipe(p); event.events = 0; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); close(p[1]); R(epoll_wait(e, events, 8, 0)); say("%x\n", events[0].events); }
CASE(epoll_closed_goes) { int e = epoll_create1(0); pipe(p); event.events = EPOLLIN; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); write(p[1], "x", 1); int copy = dup(p[0]); close(p[0]); R(epoll_wait(e, events, 8, 0)); close(copy); R(epoll_wait(e, events, 8, 0)); }
CASE(epoll_nested) { int a = epoll_create1(0), b = epoll_create1(0); pipe(p); event.events = EPOLLIN; R(epoll_ctl(a, EPOLL_CTL_ADD, b, &event)); R(epoll_ctl(b, EPOLL_CTL_ADD, a, &event)); R(epoll_ctl(b, EPOLL_CTL_ADD, p[0], &event)); write(p[1], "x", 1); R(epoll_wait(a, events, 8, 0)); struct pollfd f = {a, POLLIN}; R(poll(&f, 1, 0)); }
CASE(epoll_too_deep) { int last = epoll_create1(0); event.events = EPOLLIN; for (int n = 0; n < 6; n++) { int next = epoll_create1(0); R(epoll_ctl(next, EPOLL_CTL_ADD, last, &event)); last = next; } }
CASE(epoll_round_robin) { int e = epoll_create1(0); for (int n = 0; n < 3; n++) { pipe(p); write(p[1], "x", 1); event = (struct epoll_event){EPOLLIN, {.u32 = n}}; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); } for (int n = 0; n < 5; n++) { epoll_wait(e, events, 1, 0); say("%u\n", events[0].data.u32); } }
CASE(epoll_waits) { int e = epoll_create1(0); pipe(p); event.events = EPOLLIN; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event); R(epoll_wait(e, events, 8, 10)); if (!fork()) { pause_ms(10); write(p[1], "x", 1); _exit(0); } R(epoll_wait(e, events, 8, -1)); wait(NULL); }
CASE(epoll_interrupted) { int e = epoll_create1(0); alarm_soon(); R(epoll_wait(e, events, 8, -1)); }
CASE(epoll_pwait_mask) { sigset_t set, none; sigemptyset(&none); sigemptyset(&set); sigaddset(&set, SIGALRM); sigprocmask(SIG_BLOCK, &set, 0); int e = epoll_create1(0); alarm_soon(); R(epoll_pwait(e, events, 8, -1, &none)); R(SYS(epoll_pwait, e, events, 8, 0, &none, 4)); R(SYS(epoll_pwait, e, events, 8, 0, BAD, 8)); R(SYS(epoll_pwait, e, events, 0, 0, NULL, 8)); }
CASE(epoll_pwait2_times) { int e = epoll_create1(0); struct { long long s, n; } t = {0, 1000000}, bad = {0, 1000000000}; R(SYS(epoll_pwait2, e, events, 8, &t, NULL, 8)); R(SYS(epoll_pwait2, e, events, 8, &bad, NULL, 8)); R(SYS(epoll_pwait2, e, events, 8, BAD, NULL, 8)); R(SYS(epoll_pwait2, 77, events, 8, &t, NULL, 8)); }
CASE(epoll_exclusive) { int e = epoll_create1(0); pipe(p); event.events = EPOLLIN | EPOLLEXCLUSIVE; R(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event)); R(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event)); event.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT; R(epoll_ctl(e, EPOLL_CTL_ADD, p[1], &event)); }

CASE(eventfd_counts) { int e = R(SYS(eventfd2, 3, EFD_NONBLOCK)); uint64_t n; R(read(e, &n, 8)); say("%d\n", (int)n); R(read(e, &n, 8)); n = 5; R(write(e, &n, 8)); n = 6; write(e, &n, 8); read(e, &n, 8); say("%d\n", (int)n); }
CASE(eventfd_semaphore) { int e = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK); uint64_t n; for (int i = 0; i < 3; i++) { R(read(e, &n, 8)); } }
CASE(eventfd_limits) { int e = eventfd(0, EFD_NONBLOCK); uint64_t n = -1; R(write(e, &n, 8)); n = -2; R(write(e, &n, 8)); n = 1; R(write(e, &n, 8)); struct pollfd f = {e, POLLIN | POLLOUT}; show_poll(&f, 1, 0); }
CASE(eventfd_bad) { R(SYS(eventfd2, 0, 2)); int e = R(SYS(eventfd, 0)); uint64_t n = 1; R(read(e, &n, 7)); R(write(e, &n, 7)); R(write(e, BAD, 8)); R(lseek(e, 0, SEEK_SET)); R(pread(e, &n, 8, 0)); }
CASE(eventfd_blocks) { int e = eventfd(0, 0); if (!fork()) { pause_ms(10); uint64_t n = 9; write(e, &n, 8); _exit(0); } uint64_t n; R(read(e, &n, 8)); say("%d\n", (int)n); wait(NULL); }

CASE(signalfd_reads) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, 0); int fd = R(signalfd(-1, &set, SFD_NONBLOCK)); struct signalfd_siginfo info; R(read(fd, &info, sizeof info)); raise(SIGUSR1); struct pollfd f = {fd, POLLIN}; show_poll(&f, 1, 0); R(read(fd, &info, sizeof info)); say("%u %d %d\n", info.ssi_signo, info.ssi_code, info.ssi_pid == getpid()); }
CASE(signalfd_changes) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, 0); int fd = signalfd(-1, &set, SFD_NONBLOCK); raise(SIGUSR1); sigemptyset(&set); R(signalfd(fd, &set, 0)); struct signalfd_siginfo info; R(read(fd, &info, sizeof info)); }
CASE(signalfd_bad) { sigset_t set; sigemptyset(&set); R(SYS(signalfd4, -1, &set, 4, 0)); R(SYS(signalfd4, -1, &set, 8, 5)); R(SYS(signalfd4, 77, &set, 8, 0)); R(SYS(signalfd4, 0, &set, 8, 0)); R(SYS(signalfd4, -1, BAD, 8, 0)); R(SYS(signalfd, -1, &set, 4)); int fd = R(SYS(signalfd, -1, &set, 8)); char c; R(read(fd, &c, 1)); R(write(fd, &c, 1)); }
CASE(signalfd_many) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGUSR2); sigaddset(&set, SIGRTMIN); sigprocmask(SIG_BLOCK, &set, 0); raise(SIGUSR2); raise(SIGUSR1); union sigval v = {.sival_int = 5}; sigqueue(getpid(), SIGRTMIN, v); v.sival_int = 6; sigqueue(getpid(), SIGRTMIN, v); int fd = signalfd(-1, &set, 0); struct signalfd_siginfo info[5]; int got = read(fd, info, sizeof info); for (int n = 0; n < got / (int)sizeof *info; n++) say("%d %d\n", info[n].ssi_signo < 32 ? (int)info[n].ssi_signo : 99, info[n].ssi_int); }
CASE(edges_of_a_pipe_have_a_side) {
  int p[2], queue = epoll_create1(0);
  char page[4096] = {0};
  struct epoll_event event;
  pipe2(p, O_NONBLOCK);
  fcntl(p[1], F_SETPIPE_SZ, 4096);
  epoll_ctl(queue, EPOLL_CTL_ADD, p[0], &(struct epoll_event){EPOLLIN | EPOLLET, {.u32 = 0}});
  epoll_ctl(queue, EPOLL_CTL_ADD, p[1], &(struct epoll_event){EPOLLOUT | EPOLLET, {.u32 = 1}});
  R(write(p[1], page, 4096));
  R(epoll_wait(queue, &event, 1, 0));
  say("%d %#x\n", event.data.u32, event.events);
  R(read(p[0], page, 2048));
  R(epoll_wait(queue, &event, 1, 0));
  R(read(p[0], page, 2048));
  R(epoll_wait(queue, &event, 1, 0));
  say("%d %#x\n", event.data.u32, event.events);
  R(epoll_wait(queue, &event, 1, 0));
}
CASE(epoll_of_devices) { int queue = epoll_create1(0); for (const char **name = (const char *[]){"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random", NULL}; *name; name++) { int fd = open(*name, O_RDONLY); say("%s ", *name); R(epoll_ctl(queue, EPOLL_CTL_ADD, fd, &(struct epoll_event){EPOLLIN})); } }
CASE(exclusive_watches_wake_one) {
  int p[2], *woken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char byte;
  pid_t children[3];
  pipe(p);
  for (int n = 0; n < 3; n++) if (!(children[n] = fork())) {
    int queue = epoll_create1(0);
    struct epoll_event event = {EPOLLIN | EPOLLET | EPOLLEXCLUSIVE};
    epoll_ctl(queue, EPOLL_CTL_ADD, p[0], &event);
    __sync_fetch_and_add(woken + 1, 1);
    epoll_wait(queue, &event, 1, -1);
    __sync_fetch_and_add(woken, 1);
    _exit(0);
  }
  while (*(volatile int *)(woken + 1) < 3) pause_ms(1);
  pause_ms(30);
  for (int n = 0; n < 3; n++) {
    write(p[1], "x", 1);
    pause_ms(50);
    say("%d\n", *(volatile int *)woken);
    read(p[0], &byte, 1);
  }
  for (int n = 0; n < 3; n++) waitpid(children[n], NULL, 0);
}
CASE(select_sticky_timeout) {
  fd_set set;
  struct timeval left = {0, 20000};
  struct timespec more = {0, 5000000};
  R(personality(0x4000000) >= 0);
  FD_ZERO(&set);
  R(select(0, NULL, NULL, NULL, &left));
  say("%ld\n", (long)left.tv_usec);
  R(SYS(pselect6, 0, NULL, NULL, NULL, &more, NULL));
  say("%ld\n", more.tv_nsec);
  R(SYS(ppoll, NULL, 0, &more, NULL, 8));
  say("%ld\n", more.tv_nsec);
}
CASE(contexts_of_file_systems_are_not_waited_for) {
  event.events = EPOLLIN;
  int poller = epoll_create1(0), made = SYS(fsopen, "tmpfs", 0), picked = SYS(fspick, AT_FDCWD, "/proc", 0);
  R(epoll_ctl(poller, EPOLL_CTL_ADD, made, &event));
  R(epoll_ctl(poller, EPOLL_CTL_ADD, picked, &event));
}
