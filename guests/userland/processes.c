// Processes: ps(1) and top(1), from /proc (proc(5)).
#include "main.h"

struct process {
  int pid, parent, group, session, terminal, nice, threads;
  char state, name[64], *command;
  u64 ticks, start, size, resident;
  u32 uid;
  u64 recent; // ticks since the last look, for top
};
enum { TICKS = 100 };

// The numbers behind the name, which is in parentheses and may have any characters in it.
static bool read_process(int pid, struct process *into) {
  char path[40];
  i64 fields[24] = {0};
  struct stat status;
  memset(into, 0, sizeof *into);
  char *text = read_file(format_text(path, sizeof path, "/proc/%d/stat", pid), NULL);
  char *open = text == NULL ? NULL : strchr(text, '('), *close = text == NULL ? NULL : strrchr(text, ')');
  if (open == NULL || close == NULL) return false;
  format_text(into->name, sizeof into->name, "%.*s", (int)(close - open - 1), open + 1);
  into->pid = pid;
  into->state = close[2];
  char *at = close + 3;
  for (u32 i = 4; i < COUNT(fields) && *at != 0; i++) {
    while (*at == ' ') at++;
    bool negative = *at == '-';
    if (negative) at++;
    for (; is_digit(*at); at++) fields[i] = fields[i] * 10 + *at - '0';
    if (negative) fields[i] = -fields[i];
    while (*at != 0 && *at != ' ') at++;
  }
  into->parent = fields[4];
  into->group = fields[5];
  into->session = fields[6];
  into->terminal = fields[7];
  into->ticks = fields[14] + fields[15];
  into->nice = fields[19];
  into->threads = fields[20];
  into->start = fields[22];
  into->size = fields[23];
  while (*at == ' ') at++;
  for (; is_digit(*at); at++) into->resident = into->resident * 10 + *at - '0';
  release(text);
  if (stat(format_text(path, sizeof path, "/proc/%d", pid), &status) == 0) into->uid = status.uid;
  size_t length = 0;
  into->command = read_file(format_text(path, sizeof path, "/proc/%d/cmdline", pid), &length);
  for (size_t i = 0; i + 1 < length; i++) {
    if (into->command[i] == 0) into->command[i] = ' ';
  }
  if (length == 0) {
    into->command = allocate(sizeof into->name + 2);
    format_text(into->command, sizeof into->name + 2, "[%s]", into->name);
  }
  return true;
}

static int by_pid(const void *a, const void *b) { return ((const struct process *)a)->pid - ((const struct process *)b)->pid; }

static void read_processes(struct list *into) {
  struct list names = {0};
  struct process process;
  i64 pid;
  into->count = 0;
  list_directory("/proc", &names);
  for (size_t i = 0; i < names.count; i++) {
    if (!parse_number(names.items[i], 10, &pid) || !read_process(pid, &process)) continue;
    struct process *kept = allocate(sizeof *kept);
    *kept = process;
    list_add(into, (char *)kept);
  }
  sort((void **)into->items, into->count, by_pid);
}

static void terminal_name(const struct process *process, char buffer[16]) {
  int major = process->terminal >> 8 & 0xfff, minor = (process->terminal & 0xff) | (process->terminal >> 12 & 0xfff00);
  if (process->terminal == 0) format_text(buffer, 16, "?");
  else if (major >= 136 && major < 144) format_text(buffer, 16, "pts/%d", minor);
  else if (major == 5 && minor == 1) format_text(buffer, 16, "console");
  else format_text(buffer, 16, "tty%d", minor);
}

static const char *process_state(const struct process *process, char buffer[8]) {
  return format_text(buffer, 8, "%c%s%s%s", process->state, process->nice > 0 ? "N" : process->nice < 0 ? "<" : "",
                     process->session == process->pid ? "s" : "", process->threads > 1 ? "l" : "");
}

static const struct column { const char *name, *title; int width; } columns[] = {
  {"pid", "PID", 5}, {"ppid", "PPID", 5}, {"pgid", "PGID", 5}, {"sid", "SID", 5}, {"user", "USER", -8}, {"uid", "UID", 5},
  {"tty", "TTY", -8}, {"stat", "STAT", -4}, {"s", "S", -1}, {"time", "TIME", 8}, {"vsz", "VSZ", 6}, {"rss", "RSS", 5}, {"nice", "NI", 3},
  {"ni", "NI", 3}, {"nlwp", "NLWP", 4}, {"comm", "COMMAND", -15}, {"args", "COMMAND", -27}, {"cmd", "CMD", -27}, {"command", "COMMAND", -27},
};

