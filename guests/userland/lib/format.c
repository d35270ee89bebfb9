// Formatted text (printf(3)), as far as user.h says.
#include "user.h"

struct field {
  bool left;
  char pad;
  int width, precision;
};

static void put_field(void (*put)(void *, char), void *where, const char *s, int length, const char *sign, struct field field) {
  int space = field.width - length - (int)strlen(sign);
  if (!field.left && field.pad == ' ') {
    for (; space > 0; space--) put(where, ' ');
  }
  for (; *sign != 0; sign++) put(where, *sign);
  if (!field.left) {
    for (; space > 0; space--) put(where, '0');
  }
  for (; length > 0; length--) put(where, *s++);
  for (; space > 0; space--) put(where, ' ');
}

static void put_number(void (*put)(void *, char), void *where, u64 value, u32 base, const char *sign, struct field field) {
  char digits[66];
  int at = sizeof digits;
  if (field.precision > 60) field.precision = 60;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while ((int)sizeof digits - at < field.precision) digits[--at] = '0';
  put_field(put, where, digits + at, sizeof digits - at, sign, field);
}

static int length_of(const char *s, int most) {
  int length = 0;
  while ((most < 0 || length < most) && s[length] != 0) length++;
  return length;
}

// Flags, width and precision, whatever follows the percent sign before the length.
static const char *parse_field(const char *format, struct field *field, va_list *arguments) {
  *field = (struct field){false, ' ', 0, -1};
  for (;; format++) {
    if (*format == '-') field->left = true;
    else if (*format == '0') field->pad = '0';
    else break;
  }
  if (*format == '*') {
    field->width = va_arg(*arguments, int);
    format++;
  }
  for (; is_digit(*format); format++) field->width = field->width * 10 + *format - '0';
  if (*format != '.') return format;
  field->precision = 0;
  if (*++format == '*') {
    field->precision = va_arg(*arguments, int);
    return format + 1;
  }
  for (; is_digit(*format); format++) field->precision = field->precision * 10 + *format - '0';
  return format;
}

void format_into(void (*put)(void *, char), void *where, const char *format, va_list list) {
  va_list arguments;
  va_copy(arguments, list);
  for (; *format != 0; format++) {
    if (*format != '%') {
      put(where, *format);
      continue;
    }
    struct field field;
    format = parse_field(format + 1, &field, &arguments);
    int length = 0;
    for (; *format == 'l'; format++) length++;
    if (*format == 's') {
      const char *s = va_arg(arguments, const char *);
      field.pad = ' ';
      put_field(put, where, s, length_of(s, field.precision), "", field);
    } else if (*format == 'c') {
      char c = va_arg(arguments, int);
      put_field(put, where, &c, 1, "", field);
    } else if (*format == 'd') {
      i64 value = length == 2 ? va_arg(arguments, i64) : length == 1 ? va_arg(arguments, long) : va_arg(arguments, int);
      put_number(put, where, value < 0 ? -(u64)value : (u64)value, 10, value < 0 ? "-" : "", field);
    } else if (*format == '%') {
      put(where, '%');
    } else {
      u64 value = length == 2 ? va_arg(arguments, u64) : length == 1 ? va_arg(arguments, size_t) : va_arg(arguments, u32);
      put_number(put, where, value, *format == 'x' ? 16 : *format == 'o' ? 8 : 10, "", field);
    }
  }
  va_end(arguments);
}

struct bounded {
  char *at, *end;
};

static void put_bounded(void *where, char c) {
  struct bounded *text = where;
  if (text->at < text->end) *text->at++ = c;
}

char *format_text(char *buffer, size_t size, const char *format, ...) {
  struct bounded text = {buffer, buffer + size - 1};
  va_list arguments;
  va_start(arguments, format);
  format_into(put_bounded, &text, format, arguments);
  va_end(arguments);
  *text.at = 0;
  return buffer;
}
