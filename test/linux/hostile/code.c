// Runs random bytes as programs, in children of a user without rights, between instructions that no program should get away with:
// privileged ones, those of other techniques, far jumps and returns to all selectors, wrong stacks. Then random signal frames
// for sigreturn. Arguments: `code` or `frames`, seed, number of children. Prints how many ended in each way, and at the end
// whether a bystander went on all the while.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE ((unsigned char *)0x10000000)
#define PAGES 4

static uint64_t state;
static volatile unsigned long *progress;

static uint32_t next(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state >> 32;
}

/** What is worth trying between random bytes. */
static const struct { unsigned char length, bytes[8]; } chosen[] = {
    {1, {0xf4}}, {1, {0xfa}}, {1, {0xfb}}, {2, {0x0f, 0x06}}, {2, {0x0f, 0x09}}, {2, {0x0f, 0x08}},         // hlt cli sti clts wbinvd invd
    {3, {0x0f, 0x01, 0xc1}}, {3, {0x0f, 0x01, 0xc2}}, {3, {0x0f, 0x01, 0xc3}}, {3, {0x0f, 0x01, 0xc4}},     // vmcall vmlaunch vmresume vmxoff
    {3, {0x0f, 0x01, 0xd8}}, {3, {0x0f, 0x01, 0xd9}}, {3, {0x0f, 0x01, 0xda}}, {3, {0x0f, 0x01, 0xdb}},     // vmrun vmmcall vmload vmsave
    {3, {0x0f, 0x01, 0xdc}}, {3, {0x0f, 0x01, 0xdd}}, {3, {0x0f, 0x01, 0xde}}, {3, {0x0f, 0x01, 0xdf}},     // stgi clgi skinit invlpga
    {3, {0x0f, 0x01, 0xf8}}, {3, {0x0f, 0x01, 0xf9}}, {3, {0x0f, 0x01, 0xd0}}, {3, {0x0f, 0x01, 0xd1}},     // swapgs rdtscp xgetbv xsetbv
    {3, {0x0f, 0x01, 0xca}}, {3, {0x0f, 0x01, 0xcb}}, {3, {0x0f, 0x01, 0xc8}}, {3, {0x0f, 0x01, 0xc9}},     // clac stac monitor mwait
    {3, {0x0f, 0x01, 0x00}}, {3, {0x0f, 0x01, 0x08}}, {3, {0x0f, 0x01, 0x10}}, {3, {0x0f, 0x01, 0x18}},     // sgdt sidt lgdt lidt
    {3, {0x0f, 0x01, 0x20}}, {3, {0x0f, 0x01, 0xe0}}, {3, {0x0f, 0x01, 0xf0}}, {3, {0x0f, 0x01, 0x38}},     // smsw lmsw invlpg
    {3, {0x0f, 0x00, 0x00}}, {3, {0x0f, 0x00, 0xc8}}, {3, {0x0f, 0x00, 0xd0}}, {3, {0x0f, 0x00, 0xd8}},     // sldt str lldt ltr
    {3, {0x0f, 0x00, 0xe0}}, {3, {0x0f, 0x00, 0xe8}}, {3, {0x0f, 0x02, 0xc0}}, {3, {0x0f, 0x03, 0xc0}},     // verr verw lar lsl
    {3, {0x0f, 0x20, 0xc0}}, {3, {0x0f, 0x22, 0xd8}}, {3, {0x0f, 0x21, 0xf8}}, {3, {0x0f, 0x23, 0xf8}},     // cr0 cr3 dr7
    {2, {0x0f, 0x30}}, {2, {0x0f, 0x32}}, {2, {0x0f, 0x33}}, {2, {0x0f, 0x31}}, {2, {0x0f, 0xa2}},          // wrmsr rdmsr rdpmc rdtsc cpuid
    {2, {0x0f, 0x07}}, {2, {0x0f, 0x35}}, {2, {0x0f, 0x34}}, {2, {0x0f, 0x05}}, {2, {0x0f, 0xaa}},          // sysret sysexit sysenter syscall rsm
    {3, {0x0f, 0x78, 0xc0}}, {3, {0x0f, 0x79, 0xc0}}, {3, {0x0f, 0xc7, 0x30}}, {4, {0xf3, 0x0f, 0xc7, 0x30}}, {4, {0x66, 0x0f, 0xc7, 0x30}}, // vmread vmwrite vmptrld vmxon vmclear
    {5, {0x66, 0x0f, 0x38, 0x80, 0x00}}, {5, {0x66, 0x0f, 0x38, 0x81, 0x00}}, {5, {0x66, 0x0f, 0x38, 0x82, 0x00}}, // invept invvpid invpcid
    {1, {0xec}}, {1, {0xee}}, {2, {0xe4, 0x60}}, {2, {0xe6, 0x64}}, {1, {0x6c}}, {1, {0x6f}}, {2, {0xf3, 0x6d}}, // in out ins outs
    {2, {0xcd, 0x80}}, {2, {0xcd, 0x03}}, {2, {0xcd, 0x0d}}, {2, {0xcd, 0xf0}}, {2, {0xcd, 0xff}}, {1, {0xcc}}, {1, {0xce}}, {1, {0xf1}}, // int
    {1, {0xcf}}, {2, {0x48, 0xcf}}, {1, {0xcb}}, {2, {0x48, 0xcb}}, {3, {0xca, 0x08, 0x00}}, {1, {0xc3}},   // iret retf
    {1, {0x9c}}, {1, {0x9d}}, {7, {0xea, 0, 0, 0, 0x10, 0x10, 0}}, {7, {0x9a, 0, 0, 0, 0x10, 0x40, 0}}, {2, {0xff, 0x28}}, {2, {0xff, 0x18}}, // popf jmp far call far
    {2, {0x8e, 0xd8}}, {2, {0x8e, 0xd0}}, {2, {0x8e, 0xe0}}, {2, {0x0f, 0xa1}}, {2, {0x0f, 0xa9}}, {1, {0x1f}}, {3, {0x0f, 0xb2, 0x20}},     // segment loads
    {4, {0xf3, 0x0f, 0xae, 0xd0}}, {5, {0xf3, 0x48, 0x0f, 0xae, 0xd8}}, {3, {0x0f, 0xae, 0x10}}, {3, {0x0f, 0xae, 0x08}}, {3, {0x0f, 0xae, 0x28}}, // wrfsbase wrgsbase ldmxcsr fxrstor xrstor
    {2, {0xd9, 0x28}}, {2, {0xdd, 0x20}}, {2, {0xd9, 0x20}}, {1, {0x9b}}, {2, {0x0f, 0x77}},                 // fldcw frstor fldenv wait emms
    {3, {0x0f, 0x37, 0xc0}}, {2, {0x0f, 0x0b}}, {2, {0x0f, 0xb9}}, {2, {0x0f, 0xff}}, {2, {0xc4, 0xe2}}, {2, {0xc5, 0xf8}}, {2, {0x62, 0xf1}}, // getsec ud2 ud1 ud0 vex evex
    {2, {0xf3, 0xa4}}, {2, {0xf2, 0xae}}, {3, {0xf0, 0x0f, 0xc7}}, {1, {0x17}}, {2, {0xeb, 0xfe}}, {3, {0xc8, 0xff, 0x1f}}, {1, {0x61}}, {1, {0xc9}},
};

