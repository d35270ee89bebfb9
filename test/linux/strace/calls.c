// Calls with flags, text and structures, for the trace of them.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
int main(void) {
  char b[10]; int p[2], s; sigset_t set;
  int fd = open("new", O_RDWR | O_CREAT | O_TRUNC, 0640);
  write(fd, "a\nb\"c\1" "23\xff", 9);
  lseek(fd, 0, SEEK_SET);
  read(fd, b, 10);
  close(fd);
  open("missing", O_RDONLY | O_CLOEXEC);
  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pipe(p);
  access("new", R_OK | W_OK);
  mkdir("d", 0755);
  unlink("new"); rmdir("d");
  sigemptyset(&set); sigaddset(&set, SIGINT); sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct timespec t = {0, 1000};
  nanosleep(&t, NULL);
  if (!vfork()) _exit(3);
  wait(&s);
  kill(getpid(), 0);
  return 0;
}
