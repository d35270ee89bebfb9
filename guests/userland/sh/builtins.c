// Commands of the shell itself (POSIX, "Special Built-In Utilities" and "Regular Built-In Utilities").
#include "sh.h"

static int colon_builtin(int argc, char **argv) {
  (void)argc, (void)argv;
  return 0;
}

static int level_of(int argc, char **argv) {
  i64 level = 1;
  if (argc > 1 && (!parse_number(argv[1], 10, &level) || level < 1)) {
    warn("%s: %s: bad number", argv[0], argv[1]);
    return 0;
  }
  return level > loop_depth ? loop_depth : level;
}

static int break_builtin(int argc, char **argv) {
  flow_levels = level_of(argc, argv);
  if (flow_levels > 0) flow = argv[0][0] == 'b' ? BREAK : CONTINUE;
  return 0;
}

static int status_of(int argc, char **argv) {
  i64 status = last_status;
  if (argc > 1 && !parse_number(argv[1], 10, &status)) {
    warn("%s: %s: bad number", argv[0], argv[1]);
    return 2;
  }
  return status & 0xff;
}

static int return_builtin(int argc, char **argv) {
  last_status = status_of(argc, argv);
  flow = RETURN;
  return last_status;
}

static int exit_builtin(int argc, char **argv) {
  last_status = status_of(argc, argv);
  flow = EXIT;
  return last_status;
}

static int dot_builtin(int argc, char **argv) {
  if (argc < 2) {
    warn(".: a file is needed");
    return 2;
  }
  char *path = find_program(argv[1]);
  if (path == NULL && access(argv[1], R_OK) == 0) path = copy_string(argv[1]);
  if (path == NULL || access(path, R_OK) != 0) {
    warn(".: cannot open %s: No such file", argv[1]);
    shell_error(2);
    return 2;
  }
  last_status = 0;
  run_file(path);
  release(path);
  if (flow == RETURN) flow = NORMAL;
  return last_status;
}

static int eval_builtin(int argc, char **argv) {
  struct text text = {0};
  for (int i = 1; i < argc; i++) {
    if (i > 1) text_put(&text, ' ');
    text_string(&text, argv[i]);
  }
  last_status = 0;
  bool before = is_subshell;
  is_subshell = false; // what follows the text is still to be run
  if (text.data != NULL) run_text(text.data);
  is_subshell = before;
  release(text.data);
  return last_status;
}

static int exec_builtin(int argc, char **argv) {
  if (argc < 2) return 0;
  struct list words = {argv + 1, argc - 1, 0};
  for (int i = 0; options.interactive && i < SIGTTOU; i++) {
    if (i == SIGINT || i == SIGQUIT || i == SIGTERM || i >= SIGTSTP) set_signal(i, SIG_DFL, 0);
  }
  flush(&out);
  execute(&words);
}

// export and readonly
static int declare_builtin(int argc, char **argv) {
  bool export = argv[0][0] == 'e';
  if (argc == 1 || equal(argv[1], "-p")) {
    print_variables(export, !export, export ? "export " : "readonly ");
    return 0;
  }
  for (int i = 1; i < argc; i++) {
    size_t length = name_length(argv[i]);
    if (length == 0 || (argv[i][length] != 0 && argv[i][length] != '=')) {
      warn("%s: %s: bad variable name", argv[0], argv[i]);
      shell_error(2);
      return 2;
    }
    if (argv[i][length] == '=' && !assign(argv[i], false)) return 2;
    struct variable *variable = declare_variable(arena_copy(&temporary, argv[i], length));
    if (export) variable->exported = true;
    else variable->read_only = true;
  }
  return 0;
}

static int unset_builtin(int argc, char **argv) {
  bool function = false;
  struct options given = OPTIONS("fv");
  for (int c; (c = next_option(&given)) != 0;) function = c == 'f';
  for (int i = given.at; i < argc; i++) {
    if (function) unset_function(argv[i]);
    else if (!unset_variable(argv[i])) return 1;
  }
  return 0;
}

static int local_builtin(int argc, char **argv) {
  if (function_depth == 0) {
    warn("local: not in a function");
    return 1;
  }
  for (int i = 1; i < argc; i++) {
    size_t length = name_length(argv[i]);
    char *name = copy_part(argv[i], length);
    struct variable *variable = declare_variable(name);
    struct local *local = allocate(sizeof *local);
    *local = (struct local){locals, name, variable->value == NULL ? NULL : copy_string(variable->value), variable->exported};
    locals = local;
    if (argv[i][length] == '=') set_variable(name, argv[i] + length + 1);
  }
  return 0;
}

