// sort(1) and uniq(1) (POSIX).
#include "main.h"

struct order {
  bool numeric, reverse, fold, blanks, dictionary;
};
struct key {
  int start_field, start_character, end_field, end_character;
  struct order order;
  bool has_order;
};

static struct key keys[16];
static int key_count;
static struct order global;
static char separator;
static bool unique, stable;

static bool set_order(struct order *order, char letter) {
  switch (letter) {
    case 'n': return order->numeric = true;
    case 'r': return order->reverse = true;
    case 'f': return order->fold = true;
    case 'b': return order->blanks = true;
    case 'd': return order->dictionary = true;
    default: return false;
  }
}

static int take_number(const char **at) {
  int value = 0;
  for (; is_digit(**at); (*at)++) value = value * 10 + **at - '0';
  return value;
}

static const char *take_position(const char *at, int *field, int *character, struct key *key) {
  *field = take_number(&at);
  if (*at == '.') {
    at++;
    *character = take_number(&at);
  }
  while (set_order(&key->order, *at)) {
    key->has_order = true;
    at++;
  }
  return at;
}

static void add_key(const char *text) {
  if (key_count == COUNT(keys)) die(2, "too many keys");
  struct key *key = &keys[key_count++];
  const char *at = take_position(text, &key->start_field, &key->start_character, key);
  if (*at == ',') at = take_position(at + 1, &key->end_field, &key->end_character, key);
  if (*at != 0 || key->start_field == 0) die(2, "invalid key '%s'", text);
}

// Where a field begins: with a separator behind it, else at the blanks before it.
static const char *field_start(const char *line, int field) {
  for (; field > 1 && *line != 0; field--) {
    if (separator != 0) {
      while (*line != 0 && *line != separator) line++;
      if (*line != 0) line++;
    } else {
      while (*line == ' ' || *line == '\t') line++;
      while (*line != 0 && *line != ' ' && *line != '\t') line++;
    }
  }
  return line;
}

static const char *field_end(const char *line, int field) {
  line = field_start(line, field);
  if (separator == 0) while (*line == ' ' || *line == '\t') line++;
  while (*line != 0 && (separator != 0 ? *line != separator : *line != ' ' && *line != '\t')) line++;
  return line;
}

static const char *advance(const char *at, int characters) {
  for (; characters > 0 && *at != 0; characters--) at++;
  return at;
}

static void key_range(const char *line, const struct key *key, const struct order *order, const char **start, const char **end) {
  *start = field_start(line, key->start_field);
  if (order->blanks) while (**start == ' ' || **start == '\t') (*start)++;
  if (key->start_character > 0) *start = advance(*start, key->start_character - 1);
  if (key->end_field == 0) *end = line + strlen(line);
  else if (key->end_character == 0) *end = field_end(line, key->end_field);
  else *end = advance(field_start(line, key->end_field), key->end_character);
  if (*end < *start) *end = *start;
}

// Numbers as text: sign, digits, fraction. Of any length.
static int compare_numbers(const char *a, const char *a_end, const char *b, const char *b_end) {
  struct { bool negative; const char *digits, *end, *fraction, *fraction_end; } n[2];
  const char *starts[] = {a, b}, *ends[] = {a_end, b_end};
  bool zero[2];
  for (int i = 0; i < 2; i++) {
    const char *at = starts[i], *end = ends[i];
    while (at < end && is_space(*at)) at++;
    n[i].negative = at < end && *at == '-';
    if (n[i].negative) at++;
    while (at < end && *at == '0') at++;
    for (n[i].digits = at; at < end && is_digit(*at);) at++;
    n[i].end = n[i].fraction = n[i].fraction_end = at;
    if (at < end && *at == '.') {
      for (n[i].fraction = ++at; at < end && is_digit(*at);) at++;
      for (n[i].fraction_end = at; n[i].fraction_end > n[i].fraction && n[i].fraction_end[-1] == '0';) n[i].fraction_end--;
    }
    zero[i] = n[i].digits == n[i].end && n[i].fraction == n[i].fraction_end;
    if (zero[i]) n[i].negative = false;
  }
  if (n[0].negative != n[1].negative) return n[0].negative ? -1 : 1;
  long length = (n[0].end - n[0].digits) - (n[1].end - n[1].digits);
  int order = length != 0 ? (length < 0 ? -1 : 1) : memcmp(n[0].digits, n[1].digits, n[0].end - n[0].digits);
  const char *x = n[0].fraction, *y = n[1].fraction;
  for (; order == 0 && (x < n[0].fraction_end || y < n[1].fraction_end); x++, y++) {
    order = (x < n[0].fraction_end ? *x : '0') - (y < n[1].fraction_end ? *y : '0');
  }
  return n[0].negative ? -order : order;
}

static bool counts(const struct order *order, char c) {
  return !order->dictionary || is_alpha(c) || is_digit(c) || c == ' ' || c == '\t';
}

static int compare_text(const struct order *order, const char *a, const char *a_end, const char *b, const char *b_end) {
  for (;; a++, b++) {
    while (a < a_end && !counts(order, *a)) a++;
    while (b < b_end && !counts(order, *b)) b++;
    if (a == a_end || b == b_end) return (a < a_end) - (b < b_end);
    u8 x = order->fold ? to_upper(*a) : *a, y = order->fold ? to_upper(*b) : *b;
    if (x != y) return x - y;
  }
}

