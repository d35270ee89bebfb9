// The limits of processes as a command of the shell (POSIX, "ulimit"; getrlimit(2)).
#include "sh.h"

enum { HARD = 1, SOFT = 2 };
static const u64 UNLIMITED = ~(u64)0;

// In the order they are shown.
static const struct resource {
  char letter;
  const char *name;
  u32 number, unit;
} resources[] = {
  {'t', "time(seconds)", 0, 1}, {'f', "file(blocks)", 1, 512}, {'d', "data(kbytes)", 2, 1024},
  {'s', "stack(kbytes)", 3, 1024}, {'c', "coredump(blocks)", 4, 512}, {'m', "memory(kbytes)", 5, 1024},
  {'l', "locked memory(kbytes)", 8, 1024}, {'p', "process", 6, 1}, {'n', "nofiles", 7, 1},
  {'v', "vmemory(kbytes)", 9, 1024}, {'w', "locks", 10, 1}, {'r', "rtprio", 14, 1},
};

static void show_limit(const struct resource *resource, const u64 limits[2], int which) {
  u64 value = limits[which & SOFT ? 0 : 1];
  if (value == UNLIMITED) print("unlimited\n");
  else print("%llu\n", value / resource->unit);
}

static int show_all_limits(int which) {
  for (u32 i = 0; i < COUNT(resources); i++) {
    u64 limits[2];
    CALL4(prlimit64, 0, resources[i].number, NULL, limits);
    print("%-20s ", resources[i].name);
    show_limit(&resources[i], limits, which);
  }
  return 0;
}

static bool parse_limit(const char *text, u32 unit, u64 *value) {
  *value = UNLIMITED;
  if (equal(text, "unlimited")) return true;
  *value = 0;
  for (; is_digit(*text); text++) {
    if (*value > (UNLIMITED - 10) / 10) return false;
    *value = *value * 10 + *text - '0';
  }
  *value *= unit;
  return *text == 0;
}

int ulimit_builtin(int argc, char **argv) {
  int which = 0;
  char letter = 'f';
  struct options given = OPTIONS("HSatfdscmlpnvwr");
  for (int c; (c = next_option(&given)) != 0;) {
    if (c == 'H') which |= HARD;
    else if (c == 'S') which |= SOFT;
    else letter = c;
  }
  if (letter == 'a' && given.at == argc) return show_all_limits(which == 0 ? SOFT : which);
  if (letter == 'a' || given.at + 1 < argc) {
    warn("ulimit: too many arguments");
    return 2;
  }
  const struct resource *resource = resources;
  while (resource->letter != letter) resource++;
  u64 limits[2], value;
  CALL4(prlimit64, 0, resource->number, NULL, limits);
  if (given.at == argc) {
    show_limit(resource, limits, which == 0 ? SOFT : which);
    return 0;
  }
  if (!parse_limit(argv[given.at], resource->unit, &value)) {
    warn("ulimit: bad number");
    return 2;
  }
  if (which == 0 || which & SOFT) limits[0] = value;
  if (which == 0 || which & HARD) limits[1] = value;
  long error = CALL4(prlimit64, 0, resource->number, limits, NULL);
  if (error == 0) return 0;
  warn("ulimit: error setting limit: %s", error_text(error));
  return 2;
}
