// Has one of everything the kernel can hold, waits, and says whether all of it is still what it was. Run as process 1.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) printf("%s %s\n", (what) ? "ok " : "NO ", #what)

static volatile int ticks, cpu_ticks;
static void on_alarm(int n) { (void)n; ticks++; }
static void on_cpu(int n) { (void)n; cpu_ticks++; }
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wakeup = PTHREAD_COND_INITIALIZER;
static int woken;
static __thread int own = 5;

static void *waiter(void *argument) {
  own = 6;
  pthread_mutex_lock(&lock);
  while (!woken) pthread_cond_wait(&wakeup, &lock);
  pthread_mutex_unlock(&lock);
  return (void *)(long)(own + (int)(long)argument);
}

static void pass(int socket, int fd) {
  char byte = 'f', control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  sendmsg(socket, &message, 0);
}

static int passed(int socket) {
  char byte, control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &message, 0) != 1) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static void pass_time(void) {
  volatile double sum = 1.5;
  for (int round = 0; round < 40; round++) {
    struct timespec nap = {0, 1000000};
    nanosleep(&nap, NULL);
    for (int n = 0; n < 400; n++) sum = sum * 1.0000001 + n / 3.0;
  }
  printf("sum %.6f\n", sum);
}

static int read_all(int fd, char *into, int size) {
  int done = 0, count;
  while (done < size - 1 && (count = read(fd, into + done, size - 1 - done)) > 0) done += count;
  into[done > 0 ? done : 0] = 0;
  return done;
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  char text[4096];
  // files, mounts and directories
  mkdir("/tmp/lower", 0755), mkdir("/tmp/upper", 0755), mkdir("/tmp/work", 0755), mkdir("/mnt/over", 0755);
  close(open("/tmp/lower/below", O_CREAT | O_WRONLY, 0644));
  CHECK(mount("overlay", "/mnt/over", "overlay", 0, "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work") == 0);
  mkdir("/mnt/own", 0755);
  CHECK(mount("own", "/mnt/own", "tmpfs", 0, "size=1m") == 0);
  mkdir("/mnt/cg", 0755);
  CHECK(mount("cg", "/mnt/cg", "cgroup2", 0, "") == 0);
  mkdir("/mnt/cg/child", 0755);
  int file = open("/mnt/own/file", O_CREAT | O_RDWR, 0644);
  write(file, "0123456789", 10);
  lseek(file, 3, SEEK_SET);
  int unlinked = open("/mnt/own/gone", O_CREAT | O_RDWR, 0600);
  write(unlinked, "still", 5);
  unlink("/mnt/own/gone");
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3};
  fcntl(file, F_SETLK, &range);
  flock(unlinked, LOCK_EX);
  int status_file = open("/proc/self/status", O_RDONLY);
  int maps = open("/proc/self/maps", O_RDONLY);
  read(maps, text, 10);
  int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  int procs = open("/mnt/cg/child/cgroup.procs", O_RDWR);
  int below = open("/mnt/over/below", O_RDONLY);
  int zero = open("/dev/zero", O_RDONLY), random = open("/dev/urandom", O_RDONLY);
  // pipes, sockets
  int ends[2], pair[2], grams[2];
  pipe(ends);
  write(ends[1], "in the pipe", 11);
  mkfifo("/tmp/fifo", 0600);
  int fifo = open("/tmp/fifo", O_RDWR);
  write(fifo, "fifo", 4);
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  socketpair(AF_UNIX, SOCK_DGRAM, 0, grams);
  write(grams[0], "one", 3), write(grams[0], "three", 5);
  int sent = open("/mnt/own/sent", O_CREAT | O_RDWR, 0600);
  write(sent, "flying", 6), lseek(sent, 0, SEEK_SET);
  pass(pair[0], sent);
  close(sent);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/socket"};
  int named = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(named, (struct sockaddr *)&name, sizeof name), listen(named, 4);
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(client, (struct sockaddr *)&name, sizeof name) == 0);
  write(client, "queued", 6);
  struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int server = socket(AF_INET, SOCK_STREAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(bind(server, (struct sockaddr *)&port, sizeof port) == 0);
  listen(server, 4);
  CHECK(connect(tcp, (struct sockaddr *)&port, sizeof port) == 0);
  write(tcp, "over loopback", 13);
  CHECK(bind(udp, (struct sockaddr *)&port, sizeof port) == 0);
  sendto(udp, "packet", 6, 0, (struct sockaddr *)&port, sizeof port);
  int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct sockaddr_nl kernel_side = {.nl_family = AF_NETLINK};
  bind(netlink, (struct sockaddr *)&kernel_side, sizeof kernel_side);
  // events
  int event = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK), poller = epoll_create1(0), watcher = inotify_init1(IN_NONBLOCK);
  int alarm_clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec often = {{0, 3000000}, {0, 3000000}};
  timerfd_settime(alarm_clock, 0, &often, NULL);
  inotify_add_watch(watcher, "/mnt/own", IN_CREATE);
  struct epoll_event interest = {.events = EPOLLIN, .data.fd = event};
  epoll_ctl(poller, EPOLL_CTL_ADD, event, &interest);
  interest.data.fd = ends[0], interest.events = EPOLLIN | EPOLLET;
  epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &interest);
  sigset_t queued;
  sigemptyset(&queued), sigaddset(&queued, SIGUSR2), sigaddset(&queued, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &queued, NULL);
  int signals = signalfd(-1, &queued, SFD_NONBLOCK);
  union sigval value = {.sival_int = 42};
  sigqueue(getpid(), SIGRTMIN + 3, value);
  // timers
  signal(SIGALRM, on_alarm), signal(SIGUSR1, on_cpu), signal(SIGVTALRM, on_cpu);
  struct itimerval real = {{0, 4000}, {0, 4000}}, virtual = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &real, NULL), setitimer(ITIMER_VIRTUAL, &virtual, NULL);
  timer_t of_cpu, silent;
  struct sigevent tell = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}, nothing = {.sigev_notify = SIGEV_NONE};
  CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &tell, &of_cpu) == 0);
  CHECK(timer_create(CLOCK_MONOTONIC, &nothing, &silent) == 0);
  struct itimerspec soon = {{0, 50000}, {0, 50000}};
  timer_settime(of_cpu, 0, &soon, NULL), timer_settime(silent, 0, &often, NULL);
  // memory
  char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  int memory = memfd_create("memory", MFD_ALLOW_SEALING);
  write(memory, "sealed", 6);
  fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK);
  private[0] = 'P';
  // System V and POSIX IPC
  int segment = shmget(IPC_PRIVATE, 4096, 0600), set = semget(IPC_PRIVATE, 2, 0600), queue = msgget(IPC_PRIVATE, 0600);
  char *attached = shmat(segment, NULL, 0);
  strcpy(attached, "attached");
  struct sembuf up = {0, 2, SEM_UNDO};
  semop(set, &up, 1);
  struct { long type; char text[8]; } letter = {7, "letter"};
  msgsnd(queue, &letter, 8, 0);
  mqd_t posix = mq_open("/queue", O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
  CHECK(posix != (mqd_t)-1);
  mq_send(posix, "urgent", 6, 9);
  // a terminal
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  grantpt(master), unlockpt(master);
  // processes and threads: one waits for a futex, one in a read, one in a wait, one in namespaces of its own, one stopped
  pthread_t thread;
  pthread_create(&thread, NULL, waiter, (void *)36L);
  int gate[2];
  pipe(gate);
  pid_t reader = fork();
  if (reader == 0) {
    char byte;
    read(gate[0], &byte, 1);
    shared[1] = byte;
    _exit(3);
  }
  pid_t parent = fork();
  if (parent == 0) {
    pid_t child = fork();
    if (child == 0) {
      struct timespec nap = {0, 60000000};
      nanosleep(&nap, NULL);
      _exit(4);
    }
    int status;
    waitpid(child, &status, 0);
    _exit(WEXITSTATUS(status) + 1);
  }
  pid_t apart = fork();
  if (apart == 0) {
    unshare(CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWUSER);
    sethostname("apart", 5);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    struct pollfd wait_for = {gate[0], POLLHUP, 0};
    close(gate[1]);
    poll(&wait_for, 1, 200);
    gethostname(text, sizeof text);
    _exit(strcmp(text, "apart") == 0 ? 6 : 0);
  }
  pid_t stopped = fork();
  if (stopped == 0) {
    raise(SIGSTOP);
    _exit(7);
  }
  int status;
  waitpid(stopped, &status, WUNTRACED);
  int handle = syscall(SYS_pidfd_open, reader, 0);
  errno = 0;
  syscall(SYS_kcmp, getpid(), reader, 0, file, file);
  printf("ready\n");

  pass_time();

  printf("awake\n");
  CHECK(read(file, text, 2) == 2 && memcmp(text, "34", 2) == 0);
  CHECK(pread(unlinked, text, 5, 0) == 5 && memcmp(text, "still", 5) == 0);
  CHECK(read_all(status_file, text, sizeof text) > 100 && strstr(text, "Name:\t"));
  CHECK(read_all(maps, text, sizeof text) > 100);
  CHECK(read_all(procs, text, sizeof text) == 0);
  CHECK(read(below, text, 1) == 0);
  CHECK(faccessat(directory, "0", F_OK, 0) == 0);
  CHECK(read(zero, text, 4) == 4 && text[3] == 0);
  read(random, text, 8);
  for (int n = 0; n < 8; n++) printf("%02x", (unsigned char)text[n]);
  printf(" random\n");
  CHECK(write(memory, "x", 1) == 1 && ftruncate(memory, 2) < 0 && errno == EPERM);
  struct epoll_event found[4];
  CHECK(epoll_wait(poller, found, 4, 0) == 2);
  CHECK(read(ends[0], text, 64) == 11 && memcmp(text, "in the pipe", 11) == 0);
  CHECK(read(fifo, text, 64) == 4);
  CHECK(read(grams[1], text, 64) == 3 && read(grams[1], text, 64) == 5);
  int arrived = passed(pair[1]);
  CHECK(read(arrived, text, 64) == 6 && memcmp(text, "flying", 6) == 0);
  int accepted = accept(named, NULL, NULL), incoming = accept(server, NULL, NULL);
  CHECK(read(accepted, text, 64) == 6);
  CHECK(read(incoming, text, 64) == 13);
  CHECK(recv(udp, text, 64, 0) == 6);
  unsigned long long count;
  CHECK(read(event, &count, 8) == 8 && count == 1);
  CHECK(read(alarm_clock, &count, 8) == 8);
  printf("timerfd %llu\n", count);
  close(open("/mnt/own/new", O_CREAT | O_WRONLY, 0600));
  CHECK(read(watcher, text, sizeof text) > 0);
  struct signalfd_siginfo info;
  CHECK(read(signals, &info, sizeof info) == sizeof info && info.ssi_int == 42);
  struct itimerspec left;
  timer_gettime(silent, &left);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), setitimer(ITIMER_VIRTUAL, &(struct itimerval){0}, NULL);
  timer_delete(of_cpu);
  CHECK(ticks > 0 && cpu_ticks > 0 && left.it_interval.tv_nsec == 3000000);
  printf("ticks %d %d\n", ticks, cpu_ticks);
  CHECK(private[0] == 'P' && private[9] == '9');
  CHECK(strcmp(attached, "attached") == 0 && semctl(set, 0, GETVAL) == 2);
  CHECK(msgrcv(queue, &letter, 8, 7, IPC_NOWAIT) == 8 && strcmp(letter.text, "letter") == 0);
  CHECK(mq_receive(posix, text, 8192 > sizeof text ? sizeof text : 8192, NULL) == 6 || errno == EMSGSIZE);
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  write(master, "typed\n", 6);
  CHECK(read(slave, text, 64) == 6);
  shared[0] = 's';
  write(gate[1], "g", 1);
  CHECK(waitpid(reader, &status, 0) == reader && WEXITSTATUS(status) == 3 && shared[1] == 'g');
  struct pollfd ended = {handle, POLLIN, 0};
  CHECK(poll(&ended, 1, 0) == 1);
  CHECK(waitpid(parent, &status, 0) == parent && WEXITSTATUS(status) == 5);
  CHECK(waitpid(apart, &status, 0) == apart && WEXITSTATUS(status) == 6);
  kill(stopped, SIGCONT);
  CHECK(waitpid(stopped, &status, 0) == stopped && WEXITSTATUS(status) == 7);
  pthread_mutex_lock(&lock);
  woken = 1;
  pthread_cond_signal(&wakeup);
  pthread_mutex_unlock(&lock);
  void *result;
  pthread_join(thread, &result);
  CHECK((long)result == 42 && own == 5);
  return 0;
}
