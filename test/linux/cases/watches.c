// inotify(7): watches, and what files tell.
#include "case.h"
#include <sys/inotify.h>

static char bytes[8192];
static int in;

static void events(void) {
  ssize_t size = read(in, bytes, sizeof bytes);
  if (size < 0) say("none: %s\n", error_name(errno));
  for (char *at = bytes; size > 0 && at < bytes + size;) {
    struct inotify_event *e = (void *)at;
    say("%d %x %s%s\n", e->wd, e->mask, e->len ? e->name : "-", e->cookie ? " moved" : "");
    at += sizeof *e + e->len;
  }
}

static int watch(const char *path, uint32_t mask) {
  if (!in) in = inotify_init1(IN_NONBLOCK);
  return inotify_add_watch(in, path, mask);
}

CASE(init_flags) { R(SYS(inotify_init) > 0); int fd = R(SYS(inotify_init1, IN_CLOEXEC | IN_NONBLOCK)); R(fcntl(fd, F_GETFD)); R(SYS(inotify_init1, 1)); }
CASE(add_bad) { R(watch("missing", IN_ALL_EVENTS)); R(watch(".", 0)); R(watch(BAD, IN_OPEN)); R(inotify_add_watch(77, ".", IN_OPEN)); R(inotify_add_watch(0, ".", IN_OPEN)); put("f", ""); R(watch("f", IN_OPEN | IN_ONLYDIR)); symlink("f", "l"); R(watch("l", IN_OPEN | IN_DONT_FOLLOW)); R(watch(".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE)); }
CASE(remove_bad) { R(watch(".", IN_OPEN)); R(inotify_rm_watch(in, 99)); R(inotify_rm_watch(77, 1)); R(inotify_rm_watch(0, 1)); R(inotify_rm_watch(in, 1)); events(); R(inotify_rm_watch(in, 1)); }
CASE(numbers) { mkdir("d", 0700); R(watch(".", IN_OPEN)); R(watch("d", IN_OPEN)); R(watch(".", IN_CREATE)); R(inotify_rm_watch(in, 1)); R(watch(".", IN_OPEN)); R(watch(".", IN_OPEN | IN_MASK_CREATE)); }
CASE(create_write_close) { watch(".", IN_ALL_EVENTS); put("f", "x"); events(); }
CASE(read_close) { put("f", "x"); watch("f", IN_ALL_EVENTS); int fd = open("f", O_RDONLY); char c; read(fd, &c, 1); read(fd, &c, 1); close(fd); events(); }
CASE(equal_events_once) { put("f", "xyz"); int fd = open("f", O_RDWR); watch("f", IN_ALL_EVENTS); char c; read(fd, &c, 1); read(fd, &c, 1); write(fd, "a", 1); read(fd, &c, 1); events(); }
CASE(attributes) { put("f", ""); watch("f", IN_ALL_EVENTS); chmod("f", 0600); utimensat(AT_FDCWD, "f", NULL, 0); link("f", "g"); truncate("f", 5); events(); }
CASE(deletes_itself) { put("f", ""); watch("f", IN_ALL_EVENTS); unlink("f"); events(); events(); }
CASE(deletes_later) { put("f", ""); int fd = open("f", O_RDONLY); watch("f", IN_ALL_EVENTS); unlink("f"); events(); close(fd); events(); }
CASE(directory_entries) { mkdir("d", 0700); watch("d", IN_ALL_EVENTS); mkdir("d/sub", 0700); put("d/f", ""); unlink("d/f"); rmdir("d/sub"); symlink("x", "d/l"); mkfifo("d/p", 0600); events(); }
CASE(moves) { mkdir("a", 0700); mkdir("b", 0700); put("a/f", ""); watch("a", IN_MOVE | IN_MOVE_SELF); watch("b", IN_MOVE); watch("a/f", IN_MOVE_SELF); rename("a/f", "b/g"); events(); rename("a", "c"); events(); }
CASE(removed_directory) { mkdir("d", 0700); watch("d", IN_ALL_EVENTS); rmdir("d"); events(); }
CASE(one_shot) { put("f", ""); watch("f", IN_OPEN | IN_ONESHOT); close(open("f", O_RDONLY)); close(open("f", O_RDONLY)); events(); }
CASE(excludes_unlinked) { mkdir("d", 0700); put("d/f", ""); int fd = open("d/f", O_RDWR); watch("d", IN_MODIFY | IN_EXCL_UNLINK); write(fd, "x", 1); unlink("d/f"); write(fd, "x", 1); events(); }
CASE(small_buffer) { watch(".", IN_CREATE); put("name", ""); R(read(in, bytes, 8)); R(read(in, bytes, 16)); R(read(in, bytes, 32)); R(read(in, bytes, 32)); }
CASE(poll_ready) { watch(".", IN_CREATE); struct pollfd p = {in, POLLIN}; R(poll(&p, 1, 0)); put("f", ""); R(poll(&p, 1, 0)); }
CASE(waits) { in = inotify_init(); inotify_add_watch(in, ".", IN_CREATE); if (!fork()) { pause_ms(10); put("f", ""); _exit(0); } events(); wait(NULL); }
CASE(denied) { put("f", ""); chmod("f", 0); unprivileged(); R(watch("f", IN_OPEN)); }
CASE(executes) { watch("/proc/self/exe", IN_OPEN | IN_CLOSE_NOWRITE); int fd = open("/proc/self/exe", O_RDONLY); close(fd); events(); }
CASE(write_denied) { watch(".", IN_OPEN); R(write(in, "x", 1)); R(lseek(in, 0, SEEK_SET)); }
CASE(through_link_name) { put("f", ""); link("f", "g"); watch("f", IN_OPEN); close(open("g", O_RDONLY)); events(); }
CASE(watch_told_with_its_flags) { char line[256], name[40]; int fd = inotify_init(); put("f", ""); inotify_add_watch(fd, "f", IN_MODIFY | IN_ONESHOT | IN_EXCL_UNLINK); sprintf(name, "/proc/self/fdinfo/%d", fd); for (FILE *f = fopen(name, "r"); f && fgets(line, sizeof line, f);) if (!strncmp(line, "inotify", 7)) { char *mask = strstr(line, "mask:"); mask[strcspn(mask, " ")] = 0; say("%s\n", mask); } }
