// Runs the tree that parse.c makes (POSIX, "Shell Commands").
#include "sh.h"

enum flow flow;
int flow_levels, last_status, loop_depth, function_depth, shell_pid, last_background, substitution_status;
// Where `set -e` does not end the shell.
bool in_condition;
static struct function *functions;
struct local *locals;

void shell_error(int status) {
  last_status = status;
  flow = options.interactive && !is_subshell ? ABORT : EXIT;
}

struct function *find_function(const char *name) {
  struct function *function = functions;
  while (function != NULL && !equal(function->name, name)) function = function->next;
  return function;
}

void unset_function(const char *name) {
  for (struct function **at = &functions; *at != NULL; at = &(*at)->next) {
    if (equal((*at)->name, name)) {
      *at = (*at)->next;
      return;
    }
  }
}

static int define_function(struct node *node) {
  unset_function(node->name);
  struct function *made = allocate(sizeof *made + strlen(node->name) + 1);
  made->next = functions;
  made->body = node->left;
  memcpy(made->name, node->name, strlen(node->name) + 1);
  functions = made;
  return 0;
}

char *find_program(const char *name) {
  struct stat status;
  if (strchr(name, '/') != NULL) return copy_string(name);
  const char *path = get_variable("PATH");
  char *found = NULL;
  for (const char *at = path == NULL ? "/bin:/usr/bin" : path;;) {
    size_t length = 0;
    while (at[length] != 0 && at[length] != ':') length++;
    char *directory = copy_part(at, length), *candidate = join_path(directory, name);
    release(directory);
    if (stat(candidate, &status) == 0 && (status.mode & S_IFMT) == S_IFREG) {
      if (access(candidate, X_OK) == 0) return candidate;
      if (found == NULL) found = candidate;
    }
    if (at[length] == 0) return found;
    at += length + 1;
  }
}

// A file that is no program for the kernel is a script (POSIX, "Command Search and Execution").
static _Noreturn void run_as_script(const char *path, struct list *words) {
  options = (struct shell_options){0};
  functions = NULL;
  shell_name = words->items[0];
  positional = (struct parameters){words->items + 1, words->count - 1};
  flow = NORMAL;
  int status = run_file(path);
  flush(&out);
  exit_now(status);
}

_Noreturn void execute(struct list *words) {
  const char *name = words->items[0];
  char *path = find_program(name);
  if (path == NULL) {
    warn("%s: not found", name);
    exit_now(127);
  }
  long error = execve(path, words->items, make_environment());
  if (error == -ENOEXEC) run_as_script(path, words);
  if (error == -ENOENT) warn("%s: not found", name);
  else fail(is_directory(path) ? -EACCES : error, "%s", name);
  exit_now(error == -ENOENT ? 127 : 126);
}

static void forget_locals(struct local *until) {
  while (locals != until) {
    struct local *local = locals;
    locals = local->next;
    set_variable(local->name, local->value);
    find_variable(local->name)->exported = local->exported;
  }
}

static int call_function(struct function *function, struct list *words) {
  struct parameters before = positional;
  struct local *locals_before = locals;
  int loops = loop_depth;
  struct list copy = {0};
  for (size_t i = 1; i < words->count; i++) list_add(&copy, copy_string(words->items[i]));
  positional = (struct parameters){copy.items, copy.count};
  loop_depth = 0;
  function_depth++;
  if (function_depth > 1000) {
    warn("%s: functions call one another too deeply", function->name);
    shell_error(2);
  } else {
    run(function->body, false);
  }
  function_depth--;
  if (flow == RETURN) flow = NORMAL;
  loop_depth = loops;
  positional = before;
  forget_locals(locals_before);
  return last_status;
}

static void trace(struct node *node, struct list *words) {
  if (!options.trace) return;
  struct stream message = {.fd = 2};
  flush(&out);
  const char *mark = get_variable("PS4");
  print_to(&message, "%s", mark == NULL ? "+ " : mark);
  for (struct word *word = node->assignments; word != NULL; word = word->next) {
    size_t length = name_length(word->text);
    print_to(&message, "%.*s=%s%s", (int)length, word->text, expand_assignment(word->text + length + 1), word->next != NULL || words->count > 0 ? " " : "");
  }
  for (size_t i = 0; i < words->count; i++) print_to(&message, i > 0 ? " %s" : "%s", words->items[i]);
  put_char(&message, '\n');
  flush(&message);
}

