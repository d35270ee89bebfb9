// inotify: events of files and directories, masks, moves, one-shot watches, reading, and what ends a watch.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int in;
static unsigned cookie;

static void result(const char *what, long value) {
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(errno) : "");
}

static void events(const char *what) {
  char buffer[8192] __attribute__((aligned(8)));
  long count = read(in, buffer, sizeof buffer);
  printf("%s:\n", what);
  if (count < 0) printf("  %s\n", strerror(errno));
  for (char *at = buffer; count > 0 && at < buffer + count;) {
    struct inotify_event *e = (void *)at;
    const char *move = e->cookie == 0 ? "" : e->cookie == cookie ? " same" : " new";
    if (e->cookie) cookie = e->cookie;
    printf("  %d %x%s len %u %s\n", e->wd, e->mask, move, e->len, e->len ? e->name : "");
    at += sizeof *e + e->len;
  }
}

int main(void) {
  char template[] = "/tmp/watchingXXXXXX";
  mkdtemp(template);
  chdir(template);
  mkdir("d", 0755);
  mkdir("e", 0755);
  result("bad flags", inotify_init1(1));
  in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  result("no mask", inotify_add_watch(in, "d", 0));
  result("no file", inotify_add_watch(in, "none", IN_ALL_EVENTS));
  result("not inotify", inotify_add_watch(0, "d", IN_ALL_EVENTS));
  result("directory", inotify_add_watch(in, "d", IN_ALL_EVENTS));
  result("again", inotify_add_watch(in, "d", IN_ALL_EVENTS));
  result("create only", inotify_add_watch(in, "d", IN_ALL_EVENTS | IN_MASK_CREATE));
  events("nothing");
  int fd = open("d/f", O_CREAT | O_RDWR, 0644);
  write(fd, "abc", 3);
  write(fd, "abc", 3);
  pread(fd, template + 100, 0, 0);
  char c;
  pread(fd, &c, 1, 0);
  fchmod(fd, 0600);
  ftruncate(fd, 1);
  close(fd);
  events("life of a file");
  struct timespec times[2] = {{1, 0}, {0, UTIME_OMIT}};
  utimensat(AT_FDCWD, "d/f", times, 0);
  chown("d/f", -1, -1);
  link("d/f", "d/g");
  symlink("f", "d/s");
  mkdir("d/sub", 0700);
  mkfifo("d/p", 0600);
  close(open("d/sub", O_RDONLY));
  events("making");
  rename("d/f", "d/h");
  rename("d/h", "e/h");
  rename("e/h", "d/h");
  rename("d/sub", "d/sub2");
  events("moving");
  result("file", inotify_add_watch(in, "d/h", IN_ALL_EVENTS));
  truncate("d/h", 10);
  rename("d/h", "d/i");
  unlink("d/g");
  unlink("d/i");
  events("file and directory");
  result("gone watch", inotify_rm_watch(in, 2));
  result("no watch", inotify_rm_watch(in, 99));
  close(creat("d/o", 0600));
  close(creat("d/r", 0600));
  events("two files");
  result("once", inotify_add_watch(in, "e", IN_CREATE | IN_ONESHOT));
  close(creat("e/1", 0600));
  close(creat("e/2", 0600));
  events("one shot");
  result("only directories", inotify_add_watch(in, "d/o", IN_ALL_EVENTS | IN_ONLYDIR));
  result("link itself", inotify_add_watch(in, "d/s", IN_ALL_EVENTS | IN_DONT_FOLLOW) > 0);
  result("fewer", inotify_add_watch(in, "d", IN_DELETE));
  result("and more", inotify_add_watch(in, "d", IN_CREATE | IN_MASK_ADD));
  close(creat("d/x", 0600));
  unlink("d/x");
  events("some");
  rename("d/o", "d/r");
  unlink("d/s");
  events("link is gone");
  int held = open("d/held", O_CREAT | O_RDWR, 0600);
  result("held", inotify_add_watch(in, "d/held", IN_ALL_EVENTS) > 0);
  unlink("d/held");
  events("unlinked while open");
  write(held, "x", 1);
  close(held);
  events("closed");
  close(creat("d/long", 0600));
  int waiting = 0;
  ioctl(in, FIONREAD, &waiting);
  printf("waiting %d\n", waiting);
  struct pollfd p = {in, POLLIN, 0};
  result("poll", poll(&p, 1, 0));
  char small[20];
  result("small buffer", read(in, small, sizeof small));
  events("rest");
  result("remove", inotify_rm_watch(in, 1));
  events("ignored");
  result("new", inotify_add_watch(in, "e", IN_ALL_EVENTS) > 0);
  unlink("e/1");
  unlink("e/2");
  rmdir("e");
  events("directory is gone");
  unlink("d/long");
  unlink("d/r");
  unlink("d/p");
  rmdir("d/sub2");
  rmdir("d");
  chdir("/");
  result("rmdir", rmdir(template));
  return 0;
}
