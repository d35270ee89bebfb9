// Arithmetic expansion (POSIX, "Arithmetic Expansion"): the operators of C on signed 64-bit numbers.
#include "sh.h"

static const char *at;
static bool failed;
// Greater than 0 in the part of an expression that is not evaluated.
static int skipped;

static i64 parse_assignment(void);

static void bad(const char *why) {
  if (failed) return;
  failed = true;
  warn("arithmetic expression: %s", why);
  shell_error(2);
}

static void blanks(void) {
  while (is_space(*at)) at++;
}

static bool accept(const char *operation) {
  blanks();
  const char *rest = after(at, operation);
  if (rest == NULL) return false;
  at = rest;
  return true;
}

static i64 variable_value(const char *name) {
  const char *value = get_variable(name);
  i64 number = 0;
  if (value == NULL && options.no_unset) bad("parameter not set");
  if (value == NULL || *value == 0) return 0;
  while (is_space(*value)) value++;
  if (!parse_number(value, 0, &number)) bad("a variable is not a number");
  return number;
}

static char *take_name(void) {
  size_t length = name_length(at);
  char *name = arena_copy(&temporary, at, length);
  at += length;
  return name;
}

static i64 parse_primary(void) {
  blanks();
  if (accept("(")) {
    i64 value = parse_assignment();
    if (!accept(")")) bad("expecting )");
    return value;
  }
  if (is_digit(*at)) {
    size_t length = 0;
    while (is_digit(at[length]) || is_alpha(at[length])) length++;
    char *digits = arena_copy(&temporary, at, length);
    i64 value;
    at += length;
    if (!parse_number(digits, 0, &value)) bad("bad number");
    return value;
  }
  if (name_length(at) > 0) return variable_value(take_name());
  bad("expecting primary");
  return 0;
}

static i64 parse_unary(void) {
  blanks();
  if (*at == '!' && at[1] != '=') {
    at++;
    return !parse_unary();
  }
  if (accept("~")) return ~parse_unary();
  if (accept("-")) return -(u64)parse_unary();
  if (accept("+")) return parse_unary();
  return parse_primary();
}

static i64 divide(i64 left, i64 right, bool rest) {
  if (right == 0) {
    if (skipped == 0) bad("division by zero");
    return 0;
  }
  if (right == -1) return rest ? 0 : -(u64)left;
  return rest ? left % right : left / right;
}

static i64 operate(const char *operation, i64 left, i64 right) {
  switch (operation[0] | operation[1] << 8) {
    case '*': return (u64)left * right;
    case '/': return divide(left, right, false);
    case '%': return divide(left, right, true);
    case '+': return (u64)left + right;
    case '-': return (u64)left - right;
    case '<' | '<' << 8: return (u64)left << (right & 63);
    case '>' | '>' << 8: return left >> (right & 63);
    case '<': return left < right;
    case '>': return left > right;
    case '<' | '=' << 8: return left <= right;
    case '>' | '=' << 8: return left >= right;
    case '=' | '=' << 8: return left == right;
    case '!' | '=' << 8: return left != right;
    case '&': return left & right;
    case '^': return left ^ right;
    default: return left | right;
  }
}

// Binary operators, the strongest first; longer ones before those they begin with.
static const char *const levels[][5] = {
  {"*", "/", "%"}, {"+", "-"}, {"<<", ">>"}, {"<=", ">=", "<", ">"}, {"==", "!="}, {"&"}, {"^"}, {"|"},
};

static const char *binary_operator(int level) {
  blanks();
  for (int i = 0; levels[level][i] != NULL; i++) {
    const char *operation = levels[level][i], *rest = after(at, operation);
    if (rest == NULL) continue;
    // && and || are not & and |; a shift is not a comparison; an operator before = is an assignment
    if (strlen(operation) == 1 && strchr("&|<>", *operation) != NULL && *rest == *operation) continue;
    if (*rest == '=' && level != 3 && level != 4) continue;
    at = rest;
    return operation;
  }
  return NULL;
}

static i64 parse_binary(int level) {
  if (level < 0) return parse_unary();
  i64 left = parse_binary(level - 1);
  for (const char *operation; !failed && (operation = binary_operator(level)) != NULL;) {
    left = operate(operation, left, parse_binary(level - 1));
  }
  return left;
}

static i64 parse_and(void) {
  i64 left = parse_binary(COUNT(levels) - 1);
  while (!failed && accept("&&")) {
    skipped += !left;
    i64 right = parse_binary(COUNT(levels) - 1);
    skipped -= !left;
    left = left && right;
  }
  return left;
}

static i64 parse_or(void) {
  i64 left = parse_and();
  while (!failed && accept("||")) {
    skipped += left != 0;
    i64 right = parse_and();
    skipped -= left != 0;
    left = left || right;
  }
  return left;
}

static i64 parse_conditional(void) {
  i64 condition = parse_or();
  if (failed || !accept("?")) return condition;
  skipped += !condition;
  i64 yes = parse_assignment();
  skipped -= !condition;
  if (!accept(":")) bad("expecting :");
  skipped += condition != 0;
  i64 no = parse_assignment();
  skipped -= condition != 0;
  return condition ? yes : no;
}

static i64 parse_assignment(void) {
  static const char *const operations[] = {"=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|="};
  blanks();
  const char *start = at;
  if (name_length(at) > 0) {
    char *name = take_name();
    blanks();
    for (u32 i = 0; i < COUNT(operations); i++) {
      const char *rest = after(at, operations[i]);
      if (rest == NULL || (i == 0 && *rest == '=')) continue;
      at = rest;
      i64 value = parse_assignment();
      char buffer[32], operation[4] = {0};
      memcpy(operation, operations[i], strlen(operations[i]) - 1);
      if (i > 0) value = operate(operation, variable_value(name), value);
      if (skipped == 0 && !failed) set_variable(name, format_text(buffer, sizeof buffer, "%lld", value));
      return value;
    }
  }
  at = start;
  return parse_conditional();
}

i64 arithmetic(const char *text) {
  at = text;
  failed = false;
  skipped = 0;
  blanks();
  if (*at == 0) return 0;
  i64 value = parse_assignment();
  blanks();
  if (*at != 0) bad("unexpected text");
  return value;
}
