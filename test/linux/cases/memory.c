// mmap(2), munmap(2), mprotect(2), mremap(2), madvise(2), brk(2), mincore(2), msync(2), mlock(2), memfd_create(2), and the
// faults of programs that do not keep to them (sigaction(2) "siginfo_t").
#include "case.h"
#include <setjmp.h>
#include <ucontext.h>
#include <sys/file.h>

#define PAGE 4096
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf back;
static volatile int code, number;
static void *volatile where;

static void caught(int signal, siginfo_t *info, void *context) {
  number = signal;
  code = info->si_code;
  where = info->si_addr;
  siglongjmp(back, 1);
}

static void catch_faults(void) {
  struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
  for (int n = 0; n < 5; n++) sigaction((int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}[n], &action, NULL);
}

/** Does something and tells which signal came, and where relative to `base`. */
#define FAULT(base, ...)                                                                                  \
  do {                                                                                                    \
    catch_faults();                                                                                       \
    if (!sigsetjmp(back, 1)) {                                                                            \
      __VA_ARGS__;                                                                                        \
      say("no fault\n");                                                                                  \
    } else say("%s code %d at %ld\n", sigabbrev_np(number), code, (long)((char *)where - (char *)(base)));\
  } while (0)

static char *pages(int count, int protection) { return mmap(NULL, count * PAGE, protection, ANON, -1, 0); }

ONE(mmap_zero_length, mmap(NULL, 0, PROT_READ, ANON, -1, 0))
ONE(mmap_no_type, mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0))
ONE(mmap_bad_type, SYS(mmap, 0, 0, 0, 0x24, -1, 0) == -1)
ONE(mmap_bad_descriptor, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 77, 0))
ONE(mmap_huge, mmap(NULL, (size_t)-8192, PROT_READ, ANON, -1, 0))
ONE(mmap_fixed_unaligned, mmap((void *)0x10001, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0))
ONE(mmap_fixed_beyond_end, mmap((void *)-8192L, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0))
ONE(munmap_unaligned, munmap((void *)0x10001, PAGE))
ONE(munmap_zero, munmap((void *)0x10000, 0))
ONE(munmap_nothing, munmap((void *)0x10000, PAGE))
ONE(munmap_beyond_end, munmap((void *)-4096L, PAGE))
ONE(mprotect_unaligned, mprotect((void *)0x10001, PAGE, PROT_READ))
ONE(mprotect_nothing, mprotect((void *)0x10000, PAGE, PROT_READ))
ONE(mprotect_zero_length, mprotect((void *)0x10000, 0, PROT_READ))
ONE(mremap_unaligned, mremap((void *)0x10001, PAGE, PAGE, 0))
ONE(mremap_nothing, mremap((void *)0x10000, PAGE, 2 * PAGE, MREMAP_MAYMOVE))
ONE(mremap_zero, mremap((void *)0x10000, PAGE, 0, 0))
ONE(mremap_bad_flags, mremap((void *)0x10000, PAGE, PAGE, 64))
ONE(mremap_fixed_without_maymove, mremap((void *)0x10000, PAGE, PAGE, MREMAP_FIXED, (void *)0x20000))
ONE(madvise_unaligned, madvise((void *)0x10001, PAGE, MADV_NORMAL))
ONE(madvise_nothing, madvise((void *)0x10000, PAGE, MADV_DONTNEED))
ONE(madvise_zero_length, madvise((void *)0x10000, 0, MADV_DONTNEED))
ONE(msync_unaligned, msync((void *)0x10001, PAGE, MS_SYNC))
ONE(msync_nothing, msync((void *)0x10000, PAGE, MS_SYNC))
ONE(msync_both, msync((void *)0x10000, PAGE, MS_SYNC | MS_ASYNC))
ONE(msync_bad_flags, msync((void *)0x10000, PAGE, 64))
CASE(zero_device_keeps_to_how_it_was_opened) { int fd = open("/dev/zero", O_RDONLY); char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0); R(mprotect(p, PAGE, PROT_READ | PROT_WRITE)); R(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0)); p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0); R(mprotect(p, PAGE, PROT_READ | PROT_WRITE)); fd = open("/dev/zero", O_WRONLY); R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)); }
CASE(map_shared_validate) { put("f", "x"); int fd = open("f", O_RDWR); OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_NORESERVE, fd, 0)); R(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 1 << 25, fd, 0)); R(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x200, fd, 0)); R(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0)); }
CASE(map_closed_before_all_else) { R(mmap(NULL, 0, PROT_READ, MAP_SHARED, 77, 0)); R(mmap(NULL, PAGE, PROT_READ, 0, 77, 0)); R(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 77, 5)); }
CASE(locked_memory_is_told) {
  char line[128], *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned long locked = 0, more;
  R(mlock(p, 2 * PAGE));
  for (FILE *f = fopen("/proc/self/status", "r"); f && fgets(line, sizeof line, f);) if (!strncmp(line, "VmLck", 5)) say("%s", line);
  for (FILE *f = fopen("/proc/self/smaps", "r"); f && fgets(line, sizeof line, f);) if (sscanf(line, "Locked: %lu", &more) == 1) locked += more;
  say("%lu\n", locked);
}
ONE(mlock_nothing, mlock((void *)0x10000, PAGE))
ONE(munlock_nothing, munlock((void *)0x10000, PAGE))
ONE(mlock2_bad_flags, SYS(mlock2, 0x10000, PAGE, 2))
ONE(mlockall_bad_flags, mlockall(64))
ONE(mlockall_none, mlockall(0))
ONE(mlockall_onfault_alone, mlockall(4))
ONE(munlockall_ok, munlockall())
ONE(memfd_bad_flags, memfd_create("x", 0x100))
ONE(memfd_bad_name, SYS(memfd_create, BAD, 0))
ONE(membarrier_bad_command, SYS(membarrier, 12345, 0, 0))
ONE(membarrier_bad_flags, SYS(membarrier, 0, 1, 0))
ONE(membarrier_private_unregistered, SYS(membarrier, 8, 0, 0))
ONE(userfaultfd_bad_flags, SYS(userfaultfd, 0x1000))
ONE(process_madvise_bad, SYS(process_madvise, 77, NULL, 0, 0, 0))
ONE(remap_file_pages_bad, SYS(remap_file_pages, 0x10000, PAGE, 0, 0, 0))
ONE(pkey_alloc_bad_flags, SYS(pkey_alloc, 1, 0))
ONE(pkey_free_bad, SYS(pkey_free, 77))
ONE(mbind_nothing, SYS(mbind, 0x10000, PAGE, 99, NULL, 0, 0))
ONE(get_mempolicy_default, ({ int mode = -1; long r = SYS(get_mempolicy, &mode, NULL, 0, NULL, 0); r ? r : mode; }))
ONE(set_mempolicy_default, SYS(set_mempolicy, 0, NULL, 0))
ONE(set_mempolicy_bad, SYS(set_mempolicy, 77, NULL, 0))

