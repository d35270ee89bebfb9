// Regular expressions (regex(7); POSIX, "Regular Expressions"): basic and extended ones, matched by trying. Among several matches
// the leftmost counts, and of those the longest if there are alternatives.
#include "user.h"

enum kind { CHARACTER, ANY, SET, LINE_START, LINE_END, WORD_START, WORD_END, WORD_EDGE, OPEN, CLOSE, SAME, CHOICE, REPEAT, AGAIN, JOIN, FINAL };

struct node {
  enum kind kind;
  char c; // CHARACTER
  int group; // OPEN, CLOSE, SAME
  const char *set; // SET: behind "["
  int least, most; // REPEAT; most < 0: without end
  struct node *next;
  struct node *body; // REPEAT, CHOICE: what is tried first
  struct node *other; // CHOICE
  struct node *repeat; // AGAIN: what it repeats
  int count; // REPEAT, while matching
  const char *from; // REPEAT: where this turn began
};

struct regex {
  struct node *first;
  bool ignore_case, choices;
  int groups;
};

// compiling

static const char *at, *error;
static bool extended;
static struct regex *compiling;

static struct node *make(enum kind kind) {
  struct node *node = allocate(sizeof *node);
  memset(node, 0, sizeof *node);
  node->kind = kind;
  return node;
}

// A piece of an expression: its first node, and the one whose `next` is to be set.
struct piece {
  struct node *first, *last;
};

static struct piece single(struct node *node) { return (struct piece){node, node}; }

static struct piece parse_choices(int depth);

// Is an operator here, which basic expressions write with a backslash before it?
static bool operator(char c) { return extended ? *at == c : at[0] == '\\' && at[1] == c; }
static void skip_operator(void) { at += extended ? 1 : 2; }

static struct piece parse_set(void) {
  struct node *node = make(SET);
  const char *end;
  node->set = ++at;
  match_bracket(at, 0, false, &end);
  if (end == NULL) error = "unmatched [";
  else at = end;
  return single(node);
}

static struct piece parse_group(int depth) {
  struct node *open = make(OPEN), *close = make(CLOSE);
  open->group = close->group = ++compiling->groups;
  skip_operator();
  struct piece inside = parse_choices(depth + 1);
  if (!operator(')')) {
    error = "unmatched (";
    return single(open);
  }
  skip_operator();
  open->next = inside.first;
  inside.last->next = close;
  return (struct piece){open, close};
}

