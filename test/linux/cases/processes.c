// fork(2), vfork(2), clone(2), execve(2), exit(2), wait(2), setpgid(2), setsid(2), prctl(2), pidfd_open(2), kcmp(2), ...
#include "case.h"
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/sysinfo.h>
#include <linux/kcmp.h>

static char buffer[4096];
static char stack[65536] __attribute__((aligned(16)));

ONE(wait_no_children, wait(NULL))
ONE(waitpid_no_such_child, waitpid(1 << 22, NULL, 0))
ONE(waitpid_bad_options, waitpid(-1, NULL, 0x100))
ONE(waitpid_group_none, waitpid(0, NULL, 0))
ONE(waitid_bad_type, SYS(waitid, 9, 0, NULL, WEXITED, NULL))
ONE(waitid_no_events, SYS(waitid, P_ALL, 0, NULL, 0, NULL))
ONE(waitid_bad_options, SYS(waitid, P_ALL, 0, NULL, 0x40 | WEXITED, NULL))
ONE(waitid_no_children, SYS(waitid, P_ALL, 0, NULL, WEXITED, NULL))
ONE(waitid_bad_pidfd, SYS(waitid, P_PIDFD, 77, NULL, WEXITED, NULL))
ONE(waitid_pid_zero, SYS(waitid, P_PID, 0, NULL, WEXITED, NULL))
ONE(setpgid_negative, setpgid(0, -1))
ONE(setpgid_no_process, setpgid(1 << 22, 0))
ONE(setpgid_no_group, setpgid(0, 1 << 22))
ONE(getpgid_no_process, getpgid(1 << 22))
ONE(getpgid_negative, getpgid(-1))
ONE(getsid_no_process, getsid(1 << 22))
ONE(execve_missing, execve("missing", (char *[]){"x", NULL}, NULL))
ONE(execve_bad_path, execve(BAD, NULL, NULL))
ONE(execve_directory, execve(".", (char *[]){"x", NULL}, NULL))
ONE(execve_bad_arguments, execve("/proc/self/exe", (void *)BAD, NULL))
ONE(execveat_bad_flags, SYS(execveat, AT_FDCWD, "x", NULL, NULL, 1))
ONE(execveat_bad_descriptor, SYS(execveat, 77, "x", NULL, NULL, 0))
ONE(clone_thread_without_sighand, SYS(clone, CLONE_THREAD, 0, 0, 0, 0))
ONE(clone_sighand_without_vm, SYS(clone, CLONE_SIGHAND, 0, 0, 0, 0))
ONE(clone3_small, SYS(clone3, buffer, 8))
ONE(clone3_bad_address, SYS(clone3, BAD, 64))
ONE(clone3_too_big, SYS(clone3, buffer, 5000))
ONE(pidfd_open_bad_flags, SYS(pidfd_open, getpid(), 1))
ONE(pidfd_open_negative, SYS(pidfd_open, -1, 0))
ONE(pidfd_open_no_process, SYS(pidfd_open, 1 << 22, 0))
ONE(pidfd_send_bad_descriptor, SYS(pidfd_send_signal, 77, 0, NULL, 0))
ONE(pidfd_getfd_bad_descriptor, SYS(pidfd_getfd, 77, 0, 0))
ONE(personality_query, personality(0xffffffff))
ONE(uname_bad_address, SYS(uname, BAD))
ONE(sysinfo_bad_address, SYS(sysinfo, BAD))
ONE(getcpu_bad_address, SYS(getcpu, BAD, NULL, NULL))
ONE(getcpu_nothing, SYS(getcpu, NULL, NULL, NULL))
ONE(getrandom_bad_flags, SYS(getrandom, buffer, 1, 0x10))
ONE(getrandom_exclusive_flags, SYS(getrandom, buffer, 1, 6))
ONE(getrandom_bad_address, SYS(getrandom, BAD, 8, 0))
ONE(getrandom_nothing, SYS(getrandom, buffer, 0, 0))
ONE(set_tid_address_returns, SYS(set_tid_address, buffer) == getpid())
ONE(kcmp_bad_type, SYS(kcmp, getpid(), getpid(), 99, 0, 0))
ONE(kcmp_no_process, SYS(kcmp, 1 << 22, getpid(), 0, 0, 0))
ONE(syslog_bad_type, SYS(syslog, 99, buffer, 10))
ONE(reboot_bad_magic, SYS(reboot, 1, 2, 3, NULL))
ONE(acct_missing, SYS(acct, "missing"))
ONE(swapon_missing, SYS(swapon, "missing", 0))
ONE(swapoff_missing, SYS(swapoff, "missing"))
ONE(quotactl_bad, SYS(quotactl, 0, "missing", 0, buffer))
ONE(uselib_gone, SYS(uselib, "missing"))
ONE(nfsservctl_gone, SYS(nfsservctl, 0, 0, 0))
ONE(get_kernel_syms_gone, SYS(get_kernel_syms, 0))
ONE(create_module_gone, SYS(create_module, "x", 0))
ONE(query_module_gone, SYS(query_module, 0, 0, 0, 0, 0))
ONE(sysctl_gone, SYS(_sysctl, 0))
ONE(vserver_gone, SYS(vserver, 0))
ONE(afs_gone, SYS(afs_syscall, 0))
ONE(getpmsg_gone, SYS(getpmsg, 0))
ONE(putpmsg_gone, SYS(putpmsg, 0))
ONE(no_such_call, syscall(9999))
ONE(negative_call, syscall(-5))
ONE(ustat_bad, SYS(ustat, 0xffff, buffer))
ONE(sysfs_count, SYS(sysfs, 3) > 0)
ONE(sysfs_bad, SYS(sysfs, 9))
ONE(sysfs_index_of_proc, SYS(sysfs, 1, "proc") >= 0)
ONE(sysfs_index_missing, SYS(sysfs, 1, "nosuchfs"))
ONE(modify_ldt_bad, SYS(modify_ldt, 9, buffer, 16))
ONE(modify_ldt_read_empty, SYS(modify_ldt, 0, buffer, 16))