CASE(mmap_zeroed) { char *p = pages(2, RW); int sum = 0; for (int n = 0; n < 2 * PAGE; n++) sum |= p[n]; say("%d\n", sum); }
CASE(mmap_reads_file) { put("f", "contents"); int fd = open("f", O_RDONLY); char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0); close(fd); say("%s %d\n", p, p[100]); }
CASE(mmap_private_keeps_file) { put("f", "contents"); int fd = open("f", O_RDONLY); char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0); p[0] = 'C'; show("f"); say("%s\n", p); }
CASE(mmap_shared_changes_file) { put("f", "contents"); int fd = open("f", O_RDWR); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); p[0] = 'C'; show("f"); pwrite(fd, "X", 1, 1); say("%s\n", p); }
CASE(mmap_shared_needs_write) { put("f", "x"); int fd = open("f", O_RDONLY); R(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)); }
CASE(mmap_needs_read) { put("f", "x"); int fd = open("f", O_WRONLY); R(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0)); R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)); }
CASE(mmap_directory) { int fd = open(".", O_RDONLY); R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)); }
CASE(mmap_pipe) { int p[2]; pipe(p); R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0)); }
CASE(mmap_path_descriptor) { put("f", "x"); int fd = open("f", O_PATH); R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)); }
CASE(mmap_offset_unaligned) { put("f", "x"); int fd = open("f", O_RDONLY); errno = 0; void *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100); say("%d %s\n", p == MAP_FAILED, error_name(errno)); }
CASE(mmap_fixed_replaces) { char *p = pages(3, RW); p[PAGE] = 1; char *q = mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0); say("%d %d\n", q == p + PAGE, q[0]); }
CASE(mmap_noreplace) { char *p = pages(2, RW); R(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0)); munmap(p, PAGE); say("%d\n", mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p); }
CASE(mmap_hint) { char *p = pages(4, RW); munmap(p, 4 * PAGE); say("%d\n", mmap(p, PAGE, RW, ANON, -1, 0) == p); }
CASE(mmap_validate_unknown_flag) { put("f", "x"); int fd = open("f", O_RDWR); OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x4000000, fd, 0)); }
CASE(mmap_limit) { struct { unsigned long soft, hard; } limit = {64 << 20, 64 << 20}; SYS(setrlimit, 9, &limit); R(mmap(NULL, 128 << 20, RW, ANON, -1, 0)); say("%d\n", mmap(NULL, 1 << 20, RW, ANON, -1, 0) != MAP_FAILED); }
CASE(mmap_populate) { char *p = mmap(NULL, 2 * PAGE, RW, ANON | MAP_POPULATE, -1, 0); unsigned char in[2] = {0}; R(mincore(p, 2 * PAGE, in)); say("%d %d\n", in[0] & 1, in[1] & 1); }
CASE(mmap_dev_zero) { int fd = open("/dev/zero", O_RDWR); char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0); say("%d\n", p != MAP_FAILED && p[5] == 0); if (p != MAP_FAILED) p[0] = 1; }
CASE(mmap_dev_null) { int fd = open("/dev/null", O_RDWR); R(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0)); }
CASE(munmap_middle) { char *p = pages(3, RW); R(munmap(p + PAGE, PAGE)); p[0] = p[2 * PAGE] = 1; FAULT(p, p[PAGE] = 1); }
CASE(munmap_over_hole) { char *p = pages(3, RW); munmap(p + PAGE, PAGE); R(munmap(p, 3 * PAGE)); }

