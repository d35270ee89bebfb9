// Signals: what `trap` asks for, and interrupts of a shell with a user (POSIX, "trap").
#include "sh.h"

static char *actions[SIGNALS];
static volatile bool pending[SIGNALS];
static volatile bool any_pending;
volatile bool interrupted;

static void note_signal(int number) {
  pending[number] = true;
  any_pending = true;
}

static void note_interrupt(int number) {
  if (actions[number] != NULL) note_signal(number);
  else interrupted = true;
}

void catch_interrupts(void) {
  set_signal(SIGINT, note_interrupt, 0);
  set_signal(SIGQUIT, SIG_IGN, 0);
  set_signal(SIGTERM, SIG_IGN, 0);
}

bool trap_pending(void) { return any_pending; }

bool has_traps(void) {
  for (int i = 0; i < SIGNALS; i++) {
    if (actions[i] != NULL && *actions[i] != 0) return true;
  }
  return false;
}

static void run_action(const char *action) {
  int status = last_status;
  enum flow before = flow;
  char *copy = copy_string(action);
  flow = NORMAL;
  run_text(copy);
  release(copy);
  if (flow == NORMAL) {
    flow = before;
    last_status = status;
  }
}

void run_traps(void) {
  any_pending = false;
  for (int i = 1; i < SIGNALS; i++) {
    if (!pending[i]) continue;
    pending[i] = false;
    if (actions[i] != NULL) run_action(actions[i]);
  }
}

void run_exit_trap(void) {
  char *action = actions[0];
  if (action == NULL) return;
  actions[0] = NULL;
  is_subshell = false; // it may not be replaced by its last program
  flow = NORMAL;
  int status = last_status;
  run_text(action);
  if (flow != EXIT) last_status = status;
}

// A subshell has the traps' defaults, but what is ignored stays so.
void reset_traps(void) {
  for (int i = 0; i < SIGNALS; i++) {
    if (actions[i] == NULL || (*actions[i] == 0 && i > 0)) continue;
    actions[i] = NULL;
    if (i > 0) set_signal(i, SIG_DFL, 0);
  }
}

static void set_trap(int number, const char *action) {
  bool shell_cares = options.interactive && (number == SIGINT || number == SIGQUIT || number == SIGTERM);
  release(actions[number]);
  actions[number] = action == NULL ? NULL : copy_string(action);
  if (number == 0) return;
  if (action == NULL && shell_cares) catch_interrupts();
  else if (number == SIGINT && options.interactive && *action != 0) catch_interrupts();
  else set_signal(number, action == NULL ? SIG_DFL : *action == 0 ? SIG_IGN : note_signal, 0);
}

static void list_traps(void) {
  for (int i = 0; i < SIGNALS; i++) {
    if (actions[i] == NULL) continue;
    print("trap -- ");
    print_quoted(actions[i]);
    print(" %s\n", signal_name(i));
  }
}

int trap_builtin(int argc, char **argv) {
  int at = argc > 1 && equal(argv[1], "--") ? 2 : 1, result = 0;
  i64 number;
  if (at == argc) {
    list_traps();
    return 0;
  }
  bool reset = argc - at == 1 || parse_number(argv[at], 10, &number) || equal(argv[at], "-");
  const char *action = reset ? NULL : argv[at];
  if (argc - at > 1 && (!reset || equal(argv[at], "-"))) at++;
  for (; at < argc; at++) {
    int signal = signal_number(argv[at]);
    if (signal >= 0) set_trap(signal, action);
    else {
      warn("trap: %s: bad trap", argv[at]);
      result = 1;
    }
  }
  return result;
}
