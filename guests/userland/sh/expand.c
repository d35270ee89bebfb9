// Words into strings (POSIX, "Word Expansions"): parameters, commands and arithmetic, then fields, then names of files. The
// result is kept as characters with a flag each, so that quotes need not be found again.
#include "sh.h"

enum {
  QUOTED = 1, // stands for itself
  SPLIT = 2, // came from an expansion: fields end at it if it is in IFS
  BOUNDARY = 4, // between the parameters of $@
  PRESENT = 8, // "" makes a field even if it is empty
};

struct expansion {
  struct text chars, flags;
  int base; // flags of what is written unquoted
  bool fields; // $@ makes fields
  bool assignment; // a tilde may follow a colon
  bool here; // double quotes are ordinary
  bool no_parameters; // "$@" without any
};

static void expand_part(struct expansion *to, const char *at, const char *end, bool quoted);

static void emit(struct expansion *to, char c, int flags) {
  text_put(&to->chars, c);
  text_put(&to->flags, flags);
}

static void emit_string(struct expansion *to, const char *s, int flags) {
  for (; *s != 0; s++) emit(to, *s, flags);
}

static char *finish(struct expansion *from) {
  char *made = arena_allocate(&temporary, from->chars.length + 1);
  size_t length = 0;
  for (size_t i = 0; i < from->chars.length; i++) {
    if (from->flags.data[i] & BOUNDARY) made[length++] = ' ';
    else if (from->chars.data[i] != 0) made[length++] = from->chars.data[i];
  }
  release(from->chars.data);
  release(from->flags.data);
  return made;
}

const char *skip_quoted(const char *at, char quote) {
  for (; *at != 0 && *at != quote; at++) {
    if (quote == '\'') continue;
    if (*at == '\\' && at[1] != 0) at++;
    else if (quote == '"' && at[0] == '$' && at[1] == '{') at = skip_braces(at + 2, true) - 1;
    else if (quote == '"' && at[0] == '$' && at[1] == '(') at = skip_braces(at, true) - 1;
    else if (quote == '"' && *at == '`') at = skip_quoted(at + 1, '`') - 1;
  }
  return *at == 0 ? at : at + 1;
}

// The end of `$(...)`: the tokens tell, as when the word was read.
static const char *skip_command(const char *at) {
  if (at[2] == '(') {
    int depth = 0;
    for (at++; *at != 0; at++) {
      if (*at == '(') depth++;
      if (*at == ')' && --depth == 0) return at + 1;
    }
    return at;
  }
  struct arena arena = {0};
  struct source source = {.fd = -1, .line = 1, .arena = &arena};
  text_string(&source.text, at);
  source.at = 2;
  parse_substitution(&source);
  at += source.at;
  release(source.text.data);
  if (!arena.kept) arena_release(&arena, (struct mark){0});
  return at;
}

// Behind the brace that ends `${`, or behind `$(...)` when `at` is at that.
const char *skip_braces(const char *at, bool quoted) {
  if (at[0] == '$' && at[1] == '(') return skip_command(at);
  while (*at != 0 && *at != '}') {
    if (*at == '\\' && at[1] != 0) at += 2;
    else if (*at == '\'' && !quoted) at = skip_quoted(at + 1, '\'');
    else if (*at == '"') at = skip_quoted(at + 1, '"');
    else if (*at == '`') at = skip_quoted(at + 1, '`');
    else if (at[0] == '$' && at[1] == '{') at = skip_braces(at + 2, quoted);
    else if (at[0] == '$' && at[1] == '(') at = skip_command(at);
    else at++;
  }
  return *at == 0 ? at : at + 1;
}

static int value_flags(struct expansion *to, bool quoted) { return quoted ? QUOTED : to->base | SPLIT; }

// $@ and $*
static void emit_parameters(struct expansion *to, bool quoted, bool at_sign) {
  const char *ifs = get_variable("IFS");
  int flags = value_flags(to, quoted);
  if (quoted && at_sign && positional.count == 0) to->no_parameters = true;
  for (int i = 0; i < positional.count; i++) {
    if (i > 0) {
      if (to->fields && (at_sign || !quoted)) emit(to, ' ', BOUNDARY);
      else if (at_sign || ifs == NULL) emit(to, ' ', flags);
      else if (*ifs != 0) emit(to, *ifs, flags);
    }
    if (quoted && at_sign && to->fields) emit(to, 0, PRESENT | QUOTED);
    emit_string(to, positional.items[i], flags);
  }
}

