// Sizes for people (ls -h, df -h, du -h): three digits at most, rounded up, and a letter.
#include "user.h"

char *human_size(char *buffer, u64 size) {
  const char *unit = "KMGTPE";
  if (size < 1024) return format_text(buffer, 16, "%llu", size);
  u64 tenths = size;
  for (; tenths >= (u64)1024 * 1024; unit++) tenths = (tenths + 1023) / 1024;
  tenths = (tenths * 10 + 1023) / 1024;
  if (tenths < 100) return format_text(buffer, 16, "%llu.%llu%c", tenths / 10, tenths % 10, *unit);
  u64 whole = (tenths + 9) / 10;
  if (whole >= 1024) return format_text(buffer, 16, "1.0%c", unit[1]);
  return format_text(buffer, 16, "%llu%c", whole, *unit);
}
