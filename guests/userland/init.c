// init: the first process of a container. It starts a command, a shell if none is named, collects every process that nobody else
// waits for, passes signals on, and ends as the command does.
#include "main.h"

static volatile int child;

static void pass_on(int signal) {
  if (child > 0) kill(child, signal);
}

int init_main(int argc, char **argv) {
  static char *shell[] = {"sh", NULL};
  for (int signal = 1; signal < 32; signal++) {
    if (signal != SIGCHLD && signal != SIGKILL && signal != SIGSTOP && signal != SIGTTIN && signal != SIGTTOU) {
      set_signal(signal, pass_on, SA_RESTART);
    }
  }
  int pid = fork();
  if (pid < 0) return fail(pid, "cannot fork");
  if (pid == 0) {
    for (int signal = 1; signal < 32; signal++) set_signal(signal, SIG_DFL, 0);
    CALL0(setsid);
    ioctl(0, TIOCSCTTY, NULL);
    run_program(argc > 1 ? argv + 1 : shell);
  }
  child = pid;
  for (;;) {
    int status;
    long ended = wait_for(-1, &status, 0);
    if (ended == -ECHILD) return 1;
    if (ended == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}
