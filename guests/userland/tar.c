// tar(1): archives in the ustar format (POSIX, "pax"), not compressed. Long names of GNU and pax archives are understood.
#include "main.h"

struct header {
  char name[100], mode[8], uid[8], gid[8], size[12], modified[12], checksum[8], type, link[100], magic[6], version[2];
  char user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
enum { BLOCK = sizeof(struct header) };

static int archive;
static bool verbose, keep_owner, to_stdout;
static int status;

// Files with several links that are in the archive already.
static struct link {
  struct link *next;
  u64 inode;
  u32 major, minor;
  char *path;
} *links;

static void write_archive(const void *data, size_t length) {
  long error = write_all(archive, data, length);
  if (error < 0) die(2, "cannot write: %s", error_text(error));
}

static void put_octal(char *field, int size, u64 value) {
  for (field[--size] = 0; size > 0; value >>= 3) field[--size] = '0' + (value & 7);
}

static void finish_header(struct header *header) {
  u32 sum = 0;
  memcpy(header->magic, "ustar", 6);
  memcpy(header->version, "00", 2);
  memset(header->checksum, ' ', 8);
  for (int i = 0; i < BLOCK; i++) sum += ((u8 *)header)[i];
  put_octal(header->checksum, 7, sum);
  write_archive(header, BLOCK);
}

// A name that is too long even with a prefix comes before, as GNU has it.
static void put_long_name(const char *name, char type) {
  static const char zeros[BLOCK];
  struct header header = {.name = "././@LongLink", .type = type};
  size_t length = strlen(name) + 1;
  put_octal(header.mode, 8, 0644);
  put_octal(header.uid, 8, 0);
  put_octal(header.gid, 8, 0);
  put_octal(header.size, 12, length);
  put_octal(header.modified, 12, 0);
  finish_header(&header);
  write_archive(name, length);
  write_archive(zeros, (BLOCK - length % BLOCK) % BLOCK);
}

static void put_name(struct header *header, const char *name) {
  size_t length = strlen(name);
  if (length <= sizeof header->name) {
    memcpy(header->name, name, length);
    return;
  }
  const char *slash = length > sizeof header->name ? strchr(name + length - sizeof header->name - 1, '/') : NULL;
  if (slash != NULL && slash - name <= (long)sizeof header->prefix && slash[1] != 0 && slash > name) {
    memcpy(header->prefix, name, slash - name);
    memcpy(header->name, slash + 1, strlen(slash + 1));
    return;
  }
  put_long_name(name, 'L');
  memcpy(header->name, name, sizeof header->name);
}

static void copy_in(const char *path, u64 size) {
  char buffer[BLOCK * 8];
  int fd = open(path, O_RDONLY, 0);
  for (u64 done = 0; done < size;) {
    u64 left = size - done;
    long want = left < sizeof buffer ? (long)left : (long)sizeof buffer, got = fd < 0 ? fd : read(fd, buffer, want);
    if (got <= 0) {
      status = 2;
      warn("%s: File shrank while it was read; padding with zeros", path);
      memset(buffer, 0, want);
      got = want;
    }
    done += got;
    long padding = done == size ? (BLOCK - done % BLOCK) % BLOCK : 0;
    if (got + padding > (long)sizeof buffer) padding = 0;
    memset(buffer + got, 0, padding);
    write_archive(buffer, got + padding);
  }
  close(fd);
}

static const char *known_link(const struct stat *found) {
  for (struct link *link = links; link != NULL; link = link->next) {
    if (link->inode == found->inode && link->major == found->dev_major && link->minor == found->dev_minor) return link->path;
  }
  return NULL;
}

static void add(const char *path);

static void add_below(const char *path) {
  struct list names = {0};
  long error = list_directory(path, &names);
  if (error < 0) status = fail(error, "%s: Cannot open", path) + 1;
  for (size_t i = 0; i < names.count; i++) {
    char *inside = join_path(path, names.items[i]);
    add(inside);
    release(inside);
  }
}

static void add(const char *path) {
  static const char types[16] = {[1] = '6', [2] = '3', [4] = '5', [6] = '4', [8] = '0', [10] = '2'};
  struct header header = {.type = 0};
  struct stat found;
  char target[4096];
  long error = lstat(path, &found);
  if (error < 0) {
    warn("%s: Cannot stat: %s", path, error_text(error));
    status = 2;
    return;
  }
  header.type = types[found.mode >> 12];
  if (header.type == 0) return warn("%s: socket ignored", path);
  bool directory = header.type == '5';
  char *name = join_path(path, "");
  if (!directory) name[strlen(name) - 1] = 0;
  while (*name == '/') name++;
  if (*name == 0) name = "./";
  const char *linked = directory || found.links < 2 ? NULL : known_link(&found);
  if (linked != NULL) header.type = '1';
  else if (!directory && found.links > 1) {
    struct link *link = allocate(sizeof *link);
    *link = (struct link){links, found.inode, found.dev_major, found.dev_minor, copy_string(name)};
    links = link;
  }
  if (header.type == '2' && readlink(path, target, sizeof target) >= 0) linked = target;
  if (linked != NULL && strlen(linked) > sizeof header.link) put_long_name(linked, 'K');
  if (linked != NULL) memcpy(header.link, linked, strlen(linked) < sizeof header.link ? strlen(linked) : sizeof header.link);
  put_name(&header, name);
  put_octal(header.mode, 8, found.mode & 07777);
  put_octal(header.uid, 8, found.uid);
  put_octal(header.gid, 8, found.gid);
  put_octal(header.size, 12, header.type == '0' ? found.size : 0);
  put_octal(header.modified, 12, found.modified.seconds);
  format_text(header.user, sizeof header.user, "%s", user_name(found.uid));
  format_text(header.group, sizeof header.group, "%s", group_name(found.gid));
  put_octal(header.major, 8, found.rdev_major);
  put_octal(header.minor, 8, found.rdev_minor);
  if (verbose) print("%s\n", name);
  finish_header(&header);
  if (header.type == '0') copy_in(path, found.size);
  if (directory) add_below(path);
}

static int create(char **paths) {
  static const char zeros[BLOCK * 2];
  if (*paths == NULL) die(2, "Cowardly refusing to create an empty archive");
  for (; *paths != NULL; paths++) {
    if (**paths == '/') warn("Removing leading `/' from member names");
    add(*paths);
  }
  write_archive(zeros, sizeof zeros);
  return status;
}

static bool read_block(void *block) {
  for (size_t done = 0; done < BLOCK;) {
    long got = read(archive, (char *)block + done, BLOCK - done);
    if (got < 0) die(2, "cannot read: %s", error_text(got));
    if (got == 0) {
      if (done > 0) die(2, "Unexpected EOF in archive");
      return false;
    }
    done += got;
  }
  return true;
}

static u64 take_octal(const char *field, int size) {
  u64 value = 0;
  if (*field & 0x80) {
    for (int i = 1; i < size; i++) value = value << 8 | (u8)field[i];
    return value;
  }
  for (; size > 0 && (*field == ' ' || (*field >= '0' && *field < '8')); size--, field++) {
    if (*field != ' ') value = value * 8 + *field - '0';
  }
  return value;
}

static bool is_valid(const struct header *header) {
  u32 sum = 0;
  for (int i = 0; i < BLOCK; i++) {
    bool in_checksum = i >= 148 && i < 156;
    sum += in_checksum ? ' ' : ((const u8 *)header)[i];
  }
  return sum == take_octal(header->checksum, 8);
}

static char *take_data(u64 size) {
  struct text text = {0};
  char block[BLOCK];
  text_add(&text, "", 0);
  for (u64 done = 0; done < size && read_block(block); done += BLOCK) {
    text_add(&text, block, size - done < BLOCK ? size - done : BLOCK);
  }
  return text.data;
}

static void skip_data(u64 size) {
  char block[BLOCK];
  for (u64 done = 0; done < size && read_block(block); done += BLOCK) {}
}

// Records "LENGTH KEY=VALUE\n" of a pax header.
static void take_pax(char *data, char **name, char **link) {
  while (*data != 0) {
    i64 length = 0;
    char *at = data;
    for (; is_digit(*at); at++) length = length * 10 + *at - '0';
    if (length <= at - data || data[length - 1] != '\n') return;
    data[length - 1] = 0;
    char *value = after(at + 1, "path=");
    if (value != NULL) *name = value;
    value = after(at + 1, "linkpath=");
    if (value != NULL) *link = value;
    data += length;
  }
}

// Would this name lead out of where the archive is unpacked?
static bool leads_out(const char *name) {
  for (const char *at = name; at != NULL; at = strchr(at, '/')) {
    while (*at == '/') at++;
    if (at[0] == '.' && at[1] == '.' && (at[2] == 0 || at[2] == '/')) return true;
  }
  return false;
}

static void make_parents(char *path) {
  for (char *at = path + 1; *at != 0; at++) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(path, 0777);
    *at = '/';
  }
}

