// Makes random system calls with random arguments from several threads, in children that are killed after a while: what a
// kernel must withstand. Arguments: seed, number of rounds, calls a thread and round. Prints one line a round.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POOL (256 * 1024)
#define THREADS 3

static unsigned char *pool;
static void *readonly_page;
static int calls;

struct random { uint64_t state; };

static uint32_t next(struct random *random) {
  uint64_t x = random->state;
  x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  random->state = x;
  return x >> 32;
}

static const char *const names[] = {
    "/tmp/a", "/tmp/b", "/tmp/dir", "/tmp/dir/c", "/tmp/link", "/tmp/fifo", "/proc/self/mem", "/proc/self/maps", "/proc/1/stat",
    "/proc/self/fd/1", "/proc/self/exe", "/proc/self/root", "/proc/self/oom_score_adj", "/proc/self/comm", "/proc/self/uid_map",
    "/proc/thread-self/ns/net", "/proc/self/ns/mnt", "/dev/null", "/dev/zero", "/sys", "/proc/sys/kernel/hostname", ".", "..", "",
    "/", "tmpfs", "proc", "overlay", "cgroup2", "lowerdir=/tmp,upperdir=/tmp/dir,workdir=/tmp/b", "size=4k", "user.x", "name",
    "security.capability", "trusted.overlay.opaque", "max", "1", "+memory +pids",
};

static uint64_t argument(struct random *random) {
  switch (next(random) % 20) {
    case 0: return 0;
    case 1: return 1;
    case 2: return -1;
    case 3: return next(random) % 8;
    case 4: case 5: case 6: return next(random) % 40;
    case 7: return 1ull << next(random) % 64;
    case 8: return (1ull << next(random) % 64) - 1;
    case 9: return next(random) % 65536;
    case 10: return (uint64_t)(next(random) % 64) * 4096;
    case 11: return (uint64_t)readonly_page;
    case 12: return 0x10 + next(random) % 4096;
    case 13: return ((uint64_t)next(random) << 32) | next(random);
    case 14: case 15: {
      // the name of something, somewhere in the pool
      unsigned char *at = pool + next(random) % (POOL - 128);
      strcpy((char *)at, names[next(random) % (sizeof names / sizeof *names)]);
      return (uint64_t)at;
    }
    case 16: {
      // a structure of small numbers and addresses
      uint64_t *at = (uint64_t *)(pool + next(random) % (POOL - 256) / 8 * 8);
      for (int n = 0; n < 16; n++) at[n] = next(random) % 3 ? next(random) % 64 : (uint64_t)(pool + next(random) % POOL);
      return (uint64_t)at;
    }
    default: return (uint64_t)(pool + next(random) % POOL);
  }
}

static int is_spared(long number) {
  switch (number) {
    // what only ends or delays the test, or takes the pool away
    case SYS_exit: case SYS_exit_group: case SYS_reboot: case SYS_pause: case SYS_rt_sigreturn: case SYS_vfork:
    case SYS_rt_sigsuspend: case SYS_rt_sigtimedwait: case SYS_munmap: case SYS_mprotect: case SYS_mremap: case SYS_brk:
      return 1;
  }
  return 0;
}

static void *thread(void *seed) {
  struct random random = {(uint64_t)seed};
  for (int n = 0; n < calls; n++) {
    long number = next(&random) % 470;
    if (number >= 335 && number < 424) continue;
    // half of them are not spared only rarely
    if (is_spared(number) && next(&random) % 64) continue;
    uint64_t a[6];
    for (int k = 0; k < 6; k++) a[k] = argument(&random);
    // memory is not put over the program itself
    if ((number == SYS_mmap || number == SYS_shmat) && next(&random) % 8) a[number == SYS_shmat] = 0;
    // a child with a stack of its own could run anything: it shares nothing but what fork(2) leaves it
    if (number == SYS_clone) a[0] &= ~(uint64_t)(CLONE_VM | CLONE_VFORK), a[1] = 0;
    if (number == SYS_clone3) continue;
    long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if ((number == SYS_clone || number == SYS_fork) && result == 0 && next(&random) % 2) _exit(0);
  }
  return 0;
}

static void play(uint64_t seed, int kind) {
  // vhangup(2) must not take the terminal from who tells of the rounds
  setsid();
  // what it writes is nobody's business
  for (int fd = 0; fd < 3; fd++) close(fd), open("/dev/null", O_RDWR);
  mkdir("/tmp/dir", 0777), mkfifo("/tmp/fifo", 0666), symlink("dir", "/tmp/link");
  pool = mmap(0, POOL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  readonly_page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct random random = {seed * 0x9e3779b97f4a7c15ull + 1};
  for (int n = 0; n < POOL; n += 4) *(uint32_t *)(pool + n) = next(&random) % 4 ? next(&random) % 300 : next(&random);
  // descriptors of many kinds
  int fds[2];
  pipe(fds), socketpair(AF_UNIX, SOCK_STREAM, 0, fds), socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
  socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_DGRAM, 0), socket(AF_NETLINK, SOCK_RAW, 0);
  epoll_create1(0), syscall(SYS_eventfd2, 5, 0), syscall(SYS_timerfd_create, 0, 0), syscall(SYS_memfd_create, "m", 0);
  syscall(SYS_inotify_init1, 0), open("/tmp", O_DIRECTORY), open("/tmp/a", O_RDWR | O_CREAT, 0666), open("/proc/self/mem", O_RDWR);
  syscall(SYS_pidfd_open, getpid(), 0), open("/dev/zero", O_RDWR), open("/proc/self/ns/user", O_RDONLY);
  for (int signal_ = 1; signal_ < 65; signal_++)
    if (signal_ != SIGSEGV && signal_ != SIGBUS) signal(signal_, SIG_IGN);
  if (kind == 1) unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWUSER | CLONE_NEWTIME);
  if (kind == 2) setgroups(0, 0), setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000), unshare(CLONE_NEWUSER | CLONE_NEWNS);
  if (kind == 3) setgroups(0, 0), setresgid(1000, 1000, 1000), setresuid(1000, 1000, 1000);
  // nothing a round mounts or unmounts is there in the next
  if (kind == 0) unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET);
  mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
  pthread_t threads[THREADS];
  for (int n = 0; n < THREADS; n++) pthread_create(&threads[n], 0, thread, (void *)(seed * 1000003 + n * 7919 + 1));
  for (int n = 0; n < THREADS; n++) pthread_join(threads[n], 0);
  _exit(0);
}

int main(int argc, char **argv) {
  uint64_t seed = strtoull(argv[1], 0, 10);
  int rounds = atoi(argv[2]);
  calls = atoi(argv[3]);
  mount("proc", "/proc", "proc", 0, 0);
  mkdir("/dev", 0755), mknod("/dev/null", S_IFCHR | 0666, 0x103), mknod("/dev/zero", S_IFCHR | 0666, 0x105);
  for (int round = 0; round < rounds; round++) {
    mount("tmpfs", "/tmp", "tmpfs", 0, "size=1m,nr_inodes=200");
    // what stays until somebody removes it, such as semaphores, goes with the namespace
    int pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) play(seed + round, (seed + round) % 4);
    struct timespec left = {0, 1000000};
    int status = 0, waited = 0;
    while (waitpid(pid, &status, WNOHANG) == 0 && waited++ < 400) nanosleep(&left, 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    int unmounted = umount2("/tmp", MNT_DETACH);
    printf("%llu %x %d\n", (unsigned long long)(seed + round), status, unmounted);
    fflush(stdout);
  }
  return 0;
}
