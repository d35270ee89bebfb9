// User IDs and what they do to capabilities, with many IDs at hand: for the superuser (credentials(7), capabilities(7)
// "Effect of user ID changes on capabilities", user_namespaces(7)).
#include "../common.h"
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>

static void caps(const char *when) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2];
  syscall(SYS_capget, &header, d);
  // not every superuser has CAP_SYS_RESOURCE
  const unsigned shown = ~(1u << CAP_SYS_RESOURCE);
  printf("%s: e %x p %x dumpable %d\n", when, d[0].effective & shown, d[0].permitted & shown, prctl(PR_GET_DUMPABLE));
}

static void ids(const char *when) {
  uid_t r, e, s;
  gid_t rg, eg, sg;
  getresuid(&r, &e, &s);
  getresgid(&rg, &eg, &sg);
  printf("%s: %d %d %d, %d %d %d\n", when, (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg);
}

static void leaving(void) {
  TELL(setuid(1000));
  ids("left");
  caps("left");
  TELL(setuid(0));
  TELL(setuid(1001));
  TELL(setuid(1000));
  TELL(setgid(5));
  TELL(setgroups(0, NULL));
  TELL(setresuid(1000, 1000, 1000));
  TELL(setreuid(1001, -1));
}

static void saved(void) {
  TELL(setresuid(1000, 1001, 0));
  ids("saved");
  caps("saved");
  TELL(setuid(1000));
  ids("real");
  TELL(seteuid(0));
  caps("effective again");
  TELL(setreuid(7, 8));
  ids("setreuid");
  TELL(setreuid(-1, 7));
  ids("setreuid");
  TELL(setreuid(-1, 8));
  TELL(setreuid(8, -1));
  ids("setreuid");
}

static void keeping(void) {
  TELL(prctl(PR_SET_KEEPCAPS, 1));
  TELL(setuid(1000));
  caps("kept");
  execl("/proc/self/exe", "ids", "caps", NULL);
}

static void fixup(void) {
  TELL(prctl(PR_SET_SECUREBITS, 1 << 2));
  TELL(setuid(1000));
  caps("no fixup");
}

static void files(void) {
  VALUE(setfsuid(1000));
  caps("setfsuid");
  VALUE(setfsuid(-1));
  int fd = open("/tmp/anillo-ids", O_CREAT | O_WRONLY, 0644);
  struct stat st;
  fstat(fd, &st);
  printf("owner %d\n", (int)st.st_uid);
  unlink("/tmp/anillo-ids");
  VALUE(setfsuid(0));
  VALUE(setfsgid(44));
  VALUE(setfsgid(-1));
}

static void groups(void) {
  gid_t list[3] = {30, 10, 20}, got[8];
  TELL(setgroups(3, list));
  VALUE(getgroups(0, NULL));
  TELL(getgroups(2, got));
  int count = getgroups(8, got);
  for (int n = 0; n < count; n++) printf("group %d\n", (int)got[n]);
  TELL(setgroups(70000, list));
}

static void set_id_program(void) {
  char text[4096];
  unshare(CLONE_NEWNS);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mount("none", "/tmp", "tmpfs", 0, "mode=777");
  int from = open("/proc/self/exe", O_RDONLY), to = open("/tmp/program", O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, text, sizeof text)) > 0;) write(to, text, n);
  close(to);
  chown("/tmp/program", 1234, 4321);
  chmod("/tmp/program", 06755);
  IN_CHILD(execl("/tmp/program", "program", "ids", NULL));
  IN_CHILD(setgroups(0, NULL); setresgid(50, 50, 50); setresuid(60, 60, 60); execl("/tmp/program", "program", "ids", NULL));
  IN_CHILD(setresuid(60, 60, 60); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); execl("/tmp/program", "program", "ids", NULL));
  chown("/tmp/program", 0, 0);
  chmod("/tmp/program", 04755);
  IN_CHILD(setresuid(60, 60, 60); execl("/tmp/program", "program", "ids", NULL));
  IN_CHILD(prctl(PR_SET_SECUREBITS, 1); setresuid(60, 60, 60); execl("/tmp/program", "program", "ids", NULL));
  mount("none", "/tmp", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL);
  IN_CHILD(setresuid(60, 60, 60); execl("/tmp/program", "program", "ids", NULL));
  umount2("/tmp", MNT_DETACH);
}

static int ready[2], go[2];

