// clock_gettime(2), clock_nanosleep(2), timer_create(2), setitimer(2), timerfd_create(2), alarm(2), times(2), …
#include "case.h"
#include <sys/times.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

static struct timespec now;
static volatile int fired, code_, value_;
static void count(int signal) { fired++; }
static void tell(int signal, siginfo_t *info, void *context) { fired++; code_ = info->si_code; value_ = info->si_value.sival_int; }
static void spin(void) { for (int n = 0; !fired && n < 3000; n++) for (volatile int m = 0; !fired && m < 20000; m++) {} }

ONE(gettime_bad_clock, clock_gettime(99, &now))
ONE(gettime_clock_ten, clock_gettime(10, &now))
ONE(gettime_bad_address, SYS(clock_gettime, 1, BAD))
ONE(getres_bad_clock, clock_getres(99, &now))
ONE(getres_null, clock_getres(CLOCK_MONOTONIC, NULL))
ONE(settime_monotonic, clock_settime(CLOCK_MONOTONIC, &now))
ONE(settime_bad_clock, clock_settime(99, &now))
ONE(nanosleep_negative, nanosleep(&(struct timespec){-1, 0}, NULL))
ONE(nanosleep_too_many, nanosleep(&(struct timespec){0, 1000000000}, NULL))
ONE(nanosleep_bad_address, SYS(nanosleep, BAD, NULL))
ONE(nanosleep_zero, nanosleep(&(struct timespec){0, 0}, NULL))
ONE(clock_nanosleep_bad_clock, clock_nanosleep(99, 0, &(struct timespec){0, 1}, NULL))
ONE(clock_nanosleep_raw, clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &(struct timespec){0, 1}, NULL))
ONE(clock_nanosleep_past, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){0, 1}, NULL))
ONE(clock_nanosleep_thread, clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){0, 1}, NULL))
ONE(getitimer_bad, getitimer(9, (void *)&now))
ONE(setitimer_bad, SYS(setitimer, 9, NULL, NULL))
ONE(timer_create_bad_clock, SYS(timer_create, 99, NULL, &now))
ONE(timer_create_raw, SYS(timer_create, CLOCK_MONOTONIC_RAW, NULL, &now))
ONE(timer_create_bad_address, SYS(timer_create, CLOCK_MONOTONIC, NULL, BAD))
ONE(timer_gettime_bad, SYS(timer_gettime, 77, &now))
ONE(timer_delete_bad, SYS(timer_delete, 77))
ONE(timer_getoverrun_bad, SYS(timer_getoverrun, 77))
ONE(timerfd_bad_clock, timerfd_create(99, 0))
ONE(timerfd_bad_flags, timerfd_create(CLOCK_MONOTONIC, 1))
ONE(timerfd_settime_bad, timerfd_settime(77, 0, NULL, NULL))
ONE(timerfd_settime_not_timer, ({ struct itimerspec t = {0}; timerfd_settime(1, 0, &t, NULL); }))
ONE(gettimeofday_null, gettimeofday(NULL, NULL))
ONE(gettimeofday_bad, SYS(gettimeofday, BAD, NULL))
ONE(times_null, times(NULL) > 0)
ONE(time_bad_address, SYS(time, BAD))