CASE(fault_unmapped_read) { char *p = pages(1, RW); munmap(p, PAGE); FAULT(p, say("%d", p[5])); }
CASE(fault_unmapped_write) { char *p = pages(1, RW); munmap(p, PAGE); FAULT(p, p[7] = 1); }
CASE(fault_read_only) { char *p = pages(1, PROT_READ); FAULT(p, p[9] = 1); }
CASE(fault_none) { char *p = pages(1, PROT_NONE); FAULT(p, say("%d", p[3])); }
CASE(fault_execute) { char *p = pages(1, RW); p[0] = 0xc3; FAULT(p, ((void (*)(void))p)()); }
CASE(fault_after_protect) { char *p = pages(1, RW); p[0] = 1; mprotect(p, PAGE, PROT_READ); FAULT(p, p[0] = 2); say("%d\n", p[0]); }
CASE(fault_null) { FAULT(NULL, *(volatile int *)NULL); }
CASE(fault_null_write) { FAULT(NULL, *(volatile int *)16 = 1); }
CASE(fault_null_call) { FAULT(NULL, ((void (*)(void))0)()); }
CASE(fault_beyond_file) { put("f", "x"); int fd = open("f", O_RDWR); char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0); p[PAGE - 1] = 1; FAULT(p, p[PAGE + 3] = 1); FAULT(p, say("%d", p[PAGE])); }
CASE(fault_file_truncated) { put("f", "x"); int fd = open("f", O_RDWR); ftruncate(fd, 2 * PAGE); char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0); p[PAGE] = 1; ftruncate(fd, 10); FAULT(p, p[PAGE] = 1); ftruncate(fd, 2 * PAGE); FAULT(p, say("%d ", p[PAGE])); }
CASE(fault_private_beyond_file) { put("f", "x"); int fd = open("f", O_RDWR); char *p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0); FAULT(p, p[PAGE] = 1); }
CASE(fault_default_action) { *(volatile int *)8 = 1; }
CASE(fault_ignored) { signal(SIGSEGV, SIG_IGN); *(volatile int *)8 = 1; }
CASE(fault_blocked) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGSEGV); catch_faults(); sigprocmask(SIG_BLOCK, &set, NULL); *(volatile int *)8 = 1; }
CASE(fault_divide) { volatile int zero = 0; FAULT(NULL, { catch_faults(); if (5 / zero) say("x"); } where = NULL); say("%d %d\n", number, code); }
CASE(fault_divide_signal) { volatile int zero = 0; say("%d", 1 / zero); }
CASE(fault_divide_overflow) { volatile int least = INT_MIN, minus = -1; catch_faults(); if (!sigsetjmp(back, 1)) say("%d\n", least / minus); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_illegal) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("ud2"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_breakpoint) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("int3"); else say("%s %d %d\n", sigabbrev_np(number), code, where == NULL); }
CASE(fault_privileged) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("hlt"); else say("%s %d %d\n", sigabbrev_np(number), code, where == NULL); }
CASE(fault_port) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("inb $0x80, %%al" ::: "eax"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_cli) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("cli"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_int_gate) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("int $0x21"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_int_1) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("int $1"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_icebp) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile(".byte 0xf1"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_int_3_long) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile(".byte 0xcd, 3"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_int_4) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("int $4"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_selector) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("mov %0, %%fs" ::"r"(0x123)); else say("%s %d\n", sigabbrev_np(number), code); }
#ifdef __x86_64__
CASE(fault_noncanonical) { FAULT(NULL, *(volatile int *)0x8000000000000000 = 1); }
CASE(fault_noncanonical_jump) { FAULT(NULL, ((void (*)(void))0x8000000000000000)()); }
CASE(fault_kernel_address) { FAULT(0xffffffff80000000, *(volatile int *)0xffffffff80000000 = 1); }
CASE(fault_movaps) { char *p = pages(1, RW); catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("movaps %%xmm0, (%0)" ::"r"(p + 1)); else say("%s %d\n", sigabbrev_np(number), code); }
#else
CASE(fault_into) { catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("mov $0x7fffffff, %%eax; add $1, %%eax; into" ::: "eax"); else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_bound) { int bounds[2] = {0, 5}; catch_faults(); if (!sigsetjmp(back, 1)) __asm__ volatile("bound %0, %1" ::"r"(9), "m"(bounds)); else say("%s %d\n", sigabbrev_np(number), code); }
#endif
CASE(fault_x87) { catch_faults(); if (!sigsetjmp(back, 1)) { unsigned short control = 0x360; __asm__ volatile("fninit; fldcw %0; fldz; fld1; fdivp; fwait" ::"m"(control)); } else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_x87_invalid) { catch_faults(); if (!sigsetjmp(back, 1)) { unsigned short control = 0x360; __asm__ volatile("fninit; fldcw %0; fldz; fldz; fdivp; fwait" ::"m"(control)); } else say("%s %d\n", sigabbrev_np(number), code); }
CASE(fault_sse) { catch_faults(); if (!sigsetjmp(back, 1)) { unsigned control = 0x1d00; volatile float one = 1, zero = 0; __asm__ volatile("ldmxcsr %0; movss %1, %%xmm0; divss %2, %%xmm0" ::"m"(control), "m"(one), "m"(zero)); say("none\n"); } else { unsigned normal = 0x1f80; __asm__ volatile("ldmxcsr %0" ::"m"(normal)); say("%s %d\n", sigabbrev_np(number), code); } }
CASE(fault_alignment_kills) {
  char *p = pages(1, RW);
#ifdef __x86_64__
  __asm__ volatile("pushf; orl $0x40000, (%%rsp); popf; movl %%eax, 1(%0)" ::"r"(p));
#else
  __asm__ volatile("pushf; orl $0x40000, (%%esp); popf; movl %%eax, 1(%0)" ::"r"(p));
#endif
}
CASE(fault_stack_overflow) { stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536}; sigaltstack(&stack, NULL); struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK}; sigaction(SIGSEGV, &action, NULL); struct { unsigned long soft, hard; } limit = {256 << 10, 256 << 10}; SYS(setrlimit, 3, &limit); if (!sigsetjmp(back, 1)) { volatile char *p = (char *)&limit; for (;;) { p -= 1024; *p = 1; } } else say("%s\n", sigabbrev_np(number)); }
CASE(fault_stack_overflow_kills) { struct { unsigned long soft, hard; } limit = {256 << 10, 256 << 10}; SYS(setrlimit, 3, &limit); volatile char *p = (char *)&limit; for (;;) { p -= 1024; *p = 1; } }
CASE(fault_in_handler_kills) { struct sigaction action = {.sa_handler = (void (*)(int))16}; sigaction(SIGUSR1, &action, NULL); raise(SIGUSR1); }
CASE(fault_context) { char *p = pages(1, PROT_READ); catch_faults(); if (!sigsetjmp(back, 1)) p[0] = 1; say("%d\n", code); }

