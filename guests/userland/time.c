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

int date_main(int argc, char **argv) {
  const char *format = "%a %b %e %H:%M:%S UTC %Y", *text = NULL;
  struct timespec now;
  struct stat status;
  clock(CLOCK_REALTIME, &now);
  struct options options = OPTIONS("ud:r:RI");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'd') text = options.value;
    if (c == 'R') format = "%a, %d %b %Y %H:%M:%S %z";
    if (c == 'I') format = "%Y-%m-%d";
    if (c == 'r') {
      long error = stat(options.value, &status);
      if (error < 0) return fail(error, "%s", options.value);
      now = (struct timespec){status.modified.seconds, status.modified.nanoseconds};
    }
  }
  if (text != NULL) {
    now.nanoseconds = 0;
    if (!parse_date(text, &now.seconds)) die(1, "invalid date '%s'", text);
  }
  if (options.at < argc) {
    if (argv[options.at][0] != '+') die(1, "invalid date '%s': only formats that begin with + are understood", argv[options.at]);
    format = argv[options.at] + 1;
  }
  struct text line = {0};
  struct date date;
  text_add(&line, "", 0);
  date_of(now.seconds, &date);
  format_date(&line, format, &date, now.seconds, now.nanoseconds);
  print("%s\n", line.data);
  return 0;
}
