// test(1), also called [ (POSIX): tells about files, strings and numbers by its exit status.
#include "main.h"

static char **at, **end;

static bool parse_or(void);

static bool file_test(char kind, const char *path) {
  struct stat status;
  if (kind == 'h' || kind == 'L') return lstat(path, &status) == 0 && (status.mode & S_IFMT) == S_IFLNK;
  if (kind == 'r' || kind == 'w' || kind == 'x') return access(path, kind == 'r' ? R_OK : kind == 'w' ? W_OK : X_OK) == 0;
  if (stat(path, &status) < 0) return false;
  switch (kind) {
    case 'b': return (status.mode & S_IFMT) == S_IFBLK;
    case 'c': return (status.mode & S_IFMT) == S_IFCHR;
    case 'd': return (status.mode & S_IFMT) == S_IFDIR;
    case 'f': return (status.mode & S_IFMT) == S_IFREG;
    case 'g': return (status.mode & S_ISGID) != 0;
    case 'k': return (status.mode & S_ISVTX) != 0;
    case 'p': return (status.mode & S_IFMT) == S_IFIFO;
    case 's': return status.size > 0;
    case 'S': return (status.mode & S_IFMT) == S_IFSOCK;
    case 'u': return (status.mode & S_ISUID) != 0;
    case 'O': return status.uid == geteuid();
    case 'G': return status.gid == getegid();
    default: return true;
  }
}

static i64 whole_number(const char *text) {
  i64 value;
  while (is_space(*text)) text++;
  if (!parse_number(text, 10, &value)) die(2, "%s: bad number", text);
  return value;
}

static bool is_unary(const char *word) {
  return word[0] == '-' && word[1] != 0 && word[2] == 0 && strchr("bcdefghkLnoprstuwxzSOG", word[1]) != NULL;
}

static bool unary(char kind, const char *operand) {
  if (kind == 'n') return *operand != 0;
  if (kind == 'z') return *operand == 0;
  if (kind == 't') return is_terminal(whole_number(operand));
  return file_test(kind, operand);
}

static int compare_times(const char *left, const char *right) {
  struct stat a, b;
  bool has_left = stat(left, &a) == 0, has_right = stat(right, &b) == 0;
  if (!has_left || !has_right) return has_left - has_right;
  if (a.modified.seconds != b.modified.seconds) return a.modified.seconds < b.modified.seconds ? -1 : 1;
  return a.modified.nanoseconds < b.modified.nanoseconds ? -1 : a.modified.nanoseconds > b.modified.nanoseconds;
}

static bool same_file(const char *left, const char *right) {
  struct stat a, b;
  return stat(left, &a) == 0 && stat(right, &b) == 0 && a.inode == b.inode && a.dev_major == b.dev_major && a.dev_minor == b.dev_minor;
}

static const char *const operators[] = {"=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"};

static int find_operator(const char *word) {
  for (u32 i = 0; i < COUNT(operators); i++) {
    if (equal(word, operators[i])) return i;
  }
  return -1;
}

static bool binary(const char *left, int operator, const char *right) {
  if (operator < 5) {
    int order = strcmp(left, right);
    return operator < 2 ? order == 0 : operator == 2 ? order != 0 : operator == 3 ? order < 0 : order > 0;
  }
  if (operator == 11) return compare_times(left, right) > 0;
  if (operator == 12) return compare_times(left, right) < 0;
  if (operator == 13) return same_file(left, right);
  i64 a = whole_number(left), b = whole_number(right);
  switch (operator) {
    case 5: return a == b;
    case 6: return a != b;
    case 7: return a < b;
    case 8: return a <= b;
    case 9: return a > b;
    default: return a >= b;
  }
}

static bool parse_primary(void) {
  if (at >= end) die(2, "argument expected");
  char *word = *at;
  long left = end - at;
  if (left >= 3 && find_operator(at[1]) >= 0) {
    at += 3;
    return binary(at[-3], find_operator(at[-2]), at[-1]);
  }
  if (equal(word, "!") && left > 1) {
    at++;
    return !parse_primary();
  }
  if (equal(word, "(") && left > 1) {
    at++;
    bool result = parse_or();
    if (at >= end || !equal(*at++, ")")) die(2, "closing paren expected");
    return result;
  }
  if (left >= 2 && is_unary(word)) {
    at += 2;
    return unary(at[-2][1], at[-1]);
  }
  at++;
  return *word != 0;
}

static bool parse_and(void) {
  bool result = parse_primary();
  while (at < end && equal(*at, "-a")) {
    at++;
    result &= parse_primary();
  }
  return result;
}

static bool parse_or(void) {
  bool result = parse_and();
  while (at < end && equal(*at, "-o")) {
    at++;
    result |= parse_and();
  }
  return result;
}

int test_main(int argc, char **argv) {
  if (equal(base_name(argv[0]), "[")) {
    if (!equal(argv[argc - 1], "]")) die(2, "missing ]");
    argc--;
  }
  at = argv + 1;
  end = argv + argc;
  if (argc == 1) return 1;
  // by the number of arguments, as POSIX has it: then every text can be an operand
  if (argc == 2) return argv[1][0] == 0;
  if (argc == 3 && equal(argv[1], "!")) return argv[2][0] != 0;
  if (argc == 5 && equal(argv[1], "!") && find_operator(argv[3]) >= 0) return binary(argv[2], find_operator(argv[3]), argv[4]);
  bool result = parse_or();
  if (at < end) die(2, "%s: unexpected operator", *at);
  return !result;
}
