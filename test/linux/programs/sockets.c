// socket(2): Unix and loopback sockets, files and credentials beside the bytes, errors.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void result(const char *what, long value) {
  int error = errno;
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(error) : "");
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void unix_sockets(void) {
  int pair[2];
  char buffer[64] = {0};
  result("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  write(pair[0], "hello", 5);
  result("peek", recv(pair[1], buffer, 3, MSG_PEEK));
  result("read", read(pair[1], buffer, sizeof buffer));
  result("nothing", recv(pair[1], buffer, 4, MSG_DONTWAIT));
  shutdown(pair[0], SHUT_WR);
  result("end", read(pair[1], buffer, 4));
  result("write after shutdown", send(pair[0], "x", 1, MSG_NOSIGNAL));
  close(pair[1]);
  result("peer gone", send(pair[0], "x", 1, MSG_NOSIGNAL));
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  write(pair[0], "one", 3);
  write(pair[0], "three", 5);
  result("datagram", recv(pair[1], buffer, 2, MSG_TRUNC));
  result("next", recv(pair[1], buffer, 10, 0));
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
  write(pair[0], "packet", 6);
  write(pair[0], "two", 3);
  result("packet", read(pair[1], buffer, sizeof buffer));

  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  int one = 1;
  setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
  int file = memfd_create("passed", 0);
  write(file, "contents", 8);
  union {
    char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
  } control = {0};
  struct iovec part = {.iov_base = "with a file", .iov_len = 11};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(sizeof(int))};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &file, sizeof file);
  result("sendmsg", sendmsg(pair[0], &message, 0));
  close(file);
  part.iov_base = buffer;
  part.iov_len = sizeof buffer;
  message.msg_controllen = sizeof control.bytes;
  result("recvmsg", recvmsg(pair[1], &message, 0));
  for (c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_type == SCM_CREDENTIALS) {
      struct ucred who;
      memcpy(&who, CMSG_DATA(c), sizeof who);
      printf("credentials: me %d uid %d\n", who.pid == getpid(), who.uid == getuid());
    } else {
      int received;
      memcpy(&received, CMSG_DATA(c), sizeof received);
      char text[16] = {0};
      pread(received, text, 8, 0);
      printf("file: %s\n", text);
      close(received);
    }
  }
  struct ucred peer;
  socklen_t length = sizeof peer;
  getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &length);
  printf("peer: %d\n", peer.pid == getpid());

  char name[] = "/tmp/socketsXXXXXX";
  mkdtemp(name);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/s", name);
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  result("connect to nobody", connect(client, (void *)&address, sizeof address));
  result("bind", bind(server, (void *)&address, sizeof address));
  result("bind again", bind(client, (void *)&address, sizeof address));
  result("connect before listen", connect(client, (void *)&address, sizeof address));
  result("listen", listen(server, 2));
  result("connect", connect(client, (void *)&address, sizeof address));
  int accepted = accept(server, NULL, NULL);
  write(client, "ping", 4);
  result("accepted reads", read(accepted, buffer, sizeof buffer));
  struct sockaddr_un found = {0};
  length = sizeof found;
  getsockname(accepted, (void *)&found, &length);
  printf("same name: %d %d\n", strcmp(found.sun_path, address.sun_path) == 0, length == offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path) + 1);
  result("connect twice", connect(client, (void *)&address, sizeof address));
  close(server);
  int late = socket(AF_UNIX, SOCK_STREAM, 0);
  result("server gone", connect(late, (void *)&address, sizeof address));
  unlink(address.sun_path);
  rmdir(name);
  struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0anillo-test"};
  socklen_t abstract_length = offsetof(struct sockaddr_un, sun_path) + 12;
  int named = socket(AF_UNIX, SOCK_DGRAM, 0);
  result("abstract", bind(named, (void *)&abstract, abstract_length));
  int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
  result("sendto", sendto(sender, "datagram", 8, 0, (void *)&abstract, abstract_length));
  length = sizeof found;
  result("recvfrom", recvfrom(named, buffer, sizeof buffer, 0, (void *)&found, &length));
  printf("sender has no name: %d\n", length == 0);
}

static void internet_sockets(void) {
  char buffer[64] = {0};
  int server = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = loopback(0);
  result("bind", bind(server, (void *)&address, sizeof address));
  socklen_t length = sizeof address;
  getsockname(server, (void *)&address, &length);
  printf("port given: %d\n", ntohs(address.sin_port) > 1024);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  result("nobody listens", connect(client, (void *)&address, sizeof address));
  close(client);
  listen(server, 5);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int mine = socket(AF_INET, SOCK_STREAM, 0);
    connect(mine, (void *)&address, sizeof address);
    for (int i = 0; i < 100000; i += 1000) {
      char block[1000];
      memset(block, 'a' + i / 1000 % 26, sizeof block);
      write(mine, block, sizeof block);
    }
    shutdown(mine, SHUT_WR);
    char answer[8];
    int n = read(mine, answer, 8);
    _exit(n == 2 ? 0 : 1);
  }
  struct sockaddr_in from;
  length = sizeof from;
  int accepted = accept(server, (void *)&from, &length);
  printf("from loopback: %d\n", from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  long total = 0;
  char big[3000];
  for (int n; (n = read(accepted, big, sizeof big)) > 0;) total += n;
  printf("received %ld\n", total);
  write(accepted, "ok", 2);
  int status;
  waitpid(child, &status, 0);
  printf("client %d\n", WEXITSTATUS(status));
  int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in udp = loopback(0);
  bind(a, (void *)&udp, sizeof udp);
  length = sizeof udp;
  getsockname(a, (void *)&udp, &length);
  result("sendto", sendto(b, "datagram", 8, 0, (void *)&udp, sizeof udp));
  length = sizeof from;
  result("recvfrom", recvfrom(a, buffer, sizeof buffer, 0, (void *)&from, &length));
  result("answer", sendto(a, "back", 4, 0, (void *)&from, sizeof from));
  result("received", recv(b, buffer, sizeof buffer, 0));
  struct pollfd p = {.fd = b, .events = POLLIN | POLLOUT};
  poll(&p, 1, 0);
  printf("poll %x\n", p.revents);
  result("not connected", send(b, "x", 1, 0));
  result("no such family", socket(77, SOCK_STREAM, 0));
  int type;
  length = sizeof type;
  getsockopt(server, SOL_SOCKET, SO_TYPE, &type, &length);
  printf("type %d\n", type);
  getsockopt(server, SOL_SOCKET, SO_ACCEPTCONN, &type, &length);
  printf("listening %d\n", type);
  result("not a socket", getsockname(open("/", O_RDONLY), (void *)&from, &length));
  int taken = socket(AF_INET, SOCK_STREAM, 0);
  result("address in use", bind(taken, (void *)&address, sizeof address));
  result("accept without listen", accept(taken, NULL, NULL));
  result("read without connection", read(taken, buffer, 1));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGPIPE, SIG_IGN);
  unix_sockets();
  internet_sockets();
  return 0;
}