CASE(fork_exit_status) { CHILD(_exit(7)); CHILD(_exit(256 + 3)); CHILD(_exit(-1)); }
CASE(fork_killed) { CHILD(raise(SIGKILL)); CHILD(raise(SIGTERM)); CHILD(abort()); }
CASE(fork_pids) { pid_t parent = getpid(); CHILD(say("%d %d\n", getppid() == parent, getpid() != parent)); }
CASE(fork_copies_descriptors) { put("f", "abcdef"); int fd = open("f", O_RDONLY); CHILD(read(fd, buffer, 3)); R(lseek(fd, 0, SEEK_CUR)); CHILD(close(fd)); R(lseek(fd, 0, SEEK_CUR)); }
CASE(fork_clears_pending) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1); CHILD({ sigset_t pending; sigpending(&pending); say("%d\n", sigismember(&pending, SIGUSR1)); }); }
CASE(fork_clears_alarm) { alarm(100); CHILD(R(alarm(0))); R(alarm(0) > 0); }
CASE(fork_limit) { struct { unsigned long soft, hard; } limit = {1, 1}; unprivileged(); SYS(setrlimit, 6, &limit); R(fork()); }
CASE(vfork_shares_memory) { volatile int value = 1; pid_t child = vfork(); if (child == 0) { value = 2; _exit(0); } say("%d\n", value); reap(child); }
CASE(vfork_waits_for_exec) { pid_t child = vfork(); if (child == 0) { execl("/proc/self/exe", "case", "fork_exit_status", NULL); _exit(1); } reap(child); }
CASE(exit_flushes_nothing) { printf("not seen"); _exit(3); }
CASE(exit_return_code) { exit(42); }
CASE(exit_group_ends_threads) { SYS(exit_group, 5); }
CASE(exit_main_only) { SYS(exit, 6); }

