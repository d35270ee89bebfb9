// What Debian's strace watches: files, a child, a signal, a failing call, a wait that a signal ends.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void handle(int signal) {}

int main(void) {
  openat(AT_FDCWD, "/nowhere/at/all", O_RDONLY);
  int fds[2];
  pipe2(fds, O_CLOEXEC);
  pid_t child = fork();
  if (child == 0) {
    write(fds[1], "from the child\n", 15);
    close(77);
    _exit(3);
  }
  int status;
  waitpid(child, &status, 0);
  char text[64];
  write(fds[1], text, read(fds[0], text, sizeof text));
  signal(SIGUSR1, handle);
  kill(getpid(), SIGUSR1);
  fcntl(5, F_GETFD);
  return WEXITSTATUS(status) + 1;
}
