// sigaction(2): handlers with and without siginfo, masks, alternate stacks, restarted calls, faults; kill, sigsuspend.
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int count;
static volatile int last_code;
static sigjmp_buf back;
static char stack[65536];

static void plain(int signal) {
  count++;
  (void)signal;
}

static void informed(int signal, siginfo_t *info, void *context) {
  count++;
  last_code = info->si_code;
  printf("signal %d code %d from me %d\n", signal, info->si_code, info->si_pid == getpid());
  (void)context;
}

static void fault(int signal, siginfo_t *info, void *context) {
  char here;
  printf("fault: signal %d code %d address %p on alternate stack %d\n", signal, info->si_code, info->si_addr,
         &here >= stack && &here < stack + sizeof stack);
  (void)context;
  siglongjmp(back, 1);
}

static void install(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGUSR1, plain);
  raise(SIGUSR1);
  printf("plain: %d\n", count);
  install(SIGUSR2, informed, 0);
  kill(getpid(), SIGUSR2);
  sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 7});
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, &old);
  count = 0;
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  printf("blocked: %d\n", count);
  sigpending(&set);
  printf("pending: %d\n", sigismember(&set, SIGUSR1));
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("delivered once: %d\n", count);
  install(SIGRTMIN, informed, 0);
  sigprocmask(SIG_BLOCK, &set, NULL);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  count = 0;
  kill(getpid(), SIGRTMIN);
  kill(getpid(), SIGRTMIN);
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("real-time signals queue: %d\n", count);
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  printf("sigaltstack: %d\n", sigaltstack(&alternate, NULL));
  install(SIGSEGV, fault, SA_ONSTACK);
  install(SIGFPE, fault, 0);
  install(SIGILL, fault, SA_ONSTACK);
  install(SIGBUS, fault, 0);
  if (!sigsetjmp(back, 1)) *(volatile int *)16 = 1;
  void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!sigsetjmp(back, 1)) {
    *(volatile int *)0x30 = 1;
  }
  last_code = 0;
  if (!sigsetjmp(back, 1)) {
    printf("reading is fine: %d\n", *(volatile char *)page);
    asm volatile("ud2");
  }
  count = 0;
  struct itimerval timer = {.it_value = {.tv_usec = 20000}};
  signal(SIGALRM, plain);
  setitimer(ITIMER_REAL, &timer, NULL);
  int fds[2];
  pipe(fds);
  pid_t child = fork();
  if (child == 0) {
    struct timespec later = {.tv_nsec = 100000000};
    nanosleep(&later, NULL);
    write(fds[1], "x", 1);
    _exit(0);
  }
  char byte;
  long got = read(fds[0], &byte, 1);
  printf("restarted read: %ld after %d\n", got, count);
  waitpid(child, NULL, 0);
  struct sigaction interrupting = {.sa_handler = plain};
  sigaction(SIGALRM, &interrupting, NULL);
  // again and again: on a busy Linux the first may come before the wait
  timer.it_interval = timer.it_value;
  setitimer(ITIMER_REAL, &timer, NULL);
  got = read(fds[0], &byte, 1);
  printf("interrupted read: %ld %s\n", got, strerror(errno));
  struct timespec long_time = {.tv_sec = 1}, rest = {0};
  got = nanosleep(&long_time, &rest);
  printf("interrupted sleep: %ld %s, a rest %d\n", got, strerror(errno), rest.tv_nsec > 0);
  sigemptyset(&set);
  got = sigsuspend(&set);
  printf("sigsuspend: %ld %s\n", got, strerror(errno));
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  signal(SIGPIPE, SIG_IGN);
  close(fds[0]);
  printf("broken pipe: %ld %s\n", (long)write(fds[1], "x", 1), strerror(errno));
  printf("no such signal: %d %s\n", kill(getpid(), 65), strerror(errno));
  printf("no such process: %d %s\n", kill(999999, 0), strerror(errno));
  printf("SIGKILL cannot be caught: %d %s\n", sigaction(SIGKILL, &interrupting, NULL), strerror(errno));
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  kill(getpid(), SIGUSR1);
  siginfo_t info;
  struct timespec none = {0};
  printf("sigtimedwait: %d\n", sigtimedwait(&set, &info, &none));
  printf("and again: %d %s\n", sigtimedwait(&set, &info, &none), strerror(errno));
  return 0;
}