static int shift_builtin(int argc, char **argv) {
  i64 count = 1;
  if (argc > 1) parse_number(argv[1], 10, &count);
  if (count < 0 || count > positional.count) {
    warn("shift: can't shift that many");
    return 1;
  }
  positional.items += count;
  positional.count -= count;
  return 0;
}

static const struct { char letter; const char *name; bool *value; } switches[] = {
  {'a', "allexport", &options.all_export}, {'e', "errexit", &options.exit_on_error}, {'f', "noglob", &options.no_glob},
  {'n', "noexec", &options.no_exec}, {'m', "monitor", &options.job_control}, {'u', "nounset", &options.no_unset},
  {'v', "verbose", &options.verbose}, {'x', "xtrace", &options.trace}, {'C', "noclobber", &options.no_clobber},
  {'i', "interactive", &options.interactive},
};

char *option_letters(void) {
  static char letters[COUNT(switches) + 1];
  size_t length = 0;
  for (u32 i = 0; i < COUNT(switches); i++) {
    if (*switches[i].value) letters[length++] = switches[i].letter;
  }
  letters[length] = 0;
  return letters;
}

static bool set_switch(char letter, const char *name, bool value) {
  for (u32 i = 0; i < COUNT(switches); i++) {
    if (name != NULL ? !equal(name, switches[i].name) : letter != switches[i].letter) continue;
    bool before = *switches[i].value;
    *switches[i].value = value;
    if (switches[i].letter == 'm' && value && !before) start_job_control();
    return true;
  }
  return false;
}

int set_options(int argc, char **argv, int at, bool *any) {
  for (; at < argc && (argv[at][0] == '-' || argv[at][0] == '+') && argv[at][1] != 0; at++) {
    bool value = argv[at][0] == '-';
    if (equal(argv[at], "--")) {
      *any = true;
      return at + 1;
    }
    for (const char *letter = argv[at] + 1; *letter != 0; letter++) {
      if (*letter == 'c' || *letter == 's') return at;
      if (*letter == 'o' && at + 1 < argc) {
        if (!set_switch(0, argv[++at], value)) die(2, "set: %s: bad option", argv[at]);
        break;
      }
      if (!set_switch(*letter, NULL, value)) die(2, "set: bad option -%c", *letter);
    }
  }
  return at;
}

static int set_builtin(int argc, char **argv) {
  bool any = false;
  if (argc == 1) print_variables(false, false, "");
  if (argc == 2 && equal(argv[1], "-o")) {
    for (u32 i = 0; i < COUNT(switches); i++) print("%-15s %s\n", switches[i].name, *switches[i].value ? "on" : "off");
    return 0;
  }
  int at = set_options(argc, argv, 1, &any);
  if (at == argc && !any) return 0;
  struct list copy = {0};
  for (int i = at; i < argc; i++) list_add(&copy, copy_string(argv[i]));
  positional = (struct parameters){copy.items, copy.count};
  return 0;
}

static int cd_builtin(int argc, char **argv) {
  char before[4096], now[4096];
  const char *target = argc > 1 ? argv[1] : get_variable("HOME");
  bool show = false;
  if (target == NULL) {
    warn("cd: HOME not set");
    return 2;
  }
  if (equal(target, "-")) {
    target = get_variable("OLDPWD");
    show = true;
    if (target == NULL) {
      warn("cd: OLDPWD not set");
      return 2;
    }
  }
  const char *known = get_variable("PWD");
  if (known == NULL) known = get_directory(before, sizeof before) < 0 ? "" : before;
  long error = chdir(target);
  if (error < 0) {
    warn("cd: can't cd to %s: %s", target, error_text(error));
    return 2;
  }
  set_variable("OLDPWD", known);
  if (get_directory(now, sizeof now) > 0) set_variable("PWD", now);
  if (show) print("%s\n", now);
  return 0;
}

static int pwd_builtin(int argc, char **argv) { return pwd_main(argc, argv); }

static int umask_builtin(int argc, char **argv) {
  int mask = umask(0), made;
  umask(mask);
  if (argc == 1) {
    print("%04o\n", mask);
    return 0;
  }
  made = is_digit(argv[1][0]) ? parse_mode(argv[1], 0, false, 0) : parse_mode(argv[1], ~mask & 0777, true, 0);
  if (made < 0) {
    warn("umask: %s: bad mask", argv[1]);
    return 2;
  }
  umask(is_digit(argv[1][0]) ? made : ~made & 0777);
  return 0;
}