static volatile unsigned long trap_number, trap_error, trap_address;
static void look(int signal, siginfo_t *info, void *context) {
  ucontext_t *user = context;
  trap_number = user->uc_mcontext.gregs[REG_TRAPNO];
  trap_error = user->uc_mcontext.gregs[REG_ERR];
  siglongjmp(back, 1);
}
#define TRAP(...)                                                                     \
  do {                                                                                \
    struct sigaction action_ = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};        \
    sigaction(SIGSEGV, &action_, NULL); sigaction(SIGBUS, &action_, NULL);            \
    if (!sigsetjmp(back, 1)) { __VA_ARGS__; }                                         \
    else say("trap %lu error %#lx\n", trap_number, trap_error);                       \
  } while (0)
CASE(trap_of_read) { TRAP(*(volatile int *)8); }
CASE(trap_of_write) { TRAP(*(volatile int *)8 = 1); }
CASE(trap_of_protection) { char *p = pages(1, PROT_READ); char c = *(volatile char *)p; TRAP(p[0] = 1); }
CASE(trap_of_fetch) { char *p = pages(1, RW); p[0] = 0xc3; TRAP(((void (*)(void))p)()); }
CASE(trap_of_hlt) { TRAP(__asm__ volatile("hlt")); }

CASE(mprotect_splits) { char *p = pages(3, RW); memset(p, 1, 3 * PAGE); R(mprotect(p + PAGE, PAGE, PROT_READ)); p[0] = p[2 * PAGE] = 2; FAULT(p, p[PAGE] = 2); R(mprotect(p, 3 * PAGE, RW)); p[PAGE] = 3; say("%d %d %d\n", p[0], p[PAGE], p[2 * PAGE]); }
CASE(mprotect_hole) { char *p = pages(3, RW); munmap(p + PAGE, PAGE); R(mprotect(p, 3 * PAGE, PROT_READ)); FAULT(p, p[0] = 1); FAULT(p, p[2 * PAGE] = 1); }
CASE(mprotect_shared_file) { put("f", "x"); int fd = open("f", O_RDONLY); char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0); R(mprotect(p, PAGE, RW)); R(mprotect(p, PAGE, PROT_NONE)); }
CASE(mprotect_bad_bits) { char *p = pages(1, RW); R(mprotect(p, PAGE, 0x100)); R(mprotect(p, PAGE, PROT_READ | PROT_GROWSUP)); R(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN)); }
CASE(mprotect_write_only_reads) { char *p = pages(1, PROT_WRITE); p[0] = 5; say("%d\n", p[0]); }
CASE(code_written_then_run) { unsigned char *p = mmap(NULL, PAGE, RW | PROT_EXEC, ANON, -1, 0); p[0] = 0xb8; p[1] = 1; p[2] = p[3] = p[4] = 0; p[5] = 0xc3; int (*f)(void) = (void *)p; say("%d ", f()); p[1] = 2; say("%d\n", f()); }
CASE(code_through_other_mapping) { int fd = memfd_create("code", 0); ftruncate(fd, PAGE); unsigned char *w = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *x = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0); w[0] = 0xb8; w[1] = 7; w[5] = 0xc3; int (*f)(void) = (void *)x; say("%d ", f()); w[1] = 8; say("%d ", f()); pwrite(fd, "\x09", 1, 1); say("%d\n", f()); }
CASE(code_after_mprotect) { unsigned char *p = pages(1, RW); p[0] = 0xb8; p[1] = 3; p[5] = 0xc3; mprotect(p, PAGE, PROT_READ | PROT_EXEC); int (*f)(void) = (void *)p; say("%d ", f()); mprotect(p, PAGE, RW); p[1] = 4; FAULT(p, f()); mprotect(p, PAGE, PROT_READ | PROT_EXEC); say("%d\n", f()); }