CASE(wait_status_exited) { int status = 0; if (!fork()) _exit(5); wait(&status); say("%#x\n", status); }
CASE(wait_status_killed) { int status = 0; if (!fork()) { signal(SIGQUIT, SIG_DFL); struct { unsigned long soft, hard; } limit = {0, 0}; SYS(setrlimit, 4, &limit); raise(SIGTERM); } wait(&status); say("%#x\n", status); }
CASE(wait_nohang) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { close(p[1]); read(p[0], buffer, 1); _exit(0); } R(waitpid(child, NULL, WNOHANG)); close(p[1]); R(waitpid(child, NULL, 0) == child); }
CASE(wait_status_bad_address) { if (!fork()) _exit(0); R(SYS(wait4, -1, BAD, 0, NULL)); R(wait(NULL)); }
CASE(wait_any_order) { pid_t a = fork(); if (!a) _exit(1); int status; pid_t got = waitpid(-1, &status, 0); say("%d %#x\n", got == a, status); R(wait(NULL)); }
CASE(wait_other_group) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { setpgid(0, 0); write(p[1], "x", 1); _exit(0); } read(p[0], buffer, 1); R(waitpid(0, NULL, 0)); R(waitpid(-child, NULL, 0) == child); }
CASE(wait_stopped) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { raise(SIGSTOP); read(p[0], buffer, 1); _exit(4); } int status; say("%d ", waitpid(child, &status, WUNTRACED) == child); say("%#x\n", status); R(waitpid(child, &status, WNOHANG | WUNTRACED)); kill(child, SIGCONT); say("%d ", waitpid(child, &status, WCONTINUED) == child); say("%#x\n", status); write(p[1], "x", 1); waitpid(child, &status, 0); say("%#x\n", status); }
CASE(waitid_exited) { pid_t child = fork(); if (!child) _exit(9); siginfo_t info = {0}; R(waitid(P_PID, child, &info, WEXITED)); say("%d %d %d %d\n", info.si_signo, info.si_code, info.si_status, info.si_pid == child); }
CASE(waitid_killed) { pid_t child = fork(); if (!child) raise(SIGKILL); siginfo_t info = {0}; waitid(P_ALL, 0, &info, WEXITED); say("%d %d\n", info.si_code, info.si_status); }
CASE(waitid_nowait) { pid_t child = fork(); if (!child) _exit(3); siginfo_t info; R(waitid(P_PID, child, &info, WEXITED | WNOWAIT)); R(waitid(P_PID, child, &info, WEXITED | WNOWAIT)); say("%d\n", info.si_status); R(waitpid(child, NULL, 0) == child); }
CASE(waitid_nohang) { int p[2]; pipe(p); if (!fork()) { read(p[0], buffer, 1); _exit(0); } siginfo_t info = {.si_pid = 5}; R(waitid(P_ALL, 0, &info, WEXITED | WNOHANG)); say("%d\n", info.si_pid); write(p[1], "x", 1); }
CASE(waitid_stopped) { pid_t child = fork(); if (!child) { raise(SIGSTOP); _exit(0); } siginfo_t info = {0}; R(waitid(P_PID, child, &info, WSTOPPED)); say("%d %d\n", info.si_code, info.si_status); kill(child, SIGCONT); reap(child); }
CASE(waitid_pidfd) { pid_t child = fork(); if (!child) _exit(6); int fd = SYS(pidfd_open, child, 0); siginfo_t info = {0}; R(waitid(P_PIDFD, fd, &info, WEXITED)); say("%d %d\n", info.si_status, info.si_pid == child); }
CASE(waitid_pidfd_nonblocking) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { read(p[0], buffer, 1); _exit(6); } int fd = SYS(pidfd_open, child, O_NONBLOCK); siginfo_t info; R(waitid(P_PIDFD, fd, &info, WEXITED)); write(p[1], "x", 1); reap(child); }
CASE(wait_ignored_children) { signal(SIGCHLD, SIG_IGN); if (!fork()) _exit(0); R(wait(NULL)); }
CASE(wait_nocldwait) { struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}; sigaction(SIGCHLD, &action, NULL); if (!fork()) _exit(0); R(wait(NULL)); }
CASE(wait_clone_child) { pid_t child = SYS(clone, 0, 0, 0, 0, 0); if (!child) _exit(1); R(waitpid(child, NULL, WNOHANG)); R(waitpid(child, NULL, __WCLONE) == child); }
CASE(wait_clone_child_all) { pid_t child = SYS(clone, 0, 0, 0, 0, 0); if (!child) _exit(1); R(waitpid(child, NULL, __WALL) == child); }
CASE(wait_usage) { struct rusage usage; if (!fork()) { for (volatile int n = 0; n < 100000; n++) {} _exit(0); } memset(&usage, 0xff, sizeof usage); wait4(-1, NULL, 0, &usage); say("%d\n", usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec >= 0); }
CASE(orphan_adopted) { int p[2]; pipe(p); prctl(PR_SET_CHILD_SUBREAPER, 1); pid_t me = getpid(); pid_t child = fork(); if (!child) { if (!fork()) { close(p[1]); read(p[0], buffer, 1); _exit(getppid() == me ? 11 : 12); } _exit(0); } reap(child); close(p[1]); int status; wait(&status); say("%d\n", WEXITSTATUS(status)); }

