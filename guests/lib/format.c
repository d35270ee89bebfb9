// The formatting part of print.h, also linked into user programs.
#include "print.h"
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
