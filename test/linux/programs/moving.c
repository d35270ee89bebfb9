// splice, tee, vmsplice, sendfile, copy_file_range and pipes with a capacity and packets.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void result(const char *what, long value) {
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(errno) : "");
}

static void drain(const char *what, int fd) {
  char text[200];
  int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  long count = read(fd, text, sizeof text);
  if (count < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %.*s\n", what, (int)count, text);
  fcntl(fd, F_SETFL, flags);
}

int main(void) {
  char template[] = "/tmp/movingXXXXXX";
  mkdtemp(template);
  chdir(template);
  int a[2], b[2];
  pipe(a);
  pipe(b);
  int f = open("f", O_RDWR | O_CREAT, 0600);
  write(f, "0123456789", 10);
  lseek(f, 0, SEEK_SET);
  long long at = 2;
  result("file to pipe", splice(f, &at, a[1], 0, 4, 0));
  printf("offset %lld file %ld\n", at, (long)lseek(f, 0, SEEK_CUR));
  result("file to pipe at its own", splice(f, 0, a[1], 0, 3, 0));
  printf("file %ld\n", (long)lseek(f, 0, SEEK_CUR));
  result("tee", tee(a[0], b[1], 100, 0));
  result("pipe to pipe", splice(a[0], 0, b[1], 0, 5, 0));
  drain("left", a[0]);
  drain("teed and moved", b[0]);
  result("empty", splice(a[0], 0, f, 0, 10, SPLICE_F_NONBLOCK));
  result("tee empty", tee(a[0], b[1], 10, SPLICE_F_NONBLOCK));
  write(a[1], "PIPE", 4);
  at = 20;
  result("pipe to file", splice(a[0], 0, f, &at, 10, 0));
  printf("offset %lld size %ld\n", at, (long)lseek(f, 0, SEEK_END));
  result("no pipe", splice(f, 0, f, 0, 10, 0));
  result("offset of a pipe", splice(a[0], &at, f, 0, 10, 0));
  result("same pipe", splice(a[0], 0, a[1], 0, 10, 0));
  result("wrong way", splice(a[1], 0, f, 0, 10, 0));
  result("flags", splice(a[0], 0, f, 0, 10, 64));
  result("nothing", splice(a[0], 0, f, 0, 0, 0));
  int append = open("f", O_WRONLY | O_APPEND);
  write(a[1], "x", 1);
  result("append", splice(a[0], 0, append, 0, 1, 0));
  drain("still there", a[0]);
  struct iovec v[2] = {{"one ", 4}, {"two", 3}};
  result("vmsplice", vmsplice(a[1], v, 2, 0));
  char into[8] = {0};
  struct iovec w = {into, 7};
  result("vmsplice out", vmsplice(a[0], &w, 1, 0));
  puts(into);
  result("vmsplice of a file", vmsplice(f, v, 2, 0));
  off_t from = 1;
  result("sendfile", sendfile(a[1], f, &from, 5));
  printf("offset %ld\n", (long)from);
  drain("sent", a[0]);
  lseek(f, 0, SEEK_SET);
  result("sendfile at its own", sendfile(a[1], f, 0, 3));
  printf("file %ld\n", (long)lseek(f, 0, SEEK_CUR));
  drain("sent", a[0]);
  result("sendfile from a pipe", sendfile(f, a[0], 0, 3));
  result("sendfile to append", sendfile(append, f, 0, 3));
  int g = open("g", O_RDWR | O_CREAT, 0600);
  long long in = 0, out = 5;
  result("copy", copy_file_range(f, &in, g, &out, 8, 0));
  printf("%lld %lld %ld\n", in, out, (long)lseek(g, 0, SEEK_END));
  lseek(f, 0, SEEK_SET);
  result("copy at their own", copy_file_range(f, 0, g, 0, 100, 0));
  result("overlap", copy_file_range(f, &in, f, &in, 8, 0));
  result("copy flags", copy_file_range(f, 0, g, 0, 8, 1));
  result("copy to a pipe", copy_file_range(f, 0, a[1], 0, 8, 0));
  result("copy to append", copy_file_range(f, &in, append, 0, 8, 0));
  result("copy of a directory", copy_file_range(open(".", O_RDONLY), 0, g, 0, 8, 0));
  result("capacity", fcntl(a[1], F_GETPIPE_SZ));
  result("set", fcntl(a[1], F_SETPIPE_SZ, 5000));
  static char big[9000];
  fcntl(a[1], F_SETFL, O_NONBLOCK);
  result("fill", write(a[1], big, 9000));
  result("too small", fcntl(a[1], F_SETPIPE_SZ, 4096));
  result("splice into a full one", splice(f, &in, a[1], 0, 10, SPLICE_F_NONBLOCK));
  close(a[0]);
  signal(SIGPIPE, SIG_IGN);
  result("no reader", splice(f, &in, a[1], 0, 10, 0));
  pipe2(b, O_DIRECT);
  write(b[1], "packet", 6);
  write(b[1], "next", 4);
  char text[4];
  result("part of a packet", read(b[0], text, 3));
  drain("next packet", b[0]);
  unlink("f");
  unlink("g");
  chdir("/");
  rmdir(template);
  return 0;
}
