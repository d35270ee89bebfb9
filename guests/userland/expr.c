// expr(1) (POSIX).
#include "main.h"

static char **at;

static char *parse_or(void);

static _Noreturn void bad(void) { die(2, "syntax error"); }

static bool is_now(const char *word) { return *at != NULL && equal(*at, word); }

static char *text_of(i64 value) {
  char buffer[24];
  return copy_string(format_text(buffer, sizeof buffer, "%lld", value));
}

static i64 whole(const char *text) {
  i64 value;
  if (!parse_number(text, 10, &value)) die(2, "non-integer argument");
  return value;
}

static bool is_null(const char *text) {
  i64 value;
  return *text == 0 || (parse_number(text, 10, &value) && value == 0);
}

// text : pattern
static char *match_text(const char *text, const char *pattern) {
  struct matched groups[REGEX_GROUPS] = {0};
  const char *error;
  struct text whole_pattern = {0};
  text_string(&whole_pattern, "^");
  text_string(&whole_pattern, *pattern == '^' ? pattern + 1 : pattern);
  struct regex *regex = regex_compile(whole_pattern.data, 0, &error);
  if (regex == NULL) die(2, "%s", error);
  bool found = regex_search(regex, text, text, text + strlen(text), true, groups);
  if (strstr(pattern, "\\(") != NULL) {
    return found && groups[1].end != NULL ? copy_part(groups[1].start, groups[1].end - groups[1].start) : copy_string("");
  }
  return text_of(found ? groups[0].end - groups[0].start : 0);
}

static char *parse_primary(void) {
  if (*at == NULL) bad();
  if (is_now("(")) {
    at++;
    char *value = parse_or();
    if (!is_now(")")) bad();
    at++;
    return value;
  }
  if (is_now("length") && at[1] != NULL) {
    at += 2;
    return text_of(strlen(at[-1]));
  }
  if (is_now("index") && at[1] != NULL && at[2] != NULL) {
    at += 3;
    for (const char *c = at[-2]; *c != 0; c++) {
      if (strchr(at[-1], *c) != NULL) return text_of(c - at[-2] + 1);
    }
    return text_of(0);
  }
  if (is_now("substr") && at[1] != NULL && at[2] != NULL && at[3] != NULL) {
    at += 4;
    i64 length = strlen(at[-3]), from = whole(at[-2]), count = whole(at[-1]);
    if (from < 1 || count < 1 || from > length) return copy_string("");
    return copy_part(at[-3] + from - 1, from + count - 1 > length ? length - from + 1 : count);
  }
  return *at++;
}

static char *parse_match(void) {
  char *left = parse_primary();
  while (is_now(":")) {
    at++;
    left = match_text(left, parse_primary());
  }
  return left;
}

static char *parse_product(void) {
  char *left = parse_match();
  while (is_now("*") || is_now("/") || is_now("%")) {
    char operator = (*at++)[0];
    i64 a = whole(left), b = whole(parse_match());
    if (operator != '*' && b == 0) die(2, "division by zero");
    left = text_of(operator == '*' ? a * b : operator == '/' ? a / b : a % b);
  }
  return left;
}

static char *parse_sum(void) {
  char *left = parse_product();
  while (is_now("+") || is_now("-")) {
    char operator = (*at++)[0];
    i64 a = whole(left), b = whole(parse_product());
    left = text_of(operator == '+' ? a + b : a - b);
  }
  return left;
}

static char *parse_comparison(void) {
  static const char *const operators[] = {"=", "==", "!=", "<", "<=", ">", ">="};
  char *left = parse_sum();
  for (u32 i = 0; *at != NULL && i < COUNT(operators); i++) {
    if (!equal(*at, operators[i])) continue;
    at++;
    char *right = parse_sum();
    i64 a, b;
    bool numbers = parse_number(left, 10, &a) && parse_number(right, 10, &b);
    int order = numbers ? (a > b) - (a < b) : strcmp(left, right);
    bool results[] = {order == 0, order == 0, order != 0, order < 0, order <= 0, order > 0, order >= 0};
    left = text_of(results[i]);
    i = -1;
  }
  return left;
}

static char *parse_and(void) {
  char *left = parse_comparison();
  while (is_now("&")) {
    at++;
    char *right = parse_comparison();
    if (is_null(left) || is_null(right)) left = "0";
  }
  return left;
}

static char *parse_or(void) {
  char *left = parse_and();
  while (is_now("|")) {
    at++;
    char *right = parse_and();
    if (is_null(left)) left = is_null(right) ? "0" : right;
  }
  return left;
}

int expr_main(int argc, char **argv) {
  if (argc < 2) usage();
  at = argv + 1;
  char *result = parse_or();
  if (*at != NULL) bad();
  print("%s\n", result);
  return is_null(result);
}
