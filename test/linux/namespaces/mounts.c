// Mounts: binding, read-only binds, moving, propagation, unmounting, pivot_root(2), mounts of a more privileged namespace
// (mount(2), umount(2), mount_namespaces(7)).
#include "common.h"
#include <sys/statvfs.h>

static int pivot_root(const char *next, const char *old) { return syscall(SYS_pivot_root, next, old); }
static int make(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0644);
  return fd < 0 ? -1 : close(fd);
}
static int exists(const char *path) { return access(path, F_OK) == 0; }

/** The optional fields of a mount, with the numbers of its groups left out. */
static const char *propagation_of(const char *place) {
  static char found[128];
  static char line[1024];
  FILE *file = fopen("/proc/self/mountinfo", "r");
  strcpy(found, "not mounted");
  while (fgets(line, sizeof line, file)) {
    char at[256], options[128];
    int n = 0;
    if (sscanf(line, "%*d %*d %*s %*s %255s %127s %n", at, options, &n) != 2 || strcmp(at, place) != 0) continue;
    char *rest = line + n, *end = strstr(rest, "- ");
    *end = 0;
    char *to = found;
    to += sprintf(to, "%s", options);
    for (char *word = strtok(rest, " "); word; word = strtok(NULL, " ")) to += sprintf(to, " %.*s", (int)strcspn(word, ":"), word);
  }
  fclose(file);
  return found;
}

#define PROPAGATION(place) printf("%s: %s\n", place, propagation_of(place))
#define EXISTS(path) printf("%s: %d\n", path, exists(path))

static void fresh(void) {
  unshare(CLONE_NEWNS);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mount("tmp", "/tmp", "tmpfs", 0, NULL);
  chdir("/tmp");
  mkdir("/tmp/a", 0755);
  mkdir("/tmp/b", 0755);
  make("/tmp/file");
}

static void binds(void) {
  TELL(make("/tmp/a/inside"));
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_BIND, NULL));
  EXISTS("/tmp/b/inside");
  TELL(make("/tmp/b/new"));
  EXISTS("/tmp/a/new");
  TELL(mount("/tmp/file", "/tmp/b", NULL, MS_BIND, NULL));
  TELL(mount("/tmp/a", "/tmp/file", NULL, MS_BIND, NULL));
  TELL(mount("/tmp/none", "/tmp/b", NULL, MS_BIND, NULL));
  TELL(mount(NULL, "/tmp/b", NULL, MS_BIND, NULL));
  TELL(mount("", "/tmp/b", NULL, MS_BIND, NULL));
  TELL(mount(NULL, "/tmp/b", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
  TELL(make("/tmp/b/refused"));
  TELL(make("/tmp/a/allowed"));
  PROPAGATION("/tmp/b");
  TELL(chmod("/tmp/b/new", 0600));
  TELL(unlink("/tmp/b/new"));
  TELL(rmdir("/tmp/b"));
  TELL(rename("/tmp/b", "/tmp/c"));
  TELL(link("/tmp/a/new", "/tmp/b/link"));
  TELL(rename("/tmp/a/new", "/tmp/b/moved"));
  TELL(mount(NULL, "/tmp/a", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
  TELL(umount("/tmp/a"));
  TELL(umount("/tmp/b"));
  TELL(umount("/tmp/b"));
  TELL(make("/tmp/target"));
  TELL(mount("/tmp/file", "/tmp/target", NULL, MS_BIND, NULL));
  TELL(unlink("/tmp/target"));
  TELL(umount2("/tmp/target", 16));
  TELL(umount2("/tmp/target", MNT_EXPIRE | MNT_DETACH));
  TELL(umount2("/tmp/target", MNT_EXPIRE));
  TELL(umount2("/tmp/target", MNT_EXPIRE));
  symlink("/tmp/b", "/tmp/link");
  TELL(mount("/tmp/a", "/tmp/link", NULL, MS_BIND, NULL));
  TELL(umount2("/tmp/link", UMOUNT_NOFOLLOW));
  TELL(umount2("/tmp/link", 0));
}

static void recursion(void) {
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  mkdir("/tmp/a/sub", 0755);
  mount("y", "/tmp/a/sub", "tmpfs", 0, NULL);
  make("/tmp/a/sub/deep");
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_BIND, NULL));
  EXISTS("/tmp/b/sub/deep");
  TELL(umount("/tmp/b"));
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_BIND | MS_REC, NULL));
  EXISTS("/tmp/b/sub/deep");
  TELL(umount("/tmp/b"));
  TELL(umount2("/tmp/b", MNT_DETACH));
  EXISTS("/tmp/b/sub/deep");
  EXISTS("/tmp/a/sub/deep");
  TELL(mount(NULL, "/tmp/a/sub", NULL, MS_UNBINDABLE, NULL));
  PROPAGATION("/tmp/a/sub");
  TELL(mount("/tmp/a/sub", "/tmp/b", NULL, MS_BIND, NULL));
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_BIND | MS_REC, NULL));
  EXISTS("/tmp/b/sub/deep");
  // the same place inside itself
  TELL(mount("/tmp", "/tmp/b", NULL, MS_BIND | MS_REC, NULL));
  EXISTS("/tmp/b/file");
  EXISTS("/tmp/b/b/file");
}

