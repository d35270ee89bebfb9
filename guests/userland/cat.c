// cat(1): files one behind the other.
#include "main.h"

static int copy_out(int fd, const char *path) {
  static char buffer[32768];
  long got, error = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    error = write_all(1, buffer, got);
    if (error < 0) return fail(error, "write error");
  }
  return got < 0 ? fail(got, "%s", path) : 0;
}

int cat_main(int argc, char **argv) {
  int status = 0;
  struct options options = OPTIONS("u");
  while (next_option(&options) != 0) {}
  if (options.at == argc) return copy_out(0, "-");
  for (int i = options.at; i < argc; i++) {
    int fd = open_input(argv[i]);
    status |= fd < 0 ? 1 : copy_out(fd, argv[i]);
    close_input(fd);
  }
  return status;
}
