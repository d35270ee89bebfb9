// dd(1) (POSIX).
#include "main.h"

static i64 block_in = 512, block_out = 512, count = -1, skip, seek_blocks;
static bool keep_length, fill_blocks, go_on, sync_first;
static u64 full_in, part_in, full_out, part_out, bytes;

static void parse_conversions(char *text) {
  while (text != NULL && *text != 0) {
    char *comma = strchr(text, ',');
    if (comma != NULL) *comma++ = 0;
    if (equal(text, "notrunc")) keep_length = true;
    else if (equal(text, "sync")) fill_blocks = true;
    else if (equal(text, "noerror")) go_on = true;
    else if (equal(text, "fsync")) sync_first = true;
    else die(1, "invalid conversion: '%s'", text);
    text = comma;
  }
}

static void report(const struct timespec *start) {
  struct stream message = {.fd = 2};
  struct timespec now;
  char size[16];
  clock(CLOCK_MONOTONIC, &now);
  u64 microseconds = (now.seconds - start->seconds) * 1000000 + (now.nanoseconds - start->nanoseconds) / 1000;
  print_to(&message, "%llu+%llu records in\n%llu+%llu records out\n", full_in, part_in, full_out, part_out);
  print_to(&message, "%llu bytes (%s) copied, %llu.%06llu s\n", bytes, human_size(size, bytes), microseconds / 1000000, microseconds % 1000000);
  flush(&message);
}

static int put_block(int fd, const char *path, const char *buffer, size_t length) {
  for (size_t at = 0; at < length;) {
    size_t piece = length - at < (size_t)block_out ? length - at : (size_t)block_out;
    long error = write_all(fd, buffer + at, piece);
    if (error < 0) return fail(error, "error writing '%s'", path);
    if (piece == (size_t)block_out) full_out++;
    else part_out++;
    at += piece;
    bytes += piece;
  }
  return 0;
}

static int copy(int in, int target, const char *from, const char *to) {
  char *buffer = allocate(block_in);
  for (i64 i = 0; i < skip; i++) {
    if (seek(in, block_in, SEEK_CUR) < 0 && read(in, buffer, block_in) <= 0) break;
  }
  for (i64 i = 0; count < 0 || i < count; i++) {
    long got = read(in, buffer, block_in);
    if (got < 0) {
      fail(got, "error reading '%s'", from);
      if (!go_on) return 1;
      seek(in, block_in, SEEK_CUR);
      continue;
    }
    if (got == 0) break;
    if (got == block_in) full_in++;
    else part_in++;
    if (fill_blocks && got < block_in) {
      memset(buffer + got, 0, block_in - got);
      got = block_in;
    }
    if (put_block(target, to, buffer, got) != 0) return 1;
  }
  return 0;
}

int dd_main(int argc, char **argv) {
  const char *from = NULL, *to = NULL, *value;
  bool quiet = false;
  struct timespec start;
  clock(CLOCK_MONOTONIC, &start);
  for (int i = 1; i < argc; i++) {
    if ((value = after(argv[i], "if=")) != NULL) from = value;
    else if ((value = after(argv[i], "of=")) != NULL) to = value;
    else if ((value = after(argv[i], "bs=")) != NULL) block_in = block_out = number(value);
    else if ((value = after(argv[i], "ibs=")) != NULL) block_in = number(value);
    else if ((value = after(argv[i], "obs=")) != NULL) block_out = number(value);
    else if ((value = after(argv[i], "count=")) != NULL) count = number(value);
    else if ((value = after(argv[i], "skip=")) != NULL) skip = number(value);
    else if ((value = after(argv[i], "seek=")) != NULL) seek_blocks = number(value);
    else if ((value = after(argv[i], "conv=")) != NULL) parse_conversions((char *)value);
    else if ((value = after(argv[i], "status=")) != NULL) quiet = equal(value, "none");
    else die(1, "unrecognized operand '%s'", argv[i]);
  }
  if (block_in < 1 || block_out < 1) die(1, "invalid number: '0'");
  int in = from == NULL ? 0 : (int)open(from, O_RDONLY, 0);
  if (in < 0) return fail(in, "failed to open '%s'", from);
  int target = to == NULL ? 1 : (int)open(to, O_WRONLY | O_CREAT | (keep_length || seek_blocks > 0 ? 0 : O_TRUNC), 0666);
  if (target < 0) return fail(target, "failed to open '%s'", to);
  if (seek_blocks > 0) {
    if (!keep_length && to != NULL) truncate_file(target, seek_blocks * block_out);
    seek(target, seek_blocks * block_out, SEEK_CUR);
  }
  int status = copy(in, target, from == NULL ? "standard input" : from, to == NULL ? "standard output" : to);
  if (sync_first) CALL1(fsync, target);
  if (!quiet) report(&start);
  return status;
}
