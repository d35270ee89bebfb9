// sigaction(2), sigprocmask(2), kill(2), sigqueue(3), sigaltstack(2), sigsuspend(2), sigtimedwait(2), signalfd(2).
#include "case.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/signalfd.h>
#include <ucontext.h>

static volatile int count, last, code_, value_;
static void handler(int signal) { count++; last = signal; }
static void informed(int signal, siginfo_t *info, void *context) { count++; last = signal; code_ = info->si_code; value_ = info->si_value.sival_int; }
static void on(int signal, int flags) { struct sigaction a = {.sa_sigaction = informed, .sa_flags = flags | SA_SIGINFO}; sigaction(signal, &a, NULL); }
static sigset_t set_of(int signal) { sigset_t set; sigemptyset(&set); if (signal) sigaddset(&set, signal); return set; }
static char buffer[1024];

ONE(kill_bad_signal, kill(getpid(), 65))
ONE(kill_negative_signal, kill(getpid(), -1))
ONE(kill_zero, kill(getpid(), 0))
ONE(kill_no_process, kill(1 << 22, 0))
ONE(kill_no_group, kill(-(1 << 22), 0))
ONE(tkill_bad, SYS(tkill, 0, 10))
ONE(tkill_no_thread, SYS(tkill, 1 << 22, 10))
ONE(tgkill_bad, SYS(tgkill, -1, getpid(), 10))
ONE(tgkill_wrong_group, SYS(tgkill, getpid(), 1 << 22, 0))
ONE(sigaction_kill, SYS(rt_sigaction, SIGKILL, &(char[64]){0}, NULL, 8))
ONE(sigaction_kill_query, SYS(rt_sigaction, SIGKILL, NULL, &(char[64]){0}, 8))
ONE(sigaction_zero, SYS(rt_sigaction, 0, NULL, NULL, 8))
ONE(sigaction_65, SYS(rt_sigaction, 65, NULL, NULL, 8))
ONE(sigaction_bad_size, SYS(rt_sigaction, 10, NULL, NULL, 4))
ONE(sigaction_bad_address, SYS(rt_sigaction, 10, BAD, NULL, 8))
ONE(sigprocmask_bad_how, SYS(rt_sigprocmask, 9, &(long long){0}, NULL, 8))
ONE(sigprocmask_bad_how_query, SYS(rt_sigprocmask, 9, NULL, NULL, 8))
ONE(sigprocmask_bad_size, SYS(rt_sigprocmask, 0, NULL, NULL, 4))
ONE(sigprocmask_bad_address, SYS(rt_sigprocmask, 0, BAD, NULL, 8))
ONE(sigpending_bad_size, SYS(rt_sigpending, buffer, 16))
ONE(sigpending_bad_address, SYS(rt_sigpending, BAD, 8))
ONE(sigsuspend_bad_size, SYS(rt_sigsuspend, buffer, 4))
ONE(sigtimedwait_bad_size, SYS(rt_sigtimedwait, buffer, NULL, NULL, 4))
ONE(sigtimedwait_bad_address, SYS(rt_sigtimedwait, BAD, NULL, NULL, 8))
static int handled;
static void again(int signal) { handled++; }
CASE(handler_without_stack) {
  char *low = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction fault = {.sa_handler = again}, other = {.sa_handler = again, .sa_flags = SA_ONSTACK};
  sigaltstack(&(stack_t){.ss_sp = low, .ss_size = 65536}, NULL);
  sigaction(SIGSEGV, &fault, NULL), sigaction(SIGHUP, &other, NULL);
  R(raise(SIGHUP));
  say("%d\n", handled);
  fault.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &fault, NULL);
  R(raise(SIGHUP));
}
CASE(reset_handler_keeps_the_rest) { struct sigaction a = {.sa_handler = again, .sa_flags = SA_RESETHAND | SA_SIGINFO | SA_RESTART}; sigaddset(&a.sa_mask, SIGUSR2); sigaction(SIGUSR1, &a, NULL); raise(SIGUSR1); sigaction(SIGUSR1, NULL, &a); say("%d %d %#x %d\n", handled, a.sa_handler == SIG_DFL, a.sa_flags & ~0x04000000, sigismember(&a.sa_mask, SIGUSR2)); }
static int thread_number;
static volatile int may_end;
static void *numbered(void *nothing) { thread_number = SYS(gettid); while (!may_end) pause_ms(1); return NULL; }
CASE(ignored_signal_is_waited_for) { sigset_t set; siginfo_t info; sigemptyset(&set), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGCHLD); signal(SIGUSR2, SIG_IGN); sigprocmask(SIG_BLOCK, &set, NULL); pid_t parent = getpid(), child = fork(); if (!child) { pause_ms(20); kill(parent, SIGUSR2); pause_ms(20); _exit(0); } R(sigtimedwait(&set, &info, &(struct timespec){2})); R(sigtimedwait(&set, &info, &(struct timespec){2})); sigprocmask(SIG_UNBLOCK, &set, NULL); kill(parent, SIGUSR2); sigprocmask(SIG_BLOCK, &set, NULL); R(sigtimedwait(&set, &info, &(struct timespec){0})); }
CASE(kill_by_number_of_a_thread) { pthread_t thread; sigset_t set; siginfo_t info = {.si_code = SI_QUEUE}; sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL); pthread_create(&thread, NULL, numbered, NULL); while (!*(volatile int *)&thread_number) pause_ms(1); R(kill(thread_number, 0)); R(kill(thread_number, SIGUSR1)); R(sigtimedwait(&set, NULL, &(struct timespec){1})); R(SYS(rt_sigqueueinfo, thread_number, SIGUSR1, &info)); R(sigtimedwait(&set, NULL, &(struct timespec){1})); may_end = 1; pthread_join(thread, NULL); }
ONE(sigaltstack_small, sigaltstack(&(stack_t){.ss_sp = buffer, .ss_size = 100}, NULL))
ONE(sigaltstack_bad_flags, sigaltstack(&(stack_t){.ss_sp = buffer, .ss_flags = 77, .ss_size = 9999}, NULL))
ONE(sigaltstack_bad_address, SYS(sigaltstack, BAD, NULL))
ONE(signalfd_bad_descriptor, SYS(signalfd4, 77, &(long long){0}, 8, 0))
ONE(signalfd_not_signalfd, SYS(signalfd4, 1, &(long long){0}, 8, 0))
ONE(signalfd_bad_size, SYS(signalfd4, -1, &(long long){0}, 4, 0))
ONE(signalfd_bad_flags, SYS(signalfd4, -1, &(long long){0}, 8, 1))
ONE(sigqueueinfo_bad_address, SYS(rt_sigqueueinfo, getpid(), 10, BAD))

