// Runs the script of sed for each line of its files.
#include "sed.h"

static bool quiet, in_place;
static struct regex *last_regex;

static struct text pattern, hold, appended;
static u64 line_number;

// input

static char **files;
static struct reader *reader;
static struct text ahead;
static bool has_ahead, no_newline;
static int status;

// The next line of all files into `ahead`.
static void look_ahead(void) {
  while (!has_ahead) {
    if (reader == NULL) {
      if (*files == NULL) return;
      const char *path = *files++;
      int fd = equal(path, "-") ? 0 : (int)open(path, O_RDONLY | O_CLOEXEC, 0);
      if (fd < 0) {
        warn("can't read %s: %s", path, error_text(fd));
        status = 2;
        continue;
      }
      reader = reader_open(fd);
    }
    has_ahead = read_line(reader, &ahead);
    if (has_ahead) return;
    if (reader->error != 0) {
      fail(reader->error, "couldn't read");
      status = 2;
    }
    close_input(reader->fd);
    release(reader);
    reader = NULL;
    if (in_place) return;
  }
}

// The next line, without its newline, behind what is in `into`.
static bool next_line(struct text *into) {
  look_ahead();
  if (!has_ahead) return false;
  no_newline = ahead.data[ahead.length - 1] != '\n';
  text_add(into, ahead.data, ahead.length - !no_newline);
  has_ahead = false;
  line_number++;
  return true;
}

static bool is_last(void) {
  look_ahead();
  return !has_ahead;
}

// running

static bool search(struct regex *regex, const char *from, struct matched groups[REGEX_GROUPS]) {
  if (regex == NULL) regex = last_regex;
  if (regex == NULL) bad_script("no previous regular expression");
  last_regex = regex;
  return regex_search(regex, pattern.data, from, pattern.data + pattern.length, true, groups);
}

static bool is_at(struct address *address) {
  struct matched groups[REGEX_GROUPS];
  switch (address->kind) {
    case LINE: return line_number == address->line;
    case LAST: return is_last();
    case STEP: return address->step == 0 ? line_number == address->line : line_number >= address->line && (line_number - address->line) % address->step == 0;
    case PATTERN: return search(address->regex, pattern.data, groups);
    default: return true;
  }
}

static bool selected(struct command *command) {
  if (command->to.kind == NONE) return is_at(&command->from);
  if (!command->in_range) {
    if (command->from.kind == LINE && command->from.line == 0 && line_number == 1) command->in_range = true;
    else if (!is_at(&command->from)) return false;
    else {
      command->range_end = command->to.kind == OFFSET ? line_number + command->to.line : command->to.line;
      bool ends_here = (command->to.kind == LINE || command->to.kind == OFFSET) ? command->range_end <= line_number : command->to.kind == LAST && is_last();
      command->in_range = !ends_here;
      return true;
    }
  }
  if (command->to.kind == LINE || command->to.kind == OFFSET) {
    // a range whose end is passed already has ended
    if (line_number >= command->range_end) command->in_range = false;
    return line_number <= command->range_end;
  }
  if (is_at(&command->to)) command->in_range = false;
  return true;
}

static void add_replacement(struct text *to, const char *text, struct matched groups[REGEX_GROUPS]) {
  for (; *text != 0; text++) {
    int group = *text == '&' ? 0 : -1;
    if (*text == '\\' && text[1] != 0) {
      text++;
      if (is_digit(*text)) group = *text - '0';
      else {
        text_put(to, *text == 'n' ? '\n' : *text == 't' ? '\t' : *text);
        continue;
      }
    }
    if (group < 0) text_put(to, *text);
    else if (groups[group].end != NULL) text_add(to, groups[group].start, groups[group].end - groups[group].start);
  }
}

