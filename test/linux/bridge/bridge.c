// Two machines in namespaces of their own, joined by a bridge from outside: a server with 10.0.0.1 and a client with
// 10.0.0.2, and a third that is not joined.
#include "../namespaces/common.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_in at(const char *address, int port) {
  struct sockaddr_in a = {AF_INET, htons(port)};
  a.sin_addr.s_addr = inet_addr(address);
  return a;
}

static void name(const char *who, struct sockaddr_in *a) { printf("%s %s:%d\n", who, inet_ntoa(a->sin_addr), ntohs(a->sin_port) == 80 ? 80 : 0); }

/** Waits until somebody gives this machine an address. */
static void wait_for_interface(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq r = {"eth0"};
  while (ioctl(fd, SIOCGIFADDR, &r) != 0) usleep(1000);
  printf("address %s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
  close(fd);
}

static void server(int ready) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in any = at("0.0.0.0", 80), from;
  wait_for_interface();
  bind(listener, (void *)&any, sizeof any);
  listen(listener, 5);
  bind(datagrams, (void *)&any, sizeof any);
  write(ready, "x", 1);
  socklen_t size = sizeof from;
  int client = accept(listener, (void *)&from, &size);
  name("accepted from", &from);
  size = sizeof from;
  getsockname(client, (void *)&from, &size);
  name("here as", &from);
  char text[64];
  ssize_t count = read(client, text, sizeof text);
  printf("got %.*s\n", (int)count, text);
  write(client, "answer", 6);
  close(client);
  for (int n = 0; n < 2; n++) {
    size = sizeof from;
    count = recvfrom(datagrams, text, sizeof text, 0, (void *)&from, &size);
    printf("datagram %.*s ", (int)count, text);
    name("from", &from);
  }
}

static void client(int ready) {
  char text[64];
  wait_for_interface();
  read(ready, text, 1);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = at("10.0.0.1", 80), own;
  TELL(connect(fd, (void *)&to, sizeof to));
  socklen_t size = sizeof own;
  getsockname(fd, (void *)&own, &size);
  name("connected from", &own);
  write(fd, "question", 8);
  ssize_t count = read(fd, text, sizeof text);
  printf("got %.*s\n", (int)count, text);
  printf("then %d\n", (int)read(fd, text, sizeof text));
  int datagrams = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
  TELL(sendto(datagrams, "one", 3, 0, (void *)&to, sizeof to));
  to = at("10.0.0.255", 80);
  TELL(sendto(datagrams, "all", 3, 0, (void *)&to, sizeof to));
  setsockopt(datagrams, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  TELL(sendto(datagrams, "all", 3, 0, (void *)&to, sizeof to));
  to = at("10.0.0.9", 80);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  TELL(connect(fd, (void *)&to, sizeof to));
  to = at("10.0.0.1", 81);
  TELL(connect(fd, (void *)&to, sizeof to));
  to = at("192.168.0.1", 80);
  TELL(connect(fd, (void *)&to, sizeof to));
}

static void outsider(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = at("10.0.0.1", 80);
  TELL(connect(fd, (void *)&to, sizeof to));
}

int main(void) {
  int ready[2];
  pipe(ready);
  pid_t first = fork();
  if (first == 0) {
    unshare(CLONE_NEWNET);
    prctl(PR_SET_NAME, "server");
    server(ready[1]);
    _exit(0);
  }
  pid_t second = fork();
  if (second == 0) {
    unshare(CLONE_NEWNET);
    prctl(PR_SET_NAME, "client");
    client(ready[0]);
    _exit(0);
  }
  waitpid(second, NULL, 0);
  waitpid(first, NULL, 0);
  IN_CHILD(unshare(CLONE_NEWNET); outsider());
  return 0;
}