// Carries out the assignments before a command; with `locals`, so that they can be undone.
static bool make_assignments(struct word *assignments, bool export, bool undo) {
  for (; assignments != NULL; assignments = assignments->next) {
    size_t length = name_length(assignments->text);
    char *name = arena_copy(&temporary, assignments->text, length);
    char *value = expand_assignment(assignments->text + length + 1);
    if (flow != NORMAL) return false;
    struct variable *variable = declare_variable(name);
    if (undo) {
      struct local *local = arena_allocate(&temporary, sizeof *local);
      *local = (struct local){locals, name, variable->value == NULL ? NULL : arena_copy(&temporary, variable->value, strlen(variable->value)), variable->exported};
      locals = local;
    }
    if (!set_variable(name, value)) return false;
    if (export) variable->exported = true;
  }
  return true;
}

// A command that needs no process of its own.
static int run_inside(struct node *node, struct list *words, struct function *function, const struct builtin *builtin) {
  struct saved_files saved = {.count = 0};
  bool special = builtin != NULL && builtin->special, permanent = builtin != NULL && equal(builtin->name, "exec");
  struct local *before = locals;
  if (!redirect(node->redirections, permanent ? NULL : &saved)) {
    last_status = 1;
    if (special) shell_error(1);
  } else if (make_assignments(node->assignments, !special, !special)) {
    last_status = function != NULL ? call_function(function, words) : run_builtin(builtin, words);
    if (!special) forget_locals(before);
  }
  undo_redirections(&saved);
  return last_status;
}

static _Noreturn void run_external(struct node *node, struct list *words) {
  if (!redirect(node->redirections, NULL)) exit_now(1);
  if (!make_assignments(node->assignments, true, false)) exit_now(2);
  execute(words);
}

static int run_without_words(struct node *node) {
  struct saved_files saved = {.count = 0};
  bool done = redirect(node->redirections, &saved);
  undo_redirections(&saved);
  if (!done) return 1;
  make_assignments(node->assignments, false, false);
  return flow == NORMAL ? substitution_status : last_status;
}

static int run_simple(struct node *node, bool may_exec) {
  substitution_status = 0;
  struct list *words = expand_words(node->words);
  if (flow != NORMAL) return last_status;
  trace(node, words);
  if (words->count == 0) {
    last_status = run_without_words(node);
  } else {
    const struct builtin *builtin = find_builtin(words->items[0]);
    struct function *function = builtin != NULL && builtin->special ? NULL : find_function(words->items[0]);
    if (function != NULL || builtin != NULL) {
      run_inside(node, words, function, builtin);
    } else if (may_exec && !has_traps()) {
      flush(&out);
      end_job_control();
      run_external(node, words);
    } else {
      struct job *job = make_job(1, node->text == NULL ? words->items[0] : node->text);
      int pid = fork_process(job, true);
      if (pid == 0) run_external(node, words);
      last_status = pid < 0 ? 2 : wait_job(job);
    }
  }
  release(words->items);
  return last_status;
}

static int run_condition(struct node *node) {
  bool before = in_condition;
  in_condition = true;
  run(node, false);
  in_condition = before;
  return last_status;
}

static void run_exit_on_error(void) {
  if (options.exit_on_error && !in_condition && last_status != 0 && flow == NORMAL) flow = EXIT;
}

static _Noreturn void run_child(struct node *node) {
  is_subshell = true;
  loop_depth = 0;
  reset_traps();
  run(node, true);
  run_exit_trap();
  flush(&out);
  exit_now(last_status);
}

