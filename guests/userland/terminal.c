// Terminals: stty(1) and tty(1) (POSIX, "stty", "tty"; termios(3)).
#include "main.h"

enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2 };
enum { CHARACTERS = 19, CBAUD = 0010017, CSIZE = 0060, CANONICAL = 0000002, ECHOED = 0000010 };

// What an ioctl reads and sets.
struct terminal {
  u32 modes[4]; // input, output, control, local
  u8 line, characters[CHARACTERS];
};
struct window {
  u16 rows, columns, width, height;
};
enum { INPUT, OUTPUT, CONTROL, LOCAL };

// In the order they are shown; `sane`: 1 and 0 for what `stty sane` sets and clears, 2 for what it leaves.
static const struct mode {
  const char *name;
  u8 group, sane, choice; // a choice has no opposite
  u32 mask, bits;
} modes[] = {
#define FLAG(name, group, sane, bits) {#name, group, sane, 0, bits, bits}
#define CHOICE(name, group, sane, mask, bits) {#name, group, sane, 1, mask, bits}
  FLAG(parenb, CONTROL, 2, 0400), FLAG(parodd, CONTROL, 2, 01000), FLAG(cmspar, CONTROL, 2, 010000000000),
  CHOICE(cs5, CONTROL, 2, CSIZE, 0), CHOICE(cs6, CONTROL, 2, CSIZE, 020), CHOICE(cs7, CONTROL, 2, CSIZE, 040),
  CHOICE(cs8, CONTROL, 2, CSIZE, 060), FLAG(hupcl, CONTROL, 2, 02000), FLAG(cstopb, CONTROL, 2, 0100),
  FLAG(cread, CONTROL, 1, 0200), FLAG(clocal, CONTROL, 2, 04000), FLAG(crtscts, CONTROL, 2, 020000000000),
  FLAG(ignbrk, INPUT, 0, 01), FLAG(brkint, INPUT, 1, 02), FLAG(ignpar, INPUT, 2, 04), FLAG(parmrk, INPUT, 2, 010),
  FLAG(inpck, INPUT, 2, 020), FLAG(istrip, INPUT, 2, 040), FLAG(inlcr, INPUT, 0, 0100), FLAG(igncr, INPUT, 0, 0200),
  FLAG(icrnl, INPUT, 1, 0400), FLAG(ixon, INPUT, 2, 02000), FLAG(ixoff, INPUT, 0, 010000), FLAG(iuclc, INPUT, 0, 01000),
  FLAG(ixany, INPUT, 0, 04000), FLAG(imaxbel, INPUT, 1, 020000), FLAG(iutf8, INPUT, 0, 040000),
  FLAG(opost, OUTPUT, 1, 01), FLAG(olcuc, OUTPUT, 0, 02), FLAG(ocrnl, OUTPUT, 0, 010), FLAG(onlcr, OUTPUT, 1, 04),
  FLAG(onocr, OUTPUT, 0, 020), FLAG(onlret, OUTPUT, 0, 040), FLAG(ofill, OUTPUT, 0, 0100), FLAG(ofdel, OUTPUT, 0, 0200),
  CHOICE(nl1, OUTPUT, 2, 0400, 0400), CHOICE(nl0, OUTPUT, 1, 0400, 0), CHOICE(cr3, OUTPUT, 2, 03000, 03000),
  CHOICE(cr2, OUTPUT, 2, 03000, 02000), CHOICE(cr1, OUTPUT, 2, 03000, 01000), CHOICE(cr0, OUTPUT, 1, 03000, 0),
  CHOICE(tab3, OUTPUT, 2, 014000, 014000), CHOICE(tab2, OUTPUT, 2, 014000, 010000),
  CHOICE(tab1, OUTPUT, 2, 014000, 04000), CHOICE(tab0, OUTPUT, 1, 014000, 0), CHOICE(bs1, OUTPUT, 2, 020000, 020000),
  CHOICE(bs0, OUTPUT, 1, 020000, 0), CHOICE(vt1, OUTPUT, 2, 040000, 040000), CHOICE(vt0, OUTPUT, 1, 040000, 0),
  CHOICE(ff1, OUTPUT, 2, 0100000, 0100000), CHOICE(ff0, OUTPUT, 1, 0100000, 0),
  FLAG(isig, LOCAL, 1, 01), FLAG(icanon, LOCAL, 1, CANONICAL), FLAG(iexten, LOCAL, 1, 0100000),
  FLAG(echo, LOCAL, 1, ECHOED), FLAG(echoe, LOCAL, 1, 020), FLAG(echok, LOCAL, 1, 040), FLAG(echonl, LOCAL, 0, 0100),
  FLAG(noflsh, LOCAL, 0, 0200), FLAG(xcase, LOCAL, 0, 04), FLAG(tostop, LOCAL, 0, 0400), FLAG(echoprt, LOCAL, 0, 02000),
  FLAG(echoctl, LOCAL, 1, 01000), FLAG(echoke, LOCAL, 1, 04000), FLAG(flusho, LOCAL, 0, 010000),
  FLAG(extproc, LOCAL, 0, 0200000),
};

