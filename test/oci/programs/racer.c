// What a container does that does not mean well: exchanges a directory and a link for each other as fast as it can, reads through
// it, tries what once led out of containers, and takes all of the disk there is. The first argument says which.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define T(call) ({ errno = 0; long r_ = (long)(call); printf("%s: %s\n", #call, r_ == -1 ? strerrorname_np(errno) : "ok"); r_; })

/** The name is a directory, and then a link, and then a directory. */
static void swap(const char *name, const char *target) {
  char link[256], other[256];
  sprintf(link, "%s.link", name), sprintf(other, "%s.other", name);
  symlink(target, link);
  for (;;) {
    syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, link, 2);
    usleep(200);
  }
}

/** What is found there, of what there is, until what is inside was seen. */
static void watch(const char *name, int rounds) {
  int inside = 0, nothing = 0, outside = 0;
  while (rounds-- > 0 || inside == 0) {
    char text[64] = "";
    int fd = open(name, O_RDONLY);
    if (fd < 0) nothing++;
    else if (read(fd, text, 6) == 6 && !strcmp(text, "inside")) inside++;
    else outside++;
    close(fd), usleep(100);
  }
  printf("inside %d nothing %d outside %d\n", inside > 0, nothing > 0, outside);
}

static void descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  for (struct dirent *entry; (entry = readdir(directory));)
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory)) printf("%s ", entry->d_name);
  puts("");
}

static void escape(void) {
  descriptors();
  T(syscall(SYS_keyctl, 0, -3, 0)), T(syscall(SYS_add_key, "user", "x", "y", 1, -3)), T(syscall(SYS_userfaultfd, 0)), T(syscall(SYS_io_uring_setup, 8, 0));
  T(mount("cgroup", "/tmp", "cgroup", 0, "memory")), T(mount("proc", "/tmp", "proc", 0, "")), T(mount("sysfs", "/tmp", "sysfs", 0, "")), T(umount2("/proc/sys", MNT_DETACH)), T(syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/tmp", 0));
  T(open("/sys/fs/cgroup/release_agent", O_WRONLY)), T(open("/sys/fs/cgroup/cgroup.procs", O_WRONLY)), T(open("/proc/sysrq-trigger", O_WRONLY)), T(open("/proc/kcore", O_RDONLY)), T(open("/proc/1/root/../../..", O_RDONLY) > 0);
  T(open("/sys/kernel/uevent_helper", O_WRONLY)), T(open("/dev/mem", O_RDWR)), T(open("/dev/kmsg", O_RDWR)), T(open("/dev/sda", O_RDWR));
  // a program that is entered cannot be replaced through what it runs
  T(open("/proc/1/exe", O_WRONLY | O_TRUNC));
}

/** Files until there is no room; what the error was, and that there is room again afterwards. */
static void fill(const char *what) {
  static char block[1 << 20];
  char name[300];
  long made = 0;
  memset(block, 1, sizeof block);
  if (!strcmp(what, "sparse")) {
    for (errno = 0; made < 100; made++) {
      sprintf(name, "/fill%ld", made);
      int fd = open(name, O_CREAT | O_WRONLY, 0600);
      if (fd < 0 || ftruncate(fd, 1l << 30)) break;
      close(fd);
    }
    printf("%d files of 1 GiB: %s\n", (int)made, strerrorname_np(errno));
    int fd = open("/huge", O_CREAT | O_RDWR, 0600);
    T(ftruncate(fd, 1l << 44)), T(ftruncate(fd, 1l << 42)), T(pwrite(fd, "x", 1, 1l << 42)), T(lseek(fd, 0, SEEK_DATA));
    for (long n = 0; n < made; n++) sprintf(name, "/fill%ld", n), unlink(name);
    T(ftruncate(fd, 300l << 20)), T(pwrite(fd, "x", 1, 200l << 20)), printf("data at %ld\n", lseek(fd, 1, SEEK_DATA) >> 20);
  } else {
    int fd = open("/fill", O_CREAT | O_WRONLY, 0600);
    while (write(fd, block, sizeof block) > 0) made++;
    printf("%d: %s\n", made > 3, strerrorname_np(errno));
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (!strcmp(argv[1], "swap")) swap(argv[2], argv[3]);
  if (!strcmp(argv[1], "watch")) watch(argv[2], atoi(argv[3]));
  if (!strcmp(argv[1], "escape")) escape();
  if (!strcmp(argv[1], "descriptors")) descriptors();
  if (!strcmp(argv[1], "fill")) {
    // the first process of a container outlives it
    int status;
    if (fork() == 0) { fill(argv[2]); return 0; }
    wait(&status);
    if (WIFSIGNALED(status)) printf("killed by %s\n", sigabbrev_np(WTERMSIG(status)));
    puts("others go on");
  }
  if (!strcmp(argv[1], "wait")) for (;;) pause();
  if (!strcmp(argv[1], "burn")) { puts("burning"); for (;;) {} }
  if (!strcmp(argv[1], "stubborn")) { for (int n = 1; n < 32; n++) signal(n, SIG_IGN); puts("stubborn"); for (;;) pause(); }
  if (!strcmp(argv[1], "write")) { static char line[1000]; memset(line, 'x', 999), line[999] = '\n'; for (int n = atoi(argv[2]); n > 0; n--) fwrite(line, 1, 1000, stdout); }
  return 0;
}
