// Says every tick what its parts have done: a server with open connections, a child behind a pipe, a thread, memory, files and
// their mappings, an epoll with a timer, a volume. Whoever sees the lines sees whether anything of it was lost or done twice.
// worker TICKS [FILE-OF-A-VOLUME [FILE]]: the last ten ticks come when there is no FILE any more.
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK 50000000L

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int wanted, done;

static void *thread(void *unused) {
  for (;;) {
    pthread_mutex_lock(&lock);
    while (done == wanted) pthread_cond_wait(&changed, &lock);
    done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
  }
}

/** Answers every number on a connection with the sum of all so far. */
static void serve(int server) {
  int client = accept(server, 0, 0);
  unsigned sum = 0, number;
  while (read(client, &number, sizeof number) == sizeof number) {
    sum += number;
    write(client, &sum, sizeof sum);
  }
  _exit(3);
}

static int connection(struct sockaddr *address, socklen_t length) {
  int server = socket(address->sa_family, SOCK_STREAM, 0);
  bind(server, address, length);
  listen(server, 4);
  if (fork() == 0) serve(server);
  close(server);
  int client = socket(address->sa_family, SOCK_STREAM, 0);
  connect(client, address, length);
  return client;
}

static unsigned asked(int client, unsigned number) {
  unsigned sum = 0;
  write(client, &number, sizeof number);
  read(client, &sum, sizeof sum);
  return sum;
}

static unsigned sumOf(const unsigned char *bytes, int count) {
  unsigned sum = 5381;
  while (count-- > 0) sum = sum * 33 + *bytes++;
  return sum;
}

int main(int argc, char **argv) {
  int ticks = atoi(argv[1]);
  const char *shared = argv[2], *held = argc > 3 ? argv[3] : "";
  struct sockaddr_in inet = {AF_INET, htons(7000), {htonl(INADDR_LOOPBACK)}};
  struct sockaddr_un local = {AF_UNIX, "/tmp/socket"};
  int tcp = connection((struct sockaddr *)&inet, sizeof inet);
  int unix_ = connection((struct sockaddr *)&local, sizeof local);
  int to[2], from[2];
  pipe(to), pipe(from);
  if (fork() == 0) {
    char line[64];
    dup2(to[0], 0), dup2(from[1], 1), close(to[1]);
    while (fgets(line, sizeof line, stdin)) printf("<%.*s>\n", (int)strlen(line) - 1, line), fflush(stdout);
    _exit(4);
  }
  FILE *ask = fdopen(to[1], "w"), *answer = fdopen(from[0], "r");
  pthread_t id;
  pthread_create(&id, 0, thread, 0);
  unsigned char *memory = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
  ftruncate(file, 8192);
  unsigned char *mapped = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  unlink("/tmp/file");
  int volume = shared ? open(shared, O_RDONLY) : -1;
  int timer = timerfd_create(CLOCK_MONOTONIC, 0), all = epoll_create1(0);
  struct itimerspec every = {{0, TICK}, {0, TICK}};
  timerfd_settime(timer, 0, &every, 0);
  struct epoll_event event = {EPOLLIN};
  epoll_ctl(all, EPOLL_CTL_ADD, timer, &event);
  unsigned long long passed = 0, count;
  for (int n = 1; n <= ticks; n++) {
    while (n == ticks - 9 && access(held, F_OK) == 0) usleep(TICK / 1000);
    epoll_wait(all, &event, 1, -1);
    read(timer, &count, sizeof count);
    passed += count;
    pthread_mutex_lock(&lock);
    wanted++;
    pthread_cond_broadcast(&changed);
    while (done != wanted) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    for (int at = 0; at < 1 << 20; at += 4096) memory[at + n % 4096] += n;
    char text[16], line[64], read_[8] = "";
    pwrite(file, text, sprintf(text, "%d", n), 4096 + n);
    mapped[n]++;
    fprintf(ask, "%d\n", n), fflush(ask);
    fgets(line, sizeof line, answer);
    if (volume >= 0) pread(volume, read_, 7, 0);
    printf("%d tcp %u unix %u pipe %.*s thread %d memory %08x file %08x volume %s late %d\n", n, asked(tcp, n),
           asked(unix_, n), (int)strlen(line) - 1, line, done, sumOf(memory, 1 << 15), sumOf(mapped, 8192), read_,
           passed < n);
    fflush(stdout);
  }
  int status;
  shutdown(tcp, SHUT_WR), shutdown(unix_, SHUT_WR), fclose(ask);
  for (int left = 3; left > 0; left--) wait(&status), printf("ended %d\n", WEXITSTATUS(status) > 2);
  return 7;
}
