// sleep(1) and date(1).
#include "main.h"

int sleep_main(int argc, char **argv) {
  if (argc < 2) usage();
  struct timespec total = {0, 0};
  for (int i = 1; i < argc; i++) {
    struct timespec time;
    if (!parse_seconds(argv[i], &time)) {
      if (!equal(argv[i], "infinity")) die(1, "invalid time interval '%s'", argv[i]);
      time = (struct timespec){(i64)1 << 40, 0};
    }
    total.seconds += time.seconds;
    total.nanoseconds += time.nanoseconds;
  }
  total.seconds += total.nanoseconds / 1000000000;
  total.nanoseconds %= 1000000000;
  while (sleep_for(total) == -EINTR) {}
  return 0;
}