static void extract_file(const char *name, u64 size, u32 mode) {
  char block[BLOCK];
  int fd = 1;
  if (!to_stdout) {
    unlink(name);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode & 0777);
    if (fd < 0) status = fail(fd, "%s: Cannot open", name) + 1;
  }
  for (u64 done = 0; done < size && read_block(block); done += BLOCK) {
    long error = fd < 0 ? 0 : write_all(fd, block, size - done < BLOCK ? size - done : BLOCK);
    if (error < 0) die(2, "%s: Cannot write: %s", name, error_text(error));
  }
  if (fd > 1) close(fd);
}

static void extract(const struct header *header, char *name, const char *linked, u64 size) {
  u32 mode = take_octal(header->mode, 8) & 07777;
  struct timespec modified = {take_octal(header->modified, 12), 0}, times[] = {modified, modified};
  long error = 0;
  if (to_stdout) {
    if (header->type == '0' || header->type == 0) extract_file(name, size, mode);
    return;
  }
  make_parents(name);
  switch (header->type) {
    case '0': case 0: case '7': extract_file(name, size, mode); break;
    case '1':
      unlink(name);
      error = leads_out(linked) ? -EPERM : link(linked, name);
      break;
    case '2':
      unlink(name);
      error = symlink(linked, name);
      break;
    case '5':
      error = mkdir(name, mode | 0700);
      if (error == -EEXIST && is_directory(name)) error = 0;
      break;
    case '3': case '4': case '6':
      unlink(name);
      error = make_node(name, mode | (header->type == '3' ? S_IFCHR : header->type == '4' ? S_IFBLK : S_IFIFO), take_octal(header->major, 8), take_octal(header->minor, 8));
      break;
    default:
      warn("%s: type '%c' is not known and skipped", name, header->type);
      skip_data(size);
      status = 2;
      return;
  }
  if (error < 0) {
    status = fail(error, "%s: Cannot create", name) + 1;
    return;
  }
  if (keep_owner) chown(name, take_octal(header->uid, 8), take_octal(header->gid, 8), false);
  if (header->type == '1') return;
  if (header->type != '2') chmod(name, mode);
  set_times(name, times, false);
}

