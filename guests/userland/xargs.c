// xargs(1) (POSIX).
#include "main.h"

enum { MOST_BYTES = 65536 };
static struct reader *input;
static bool zeros, lines, trace;

// The next argument: quoted as the shell would, a line, or up to a zero byte.
static bool next_item(struct text *item) {
  int c = read_byte(input), quote = 0;
  item->length = 0;
  text_add(item, "", 0);
  if (zeros || lines) {
    int end = zeros ? 0 : '\n';
    while (lines && (c == ' ' || c == '\t')) c = read_byte(input);
    for (; c >= 0 && c != end; c = read_byte(input)) text_put(item, c);
    return c >= 0 || item->length > 0;
  }
  while (c >= 0 && is_space(c)) c = read_byte(input);
  if (c < 0) return false;
  for (; c >= 0 && (quote != 0 || !is_space(c)); c = read_byte(input)) {
    if (quote != 0 ? c == quote : c == '"' || c == '\'') quote = quote != 0 ? 0 : c;
    else if (c == '\\' && quote == 0 && (c = read_byte(input)) < 0) break;
    else text_put(item, c);
  }
  if (quote != 0) die(1, "unmatched %s quote", quote == '"' ? "double" : "single");
  return true;
}

static int run(struct list *words) {
  int status;
  if (trace) {
    struct stream message = {.fd = 2};
    for (size_t i = 0; i < words->count; i++) print_to(&message, i > 0 ? " %s" : "%s", words->items[i]);
    put_char(&message, '\n');
    flush(&message);
  }
  int pid = fork();
  if (pid < 0) return fail(pid, "cannot fork");
  if (pid == 0) {
    int nothing = open("/dev/null", O_RDONLY, 0);
    if (nothing > 0) dup2(nothing, 0), close(nothing);
    run_program(words->items);
  }
  while (wait_for(pid, &status, 0) == -EINTR) {}
  if (WIFSIGNALED(status)) die(125, "%s: terminated by signal %d", words->items[0], WTERMSIG(status));
  int result = WEXITSTATUS(status);
  if (result == 255) die(124, "%s: exited with status 255; aborting", words->items[0]);
  return result == 126 || result == 127 ? result : result != 0 ? 123 : 0;
}

static char *replace(const char *word, const char *what, const char *with) {
  struct text text = {0};
  text_add(&text, "", 0);
  for (const char *found; (found = strstr(word, what)) != NULL; word = found + strlen(what)) {
    text_add(&text, word, found - word);
    text_string(&text, with);
  }
  text_string(&text, word);
  return text.data;
}

static int run_each(char **command, const char *what) {
  struct text item = {0};
  int status = 0;
  while (next_item(&item)) {
    struct list words = {0};
    if (item.length == 0) continue;
    for (char **word = command; *word != NULL; word++) list_add(&words, replace(*word, what, item.data));
    int result = run(&words);
    if (result != 0) status = result;
  }
  return status;
}

int xargs_main(int argc, char **argv) {
  static char *echo[] = {"echo", NULL};
  i64 most = 0;
  bool not_empty = false;
  const char *what = NULL;
  int status = 0;
  struct options options = OPTIONS("0rtn:I:L:s:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == '0') zeros = true;
    if (c == 'r') not_empty = true;
    if (c == 't') trace = true;
    if (c == 'n') most = number(options.value);
    if (c == 'L') most = number(options.value), lines = true;
    if (c == 'I') what = options.value, lines = true;
  }
  input = reader_open(0);
  char **command = options.at == argc ? echo : argv + options.at;
  if (what != NULL) return run_each(command, what);
  struct text item = {0};
  bool more = next_item(&item), first = true;
  while (more || (first && !not_empty)) {
    struct list words = {0};
    size_t bytes = 0;
    for (char **word = command; *word != NULL; word++) list_add(&words, *word);
    for (i64 count = 0; more && (most == 0 || count < most) && bytes + item.length < MOST_BYTES; count++) {
      bytes += item.length + 1;
      list_add(&words, copy_string(item.data));
      more = next_item(&item);
    }
    int result = run(&words);
    if (result != 0) status = result;
    if (result == 126 || result == 127) break;
    first = false;
  }
  return status;
}