static bool substitute(struct command *command) {
  struct matched groups[REGEX_GROUPS];
  struct text result = {0};
  const char *from = pattern.data, *end = pattern.data + pattern.length, *copied = from;
  bool done = false;
  u64 found = 0;
  text_add(&result, "", 0);
  while (from <= end && search(command->regex, from, groups)) {
    bool empty = groups[0].start == groups[0].end, after_match = empty && found > 0 && groups[0].start == copied && copied != pattern.data;
    if (!after_match && ++found >= (command->which == 0 ? 1 : command->which)) {
      text_add(&result, copied, groups[0].start - copied);
      add_replacement(&result, command->text, groups);
      copied = groups[0].end;
      done = true;
      if (!command->global) break;
    }
    from = empty ? groups[0].end + 1 : groups[0].end;
  }
  if (!done) {
    release(result.data);
    return false;
  }
  text_add(&result, copied, end - copied);
  release(pattern.data);
  pattern = result;
  return true;
}

static void put_line(struct stream *to, const char *text, size_t length) {
  put_bytes(to, text, length);
  if (!(no_newline && is_last() && to == &out)) put_char(to, '\n');
}

// l: the line with everything visible.
static void list_line(void) {
  static const char plain[] = "\a\b\f\n\r\t\v\\", letters[] = "abfnrtv\\";
  int column = 0;
  for (size_t i = 0; i < pattern.length; i++) {
    u8 c = pattern.data[i];
    char shown[8];
    const char *escape = c == 0 ? NULL : strchr(plain, c);
    if (escape != NULL) format_text(shown, sizeof shown, "\\%c", letters[escape - plain]);
    else format_text(shown, sizeof shown, c < 32 || c > 126 ? "\\%03o" : "%c", c);
    if (column + (int)strlen(shown) > 69) {
      print("\\\n");
      column = 0;
    }
    print("%s", shown);
    column += strlen(shown);
  }
  print("$\n");
}

static void translate(struct command *command) {
  for (size_t i = 0; i < pattern.length; i++) {
    const char *found = pattern.data[i] == 0 ? NULL : strchr(command->text, pattern.data[i]);
    if (found != NULL) pattern.data[i] = command->other[found - command->text];
  }
}

static void set_text(struct text *to, const struct text *from) {
  to->length = 0;
  text_add(to, from->length == 0 ? "" : from->data, from->length);
}

static void put_appended(void) {
  if (appended.length > 0) put_bytes(&out, appended.data, appended.length);
  appended.length = 0;
}

static void end_cycle(void) {
  if (!quiet) put_line(&out, pattern.data, pattern.length);
  put_appended();
}

enum outcome { GO_ON, NEXT_CYCLE, AGAIN, QUIT, QUIT_SILENTLY };
static bool substituted;

// One command for the line; `next` is the command to go on at.
static enum outcome perform(struct command *command, int *next) {
  char *newline;
  size_t length;
  switch (command->name) {
    case 'a': text_string(&appended, command->text); break;
    case 'i': put_bytes(&out, command->text, strlen(command->text)); break;
    case 'c':
      if (command->to.kind == NONE || !command->in_range || command->negated) put_bytes(&out, command->text, strlen(command->text));
      return NEXT_CYCLE;
    case 'b': *next = command->target; break;
    case 't':
      if (substituted) *next = command->target;
      substituted = false;
      break;
    case 'T':
      if (!substituted) *next = command->target;
      substituted = false;
      break;
    case 'd': return NEXT_CYCLE;
    case 'D':
      newline = strchr(pattern.data, '\n');
      if (newline == NULL) return NEXT_CYCLE;
      pattern.length -= newline + 1 - pattern.data;
      memmove(pattern.data, newline + 1, pattern.length + 1);
      return AGAIN;
    case 'g': set_text(&pattern, &hold); break;
    case 'G':
      text_put(&pattern, '\n');
      if (hold.length > 0) text_add(&pattern, hold.data, hold.length);
      break;
    case 'h': set_text(&hold, &pattern); break;
    case 'H':
      text_put(&hold, '\n');
      text_add(&hold, pattern.data, pattern.length);
      break;
    case 'l': list_line(); break;
    case 'n':
      if (is_last()) return QUIT;
      end_cycle();
      pattern.length = 0;
      next_line(&pattern);
      break;
    case 'N':
      if (is_last()) return QUIT;
      text_put(&pattern, '\n');
      put_appended();
      next_line(&pattern);
      break;
    case 'p': put_line(&out, pattern.data, pattern.length); break;
    case 'P':
      newline = strchr(pattern.data, '\n');
      length = newline == NULL ? pattern.length : (size_t)(newline - pattern.data);
      put_bytes(&out, pattern.data, length);
      put_char(&out, '\n');
      break;
    case 'q': status = command->which; return QUIT;
    case 'Q': status = command->which; return QUIT_SILENTLY;
    case 'r': {
      char *text = read_file(command->text, &length);
      if (text != NULL) text_add(&appended, text, length);
      break;
    }
    case 's':
      if (!substitute(command)) break;
      substituted = true;
      if (command->show) put_line(&out, pattern.data, pattern.length);
      if (command->file != NULL) put_line(command->file, pattern.data, pattern.length);
      break;
    case 'w': put_line(command->file, pattern.data, pattern.length); break;
    case 'x': {
      struct text swap = pattern;
      pattern = hold;
      hold = swap;
      if (pattern.data == NULL) text_add(&pattern, "", 0);
      break;
    }
    case 'y': translate(command); break;
    case '=': print("%llu\n", line_number); break;
  }
  return GO_ON;
}