static void flags(void) {
  TELL(mount("x", "/tmp/a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, NULL));
  PROPAGATION("/tmp/a");
  char text[4096];
  int from = open("/proc/self/exe", O_RDONLY), to = open("/tmp/a/program", O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, text, sizeof text)) > 0;) write(to, text, n);
  close(to);
  TELL(access("/tmp/a/program", X_OK));
  TELL(execl("/tmp/a/program", "program", NULL));
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
  PROPAGATION("/tmp/a");
  TELL(make("/tmp/a/x"));
  TELL(access("/tmp/a", W_OK));
  struct statvfs st;
  statvfs("/tmp/a", &st);
  printf("ro %d\n", (st.f_flag & ST_RDONLY) != 0);
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT, NULL));
  PROPAGATION("/tmp/a");
  to = open("/tmp/a/open", O_CREAT | O_WRONLY, 0755);
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  TELL(umount("/tmp/a"));
  close(to);
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_STRICTATIME, NULL));
  PROPAGATION("/tmp/a");
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_NOSYMFOLLOW, NULL));
  symlink("/tmp/file", "/tmp/a/link");
  TELL(open("/tmp/a/link", O_RDONLY));
  int cwd = chdir("/tmp/a");
  TELL(umount("/tmp/a"));
  chdir("/tmp");
  TELL(umount("/tmp/a"));
  TELL(mount("x", "/tmp/a", "nothing", 0, NULL));
  TELL(mount("x", "/tmp/a", NULL, 0, NULL));
  TELL(mount("x", "/tmp/file", "tmpfs", 0, NULL));
  TELL(mount("x", "/tmp/none", "tmpfs", 0, NULL));
  TELL(mount("x", "/tmp/a", NULL, MS_REMOUNT, NULL));
  TELL(mount("x", "/tmp/a", NULL, MS_SHARED, NULL));
  TELL(mount("x", "/tmp", NULL, MS_SHARED | MS_PRIVATE, NULL));
  TELL(mount("x", "/tmp", NULL, MS_SHARED | MS_RDONLY, NULL));
}

static void moving(void) {
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  make("/tmp/a/moved");
  mkdir("/tmp/a/below", 0755);
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_MOVE, NULL));
  EXISTS("/tmp/a/moved");
  EXISTS("/tmp/b/moved");
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_MOVE, NULL));
  TELL(mount("/tmp/b", "/tmp/b/below", NULL, MS_MOVE, NULL));
  TELL(mount("/tmp/b", "/tmp/file", NULL, MS_MOVE, NULL));
  TELL(mount(NULL, "/tmp", NULL, MS_SHARED, NULL));
  TELL(mount("/tmp/b", "/tmp/a", NULL, MS_MOVE, NULL));
  TELL(mount(NULL, "/tmp", NULL, MS_PRIVATE, NULL));
  TELL(mount("/tmp/b", "/tmp/a", NULL, MS_MOVE, NULL));
  TELL(umount("/tmp/a"));
}

