// Making and removing names: mkdir(1), rmdir(1), rm(1), ln(1), readlink(1), realpath(1), touch(1).
#include "main.h"

static int make_parents(char *path, int mode) {
  for (char *at = path + 1; *at != 0; at++) {
    if (*at != '/') continue;
    *at = 0;
    long error = mkdir(path, mode | 0300);
    if (error < 0 && !is_directory(path)) return fail(error, "cannot create directory '%s'", path);
    *at = '/';
  }
  return 0;
}

int mkdir_main(int argc, char **argv) {
  bool parents = false;
  const char *mode = NULL;
  int status = 0, mask = umask(0);
  umask(mask);
  struct options options = OPTIONS("pm:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'p') parents = true;
    else mode = options.value;
  }
  if (options.at == argc) warn("missing operand"), usage();
  int chosen = mode == NULL ? 0777 : parse_mode(mode, 0777, true, mask);
  if (chosen < 0) die(1, "invalid mode '%s'", mode);
  for (int i = options.at; i < argc; i++) {
    if (parents && make_parents(argv[i], 0777 & ~mask) != 0) {
      status = 1;
      continue;
    }
    long error = mkdir(argv[i], chosen);
    if (error == 0 && mode != NULL) error = chmod(argv[i], chosen);
    if (error < 0 && !(parents && is_directory(argv[i]))) status = fail(error, "cannot create directory '%s'", argv[i]);
  }
  return status;
}

int rmdir_main(int argc, char **argv) {
  bool parents = false;
  int status = 0;
  struct options options = OPTIONS("p");
  while (next_option(&options) != 0) parents = true;
  if (options.at == argc) warn("missing operand"), usage();
  for (int i = options.at; i < argc; i++) {
    for (char *path = argv[i], *slash;;) {
      long error = rmdir(path);
      if (error < 0) {
        status = fail(error, "failed to remove '%s'", path);
        break;
      }
      if (!parents || (slash = strrchr(path, '/')) == NULL || slash == path) break;
      *slash = 0;
    }
  }
  return status;
}

int rm_main(int argc, char **argv) {
  bool recursive = false, force = false;
  int status = 0;
  struct options options = OPTIONS("rRf");
  for (int c; (c = next_option(&options)) != 0;) *(c == 'f' ? &force : &recursive) = true;
  if (options.at == argc && !force) warn("missing operand"), usage();
  for (int i = options.at; i < argc; i++) {
    struct stat found;
    const char *name = base_name(argv[i]);
    if (equal(name, ".") || equal(name, "..")) {
      warn("refusing to remove '.' or '..' directory: skipping '%s'", argv[i]);
      status = 1;
    } else if (recursive && equal(argv[i], "/")) {
      warn("it is dangerous to operate recursively on '/'");
      status = 1;
    } else if (!recursive && lstat(argv[i], &found) == 0 && (found.mode & S_IFMT) == S_IFDIR) {
      status = fail(-EISDIR, "cannot remove '%s'", argv[i]);
    } else {
      status |= remove_tree(argv[i], force);
    }
  }
  return status;
}

int ln_main(int argc, char **argv) {
  bool symbolic = false, force = false, no_follow = false;
  int status = 0;
  struct options options = OPTIONS("sfn");
  for (int c; (c = next_option(&options)) != 0;) *(c == 's' ? &symbolic : c == 'f' ? &force : &no_follow) = true;
  int at = options.at, last = argc - 1;
  if (at == argc) warn("missing file operand"), usage();
  struct stat found;
  const char *target = at == last ? "." : argv[last];
  bool into = is_directory(target) && !(no_follow && lstat(target, &found) == 0 && (found.mode & S_IFMT) == S_IFLNK);
  if (!into && last - at > 1) die(1, "target '%s' is not a directory", target);
  if (at == last) last = argc;
  for (; at < last; at++) {
    const char *path = into ? join_path(target, base_name(argv[at])) : target;
    if (force) unlink(path);
    long error = symbolic ? symlink(argv[at], path) : link(argv[at], path);
    if (error < 0) status = fail(error, "failed to create %s link '%s'", symbolic ? "symbolic" : "hard", path);
  }
  return status;
}

