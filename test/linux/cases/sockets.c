// Sockets of one computer: unix(7), socketpair(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2), shutdown(2), accept4(2),
// setsockopt(2), getsockopt(2).
#include "case.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

static char text[4096];
static int s[2];
static struct sockaddr_un name = {AF_UNIX, "socket"};
static socklen_t length = sizeof name;

static int listener(int type) {
  int fd = socket(AF_UNIX, type, 0);
  bind(fd, (void *)&name, sizeof name);
  listen(fd, 2);
  return fd;
}

static ssize_t send_fd(int socket, int fd, const char *data) {
  struct iovec part = {(void *)data, strlen(data)};
  char room[CMSG_SPACE(sizeof fd)] = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr *control = CMSG_FIRSTHDR(&message);
  *control = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(control), &fd, sizeof fd);
  return sendmsg(socket, &message, 0);
}

static int receive_fd(int socket, int flags) {
  struct iovec part = {text, sizeof text};
  char room[256];
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  R(recvmsg(socket, &message, flags));
  struct cmsghdr *control = CMSG_FIRSTHDR(&message);
  say("flags %x control %d\n", message.msg_flags, (int)message.msg_controllen > 0);
  int fd = -1;
  if (control) memcpy(&fd, CMSG_DATA(control), sizeof fd);
  return fd;
}

CASE(pair_types) { R(socketpair(AF_UNIX, SOCK_STREAM, 0, s)); R(socketpair(AF_UNIX, SOCK_DGRAM, 0, s)); R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s)); R(socketpair(AF_UNIX, SOCK_RAW, 0, s)); R(socketpair(AF_UNIX, 77, 0, s)); R(socketpair(AF_UNIX, SOCK_STREAM, 5, s)); R(socketpair(AF_UNIX, SOCK_STREAM, 1, s)); R(socketpair(AF_INET, SOCK_STREAM, 0, s)); R(socketpair(99, SOCK_STREAM, 0, s)); R(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD)); }
CASE(pair_flags) { R(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s)); R(fcntl(s[0], F_GETFD)); R(!!(fcntl(s[1], F_GETFL) & O_NONBLOCK)); R(read(s[0], text, 1)); }
CASE(pair_both_ways) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(write(s[0], "there", 5)); R(write(s[1], "back", 4)); R(read(s[1], text, 99)); R(read(s[0], text, 99)); }
CASE(pair_closed) { signal(SIGPIPE, SIG_IGN); socketpair(AF_UNIX, SOCK_STREAM, 0, s); write(s[0], "x", 1); close(s[0]); R(read(s[1], text, 9)); R(read(s[1], text, 9)); R(write(s[1], "x", 1)); R(send(s[1], "x", 1, MSG_NOSIGNAL)); }
CASE(pair_closed_unread) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); write(s[0], "x", 1); close(s[1]); R(read(s[0], text, 9)); R(read(s[0], text, 9)); }
CASE(pair_signal) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); close(s[0]); CHILD(write(s[1], "x", 1)); }
CASE(datagrams_keep_borders) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); write(s[0], "one", 3); write(s[0], "two two", 7); write(s[0], "", 0); R(read(s[1], text, 2)); R(recv(s[1], text, 2, MSG_TRUNC)); R(read(s[1], text, 9)); R(recv(s[1], text, 9, MSG_DONTWAIT)); }
CASE(datagram_peer_gone) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); close(s[0]); R(send(s[1], "x", 1, 0)); R(recv(s[1], text, 1, MSG_DONTWAIT)); }
CASE(seqpacket_ends) { socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s); write(s[0], "abc", 3); close(s[0]); R(recv(s[1], text, 2, 0)); R(recv(s[1], text, 9, 0)); }
CASE(message_too_long) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); char *big = calloc(1, 1 << 20); R(send(s[0], big, 1 << 20, 0)); }
CASE(peek) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); write(s[0], "abc", 3); R(recv(s[1], text, 2, MSG_PEEK)); R(recv(s[1], text, 9, MSG_PEEK)); R(recv(s[1], text, 9, 0)); R(recv(s[1], text, 9, MSG_PEEK | MSG_DONTWAIT)); }
CASE(wait_all) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); if (!fork()) { write(s[0], "ab", 2); pause_ms(10); write(s[0], "cd", 2); _exit(0); } R(recv(s[1], text, 4, MSG_WAITALL)); wait(NULL); }
CASE(nothing_urgent_and_no_errors) {
  struct sockaddr_in address = {AF_INET};
  int stream = socket(AF_INET, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  bind(datagrams, (void *)&address, sizeof address);
  R(recv(s[0], text, 1, MSG_OOB | MSG_DONTWAIT));
  R(recv(s[0], text, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
  R(recv(stream, text, 1, MSG_OOB));
  R(recv(stream, text, 1, MSG_ERRQUEUE));
  R(recv(datagrams, text, 1, MSG_OOB | MSG_DONTWAIT));
  R(recv(datagrams, text, 1, MSG_ERRQUEUE));
  R(recvmsg(datagrams, &(struct msghdr){0}, MSG_ERRQUEUE));
}
CASE(name_without_a_place) { int fd = socket(AF_INET, SOCK_STREAM, 0); socklen_t length = 16; R(getsockname(fd, NULL, &length)); length = 0; R(getsockname(fd, NULL, &length)); say("%d\n", length); R(getsockname(fd, NULL, NULL)); }
CASE(shutdown_how_before_connection) { int fd = socket(AF_INET, SOCK_STREAM, 0); R(shutdown(fd, -1)); R(shutdown(fd, 3)); R(shutdown(fd, 2)); R(shutdown(77, 9)); }
CASE(out_of_band) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); R(send(s[0], "x", 1, MSG_OOB)); R(recv(s[1], text, 1, MSG_OOB)); }
CASE(shutdown_write) { signal(SIGPIPE, SIG_IGN); socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(shutdown(s[0], SHUT_WR)); R(write(s[0], "x", 1)); R(read(s[1], text, 1)); R(write(s[1], "y", 1)); R(read(s[0], text, 1)); }
CASE(shutdown_read) { signal(SIGPIPE, SIG_IGN); socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(shutdown(s[0], SHUT_RD)); R(read(s[0], text, 1)); R(write(s[1], "x", 1)); R(shutdown(s[0], SHUT_RDWR)); }
CASE(shutdown_bad) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(shutdown(s[0], 3)); R(shutdown(77, 0)); R(shutdown(0, 0)); R(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RD)); }

