// See string.h.
#include "string.h"

void *memset(void *to, int value, u32 count) {
  u8 *at = to;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
  return to;
}

void *memcpy(void *to, const void *from, u32 count) {
  u8 *at = to;
  u32 words = count >> 2, bytes = count & 3;
  __asm__ volatile("rep movsl\n\tmovl %3, %%ecx\n\trep movsb"
                   : "+D"(at), "+S"(from), "+c"(words)
                   : "r"(bytes)
                   : "memory");
  return to;
}

void *memmove(void *to, const void *from, u32 count) {
  if ((u32)to - (u32)from >= count) return memcpy(to, from, count);
  u8 *at = (u8 *)to + count;
  const u8 *source = (const u8 *)from + count;
  while (count-- > 0) *--at = *--source;
  return to;
}

int memcmp(const void *a, const void *b, u32 count) {
  const u8 *x = a, *y = b;
  for (; count > 0; count--, x++, y++) {
    if (*x != *y) return *x - *y;
  }
  return 0;
}

u32 strlen(const char *s) {
  u32 length = 0;
  while (s[length] != 0) length++;
  return length;
}

int strcmp(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, u32 count) {
  for (; count > 0 && *a != 0 && *a == *b; count--) a++, b++;
  return count == 0 ? 0 : (u8)*a - (u8)*b;
}

u32 parse_number(const char *s) {
  u32 value = 0, base = 10;
  if (s[0] == '0' && s[1] == 'x') {
    base = 16;
    s += 2;
  }
  for (;; s++) {
    u32 digit = *s >= '0' && *s <= '9' ? (u32)*s - '0' : *s >= 'a' && *s <= 'f' ? (u32)*s - 'a' + 10 : 99;
    if (digit >= base) return value;
    value = value * base + digit;
  }
}
