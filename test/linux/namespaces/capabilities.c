// Capabilities: the five sets, what user IDs and execve(2) do to them, securebits, the ambient set, no_new_privs
// (capabilities(7), prctl(2)).
#include "common.h"
#include <sys/xattr.h>
#include <linux/securebits.h>

typedef struct { unsigned long long effective, permitted, inheritable; } sets;

static sets get(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2];
  syscall(SYS_capget, &header, d);
  return (sets){d[0].effective | (unsigned long long)d[1].effective << 32, d[0].permitted | (unsigned long long)d[1].permitted << 32,
                d[0].inheritable | (unsigned long long)d[1].inheritable << 32};
}

static int set(unsigned long long effective, unsigned long long permitted, unsigned long long inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct d[2] = {{effective, permitted, inheritable}, {effective >> 32, permitted >> 32, inheritable >> 32}};
  return syscall(SYS_capset, &header, d);
}

#define ALL 0x1ffffffffffULL
static unsigned long long ambient(void) {
  unsigned long long found = 0;
  for (int n = 0; n <= 40; n++)
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, n, 0, 0) == 1) found |= 1ULL << n;
  return found;
}

static void show_sets(const char *when) {
  sets s = get();
  unsigned long long bounding = 0;
  for (int n = 0; n <= 40; n++)
    if (prctl(PR_CAPBSET_READ, n) == 1) bounding |= 1ULL << n;
  printf("%s: e %llx p %llx i %llx b %llx a %llx\n", when, s.effective & ALL, s.permitted & ALL, s.inheritable, bounding & ALL, ambient());
}

static void run_self(const char *what) {
  execl("/tmp/self", "self", what, NULL);
  printf("exec: %s\n", error_name(-1));
}

static void basic(void) {
  show_sets("root");
  TELL(set(1 << CAP_CHOWN, 1 << CAP_CHOWN | 1 << CAP_KILL, 0));
  show_sets("less");
  TELL(set(1 << CAP_SETUID, 1 << CAP_SETUID, 0));
  TELL(set(1 << CAP_KILL, 1 << CAP_CHOWN, 0));
  TELL(set(1 << CAP_KILL, 1 << CAP_CHOWN | 1 << CAP_KILL, 1 << CAP_KILL));
  TELL(set(1 << CAP_KILL, 1 << CAP_CHOWN | 1 << CAP_KILL, 1 << CAP_SETUID));
  show_sets("inheritable");
  TELL(prctl(PR_CAPBSET_DROP, CAP_KILL));
  run_self("sets");
}

static void headers(void) {
  struct __user_cap_header_struct header = {0x1234, 0};
  struct __user_cap_data_struct d[2];
  TELL(syscall(SYS_capget, &header, d));
  printf("version %x\n", header.version);
  header.version = 0x4321;
  TELL(syscall(SYS_capget, &header, NULL));
  TELL(syscall(SYS_capset, &header, d));
  header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, 0};
  TELL(syscall(SYS_capget, &header, d));
  printf("%x\n", d[0].effective);
  header.pid = 999999;
  TELL(syscall(SYS_capget, &header, d));
  TELL(syscall(SYS_capset, &header, d));
  header.pid = -1;
  TELL(syscall(SYS_capget, &header, d));
  TELL(syscall(SYS_capget, NULL, d));
}

static void bounding(void) {
  TELL(prctl(PR_CAPBSET_READ, 40));
  VALUE(prctl(PR_CAPBSET_READ, 41));
  TELL(prctl(PR_CAPBSET_DROP, 64));
  VALUE(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME));
  VALUE(prctl(PR_CAPBSET_READ, CAP_SYS_TIME));
  TELL(set(ALL, ALL, 1ULL << CAP_SYS_TIME));
  show_sets("dropped");
  run_self("sets");
}

static void ambient_set(void) {
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
  TELL(set(ALL, ALL, 1 << CAP_CHOWN | 1 << CAP_KILL));
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0));
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0));
  TELL(prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0));
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
  show_sets("raised");
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
  TELL(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
  show_sets("before exec");
  run_self("sets");
}

static void ambient_follows(void) {
  set(ALL, ALL, 1 << CAP_CHOWN | 1 << CAP_KILL);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
  TELL(set(ALL, ALL, 0));
  show_sets("inheritable gone");
  set(ALL, ALL, 1 << CAP_CHOWN);
  prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE);
  TELL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
}

static void securebits(void) {
  VALUE(prctl(PR_GET_SECUREBITS));
  TELL(prctl(PR_SET_SECUREBITS, 0x1000));
  TELL(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED));
  TELL(prctl(PR_SET_SECUREBITS, 0));
  TELL(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED));
  VALUE(prctl(PR_GET_KEEPCAPS));
  TELL(prctl(PR_SET_KEEPCAPS, 2));
  TELL(prctl(PR_SET_KEEPCAPS, 1));
  VALUE(prctl(PR_GET_SECUREBITS));
  TELL(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED));
  TELL(prctl(PR_SET_KEEPCAPS, 0));
  set(0, ALL & ~(1 << CAP_SETPCAP), 0);
  TELL(prctl(PR_SET_SECUREBITS, 0));
  run_self("sets");
}