// One line of standard input, byte by byte: the rest is for other programs.
static bool read_input(struct text *line, struct text *escaped, bool raw, bool *interrupt) {
  for (;;) {
    char c;
    long got = read(0, &c, 1);
    if (got == -EINTR && trap_pending()) *interrupt = true;
    if (got == -EINTR && !*interrupt) continue;
    if (got <= 0) return false;
    bool quoted = !raw && c == '\\';
    if (quoted && read(0, &c, 1) <= 0) return false;
    if (quoted && c == '\n') continue;
    if (!quoted && c == '\n') return true;
    text_put(line, c);
    text_put(escaped, quoted);
  }
}

static int read_builtin(int argc, char **argv) {
  bool raw = false, interrupt = false;
  struct options given = OPTIONS("rp:");
  for (int c; (c = next_option(&given)) != 0;) {
    if (c == 'r') raw = true;
    else write_all(2, given.value, strlen(given.value));
  }
  struct text line = {0}, escaped = {0};
  text_add(&line, "", 0);
  bool whole = read_input(&line, &escaped, raw, &interrupt);
  const char *ifs = get_variable("IFS");
  if (ifs == NULL) ifs = " \t\n";
#define SEPARATES(i) (!escaped.data[i] && strchr(ifs, line.data[i]) != NULL)
#define BLANK(i) (SEPARATES(i) && is_space(line.data[i]))
  size_t at = 0;
  for (int i = given.at; i < argc; i++) {
    while (at < line.length && BLANK(at)) at++;
    size_t start = at, end;
    if (i + 1 < argc) {
      while (at < line.length && !SEPARATES(at)) at++;
      end = at;
      while (at < line.length && BLANK(at)) at++;
      if (at < line.length && SEPARATES(at)) at++;
    } else {
      end = at = line.length;
      while (end > start && BLANK(end - 1)) end--;
      // one field with its separator is that field
      size_t first = start;
      while (first < end && !SEPARATES(first)) first++;
      if (first + 1 == end) end = first;
    }
    if (!set_variable(argv[i], arena_copy(&temporary, line.data + start, end - start))) return 2;
  }
#undef SEPARATES
#undef BLANK
  release(line.data);
  release(escaped.data);
  return whole ? 0 : 1;
}

static int command_builtin(int argc, char **argv);

static int describe_command(const char *name, bool sentence) {
  char *path;
  if (find_builtin(name) != NULL) print(sentence ? "%s is a shell builtin\n" : "%s\n", name);
  else if (find_function(name) != NULL) print(sentence ? "%s is a function\n" : "%s\n", name);
  else if ((path = find_program(name)) != NULL && access(path, X_OK) == 0) {
    if (sentence) print("%s is %s\n", name, path);
    else print("%s\n", path);
  } else {
    if (sentence) print("%s: not found\n", name);
    return 127;
  }
  return 0;
}

static int type_builtin(int argc, char **argv) {
  int status = 0;
  for (int i = 1; i < argc; i++) status |= describe_command(argv[i], true);
  return status;
}

// Runs without looking at functions, or tells what would be run.
static int command_builtin(int argc, char **argv) {
  int mode = 0, status = 0;
  struct options given = OPTIONS("vVp");
  for (int c; (c = next_option(&given)) != 0;) mode = c == 'p' ? mode : c;
  if (given.at == argc) return 0;
  if (mode != 0) {
    for (int i = given.at; i < argc; i++) status |= describe_command(argv[i], mode == 'V');
    return status;
  }
  struct list words = {argv + given.at, argc - given.at, 0};
  const struct builtin *builtin = find_builtin(words.items[0]);
  if (builtin != NULL) return run_builtin(builtin, &words);
  struct job *job = make_job(1, words.items[0]);
  int pid = fork_process(job, true);
  if (pid == 0) execute(&words);
  return pid < 0 ? 2 : wait_job(job);
}

