// Sockets of IPv6 on the loopback and with IPv4 (ipv6(7)), and options of the internet protocols (ip(7), tcp(7), udp(7)).
#include "case.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

static char text[64];

static struct sockaddr_in6 place(const char *address, int port) {
  struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(AF_INET6, address, &name.sin6_addr);
  return name;
}

static struct sockaddr_in6 own(int fd) {
  struct sockaddr_in6 name;
  socklen_t length = sizeof name;
  getsockname(fd, (void *)&name, &length);
  return name;
}

static void tell(const char *what, struct sockaddr_in6 *name) {
  inet_ntop(AF_INET6, &name->sin6_addr, text, sizeof text);
  say("%s: family %d %s\n", what, name->sin6_family, text);
}

/** A socket bound to an address; `only` for IPV6_V6ONLY. */
static int bound(int type, const char *address, int only) {
  int fd = socket(AF_INET6, type, 0);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  struct sockaddr_in6 name = place(address, 0);
  OK(bind(fd, (void *)&name, sizeof name));
  return fd;
}

/** Another one of IPv4 at the same port. */
static int beside(int fd, int type, unsigned address) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = own(fd).sin6_port, .sin_addr = {htonl(address)}};
  return bind(socket(AF_INET, type, 0), (void *)&name, sizeof name);
}

CASE(stream_on_the_loopback) {
  int server = bound(SOCK_STREAM, "::1", 0), client = socket(AF_INET6, SOCK_STREAM, 0);
  R(listen(server, 5));
  struct sockaddr_in6 name = own(server);
  tell("bound", &name);
  R(connect(client, (void *)&name, sizeof name));
  socklen_t length = sizeof name;
  int end = accept(server, (void *)&name, &length);
  tell("accepted", &name);
  say("%d\n", (int)length);
  R(write(client, "six", 3));
  R(read(end, text, 9));
  length = sizeof name;
  R(getpeername(client, (void *)&name, &length));
  tell("peer", &name);
}
CASE(stream_from_the_old_world) {
  int server = bound(SOCK_STREAM, "::", 0), client = socket(AF_INET, SOCK_STREAM, 0);
  listen(server, 5);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = own(server).sin6_port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  R(connect(client, (void *)&name, sizeof name));
  struct sockaddr_in6 from;
  socklen_t length = sizeof from;
  int end = accept(server, (void *)&from, &length);
  tell("from", &from);
  from = own(end);
  tell("to", &from);
}
CASE(stream_to_the_old_world) {
  int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof name;
  bind(server, (void *)&name, sizeof name);
  listen(server, 5);
  getsockname(server, (void *)&name, &length);
  struct sockaddr_in6 to = place("::ffff:127.0.0.1", ntohs(name.sin_port));
  R(connect(client, (void *)&to, sizeof to));
  to = own(client);
  tell("own", &to);
  accept(server, (void *)&name, &length);
  say("%s\n", inet_ntoa(name.sin_addr));
}
CASE(only_the_new_world) {
  int server = bound(SOCK_STREAM, "::", 1), client = socket(AF_INET, SOCK_STREAM, 0);
  listen(server, 5);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = own(server).sin6_port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  R(connect(client, (void *)&name, sizeof name));
  client = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in6 to = place("::1", ntohs(name.sin_port));
  R(connect(client, (void *)&to, sizeof to));
}
CASE(ports_are_shared_with_the_old_world) {
  int all = bound(SOCK_STREAM, "::", 0);
  R(beside(all, SOCK_STREAM, INADDR_ANY));
  R(beside(all, SOCK_STREAM, INADDR_LOOPBACK));
  R(beside(all, SOCK_DGRAM, INADDR_ANY));
  int only = bound(SOCK_STREAM, "::", 1);
  R(beside(only, SOCK_STREAM, INADDR_ANY));
  int loopback = bound(SOCK_STREAM, "::1", 0);
  R(beside(loopback, SOCK_STREAM, INADDR_ANY));
  int mapped = bound(SOCK_STREAM, "::ffff:127.0.0.1", 0);
  R(beside(mapped, SOCK_STREAM, INADDR_LOOPBACK));
}
CASE(datagrams) {
  int one = bound(SOCK_DGRAM, "::1", 0), two = bound(SOCK_DGRAM, "::", 0);
  struct sockaddr_in6 name = own(two), to = place("::1", ntohs(name.sin6_port));
  R(sendto(one, "datagram", 8, 0, (void *)&to, sizeof to));
  socklen_t length = sizeof name;
  R(recvfrom(two, text, 9, 0, (void *)&name, &length));
  tell("from", &name);
  R(connect(two, (void *)&name, sizeof name));
  R(send(two, "back", 4, 0));
  R(recv(one, text, 9, 0));
  struct sockaddr_in6 none = {.sin6_family = AF_UNSPEC};
  R(connect(two, (void *)&none, sizeof none));
  R(send(two, "nobody", 6, 0));
}
CASE(bind_errors) {
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in6 name = place("2001:db8::1", 0), low = place("::1", 0);
  struct sockaddr_in old = {.sin_family = AF_INET};
  R(bind(fd, (void *)&name, sizeof name));
  R(bind(fd, (void *)&low, 16));
  R(bind(fd, (void *)&old, sizeof old));
  low.sin6_family = AF_INET;
  R(bind(fd, (void *)&low, sizeof low));
  low.sin6_family = AF_INET6;
  R(bind(fd, (void *)&low, sizeof low));
  R(bind(fd, (void *)&low, sizeof low));
  int only = 1;
  R(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only));
}
CASE(connect_errors) {
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in6 name = place("::1", 1);
  R(connect(fd, (void *)&name, sizeof name));
  R(connect(fd, (void *)&name, 20));
  name.sin6_family = AF_INET;
  R(connect(fd, (void *)&name, sizeof name));
  R(getpeername(fd, (void *)&name, &(socklen_t){sizeof name}));
}
CASE(names_before_anything) { int fd = socket(AF_INET6, SOCK_DGRAM, 0); struct sockaddr_in6 name = own(fd); tell("own", &name); say("%d\n", name.sin6_port); }
CASE(kinds) {
  OK(socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
  OK(socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP));
  R(socket(AF_INET6, SOCK_STREAM, IPPROTO_UDP));
  R(socket(AF_INET6, SOCK_SEQPACKET, 0));
  int pair[2];
  R(socketpair(AF_INET6, SOCK_STREAM, 0, pair));
  int domain = 0;
  socklen_t length = sizeof domain;
  R(getsockopt(3, SOL_SOCKET, SO_DOMAIN, &domain, &length));
  say("%d\n", domain);
}

