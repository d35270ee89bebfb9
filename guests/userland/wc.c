// wc(1).
#include "main.h"

enum { LINES, WORDS, CHARACTERS, BYTES, COUNTS };

static void print_counts(const u64 counts[COUNTS], const bool wanted[COUNTS], int width, const char *name) {
  bool any = false;
  for (int i = 0; i < COUNTS; i++) {
    if (!wanted[i]) continue;
    print("%s%*llu", any ? " " : "", width, counts[i]);
    any = true;
  }
  print(name == NULL ? "\n" : " %s\n", name);
}

static int count(int fd, const char *name, u64 counts[COUNTS]) {
  struct reader *reader = reader_open(fd);
  bool in_word = false;
  memset(counts, 0, COUNTS * sizeof *counts);
  for (int c; (c = read_byte(reader)) >= 0;) {
    bool space = is_space(c);
    counts[BYTES]++;
    counts[LINES] += c == '\n';
    counts[CHARACTERS] += (c & 0xc0) != 0x80; // UTF-8
    counts[WORDS] += in_word && space;
    in_word = !space;
  }
  counts[WORDS] += in_word;
  int status = reader->error == 0 ? 0 : fail(reader->error, "%s", name);
  release(reader);
  return status;
}

// As wide as the sizes of the files can make a number; what is not a file could be of any size.
static int width_for(char **paths, int files, int columns) {
  u64 total = 0;
  bool unknown = files == 0;
  char buffer[24];
  for (int i = 0; i < files; i++) {
    struct stat status;
    if (stat(paths[i], &status) == 0 && (status.mode & S_IFMT) == S_IFREG) total += status.size;
    else unknown = true;
  }
  if (columns == 1 && files <= 1) return 1;
  int width = strlen(format_text(buffer, sizeof buffer, "%llu", total));
  return unknown && width < 7 ? 7 : width;
}

int wc_main(int argc, char **argv) {
  bool wanted[COUNTS] = {0};
  u64 counts[COUNTS], total[COUNTS] = {0};
  int columns = 0, status = 0;
  struct options options = OPTIONS("lwmc");
  for (int c; (c = next_option(&options)) != 0;) wanted[c == 'l' ? LINES : c == 'w' ? WORDS : c == 'm' ? CHARACTERS : BYTES] = true;
  for (int i = 0; i < COUNTS; i++) columns += wanted[i];
  if (columns == 0) wanted[LINES] = wanted[WORDS] = wanted[BYTES] = true, columns = 3;
  int files = argc - options.at, width = width_for(argv + options.at, files, columns);
  if (files == 0) {
    status = count(0, "-", counts);
    print_counts(counts, wanted, width, NULL);
  }
  for (int i = options.at; i < argc; i++) {
    int fd = open_input(argv[i]);
    if (fd < 0) {
      status = 1;
      continue;
    }
    status |= count(fd, argv[i], counts);
    print_counts(counts, wanted, width, argv[i]);
    for (int j = 0; j < COUNTS; j++) total[j] += counts[j];
    close_input(fd);
  }
  if (files > 1) print_counts(total, wanted, width, "total");
  return status;
}