static int getopts_builtin(int argc, char **argv) {
  static int within = 1;
  if (argc < 3) {
    warn("usage: getopts LETTERS NAME [ARGUMENT...]");
    return 2;
  }
  struct parameters words = argc > 3 ? (struct parameters){argv + 3, argc - 3} : positional;
  const char *letters = argv[1], *known = get_variable("OPTIND");
  bool quiet = *letters == ':';
  i64 index = 1;
  char buffer[16], letter[2] = "?", wrong[2] = {0};
  if (known != NULL) parse_number(known, 10, &index);
  if (index < 1) index = 1;
  const char *word = index <= words.count ? words.items[index - 1] : "";
  if (within == 1 && (word[0] != '-' || word[1] == 0 || equal(word, "--"))) {
    set_variable("OPTIND", format_text(buffer, sizeof buffer, "%lld", equal(word, "--") ? index + 1 : index));
    set_variable(argv[2], "?");
    return 1;
  }
  char c = word[within++];
  const char *allowed = c == ':' ? NULL : strchr(letters, c), *value = NULL;
  if (allowed != NULL && allowed[1] == ':') {
    if (word[within] != 0) value = word + within;
    else if (index < words.count) value = words.items[index++];
    index++;
    within = 1;
  } else if (word[within] == 0) {
    index++;
    within = 1;
  }
  if (allowed == NULL || (allowed[1] == ':' && value == NULL)) {
    wrong[0] = c;
    if (quiet) value = wrong;
    else warn(allowed == NULL ? "Illegal option -%c" : "No arg for -%c option", c);
    if (quiet && allowed != NULL) letter[0] = ':';
  } else letter[0] = c;
  if (value != NULL) set_variable("OPTARG", value);
  else unset_variable("OPTARG");
  set_variable("OPTIND", format_text(buffer, sizeof buffer, "%lld", index));
  set_variable(argv[2], letter);
  return 0;
}

static int times_builtin(int argc, char **argv) {
  (void)argc, (void)argv;
  long ticks[4];
  CALL1(times, ticks);
  for (int i = 0; i < 4; i++) {
    print("%ldm%ld.%02lds%c", ticks[i] / 6000, ticks[i] / 100 % 60, ticks[i] % 100, i % 2 == 0 ? ' ' : '\n');
  }
  return 0;
}

// Sorted by use: special ones first.
static const struct builtin builtins[] = {
  {":", colon_builtin, true}, {".", dot_builtin, true}, {"break", break_builtin, true}, {"continue", break_builtin, true},
  {"eval", eval_builtin, true}, {"exec", exec_builtin, true}, {"exit", exit_builtin, true},
  {"export", declare_builtin, true}, {"readonly", declare_builtin, true}, {"return", return_builtin, true},
  {"set", set_builtin, true}, {"shift", shift_builtin, true}, {"times", times_builtin, true},
  {"trap", trap_builtin, true}, {"unset", unset_builtin, true},
  {"bg", bg_builtin, false}, {"cd", cd_builtin, false}, {"command", command_builtin, false}, {"fg", fg_builtin, false},
  {"getopts", getopts_builtin, false}, {"jobs", jobs_builtin, false}, {"kill", kill_builtin, false},
  {"local", local_builtin, true}, {"pwd", pwd_builtin, false}, {"read", read_builtin, false},
  {"type", type_builtin, false}, {"ulimit", ulimit_builtin, false}, {"umask", umask_builtin, false}, {"wait", wait_builtin, false},
  {"[", test_main, false}, {"echo", echo_main, false}, {"false", false_main, false}, {"printf", printf_main, false},
  {"test", test_main, false}, {"true", true_main, false},
};

const struct builtin *find_builtin(const char *name) {
  for (u32 i = 0; i < COUNT(builtins); i++) {
    if (equal(builtins[i].name, name)) return &builtins[i];
  }
  return NULL;
}

// A utility that leaves comes back here.
static void *come_back[5];
static int left_with;
static void leave_builtin(int status) {
  left_with = status;
  __builtin_longjmp(come_back, 1);
}

int run_builtin(const struct builtin *builtin, struct list *words) {
  static int status;
  void *before[5];
  void (*leave_before)(int) = leave_hook;
  memcpy(before, come_back, sizeof before);
  leave_hook = leave_builtin;
  if (__builtin_setjmp(come_back) == 0) status = builtin->main(words->count, words->items);
  else status = left_with;
  memcpy(come_back, before, sizeof before);
  leave_hook = leave_before;
  int result = status;
  flush(&out);
  if (out.error != 0) {
    fail(out.error, "%s: write error", words->items[0]);
    out.error = 0;
    if (result == 0) result = 1;
  }
  return result;
}
