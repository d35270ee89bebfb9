// Names of the system, clocks, the files of namespaces and setns(2) (uts_namespaces(7), time_namespaces(7), namespaces(7),
// ioctl_ns(2), setns(2)).
#include "common.h"
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <linux/nsfs.h>

static void hostname(void) {
  struct utsname u;
  TELL(unshare(CLONE_NEWUTS));
  TELL(sethostname("inside", 6));
  TELL(setdomainname("domain", 6));
  uname(&u);
  printf("%s %s\n", u.nodename, u.domainname);
  show("/proc/sys/kernel/hostname");
  TELL(put("/proc/sys/kernel/hostname", "written\n"));
  uname(&u);
  printf("%s\n", u.nodename);
  TELL(sethostname("x", 65));
  TELL(sethostname("x", -1));
  TELL(sethostname(NULL, 5));
  char longest[64];
  memset(longest, 'a', 64);
  TELL(sethostname(longest, 64));
  uname(&u);
  printf("%d\n", (int)strlen(u.nodename));
  TELL(sethostname("", 0));
  uname(&u);
  printf("<%s>\n", u.nodename);
}

static long long now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void clocks(void) {
  show("/proc/self/timens_offsets");
  TELL(put("/proc/self/timens_offsets", "monotonic 1 0"));
  TELL(unshare(CLONE_NEWTIME));
  TELL(put("/proc/self/timens_offsets", "realtime 1 0"));
  TELL(put("/proc/self/timens_offsets", "monotonic 1"));
  TELL(put("/proc/self/timens_offsets", "monotonic -99999999999 0"));
  TELL(put("/proc/self/timens_offsets", "monotonic 1 1000000000"));
  TELL(put("/proc/self/timens_offsets", "monotonic 86400 5\nboottime 172800 0\n"));
  show("/proc/self/timens_offsets");
  long long before = now(CLOCK_MONOTONIC);
  IN_CHILD({
    long long apart = now(CLOCK_MONOTONIC) - before;
    printf("a day later: %d\n", apart >= 86400000000000LL && apart < 86500000000000LL);
    printf("two days: %d\n", (now(CLOCK_BOOTTIME) - now(CLOCK_MONOTONIC)) / 86300000000000LL == 1);
    TELL(put("/proc/self/timens_offsets", "monotonic 1 0"));
    struct timespec wake;
    clock_gettime(CLOCK_MONOTONIC, &wake);
    TELL(-clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL));
  });
  printf("own clock: %d\n", now(CLOCK_MONOTONIC) - before < 60000000000LL);
}