static void list(const struct header *header, const char *name, const char *linked, u64 size) {
  static const u32 types[] = {S_IFREG, S_IFREG, S_IFLNK, S_IFCHR, S_IFBLK, S_IFDIR, S_IFIFO};
  if (verbose) {
    char mode[11];
    struct text when = {0};
    struct date date;
    i64 seconds = take_octal(header->modified, 12);
    int type = is_digit(header->type) && header->type < '7' ? header->type - '0' : 0;
    mode_string(types[type] | (take_octal(header->mode, 8) & 07777), mode);
    if (type == 1) mode[0] = 'h';
    date_of(seconds, &date);
    format_date(&when, "%Y-%m-%d %H:%M", &date, seconds, 0);
    char owner[72], user[33] = {0}, group[33] = {0};
    memcpy(user, header->user, 32);
    memcpy(group, header->group, 32);
    if (*user == 0) format_text(user, sizeof user, "%llu", take_octal(header->uid, 8));
    if (*group == 0) format_text(group, sizeof group, "%llu", take_octal(header->gid, 8));
    format_text(owner, sizeof owner, "%s/%s", user, group);
    print("%s %s %*llu %s ", mode, owner, 18 - (int)strlen(owner), size, when.data);
  }
  print("%s", name);
  if (verbose && header->type == '2') print(" -> %s", linked);
  if (verbose && header->type == '1') print(" link to %s", linked);
  put_char(&out, '\n');
}

