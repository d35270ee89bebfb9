// What the programs of this folder share: results printed as names, and a user namespace to work in.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/** Output comes in the order of what happens, whoever writes it and wherever it goes. */
__attribute__((constructor)) static void by_lines(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

static const char *error_name(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

#define TELL(what) do { errno = 0; long result_ = (long)(what); printf("%s: %s\n", #what, error_name(result_)); } while (0)
#define VALUE(what) do { errno = 0; long result_ = (long)(what); if (result_ < 0) printf("%s: %s\n", #what, error_name(result_)); else printf("%s = %ld\n", #what, result_); } while (0)

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

static const char *text_of(const char *path) {
  static char text[4096];
  int fd = open(path, O_RDONLY);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (size < 0) sprintf(text, "%s\n", error_name(-1));
  else text[size] = 0;
  if (fd >= 0) close(fd);
  return text;
}

static void show(const char *path) { printf("%s:\n%s", path, text_of(path)); }

/** A user namespace in which the caller is the superuser. */
static void become_root(int more) {
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | more) != 0) {
    perror("unshare");
    exit(1);
  }
  put("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %d 1", (int)uid);
  if (put("/proc/self/uid_map", map) != 0) perror("uid_map");
  snprintf(map, sizeof map, "0 %d 1", (int)gid);
  if (put("/proc/self/gid_map", map) != 0) perror("gid_map");
}

/** Runs a step in a child, so that what it does to itself ends with it. */
#define IN_CHILD(...) do { fflush(stdout); pid_t child_ = fork(); if (child_ == 0) { __VA_ARGS__; fflush(stdout); _exit(0); } int status_; waitpid(child_, &status_, 0); if (status_ != 0) printf("child: status %x\n", status_); } while (0)