static int run_pipeline(struct node *node, bool may_exec) {
  int count = 0;
  for (struct node *element = node->left; element != NULL; element = element->next) count++;
  if (count == 1) {
    node->left->text = node->text;
    bool before = in_condition;
    if (node->negated) in_condition = true;
    run(node->left, may_exec && !node->negated);
    in_condition = before;
  } else {
    struct job *job = make_job(count, node->text);
    int in = -1, pid = 0;
    for (struct node *element = node->left; element != NULL; element = element->next) {
      int fds[2] = {-1, -1};
      if (element->next != NULL && pipe(fds) < 0) break;
      pid = fork_process(job, true);
      if (pid == 0) {
        if (in >= 0) dup2(in, 0), close(in);
        if (fds[1] >= 0) {
          dup2(fds[1], 1);
          if (fds[1] != 1) close(fds[1]);
          close(fds[0]);
        }
        end_job_control();
        run_child(element);
      }
      if (in >= 0) close(in);
      if (fds[1] >= 0) close(fds[1]);
      in = fds[0];
    }
    if (in >= 0) close(in);
    last_status = wait_job(job);
  }
  if (node->negated && flow == NORMAL) last_status = last_status == 0;
  else if (count > 1) run_exit_on_error();
  return last_status;
}

static int run_subshell(struct node *node, bool may_exec) {
  if (may_exec && !has_traps()) {
    if (!redirect(node->redirections, NULL)) return last_status = 1;
    return run(node->left, true);
  }
  struct job *job = make_job(1, node->text == NULL ? "(...)" : node->text);
  int pid = fork_process(job, true);
  if (pid == 0) {
    end_job_control();
    if (!redirect(node->redirections, NULL)) exit_now(1);
    run_child(node->left);
  }
  last_status = pid < 0 ? 2 : wait_job(job);
  run_exit_on_error();
  return last_status;
}

static int run_background(struct node *node) {
  struct job *job = make_job(1, node->text);
  bool control = options.job_control;
  int pid = fork_process(job, false);
  if (pid == 0) {
    end_job_control();
    if (!control) {
      set_signal(SIGINT, SIG_IGN, 0);
      set_signal(SIGQUIT, SIG_IGN, 0);
      int nothing = open("/dev/null", O_RDONLY, 0);
      if (nothing > 0) dup2(nothing, 0), close(nothing);
    }
    run_child(node->left);
  }
  if (pid < 0) return last_status = 2;
  add_background(job);
  last_background = pid;
  return last_status = 0;
}

// After the body of a loop: is there another turn?
static bool goes_on(void) {
  if (flow == NORMAL) return true;
  if (flow != BREAK && flow != CONTINUE) return false;
  if (--flow_levels > 0) return false;
  bool again = flow == CONTINUE;
  flow = NORMAL;
  return again;
}

static int run_while(struct node *node) {
  int status = 0;
  loop_depth++;
  for (;;) {
    bool holds = (run_condition(node->left) == 0) == (node->kind == WHILE);
    if (flow != NORMAL ? !goes_on() : !holds) break;
    if (!holds) continue;
    status = run(node->right, false);
    if (!goes_on()) {
      status = last_status;
      break;
    }
  }
  loop_depth--;
  return last_status = flow == NORMAL ? status : last_status;
}

static int run_for(struct node *node) {
  struct list copy = {0};
  struct list *words = node->has_words ? expand_words(node->words) : &(struct list){positional.items, positional.count, 0};
  if (flow != NORMAL) return last_status;
  for (size_t i = 0; i < words->count; i++) list_add(&copy, copy_string(words->items[i]));
  last_status = 0;
  loop_depth++;
  for (size_t i = 0; i < copy.count; i++) {
    if (!set_variable(node->name, copy.items[i])) break;
    run(node->right, false);
    if (!goes_on()) break;
  }
  loop_depth--;
  for (size_t i = 0; i < copy.count; i++) release(copy.items[i]);
  release(copy.items);
  return last_status;
}

static int run_case(struct node *node) {
  char *value = expand_string(node->words->text);
  last_status = 0;
  for (struct case_item *item = node->items; item != NULL && flow == NORMAL; item = item->next) {
    for (struct word *pattern = item->patterns; pattern != NULL; pattern = pattern->next) {
      if (!match(expand_pattern(pattern->text), value) || flow != NORMAL) continue;
      return item->body == NULL ? 0 : run(item->body, false);
    }
  }
  return last_status;
}

