// Reads the script of sed: addresses, commands and their arguments.
#include "sed.h"

struct command *commands;
int command_count;
bool extended;

static const char *at;

_Noreturn void bad_script(const char *why) { die(1, "-e expression: %s", why); }

static void blanks(void) {
  while (*at == ' ' || *at == '\t') at++;
}

// Text up to an unquoted separator. In it `\n` and `\separator` stand for themselves.
static char *take_delimited(char separator, bool is_regex) {
  struct text text = {0};
  text_add(&text, "", 0);
  for (bool in_set = false; in_set || *at != separator; at++) {
    if (*at == 0 || (*at == '\n' && is_regex)) bad_script("unterminated address or s command");
    if (*at == '\\' && at[1] == separator && !in_set) {
      at++;
      // what is special may be the separator itself: then it is an ordinary character
    } else if (*at == '\\' && at[1] != 0 && !in_set) {
      text_put(&text, *at++);
    } else if (is_regex && *at == '[' && !in_set) {
      in_set = true;
      if (at[1] == '^') text_put(&text, *at++);
      if (at[1] == ']') text_put(&text, *at++);
    } else if (*at == ']') {
      in_set = false;
    }
    text_put(&text, *at);
  }
  at++;
  return text.data;
}

static struct regex *compile(const char *text, bool ignore_case) {
  const char *error;
  if (*text == 0) return NULL;
  struct regex *regex = regex_compile(text, (extended ? REGEX_EXTENDED : 0) | (ignore_case ? REGEX_IGNORE_CASE : 0), &error);
  if (regex == NULL) bad_script(error);
  return regex;
}

static u64 take_number(void) {
  u64 value = 0;
  for (; is_digit(*at); at++) value = value * 10 + *at - '0';
  return value;
}

static struct address take_address(bool second) {
  struct address address = {0};
  if (is_digit(*at) || (second && *at == '+')) {
    address.kind = *at == '+' ? OFFSET : LINE;
    if (*at == '+') at++;
    address.line = take_number();
    if (*at == '~' && !second) {
      at++;
      address.kind = STEP;
      address.step = take_number();
    }
  } else if (*at == '$') {
    at++;
    address.kind = LAST;
  } else if (*at == '/' || *at == '\\') {
    if (*at == '\\') at++;
    char separator = *at++;
    char *text = take_delimited(separator, true);
    bool ignore_case = *at == 'I';
    if (ignore_case) at++;
    address.kind = PATTERN;
    address.regex = compile(text, ignore_case);
  }
  return address;
}

// Text of a, i and c: up to a line without a backslash at its end.
static char *take_text(void) {
  struct text text = {0};
  blanks();
  if (*at == '\\') {
    at++;
    blanks();
    if (*at == '\n') at++;
  }
  text_add(&text, "", 0);
  for (; *at != 0 && *at != '\n'; at++) {
    if (*at == '\\' && at[1] != 0) at++;
    text_put(&text, *at);
  }
  text_put(&text, '\n');
  return text.data;
}

// A word up to the end of the line; labels end at a semicolon too.
static char *take_word(bool label) {
  blanks();
  const char *start = at;
  while (*at != 0 && *at != '\n' && !(label && (*at == ';' || *at == '}' || is_space(*at)))) at++;
  return copy_part(start, at - start);
}

static struct stream *open_output(const char *path) {
  static struct { char *path; struct stream *stream; } known[16];
  u32 i = 0;
  if (equal(path, "/dev/stdout")) return &out;
  for (; i < COUNT(known) && known[i].path != NULL; i++) {
    if (equal(known[i].path, path)) return known[i].stream;
  }
  if (i == COUNT(known)) die(4, "too many files to write");
  struct stream *stream = allocate(sizeof *stream);
  memset(stream, 0, sizeof *stream);
  stream->line_buffered = true;
  stream->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (stream->fd < 0) die(4, "couldn't open file %s: %s", path, error_text(stream->fd));
  known[i].path = copy_string(path);
  known[i].stream = stream;
  return stream;
}