CASE(bind_path) { int fd = R(socket(AF_UNIX, SOCK_STREAM, 0)); R(bind(fd, (void *)&name, sizeof name)); struct stat st; stat("socket", &st); say("%o\n", st.st_mode); R(bind(fd, (void *)&name, sizeof name)); R(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof name)); R(open("socket", O_RDWR)); }
CASE(bind_bad) { int fd = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr_un other = {AF_UNIX, "missing/socket"}; R(bind(fd, (void *)&other, sizeof other)); other.sun_family = AF_INET; R(bind(fd, (void *)&other, sizeof other)); R(bind(fd, (void *)&name, 1)); R(bind(fd, (void *)&name, 200)); R(bind(fd, BAD, sizeof name)); R(bind(77, (void *)&name, sizeof name)); R(bind(0, (void *)&name, sizeof name)); }
CASE(bind_abstract) { struct sockaddr_un other = {AF_UNIX}; memcpy(other.sun_path, "\0hidden", 7); int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0); R(bind(a, (void *)&other, 9)); R(bind(b, (void *)&other, 9)); R(listen(a, 1)); R(connect(b, (void *)&other, 9)); R(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&other, 8)); length = sizeof name; R(getsockname(a, (void *)&other, &length)); R(length); }
CASE(bind_autobind) { int fd = socket(AF_UNIX, SOCK_DGRAM, 0); struct sockaddr_un other = {AF_UNIX}; R(bind(fd, (void *)&other, sizeof other.sun_family)); R(getsockname(fd, (void *)&other, &length)); R(length); R(other.sun_path[0]); }
CASE(names) { int l = listener(SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0); R(getsockname(c, (void *)&name, &length)); R(length); R(getpeername(c, (void *)&name, &length)); strcpy(name.sun_path, "socket"); R(connect(c, (void *)&name, sizeof name)); length = sizeof name; memset(&name, 0, sizeof name); R(getpeername(c, (void *)&name, &length)); say("%s %d\n", name.sun_path, (int)length); length = 3; R(getsockname(l, (void *)&name, &length)); R(length); length = -1; R(getsockname(l, (void *)&name, &length)); R(getsockname(l, BAD, &length)); R(getsockname(l, (void *)&name, BAD)); }
CASE(connect_bad) { int c = socket(AF_UNIX, SOCK_STREAM, 0); R(connect(c, (void *)&name, sizeof name)); put("socket", ""); R(connect(c, (void *)&name, sizeof name)); R(connect(c, BAD, sizeof name)); R(connect(77, (void *)&name, sizeof name)); R(connect(0, (void *)&name, sizeof name)); }
CASE(connect_not_listening) { int fd = socket(AF_UNIX, SOCK_STREAM, 0); bind(fd, (void *)&name, sizeof name); R(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof name)); close(fd); R(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof name)); }
CASE(connect_wrong_type) { listener(SOCK_STREAM); R(connect(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&name, sizeof name)); R(connect(socket(AF_UNIX, SOCK_SEQPACKET, 0), (void *)&name, sizeof name)); }
CASE(connect_twice) { listener(SOCK_STREAM); int c = socket(AF_UNIX, SOCK_STREAM, 0); R(connect(c, (void *)&name, sizeof name)); R(connect(c, (void *)&name, sizeof name)); }
CASE(connect_denied) { listener(SOCK_STREAM); chmod("socket", 0700); unprivileged(); R(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof name)); }
CASE(connect_full_backlog) { int l = listener(SOCK_STREAM); (void)l; int last = 0; for (int n = 0; n < 5; n++) { int c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0); R(connect(c, (void *)&name, sizeof name)); } (void)last; }
CASE(listen_bad) { R(listen(77, 1)); R(listen(0, 1)); R(listen(socket(AF_UNIX, SOCK_DGRAM, 0), 1)); R(listen(socket(AF_UNIX, SOCK_STREAM, 0), 1)); }
CASE(accept_one) { int l = listener(SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (void *)&name, sizeof name); length = sizeof name; int a = R(accept4(l, (void *)&name, &length, SOCK_CLOEXEC | SOCK_NONBLOCK)); R(length); R(fcntl(a, F_GETFD)); R(read(a, text, 1)); write(c, "x", 1); R(read(a, text, 9)); }
CASE(accept_bad) { int l = listener(SOCK_STREAM); R(accept4(l, NULL, NULL, 1)); R(accept(77, NULL, NULL)); R(accept(0, NULL, NULL)); R(accept(socket(AF_UNIX, SOCK_STREAM, 0), NULL, NULL)); R(accept(socket(AF_UNIX, SOCK_DGRAM, 0), NULL, NULL)); fcntl(l, F_SETFL, O_NONBLOCK); R(accept(l, NULL, NULL)); R(read(l, text, 1)); R(write(l, text, 1)); }
CASE(accept_after_close) { int l = listener(SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (void *)&name, sizeof name); write(c, "left", 4); close(c); int a = R(accept(l, NULL, NULL)); R(read(a, text, 9)); R(read(a, text, 9)); }
CASE(listener_closed) { int l = listener(SOCK_STREAM), c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (void *)&name, sizeof name); close(l); R(read(c, text, 1)); R(send(c, "x", 1, MSG_NOSIGNAL)); }
CASE(datagram_to_name) { int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0); bind(a, (void *)&name, sizeof name); R(sendto(b, "abc", 3, 0, (void *)&name, sizeof name)); length = sizeof name; R(recvfrom(a, text, 9, 0, (void *)&name, &length)); R(length); R(send(b, "x", 1, 0)); struct sockaddr_un gone = {AF_UNIX, "gone"}; R(sendto(b, "x", 1, 0, (void *)&gone, sizeof gone)); }
CASE(datagram_reconnects) { int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0); bind(a, (void *)&name, sizeof name); R(connect(b, (void *)&name, sizeof name)); R(send(b, "x", 1, 0)); struct sockaddr none = {AF_UNSPEC}; R(connect(b, &none, sizeof none)); R(send(b, "x", 1, 0)); }
CASE(datagram_full) { socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s); int sent = 0; while (send(s[0], "x", 1, 0) == 1 && sent < 100000) sent++; say("%s %d\n", error_name(errno), sent > 1); }
CASE(sendto_connected) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(sendto(s[0], "x", 1, 0, (void *)&name, sizeof name)); R(sendto(socket(AF_UNIX, SOCK_STREAM, 0), "x", 1, MSG_NOSIGNAL, (void *)&name, sizeof name)); R(send(socket(AF_UNIX, SOCK_STREAM, 0), "x", 1, MSG_NOSIGNAL)); R(recv(socket(AF_UNIX, SOCK_STREAM, 0), text, 1, 0)); }
CASE(send_bad) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(send(77, "x", 1, 0)); R(send(0, "x", 1, 0)); R(send(s[0], BAD, 5, 0)); write(s[0], "abc", 3); R(recv(s[1], BAD, 3, 0)); R(recv(s[1], text, 3, 0)); }

