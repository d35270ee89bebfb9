// Pseudoterminals: opening, locks, line editing, echo, raw reads, signals, job control, packet mode, hang-up.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master, slave;

static void result(const char *what, long value) {
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(errno) : "");
}

/* Waits until something is so: a busy Linux takes its time to pass on what was typed. */
#define UNTIL(so) for (int turns_ = 0; !(so) && turns_ < 500; turns_++) usleep(20000)

static void shownWithin(const char *what, int fd, int milliseconds) {
  char text[256];
  struct pollfd something = {fd, POLLIN};
  poll(&something, 1, milliseconds);
  usleep(20000);
  int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  long count = read(fd, text, sizeof text);
  int error = errno;
  fcntl(fd, F_SETFL, flags);
  printf("%s:", what);
  if (count < 0) printf(" %s", strerror(error));
  for (long i = 0; i < count; i++)
    if (text[i] >= 32 && text[i] < 127) putchar(text[i]);
    else printf("\\%o", text[i] & 255);
  printf("\n");
}

/** What there is, or will be. */
static void shown(const char *what, int fd) { shownWithin(what, fd, 10000); }

/** Nothing is to be there. */
static void nothing(const char *what, int fd) { shownWithin(what, fd, 300); }

static void type(const char *keys) {
  write(master, keys, strlen(keys));
  usleep(20000);
}

static void pair(void) {
  char name[64];
  int number;
  master = posix_openpt(O_RDWR | O_NOCTTY);
  ioctl(master, TIOCGPTN, &number);
  snprintf(name, sizeof name, "/dev/pts/%d", number);
  slave = open(name, O_RDWR | O_NOCTTY);
  result("locked", slave);
  int lock;
  result("get lock", ioctl(master, TIOCGPTLCK, &lock));
  printf("lock %d\n", lock);
  result("grant", grantpt(master));
  result("unlock", unlockpt(master));
  printf("name %d\n", !strcmp(ptsname(master), name));
  slave = open(name, O_RDWR | O_NOCTTY);
  printf("slave %d tty %d\n", slave >= 0, isatty(slave));
  struct stat st;
  fstat(slave, &st);
  printf("mode %o major %d\n", st.st_mode & S_IFMT, (int)(st.st_rdev >> 8));
  int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  printf("peer %d %d\n", peer >= 0, !strcmp(ttyname(peer), name));
  close(peer);
}

static void lines(void) {
  nothing("nothing yet", slave);
  type("helo\177lo\n");
  shown("echo", master);
  shown("line", slave);
  type("one two  three\027X\n");
  shown("word erased echo", master);
  shown("word erased", slave);
  type("abc\025def\n");
  shown("kill echo", master);
  shown("kill", slave);
  type("a\001b\tc\177\177d\n");
  shown("control echo", master);
  shown("control", slave);
  type("\026\003lit\n");
  shown("literal echo", master);
  shown("literal", slave);
  type("redo\022\n");
  shown("reprint echo", master);
  shown("reprint", slave);
  type("end\004");
  shown("eof ends the line", slave);
  type("\004");
  shown("eof alone", slave);
  type("two\nlines\n");
  shown("first", slave);
  shown("second", slave);
  shown("echo of both", master);
  write(slave, "out\n\tput\r\n", 10);
  shown("output", master);
  char text[4];
  type("longer\n");
  result("short read", read(slave, text, 3));
  shown("rest", slave);
  shown("", master);
  int waiting = 0;
  type("abc\nde");
  UNTIL(ioctl(slave, FIONREAD, &waiting) < 0 || waiting > 0);
  printf("waiting %d\n", waiting);
  result("flush", tcflush(slave, TCIFLUSH));
  nothing("flushed", slave);
  shown("", master);
}

