// What is said of packets beside their bytes: hop limits, traffic classes and addresses by control messages (ip(7), ipv6(7),
// RFC 3542, section 6).
#include "case.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

static char text[64];
static struct sockaddr_storage name;
static socklen_t nameLength;

/** A datagram socket on the loopback, whose name is left in `name`. */
static int bound(int family, int protocol) {
  int fd = socket(family, SOCK_DGRAM, protocol);
  memset(&name, 0, sizeof name);
  name.ss_family = family;
  if (family == AF_INET6) ((struct sockaddr_in6 *)&name)->sin6_addr = in6addr_loopback;
  else ((struct sockaddr_in *)&name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  nameLength = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  OK(bind(fd, (void *)&name, nameLength));
  getsockname(fd, (void *)&name, &nameLength);
  return fd;
}

static int on(int fd, int level, int option) {
  int one = 1;
  return setsockopt(fd, level, option, &one, sizeof one);
}

/** Receives with so much room for control messages, and tells them. */
static void hear(int fd, size_t room) {
  static union {
    char bytes[512];
    struct cmsghdr align;
  } control;
  memset(&control, 0xee, sizeof control);
  char data[16];
  struct iovec part = {data, sizeof data};
  struct sockaddr_storage from;
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1,
                           .msg_control = room ? control.bytes : NULL, .msg_controllen = room};
  if (R(recvmsg(fd, &message, MSG_DONTWAIT)) < 0) return;
  say("flags %x, all %s\n", message.msg_flags, message.msg_controllen == 0 ? "none" : "some");
  for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
    say("level %d type %d:", at->cmsg_level, at->cmsg_type);
    for (size_t n = 0; n < at->cmsg_len - CMSG_LEN(0); n++) say(" %02x", CMSG_DATA(at)[n]);
    say("\n");
  }
}

/** Control messages to be sent. */
static struct {
  union {
    char bytes[512];
    struct cmsghdr align;
  };
  size_t length;
} sent;

static void with(int level, int type, const void *data, size_t length) {
  struct cmsghdr *head = (void *)(sent.bytes + sent.length);
  head->cmsg_level = level;
  head->cmsg_type = type;
  head->cmsg_len = CMSG_LEN(length);
  memcpy(CMSG_DATA(head), data, length);
  sent.length += CMSG_SPACE(length);
}

static void withInt(int level, int type, int value) { with(level, type, &value, sizeof value); }

/** Sends a datagram to `name` with them. */
static int tell(int fd) {
  struct iovec part = {"six", 3};
  struct msghdr message = {.msg_name = &name, .msg_namelen = nameLength, .msg_iov = &part, .msg_iovlen = 1,
                           .msg_control = sent.bytes, .msg_controllen = sent.length};
  int result = sendmsg(fd, &message, 0);
  sent.length = 0;
  return result;
}

static void all6(int protocol) {
  int fd = bound(AF_INET6, protocol), from = socket(AF_INET6, SOCK_DGRAM, protocol);
  R(tell(from));
  hear(fd, 512);
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT));
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS));
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO));
  R(tell(from));
  hear(fd, 512);
  withInt(IPPROTO_IPV6, IPV6_HOPLIMIT, 12);
  withInt(IPPROTO_IPV6, IPV6_TCLASS, 8);
  R(tell(from));
  hear(fd, 512);
  int hops = 7, class = 16;
  OK(setsockopt(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops));
  OK(setsockopt(from, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class));
  R(tell(from));
  hear(fd, 512);
  withInt(IPPROTO_IPV6, IPV6_HOPLIMIT, -1);
  withInt(IPPROTO_IPV6, IPV6_TCLASS, -1);
  R(tell(from));
  hear(fd, 512);
  hops = -1;
  OK(setsockopt(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops));
  R(tell(from));
  hear(fd, 512);
}