CASE(handler_runs) { signal(SIGUSR1, handler); R(raise(SIGUSR1)); say("%d %d\n", count, last == SIGUSR1); }
CASE(handler_information) { on(SIGUSR1, 0); kill(getpid(), SIGUSR1); say("%d %d\n", code_, count); SYS(tkill, gettid(), SIGUSR1); say("%d\n", code_); }
CASE(handler_reset) { on(SIGUSR1, SA_RESETHAND); raise(SIGUSR1); struct sigaction a; sigaction(SIGUSR1, NULL, &a); say("%d %d\n", count, a.sa_handler == SIG_DFL); raise(SIGUSR1); }
static void recursive(int signal) { if (++count < 3) raise(signal); }
CASE(handler_nodefer) { struct sigaction a = {.sa_handler = recursive, .sa_flags = SA_NODEFER}; sigaction(SIGUSR1, &a, NULL); raise(SIGUSR1); say("%d\n", count); }
CASE(handler_masks_itself) { struct sigaction a = {.sa_handler = recursive}; sigaction(SIGUSR1, &a, NULL); raise(SIGUSR1); say("%d\n", count); }
CASE(handler_masks_others) { struct sigaction a = {.sa_handler = handler}; sigaddset(&a.sa_mask, SIGUSR2); sigaction(SIGUSR1, &a, NULL); struct sigaction got; sigaction(SIGUSR1, NULL, &got); say("%d %d\n", sigismember(&got.sa_mask, SIGUSR2), sigismember(&got.sa_mask, SIGUSR1)); }
CASE(mask_without_kill) { sigset_t set; sigfillset(&set); sigprocmask(SIG_SETMASK, &set, NULL); sigprocmask(SIG_BLOCK, NULL, &set); say("%d %d %d\n", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP), sigismember(&set, SIGTERM)); }
CASE(pending_standard_once) { sigset_t set = set_of(SIGUSR1); on(SIGUSR1, 0); sigprocmask(SIG_BLOCK, &set, NULL); for (int n = 0; n < 3; n++) raise(SIGUSR1); sigset_t p; sigpending(&p); say("%d\n", sigismember(&p, SIGUSR1)); sigprocmask(SIG_UNBLOCK, &set, NULL); say("%d\n", count); }
CASE(pending_realtime_queued) { sigset_t set = set_of(SIGRTMIN); on(SIGRTMIN, 0); sigprocmask(SIG_BLOCK, &set, NULL); for (int n = 0; n < 3; n++) sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n + 10}); sigprocmask(SIG_UNBLOCK, &set, NULL); say("%d %d %d\n", count, value_, code_); }
static int order[8];
static void ordered(int signal) { order[count++] = signal; }
CASE(delivery_order) { sigset_t set; sigfillset(&set); int all[] = {SIGRTMIN + 2, SIGUSR2, SIGRTMIN, SIGUSR1, SIGTERM}; for (int n = 0; n < 5; n++) { struct sigaction a = {.sa_handler = ordered, .sa_mask = set}; sigaction(all[n], &a, NULL); } sigprocmask(SIG_SETMASK, &set, NULL); for (int n = 0; n < 5; n++) raise(all[n]); sigemptyset(&set); sigprocmask(SIG_SETMASK, &set, NULL); say("%d %d %d %d %d\n", order[0], order[1], order[2], order[3] - SIGRTMIN, order[4] - SIGRTMIN); }
CASE(ignored_is_not_pending) { sigset_t set = set_of(SIGUSR1); signal(SIGUSR1, SIG_IGN); raise(SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1); signal(SIGUSR1, SIG_IGN); sigpending(&set); say("%d\n", sigismember(&set, SIGUSR1)); }
CASE(ignore_drops_pending) { sigset_t set = set_of(SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1); signal(SIGUSR1, SIG_IGN); sigpending(&set); say("%d\n", sigismember(&set, SIGUSR1)); }
CASE(continue_drops_stop) { sigset_t set; sigfillset(&set); sigprocmask(SIG_SETMASK, &set, NULL); raise(SIGTSTP); raise(SIGCONT); sigpending(&set); say("%d %d\n", sigismember(&set, SIGTSTP), sigismember(&set, SIGCONT)); }
CASE(default_actions) { int all[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS, SIGCHLD, SIGURG, SIGWINCH, SIGCONT}; for (int n = 0; n < 26; n++) CHILD(raise(all[n])); }
CASE(default_realtime) { CHILD(SYS(tkill, gettid(), 33)); CHILD(SYS(tkill, gettid(), 64)); }
CASE(suspend_and_restore) { on(SIGUSR1, 0); sigset_t block = set_of(SIGUSR1), none = set_of(0), now; sigprocmask(SIG_BLOCK, &block, NULL); raise(SIGUSR1); R(sigsuspend(&none)); sigprocmask(SIG_BLOCK, NULL, &now); say("%d %d\n", count, sigismember(&now, SIGUSR1)); }
CASE(pause_returns) { on(SIGALRM, 0); ualarm(2000, 0); R(pause()); }
CASE(read_interrupted) { on(SIGALRM, 0); int p[2]; pipe(p); ualarm(2000, 0); R(read(p[0], buffer, 1)); }
static int pipe_[2];
static void writes(int signal) { write(pipe_[1], "x", 1); }
CASE(read_restarted) { struct sigaction a = {.sa_handler = writes, .sa_flags = SA_RESTART}; sigaction(SIGALRM, &a, NULL); pipe(pipe_); ualarm(2000, 0); R(read(pipe_[0], buffer, 1)); }
CASE(poll_not_restarted) { on(SIGALRM, SA_RESTART); int p[2]; pipe(p); ualarm(2000, 0); R(poll(&(struct pollfd){p[0], POLLIN}, 1, 5000)); }
CASE(wait_restarted) { on(SIGALRM, SA_RESTART); ualarm(2000, 0); if (!fork()) { pause_ms(10); _exit(0); } R(wait(NULL) > 0); say("%d\n", count); }
CASE(timedwait_takes) { sigset_t set = set_of(SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1); siginfo_t info; R(sigtimedwait(&set, &info, &(struct timespec){5, 0}) == SIGUSR1); say("%d %d\n", info.si_signo, info.si_code); R(sigtimedwait(&set, &info, &(struct timespec){0, 1000000})); R(sigtimedwait(&set, &info, &(struct timespec){0, 2000000000})); }
CASE(waitinfo_value) { sigset_t set = set_of(SIGRTMIN); sigprocmask(SIG_BLOCK, &set, NULL); R(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 99})); siginfo_t info; sigwaitinfo(&set, &info); say("%d %d %d\n", info.si_code, info.si_value.sival_int, info.si_pid == getpid()); }
CASE(timedwait_interrupted) { sigset_t set = set_of(SIGUSR1); on(SIGALRM, SA_RESTART); sigprocmask(SIG_BLOCK, &set, NULL); ualarm(2000, 0); R(sigwaitinfo(&set, NULL)); }
CASE(queue_forged) { siginfo_t info = {.si_code = SI_USER}; pid_t parent = getpid(); R(SYS(rt_sigqueueinfo, getpid(), 0, &info)); CHILD({ R(SYS(rt_sigqueueinfo, parent, 0, &info)); info.si_code = SI_TKILL; R(SYS(rt_sigqueueinfo, parent, 0, &info)); info.si_code = SI_QUEUE; R(SYS(rt_sigqueueinfo, parent, 0, &info)); }); }
CASE(alternate_stack) { stack_t old; R(sigaltstack(NULL, &old)); say("%d\n", old.ss_flags); static char stack[65536]; stack_t new = {.ss_sp = stack, .ss_size = sizeof stack}; R(sigaltstack(&new, NULL)); sigaltstack(NULL, &old); say("%d %d\n", old.ss_flags, old.ss_sp == stack); }
static char alternate[65536]; static volatile int inside, change;
static void where(int signal) { char c; stack_t s; inside = &c >= alternate && &c < alternate + sizeof alternate; sigaltstack(NULL, &s); count = s.ss_flags; s.ss_flags = SS_DISABLE; change = sigaltstack(&s, NULL) == -1 ? errno : 0; }
CASE(alternate_stack_used) { sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, NULL); struct sigaction a = {.sa_handler = where, .sa_flags = SA_ONSTACK}; sigaction(SIGUSR1, &a, NULL); raise(SIGUSR1); say("%d %d %s\n", inside, count, error_name(change)); }
static jmp_buf env;
static void jumps(int signal) { siglongjmp(env, 1); }
CASE(jump_out) { signal(SIGUSR1, jumps); if (!sigsetjmp(env, 1)) raise(SIGUSR1); sigset_t set; sigprocmask(SIG_BLOCK, NULL, &set); say("%d\n", sigismember(&set, SIGUSR1)); }
static void spoils(int signal) { volatile double x = 1.5; for (int n = 0; n < 10; n++) x = x * 3 + n; __asm__ volatile("fninit"); }
CASE(floating_point_kept) { signal(SIGUSR1, spoils); volatile double a = 2.25; double b = a * 3; register long double c = a / 7; raise(SIGUSR1); say("%.3f %.6Lf\n", b, c); }
static void changes(int signal, siginfo_t *info, void *context) { ucontext_t *u = context; sigaddset(&u->uc_sigmask, SIGUSR2); }
CASE(context_mask_changes) { struct sigaction a = {.sa_sigaction = changes, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &a, NULL); raise(SIGUSR1); sigset_t set; sigprocmask(SIG_BLOCK, NULL, &set); say("%d\n", sigismember(&set, SIGUSR2)); }
CASE(kill_denied) { pid_t parent = getpid(); CHILD({ unprivileged(); R(kill(parent, SIGTERM)); R(kill(parent, 0)); R(kill(getpid(), 0)); }); }
CASE(kill_group) { setpgid(0, 0); signal(SIGUSR1, SIG_IGN); pid_t child = fork(); if (!child) { signal(SIGUSR1, SIG_DFL); pause_ms(2000); _exit(0); } pause_ms(20); R(kill(0, SIGUSR1)); reap(child); }
CASE(signalfd_reads) { sigset_t set = set_of(SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); int fd = R(signalfd(-1, &set, SFD_NONBLOCK)); struct signalfd_siginfo info; R(read(fd, &info, sizeof info)); raise(SIGUSR1); R(read(fd, &info, sizeof info)); say("%d %d %d\n", info.ssi_signo, info.ssi_code, info.ssi_pid == getpid()); R(read(fd, &info, 10)); }
CASE(signalfd_poll) { sigset_t set = set_of(SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); int fd = signalfd(-1, &set, SFD_CLOEXEC); struct pollfd p = {fd, POLLIN}; R(poll(&p, 1, 0)); raise(SIGUSR1); R(poll(&p, 1, 0)); R(fcntl(fd, F_GETFD)); }
CASE(child_signal) { on(SIGCHLD, 0); CHILD(_exit(3)); say("%d %d\n", count, code_); }
CASE(child_stop_signal) { on(SIGCHLD, 0); pid_t child = fork(); if (!child) { raise(SIGSTOP); _exit(0); } int s; waitpid(child, &s, WUNTRACED); say("%d %d\n", count, code_); on(SIGCHLD, SA_NOCLDSTOP); count = 0; kill(child, SIGKILL); waitpid(child, &s, 0); say("%d %d\n", count, code_); }
CASE(sigpipe_socket) { int p[2]; pipe(p); close(p[0]); on(SIGPIPE, 0); R(write(p[1], "x", 1)); say("%d\n", count); }
CASE(stop_cannot_be_ignored) { R(signal(SIGSTOP, SIG_IGN) == SIG_ERR); R(signal(SIGKILL, handler) == SIG_ERR); }
CASE(killed_before_it_stops) { pid_t child = fork(); if (!child) { for (;;) pause(); } kill(child, SIGSTOP); int status; waitpid(child, &status, WUNTRACED); R(SYS(tgkill, child, child, SIGSTOP)); kill(child, SIGKILL); reap(child); }
#ifdef __i386__
CASE(old_masks) { R(SYS(ssetmask, 1 << (SIGUSR1 - 1))); R(SYS(sgetmask)); unsigned long set = 1 << (SIGUSR2 - 1), old; R(SYS(sigprocmask, SIG_BLOCK, &set, &old)); say("%lx\n", old); raise(SIGUSR2); R(SYS(sigpending, &set)); say("%lx\n", set); }
#endif