static void take_substitution(struct command *command) {
  char separator = *at++;
  bool ignore_case = false;
  char *text = take_delimited(separator, true);
  command->text = take_delimited(separator, false);
  for (;; at++) {
    if (*at == 'g') command->global = true;
    else if (*at == 'p') command->show = true;
    else if (*at == 'i' || *at == 'I') ignore_case = true;
    else if (is_digit(*at)) command->which = take_number(), at--;
    else break;
  }
  if (*at == 'w') {
    at++;
    command->file = open_output(take_word(false));
  }
  command->regex = compile(text, ignore_case);
}

static char *unescape(char *text) {
  char *to = text;
  for (char *from = text; *from != 0; from++) {
    if (*from == '\\' && from[1] != 0) {
      from++;
      *to++ = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
    } else *to++ = *from;
  }
  *to = 0;
  return text;
}

static void take_argument(struct command *command) {
  switch (command->name) {
    case 's': take_substitution(command); break;
    case 'y': {
      char separator = *at++;
      command->text = unescape(take_delimited(separator, false));
      command->other = unescape(take_delimited(separator, false));
      if (strlen(command->text) != strlen(command->other)) bad_script("strings for `y' command are different lengths");
      break;
    }
    case 'a': case 'i': case 'c': command->text = take_text(); break;
    case ':': case 'b': case 't': case 'T': command->text = take_word(true); break;
    case 'r': command->text = take_word(false); break;
    case 'w': command->file = open_output(take_word(false)); break;
    case 'q': case 'Q':
      blanks();
      command->which = take_number();
      break;
    case '{': case '}': case '=': case 'd': case 'D': case 'g': case 'G': case 'h': case 'H': case 'l': case 'n': case 'N':
    case 'p': case 'P': case 'x': break;
    default: bad_script(command->name == 0 ? "missing command" : "unknown command");
  }
}

static void parse(const char *script) {
  int open[32], depth = 0;
  at = script;
  for (;;) {
    while (is_space(*at) || *at == ';') at++;
    if (*at == '#') while (*at != 0 && *at != '\n') at++;
    if (*at == 0) break;
    if (*at == '\n') continue;
    commands = reallocate(commands, (command_count + 1) * sizeof *commands);
    struct command *command = &commands[command_count];
    memset(command, 0, sizeof *command);
    command->from = take_address(false);
    blanks();
    if (command->from.kind != NONE && *at == ',') {
      at++;
      blanks();
      command->to = take_address(true);
      if (command->to.kind == NONE) bad_script("unexpected `,'");
      blanks();
    }
    for (; *at == '!'; at++) command->negated = true;
    blanks();
    command->name = *at;
    if (*at != 0) at++;
    take_argument(command);
    if (command->name == '{') {
      if (depth == COUNT(open)) bad_script("too many {");
      open[depth++] = command_count;
    }
    if (command->name == '}') {
      if (depth == 0) bad_script("unexpected `}'");
      commands[open[--depth]].target = command_count;
    }
    command_count++;
    blanks();
    if (*at == '#' || *at == '}' || command->name == '{' || command->name == '}') continue;
    if (*at != 0 && *at != ';' && *at != '\n') bad_script("extra characters after command");
  }
  if (depth > 0) bad_script("unmatched `{'");
}

static void find_labels(void) {
  for (int i = 0; i < command_count; i++) {
    if (strchr("btT", commands[i].name) == NULL) continue;
    commands[i].target = command_count;
    for (int j = 0; j < command_count && *commands[i].text != 0; j++) {
      if (commands[j].name == ':' && equal(commands[j].text, commands[i].text)) commands[i].target = j;
      else if (j + 1 == command_count && commands[i].target == command_count) die(1, "can't find label for jump to `%s'", commands[i].text);
    }
  }
}

void parse_script(const char *script) {
  parse(script);
  find_labels();
}
