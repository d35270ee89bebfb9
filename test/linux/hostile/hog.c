// Makes as many objects of one kind as the kernel lets it, in as many processes as it lets it: argv[1] is the kind, argv[2]
// the most to make in one process, argv[3] the number of processes. Prints how many there were and what stopped it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int pair[2] = {-1, -1}, file = -1, notify = -1;

static int make(const char *kind, int n) {
  char name[64];
  sprintf(name, "/tmp/%d-%d", getpid(), n);
  if (!strcmp(kind, "files")) { int fd = open(name, O_CREAT | O_WRONLY, 0600); if (fd < 0) return -1; close(fd); return 0; }
  if (!strcmp(kind, "directories")) return mkdir(name, 0700);
  if (!strcmp(kind, "links")) { if (n == 0) return close(open("/tmp/0", O_CREAT, 0600)), 0; return link("/tmp/0", name); }
  if (!strcmp(kind, "symlinks")) { char to[4000]; memset(to, 'x', 3999), to[3999] = 0; return symlink(to, name); }
  if (!strcmp(kind, "attributes")) { static char value[65000]; if (n % 2 == 0) close(open(name, O_CREAT | O_WRONLY, 0600)); else sprintf(name, "/tmp/%d-%d", getpid(), n - 1); return setxattr(name, n % 2 ? "user.b" : "user.a", value, sizeof value, 0); }
  if (!strcmp(kind, "pipes")) { int fds[2]; return pipe(fds); }
  if (!strcmp(kind, "sockets")) { int fds[2]; return socketpair(AF_UNIX, SOCK_STREAM, 0, fds); }
  if (!strcmp(kind, "full-sockets")) { int fds[2]; static char bytes[1 << 20]; if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds)) return -1; while (write(fds[0], bytes, sizeof bytes) > 0) {} return 0; }
  if (!strcmp(kind, "datagrams")) { int fds[2]; if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds)) return -1; while (write(fds[0], "x", 1) > 0) {} return 0; }
  if (!strcmp(kind, "flying")) { int fds[2]; if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds)) return -1;
    char control[CMSG_SPACE(8)] = {0}; struct iovec v = {"x", 1}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(8);
    ((int *)CMSG_DATA(c))[0] = pair[0] < 0 ? fds[0] : pair[0], ((int *)CMSG_DATA(c))[1] = pair[1] < 0 ? fds[1] : pair[1];
    int r = sendmsg(fds[0], &m, 0); if (pair[0] >= 0) close(pair[0]), close(pair[1]); pair[0] = fds[0], pair[1] = fds[1]; return r < 0 ? -1 : 0; }
  if (!strcmp(kind, "epolls")) { int fd = epoll_create1(0); struct epoll_event e = {1}; for (int k = 0; fd >= 0 && k < 64; k++) epoll_ctl(fd, EPOLL_CTL_ADD, k, &e); return fd < 0 ? -1 : 0; }
  if (!strcmp(kind, "timers")) { timer_t t; struct sigevent e = {.sigev_notify = SIGEV_NONE}; return timer_create(CLOCK_MONOTONIC, &e, &t); }
  if (!strcmp(kind, "timerfds")) return timerfd_create(CLOCK_MONOTONIC, 0) < 0 ? -1 : 0;
  if (!strcmp(kind, "signals")) { sigset_t all; sigfillset(&all), sigprocmask(SIG_SETMASK, &all, 0); union sigval v = {n}; return sigqueue(getpid(), SIGRTMIN + 1, v); }
  if (!strcmp(kind, "locks")) { struct flock l = {.l_type = F_WRLCK, .l_start = 2 * n, .l_len = 1}; if (file < 0) file = open("/tmp/0", O_CREAT | O_RDWR, 0600); return fcntl(file, F_SETLK, &l); }
  if (!strcmp(kind, "maps")) return mmap(0, 4096, n % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
  if (!strcmp(kind, "watches")) { if (notify < 0) notify = inotify_init(); mkdir(name, 0700); return inotify_add_watch(notify, name, IN_ALL_EVENTS) < 0 ? -1 : 0; }
  if (!strcmp(kind, "events")) { if (notify < 0) notify = inotify_init(), inotify_add_watch(notify, "/tmp", IN_ALL_EVENTS); return mkdir(name, 0700) || rmdir(name); }
  if (!strcmp(kind, "segments")) return shmget(IPC_PRIVATE, 4096, 0600) < 0 ? -1 : 0;
  if (!strcmp(kind, "semaphores")) return semget(IPC_PRIVATE, 250, 0600) < 0 ? -1 : 0;
  if (!strcmp(kind, "messages")) { int q = msgget(IPC_PRIVATE, 0600); char m[8008] = {1}; if (q < 0) return -1; while (msgsnd(q, m, 8000, IPC_NOWAIT) == 0) {} return 0; }
  if (!strcmp(kind, "mounts")) return mount("none", "/tmp", "tmpfs", 0, 0);
  if (!strcmp(kind, "bind-bomb")) { mkdir("/tmp/b", 0700); return mount("/tmp", "/tmp/b", 0, MS_BIND | MS_REC, 0); }
  if (!strcmp(kind, "namespaces")) return unshare(n % 2 ? CLONE_NEWUTS | CLONE_NEWIPC : CLONE_NEWNET | CLONE_NEWNS);
  if (!strcmp(kind, "users")) return unshare(CLONE_NEWUSER);
  if (!strcmp(kind, "memory-files")) return memfd_create("x", 0) < 0 ? -1 : 0;
  if (!strcmp(kind, "pages")) { char *page = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); if (page == MAP_FAILED) return -1; memset(page, 1, 1 << 20); return 0; }
  if (!strcmp(kind, "queues")) { struct mq_attr a = {.mq_maxmsg = 10, .mq_msgsize = 8192}; sprintf(name, "/%d-%d", getpid(), n); mqd_t q = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0600, &a); static char m[8192]; if (q < 0) return -1; while (mq_send(q, m, 8192, 0) == 0) {} return 0; }
  if (!strcmp(kind, "groups")) { mkdir("/sys/fs/cgroup/a", 0700); sprintf(name, "/sys/fs/cgroup/%d-%d", getpid(), n); return mkdir(name, 0700); }
  if (!strcmp(kind, "content")) { static char bytes[1 << 20]; if (file < 0) file = open(name, O_CREAT | O_RDWR, 0600); return write(file, bytes, sizeof bytes) == sizeof bytes ? 0 : -1; }
  errno = EINVAL;
  return -1;
}