static int run_if(struct node *node, bool may_exec) {
  int status = run_condition(node->left);
  if (flow != NORMAL) return last_status;
  struct node *branch = status == 0 ? node->right : node->other;
  return branch == NULL ? (last_status = 0) : run(branch, may_exec);
}

static int run_and_or(struct node *node, bool may_exec) {
  run_condition(node->left);
  if (flow != NORMAL || (last_status == 0) != (node->kind == AND)) return last_status;
  return run(node->right, may_exec);
}

static int run_kind(struct node *node, bool may_exec) {
  switch (node->kind) {
    case COMMAND:
      run_simple(node, may_exec);
      run_exit_on_error();
      return last_status;
    case PIPELINE: return run_pipeline(node, may_exec);
    case AND: case OR: return run_and_or(node, may_exec);
    case SEQUENCE:
      run(node->left, false);
      return flow == NORMAL ? run(node->right, may_exec) : last_status;
    case BACKGROUND: return run_background(node);
    case GROUP: return node->left == NULL ? 0 : run(node->left, may_exec);
    case IF: return run_if(node, may_exec);
    case WHILE: case UNTIL: return run_while(node);
    case FOR: return run_for(node);
    case CASE: return run_case(node);
    case FUNCTION: return last_status = define_function(node);
    case SUBSHELL: return run_subshell(node, may_exec);
  }
  return 0;
}

int run(struct node *node, bool may_exec) {
  if (node == NULL || flow != NORMAL) return last_status;
  struct mark mark = arena_mark(&temporary);
  bool compound = node->redirections != NULL && node->kind != COMMAND && node->kind != SUBSHELL;
  struct saved_files saved = {.count = 0};
  if (compound && !redirect(node->redirections, &saved)) {
    last_status = 1;
    run_exit_on_error();
  } else {
    run_kind(node, may_exec && !compound);
  }
  if (compound) undo_redirections(&saved);
  arena_release(&temporary, mark);
  if (trap_pending()) run_traps();
  if (interrupted && !is_subshell && flow == NORMAL) {
    last_status = 128 + SIGINT;
    flow = ABORT;
  }
  return last_status;
}

// Is there nothing more to run than what was parsed? Then a program may take the place of the shell.
static bool is_last(struct source *from) {
  if (from->fd >= 0) return false;
  for (size_t at = from->at; at < from->text.length; at++) {
    if (!is_space(from->text.data[at])) return false;
  }
  return true;
}

int run_source(struct source *from, bool may_exec) {
  for (;;) {
    struct arena arena = {0};
    from->arena = &arena;
    from->failed = false;
    if (from->interactive) report_jobs();
    interrupted = false;
    struct node *node = parse_line(from);
    if (from->failed) {
      if (interrupted) last_status = 130;
      else shell_error(2);
      from->at = from->text.length;
      from->peeked = false;
      from->pending = NULL;
      if (interrupted) write_all(2, "\n", 1);
    } else if (node != NULL && !options.no_exec) {
      run(node, may_exec && is_last(from));
    }
    bool at_end = !from->failed && from->peeked && from->token == END;
    if (!arena.kept) arena_release(&arena, (struct mark){0});
    if (flow == ABORT && from->interactive) {
      if (interrupted) write_all(2, "\n", 1);
      flow = NORMAL;
    }
    if (flow != NORMAL || at_end) return last_status;
  }
}

int run_text(const char *text) {
  struct source source = {.fd = -1, .line = 1};
  text_add(&source.text, "", 0);
  text_string(&source.text, text);
  run_source(&source, is_subshell && flow == NORMAL && function_depth == 0);
  release(source.text.data);
  return last_status;
}

int run_file(const char *path) {
  char *text = read_file(path, NULL);
  if (text == NULL) {
    warn("cannot open %s: No such file", path);
    return last_status = 127;
  }
  struct source source = {.fd = -1, .line = 1};
  text_add(&source.text, "", 0);
  text_string(&source.text, text);
  release(text);
  run_source(&source, false);
  release(source.text.data);
  return last_status;
}
