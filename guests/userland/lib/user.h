// What all utilities share: strings, memory, formatted output, messages, options, paths, users, dates.
#pragma once
#include "system.h"

extern char **environment;
// Name of the utility, for messages.
extern const char *program;

// strings: string.c
void *memset(void *to, int value, size_t count);
void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t count);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *part);
static inline bool equal(const char *a, const char *b) { return strcmp(a, b) == 0; }
// What follows the prefix, or NULL.
char *after(const char *s, const char *prefix);
bool is_digit(int c);
bool is_alpha(int c);
bool is_space(int c);
int to_lower(int c);
int to_upper(int c);
// A whole number in decimal, hexadecimal (0x) or, when base is 0, octal (0); false when the text is not that.
bool parse_number(const char *s, int base, i64 *value);
// The same with an error message that ends the program; accepts the suffixes k, M, G and b (512) as dd(1) and head(1) do.
i64 number(const char *s);
// Seconds with a fraction and an optional unit s, m, h or d.
bool parse_seconds(const char *s, struct timespec *time);

// memory: memory.c; it never fails but ends the program
void *allocate(size_t size);
void *reallocate(void *block, size_t size);
void release(void *block);
char *copy_string(const char *s);
char *copy_part(const char *s, size_t length);
// A string that grows. `data` is always ended by 0 once something was added.
struct text {
  char *data;
  size_t length, room;
};
void text_add(struct text *text, const char *s, size_t length);
void text_put(struct text *text, char c);
void text_string(struct text *text, const char *s);
// A list that grows; ended by NULL.
struct list {
  char **items;
  size_t count, room;
};
void list_add(struct list *list, char *item);
void sort_list(struct list *list, int (*compare)(const char *, const char *));
// Merge sort of any pointers: equal ones keep their order.
void sort(void **items, size_t count, int (*compare)(const void *, const void *));

// output: format.c, stream.c
struct stream {
  int fd;
  bool line_buffered;
  size_t used;
  long error;
  char buffer[4096];
};
extern struct stream out;
void put_char(struct stream *to, char c);
void put_bytes(struct stream *to, const void *bytes, size_t count);
void flush(struct stream *to);
// %s %c %d %u %x %o %% with - 0 width .precision *, and the lengths l (long) and L (64 bits).
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_to(struct stream *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void format_into(void (*put)(void *, char), void *where, const char *format, va_list arguments);
// Into a buffer, cut to fit and ended by 0; gives the buffer.
char *format_text(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

// input: reader.c
struct reader {
  int fd;
  size_t used, at;
  long error;
  bool ended;
  char buffer[8192];
};
struct reader *reader_open(int fd);
// Next byte, or -1 at the end or on an error.
int read_byte(struct reader *from);
// Next line with its newline, if it has one; false at the end. The text is used again.
bool read_line(struct reader *from, struct text *line);
// A file named by a user; "-" is standard input. A message and a negative result when it cannot be opened.
int open_input(const char *path);
// Closes what open_input gave.
void close_input(int fd);
// All of a file; NULL when it cannot be read. Small files of /proc and /etc too.
char *read_file(const char *path, size_t *length);

// messages and endings: errors.c
const char *error_text(long error);
// "program: text" on standard error.
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
// "program: text: No such file or directory"; returns 1, the status of most programs that had an error.
int fail(long error, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Flushes standard output and ends, or calls the hook, which does not come back: a utility may be part of the shell.
_Noreturn void leave(int status);
extern void (*leave_hook)(int status);
const char *signal_name(int number);
// Number of a signal by name or number, with or without SIG; -1 when there is none.
int signal_number(const char *name);
const char *signal_text(int number);

// options: options.c
struct options {
  int argc, at;
  char **argv;
  const char *allowed, *rest;
  char *value;
};
// Options as in getopt(3): next letter, or 0 when there are no more; then argv from `at` on are operands. What is not allowed
// ends the program with its usage.
int next_option(struct options *options);
#define OPTIONS(letters) {.argc = argc, .at = 1, .argv = argv, .allowed = letters}
_Noreturn void usage(void);

// paths: paths.c
const char *base_name(const char *path);
char *join_path(const char *directory, const char *name);
// Names in a directory, sorted, without . and ..; a negative error.
long list_directory(const char *path, struct list *names);
// The path without symbolic links, . and ..; NULL and the error when there is none. With `missing`, the last name may be.
char *real_path(const char *path, bool missing, long *error);
bool is_directory(const char *path);
// Removes a file, or a directory with all there is in it; 1 after messages.
int remove_tree(const char *path, bool force);

// modes.c
// "drwxr-xr-x"
void mode_string(u32 mode, char into[11]);
// Symbolic or octal (chmod(1)); -1 when it is neither. `is_directory` is for X.
int parse_mode(const char *text, int mode, bool is_directory, int mask);

// users.c
// Name in /etc/passwd or /etc/group, or the number as text; good until the next call of the same function.
const char *user_name(u32 uid);
const char *group_name(u32 gid);
// Number of a name or a number; false when there is none.
bool find_user(const char *name, u32 *uid, u32 *gid);
bool find_group(const char *name, u32 *gid);

// calendar.c
struct date {
  i64 year;
  int month, day, hour, minute, second, weekday, yearday;
};
// UTC: there are no time zones here.
void date_of(i64 seconds, struct date *into);
i64 seconds_of(const struct date *date);
// strftime(3)
void format_date(struct text *into, const char *format, const struct date *date, i64 seconds, u32 nanoseconds);

// match.c
// Does a pattern of the shell match all of it (glob(7))?
bool match(const char *pattern, const char *text);
// One bracket expression after "["; *end is set behind it, or NULL when there is no "]". A backslash may quote.
bool match_bracket(const char *pattern, int c, bool escapes, const char **end);

// regex.c
struct regex;
struct matched {
  const char *start, *end;
};
enum { REGEX_EXTENDED = 1, REGEX_IGNORE_CASE = 2, REGEX_GROUPS = 10 };
// Compiles a regular expression (regex(7)); NULL and a sentence when it is none.
struct regex *regex_compile(const char *pattern, int flags, const char **error);
// Leftmost match that begins at `from` or behind it. The text goes up to `end`; `start` tells if it begins a line.
bool regex_search(struct regex *regex, const char *text, const char *from, const char *end, bool start, struct matched groups[REGEX_GROUPS]);

// human.c
// "1.5K" as ls -h and df -h do.
char *human_size(char *buffer, u64 size);

// program.c
// Runs a program found in PATH in place of this one; ends with 126 or 127 when it cannot.
_Noreturn void run_program(char **words);