static int same(const char *a, const char *b) {
  struct stat x, y;
  if (stat(a, &x) != 0 || stat(b, &y) != 0) return -1;
  return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void files(void) {
  static const char *names[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"};
  for (int n = 0; n < 10; n++) {
    char path[64], link[64] = "", shape[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[n]);
    readlink(path, link, sizeof link - 1);
    stat(path, &st);
    snprintf(shape, sizeof shape, "%.*s:[%lu]", (int)strcspn(names[n], "_"), names[n], (unsigned long)st.st_ino);
    int fd = open(path, O_RDONLY);
    printf("%s %d mode %o type %x\n", names[n], strcmp(link, shape) == 0, st.st_mode, ioctl(fd, NS_GET_NSTYPE));
    close(fd);
  }
  struct statfs fs;
  statfs("/proc/self/ns/uts", &fs);
  printf("type %lx\n", (unsigned long)fs.f_type);
  int uts = open("/proc/self/ns/uts", O_RDONLY);
  int pid = open("/proc/self/ns/pid", O_RDONLY);
  int user = open("/proc/self/ns/user", O_RDONLY);
  int owner;
  unsigned uid = 77;
  TELL(ioctl(uts, NS_GET_PARENT));
  TELL(ioctl(pid, NS_GET_PARENT));
  TELL(ioctl(user, NS_GET_PARENT));
  TELL(ioctl(uts, NS_GET_USERNS));
  TELL(ioctl(user, NS_GET_OWNER_UID, &uid));
  printf("uid %u\n", uid);
  TELL(ioctl(uts, NS_GET_OWNER_UID, &uid));
  TELL(ioctl(uts, 0x1234));
  unshare(CLONE_NEWUTS);
  int own = open("/proc/self/ns/uts", O_RDONLY);
  owner = ioctl(own, NS_GET_USERNS);
  struct stat a, b;
  fstat(owner, &a);
  fstat(user, &b);
  printf("owner is own user namespace: %d\n", a.st_ino == b.st_ino);
  TELL(open("/proc/self/ns/uts", O_WRONLY));
  char text[4];
  TELL(read(own, text, 4));
}

static void enter(void) {
  int old = open("/proc/self/ns/uts", O_RDONLY);
  unshare(CLONE_NEWUTS);
  sethostname("first", 5);
  int first = open("/proc/self/ns/uts", O_RDONLY);
  unshare(CLONE_NEWUTS);
  sethostname("second", 6);
  struct utsname u;
  TELL(setns(first, CLONE_NEWNET));
  TELL(setns(first, CLONE_NEWUTS));
  uname(&u);
  printf("%s\n", u.nodename);
  // the one that belongs to the system cannot be entered from here
  TELL(setns(old, 0));
  TELL(setns(0, 0));
  TELL(setns(-1, 0));
  int user = open("/proc/self/ns/user", O_RDONLY);
  TELL(setns(user, 0));
  int mnt = open("/proc/self/ns/mnt", O_RDONLY);
  TELL(setns(mnt, 0));
  unshare(CLONE_NEWNS);
  mnt = open("/proc/self/ns/mnt", O_RDONLY);
  TELL(chdir("/tmp"));
  TELL(setns(mnt, CLONE_NEWNS));
  char cwd[64];
  printf("%s\n", getcwd(cwd, sizeof cwd));
  int pid = open("/proc/self/ns/pid", O_RDONLY);
  TELL(setns(pid, 0));
  unshare(CLONE_NEWPID);
  TELL(same("/proc/self/ns/pid", "/proc/self/ns/pid_for_children"));
  TELL(open("/proc/self/ns/pid_for_children", O_RDONLY));
  pid_t init = fork();
  if (init == 0) for (;;) pause();
  int inner = open("/proc/self/ns/pid_for_children", O_RDONLY);
  TELL(inner);
  unshare(CLONE_NEWUTS);
  TELL(setns(pid, CLONE_NEWPID));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) { printf("outside %d\n", getpid() > 2); fflush(stdout); _exit(0); }
  waitpid(child, NULL, 0);
  TELL(setns(inner, CLONE_NEWPID));
  fflush(stdout);
  child = fork();
  if (child == 0) { printf("inside %d of %d\n", getpid(), getppid()); fflush(stdout); _exit(0); }
  waitpid(child, NULL, 0);
  kill(init, SIGKILL);
  waitpid(init, NULL, 0);
  TELL(fork());
}

static void pidfd(void) {
  fflush(stdout);
  int ready[2];
  char byte;
  pipe(ready);
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET);
    sethostname("child", 5);
    write(ready[1], "x", 1);
    for (;;) pause();
  }
  read(ready[0], &byte, 1);
  int fd = syscall(SYS_pidfd_open, child, 0);
  TELL(setns(fd, 0));
  TELL(setns(fd, CLONE_NEWUTS | 1));
  TELL(setns(fd, CLONE_NEWUTS | CLONE_NEWIPC));
  struct utsname u;
  uname(&u);
  printf("%s\n", u.nodename);
  TELL(setns(fd, CLONE_NEWUSER | CLONE_NEWNET));
  TELL(setns(fd, CLONE_NEWNET));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  TELL(setns(fd, CLONE_NEWUTS));
}

static void bound(void) {
  unshare(CLONE_NEWNS);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mount("none", "/tmp", "tmpfs", 0, NULL);
  close(open("/tmp/uts", O_CREAT | O_WRONLY, 0600));
  IN_CHILD({
    unshare(CLONE_NEWUTS);
    sethostname("kept", 4);
    TELL(mount("/proc/self/ns/uts", "/tmp/uts", NULL, MS_BIND, NULL));
  });
  TELL(same("/proc/self/ns/uts", "/tmp/uts"));
  int fd = open("/tmp/uts", O_RDONLY);
  TELL(setns(fd, CLONE_NEWUTS));
  struct utsname u;
  uname(&u);
  printf("%s\n", u.nodename);
  TELL(mount("/proc/self/ns/mnt", "/tmp/uts", NULL, MS_BIND, NULL));
  TELL(umount("/tmp/uts"));
  close(fd);
  TELL(umount("/tmp/uts"));
}

int main(void) {
  become_root(0);
  IN_CHILD(hostname());
  IN_CHILD(clocks());
  IN_CHILD(files());
  IN_CHILD(enter());
  IN_CHILD(pidfd());
  IN_CHILD(bound());
  return 0;
}
