// What each user may have: namespaces(7) "The /proc/sys/user directory", getrlimit(2) RLIMIT_MSGQUEUE and RLIMIT_SIGPENDING,
// pipe(7) "/proc files".
#include "case.h"
#include <mqueue.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>

static void put_text(const char *name, const char *text) {
  int fd = open(name, O_WRONLY);
  long count = fd < 0 ? -1 : write(fd, text, strlen(text));
  say("%s > %s: %s\n", text, name, count < 0 ? error_name(errno) : "written");
  close(fd);
}

static void user_namespace(void) {
  R(unshare(CLONE_NEWUSER));
  put_text("/proc/self/setgroups", "deny");
  put_text("/proc/self/uid_map", "0 0 1");
  put_text("/proc/self/gid_map", "0 0 1");
}

static void limit(int which, unsigned long value) {
  struct rlimit both = {value, value};
  R(setrlimit(which, &both));
}

static void as(int id) {
  chmod("..", 0755);
  if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id)) say("cannot become %d\n", id);
}

CASE(user_limits_inside) { CHILD(user_namespace(); show("/proc/sys/user/max_uts_namespaces"); show("/proc/sys/user/max_user_namespaces"); show("/proc/sys/user/max_inotify_watches")); }
CASE(uts_namespaces) { CHILD(user_namespace(); put_text("/proc/sys/user/max_uts_namespaces", "1"); R(unshare(CLONE_NEWUTS)); R(unshare(CLONE_NEWUTS)); R(unshare(CLONE_NEWIPC)); show("/proc/sys/user/max_uts_namespaces")); }
CASE(namespaces_given_back) { CHILD(user_namespace(); put_text("/proc/sys/user/max_ipc_namespaces", "1"); for (int n = 0; n < 3; n++) CHILD(R(unshare(CLONE_NEWIPC)); R(unshare(CLONE_NEWIPC)))); }
CASE(no_namespaces) { CHILD(user_namespace(); put_text("/proc/sys/user/max_mnt_namespaces", "0"); R(unshare(CLONE_NEWNS)); put_text("/proc/sys/user/max_pid_namespaces", "0"); R(unshare(CLONE_NEWPID)); put_text("/proc/sys/user/max_net_namespaces", "0"); R(unshare(CLONE_NEWNET)); put_text("/proc/sys/user/max_cgroup_namespaces", "0"); R(unshare(CLONE_NEWCGROUP)); put_text("/proc/sys/user/max_time_namespaces", "0"); R(unshare(CLONE_NEWTIME)); R(unshare(CLONE_NEWUTS | CLONE_NEWTIME)); R(unshare(CLONE_NEWUTS))); }
CASE(user_namespaces) { CHILD(user_namespace(); put_text("/proc/sys/user/max_user_namespaces", "0"); R(unshare(CLONE_NEWUSER)); put_text("/proc/sys/user/max_user_namespaces", "2"); R(unshare(CLONE_NEWUSER)); R(unshare(CLONE_NEWUSER))); }
CASE(clone_at_the_limit) { CHILD(user_namespace(); put_text("/proc/sys/user/max_uts_namespaces", "0"); R(SYS(clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0))); }
CASE(limits_of_the_namespace_above) { CHILD(user_namespace(); put_text("/proc/sys/user/max_uts_namespaces", "1"); CHILD(user_namespace(); show("/proc/sys/user/max_uts_namespaces"); R(unshare(CLONE_NEWUTS)); R(unshare(CLONE_NEWUTS)); put_text("/proc/sys/user/max_uts_namespaces", "9"); R(unshare(CLONE_NEWUTS)))); }
CASE(setting_limits) { CHILD(user_namespace(); put_text("/proc/sys/user/max_uts_namespaces", "x"); put_text("/proc/sys/user/max_uts_namespaces", "-1"); put_text("/proc/sys/user/max_uts_namespaces", "99999999999"); put_text("/proc/sys/user/max_uts_namespaces", "2147483647"); show("/proc/sys/user/max_uts_namespaces")); }
CASE(setting_limits_unprivileged) { as(1000); put_text("/proc/sys/user/max_uts_namespaces", "9"); }
CASE(inotify_instances) { CHILD(user_namespace(); put_text("/proc/sys/user/max_inotify_instances", "1"); OK(inotify_init()); OK(inotify_init())); }
CASE(inotify_watches) { CHILD(user_namespace(); put_text("/proc/sys/user/max_inotify_watches", "1"); int fd = inotify_init(); R(inotify_add_watch(fd, ".", IN_CREATE)); R(inotify_add_watch(fd, "..", IN_CREATE)); R(inotify_add_watch(fd, ".", IN_DELETE)); R(inotify_rm_watch(fd, 1)); R(inotify_add_watch(fd, "..", IN_CREATE))); }

