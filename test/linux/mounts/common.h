// What the programs about mounts share: a tmpfs of their own on /tmp, and results printed in one way.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static long result(const char *what, long value) {
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(errno) : "");
  return value;
}

static void ok(const char *what, long value) { printf("%s: %s\n", what, value < 0 ? strerror(errno) : "ok"); }

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) {
    printf("list %s: %s\n", path, strerror(errno));
    return;
  }
  char *names[256];
  int count = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    char line[300], full[600];
    struct stat st;
    snprintf(full, sizeof full, "%s/%s", path, e->d_name);
    lstat(full, &st);
    snprintf(line, sizeof line, "  %s %o", e->d_name, st.st_mode);
    names[count++] = strdup(line);
  }
  closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  printf("%s:\n", path);
  for (int i = 0; i < count; i++) puts(names[i]);
}

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (long)strlen(text)) printf("put %s: %s\n", path, strerror(errno));
  close(fd);
}

static void show(const char *path) {
  char text[256];
  int fd = open(path, O_RDONLY);
  long count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (count < 0) printf("%s: %s\n", path, strerror(errno));
  else printf("%s: \"%.*s\"\n", path, (int)count, text);
  if (fd >= 0) close(fd);
}

static void own_tmp(void) {
  if (mount("none", "/tmp", "tmpfs", 0, "mode=1777")) perror("tmpfs"), exit(1);
  chdir("/tmp");
  umask(022);
}