int readlink_main(int argc, char **argv) {
  bool canonical = false, newline = true;
  int status = 0;
  struct options options = OPTIONS("fn");
  for (int c; (c = next_option(&options)) != 0;) *(c == 'f' ? &canonical : &newline) = c == 'f';
  if (options.at == argc) warn("missing operand"), usage();
  for (int i = options.at; i < argc; i++) {
    char target[4096];
    long error;
    const char *found = canonical ? real_path(argv[i], true, &error) : readlink(argv[i], target, sizeof target) < 0 ? NULL : target;
    if (found == NULL) status = 1;
    else print(newline ? "%s\n" : "%s", found);
  }
  return status;
}

int realpath_main(int argc, char **argv) {
  int status = 0;
  struct options options = OPTIONS("");
  next_option(&options);
  if (options.at == argc) warn("missing operand"), usage();
  for (int i = options.at; i < argc; i++) {
    long error;
    char *path = real_path(argv[i], true, &error);
    if (path == NULL) status = fail(error, "%s", argv[i]);
    else print("%s\n", path);
  }
  return status;
}

static bool parse_part(const char **at, int digits, int *value) {
  *value = 0;
  for (; digits > 0; digits--, (*at)++) {
    if (!is_digit(**at)) return false;
    *value = *value * 10 + **at - '0';
  }
  return true;
}

// "YYYY-MM-DD[ T]hh:mm[:ss][Z]", "YYYY-MM-DD" or "@seconds".
bool parse_date(const char *text, i64 *seconds) {
  struct date date = {.day = 1};
  int year;
  if (*text == '@') return parse_number(text + 1, 10, seconds);
  if (!parse_part(&text, 4, &year) || *text++ != '-' || !parse_part(&text, 2, &date.month) || *text++ != '-' ||
      !parse_part(&text, 2, &date.day)) {
    return false;
  }
  if (*text == ' ' || *text == 'T') {
    text++;
    if (!parse_part(&text, 2, &date.hour) || *text++ != ':' || !parse_part(&text, 2, &date.minute)) return false;
    if (*text == ':') {
      text++;
      if (!parse_part(&text, 2, &date.second)) return false;
    }
  }
  if (*text == 'Z') text++;
  date.year = year;
  date.month--;
  *seconds = seconds_of(&date);
  return *text == 0 && date.month >= 0 && date.month < 12 && date.day >= 1 && date.day <= 31 && date.hour < 24 && date.minute < 60;
}

int touch_main(int argc, char **argv) {
  bool create = true, access_time = false, change_time = false;
  struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  int status = 0;
  struct stat reference;
  struct options options = OPTIONS("acmr:d:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'a') access_time = true;
    if (c == 'c') create = false;
    if (c == 'm') change_time = true;
    if (c == 'd') {
      i64 seconds;
      if (!parse_date(options.value, &seconds)) die(1, "invalid date format '%s'", options.value);
      times[0] = times[1] = (struct timespec){seconds, 0};
    }
    if (c == 'r') {
      long error = stat(options.value, &reference);
      if (error < 0) return fail(error, "failed to get attributes of '%s'", options.value);
      times[0] = (struct timespec){reference.accessed.seconds, reference.accessed.nanoseconds};
      times[1] = (struct timespec){reference.modified.seconds, reference.modified.nanoseconds};
    }
  }
  if (options.at == argc) warn("missing file operand"), usage();
  if (access_time && !change_time) times[1].nanoseconds = UTIME_OMIT;
  if (change_time && !access_time) times[0].nanoseconds = UTIME_OMIT;
  for (int i = options.at; i < argc; i++) {
    long error = set_times(argv[i], times, true);
    if (error == -ENOENT && create) {
      error = open(argv[i], O_WRONLY | O_CREAT, 0666);
      if (error >= 0) {
        close(error);
        error = set_times(argv[i], times, true);
      }
    }
    if (error < 0 && !(error == -ENOENT && !create)) status = fail(error, "cannot touch '%s'", argv[i]);
  }
  return status;
}
