// The self-test of tinyos: each test prints one line, and nothing printed depends on timing.
#include "user.h"

static i32 global = 1;
static u8 zeros[3 * 4096];

// Runs a body in a child and returns its exit status.
static i32 in_child(void (*body)(void)) {
  i32 pid = fork(), status = -1;
  if (pid == 0) {
    body();
    exit(0);
  }
  return wait(&status) == pid ? status : -1;
}

static bool test_getpid(void) {
  i32 fds[2], child, seen = 0;
  pipe(fds);
  child = fork();
  if (child == 0) {
    i32 own = getpid();
    write(fds[1], &own, sizeof own);
    exit(0);
  }
  read(fds[0], &seen, sizeof seen);
  wait(NULL);
  close(fds[0]);
  close(fds[1]);
  return seen == child && child != getpid();
}

static void exit_42(void) { exit(42); }
static bool test_status(void) { return in_child(exit_42) == 42 && wait(NULL) == -1; }

static void change_global(void) {
  global = 2;
  zeros[5000] = 7;
  exit(global + zeros[5000]);
}
static bool test_address_spaces(void) {
  global = 1;
  return in_child(change_global) == 9 && global == 1 && zeros[5000] == 0;
}

static bool test_demand_zero(void) {
  u32 sum = 0;
  for (u32 i = 0; i < sizeof zeros; i += 16) sum += zeros[i];
  return sum == 0;
}

static bool test_sbrk(void) {
  u8 *start = sbrk(0x10000);
  if (start == (void *)-1 || sbrk(0) != start + 0x10000) return false;
  for (u32 i = 0; i < 0x10000; i += 4096) {
    if (start[i] != 0) return false;
    start[i] = (u8)(i >> 12);
  }
  for (u32 i = 0; i < 0x10000; i += 4096) {
    if (start[i] != (u8)(i >> 12)) return false;
  }
  return sbrk(-0x10000) != (void *)-1 && sbrk(0) == start && sbrk(0x20000000) == (void *)-1;
}

static u32 __attribute__((noinline)) deep(u32 depth) {
  volatile u8 buffer[1024];
  buffer[depth] = 1;
  return depth == 0 ? 1 : deep(depth - 1) + buffer[depth];
}
static void deep_body(void) { exit((i32)deep(40)); }
static bool test_stack(void) { return in_child(deep_body) == 41; }

static bool test_pipe(void) {
  i32 fds[2];
  u32 sum = 0, expected = 0, total = 0;
  pipe(fds);
  if (fork() == 0) {
    u8 block[100];
    close(fds[0]);
    for (u32 i = 0; i < 100; i++) {
      for (u32 j = 0; j < sizeof block; j++) block[j] = (u8)(i * 7 + j);
      write(fds[1], block, sizeof block);
    }
    exit(0);
  }
  close(fds[1]);
  for (u32 i = 0; i < 100; i++) {
    for (u32 j = 0; j < 100; j++) expected += (u8)(i * 7 + j);
  }
  u8 buffer[333];
  for (i32 got; (got = read(fds[0], buffer, sizeof buffer)) > 0; total += (u32)got) {
    for (i32 i = 0; i < got; i++) sum += buffer[i];
  }
  close(fds[0]);
  wait(NULL);
  return total == 10000 && sum == expected;
}

static bool test_pipe_ends(void) {
  i32 fds[2];
  char c = 'x';
  pipe(fds);
  close(fds[0]);
  bool refused = write(fds[1], &c, 1) == -1;
  close(fds[1]);
  pipe(fds);
  close(fds[1]);
  bool end = read(fds[0], &c, 1) == 0;
  close(fds[0]);
  return refused && end && read(fds[0], &c, 1) == -1 && write(7, &c, 1) == -1;
}

static bool test_exec(void) {
  const char *const words[] = {"echo", "from", "exec", NULL}, *const missing[] = {"nothing", NULL};
  i32 fds[2], status = -1;
  char buffer[32];
  pipe(fds);
  if (fork() == 0) {
    close(1);
    dup(fds[1]);
    close(fds[0]);
    close(fds[1]);
    exec(words[0], words);
    exit(1);
  }
  close(fds[1]);
  u32 total = 0;
  for (i32 got; (got = read(fds[0], buffer + total, sizeof buffer - total)) > 0;) total += (u32)got;
  close(fds[0]);
  wait(&status);
  return status == 0 && total == 10 && memcmp(buffer, "from exec\n", 10) == 0 && exec("nothing", missing) == -1;
}

static bool test_sleep_order(void) {
  static const u32 durations[3] = {60, 20, 40};
  char order[3] = {0};
  i32 fds[2];
  pipe(fds);
  for (u32 i = 0; i < 3; i++) {
    if (fork() == 0) {
      char letter = (char)('a' + i);
      sleep(durations[i]);
      write(fds[1], &letter, 1);
      exit(0);
    }
  }
  for (u32 i = 0; i < 3; i++) read(fds[0], &order[i], 1);
  for (u32 i = 0; i < 3; i++) wait(NULL);
  close(fds[0]);
  close(fds[1]);
  return order[0] == 'b' && order[1] == 'c' && order[2] == 'a';
}

