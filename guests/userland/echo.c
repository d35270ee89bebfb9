// echo(1) and printf(1) (POSIX): text with escapes, and with formats.
#include "main.h"

// Digits of a character in octal or hexadecimal.
static int take_digits(const char **at, int base, int most) {
  int value = 0;
  for (; most > 0; most--, (*at)++) {
    int c = **at | 32, digit = is_digit(**at) ? **at - '0' : is_alpha(c) ? c - 'a' + 10 : 99;
    if (digit >= base) break;
    value = value * base + digit;
  }
  return value;
}

// Puts what a backslash, at which *at is, stands for; false for \c. `octal_zero`: octal numbers begin with \0.
static bool put_escape(const char **at, bool octal_zero) {
  static const char letters[] = "abefnrtv\\\"'", values[] = "\a\b\033\f\n\r\t\v\\\"'";
  const char *letter = *++*at == 0 ? NULL : strchr(letters, **at);
  if (letter != NULL) {
    put_char(&out, values[letter - letters]);
    ++*at;
  } else if (**at == 'c') {
    return false;
  } else if (**at == 'x') {
    ++*at;
    put_char(&out, take_digits(at, 16, 2));
  } else if (**at == '0' && octal_zero) {
    ++*at;
    put_char(&out, take_digits(at, 8, 3));
  } else if (**at >= '0' && **at <= '7' && !octal_zero) {
    put_char(&out, take_digits(at, 8, 3));
  } else {
    put_char(&out, '\\');
  }
  return true;
}

static bool put_escaped(const char *s, bool octal_zero) {
  while (*s != 0) {
    if (*s != '\\') put_char(&out, *s++);
    else if (!put_escape(&s, octal_zero)) return false;
  }
  return true;
}

int echo_main(int argc, char **argv) {
  bool newline = true, escapes = false;
  int at = 1;
  for (; at < argc && argv[at][0] == '-' && argv[at][1] != 0; at++) {
    const char *letter = argv[at] + 1;
    while (*letter == 'n' || *letter == 'e' || *letter == 'E') letter++;
    if (*letter != 0) break;
    for (letter = argv[at] + 1; *letter != 0; letter++) {
      if (*letter == 'n') newline = false;
      else escapes = *letter == 'e';
    }
  }
  for (int i = at; i < argc; i++) {
    if (i > at) put_char(&out, ' ');
    if (!escapes) put_bytes(&out, argv[i], strlen(argv[i]));
    else if (!put_escaped(argv[i], true)) return 0;
  }
  if (newline) put_char(&out, '\n');
  return 0;
}

struct arguments {
  char **at;
  int left, status;
  bool used;
};

static const char *next_argument(struct arguments *arguments) {
  if (arguments->left == 0) return "";
  arguments->left--;
  arguments->used = true;
  return *arguments->at++;
}

static i64 number_argument(struct arguments *arguments) {
  const char *text = next_argument(arguments);
  i64 value = 0;
  if (*text == '\'' || *text == '"') return (u8)text[1];
  if (*text != 0 && !parse_number(text, 0, &value)) {
    warn("%s: expected numeric value", text);
    arguments->status = 1;
  }
  return value;
}

static void put_padded(const char *text, int length, int width, bool left, char pad) {
  for (int i = length; !left && i < width; i++) put_char(&out, pad);
  put_bytes(&out, text, length);
  for (int i = length; left && i < width; i++) put_char(&out, ' ');
}

// A number with its sign and digits as the flags say.
static void put_number(i64 value, char conversion, const char *flags, int width, int precision) {
  static const char small[] = "0123456789abcdef", large[] = "0123456789ABCDEF";
  char digits[72];
  int at = sizeof digits, base = conversion == 'o' ? 8 : (conversion | 32) == 'x' ? 16 : 10;
  bool is_signed = conversion == 'd' || conversion == 'i', negative = is_signed && value < 0;
  bool left = strchr(flags, '-') != NULL, zero = strchr(flags, '0') != NULL && !left && precision < 0;
  u64 rest = negative ? -(u64)value : (u64)value;
  if (precision > 60) precision = 60;
  for (; rest != 0; rest /= base) digits[--at] = (conversion == 'X' ? large : small)[rest % base];
  while ((int)sizeof digits - at < (precision < 0 ? 1 : precision)) digits[--at] = '0';
  char sign[3] = {0};
  if (negative) sign[0] = '-';
  else if (is_signed && strchr(flags, '+') != NULL) sign[0] = '+';
  else if (is_signed && strchr(flags, ' ') != NULL) sign[0] = ' ';
  else if (strchr(flags, '#') != NULL && value != 0 && base == 16) sign[0] = '0', sign[1] = conversion;
  else if (strchr(flags, '#') != NULL && base == 8 && digits[at] != '0') sign[0] = '0';
  int length = sizeof digits - at, signs = strlen(sign);
  if (!left && !zero) put_padded("", 0, width - length - signs, false, ' ');
  put_bytes(&out, sign, signs);
  if (zero) put_padded("", 0, width - length - signs, false, '0');
  put_bytes(&out, digits + at, length);
  if (left) put_padded("", 0, width - length - signs, true, ' ');
}

// One conversion, at the percent sign; false when all output ends.
static bool convert(const char **format, struct arguments *arguments) {
  const char *at = *format + 1;
  char flags[8] = {0};
  int width = 0, precision = -1;
  while (*at != 0 && strchr("-+ #0", *at) != NULL) {
    if (strlen(flags) < sizeof flags - 1) flags[strlen(flags)] = *at;
    at++;
  }
  if (*at == '*') width = number_argument(arguments), at++;
  else width = take_digits(&at, 10, 9);
  if (*at == '.') {
    at++;
    if (*at == '*') precision = number_argument(arguments), at++;
    else precision = take_digits(&at, 10, 9);
  }
  bool left = strchr(flags, '-') != NULL, goes_on = true;
  char conversion = *at;
  *format = conversion == 0 ? at : at + 1;
  if (conversion == '%') {
    put_char(&out, '%');
  } else if (conversion == 's' || conversion == 'c') {
    const char *text = next_argument(arguments);
    int length = strlen(text), most = conversion == 'c' ? 1 : precision;
    put_padded(text, most >= 0 && length > most ? most : length, width, left, ' ');
  } else if (conversion == 'b') {
    goes_on = put_escaped(next_argument(arguments), true);
  } else if (conversion != 0 && strchr("diouxX", conversion) != NULL) {
    put_number(number_argument(arguments), conversion, flags, width, precision);
  } else {
    warn("%%%c: invalid directive", conversion == 0 ? ' ' : conversion);
    arguments->status = 1;
    return false;
  }
  return goes_on;
}

int printf_main(int argc, char **argv) {
  int first = argc > 1 && equal(argv[1], "--") ? 2 : 1;
  if (first >= argc) usage();
  struct arguments arguments = {argv + first + 1, argc - first - 1, 0, false};
  do {
    arguments.used = false;
    for (const char *at = argv[first]; *at != 0;) {
      bool goes_on = true;
      if (*at == '%') goes_on = convert(&at, &arguments);
      else if (*at == '\\') goes_on = put_escape(&at, false);
      else put_char(&out, *at++);
      if (!goes_on) return arguments.status;
    }
  } while (arguments.left > 0 && arguments.used);
  return arguments.status;
}
