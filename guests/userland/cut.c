// Parts of lines and characters: cut(1), tr(1), tee(1).
#include "main.h"

struct range {
  u64 from, to;
};
static struct range ranges[64];
static u32 range_count;

static void parse_ranges(const char *text) {
  while (*text != 0) {
    struct range range = {0, 0};
    const char *start = text;
    for (; is_digit(*text); text++) range.from = range.from * 10 + *text - '0';
    bool has_from = text > start;
    range.to = range.from;
    if (*text == '-') {
      if (!has_from) range.from = 1;
      range.to = 0;
      for (start = ++text; is_digit(*text); text++) range.to = range.to * 10 + *text - '0';
      if (text == start) range.to = ~(u64)0;
    }
    if (range.from == 0 || range.to < range.from || (*text != 0 && *text != ',')) die(1, "invalid list of positions");
    if (range_count == COUNT(ranges)) die(1, "too many ranges");
    ranges[range_count++] = range;
    if (*text == ',') text++;
  }
}

static bool chosen(u64 position) {
  for (u32 i = 0; i < range_count; i++) {
    if (position >= ranges[i].from && position <= ranges[i].to) return true;
  }
  return false;
}

static void cut_fields(const char *line, char delimiter, bool only_delimited, const char *joined) {
  bool any = false;
  if (strchr(line, delimiter) == NULL) {
    if (!only_delimited) print("%s\n", line);
    return;
  }
  for (u64 field = 1;; field++) {
    const char *end = strchr(line, delimiter);
    size_t length = end == NULL ? strlen(line) : (size_t)(end - line);
    if (chosen(field)) {
      if (any) print("%s", joined);
      put_bytes(&out, line, length);
      any = true;
    }
    if (end == NULL) break;
    line = end + 1;
  }
  put_char(&out, '\n');
}

int cut_main(int argc, char **argv) {
  char mode = 0, delimiter = '\t';
  bool only_delimited = false;
  int status = 0;
  static char *input[] = {"-", NULL};
  struct options options = OPTIONS("b:c:f:d:sn");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'd') delimiter = options.value[0];
    else if (c == 's') only_delimited = true;
    else if (c != 'n') {
      mode = c;
      parse_ranges(options.value);
    }
  }
  if (mode == 0) die(1, "you must specify a list of bytes, characters, or fields");
  char joined[] = {delimiter, 0};
  for (char **path = options.at == argc ? input : argv + options.at; *path != NULL; path++) {
    int fd = open_input(*path);
    if (fd < 0) {
      status = 1;
      continue;
    }
    struct reader *reader = reader_open(fd);
    struct text line = {0};
    while (read_line(reader, &line)) {
      if (line.data[line.length - 1] == '\n') line.data[--line.length] = 0;
      if (mode == 'f') {
        cut_fields(line.data, delimiter, only_delimited, joined);
        continue;
      }
      for (size_t i = 0; i < line.length; i++) {
        if (chosen(i + 1)) put_char(&out, line.data[i]);
      }
      put_char(&out, '\n');
    }
    close_input(fd);
  }
  return status;
}

// A set of tr: characters in their order.
struct set {
  u8 characters[512];
  u32 count;
};

static void add_character(struct set *set, int c) {
  if (set->count < COUNT(set->characters)) set->characters[set->count++] = c;
}

static int set_character(const char **at) {
  if (**at != '\\') return (u8)*(*at)++;
  static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
  (*at)++;
  if (**at >= '0' && **at <= '7') {
    int value = 0;
    for (int i = 0; i < 3 && **at >= '0' && **at <= '7'; i++) value = value * 8 + *(*at)++ - '0';
    return value & 0xff;
  }
  const char *letter = **at == 0 ? NULL : strchr(letters, **at);
  if (**at == 0) return '\\';
  (*at)++;
  return letter != NULL ? values[letter - letters] : (u8)(*at)[-1];
}

