// Takes one kind of thing without end; says how the last one was refused, if it was.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char name[64];
static const char *numbered(int n) { sprintf(name, "/tmp/%d", n); return name; }

static int file(int n) { (void)n; return open("/dev/null", O_RDONLY); }
static int event(int n) { (void)n; return eventfd(0, 0); }
static int timer(int n) {
  struct itimerspec at = {{0, 0}, {1000000 + n, 0}};
  int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  return fd < 0 ? fd : timerfd_settime(fd, 0, &at, 0);
}
static int connection(int n) { int ends[2]; (void)n; return socketpair(AF_UNIX, SOCK_STREAM, 0, ends); }
static int tube(int n) { int ends[2]; (void)n; return pipe(ends); }

/* Connections that nobody accepts, at many sockets; the other ends are closed. */
static int waiting(int n) {
  struct sockaddr_un at = {AF_UNIX, ""};
  sprintf(at.sun_path + 1, "%d", n / 1000);
  if (n % 1000 == 0) {
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (void *)&at, sizeof at) < 0 || listen(server, 4096) < 0) return -1;
  }
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  int result = connect(client, (void *)&at, sizeof at);
  close(client);
  return result;
}

/* Bytes in as many pieces. */
static int piece(int n) {
  static int ends[2];
  if (n % 200000 == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return -1;
  return write(ends[0], "x", 1);
}

static int lock(int n) {
  static int fd;
  if (n == 0) fd = open("/tmp/locked", O_RDWR | O_CREAT, 0600);
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2 * n, .l_len = 1};
  return fcntl(fd, F_SETLK, &range);
}

static int watch(int n) {
  static int events[100], instance;
  if (n < 100) return events[n] = eventfd(0, 0);
  if (n % 100 == 0) instance = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {0}};
  return epoll_ctl(instance, EPOLL_CTL_ADD, events[n % 100], &event);
}

static int instance(int n) { (void)n; return inotify_init(); }

static int set(int n) { (void)n; return semget(IPC_PRIVATE, 32000, 0600); }

static int message(int n) {
  static int queue;
  struct { long type; } empty = {1};
  if (n % 16000 == 0) queue = msgget(IPC_PRIVATE, 0600);
  return msgsnd(queue, &empty, 0, IPC_NOWAIT);
}

static int area(int n) {
  static char *base;
  if (n == 0) base = mmap(0, 131072L * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mprotect(base + 8192L * n, 4096, PROT_READ);
}

/* The same areas in many processes. */
static int areas(int n) {
  if (n == 0) for (int k = 0; k < 20000; k++) area(k);
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  return child;
}

static int empty(int n) { int fd = creat(numbered(n), 0600); close(fd); return fd; }
static int directory(int n) { return mkdir(numbered(n), 0700); }
static int further(int n) { if (n == 0) empty(0); char path[64]; strcpy(path, numbered(n + 1)); return link("/tmp/0", path); }
static int symbolic(int n) { static char text[4000]; memset(text, 'x', sizeof text - 1); return symlink(text, numbered(n)); }
static int attribute(int n) { empty(n); static char value[60000]; return setxattr(numbered(n), "user.x", value, sizeof value, 0); }

static int text(int n) {
  if (n == 0) for (int k = 0; k < 5000; k++) area(k);
  int fd = open("/proc/self/maps", O_RDONLY);
  return fd;
}

/* Instances that watch each other, each all of the next level. */
static int ways(int n) {
  static int levels[4][20];
  struct epoll_event event = {EPOLLIN, {0}};
  int level = n / 400, from = n / 20 % 20, to = n % 20;
  if (n == 0) for (int k = 0; k < 80; k++) levels[k / 20][k % 20] = epoll_create1(0);
  if (level == 3) { errno = 0; return -1; }
  return epoll_ctl(levels[level][from], EPOLL_CTL_ADD, levels[level + 1][to], &event);
}

/* A descriptor with the highest number, in many processes. */
static int table(int n) {
  if (n == 0) dup2(0, 1048575);
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  return child;
}

static const struct { const char *name; int (*take)(int); } KINDS[] = {
  {"file", file}, {"event", event}, {"timer", timer}, {"connection", connection}, {"tube", tube}, {"waiting", waiting}, {"piece", piece}, {"lock", lock}, {"watch", watch},
  {"instance", instance}, {"set", set}, {"message", message}, {"area", area}, {"areas", areas}, {"empty", empty}, {"directory", directory},
  {"further", further}, {"symbolic", symbolic}, {"attribute", attribute}, {"text", text}, {"ways", ways}, {"table", table},
};

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct rlimit files = {1048576, 1048576};
  if (argc > 1 && !strcmp(argv[1], "neighbour")) for (volatile long round = 0;; round++) if (round % 100000 == 0) getppid();
  setrlimit(RLIMIT_NOFILE, &files);
  mkdir("/tmp", 0700);
  for (unsigned kind = 0; kind < sizeof KINDS / sizeof *KINDS; kind++) {
    if (strcmp(KINDS[kind].name, argv[1])) continue;
    int taken = 0;
    while (KINDS[kind].take(taken) >= 0) taken++;
    printf("%d %s\n", taken, errno ? strerrorname_np(errno) : "all");
    exit(0);
  }
  return 99;
}
