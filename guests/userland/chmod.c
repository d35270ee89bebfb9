// chmod(1) and chown(1).
#include "main.h"

static bool recursive, quiet, follow = true;
static const char *mode_text;
static int mask;
static u32 uid = -1, gid = -1;

static int change_mode(const char *path, const struct stat *status) {
  if ((status->mode & S_IFMT) == S_IFLNK) return 0;
  long error = chmod(path, parse_mode(mode_text, status->mode, (status->mode & S_IFMT) == S_IFDIR, mask));
  return error < 0 && !quiet ? fail(error, "changing permissions of '%s'", path) : error < 0;
}

static int change_owner(const char *path, const struct stat *status) {
  (void)status;
  long error = chown(path, uid, gid, follow && !recursive);
  return error < 0 && !quiet ? fail(error, "changing ownership of '%s'", path) : error < 0;
}

// Below a directory links are never followed.
static int change(const char *path, bool named, int (*work)(const char *, const struct stat *)) {
  struct stat status;
  long error = named && follow ? stat(path, &status) : lstat(path, &status);
  if (error < 0) return quiet ? 1 : fail(error, "cannot access '%s'", path);
  int result = work(path, &status);
  if (!recursive || (status.mode & S_IFMT) != S_IFDIR) return result;
  struct list names = {0};
  error = list_directory(path, &names);
  if (error < 0) return fail(error, "cannot read directory '%s'", path);
  for (size_t i = 0; i < names.count; i++) {
    char *inside = join_path(path, names.items[i]);
    result |= change(inside, false, work);
    release(inside);
  }
  return result;
}

int chmod_main(int argc, char **argv) {
  int status = 0, at = 1;
  mask = umask(0);
  umask(mask);
  // `-w` is a mode
  for (; at < argc && argv[at][0] == '-' && strchr("Rfv", argv[at][1]) != NULL && argv[at][1] != 0; at++) {
    if (strchr(argv[at], 'R') != NULL) recursive = true;
    if (strchr(argv[at], 'f') != NULL) quiet = true;
  }
  if (at < argc && equal(argv[at], "--")) at++;
  if (argc - at < 2) warn("missing operand"), usage();
  mode_text = argv[at++];
  if (parse_mode(mode_text, 0, false, 0) < 0) die(1, "invalid mode: '%s'", mode_text);
  for (; at < argc; at++) status |= change(argv[at], true, change_mode);
  return status;
}

int chown_main(int argc, char **argv) {
  int status = 0;
  struct options options = OPTIONS("Rhf");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'R') recursive = true;
    if (c == 'h') follow = false;
    if (c == 'f') quiet = true;
  }
  int at = options.at;
  if (argc - at < 2) warn("missing operand"), usage();
  char *owner = argv[at++], *group = strchr(owner, ':');
  u32 login_group;
  if (group != NULL) *group++ = 0;
  if (*owner != 0 && !find_user(owner, &uid, &login_group)) die(1, "invalid user: '%s'", owner);
  if (group != NULL && *group == 0 && *owner != 0) gid = login_group;
  else if (group != NULL && *group != 0 && !find_group(group, &gid)) die(1, "invalid group: '%s'", group);
  for (; at < argc; at++) status |= change(argv[at], true, change_owner);
  return status;
}
