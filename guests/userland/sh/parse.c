// Tokens into a tree (POSIX, "Shell Grammar").
#include "sh.h"

static struct node *parse_list(struct source *from);
static struct node *parse_command(struct source *from);

static struct node *new_node(struct source *from, enum node_kind kind) {
  struct node *node = arena_allocate(from->arena, sizeof *node);
  node->kind = kind;
  node->line = from->line;
  return node;
}

static void unexpected(struct source *from) {
  static const char *const names[] = {"end of file", "newline", "word", "&&", "||", ";", ";;", "&", "|", "(", ")",
                                      "<", ">", ">>", ">|", "<&", ">&", "<>", "<<", "<<-"};
  char buffer[80];
  enum token token = peek_token(from);
  const char *what = token == WORD ? from->word : names[token];
  if (!from->failed) syntax_error(from, format_text(buffer, sizeof buffer, "unexpected %s%.40s%s", token > NEWLINE ? "\"" : "", what, token > NEWLINE ? "\"" : ""));
}

static void skip_newlines(struct source *from) {
  while (peek_token(from) == NEWLINE) take_token(from);
}

static bool is_word(struct source *from, const char *word) {
  return peek_token(from) == WORD && equal(from->word, word);
}

// A reserved word that must come now.
static void need(struct source *from, const char *word) {
  if (is_word(from, word)) take_token(from);
  else unexpected(from);
}

// Words that end a list.
static bool ends_list(struct source *from) {
  static const char *const words[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}"};
  enum token token = peek_token(from);
  if (token != WORD) return token == END || token == CLOSE || token == DOUBLE_SEMICOLON;
  for (u32 i = 0; i < COUNT(words); i++) {
    if (equal(from->word, words[i])) return true;
  }
  return false;
}

static struct word *take_word(struct source *from) {
  if (peek_token(from) != WORD) {
    unexpected(from);
    return NULL;
  }
  struct word *word = arena_allocate(from->arena, sizeof *word);
  word->text = from->word;
  take_token(from);
  return word;
}

static bool parse_redirection(struct source *from, struct redirection ***last) {
  static const enum redirection_kind kinds[] = {FROM, TO, APPEND, CLOBBER, DUP_IN, DUP_OUT, READ_WRITE, HERE, HERE};
  enum token token = peek_token(from);
  if (token < LESS) return false;
  struct redirection *made = arena_allocate(from->arena, sizeof *made);
  made->kind = kinds[token - LESS];
  bool in = token == LESS || token == LESS_AND || token == LESS_GREAT || made->kind == HERE;
  made->fd = from->io_number >= 0 ? from->io_number : in ? 0 : 1;
  take_token(from);
  struct word *word = take_word(from);
  if (word == NULL) return false;
  made->target = word->text;
  if (made->kind == HERE) expect_here_document(from, made, token == HERE_DOCUMENT_TABS);
  **last = made;
  *last = &made->next;
  return true;
}

static struct node *parse_function(struct source *from, char *name) {
  struct node *node = new_node(from, FUNCTION);
  take_token(from);
  if (peek_token(from) != CLOSE) unexpected(from);
  take_token(from);
  skip_newlines(from);
  node->name = name;
  node->left = parse_command(from);
  from->arena->kept = true;
  return node;
}

static struct node *parse_simple(struct source *from) {
  struct node *node = new_node(from, COMMAND);
  struct redirection **redirection = &node->redirections;
  struct word **assignment = &node->assignments, **word = &node->words;
  for (;;) {
    if (parse_redirection(from, &redirection)) continue;
    if (peek_token(from) != WORD) break;
    struct word *made = take_word(from);
    size_t length = name_length(made->text);
    if (node->words == NULL && length > 0 && made->text[length] == '=') {
      *assignment = made;
      assignment = &made->next;
      continue;
    }
    bool first = node->words == NULL && node->assignments == NULL && node->redirections == NULL;
    if (first && length > 0 && made->text[length] == 0 && peek_token(from) == OPEN) return parse_function(from, made->text);
    *word = made;
    word = &made->next;
  }
  if (node->words == NULL && node->assignments == NULL && node->redirections == NULL) unexpected(from);
  return node;
}

static struct node *parse_if(struct source *from) {
  struct node *node = new_node(from, IF);
  take_token(from);
  node->left = parse_list(from);
  need(from, "then");
  node->right = parse_list(from);
  if (is_word(from, "elif")) {
    node->other = parse_if(from);
    return node;
  }
  if (is_word(from, "else")) {
    take_token(from);
    node->other = parse_list(from);
  }
  need(from, "fi");
  return node;
}

static struct node *parse_body(struct source *from) {
  need(from, "do");
  struct node *body = parse_list(from);
  need(from, "done");
  return body;
}

static struct node *parse_while(struct source *from, enum node_kind kind) {
  struct node *node = new_node(from, kind);
  take_token(from);
  node->left = parse_list(from);
  node->right = parse_body(from);
  return node;
}

static struct node *parse_for(struct source *from) {
  struct node *node = new_node(from, FOR);
  take_token(from);
  struct word *name = take_word(from);
  if (name == NULL || name->text[name_length(name->text)] != 0 || name_length(name->text) == 0) {
    syntax_error(from, "bad variable after for");
    return node;
  }
  node->name = name->text;
  skip_newlines(from);
  if (is_word(from, "in")) {
    take_token(from);
    node->has_words = true;
    struct word **last = &node->words;
    while (peek_token(from) == WORD) {
      *last = take_word(from);
      last = &(*last)->next;
    }
  }
  if (peek_token(from) == SEMICOLON) take_token(from);
  skip_newlines(from);
  node->right = parse_body(from);
  return node;
}

