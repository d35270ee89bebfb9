// Names of users and groups (passwd(5), group(5)).
#include "user.h"

// The next field of a line, ended by 0.
static char *field(char **line) {
  char *start = *line, *end = start;
  while (*end != 0 && *end != ':' && *end != '\n') end++;
  *line = *end == ':' ? end + 1 : end;
  *end = 0;
  return start;
}

// Looks in a file of lines name:x:number[:number...]. By name if that is not NULL.
static bool look_up(const char *path, const char *name, u32 id, char **found, u32 *number, u32 *second) {
  char *text = read_file(path, NULL);
  while (text != NULL && *text != 0) {
    char *next = strchr(text, '\n'), *line = text;
    if (next != NULL) *next++ = 0;
    text = next;
    char *known = field(&line);
    field(&line);
    i64 value = -1, more = 0;
    if (!parse_number(field(&line), 10, &value)) continue;
    parse_number(field(&line), 10, &more);
    if (name != NULL ? !equal(known, name) : value != id) continue;
    *found = known;
    *number = value;
    *second = more;
    return true;
  }
  return false;
}

static const char *name_of(const char *path, u32 id) {
  static char buffer[16];
  char *name;
  u32 number, second;
  if (look_up(path, NULL, id, &name, &number, &second)) return name;
  return format_text(buffer, sizeof buffer, "%u", id);
}

// The last answer is remembered: listings ask for the same user again and again.
const char *user_name(u32 uid) {
  static const char *last;
  static u32 asked;
  if (last == NULL || asked != uid) last = copy_string(name_of("/etc/passwd", uid));
  asked = uid;
  return last;
}

const char *group_name(u32 gid) {
  static const char *last;
  static u32 asked;
  if (last == NULL || asked != gid) last = copy_string(name_of("/etc/group", gid));
  asked = gid;
  return last;
}

bool find_user(const char *name, u32 *uid, u32 *gid) {
  char *found;
  i64 value;
  if (look_up("/etc/passwd", name, 0, &found, uid, gid)) return true;
  if (!parse_number(name, 10, &value) || value < 0) return false;
  *uid = *gid = value;
  return true;
}

bool find_group(const char *name, u32 *gid) {
  char *found;
  i64 value;
  u32 second;
  if (look_up("/etc/group", name, 0, &found, gid, &second)) return true;
  if (!parse_number(name, 10, &value) || value < 0) return false;
  *gid = value;
  return true;
}