static uint64_t value(void) {
  static const uint64_t special[] = {0, 1, -1ull, 1ull << 47, 1ull << 63, 0xffffffff80005000, 0xffffffff80000000, 0x7fffffffefff, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x40, 0x43,
                                     0x63, 0x174, 0xc0000080, 0xc0000082, 0x100, 0x3000, 0x20000, 0x4000, 0x10000, 0x40000, 0x200000, 0xffffffff, 0xffff0000};
  switch (next() % 4) {
    case 0: return special[next() % (sizeof special / sizeof *special)];
    case 1: return (uintptr_t)CODE + next() % (PAGES * 4096);
    case 2: return next() % 4096;
    default: return (uint64_t)next() << 32 | next();
  }
}

static void fill(void) {
  for (int at = 0; at < PAGES * 4096; at += 4) { uint32_t word = next(); memcpy(CODE + at, &word, 4); }
  // values where indirect jumps, returns and state loads find them
  for (int at = 4096; at < PAGES * 4096; at += 8) if (next() % 2) { uint64_t word = value(); memcpy(CODE + at, &word, 8); }
  for (int at = 0; at < 4096 - 16;) {
    int n = next() % (sizeof chosen / sizeof *chosen);
    if (next() % 3) memcpy(CODE + at, chosen[n].bytes, chosen[n].length), at += chosen[n].length;
    else at += 1 + next() % 5;
  }
}

