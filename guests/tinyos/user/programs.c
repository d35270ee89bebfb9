// The programs of tinyos: which there are, init and the small ones.
#include "user.h"
#include "../../lib/print.h"

const char program_names[] = "init\0sh\0help\0echo\0cat\0wc\0ps\0ticks\0primes\0forktest\0usertests\0true\0false\0";

static char out[160];
static u32 out_length;

static void out_flush(void) {
  write(1, out, out_length);
  out_length = 0;
}
static void out_put(char c) {
  out[out_length++] = c;
  if (c == '\n' || out_length == sizeof out) out_flush();
}
void say(const char *format, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  print_to(out_put, format, arguments);
  __builtin_va_end(arguments);
  if (out_length > 0) out_flush();
}

static i32 help_main(void) {
  say("programs:");
  for (const char *at = program_names; *at != 0; at += strlen(at) + 1) say(" %s", at);
  say("\nprograms are joined by | into pipelines and separated by ; - exit ends the shell\n");
  return 0;
}

static i32 echo_main(i32 argc, const char *const *argv) {
  for (i32 i = 1; i < argc; i++) say(i + 1 < argc ? "%s " : "%s", argv[i]);
  say("\n");
  return 0;
}

static i32 cat_main(void) {
  char buffer[128];
  for (i32 got; (got = read(0, buffer, sizeof buffer)) > 0;) write(1, buffer, (u32)got);
  return 0;
}

static i32 wc_main(void) {
  char buffer[128];
  u32 lines = 0, words = 0, characters = 0;
  bool in_word = false;
  for (i32 got; (got = read(0, buffer, sizeof buffer)) > 0;) {
    for (i32 i = 0; i < got; i++) {
      bool space = buffer[i] == ' ' || buffer[i] == '\n';
      characters++;
      if (buffer[i] == '\n') lines++;
      if (!space && !in_word) words++;
      in_word = !space;
    }
  }
  say("%u %u %u\n", lines, words, characters);
  return 0;
}

static i32 ps_main(void) {
  struct process_info table[24];
  i32 count = processes(table, COUNT(table));
  say("pid parent state name\n");
  for (i32 i = 0; i < count; i++)
    say("%3u %6u %c     %s\n", (u32)table[i].pid, (u32)table[i].parent, table[i].state, table[i].name);
  return 0;
}

// The sieve as a chain of processes, each passing on what its own prime does not divide.
i32 primes_main(i32 argc, const char *const *argv) {
  u32 limit = argc > 1 ? parse_number(argv[1]) : 40;
  i32 fds[2];
  if (pipe(fds) < 0) return 1;
  i32 source = fork();
  if (source == 0) {
    close(fds[0]);
    for (u32 n = 2; n <= limit; n++) write(fds[1], &n, sizeof n);
    return 0;
  }
  close(fds[1]);
  i32 in = fds[0];
  for (;;) {
    u32 prime, n;
    if (read(in, &prime, sizeof prime) != sizeof prime) break;
    say("prime %u\n", prime);
    if (pipe(fds) < 0 || (source = fork()) < 0) return 1;
    if (source == 0) {
      close(fds[0]);
      while (read(in, &n, sizeof n) == sizeof n) {
        if (n % prime != 0) write(fds[1], &n, sizeof n);
      }
      return 0;
    }
    close(in);
    close(fds[1]);
    in = fds[0];
  }
  while (wait(NULL) > 0) {}
  return 0;
}

// Forks until there is no room, then collects them all.
i32 forktest_main(i32 argc, const char *const *argv) {
  (void)argc, (void)argv;
  i32 made = 0, collected = 0, fds[2];
  if (pipe(fds) < 0) return 1;
  for (;; made++) {
    i32 pid = fork();
    if (pid < 0) break;
    if (pid == 0) {
      char c;
      close(fds[1]);
      read(fds[0], &c, 1); // until the parent closes its end
      exit(0);
    }
  }
  close(fds[0]);
  close(fds[1]);
  while (wait(NULL) > 0) collected++;
  say("forktest: %s\n", made > 3 && made == collected ? "ok" : "FAILED");
  return made > 3 && made == collected ? 0 : 1;
}

// First process: runs the tests, or a shell for the user; adopts and collects orphans.
i32 init_main(i32 argc, const char *const *argv) {
  bool interactive = argc > 1 && strcmp(argv[1], "shell") == 0;
  const char *const shell[] = {"sh", NULL}, *const test[] = {"usertests", NULL};
  const char *const *program = interactive ? shell : test;
  i32 child = fork(), status = 0, pid;
  if (child == 0) exit(exec(program[0], program));
  while ((pid = wait(&status)) != child) {
    if (pid < 0) return 1;
  }
  return status;
}

i32 program_main(i32 argc, const char *const *argv) {
  const char *name = argv[0];
  if (strcmp(name, "init") == 0) return init_main(argc, argv);
  if (strcmp(name, "sh") == 0) return shell_main(argc, argv);
  if (strcmp(name, "help") == 0) return help_main();
  if (strcmp(name, "echo") == 0) return echo_main(argc, argv);
  if (strcmp(name, "cat") == 0) return cat_main();
  if (strcmp(name, "wc") == 0) return wc_main();
  if (strcmp(name, "ps") == 0) return ps_main();
  if (strcmp(name, "primes") == 0) return primes_main(argc, argv);
  if (strcmp(name, "forktest") == 0) return forktest_main(argc, argv);
  if (strcmp(name, "usertests") == 0) return usertests_main(argc, argv);
  if (strcmp(name, "true") == 0) return 0;
  if (strcmp(name, "ticks") == 0) {
    say("%u\n", current_ticks());
    return 0;
  }
  return 1;
}