static void spreading(void) {
  mkdir("/tmp/peer", 0755);
  mkdir("/tmp/slave", 0755);
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  mkdir("/tmp/a/in", 0755);
  TELL(mount(NULL, "/tmp/a", NULL, MS_SHARED, NULL));
  TELL(mount("/tmp/a", "/tmp/peer", NULL, MS_BIND, NULL));
  TELL(mount("/tmp/a", "/tmp/slave", NULL, MS_BIND, NULL));
  TELL(mount(NULL, "/tmp/slave", NULL, MS_SLAVE, NULL));
  PROPAGATION("/tmp/a");
  PROPAGATION("/tmp/peer");
  PROPAGATION("/tmp/slave");
  TELL(mount("y", "/tmp/peer/in", "tmpfs", 0, NULL));
  make("/tmp/peer/in/seen");
  EXISTS("/tmp/a/in/seen");
  EXISTS("/tmp/slave/in/seen");
  PROPAGATION("/tmp/a/in");
  PROPAGATION("/tmp/slave/in");
  TELL(umount("/tmp/a/in"));
  EXISTS("/tmp/peer/in/seen");
  EXISTS("/tmp/slave/in/seen");
  TELL(mount("z", "/tmp/slave/in", "tmpfs", 0, NULL));
  make("/tmp/slave/in/own");
  EXISTS("/tmp/a/in/own");
  PROPAGATION("/tmp/slave/in");
  // what comes from the master goes below what is there
  TELL(mount("y", "/tmp/a/in", "tmpfs", 0, NULL));
  make("/tmp/a/in/under");
  EXISTS("/tmp/slave/in/own");
  EXISTS("/tmp/slave/in/under");
  TELL(umount("/tmp/slave/in"));
  EXISTS("/tmp/slave/in/under");
  TELL(mount(NULL, "/tmp/slave", NULL, MS_SHARED, NULL));
  PROPAGATION("/tmp/slave");
  TELL(mount(NULL, "/tmp/slave", NULL, MS_PRIVATE, NULL));
  PROPAGATION("/tmp/slave");
  TELL(mount("w", "/tmp/slave/in", "tmpfs", 0, NULL));
  TELL(umount("/tmp/a/in"));
  TELL(mount(NULL, "/tmp/a", NULL, MS_SLAVE, NULL));
  PROPAGATION("/tmp/a");
  PROPAGATION("/tmp/peer");
  TELL(mount(NULL, "/tmp/peer", NULL, MS_SLAVE, NULL));
  PROPAGATION("/tmp/a");
  PROPAGATION("/tmp/peer");
}

static void between_namespaces(void) {
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  mkdir("/tmp/a/in", 0755);
  mkdir("/tmp/a/out", 0755);
  mount(NULL, "/tmp/a", NULL, MS_SHARED, NULL);
  int go[2], done[2];
  char byte;
  pipe(go);
  pipe(done);
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWNS);
    mount("y", "/tmp/a/in", "tmpfs", 0, NULL);
    make("/tmp/a/in/seen");
    mount("y", "/tmp/b", "tmpfs", 0, NULL);
    make("/tmp/b/private");
    write(done[1], "x", 1);
    read(go[0], &byte, 1);
    EXISTS("/tmp/a/out/seen");
    write(done[1], "x", 1);
    read(go[0], &byte, 1);
    EXISTS("/tmp/b/private");
    EXISTS("/tmp/b");
    _exit(0);
  }
  read(done[0], &byte, 1);
  EXISTS("/tmp/a/in/seen");
  EXISTS("/tmp/b/private");
  mount("z", "/tmp/a/out", "tmpfs", 0, NULL);
  make("/tmp/a/out/seen");
  write(go[1], "x", 1);
  read(done[0], &byte, 1);
  // the directory another namespace mounted on can be removed
  TELL(rmdir("/tmp/b"));
  write(go[1], "x", 1);
  waitpid(child, NULL, 0);
}

