// The utilities: each is a function main(argc, argv) that gives its exit status.
#pragma once
#include "lib/user.h"

struct utility {
  const char *name;
  int (*main)(int argc, char **argv);
  const char *usage;
};

#define UTILITY(name, usage) int name##_main(int argc, char **argv);
#include "utilities.h"
#undef UTILITY

// files.c: a date as touch -d and date -d take it.
bool parse_date(const char *text, i64 *seconds);

const struct utility *find_utility(const char *name);
// Runs it in this process; wrong usage ends the process.
int run_utility(const struct utility *utility, int argc, char **argv);
