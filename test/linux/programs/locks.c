// flock, fcntl locks of processes and of open files, deadlocks, leases.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static void result(const char *what, long value) {
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(errno) : "");
  fflush(stdout);
}

static int lock(int fd, int command, int type, long start, long length) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, command, &l);
}

static void ask(const char *what, int fd, int command, int type, long start, long length) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length, .l_pid = 0};
  if (fcntl(fd, command, &l) < 0) printf("%s: %s\n", what, strerror(errno));
  else if (l.l_type == F_UNLCK) printf("%s: free\n", what);
  else
    printf("%s: type %d from %ld length %ld whence %d by parent %d file %d\n", what, l.l_type, (long)l.l_start,
           (long)l.l_len, l.l_whence, l.l_pid == getppid(), l.l_pid == -1);
  fflush(stdout);
}

static void in_child(void (*act)(int), int fd) {
  fflush(stdout);
  if (!fork()) {
    act(fd);
    fflush(stdout);
    _exit(0);
  }
  wait(0);
}

static const char *path;

/** Waits until a child has said so through a pipe, and is asleep: it waits for something else then. */
static void until_asleep(pid_t child, int said) {
  char name[40], stat[200] = "", c;
  read(said, &c, 1);
  sprintf(name, "/proc/%d/stat", child);
  for (int turns = 0; turns < 1000 && !strstr(stat, ") S "); turns++) {
    usleep(10000);
    FILE *file = fopen(name, "r");
    fgets(stat, sizeof stat, file);
    fclose(file);
  }
}

static void child_flock(int fd) {
  int own = open(path, O_RDWR);
  result("other shared", flock(own, LOCK_SH | LOCK_NB));
  result("other exclusive", flock(own, LOCK_EX | LOCK_NB));
  result("inherited unlocks", flock(fd, LOCK_UN));
  result("now exclusive", flock(own, LOCK_EX | LOCK_NB));
}

static void whole(void) {
  int fd = open(path, O_RDONLY);
  result("exclusive", flock(fd, LOCK_EX));
  result("again", flock(fd, LOCK_EX | LOCK_NB));
  in_child(child_flock, fd);
  result("shared", flock(fd, LOCK_SH));
  int two = open(path, O_RDONLY);
  result("second shared", flock(two, LOCK_SH | LOCK_NB));
  result("upgrade", flock(fd, LOCK_EX | LOCK_NB));
  result("nonsense", flock(fd, 77));
  result("closed", flock(99, LOCK_SH));
  int copy = dup(two);
  close(two);
  int three = open(path, O_RDONLY);
  result("held by the copy", flock(three, LOCK_EX | LOCK_NB));
  close(copy);
  result("closed all", flock(three, LOCK_EX | LOCK_NB));
  fflush(stdout);
  if (!fork()) {
    int own = open(path, O_RDONLY);
    result("waited", flock(own, LOCK_EX));
    _exit(0);
  }
  usleep(50000);
  printf("unlocking\n");
  fflush(stdout);
  flock(three, LOCK_UN);
  wait(0);
  close(three);
  close(fd);
}

static void child_ranges(int fd) {
  ask("write at 0", fd, F_GETLK, F_WRLCK, 0, 10);
  ask("read at 0", fd, F_GETLK, F_RDLCK, 0, 10);
  ask("read at 15", fd, F_GETLK, F_RDLCK, 15, 1);
  ask("write at 30", fd, F_GETLK, F_WRLCK, 30, 0);
  ask("write far", fd, F_GETLK, F_WRLCK, 1000, 0);
  result("set", lock(fd, F_SETLK, F_WRLCK, 12, 2));
  result("set free", lock(fd, F_SETLK, F_WRLCK, 25, 2));
}

