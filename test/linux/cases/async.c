// Signals for what happens to open files (fcntl(2) "Managing signals", open(2) O_ASYNC).
#include "case.h"
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

static void told(int signal, siginfo_t *info, void *context) {
  if (info->si_code == SI_KERNEL) say("signal %d of the kernel\n", signal);
  else say("signal %d: code %d fd %d band %#lx\n", signal, info->si_code, info->si_fd, (long)info->si_band);
}

static void hear(int signal) {
  struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(signal, &action, NULL);
}

/** The process wants a signal for a file. */
static void watch(int fd, int signal) {
  hear(SIGIO);
  hear(signal);
  if (fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETSIG, signal) || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC))
    say("cannot watch: %s\n", error_name(errno));
}

static char text[100000];
#define REAL (SIGRTMIN + 3)

CASE(pipe_reader) { int p[2]; pipe(p); watch(p[0], REAL); R(write(p[1], "ab", 2)); R(write(p[1], "c", 1)); R(read(p[0], text, 9)); R(close(p[1])); }
CASE(pipe_writer) { int p[2]; pipe(p); watch(p[1], REAL); R(write(p[1], "ab", 2)); R(read(p[0], text, 1)); R(read(p[0], text, 1)); R(close(p[0])); }
CASE(pipe_default) { int p[2]; pipe(p); watch(p[0], 0); R(write(p[1], "ab", 2)); }
CASE(pipe_nobody) { int p[2]; pipe(p); hear(SIGIO); R(fcntl(p[0], F_SETFL, O_ASYNC)); R(write(p[1], "ab", 2)); R(fcntl(p[0], F_GETOWN)); }
CASE(pipe_off) { int p[2]; pipe(p); watch(p[0], REAL); R(fcntl(p[0], F_SETFL, 0)); R(write(p[1], "ab", 2)); }
CASE(pipe_kills) { CHILD({ int p[2]; pipe(p); fcntl(p[0], F_SETOWN, getpid()); fcntl(p[0], F_SETFL, O_ASYNC); write(p[1], "a", 1); pause_ms(50); }); }
CASE(pipe_own_codes) { int p[2]; pipe(p); watch(p[0], SIGCHLD); R(write(p[1], "ab", 2)); }
CASE(pipe_duplicate) { int p[2]; pipe(p); watch(p[0], REAL); int d = dup(p[0]); R(close(p[0])); R(write(p[1], "ab", 2)); R(close(d)); }
CASE(fifo_both) { mkfifo("fifo", 0600); int f = open("fifo", O_RDWR); watch(f, REAL); R(write(f, "ab", 2)); R(read(f, text, 2)); }
CASE(owner_group) { int p[2]; pipe(p); watch(p[0], REAL); setpgid(0, 0); R(fcntl(p[0], F_SETOWN, -getpid())); struct f_owner_ex who = {9, 9}; R(fcntl(p[0], F_GETOWN_EX, &who)); say("%d %d\n", who.type, who.pid == getpid()); R(write(p[1], "ab", 2)); }
CASE(owner_task) { int p[2]; pipe(p); watch(p[0], REAL); struct f_owner_ex who = {F_OWNER_TID, getpid()}; R(fcntl(p[0], F_SETOWN_EX, &who)); say("%d\n", fcntl(p[0], F_GETOWN) == getpid()); R(write(p[1], "ab", 2)); }
CASE(owner_bad) { int p[2]; pipe(p); struct f_owner_ex who = {3, getpid()}; R(fcntl(p[0], F_SETOWN_EX, &who)); who.type = 1; who.pid = 999999; R(fcntl(p[0], F_SETOWN_EX, &who)); R(fcntl(p[0], F_SETOWN, 999999)); R(fcntl(p[0], F_SETOWN, INT_MIN)); R(fcntl(p[0], F_SETOWN_EX, BAD)); who.type = 9; R(fcntl(p[0], F_GETOWN_EX, &who)); say("%d %d\n", who.type, who.pid); }
CASE(owner_gone) { int p[2]; pipe(p); pid_t child = fork(); if (!child) _exit(0); R(fcntl(p[0], F_SETOWN, child)); reap(child); R(fcntl(p[0], F_GETOWN)); R(fcntl(p[0], F_SETFL, O_ASYNC)); R(write(p[1], "a", 1)); }
CASE(owner_child) { int p[2], q[2]; pipe(p); pipe(q); watch(p[0], REAL); pid_t child = fork(); if (!child) { read(q[0], text, 1); _exit(0); } R(fcntl(p[0], F_SETOWN, child)); write(p[1], "ab", 2); pause_ms(20); write(q[1], "x", 1); reap(child); }
CASE(owner_denied) { int p[2]; pipe(p); hear(REAL); pid_t parent = getpid(); CHILD({ unprivileged(); fcntl(p[0], F_SETSIG, REAL); R(fcntl(p[0], F_SETOWN, parent)); fcntl(p[0], F_SETFL, O_ASYNC); R(write(p[1], "a", 1)); }); }
CASE(stream_pair) { int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s); watch(s[0], REAL); R(write(s[1], "ab", 2)); R(shutdown(s[1], SHUT_WR)); R(close(s[1])); }
CASE(stream_shut) { int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s); watch(s[0], REAL); R(shutdown(s[1], SHUT_RDWR)); }
CASE(datagrams) { int s[2]; socketpair(AF_UNIX, SOCK_DGRAM, 0, s); watch(s[0], REAL); R(write(s[1], "ab", 2)); R(write(s[1], "", 0)); R(close(s[1])); }
CASE(listening) { int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t n = sizeof a; bind(s, (void *)&a, n); getsockname(s, (void *)&a, &n); listen(s, 3); watch(s, REAL); R(connect(c, (void *)&a, n)); int e = accept(s, 0, 0); watch(e, REAL); R(write(c, "ab", 2)); pause_ms(5); R(shutdown(c, SHUT_WR)); pause_ms(5); }
CASE(udp) { int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t n = sizeof a; bind(s, (void *)&a, n); getsockname(s, (void *)&a, &n); watch(s, REAL); R(sendto(c, "ab", 2, 0, (void *)&a, n)); pause_ms(5); }
CASE(pty_slave) { int m = posix_openpt(O_RDWR | O_NOCTTY); grantpt(m); unlockpt(m); int s = open(ptsname(m), O_RDWR | O_NOCTTY); watch(s, REAL); write(m, "ab", 2); pause_ms(20); say("typed\n"); write(m, "c\n", 2); pause_ms(20); }
CASE(pty_owner) { int m = posix_openpt(O_RDWR | O_NOCTTY); say("%d\n", fcntl(m, F_GETOWN)); R(fcntl(m, F_SETFL, O_RDWR | O_ASYNC)); say("%d\n", fcntl(m, F_GETOWN) == getpid()); }
CASE(watches) { int i = inotify_init(); mkdir("d", 0755); inotify_add_watch(i, "d", IN_CREATE); watch(i, REAL); put("d/f", "x"); say("done\n"); }
CASE(no_signals) { int e = eventfd(0, 0), on = 1; R(fcntl(e, F_SETFL, O_ASYNC)); R(fcntl(e, F_GETFL) & O_ASYNC); R(ioctl(e, FIOASYNC, &on)); put("f", "x"); int f = open("f", O_RDONLY); R(ioctl(f, FIOASYNC, &on)); on = 0; R(ioctl(f, FIOASYNC, &on)); }
CASE(by_ioctl) { int p[2], on = 1; pipe(p); hear(REAL); fcntl(p[0], F_SETOWN, getpid()); fcntl(p[0], F_SETSIG, REAL); R(ioctl(p[0], FIOASYNC, &on)); R(fcntl(p[0], F_GETFL) & O_ASYNC); R(write(p[1], "ab", 2)); }
CASE(by_signalfd) { int p[2]; pipe(p); sigset_t set; sigemptyset(&set); sigaddset(&set, REAL); sigprocmask(SIG_BLOCK, &set, 0); int s = signalfd(-1, &set, 0); watch(p[0], REAL); R(write(p[1], "ab", 2)); struct signalfd_siginfo i; R(read(s, &i, sizeof i)); say("%d %d %#x\n", i.ssi_code, i.ssi_fd, i.ssi_band); }
CASE(lease) { put("f", "x"); int f = open("f", O_RDONLY); hear(SIGIO); hear(REAL); R(fcntl(f, F_SETSIG, REAL)); R(fcntl(f, F_SETLEASE, F_RDLCK)); say("%d\n", fcntl(f, F_GETOWN) == getpid()); R(open("f", O_WRONLY | O_NONBLOCK)); }
