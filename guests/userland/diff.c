// cmp(1) and diff(1) (POSIX). The difference is the shortest one: E. W. Myers, "An O(ND) Difference Algorithm", 1986.
#include "main.h"

int cmp_main(int argc, char **argv) {
  bool silent = false, list = false;
  struct options options = OPTIONS("sl");
  for (int c; (c = next_option(&options)) != 0;) *(c == 's' ? &silent : &list) = true;
  if (argc - options.at < 1 || argc - options.at > 2) usage();
  const char *names[] = {argv[options.at], options.at + 1 < argc ? argv[options.at + 1] : "-"};
  struct reader *readers[2];
  for (int i = 0; i < 2; i++) {
    int fd = equal(names[i], "-") ? 0 : (int)open(names[i], O_RDONLY, 0);
    if (fd < 0) {
      if (!silent) fail(fd, "%s", names[i]);
      return 2;
    }
    readers[i] = reader_open(fd);
  }
  int status = 0;
  for (u64 at = 1, line = 1;; at++) {
    int a = read_byte(readers[0]), b = read_byte(readers[1]);
    if (a < 0 && b < 0) return status;
    if (a < 0 || b < 0) {
      if (!silent) warn("EOF on %s after byte %llu, in line %llu", names[a >= 0], at - 1, line);
      return 1;
    }
    if (a != b) {
      status = 1;
      if (silent) return 1;
      if (list) print("%4llu %3o %3o\n", at, a, b);
      else {
        print("%s %s differ: char %llu, line %llu\n", names[0], names[1], at, line);
        return 1;
      }
    }
    if (a == '\n') line++;
  }
}

struct side {
  char **lines;
  int count;
  bool no_newline;
  bool *changed;
};

static bool unified, brief, recursive, absent_is_empty, ignore_space, ignore_case;
static int context = 3;
static const char *labels[2];

static bool read_side(struct side *side, const char *path) {
  struct list lines = {0};
  struct text line = {0};
  int fd = equal(path, "-") ? 0 : (int)open(path, O_RDONLY, 0);
  if (fd == -ENOENT && absent_is_empty) fd = open("/dev/null", O_RDONLY, 0);
  if (fd < 0) {
    fail(fd, "%s", path);
    return false;
  }
  struct reader *reader = reader_open(fd);
  side->no_newline = false;
  while (read_line(reader, &line)) {
    side->no_newline = line.data[line.length - 1] != '\n';
    list_add(&lines, copy_part(line.data, line.length - !side->no_newline));
  }
  close_input(fd);
  side->lines = lines.items;
  side->count = lines.count;
  side->changed = allocate(lines.count + 1);
  memset(side->changed, 0, lines.count + 1);
  return true;
}

static bool same_text(const char *a, const char *b) {
  for (;; a++, b++) {
    if (ignore_space) {
      while (is_space(*a)) a++;
      while (is_space(*b)) b++;
    }
    if (ignore_case ? to_lower(*a) != to_lower(*b) : *a != *b) return false;
    if (*a == 0) return true;
  }
}

static bool same_line(const struct side *a, int x, const struct side *b, int y) {
  bool ends_alike = (a->no_newline && x == a->count - 1) == (b->no_newline && y == b->count - 1);
  return ends_alike && same_text(a->lines[x], b->lines[y]);
}