CASE(mremap_grows_and_keeps) { char *p = pages(1, RW); p[5] = 7; char *q = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE); say("%d %d\n", q[5], q[2 * PAGE]); }
CASE(mremap_shrinks) { char *p = pages(3, RW); say("%d\n", mremap(p, 3 * PAGE, PAGE, 0) == p); p[0] = 1; FAULT(p, p[PAGE] = 1); }
CASE(mremap_no_room) { char *p = pages(3, RW); R(mremap(p, PAGE, 2 * PAGE, 0)); }
CASE(mremap_fixed) { char *p = pages(1, RW), *q = pages(2, RW); p[0] = 9; q[0] = 1; say("%d\n", mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q); say("%d\n", q[0]); FAULT(p, p[0] = 1); }
CASE(mremap_fixed_overlap) { char *p = pages(4, RW); R(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE)); }
CASE(mremap_dontunmap) { char *p = pages(1, RW); p[0] = 9; char *q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL); say("%d ", q[0]); say("%d\n", p[0]); R(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL)); }
CASE(mremap_beyond_area) { char *p = pages(2, RW); munmap(p + PAGE, PAGE); R(mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE)); }
CASE(mremap_doubles_shared) { char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); p[0] = 3; char *q = mremap(p, 0, PAGE, MREMAP_MAYMOVE); say("%d ", q[0]); q[0] = 4; say("%d\n", p[0]); }
CASE(mremap_doubles_private) { char *p = pages(1, RW); R(mremap(p, 0, PAGE, MREMAP_MAYMOVE)); }
CASE(mremap_file_grows) { put("f", "x"); int fd = open("f", O_RDWR); ftruncate(fd, 3 * PAGE); pwrite(fd, "end", 3, 2 * PAGE); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); p = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE); say("%s\n", p + 2 * PAGE); }

