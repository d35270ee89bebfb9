// ls(1).
#include "main.h"

struct entry {
  char *name, *path;
  struct stat status;
};

static struct {
  bool all, almost_all, as_file, types, human, inode, numeric, reverse, recursive, by_size, by_time, details, columns, one;
} wanted;
static int status;

static int compare(const void *left, const void *right) {
  const struct entry *a = left, *b = right;
  int order = 0;
  if (wanted.by_size) order = a->status.size > b->status.size ? -1 : a->status.size < b->status.size;
  if (wanted.by_time) {
    const struct timestamp *x = &a->status.modified, *y = &b->status.modified;
    order = x->seconds > y->seconds ? -1 : x->seconds < y->seconds;
    if (order == 0) order = x->nanoseconds > y->nanoseconds ? -1 : x->nanoseconds < y->nanoseconds;
  }
  if (order == 0) order = strcmp(a->name, b->name);
  return wanted.reverse ? -order : order;
}

static struct entry *make_entry(const char *name, char *path, bool follow) {
  struct entry *entry = allocate(sizeof *entry);
  long error = follow ? stat(path, &entry->status) : -1;
  if (error < 0) error = lstat(path, &entry->status);
  if (error < 0) {
    fail(error, follow ? "cannot access '%s'" : "%s", path);
    status = follow ? 2 : 1;
    return NULL;
  }
  entry->name = copy_string(name);
  entry->path = path;
  return entry;
}

static char type_mark(u32 mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return '/';
    case S_IFLNK: return '@';
    case S_IFIFO: return '|';
    case S_IFSOCK: return '=';
    default: return mode & 0111 ? '*' : 0;
  }
}

struct widths {
  int links, owner, group, size;
};

static const char *size_of(const struct entry *entry, char buffer[24]) {
  u32 type = entry->status.mode & S_IFMT;
  if (type == S_IFCHR || type == S_IFBLK) return format_text(buffer, 24, "%u, %u", entry->status.rdev_major, entry->status.rdev_minor);
  if (wanted.human) return human_size(buffer, entry->status.size);
  return format_text(buffer, 24, "%llu", entry->status.size);
}

static const char *owner_of(const struct entry *entry, char buffer[16]) {
  return wanted.numeric ? format_text(buffer, 16, "%u", entry->status.uid) : user_name(entry->status.uid);
}

static const char *group_of(const struct entry *entry, char buffer[16]) {
  return wanted.numeric ? format_text(buffer, 16, "%u", entry->status.gid) : group_name(entry->status.gid);
}

static void widen(int *width, const char *text) {
  int length = strlen(text);
  if (length > *width) *width = length;
}

static void measure(struct widths *widths, const struct entry *entry) {
  char buffer[24];
  widen(&widths->links, format_text(buffer, 24, "%u", entry->status.links));
  widen(&widths->owner, owner_of(entry, buffer));
  widen(&widths->group, group_of(entry, buffer));
  widen(&widths->size, size_of(entry, buffer));
}

static void print_details(const struct entry *entry, const struct widths *widths) {
  char mode[11], buffer[24];
  struct timespec now;
  struct date date;
  struct text when = {0};
  mode_string(entry->status.mode, mode);
  print("%s %*u ", mode, widths->links, entry->status.links);
  print("%-*s ", widths->owner, owner_of(entry, buffer));
  print("%-*s ", widths->group, group_of(entry, buffer));
  print("%*s ", widths->size, size_of(entry, buffer));
  clock(CLOCK_REALTIME, &now);
  i64 seconds = entry->status.modified.seconds, age = now.seconds - seconds;
  date_of(seconds, &date);
  // half a year: of older files the time of the day matters less than the year
  format_date(&when, age >= 0 && age < 15778476 ? "%b %e %H:%M" : "%b %e  %Y", &date, seconds, 0);
  print("%s ", when.data);
  release(when.data);
}

static void print_name(const struct entry *entry) {
  char target[4096];
  print("%s", entry->name);
  if (wanted.details && (entry->status.mode & S_IFMT) == S_IFLNK && readlink(entry->path, target, sizeof target) >= 0) {
    print(" -> %s", target);
  } else if (wanted.types && type_mark(entry->status.mode) != 0) {
    put_char(&out, type_mark(entry->status.mode));
  }
}