static struct piece parse_escape(void) {
  struct node *node;
  char c = at[1];
  at += c == 0 ? 1 : 2;
  if (c == 0) error = "trailing backslash";
  if (is_digit(c) && c != '0') {
    node = make(SAME);
    node->group = c - '0';
    if (node->group > compiling->groups) error = "invalid back reference";
  } else if (c == '<' || c == '>' || c == 'b') {
    node = make(c == '<' ? WORD_START : c == '>' ? WORD_END : WORD_EDGE);
  } else if (c == 'w' || c == 's') {
    node = make(SET);
    node->set = c == 'w' ? "_[:alnum:]]" : "[:space:]]";
  } else if (c == 'W' || c == 'S') {
    node = make(SET);
    node->set = c == 'W' ? "^_[:alnum:]]" : "^[:space:]]";
  } else {
    node = make(CHARACTER);
    node->c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return single(node);
}

static struct piece parse_atom(int depth, bool is_first) {
  if (operator('(')) return parse_group(depth);
  if (*at == '[') return parse_set();
  if (*at == '\\') return parse_escape();
  struct node *node = make(CHARACTER);
  node->c = *at++;
  bool last = *at == 0 || operator(')') || operator('|');
  if (node->c == '.') node->kind = ANY;
  else if (node->c == '^' && (extended || is_first)) node->kind = LINE_START;
  else if (node->c == '$' && (extended || last)) node->kind = LINE_END;
  return single(node);
}

static bool parse_bounds(int *least, int *most) {
  skip_operator();
  *least = 0;
  bool any = is_digit(*at);
  for (; is_digit(*at); at++) *least = *least * 10 + *at - '0';
  *most = *least;
  if (*at == ',') {
    at++;
    *most = -1;
    if (is_digit(*at)) {
      for (*most = 0; is_digit(*at); at++) *most = *most * 10 + *at - '0';
    }
  } else if (!any) error = "invalid content of {}";
  if (!operator('}')) error = "unmatched {";
  else skip_operator();
  return error == NULL;
}

static struct piece repeat(struct piece what, int least, int most) {
  struct node *node = make(REPEAT), *again = make(AGAIN);
  node->least = least;
  node->most = most;
  node->body = what.first;
  again->repeat = node;
  what.last->next = again;
  return single(node);
}

static struct piece parse_repeated(int depth, bool is_first) {
  bool star_is_plain = !extended && is_first && *at == '*';
  struct piece piece;
  if (star_is_plain) {
    piece = single(make(CHARACTER));
    piece.first->c = *at++;
  } else {
    piece = parse_atom(depth, is_first);
  }
  while (error == NULL) {
    int least = 0, most = -1;
    if (*at == '*' && !(piece.first->kind == LINE_START && !extended)) at++;
    else if (operator('+')) least = 1, skip_operator();
    else if (operator('?')) most = 1, skip_operator();
    else if (operator('{')) {
      if (!parse_bounds(&least, &most)) break;
    } else break;
    piece = repeat(piece, least, most);
  }
  return piece;
}

static struct piece parse_sequence(int depth) {
  struct piece all = single(make(JOIN));
  bool is_first = true;
  while (error == NULL && *at != 0 && !operator('|') && !(operator(')') && depth > 0)) {
    struct piece next = parse_repeated(depth, is_first);
    is_first = false;
    all.last->next = next.first;
    all.last = next.last;
  }
  return all;
}

static struct piece parse_choices(int depth) {
  struct piece left = parse_sequence(depth);
  while (error == NULL && operator('|')) {
    skip_operator();
    struct piece right = parse_sequence(depth);
    struct node *choice = make(CHOICE), *join = make(JOIN);
    choice->body = left.first;
    choice->other = right.first;
    left.last->next = right.last->next = join;
    left = (struct piece){choice, join};
    compiling->choices = true;
  }
  return left;
}

struct regex *regex_compile(const char *pattern, int flags, const char **sentence) {
  compiling = allocate(sizeof *compiling);
  *compiling = (struct regex){.ignore_case = flags & REGEX_IGNORE_CASE};
  extended = flags & REGEX_EXTENDED;
  at = copy_string(pattern);
  error = NULL;
  struct piece piece = parse_choices(0);
  if (error == NULL && *at != 0) error = "unmatched )";
  piece.last->next = make(FINAL);
  compiling->first = piece.first;
  *sentence = error;
  return error == NULL ? compiling : NULL;
}

// matching

static struct {
  const struct regex *regex;
  const char *start, *end, *best;
  bool line_start;
  struct matched groups[REGEX_GROUPS], found[REGEX_GROUPS];
} now;

static bool is_word(const char *text, int offset) {
  const char *p = text + offset;
  return p >= now.start && p < now.end && (is_alpha(*p) || is_digit(*p) || *p == '_');
}

static bool same_character(char a, char b) { return a == b || (now.regex->ignore_case && to_lower(a) == to_lower(b)); }

// Does a node for one character match it?
static bool one(const struct node *node, char c) {
  const char *end;
  if (node->kind == CHARACTER) return same_character(node->c, c);
  if (node->kind == ANY) return true;
  bool found = match_bracket(node->set, c, false, &end);
  if (!now.regex->ignore_case || !is_alpha(c)) return found;
  return found || match_bracket(node->set, c ^ 32, false, &end);
}

static bool try(struct node *node, const char *text);

static bool try_group(struct node *node, const char *text) {
  if (node->group >= REGEX_GROUPS) return try(node->next, text);
  struct matched *group = &now.groups[node->group], before = *group;
  if (node->kind == OPEN) *group = (struct matched){text, NULL};
  else group->end = text;
  if (try(node->next, text)) return true;
  *group = before;
  return false;
}

static bool try_same(struct node *node, const char *text) {
  struct matched *group = &now.groups[node->group];
  if (group->end == NULL) return false;
  for (const char *p = group->start; p < group->end; p++, text++) {
    if (text == now.end || !same_character(*p, *text)) return false;
  }
  return try(node->next, text);
}

// Repeats of a single character need no recursion.
static bool try_simple(struct node *node, const char *text) {
  const char *last = text;
  while (last < now.end && (node->most < 0 || last - text < node->most) && one(node->body, *last)) last++;
  for (; last - text >= node->least; last--) {
    if (try(node->next, last)) return true;
  }
  return false;
}

static bool try_repeat(struct node *node, const char *text, int count) {
  int count_before = node->count;
  const char *from_before = node->from;
  if (node->most < 0 || count < node->most) {
    node->count = count;
    node->from = text;
    if (try(node->body, text)) return true;
    node->count = count_before;
    node->from = from_before;
  }
  return count >= node->least && try(node->next, text);
}

static bool try_again(struct node *repeat, const char *text) {
  // a turn that took nothing would go on for ever
  if (text == repeat->from) return repeat->count + 1 >= repeat->least && try(repeat->next, text);
  int count = repeat->count;
  const char *from = repeat->from;
  if (try_repeat(repeat, text, count + 1)) return true;
  repeat->count = count;
  repeat->from = from;
  return false;
}

static bool finish(const char *text) {
  if (now.best != NULL && text <= now.best) return false;
  now.best = text;
  memcpy(now.found, now.groups, sizeof now.found);
  return !now.regex->choices;
}

static bool try(struct node *node, const char *text) {
  for (;; node = node->next) {
    switch (node->kind) {
      case JOIN: break;
      case CHARACTER: case ANY: case SET:
        if (text == now.end || !one(node, *text)) return false;
        text++;
        break;
      case LINE_START:
        if (text != now.start || !now.line_start) return false;
        break;
      case LINE_END:
        if (text != now.end) return false;
        break;
      case WORD_START:
        if (is_word(text, -1) || !is_word(text, 0)) return false;
        break;
      case WORD_END:
        if (!is_word(text, -1) || is_word(text, 0)) return false;
        break;
      case WORD_EDGE:
        if (is_word(text, -1) == is_word(text, 0)) return false;
        break;
      case OPEN: case CLOSE: return try_group(node, text);
      case SAME: return try_same(node, text);
      case CHOICE: return try(node->body, text) || try(node->other, text);
      case REPEAT:
        if (node->body->kind <= SET && node->body->next->kind == AGAIN) return try_simple(node, text);
        return try_repeat(node, text, 0);
      case AGAIN: return try_again(node->repeat, text);
      case FINAL: return finish(text);
    }
  }
}

bool regex_search(struct regex *regex, const char *text, const char *from, const char *end, bool start, struct matched groups[REGEX_GROUPS]) {
  now.regex = regex;
  now.start = text;
  now.end = end;
  now.line_start = start;
  for (; from <= end; from++) {
    now.best = NULL;
    memset(now.groups, 0, sizeof now.groups);
    try(regex->first, from);
    if (now.best == NULL) continue;
    memcpy(groups, now.found, sizeof now.found);
    groups[0] = (struct matched){from, now.best};
    return true;
  }
  return false;
}
