// Has what programs are restricted by and keep secrets in: keys, a Landlock domain, access control lists. It waits, and says
// whether all of it is still what it was. Run as process 1.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) printf("%s %s\n", (what) ? "ok " : "NO ", #what)
#define ACCESS "system.posix_acl_access"

enum { PROCESS = -2, SESSION = -3 };
enum { JOIN = 1, REVOKE = 3, DESCRIBE = 6, SEARCH = 10, READ = 11, TIMEOUT = 15 };
enum { READ_FILE = 4, CREATE_RULESET = 444, ADD_RULE, RESTRICT_SELF };

static long add(const char *type, const char *name, const char *data, long ring) {
  return syscall(SYS_add_key, type, name, data, data ? strlen(data) : 0, ring);
}
static long ctl(int operation, long a, long b, long c) { return syscall(SYS_keyctl, operation, a, b, c, 0L); }

/** Of the owner, user 1000, the group, the mask and others. */
static const struct {
  uint32_t version;
  struct { uint16_t tag, permissions; uint32_t id; } entries[5];
} list = {2, {{1, 6, -1}, {2, 4, 1000}, {4, 0, -1}, {16, 4, -1}, {32, 0, -1}}};

static void make(const char *name) {
  int fd = open(name, O_CREAT | O_WRONLY, 0644);
  write(fd, "text", 4);
  close(fd);
}

/** The rest can read only below /tmp/free. */
static void restrict_self(void) {
  uint64_t handled = READ_FILE;
  struct __attribute__((packed)) { uint64_t allowed; int32_t fd; } rule = {READ_FILE, open("/tmp/free", O_PATH)};
  int rules = syscall(CREATE_RULESET, &handled, sizeof handled, 0);
  CHECK(rules >= 0 && syscall(ADD_RULE, rules, 1, &rule, 0) == 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  CHECK(syscall(RESTRICT_SELF, rules, 0) == 0);
}

static int may_read(const char *name) {
  int fd = open(name, O_RDONLY);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void pass_time(void) {
  volatile double sum = 1.5;
  for (int round = 0; round < 40; round++) {
    struct timespec nap = {0, 1000000};
    nanosleep(&nap, NULL);
    for (int n = 0; n < 400; n++) sum = sum * 1.0000001 + n / 3.0;
  }
  printf("sum %.6f\n", sum);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  char text[256];
  mkdir("/tmp/free", 0755);
  make("/tmp/free/file");
  make("/tmp/file");
  CHECK(setxattr("/tmp/free/file", ACCESS, &list, sizeof list, 0) == 0);
  long session = ctl(JOIN, (long)"kept", 0, 0);
  long secret = add("user", "secret", "of mine", SESSION), ring = add("keyring", "inner", NULL, SESSION);
  long inner = add("user", "inside", "deeper", ring), gone = add("user", "gone", "x", SESSION), late = add("user", "late", "y", PROCESS);
  CHECK(session > 0 && secret > 0 && ring > 0 && inner > 0 && late > 0 && ctl(REVOKE, gone, 0, 0) == 0);
  CHECK(ctl(TIMEOUT, late, 1, 0) == 0);
  restrict_self();
  printf("ready\n");
  pass_time();
  memset(text, 0, sizeof text);
  CHECK(ctl(READ, secret, (long)text, sizeof text) == 7 && strcmp(text, "of mine") == 0);
  CHECK(syscall(SYS_keyctl, SEARCH, SESSION, "user", "inside", 0L) == inner);
  CHECK(ctl(READ, ring, (long)text, sizeof text) == 4 && memcmp(text, &(int){inner}, 4) == 0);
  CHECK(ctl(READ, gone, (long)text, sizeof text) < 0 && errno == EKEYREVOKED);
  CHECK(ctl(DESCRIBE, ring, (long)text, sizeof text) > 0 && strstr(text, "inner"));
  CHECK(ctl(READ, late, (long)text, sizeof text) == 1);
  sleep(2);
  CHECK(ctl(READ, late, (long)text, sizeof text) < 0 && errno == EKEYEXPIRED);
  CHECK(may_read("/tmp/free/file") && !may_read("/tmp/file") && errno == EACCES);
  CHECK(getxattr("/tmp/free/file", ACCESS, text, sizeof text) == sizeof list && memcmp(text, &list, sizeof list) == 0);
  struct stat status;
  CHECK(stat("/tmp/free/file", &status) == 0 && (status.st_mode & 0777) == 0640);
  if (fork() == 0) {
    setresuid(1000, 1000, 1000);
    CHECK(may_read("/tmp/free/file") && open("/tmp/free/file", O_WRONLY) < 0 && errno == EACCES);
    setvbuf(stdout, NULL, _IOLBF, 0);
    _exit(0);
  }
  int child;
  CHECK(wait(&child) > 0 && child == 0);
  return 0;
}
