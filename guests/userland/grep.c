// grep(1) (POSIX, and -r as GNU has it).
#include "main.h"

static struct {
  bool extended, fixed, ignore_case, inverted, count, list, numbers, quiet, silent, recursive, whole_words, whole_lines, only, names, no_names;
} wanted;
static struct list patterns;
static struct regex **regexes;
static bool matched_any, failed;

static void add_patterns(char *text) {
  for (char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) list_add(&patterns, copy_part(text, end - text));
  list_add(&patterns, text);
}

static void compile(void) {
  regexes = allocate(patterns.count * sizeof *regexes);
  for (size_t i = 0; i < patterns.count; i++) {
    struct text escaped = {0};
    const char *error, *pattern = patterns.items[i];
    text_add(&escaped, "", 0);
    for (const char *c = pattern; wanted.fixed && *c != 0; c++) {
      if (strchr("\\.[*^$", *c) != NULL) text_put(&escaped, '\\');
      text_put(&escaped, *c);
    }
    int flags = (wanted.extended ? REGEX_EXTENDED : 0) | (wanted.ignore_case ? REGEX_IGNORE_CASE : 0);
    regexes[i] = regex_compile(wanted.fixed ? escaped.data : pattern, flags, &error);
    if (regexes[i] == NULL) die(2, "%s: %s", pattern, error);
  }
}

static bool is_word(char c) { return is_alpha(c) || is_digit(c) || c == '_'; }

// The first match in a line from `from` on, the longest if several patterns match there.
static bool search(const char *line, const char *from, const char *end, struct matched *found) {
  bool any = false;
  for (size_t i = 0; i < patterns.count; i++) {
    struct matched groups[REGEX_GROUPS];
    for (const char *at = from; at <= end && regex_search(regexes[i], line, at, end, true, groups); at = groups[0].start + 1) {
      bool edge = !((groups[0].start > line && is_word(groups[0].start[-1])) || (groups[0].end < end && is_word(*groups[0].end)));
      bool whole = groups[0].start == line && groups[0].end == end;
      if ((wanted.whole_words && !edge) || (wanted.whole_lines && !whole)) continue;
      bool better = !any || groups[0].start < found->start || (groups[0].start == found->start && groups[0].end > found->end);
      if (better) *found = groups[0];
      any = true;
      break;
    }
  }
  return any;
}

static void print_matches(const char *line, const char *end, struct matched found, const char *prefix) {
  for (const char *at = line; at <= end && search(line, at, end, &found); at = found.end > found.start ? found.end : found.end + 1) {
    if (found.end == found.start) continue;
    print("%s", prefix);
    put_bytes(&out, found.start, found.end - found.start);
    put_char(&out, '\n');
  }
}

static void search_file(int fd, const char *name) {
  struct reader *reader = reader_open(fd);
  struct text line = {0};
  char number[24];
  bool with_name = (wanted.names || wanted.recursive) && !wanted.no_names;
  u64 count = 0;
  for (u64 at = 1; read_line(reader, &line); at++) {
    struct matched found = {0};
    const char *end = line.data + line.length;
    if (end[-1] == '\n') end--;
    if (search(line.data, line.data, end, &found) == wanted.inverted) continue;
    matched_any = true;
    count++;
    if (wanted.quiet || wanted.list) break;
    if (wanted.count) continue;
    struct text prefix = {0};
    text_string(&prefix, with_name ? name : "");
    if (with_name) text_put(&prefix, ':');
    if (wanted.numbers) text_string(&prefix, format_text(number, sizeof number, "%llu:", at));
    if (wanted.only && !wanted.inverted) {
      print_matches(line.data, end, found, prefix.data);
    } else {
      print("%s", prefix.data);
      put_bytes(&out, line.data, end - line.data);
      put_char(&out, '\n');
    }
    release(prefix.data);
  }
  if (reader->error != 0) {
    if (!wanted.silent) fail(reader->error, "%s", name);
    failed = true;
  } else if (wanted.list) {
    if (count > 0) print("%s\n", name);
  } else if (wanted.count && !wanted.quiet) {
    if (with_name) print("%s:", name);
    print("%llu\n", count);
  }
  release(line.data);
  release(reader);
}

static void search_path(const char *path, bool named) {
  if (wanted.quiet && matched_any) return;
  if (wanted.recursive && is_directory(path)) {
    struct list names = {0};
    struct stat status;
    if (!named && lstat(path, &status) == 0 && (status.mode & S_IFMT) == S_IFLNK) return;
    list_directory(path, &names);
    for (size_t i = 0; i < names.count; i++) search_path(join_path(path, names.items[i]), false);
    return;
  }
  int fd = equal(path, "-") ? 0 : (int)open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    if (!wanted.silent) fail(fd, "%s", path);
    failed = true;
    return;
  }
  search_file(fd, fd == 0 ? "(standard input)" : path);
  close_input(fd);
}

static void choose(int c, char *value) {
  switch (c) {
    case 'E': wanted.extended = true; break;
    case 'F': wanted.fixed = true; break;
    case 'G': wanted.extended = false; break;
    case 'i': case 'y': wanted.ignore_case = true; break;
    case 'v': wanted.inverted = true; break;
    case 'c': wanted.count = true; break;
    case 'l': wanted.list = true; break;
    case 'n': wanted.numbers = true; break;
    case 'q': wanted.quiet = true; break;
    case 's': wanted.silent = true; break;
    case 'r': case 'R': wanted.recursive = true; break;
    case 'w': wanted.whole_words = true; break;
    case 'x': wanted.whole_lines = true; break;
    case 'o': wanted.only = true; break;
    case 'H': wanted.names = true; break;
    case 'h': wanted.no_names = true; break;
    case 'e': add_patterns(value); break;
    case 'f': {
      char *text = read_file(value, NULL);
      if (text == NULL) die(2, "%s: cannot be read", value);
      size_t length = strlen(text);
      if (length > 0 && text[length - 1] == '\n') text[length - 1] = 0;
      if (length > 0) add_patterns(text);
    }
  }
}

int grep_main(int argc, char **argv) {
  struct options options = OPTIONS("EFGivyclnqsrRwxoHhe:f:");
  bool given = false;
  for (int c; (c = next_option(&options)) != 0;) {
    given |= c == 'e' || c == 'f';
    choose(c, options.value);
  }
  int at = options.at;
  if (!given) {
    if (at == argc) usage();
    add_patterns(argv[at++]);
  }
  compile();
  if (argc - at > 1) wanted.names = true;
  if (at == argc) search_path(wanted.recursive ? "." : "-", true);
  for (; at < argc; at++) search_path(argv[at], true);
  if (wanted.quiet && matched_any) return 0;
  return failed ? 2 : !matched_any;
}
