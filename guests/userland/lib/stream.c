// Buffered output and input: see user.h.
#include "user.h"

struct stream out;

void flush(struct stream *to) {
  if (to->used > 0 && to->error == 0) to->error = write_all(to->fd, to->buffer, to->used);
  to->used = 0;
}

void put_char(struct stream *to, char c) {
  to->buffer[to->used++] = c;
  if (to->used == sizeof to->buffer || (c == '\n' && to->line_buffered)) flush(to);
}

void put_bytes(struct stream *to, const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) put_char(to, ((const char *)bytes)[i]);
}

static void put_stream(void *where, char c) { put_char(where, c); }

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  format_into(put_stream, &out, format, arguments);
  va_end(arguments);
}

void print_to(struct stream *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  format_into(put_stream, to, format, arguments);
  va_end(arguments);
}

struct reader *reader_open(int fd) {
  struct reader *reader = allocate(sizeof *reader);
  reader->fd = fd;
  reader->used = reader->at = 0;
  reader->error = 0;
  reader->ended = false;
  return reader;
}

static bool fill(struct reader *from) {
  if (from->ended) return false;
  long got = read(from->fd, from->buffer, sizeof from->buffer);
  from->at = 0;
  from->used = got > 0 ? got : 0;
  if (got < 0) from->error = got;
  from->ended = got <= 0;
  return got > 0;
}

int read_byte(struct reader *from) {
  if (from->at == from->used && !fill(from)) return -1;
  return (u8)from->buffer[from->at++];
}

bool read_line(struct reader *from, struct text *line) {
  line->length = 0;
  while (from->at < from->used || fill(from)) {
    char *start = from->buffer + from->at;
    size_t count = 0, left = from->used - from->at;
    while (count < left && start[count] != '\n') count++;
    bool whole = count < left;
    from->at += count + whole;
    text_add(line, start, count + whole);
    if (whole) return true;
  }
  return line->length > 0;
}

int open_input(const char *path) {
  if (equal(path, "-")) return 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) fail(fd, "%s", path);
  return fd;
}

void close_input(int fd) {
  if (fd > 0) close(fd);
}

char *read_file(const char *path, size_t *length) {
  int fd = open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return NULL;
  struct text text = {0};
  char buffer[1024];
  long got;
  text_add(&text, "", 0);
  while ((got = read(fd, buffer, sizeof buffer)) > 0) text_add(&text, buffer, got);
  close(fd);
  if (length != NULL) *length = text.length;
  return text.data;
}
