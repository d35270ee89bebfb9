// Formatted printing to the console: %s %c %d %u %x %% and %U (u64, decimal); a width with 0 pads numbers.
#pragma once
#include "types.h"

void print(const char *format, ...) __attribute__((nonnull(1)));
// Formats through `put` (a sink for one character) instead of the console.
void print_to(void (*put)(char), const char *format, __builtin_va_list arguments);
// Value of `name=value` on the command line (copied), or NULL; flag() is true for a bare word.
const char *option(const char *name);
bool flag(const char *name);
