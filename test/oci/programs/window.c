// Says the size of its terminal, whenever it changes, and what is typed; ends with status 3 at a line that begins with q.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void size(int unused) {
  struct winsize window = {0};
  ioctl(1, TIOCGWINSZ, &window);
  char text[32];
  write(1, text, sprintf(text, "%d %d\n", window.ws_row, window.ws_col));
}

int main(void) {
  char line[64];
  struct sigaction action = {0};
  action.sa_handler = size;
  sigaction(SIGWINCH, &action, 0);
  size(0);
  for (;;) {
    int count = read(0, line, sizeof line);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || line[0] == 'q') return 3;
    write(1, line, count);
  }
}
