// See print.h.
#include "print.h"
#include "pv-ops.h"
#include "string.h"

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