static void ranges(void) {
  int fd = open(path, O_RDWR);
  result("read lock", lock(fd, F_SETLK, F_RDLCK, 0, 10));
  result("write lock", lock(fd, F_SETLK, F_WRLCK, 10, 10));
  result("to the end", lock(fd, F_SETLK, F_WRLCK, 100, 0));
  in_child(child_ranges, fd);
  result("split", lock(fd, F_SETLK, F_UNLCK, 13, 2));
  in_child(child_ranges, fd);
  result("merge", lock(fd, F_SETLK, F_WRLCK, 5, 10));
  in_child(child_ranges, fd);
  int other = open(path, O_RDONLY);
  result("write through a reader", lock(other, F_SETLK, F_WRLCK, 0, 1));
  close(other);
  in_child(child_ranges, fd);
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -4, .l_len = -2};
  result("from the end", fcntl(fd, F_SETLK, &l));
  in_child(child_ranges, fd);
  l.l_start = -4000;
  result("before the start", fcntl(fd, F_SETLK, &l));
  l.l_whence = 9;
  result("bad whence", fcntl(fd, F_SETLK, &l));
  l.l_type = 9;
  result("bad type", fcntl(fd, F_SETLK, &l));
  lock(fd, F_SETLK, F_UNLCK, 0, 0);
  int reader = open(path, O_RDONLY);
  result("write lock of a reader", lock(reader, F_SETLK, F_WRLCK, 0, 1));
  int writer = open(path, O_WRONLY);
  result("read lock of a writer", lock(writer, F_SETLK, F_RDLCK, 0, 1));
  close(reader);
  close(writer);
  lock(fd, F_SETLK, F_WRLCK, 0, 1);
  fflush(stdout);
  int said[2];
  pipe(said);
  pid_t child = fork();
  if (!child) {
    lock(fd, F_SETLK, F_WRLCK, 1, 1);
    printf("child has its byte\n");
    fflush(stdout);
    write(said[1], "", 1);
    result("child waits", lock(fd, F_SETLKW, F_WRLCK, 0, 1));
    _exit(0);
  }
  until_asleep(child, said[0]);
  result("parent would deadlock", lock(fd, F_SETLKW, F_WRLCK, 1, 1));
  lock(fd, F_SETLK, F_UNLCK, 0, 1);
  wait(0);
  result("child is gone", lock(fd, F_SETLK, F_WRLCK, 1, 1));
  close(fd);
}

static void files(void) {
  int a = open(path, O_RDWR), b = open(path, O_RDWR);
  result("first", lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
  result("second", lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
  ask("asked", b, F_OFD_GETLK, F_RDLCK, 5, 1);
  ask("by process", b, F_GETLK, F_RDLCK, 5, 1);
  int copy = dup(a);
  close(a);
  result("still held", lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
  close(copy);
  result("given up", lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
  struct flock l = {.l_type = F_WRLCK, .l_pid = 5};
  result("pid must be 0", fcntl(b, F_OFD_SETLK, &l));
  close(b);
}

static volatile int told;
static void on_break(int signal) { told = signal; }

static void leases(void) {
  signal(SIGIO, on_break);
  int fd = open(path, O_RDONLY);
  result("none", fcntl(fd, F_GETLEASE));
  result("remove none", fcntl(fd, F_SETLEASE, F_UNLCK));
  int writer = open(path, O_WRONLY);
  result("read lease with a writer", fcntl(fd, F_SETLEASE, F_RDLCK));
  close(writer);
  result("read lease", fcntl(fd, F_SETLEASE, F_RDLCK));
  result("is", fcntl(fd, F_GETLEASE));
  result("reader comes", open(path, O_RDONLY) >= 0);
  result("writer comes", open(path, O_WRONLY | O_NONBLOCK));
  printf("told %d\n", told == SIGIO);
  fflush(stdout);
  int said[2];
  pipe(said);
  if (!fork()) {
    int opened = open(path, O_WRONLY) >= 0;
    // the parent tells first
    char c;
    read(said[0], &c, 1);
    result("writer waited", opened);
    _exit(0);
  }
  usleep(50000);
  printf("giving up\n");
  fflush(stdout);
  result("give up", fcntl(fd, F_SETLEASE, F_UNLCK));
  write(said[1], "", 1);
  wait(0);
  result("directory", fcntl(open(".", O_RDONLY), F_SETLEASE, F_RDLCK));
}

int main(void) {
  char template[] = "/tmp/locksXXXXXX";
  mkdtemp(template);
  chdir(template);
  path = "f";
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  ftruncate(fd, 50);
  close(fd);
  whole();
  ranges();
  files();
  leases();
  unlink(path);
  chdir("/");
  rmdir(template);
  return 0;
}