// Columns as wide as the longest name needs, read downwards.
static void print_columns(struct entry **entries, int count) {
  u16 window[4] = {0};
  int width = 0, screen = ioctl(1, TIOCGWINSZ, window) == 0 && window[1] > 0 ? window[1] : 80;
  for (int i = 0; i < count; i++) widen(&width, entries[i]->name);
  width += 2 + wanted.types;
  int columns = screen / width > 0 ? screen / width : 1, rows = (count + columns - 1) / columns;
  for (int row = 0; row < rows; row++) {
    for (int i = row; i < count; i += rows) {
      print_name(entries[i]);
      int length = strlen(entries[i]->name) + (wanted.types && type_mark(entries[i]->status.mode) != 0);
      if (i + rows < count) print("%*s", width - length, "");
    }
    put_char(&out, '\n');
  }
}

static void print_entries(struct entry **entries, int count) {
  struct widths widths = {0};
  if (wanted.columns && !wanted.details && !wanted.one && !wanted.inode) return print_columns(entries, count);
  for (int i = 0; i < count; i++) measure(&widths, entries[i]);
  for (int i = 0; i < count; i++) {
    if (wanted.inode) print("%llu ", entries[i]->status.inode);
    if (wanted.details) print_details(entries[i], &widths);
    print_name(entries[i]);
    put_char(&out, '\n');
  }
}

static void list_one(const char *path) {
  struct list names = {0}, entries = {0};
  u64 blocks = 0;
  long error = list_directory(path, &names);
  if (error < 0) {
    fail(error, "cannot open directory '%s'", path);
    status = 2;
    return;
  }
  if (wanted.all) list_add(&names, "."), list_add(&names, "..");
  for (size_t i = 0; i < names.count; i++) {
    char *name = names.items[i];
    if (*name == '.' && !wanted.all && !wanted.almost_all) continue;
    struct entry *entry = make_entry(name, join_path(path, name), false);
    if (entry == NULL) continue;
    blocks += entry->status.blocks;
    list_add(&entries, (char *)entry);
  }
  sort((void **)entries.items, entries.count, compare);
  char buffer[24];
  if (wanted.details) {
    if (wanted.human) print("total %s\n", human_size(buffer, blocks * 512));
    else print("total %llu\n", blocks / 2);
  }
  if (entries.count > 0) print_entries((struct entry **)entries.items, entries.count);
  for (size_t i = 0; wanted.recursive && i < entries.count; i++) {
    struct entry *entry = (struct entry *)entries.items[i];
    if ((entry->status.mode & S_IFMT) != S_IFDIR || equal(entry->name, ".") || equal(entry->name, "..")) continue;
    print("\n%s:\n", entry->path);
    list_one(entry->path);
  }
}

static void choose(struct options *options) {
  for (int c; (c = next_option(options)) != 0;) {
    switch (c) {
      case 'a': wanted.all = true; break;
      case 'A': wanted.almost_all = true; break;
      case 'd': wanted.as_file = true; break;
      case 'F': case 'p': wanted.types = true; break;
      case 'h': wanted.human = true; break;
      case 'i': wanted.inode = true; break;
      case 'n': wanted.numeric = true; // and details
      // fall through
      case 'l': wanted.details = true; break;
      case 'r': wanted.reverse = true; break;
      case 'R': wanted.recursive = true; break;
      case 'S': wanted.by_size = true; break;
      case 't': wanted.by_time = true; break;
      case '1': wanted.one = true; break;
      default: wanted.columns = true;
    }
  }
}

int ls_main(int argc, char **argv) {
  static char *here[] = {".", NULL};
  struct options options = OPTIONS("1aAdFhilnprRStC");
  wanted.columns = is_terminal(1);
  choose(&options);
  char **paths = options.at == argc ? here : argv + options.at;
  struct list files = {0}, directories = {0};
  int count = 0;
  for (; paths[count] != NULL; count++) {
    bool follow = !wanted.as_file && (!wanted.details || paths[count][strlen(paths[count]) - 1] == '/');
    struct entry *entry = make_entry(paths[count], paths[count], true);
    if (entry != NULL && !follow) lstat(paths[count], &entry->status);
    if (entry == NULL) continue;
    bool directory = (entry->status.mode & S_IFMT) == S_IFDIR && !wanted.as_file;
    list_add(directory ? &directories : &files, (char *)entry);
  }
  sort((void **)files.items, files.count, compare);
  sort((void **)directories.items, directories.count, compare);
  if (files.count > 0) print_entries((struct entry **)files.items, files.count);
  for (size_t i = 0; i < directories.count; i++) {
    struct entry *entry = (struct entry *)directories.items[i];
    if (files.count > 0 || i > 0) put_char(&out, '\n');
    if (count > 1 || wanted.recursive) print("%s:\n", entry->path);
    list_one(entry->path);
  }
  return status;
}