static void privileges(void) {
  VALUE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  TELL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  TELL(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  TELL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  TELL(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
  set(1 << CAP_KILL, 1 << CAP_KILL, 0);
  run_self("sets");
}

/** With every capability but the one that counts, and then with that one alone. */
static void each(const char *name, int capability, long (*act)(void)) {
  IN_CHILD({
    set(ALL & ~(1ULL << capability), ALL & ~(1ULL << capability), 0);
    errno = 0;
    printf("%s without: %s\n", name, error_name(act()));
  });
  IN_CHILD({
    set(1ULL << capability, 1ULL << capability, 0);
    errno = 0;
    printf("%s with only: %s\n", name, error_name(act()));
  });
}

static long a_hostname(void) { return sethostname("x", 1); }
static long a_mount(void) { return mount(NULL, "/tmp", NULL, MS_PRIVATE, NULL); }
static long a_chroot(void) { return chroot("/tmp"); }
static long a_setuid(void) { return setresuid(-1, -1, 0); }
static long a_chown(void) { return chown("/tmp/self", 0, 0); }
static long a_unshare(void) { return unshare(CLONE_NEWUTS); }
static long a_netns(void) { return unshare(CLONE_NEWNET); }
static long a_bounding(void) { return prctl(PR_CAPBSET_DROP, 0); }
static long a_securebits(void) { return prctl(PR_SET_SECUREBITS, 0); }
static long a_read(void) { return open("/tmp/secret", O_RDONLY); }
static long a_write(void) { return open("/tmp/secret", O_WRONLY); }
static long a_search(void) { return access("/tmp/closed", X_OK); }
static long a_pid(void) { return unshare(CLONE_NEWPID); }

static void table(void) {
  int fd = open("/tmp/secret", O_CREAT | O_WRONLY, 0);
  close(fd);
  mkdir("/tmp/closed", 0);
  each("sethostname", CAP_SYS_ADMIN, a_hostname);
  each("mount", CAP_SYS_ADMIN, a_mount);
  each("unshare uts", CAP_SYS_ADMIN, a_unshare);
  each("unshare net", CAP_SYS_ADMIN, a_netns);
  each("unshare pid", CAP_SYS_ADMIN, a_pid);
  each("chroot", CAP_SYS_CHROOT, a_chroot);
  each("setresuid to itself", CAP_SETUID, a_setuid);
  each("chown to itself", CAP_CHOWN, a_chown);
  each("bounding set", CAP_SETPCAP, a_bounding);
  each("securebits", CAP_SETPCAP, a_securebits);
  each("read", CAP_DAC_OVERRIDE, a_read);
  each("write", CAP_DAC_OVERRIDE, a_write);
  each("search", CAP_DAC_READ_SEARCH, a_search);
}

static void file_capabilities(void) {
  // set in a user namespace they count there only; seen from inside they look like plain ones
  struct { unsigned magic, permitted, inheritable, permitted2, inheritable2; } plain = {0x02000000 | 1, 1 << CAP_KILL, 0, 0, 0};
  unsigned char seen[64];
  TELL(setxattr("/tmp/self", "security.capability", &plain, 3, 0));
  TELL(setxattr("/tmp/self", "security.capability", &plain, sizeof plain, 0));
  VALUE(getxattr("/tmp/self", "security.capability", seen, sizeof seen));
  printf("same %d\n", memcmp(seen, &plain, sizeof plain) == 0);
  IN_CHILD({
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
    run_self("sets");
  });
  IN_CHILD({
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
    prctl(PR_CAPBSET_DROP, CAP_KILL);
    run_self("sets");
  });
  plain.magic = 0x02000000;
  plain.inheritable = 1 << CAP_CHOWN;
  TELL(setxattr("/tmp/self", "security.capability", &plain, sizeof plain, 0));
  IN_CHILD({
    set(ALL, ALL, 1 << CAP_CHOWN | 1 << CAP_FOWNER);
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
    run_self("sets");
  });
  IN_CHILD({
    set(ALL, ALL, 1 << CAP_CHOWN | 1 << CAP_FOWNER);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_FOWNER, 0, 0);
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    set(0, 0, 1 << CAP_CHOWN | 1 << CAP_FOWNER);
    run_self("sets");
  });
  TELL(removexattr("/tmp/self", "security.capability"));
}

static void dumpable(void) {
  VALUE(prctl(PR_GET_DUMPABLE));
  TELL(prctl(PR_SET_DUMPABLE, 2));
  TELL(prctl(PR_SET_DUMPABLE, 0));
  VALUE(prctl(PR_GET_DUMPABLE));
  IN_CHILD(VALUE(prctl(PR_GET_DUMPABLE)));
  int signal = 77;
  TELL(prctl(PR_SET_PDEATHSIG, 65));
  TELL(prctl(PR_SET_PDEATHSIG, SIGUSR1));
  TELL(prctl(PR_GET_PDEATHSIG, &signal));
  printf("signal %d\n", signal);
  IN_CHILD({
    prctl(PR_GET_PDEATHSIG, &signal);
    printf("in the child %d\n", signal);
  });
}

static void copy_self(void) {
  char text[4096];
  int from = open("/proc/self/exe", O_RDONLY), to = open("/tmp/self", O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, text, sizeof text)) > 0;) write(to, text, n);
  close(from);
  close(to);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    show_sets("after exec");
    VALUE(prctl(PR_GET_SECUREBITS));
    return 0;
  }
  become_root(CLONE_NEWNS | CLONE_NEWUTS);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mount("none", "/tmp", "tmpfs", 0, NULL);
  copy_self();
  IN_CHILD(basic());
  IN_CHILD(headers());
  IN_CHILD(bounding());
  IN_CHILD(ambient_set());
  IN_CHILD(ambient_follows());
  IN_CHILD(securebits());
  IN_CHILD(privileges());
  IN_CHILD(table());
  IN_CHILD(file_capabilities());
  IN_CHILD(dumpable());
  return 0;
}
