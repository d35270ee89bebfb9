// File systems: mount(8), umount(8), df(1), du(1).
#include "main.h"

enum { MS_REMOUNT = 32, MS_BIND = 4096, MS_MOVE = 8192, MS_REC = 16384 };
static const struct { const char *name; u32 set, clear; } flags[] = {
  {"ro", 1, 0}, {"rw", 0, 1}, {"nosuid", 2, 0}, {"suid", 0, 2}, {"nodev", 4, 0}, {"dev", 0, 4}, {"noexec", 8, 0},
  {"exec", 0, 8}, {"sync", 16, 0}, {"async", 0, 16}, {"remount", MS_REMOUNT, 0}, {"noatime", 1024, 0}, {"nodiratime", 2048, 0},
  {"relatime", 1 << 21, 0}, {"strictatime", 1 << 24, 0}, {"bind", MS_BIND, 0}, {"rbind", MS_BIND | MS_REC, 0}, {"move", MS_MOVE, 0},
  {"unbindable", 1 << 17, 0}, {"private", 1 << 18, 0}, {"slave", 1 << 19, 0}, {"shared", 1 << 20, 0},
  {"runbindable", 1 << 17 | MS_REC, 0}, {"rprivate", 1 << 18 | MS_REC, 0}, {"rslave", 1 << 19 | MS_REC, 0},
  {"rshared", 1 << 20 | MS_REC, 0}, {"defaults", 0, 0},
};
enum { PROPAGATION = 1 << 17 | 1 << 18 | 1 << 19 | 1 << 20 };

// Options with a flag of mount(2) become that, the others go to the file system.
static void parse_flags(char *text, u32 *flags_set, struct text *data) {
  while (text != NULL && *text != 0) {
    char *comma = strchr(text, ',');
    if (comma != NULL) *comma++ = 0;
    u32 i = 0;
    while (i < COUNT(flags) && !equal(flags[i].name, text)) i++;
    if (i < COUNT(flags)) {
      *flags_set = (*flags_set | flags[i].set) & ~flags[i].clear;
    } else {
      if (data->length > 0) text_put(data, ',');
      text_string(data, text);
    }
    text = comma;
  }
}

// A word of /proc/mounts, where blanks are written \040.
static char *take_word(char **line) {
  char *start = *line, *to = start, *from = start;
  for (; *from != 0 && *from != ' ' && *from != '\n'; from++) {
    if (from[0] == '\\' && is_digit(from[1]) && is_digit(from[2]) && is_digit(from[3])) {
      *to++ = (from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0');
      from += 3;
    } else *to++ = *from;
  }
  *line = *from == ' ' ? from + 1 : from;
  *to = 0;
  return start;
}

struct mounted {
  char *source, *target, *type, *options;
};

static bool next_mount(struct reader *reader, struct mounted *into) {
  struct text line = {0};
  if (!read_line(reader, &line)) return false;
  char *at = line.data;
  into->source = take_word(&at);
  into->target = take_word(&at);
  into->type = take_word(&at);
  into->options = take_word(&at);
  return true;
}

static struct reader *open_mounts(void) {
  int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) die(1, "/proc is not mounted");
  return reader_open(fd);
}

static int list_mounts(const char *type) {
  struct reader *reader = open_mounts();
  struct mounted mounted;
  while (next_mount(reader, &mounted)) {
    if (type != NULL && !equal(type, mounted.type)) continue;
    print("%s on %s type %s (%s)\n", mounted.source, mounted.target, mounted.type, mounted.options);
  }
  return 0;
}

int mount_main(int argc, char **argv) {
  const char *type = NULL;
  u32 set = 0;
  struct text data = {0};
  int kept = 1;
  // the operations have long names only
  for (int i = 1; i < argc; i++) {
    char *word = after(argv[i], "--make-");
    if (word == NULL && (equal(argv[i], "--bind") || equal(argv[i], "--rbind") || equal(argv[i], "--move"))) word = argv[i] + 2;
    if (word != NULL) parse_flags(copy_string(word), &set, &data);
    else argv[kept++] = argv[i];
  }
  argc = kept;
  struct options options = OPTIONS("t:o:rwn");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 't') type = options.value;
    if (c == 'o') parse_flags(copy_string(options.value), &set, &data);
    if (c == 'r') set |= 1;
  }
  int operands = argc - options.at;
  if (operands == 0) return list_mounts(type);
  const char *source = operands > 1 ? argv[options.at] : "none", *target = argv[options.at + (operands > 1)];
  if (operands > 2) usage();
  if (operands == 1 && !(set & (MS_REMOUNT | PROPAGATION))) die(1, "%s: a source and a directory are needed", target);
  if (type == NULL && !(set & (MS_REMOUNT | MS_BIND | MS_MOVE | PROPAGATION))) die(1, "the type of the file system is needed: -t TYPE");
  u32 propagation = set & PROPAGATION;
  set &= ~PROPAGATION;
  long error = 0;
  bool mounts = operands > 1 || set & MS_REMOUNT;
  if (mounts) error = CALL5(mount, source, target, type == NULL ? "none" : type, set, data.data);
  // a bind mount takes its flags in a second step
  if (error == 0 && set & MS_BIND && !(set & MS_REMOUNT) && set & 15) {
    error = CALL5(mount, source, target, "none", (set & ~MS_REC) | MS_REMOUNT, NULL);
  }
  if (error == 0 && propagation != 0) error = CALL5(mount, "none", target, "none", propagation | (mounts ? 0 : set), NULL);
  if (error == 0) return 0;
  fail(error, "mounting %s on %s failed", source, target);
  return 32;
}