// Is a member asked for: by its name, or that of a directory above it?
static bool is_wanted(const char *name, char **paths) {
  if (*paths == NULL) return true;
  for (; *paths != NULL; paths++) {
    const char *rest = after(name, *paths);
    if (rest != NULL && (*rest == 0 || *rest == '/' || rest[-1] == '/')) return true;
  }
  return false;
}

static int read_members(char **paths, bool only_list) {
  struct header header;
  char *long_name = NULL, *long_link = NULL;
  bool any = false;
  while (read_block(&header)) {
    if (header.name[0] == 0 && header.checksum[0] == 0) break;
    if (!is_valid(&header)) die(2, any ? "Skipping to next header: damaged archive" : "This does not look like a tar archive");
    any = true;
    u64 size = take_octal(header.size, 12);
    if (header.type == 'L') long_name = take_data(size);
    else if (header.type == 'K') long_link = take_data(size);
    else if (header.type == 'x') take_pax(take_data(size), &long_name, &long_link);
    else if (header.type == 'g') skip_data(size);
    else {
      char name[sizeof header.name + sizeof header.prefix + 2], link_name[sizeof header.link + 1] = {0};
      bool has_prefix = header.prefix[0] != 0 && memcmp(header.magic, "ustar", 6) == 0;
      format_text(name, sizeof name, "%.*s%s%.*s", has_prefix ? (int)sizeof header.prefix : 0, header.prefix, has_prefix ? "/" : "", (int)sizeof header.name, header.name);
      memcpy(link_name, header.link, sizeof header.link);
      char *path = long_name != NULL ? long_name : name, *linked = long_link != NULL ? long_link : link_name;
      // only files have contents; links of some archives name a size all the same
      if (header.type != '0' && header.type != 0 && header.type != '7') size = 0;
      bool wanted = is_wanted(path, paths);
      if (wanted && only_list) list(&header, path, linked, size);
      if (wanted && !only_list && verbose) print("%s\n", path);
      char *inside = path;
      while (*inside == '/') inside++;
      bool refused = !only_list && leads_out(inside);
      if (wanted && refused) {
        warn("%s: Member name contains '..'", path);
        status = 2;
      }
      if (wanted && !only_list && !refused && *inside != 0) extract(&header, inside, linked, size);
      else skip_data(size);
      long_name = long_link = NULL;
    }
  }
  return status;
}

int tar_main(int argc, char **argv) {
  char mode = 0;
  const char *file = "-", *directory = NULL;
  // the first word may be without its dash
  if (argc > 1 && argv[1][0] != '-') {
    struct text word = {0};
    text_string(&word, "-");
    text_string(&word, argv[1]);
    argv[1] = word.data;
  }
  struct options options = OPTIONS("cxtvf:C:pOzo");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'c' || c == 'x' || c == 't') mode = c;
    if (c == 'v') verbose = true;
    if (c == 'f') file = options.value;
    if (c == 'C') directory = options.value;
    if (c == 'O') to_stdout = true;
    if (c == 'z') die(2, "compressed archives are not supported");
  }
  if (mode == 0) die(2, "You must specify one of the '-ctx' options");
  keep_owner = geteuid() == 0;
  archive = equal(file, "-") ? mode == 'c' : (int)open(file, mode == 'c' ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0666);
  if (archive < 0) die(2, "%s: Cannot open: %s", file, error_text(archive));
  long error = directory == NULL ? 0 : chdir(directory);
  if (error < 0) die(2, "%s: Cannot open: %s", directory, error_text(error));
  // names go to standard error when the archive goes to standard output
  if (mode == 'c' && archive == 1) out.fd = 2;
  if (mode == 'c') return create(argv + options.at);
  return read_members(argv + options.at, mode == 't');
}
