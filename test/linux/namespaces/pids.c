// PID namespaces: numbers, process 1, orphans, signals to process 1, its end (pid_namespaces(7)).
#include "common.h"

static int status_of(pid_t pid) {
  int status;
  waitpid(pid, &status, 0);
  return status;
}

static void numbers(void) {
  VALUE(getpid());
  VALUE(getppid());
  VALUE(getpgrp() >= 0);
  VALUE(setsid());
  VALUE(getsid(0));
  pid_t child = fork();
  if (child == 0) {
    VALUE(getpid());
    VALUE(getppid());
    fflush(stdout);
    _exit(0);
  }
  printf("child %d\n", (int)child);
  VALUE(waitpid(child, NULL, 0));
  TELL(kill(-1, SIGTERM));
  TELL(kill(4000, 0));
}

static void orphans(void) {
  int pipes[2];
  pipe(pipes);
  pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      char byte;
      close(pipes[1]);
      read(pipes[0], &byte, 1);
      // the parent is process 1 now
      VALUE(getppid());
      fflush(stdout);
      _exit(7);
    }
    _exit(3);
  }
  printf("first %x\n", status_of(child));
  close(pipes[1]);
  int status;
  pid_t orphan = wait(&status);
  printf("then %d %x\n", (int)orphan, status);
}

static void subreaper(void) {
  pid_t middle = fork();
  if (middle == 0) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int is;
    prctl(PR_GET_CHILD_SUBREAPER, &is);
    printf("subreaper %d\n", is);
    fflush(stdout);
    if (fork() == 0) {
      if (fork() == 0) {
        while (getppid() != 2) usleep(1000);
        VALUE(getppid());
        fflush(stdout);
        _exit(5);
      }
      _exit(4);
    }
    int status, sum = 0;
    while (wait(&status) > 0) sum += WEXITSTATUS(status);
    printf("sum %d\n", sum);
    fflush(stdout);
    _exit(0);
  }
  status_of(middle);
}

static void caught(int signal) {
  (void)signal;
  write(1, "caught\n", 7);
}

static void signals(void) {
  // process 1 gets no signal it has no handler for, not even SIGKILL, from its own namespace
  pid_t child = fork();
  if (child == 0) {
    TELL(kill(1, SIGKILL));
    TELL(kill(1, SIGTERM));
    TELL(kill(1, SIGUSR1));
    fflush(stdout);
    _exit(0);
  }
  status_of(child);
  signal(SIGUSR2, caught);
  raise(SIGTERM);
  raise(SIGUSR2);
  kill(getpid(), SIGKILL);
  printf("alive\n");
}

static void in_namespace(const char *name, void (*run)(void)) {
  printf("-- %s\n", name);
  fflush(stdout);
  pid_t outer = fork();
  if (outer == 0) {
    unshare(CLONE_NEWPID);
    pid_t init = fork();
    if (init == 0) {
      run();
      fflush(stdout);
      _exit(9);
    }
    { int status = status_of(init); printf("init ended with %x by signal %d\n", status & ~0xff, WIFSIGNALED(status) ? WTERMSIG(status) : 0); }
    // the namespace is over
    TELL(fork());
    fflush(stdout);
    _exit(0);
  }
  status_of(outer);
}

static void sleeper(void) {
  for (int n = 0; n < 3; n++)
    if (fork() == 0) for (;;) pause();
}


static void killed_from_outside(void) {
  printf("-- killed\n");
  fflush(stdout);
  pid_t outer = fork();
  if (outer == 0) {
    unshare(CLONE_NEWPID);
    for (int n = 0; n < 2; n++) {
      pid_t init = n == 0 ? fork() : -1;
      if (init == 0) for (;;) pause();
      if (init < 0) break;
      kill(init, SIGTERM);
      usleep(2000);
      VALUE(waitpid(init, NULL, WNOHANG));
      kill(init, SIGKILL);
      printf("status %x\n", status_of(init));
    }
    fflush(stdout);
    _exit(0);
  }
  status_of(outer);
}

static void crash(void) {
  raise(SIGSEGV);
  printf("raise does nothing\n");
  fflush(stdout);
  *(volatile int *)8 = 1;
}

static void flags(void) {
  printf("-- flags\n");
  TELL(unshare(CLONE_NEWPID));
  TELL(unshare(CLONE_NEWPID));
  TELL(syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0));
  TELL(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
  TELL(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
  TELL(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0));
  TELL(unshare(0x1));
}

static void parent_flag(void) {
  // process 1 has no siblings
  TELL(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
}

static void proc(void) {
  char link[64] = "";
  unshare(CLONE_NEWNS);
  TELL(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
  TELL(mount("proc", "/proc", "proc", 0, NULL));
  readlink("/proc/self", link, sizeof link - 1);
  printf("self %s\n", link);
  TELL(access("/proc/1/status", R_OK));
  TELL(access("/proc/2/status", R_OK));
  if (fork() == 0) {
    TELL(access("/proc/2/status", R_OK));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
}

int main(void) {
  become_root(0);
  in_namespace("numbers", numbers);
  in_namespace("orphans", orphans);
  in_namespace("subreaper", subreaper);
  in_namespace("signals", signals);
  in_namespace("sleepers", sleeper);
  in_namespace("crash", crash);
  in_namespace("parent", parent_flag);
  in_namespace("proc", proc);
  killed_from_outside();
  IN_CHILD(flags());
  return 0;
}