static int compare_keys(const char *a, const char *b) {
  for (int i = 0; i < key_count; i++) {
    const struct order *order = keys[i].has_order ? &keys[i].order : &global;
    const char *a_start, *a_end, *b_start, *b_end;
    key_range(a, &keys[i], order, &a_start, &a_end);
    key_range(b, &keys[i], order, &b_start, &b_end);
    int result = order->numeric ? compare_numbers(a_start, a_end, b_start, b_end) : compare_text(order, a_start, a_end, b_start, b_end);
    if (result != 0) return order->reverse ? -result : result;
  }
  return 0;
}

static int compare_lines(const void *a, const void *b) {
  int result = compare_keys(a, b);
  if (result != 0 || stable || unique) return result;
  result = strcmp(a, b);
  return global.reverse ? -result : result;
}

static void take_lines(struct list *lines, int fd) {
  struct reader *reader = reader_open(fd);
  struct text line = {0};
  while (read_line(reader, &line)) {
    list_add(lines, copy_part(line.data, line.length - (line.data[line.length - 1] == '\n')));
  }
  release(reader);
}

static int check_order(const struct list *lines, const char *name) {
  for (size_t i = 1; i < lines->count; i++) {
    int order = compare_lines(lines->items[i - 1], lines->items[i]);
    if (order < 0 || (order == 0 && !unique)) continue;
    warn("%s:%lu: disorder: %s", name, (unsigned long)i + 1, lines->items[i]);
    return 1;
  }
  return 0;
}

int sort_main(int argc, char **argv) {
  struct list lines = {0};
  bool check = false;
  const char *output = NULL;
  struct options options = OPTIONS("nrfbduscCmk:t:o:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'u') unique = true;
    else if (c == 's') stable = true;
    else if (c == 'c' || c == 'C') check = true;
    else if (c == 'k') add_key(options.value);
    else if (c == 't') separator = options.value[0] == '\\' && options.value[1] == 't' ? '\t' : options.value[0];
    else if (c == 'o') output = options.value;
    else set_order(&global, c);
  }
  if (key_count == 0) keys[key_count++] = (struct key){.start_field = 1};
  if (options.at == argc) take_lines(&lines, 0);
  for (int i = options.at; i < argc; i++) {
    int fd = equal(argv[i], "-") ? 0 : (int)open(argv[i], O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) die(2, "cannot read: %s: %s", argv[i], error_text(fd));
    take_lines(&lines, fd);
    close_input(fd);
  }
  if (check) return check_order(&lines, options.at == argc ? "-" : argv[options.at]);
  sort((void **)lines.items, lines.count, compare_lines);
  if (output != NULL) {
    out.fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out.fd < 0) die(2, "open failed: %s: %s", output, error_text(out.fd));
  }
  for (size_t i = 0; i < lines.count; i++) {
    if (unique && i > 0 && compare_keys(lines.items[i - 1], lines.items[i]) == 0) continue;
    print("%s\n", lines.items[i]);
  }
  return 0;
}

static bool show_counts, only_repeated, only_unique, ignore_case;
static int skip_fields, skip_characters;

static const char *compared_part(const char *line) {
  for (int i = 0; i < skip_fields; i++) {
    while (*line == ' ' || *line == '\t') line++;
    while (*line != 0 && *line != ' ' && *line != '\t') line++;
  }
  return advance(line, skip_characters);
}

static bool same_lines(const char *a, const char *b) {
  a = compared_part(a);
  b = compared_part(b);
  struct order order = {.fold = ignore_case};
  return compare_text(&order, a, a + strlen(a), b, b + strlen(b)) == 0;
}

static void put_group(const char *line, u64 count) {
  if ((only_repeated && count == 1) || (only_unique && count > 1)) return;
  if (show_counts) print("%7llu ", count);
  print("%s\n", line);
}

int uniq_main(int argc, char **argv) {
  struct text line = {0};
  char *first = NULL;
  u64 count = 0;
  struct options options = OPTIONS("cduif:s:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'c') show_counts = true;
    if (c == 'd') only_repeated = true;
    if (c == 'u') only_unique = true;
    if (c == 'i') ignore_case = true;
    if (c == 'f') skip_fields = number(options.value);
    if (c == 's') skip_characters = number(options.value);
  }
  int fd = options.at < argc ? open_input(argv[options.at]) : 0;
  if (fd < 0) return 1;
  if (options.at + 1 < argc) {
    out.fd = open(argv[options.at + 1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out.fd < 0) die(1, "%s: %s", argv[options.at + 1], error_text(out.fd));
  }
  struct reader *reader = reader_open(fd);
  while (read_line(reader, &line)) {
    if (line.data[line.length - 1] == '\n') line.data[--line.length] = 0;
    if (first != NULL && same_lines(first, line.data)) {
      count++;
      continue;
    }
    if (first != NULL) put_group(first, count);
    release(first);
    first = copy_string(line.data);
    count = 1;
  }
  if (first != NULL) put_group(first, count);
  return 0;
}
