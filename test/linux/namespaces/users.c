// User namespaces: maps and their rules, IDs inside and outside, capabilities (user_namespaces(7)).
#include "common.h"

static void show_caps(const char *when) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  syscall(SYS_capget, &header, data);
  int full = (data[1].effective & 0x1ff) == 0x1ff && data[0].effective == 0xffffffff;
  int none = data[0].effective == 0 && data[1].effective == 0;
  printf("%s: effective %s\n", when, full ? "all" : none ? "none" : "some");
}

static void unmapped(void) {
  TELL(unshare(CLONE_NEWUSER));
  show_caps("before the map");
  VALUE(getuid());
  VALUE(getgid());
  show("/proc/self/uid_map");
  TELL(setuid(0));
  TELL(setgroups(0, NULL));
  TELL(unshare(CLONE_NEWUSER));
  struct stat st;
  stat("/proc/self", &st);
  printf("owner %d\n", (int)st.st_uid);
}

static void rules(void) {
  char map[64];
  uid_t uid = geteuid();
  unshare(CLONE_NEWUSER);
  TELL(put("/proc/self/uid_map", ""));
  TELL(put("/proc/self/uid_map", "0\n"));
  TELL(put("/proc/self/uid_map", "0 0 0"));
  TELL(put("/proc/self/uid_map", "0 x 1"));
  TELL(put("/proc/self/uid_map", "4294967295 0 1"));
  TELL(put("/proc/self/uid_map", "0 0 10\n5 20 10\n"));
  TELL(put("/proc/self/uid_map", "0 7777 2\n"));
  snprintf(map, sizeof map, "1000 %d 1\n", (int)uid);
  TELL(put("/proc/self/uid_map", map));
  TELL(put("/proc/self/uid_map", map));
  VALUE(getuid());
  TELL(put("/proc/self/setgroups", "maybe"));
  TELL(put("/proc/self/setgroups", "deny"));
  TELL(put("/proc/self/setgroups", "allow"));
  show("/proc/self/setgroups");
  snprintf(map, sizeof map, "1000 %d 1\n", (int)getegid());
  TELL(put("/proc/self/setgroups", "deny"));
}

static void inside(void) {
  become_root(0);
  show_caps("as root");
  VALUE(getuid());
  VALUE(getgid());
  VALUE(getegid());
  TELL(setuid(1));
  TELL(setresuid(-1, 0, 0));
  TELL(setgroups(0, NULL));
  gid_t group = 0;
  TELL(setgroups(1, &group));
  char name[] = "/tmp/anillo-users-XXXXXX";
  int fd = mkstemp(name);
  struct stat st;
  fstat(fd, &st);
  printf("file %d %d\n", (int)st.st_uid, (int)st.st_gid);
  TELL(fchown(fd, 1, -1));
  TELL(fchown(fd, 0, 0));
  unlink(name);
  // what belongs to the system is out of reach
  TELL(sethostname("x", 1));
  TELL(mount("none", "/tmp", "tmpfs", 0, NULL));
  TELL(chroot("/"));
  TELL(mknod("/tmp/anillo-users-dev", S_IFCHR | 0600, 0x103));
  // nested
  TELL(unshare(CLONE_NEWUSER));
  show_caps("nested");
  VALUE(getuid());
  TELL(put("/proc/self/uid_map", "5 0 1"));
  VALUE(getuid());
  show("/proc/self/uid_map");
}

static void from_outside(void) {
  int ready[2], go[2];
  char byte, path[64];
  pipe(ready);
  pipe(go);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWUSER);
    write(ready[1], "x", 1);
    read(go[0], &byte, 1);
    VALUE(getuid());
    show("/proc/self/uid_map");
    fflush(stdout);
    _exit(0);
  }
  read(ready[0], &byte, 1);
  char map[64];
  snprintf(map, sizeof map, "7 %d 1\n", (int)geteuid());
  snprintf(path, sizeof path, "/proc/%d/uid_map", child);
  TELL(put(path, map));
  fflush(stdout);
  write(go[1], "x", 1);
  waitpid(child, NULL, 0);
}

static void exec_caps(void) {
  become_root(0);
  show_caps("before exec");
  fflush(stdout);
  execl("/proc/self/exe", "users", "caps", NULL);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    show_caps("after exec");
    return 0;
  }
  become_root(0);
  IN_CHILD(unmapped());
  IN_CHILD(rules());
  IN_CHILD(inside());
  IN_CHILD(from_outside());
  IN_CHILD(exec_caps());
  return 0;
}
