// sed(1) (POSIX): a script of commands for every line. script.c reads the script, sed.c runs it.
#pragma once
#include "../main.h"

enum address_kind { NONE, LINE, LAST, PATTERN, STEP, OFFSET };
struct address {
  enum address_kind kind;
  u64 line, step;
  struct regex *regex;
};
struct command {
  struct address from, to;
  bool negated, in_range;
  u64 range_end;
  char name;
  char *text; // a, i, c, r, w, labels; replacement of s
  struct regex *regex; // s
  bool global, show; // s
  u64 which;
  char *other; // y
  struct stream *file; // w
  int target; // of {, b and t: the command to go on at
};

// The script, and what all of it has to do with: -E.
extern struct command *commands;
extern int command_count;
extern bool extended;

// Reads a script; what is wrong with it ends the program.
void parse_script(const char *script);
_Noreturn void bad_script(const char *why);