/** What an option is, what becomes of a value, and what it is then. */
static void option(int fd, int level, int name, int value) {
  int is = -5;
  socklen_t length = sizeof is;
  int got = getsockopt(fd, level, name, &is, &length);
  say("%d:%d ", level, name);
  if (got) say("%s", error_name(errno));
  else say("%d", is);
  say(", set %d: %s", value, setsockopt(fd, level, name, &value, sizeof value) ? error_name(errno) : "done");
  if (!got && !getsockopt(fd, level, name, &is, &length)) say(", now %d", is);
  say("\n");
}

CASE(options_of_tcp) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  option(fd, IPPROTO_TCP, TCP_NODELAY, 5);
  option(fd, IPPROTO_TCP, TCP_CORK, 1);
  option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 100);
  option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0);
  option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  option(fd, IPPROTO_TCP, TCP_KEEPCNT, 200);
  option(fd, IPPROTO_TCP, TCP_SYNCNT, 3);
  option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000);
  option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1);
  option(fd, IPPROTO_TCP, 999, 1);
  option(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_TCP, TCP_NODELAY, 1);
}
CASE(options_of_ip) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  option(fd, IPPROTO_IP, IP_TTL, 7);
  option(fd, IPPROTO_IP, IP_TTL, 0);
  option(fd, IPPROTO_IP, IP_TTL, 256);
  option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  option(fd, IPPROTO_IP, IP_RECVERR, 1);
  option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
  option(fd, IPPROTO_IP, IP_FREEBIND, 1);
  option(fd, IPPROTO_IP, IP_MTU_DISCOVER, 2);
  option(fd, IPPROTO_IP, 999, 1);
  option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  option(fd, 77, 1, 1);
}
CASE(options_of_ipv6) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
  option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 300);
  option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  option(fd, IPPROTO_IPV6, IPV6_TCLASS, 3);
  option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
  option(fd, IPPROTO_IPV6, 9999, 1);
  option(fd, IPPROTO_UDP, UDP_CORK, 1);
}
CASE(options_of_sockets) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  option(fd, SOL_SOCKET, SO_DONTROUTE, 3);
  option(fd, SOL_SOCKET, SO_OOBINLINE, 3);
  option(fd, SOL_SOCKET, SO_KEEPALIVE, 3);
}
CASE(options_are_short) { int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1; R(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, 1)); R(setsockopt(fd, IPPROTO_IP, IP_TOS, &one, 1)); R(setsockopt(fd, IPPROTO_IP, IP_TOS, &one, 0)); R(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, BAD, 4)); }
CASE(state_of_tcp) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  int fd = bound(SOCK_STREAM, "::1", 0);
  R(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
  say("%d %d\n", info.tcpi_state, length >= 104);
  listen(fd, 1);
  R(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
  say("%d\n", info.tcpi_state);
}
CASE(datagrams_of_udplite) {
  struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
  socklen_t length = sizeof name;
  int a = socket(AF_INET6, SOCK_DGRAM, 136), b = socket(AF_INET6, SOCK_DGRAM, 136), udp = socket(AF_INET6, SOCK_DGRAM, 0);
  R(bind(a, (struct sockaddr *)&name, length));
  getsockname(a, (struct sockaddr *)&name, &length);
  R(bind(udp, (struct sockaddr *)&name, length));
  R(bind(b, (struct sockaddr *)&name, length));
  R(sendto(b, "hello", 5, 0, (struct sockaddr *)&name, length));
  char text[9];
  R(recv(a, text, 9, 0));
  R(recv(udp, text, 9, MSG_DONTWAIT));
  int protocol = 0;
  length = sizeof protocol;
  getsockopt(a, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  say("%d\n", protocol);
  R(socket(AF_INET6, SOCK_STREAM, 136));
  for (int n = 10; n <= 12; n++) {
    option(a, 136, n, 20);
    option(a, 136, n, 3);
    option(a, 136, n, 70000);
  }
  option(a, 136, UDP_CORK, 1);
  option(a, IPPROTO_UDP, UDP_CORK, 1);
  option(udp, 136, UDP_CORK, 1);
}

static int plain(struct sockaddr_in *name) {
  socklen_t size = sizeof *name;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  bind(fd, (void *)name, size);
  getsockname(fd, (void *)name, &size);
  return fd;
}
static void arrived(int fd) {
  memset(text, 0, sizeof text);
  R(recv(fd, text, sizeof text - 1, MSG_DONTWAIT));
  say("%s\n", text);
}
CASE(datagrams_in_parts) {
  struct sockaddr_in name, other;
  int to = plain(&name), second = plain(&other), fd = socket(AF_INET, SOCK_DGRAM, 0);
  R(sendto(fd, "ab", 2, MSG_MORE, (void *)&name, sizeof name));
  arrived(to);
  R(sendto(fd, "cd", 2, MSG_MORE, (void *)&other, sizeof other));
  R(send(fd, "e", 1, 0));
  arrived(to);
  arrived(second);
  R(send(fd, "f", 1, MSG_MORE));
  R(setsockopt(fd, IPPROTO_UDP, UDP_CORK, (int[]){1}, 4));
  R(sendto(fd, "g", 1, 0, (void *)&name, sizeof name));
  R(write(fd, "h", 1));
  arrived(to);
  R(setsockopt(fd, IPPROTO_UDP, UDP_CORK, (int[]){0}, 4));
  arrived(to);
  static char much[65000];
  R(sendto(fd, much, sizeof much, MSG_MORE, (void *)&name, sizeof name));
  R(send(fd, much, sizeof much, 0));
  R(send(fd, "x", 1, 0));
  arrived(to);
}
static void become(int fd, int family) { R(setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family, sizeof family)); }
static void form(int fd) {
  int value = -1;
  socklen_t size = sizeof value;
  R(getsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &value, &size));
  size = sizeof value;
  R(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size));
  say("%s\n", value == AF_INET ? "4" : value == AF_INET6 ? "6" : "?");
}
CASE(becomes_one_of_the_old_world) {
  struct sockaddr_in name;
  int to = plain(&name), fd = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 mapped = place("::ffff:127.0.0.1", ntohs(name.sin_port)), six = place("::1", 9);
  become(fd, AF_INET);
  form(fd);
  R(connect(fd, (void *)&six, sizeof six));
  become(fd, AF_INET);
  form(fd);
  close(fd);
  fd = socket(AF_INET6, SOCK_DGRAM, 0);
  R(connect(fd, (void *)&mapped, sizeof mapped));
  become(fd, AF_INET6);
  become(fd, 99);
  become(fd, AF_INET);
  form(fd);
  become(fd, AF_INET);
  R(send(fd, "old", 3, 0));
  arrived(to);
  R(sendto(fd, "new", 3, 0, (void *)&name, sizeof name));
  arrived(to);
  socklen_t size = sizeof mapped;
  R(getsockname(fd, (void *)&mapped, &size));
  R(size);
  become(to, AF_INET);
}