static void raw(void) {
  struct termios t;
  tcgetattr(slave, &t);
  printf("flags %o %o %o %o\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
  printf("speed %d %d\n", cfgetospeed(&t) == B38400, cfgetispeed(&t) == B38400);
  for (int i = 0; i < 17; i++) printf("%d ", t.c_cc[i]);
  printf("\n");
  struct termios saved = t;
  cfmakeraw(&t);
  t.c_cc[VMIN] = 3;
  t.c_cc[VTIME] = 0;
  tcsetattr(slave, TCSANOW, &t);
  type("ab");
  struct pollfd p = {slave, POLLIN, 0};
  result("poll", poll(&p, 1, 0));
  type("c");
  result("poll", poll(&p, 1, 10000));
  shown("three", slave);
  nothing("no echo", master);
  t.c_cc[VMIN] = 0;
  t.c_cc[VTIME] = 1;
  tcsetattr(slave, TCSANOW, &t);
  char text[16];
  result("timed out", read(slave, text, sizeof text));
  t.c_cc[VMIN] = 5;
  t.c_cc[VTIME] = 1;
  tcsetattr(slave, TCSANOW, &t);
  type("xy");
  result("between bytes", read(slave, text, sizeof text));
  t.c_cc[VMIN] = 0;
  t.c_cc[VTIME] = 0;
  tcsetattr(slave, TCSANOW, &t);
  result("at once", read(slave, text, sizeof text));
  t.c_iflag |= INLCR | ISTRIP;
  t.c_oflag = OPOST | OLCUC | OCRNL;
  tcsetattr(slave, TCSANOW, &t);
  type("\n\341");
  shown("mapped", slave);
  write(slave, "low\r", 4);
  shown("mapped output", master);
  tcsetattr(slave, TCSAFLUSH, &saved);
  tcgetattr(slave, &t);
  printf("restored %d\n", t.c_lflag == saved.c_lflag);
  tcflow(slave, TCOOFF);
  fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  result("stopped", write(slave, "x", 1));
  type("\021");
  result("started by key", write(slave, "x", 1));
  type("\023");
  result("stopped by key", write(slave, "x", 1));
  tcflow(slave, TCOON);
  fcntl(slave, F_SETFL, O_RDWR);
  nothing("flow", master);
}

static void packets(void) {
  int on = 1;
  result("packet mode", ioctl(master, TIOCPKT, &on));
  write(slave, "hi", 2);
  shown("data", master);
  tcflush(slave, TCIFLUSH);
  struct pollfd p = {master, POLLIN | POLLPRI, 0};
  poll(&p, 1, 0);
  printf("events %x\n", p.revents);
  shown("flushed", master);
  tcflow(slave, TCOOFF);
  shown("stopped", master);
  tcflow(slave, TCOON);
  shown("started", master);
  on = 0;
  ioctl(master, TIOCPKT, &on);
  struct winsize w = {30, 100, 0, 0};
  result("set size", ioctl(master, TIOCSWINSZ, &w));
  memset(&w, 0, sizeof w);
  result("get size", ioctl(slave, TIOCGWINSZ, &w));
  printf("%d x %d\n", w.ws_row, w.ws_col);
  result("no terminal", ioctl(open("/dev/null", O_RDWR), TCGETS, &w));
}

static volatile int got;
static void handler(int signal) { got = signal; }

static void session(void) {
  fflush(stdout);
  pid_t leader = fork();
  if (!leader) {
    setsid();
    result("no tty yet", open("/dev/tty", O_RDWR));
    result("take", ioctl(slave, TIOCSCTTY, 0));
    printf("tty %d\n", open("/dev/tty", O_RDWR) >= 0);
    printf("foreground %d session %d\n", tcgetpgrp(slave) == getpid(), tcgetsid(slave) == getpid());
    struct sigaction act = {.sa_handler = handler};
    sigaction(SIGINT, &act, 0);
    sigaction(SIGQUIT, &act, 0);
    sigaction(SIGWINCH, &act, 0);
    sigaction(SIGHUP, &act, 0);
    sigaction(SIGCONT, &act, 0);
    type("lost\003");
    UNTIL(got == SIGINT);
    printf("interrupt %d\n", got == SIGINT);
    type("\034");
    UNTIL(got == SIGQUIT);
    printf("quit %d\n", got == SIGQUIT);
    shown("echo", master);
    struct winsize w = {31, 101, 0, 0};
    ioctl(master, TIOCSWINSZ, &w);
    UNTIL(got == SIGWINCH);
    printf("winch %d\n", got == SIGWINCH);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
      setpgid(0, 0);
      char c;
      signal(SIGTTIN, SIG_DFL);
      signal(SIGCONT, SIG_DFL);
      long count = read(slave, &c, 1);
      printf("read after coming back: %ld %c\n", count, c);
      fflush(stdout);
      struct termios t;
      tcgetattr(slave, &t);
      t.c_lflag |= TOSTOP;
      signal(SIGTTOU, SIG_IGN);
      result("set with SIGTTOU ignored", tcsetattr(slave, TCSANOW, &t));
      result("write with SIGTTOU ignored", write(slave, "w", 1));
      signal(SIGTTIN, SIG_IGN);
      tcsetpgrp(slave, getppid());
      result("read with SIGTTIN ignored", read(slave, &c, 1));
      signal(SIGTTOU, SIG_DFL);
      fflush(stdout);
      write(slave, "v", 1);
      printf("wrote\n");
      fflush(stdout);
      exit(3);
    }
    setpgid(child, child);
    int status;
    waitpid(child, &status, WUNTRACED);
    printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status) == SIGTTIN);
    signal(SIGTTOU, SIG_IGN);
    result("to the foreground", tcsetpgrp(slave, child));
    kill(child, SIGCONT);
    type("k\n");
    waitpid(child, &status, WUNTRACED);
    printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status) == SIGTTOU);
    tcsetpgrp(slave, child);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    printf("ended %d\n", WEXITSTATUS(status));
    tcsetpgrp(slave, getpid());
    result("no such group", tcsetpgrp(slave, 99999));
    shown("output", master);
    got = 0;
    fflush(stdout);
    exit(0);
  }
  int status;
  waitpid(leader, &status, 0);
  printf("leader %d\n", WEXITSTATUS(status));
  pid_t nobody;
  result("session gone", ioctl(slave, TIOCGPGRP, &nobody));
}