static void mapped(void) {
  char byte, path[64];
  struct stat st;
  pipe(ready);
  pipe(go);
  int file = open("/tmp/anillo-mapped", O_CREAT | O_RDWR, 0644);
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWUSER);
    write(ready[1], "x", 1);
    read(go[0], &byte, 1);
    ids("inside");
    fstat(file, &st);
    printf("file of 0: %d %d\n", (int)st.st_uid, (int)st.st_gid);
    TELL(fchown(file, 5, 5));
    TELL(setresuid(5, 5, 5));
    ids("as 5");
    int own = open("/tmp/anillo-inside", O_CREAT | O_RDWR, 0644);
    fstat(own, &st);
    printf("own file: %d\n", (int)st.st_uid);
    TELL(setresuid(2000, 2000, 2000));
    TELL(kill(getppid(), 0));
    write(ready[1], "x", 1);
    read(go[0], &byte, 1);
    fstat(own, &st);
    printf("given away: %d\n", (int)st.st_uid);
    _exit(0);
  }
  read(ready[0], &byte, 1);
  snprintf(path, sizeof path, "/proc/%d/uid_map", child);
  TELL(put(path, "0 100000 1000\n1000 0 1\n"));
  printf("%s", text_of(path));
  snprintf(path, sizeof path, "/proc/%d/gid_map", child);
  TELL(put(path, "0 100000 1000\n"));
  write(go[1], "x", 1);
  read(ready[0], &byte, 1);
  stat("/tmp/anillo-inside", &st);
  printf("seen from outside: %d %d\n", (int)st.st_uid, (int)st.st_gid);
  snprintf(path, sizeof path, "/proc/%d", child);
  stat(path, &st);
  printf("process of %d\n", (int)st.st_uid);
  TELL(chown("/tmp/anillo-inside", 42, 42));
  write(go[1], "x", 1);
  waitpid(child, NULL, 0);
  unlink("/tmp/anillo-inside");
  unlink("/tmp/anillo-mapped");
}

static void sent(void) {
  int pair[2], on = 1;
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  pid_t child = fork();
  if (child == 0) {
    setresuid(77, 78, 79);
    write(pair[1], "x", 1);
    struct ucred lie = {getpid(), 5, 0};
    char control[CMSG_SPACE(sizeof lie)] = "";
    struct iovec data = {"y", 1};
    struct msghdr m = {NULL, 0, &data, 1, control, sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_CREDENTIALS;
    c->cmsg_len = CMSG_LEN(sizeof lie);
    memcpy(CMSG_DATA(c), &lie, sizeof lie);
    TELL(sendmsg(pair[1], &m, 0));
    lie.uid = 79;
    memcpy(CMSG_DATA(c), &lie, sizeof lie);
    TELL(sendmsg(pair[1], &m, 0));
    lie.pid = 1;
    memcpy(CMSG_DATA(c), &lie, sizeof lie);
    TELL(sendmsg(pair[1], &m, 0));
    _exit(0);
  }
  waitpid(child, NULL, 0);
  for (int n = 0; n < 2; n++) {
    char control[256], byte;
    struct iovec data = {&byte, 1};
    struct msghdr m = {NULL, 0, &data, 1, control, sizeof control};
    recvmsg(pair[0], &m, 0);
    struct ucred *u = (struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&m));
    printf("from %d %d, own child %d\n", (int)u->uid, (int)u->gid, u->pid == child || u->pid == 0);
  }
}

static void others(void) {
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  struct rlimit limit;
  IN_CHILD(setresuid(60, 60, 60);
    TELL(kill(child, 0));
    TELL(kill(getppid(), 0));
    TELL(setpriority(PRIO_PROCESS, child, 5));
    TELL(setpriority(PRIO_PROCESS, 0, 5));
    TELL(setpriority(PRIO_PROCESS, 0, 4));
    TELL(syscall(SYS_prlimit64, child, RLIMIT_NOFILE, NULL, NULL));
    TELL(chroot("/"));
    TELL(sethostname("x", 1));
    TELL(mount("none", "/tmp", "tmpfs", 0, NULL));
    TELL(unshare(CLONE_NEWUTS));
    TELL(setns(open("/proc/self/ns/uts", O_RDONLY), 0));
    TELL(mknod("/tmp/anillo-dev", S_IFCHR | 0600, 0x103));
    TELL(open("/proc/1/ns/mnt", O_RDONLY) >= 0 ? 0 : -1);
  );
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

/** Objects of System V IPC belong to their namespace: a user namespace of one's own gives no rights over them. */
static void objects(void) {
  int id = shmget(IPC_PRIVATE, 4096, 0600);
  IN_CHILD(setresgid(60, 60, 60); setresuid(60, 60, 60);
    TELL(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0);
    TELL(unshare(CLONE_NEWUSER));
    TELL(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0);
    TELL(shmctl(id, IPC_RMID, NULL));
    TELL(unshare(CLONE_NEWIPC));
    TELL(shmctl(id, IPC_RMID, NULL));
    int own = shmget(77, 4096, IPC_CREAT | 0);
    TELL(own);
    TELL(shmctl(own, IPC_RMID, NULL));
  );
  TELL(shmget(77, 0, 0));
  TELL(shmctl(id, IPC_RMID, NULL));
}

int main(int argc, char **argv) {
  if (argc > 1) {
    if (!strcmp(argv[1], "ids")) ids("program");
    caps("program");
    return 0;
  }
  IN_CHILD(leaving());
  IN_CHILD(saved());
  IN_CHILD(keeping());
  IN_CHILD(fixup());
  IN_CHILD(files());
  IN_CHILD(groups());
  IN_CHILD(set_id_program());
  IN_CHILD(mapped());
  IN_CHILD(sent());
  IN_CHILD(others());
  IN_CHILD(objects());
  return 0;
}