CASE(setpgid_own) { pid_t child = fork(); if (!child) { R(setpgid(0, 0)); say("%d\n", getpgrp() == getpid()); _exit(0); } reap(child); }
CASE(setpgid_child) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { read(p[0], buffer, 1); say("%d\n", getpgrp() == getpid()); _exit(0); } R(setpgid(child, child)); say("%d\n", getpgid(child) == child); write(p[1], "x", 1); reap(child); }
CASE(setpgid_after_exec) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { dup2(p[0], 0); execl("/proc/self/exe", "case", "wait_for_byte", NULL); } pause_ms(100); R(setpgid(child, child)); kill(child, SIGKILL); reap(child); }
CASE(wait_for_byte) { read(0, buffer, 1); }
CASE(setpgid_leader) { CHILD({ setsid(); R(setpgid(0, 0)); }); }
CASE(setsid_new) { CHILD({ say("%d\n", setsid() == getpid()); say("%d %d\n", getsid(0) == getpid(), getpgrp() == getpid()); }); }
CASE(setsid_group_leader) { CHILD({ setpgid(0, 0); R(setsid()); }); }
CASE(setpgid_other_session) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { setsid(); write(p[1], "x", 1); pause(); } read(p[0], buffer, 1); R(setpgid(child, child)); kill(child, SIGKILL); reap(child); }

CASE(execve_not_executable) { put("f", "#!/bin/sh\n"); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_garbage) { put("f", "garbage"); chmod("f", 0755); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_empty_file) { put("f", ""); chmod("f", 0755); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_elf_truncated) { put("f", "\x7f""ELF\2\1\1"); chmod("f", 0755); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_script_interpreter_missing) { put("f", "#!missing\n"); chmod("f", 0755); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_script_empty) { put("f", "#!\n"); chmod("f", 0755); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_script_loop) { put("f", "#!f\n"); chmod("f", 0755); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_script_runs) { put("f", "#!/proc/self/exe show_arguments\n"); chmod("f", 0755); R(execve("f", (char *[]){"zero", "one", NULL}, NULL)); }
CASE(show_arguments) {}
CASE(execve_denied) { mkdir("d", 0700); put("d/f", "x"); chmod("d/f", 0755); unprivileged(); R(execve("d/f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_no_right) { put("f", "x"); chmod("f", 0644); unprivileged(); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_fifo) { mkfifo("p", 0755); R(execve("p", (char *[]){"p", NULL}, NULL)); }
CASE(execve_too_long_string) { static char big[140000]; memset(big, 'x', sizeof big - 1); R(execve("/proc/self/exe", (char *[]){"x", big, NULL}, NULL)); }
CASE(execve_busy) { put("f", "#!/proc/self/exe\n"); chmod("f", 0755); int fd = open("f", O_RDWR); R(execve("f", (char *[]){"f", NULL}, NULL)); }
CASE(execve_keeps_ignored) { signal(SIGUSR1, SIG_IGN); signal(SIGUSR2, abort); execl("/proc/self/exe", "case", "print_dispositions", NULL); }
CASE(print_dispositions) { struct sigaction action; sigaction(SIGUSR1, NULL, &action); say("%d ", action.sa_handler == SIG_IGN); sigaction(SIGUSR2, NULL, &action); say("%d\n", action.sa_handler == SIG_DFL); }
CASE(execve_keeps_mask_and_pending) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1); execl("/proc/self/exe", "case", "print_mask", NULL); }
CASE(print_mask) { sigset_t set; sigprocmask(SIG_BLOCK, NULL, &set); say("%d ", sigismember(&set, SIGUSR1)); sigpending(&set); say("%d\n", sigismember(&set, SIGUSR1)); }
CASE(execve_keeps_pid_and_directory) { mkdir("d", 0700); chdir("d"); sprintf(buffer, "%d", getpid()); setenv("OLD", buffer, 1); execl("/proc/self/exe", "case", "print_same_pid", NULL); }
CASE(print_same_pid) { say("%d %d\n", getenv("OLD") && atoi(getenv("OLD")) == getpid(), access("../d", F_OK)); }
CASE(execve_environment) { execle("/proc/self/exe", "case", "print_environment", NULL, (char *[]){"A=1", "B=two", NULL}); }
CASE(print_environment) { for (char **e = environ; *e; e++) say("%s\n", *e); }
CASE(execveat_empty_path) { int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC); R(SYS(execveat, fd, "", ((char *[]){"case", "print_environment", NULL}), ((char *[]){"X=y", NULL}), AT_EMPTY_PATH)); }
CASE(execveat_nofollow) { R(SYS(execveat, AT_FDCWD, "/proc/self/exe", ((char *[]){"case", "print_environment", NULL}), NULL, AT_SYMLINK_NOFOLLOW)); }
CASE(execve_closes_cloexec) { open("/dev/null", O_RDONLY | O_CLOEXEC); open("/dev/null", O_RDONLY); execl("/proc/self/exe", "case", "print_open", NULL); }
CASE(print_open) { R(fcntl(3, F_GETFD)); R(fcntl(4, F_GETFD)); }
CASE(execve_null_arguments) { CHILD({ execve("/proc/self/exe", NULL, NULL); say("failed\n"); _exit(1); }); }

