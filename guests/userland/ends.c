// The two ends of a file: head(1) and tail(1).
#include "main.h"

static bool bytes, quiet, verbose, follow, from_start, all_but;
static i64 amount = 10;

static void header(const char *name, int files) {
  static bool any;
  if (!verbose && (files < 2 || quiet)) return;
  print("%s==> %s <==\n", any ? "\n" : "", equal(name, "-") ? "standard input" : name);
  any = true;
}

// `-5` and `+5` are the number of lines, as they always were.
static int take_number(int c, const char *value) {
  if (c != 'n' && c != 'c') return 0;
  bytes = c == 'c';
  from_start = *value == '+';
  all_but = *value == '-';
  amount = number(value + (from_start || all_but));
  return 1;
}

static char *old_form(int argc, char **argv) {
  if (argc < 2 || (argv[1][0] != '-' && argv[1][0] != '+') || !is_digit(argv[1][1])) return NULL;
  take_number('n', argv[1] + (argv[1][0] == '-'));
  return argv[1];
}

// Everything of a reader as pieces: lines, or one byte each.
static bool next_piece(struct reader *reader, struct text *piece) {
  if (!bytes) return read_line(reader, piece);
  int c = read_byte(reader);
  piece->length = 0;
  if (c >= 0) text_put(piece, c);
  return c >= 0;
}

static int head_file(int fd, const char *name) {
  struct reader *reader = reader_open(fd);
  struct text piece = {0};
  struct text *late = all_but ? allocate(amount * sizeof *late + 1) : NULL;
  if (all_but) memset(late, 0, amount * sizeof *late);
  for (i64 at = 0; (all_but || at < amount) && next_piece(reader, &piece); at++) {
    if (!all_but || amount == 0) {
      put_bytes(&out, piece.data, piece.length);
      continue;
    }
    // what is put out lies `amount` pieces behind
    struct text *slot = &late[at % amount], swap = *slot;
    if (at >= amount) put_bytes(&out, slot->data, slot->length);
    *slot = piece;
    piece = swap;
  }
  // the rest is for whoever reads on
  if (!reader->ended) seek(fd, (i64)reader->at - (i64)reader->used, SEEK_CUR);
  return reader->error == 0 ? 0 : fail(reader->error, "error reading '%s'", name);
}

int head_main(int argc, char **argv) {
  int status = 0;
  struct options options = OPTIONS("n:c:qv");
  if (old_form(argc, argv) != NULL) options.at = 2;
  for (int c; (c = next_option(&options)) != 0;) {
    if (!take_number(c, options.value)) *(c == 'q' ? &quiet : &verbose) = true;
  }
  int files = argc - options.at;
  if (files == 0) return head_file(0, "-");
  for (int i = options.at; i < argc; i++) {
    int fd = open_input(argv[i]);
    if (fd < 0) {
      status = 1;
      continue;
    }
    header(argv[i], files);
    status |= head_file(fd, argv[i]);
    close_input(fd);
  }
  return status;
}

static void tail_from_start(struct reader *reader) {
  struct text piece = {0};
  for (i64 at = 1; next_piece(reader, &piece); at++) {
    if (at >= amount) put_bytes(&out, piece.data, piece.length);
  }
}

static void tail_last(struct reader *reader) {
  struct text *last = allocate((amount + 1) * sizeof *last);
  memset(last, 0, (amount + 1) * sizeof *last);
  i64 count = 0;
  while (next_piece(reader, &last[count % (amount + 1)])) count++;
  for (i64 at = count > amount ? count - amount : 0; at < count; at++) {
    put_bytes(&out, last[at % (amount + 1)].data, last[at % (amount + 1)].length);
  }
}

static int tail_file(int fd, const char *name) {
  struct reader *reader = reader_open(fd);
  struct stat status;
  // of a large file only the end is read when bytes are counted
  if (bytes && !from_start && fstat(fd, &status) == 0 && (status.mode & S_IFMT) == S_IFREG && (i64)status.size > amount) {
    seek(fd, -amount, SEEK_END);
  }
  if (from_start) tail_from_start(reader);
  else tail_last(reader);
  int result = reader->error == 0 ? 0 : fail(reader->error, "error reading '%s'", name);
  release(reader);
  return result;
}

// Shows what is added, until somebody ends it.
static void follow_file(int fd) {
  char buffer[4096];
  for (;;) {
    long got = read(fd, buffer, sizeof buffer);
    struct stat status;
    if (got > 0) put_bytes(&out, buffer, got);
    flush(&out);
    if (out.error != 0) return;
    if (got > 0) continue;
    if (fstat(fd, &status) == 0 && (i64)status.size < seek(fd, 0, SEEK_CUR)) {
      warn("file truncated");
      seek(fd, 0, SEEK_SET);
    }
    sleep_for((struct timespec){0, 200000000});
  }
}

int tail_main(int argc, char **argv) {
  int status = 0;
  struct options options = OPTIONS("n:c:qvfF");
  if (old_form(argc, argv) != NULL) options.at = 2;
  for (int c; (c = next_option(&options)) != 0;) {
    if (!take_number(c, options.value)) *(c == 'q' ? &quiet : c == 'v' ? &verbose : &follow) = true;
  }
  int files = argc - options.at;
  if (follow && files > 1) die(1, "only one file can be followed");
  if (files == 0) {
    status = tail_file(0, "-");
    if (follow) follow_file(0);
  }
  for (int i = options.at; i < argc; i++) {
    int fd = open_input(argv[i]);
    if (fd < 0) {
      status = 1;
      continue;
    }
    header(argv[i], files);
    status |= tail_file(fd, argv[i]);
    if (follow) follow_file(fd);
    close_input(fd);
  }
  return status;
}
