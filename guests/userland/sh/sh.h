// The shell (POSIX, "Shell Command Language"). Text becomes tokens (source.c), tokens a tree (parse.c), its words strings
// (expand.c), and the tree is run (run.c).
#pragma once
#include "../main.h"

// memory that is given back as a whole: arena.c
struct chunk;
struct arena {
  struct chunk *chunks;
  bool kept;
};
struct mark {
  struct chunk *chunk;
  size_t used;
};
void *arena_allocate(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *s, size_t length);
struct mark arena_mark(struct arena *arena);
void arena_release(struct arena *arena, struct mark mark);
// What expansion makes; run.c gives it back after every command.
extern struct arena temporary;

// the tree
struct word {
  struct word *next;
  char *text; // as written, with its quotes
};
enum redirection_kind { FROM, TO, CLOBBER, APPEND, READ_WRITE, DUP_IN, DUP_OUT, HERE };
struct redirection {
  struct redirection *next;
  enum redirection_kind kind;
  int fd;
  char *target; // of HERE: what was written
  bool quoted; // the text of a here-document is not expanded
};
enum node_kind { COMMAND, PIPELINE, AND, OR, SEQUENCE, BACKGROUND, SUBSHELL, GROUP, IF, WHILE, UNTIL, FOR, CASE, FUNCTION };
struct node {
  enum node_kind kind;
  bool negated; // PIPELINE
  bool has_words; // FOR name in ...
  int line;
  struct redirection *redirections;
  struct word *assignments, *words; // COMMAND; words also of FOR and CASE
  struct node *left, *right, *other; // conditions and bodies; elements of a pipeline are joined by `next`
  struct node *next;
  char *name; // FOR, FUNCTION
  char *text; // source of what may become a job
  struct case_item *items;
};
struct case_item {
  struct case_item *next;
  struct word *patterns;
  struct node *body;
};

// source.c
enum token {
  END, NEWLINE, WORD, AND_IF, OR_IF, SEMICOLON, DOUBLE_SEMICOLON, AMPERSAND, BAR, OPEN, CLOSE,
  LESS, GREAT, DOUBLE_GREAT, GREAT_BAR, LESS_AND, GREAT_AND, LESS_GREAT, HERE_DOCUMENT, HERE_DOCUMENT_TABS,
};
struct source {
  struct text text;
  size_t at;
  int line;
  int fd; // where more text comes from, or -1
  bool interactive, continued, failed, ended;
  struct arena *arena;
  bool peeked;
  enum token token;
  char *word;
  size_t token_start;
  int io_number;
  struct here *pending;
};
enum token peek_token(struct source *from);
void take_token(struct source *from);
void syntax_error(struct source *from, const char *unexpected);
void expect_here_document(struct source *from, struct redirection *redirection, bool tabs);
// Takes the text of what was read so far away.
void forget_text(struct source *from);

// parse.c
// Next complete command; NULL at the end, after an error and for empty lines.
struct node *parse_line(struct source *from);
// A list up to a closing parenthesis, for `$(`.
struct node *parse_substitution(struct source *from);

// vars.c
struct variable {
  struct variable *next;
  char *value; // NULL: not set
  bool exported, read_only;
  char name[];
};
struct parameters {
  char **items;
  int count;
};
extern struct parameters positional;
extern char *shell_name;
struct variable *find_variable(const char *name);
const char *get_variable(const char *name);
bool set_variable(const char *name, const char *value);
// name=value
bool assign(const char *assignment, bool export);
struct variable *declare_variable(const char *name);
bool unset_variable(const char *name);
size_t name_length(const char *s);
char **make_environment(void);
void print_variables(bool exported, bool read_only, const char *prefix);
void each_variable(void (*visit)(struct variable *));
void print_quoted(const char *value);

// options
struct shell_options {
  bool all_export, exit_on_error, no_glob, no_exec, job_control, no_unset, verbose, trace, no_clobber, interactive;
};
extern struct shell_options options;

// expand.c
struct list *expand_words(struct word *words);
// One string without splitting.
char *expand_string(const char *word);
char *expand_assignment(const char *word);
char *expand_here(const char *text);
// Quoted characters have a backslash before them.
char *expand_pattern(const char *word);
const char *skip_quoted(const char *at, char quote);
const char *skip_braces(const char *at, bool quoted);
i64 arithmetic(const char *text);
void glob(const char *pattern, struct list *into);

// run.c
enum flow { NORMAL, BREAK, CONTINUE, RETURN, EXIT, ABORT };
extern enum flow flow;
extern int flow_levels, last_status, loop_depth, function_depth, shell_pid, last_background, substitution_status;
extern bool in_condition;
int run(struct node *node, bool may_exec);
int run_source(struct source *from, bool may_exec);
int run_text(const char *text);
int run_file(const char *path);
// An error that ends a shell which is not interactive.
void shell_error(int status);
char *find_program(const char *name);
_Noreturn void execute(struct list *words);
struct function {
  struct function *next;
  struct node *body;
  char name[];
};
struct function *find_function(const char *name);
void unset_function(const char *name);
struct local {
  struct local *next;
  char *name, *value;
  bool exported;
};
extern struct local *locals;

// redirect.c
struct saved {
  int fd, copy;
};
enum { MOST_SAVED = 16 };
struct saved_files {
  struct saved files[MOST_SAVED];
  int count;
};
// Carries redirections out; with `saved`, so that they can be undone. False after a message.
bool redirect(struct redirection *list, struct saved_files *saved);
void undo_redirections(struct saved_files *saved);

// jobs.c
struct process {
  int pid, status;
  bool ended, stopped;
};
struct job {
  struct job *next;
  int number, group;
  bool changed;
  char *text;
  int count;
  struct process processes[];
};
struct job *make_job(int count, const char *text);
// Forks a process of a job. In the child the signals are as a program expects them.
int fork_process(struct job *job, bool foreground);
// Waits for a job in the foreground; its status.
int wait_job(struct job *job);
void add_background(struct job *job);
void report_jobs(void);
void start_job_control(void);
void end_job_control(void);
int jobs_builtin(int argc, char **argv);
int fg_builtin(int argc, char **argv);
int bg_builtin(int argc, char **argv);
int wait_builtin(int argc, char **argv);
int kill_builtin(int argc, char **argv);
extern bool is_subshell;

// ulimit.c
int ulimit_builtin(int argc, char **argv);

// trap.c
int trap_builtin(int argc, char **argv);
void run_traps(void);
void run_exit_trap(void);
void reset_traps(void);
bool trap_pending(void);
extern volatile bool interrupted;
void catch_interrupts(void);
bool has_traps(void);

// builtins.c
struct builtin {
  const char *name;
  int (*main)(int argc, char **argv);
  bool special;
};
const struct builtin *find_builtin(const char *name);
int run_builtin(const struct builtin *builtin, struct list *words);
int set_options(int argc, char **argv, int at, bool *any);
char *option_letters(void);
