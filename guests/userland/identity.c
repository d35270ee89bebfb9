// Who and where: id(1), whoami(1), hostname(1), uname(1), pwd(1), env(1).
#include "main.h"

static void print_ids(u32 uid, u32 gid, u32 *groups, int count) {
  print("uid=%u(%s) ", uid, user_name(uid));
  print("gid=%u(%s)", gid, group_name(gid));
  for (int i = 0; i < count; i++) print("%s%u(%s)", i == 0 ? " groups=" : ",", groups[i], group_name(groups[i]));
  put_char(&out, '\n');
}

int id_main(int argc, char **argv) {
  u32 uid = geteuid(), gid = getegid(), groups[64];
  char wanted = 0;
  bool name = false;
  struct options options = OPTIONS("ugGnr");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'n') name = true;
    else if (c != 'r') wanted = c;
  }
  long found = CALL2(getgroups, COUNT(groups) - 1, groups + 1);
  if (options.at < argc) {
    if (!find_user(argv[options.at], &uid, &gid)) die(1, "'%s': no such user", argv[options.at]);
    found = 0;
  }
  // the group it runs with comes first, and once
  int count = 1;
  groups[0] = gid;
  for (int i = 1; i <= found; i++)
    if (groups[i] != gid) groups[count++] = groups[i];
  if (wanted == 0) {
    print_ids(uid, gid, groups, count);
    return 0;
  }
  if (wanted != 'G') {
    groups[0] = wanted == 'u' ? uid : gid;
    count = 1;
  }
  for (int i = 0; i < count; i++) {
    if (i > 0) put_char(&out, ' ');
    if (name) print("%s", wanted == 'u' ? user_name(groups[i]) : group_name(groups[i]));
    else print("%u", groups[i]);
  }
  put_char(&out, '\n');
  return 0;
}

int whoami_main(int argc, char **argv) {
  (void)argc, (void)argv;
  print("%s\n", user_name(geteuid()));
  return 0;
}

int hostname_main(int argc, char **argv) {
  struct system_name name;
  if (argc > 1) {
    long error = CALL2(sethostname, argv[1], strlen(argv[1]));
    return error < 0 ? fail(error, "sethostname") : 0;
  }
  CALL1(uname, &name);
  print("%s\n", name.node);
  return 0;
}

int uname_main(int argc, char **argv) {
  static const char letters[] = "snrvm";
  struct system_name name;
  bool wanted[5] = {0}, any = false;
  struct options options = OPTIONS("asnrvmpio");
  for (int c; (c = next_option(&options)) != 0;) {
    const char *letter = strchr(letters, c);
    for (int i = 0; i < 5; i++) wanted[i] |= c == 'a' || letter == letters + i;
    if (c == 'p' || c == 'i') wanted[4] = true;
    if (c == 'o') wanted[0] = true;
  }
  CALL1(uname, &name);
  const char *const values[] = {name.system, name.node, name.release, name.version, name.machine};
  for (int i = 0; i < 5; i++) any |= wanted[i];
  if (!any) wanted[0] = true;
  any = false;
  for (int i = 0; i < 5; i++) {
    if (!wanted[i]) continue;
    print("%s%s", any ? " " : "", values[i]);
    any = true;
  }
  put_char(&out, '\n');
  return 0;
}

int pwd_main(int argc, char **argv) {
  (void)argc, (void)argv;
  char path[4096];
  long error = get_directory(path, sizeof path);
  if (error < 0) return fail(error, "the directory is gone");
  print("%s\n", path);
  return 0;
}

static void set_in(struct list *settings, const char *name, size_t length, char *setting) {
  size_t kept = 0;
  for (size_t i = 0; i < settings->count; i++) {
    bool same = strncmp(settings->items[i], name, length) == 0 && settings->items[i][length] == '=';
    if (same && setting != NULL) settings->items[kept++] = setting, setting = NULL;
    else if (!same) settings->items[kept++] = settings->items[i];
  }
  settings->count = kept;
  if (setting != NULL) list_add(settings, setting);
  if (settings->items != NULL) settings->items[settings->count] = NULL;
}

int env_main(int argc, char **argv) {
  struct list settings = {0};
  bool empty = false;
  struct options options = OPTIONS("iu:");
  for (char **setting = environment; *setting != NULL; setting++) list_add(&settings, *setting);
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'i') empty = true;
    else set_in(&settings, options.value, strlen(options.value), NULL);
  }
  if (empty) settings.count = 0;
  int at = options.at;
  for (char *equals; at < argc && (equals = strchr(argv[at], '=')) != NULL; at++) {
    set_in(&settings, argv[at], equals - argv[at], argv[at]);
  }
  if (at < argc) {
    list_add(&settings, NULL);
    environment = settings.items;
    run_program(argv + at);
  }
  for (size_t i = 0; i < settings.count; i++) print("%s\n", settings.items[i]);
  return 0;
}
