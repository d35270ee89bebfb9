// Files as numbers: od(1) (POSIX) and hexdump -C.
#include "main.h"

struct type {
  char kind; // of POSIX: a is not there; c d o u x
  int size;
};
static struct type types[8];
static u32 type_count;
static char base = 'o';
static i64 skip, most = -1;
static bool all;

static void add_types(const char *text) {
  while (*text != 0) {
    struct type type = {*text++, 4};
    if (strchr("cdoux", type.kind) == NULL) die(1, "invalid type string '%c'", type.kind);
    if (type.kind == 'c') type.size = 1;
    else if (*text == 'C') type.size = 1, text++;
    else if (*text == 'S') type.size = 2, text++;
    else if (*text == 'I') type.size = 4, text++;
    else if (*text == 'L') type.size = 8, text++;
    else if (is_digit(*text)) type.size = *text++ - '0';
    if (strchr("\1\2\4\10", type.size) == NULL || type_count == COUNT(types)) die(1, "invalid type string");
    types[type_count++] = type;
  }
}

static void put_character(u8 c) {
  static const char plain[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
  const char *escape = c == 0 ? NULL : strchr(plain, c);
  if (c == 0) print("  \\0");
  else if (escape != NULL) print("  \\%c", letters[escape - plain]);
  else if (c >= 32 && c < 127) print("   %c", c);
  else print(" %03o", c);
}

static void put_value(struct type type, const u8 *at, int left) {
  static const int digits[3][9] = {{0, 4, 6, 0, 11, 0, 0, 0, 20}, {0, 3, 6, 0, 11, 0, 0, 0, 22}, {0, 2, 4, 0, 8, 0, 0, 0, 16}};
  u64 value = 0;
  for (int i = 0; i < type.size && i < left; i++) value |= (u64)at[i] << 8 * i;
  int shift = 64 - 8 * type.size;
  switch (type.kind) {
    case 'c': put_character(*at); break;
    case 'd': print(" %*lld", digits[0][type.size], (i64)(value << shift) >> shift); break;
    case 'u': print(" %*llu", digits[0][type.size] - (type.size < 8), value); break;
    case 'x': print(" %0*llx", digits[2][type.size], value); break;
    case 'o': print(" %0*llo", digits[1][type.size], value); break;
  }
}

static void put_address(u64 address) {
  if (base == 'x') print("%06llx", address);
  else if (base == 'd') print("%07llu", address);
  else if (base == 'o') print("%07llo", address);
}

static void put_row(const u8 *row, int length, u64 address) {
  for (u32 i = 0; i < type_count; i++) {
    if (i == 0) put_address(address);
    else print("%*s", base == 'n' ? 0 : base == 'x' ? 6 : 7, "");
    for (int at = 0; at < length; at += types[i].size) put_value(types[i], row + at, length - at);
    put_char(&out, '\n');
  }
}

static void put_canonical(const u8 *row, int length, u64 address) {
  print("%08llx ", address);
  for (int i = 0; i < 16; i++) {
    if (i == 8) put_char(&out, ' ');
    if (i < length) print(" %02x", row[i]);
    else print("   ");
  }
  print("  |");
  for (int i = 0; i < length; i++) put_char(&out, row[i] >= 32 && row[i] < 127 ? row[i] : '.');
  print("|\n");
}

// All files as one, in rows of 16 bytes; equal rows are shown once.
static int dump(char **paths, void (*put)(const u8 *, int, u64), void (*end)(u64)) {
  u8 row[16], before[16];
  int length = 0, status = 0;
  u64 address = 0;
  bool has_before = false, starred = false;
  for (; *paths != NULL; paths++) {
    int fd = open_input(*paths);
    if (fd < 0) {
      status = 1;
      continue;
    }
    struct reader *reader = reader_open(fd);
    for (int c; (most < 0 || (i64)address + length < skip + most) && (c = read_byte(reader)) >= 0;) {
      if ((i64)address < skip && length == 0) {
        address++;
        continue;
      }
      row[length++] = c;
      if (length < 16) continue;
      bool same = has_before && !all && memcmp(row, before, 16) == 0;
      if (!same) put(row, 16, address);
      else if (!starred) print("*\n");
      starred = same;
      memcpy(before, row, 16);
      has_before = true;
      address += 16;
      length = 0;
    }
    if (reader->error != 0) status = fail(reader->error, "%s", *paths);
    close_input(fd);
    release(reader);
  }
  if (length > 0) put(row, length, address);
  end(address + length);
  return status;
}

static void end_od(u64 address) {
  put_address(address);
  if (base != 'n') put_char(&out, '\n');
}

static void end_canonical(u64 address) {
  if (address > 0) print("%08llx\n", address);
}

static char *input[] = {"-", NULL};

int od_main(int argc, char **argv) {
  struct options options = OPTIONS("bcdoxvA:t:j:N:");
  for (int c; (c = next_option(&options)) != 0;) {
    switch (c) {
      case 'A': base = options.value[0]; break;
      case 't': add_types(options.value); break;
      case 'j': skip = number(options.value); break;
      case 'N': most = number(options.value); break;
      case 'v': all = true; break;
      default: add_types(c == 'b' ? "o1" : c == 'c' ? "c" : c == 'd' ? "u2" : c == 'o' ? "o2" : "x2");
    }
  }
  if (type_count == 0) add_types("o2");
  return dump(options.at == argc ? input : argv + options.at, put_row, end_od);
}

int hexdump_main(int argc, char **argv) {
  bool canonical = false;
  struct options options = OPTIONS("Cvn:s:");
  for (int c; (c = next_option(&options)) != 0;) {
    if (c == 'C') canonical = true;
    if (c == 'v') all = true;
    if (c == 'n') most = number(options.value);
    if (c == 's') skip = number(options.value);
  }
  if (!canonical) die(1, "only hexdump -C is supported; od has the other forms");
  return dump(options.at == argc ? input : argv + options.at, put_canonical, end_canonical);
}