// Control characters in the order they are shown, with what `stty sane` makes of them.
static const struct { const char *name; u8 at, sane; } characters[] = {
  {"intr", VINTR, 3}, {"quit", VQUIT, 28}, {"erase", VERASE, 127}, {"kill", VKILL, 21}, {"eof", VEOF, 4}, {"eol", VEOL, 0},
  {"eol2", VEOL2, 0}, {"swtch", VSWTC, 0}, {"start", VSTART, 17}, {"stop", VSTOP, 19}, {"susp", VSUSP, 26},
  {"rprnt", VREPRINT, 18}, {"werase", VWERASE, 23}, {"lnext", VLNEXT, 22}, {"discard", VDISCARD, 15},
};

// Settings that stand for several others.
static const struct { const char *name, *means; } combinations[] = {
  {"evenp", "parenb -parodd cs7"}, {"-evenp", "-parenb cs8"}, {"parity", "parenb -parodd cs7"}, {"-parity", "-parenb cs8"},
  {"oddp", "parenb parodd cs7"}, {"-oddp", "-parenb cs8"}, {"nl", "-icrnl -onlcr"}, {"-nl", "icrnl -inlcr -igncr onlcr -ocrnl -onlret"},
  {"ek", "erase ^? kill ^U"}, {"cooked", "brkint ignpar istrip icrnl ixon opost isig icanon eof ^D eol ^-"},
  {"-raw", "cooked"}, {"-cooked", "raw"}, {"cbreak", "-icanon"}, {"-cbreak", "icanon"}, {"pass8", "-parenb -istrip cs8"},
  {"-pass8", "parenb istrip cs7"}, {"litout", "-parenb -istrip -opost cs8"}, {"-litout", "parenb istrip opost cs7"},
  {"tabs", "tab0"}, {"-tabs", "tab3"}, {"decctlq", "-ixany"}, {"-decctlq", "ixany"}, {"tandem", "ixoff"}, {"-tandem", "-ixoff"},
  {"crterase", "echoe"}, {"-crterase", "-echoe"}, {"prterase", "echoprt"}, {"-prterase", "-echoprt"}, {"ctlecho", "echoctl"},
  {"-ctlecho", "-echoctl"}, {"crtkill", "echoke"}, {"-crtkill", "-echoke"}, {"hup", "hupcl"}, {"-hup", "-hupcl"},
  {"crt", "echoe echoctl echoke"}, {"dec", "echoe echoctl echoke -ixany intr ^C erase ^? kill ^U"},
};

static const u32 speeds[] = {
  0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
};
static const u32 fast_speeds[] = {
  57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
};

static struct terminal now;
static struct window window;
static int file;
static bool changes_window;

static u32 speed_of(u32 control) {
  u32 code = control & CBAUD;
  if (code < COUNT(speeds)) return speeds[code];
  u32 fast = (code & 017) - 1;
  return fast < COUNT(fast_speeds) ? fast_speeds[fast] : 0;
}

static bool set_speed(const char *text) {
  i64 wanted;
  if (!parse_number(text, 10, &wanted)) return false;
  for (u32 i = 0; i < COUNT(speeds) + COUNT(fast_speeds); i++) {
    bool slow = i < COUNT(speeds);
    if ((slow ? speeds[i] : fast_speeds[i - COUNT(speeds)]) != wanted) continue;
    now.modes[CONTROL] = (now.modes[CONTROL] & ~CBAUD) | (slow ? i : 010000 | (i - COUNT(speeds) + 1));
    return true;
  }
  return false;
}

// "^C"
static const char *character_text(u8 c, char into[8]) {
  if (c == 0) return "<undef>";
  if (c == 127) return "^?";
  return format_text(into, 8, "%s%s%c", c >= 128 ? "M-" : "", (c & 0x7f) < 32 ? "^" : "", (c & 0x7f) < 32 ? (c & 0x7f) + 64 : c & 0x7f);
}

// "^C", "^?", "undef", one character or a number; -1 when it is none of them
static int parse_character(const char *text) {
  i64 value;
  if (equal(text, "^-") || equal(text, "undef")) return 0;
  if (text[0] == '^' && text[1] != 0 && text[2] == 0) return text[1] == '?' ? 127 : text[1] & 0x1f;
  if (text[0] != 0 && text[1] == 0) return (u8)text[0];
  return parse_number(text, 0, &value) && value >= 0 && value < 256 ? (int)value : -1;
}

