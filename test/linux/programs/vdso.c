// The page of code the kernel lends to i386 programs: calls through it, and handlers that name no way back.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __i386__

static uintptr_t vsyscall;

/** A call with up to six arguments through the page. */
__attribute__((noinline)) static long call(long number, ...) {
  long block[8] = {number, [7] = vsyscall}, result;
  va_list arguments;
  va_start(arguments, number);
  for (int n = 1; n < 7; n++) block[n] = va_arg(arguments, long);
  va_end(arguments);
  __asm__ volatile(
      "push %%ebp\n push %%ebx\n mov %%eax, %%esi\n"
      "push 28(%%esi)\n mov (%%esi), %%eax\n mov 4(%%esi), %%ebx\n mov 8(%%esi), %%ecx\n mov 12(%%esi), %%edx\n"
      "mov 20(%%esi), %%edi\n mov 24(%%esi), %%ebp\n mov 16(%%esi), %%esi\n"
      "call *(%%esp)\n pop %%ebx\n pop %%ebx\n pop %%ebp"
      : "=a"(result)
      : "a"(block)
      : "ecx", "edx", "esi", "edi", "memory", "cc");
  return result;
}

static long raw(long number, long a, long b, long c, long d) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
  return result;
}

static int pipes[2];
static volatile int seen, traps;

static void fill(int signal) {
  seen++;
  write(pipes[1], "late", 4);
}
static void count(int signal) { seen++; }
static void told(int signal, siginfo_t *info, void *context) { seen += info->si_code == SI_USER ? 10 : 1; }
static void trap(int signal) { traps++; }

struct kernel_action {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};
struct old_action {
  void *handler;
  unsigned long mask, flags;
  void *restorer;
};

static void results(void) {
  printf("getpid: %d\n", call(SYS_getpid) == getpid());
  char file[] = "/tmp/vdsoXXXXXX";
  int fd = mkstemp(file);
  unlink(file);
  ftruncate(fd, 8192);
  pwrite(fd, "page two", 8, 4096);
  char *page = (char *)call(SYS_mmap2, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 1);
  printf("six arguments: %.8s\n", page);
  printf("no such file: %ld\n", call(SYS_open, "/nowhere", O_RDONLY));
  printf("no such call: %ld\n", call(4000));
  fflush(stdout);
  int child = call(SYS_fork), status;
  if (!child) _exit(call(SYS_getppid) == getppid() ? 7 : 8);
  waitpid(child, &status, 0);
  printf("fork: %d\n", WEXITSTATUS(status));
}

static void restarts(void) {
  char text[9] = {0};
  pipe(pipes);
  struct sigaction action = {.sa_handler = fill, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, 0);
  struct itimerval soon = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &soon, 0);
  long count = call(SYS_read, pipes[0], text, 8);
  printf("read again after the handler: %ld %s, %d\n", count, text, seen);
  action.sa_flags = 0;
  sigaction(SIGALRM, &action, 0);
  setitimer(ITIMER_REAL, &soon, 0);
  printf("interrupted: %ld\n", call(SYS_pause));
}

static void handlers(void) {
  struct kernel_action rt = {.handler = count};
  seen = 0;
  syscall(SYS_rt_sigaction, SIGUSR1, &rt, 0, 8);
  raise(SIGUSR1);
  printf("plain handler: %d\n", seen);
  rt.handler = told;
  rt.flags = SA_SIGINFO;
  syscall(SYS_rt_sigaction, SIGUSR1, &rt, 0, 8);
  kill(getpid(), SIGUSR1);
  printf("handler with siginfo: %d\n", seen);
  struct old_action old = {.handler = count};
  syscall(SYS_sigaction, SIGUSR2, &old, 0);
  raise(SIGUSR2);
  printf("handler of sigaction: %d\n", seen);
}

static void steps(void) {
  signal(SIGTRAP, trap);
  long expected = getpid(), result;
  __asm__ volatile("pushf\n orl $0x100, (%%esp)\n popf" ::: "memory", "cc");
  result = call(SYS_getpid);
  __asm__ volatile("pushf\n andl $~0x100, (%%esp)\n popf" ::: "memory", "cc");
  printf("step by step: %d, %d\n", result == expected, traps > 20);
}

static const char *strings;
static const ElfW(Sym) * symbols;
static long vdso_size;

static uintptr_t find(const uint32_t *hash, const char *name) {
  for (uint32_t n = 1; n < hash[1]; n++)
    if (!strcmp(strings + symbols[n].st_name, name)) return symbols[n].st_value;
  return 0;
}

static void object(uintptr_t base) {
  const ElfW(Ehdr) *header = (void *)base;
  const ElfW(Phdr) *segments = (void *)(base + header->e_phoff);
  const uint32_t *hash = 0;
  unsigned name = 0;
  printf("object: %d %d\n", !memcmp(header->e_ident, ELFMAG, SELFMAG), header->e_type == ET_DYN);
  for (int n = 0; n < header->e_phnum; n++) {
    if (segments[n].p_type != PT_DYNAMIC) continue;
    for (const ElfW(Dyn) *d = (void *)(base + segments[n].p_vaddr); d->d_tag; d++) {
      if (d->d_tag == DT_STRTAB) strings = (void *)(base + d->d_un.d_ptr);
      if (d->d_tag == DT_SYMTAB) symbols = (void *)(base + d->d_un.d_ptr);
      if (d->d_tag == DT_HASH) hash = (void *)(base + d->d_un.d_ptr);
      if (d->d_tag == DT_SONAME) name = d->d_un.d_val;
    }
  }
  printf("name: %s\n", strings + name);
  printf("entry: %d\n", base + find(hash, "__kernel_vsyscall") == vsyscall);
  printf("ways back: %d %d\n", find(hash, "__kernel_sigreturn") != 0, find(hash, "__kernel_rt_sigreturn") != 0);
  char line[256];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    if (strstr(line, "[vdso]")) vdso_size = strtoul(strchr(line, '-') + 1, 0, 16) - base, printf("mapped there: %d, %.4s\n", strtoul(line, 0, 16) == base, strchr(line, ' ') + 1);
}

/** The page can be moved, and calls come back to where it is then. */
static void moved(uintptr_t base) {
  int child = fork(), status;
  if (!child) {
    long room = (long)mmap(0, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    register long place __asm__("edi") = room;
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(SYS_mremap), "b"(base), "c"(vdso_size), "d"(vdso_size), "S"(3), "r"(place));
    vsyscall += room - base;
    raw(SYS_exit, result == room && call(SYS_getpid) == raw(SYS_getpid, 0, 0, 0, 0) ? 5 : 6, 0, 0, 0);
  }
  waitpid(child, &status, 0);
  printf("moved: %x\n", status);
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  vsyscall = getauxval(AT_SYSINFO);
  results();
  restarts();
  handlers();
  steps();
  object(getauxval(AT_SYSINFO_EHDR));
  moved(getauxval(AT_SYSINFO_EHDR));
  return 0;
}

#else

int main(void) {
  puts("programs of amd64 have SYSCALL");
  return 0;
}

#endif