CASE(madvise_dontneed) { char *p = pages(1, RW); p[0] = 1; R(madvise(p, PAGE, MADV_DONTNEED)); say("%d\n", p[0]); }
CASE(madvise_dontneed_file) { put("f", "abc"); int fd = open("f", O_RDONLY); char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0); p[0] = 'X'; R(madvise(p, PAGE, MADV_DONTNEED)); say("%s\n", p); }
CASE(madvise_bad_advice) { char *p = pages(1, RW); R(madvise(p, PAGE, 9999)); R(madvise(p, PAGE, 7)); R(madvise(p, PAGE, -1)); }
CASE(madvise_advices) { char *p = pages(1, RW); R(madvise(p, PAGE, MADV_NORMAL)); R(madvise(p, PAGE, MADV_RANDOM)); R(madvise(p, PAGE, MADV_SEQUENTIAL)); R(madvise(p, PAGE, MADV_WILLNEED)); R(madvise(p, PAGE, MADV_FREE)); R(madvise(p, PAGE, MADV_DONTDUMP)); R(madvise(p, PAGE, MADV_DODUMP)); R(madvise(p, PAGE, MADV_COLD)); R(madvise(p, PAGE, MADV_PAGEOUT)); }
CASE(madvise_free_file) { put("f", "abc"); int fd = open("f", O_RDWR); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); R(madvise(p, PAGE, MADV_FREE)); }
CASE(madvise_hole_applies_rest) { char *p = pages(3, RW); p[2 * PAGE] = 1; munmap(p + PAGE, PAGE); R(madvise(p, 3 * PAGE, MADV_DONTNEED)); say("%d\n", p[2 * PAGE]); }
CASE(madvise_dontfork) { char *p = pages(2, RW); p[PAGE] = 4; R(madvise(p, PAGE, MADV_DONTFORK)); CHILD({ say("%d\n", p[PAGE]); p[0] = 1; }); }
CASE(madvise_wipeonfork) { char *p = pages(1, RW); p[0] = 5; R(madvise(p, PAGE, MADV_WIPEONFORK)); CHILD(say("%d\n", p[0])); say("%d\n", p[0]); R(madvise(p, PAGE, MADV_KEEPONFORK)); CHILD(say("%d\n", p[0])); }
CASE(madvise_wipeonfork_shared) { char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); R(madvise(p, PAGE, MADV_WIPEONFORK)); }
CASE(madvise_remove) { int fd = memfd_create("m", 0); ftruncate(fd, PAGE); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); p[0] = 1; R(madvise(p, PAGE, MADV_REMOVE)); say("%d\n", p[0]); char *q = pages(1, RW); R(madvise(q, PAGE, MADV_REMOVE)); }
CASE(madvise_populate) { char *p = pages(2, RW); unsigned char in[2] = {0}; R(madvise(p, 2 * PAGE, 23)); mincore(p, 2 * PAGE, in); say("%d %d\n", in[0] & 1, in[1] & 1); char *q = pages(1, PROT_READ); R(madvise(q, PAGE, 23)); R(madvise(q, PAGE, 22)); }

