// Redirections (POSIX, "Redirection").
#include "sh.h"

// What a redirection opens; a negative error after a message.
static long open_target(struct redirection *redirection, const char *target) {
  int flags = O_RDONLY;
  switch (redirection->kind) {
    case TO: case CLOBBER: flags = O_WRONLY | O_CREAT | O_TRUNC; break;
    case APPEND: flags = O_WRONLY | O_CREAT | O_APPEND; break;
    case READ_WRITE: flags = O_RDWR | O_CREAT; break;
    default: break;
  }
  struct stat status;
  if (redirection->kind == TO && options.no_clobber && stat(target, &status) == 0 && (status.mode & S_IFMT) == S_IFREG) {
    warn("cannot create %s: File exists", target);
    return -EEXIST;
  }
  long fd = open(target, flags, 0666);
  if (fd >= 0) return fd;
  if (fd == -ENOENT && flags != O_RDONLY) warn("cannot create %s: Directory nonexistent", target);
  else fail(fd, "cannot %s %s", flags == O_RDONLY ? "open" : "create", target);
  return fd;
}

// The text of a here-document as a file to read from.
static long open_here(struct redirection *redirection) {
  const char *text = redirection->quoted ? redirection->target : expand_here(redirection->target);
  long fd = CALL2(memfd_create, "here-document", 0);
  long error = fd < 0 ? fd : write_all(fd, text, strlen(text));
  if (error < 0) return fail(error, "cannot make a here-document"), error;
  seek(fd, 0, SEEK_SET);
  return fd;
}

static void save(int fd, struct saved_files *saved) {
  if (saved == NULL || saved->count == MOST_SAVED) return;
  saved->files[saved->count++] = (struct saved){fd, CALL3(fcntl, fd, F_DUPFD_CLOEXEC, 10)};
}

static bool duplicate(struct redirection *redirection, const char *target) {
  i64 from;
  if (equal(target, "-")) {
    close(redirection->fd);
    return true;
  }
  if (!parse_number(target, 10, &from)) {
    warn("%s: bad file descriptor number", target);
    return false;
  }
  long error = from == redirection->fd ? CALL3(fcntl, from, F_GETFD, 0) : dup2(from, redirection->fd);
  if (error < 0) fail(error, "%s", target);
  return error >= 0;
}

bool redirect(struct redirection *list, struct saved_files *saved) {
  flush(&out);
  for (; list != NULL; list = list->next) {
    const char *target = list->kind == HERE ? NULL : expand_string(list->target);
    if (flow != NORMAL) return false;
    if (list->kind == DUP_IN || list->kind == DUP_OUT) {
      save(list->fd, saved);
      if (!duplicate(list, target)) return false;
      continue;
    }
    long fd = list->kind == HERE ? open_here(list) : open_target(list, target);
    if (fd < 0) return false;
    save(list->fd, saved);
    if (fd != list->fd) {
      dup2(fd, list->fd);
      close(fd);
    }
  }
  return true;
}

void undo_redirections(struct saved_files *saved) {
  flush(&out);
  while (saved->count > 0) {
    struct saved *file = &saved->files[--saved->count];
    if (file->copy >= 0) {
      dup2(file->copy, file->fd);
      close(file->copy);
    } else {
      close(file->fd);
    }
  }
}