static const char *value_of(const char *name, const struct process *process, char buffer[32]) {
  u64 seconds = process->ticks / TICKS;
  if (equal(name, "pid")) return format_text(buffer, 32, "%d", process->pid);
  if (equal(name, "ppid")) return format_text(buffer, 32, "%d", process->parent);
  if (equal(name, "pgid")) return format_text(buffer, 32, "%d", process->group);
  if (equal(name, "sid")) return format_text(buffer, 32, "%d", process->session);
  if (equal(name, "user")) return user_name(process->uid);
  if (equal(name, "uid")) return format_text(buffer, 32, "%u", process->uid);
  if (equal(name, "tty")) return terminal_name(process, buffer), buffer;
  if (equal(name, "stat")) return process_state(process, buffer);
  if (equal(name, "s")) return format_text(buffer, 32, "%c", process->state);
  if (equal(name, "time")) return format_text(buffer, 32, "%02llu:%02llu:%02llu", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (equal(name, "vsz")) return format_text(buffer, 32, "%llu", process->size / 1024);
  if (equal(name, "rss")) return format_text(buffer, 32, "%llu", process->resident * 4);
  if (equal(name, "nice") || equal(name, "ni")) return format_text(buffer, 32, "%d", process->nice);
  if (equal(name, "nlwp")) return format_text(buffer, 32, "%d", process->threads);
  if (equal(name, "comm")) return process->name;
  return process->command;
}

struct chosen {
  const struct column *column;
  const char *title;
};
static struct chosen chosen[20];
static u32 chosen_count;

static void choose_columns(char *text) {
  while (text != NULL && *text != 0) {
    char *comma = text;
    while (*comma != 0 && *comma != ',' && *comma != ' ') comma++;
    bool more = *comma != 0;
    *comma = 0;
    char *title = strchr(text, '=');
    if (title != NULL) *title++ = 0;
    u32 i = 0;
    while (i < COUNT(columns) && !equal(columns[i].name, text)) i++;
    if (i == COUNT(columns)) die(1, "unknown column: %s", text);
    if (chosen_count < COUNT(chosen)) chosen[chosen_count++] = (struct chosen){&columns[i], title == NULL ? columns[i].title : title};
    text = more ? comma + 1 : NULL;
  }
}

static void put_cells(const struct process *process) {
  char buffer[32];
  for (u32 i = 0; i < chosen_count; i++) {
    const struct column *column = chosen[i].column;
    const char *text = process == NULL ? chosen[i].title : value_of(column->name, process, buffer);
    bool last = i + 1 == chosen_count;
    if (column->width > 0) print("%*s", column->width, text);
    else print("%-*s", last ? 0 : -column->width, text);
    put_char(&out, last ? '\n' : ' ');
  }
}

int ps_main(int argc, char **argv) {
  bool all = false, titles = false;
  i64 only = 0;
  struct process self;
  struct list processes = {0};
  if (argc > 1 && argv[1][0] != '-') {
    // BSD's form: `ps aux`
    all = strchr(argv[1], 'x') != NULL || strchr(argv[1], 'a') != NULL;
    if (strchr(argv[1], 'u') != NULL) choose_columns(copy_string("user,pid,vsz,rss,tty,stat,time,args"));
  } else {
    struct options options = OPTIONS("eAaflo:p:");
    for (int c; (c = next_option(&options)) != 0;) {
      if (c == 'e' || c == 'A' || c == 'a') all = true;
      if (c == 'f') choose_columns(copy_string("user,pid,ppid,tty,time,cmd"));
      if (c == 'l') choose_columns(copy_string("s,uid,pid,ppid,ni,rss,vsz,tty,time,cmd"));
      if (c == 'o') choose_columns(options.value);
      if (c == 'p') only = number(options.value);
    }
  }
  if (chosen_count == 0) choose_columns(copy_string("pid,user,tty,stat,time,args"));
  if (!read_process(getpid(), &self)) die(1, "/proc is not mounted");
  read_processes(&processes);
  for (u32 i = 0; i < chosen_count; i++) titles |= *chosen[i].title != 0;
  if (titles) put_cells(NULL);
  bool any = false;
  for (size_t i = 0; i < processes.count; i++) {
    struct process *process = (struct process *)processes.items[i];
    bool shown = only != 0 ? process->pid == only : all || process->uid == self.uid;
    if (shown) put_cells(process);
    any |= shown;
  }
  return !any;
}

static u64 meminfo(const char *text, const char *name) {
  const char *at = strstr(text, name);
  u64 value = 0;
  if (at == NULL) return 0;
  for (at += strlen(name); *at == ' ' || *at == ':'; at++) {}
  for (; is_digit(*at); at++) value = value * 10 + *at - '0';
  return value;
}

static int by_use(const void *left, const void *right) {
  const struct process *a = left, *b = right;
  if (a->recent != b->recent) return a->recent < b->recent ? 1 : -1;
  return a->ticks != b->ticks ? (a->ticks < b->ticks ? 1 : -1) : a->pid - b->pid;
}

static void put_top(struct list *processes, u64 elapsed, int rows) {
  char *memory = read_file("/proc/meminfo", NULL), *load = read_file("/proc/loadavg", NULL);
  size_t running = 0;
  u64 total = memory == NULL ? 0 : meminfo(memory, "MemTotal"), available = memory == NULL ? 0 : meminfo(memory, "MemAvailable");
  for (size_t i = 0; i < processes->count; i++) running += ((struct process *)processes->items[i])->state == 'R';
  print("Mem: %lluK used, %lluK available\nLoad average: %s", total - available, available, load == NULL ? "?\n" : load);
  print("Tasks: %lu total, %lu running\n\n", (unsigned long)processes->count, (unsigned long)running);
  print("%5s %-8s %2s %7s %6s %5s %9s %s\n", "PID", "USER", "S", "VIRT", "RES", "%CPU", "TIME+", "COMMAND");
  sort((void **)processes->items, processes->count, by_use);
  for (size_t i = 0; i < processes->count && (rows < 0 || (int)i < rows); i++) {
    struct process *process = (struct process *)processes->items[i];
    u64 share = elapsed == 0 ? 0 : process->recent * 1000 / elapsed;
    print("%5d %-8s %2c %7llu %6llu ", process->pid, user_name(process->uid), process->state, process->size / 1024, process->resident * 4);
    print("%3llu.%llu %3llu:%02llu.%02llu %s\n", share / 10, share % 10, process->ticks / TICKS / 60, process->ticks / TICKS % 60, process->ticks % TICKS, process->command);
  }
}

static u64 now_in_ticks(void) {
  struct timespec now;
  clock(CLOCK_MONOTONIC, &now);
  return now.seconds * TICKS + now.nanoseconds / (1000000000 / TICKS);
}

int top_main(int argc, char **argv) {
  bool batch = !is_terminal(1);
  i64 turns = -1;
  struct timespec pause = {2, 0};
  struct list before = {0};
  u64 last = 0;
  struct options options = OPTIONS("bn:d:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'b') batch = true;
    if (c == 'n') turns = number(options.value);
    if (c == 'd' && !parse_seconds(options.value, &pause)) die(1, "bad delay interval '%s'", options.value);
  }
  for (i64 turn = 0; turns < 0 || turn < turns; turn++) {
    struct list processes = {0};
    u16 window[4] = {24};
    if (turn > 0) sleep_for(pause);
    u64 now = now_in_ticks();
    read_processes(&processes);
    for (size_t i = 0; i < processes.count; i++) {
      struct process *process = (struct process *)processes.items[i];
      for (size_t j = 0; j < before.count; j++) {
        struct process *old = (struct process *)before.items[j];
        if (old->pid == process->pid && old->start == process->start) process->recent = process->ticks - old->ticks;
      }
    }
    if (!batch) print("\033[H\033[J");
    ioctl(1, TIOCGWINSZ, window);
    put_top(&processes, last == 0 ? 0 : now - last, batch || window[0] < 8 ? -1 : window[0] - 6);
    if (batch && turn + 1 != turns) put_char(&out, '\n');
    flush(&out);
    if (out.error != 0) break;
    before = processes;
    last = now;
  }
  return 0;
}

int free_main(int argc, char **argv) {
  u64 unit = 1;
  bool human = false;
  struct options options = OPTIONS("kmgh");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'h') human = true;
    unit = c == 'm' ? 1024 : c == 'g' ? 1 << 20 : 1;
  }
  char *text = read_file("/proc/meminfo", NULL), buffer[16];
  if (text == NULL) die(1, "/proc is not mounted");
  u64 total = meminfo(text, "MemTotal"), unused = meminfo(text, "MemFree"), available = meminfo(text, "MemAvailable");
  u64 shared = meminfo(text, "Shmem"), cached = meminfo(text, "Buffers") + meminfo(text, "\nCached") + meminfo(text, "SReclaimable");
  u64 swap = meminfo(text, "SwapTotal"), swap_free = meminfo(text, "SwapFree");
  u64 values[] = {total, total - available, unused, shared, cached, available, swap, swap - swap_free, swap_free};
  print("%19s %11s %11s %11s %11s %11s\nMem:   ", "total", "used", "free", "shared", "buff/cache", "available");
  for (u32 i = 0; i < COUNT(values); i++) {
    if (i == 6) print("\nSwap:  ");
    if (human) print(" %11s", human_size(buffer, values[i] * 1024));
    else print(" %11llu", values[i] / unit);
  }
  put_char(&out, '\n');
  return 0;
}
