// Starting programs: see user.h.
#include "user.h"

static const char *setting(const char *name) {
  size_t length = strlen(name);
  for (char **at = environment; *at != NULL; at++) {
    if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') return *at + length + 1;
  }
  return NULL;
}

_Noreturn void run_program(char **words) {
  const char *path = setting("PATH");
  long error = -ENOENT;
  flush(&out);
  if (strchr(words[0], '/') != NULL) {
    error = execve(words[0], words, environment);
  } else {
    for (const char *at = path == NULL ? "/bin:/usr/bin" : path;;) {
      size_t length = 0;
      while (at[length] != 0 && at[length] != ':') length++;
      char *directory = copy_part(at, length);
      long result = execve(join_path(directory, words[0]), words, environment);
      if (result != -ENOENT && result != -ENOTDIR) error = result;
      if (at[length] == 0) break;
      at += length + 1;
    }
  }
  fail(error, "%s", words[0]);
  exit_now(error == -ENOENT ? 127 : 126);
}
