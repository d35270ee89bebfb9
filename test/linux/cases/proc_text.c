// Files of /proc that stay open: their text is made anew where reading begins, ends with the process, and poll(2) tells when
// mounts have changed.
#include "case.h"
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/select.h>

static char text[65536];

CASE(read_again_from_the_beginning) { int fd = open("/proc/self/comm", O_RDONLY); prctl(PR_SET_NAME, "first"); R(read(fd, text, 3)); prctl(PR_SET_NAME, "other"); R(read(fd, text + 3, 99)); say("%.6s", text); R(read(fd, text, 99)); R(lseek(fd, 0, SEEK_SET)); R(read(fd, text, 99)); say("%.6s", text); prctl(PR_SET_NAME, "third"); R(pread(fd, text, 3, 1)); say("%.3s\n", text); R(pread(fd, text, 9, 6)); R(pread(fd, text, 9, 60)); }
CASE(of_a_process_that_has_ended) {
  static const char *const names[] = {"status", "stat", "statm", "cmdline", "comm", "cgroup", "limits", "io", "personality", "maps", "smaps", "smaps_rollup", "environ", "auxv", "mounts", "mountinfo", "fdinfo/1", "oom_score_adj", "schedstat", "wchan", "uid_map", "net/dev"};
  for (int n = 0; n < sizeof names / sizeof *names; n++) {
    int wait_for[2];
    pipe(wait_for);
    pid_t child = fork();
    if (child == 0) { char c; close(wait_for[1]); read(wait_for[0], &c, 1); _exit(0); }
    close(wait_for[0]);
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", child, names[n]);
    int fd = open(name, O_RDONLY);
    close(wait_for[1]);
    siginfo_t end;
    waitid(P_PID, child, &end, WEXITED | WNOWAIT);
    errno = 0;
    int as_zombie = read(fd, text, sizeof text) > 0;
    say("%s: %d %s, ", names[n], as_zombie, error_name(errno));
    wait(NULL);
    lseek(fd, 0, SEEK_SET);
    errno = 0;
    int afterwards = read(fd, text, sizeof text) > 0;
    say("%d %s\n", afterwards, error_name(errno));
    close(fd);
  }
}

static int fd;
static void polled(const char *after) { struct pollfd p = {fd, POLLIN | POLLPRI}; int count = poll(&p, 1, 0); say("%s: %d %x\n", after, count, p.revents); }
static void own_mounts(void) { mkdir("m", 0700); SYS(unshare, CLONE_NEWNS); mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); }

static void mounts_polled(const char *name) {
  own_mounts();
  fd = open(name, O_RDONLY);
  polled("at first");
  mount("t", "m", "tmpfs", 0, NULL); polled("mount"); polled("again");
  mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL); polled("flags");
  mount(NULL, "m", NULL, MS_REMOUNT, "size=1m"); polled("options");
  mount(NULL, "m", NULL, MS_SHARED, NULL); polled("shared");
  mount(NULL, "m", NULL, MS_PRIVATE, NULL); polled("private");
  mkdir("m/d", 0700); polled("mkdir");
  mount("m/d", "m/d", NULL, MS_BIND, NULL); polled("bind");
  umount("m/d"); polled("umount");
  umount2("m", MNT_DETACH); polled("detach");
  CHILD(SYS(unshare, CLONE_NEWNS); mount("t", "m", "tmpfs", 0, NULL)); polled("elsewhere");
  mount("t", "m", "tmpfs", 0, NULL); struct pollfd none = {fd, 0}; say("%d\n", poll(&none, 1, 0)); polled("nothing asked");
  umount("m");
}
CASE(mounts_are_polled) { mounts_polled("/proc/self/mounts"); }
CASE(mountinfo_is_polled) { mounts_polled("/proc/self/mountinfo"); }
CASE(mountstats_is_not_polled) { mounts_polled("/proc/self/mountstats"); }
CASE(mounts_are_waited_for) { own_mounts(); fd = open("/proc/self/mounts", O_RDONLY); if (!fork()) { pause_ms(20); mount("t", "m", "tmpfs", 0, NULL); _exit(0); } struct pollfd p = {fd, POLLPRI}; R(poll(&p, 1, 10000)); say("%x\n", p.revents); wait(NULL); umount("m"); }
CASE(mounts_are_selected) { own_mounts(); fd = open("/proc/self/mounts", O_RDONLY); mount("t", "m", "tmpfs", 0, NULL); struct timeval none = {0}; fd_set in, out, other; FD_ZERO(&in); FD_SET(fd, &in); out = other = in; R(select(fd + 1, &in, &out, &other, &none)); FD_SET(fd, &in); FD_SET(fd, &out); FD_SET(fd, &other); none = (struct timeval){0}; R(select(fd + 1, &in, NULL, &other, &none)); umount("m"); }
CASE(mounts_by_epoll) { own_mounts(); fd = open("/proc/self/mountinfo", O_RDONLY); int all = epoll_create1(0); struct epoll_event e = {EPOLLPRI}; R(epoll_ctl(all, EPOLL_CTL_ADD, fd, &e)); R(epoll_wait(all, &e, 1, 0)); mount("t", "m", "tmpfs", 0, NULL); R(epoll_wait(all, &e, 1, 0)); say("%x\n", e.events); R(epoll_wait(all, &e, 1, 0)); int stats = open("/proc/self/mountstats", O_RDONLY); R(epoll_ctl(all, EPOLL_CTL_ADD, stats, &e)); umount("m"); }
CASE(mounts_read_again) { own_mounts(); fd = open("/proc/self/mounts", O_RDONLY); long before = 0, after = 0, count; while ((count = read(fd, text, sizeof text)) > 0) before += count; mount("a-name-of-its-own", "m", "tmpfs", 0, NULL); lseek(fd, 0, SEEK_SET); while ((count = read(fd, text, sizeof text)) > 0) after += count; R(after > before); umount("m"); }