static const char *special_value(char name, char buffer[32]) {
  switch (name) {
    case '?': return format_text(buffer, 32, "%d", last_status);
    case '$': return format_text(buffer, 32, "%d", shell_pid);
    case '#': return format_text(buffer, 32, "%d", positional.count);
    case '!': return last_background == 0 ? NULL : format_text(buffer, 32, "%d", last_background);
    case '-': return option_letters();
    default: return NULL;
  }
}

static const char *value_of(const char *name, size_t length, char buffer[32]) {
  if (is_digit(*name)) {
    int index = 0;
    for (size_t i = 0; i < length; i++) index = index * 10 + name[i] - '0';
    return index == 0 ? shell_name : index <= positional.count ? positional.items[index - 1] : NULL;
  }
  if (name_length(name) == 0) return special_value(*name, buffer);
  char *copy = arena_copy(&temporary, name, length);
  if (equal(copy, "LINENO")) return format_text(buffer, 32, "%d", 0);
  return get_variable(copy);
}

static char *expand_range(const char *start, const char *end) {
  struct expansion part = {0};
  expand_part(&part, start, end, false);
  return finish(&part);
}

static char *pattern_of(struct expansion *from) {
  struct text pattern = {0};
  text_add(&pattern, "", 0);
  for (size_t i = 0; i < from->chars.length; i++) {
    if (from->chars.data[i] == 0) continue;
    if (from->flags.data[i] & QUOTED && strchr("*?[]\\!-", from->chars.data[i]) != NULL) text_put(&pattern, '\\');
    text_put(&pattern, from->chars.data[i]);
  }
  char *made = arena_copy(&temporary, pattern.data, pattern.length);
  release(pattern.data);
  return made;
}

// ${value#pattern} and its relatives: `from_end` removes a suffix, `longest` as much as possible.
static char *remove_part(const char *value, const char *pattern, bool from_end, bool longest) {
  size_t length = strlen(value);
  for (size_t i = 0; i <= length; i++) {
    size_t size = longest ? length - i : i;
    if (from_end) {
      if (match(pattern, value + length - size)) return arena_copy(&temporary, value, length - size);
    } else if (match(pattern, arena_copy(&temporary, value, size))) {
      return arena_copy(&temporary, value + size, length - size);
    }
  }
  return arena_copy(&temporary, value, length);
}

static void not_set(const char *name, size_t length, const char *message) {
  warn("%.*s: %s", (int)length, name, message);
  shell_error(2);
}

// ${name operator word}; `at` is behind the brace, `end` at the closing one.
static void expand_braced(struct expansion *to, const char *at, const char *end, bool quoted) {
  char buffer[32];
  bool count = *at == '#' && at[1] != '}' && (at + 1 < end) && strchr(":-=?+%", at[1]) == NULL;
  if (count) at++;
  const char *name = at;
  size_t length = is_digit(*at) ? 0 : name_length(at);
  while (is_digit(at[length]) && is_digit(*at)) length++;
  if (length == 0) length = 1;
  at += length;
  bool list = *name == '@' || *name == '*';
  const char *value = list ? (positional.count > 0 ? positional.items[0] : NULL) : value_of(name, length, buffer);
  if (count) {
    if (value == NULL && options.no_unset) not_set(name, length, "parameter not set");
    char *number = format_text(arena_allocate(&temporary, 32), 32, "%lu", value == NULL ? 0 : strlen(value));
    emit_string(to, number, value_flags(to, quoted));
    return;
  }
  bool colon = *at == ':';
  if (colon) at++;
  char operation = at < end ? *at++ : 0;
  bool present = value != NULL && !(colon && *value == 0);
  switch (operation) {
    case '+':
      if (present) expand_part(to, at, end, quoted);
      return;
    case '-':
      if (!present) {
        expand_part(to, at, end, quoted);
        return;
      }
      break;
    case '=':
      if (present) break;
      value = expand_range(at, end);
      if (name_length(name) != length) return not_set(name, length, "cannot be set");
      if (!set_variable(arena_copy(&temporary, name, length), value)) return;
      break;
    case '?':
      if (present) break;
      return not_set(name, length, at == end ? "parameter not set" : expand_range(at, end));
    case '#': case '%': {
      bool longest = *at == operation;
      struct expansion pattern = {0};
      expand_part(&pattern, at + longest, end, false);
      if (value != NULL) value = remove_part(value, pattern_of(&pattern), operation == '%', longest);
      release(pattern.chars.data);
      release(pattern.flags.data);
      break;
    }
    case 0: break;
    default:
      warn("${%.*s}: bad substitution", (int)(end - name), name);
      shell_error(2);
      return;
  }
  if (list) emit_parameters(to, quoted, *name == '@');
  else if (value == NULL && options.no_unset && operation == 0) not_set(name, length, "parameter not set");
  else if (value != NULL) emit_string(to, value, value_flags(to, quoted));
}