// Marks what is changed. How far each diagonal was reached with so many edits is kept, to go the way back.
static void compare(struct side *a, struct side *b) {
  int start = 0, n = a->count, m = b->count;
  while (start < n && start < m && same_line(a, start, b, start)) start++;
  while (n > start && m > start && same_line(a, n - 1, b, m - 1)) n--, m--;
  n -= start;
  m -= start;
  int most = n + m, **reached = allocate((most + 1) * sizeof *reached), edits = 0;
  for (;; edits++) {
    int *now = allocate((2 * edits + 3) * sizeof *now) , *before = edits > 0 ? reached[edits - 1] + edits : NULL;
    reached[edits] = now;
    now += edits + 1;
    bool done = false;
    for (int k = -edits; k <= edits && !done; k += 2) {
      int x = edits == 0 ? 0 : k == -edits || (k != edits && before[k - 1] < before[k + 1]) ? before[k + 1] : before[k - 1] + 1;
      while (x < n && x - k < m && x - k >= 0 && same_line(a, start + x, b, start + x - k)) x++;
      now[k] = x;
      done = x >= n && x - k >= m;
    }
    if (done) break;
  }
  for (int x = n, y = m; edits > 0; edits--) {
    int *before = reached[edits - 1] + edits, k = x - y;
    bool down = k == -edits || (k != edits && before[k - 1] < before[k + 1]);
    k += down ? 1 : -1;
    x = before[k];
    y = x - k;
    if (down) b->changed[start + y] = true;
    else a->changed[start + x] = true;
  }
}

struct hunk {
  int a, a_end, b, b_end;
};

// The next run of changed lines at or behind x and y; false when there is none.
static bool next_change(const struct side *a, const struct side *b, int x, int y, struct hunk *hunk) {
  while (x < a->count && y < b->count && !a->changed[x] && !b->changed[y]) x++, y++;
  if (x == a->count && y == b->count) return false;
  *hunk = (struct hunk){x, x, y, y};
  while (hunk->a_end < a->count && a->changed[hunk->a_end]) hunk->a_end++;
  while (hunk->b_end < b->count && b->changed[hunk->b_end]) hunk->b_end++;
  return hunk->a_end > x || hunk->b_end > y;
}

static void put_lines(const struct side *side, int from, int to, const char *mark) {
  for (; from < to; from++) {
    print("%s%s\n", mark, side->lines[from]);
    if (side->no_newline && from == side->count - 1) print("\\ No newline at end of file\n");
  }
}

static void put_range(int from, int to, char separator) {
  if (to - from > 1) print("%d%c%d", from + 1, separator, to);
  else print("%d", to == from ? from : from + 1);
}

static void put_plain(const struct side *a, const struct side *b) {
  struct hunk hunk = {0};
  while (next_change(a, b, hunk.a_end, hunk.b_end, &hunk)) {
    put_range(hunk.a, hunk.a_end, ',');
    put_char(&out, hunk.a == hunk.a_end ? 'a' : hunk.b == hunk.b_end ? 'd' : 'c');
    put_range(hunk.b, hunk.b_end, ',');
    put_char(&out, '\n');
    put_lines(a, hunk.a, hunk.a_end, "< ");
    if (hunk.a < hunk.a_end && hunk.b < hunk.b_end) print("---\n");
    put_lines(b, hunk.b, hunk.b_end, "> ");
  }
}

static void put_unified_range(int from, int to) {
  print("%d", to == from ? from : from + 1);
  if (to - from != 1) print(",%d", to - from);
}

static void put_unified(const struct side *a, const struct side *b) {
  struct hunk hunk = {0}, next;
  bool more = next_change(a, b, 0, 0, &next);
  while (more) {
    struct hunk first = next;
    int before = first.a < first.b ? first.a : first.b;
    if (before > context) before = context;
    // changes close to one another are one hunk
    struct hunk last = first;
    while ((more = next_change(a, b, last.a_end, last.b_end, &next)) && next.a - last.a_end <= 2 * context) last = next;
    int left = a->count - last.a_end < context ? a->count - last.a_end : context;
    print("@@ -");
    put_unified_range(first.a - before, last.a_end + left);
    print(" +");
    put_unified_range(first.b - before, last.b_end + left);
    print(" @@\n");
    hunk = first;
    put_lines(a, first.a - before, first.a, " ");
    for (;;) {
      put_lines(a, hunk.a, hunk.a_end, "-");
      put_lines(b, hunk.b, hunk.b_end, "+");
      if (hunk.a_end == last.a_end && hunk.b_end == last.b_end) break;
      int from = hunk.a_end;
      next_change(a, b, hunk.a_end, hunk.b_end, &hunk);
      put_lines(a, from, hunk.a, " ");
    }
    put_lines(a, last.a_end, last.a_end + left, " ");
  }
}