static struct mq_attr attributes(long messages, long bytes) { return (struct mq_attr){.mq_maxmsg = messages, .mq_msgsize = bytes}; }
CASE(queue_bytes) { as(4260); limit(RLIMIT_MSGQUEUE, 10 * 96 + 100); struct mq_attr a = attributes(10, 10), b = attributes(10, 11), c = attributes(1, 1); R(close(mq_open("/a", O_CREAT | O_RDWR, 0600, &b))); R(close(mq_open("/a", O_CREAT | O_RDWR, 0600, &a))); OK(mq_open("/b", O_CREAT | O_RDWR, 0600, &c)); R(mq_unlink("/a")); R(close(mq_open("/b", O_CREAT | O_RDWR, 0600, &c))); mq_unlink("/a"); mq_unlink("/b"); mq_unlink("/c"); }
CASE(queue_open_counts) { as(4261); limit(RLIMIT_MSGQUEUE, 10 * 96 + 100); struct mq_attr a = attributes(10, 10); int fd = mq_open("/a", O_CREAT | O_RDWR, 0600, &a); R(mq_unlink("/a")); OK(mq_open("/b", O_CREAT | O_RDWR, 0600, &a)); R(close(fd)); OK(mq_open("/b", O_CREAT | O_RDWR, 0600, &a)); mq_unlink("/a"); mq_unlink("/b"); mq_unlink("/c"); }
CASE(queue_default) { as(4262); limit(RLIMIT_MSGQUEUE, 82880); OK(mq_open("/a", O_CREAT | O_RDWR, 0600, NULL)); OK(mq_open("/b", O_CREAT | O_RDWR, 0600, NULL)); limit(RLIMIT_MSGQUEUE, 82879); R(mq_unlink("/a")); mq_unlink("/a"); mq_unlink("/b"); mq_unlink("/c"); }
CASE(queue_small_limit) { as(4263); limit(RLIMIT_MSGQUEUE, 82879); OK(mq_open("/a", O_CREAT | O_RDWR, 0600, NULL)); mq_unlink("/a"); mq_unlink("/b"); mq_unlink("/c"); }
CASE(queue_of_others) {
  int ready[2], done[2];
  char byte;
  struct mq_attr a = attributes(10, 10);
  pipe(ready), pipe(done);
  if (fork() == 0) {
    as(4243);
    limit(RLIMIT_MSGQUEUE, 10 * 96 + 100);
    OK(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
    OK(mq_open("/c", O_CREAT | O_RDWR, 0600, &a));
    write(ready[1], "", 1);
    read(done[0], &byte, 1);
    mq_unlink("/b");
    _exit(0);
  }
  read(ready[0], &byte, 1);
  as(4242);
  limit(RLIMIT_MSGQUEUE, 10 * 96 + 100);
  OK(mq_open("/a", O_CREAT | O_RDWR, 0600, &a));
  OK(mq_open("/c", O_CREAT | O_RDWR, 0600, &a));
  mq_unlink("/a");
  write(done[1], "", 1);
  wait(NULL);
}

static void timer(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  int id;
  R(SYS(timer_create, CLOCK_MONOTONIC, &event, &id));
}
static void queue(void) { union sigval value = {0}; R(sigqueue(getpid(), SIGRTMIN, value)); }
static void block(void) { sigset_t set; sigfillset(&set); sigprocmask(SIG_BLOCK, &set, NULL); }
CASE(timers_take_signals) { as(4244); block(); limit(RLIMIT_SIGPENDING, 3); timer(); timer(); queue(); queue(); timer(); R(SYS(timer_delete, 0)); queue(); queue(); }
CASE(timers_without_signal) { as(4245); limit(RLIMIT_SIGPENDING, 1); struct sigevent event = {.sigev_notify = SIGEV_NONE}; int id; R(SYS(timer_create, CLOCK_MONOTONIC, &event, &id)); R(SYS(timer_create, CLOCK_MONOTONIC, &event, &id)); }
CASE(expired_timer_counts_once) { as(4246); block(); limit(RLIMIT_SIGPENDING, 2); timer(); struct itimerspec at = {.it_value = {0, 1}}; R(SYS(timer_settime, 0, 0, &at, NULL)); pause_ms(20); queue(); queue(); }
CASE(signals_of_all_processes) { as(4247); block(); limit(RLIMIT_SIGPENDING, 2); queue(); CHILD(queue(); queue()); queue(); queue(); }
CASE(standard_signals_always) { as(4248); block(); limit(RLIMIT_SIGPENDING, 0); R(kill(getpid(), SIGUSR1)); R(kill(getpid(), SIGRTMIN)); sigset_t set; sigpending(&set); say("%d %d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGRTMIN)); queue(); timer(); }

static int made[2];
static int fill(void) {
  int pipes = 0;
  for (; pipes < 200; pipes++) {
    if (pipe(made)) { say("pipe: %s\n", error_name(errno)); break; }
    if (fcntl(made[0], F_SETPIPE_SZ, 1 << 20) < 0) { say("resize: %s\n", error_name(errno)); break; }
  }
  return pipes;
}
CASE(pipe_pages) { as(4249); say("%d\n", fill()); R(fcntl(made[0], F_GETPIPE_SZ)); R(pipe(made)); R(fcntl(made[0], F_GETPIPE_SZ)); R(fcntl(made[0], F_SETPIPE_SZ, 16384)); R(fcntl(made[0], F_SETPIPE_SZ, 4096)); R(fcntl(made[0], F_GETPIPE_SZ)); R(fcntl(made[0], F_SETPIPE_SZ, 8192)); R(close(10)); R(close(11)); R(fcntl(made[0], F_SETPIPE_SZ, 16384)); R(pipe(made)); R(fcntl(made[0], F_GETPIPE_SZ)); }
CASE(pipe_pages_of_root) { int pipes = fill(); say("%d\n", pipes); R(fcntl(made[0], F_GETPIPE_SZ)); }
CASE(pipe_pages_of_fifo) { as(4250); fill(); mkfifo("/tmp/anillo-fifo", 0600); int fd = open("/tmp/anillo-fifo", O_RDWR); R(fcntl(fd, F_GETPIPE_SZ)); unlink("/tmp/anillo-fifo"); }
CASE(pipe_sizes) { as(4251); R(pipe(made)); R(fcntl(made[0], F_SETPIPE_SZ, 0)); R(fcntl(made[0], F_SETPIPE_SZ, 5000)); R(fcntl(made[0], F_SETPIPE_SZ, 1 << 21)); R(fcntl(made[0], F_SETPIPE_SZ, 0x80000000)); R(fcntl(made[0], F_SETPIPE_SZ, -1)); char page[4096]; for (int n = 0; n < 2; n++) R(write(made[1], page, sizeof page)); R(fcntl(made[0], F_SETPIPE_SZ, 4096)); R(fcntl(made[0], F_GETPIPE_SZ)); }
CASE(pipe_limits_shown) { show("/proc/sys/fs/pipe-max-size"); show("/proc/sys/fs/pipe-user-pages-soft"); show("/proc/sys/fs/pipe-user-pages-hard"); }
