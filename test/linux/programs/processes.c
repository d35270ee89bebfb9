// fork(2), wait(2), exit status, pipes between processes, execve(2) of itself, process groups.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, int status) {
  if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: killed by %d\n", what, WTERMSIG(status));
  else if (WIFSTOPPED(status)) printf("%s: stopped by %d\n", what, WSTOPSIG(status));
  else if (WIFCONTINUED(status)) printf("%s: continued\n", what);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc == 3) {
    printf("second self: %s, environment %s\n", argv[2], getenv("NAME"));
    return 42;
  }
  setvbuf(stdout, NULL, _IONBF, 0);
  int status;
  printf("no children: %d %s\n", waitpid(-1, &status, 0), strerror(errno));
  pid_t child = fork();
  if (child == 0) _exit(300);
  printf("waited for the right one: %d\n", waitpid(child, &status, 0) == child);
  show("exit 300", status);
  if ((child = fork()) == 0) abort();
  waitpid(child, &status, 0);
  show("abort", status);
  if ((child = fork()) == 0) {
    for (;;) pause();
  }
  printf("nothing yet: %d\n", waitpid(child, &status, WNOHANG));
  kill(child, SIGSTOP);
  waitpid(child, &status, WUNTRACED);
  show("SIGSTOP", status);
  kill(child, SIGCONT);
  waitpid(child, &status, WCONTINUED);
  show("SIGCONT", status);
  kill(child, SIGTERM);
  waitpid(child, &status, 0);
  show("SIGTERM", status);
  int fds[2];
  pipe(fds);
  if ((child = fork()) == 0) {
    close(fds[0]);
    for (int i = 0; i < 1000; i++) write(fds[1], "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", 96);
    _exit(0);
  }
  close(fds[1]);
  long total = 0;
  char buffer[700];
  for (int n; (n = read(fds[0], buffer, sizeof buffer)) > 0;) total += n;
  printf("through the pipe: %ld\n", total);
  waitpid(child, &status, 0);
  close(fds[0]);
  if ((child = fork()) == 0) {
    char *const args[] = {argv[0], "x", "an argument", NULL};
    char *const environment[] = {"NAME=value", NULL};
    execve(argv[0], args, environment);
    _exit(1);
  }
  waitpid(child, &status, 0);
  show("execve", status);
  char *const args[] = {"none", NULL};
  printf("execve of nothing: %d %s\n", execve("/none", args, args), strerror(errno));
  printf("execve of a directory: %d %s\n", execve("/", args, args), strerror(errno));
  printf("own group: %d\n", getpgrp() == getpgid(0));
  if ((child = fork()) == 0) {
    printf("setsid: %d\n", setsid() == getpid());
    printf("again: %d %s\n", setsid(), strerror(errno));
    printf("group is session: %d\n", getpgrp() == getsid(0));
    _exit(0);
  }
  waitpid(child, &status, 0);
  if ((child = vfork()) == 0) _exit(5);
  waitpid(child, &status, 0);
  show("vfork", status);
  siginfo_t info;
  if ((child = fork()) == 0) _exit(9);
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  printf("waitid: code %d status %d\n", info.si_code, info.si_status);
  waitpid(child, &status, 0);
  show("still there", status);
  printf("gone: %d %s\n", waitpid(child, &status, 0), strerror(errno));
  return 0;
}