static int thread_value;
static int thread(void *argument) { thread_value = 5; SYS(exit, 0); return 0; }
CASE(clone_vm) { int (*run)(void *) = thread; pid_t child = clone(run, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL); R(waitpid(child, NULL, 0) == child); say("%d\n", thread_value); }
CASE(clone_files_shared) { pid_t child = SYS(clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0); if (!child) { dup2(1, 30); _exit(0); } waitpid(child, NULL, 0); R(fcntl(30, F_GETFD)); }
CASE(clone_fs_shared) { mkdir("d", 0700); pid_t child = SYS(clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0); if (!child) { chdir("d"); umask(077); _exit(0); } waitpid(child, NULL, 0); R(access("../d", F_OK)); R(umask(0)); }
CASE(clone_parent) { pid_t child = fork(); if (!child) { pid_t other = SYS(clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0); if (!other) _exit(0); R(waitpid(other, NULL, 0)); _exit(0); } int count = 0; while (wait(NULL) > 0) count++; say("%d\n", count); }
CASE(clone_parent_settid) { int tid = 0; pid_t child = SYS(clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &tid, 0, 0); if (!child) _exit(0); say("%d\n", tid == child); reap(child); }
CASE(clone_pidfd) { int fd = -1; pid_t child = SYS(clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0); if (!child) _exit(0); say("%d\n", fd); R(fcntl(fd, F_GETFD)); reap(child); }
CASE(clone_pidfd_and_settid) { int fd; R(SYS(clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0)); R(SYS(clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, 0, &fd, 0, 0)); }
CASE(clone_exit_signal) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); pid_t child = SYS(clone, SIGUSR1, 0, 0, 0, 0); if (!child) _exit(3); R(waitpid(child, NULL, __WALL) == child); sigset_t pending; sigpending(&pending); say("%d\n", sigismember(&pending, SIGUSR1)); }
CASE(clone3_fork) { struct clone_args args = {.exit_signal = SIGCHLD}; pid_t child = SYS(clone3, &args, sizeof args); if (!child) _exit(8); reap(child); }
CASE(clone3_pidfd) { int fd = -1; struct clone_args args = {.exit_signal = SIGCHLD, .flags = CLONE_PIDFD, .pidfd = (unsigned long)&fd}; pid_t child = SYS(clone3, &args, sizeof args); if (!child) _exit(8); say("%d\n", fd); siginfo_t info; R(waitid(P_PIDFD, fd, &info, WEXITED)); say("%d\n", info.si_status); }
CASE(clone3_bad_values) { struct clone_args args = {.exit_signal = 100}; R(SYS(clone3, &args, sizeof args)); args.exit_signal = SIGCHLD; args.stack = 4096; R(SYS(clone3, &args, sizeof args)); args.stack = 0; args.stack_size = 4096; R(SYS(clone3, &args, sizeof args)); args.stack_size = 0; args.flags = CLONE_DETACHED; R(SYS(clone3, &args, sizeof args)); args.flags = CLONE_THREAD; R(SYS(clone3, &args, sizeof args)); args.flags = 1ULL << 40; R(SYS(clone3, &args, sizeof args)); }
CASE(clone3_chosen_number) {
  pid_t wanted[2] = {0, 1}, child = -1;
  struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (unsigned long)wanted, .set_tid_size = 1};
  for (wanted[0] = 32760; wanted[0] > 32000 && child == -1; wanted[0]--) {
    child = SYS(clone3, &args, sizeof args);
    if (child == 0) _exit(getpid() == wanted[0] ? 8 : 9);
    if (child != -1) break;
  }
  say("%d\n", child == wanted[0]);
  reap(child);
  wanted[0] = getpid();
  R(SYS(clone3, &args, sizeof args));
}
CASE(clone3_chosen_number_errors) {
  pid_t wanted[40] = {0};
  struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (unsigned long)wanted, .set_tid_size = 1};
  R(SYS(clone3, &args, sizeof args));
  wanted[0] = -1;
  R(SYS(clone3, &args, sizeof args));
  wanted[0] = 0x7fffffff;
  R(SYS(clone3, &args, sizeof args));
  args.set_tid_size = 0;
  R(SYS(clone3, &args, sizeof args));
  args.set_tid_size = 33;
  R(SYS(clone3, &args, sizeof args));
  args.set_tid = 0;
  args.set_tid_size = 1;
  R(SYS(clone3, &args, sizeof args));
  args.set_tid = 8;
  R(SYS(clone3, &args, sizeof args));
  args.set_tid = (unsigned long)wanted;
  wanted[0] = 32100;
  unprivileged();
  R(SYS(clone3, &args, sizeof args));
}
CASE(process_mrelease_errors) {
  int own = SYS(pidfd_open, getpid(), 0);
  R(SYS(process_mrelease, own, 1));
  R(SYS(process_mrelease, own, 0));
  R(SYS(process_mrelease, 77, 0));
  R(SYS(process_mrelease, 0, 0));
  pid_t child = fork();
  if (child == 0) _exit(0);
  int fd = SYS(pidfd_open, child, 0);
  reap(child);
  R(SYS(process_mrelease, fd, 0));
}
CASE(clone3_clear_sighand) { signal(SIGUSR1, abort); signal(SIGUSR2, SIG_IGN); struct clone_args args = {.exit_signal = SIGCHLD, .flags = 0x100000000ULL}; pid_t child = SYS(clone3, &args, sizeof args); if (!child) { struct sigaction action; sigaction(SIGUSR1, NULL, &action); say("%d ", action.sa_handler == SIG_DFL); sigaction(SIGUSR2, NULL, &action); say("%d\n", action.sa_handler == SIG_IGN); _exit(0); } reap(child); }

