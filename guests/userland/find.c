// find(1) (POSIX): an expression for every file of a tree.
#include "main.h"

enum kind { AND, OR, NOT, NAME, INAME, PATH, TYPE, NEWER, SIZE, EMPTY, USER, PERM, MTIME, PRINT, PRINT0, PRUNE, DELETE, EXEC, YES, NO, LINKS };
struct node {
  enum kind kind;
  struct node *left, *right;
  const char *text;
  i64 value;
  char sign; // of numbers: more, less or just that
  struct timestamp time;
  struct list words; // EXEC
  bool together; // EXEC ... +
  struct list paths;
};

static char **at;
static i64 deepest = -1, shallowest;
static bool has_action, depth_first, pruned, follow;
static int status;
static struct node *gatherers[8];
static u32 gatherer_count;

static struct node *parse_or(void);

static struct node *make(enum kind kind) {
  struct node *node = allocate(sizeof *node);
  memset(node, 0, sizeof *node);
  node->kind = kind;
  return node;
}

static const char *argument(const char *name) {
  if (*at == NULL) die(1, "missing argument to '%s'", name);
  return *at++;
}

static void parse_exec(struct node *node) {
  has_action = true;
  for (;; at++) {
    if (*at == NULL) die(1, "missing argument to '-exec'");
    if (equal(*at, ";")) break;
    if (equal(*at, "+") && node->words.count > 0 && equal(node->words.items[node->words.count - 1], "{}")) {
      node->together = true;
      node->words.items[--node->words.count] = NULL;
      if (gatherer_count == COUNT(gatherers)) die(1, "too many -exec ... +");
      gatherers[gatherer_count++] = node;
      break;
    }
    list_add(&node->words, *at);
  }
  at++;
  if (node->words.count == 0) die(1, "missing argument to '-exec'");
}

static void parse_value(struct node *node, const char *name) {
  const char *text = argument(name);
  if (*text == '+' || *text == '-') node->sign = *text++;
  char *digits = copy_string(text), *end = digits + strlen(digits);
  if (node->kind == SIZE && end > digits && !is_digit(end[-1])) {
    char unit = *--end;
    *end = 0;
    node->text = unit == 'c' ? "c" : unit == 'k' ? "k" : unit == 'M' ? "M" : unit == 'G' ? "G" : "b";
  }
  if (node->kind == PERM ? !parse_number(digits, 8, &node->value) : !parse_number(digits, 10, &node->value)) {
    die(1, "invalid argument '%s' to '%s'", text, name);
  }
}

static struct node *parse_test(void) {
  static const struct { const char *name; enum kind kind; } tests[] = {
    {"-name", NAME}, {"-iname", INAME}, {"-path", PATH}, {"-type", TYPE}, {"-newer", NEWER}, {"-size", SIZE},
    {"-empty", EMPTY}, {"-user", USER}, {"-perm", PERM}, {"-mtime", MTIME}, {"-print", PRINT}, {"-print0", PRINT0},
    {"-prune", PRUNE}, {"-delete", DELETE}, {"-exec", EXEC}, {"-true", YES}, {"-false", NO}, {"-links", LINKS},
    {"-maxdepth", YES}, {"-mindepth", YES}, {"-depth", YES}, {"-xdev", YES},
  };
  const char *name = *at++;
  for (u32 i = 0; i < COUNT(tests); i++) {
    if (!equal(name, tests[i].name)) continue;
    struct node *node = make(tests[i].kind);
    struct stat found;
    u32 uid, gid;
    switch (node->kind) {
      case NAME: case INAME: case PATH: case TYPE: node->text = argument(name); break;
      case SIZE: case PERM: case MTIME: case LINKS: parse_value(node, name); break;
      case PRINT: case PRINT0: has_action = true; break;
      case DELETE: has_action = depth_first = true; break;
      case EXEC: parse_exec(node); break;
      case USER:
        if (!find_user(argument(name), &uid, &gid)) die(1, "'%s' is not the name of a known user", at[-1]);
        node->value = uid;
        break;
      case NEWER: {
        long error = stat(argument(name), &found);
        if (error < 0) die(1, "'%s': %s", at[-1], error_text(error));
        node->time = found.modified;
        break;
      }
      default: break;
    }
    if (equal(name, "-maxdepth")) deepest = number(argument(name));
    if (equal(name, "-mindepth")) shallowest = number(argument(name));
    if (equal(name, "-depth")) depth_first = true;
    return node;
  }
  die(1, "unknown predicate '%s'", name);
}