// The output of a command, without the newlines at its end.
static void expand_command(struct expansion *to, char *command, bool quoted) {
  int fds[2];
  flush(&out);
  long error = pipe(fds);
  int pid = error < 0 ? (int)error : fork();
  if (pid < 0) {
    fail(pid, "cannot fork");
    return shell_error(2);
  }
  if (pid == 0) {
    is_subshell = true;
    end_job_control();
    reset_traps();
    close(fds[0]);
    dup2(fds[1], 1);
    if (fds[1] != 1) close(fds[1]);
    flow = NORMAL;
    run_text(command);
    run_exit_trap();
    flush(&out);
    exit_now(last_status);
  }
  close(fds[1]);
  struct text output = {0};
  char buffer[1024];
  long got;
  while ((got = read(fds[0], buffer, sizeof buffer)) > 0 || got == -EINTR) {
    if (got > 0) text_add(&output, buffer, got);
  }
  close(fds[0]);
  int status;
  while ((error = wait_for(pid, &status, 0)) == -EINTR) {}
  substitution_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  while (output.length > 0 && output.data[output.length - 1] == '\n') output.length--;
  for (size_t i = 0; i < output.length; i++) {
    if (output.data[i] != 0) emit(to, output.data[i], value_flags(to, quoted));
  }
  release(output.data);
}

static const char *expand_dollar(struct expansion *to, const char *at, const char *end, bool quoted) {
  char buffer[32];
  if (at[1] == '{') {
    const char *after_brace = skip_braces(at + 2 + (at[2] == '#'), quoted && !to->here);
    bool here = to->here;
    to->here = false;
    expand_braced(to, at + 2, after_brace - 1, quoted);
    to->here = here;
    return after_brace;
  }
  if (at[1] == '(') {
    const char *stop = skip_command(at);
    if (at[2] == '(' && stop[-2] == ')') {
      struct expansion part = {.here = true};
      expand_part(&part, at + 3, stop - 2, true);
      char *text = finish(&part);
      i64 value = flow == NORMAL ? arithmetic(text) : 0;
      emit_string(to, format_text(buffer, sizeof buffer, "%lld", value), value_flags(to, quoted));
    } else {
      expand_command(to, arena_copy(&temporary, at + 2, stop - at - 3), quoted);
    }
    return stop;
  }
  size_t length = name_length(at + 1);
  if (length == 0 && at + 1 < end && (is_digit(at[1]) || strchr("?$#!-@*", at[1]) != NULL)) length = 1;
  if (length == 0) {
    emit(to, '$', quoted ? QUOTED : to->base);
    return at + 1;
  }
  if (at[1] == '@' || at[1] == '*') {
    emit_parameters(to, quoted, at[1] == '@');
    return at + 2;
  }
  const char *value = value_of(at + 1, length, buffer);
  if (value != NULL) emit_string(to, value, value_flags(to, quoted));
  else if (options.no_unset) not_set(at + 1, length, "parameter not set");
  return at + 1 + length;
}

static const char *expand_backquotes(struct expansion *to, const char *at, bool quoted) {
  const char *stop = skip_quoted(at + 1, '`');
  char *command = arena_allocate(&temporary, stop - at);
  size_t length = 0;
  for (const char *from = at + 1; from < stop - 1; from++) {
    if (*from == '\\' && (from[1] == '`' || from[1] == '$' || from[1] == '\\' || (quoted && from[1] == '"'))) from++;
    command[length++] = *from;
  }
  expand_command(to, command, quoted);
  return stop;
}

static const char *expand_tilde(struct expansion *to, const char *at, const char *end) {
  const char *stop = at + 1;
  while (stop < end && *stop != '/' && !(to->assignment && *stop == ':')) {
    if (strchr("'\"\\$`", *stop) != NULL) return at;
    stop++;
  }
  const char *home = stop == at + 1 ? get_variable("HOME") : equal(arena_copy(&temporary, at + 1, stop - at - 1), "root") ? "/root" : NULL;
  if (home == NULL) return at;
  emit_string(to, home, QUOTED);
  return stop;
}

static const char *expand_double(struct expansion *to, const char *at) {
  const char *stop = skip_quoted(at + 1, '"');
  size_t before = to->chars.length;
  to->no_parameters = false;
  expand_part(to, at + 1, stop - 1, true);
  if (to->chars.length == before && !to->no_parameters) emit(to, 0, PRESENT | QUOTED);
  return stop;
}