CASE(prctl_name) { R(prctl(PR_SET_NAME, "a name that is too long")); prctl(PR_GET_NAME, buffer); say("%s\n", buffer); }
CASE(personality_set) { R(personality(0x0040000)); R(personality(0xffffffff)); CHILD(R(personality(0xffffffff))); }
CASE(personality_uname26) { struct utsname u; R(personality(0x20000)); uname(&u); say("%.4s\n", u.release); }
CASE(personality_linux32) { struct utsname u; R(personality(8)); uname(&u); say("%s\n", u.machine); }

CASE(pidfd_flags) { int fd = R(SYS(pidfd_open, getpid(), 0)); R(fcntl(fd, F_GETFD)); R(read(fd, buffer, 10)); R(write(fd, buffer, 10)); }
CASE(pidfd_poll) { pid_t child = fork(); if (!child) { pause(); _exit(0); } int fd = SYS(pidfd_open, child, 0); struct pollfd p = {fd, POLLIN, 0}; R(poll(&p, 1, 0)); R(SYS(pidfd_send_signal, fd, SIGKILL, NULL, 0)); R(poll(&p, 1, -1)); say("%#x\n", p.revents); reap(child); R(SYS(pidfd_send_signal, fd, 0, NULL, 0)); }
CASE(pidfd_send_null) { int fd = SYS(pidfd_open, getpid(), 0); R(SYS(pidfd_send_signal, fd, 0, NULL, 0)); R(SYS(pidfd_send_signal, fd, 0, NULL, 64)); R(SYS(pidfd_send_signal, fd, 100, NULL, 0)); R(SYS(pidfd_send_signal, 1, 0, NULL, 0)); }
CASE(pidfd_getfd_child) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { int q[2]; pipe(q); dup2(q[0], 40); write(q[1], "secret", 6); write(p[1], "x", 1); pause(); } read(p[0], buffer, 1); int fd = SYS(pidfd_open, child, 0); int got = R(SYS(pidfd_getfd, fd, 40, 0)); R(fcntl(got, F_GETFD)); R(read(got, buffer, 10)); R(SYS(pidfd_getfd, fd, 77, 0)); R(SYS(pidfd_getfd, fd, 40, 1)); kill(child, SIGKILL); }
CASE(pidfd_of_thread) { R(SYS(pidfd_open, 0, 0)); }