CASE(message_parts) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); struct iovec parts[] = {{"ab", 2}, {"", 0}, {"cde", 3}}; struct msghdr m = {.msg_iov = parts, .msg_iovlen = 3}; R(sendmsg(s[0], &m, 0)); char a[3] = {0}, b[9] = {0}; struct iovec into[] = {{a, 2}, {b, 8}}; m = (struct msghdr){.msg_iov = into, .msg_iovlen = 2}; R(recvmsg(s[1], &m, 0)); say("%s %s %x\n", a, b, m.msg_flags); }
CASE(message_bad) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); struct iovec part = {text, 5}; struct msghdr m = {.msg_iov = &part, .msg_iovlen = 2000}; R(sendmsg(s[0], &m, 0)); R(recvmsg(s[0], &m, MSG_DONTWAIT)); R(sendmsg(s[0], BAD, 0)); R(recvmsg(s[0], BAD, 0)); m.msg_iovlen = 1; R(sendmsg(77, &m, 0)); R(recvmsg(0, &m, 0)); part.iov_base = BAD; R(sendmsg(s[0], &m, 0)); }
CASE(message_truncated) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); write(s[0], "abcdef", 6); struct iovec part = {text, 2}; struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1}; R(recvmsg(s[1], &m, 0)); say("%x\n", m.msg_flags); }
CASE(descriptor_passes) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); put("f", "contents"); int fd = open("f", O_RDONLY); R(send_fd(s[0], fd, "m")); close(fd); int got = receive_fd(s[1], 0); R(got >= 0); R(read(got, text, 99)); R(fcntl(got, F_GETFD)); }
CASE(descriptor_close_on_exec) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); send_fd(s[0], 1, "m"); int got = receive_fd(s[1], MSG_CMSG_CLOEXEC); R(fcntl(got, F_GETFD)); }
CASE(descriptor_bad) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(send_fd(s[0], 77, "m")); R(recv(s[1], text, 9, MSG_DONTWAIT)); }
CASE(descriptor_no_room) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); send_fd(s[0], 1, "m"); struct iovec part = {text, 9}; struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1}; R(recvmsg(s[1], &m, 0)); say("%x\n", m.msg_flags); }
CASE(descriptor_read_drops) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); int p[2]; pipe(p); send_fd(s[0], p[1], "m"); close(p[1]); R(read(s[1], text, 9)); R(read(p[0], text, 1)); }
CASE(descriptors_separate_messages) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); write(s[0], "a", 1); send_fd(s[0], 1, "b"); write(s[0], "c", 1); receive_fd(s[1], 0); receive_fd(s[1], MSG_DONTWAIT); R(recv(s[1], text, 9, MSG_DONTWAIT)); }
CASE(descriptor_in_flight_peek) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); send_fd(s[0], 1, "m"); R(receive_fd(s[1], MSG_PEEK) >= 0); R(receive_fd(s[1], 0) >= 0); }
CASE(credentials_pass) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); int on = 1; R(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on)); write(s[0], "x", 1); struct iovec part = {text, 9}; char room[256]; struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room}; R(recvmsg(s[1], &m, 0)); struct cmsghdr *c = CMSG_FIRSTHDR(&m); struct ucred u; memcpy(&u, CMSG_DATA(c), sizeof u); say("%d %d %d %d\n", c->cmsg_type == SCM_CREDENTIALS, u.pid == getpid(), (int)u.uid, (int)u.gid); }
CASE(credentials_forged) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); unprivileged(); struct ucred u = {getpid(), 0, 1000}; struct iovec part = {text, 1}; char room[CMSG_SPACE(sizeof u)] = {0}; struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room}; struct cmsghdr *c = CMSG_FIRSTHDR(&m); *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof u), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS}; memcpy(CMSG_DATA(c), &u, sizeof u); R(sendmsg(s[0], &m, 0)); u.uid = 1000; memcpy(CMSG_DATA(c), &u, sizeof u); R(sendmsg(s[0], &m, 0)); u.pid = 1; u.pid = getppid(); memcpy(CMSG_DATA(c), &u, sizeof u); }
CASE(many_messages) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); struct iovec parts[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}}; struct mmsghdr m[3] = {{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = parts + 1, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = parts + 2, .msg_iovlen = 1}}}; R(sendmmsg(s[0], m, 3, 0)); say("%u %u %u\n", m[0].msg_len, m[1].msg_len, m[2].msg_len); char b[3][9]; for (int n = 0; n < 3; n++) parts[n] = (struct iovec){b[n], 9}; R(recvmmsg(s[1], m, 2, 0, NULL)); say("%u %u\n", m[0].msg_len, m[1].msg_len); R(recvmmsg(s[1], m, 3, MSG_DONTWAIT, NULL)); R(recvmmsg(s[1], m, 3, MSG_DONTWAIT, NULL)); }
CASE(many_messages_bad) { socketpair(AF_UNIX, SOCK_DGRAM, 0, s); struct mmsghdr m[1] = {0}; R(sendmmsg(77, m, 1, 0)); R(recvmmsg(0, m, 1, 0, NULL)); R(sendmmsg(s[0], BAD, 1, 0)); R(recvmmsg(s[0], BAD, 1, MSG_DONTWAIT, NULL)); R(sendmmsg(s[0], m, 0, 0)); struct timespec bad = {0, -1}; R(recvmmsg(s[0], m, 1, MSG_DONTWAIT, &bad)); struct timespec t = {0, 1000000}; write(s[1], "x", 1); R(recvmmsg(s[0], m, 1, MSG_WAITFORONE, &t)); }

