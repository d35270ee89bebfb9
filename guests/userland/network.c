// nc(1): standard input to a socket and what comes from it to standard output, over TCP, UDP or a Unix socket.
#include "main.h"

enum { AF_UNIX = 1, AF_INET = 2, SOCK_STREAM = 1, SOCK_DGRAM = 2, SOL_SOCKET = 1, SO_REUSEADDR = 2, SHUT_WR = 1 };
// sockaddr_in(3type) and sockaddr_un(3type) in one
struct address {
  u16 family;
  union {
    struct { u8 port[2], host[4], zero[8]; } inet;
    char path[108];
  };
};

static bool unix_socket, datagrams, listening, keep_open, quiet_check;
static i64 patience = -1;

static bool parse_host(const char *text, u8 host[4]) {
  if (equal(text, "localhost")) text = "127.0.0.1";
  for (int i = 0; i < 4; i++) {
    int value = 0, digits = 0;
    for (; is_digit(*text) && digits < 3; text++, digits++) value = value * 10 + *text - '0';
    if (digits == 0 || value > 255 || *text != (i < 3 ? '.' : 0)) return false;
    host[i] = value;
    text++;
  }
  return true;
}

static size_t make_address(struct address *address, const char *host, const char *port) {
  i64 number;
  memset(address, 0, sizeof *address);
  if (unix_socket) {
    address->family = AF_UNIX;
    if (strlen(host) >= sizeof address->path) die(1, "%s: the path is too long", host);
    memcpy(address->path, host, strlen(host));
    return sizeof address->family + strlen(host) + 1;
  }
  address->family = AF_INET;
  if (host != NULL && !parse_host(host, address->inet.host)) die(1, "%s: not an address like 127.0.0.1", host);
  if (!parse_number(port, 10, &number) || number < 0 || number > 65535) die(1, "%s: invalid port number", port);
  address->inet.port[0] = number >> 8;
  address->inet.port[1] = number;
  return sizeof address->family + sizeof address->inet;
}

// Both directions until the other side closes.
static int transfer(int fd) {
  struct poll files[] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  char buffer[8192];
  for (;;) {
    long ready = poll(files, 2, patience < 0 ? -1 : patience * 1000);
    if (ready == 0) return 0;
    if (ready < 0 && ready != -EINTR) return fail(ready, "poll");
    if (files[1].happened & (POLLIN | POLLHUP | POLLERR)) {
      long got = read(fd, buffer, sizeof buffer);
      if (got < 0) return fail(got, "read");
      if (got == 0) return 0;
      if (write_all(1, buffer, got) < 0) return 1;
    }
    if (files[0].happened & (POLLIN | POLLHUP)) {
      long got = read(0, buffer, sizeof buffer);
      if (got > 0) {
        long error = write_all(fd, buffer, got);
        if (error < 0) return fail(error, "write");
        continue;
      }
      CALL2(shutdown, fd, SHUT_WR);
      files[0].fd = -1;
      if (datagrams && patience < 0) return 0;
    }
  }
}

static int serve(int fd, const struct address *address, size_t size) {
  int yes = 1;
  long error;
  CALL5(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if ((error = CALL3(bind, fd, address, size)) < 0) return fail(error, "bind");
  if (datagrams) {
    // the first datagram tells who is spoken with
    struct poll file = {.fd = fd, .events = POLLIN};
    poll(&file, 1, -1);
    return transfer(fd);
  }
  if ((error = CALL2(listen, fd, 16)) < 0) return fail(error, "listen");
  do {
    long connection = CALL4(accept4, fd, NULL, NULL, 0);
    if (connection < 0) return fail(connection, "accept");
    transfer(connection);
    close(connection);
  } while (keep_open);
  return 0;
}

int nc_main(int argc, char **argv) {
  const char *host = NULL, *port = NULL;
  struct address address;
  struct options options = OPTIONS("lkuUzw:p:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'l') listening = true;
    if (c == 'k') keep_open = true;
    if (c == 'u') datagrams = true;
    if (c == 'U') unix_socket = true;
    if (c == 'z') quiet_check = true;
    if (c == 'w') patience = number(options.value);
    if (c == 'p') port = options.value;
  }
  int operands = argc - options.at;
  if (unix_socket ? operands != 1 : operands > 2) usage();
  if (unix_socket || operands == 2) host = argv[options.at];
  if (operands == 2) port = argv[options.at + 1];
  else if (operands == 1 && !unix_socket) {
    if (listening && port == NULL) port = argv[options.at];
    else host = argv[options.at];
  }
  if (!unix_socket && (port == NULL || (host == NULL && !listening))) usage();
  size_t size = make_address(&address, host, port);
  long fd = CALL3(socket, address.family, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
  if (fd < 0) return fail(fd, "socket");
  if (listening) return serve(fd, &address, size);
  long error = CALL3(connect, fd, &address, size);
  if (error < 0) return fail(error, "%s%s%s", host, unix_socket ? "" : " ", unix_socket ? "" : port);
  return quiet_check ? 0 : transfer(fd);
}