/** Goes to the code with registers of random values. */
static void run_code(void) {
  static uint64_t values[16];
  fill();
  for (int n = 0; n < 16; n++) values[n] = value();
  uintptr_t stack = next() % 4 ? (uintptr_t)CODE + 4096 * 2 + (next() % 4096 & ~7) : values[7];
#if __x86_64__
  __asm__ volatile("mov %0, %%rsp\n mov %1, %%r15\n mov 8(%%r15), %%rbx\n mov 16(%%r15), %%rcx\n mov 24(%%r15), %%rdx\n mov 32(%%r15), %%rsi\n"
                   "mov 40(%%r15), %%rdi\n mov 48(%%r15), %%rbp\n mov 56(%%r15), %%r8\n mov 64(%%r15), %%r9\n mov 72(%%r15), %%r10\n mov 80(%%r15), %%r11\n"
                   "mov (%%r15), %%rax\n mov $0x10000000, %%r14\n jmp *%%r14" ::"r"(stack), "r"(values) : "memory");
#else
  __asm__ volatile("mov %0, %%esp\n mov 8(%1), %%ebx\n mov 16(%1), %%ecx\n mov 24(%1), %%edx\n mov 32(%1), %%esi\n mov 40(%1), %%edi\n"
                   "mov 48(%1), %%ebp\n mov $0x10000000, %%eax\n jmp *%%eax" ::"r"(stack), "a"(values) : "memory");
#endif
}

static void spoil(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  fill();
  unsigned long *words = (unsigned long *)&u->uc_mcontext;
  int many = 1 + next() % 4;
  for (int n = 0; n < many; n++) words[next() % (sizeof u->uc_mcontext.gregs / sizeof *words)] = value();
#if __x86_64__
  unsigned long *flags = (unsigned long *)&u->uc_mcontext.gregs[REG_EFL], *ip = (unsigned long *)&u->uc_mcontext.gregs[REG_RIP];
  unsigned char *fpu = (unsigned char *)u->uc_mcontext.fpregs;
#else
  unsigned long *flags = (unsigned long *)&u->uc_mcontext.gregs[REG_EFL], *ip = (unsigned long *)&u->uc_mcontext.gregs[REG_EIP];
  unsigned char *fpu = (unsigned char *)u->uc_mcontext.fpregs;
#endif
  if (next() % 2) *flags = value();
  if (next() % 3 == 0) *ip = value();
  if (next() % 3 == 0 && fpu) for (int n = 0; n < 40; n++) fpu[next() % 512] = next();
  if (next() % 8 == 0) *(unsigned long *)&u->uc_mcontext.fpregs = value();
}

static void run_frame(void) {
  struct sigaction action = {.sa_sigaction = spoil, .sa_flags = SA_SIGINFO | (next() % 2 ? SA_ONSTACK : 0)};
  sigaction(SIGUSR1, &action, 0);
  if (next() % 4) raise(SIGUSR1);
  else {
    // a frame that nobody made
    fill();
    uintptr_t stack = next() % 4 ? (uintptr_t)CODE + 4096 + (next() % 4096 & ~7) : value();
#if __x86_64__
    __asm__ volatile("mov %0, %%rsp\n syscall" ::"r"(stack), "a"(SYS_rt_sigreturn) : "memory");
#else
    __asm__ volatile("mov %0, %%esp\n int $0x80" ::"r"(stack), "a"(next() % 2 ? SYS_rt_sigreturn : SYS_sigreturn) : "memory");
#endif
  }
}

static void child(const char *what) {
  struct rlimit none = {0, 0}, few = {8, 8}, space = {64 << 20, 64 << 20};
  mmap(CODE, PAGES * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  close(0), close(1), close(2);
  setrlimit(RLIMIT_NPROC, &few), setrlimit(RLIMIT_FSIZE, &none), setrlimit(RLIMIT_AS, &space);
  if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) _exit(98);
  struct itimerval soon = {{0, 0}, {0, 3000}};
  setitimer(ITIMER_REAL, &soon, 0);
  if (*what == 'c') run_code();
  else run_frame();
  _exit(0);
}

int main(int argc, char **argv) {
  state = 0x9e3779b97f4a7c15 * (strtoull(argv[2], 0, 10) + 1);
  int ended[256] = {0};
  progress = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (fork() == 0) for (;;) { ++*progress; usleep(1000); }
  unsigned long before = 0, stuck = 0;
  for (int n = atoi(argv[3]); n > 0; n--) {
    int status;
    uint32_t seed = next();
    pid_t pid = fork();
    if (pid == 0) { state ^= (uint64_t)seed << 32 | seed; child(argv[1]); }
    // a random call may have stopped it, or ignored the alarm
    for (int tries = 0; waitpid(pid, &status, WNOHANG | WUNTRACED) == 0 || WIFSTOPPED(status); tries++) {
      usleep(500);
      if (tries > 20) kill(pid, SIGKILL);
    }
    ended[status & 0x7f]++;
  }
  usleep(5000);
  for (int n = 0; n < 128; n++) if (ended[n]) printf("%s %d\n", n ? strsignal(n) : "exit", ended[n]);
  printf("bystander %d\n", *progress > 1);
  kill(-1, SIGKILL);
  while (wait(0) > 0) {}
  return 0;
}
