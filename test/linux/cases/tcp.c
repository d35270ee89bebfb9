// connect(2) of TCP sockets that do not wait (tcp(7), O_NONBLOCK), and what poll(2) and SO_ERROR say of them.
#include "case.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct sockaddr_in at = {.sin_family = AF_INET};
static socklen_t size = sizeof at;

/** A socket that listens on a port of its own, which `at` names then. */
static int server(int backlog) {
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  bind(fd, (struct sockaddr *)&at, size);
  listen(fd, backlog);
  getsockname(fd, (struct sockaddr *)&at, &size);
  return fd;
}
static int client(void) { return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); }
static int attempt(int fd) { return connect(fd, (struct sockaddr *)&at, size); }
static void events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 1000);
  say("events %x\n", p.revents);
}
static void error(int fd) {
  int code = -1;
  socklen_t length = sizeof code;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length);
  say("error %s\n", code ? strerrorname_np(code) : "none");
}

CASE(connects_in_the_background) { server(5); int fd = client(); R(attempt(fd)); events(fd); error(fd); R(attempt(fd)); R(attempt(fd)); }
CASE(connection_can_be_used_at_once) { int s = server(5), fd = client(); R(attempt(fd)); events(fd); R(send(fd, "abc", 3, 0)); int end = OK(accept(s, 0, 0)); char b[9]; R(recv(end, b, 9, 0)); R(getpeername(fd, (struct sockaddr *)&at, &size)); }
CASE(refused_in_the_background) { close(server(5)); int fd = client(); R(attempt(fd)); events(fd); error(fd); error(fd); }
CASE(refused_told_by_connect) { close(server(5)); int fd = client(); R(attempt(fd)); events(fd); R(attempt(fd)); error(fd); R(attempt(fd)); }
CASE(refused_told_by_connect_after_option) { close(server(5)); int fd = client(); R(attempt(fd)); events(fd); error(fd); R(attempt(fd)); R(attempt(fd)); }
CASE(refused_told_by_recv) { close(server(5)); int fd = client(); R(attempt(fd)); events(fd); char b[9]; R(recv(fd, b, 9, 0)); R(recv(fd, b, 9, 0)); events(fd); }
CASE(refused_told_by_send) { close(server(5)); int fd = client(); R(attempt(fd)); events(fd); R(send(fd, "x", 1, MSG_NOSIGNAL)); R(send(fd, "x", 1, MSG_NOSIGNAL)); }
CASE(refused_while_it_waits) { close(server(5)); int fd = socket(AF_INET, SOCK_STREAM, 0); R(attempt(fd)); events(fd); error(fd); R(attempt(fd)); }
CASE(refused_then_accepted) { close(server(5)); int fd = client(); R(attempt(fd)); events(fd); R(attempt(fd)); server(5); R(attempt(fd)); events(fd); error(fd); R(attempt(fd)); }
CASE(waiting_connect_after_background) { server(5); int fd = client(); R(attempt(fd)); fcntl(fd, F_SETFL, 0); R(attempt(fd)); R(attempt(fd)); }
CASE(send_before_connect) { int fd = client(); R(send(fd, "x", 1, MSG_NOSIGNAL)); char b[9]; R(recv(fd, b, 9, 0)); events(fd); }
CASE(connect_of_listener) { int fd = server(5); R(attempt(fd)); fcntl(fd, F_SETFL, O_NONBLOCK); R(attempt(fd)); }

/** Two ends of a connection. */
static void connected(int ends[2]) {
  int s = server(5);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  attempt(ends[0]);
  ends[1] = accept(s, NULL, NULL);
  close(s);
}
CASE(send_to_a_closed_end) { int e[2]; connected(e); close(e[1]); events(e[0]); R(send(e[0], "", 0, MSG_NOSIGNAL)); R(send(e[0], "abc", 3, MSG_NOSIGNAL)); events(e[0]); char b[9]; R(recv(e[0], b, 9, 0)); error(e[0]); events(e[0]); R(send(e[0], "x", 1, MSG_NOSIGNAL)); R(recv(e[0], b, 9, 0)); }
CASE(send_twice_to_a_closed_end) { int e[2]; connected(e); close(e[1]); R(write(e[0], "abc", 3)); R(send(e[0], "x", 1, MSG_NOSIGNAL)); error(e[0]); R(send(e[0], "x", 1, MSG_NOSIGNAL)); R(write(e[0], "x", 1)); }
CASE(closed_with_unread_bytes) { int e[2]; connected(e); R(write(e[0], "abc", 3)); close(e[1]); events(e[0]); char b[9]; R(recv(e[0], b, 9, 0)); R(recv(e[0], b, 9, 0)); R(send(e[0], "x", 1, MSG_NOSIGNAL)); events(e[0]); }
CASE(closed_with_unread_bytes_after_shutdown) { int e[2]; connected(e); R(write(e[0], "abc", 3)); shutdown(e[1], SHUT_WR); close(e[1]); char b[9]; R(recv(e[0], b, 9, 0)); events(e[0]); R(send(e[0], "x", 1, MSG_NOSIGNAL)); error(e[0]); }

CASE(receives_for_a_bad_name) {
  int l = server(5), c = socket(AF_INET, SOCK_STREAM, 0);
  char text[8];
  attempt(c);
  int a = accept(l, NULL, NULL);
  send(c, "abcdef", 6, 0);
  socklen_t room = sizeof at, none = 0;
  R(recvfrom(a, text, 2, 0, BAD, &room));
  R(room);
  R(recvfrom(a, text, 2, 0, BAD, &none));
  R(recvfrom(a, text, 1, 0, (void *)&at, BAD));
  room = -1;
  R(recvfrom(a, text, 1, MSG_DONTWAIT, (void *)&at, &room));
  R(recvfrom(a, text, 1, MSG_DONTWAIT, NULL, NULL));
}