CASE(clocks_advance) { int clocks[] = {0, 1, 2, 3, 4, 5, 6, 7, 11}; for (int n = 0; n < 9; n++) { struct timespec a, b; clock_gettime(clocks[n], &a); clock_gettime(clocks[n], &b); say("%d: %d\n", clocks[n], b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec)); } }
CASE(clock_resolutions) { int clocks[] = {0, 1, 2, 3, 4, 7, 8, 9, 11}; for (int n = 0; n < 9; n++) { clock_getres(clocks[n], &now); say("%d: %ld.%ld\n", clocks[n], (long)now.tv_sec, now.tv_nsec); } }
CASE(cpu_clock_of_self) { clockid_t id; R(clock_getcpuclockid(0, &id)); R(clock_gettime(id, &now)); R(clock_getcpuclockid(getpid(), &id)); R(clock_gettime(id, &now)); }
CASE(cpu_clock_of_child) { int p[2]; pipe(p); pid_t child = fork(); if (!child) { char c; read(p[0], &c, 1); _exit(0); } clockid_t id; R(clock_getcpuclockid(child, &id)); R(clock_gettime(id, &now)); write(p[1], "x", 1); reap(child); R(clock_gettime(id, &now)); R(clock_getcpuclockid(1 << 22, &id)); }
CASE(sleep_interrupted) { signal(SIGALRM, (void (*)(int))count); ualarm(3000, 0); struct timespec left = {9, 9}; R(nanosleep(&(struct timespec){5, 0}, &left)); say("%ld %d\n", (long)left.tv_sec, left.tv_nsec > 0); }
CASE(sleep_absolute_interrupted) { signal(SIGALRM, (void (*)(int))count); ualarm(3000, 0); struct timespec left = {9, 9}; clock_gettime(CLOCK_MONOTONIC, &now); now.tv_sec += 5; R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, &left)); say("%ld\n", (long)left.tv_sec); }
CASE(sleep_takes_time) { struct timespec a, b; clock_gettime(CLOCK_MONOTONIC, &a); R(nanosleep(&(struct timespec){0, 5000000}, NULL)); clock_gettime(CLOCK_MONOTONIC, &b); say("%d\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 5000000); }
CASE(sleep_stopped_and_continued) { pid_t child = fork(); if (!child) { R(nanosleep(&(struct timespec){0, 20000000}, NULL)); _exit(0); } pause_ms(2); kill(child, SIGSTOP); int s; waitpid(child, &s, WUNTRACED); kill(child, SIGCONT); reap(child); }
CASE(alarm_replaces) { R(alarm(100)); R(alarm(50)); R(alarm(0)); R(alarm(0)); }
CASE(alarm_kills) { ualarm(2000, 0); pause(); }
CASE(alarm_survives_exec) { R(alarm(100)); execl("/proc/self/exe", "case", "alarm_left", NULL); }
CASE(alarm_left) { say("%d\n", alarm(0) > 0); }
CASE(itimer_real) { signal(SIGALRM, (void (*)(int))count); R(setitimer(ITIMER_REAL, &(struct itimerval){{0, 2000}, {0, 2000}}, NULL)); while (fired < 3) pause(); struct itimerval old; R(setitimer(ITIMER_REAL, &(struct itimerval){0}, &old)); say("%ld %ld\n", (long)old.it_interval.tv_sec, (long)old.it_interval.tv_usec); R(getitimer(ITIMER_REAL, &old)); say("%ld\n", (long)old.it_value.tv_usec); }
CASE(itimer_virtual) { signal(SIGVTALRM, (void (*)(int))count); R(setitimer(ITIMER_VIRTUAL, &(struct itimerval){{0, 0}, {0, 10000}}, NULL)); spin(); say("%d\n", fired); }
CASE(itimer_prof) { signal(SIGPROF, (void (*)(int))count); R(setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 10000}}, NULL)); spin(); say("%d\n", fired); }
CASE(itimer_prof_kills) { setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 5000}}, NULL); for (;;) {} }
CASE(itimer_bad_microseconds) { R(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000000}}, NULL)); R(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {-1, 0}}, NULL)); }
CASE(itimer_not_inherited) { setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {50, 0}}, NULL); CHILD({ struct itimerval old; getitimer(ITIMER_PROF, &old); say("%ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec); }); }

static timer_t make(clockid_t clock, int notify) { timer_t id; struct sigevent e = {.sigev_notify = notify, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7}; say("create %d\n", timer_create(clock, &e, &id)); return id; }
static void listen_(void) { struct sigaction a = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &a, NULL); }
CASE(timer_once) { listen_(); timer_t t = make(CLOCK_MONOTONIC, SIGEV_SIGNAL); R(timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 3000000}}, NULL)); while (!fired) pause(); say("%d %d %d\n", fired, code_, value_); struct itimerspec v; R(timer_gettime(t, &v)); say("%ld %ld\n", (long)v.it_value.tv_sec, v.it_value.tv_nsec); R(timer_delete(t)); }
CASE(timer_repeats) { listen_(); timer_t t = make(CLOCK_REALTIME, SIGEV_SIGNAL); timer_settime(t, 0, &(struct itimerspec){{0, 2000000}, {0, 2000000}}, NULL); while (fired < 3) pause(); timer_delete(t); say("ok\n"); }
CASE(timer_absolute) { listen_(); timer_t t = make(CLOCK_REALTIME, SIGEV_SIGNAL); clock_gettime(CLOCK_REALTIME, &now); now.tv_nsec += 3000000; if (now.tv_nsec >= 1000000000) { now.tv_sec++; now.tv_nsec -= 1000000000; } R(timer_settime(t, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, now}, NULL)); while (!fired) pause(); say("%d\n", fired); }
CASE(timer_old_value) { timer_t t = make(CLOCK_MONOTONIC, SIGEV_SIGNAL); timer_settime(t, 0, &(struct itimerspec){{5, 0}, {100, 0}}, NULL); struct itimerspec old; R(timer_settime(t, 0, &(struct itimerspec){0}, &old)); say("%ld %d\n", (long)old.it_interval.tv_sec, old.it_value.tv_sec >= 98); R(timer_gettime(t, &old)); say("%ld\n", (long)old.it_value.tv_sec); }
CASE(timer_bad_values) { timer_t t = make(CLOCK_MONOTONIC, SIGEV_SIGNAL); R(timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 1000000000}}, NULL)); R(timer_settime(t, 0, &(struct itimerspec){{0, -1}, {0, 1}}, NULL)); R(SYS(timer_settime, 77, 0, &(struct itimerspec){0}, NULL)); R(SYS(timer_settime, 0, 0, NULL, NULL)); }
CASE(timer_bad_events) { timer_t id; struct sigevent e = {.sigev_notify = 99, .sigev_signo = SIGUSR1}; R(SYS(timer_create, CLOCK_MONOTONIC, &e, &id)); e.sigev_notify = SIGEV_SIGNAL; e.sigev_signo = 0; R(SYS(timer_create, CLOCK_MONOTONIC, &e, &id)); e.sigev_signo = 65; R(SYS(timer_create, CLOCK_MONOTONIC, &e, &id)); e.sigev_signo = 10; e.sigev_notify = SIGEV_THREAD_ID; e._sigev_un._tid = 1 << 22; R(SYS(timer_create, CLOCK_MONOTONIC, &e, &id)); }
CASE(timer_none) { timer_t t = make(CLOCK_MONOTONIC, SIGEV_NONE); timer_settime(t, 0, &(struct itimerspec){{0, 0}, {100, 0}}, NULL); struct itimerspec v; R(timer_gettime(t, &v)); say("%d\n", v.it_value.tv_sec >= 99); timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL); pause_ms(2); R(timer_gettime(t, &v)); say("%ld %ld\n", (long)v.it_value.tv_sec, v.it_value.tv_nsec); }
CASE(timer_thread_id) { listen_(); timer_t id; struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 8}; e._sigev_un._tid = SYS(gettid); R(timer_create(CLOCK_MONOTONIC, &e, &id)); timer_settime(id, 0, &(struct itimerspec){{0, 0}, {0, 2000000}}, NULL); while (!fired) pause(); say("%d\n", value_); }
CASE(timer_default_event) { signal(SIGALRM, (void (*)(int))count); timer_t id; R(timer_create(CLOCK_MONOTONIC, NULL, &id)); timer_settime(id, 0, &(struct itimerspec){{0, 0}, {0, 2000000}}, NULL); while (!fired) pause(); say("%d\n", fired); }
CASE(timer_cpu) { listen_(); timer_t t = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL); R(timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 10000000}}, NULL)); spin(); say("%d\n", fired); }
CASE(timer_cpu_thread) { listen_(); timer_t t = make(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL); R(timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 10000000}}, NULL)); spin(); say("%d\n", fired); }
CASE(timer_overrun) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); timer_t t = make(CLOCK_MONOTONIC, SIGEV_SIGNAL); timer_settime(t, 0, &(struct itimerspec){{0, 1000000}, {0, 1000000}}, NULL); pause_ms(20); siginfo_t info; sigwaitinfo(&set, &info); say("%d %d\n", info.si_overrun > 5, info.si_code); say("%d\n", timer_getoverrun(t) > 5); }
CASE(timer_not_inherited) { timer_t t = make(CLOCK_MONOTONIC, SIGEV_SIGNAL); CHILD({ struct itimerspec v; R(SYS(timer_gettime, 0, &v)); }); }
CASE(timer_gone_after_exec) { timer_t t = make(CLOCK_MONOTONIC, SIGEV_SIGNAL); timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 20000000}}, NULL); execl("/proc/self/exe", "case", "timer_no_more", NULL); }
CASE(timer_no_more) { struct itimerspec v; R(SYS(timer_gettime, 0, &v)); pause_ms(30); }
CASE(timer_numbers) { timer_t a, b; SYS(timer_create, 1, NULL, &a); SYS(timer_create, 1, NULL, &b); say("%d %d\n", *(int *)&a, *(int *)&b); }