// Words go to the next line where there is no room.
static u32 column;
static void show(const char *text) {
  u32 room = window.columns == 0 ? 80 : window.columns, length = strlen(text);
  if (column > 0 && column + 1 + length > room) end_line: put_char(&out, '\n'), column = 0;
  if (text[0] == '\n') {
    text++, length--;
    if (column > 0) goto end_line;
  }
  if (length == 0) return;
  print("%s%s", column > 0 ? " " : "", text);
  column += length + (column > 0);
}

static bool is_sane(u8 at, u8 sane) {
  return now.characters[at] == sane;
}

static void show_characters(bool all) {
  char value[8], text[40];
  for (u32 i = 0; i < COUNT(characters); i++) {
    if (!all && is_sane(characters[i].at, characters[i].sane)) continue;
    show(format_text(text, sizeof text, "%s = %s;", characters[i].name, character_text(now.characters[characters[i].at], value)));
  }
  if (!all && now.modes[LOCAL] & CANONICAL) return;
  show(format_text(text, sizeof text, "min = %d;", now.characters[VMIN]));
  show(format_text(text, sizeof text, "time = %d;", now.characters[VTIME]));
}

static void show_modes(bool all) {
  static const u8 order[] = {CONTROL, INPUT, OUTPUT, LOCAL};
  for (u32 n = 0; n < COUNT(order); n++) {
    show("\n");
    for (u32 i = 0; i < COUNT(modes); i++) {
      const struct mode *mode = &modes[i];
      if (mode->group != order[n]) continue;
      bool set = (now.modes[mode->group] & mode->mask) == mode->bits;
      char text[20];
      if (mode->choice ? set && (all || mode->sane == 2) && (all || mode->group != CONTROL) : all || (mode->sane < 2 && set != mode->sane))
        show(format_text(text, sizeof text, "%s%s", set ? "" : "-", mode->name));
    }
  }
  show("\n");
}

static void show_all(bool all) {
  char text[80];
  format_text(text, sizeof text, "speed %u baud;", speed_of(now.modes[CONTROL]));
  show(text);
  if (all) show(format_text(text, sizeof text, "rows %d; columns %d;", window.rows, window.columns));
  show(format_text(text, sizeof text, "line = %d;", now.line));
  show("\n");
  show_characters(all);
  show_modes(all);
}

static void save(void) {
  print("%x:%x:%x:%x", now.modes[INPUT], now.modes[OUTPUT], now.modes[CONTROL], now.modes[LOCAL]);
  for (int i = 0; i < CHARACTERS; i++) print(":%x", now.characters[i]);
  put_char(&out, '\n');
}

