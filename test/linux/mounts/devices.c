// Device files and instances of devpts: memory devices, options, numbers of their own, /dev/ptmx beside pts.
#include "common.h"
#include <sys/ioctl.h>

static void memory(void) {
  char bytes[16];
  int fd = open("/dev/null", O_RDWR);
  result("null read", read(fd, bytes, 16));
  result("null write", write(fd, bytes, 16));
  fd = open("/dev/zero", O_RDWR);
  bytes[3] = 9;
  result("zero read", read(fd, bytes, 16));
  printf("byte %d\n", bytes[3]);
  fd = open("/dev/full", O_RDWR);
  result("full write", write(fd, bytes, 16));
  result("full read", read(fd, bytes, 16));
  fd = open("/dev/urandom", O_RDONLY);
  result("urandom", read(fd, bytes, 16));
  int differs = 0;
  for (int i = 1; i < 16; i++) differs |= bytes[i] != bytes[0];
  printf("random %d\n", differs);
  result("random", read(open("/dev/random", O_RDONLY), bytes, 8));
  mknod("null", S_IFCHR | 0666, makedev(1, 3));
  result("own null", write(open("null", O_WRONLY), "x", 1));
  mknod("nothing", S_IFCHR | 0666, makedev(240, 77));
  result("nobody serves it", open("nothing", O_RDONLY));
  mkdir("nodev", 0755);
  mount("none", "nodev", "tmpfs", MS_NODEV, 0);
  mknod("nodev/null", S_IFCHR | 0666, makedev(1, 3));
  result("nodev", open("nodev/null", O_RDONLY));
}

static int number(int master) {
  int n = -1;
  ioctl(master, TIOCGPTN, &n);
  return n;
}

int main(void) {
  own_tmp();
  memory();
  mkdir("pts", 0755);
  mkdir("other", 0755);
  ok("mount", mount("devpts", "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
  ok("another", mount("devpts", "other", "devpts", 0, "ptmxmode=0600,max=2"));
  result("bad option", mount("devpts", "other", "devpts", 0, "nonsense"));
  mknod("ptmx", S_IFCHR | 0666, makedev(5, 2));
  int a = open("pts/ptmx", O_RDWR), b = open("ptmx", O_RDWR), c = open("other/ptmx", O_RDWR);
  printf("numbers %d %d %d\n", number(a), number(b), number(c));
  struct stat st;
  stat("pts/1", &st);
  printf("mode %o uid %d gid %d\n", st.st_mode, st.st_uid, st.st_gid);
  list("pts");
  list("other");
  result("most", open("other/ptmx", O_RDWR) > 0);
  result("more than most", open("other/ptmx", O_RDWR));
  close(a);
  list("pts");
  result("create", open("pts/file", O_CREAT | O_RDWR, 0600));
  result("unlink", unlink("pts/1"));
  mkdir("away", 0755);
  mknod("away/ptmx", S_IFCHR | 0666, makedev(5, 2));
  result("no pts beside", open("away/ptmx", O_RDWR));
  return 0;
}