int umount_main(int argc, char **argv) {
  u32 set = 0;
  int status = 0;
  struct options options = OPTIONS("flR");
  for (int c; (c = next_option(&options)) != 0;) set |= c == 'f' ? 1 : c == 'l' ? 2 : 0;
  if (options.at == argc) usage();
  for (int i = options.at; i < argc; i++) {
    long error = CALL2(umount2, argv[i], set);
    if (error < 0) {
      fail(error, "can't unmount %s", argv[i]);
      status = 32;
    }
  }
  return status;
}

static bool human;

static const char *size_text(char *buffer, u64 bytes) {
  return human ? human_size(buffer, bytes) : format_text(buffer, 24, "%llu", (bytes + 1023) / 1024);
}

static void put_file_system(const char *source, const char *target, const struct file_system *fs) {
  char total[24], used[24], available[24], share[8] = "-";
  u64 block = fs->fragment_size != 0 ? fs->fragment_size : fs->block_size, taken = fs->blocks - fs->free;
  u64 usable = taken + fs->available;
  if (usable > 0) format_text(share, sizeof share, "%llu%%", (taken * 100 + usable - 1) / usable);
  print("%-20s %10s %9s ", source, size_text(total, fs->blocks * block), size_text(used, taken * block));
  print("%9s %4s %s\n", size_text(available, fs->available * block), share, target);
}

int df_main(int argc, char **argv) {
  struct mounted mounted;
  struct file_system fs;
  bool all = false;
  int status = 0;
  struct options options = OPTIONS("hkaP");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'h') human = true;
    if (c == 'a') all = true;
  }
  print("%-20s %10s %9s %9s %4s %s\n", "Filesystem", human ? "Size" : "1K-blocks", "Used", human ? "Avail" : "Available", "Use%", "Mounted on");
  if (options.at == argc) {
    struct reader *reader = open_mounts();
    while (next_mount(reader, &mounted)) {
      if (file_system(mounted.target, &fs) == 0 && (fs.blocks > 0 || all)) put_file_system(mounted.source, mounted.target, &fs);
    }
  }
  for (int i = options.at; i < argc; i++) {
    long error;
    char *path = real_path(argv[i], false, &error), *best = "", *source = "-";
    if (path == NULL || (error = file_system(path, &fs)) < 0) {
      status = fail(error, "%s", argv[i]);
      continue;
    }
    struct reader *reader = open_mounts();
    while (next_mount(reader, &mounted)) {
      const char *rest = after(path, mounted.target);
      bool above = rest != NULL && (*rest == 0 || *rest == '/' || equal(mounted.target, "/"));
      if (above && strlen(mounted.target) >= strlen(best)) best = mounted.target, source = mounted.source;
    }
    put_file_system(source, best, &fs);
  }
  return status;
}

static bool every, summary;
static i64 deepest = -1;
static int du_status;

static struct seen {
  struct seen *next;
  u64 inode;
  u32 major, minor;
} *seen;

// Files with several links count once.
static bool was_seen(const struct stat *status) {
  if (status->links < 2 || (status->mode & S_IFMT) == S_IFDIR) return false;
  for (struct seen *at = seen; at != NULL; at = at->next) {
    if (at->inode == status->inode && at->major == status->dev_major && at->minor == status->dev_minor) return true;
  }
  struct seen *made = allocate(sizeof *made);
  *made = (struct seen){seen, status->inode, status->dev_major, status->dev_minor};
  seen = made;
  return false;
}

static u64 add_up(const char *path, int depth) {
  struct stat status;
  char buffer[24];
  long error = lstat(path, &status);
  if (error < 0) {
    du_status = fail(error, "cannot access '%s'", path);
    return 0;
  }
  if (was_seen(&status)) return 0;
  u64 total = status.blocks * 512;
  bool directory = (status.mode & S_IFMT) == S_IFDIR;
  if (directory) {
    struct list names = {0};
    error = list_directory(path, &names);
    if (error < 0) du_status = fail(error, "cannot read directory '%s'", path);
    for (size_t i = 0; i < names.count; i++) {
      char *inside = join_path(path, names.items[i]);
      total += add_up(inside, depth + 1);
      release(inside);
    }
  }
  bool shown = depth == 0 || (!summary && (directory || every) && (deepest < 0 || depth <= deepest));
  if (shown) print("%s\t%s\n", size_text(buffer, total), path);
  return total;
}

int du_main(int argc, char **argv) {
  struct options options = OPTIONS("ashkd:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'a') every = true;
    if (c == 's') summary = true;
    if (c == 'h') human = true;
    if (c == 'd') deepest = number(options.value);
  }
  if (options.at == argc) add_up(".", 0);
  for (int i = options.at; i < argc; i++) add_up(argv[i], 0);
  return du_status;
}
