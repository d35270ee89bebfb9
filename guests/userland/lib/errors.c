// Messages, signals by name, and the end of a program: see user.h.
#include "user.h"

const char *program = "";
char **environment;

// strerror(3)
static const char *const errors[] = {
  [EPERM] = "Operation not permitted", [ENOENT] = "No such file or directory", [ESRCH] = "No such process",
  [EINTR] = "Interrupted system call", [EIO] = "Input/output error", [ENXIO] = "No such device or address",
  [E2BIG] = "Argument list too long", [ENOEXEC] = "Exec format error", [EBADF] = "Bad file descriptor",
  [ECHILD] = "No child processes", [EAGAIN] = "Resource temporarily unavailable", [ENOMEM] = "Cannot allocate memory",
  [EACCES] = "Permission denied", [EFAULT] = "Bad address", [ENOTBLK] = "Block device required",
  [EBUSY] = "Device or resource busy", [EEXIST] = "File exists", [EXDEV] = "Invalid cross-device link",
  [ENODEV] = "No such device", [ENOTDIR] = "Not a directory", [EISDIR] = "Is a directory", [EINVAL] = "Invalid argument",
  [ENFILE] = "Too many open files in system", [EMFILE] = "Too many open files",
  [ENOTTY] = "Inappropriate ioctl for device", [ETXTBSY] = "Text file busy", [EFBIG] = "File too large",
  [ENOSPC] = "No space left on device", [ESPIPE] = "Illegal seek", [EROFS] = "Read-only file system",
  [EMLINK] = "Too many links", [EPIPE] = "Broken pipe", [ERANGE] = "Numerical result out of range",
  [ENAMETOOLONG] = "File name too long", [ENOSYS] = "Function not implemented", [ENOTEMPTY] = "Directory not empty",
  [ELOOP] = "Too many levels of symbolic links", [95] = "Operation not supported", [97] = "Address family not supported by protocol",
  [98] = "Address already in use", [99] = "Cannot assign requested address", [101] = "Network is unreachable",
  [104] = "Connection reset by peer", [106] = "Transport endpoint is already connected",
  [107] = "Transport endpoint is not connected", [110] = "Connection timed out", [111] = "Connection refused",
  [113] = "No route to host", [122] = "Disk quota exceeded",
};

const char *error_text(long error) {
  static char buffer[32];
  if (-error > 0 && -error < (long)COUNT(errors) && errors[-error] != NULL) return errors[-error];
  return format_text(buffer, sizeof buffer, "Unknown error %ld", -error);
}

static void put_stream(void *where, char c) { put_char(where, c); }

static void complain(long error, const char *format, va_list arguments) {
  struct stream message = {.fd = 2};
  flush(&out);
  print_to(&message, "%s: ", program);
  format_into(put_stream, &message, format, arguments);
  if (error != 0) print_to(&message, ": %s", error_text(error));
  put_char(&message, '\n');
  flush(&message);
}

void warn(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(0, format, arguments);
  va_end(arguments);
}

int fail(long error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(error, format, arguments);
  va_end(arguments);
  return 1;
}

_Noreturn void die(int status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(0, format, arguments);
  va_end(arguments);
  leave(status);
}

void (*leave_hook)(int status);

_Noreturn void leave(int status) {
  if (leave_hook != NULL) leave_hook(status);
  flush(&out);
  if (out.error != 0) {
    long error = out.error;
    out.error = 0;
    fail(error, "write error");
    if (status == 0) status = 1;
  }
  exit_now(status);
}

// Names (signal(7)) and what strsignal(3) calls them.
static const struct { const char *name, *text; } signals[] = {
  {"EXIT", ""}, {"HUP", "Hangup"}, {"INT", "Interrupt"}, {"QUIT", "Quit"}, {"ILL", "Illegal instruction"},
  {"TRAP", "Trace/breakpoint trap"}, {"ABRT", "Aborted"}, {"BUS", "Bus error"}, {"FPE", "Floating point exception"},
  {"KILL", "Killed"}, {"USR1", "User defined signal 1"}, {"SEGV", "Segmentation fault"}, {"USR2", "User defined signal 2"},
  {"PIPE", "Broken pipe"}, {"ALRM", "Alarm clock"}, {"TERM", "Terminated"}, {"STKFLT", "Stack fault"},
  {"CHLD", "Child exited"}, {"CONT", "Continued"}, {"STOP", "Stopped (signal)"}, {"TSTP", "Stopped"},
  {"TTIN", "Stopped (tty input)"}, {"TTOU", "Stopped (tty output)"}, {"URG", "Urgent I/O condition"},
  {"XCPU", "CPU time limit exceeded"}, {"XFSZ", "File size limit exceeded"}, {"VTALRM", "Virtual timer expired"},
  {"PROF", "Profiling timer expired"}, {"WINCH", "Window changed"}, {"POLL", "I/O possible"}, {"PWR", "Power failure"},
  {"SYS", "Bad system call"},
};

const char *signal_name(int number) {
  static char buffer[16];
  if (number >= 0 && number < (int)COUNT(signals)) return signals[number].name;
  return format_text(buffer, sizeof buffer, "%d", number);
}

const char *signal_text(int number) {
  static char buffer[24];
  if (number >= 0 && number < (int)COUNT(signals)) return signals[number].text;
  return format_text(buffer, sizeof buffer, "Real-time signal %d", number - 34);
}

int signal_number(const char *name) {
  i64 value;
  if (parse_number(name, 10, &value)) return value >= 0 && value < SIGNALS ? value : -1;
  char upper[16];
  u32 length = 0;
  for (; name[length] != 0 && length < sizeof upper - 1; length++) upper[length] = to_upper(name[length]);
  upper[length] = 0;
  const char *wanted = after(upper, "SIG");
  if (wanted == NULL) wanted = upper;
  for (u32 i = 0; i < COUNT(signals); i++) {
    if (equal(wanted, signals[i].name)) return i;
  }
  return -1;
}
