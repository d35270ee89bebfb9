// kill(1).
#include "main.h"

static int list_signals(int argc, char **argv) {
  i64 number;
  for (int i = 2; i < argc; i++) {
    if (!parse_number(argv[i], 10, &number)) print("%d\n", signal_number(argv[i]));
    else print("%s\n", signal_name(number > 128 ? number - 128 : number));
  }
  for (int i = 1; argc == 2 && i < 32; i++) print("%s%c", signal_name(i), i == 31 ? '\n' : ' ');
  return 0;
}

int kill_main(int argc, char **argv) {
  int signal = SIGTERM, at = 1, status = 0;
  if (argc < 2) usage();
  if (equal(argv[1], "-l")) return list_signals(argc, argv);
  if (argv[1][0] == '-' && !equal(argv[1], "--") && argc > 2) {
    const char *name = equal(argv[1], "-s") || equal(argv[1], "-n") ? argv[++at] : argv[1] + 1;
    signal = signal_number(name);
    if (signal < 0) die(1, "%s: invalid signal", name);
    at++;
  }
  if (at < argc && equal(argv[at], "--")) at++;
  if (at >= argc) usage();
  for (; at < argc; at++) {
    i64 pid;
    if (!parse_number(argv[at], 10, &pid)) {
      warn("'%s': not a process number", argv[at]);
      status = 1;
      continue;
    }
    long error = kill(pid, signal);
    if (error < 0) status = fail(error, "(%lld)", pid);
  }
  return status;
}
