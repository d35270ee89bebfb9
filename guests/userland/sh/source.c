// Text into tokens (POSIX, "Token Recognition"), and here-documents.
#include "sh.h"

struct here {
  struct here *next;
  struct redirection *redirection;
  bool tabs;
};

static void prompt(struct source *from) {
  const char *text = get_variable(from->continued ? "PS2" : "PS1");
  if (text == NULL) return;
  text = expand_here(text);
  write_all(2, text, strlen(text));
}

// Reads one more line; what is read in one go from a terminal is a line anyway, from elsewhere programs started by the shell
// may want the rest.
static bool read_more(struct source *from) {
  if (from->fd < 0 || from->ended || from->failed) return false;
  if (from->interactive) prompt(from);
  size_t before = from->text.length;
  for (;;) {
    char c;
    long got = read(from->fd, &c, 1);
    if (got == -EINTR) {
      run_traps();
      if (!interrupted) continue;
      from->text.length = before;
      from->failed = true;
      return false;
    }
    if (got <= 0) {
      from->ended = true;
      break;
    }
    if (c != 0) text_put(&from->text, c);
    if (c == '\n') break;
  }
  from->continued = true;
  if (options.verbose) write_all(2, from->text.data + before, from->text.length - before);
  return from->text.length > before;
}

// The character `ahead` of the next one; 0 at the end.
static int look(struct source *from, size_t ahead) {
  while (from->at + ahead >= from->text.length) {
    if (!read_more(from)) return 0;
  }
  return (u8)from->text.data[from->at + ahead];
}

static int next(struct source *from) {
  int c = look(from, 0);
  if (c != 0) from->at++;
  if (c == '\n') from->line++;
  return c;
}

void forget_text(struct source *from) {
  if (from->fd < 0 || from->at == 0) return;
  from->text.length -= from->at;
  memmove(from->text.data, from->text.data + from->at, from->text.length + 1);
  from->at = 0;
}

void syntax_error(struct source *from, const char *unexpected) {
  if (from->failed) return;
  from->failed = true;
  warn("line %d: syntax error: %s", from->line, unexpected);
}

static void unterminated(struct source *from, const char *what) {
  char buffer[48];
  syntax_error(from, format_text(buffer, sizeof buffer, "unterminated %s", what));
}

static void skip_word_part(struct source *from, bool quoted);

// Up to the closing quote, which is taken too.
static void skip_double(struct source *from) {
  for (;;) {
    int c = look(from, 0);
    if (c == 0) return unterminated(from, "quoted string");
    if (c == '"') break;
    if (c == '\'') next(from);
    else skip_word_part(from, true);
    if (from->failed) return;
  }
  next(from);
}

static void skip_braced(struct source *from, bool quoted) {
  for (;;) {
    int c = look(from, 0);
    if (c == 0) return unterminated(from, "${");
    if (c == '}') break;
    if (c == '\'' && quoted) next(from);
    else skip_word_part(from, quoted);
    if (from->failed) return;
  }
  next(from);
}

static void skip_arithmetic(struct source *from) {
  for (int depth = 2; depth > 0;) {
    int c = next(from);
    if (c == 0) return unterminated(from, "$((");
    if (c == '(') depth++;
    if (c == ')') depth--;
  }
}

// `$(`: only a parser knows where it ends.
static void skip_substitution(struct source *from) {
  struct source before = *from;
  from->peeked = false;
  parse_substitution(from);
  from->peeked = before.peeked;
  from->token = before.token;
  from->word = before.word;
  from->io_number = before.io_number;
  from->token_start = before.token_start;
}

static void skip_dollar(struct source *from, bool quoted) {
  next(from);
  if (look(from, 0) == '{') {
    next(from);
    if (look(from, 0) == '#') next(from);
    skip_braced(from, quoted);
  } else if (look(from, 0) == '(') {
    next(from);
    if (look(from, 0) == '(') {
      next(from);
      skip_arithmetic(from);
    } else {
      skip_substitution(from);
    }
  }
}

// One character of a word, or what is quoted together.
static void skip_word_part(struct source *from, bool quoted) {
  int c = look(from, 0);
  if (c == '$') {
    skip_dollar(from, quoted);
    return;
  }
  next(from);
  if (c == '\\') next(from);
  if (c == '"') skip_double(from);
  if (c == '\'' || c == '`') {
    for (int inside; (inside = next(from)) != c;) {
      if (inside == 0) return unterminated(from, "quoted string");
      if (inside == '\\' && c == '`') next(from);
    }
  }
}

