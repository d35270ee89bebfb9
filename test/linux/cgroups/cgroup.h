// What the programs on control groups share: reading and writing small files, and names of errors.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CG "/sys/fs/cgroup/"

/** Writes a text; 0 or the error. */
static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return errno;
  int failed = write(fd, text, strlen(text)) < 0 ? errno : 0;
  close(fd);
  return failed;
}

/** The text of a file. */
static char *get(const char *path) {
  static char texts[4][65536];
  static int next;
  char *text = texts[next++ % 4];
  int fd = open(path, O_RDONLY);
  if (fd < 0) return strerrorname_np(errno) ? (char *)strerrorname_np(errno) : "?";
  ssize_t count = read(fd, text, 65535);
  close(fd);
  if (count < 0) return (char *)strerrorname_np(errno);
  text[count] = 0;
  return text;
}

/** Prints an attempt to write. */
static void try(const char *path, const char *text) {
  int failed = put(path, text);
  printf("%s <- %s: %s\n", path + strlen(CG), text, failed ? strerrorname_np(failed) : "ok");
}

/** Prints a file. */
static void show(const char *path) { printf("%s: %s", path + strlen(CG), get(path)); }

/** The number behind a key. */
static long value(const char *path, const char *key) {
  for (char *line = get(path); line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : 0)
    if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ') return atol(line + strlen(key));
  return -1;
}

static void number(char *into, long value) { sprintf(into, "%ld", value); }
static void milliseconds(long count) {
  struct timespec time = {count / 1000, count % 1000 * 1000000};
  while (nanosleep(&time, &time) < 0 && errno == EINTR);
}
/** A piece of work of some ten thousand cycles that takes the host little time. */
static void work(void) {
  static char bytes[65536];
  void *to = bytes;
  size_t count = sizeof bytes / 8;
  asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0) : "memory");
}
static const char *result(int failed) { return failed == 0 ? "ok" : strerrorname_np(errno); }