CASE(brk_grows) { char *old = sbrk(0); say("%d\n", brk(old + 3 * PAGE) == 0 && sbrk(0) == old + 3 * PAGE); old[2 * PAGE] = 1; say("%d\n", brk(old) == 0); }
CASE(brk_below_start) { void *now = (void *)SYS(brk, 0); say("%d\n", (void *)SYS(brk, 4096) == now); }
CASE(brk_limit) { struct { unsigned long soft, hard; } limit = {1 << 20, 1 << 20}; SYS(setrlimit, 2, &limit); char *now = (char *)SYS(brk, 0); say("%d\n", (char *)SYS(brk, now + (2 << 20)) == now); }
CASE(mincore_fresh) { char *p = pages(2, RW); p[PAGE] = 1; unsigned char in[2]; R(mincore(p, 2 * PAGE, in)); say("%d %d\n", in[0] & 1, in[1] & 1); }
CASE(mincore_errors) { char *p = pages(2, RW); unsigned char in[2]; R(mincore(p + 1, PAGE, in)); R(mincore(p, PAGE, BAD)); munmap(p + PAGE, PAGE); R(mincore(p, 2 * PAGE, in)); R(mincore(p, 0, in)); }
CASE(msync_ok) { char *p = pages(1, RW); R(msync(p, PAGE, MS_SYNC)); R(msync(p, PAGE, MS_ASYNC)); R(msync(p, PAGE, MS_INVALIDATE)); R(msync(p, PAGE, 0)); R(msync(p, 0, MS_SYNC)); }
CASE(mlock_ok) { char *p = pages(2, RW); R(mlock(p + 10, 10)); R(munlock(p, PAGE)); R(SYS(mlock2, p, PAGE, 1)); unsigned char in; R(msync(p, PAGE, MS_INVALIDATE)); }
CASE(mlock_limit) { struct { unsigned long soft, hard; } limit = {PAGE, PAGE}; unprivileged(); SYS(setrlimit, 8, &limit); char *p = pages(2, RW); R(mlock(p, PAGE)); R(mlock(p, 2 * PAGE)); limit.soft = 0; R(SYS(setrlimit, 8, &limit)); R(munlock(p, PAGE)); R(mlock(p, PAGE)); R(mlockall(MCL_CURRENT)); }
CASE(madvise_dontneed_locked) { char *p = pages(1, RW); mlock(p, PAGE); p[0] = 1; R(madvise(p, PAGE, MADV_DONTNEED)); say("%d\n", p[0]); munlock(p, PAGE); R(madvise(p, PAGE, MADV_DONTNEED)); }

CASE(fork_copies_private) { char *p = pages(1, RW); p[0] = 1; CHILD({ p[0] = 2; say("%d\n", p[0]); }); say("%d\n", p[0]); }
CASE(fork_shares_shared) { char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); p[0] = 1; CHILD(p[0] = 2); say("%d\n", p[0]); }
CASE(fork_shares_untouched) { char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); CHILD(p[PAGE] = 2); say("%d\n", p[PAGE]); }

