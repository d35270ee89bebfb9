// Raw sockets of the Internet (raw(7), icmp(7)): echoes, and what comes back when nobody wants a datagram (udp(7)).
#include "case.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct sockaddr_in at = {.sin_family = AF_INET};
static socklen_t size = sizeof at;
static unsigned char packet[256];

static unsigned sum(const unsigned char *bytes, int length) {
  unsigned total = 0;
  for (int n = 0; n < length; n++) total += bytes[n] << (n % 2 ? 0 : 8);
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}
static int raw(void) {
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
}
/** An echo request of 12 bytes with a checksum that is right, or is not. */
static int echo(int fd, int off) {
  unsigned char bytes[12] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'd', 'a', 't', 'a'};
  unsigned right = sum(bytes, 12) + off;
  bytes[2] = right >> 8;
  bytes[3] = right;
  return sendto(fd, bytes, 12, 0, (struct sockaddr *)&at, size);
}
/** Prints what has come. */
static void receive(int fd) {
  struct sockaddr_in from = {0};
  socklen_t length = sizeof from;
  int got = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &length);
  if (got < 0) {
    say("%s\n", error_name(errno));
    return;
  }
  say("%d from %s:%d, ", got, inet_ntoa(from.sin_addr), from.sin_port);
  say("IP %x ttl %d protocol %d length %d sum %x, ", packet[0], packet[8], packet[9], packet[2] << 8 | packet[3], sum(packet, 20));
  say("type %d code %d sum %x\n", packet[20], packet[21], sum(packet + 20, got - 20));
}
static int datagrams(void) {
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(9);
  return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

CASE(raw_kinds) { OK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); OK(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)); R(socket(AF_INET, SOCK_RAW, 0)); R(socket(AF_INET, SOCK_RAW, -1)); }
CASE(raw_unprivileged) { unprivileged(); R(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); R(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)); R(socket(AF_INET, SOCK_RAW, 0)); }
CASE(raw_echo) { int fd = raw(); R(echo(fd, 0)); receive(fd); receive(fd); receive(fd); }
CASE(raw_echo_with_a_wrong_sum) { int fd = raw(); R(echo(fd, 1)); receive(fd); receive(fd); }
CASE(raw_everyone_hears) { int fd = raw(), other = raw(); R(echo(fd, 0)); receive(other); receive(other); receive(other); }
CASE(raw_connected) { int fd = raw(), other = raw(); R(connect(fd, (struct sockaddr *)&at, size)); R(send(fd, "\1\0\0\0ab", 6, 0)); receive(fd); R(send(fd, "\1\0\0\0abcd", 8, 0)); receive(fd); at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1); R(connect(other, (struct sockaddr *)&at, size)); at.sin_addr.s_addr = htonl(INADDR_LOOPBACK); R(echo(fd, 0)); receive(other); }
CASE(raw_bound) { int fd = raw(), other = raw(); R(bind(fd, (struct sockaddr *)&at, size)); at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1); R(bind(other, (struct sockaddr *)&at, size)); R(echo(other, 0)); receive(fd); receive(other); receive(other); R(getsockname(fd, (struct sockaddr *)&at, &size)); say("%s\n", inet_ntoa(at.sin_addr)); }
CASE(raw_part_of_a_packet) { int fd = raw(); R(echo(fd, 0)); R(recv(fd, packet, 5, 0)); R(recv(fd, packet, 5, MSG_TRUNC | MSG_PEEK)); R(recv(fd, packet, 99, 0)); }
CASE(raw_events) { int fd = raw(); struct pollfd p = {fd, POLLIN | POLLOUT, 0}; R(poll(&p, 1, 0)); R(p.revents); R(echo(fd, 0)); R(poll(&p, 1, 0)); R(p.revents); }
CASE(raw_bad) { int fd = raw(); R(send(fd, "x", 1, 0)); R(listen(fd, 1)); R(accept(fd, 0, 0)); R(getpeername(fd, (struct sockaddr *)&at, &size)); at.sin_family = AF_UNIX; R(connect(fd, (struct sockaddr *)&at, size)); R(bind(fd, (struct sockaddr *)&at, size)); R(shutdown(fd, SHUT_RD)); }
CASE(raw_hears_of_unwanted_datagrams) { int fd = raw(), d = datagrams(); R(sendto(d, "lost", 4, 0, (struct sockaddr *)&at, size)); receive(fd); say("%d %d %d %d\n", packet[28], packet[37], packet[51], packet[56]); receive(fd); }
CASE(unwanted_datagram_told_by_receiving) { int d = datagrams(); R(connect(d, (struct sockaddr *)&at, size)); R(send(d, "x", 1, 0)); R(recv(d, packet, 9, 0)); R(recv(d, packet, 9, 0)); }
CASE(unwanted_datagram_told_by_sending) { int d = datagrams(); R(connect(d, (struct sockaddr *)&at, size)); R(send(d, "x", 1, 0)); R(send(d, "x", 1, 0)); R(recv(d, packet, 9, 0)); R(send(d, "x", 1, 0)); R(send(d, "x", 1, 0)); }
CASE(unwanted_datagram_not_told_unconnected) { int d = datagrams(); R(sendto(d, "x", 1, 0, (struct sockaddr *)&at, size)); R(sendto(d, "x", 1, 0, (struct sockaddr *)&at, size)); R(recv(d, packet, 9, 0)); }
CASE(reset_told_by_sending) { int l = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0); at.sin_addr.s_addr = htonl(INADDR_LOOPBACK); bind(l, (struct sockaddr *)&at, size); listen(l, 1); getsockname(l, (struct sockaddr *)&at, &size); connect(fd, (struct sockaddr *)&at, size); int end = accept(l, 0, 0); R(send(fd, "abc", 3, 0)); close(end); R(send(fd, "x", 1, MSG_NOSIGNAL)); R(send(fd, "x", 1, MSG_NOSIGNAL)); R(recv(fd, packet, 9, 0)); }