CASE(kcmp_files) { int a = dup(1), b = open("/dev/null", O_RDONLY); pid_t me = getpid(); R(SYS(kcmp, me, me, KCMP_FILE, 1, a)); R(SYS(kcmp, me, me, KCMP_FILE, 1, b) != 0); R(SYS(kcmp, me, me, KCMP_FILE, 1, 77)); R(SYS(kcmp, me, me, KCMP_VM, 0, 0)); R(SYS(kcmp, me, me, KCMP_FILES, 0, 0)); }
CASE(kcmp_child) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { read(p[0], buffer, 1); _exit(0); } R(SYS(kcmp, getpid(), child, KCMP_VM, 0, 0) != 0); R(SYS(kcmp, getpid(), child, KCMP_FILE, 1, 1)); write(p[1], "x", 1); reap(child); }
CASE(uname_fields) { struct utsname u; R(uname(&u)); say("%s %s\n", u.sysname, u.machine[0] == 'x' || u.machine[0] == 'i' ? "x86" : "?"); }
CASE(sysinfo_sane) { struct sysinfo info; R(sysinfo(&info)); say("%d %d\n", info.totalram > 0, info.procs > 0); }
CASE(getcpu_zero) { unsigned cpu = 9, node = 9; cpu_set_t set; R(SYS(getcpu, &cpu, &node, NULL)); say("%d %u\n", cpu < 64, node); }
CASE(getrandom_fills) { memset(buffer, 0, 64); R(SYS(getrandom, buffer, 64, 0)); int sum = 0; for (int n = 0; n < 64; n++) sum |= buffer[n]; say("%d\n", sum != 0); R(SYS(getrandom, buffer, 300, 1)); }
CASE(getppid_in_group) { say("%d\n", getpgid(0) == getpgrp()); say("%d\n", getsid(0) == getsid(getpid())); }
CASE(ioprio) { R(SYS(ioprio_get, 1, 0)); R(SYS(ioprio_set, 1, 0, (2 << 13) | 4)); R(SYS(ioprio_get, 1, 0)); R(SYS(ioprio_set, 1, 0, 9 << 13)); R(SYS(ioprio_get, 9, 0)); R(SYS(ioprio_get, 1, 1 << 22)); }
CASE(rseq_errors) { R(SYS(rseq, NULL, 0, 0, 0)); R(SYS(rseq, buffer, 7, 0, 0)); R(SYS(rseq, buffer, 32, 5, 0)); }
CASE(prctl_pdeathsig) { int signal = -1; R(prctl(PR_SET_PDEATHSIG, SIGTERM)); R(prctl(PR_GET_PDEATHSIG, &signal)); say("%d\n", signal); CHILD({ prctl(PR_GET_PDEATHSIG, &signal); say("%d\n", signal); }); }
CASE(prctl_dumpable) { R(prctl(PR_GET_DUMPABLE)); R(prctl(PR_SET_DUMPABLE, 0)); R(prctl(PR_GET_DUMPABLE)); R(prctl(PR_SET_DUMPABLE, 2)); }
CASE(prctl_dumpable_after_setuid) { setresuid(1000, 1000, 1000); R(prctl(PR_GET_DUMPABLE)); }
CASE(prctl_keepcaps) { R(prctl(PR_GET_KEEPCAPS)); R(prctl(PR_SET_KEEPCAPS, 1)); R(prctl(PR_GET_KEEPCAPS)); }
CASE(prctl_no_new_privs) { R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); CHILD(R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))); R(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
CASE(prctl_subreaper) { int on = 5; R(prctl(PR_GET_CHILD_SUBREAPER, &on)); say("%d\n", on); R(prctl(PR_SET_CHILD_SUBREAPER, 7)); prctl(PR_GET_CHILD_SUBREAPER, &on); say("%d\n", on); }
CASE(prctl_timerslack_set) { R(prctl(PR_SET_TIMERSLACK, 12345)); R(prctl(PR_GET_TIMERSLACK)); R(prctl(PR_SET_TIMERSLACK, 0)); R(prctl(PR_GET_TIMERSLACK)); }
CASE(prctl_tsc) { int mode = 0; R(prctl(PR_GET_TSC, &mode)); say("%d\n", mode); }
CASE(prctl_tid_address) { void *address = NULL; SYS(set_tid_address, buffer); long r = prctl(PR_GET_TID_ADDRESS, &address); say("%ld %d\n", r, address == buffer); }
CASE(prctl_mm_denied) { unprivileged(); R(prctl(PR_SET_MM, PR_SET_MM_BRK, 0x10000, 0, 0)); }
CASE(pdeathsig) { int p[2]; pipe(p); prctl(PR_SET_CHILD_SUBREAPER, 1); pid_t child = fork(); if (!child) { if (!fork()) { prctl(PR_SET_PDEATHSIG, SIGTERM); write(p[1], "x", 1); pause(); } read(p[0], buffer, 1); _exit(0); } reap(child); int status; wait(&status); say("%d\n", WTERMSIG(status)); }
CASE(sethostname_sets) { char name[65]; R(sethostname("testhost", 8)); gethostname(name, sizeof name); say("%s\n", name); R(sethostname("x", 65)); R(sethostname("x", -1)); R(SYS(sethostname, BAD, 5)); struct utsname u; R(setdomainname("dom", 3)); uname(&u); say("%s\n", u.domainname); }
CASE(privileged_calls_denied) { struct timeval tv = {1, 0}; unprivileged(); R(sethostname("x", 1)); R(setdomainname("x", 1)); R(SYS(reboot, 0xfee1dead, 672274793, 0, NULL)); R(SYS(swapon, "x", 0)); R(SYS(swapoff, "x")); R(SYS(acct, NULL)); R(SYS(pivot_root, ".", ".")); R(SYS(mount, "a", ".", "tmpfs", 0, NULL)); R(SYS(umount2, "/proc", 0)); }
ONE(prctl_bad_operation, prctl(123456, 0, 0, 0, 0))
ONE(prctl_name_bad_address, prctl(PR_SET_NAME, BAD))
ONE(prctl_pdeathsig_bad, prctl(PR_SET_PDEATHSIG, 100))
ONE(prctl_dumpable_bad, prctl(PR_SET_DUMPABLE, 5))
ONE(prctl_keepcaps_bad, prctl(PR_SET_KEEPCAPS, 2))
ONE(prctl_no_new_privs_bad, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0))
ONE(prctl_no_new_privs_extra, prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0))
ONE(prctl_capbset_bad, prctl(PR_CAPBSET_READ, 99))
ONE(prctl_timerslack, prctl(PR_GET_TIMERSLACK))
ONE(prctl_tsc_bad, prctl(PR_SET_TSC, 9))
ONE(prctl_thp_bad, prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0))
ONE(prctl_thp, prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0))
ONE(prctl_timing, prctl(PR_GET_TIMING))
ONE(prctl_timing_set, prctl(PR_SET_TIMING, 1))
ONE(prctl_endian, prctl(PR_GET_ENDIAN, buffer))
ONE(prctl_unalign, prctl(PR_GET_UNALIGN, buffer))
ONE(prctl_mce, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0))
ONE(prctl_securebits, prctl(PR_GET_SECUREBITS))

