// The limits of the machine and of processes hold without any control group: memory that is not there, processor time.
#include "cgroup.h"

#define MIB (1 << 20)
static int seen;
static void warned(int signal) { seen++; }

static int sleeper(void *nothing) {
  for (;;) pause();
}

/** A child that takes memory for good, and how it ended. */
static const char *hog(size_t bytes, int flags) {
  static char text[32];
  int status, ready[2];
  pipe(ready);
  pid_t pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    char *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    _exit(7);
  }
  waitpid(pid, &status, 0);
  sprintf(text, WIFSIGNALED(status) ? "signal %d" : "exit %d", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return text;
}

/** A process that makes as many of something as it can; a child of it sleeps. */
static void bomb(const char *what, int flags) {
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    static char bytes[65536];
    struct rlimit files = {100000, 100000};
    setpgid(0, 0);
    setrlimit(RLIMIT_NOFILE, &files);
    for (int n = 0; n < 2000; n++) {
      if (flags == -1) {
        int ends[2];
        if (pipe2(ends, O_NONBLOCK) < 0) _exit(0);
        while (write(ends[1], bytes, sizeof bytes) > 0);
        continue;
      }
      char *stack = flags ? mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096 : 0;
      long made = flags ? clone(sleeper, stack, flags, 0) : fork();
      if (made == 0) sleeper(0);
      if (made < 0) break;
    }
    _exit(0);
  }
  waitpid(pid, &status, 0);
  kill(-pid, SIGKILL);
  // orphans come to the first process
  while (wait(0) > 0);
  printf("%s: %s\n", what, WIFSIGNALED(status) || WEXITSTATUS(status) == 0 ? "contained" : "?");
}

static long processor(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

int main(void) {
  setbuf(stdout, 0);
  // a neighbour that does no harm
  pid_t neighbour = fork();
  if (neighbour == 0) {
    char *memory = mmap(0, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, 4 * MIB);
    for (;;) pause();
  }
  milliseconds(10);
  printf("fits: %s\n", hog(16 * MIB, 0));
  printf("more than there is: %s\n", hog(400 * MIB, 0));
  printf("the neighbour lives: %d\n", waitpid(neighbour, 0, WNOHANG) == 0);
  printf("first process of a namespace: %s\n", hog(400 * MIB, CLONE_NEWPID));
  put(CG "cgroup.subtree_control", "+memory");
  mkdir(CG "n", 0755);
  put(CG "n/memory.max", "8M");
  int status;
  if (fork() == 0) {
    put(CG "n/cgroup.procs", "0");
    printf("first process of a namespace in 8 MiB: %s\n", hog(16 * MIB, CLONE_NEWPID));
    _exit(0);
  }
  wait(&status);
  printf("its parent: %d\n", status);
  kill(neighbour, SIGKILL);
  waitpid(neighbour, 0, 0);

  // a file system in memory can be filled, and emptied again
  int fd = open("/tmp/fill", O_CREAT | O_WRONLY, 0600);
  static char bytes[MIB];
  if (fork() == 0) {
    int n = 0;
    while (n < 400 && write(fd, bytes, sizeof bytes) > 0) n++;
    _exit(n == 400);
  }
  wait(&status);
  printf("the writer: %s\n", WIFSIGNALED(status) ? "killed" : "ended");
  close(fd);
  unlink("/tmp/fill");
  printf("fits again: %s\n", hog(16 * MIB, 0));

  // bombs of processes, of threads and of full pipes end themselves, and the machine goes on
  bomb("processes", 0);
  bomb("threads", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD);
  bomb("pipes", -1);
  printf("fits again: %s\n", hog(16 * MIB, 0));

  // processor time: a warning a second, then the end
  struct rlimit limit = {1, 3};
  if (fork() == 0) {
    signal(SIGXCPU, warned);
    setrlimit(RLIMIT_CPU, &limit);
    long at[3] = {0};
    while (seen < 2) {
      int before = seen;
      work();
      if (seen > before) at[seen] = processor();
    }
    getrlimit(RLIMIT_CPU, &limit);
    printf("warned at %ld and %ld s, then the limit is %ld s\n", at[1] / 1000, at[2] / 1000, (long)limit.rlim_cur);
    for (;;) work();
  }
  wait(&status);
  printf("over the hard limit: signal %d\n", WTERMSIG(status));
  limit.rlim_cur = limit.rlim_max = 100000;
  if (fork() == 0) {
    struct sched_param parameters = {1};
    setrlimit(RLIMIT_RTTIME, &limit);
    sched_setscheduler(0, SCHED_FIFO, &parameters);
    for (;;) work();
  }
  wait(&status);
  printf("real-time without a pause: signal %d\n", WTERMSIG(status));
  return 0;
}