static void locked(void) {
  mount("x", "/tmp/a", "tmpfs", 0, NULL);
  make("/tmp/a/hidden");
  mount("y", "/tmp/a", "tmpfs", MS_RDONLY | MS_NOEXEC, NULL);
  mount(NULL, "/tmp", NULL, MS_SHARED, NULL);
  unshare(CLONE_NEWUSER | CLONE_NEWNS);
  TELL(put("/proc/self/uid_map", "0 0 1"));
  PROPAGATION("/tmp");
  TELL(umount("/tmp/a"));
  TELL(umount2("/tmp/a", MNT_DETACH));
  TELL(mount(NULL, "/tmp/a", NULL, MS_REMOUNT | MS_BIND, NULL));
  TELL(mount(NULL, "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  TELL(mount(NULL, "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL));
  TELL(mount(NULL, "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | MS_NOATIME, NULL));
  TELL(mount(NULL, "/tmp/a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | MS_NOSUID, NULL));
  TELL(mount("/tmp", "/tmp/b", NULL, MS_BIND, NULL));
  TELL(mount("/tmp", "/tmp/b", NULL, MS_BIND | MS_REC, NULL));
  TELL(umount("/tmp/b/a"));
  TELL(umount2("/tmp/b", MNT_DETACH));
  TELL(mount("/tmp/a", "/tmp/b", NULL, MS_MOVE, NULL));
  TELL(mount("own", "/tmp/b", "tmpfs", 0, NULL));
  TELL(umount("/tmp/b"));
  TELL(mount("none", "/tmp/b", "devtmpfs", 0, NULL));
  TELL(mount("none", "/tmp/b", "tmpfs", 0, NULL));
  TELL(mknod("/tmp/b/null", S_IFCHR | 0666, 0x103));
}

static void pivot(void) {
  TELL(pivot_root("/tmp/a", "/tmp/a"));
  mount("new", "/tmp/a", "tmpfs", 0, NULL);
  mkdir("/tmp/a/old", 0755);
  make("/tmp/a/here");
  TELL(pivot_root("/tmp/file", "/tmp/a/old"));
  TELL(pivot_root("/tmp/a", "/tmp/b"));
  TELL(pivot_root("/tmp/b", "/tmp/a/old"));
  TELL(pivot_root("/", "/tmp/a/old"));
  mount(NULL, "/tmp/a", NULL, MS_SHARED, NULL);
  TELL(pivot_root("/tmp/a", "/tmp/a/old"));
  mount(NULL, "/tmp/a", NULL, MS_PRIVATE, NULL);
  mount(NULL, "/tmp", NULL, MS_SHARED, NULL);
  TELL(pivot_root("/tmp/a", "/tmp/a/old"));
  mount(NULL, "/tmp", NULL, MS_PRIVATE, NULL);
  chdir("/");
  TELL(pivot_root("/tmp/a", "/tmp/a/old"));
  EXISTS("/here");
  EXISTS("/old/tmp/file");
  EXISTS("here");
  char cwd[256];
  printf("%s\n", getcwd(cwd, sizeof cwd));
  TELL(umount("/old"));
  TELL(umount2("/old", MNT_DETACH));
  EXISTS("/old/tmp/file");
  // once more, with nothing in between
  mkdir("/next", 0755);
  mount("next", "/next", "tmpfs", 0, NULL);
  chdir("/next");
  TELL(pivot_root(".", "."));
  TELL(umount2(".", MNT_DETACH));
  TELL(chdir("/"));
  EXISTS("/here");
  make("/there");
  EXISTS("/there");
}

static void confined(void) {
  mkdir("/tmp/a/root", 0755);
  make("/tmp/a/root/inside");
  make("/tmp/a/outside");
  TELL(chroot("/tmp/file"));
  TELL(chroot("/tmp/a/root"));
  chdir("/");
  EXISTS("/inside");
  EXISTS("/../outside");
  EXISTS("../../outside");
  symlink("/../outside", "/link");
  EXISTS("/link");
  TELL(unshare(CLONE_NEWUSER));
  TELL(unshare(CLONE_NEWNS));
  TELL(pivot_root("/", "/"));
}

/** What nobody can reach any more gives its room back; what is open stays. */
static void rooms(void) {
  static char block[1 << 20];
  for (int n = 0; n < 64; n++) {
    mount("x", "/tmp/a", "tmpfs", 0, "size=8m");
    int fd = open("/tmp/a/large", O_CREAT | O_RDWR, 0600), other = open("/tmp/a/kept", O_CREAT | O_RDWR, 0600);
    write(other, "kept", 4);
    for (int m = 0; m < 4; m++) if (write(fd, block, sizeof block) != sizeof block) printf("full at %d\n", n);
    close(fd);
    umount2("/tmp/a", MNT_DETACH);
    char text[5] = "";
    pread(other, text, 4, 0);
    if (strcmp(text, "kept")) printf("lost\n");
    close(other);
  }
}

static void step(const char *name, void (*run)(void)) {
  printf("-- %s\n", name);
  IN_CHILD({
    fresh();
    run();
  });
}

int main(void) {
  become_root(0);
  step("binds", binds);
  step("recursion", recursion);
  step("flags", flags);
  step("moving", moving);
  step("spreading", spreading);
  step("between", between_namespaces);
  step("locked", locked);
  step("pivot", pivot);
  step("confined", confined);
  step("rooms", rooms);
  return 0;
}
