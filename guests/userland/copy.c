// cp(1) and mv(1).
#include "main.h"

static struct {
  bool force, preserve, recursive, keep_links;
} wanted;

// Files with several links that were copied: their copies are links too.
static struct copied {
  struct copied *next;
  u64 inode;
  u32 major, minor;
  char path[];
} *copies;

static const char *known_copy(const struct stat *status) {
  for (struct copied *copy = copies; copy != NULL; copy = copy->next) {
    if (copy->inode == status->inode && copy->major == status->dev_major && copy->minor == status->dev_minor) return copy->path;
  }
  return NULL;
}

static void remember(const struct stat *status, const char *path) {
  struct copied *copy = allocate(sizeof *copy + strlen(path) + 1);
  *copy = (struct copied){copies, status->inode, status->dev_major, status->dev_minor};
  memcpy(copy->path, path, strlen(path) + 1);
  copies = copy;
}

static void keep_status(const char *path, const struct stat *status) {
  struct timespec times[2] = {{status->accessed.seconds, status->accessed.nanoseconds}, {status->modified.seconds, status->modified.nanoseconds}};
  bool link = (status->mode & S_IFMT) == S_IFLNK;
  long error = chown(path, status->uid, status->gid, false);
  set_times(path, times, false);
  // without its owner a file must not keep the rights of that owner
  if (!link) chmod(path, status->mode & (error < 0 ? 01777 : 07777));
}

static int copy_contents(const char *from, const char *to, const struct stat *status) {
  static char buffer[32768];
  int in = open(from, O_RDONLY | O_CLOEXEC, 0);
  if (in < 0) return fail(in, "cannot open '%s'", from);
  int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, status->mode & 0777);
  if (target < 0 && wanted.force && unlink(to) == 0) target = open(to, O_WRONLY | O_CREAT | O_TRUNC, status->mode & 0777);
  if (target < 0) {
    close(in);
    return fail(target, "cannot create '%s'", to);
  }
  long got, error = 0;
  while (error == 0 && (got = read(in, buffer, sizeof buffer)) > 0) error = write_all(target, buffer, got);
  close(in);
  close(target);
  if (error < 0) return fail(error, "error writing '%s'", to);
  return got < 0 ? fail(got, "error reading '%s'", from) : 0;
}

static int copy_tree(const char *from, const char *to, bool top);

static int copy_directory(const char *from, const char *to, const struct stat *status) {
  struct list names = {0};
  struct stat target;
  bool made = false;
  if (lstat(to, &target) < 0) {
    long error = mkdir(to, (status->mode & 0777) | 0700);
    if (error < 0) return fail(error, "cannot create directory '%s'", to);
    made = true;
    lstat(to, &target);
  } else if ((target.mode & S_IFMT) != S_IFDIR && !is_directory(to)) {
    warn("cannot overwrite non-directory '%s' with directory '%s'", to, from);
    return 1;
  }
  if (made) remember(&target, to);
  long error = list_directory(from, &names);
  if (error < 0) return fail(error, "cannot access '%s'", from);
  int result = 0;
  for (size_t i = 0; i < names.count; i++) {
    char *source = join_path(from, names.items[i]), *copy = join_path(to, names.items[i]);
    struct stat inner;
    // what was made just now is not copied into itself
    bool into_itself = lstat(source, &inner) == 0 && (inner.mode & S_IFMT) == S_IFDIR && known_copy(&inner) != NULL;
    if (into_itself) warn("cannot copy a directory, '%s', into itself, '%s'", from, to);
    result |= into_itself ? 1 : copy_tree(source, copy, false);
    release(source);
    release(copy);
  }
  if (made && !wanted.preserve) {
    int mask = umask(0);
    umask(mask);
    chmod(to, status->mode & 0777 & ~mask);
  }
  return result;
}