CASE(signal_by_directory) {
  char path[64];
  pid_t child = fork();
  if (!child) { pause(); _exit(0); }
  sprintf(path, "/proc/%d", child);
  int fd = R(open(path, O_RDONLY | O_DIRECTORY) >= 0) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
  R(SYS(pidfd_send_signal, fd, 0, NULL, 0));
  R(SYS(pidfd_send_signal, open(path, O_PATH), 0, NULL, 0));
  R(SYS(pidfd_send_signal, open("/proc", O_RDONLY), 0, NULL, 0));
  R(SYS(pidfd_send_signal, open("/proc/self/fd", O_RDONLY), 0, NULL, 0));
  R(SYS(pidfd_getfd, fd, 1, 0));
  R(SYS(pidfd_send_signal, fd, SIGTERM, NULL, 0));
  reap(child);
  R(SYS(pidfd_send_signal, fd, 0, NULL, 0));
}
static int compared(void *type) {
  R(SYS(kcmp, getppid(), getpid(), (long)type, 0, 0) != 0);
  return 0;
}
static void compare(const char *what, long flags, long type) {
  static char stack[65536] __attribute__((aligned(16)));
  say("%s\n", what);
  reap(clone(compared, stack + sizeof stack, flags | SIGCHLD, (void *)type));
}
CASE(kcmp_shared_by_clone) {
  compare("memory", CLONE_VM | CLONE_VFORK, KCMP_VM);
  compare("directories", CLONE_FS, KCMP_FS);
  compare("own directories", 0, KCMP_FS);
  compare("input and output", CLONE_IO, KCMP_IO);
  compare("nothing of input and output", 0, KCMP_IO);
  compare("undone", CLONE_SYSVSEM, KCMP_SYSVSEM);
  compare("nothing undone", 0, KCMP_SYSVSEM);
  SYS(ioprio_set, 1, 0, (2 << 13) | 4);
  compare("shared input and output", CLONE_IO, KCMP_IO);
  compare("own input and output", 0, KCMP_IO);
}
CASE(setsid_group_left) {
  int p[2];
  pid_t old = getpgrp();
  pipe(p);
  pid_t leader = fork();
  if (!leader) {
    setpgid(0, 0);
    pid_t member = fork();
    if (!member) { char c; close(p[1]); read(p[0], &c, 1); _exit(0); }
    R(setpgid(0, old));
    R(setsid());
    close(p[1]);
    reap(member);
    OK(setsid());
    _exit(0);
  }
  close(p[1]);
  reap(leader);
}