CASE(memfd_long_name) { static char name[300]; memset(name, 'x', 249); R(memfd_create(name, 0)); name[249] = 'x'; R(memfd_create(name, 0)); }
CASE(memfd_seals_without_flag) { int fd = memfd_create("x", 0); R(fcntl(fd, F_GET_SEALS)); R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }
CASE(memfd_seal_write) { int fd = memfd_create("x", MFD_ALLOW_SEALING); write(fd, "abc", 3); R(fcntl(fd, F_GET_SEALS)); R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); R(write(fd, "d", 1)); R(pwrite(fd, "d", 1, 0)); R(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)); say("%d\n", mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0) != MAP_FAILED); R(fcntl(fd, F_GET_SEALS)); R(ftruncate(fd, 10)); }
CASE(memfd_seals_of_allocation) {
  int fd = memfd_create("x", MFD_ALLOW_SEALING), other = memfd_create("y", MFD_ALLOW_SEALING);
  char name[32];
  ftruncate(fd, 2 * PAGE), ftruncate(other, 2 * PAGE);
  R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
  R(fallocate(fd, 0, 0, 2 * PAGE));
  R(fallocate(fd, 0, 0, 3 * PAGE));
  R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
  sprintf(name, "/proc/self/fd/%d", fd);
  R(open(name, O_RDWR | O_TRUNC) >= 0);
  R(truncate(name, 0));
  R(truncate(name, 3 * PAGE));
  R(fcntl(other, F_ADD_SEALS, F_SEAL_WRITE));
  R(fallocate(other, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
  R(fallocate(other, 0, 0, 3 * PAGE));
}
CASE(memfd_seal_write_busy) { int fd = memfd_create("x", MFD_ALLOW_SEALING); ftruncate(fd, PAGE); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); munmap(p, PAGE); R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }
CASE(memfd_seal_size) { int fd = memfd_create("x", MFD_ALLOW_SEALING); write(fd, "abcdef", 6); R(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)); R(ftruncate(fd, 3)); R(ftruncate(fd, 9)); R(ftruncate(fd, 6)); R(pwrite(fd, "X", 1, 6)); R(pwrite(fd, "X", 1, 5)); R(pwrite(fd, "XYZ", 3, 5)); }
CASE(memfd_seal_seal) { int fd = memfd_create("x", MFD_ALLOW_SEALING); R(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)); R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)); R(fcntl(fd, F_GET_SEALS)); }
CASE(memfd_seal_future_write) { int fd = memfd_create("x", MFD_ALLOW_SEALING); ftruncate(fd, PAGE); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); R(fcntl(fd, F_ADD_SEALS, 0x10)); p[0] = 'x'; R(write(fd, "y", 1)); R(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)); }
CASE(memfd_seal_bad) { int fd = memfd_create("x", MFD_ALLOW_SEALING); R(fcntl(fd, F_ADD_SEALS, 0x100)); int g = open("/dev/null", O_RDWR); R(fcntl(g, F_GET_SEALS)); put("f", ""); g = open("f", O_RDWR); R(fcntl(1, F_GET_SEALS)); }
CASE(membarrier_query) { say("%d\n", (SYS(membarrier, 0, 0, 0) & 0x19) == 0x19); R(SYS(membarrier, 1, 0, 0)); R(SYS(membarrier, 16, 0, 0)); R(SYS(membarrier, 8, 0, 0)); }
CASE(userfaultfd_denied) { unprivileged(); R(SYS(userfaultfd, 0)); }
CASE(growsdown_area) { char *p = mmap(NULL, PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0); p[0] = 1; say("ok\n"); }
CASE(map_32bit) { say("%d\n", (unsigned long)mmap(NULL, PAGE, RW, ANON | 0x40, -1, 0) < 0x80000000UL || sizeof(long) == 4); }
CASE(map_shared_anonymous_offset) { R(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, 77, 0) == MAP_FAILED); }
CASE(unlinked_file_stays_mapped) { put("f", "still"); int fd = open("f", O_RDONLY); char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0); close(fd); unlink("f"); say("%s\n", p); }
CASE(read_into_mapping_of_same_file) { put("f", "abcdef"); int fd = open("f", O_RDWR); char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0); R(pread(fd, p + 3, 3, 0)); show("f"); }
CASE(process_vm_read) { char text[8] = "parent"; int p[2], q[2]; pipe(p); pipe(q); char c; pid_t child = fork(); if (!child) { strcpy(text, "child"); write(q[1], "x", 1); read(p[0], &c, 1); _exit(0); } read(q[0], &c, 1); char into[8] = {0}; struct iovec local = {into, 6}, remote = {text, 6}; R(process_vm_readv(child, &local, 1, &remote, 1, 0)); say("%s\n", into); local.iov_base = "wrote"; R(process_vm_writev(child, &local, 1, &remote, 1, 0)); local.iov_base = into; process_vm_readv(child, &local, 1, &remote, 1, 0); say("%s\n", into); R(process_vm_readv(child, &local, 1, &remote, 1, 1)); remote.iov_base = BAD; R(process_vm_readv(child, &local, 1, &remote, 1, 0)); write(p[1], "x", 1); reap(child); }
CASE(process_vm_partial) { char *p = pages(2, RW); munmap(p + PAGE, PAGE); char into[20]; struct iovec local = {into, 20}, remote = {p + PAGE - 5, 10}; R(process_vm_readv(getpid(), &local, 1, &remote, 1, 0)); R(process_vm_readv(1 << 22, &local, 1, &remote, 1, 0)); }
CASE(process_vm_denied) { char into[4]; struct iovec io = {into, 4}; pid_t parent = getpid(); CHILD({ unprivileged(); R(process_vm_readv(parent, &io, 1, &io, 1, 0)); }); }