static void skip_blanks(struct source *from) {
  for (;;) {
    int c = look(from, 0);
    if (c == '\\' && look(from, 1) == '\n') next(from), next(from);
    else if (c == ' ' || c == '\t') next(from);
    else if (c == '#') while ((c = look(from, 0)) != '\n' && c != 0) next(from);
    else return;
  }
}

// A line without its newline; NULL at the end.
static char *take_line(struct source *from) {
  if (look(from, 0) == 0) return NULL;
  size_t start = from->at;
  int c;
  while ((c = next(from)) != '\n' && c != 0) {}
  return arena_copy(from->arena, from->text.data + start, from->at - start - (c == '\n'));
}

static void read_here_document(struct source *from, struct here *here) {
  struct redirection *redirection = here->redirection;
  char *end = redirection->target;
  struct text body = {0};
  redirection->quoted = strchr(end, '\'') != NULL || strchr(end, '"') != NULL || strchr(end, '\\') != NULL;
  if (redirection->quoted) end = expand_string(end);
  text_add(&body, "", 0);
  for (char *line; (line = take_line(from)) != NULL;) {
    if (here->tabs) while (*line == '\t') line++;
    if (equal(line, end)) break;
    text_string(&body, line);
    text_put(&body, '\n');
  }
  redirection->target = arena_copy(from->arena, body.data, body.length);
  release(body.data);
}

void expect_here_document(struct source *from, struct redirection *redirection, bool tabs) {
  struct here *here = arena_allocate(from->arena, sizeof *here);
  struct here **last = &from->pending;
  here->redirection = redirection;
  here->tabs = tabs;
  while (*last != NULL) last = &(*last)->next;
  *last = here;
}

static enum token operator(struct source *from, int c) {
  static const struct { const char *text; enum token token; } operators[] = {
    {"<<-", HERE_DOCUMENT_TABS}, {"&&", AND_IF}, {"||", OR_IF}, {";;", DOUBLE_SEMICOLON}, {"<<", HERE_DOCUMENT},
    {">>", DOUBLE_GREAT}, {">|", GREAT_BAR}, {"<&", LESS_AND}, {">&", GREAT_AND}, {"<>", LESS_GREAT}, {";", SEMICOLON},
    {"&", AMPERSAND}, {"|", BAR}, {"(", OPEN}, {")", CLOSE}, {"<", LESS}, {">", GREAT},
  };
  if (strchr("&|;<>()", c) == NULL) return WORD;
  for (u32 i = 0;; i++) {
    const char *text = operators[i].text;
    size_t length = strlen(text);
    if (text[0] != c || (length > 1 && look(from, 1) != text[1]) || (length > 2 && look(from, 2) != text[2])) continue;
    from->at += length;
    return operators[i].token;
  }
}

static enum token read_token(struct source *from) {
  skip_blanks(from);
  from->io_number = -1;
  from->token_start = from->at;
  int c = look(from, 0);
  if (from->failed || c == 0) return END;
  if (c == '\n') {
    next(from);
    while (from->pending != NULL) {
      struct here *here = from->pending;
      from->pending = here->next;
      read_here_document(from, here);
    }
    return NEWLINE;
  }
  enum token token = operator(from, c);
  if (token != WORD) return token;
  size_t start = from->at;
  while ((c = look(from, 0)) != 0 && strchr(" \t\n&|;<>()", c) == NULL && !from->failed) {
    if (c == '\\' && look(from, 1) == '\n') {
      // a line that goes on: the backslash and the newline go away
      struct text *text = &from->text;
      memmove(text->data + from->at, text->data + from->at + 2, text->length - from->at - 1);
      text->length -= 2;
      from->line++;
    } else skip_word_part(from, false);
  }
  from->word = arena_copy(from->arena, from->text.data + start, from->at - start);
  i64 number;
  if ((c == '<' || c == '>') && is_digit(*from->word) && parse_number(from->word, 10, &number)) {
    token = operator(from, c);
    from->io_number = number;
  }
  return token;
}

enum token peek_token(struct source *from) {
  if (!from->peeked) from->token = read_token(from);
  from->peeked = true;
  return from->failed ? END : from->token;
}

void take_token(struct source *from) {
  peek_token(from);
  from->peeked = false;
}
