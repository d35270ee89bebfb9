// All utilities are one program; which one it is, its name says (box NAME ... also works).
#include "main.h"

static const struct utility *self;

static const struct utility utilities[] = {
#define UTILITY(name, usage) {#name, name##_main, usage},
#include "utilities.h"
#undef UTILITY
  {"[", test_main, "EXPRESSION ]"},
};

const struct utility *find_utility(const char *name) {
  for (u32 i = 0; i < COUNT(utilities); i++) {
    if (equal(utilities[i].name, name)) return &utilities[i];
  }
  return NULL;
}

// Status of wrong usage: programs of which 1 means something else give 2 (POSIX, "EXIT STATUS" of each).
static int usage_status(void) {
  static const char *const two[] = {"ls", "grep", "sort", "diff", "cmp", "test", "[", "expr", "sh"};
  for (u32 i = 0; i < COUNT(two); i++) {
    if (equal(two[i], program)) return 2;
  }
  return 1;
}

_Noreturn void usage(void) {
  struct stream message = {.fd = 2};
  flush(&out);
  print_to(&message, "usage: %s%s%s\n", program, *self->usage == 0 ? "" : " ", self->usage);
  flush(&message);
  leave(usage_status());
}

int run_utility(const struct utility *utility, int argc, char **argv) {
  const struct utility *before = self;
  const char *name = program;
  self = utility;
  program = utility->name;
  if (argc == 2 && equal(argv[1], "--help") && !equal(program, "echo") && !equal(program, "test")) {
    print("usage: %s%s%s\n", program, *self->usage == 0 ? "" : " ", self->usage);
    leave(0);
  }
  int status = utility->main(argc, argv);
  self = before;
  program = name;
  return status;
}

static int box_main(int argc, char **argv) {
  if (argc < 2) {
    for (u32 i = 0; i < COUNT(utilities); i++) print("%s\n", utilities[i].name);
    return 0;
  }
  const struct utility *utility = find_utility(argv[1]);
  if (utility == NULL) die(127, "%s: no such utility", argv[1]);
  return run_utility(utility, argc - 1, argv + 1);
}

// Called at the start with the stack as execve(2) makes it: argc, argv, NULL, environment, NULL.
_Noreturn void start(size_t *stack) {
  int argc = stack[0];
  char **argv = (char **)(stack + 1);
  environment = argv + argc + 1;
  const char *name = argc > 0 ? base_name(argv[0]) : "box";
  if (*name == '-') name++;
  out.fd = 1;
  program = "box";
  const struct utility *utility = find_utility(name);
  leave(utility != NULL ? run_utility(utility, argc, argv) : box_main(argc, argv));
}
