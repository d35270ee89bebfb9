// unshare(1) and nsenter(1): programs in namespaces of their own, or in those of another process (namespaces(7)).
#include "main.h"

static const struct { char letter; const char *name, *file; u32 flag; } kinds[] = {
  {'m', "mount", "mnt", 0x00020000}, {'u', "uts", "uts", 0x04000000}, {'i', "ipc", "ipc", 0x08000000},
  {'n', "net", "net", 0x40000000}, {'p', "pid", "pid", 0x20000000}, {'U', "user", "user", 0x10000000},
  {'C', "cgroup", "cgroup", 0x02000000}, {'T', "time", "time", 0x00000080},
};

// Long names of the options, as scripts write them, become letters.
static void shorten(int argc, char **argv) {
  bool is_value = false;
  for (int i = 1; i < argc && (argv[i][0] == '-' || is_value); i++) {
    const char *name = after(argv[i], "--"), *letter = NULL;
    for (u32 kind = 0; name != NULL && kind < COUNT(kinds); kind++) {
      if (equal(name, kinds[kind].name)) letter = &kinds[kind].letter;
    }
    if (name != NULL && equal(name, "fork")) letter = "f";
    if (name != NULL && equal(name, "map-root-user")) letter = "r";
    if (name != NULL && equal(name, "target")) letter = "t";
    if (name != NULL && equal(name, "all")) letter = "a";
    if (letter != NULL) argv[i] = format_text(allocate(3), 3, "-%c", *letter);
    is_value = equal(argv[i], "-t");
  }
}

static u32 flag_of(int letter) {
  for (u32 i = 0; i < COUNT(kinds); i++) {
    if (kinds[i].letter == letter) return kinds[i].flag;
  }
  return 0;
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY, 0);
  long error = fd < 0 ? fd : write_all(fd, text, strlen(text));
  if (error < 0) die(1, "%s: %s", path, error_text(error));
  close(fd);
}

static int run_in_child(char **words, bool forks) {
  static char *shell[] = {"sh", NULL};
  if (*words == NULL) words = shell;
  if (!forks) run_program(words);
  int status, pid = fork();
  if (pid < 0) return fail(pid, "fork failed");
  if (pid == 0) run_program(words);
  while (wait_for(pid, &status, 0) == -EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int unshare_main(int argc, char **argv) {
  u32 flags = 0, uid = geteuid(), gid = getegid();
  bool forks = false, map_root = false;
  char line[40];
  shorten(argc, argv);
  struct options options = OPTIONS("muinpUCTfr");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'f') forks = true;
    if (c == 'r') map_root = true;
    flags |= flag_of(c == 'r' ? 'U' : c);
  }
  long error = CALL1(unshare, flags);
  if (error < 0) return fail(error, "unshare failed");
  if (map_root) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", format_text(line, sizeof line, "0 %u 1", uid));
    write_file("/proc/self/gid_map", format_text(line, sizeof line, "0 %u 1", gid));
  }
  // what is mounted inside stays inside
  if (flags & flag_of('m')) CALL5(mount, "none", "/", NULL, 1 << 18 | 16384, NULL);
  return run_in_child(argv + options.at, forks);
}

int nsenter_main(int argc, char **argv) {
  u32 flags = 0;
  const char *target = NULL;
  int files[COUNT(kinds)];
  shorten(argc, argv);
  struct options options = OPTIONS("muinpUCTat:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 't') target = options.value;
    else flags |= c == 'a' ? ~0u : flag_of(c);
  }
  if (target == NULL) die(1, "no target PID specified");
  // all of them before the first: then /proc may be another
  for (u32 i = 0; i < COUNT(kinds); i++) {
    char path[64];
    files[i] = -1;
    if (!(flags & kinds[i].flag)) continue;
    format_text(path, sizeof path, "/proc/%s/ns/%s", target, kinds[i].file);
    files[i] = open(path, O_RDONLY | O_CLOEXEC, 0);
    if (files[i] < 0) die(1, "cannot open %s: %s", path, error_text(files[i]));
    struct stat own, other;
    format_text(path, sizeof path, "/proc/self/ns/%s", kinds[i].file);
    bool same = stat(path, &own) == 0 && fstat(files[i], &other) == 0 && own.inode == other.inode;
    if (same) files[i] = -1;
  }
  // the user namespace first: it gives the rights for the others
  for (u32 turn = 0; turn < 2; turn++) {
    for (u32 i = 0; i < COUNT(kinds); i++) {
      if (files[i] < 0 || (kinds[i].letter == 'U') != (turn == 0)) continue;
      long error = CALL2(setns, files[i], kinds[i].flag);
      if (error < 0) die(1, "reassociate to namespace 'ns/%s' failed: %s", kinds[i].file, error_text(error));
    }
  }
  return run_in_child(argv + options.at, flags & flag_of('p'));
}