CASE(version_6) { all6(0); }
CASE(version_6_lite) { all6(IPPROTO_UDPLITE); }
CASE(version_4) {
  int fd = bound(AF_INET, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
  OK(on(fd, IPPROTO_IP, IP_RECVTTL));
  OK(on(fd, IPPROTO_IP, IP_RECVTOS));
  OK(on(fd, IPPROTO_IP, IP_PKTINFO));
  R(tell(from));
  hear(fd, 512);
  withInt(IPPROTO_IP, IP_TTL, 9);
  withInt(IPPROTO_IP, IP_TOS, 8);
  R(tell(from));
  hear(fd, 512);
  int hops = 7, class = 16;
  OK(setsockopt(from, IPPROTO_IP, IP_TTL, &hops, sizeof hops));
  OK(setsockopt(from, IPPROTO_IP, IP_TOS, &class, sizeof class));
  R(tell(from));
  hear(fd, 512);
  hear(fd, 512);
}
CASE(version_4_to_version_6) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in6 own = {.sin6_family = AF_INET6};
  OK(bind(fd, (void *)&own, sizeof own));
  socklen_t length = sizeof own;
  getsockname(fd, (void *)&own, &length);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = own.sin6_port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  memcpy(&name, &to, nameLength = sizeof to);
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT));
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO));
  OK(on(fd, IPPROTO_IP, IP_RECVTTL));
  R(tell(from));
  hear(fd, 512);
}
CASE(little_room) {
  int fd = bound(AF_INET6, 0), from = socket(AF_INET6, SOCK_DGRAM, 0);
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT));
  OK(on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS));
  size_t rooms[] = {0, 1, CMSG_LEN(0) - 1, CMSG_LEN(0), CMSG_LEN(1), CMSG_LEN(3), CMSG_LEN(4), CMSG_SPACE(4),
                    CMSG_SPACE(4) + CMSG_LEN(0) - 1, CMSG_SPACE(4) + CMSG_LEN(0), CMSG_SPACE(4) + CMSG_LEN(2),
                    CMSG_SPACE(4) + CMSG_LEN(4)};
  for (unsigned n = 0; n < sizeof rooms / sizeof *rooms; n++) {
    R(tell(from));
    hear(fd, rooms[n]);
  }
}
CASE(chosen_source) {
  int fd = bound(AF_INET, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
  struct in_pktinfo info = {.ipi_spec_dst = {htonl(0x7f000005)}};
  with(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  R(tell(from));
  struct sockaddr_in sender;
  socklen_t length = sizeof sender;
  R(recvfrom(fd, text, sizeof text, MSG_DONTWAIT, (void *)&sender, &length));
  say("%s\n", inet_ntoa(sender.sin_addr));
  info.ipi_spec_dst.s_addr = htonl(0x01020304);
  with(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  R(tell(from));
  struct in_pktinfo nowhere = {.ipi_ifindex = 4711};
  with(IPPROTO_IP, IP_PKTINFO, &nowhere, sizeof nowhere);
  R(tell(from));
  bound(AF_INET6, 0);
  from = socket(AF_INET6, SOCK_DGRAM, 0);
  struct in6_pktinfo info6 = {.ipi6_addr = in6addr_loopback, .ipi6_ifindex = 1};
  with(IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6);
  R(tell(from));
  info6.ipi6_addr.s6_addr[0] = 0x20;
  with(IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6);
  R(tell(from));
  struct in6_pktinfo nowhere6 = {.ipi6_ifindex = 4711};
  with(IPPROTO_IPV6, IPV6_PKTINFO, &nowhere6, sizeof nowhere6);
  R(tell(from));
  R(setsockopt(from, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6));
  R(setsockopt(from, IPPROTO_IPV6, IPV6_PKTINFO, &info6, 19));
  R(setsockopt(from, IPPROTO_IPV6, IPV6_PKTINFO, &info6, 0));
  R(tell(from));
}
CASE(bad_messages) {
  bound(AF_INET6, 0);
  int from = socket(AF_INET6, SOCK_DGRAM, 0);
  int bad[] = {-2, 256};
  for (int n = 0; n < 2; n++) {
    withInt(IPPROTO_IPV6, IPV6_HOPLIMIT, bad[n]);
    R(tell(from));
    withInt(IPPROTO_IPV6, IPV6_TCLASS, bad[n]);
    R(tell(from));
  }
  with(IPPROTO_IPV6, IPV6_HOPLIMIT, "\1\0", 2);
  R(tell(from));
  with(IPPROTO_IPV6, IPV6_PKTINFO, "\1\0\0\0", 4);
  R(tell(from));
  withInt(IPPROTO_IP, IP_TTL, 300);
  R(tell(from));
  withInt(4711, 3, 1);
  R(tell(from));
  withInt(SOL_SOCKET, 4711, 1);
  R(tell(from));
  bound(AF_INET, 0);
  from = socket(AF_INET, SOCK_DGRAM, 0);
  for (int n = 0; n < 2; n++) {
    withInt(IPPROTO_IP, IP_TTL, n == 0 ? 0 : 256);
    R(tell(from));
    withInt(IPPROTO_IP, IP_TOS, n == 0 ? -1 : 256);
    R(tell(from));
  }
  with(IPPROTO_IP, IP_TOS, "\4", 1);
  R(tell(from));
  withInt(IPPROTO_IP, IP_PKTINFO, 1);
  R(tell(from));
  withInt(IPPROTO_IPV6, IPV6_HOPLIMIT, 4711);
  R(tell(from));
}