static enum outcome run_script(void) {
  for (int i = 0; i < command_count;) {
    struct command *command = &commands[i++];
    if (selected(command) == command->negated) {
      if (command->name == '{') i = command->target + 1;
      continue;
    }
    enum outcome outcome = perform(command, &i);
    if (outcome != GO_ON) return outcome;
  }
  return GO_ON;
}

// All lines of the files; false when the script ended it.
static bool run_lines(void) {
  enum outcome outcome = GO_ON;
  for (;;) {
    if (outcome != AGAIN) {
      pattern.length = 0;
      text_add(&pattern, "", 0);
      if (!next_line(&pattern)) return true;
      substituted = false;
    }
    outcome = run_script();
    if (outcome == GO_ON || outcome == QUIT) end_cycle();
    if (outcome == NEXT_CYCLE || outcome == AGAIN) put_appended();
    if (outcome == QUIT || outcome == QUIT_SILENTLY) return false;
  }
}

// -i: each file is replaced by what is printed for it.
static void edit_in_place(char **paths) {
  for (bool goes_on = true; *paths != NULL && goes_on; paths++) {
    char *one[] = {*paths, NULL}, *made = join_path(*paths, "");
    struct stat before;
    made[strlen(made) - 1] = 0;
    struct text temporary = {0};
    text_string(&temporary, made);
    text_string(&temporary, ".sed-new");
    if (stat(*paths, &before) < 0) {
      warn("can't read %s: %s", *paths, error_text(-ENOENT));
      status = 4;
      continue;
    }
    out.fd = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, before.mode & 0777);
    if (out.fd < 0) die(4, "couldn't open temporary file %s", temporary.data);
    files = one;
    line_number = 0;
    goes_on = run_lines();
    flush(&out);
    close(out.fd);
    out.fd = 1;
    long error = rename(temporary.data, *paths);
    if (error < 0) die(4, "cannot rename %s: %s", temporary.data, error_text(error));
  }
}

int sed_main(int argc, char **argv) {
  static char *input[] = {"-", NULL};
  struct text script = {0};
  struct options options = OPTIONS("nrEe:f:is");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'n') quiet = true;
    if (c == 'r' || c == 'E') extended = true;
    if (c == 'i') in_place = true;
    if (c != 'e' && c != 'f') continue;
    char *text = c == 'e' ? options.value : read_file(options.value, NULL);
    if (text == NULL) die(1, "couldn't open file %s", options.value);
    text_string(&script, text);
    text_put(&script, '\n');
  }
  int first = options.at;
  if (script.data == NULL) {
    if (first == argc) usage();
    text_string(&script, argv[first++]);
  }
  if (script.data[0] == '#' && script.data[1] == 'n' && script.data[2] == '\n') quiet = true;
  parse_script(script.data);
  files = first == argc ? input : argv + first;
  if (in_place) edit_in_place(files);
  else run_lines();
  return status;
}
