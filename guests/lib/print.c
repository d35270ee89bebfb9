// See print.h.
#include "print.h"
#include "pv-ops.h"
#include "string.h"

static void print_number(void (*put)(char), u64 value, u32 base, u32 width, char pad) {
  char digits[24];
  u32 count = 0;
  do {
    // 64-bit by 32-bit division in two 32-bit steps, so that no library routine is needed
    u32 high = (u32)(value >> 32), low = (u32)value, rest;
    u32 quotient_high = high / base;
    rest = high % base;
    __asm__("divl %2" : "+a"(low), "+d"(rest) : "rm"(base));
    digits[count++] = "0123456789abcdef"[rest];
    value = (u64)quotient_high << 32 | low;
  } while (value != 0);
  while (width > count) put(pad), width--;
  while (count > 0) put(digits[--count]);
}

void print_to(void (*put)(char), const char *format, __builtin_va_list arguments) {
  for (; *format != 0; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    format++;
    char pad = ' ';
    u32 width = 0;
    if (*format == '0') pad = '0';
    for (; *format >= '0' && *format <= '9'; format++) width = width * 10 + (u32)(*format - '0');
    switch (*format) {
      case 's': {
        const char *s = __builtin_va_arg(arguments, const char *);
        u32 length = strlen(s);
        while (*s != 0) put(*s++);
        for (; length < width; length++) put(' ');
        break;
      }
      case 'c': put((char)__builtin_va_arg(arguments, int)); break;
      case 'd': {
        i32 value = __builtin_va_arg(arguments, i32);
        if (value < 0) put('-');
        print_number(put, value < 0 ? 0u - (u32)value : (u32)value, 10, width, pad);
        break;
      }
      case 'u': print_number(put, __builtin_va_arg(arguments, u32), 10, width, pad); break;
      case 'x': print_number(put, __builtin_va_arg(arguments, u32), 16, width, pad); break;
      case 'U': print_number(put, __builtin_va_arg(arguments, u64), 10, width, pad); break;
      default: put(*format);
    }
  }
}

void print(const char *format, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  print_to(pv_putc, format, arguments);
  __builtin_va_end(arguments);
}

static const char *find_word(const char *name, char end) {
  u32 length = strlen(name);
  for (const char *at = pv_command_line; *at != 0;) {
    while (*at == ' ') at++;
    if (strncmp(at, name, length) == 0 && (at[length] == end || (end == 0 && at[length] == ' '))) return at + length;
    while (*at != 0 && *at != ' ') at++;
  }
  return NULL;
}

const char *option(const char *name) {
  static char value[128];
  const char *at = find_word(name, '=');
  if (at == NULL) return NULL;
  u32 length = 0;
  for (at++; *at != 0 && *at != ' ' && length < sizeof value - 1; at++) value[length++] = *at;
  value[length] = 0;
  return value;
}

bool flag(const char *name) { return find_word(name, 0) != NULL; }