static void pause_ms(int ms) { struct timespec t = {0, ms * 1000000L}; nanosleep(&t, 0); }

int main(int argc, char **argv) {
  struct rlimit many = {1 << 20, 1 << 20};
  setrlimit(RLIMIT_NOFILE, &many);
  mount("proc", "/proc", "proc", 0, 0);
  int most = atoi(argv[2]), processes = argc > 3 ? atoi(argv[3]) : 1;
  int *total = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int k = 0; k < processes; k++) {
    pid_t child = fork();
    if (child < 0) { total[2] = errno; break; }
    if (child == 0) {
      int n = 0, failed = 0;
      if (!strcmp(argv[1], "processes")) { for (;;) { pid_t p = fork(); if (p == 0) { pause(); _exit(0); } if (p < 0) { total[1] = errno; break; } total[0]++; } pause(); }
      for (; n < most; n++, total[0]++) if (make(argv[1], n)) { failed = errno; break; }
      total[1] = failed;
      raise(SIGSTOP);
      pause();
    }
    int status;
    waitpid(child, &status, WUNTRACED);
    if (!WIFSTOPPED(status)) total[3] = WTERMSIG(status);
  }
  printf("%s: %d made, %s, fork %s, signal %d\n", argv[1], total[0], strerrorname_np(total[1]), strerrorname_np(total[2]), total[3]);
  fflush(stdout);
  pause_ms(20);
  kill(-1, SIGKILL);
  while (wait(0) > 0) {}
  return 0;
}