static bool is_now(const char *word) { return *at != NULL && equal(*at, word); }

static struct node *parse_not(void) {
  if (*at == NULL) die(1, "expected an expression");
  if (is_now("!") || is_now("-not")) {
    at++;
    struct node *node = make(NOT);
    node->left = parse_not();
    return node;
  }
  if (!is_now("(")) return parse_test();
  at++;
  struct node *node = parse_or();
  if (!is_now(")")) die(1, "invalid expression; expected to find a ')' but didn't see one");
  at++;
  return node;
}

static struct node *join(enum kind kind, struct node *left, struct node *right) {
  struct node *node = make(kind);
  node->left = left;
  node->right = right;
  return node;
}

static struct node *parse_and(void) {
  struct node *left = parse_not();
  while (*at != NULL && !is_now("-o") && !is_now("-or") && !is_now(")")) {
    if (is_now("-a") || is_now("-and")) at++;
    left = join(AND, left, parse_not());
  }
  return left;
}

static struct node *parse_or(void) {
  struct node *left = parse_and();
  while (is_now("-o") || is_now("-or")) {
    at++;
    left = join(OR, left, parse_and());
  }
  return left;
}

static int run_words(char **words) {
  int result;
  flush(&out);
  int pid = fork();
  if (pid == 0) run_program(words);
  if (pid < 0) return fail(pid, "cannot fork");
  while (wait_for(pid, &result, 0) == -EINTR) {}
  return WIFEXITED(result) ? WEXITSTATUS(result) : 1;
}

static char *put_path(const char *word, const char *path) {
  struct text text = {0};
  text_add(&text, "", 0);
  for (const char *found; (found = strstr(word, "{}")) != NULL; word = found + 2) {
    text_add(&text, word, found - word);
    text_string(&text, path);
  }
  text_string(&text, word);
  return text.data;
}

static void run_gathered(struct node *node) {
  if (node->paths.count == 0) return;
  struct list words = {0};
  for (size_t i = 0; i < node->words.count; i++) list_add(&words, node->words.items[i]);
  for (size_t i = 0; i < node->paths.count; i++) list_add(&words, node->paths.items[i]);
  if (run_words(words.items) != 0) status = 1;
  node->paths.count = 0;
  release(words.items);
}

static bool execute(struct node *node, const char *path) {
  if (node->together) {
    list_add(&node->paths, copy_string(path));
    if (node->paths.count == 1000) run_gathered(node);
    return true;
  }
  struct list words = {0};
  for (size_t i = 0; i < node->words.count; i++) list_add(&words, put_path(node->words.items[i], path));
  return run_words(words.items) == 0;
}

static bool compare(const struct node *node, i64 value) {
  return node->sign == '+' ? value > node->value : node->sign == '-' ? value < node->value : value == node->value;
}

static bool is_empty(const char *path, const struct stat *found) {
  if ((found->mode & S_IFMT) == S_IFREG) return found->size == 0;
  struct list names = {0};
  return (found->mode & S_IFMT) == S_IFDIR && list_directory(path, &names) >= 0 && names.count == 0;
}

static char *lower(const char *text) {
  char *copy = copy_string(text);
  for (char *c = copy; *c != 0; c++) *c = to_lower(*c);
  return copy;
}

static bool delete(const char *path, const struct stat *found) {
  long error = (found->mode & S_IFMT) == S_IFDIR ? rmdir(path) : unlink(path);
  if (error < 0) status = fail(error, "cannot delete '%s'", path);
  return error >= 0;
}