static void expand_part(struct expansion *to, const char *at, const char *end, bool quoted) {
  const char *start = at;
  while (at < end && flow == NORMAL) {
    if (*at == '\\' && at + 1 < end) {
      if (quoted && strchr(to->here ? "$`\\\n" : "$`\"\\\n}", at[1]) == NULL) emit(to, '\\', QUOTED);
      if (at[1] != '\n') emit(to, at[1], QUOTED);
      at += 2;
    } else if (*at == '\'' && !quoted) {
      const char *stop = skip_quoted(at + 1, '\'');
      if (stop == at + 2) emit(to, 0, PRESENT | QUOTED);
      for (at++; at < stop - 1; at++) emit(to, *at, QUOTED);
      at = stop;
    } else if (*at == '"' && !to->here) {
      if (quoted) at++;
      else at = expand_double(to, at);
    } else if (*at == '$') {
      at = expand_dollar(to, at, end, quoted);
    } else if (*at == '`') {
      at = expand_backquotes(to, at, quoted);
    } else {
      if (*at == '~' && !quoted && (at == start || (to->assignment && at[-1] == ':'))) {
        const char *behind = expand_tilde(to, at, end);
        if (behind != at) {
          at = behind;
          continue;
        }
      }
      emit(to, *at++, quoted ? QUOTED : to->base);
    }
  }
}

static char *expand_plain(const char *text, struct expansion part, bool quoted) {
  expand_part(&part, text, text + strlen(text), quoted);
  return finish(&part);
}

char *expand_string(const char *word) { return expand_plain(word, (struct expansion){0}, false); }
char *expand_assignment(const char *word) { return expand_plain(word, (struct expansion){.assignment = true}, false); }
char *expand_here(const char *text) { return expand_plain(text, (struct expansion){.here = true}, true); }

char *expand_pattern(const char *word) {
  struct expansion part = {0};
  expand_part(&part, word, word + strlen(word), false);
  char *pattern = pattern_of(&part);
  release(part.chars.data);
  release(part.flags.data);
  return pattern;
}

// One field: a pattern for names of files, if it has what makes one.
static void add_field(struct list *to, struct expansion *from, size_t start, size_t end) {
  struct expansion field = {0};
  bool is_pattern = false;
  for (size_t i = start; i < end; i++) {
    emit(&field, from->chars.data[i], from->flags.data[i]);
    if (!(from->flags.data[i] & QUOTED) && strchr("*?[", from->chars.data[i]) != NULL) is_pattern = true;
  }
  if (is_pattern && !options.no_glob) {
    size_t before = to->count;
    glob(pattern_of(&field), to);
    if (to->count > before) {
      release(field.chars.data);
      release(field.flags.data);
      return;
    }
  }
  list_add(to, finish(&field));
}

// Field splitting (POSIX, "Field Splitting").
static void split(struct list *to, struct expansion *from) {
  const char *ifs = get_variable("IFS");
  if (ifs == NULL) ifs = " \t\n";
  size_t start = 0;
  bool open = false;
  for (size_t i = 0; i < from->chars.length; i++) {
    char c = from->chars.data[i];
    int flags = from->flags.data[i];
    bool ends = (flags & BOUNDARY) || (flags & SPLIT && c != 0 && strchr(ifs, c) != NULL);
    if (!ends) {
      if (!open) start = i;
      open = true;
      continue;
    }
    bool blank = (flags & BOUNDARY) || is_space(c);
    if (open || !blank) add_field(to, from, open ? start : i, i);
    open = false;
    // white space around another separator belongs to it
    if (blank && !(flags & BOUNDARY)) {
      size_t next = i;
      while (next < from->chars.length && from->flags.data[next] & SPLIT && is_space(from->chars.data[next]) &&
             strchr(ifs, from->chars.data[next]) != NULL) {
        next++;
      }
      bool separator = next < from->chars.length && from->flags.data[next] & SPLIT && from->chars.data[next] != 0 &&
                       strchr(ifs, from->chars.data[next]) != NULL;
      i = separator && i > 0 && to->count > 0 ? next : next - 1;
    }
  }
  if (open) add_field(to, from, start, from->chars.length);
}

struct list *expand_words(struct word *words) {
  struct list *fields = arena_allocate(&temporary, sizeof *fields);
  for (; words != NULL && flow == NORMAL; words = words->next) {
    struct expansion part = {.fields = true};
    expand_part(&part, words->text, words->text + strlen(words->text), false);
    split(fields, &part);
    release(part.chars.data);
    release(part.flags.data);
  }
  return fields;
}
