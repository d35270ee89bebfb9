// Strings and numbers: see user.h.
#include "user.h"

void *memset(void *to, int value, size_t count) {
  void *at = to;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
  return to;
}

void *memcpy(void *to, const void *from, size_t count) {
  void *at = to;
  __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  if ((size_t)to - (size_t)from >= count) return memcpy(to, from, count);
  for (; count > 0; count--) ((char *)to)[count - 1] = ((const char *)from)[count - 1];
  return to;
}

int memcmp(const void *a, const void *b, size_t count) {
  const u8 *x = a, *y = b;
  for (; count > 0; count--, x++, y++) {
    if (*x != *y) return *x - *y;
  }
  return 0;
}

size_t strlen(const char *s) {
  size_t length = 0;
  while (s[length] != 0) length++;
  return length;
}

int strcmp(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t count) {
  for (; count > 0 && *a != 0 && *a == *b; count--) a++, b++;
  return count == 0 ? 0 : (u8)*a - (u8)*b;
}

char *strchr(const char *s, int c) {
  for (;; s++) {
    if (*s == (char)c) return (char *)s;
    if (*s == 0) return NULL;
  }
}

char *strrchr(const char *s, int c) {
  const char *found = NULL;
  for (; *s != 0; s++) {
    if (*s == (char)c) found = s;
  }
  return (char *)found;
}

char *strstr(const char *s, const char *part) {
  size_t length = strlen(part);
  for (; strncmp(s, part, length) != 0; s++) {
    if (*s == 0) return NULL;
  }
  return (char *)s;
}

char *after(const char *s, const char *prefix) {
  size_t length = strlen(prefix);
  return strncmp(s, prefix, length) == 0 ? (char *)s + length : NULL;
}

bool is_digit(int c) { return c >= '0' && c <= '9'; }
bool is_alpha(int c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
int to_lower(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
int to_upper(int c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }

static const char *parse_digits(const char *s, int base, i64 *value) {
  u64 result = 0;
  bool negative = *s == '-';
  if (*s == '-' || *s == '+') s++;
  if (base == 0) {
    base = 10;
    if (*s == '0') base = (s[1] | 32) == 'x' ? 16 : 8;
    if (base == 16) s += 2;
  }
  const char *first = s;
  for (;; s++) {
    int digit = is_digit(*s) ? *s - '0' : is_alpha(*s) ? (*s | 32) - 'a' + 10 : 99;
    if (digit >= base) break;
    result = result * base + digit;
  }
  *value = negative ? -result : result;
  return s == first ? NULL : s;
}

bool parse_number(const char *s, int base, i64 *value) {
  s = parse_digits(s, base, value);
  return s != NULL && *s == 0;
}

i64 number(const char *s) {
  static const struct { const char *suffix; i64 factor; } units[] = {
    {"", 1}, {"b", 512}, {"k", 1024}, {"K", 1024}, {"kB", 1000}, {"M", 1 << 20}, {"MB", 1000000}, {"G", 1 << 30}, {"GB", 1000000000},
  };
  i64 value;
  const char *rest = parse_digits(s, 10, &value);
  for (u32 i = 0; rest != NULL && i < COUNT(units); i++) {
    if (equal(rest, units[i].suffix)) return value * units[i].factor;
  }
  die(1, "invalid number '%s'", s);
}

bool parse_seconds(const char *s, struct timespec *time) {
  u64 nanoseconds = 0, unit = 1, digit = 100000000;
  const char *first = s;
  for (time->seconds = 0; is_digit(*s); s++) time->seconds = time->seconds * 10 + *s - '0';
  if (*s == '.') {
    for (s++; is_digit(*s); s++, digit /= 10) nanoseconds += digit * (*s - '0');
  }
  if (s == first) return false;
  if (*s != 0) {
    unit = *s == 's' ? 1 : *s == 'm' ? 60 : *s == 'h' ? 3600 : *s == 'd' ? 86400 : 0;
    if (unit == 0 || s[1] != 0) return false;
  }
  nanoseconds *= unit;
  time->seconds = time->seconds * unit + nanoseconds / 1000000000;
  time->nanoseconds = nanoseconds % 1000000000;
  return true;
}
