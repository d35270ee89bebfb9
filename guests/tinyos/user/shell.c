// The shell of tinyos: words, pipelines joined by |, lists separated by ;.
#include "user.h"

// Runs `words` with the given ends of pipes as standard input and output (-1: inherited).
static i32 start_program(const char *const *words, i32 in, i32 out, i32 unused) {
  i32 pid = fork();
  if (pid != 0) return pid;
  if (in >= 0) {
    close(0);
    dup(in);
    close(in);
  }
  if (out >= 0) {
    close(1);
    dup(out);
    close(out);
  }
  if (unused >= 0) close(unused);
  exec(words[0], words);
  say("sh: %s: no such program\n", words[0]);
  exit(127);
}

// One pipeline; returns the status of its last program.
static i32 run_pipeline(char *line) {
  i32 in = -1, last = -1, result = 0, started = 0;
  while (line != NULL) {
    char *next = NULL;
    const char *words[MAX_ARGUMENTS + 1];
    u32 count = 0;
    for (char *at = line; *at != 0;) {
      while (*at == ' ' || *at == '\n' || *at == '\t') *at++ = 0;
      if (*at == '|') {
        *at = 0;
        next = at + 1;
        break;
      }
      if (*at == 0) break;
      if (count < MAX_ARGUMENTS) words[count++] = at;
      while (*at != 0 && *at != ' ' && *at != '\n' && *at != '\t' && *at != '|') at++;
    }
    words[count] = NULL;
    i32 fds[2] = {-1, -1};
    if (count == 0) break;
    if (next != NULL && pipe(fds) < 0) break;
    last = start_program(words, in, fds[1], fds[0]);
    if (last > 0) started++;
    if (in >= 0) close(in);
    if (fds[1] >= 0) close(fds[1]);
    in = fds[0];
    line = next;
  }
  if (in >= 0) close(in);
  for (; started > 0; started--) {
    i32 status;
    if (wait(&status) == last) result = status;
  }
  return result;
}

i32 run_shell_line(char *line) {
  i32 status = 0;
  while (line != NULL) {
    char *next = line;
    while (*next != 0 && *next != ';') next++;
    next = *next == ';' ? (*next = 0, next + 1) : NULL;
    status = run_pipeline(line);
    line = next;
  }
  return status;
}

i32 shell_main(i32 argc, const char *const *argv) {
  char line[200];
  if (argc > 2 && strcmp(argv[1], "-c") == 0) {
    u32 length = strlen(argv[2]) < sizeof line - 1 ? strlen(argv[2]) : sizeof line - 1;
    memcpy(line, argv[2], length);
    line[length] = 0;
    return run_shell_line(line);
  }
  say("tinyos shell: help lists the programs, exit ends\n");
  for (;;) {
    say("$ ");
    i32 got = read(0, line, sizeof line - 1);
    if (got <= 0) return 0;
    line[got] = 0;
    char *word = line;
    while (*word == ' ') word++;
    if (strncmp(word, "exit", 4) == 0 && (word[4] == '\n' || word[4] == 0 || word[4] == ' ')) return 0;
    run_shell_line(line);
  }
}