// What -g printed, here or elsewhere: numbers there are no characters for are passed over.
static bool restore(const char *text) {
  int field = 0;
  struct terminal wanted = now;
  for (; *text != 0; field++) {
    u32 value = 0;
    int digits = 0;
    for (; *text != 0 && *text != ':'; text++, digits++) {
      int c = to_lower(*text);
      if (!is_digit(c) && (c < 'a' || c > 'f')) return false;
      value = value << 4 | (is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    if (digits == 0) return false;
    if (field < 4) wanted.modes[field] = value;
    else if (field - 4 < CHARACTERS) wanted.characters[field - 4] = value;
    if (*text == ':') text++;
  }
  if (field < 4 + VEOL2) return false;
  now = wanted;
  return true;
}

static void make_sane(void) {
  for (u32 i = 0; i < COUNT(characters); i++) now.characters[characters[i].at] = characters[i].sane;
  for (u32 i = 0; i < COUNT(modes); i++) {
    const struct mode *mode = &modes[i];
    if (mode->sane == 2) continue;
    now.modes[mode->group] &= ~mode->mask;
    if (mode->sane == 1) now.modes[mode->group] |= mode->bits;
  }
}

static void make_raw(void) {
  now.modes[INPUT] = 0;
  now.modes[OUTPUT] &= ~1;
  now.modes[LOCAL] &= ~(1 | CANONICAL | 4);
  now.characters[VMIN] = 1;
  now.characters[VTIME] = 0;
}

static bool set_mode(const char *name) {
  bool off = name[0] == '-';
  for (u32 i = 0; i < COUNT(modes); i++) {
    const struct mode *mode = &modes[i];
    if (!equal(name + off, mode->name) || (off && mode->choice)) continue;
    now.modes[mode->group] &= ~mode->mask;
    if (!off) now.modes[mode->group] |= mode->bits;
    return true;
  }
  return false;
}

// Settings with a value behind them; the number of words used, 0 when it is none of them.
static int set_value(const char *name, const char *value) {
  i64 amount = 0;
  bool has_number = value != NULL && parse_number(value, 0, &amount) && amount >= 0 && amount < 65536;
  if (equal(name, "ispeed") || equal(name, "ospeed")) return value != NULL && set_speed(value) ? 2 : -1;
  u16 *size = equal(name, "rows") ? &window.rows : equal(name, "cols") || equal(name, "columns") ? &window.columns : NULL;
  if (size != NULL) {
    if (!has_number) return -1;
    *size = amount;
    changes_window = true;
    return 2;
  }
  u8 *byte = equal(name, "min") ? &now.characters[VMIN] : equal(name, "time") ? &now.characters[VTIME] : equal(name, "line") ? &now.line : NULL;
  if (byte != NULL) {
    if (!has_number || amount > 255) return -1;
    *byte = amount;
    return 2;
  }
  for (u32 i = 0; i < COUNT(characters); i++) {
    if (!equal(name, characters[i].name)) continue;
    int c = value == NULL ? -1 : parse_character(value);
    if (c < 0) return -1;
    now.characters[characters[i].at] = c;
    return 2;
  }
  return 0;
}

static void set_all(int count, char **words);

static bool set_combination(const char *name) {
  for (u32 i = 0; i < COUNT(combinations); i++) {
    if (!equal(name, combinations[i].name)) continue;
    char *words[16], *copy = copy_string(combinations[i].means);
    int count = 0;
    for (char *at = copy; at != NULL;) {
      words[count++] = at;
      at = strchr(at, ' ');
      if (at != NULL) *at++ = 0;
    }
    set_all(count, words);
    release(copy);
    return true;
  }
  return false;
}

static void set_all(int count, char **words) {
  for (int i = 0; i < count;) {
    const char *name = words[i];
    int used = set_value(name, i + 1 < count ? words[i + 1] : NULL);
    if (used < 0) die(1, i + 1 < count ? "invalid argument '%s' to '%s'" : "missing argument to '%s%s'", i + 1 < count ? words[i + 1] : name, i + 1 < count ? name : "");
    if (used == 0) {
      used = 1;
      if (equal(name, "size")) print("%d %d\n", window.rows, window.columns);
      else if (equal(name, "speed")) print("%u\n", speed_of(now.modes[CONTROL]));
      else if (equal(name, "sane")) make_sane();
      else if (equal(name, "raw")) make_raw();
      else if (!set_mode(name) && !set_combination(name) && !set_speed(name) && !restore(name)) die(1, "invalid argument '%s'", name);
    }
    i += used;
  }
}

// A device may have settings that it does not take: then it keeps the old ones without a word.
static long change_settings(void) {
  struct terminal after;
  long error = ioctl(file, TCSETSW, &now);
  if (error < 0) return error;
  error = ioctl(file, TCGETS, &after);
  return error < 0 ? error : memcmp(&after, &now, sizeof now) == 0 ? 0 : -EINVAL;
}

int stty_main(int argc, char **argv) {
  const char *path = NULL;
  bool all = false, saves = false;
  int at = 1;
  for (; at < argc && (equal(argv[at], "-a") || equal(argv[at], "-g") || equal(argv[at], "-F")); at++) {
    all |= argv[at][1] == 'a';
    saves |= argv[at][1] == 'g';
    if (argv[at][1] == 'F') {
      if (++at == argc) usage();
      path = argv[at];
    }
  }
  file = path == NULL ? 0 : open(path, O_RDONLY | O_NONBLOCK, 0);
  if (file < 0) return fail(file, "%s", path);
  long error = ioctl(file, TCGETS, &now);
  if (error < 0) return fail(error, "%s", path == NULL ? "standard input" : path);
  ioctl(file, TIOCGWINSZ, &window);
  column = 0;
  changes_window = false;
  if (all || saves || at == argc) {
    if ((all && saves) || at < argc) die(1, "settings are shown, saved or changed: one at a time");
    if (saves) save();
    else show_all(all);
    return 0;
  }
  struct terminal before = now;
  set_all(argc - at, argv + at);
  if (changes_window && (error = ioctl(file, TIOCSWINSZ, &window)) < 0) return fail(error, "window size");
  if (memcmp(&before, &now, sizeof now) != 0 && (error = change_settings()) < 0) return fail(error, "settings");
  if (path != NULL) close(file);
  return 0;
}

int tty_main(int argc, char **argv) {
  bool quiet = false;
  struct options options = OPTIONS("s");
  while (next_option(&options) != 0) quiet = true;
  bool is_one = is_terminal(0);
  char path[4096];
  if (quiet) return is_one ? 0 : 1;
  long length = is_one ? readlink("/proc/self/fd/0", path, sizeof path) : 0;
  print("%s\n", !is_one ? "not a tty" : length > 0 ? path : "/dev/tty");
  return is_one ? 0 : 1;
}
