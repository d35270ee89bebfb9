// Calls that a seccomp filter hands to somebody else: SECCOMP_RET_USER_NOTIF and the listener's ioctls (seccomp_unotify(2)).
#include "case.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/** A filter that hands on calls of one number. */
static int install(int number, unsigned flags, unsigned action) {
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                               BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return SYS(seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

#define LISTEN(number) install(number, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF)

/** A child whose calls of getppid are handed on; its parent gets the listener. */
static pid_t child;
static int listener_of(unsigned flags, void (*work)(void)) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  char space[CMSG_SPACE(sizeof(int))], byte = 'x';
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  child = fork();
  if (child == 0) {
    int fd = install(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, SECCOMP_RET_USER_NOTIF);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    sendmsg(pair[1], &message, 0);
    close(fd);
    close(pair[0]);
    close(pair[1]);
    work();
    _exit(0);
  }
  recvmsg(pair[0], &message, 0);
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  close(pair[0]);
  close(pair[1]);
  return fd;
}

static struct seccomp_notif notif;
static int receive(int fd) {
  memset(&notif, 0, sizeof notif);
  return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notif);
}
static int answer(int fd, long value, int error, unsigned flags) {
  struct seccomp_notif_resp response = {.id = notif.id, .val = value, .error = error, .flags = flags};
  return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}
/** The last answer: told when the child, which tells what it got, has ended. */
#define ANSWER(call)                        \
  do {                                      \
    errno = 0;                              \
    long answered_ = (call);                \
    int error_ = errno;                     \
    reap(child);                            \
    errno = error_;                         \
    report("answer", answered_);             \
  } while (0)

static void call_once(void) { R(SYS(getppid, 1, 2, 3, 4, 5, 6)); }
static void call_for_success(void) { long is = SYS(getppid); say("%d\n", is > 0); }