static int copy_special(const char *from, const char *to, const struct stat *status) {
  char target[4096];
  long error;
  unlink(to);
  if ((status->mode & S_IFMT) == S_IFLNK) {
    error = readlink(from, target, sizeof target);
    if (error >= 0) error = symlink(target, to);
  } else {
    error = make_node(to, status->mode, status->rdev_major, status->rdev_minor);
  }
  return error < 0 ? fail(error, "cannot create '%s'", to) : 0;
}

static int copy_tree(const char *from, const char *to, bool top) {
  struct stat status, target;
  // named links are followed unless whole trees are copied
  bool follow = top && !wanted.keep_links;
  long error = follow ? stat(from, &status) : lstat(from, &status);
  if (error < 0) return fail(error, "cannot stat '%s'", from);
  u32 type = status.mode & S_IFMT;
  if (type == S_IFDIR && !wanted.recursive) {
    warn("-r not specified; omitting directory '%s'", from);
    return 1;
  }
  if (stat(to, &target) == 0 && target.inode == status.inode && target.dev_major == status.dev_major && target.dev_minor == status.dev_minor) {
    warn("'%s' and '%s' are the same file", from, to);
    return 1;
  }
  if (type == S_IFREG && is_directory(to)) {
    warn("cannot overwrite directory '%s' with non-directory", to);
    return 1;
  }
  const char *copy = type != S_IFDIR && status.links > 1 && wanted.preserve ? known_copy(&status) : NULL;
  if (copy != NULL) {
    unlink(to);
    error = link(copy, to);
    return error < 0 ? fail(error, "cannot create hard link '%s'", to) : 0;
  }
  int result = type == S_IFDIR ? copy_directory(from, to, &status)
               : type == S_IFREG || follow || !wanted.recursive ? copy_contents(from, to, &status)
                                                  : copy_special(from, to, &status);
  if (result == 0 && status.links > 1 && type != S_IFDIR) remember(&status, to);
  if (result == 0 && wanted.preserve) keep_status(to, &status);
  return result;
}

static int move(const char *from, const char *to, bool top) {
  (void)top;
  long error = rename(from, to);
  if (error == 0) return 0;
  struct stat status;
  if (lstat(from, &status) < 0) return fail(error, "cannot stat '%s'", from);
  if (error != -EXDEV) return fail(error, "cannot move '%s' to '%s'", from, to);
  wanted.recursive = wanted.preserve = wanted.keep_links = wanted.force = true;
  if (!is_directory(from)) unlink(to);
  return copy_tree(from, to, false) != 0 || remove_tree(from, false) != 0;
}

// Sources into the last operand, if that is a directory; else one to the other.
static int each(int argc, char **argv, int at, int (*work)(const char *, const char *, bool)) {
  if (argc - at < 2) {
    if (argc == at) warn("missing file operand");
    else warn("missing destination file operand after '%s'", argv[at]);
    usage();
  }
  char *target = argv[argc - 1];
  int result = 0;
  if (!is_directory(target)) {
    struct stat status;
    long error = stat(target, &status);
    if (argc - at > 2) die(1, "target '%s': %s", target, error_text(error < 0 ? error : -ENOTDIR));
    return work(argv[at], target, true);
  }
  for (; at < argc - 1; at++) {
    size_t length = strlen(argv[at]);
    while (length > 1 && argv[at][length - 1] == '/') argv[at][--length] = 0;
    char *path = join_path(target, base_name(argv[at]));
    result |= work(argv[at], path, true);
  }
  return result;
}

int cp_main(int argc, char **argv) {
  struct options options = OPTIONS("afpPrRdL");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'f') wanted.force = true;
    if (c == 'r' || c == 'R' || c == 'a') wanted.recursive = true;
    if (c == 'p' || c == 'a') wanted.preserve = true;
    if (c == 'a' || c == 'P' || c == 'd' || c == 'r' || c == 'R') wanted.keep_links = true;
    if (c == 'L') wanted.keep_links = false;
  }
  return each(argc, argv, options.at, copy_tree);
}

int mv_main(int argc, char **argv) {
  struct options options = OPTIONS("f");
  while (next_option(&options) != 0) {}
  return each(argc, argv, options.at, move);
}