static int option(int fd, int level, int what) {
  int value = -1;
  length = sizeof value;
  if (getsockopt(fd, level, what, &value, &length)) {
    say("option %d: %s\n", what, error_name(errno));
    return -1;
  }
  return value;
}
CASE(options_kind) { int fd = socket(AF_UNIX, SOCK_STREAM, 0); R(option(fd, SOL_SOCKET, SO_TYPE)); R(option(fd, SOL_SOCKET, SO_DOMAIN)); R(option(fd, SOL_SOCKET, SO_PROTOCOL)); R(option(fd, SOL_SOCKET, SO_ERROR)); R(option(fd, SOL_SOCKET, SO_ACCEPTCONN)); R(option(listener(SOCK_STREAM), SOL_SOCKET, SO_ACCEPTCONN)); }
CASE(options_set) { int fd = socket(AF_UNIX, SOCK_STREAM, 0), on = 1; R(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)); R(option(fd, SOL_SOCKET, SO_REUSEADDR)); R(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on)); R(option(fd, SOL_SOCKET, SO_KEEPALIVE)); R(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, (int[]){100000}, 4)); R(option(fd, SOL_SOCKET, SO_SNDBUF)); R(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, (int[]){1}, 4)); R(option(fd, SOL_SOCKET, SO_RCVBUF) > 1); }
CASE(options_bad) { int fd = socket(AF_UNIX, SOCK_STREAM, 0), on = 1; R(setsockopt(fd, SOL_SOCKET, 999, &on, sizeof on)); R(option(fd, SOL_SOCKET, 999)); R(option(fd, 77, 1)); R(setsockopt(fd, 77, 1, &on, 4)); R(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 1)); R(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, BAD, 4)); R(setsockopt(77, SOL_SOCKET, SO_REUSEADDR, &on, 4)); R(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &on, 4)); length = -1; R(getsockopt(fd, SOL_SOCKET, SO_TYPE, &on, &length)); R(getsockopt(fd, SOL_SOCKET, SO_TYPE, &on, BAD)); R(setsockopt(fd, SOL_SOCKET, SO_TYPE, &on, 4)); }
CASE(option_peer) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); struct ucred u; length = sizeof u; R(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &length)); say("%d %d %d\n", u.pid == getpid(), (int)u.uid, (int)u.gid); length = sizeof u; R(getsockopt(socket(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, SO_PEERCRED, &u, &length)); say("%d %d\n", (int)u.pid, (int)u.uid); }
CASE(option_linger) { int fd = socket(AF_UNIX, SOCK_STREAM, 0); struct linger l = {1, 7}; R(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l)); l = (struct linger){0}; length = sizeof l; R(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &length)); say("%d %d\n", l.l_onoff, l.l_linger); }
CASE(option_timeout) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); struct timeval t = {0, 20000}; R(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t)); R(read(s[0], text, 1)); t = (struct timeval){0, 2000000}; R(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t)); length = sizeof t; R(getsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &t, &length)); say("%ld %ld\n", (long)t.tv_sec, (long)t.tv_usec); }
CASE(ioctl_bytes) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); int n; write(s[0], "abc", 3); R(ioctl(s[1], 0x541b, &n)); R(n); R(ioctl(s[1], 0x5401, text)); }
CASE(not_seekable) { socketpair(AF_UNIX, SOCK_STREAM, 0, s); R(lseek(s[0], 0, SEEK_SET)); R(pread(s[0], text, 1, 0)); R(ftruncate(s[0], 0)); R(fsync(s[0])); struct stat st; fstat(s[0], &st); say("%o\n", st.st_mode); }
CASE(families) { R(socket(99, SOCK_STREAM, 0)); R(socket(AF_UNIX, 99, 0)); R(socket(AF_UNIX, SOCK_STREAM, 99)); R(socket(-1, SOCK_STREAM, 0)); R(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0)); }