CASE(new_listener) { int fd = OK(LISTEN(SYS_getppid)); R(fcntl(fd, F_GETFD)); R(fcntl(fd, F_GETFL)); R(LISTEN(SYS_getpgrp)); }
CASE(listener_flags) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  R(install(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_RET_USER_NOTIF));
  R(install(SYS_getppid, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, SECCOMP_RET_USER_NOTIF));
  OK(install(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, SECCOMP_RET_ALLOW));
}
CASE(no_listener) { R(install(SYS_getppid, 0, SECCOMP_RET_USER_NOTIF)); R(SYS(getppid)); }
CASE(listener_closed_before) { int fd = LISTEN(SYS_getppid); close(fd); R(SYS(getppid)); }
CASE(value_is_answered) {
  int fd = listener_of(0, call_once);
  R(receive(fd));
  say("%d %d %x %d %d %d\n", notif.pid == child, notif.flags, notif.data.arch == AUDIT_ARCH_X86_64 || notif.data.arch == AUDIT_ARCH_I386,
      notif.data.nr == SYS_getppid, (int)notif.data.args[0], (int)notif.data.args[5]);
  ANSWER(answer(fd, 1234, 0, 0));
}
CASE(error_is_answered) { int fd = listener_of(0, call_once); R(receive(fd)); ANSWER(answer(fd, 7, -EXDEV, 0)); }
CASE(call_goes_on) { int fd = listener_of(0, call_for_success); R(receive(fd)); ANSWER(answer(fd, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE)); }
CASE(answer_errors) {
  int fd = listener_of(0, call_once);
  R(answer(fd, 0, 0, 0));
  R(receive(fd));
  R(answer(fd, 0, 0, 2));
  R(answer(fd, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  R(answer(fd, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, BAD));
  ANSWER(answer(fd, 1, 0, 0));
}
CASE(receive_errors) {
  int fd = listener_of(0, call_once);
  notif.pid = 1;
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notif));
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, BAD));
  R(ioctl(fd, 0x5401, &notif));
  R(receive(fd));
  ANSWER(answer(fd, 3, 0, 0));
}
CASE(id_valid) {
  int fd = listener_of(0, call_once);
  receive(fd);
  uint64_t id = notif.id, other = id + 1;
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &other));
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, BAD));
  answer(fd, 3, 0, 0);
  reap(child);
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
}
static void call_late(void) { pause_ms(20); call_once(); }
CASE(receiving_waits) { int fd = listener_of(0, call_late); R(receive(fd)); ANSWER(answer(fd, 5, 0, 0)); }
CASE(poll_of_a_listener) {
  int fd = listener_of(0, call_once);
  struct pollfd one = {fd, POLLIN | POLLOUT};
  R(poll(&one, 1, -1));
  say("%x\n", one.revents);
  receive(fd);
  R(poll(&one, 1, -1));
  say("%x\n", one.revents);
  answer(fd, 5, 0, 0);
  reap(child);
  R(poll(&one, 1, -1));
  say("%x\n", one.revents);
  R(receive(fd));
}
CASE(killed_while_it_waits) {
  int fd = listener_of(0, call_once);
  receive(fd);
  kill(child, SIGKILL);
  reap(child);
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id));
  R(answer(fd, 5, 0, 0));
}
static void on_signal(int signal) { say("signal\n"); }
static void call_interrupted(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  call_once();
}
static void call_restarted(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  call_once();
}
CASE(interrupted) { int fd = listener_of(0, call_interrupted); R(receive(fd)); kill(child, SIGUSR1); reap(child); R(answer(fd, 5, 0, 0)); }
CASE(made_again_after_a_handler) {
  int fd = listener_of(0, call_restarted);
  R(receive(fd));
  kill(child, SIGUSR1);
  uint64_t first = notif.id;
  R(receive(fd));
  say("%d\n", first != notif.id);
  ANSWER(answer(fd, 6, 0, 0));
}
CASE(only_killing_interrupts) {
  int fd = listener_of(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, call_interrupted);
  R(receive(fd));
  kill(child, SIGUSR1);
  pause_ms(20);
  ANSWER(answer(fd, 8, 0, 0));
}
CASE(listener_closed_meanwhile) { int fd = listener_of(0, call_once); R(receive(fd)); close(fd); reap(child); }
static void read_given(void) {
  int fd = SYS(getppid);
  char text[9] = "";
  say("%d\n", fd);
  R(fcntl(fd, F_GETFD));
  R(read(fd, text, 8));
  say("%s\n", text);
}
CASE(descriptor_is_given) {
  put("f", "given");
  int fd = listener_of(0, read_given), file = open("f", O_RDONLY);
  R(receive(fd));
  struct seccomp_notif_addfd add = {.id = notif.id, .srcfd = file, .newfd = 20, .flags = SECCOMP_ADDFD_FLAG_SETFD, .newfd_flags = O_CLOEXEC};
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  ANSWER(answer(fd, 20, 0, 0));
}
CASE(descriptor_is_the_answer) {
  put("f", "given");
  int fd = listener_of(0, read_given), file = open("f", O_RDONLY);
  R(receive(fd));
  struct seccomp_notif_addfd add = {.id = notif.id, .srcfd = file, .flags = SECCOMP_ADDFD_FLAG_SEND};
  ANSWER(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  R(answer(fd, 20, 0, 0));
}
CASE(descriptor_errors) {
  int fd = listener_of(0, call_once);
  struct seccomp_notif_addfd add = {.id = 1, .srcfd = 0};
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  receive(fd);
  add.id = notif.id;
  add.srcfd = 77;
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.srcfd = 0;
  add.newfd = 9;
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.newfd = 0;
  add.flags = 8;
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.flags = 0;
  add.newfd_flags = O_APPEND;
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, BAD));
  R(ioctl(fd, _IOC(_IOC_WRITE, '!', 3, 8), &add));
  ANSWER(answer(fd, 3, 0, 0));
}
static void fork_and_call(void) { CHILD(call_once()); call_once(); }
CASE(children_are_heard_too) {
  int fd = listener_of(0, fork_and_call);
  R(receive(fd));
  say("%d\n", notif.pid != child);
  R(answer(fd, 1, 0, 0));
  R(receive(fd));
  say("%d\n", notif.pid == child);
  ANSWER(answer(fd, 2, 0, 0));
}