static void parse_set(struct set *set, const char *text) {
  while (*text != 0) {
    const char *close;
    if (text[0] == '[' && text[1] == ':' && (close = strstr(text + 2, ":]")) != NULL) {
      char bracket[24];
      const char *end;
      format_text(bracket, sizeof bracket, "%.*s]", (int)(close + 2 - text), text);
      for (int c = 0; c < 256; c++) {
        if (match_bracket(bracket, c, false, &end)) add_character(set, c);
      }
      text = close + 2;
      continue;
    }
    int low = set_character(&text), high = low;
    if (*text == '-' && text[1] != 0) {
      text++;
      high = set_character(&text);
      if (high < low) die(1, "range-endpoints are in reverse order");
    }
    for (; low <= high; low++) add_character(set, low);
  }
}

static bool is_in(const struct set *set, int c) {
  for (u32 i = 0; i < set->count; i++) {
    if (set->characters[i] == c) return true;
  }
  return false;
}

static void complement(struct set *set) {
  struct set rest = {.count = 0};
  for (int c = 0; c < 256; c++) {
    if (!is_in(set, c)) add_character(&rest, c);
  }
  *set = rest;
}

int tr_main(int argc, char **argv) {
  bool inverse = false, delete = false, squeeze = false, truncate = false;
  struct set from = {.count = 0}, to = {.count = 0};
  u8 map[256];
  bool gone[256] = {0}, squeezed[256] = {0};
  struct options options = OPTIONS("cCdst");
  for (int c; (c = next_option(&options)) != 0;) *(c == 'd' ? &delete : c == 's' ? &squeeze : c == 't' ? &truncate : &inverse) = true;
  int sets = argc - options.at;
  if (sets < 1 || sets > 2 || (sets == 1 && !delete && !squeeze)) usage();
  parse_set(&from, argv[options.at]);
  if (inverse) complement(&from);
  if (sets == 2) parse_set(&to, argv[options.at + 1]);
  if (sets == 2 && !delete && to.count == 0) die(1, "when not truncating set1, string2 must be non-empty");
  for (int c = 0; c < 256; c++) map[c] = c;
  for (u32 i = 0; i < from.count; i++) {
    if (delete) gone[from.characters[i]] = true;
    else if (sets == 2 && (i < to.count || !truncate)) map[from.characters[i]] = to.characters[i < to.count ? i : to.count - 1];
  }
  const struct set *last = sets == 2 ? &to : &from;
  for (u32 i = 0; squeeze && i < last->count; i++) squeezed[last->characters[i]] = true;
  struct reader *reader = reader_open(0);
  for (int c, before = -1; (c = read_byte(reader)) >= 0;) {
    if (gone[c]) continue;
    c = map[c];
    if (c == before && squeezed[c]) continue;
    before = c;
    put_char(&out, c);
  }
  return reader->error == 0 ? 0 : fail(reader->error, "read error");
}

int tee_main(int argc, char **argv) {
  char buffer[4096];
  int flags = O_TRUNC, status = 0;
  long got;
  struct options options = OPTIONS("ai");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'a') flags = O_APPEND;
    else set_signal(SIGINT, SIG_IGN, 0);
  }
  int count = argc - options.at, *files = allocate((count + 1) * sizeof *files);
  for (int i = 0; i < count; i++) {
    files[i] = open(argv[options.at + i], O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (files[i] < 0) status = fail(files[i], "%s", argv[options.at + i]);
  }
  while ((got = read(0, buffer, sizeof buffer)) > 0) {
    long error = write_all(1, buffer, got);
    if (error < 0) return fail(error, "standard output");
    for (int i = 0; i < count; i++) {
      if (files[i] < 0) continue;
      error = write_all(files[i], buffer, got);
      if (error == 0) continue;
      status = fail(error, "%s", argv[options.at + i]);
      files[i] = -1;
    }
  }
  return status;
}