CASE(timerfd_expires) { int fd = R(timerfd_create(CLOCK_MONOTONIC, 0)); R(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 2000000}}, NULL)); uint64_t n; R(read(fd, &n, 8)); say("%d\n", (int)n); struct itimerspec v; R(timerfd_gettime(fd, &v)); say("%ld\n", v.it_value.tv_nsec); }
CASE(timerfd_nonblocking) { int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC); uint64_t n; R(read(fd, &n, 8)); R(read(fd, &n, 4)); R(write(fd, &n, 8)); R(fcntl(fd, F_GETFD)); }
CASE(timerfd_counts) { int fd = timerfd_create(CLOCK_MONOTONIC, 0); timerfd_settime(fd, 0, &(struct itimerspec){{0, 1000000}, {0, 1000000}}, NULL); pause_ms(20); uint64_t n; R(read(fd, &n, 8)); say("%d\n", n >= 10); }
CASE(timerfd_bad_values) { int fd = timerfd_create(CLOCK_MONOTONIC, 0); R(timerfd_settime(fd, 99, &(struct itimerspec){0}, NULL)); R(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 1000000000}}, NULL)); R(SYS(timerfd_settime, fd, 0, BAD, NULL)); }
CASE(timerfd_disarm) { int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); timerfd_settime(fd, 0, &(struct itimerspec){{3, 0}, {100, 0}}, NULL); struct itimerspec old; R(timerfd_settime(fd, 0, &(struct itimerspec){0}, &old)); say("%ld %d\n", (long)old.it_interval.tv_sec, old.it_value.tv_sec >= 98); }
CASE(timerfd_poll) { int fd = timerfd_create(CLOCK_MONOTONIC, 0); struct pollfd p = {fd, POLLIN, 0}; R(poll(&p, 1, 0)); timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 0}, {0, 1}}, NULL); R(poll(&p, 1, 1000)); say("%#x\n", p.revents); }
CASE(settime_denied) { unprivileged(); R(clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0})); R(SYS(settimeofday, &((struct timeval){1, 0}), NULL)); struct timex t = {.modes = ADJ_FREQUENCY}; R(adjtimex(&t)); }
CASE(settime_bad) { R(clock_settime(CLOCK_REALTIME, &(struct timespec){0, -1})); R(SYS(clock_settime, 0, BAD)); }
CASE(adjtimex_read) { struct timex t = {0}; R(adjtimex(&t) >= 0); say("%ld %ld\n", t.tick, t.time.tv_sec > 0 ? 1L : 0L); R(clock_adjtime(CLOCK_REALTIME, &t) >= 0); R(clock_adjtime(CLOCK_MONOTONIC, &t)); }
CASE(times_fields) { struct tms t; R(times(&t) > 0); say("%d %d\n", (int)t.tms_cutime, (int)t.tms_cstime); }
CASE(time_agrees) { time_t a = time(NULL), b; time(&b); struct timeval tv; gettimeofday(&tv, NULL); say("%d %d\n", b - a <= 1, tv.tv_sec - b <= 1); }

