// Options: see user.h.
#include "user.h"

int next_option(struct options *options) {
  options->value = NULL;
  if (options->rest == NULL || *options->rest == 0) {
    if (options->at >= options->argc) return 0;
    const char *word = options->argv[options->at];
    if (word[0] != '-' || word[1] == 0) return 0;
    options->at++;
    if (equal(word, "--")) return 0;
    options->rest = word + 1;
  }
  char letter = *options->rest++;
  const char *known = letter == ':' ? NULL : strchr(options->allowed, letter);
  if (known == NULL || letter == 0) {
    warn("invalid option -- '%c'", letter);
    usage();
  }
  if (known[1] != ':') return letter;
  if (*options->rest != 0) options->value = (char *)options->rest;
  else if (options->at < options->argc) options->value = options->argv[options->at++];
  else {
    warn("option requires an argument -- '%c'", letter);
    usage();
  }
  options->rest = NULL;
  return letter;
}
