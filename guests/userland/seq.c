// Small makers of text: seq(1), yes(1), basename(1), dirname(1).
#include "main.h"

// Numbers with a fraction are whole numbers of its last digit's unit.
struct decimal {
  i64 value;
  int digits;
};

static struct decimal parse_decimal(const char *text) {
  struct decimal decimal = {0, 0};
  const char *at = text + (*text == '-' || *text == '+');
  const char *first = at;
  for (; is_digit(*at); at++) decimal.value = decimal.value * 10 + *at - '0';
  if (*at == '.') {
    for (at++; is_digit(*at); at++, decimal.digits++) decimal.value = decimal.value * 10 + *at - '0';
  }
  if (*at != 0 || at == first || decimal.digits > 9) die(1, "invalid floating point argument: '%s'", text);
  if (*text == '-') decimal.value = -decimal.value;
  return decimal;
}

static i64 scale(struct decimal decimal, int digits) {
  for (; decimal.digits < digits; decimal.digits++) decimal.value *= 10;
  return decimal.value;
}

static char *format_decimal(char buffer[32], i64 value, int digits) {
  i64 unit = scale((struct decimal){1, 0}, digits);
  u64 positive = value < 0 ? -(u64)value : (u64)value;
  if (digits == 0) return format_text(buffer, 32, "%lld", value);
  return format_text(buffer, 32, "%s%llu.%0*llu", value < 0 ? "-" : "", positive / unit, digits, positive % unit);
}

int seq_main(int argc, char **argv) {
  const char *between = "\n";
  bool same_width = false;
  int at = 1, width = 0;
  for (; at < argc && argv[at][0] == '-' && is_alpha(argv[at][1]); at++) {
    if (argv[at][1] == 'w') same_width = true;
    else if (argv[at][1] == 's' && argv[at][2] != 0) between = argv[at] + 2;
    else if (argv[at][1] == 's' && at + 1 < argc) between = argv[++at];
    else {
      warn("invalid option -- '%c'", argv[at][1]);
      usage();
    }
  }
  int count = argc - at;
  if (count < 1 || count > 3) usage();
  struct decimal first = {1, 0}, step = {1, 0}, last = parse_decimal(argv[argc - 1]);
  if (count > 1) first = parse_decimal(argv[at]);
  if (count > 2) step = parse_decimal(argv[at + 1]);
  int digits = first.digits > step.digits ? first.digits : step.digits;
  if (digits < last.digits && count == 1) digits = 0;
  int common = digits > last.digits ? digits : last.digits;
  i64 value = scale(first, common), increment = scale(step, common), end = scale(last, common), drop = scale((struct decimal){1, 0}, common - digits);
  char buffer[32];
  if (increment == 0) die(1, "invalid Zero increment value: '%s'", argv[at + 1]);
  if (same_width) {
    int a = strlen(format_decimal(buffer, value / drop, digits));
    width = strlen(format_decimal(buffer, end / drop, digits));
    if (a > width) width = a;
  }
  bool any = false;
  for (; increment > 0 ? value <= end : value >= end; value += increment) {
    if (any) print("%s", between);
    any = true;
    char *text = format_decimal(buffer, value / drop, digits);
    bool negative = *text == '-';
    if (negative) put_char(&out, *text++);
    for (int i = strlen(text) + negative; i < width; i++) put_char(&out, '0');
    print("%s", text);
  }
  if (any) put_char(&out, '\n');
  return 0;
}

int yes_main(int argc, char **argv) {
  while (out.error == 0) {
    for (int i = 1; i < argc; i++) print(i > 1 ? " %s" : "%s", argv[i]);
    print(argc > 1 ? "\n" : "y\n");
  }
  return 0;
}

int basename_main(int argc, char **argv) {
  int at = argc > 1 && equal(argv[1], "--") ? 2 : 1;
  if (argc - at < 1 || argc - at > 2) usage();
  char *path = argv[at];
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') path[--length] = 0;
  const char *name = equal(path, "/") ? path : base_name(path), *suffix = argc - at == 2 ? argv[at + 1] : "";
  size_t kept = strlen(name), cut = strlen(suffix);
  if (cut > 0 && cut < kept && equal(name + kept - cut, suffix)) kept -= cut;
  print("%.*s\n", (int)kept, name);
  return 0;
}

int dirname_main(int argc, char **argv) {
  int at = argc > 1 && equal(argv[1], "--") ? 2 : 1;
  if (at >= argc) usage();
  for (; at < argc; at++) {
    char *path = argv[at];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    while (length > 0 && path[length - 1] != '/') length--;
    while (length > 1 && path[length - 1] == '/') length--;
    if (length == 0) print(".\n");
    else print("%.*s\n", (int)length, path);
  }
  return 0;
}
