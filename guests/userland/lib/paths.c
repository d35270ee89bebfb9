// Paths and directories: see user.h.
#include "user.h"

const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

char *join_path(const char *directory, const char *name) {
  struct text path = {0};
  text_string(&path, directory);
  if (path.length > 0 && path.data[path.length - 1] != '/') text_put(&path, '/');
  text_string(&path, name);
  return path.data;
}

long list_directory(const char *path, struct list *names) {
  char buffer[4096] __attribute__((aligned(8)));
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  long got;
  while ((got = CALL3(getdents64, fd, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < got; at += ((struct directory_entry *)(buffer + at))->length) {
      const char *name = ((struct directory_entry *)(buffer + at))->name;
      if (!equal(name, ".") && !equal(name, "..")) list_add(names, copy_string(name));
    }
  }
  close(fd);
  if (names->count > 0) sort_list(names, strcmp);
  return got;
}

bool is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && (status.mode & S_IFMT) == S_IFDIR;
}

// Takes the last name away.
static void go_up(struct text *path) {
  while (path->length > 0 && path->data[--path->length] != '/') {}
  path->data[path->length] = 0;
}

char *real_path(const char *path, bool missing, long *error) {
  char target[4096];
  struct text done = {0};
  char *rest = copy_string(path);
  int links = 0;
  text_add(&done, "", 0);
  if (*path != '/') {
    *error = get_directory(target, sizeof target);
    if (*error < 0) return NULL;
    text_string(&done, equal(target, "/") ? "" : target);
  }
  for (;;) {
    while (*rest == '/') rest++;
    if (*rest == 0) break;
    size_t length = 0;
    while (rest[length] != 0 && rest[length] != '/') length++;
    char *name = copy_part(rest, length);
    rest += length;
    if (equal(name, ".")) continue;
    if (equal(name, "..")) {
      go_up(&done);
      continue;
    }
    text_put(&done, '/');
    text_string(&done, name);
    struct stat status;
    *error = lstat(done.data, &status);
    if (*error < 0) {
      while (*rest == '/') rest++;
      if (*error != -ENOENT || !missing || *rest != 0) return NULL;
      break;
    }
    if ((status.mode & S_IFMT) == S_IFLNK) {
      if (++links > 40) {
        *error = -ELOOP;
        return NULL;
      }
      long got = readlink(done.data, target, sizeof target);
      if (got < 0) {
        *error = got;
        return NULL;
      }
      go_up(&done);
      if (*target == '/') {
        done.length = 0;
        done.data[0] = 0;
      }
      rest = join_path(target, rest);
    } else if (*rest == '/' && (status.mode & S_IFMT) != S_IFDIR) {
      *error = -ENOTDIR;
      return NULL;
    }
  }
  if (done.length == 0) text_put(&done, '/');
  return done.data;
}

int remove_tree(const char *path, bool force) {
  struct stat status;
  long error = lstat(path, &status);
  if (error == -ENOENT && force) return 0;
  if (error < 0) return fail(error, "cannot remove '%s'", path);
  int result = 0;
  if ((status.mode & S_IFMT) != S_IFDIR) {
    error = unlink(path);
  } else {
    struct list names = {0};
    error = list_directory(path, &names);
    if (error < 0) return fail(error, "cannot remove '%s'", path);
    for (size_t i = 0; i < names.count; i++) {
      char *inside = join_path(path, names.items[i]);
      result |= remove_tree(inside, force);
      release(inside);
      release(names.items[i]);
    }
    release(names.items);
    if (result != 0) return result;
    error = rmdir(path);
  }
  return error < 0 ? fail(error, "cannot remove '%s'", path) : result;
}
