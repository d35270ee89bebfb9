// Open files that have no name, opened again by way of /proc/self/fd, as /dev/stdin and /dev/stdout are (proc_pid_fd(5)).
#include "case.h"
#include <sys/eventfd.h>
#include <sys/socket.h>

static int pair[2];
static char b[99];
/** Opens what a descriptor stands for. */
static int again(int fd, int flags) { snprintf(b, sizeof b, "/proc/self/fd/%d", fd); return open(b, flags); }
static void kind(int fd) {
  snprintf(b, sizeof b, "/proc/self/fd/%d", fd);
  struct stat by_name = {0}, by_number = {0};
  R(stat(b, &by_name));
  fstat(fd, &by_number);
  say("%o same file: %d\n", by_name.st_mode, by_name.st_ino == by_number.st_ino && by_name.st_dev == by_number.st_dev);
  char text[99] = "";
  readlink(b, text, 98);
  text[strcspn(text, "[")] = 0;
  say("%s\n", text);
}

CASE(pipe_by_name) { pipe(pair); kind(pair[0]); kind(pair[1]); }
CASE(socket_by_name) { int fd = socket(AF_UNIX, SOCK_STREAM, 0); kind(fd); R(again(fd, O_RDWR)); R(again(fd, O_PATH) >= 0); }
CASE(eventfd_by_name) { int fd = eventfd(0, 0); R(again(fd, O_RDWR)); }
CASE(memory_file_by_name) { int fd = memfd_create("m", 0); kind(fd); write(fd, "abc", 3); int other = again(fd, O_RDONLY); R(read(other, b, 9)); R(write(other, "x", 1)); kind(other); }
CASE(pipe_written_by_name) { pipe(pair); int fd = again(pair[1], O_WRONLY); R(write(fd, "abc", 3)); R(read(pair[0], b, 9)); R(read(fd, b, 1)); kind(fd); }
CASE(pipe_read_by_name) { pipe(pair); write(pair[1], "abc", 3); int fd = again(pair[0], O_RDONLY); R(read(fd, b, 2)); R(read(pair[0], b, 9)); close(pair[1]); R(read(fd, b, 9)); }
CASE(other_side_by_name) { pipe(pair); int fd = again(pair[0], O_WRONLY); R(write(fd, "abc", 3)); close(pair[1]); R(read(pair[0], b, 9)); close(fd); R(read(pair[0], b, 9)); }
CASE(both_sides_by_name) { pipe(pair); int fd = again(pair[0], O_RDWR); close(pair[0]); close(pair[1]); R(write(fd, "abc", 3)); R(read(fd, b, 9)); }
CASE(pipe_without_readers_by_name) { pipe(pair); int keep = again(pair[1], O_PATH); close(pair[0]); OK(again(pair[1], O_WRONLY)); R(again(pair[1], O_WRONLY | O_NONBLOCK) >= 0); R(keep >= 0); }
CASE(no_waiting_for_writers_by_name) { pipe(pair); close(pair[1]); R(again(pair[0], O_RDONLY) >= 0); }
CASE(pipe_flags_are_its_own) { pipe(pair); int fd = again(pair[0], O_RDONLY | O_NONBLOCK); R(read(fd, b, 1)); R(fcntl(pair[0], F_GETFL) & O_NONBLOCK); }
CASE(pipe_of_another_user) { pipe(pair); setgid(4); setuid(5); R(again(pair[0], O_RDONLY)); int own[2]; pipe(own); struct stat s; fstat(own[0], &s); say("%d %d\n", (int)s.st_uid, (int)s.st_gid); prctl(PR_SET_DUMPABLE, 1); R(again(own[0], O_RDONLY) >= 0); }
CASE(pipe_mode_changed) { pipe(pair); R(fchmod(pair[0], 0666)); struct stat s; fstat(pair[1], &s); say("%o\n", s.st_mode); }

/** Writes to a file of proc and tells how much was taken. */
static void tell(const char *name, const char *text) { int fd = open(name, O_WRONLY); OK(fd); R(write(fd, text, strlen(text))); close(fd); }
CASE(login) {
  show("/proc/self/loginuid");
  show("/proc/self/sessionid");
  tell("/proc/self/loginuid", "7");
  show("/proc/self/loginuid");
  FILE *file = fopen("/proc/self/sessionid", "r");
  unsigned session = 0;
  fscanf(file, "%u", &session);
  say("%d\n", session != 0 && session != -1u);
  CHILD(show("/proc/self/loginuid"));
}
CASE(login_of_the_unprivileged) {
  prctl(PR_CAPBSET_DROP, 30);
  tell("/proc/self/loginuid", "7");
  int fd = open("/proc/self/loginuid", O_WRONLY);
  unprivileged();
  R(write(fd, "8", 1));
  R(write(fd, "4294967295", 10));
  show("/proc/self/loginuid");
}
CASE(login_is_taken_back) { tell("/proc/self/loginuid", "7"); tell("/proc/self/loginuid", "4294967295"); show("/proc/self/loginuid"); show("/proc/self/sessionid"); }
CASE(login_errors) {
  tell("/proc/self/loginuid", "x");
  tell("/proc/self/loginuid", "4294967296");
  tell("/proc/self/loginuid", "-1");
  char name[64];
  sprintf(name, "/proc/%d/loginuid", getpid());
  CHILD(tell(name, "7"));
  R(open("/proc/self/sessionid", O_WRONLY) >= 0);
}
CASE(name_of_another_process) {
  char name[64];
  sprintf(name, "/proc/%d/comm", getpid());
  tell(name, "own");
  CHILD(tell(name, "other"));
  show("/proc/self/comm");
}