static struct case_item *parse_case_item(struct source *from) {
  struct case_item *item = arena_allocate(from->arena, sizeof *item);
  struct word **last = &item->patterns;
  if (peek_token(from) == OPEN) take_token(from);
  for (;;) {
    *last = take_word(from);
    if (*last == NULL) return item;
    last = &(*last)->next;
    if (peek_token(from) != BAR) break;
    take_token(from);
  }
  if (peek_token(from) != CLOSE) unexpected(from);
  take_token(from);
  skip_newlines(from);
  item->body = ends_list(from) ? NULL : parse_list(from);
  if (peek_token(from) == DOUBLE_SEMICOLON) take_token(from);
  else if (!is_word(from, "esac")) unexpected(from);
  skip_newlines(from);
  return item;
}

static struct node *parse_case(struct source *from) {
  struct node *node = new_node(from, CASE);
  take_token(from);
  node->words = take_word(from);
  skip_newlines(from);
  need(from, "in");
  skip_newlines(from);
  struct case_item **last = &node->items;
  while (!from->failed && !is_word(from, "esac")) {
    *last = parse_case_item(from);
    last = &(*last)->next;
  }
  need(from, "esac");
  return node;
}

static struct node *parse_enclosed(struct source *from, enum node_kind kind) {
  struct node *node = new_node(from, kind);
  take_token(from);
  node->left = parse_list(from);
  if (kind == GROUP) need(from, "}");
  else if (peek_token(from) == CLOSE) take_token(from);
  else unexpected(from);
  return node;
}

static struct node *parse_command(struct source *from) {
  struct node *node;
  enum token token = peek_token(from);
  if (token == OPEN) node = parse_enclosed(from, SUBSHELL);
  else if (is_word(from, "{")) node = parse_enclosed(from, GROUP);
  else if (is_word(from, "if")) node = parse_if(from);
  else if (is_word(from, "while")) node = parse_while(from, WHILE);
  else if (is_word(from, "until")) node = parse_while(from, UNTIL);
  else if (is_word(from, "for")) node = parse_for(from);
  else if (is_word(from, "case")) node = parse_case(from);
  else if (ends_list(from)) {
    unexpected(from);
    return NULL;
  } else return parse_simple(from);
  struct redirection **last = &node->redirections;
  while (!from->failed && parse_redirection(from, &last)) {}
  return node;
}

// What was written from `start` up to the token that is next.
static char *text_since(struct source *from, size_t start) {
  size_t end = from->token_start;
  while (end > start && is_space(from->text.data[end - 1])) end--;
  return arena_copy(from->arena, from->text.data + start, end - start);
}

static struct node *parse_pipeline(struct source *from) {
  struct node *node = new_node(from, PIPELINE);
  peek_token(from);
  size_t start = from->token_start;
  while (is_word(from, "!")) {
    take_token(from);
    node->negated = !node->negated;
  }
  struct node **last = &node->left;
  for (;;) {
    *last = parse_command(from);
    if (*last == NULL || from->failed) return node;
    last = &(*last)->next;
    if (peek_token(from) != BAR) break;
    take_token(from);
    skip_newlines(from);
  }
  node->text = text_since(from, start);
  return node;
}

static struct node *parse_and_or(struct source *from) {
  struct node *left = parse_pipeline(from);
  while (!from->failed && (peek_token(from) == AND_IF || peek_token(from) == OR_IF)) {
    struct node *node = new_node(from, peek_token(from) == AND_IF ? AND : OR);
    take_token(from);
    skip_newlines(from);
    node->left = left;
    node->right = parse_pipeline(from);
    left = node;
  }
  return left;
}

// One or more and-or lists; with `line`, up to the end of the line.
static struct node *parse_sequence(struct source *from, bool line) {
  struct node *list = NULL;
  if (!line) skip_newlines(from);
  while (!from->failed) {
    peek_token(from);
    size_t start = from->token_start;
    struct node *node = parse_and_or(from);
    enum token token = peek_token(from);
    if (token == AMPERSAND) {
      struct node *background = new_node(from, BACKGROUND);
      background->left = node;
      background->text = text_since(from, start);
      node = background;
    }
    if (list != NULL) {
      struct node *both = new_node(from, SEQUENCE);
      both->left = list;
      both->right = node;
      node = both;
    }
    list = node;
    if (token != AMPERSAND && token != SEMICOLON && (line || token != NEWLINE)) break;
    take_token(from);
    if (!line) skip_newlines(from);
    if (ends_list(from) || (line && peek_token(from) == NEWLINE)) break;
  }
  return list;
}

static struct node *parse_list(struct source *from) { return parse_sequence(from, false); }

struct node *parse_substitution(struct source *from) {
  skip_newlines(from);
  struct node *list = peek_token(from) == CLOSE ? NULL : parse_list(from);
  if (peek_token(from) != CLOSE) unexpected(from);
  take_token(from);
  return list;
}

struct node *parse_line(struct source *from) {
  from->continued = false;
  forget_text(from);
  if (peek_token(from) == END) return NULL;
  if (peek_token(from) == NEWLINE) {
    take_token(from);
    return NULL;
  }
  struct node *list = parse_sequence(from, true);
  if (!from->failed && peek_token(from) != NEWLINE && peek_token(from) != END) unexpected(from);
  if (!from->failed && peek_token(from) == NEWLINE) take_token(from);
  return list;
}
