// Short programs of one behaviour each, many to a file: argv[1] chooses the case, without one all are listed. What a case
// prints and how it ends must be the same on every run: no numbers of processes, times or addresses. Linux's own answers
// are recorded by `npm run record-linux`.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct entry {
  const char *name;
  void (*run)(void);
};

/** A case: what follows is its body. */
#define CASE(name)                                                                                        \
  static void case_##name(void);                                                                          \
  static const struct entry *const entry_##name __attribute__((used, section("cases"))) =                 \
      &(const struct entry){#name, case_##name};                                                          \
  static void case_##name(void)

/** A case of one call. */
#define ONE(name, call) CASE(name) { R(call); }

/** Makes a call and prints it with its result or the name of its error. */
#define R(call)                  \
  ({                             \
    errno = 0;                   \
    long result_ = (long)(call); \
    report(#call, result_);      \
    result_;                     \
  })

/** The same for a call whose result differs from run to run: only its success is told. */
#define OK(call)                                  \
  ({                                              \
    errno = 0;                                    \
    long result_ = (long)(call);                  \
    report(#call, result_ == -1 ? -1 : 0);        \
    result_;                                      \
  })

#define SYS(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

#define BAD ((void *)8)

static void say(const char *format, ...) __attribute__((format(printf, 1, 2), unused));
static void say(const char *format, ...) {
  char line[4096];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  for (int done = 0; done < length;) {
    long count = syscall(SYS_write, 1, line + done, length - done);
    if (count <= 0) _exit(99);
    done += count;
  }
}

static const char *error_name(int number) __attribute__((unused));
static const char *error_name(int number) {
  const char *name = strerrorname_np(number);
  return name ? name : "unknown error";
}

static void report(const char *text, long result) __attribute__((unused));
static void report(const char *text, long result) {
  int error = errno;
  if (result == -1 && error) say("%s = -1 %s\n", text, error_name(error));
  else say("%s = %ld\n", text, result);
  errno = error;
}

/** Runs the rest of the case as user and group 1000, without any capability. */
static void unprivileged(void) __attribute__((unused));
static void unprivileged(void) {
  if (chown(".", 1000, 1000) || syscall(SYS_setgroups, 0, NULL) || setresgid(1000, 1000, 1000) ||
      setresuid(1000, 1000, 1000)) {
    say("cannot drop privileges: %s\n", error_name(errno));
    _exit(98);
  }
  prctl(PR_SET_DUMPABLE, 1);
}

/** Makes a file with contents; returns nothing, the file is closed. */
static void put(const char *name, const char *text) __attribute__((unused));
static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) say("cannot make %s\n", name);
  close(fd);
}

/** Prints what a file holds. */
static void show(const char *name) __attribute__((unused));
static void show(const char *name) {
  char text[1024];
  int fd = open(name, O_RDONLY);
  int length = fd < 0 ? -1 : (int)read(fd, text, sizeof text - 1);
  if (length < 0) say("%s: %s\n", name, error_name(errno));
  else say("%s: \"%.*s\"\n", name, length, text);
  if (fd >= 0) close(fd);
}

/** Waits for a child and tells how it ended. */
static void reap(pid_t child) __attribute__((unused));
static void reap(pid_t child) {
  int status;
  if (waitpid(child, &status, 0) != child) say("no child: %s\n", error_name(errno));
  else if (WIFEXITED(status)) say("child exited with %d\n", WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) say("child killed by %s\n", sigabbrev_np(WTERMSIG(status)));
  else say("child status %#x\n", status);
}

/** Runs a block in a child and waits for it. */
#define CHILD(...)              \
  do {                          \
    pid_t child_ = fork();      \
    if (child_ == 0) {          \
      __VA_ARGS__;              \
      _exit(0);                 \
    }                           \
    reap(child_);               \
  } while (0)

static void pause_ms(int milliseconds) __attribute__((unused));
static void pause_ms(int milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (nanosleep(&time, &time) && errno == EINTR) {}
}

extern const struct entry *const __start_cases[], *const __stop_cases[];

int main(int argc, char **argv) {
  for (const struct entry *const *entry = __start_cases; entry < __stop_cases; entry++) {
    if (argc < 2) printf("%s\n", (*entry)->name);
    else if (!strcmp((*entry)->name, argv[1])) {
      // the same descriptors everywhere: 0 is empty, 1 and 2 are not a terminal's
      close(0);
      open("/dev/null", O_RDWR);
      for (int fd = 3; fd < 64; fd++) close(fd);
      umask(022);
      (*entry)->run();
      return 0;
    }
  }
  return argc < 2 ? 0 : 97;
}