static void hangup(void) {
  fflush(stdout);
  pid_t leader = fork();
  if (!leader) {
    setsid();
    int m = posix_openpt(O_RDWR | O_NOCTTY);
    unlockpt(m);
    int s = open(ptsname(m), O_RDWR);
    printf("became controlling %d\n", tcgetsid(s) == getpid());
    struct sigaction act = {.sa_handler = handler};
    sigaction(SIGHUP, &act, 0);
    close(m);
    UNTIL(got == SIGHUP);
    printf("hangup %d\n", got == SIGHUP);
    char c;
    result("read", read(s, &c, 1));
    result("write", write(s, "x", 1));
    struct termios t;
    result("ioctl", tcgetattr(s, &t));
    struct pollfd p = {s, POLLIN | POLLOUT, 0};
    poll(&p, 1, 0);
    printf("events %x\n", p.revents);
    result("tty", open("/dev/tty", O_RDWR));
    fflush(stdout);
    exit(0);
  }
  waitpid(leader, 0, 0);
  close(slave);
  shown("before slave closes all", master);
  shown("slave closed", master);
  struct pollfd p = {master, POLLIN | POLLOUT, 0};
  poll(&p, 1, 0);
  printf("events %x\n", p.revents);
  slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  nothing("opened again", master);
  char name[64];
  strcpy(name, ptsname(master));
  close(master);
  result("slave is gone", open(name, O_RDWR));
}

int main(void) {
  setvbuf(stdout, 0, _IOFBF, 8192);
  pair();
  lines();
  raw();
  packets();
  session();
  hangup();
  return 0;
}