CASE(pair_of_the_internet) {
  R(socketpair(0, SOCK_STREAM, 0, s));
  R(socketpair(AF_INET, 75, 0, s));
  R(socketpair(AF_INET, SOCK_RAW, 0, s));
  R(socketpair(AF_INET, SOCK_DGRAM, IPPROTO_UDP, s));
  R(socketpair(AF_INET, SOCK_DGRAM, IPPROTO_TCP, s));
  R(socketpair(AF_INET, SOCK_STREAM, IPPROTO_TCP, s));
  R(socketpair(AF_INET, SOCK_STREAM, IPPROTO_ICMP, s));
  R(socketpair(AF_INET6, SOCK_STREAM, 0, s));
  R(socketpair(AF_INET, SOCK_STREAM, 0, BAD));
  R(socketpair(99, SOCK_STREAM, 0, BAD));
}
CASE(buffers_forced) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  R(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, (int[]){1000000}, 4));
  R(option(fd, SOL_SOCKET, SO_SNDBUF));
  R(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, (int[]){-256}, 4));
  R(option(fd, SOL_SOCKET, SO_SNDBUF));
  R(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int[]){2000000}, 4));
  R(option(fd, SOL_SOCKET, SO_RCVBUF));
  R(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int[]){-1}, 4));
  R(option(fd, SOL_SOCKET, SO_RCVBUF));
  R(option(fd, SOL_SOCKET, SO_SNDBUFFORCE));
  unprivileged();
  R(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, (int[]){5000}, 4));
  R(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int[]){5000}, 4));
}
CASE(urgent_mark) {
  int mark = 5, t = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
  R(ioctl(t, 0x8905, &mark));
  R(mark);
  R(ioctl(t, 0x8905, BAD));
  R(ioctl(u, 0x8905, &mark));
}