/** What is set is set back at once: the clock of the machine is asked. */
static struct timex before, set;
static void restore(void) {
  before.modes = ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS | ADJ_TICK;
  R(adjtimex(&before) >= 0);
  set = (struct timex){.modes = ADJ_TIMECONST, .constant = before.constant - (before.status & STA_NANO ? 0 : 4)};
  R(adjtimex(&set) >= 0);
}
CASE(adjtimex_sets) {
  R(adjtimex(&before) >= 0);
  set = (struct timex){.modes = ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TICK, .freq = 6553600, .maxerror = 1234, .esterror = 777, .tick = 10001};
  R(adjtimex(&set) >= 0);
  say("%ld %d %ld %ld\n", set.freq, set.maxerror >= 1234 && set.maxerror < 9999, set.esterror, set.tick);
  set = (struct timex){0};
  R(adjtimex(&set) >= 0);
  say("%ld %ld %ld\n", set.freq, set.esterror, set.tick);
  set = (struct timex){.modes = ADJ_FREQUENCY, .freq = 99999999};
  R(adjtimex(&set) >= 0);
  say("%ld %ld %ld\n", set.freq, set.tolerance, set.precision);
  restore();
}
CASE(adjtimex_status) {
  R(adjtimex(&before) >= 0);
  set = (struct timex){.modes = ADJ_STATUS, .status = STA_UNSYNC | STA_FREQHOLD | STA_RONLY};
  R(adjtimex(&set));
  say("%#x\n", set.status & ~STA_NANO);
  set = (struct timex){.modes = ADJ_NANO};
  R(adjtimex(&set));
  say("%#x\n", set.status);
  set = (struct timex){.modes = ADJ_TIMECONST, .constant = 3};
  R(adjtimex(&set));
  say("%ld\n", set.constant);
  set = (struct timex){.modes = ADJ_MICRO};
  R(adjtimex(&set));
  set = (struct timex){.modes = ADJ_TIMECONST, .constant = 3};
  R(adjtimex(&set));
  say("%ld %#x\n", set.constant, set.status);
  set = (struct timex){.modes = ADJ_TIMECONST, .constant = 9};
  R(adjtimex(&set));
  say("%ld\n", set.constant);
  set = (struct timex){.modes = ADJ_OFFSET, .offset = 1000};
  R(adjtimex(&set));
  say("%ld\n", set.offset);
  restore();
}
CASE(adjtimex_errors) {
  set = (struct timex){.modes = ADJ_TICK, .tick = 8999};
  R(adjtimex(&set));
  set.tick = 11001;
  R(adjtimex(&set));
  set = (struct timex){.modes = ADJ_SETOFFSET, .time = {0, -1}};
  R(adjtimex(&set));
  set.time.tv_usec = 1000000;
  R(adjtimex(&set));
  set = (struct timex){.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {0, 1000000000}};
  R(adjtimex(&set));
  unprivileged();
  set = (struct timex){.modes = ADJ_OFFSET_SS_READ};
  R(adjtimex(&set) >= 0);
  say("%ld\n", set.offset);
  set = (struct timex){.modes = ADJ_OFFSET_SINGLESHOT};
  R(adjtimex(&set));
  set = (struct timex){.modes = ADJ_TICK, .tick = 1};
  R(adjtimex(&set));
  set = (struct timex){.modes = ADJ_SETOFFSET};
  R(adjtimex(&set));
}
