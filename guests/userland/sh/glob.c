// Names of files that match a pattern (POSIX, "Patterns Used for Filename Expansion").
#include "sh.h"

static bool has_magic(const char *pattern) {
  for (; *pattern != 0; pattern++) {
    if (*pattern == '\\' && pattern[1] != 0) pattern++;
    else if (strchr("*?[", *pattern) != NULL) return true;
  }
  return false;
}

static void unescape(struct text *to, const char *from, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (from[i] == '\\' && i + 1 < length) i++;
    text_put(to, from[i]);
  }
}

// `path` is what comes before `pattern`.
static void glob_below(const char *path, const char *pattern, struct list *into) {
  size_t length = 0;
  while (pattern[length] != 0 && pattern[length] != '/') length++;
  size_t slashes = 0;
  while (pattern[length + slashes] == '/') slashes++;
  char *part = copy_part(pattern, length);
  const char *rest = pattern + length + slashes;
  struct list names = {0};
  bool magic = has_magic(part);
  if (magic) {
    list_directory(*path == 0 ? "." : path, &names);
    if (*part == '.') {
      list_add(&names, copy_string("."));
      list_add(&names, copy_string(".."));
      sort_list(&names, strcmp);
    }
  } else {
    struct text name = {0};
    text_add(&name, "", 0);
    unescape(&name, part, length);
    list_add(&names, name.data);
  }
  for (size_t i = 0; i < names.count; i++) {
    char *name = names.items[i];
    if (!magic || ((*name != '.' || *part == '.') && match(part, name))) {
      struct text found = {0};
      struct stat status;
      text_string(&found, path);
      text_string(&found, name);
      text_add(&found, pattern + length, slashes);
      if (*rest != 0) glob_below(found.data, rest, into);
      else if (lstat(found.data, &status) == 0) list_add(into, arena_copy(&temporary, found.data, found.length));
      release(found.data);
    }
    release(name);
  }
  release(names.items);
  release(part);
}

void glob(const char *pattern, struct list *into) {
  if (has_magic(pattern)) glob_below("", pattern, into);
}
