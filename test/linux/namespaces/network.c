// A network namespace of its own: loopback, interfaces by ioctl, ports, abstract names, /proc/net (network_namespaces(7),
// netdevice(7)).
#include "common.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in at(const char *address, int port) {
  struct sockaddr_in a = {AF_INET, htons(port)};
  a.sin_addr.s_addr = inet_addr(address);
  return a;
}

static int bound(int type, const char *address, int port) {
  int fd = socket(AF_INET, type, 0);
  struct sockaddr_in a = at(address, port);
  if (bind(fd, (void *)&a, sizeof a) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static int to(const char *address, int port, int type) {
  int fd = socket(AF_INET, type, 0);
  struct sockaddr_in a = at(address, port);
  int result = connect(fd, (void *)&a, sizeof a), error = errno;
  close(fd);
  errno = error;
  return result;
}

static int send_to(const char *address, int port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = at(address, port);
  int result = sendto(fd, "x", 1, 0, (void *)&a, sizeof a), error = errno;
  close(fd);
  errno = error;
  return result;
}

static int fd;

static int request(unsigned long what, const char *name, struct ifreq *r) {
  memset(r, 0, sizeof *r);
  strcpy(r->ifr_name, name);
  return ioctl(fd, what, r);
}

static void show_address(const char *what, unsigned long code, const char *name) {
  struct ifreq r;
  if (request(code, name, &r) != 0) printf("%s %s: %s\n", name, what, error_name(-1));
  else printf("%s %s: %s\n", name, what, inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
}

static void list(void) {
  struct ifreq found[8];
  struct ifconf c = {sizeof found};
  c.ifc_req = found;
  TELL(ioctl(fd, SIOCGIFCONF, &c));
  printf("%d interfaces\n", (int)(c.ifc_len / sizeof *found));
  for (int n = 0; n < c.ifc_len / (int)sizeof *found; n++)
    printf("%s %s\n", found[n].ifr_name, inet_ntoa(((struct sockaddr_in *)&found[n].ifr_addr)->sin_addr));
  c.ifc_len = 0;
  c.ifc_req = NULL;
  TELL(ioctl(fd, SIOCGIFCONF, &c));
  printf("%d bytes more\n", c.ifc_len / (int)sizeof *found);
}

static void interface(void) {
  struct ifreq r;
  TELL(request(SIOCGIFFLAGS, "lo", &r));
  printf("flags %x\n", r.ifr_flags);
  TELL(request(SIOCGIFFLAGS, "none", &r));
  TELL(request(SIOCGIFINDEX, "lo", &r));
  printf("index %d\n", r.ifr_ifindex);
  TELL(request(SIOCGIFMTU, "lo", &r));
  printf("mtu %d\n", r.ifr_mtu);
  TELL(request(SIOCGIFHWADDR, "lo", &r));
  printf("hardware %d\n", r.ifr_hwaddr.sa_family);
  memset(&r, 0, sizeof r);
  r.ifr_ifindex = 1;
  TELL(ioctl(fd, SIOCGIFNAME, &r));
  printf("name %s\n", r.ifr_name);
  r.ifr_ifindex = 99;
  TELL(ioctl(fd, SIOCGIFNAME, &r));
  show_address("address", SIOCGIFADDR, "lo");
  show_address("mask", SIOCGIFNETMASK, "lo");
}

static int up(void) {
  struct ifreq r;
  request(SIOCGIFFLAGS, "lo", &r);
  r.ifr_flags |= IFF_UP;
  return ioctl(fd, SIOCSIFFLAGS, &r);
}

static int down(void) {
  struct ifreq r;
  request(SIOCGIFFLAGS, "lo", &r);
  r.ifr_flags &= ~IFF_UP;
  return ioctl(fd, SIOCSIFFLAGS, &r);
}

static void unreachable(void) {
  TELL(bound(SOCK_STREAM, "0.0.0.0", 4000));
  TELL(bound(SOCK_STREAM, "127.0.0.1", 4001));
  TELL(to("127.0.0.1", 4001, SOCK_STREAM));
  TELL(to("127.0.0.1", 4001, SOCK_DGRAM));
  TELL(send_to("127.0.0.1", 4001));
  TELL(to("10.1.2.3", 4001, SOCK_STREAM));
}

static void talk(void) {
  int server = bound(SOCK_STREAM, "127.0.0.1", 80);
  listen(server, 1);
  TELL(to("127.0.0.1", 80, SOCK_STREAM));
  TELL(to("127.0.0.2", 80, SOCK_STREAM));
  TELL(to("127.0.0.1", 81, SOCK_STREAM));
  TELL(to("10.1.2.3", 80, SOCK_STREAM));
  TELL(send_to("10.1.2.3", 80));
  TELL(bound(SOCK_STREAM, "10.1.2.3", 90));
  TELL(bound(SOCK_STREAM, "127.5.6.7", 90));
  close(server);
}

static void ports(void) {
  // a port belongs to its namespace, and so do abstract names
  int server = bound(SOCK_STREAM, "127.0.0.1", 7777);
  struct sockaddr_un name = {AF_UNIX, "\0anillo"};
  int local = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
  TELL(bind(local, (void *)&name, sizeof(sa_family_t) + 7));
  TELL(listen(local, 1));
  TELL(listen(server, 1));
  IN_CHILD({
    TELL(unshare(CLONE_NEWNET));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    up();
    TELL(to("127.0.0.1", 7777, SOCK_STREAM));
    TELL(bound(SOCK_STREAM, "127.0.0.1", 7777));
    int own = socket(AF_UNIX, SOCK_STREAM, 0);
    TELL(connect(own, (void *)&name, sizeof(sa_family_t) + 7));
    TELL(bind(own, (void *)&name, sizeof(sa_family_t) + 7));
    // a socket stays in the namespace it was made in
    TELL(connect(other, (void *)&name, sizeof(sa_family_t) + 7));
  });
  TELL(to("127.0.0.1", 7777, SOCK_STREAM));
}

static void proc(void) {
  char line[512];
  FILE *file = fopen("/proc/self/net/dev", "r");
  while (fgets(line, sizeof line, file))
    if (strstr(line, "lo:")) printf("%.6s:\n", line);
    else if (strchr(line, '|')) printf("%s", line);
  fclose(file);
  int server = bound(SOCK_STREAM, "127.0.0.1", 5000);
  listen(server, 1);
  file = fopen("/proc/net/tcp", "r");
  for (int n = 0; fgets(line, sizeof line, file); n++)
    if (n == 0) printf("%s", line);
    else if (strstr(line, ":1388 ")) printf("%.86s\n", strchr(line, ':') + 1);
  fclose(file);
  int datagrams = bound(SOCK_DGRAM, "127.0.0.1", 5001);
  file = fopen("/proc/net/udp", "r");
  for (int n = 0; fgets(line, sizeof line, file); n++) if (n > 0) printf("%.40s\n", strchr(line, ':') + 1);
  fclose(file);
  close(server);
  close(datagrams);
}

static void addresses(void) {
  struct ifaddrs *all = NULL;
  TELL(getifaddrs(&all));
  for (struct ifaddrs *a = all; a; a = a->ifa_next) {
    if (!a->ifa_addr || strcmp(a->ifa_name, "lo")) continue;
    if (a->ifa_addr->sa_family == AF_INET)
      printf("%s %x %s\n", a->ifa_name, a->ifa_flags, inet_ntoa(((struct sockaddr_in *)a->ifa_addr)->sin_addr));
    else if (a->ifa_addr->sa_family != AF_INET6) printf("%s %x family %d\n", a->ifa_name, a->ifa_flags, a->ifa_addr->sa_family);
  }
  printf("index %u\n", if_nametoindex("lo"));
  char name[IF_NAMESIZE] = "";
  printf("name %s\n", if_indextoname(1, name));
}

/** One request for a link; the error of the answer. */
static int link_request(int type, unsigned flags, unsigned change, int index, int more) {
  struct { struct nlmsghdr h; struct ifinfomsg i; } m = {{sizeof m, type, NLM_F_REQUEST | NLM_F_ACK | more, 5, 0}, {AF_UNSPEC, 0, 0, index, flags, change}};
  struct { struct nlmsghdr h; int error; char rest[4096]; } a;
  int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (send(s, &m, sizeof m, 0) < 0) return -1;
  ssize_t size = recv(s, &a, sizeof a, 0);
  printf("answer %d %s, number %u\n", a.h.nlmsg_type, a.h.nlmsg_type == NLMSG_ERROR ? strerrorname_np(-a.error) : "", a.h.nlmsg_seq);
  close(s);
  return size > 0 ? 0 : -1;
}

static void netlink(void) {
  struct sockaddr_nl own = {AF_NETLINK}, got;
  socklen_t size = sizeof got;
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), t = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
  TELL(bind(s, (void *)&own, sizeof own));
  getsockname(s, (void *)&got, &size);
  printf("%d bytes, family %d, %s\n", (int)size, got.nl_family, got.nl_pid == getpid() ? "the process" : "another");
  TELL(bind(t, (void *)&got, sizeof got));
  TELL(bind(t, (void *)&own, sizeof own));
  getsockname(t, (void *)&got, &size);
  printf("%s\n", got.nl_pid == getpid() ? "the process" : "another");
  TELL(link_request(RTM_SETLINK, 0, IFF_UP, 1, 0));
  TELL(link_request(RTM_SETLINK, IFF_UP, IFF_UP, 1, 0));
  TELL(link_request(RTM_SETLINK, IFF_UP, IFF_UP, 99, 0));
  TELL(link_request(RTM_GETLINK, 0, 0, 1, 0));
  TELL(listen(s, 1));
  TELL(accept(s, NULL, NULL));
}

int main(void) {
  become_root(CLONE_NEWNET);
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  list();
  interface();
  unreachable();
  TELL(up());
  list();
  interface();
  addresses();
  netlink();
  talk();
  ports();
  proc();
  TELL(down());
  struct ifreq r;
  TELL(request(SIOCGIFFLAGS, "lo", &r));
  printf("flags %x\n", r.ifr_flags);
  TELL(up());
  IN_CHILD({
    // not for those without CAP_NET_ADMIN
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {0};
    syscall(SYS_capset, &header, none);
    TELL(down());
    TELL(link_request(RTM_SETLINK, 0, IFF_UP, 1, 0));
    TELL(link_request(RTM_GETLINK, 0, 0, 1, 0));
    TELL(bound(SOCK_STREAM, "127.0.0.1", 80));
  });
  return 0;
}
