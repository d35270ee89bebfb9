// stat(1): what the kernel knows of a file.
#include "main.h"

static const char *type_name(const struct stat *status) {
  switch (status->mode & S_IFMT) {
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symbolic link";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFCHR: return "character special file";
    case S_IFBLK: return "block special file";
    default: return status->size == 0 ? "regular empty file" : "regular file";
  }
}

static void put_time(const struct timestamp *time) {
  struct text line = {0};
  struct date date;
  date_of(time->seconds, &date);
  format_date(&line, "%Y-%m-%d %H:%M:%S.%N %z", &date, time->seconds, time->nanoseconds);
  print("%s", line.data);
  release(line.data);
}

static void put_field(char field, const char *path, const struct stat *s) {
  char buffer[4096];
  switch (field) {
    case 'a': print("%o", s->mode & 07777); break;
    case 'A': mode_string(s->mode, buffer), print("%s", buffer); break;
    case 'b': print("%llu", s->blocks); break;
    case 'B': print("512"); break;
    case 'd': print("%u", (s->dev_minor & 0xff) | (s->dev_major & 0xfff) << 8 | (s->dev_minor & ~0xffu) << 12); break;
    case 'f': print("%x", s->mode); break;
    case 'F': print("%s", type_name(s)); break;
    case 'g': print("%u", s->gid); break;
    case 'G': print("%s", group_name(s->gid)); break;
    case 'h': print("%u", s->links); break;
    case 'i': print("%llu", s->inode); break;
    case 'n': print("%s", path); break;
    case 'N':
      print("'%s'", path);
      if ((s->mode & S_IFMT) == S_IFLNK && readlink(path, buffer, sizeof buffer) >= 0) print(" -> '%s'", buffer);
      break;
    case 'o': print("%u", s->block_size); break;
    case 's': print("%llu", s->size); break;
    case 't': print("%x", s->rdev_major); break;
    case 'T': print("%x", s->rdev_minor); break;
    case 'u': print("%u", s->uid); break;
    case 'U': print("%s", user_name(s->uid)); break;
    case 'X': print("%lld", s->accessed.seconds); break;
    case 'x': put_time(&s->accessed); break;
    case 'Y': print("%lld", s->modified.seconds); break;
    case 'y': put_time(&s->modified); break;
    case 'Z': print("%lld", s->changed.seconds); break;
    case 'z': put_time(&s->changed); break;
    case '%': put_char(&out, '%'); break;
    default: put_char(&out, '?');
  }
}

static void put_all(const char *path, const struct stat *s) {
  char mode[11];
  mode_string(s->mode, mode);
  print("  File: ");
  if ((s->mode & S_IFMT) == S_IFLNK) put_field('N', path, s);
  else print("%s", path);
  print("\n  Size: %-10llu\tBlocks: %-10llu IO Block: %-6u %s\n", s->size, s->blocks, s->block_size, type_name(s));
  print("Device: %u,%u\tInode: %-10llu  Links: %u\n", s->dev_major, s->dev_minor, s->inode, s->links);
  print("Access: (%04o/%s)  Uid: (%5u/%8s)   ", s->mode & 07777, mode, s->uid, user_name(s->uid));
  print("Gid: (%5u/%8s)\nAccess: ", s->gid, group_name(s->gid));
  put_time(&s->accessed);
  print("\nModify: ");
  put_time(&s->modified);
  print("\nChange: ");
  put_time(&s->changed);
  put_char(&out, '\n');
}

int stat_main(int argc, char **argv) {
  const char *format = NULL;
  bool follow = false;
  int result = 0;
  struct options options = OPTIONS("Lc:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'L') follow = true;
    else format = options.value;
  }
  if (options.at == argc) warn("missing operand"), usage();
  for (int i = options.at; i < argc; i++) {
    struct stat status;
    long error = follow ? stat(argv[i], &status) : lstat(argv[i], &status);
    if (error < 0) {
      result = fail(error, "cannot statx '%s'", argv[i]);
      continue;
    }
    if (format == NULL) {
      put_all(argv[i], &status);
      continue;
    }
    for (const char *at = format; *at != 0; at++) {
      if (*at == '%' && at[1] != 0) put_field(*++at, argv[i], &status);
      else put_char(&out, *at);
    }
    put_char(&out, '\n');
  }
  return result;
}
