// What runs in the containers of the isolation test: `victim` keeps things and looks at the end whether they are still there,
// `intruder` tries to reach them, the others take as much as they can.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T(call) ({ errno = 0; long r_ = (long)(call); printf("%s: %s\n", #call, r_ == -1 ? strerrorname_np(errno) : "ok"); r_; })

static int hidden(int abstract, int type) {
  struct sockaddr_un address = {AF_UNIX};
  strcpy(address.sun_path + 1, "hidden");
  int fd = socket(AF_UNIX, type, 0), length = offsetof(struct sockaddr_un, sun_path) + 7;
  return abstract ? bind(fd, (void *)&address, length) || listen(fd, 5) : connect(fd, (void *)&address, length);
}

static int port(int listens) {
  struct sockaddr_in address = {AF_INET, htons(8080), {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return listens ? bind(fd, (void *)&address, sizeof address) || listen(fd, 5) : connect(fd, (void *)&address, sizeof address);
}

static int visible(void) {
  int count = 0;
  DIR *directory = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(directory));) count += atoi(entry->d_name) > 0;
  closedir(directory);
  return count;
}

static int others(long (*attempt)(int)) {
  int reached = 0;
  for (int pid = 2; pid < 300; pid++) if (attempt(pid) != -1) reached++;
  return reached;
}
static long sends(int pid) { return kill(pid, SIGKILL); }
static long traces(int pid) { return ptrace(PTRACE_SEIZE, pid, 0, 0); }
static long reads(int pid) { char c; struct iovec a = {&c, 1}, b = {(void *)0x400000, 1}; return process_vm_readv(pid, &a, 1, &b, 1, 0); }
static long limits(int pid) { struct rlimit none = {0, 0}; return prlimit(pid, RLIMIT_NPROC, &none, 0); }
static long nices(int pid) { return setpriority(PRIO_PROCESS, pid, 19); }
static long moves(int pid) { cpu_set_t set; return sched_getaffinity(pid, sizeof set, &set); }
static long opens(int pid) { return syscall(SYS_pidfd_open, pid, 0); }
static long sessions(int pid) { return getsid(pid); }

static void victim(void) {
  mkdir("/keep", 0755);
  close(open("/keep/secret", O_CREAT | O_WRONLY, 0600));
  int segment = shmget(77, 4096, IPC_CREAT | 0666), messages = msgget(77, IPC_CREAT | 0666), semaphores = semget(77, 1, IPC_CREAT | 0666);
  int queue = mq_open("/queue", O_CREAT | O_RDWR, 0666, 0), memory = shm_open("/memory", O_CREAT | O_RDWR, 0666);
  if (segment < 0 || messages < 0 || semaphores < 0 || queue < 0 || memory < 0 || hidden(1, SOCK_STREAM) || port(1)) { printf("victim: %s\n", strerrorname_np(errno)); exit(1); }
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  puts("ready");
  struct timespec left = {2, 0};
  while (nanosleep(&left, &left)) {}
  char name[65];
  gethostname(name, sizeof name);
  int forks = fork();
  if (forks == 0) _exit(0);
  void *more = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(more, 1, 1 << 20);
  printf("still there: %d %d %d %s %d %d nice %d\n", kill(child, 0) == 0, shmget(77, 0, 0) == segment, access("/keep/secret", F_OK) == 0, name, forks > 0, close(open("/keep/more", O_CREAT | O_WRONLY, 0600)), getpriority(PRIO_PROCESS, 0));
  kill(child, SIGKILL);
  exit(0);
}

static void intruder(void) {
  usleep(50000);
  printf("visible %d\n", visible());
  printf("reached: %d %d %d %d %d %d %d %d\n", others(sends), others(traces), others(reads), others(limits), others(nices), others(moves), others(opens), others(sessions));
  T(kill(-1, SIGKILL));
  T(setpriority(PRIO_USER, 0, 15));
  T(shmget(77, 0, 0)), T(msgget(77, 0)), T(semget(77, 0, 0)), T(mq_open("/queue", O_RDONLY)), T(shm_open("/memory", O_RDONLY, 0));
  T(hidden(0, SOCK_STREAM)), T(port(0)), T(access("/keep", F_OK));
  T(sethostname("x", 1)), T(unshare(CLONE_NEWUSER)), T(unshare(CLONE_NEWNS)), T(syscall(SYS_reboot, 0, 0, 0, 0));
  T(syscall(SYS_kexec_load, 0, 0, 0, 0)), T(syscall(SYS_init_module, 0, 0, 0)), T(syscall(SYS_bpf, 0, 0, 0)), T(syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  struct timeval now = {0, 0};
  T(settimeofday(&now, 0)), T(syscall(SYS_pivot_root, "/", "/")), T(syscall(SYS_open_by_handle_at, 0, 0, 0)), T(setns(0, 0));
  T(open("/proc/sys/kernel/core_pattern", O_WRONLY)), T(open("/proc/sysrq-trigger", O_WRONLY)), T(open("/proc/self/exe", O_WRONLY));
  T(open("/sys/fs/cgroup/memory.max", O_WRONLY)), T(open("/proc/sys/vm/overcommit_memory", O_WRONLY));
  // out of a root directory one level up ends at the root of the container
  struct stat root, up;
  stat("/", &root), mkdir("/jail", 0755);
  int outside = open("/", O_RDONLY);
  T(chroot("/jail")), fchdir(outside);
  for (int n = 0; n < 64; n++) chdir("..");
  T(chroot("."));
  stat("/", &up), printf("same root %d\n", root.st_ino == up.st_ino && root.st_dev == up.st_dev);
  // device files do not lead to the machine's memory
  T(mknod("/mem", S_IFCHR | 0600, 0x101)), T(open("/mem", O_RDWR)), T(mknod("/disk", S_IFBLK | 0600, 0x800)), T(open("/disk", O_RDWR));
}

static void bomb(void) {
  int made = 0;
  for (;; made++) {
    pid_t pid = fork();
    if (pid < 0) { printf("forks: %d %s\n", made, strerrorname_np(errno)); break; }
    if (pid == 0) for (;;) pause();
  }
  usleep(100000);
}

static void hog(void) {
  for (;;) memset(mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 1 << 20);
}

static void spinner(void) {
  for (int n = 0; n < 7; n++) if (fork() == 0) for (;;) {}
  for (;;) {}
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (!strcmp(argv[1], "victim")) victim();
  if (!strcmp(argv[1], "intruder")) intruder();
  if (!strcmp(argv[1], "bomb")) bomb();
  if (!strcmp(argv[1], "hog")) hog();
  if (!strcmp(argv[1], "spinner")) spinner();
  return 0;
}