static bool test_preemption(void) {
  i32 status = -1, spinner = fork();
  if (spinner == 0) {
    for (;;) global++;
  }
  sleep(2); // comes back only if the spinner loses the processor
  return kill(spinner) == 0 && wait(&status) == spinner && status == STATUS_KILLED;
}

static bool test_two_spinners(void) {
  // Both count until told to stop; both must have been given time.
  i32 fds[2];
  u32 counted;
  pipe(fds);
  for (u32 i = 0; i < 2; i++) {
    if (fork() == 0) {
      u32 until = current_ticks() + 4, n = 0;
      while ((i32)(current_ticks() - until) < 0) n++;
      write(fds[1], &n, sizeof n);
      exit(0);
    }
  }
  bool both = true;
  for (u32 i = 0; i < 2; i++) {
    if (read(fds[0], &counted, sizeof counted) != sizeof counted || counted == 0) both = false;
  }
  while (wait(NULL) > 0) {}
  close(fds[0]);
  close(fds[1]);
  return both;
}

static void read_kernel(void) { exit(*(volatile u8 *)0x00100000); }
static void write_high(void) { *(volatile u8 *)0xc0100000 = 1; }
static void write_text(void) { *(volatile u8 *)USER_BASE = 1; }
static void read_null(void) { exit(*(volatile u8 *)8); }
static void halt(void) { __asm__ volatile("hlt"); }
static void disable_interrupts(void) { __asm__ volatile("cli"); }
static void read_port(void) { __asm__ volatile("inb $0x60, %%al" ::: "eax"); }
static void divide(void) { __asm__ volatile("divl %%ecx" ::"a"(1), "d"(0), "c"(0)); }
static void undefined(void) { __asm__ volatile("ud2"); }
static void jump_away(void) { ((void (*)(void))0x4f000000)(); }
static void load_cr3(void) { __asm__ volatile("movl %0, %%cr3" ::"r"(0)); }
static void kernel_interrupt(void) { __asm__ volatile("int $0x20"); }
static bool test_faults(void) {
  static void (*const bodies[])(void) = {read_kernel, write_high, write_text, read_null, halt,     disable_interrupts,
                                         read_port,   divide,     undefined,  jump_away, load_cr3, kernel_interrupt};
  static const i32 vectors[] = {14, 14, 14, 14, 13, 13, 13, 0, 6, 14, 13, 13};
  bool fine = true;
  for (u32 i = 0; i < COUNT(bodies); i++) {
    if (in_child(bodies[i]) != STATUS_KILLED + vectors[i]) fine = false;
  }
  return fine;
}

static bool test_bad_pointers(void) {
  return write(1, (void *)0x00100000, 4) == -1 && read(0, (void *)0xc0100000, 4) == -1 &&
         read(0, (void *)USER_BASE, 4) == -1 && write(1, (void *)(USER_END - 2), 4) == -1 &&
         pipe((i32 *)0xfffffffc) == -1 && exec((const char *)4, NULL) == -1 && CALL0(9999) == -1;
}

static bool test_shell(void) {
  char line[] = "echo one two three | cat | wc; primes 20 | wc; echo done";
  return run_shell_line(line) == 0;
}

static bool test_fork_limit(void) {
  const char *const words[] = {"forktest", NULL};
  i32 status = -1;
  if (fork() == 0) exit(exec(words[0], words));
  return wait(&status) > 0 && status == 0;
}

static void orphan(void) {
  if (fork() == 0) {
    sleep(1);
    exit(0);
  }
}
static bool test_orphans(void) {
  if (in_child(orphan) != 0) return false;
  sleep(20); // init collects it meanwhile
  return wait(NULL) == -1;
}

i32 usertests_main(i32 argc, const char *const *argv) {
  static const struct {
    const char *name;
    bool (*body)(void);
  } tests[] = {
      {"process numbers", test_getpid},
      {"exit status", test_status},
      {"separate address spaces", test_address_spaces},
      {"demand zero", test_demand_zero},
      {"heap", test_sbrk},
      {"stack", test_stack},
      {"pipe", test_pipe},
      {"pipe ends", test_pipe_ends},
      {"exec", test_exec},
      {"sleep", test_sleep_order},
      {"preemption", test_preemption},
      {"fair time", test_two_spinners},
      {"faults", test_faults},
      {"bad pointers", test_bad_pointers},
      {"shell", test_shell},
      {"fork limit", test_fork_limit},
      {"orphans", test_orphans},
  };
  (void)argc, (void)argv;
  i32 failed = 0;
  for (u32 i = 0; i < COUNT(zeros); i += 4096) zeros[i] = 0;
  u32 before = free_pages();
  for (u32 i = 0; i < COUNT(tests); i++) {
    bool fine = tests[i].body();
    say("test %s: %s\n", tests[i].name, fine ? "ok" : "FAILED");
    if (!fine) failed++;
  }
  u32 after = free_pages();
  bool kept = before - after < 4; // a few pages of its own data may have been copied
  say("test memory given back: %s\n", kept ? "ok" : "FAILED");
  say("usertests: %s\n", failed == 0 && kept ? "all passed" : "FAILED");
  return failed + (kept ? 0 : 1);
}
