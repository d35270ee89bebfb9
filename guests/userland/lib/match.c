// Patterns of the shell (glob(7); POSIX, "Pattern Matching Notation").
#include "user.h"

static bool is_alnum(int c) { return is_alpha(c) || is_digit(c); }
static bool is_blank(int c) { return c == ' ' || c == '\t'; }
static bool is_control(int c) { return (u8)c < 32 || c == 127; }
static bool is_graphic(int c) { return c > 32 && c < 127; }
static bool is_lower(int c) { return c >= 'a' && c <= 'z'; }
static bool is_print(int c) { return c >= 32 && c < 127; }
static bool is_punctuation(int c) { return is_graphic(c) && !is_alnum(c); }
static bool is_upper(int c) { return c >= 'A' && c <= 'Z'; }
static bool is_hexadecimal(int c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

static const struct { const char *name; bool (*has)(int c); } classes[] = {
  {"alnum", is_alnum}, {"alpha", is_alpha}, {"blank", is_blank}, {"cntrl", is_control}, {"digit", is_digit},
  {"graph", is_graphic}, {"lower", is_lower}, {"print", is_print}, {"punct", is_punctuation}, {"space", is_space},
  {"upper", is_upper}, {"xdigit", is_hexadecimal},
};

bool in_class(const char *name, size_t length, int c) {
  for (u32 i = 0; i < COUNT(classes); i++) {
    if (strlen(classes[i].name) == length && strncmp(classes[i].name, name, length) == 0) return classes[i].has(c);
  }
  return false;
}

bool match_bracket(const char *pattern, int c, bool escapes, const char **end) {
  bool negated = *pattern == '!' || *pattern == '^', found = false;
  if (negated) pattern++;
  const char *first = pattern;
  *end = NULL;
  for (; *pattern != ']' || pattern == first; pattern++) {
    if (*pattern == 0) return false;
    const char *close;
    if (pattern[0] == '[' && pattern[1] == ':' && (close = strstr(pattern + 2, ":]")) != NULL) {
      found |= in_class(pattern + 2, close - pattern - 2, c);
      pattern = close + 1;
      continue;
    }
    if (escapes && *pattern == '\\' && pattern[1] != 0) pattern++;
    u8 low = *pattern, high = low;
    if (pattern[1] == '-' && pattern[2] != ']' && pattern[2] != 0) {
      pattern += escapes && pattern[2] == '\\' && pattern[3] != 0 ? 3 : 2;
      high = *pattern;
    }
    found |= (u8)c >= low && (u8)c <= high;
  }
  *end = pattern + 1;
  return found != negated;
}

bool match(const char *pattern, const char *text) {
  // where the last asterisk was, and the text it stands for ends
  const char *star = NULL, *resume = NULL;
  for (;;) {
    const char *next = pattern + 1;
    bool same;
    if (*pattern == '*') {
      star = ++pattern;
      resume = text;
      continue;
    }
    if (*text == 0) {
      if (*pattern == 0) return true;
      return false;
    }
    if (*pattern == '?') same = true;
    else if (*pattern == '[') {
      same = match_bracket(pattern + 1, *text, true, &next);
      if (next == NULL) {
        next = pattern + 1;
        same = *text == '[';
      }
    } else if (*pattern == '\\' && pattern[1] != 0) {
      same = *text == pattern[1];
      next = pattern + 2;
    } else same = *pattern == *text;
    if (same) {
      pattern = next;
      text++;
    } else {
      if (star == NULL) return false;
      pattern = star;
      text = ++resume;
    }
  }
}
