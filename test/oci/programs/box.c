// The only program of the test image: does what its arguments say, one after the other.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void result(const char *what, int value) {
  if (value < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: ok\n", what);
}

static void show(const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY);
  if (fd < 0) { result(path, fd); return; }
  for (ssize_t n; (n = read(fd, text, sizeof text)) > 0;) fwrite(text, 1, n, stdout);
  close(fd);
}

static void forks(void) {
  int made = 0;
  for (int n = 0; n < 100; n++) {
    pid_t pid = fork();
    if (pid == 0) { pause(); _exit(0); }
    if (pid < 0) { printf("forks: %d, %s\n", made, strerrorname_np(errno)); return; }
    made++;
  }
  printf("forks: %d\n", made);
}

static void loopback(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int server = socket(AF_INET, SOCK_STREAM, 0);
  result("bind", bind(server, (struct sockaddr *)&at, size));
  listen(server, 1);
  getsockname(server, (struct sockaddr *)&at, &size);
  result("connect", connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, size));
}

static void burn(int milliseconds) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long long end = now.tv_sec * 1000000000LL + now.tv_nsec + milliseconds * 1000000LL;
  do {
    for (volatile int turns = 0; turns < 100000; turns++);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec * 1000000000LL + now.tv_nsec < end);
}

/* What follows is done by a child: true in the child. */
static int child(void) {
  int status;
  if (fork() == 0) return 1;
  wait(&status);
  printf("child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return 0;
}

int main(int argc, char **argv, char **envp) {
  setvbuf(stdout, 0, _IONBF, 0);
  for (int n = 1; n < argc; n++) {
    char *verb = argv[n], *word = n + 1 < argc ? argv[n + 1] : "";
    if (!strcmp(verb, "say")) { puts(word); n++; }
    else if (!strcmp(verb, "warn")) { fprintf(stderr, "%s\n", word); n++; }
    else if (!strcmp(verb, "env")) { for (char **e = envp; *e; e++) puts(*e); }
    else if (!strcmp(verb, "id")) printf("%d %d %d\n", getuid(), getgid(), getgroups(0, 0));
    else if (!strcmp(verb, "pid")) printf("%d\n", getpid());
    else if (!strcmp(verb, "loopback")) loopback();
    else if (!strcmp(verb, "cwd")) { char path[256]; puts(getcwd(path, sizeof path)); }
    else if (!strcmp(verb, "host")) { char name[65]; gethostname(name, sizeof name); puts(name); }
    else if (!strcmp(verb, "show")) { show(word); n++; }
    else if (!strcmp(verb, "make")) { int fd = open(word, O_CREAT | O_WRONLY | O_APPEND, 0644); result("make", fd); if (fd >= 0) { if (write(fd, "x", 1) < 0) result("write", -1); close(fd); } n++; }
    else if (!strcmp(verb, "unlink")) { result("unlink", unlink(word)); n++; }
    else if (!strcmp(verb, "mount")) result("mount", mount("none", "/tmp", "tmpfs", 0, 0));
    else if (!strcmp(verb, "chroot")) result("chroot", chroot("/"));
    else if (!strcmp(verb, "unshare")) result("unshare", unshare(CLONE_NEWUTS));
    else if (!strcmp(verb, "chown")) { result("chown", chown(word, 5, 5)); n++; }
    else if (!strcmp(verb, "signal")) result("signal", kill(atoi(word), 0)), n++;
    else if (!strcmp(verb, "forks")) forks();
    else if (!strcmp(verb, "hog")) { for (size_t n = 0; n < 64; n++) memset(malloc(1 << 20), 1, 1 << 20); puts("had it all"); }
    else if (!strcmp(verb, "hold")) { size_t size = (size_t)atoi(word) << 20; memset(malloc(size), 1, size); n++; }
    else if (!strcmp(verb, "flood")) { static char text[65536]; memset(text, 'x', sizeof text); for (;;) if (write(1, text, sizeof text) < 0) return 1; }
    else if (!strcmp(verb, "burn")) { burn(atoi(word)); n++; }
    /* child COUNT: the next COUNT words are for a child */
    else if (!strcmp(verb, "child")) { n++; if (child()) argc = n + 1 + atoi(word); else n += atoi(word); }
    else if (!strcmp(verb, "tty")) printf("%d %d %d\n", isatty(0), isatty(1), isatty(2));
    else if (!strcmp(verb, "ttyname")) { char *name = ttyname(0); puts(name ? name : strerrorname_np(errno)); }
    else if (!strcmp(verb, "cat")) { char c; while (read(0, &c, 1) == 1) putchar(c); }
    else if (!strcmp(verb, "copy")) { int fd = open(word, O_CREAT | O_WRONLY, 0644); char c; while (read(0, &c, 1) == 1) write(fd, &c, 1); close(fd); n++; }
    else if (!strcmp(verb, "listen")) { struct sockaddr_in at = {AF_INET, htons(atoi(word))}; result("listen", bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&at, sizeof at)); n++; }
    else if (!strcmp(verb, "sleep")) { usleep(atoi(word) * 1000); n++; }
    else if (!strcmp(verb, "forever")) for (;;) pause();
    else if (!strcmp(verb, "trap")) signal(SIGTERM, _exit);
    else if (!strcmp(verb, "exit")) exit(atoi(word));
    else { fprintf(stderr, "box: %s?\n", verb); return 99; }
  }
  return 0;
}