static void put_name(const char *mark, const char *path, const char *label) {
  struct stat status;
  struct text when = {0};
  struct date date;
  if (label != NULL) {
    print("%s %s\n", mark, label);
    return;
  }
  if (stat(path, &status) < 0) memset(&status, 0, sizeof status);
  date_of(status.modified.seconds, &date);
  format_date(&when, "%Y-%m-%d %H:%M:%S.%N %z", &date, status.modified.seconds, status.modified.nanoseconds);
  print("%s %s\t%s\n", mark, path, when.data);
}

static int diff_files(const char *left, const char *right, const char *command) {
  struct side a, b;
  if (!read_side(&a, left) || !read_side(&b, right)) return 2;
  compare(&a, &b);
  struct hunk hunk;
  if (!next_change(&a, &b, 0, 0, &hunk)) return 0;
  if (brief) {
    print("Files %s and %s differ\n", left, right);
    return 1;
  }
  if (command != NULL) print("%s %s %s\n", command, left, right);
  if (unified) {
    put_name("---", left, labels[0]);
    put_name("+++", right, labels[1]);
    put_unified(&a, &b);
  } else {
    put_plain(&a, &b);
  }
  return 1;
}

static int diff_paths(const char *left, const char *right, const char *command);

static int diff_directories(const char *left, const char *right) {
  struct list names[2] = {{0}, {0}};
  const char *paths[] = {left, right};
  int status = 0;
  for (int i = 0; i < 2; i++) {
    long error = list_directory(paths[i], &names[i]);
    if (error < 0) return fail(error, "%s", paths[i]), 2;
  }
  for (size_t x = 0, y = 0; x < names[0].count || y < names[1].count;) {
    int order = x == names[0].count ? 1 : y == names[1].count ? -1 : strcmp(names[0].items[x], names[1].items[y]);
    const char *name = order <= 0 ? names[0].items[x] : names[1].items[y];
    if (order <= 0) x++;
    if (order >= 0) y++;
    int result;
    if (order != 0 && !absent_is_empty) {
      print("Only in %s: %s\n", order < 0 ? left : right, name);
      result = 1;
    } else {
      char *a = join_path(left, name), *b = join_path(right, name);
      result = !recursive && is_directory(a) && is_directory(b) ? 0 : diff_paths(a, b, unified ? "diff -ru" : "diff -r");
      if (!recursive && is_directory(a) && is_directory(b)) print("Common subdirectories: %s and %s\n", a, b);
    }
    if (result > status) status = result;
  }
  return status;
}

static int diff_paths(const char *left, const char *right, const char *command) {
  bool a = is_directory(left), b = is_directory(right);
  if (a && b) return diff_directories(left, right);
  if (a || b) {
    if (command == NULL) return diff_files(a ? join_path(left, base_name(right)) : left, b ? join_path(right, base_name(left)) : right, NULL);
    print("File %s is a %s while file %s is a %s\n", left, a ? "directory" : "regular file", right, b ? "directory" : "regular file");
    return 1;
  }
  return diff_files(left, right, command);
}

int diff_main(int argc, char **argv) {
  struct options options = OPTIONS("uU:qrNwiL:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'u') unified = true;
    if (c == 'U') unified = true, context = number(options.value);
    if (c == 'q') brief = true;
    if (c == 'r') recursive = true;
    if (c == 'N') absent_is_empty = true;
    if (c == 'w') ignore_space = true;
    if (c == 'i') ignore_case = true;
    if (c == 'L') labels[labels[0] != NULL] = options.value;
  }
  if (argc - options.at != 2) usage();
  return diff_paths(argv[options.at], argv[options.at + 1], NULL);
}