// The name a pattern is held against; of "/" it is that, of "a/" it is "a".
static const char *name_of(const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  return length == 1 && *path == '/' ? "/" : base_name(copy_part(path, length));
}

static bool evaluate(struct node *node, const char *path, const struct stat *found) {
  static const char types[] = "fdlpsbc";
  static const u32 modes[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFBLK, S_IFCHR};
  struct timespec now;
  switch (node->kind) {
    case AND: return evaluate(node->left, path, found) && evaluate(node->right, path, found);
    case OR: return evaluate(node->left, path, found) || evaluate(node->right, path, found);
    case NOT: return !evaluate(node->left, path, found);
    case NAME: return match(node->text, name_of(path));
    case INAME: return match(lower(node->text), lower(name_of(path)));
    case PATH: return match(node->text, path);
    case TYPE: {
      const char *type = strchr(types, *node->text);
      if (type == NULL || *type == 0) die(1, "Unknown argument to -type: %s", node->text);
      return (found->mode & S_IFMT) == modes[type - types];
    }
    case NEWER:
      if (found->modified.seconds != node->time.seconds) return found->modified.seconds > node->time.seconds;
      return found->modified.nanoseconds > node->time.nanoseconds;
    case SIZE: {
      i64 unit = node->text == NULL || *node->text == 'b' ? 512 : *node->text == 'c' ? 1 : *node->text == 'k' ? 1024 : *node->text == 'M' ? 1 << 20 : 1 << 30;
      return compare(node, (found->size + unit - 1) / unit);
    }
    case EMPTY: return is_empty(path, found);
    case USER: return found->uid == node->value;
    case PERM:
      if (node->sign == '-') return (found->mode & node->value) == node->value;
      return (found->mode & 07777) == node->value;
    case MTIME: clock(CLOCK_REALTIME, &now); return compare(node, (now.seconds - found->modified.seconds) / 86400);
    case LINKS: return compare(node, found->links);
    case PRINT: print("%s\n", path); return true;
    case PRINT0: put_bytes(&out, path, strlen(path) + 1); return true;
    case PRUNE: return pruned = true;
    case DELETE: return delete(path, found);
    case EXEC: return execute(node, path);
    case YES: return true;
    default: return false;
  }
}

static void visit(struct node *expression, const char *path, i64 depth) {
  struct stat found;
  long error = follow ? stat(path, &found) : -1;
  if (error < 0) error = lstat(path, &found);
  if (error < 0) {
    status = fail(error, "'%s'", path);
    return;
  }
  pruned = false;
  if (!depth_first && depth >= shallowest) evaluate(expression, path, &found);
  if ((found.mode & S_IFMT) == S_IFDIR && !pruned && (deepest < 0 || depth < deepest)) {
    struct list names = {0};
    error = list_directory(path, &names);
    if (error < 0) status = fail(error, "'%s'", path);
    for (size_t i = 0; i < names.count; i++) {
      char *inside = join_path(path, names.items[i]);
      visit(expression, inside, depth + 1);
      release(inside);
      release(names.items[i]);
    }
    release(names.items);
  }
  if (depth_first && depth >= shallowest) evaluate(expression, path, &found);
}

int find_main(int argc, char **argv) {
  static char *here[] = {".", NULL};
  int first = 1;
  for (; first < argc && (equal(argv[first], "-L") || equal(argv[first], "-H") || equal(argv[first], "-P")); first++) {
    follow = equal(argv[first], "-L");
  }
  int end = first;
  while (end < argc && argv[end][0] != '-' && !equal(argv[end], "!") && !equal(argv[end], "(")) end++;
  at = argv + end;
  struct node *expression = *at == NULL ? make(YES) : parse_or();
  if (*at != NULL) die(1, "unexpected '%s'", *at);
  if (!has_action) expression = join(AND, expression, make(PRINT));
  argv[end] = NULL;
  for (char **path = end == first ? here : argv + first; *path != NULL; path++) visit(expression, *path, 0);
  for (u32 i = 0; i < gatherer_count; i++) run_gathered(gatherers[i]);
  return status;
}
