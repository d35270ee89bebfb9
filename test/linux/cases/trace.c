// Tracing: ptrace(2), process_vm_readv(2), proc_pid_mem(5), and who may.
#include "case.h"
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define P(request, pid, addr, data) SYS(ptrace, request, pid, (void *)(long)(addr), (void *)(long)(data))

#if __x86_64__
#define NUMBER(regs) ((int)(regs).orig_rax)
#define RESULT(regs) ((long)(regs).rax)
#define SET_RESULT(regs, value) ((regs).rax = (value))
#define SET_NUMBER(regs, value) ((regs).orig_rax = (value))
#define IP(regs) ((regs).rip)
#define ORIGINAL offsetof(struct user, regs.orig_rax)
#else
#define NUMBER(regs) ((int)(regs).orig_eax)
#define RESULT(regs) ((long)(regs).eax)
#define SET_RESULT(regs, value) ((regs).eax = (value))
#define SET_NUMBER(regs, value) ((regs).orig_eax = (value))
#define IP(regs) ((regs).eip)
#define ORIGINAL offsetof(struct user, regs.orig_eax)
#endif

static volatile int shared_word = 7;
static const volatile int constant_word = 11;

/** Waits for a stop and tells which; the event is above the signal. */
static int status_of(pid_t child) {
  int status = -1;
  if (waitpid(child, &status, __WALL) != child) { say("wait: %s\n", error_name(errno)); return -1; }
  if (WIFSTOPPED(status)) say("stopped by %s%s event %d\n", sigabbrev_np(WSTOPSIG(status) & 0x7f), status & 0x8000 ? "|0x80" : "", status >> 16);
  else if (WIFEXITED(status)) say("exited with %d\n", WEXITSTATUS(status));
  else say("killed by %s\n", sigabbrev_np(WTERMSIG(status)));
  return status;
}

/** A child that is traced and stands still; what follows is what it does when it goes on. */
#define TRACED(...)                           \
  ({                                          \
    pid_t child_ = fork();                    \
    if (child_ == 0) {                        \
      P(PTRACE_TRACEME, 0, 0, 0);             \
      raise(SIGSTOP);                         \
      __VA_ARGS__;                            \
      _exit(0);                               \
    }                                         \
    status_of(child_);                        \
    child_;                                   \
  })

CASE(trace_me) {
  pid_t child = TRACED(_exit(3));
  R(P(PTRACE_CONT, child, 0, 0));
  status_of(child);
}
CASE(trace_me_twice) { CHILD(R(P(PTRACE_TRACEME, 0, 0, 0)); R(P(PTRACE_TRACEME, 0, 0, 0))); }
CASE(not_traced) {
  pid_t child = fork();
  if (child == 0) { pause(); }
  R(P(PTRACE_CONT, child, 0, 0)), R(P(PTRACE_GETREGS, child, 0, 0)), R(P(PTRACE_DETACH, child, 0, 0));
  R(P(PTRACE_CONT, 999999, 0, 0)), R(P(PTRACE_ATTACH, 999999, 0, 0)), R(P(PTRACE_ATTACH, getpid(), 0, 0));
  kill(child, SIGKILL), reap(child);
}
CASE(unknown_request) {
  pid_t child = TRACED();
  R(P(0x77, child, 0, 0)), R(P(PTRACE_CONT, child, 0, 65)), R(P(PTRACE_CONT, child, 0, -1));
  R(P(PTRACE_SETOPTIONS, child, 0, 0x40000000)), R(P(PTRACE_GETREGSET, child, 99, 0)), R(P(PTRACE_LISTEN, child, 0, 0));
  R(P(PTRACE_INTERRUPT, child, 0, 0));
  R(P(PTRACE_KILL, child, 0, 0));
  status_of(child);
}
CASE(signal_passed) {
  pid_t child = TRACED(raise(SIGUSR1));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  siginfo_t info;
  R(P(PTRACE_GETSIGINFO, child, 0, &info));
  say("signal %d code %d from child: %d\n", info.si_signo, info.si_code, info.si_pid == child);
  P(PTRACE_CONT, child, 0, SIGUSR1), status_of(child);
}
CASE(signal_suppressed) {
  pid_t child = TRACED(raise(SIGTERM); _exit(5));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(signal_replaced) {
  pid_t child = TRACED(signal(SIGUSR2, _exit); raise(SIGUSR1); _exit(1));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  P(PTRACE_CONT, child, 0, SIGUSR2), status_of(child);
}
CASE(ignored_signal_is_seen) {
  pid_t child = TRACED(signal(SIGUSR1, SIG_IGN); raise(SIGUSR1); _exit(4));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  P(PTRACE_CONT, child, 0, SIGUSR1), status_of(child);
}
CASE(signal_info_changed) {
  pid_t child = TRACED(struct sigaction a = {.sa_flags = SA_SIGINFO}; sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1);
                       sigprocmask(SIG_BLOCK, &set, 0); raise(SIGTERM); _exit(0));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  uint64_t mask = 0;
  R(P(PTRACE_GETSIGMASK, child, 8, &mask)), say("mask %llx\n", (unsigned long long)mask);
  mask = 1 << (SIGUSR2 - 1);
  R(P(PTRACE_SETSIGMASK, child, 8, &mask)), R(P(PTRACE_GETSIGMASK, child, 4, &mask));
  siginfo_t info = {.si_signo = SIGTERM, .si_code = SI_QUEUE};
  R(P(PTRACE_SETSIGINFO, child, 0, &info));
  siginfo_t got;
  R(P(PTRACE_GETSIGINFO, child, 0, &got)), say("code %d\n", got.si_code);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(wait_for_stop_options) {
  pid_t child = TRACED(raise(SIGUSR1));
  P(PTRACE_CONT, child, 0, 0);
  siginfo_t info = {0};
  R(waitid(P_PID, child, &info, WSTOPPED | WNOWAIT));
  say("code %d status %d signal %d\n", info.si_code, info.si_status, info.si_signo);
  status_of(child);
  R(waitpid(child, 0, WNOHANG | __WALL));
  kill(child, SIGKILL), status_of(child);
}
CASE(calls) {
  pid_t child = TRACED(syscall(SYS_getpid); syscall(SYS_close, 77));
  R(P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD));
  for (int n = 0; n < 4; n++) {
    struct user_regs_struct regs;
    P(PTRACE_SYSCALL, child, 0, 0), status_of(child);
    P(PTRACE_GETREGS, child, 0, &regs);
    int number = NUMBER(regs);
    if (number != SYS_getpid && number != SYS_close) { n--; continue; }
    say("%s %ld\n", number == SYS_getpid ? "getpid" : "close", RESULT(regs) > 0 ? 1 : RESULT(regs));
    siginfo_t info;
    R(P(PTRACE_GETSIGINFO, child, 0, &info)), say("code %d\n", info.si_code);
  }
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(call_changed) {
  pid_t child = TRACED(_exit(syscall(SYS_getppid) == 42 ? 6 : 7));
  P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD);
  struct user_regs_struct regs;
  do P(PTRACE_SYSCALL, child, 0, 0), waitpid(child, 0, 0), P(PTRACE_GETREGS, child, 0, &regs);
  while (NUMBER(regs) != SYS_getppid);
  SET_NUMBER(regs, -1);
  R(P(PTRACE_SETREGS, child, 0, &regs));
  P(PTRACE_SYSCALL, child, 0, 0), status_of(child);
  P(PTRACE_GETREGS, child, 0, &regs), say("skipped: %ld\n", RESULT(regs));
  SET_RESULT(regs, 42);
  P(PTRACE_SETREGS, child, 0, &regs), P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(call_replaced) {
  pid_t child = TRACED(_exit(syscall(SYS_getppid) == getpid() ? 6 : 7));
  P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD);
  struct user_regs_struct regs;
  do P(PTRACE_SYSCALL, child, 0, 0), waitpid(child, 0, 0), P(PTRACE_GETREGS, child, 0, &regs);
  while (NUMBER(regs) != SYS_getppid);
  R(P(PTRACE_POKEUSER, child, ORIGINAL, SYS_getpid));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(call_info) {
  pid_t child = TRACED(syscall(SYS_close, 77, 2, 3, 4, 5, 6));
  P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD);
  struct __ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  R(P(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info)), say("op %d\n", info.op);
  struct user_regs_struct regs;
  do P(PTRACE_SYSCALL, child, 0, 0), waitpid(child, 0, 0), P(PTRACE_GETREGS, child, 0, &regs);
  while (NUMBER(regs) != SYS_close);
  R(P(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info));
  say("op %d close %d args %lld %lld %lld %lld %lld arch %d\n", info.op, info.entry.nr == SYS_close, info.entry.args[0], info.entry.args[1], info.entry.args[2], info.entry.args[3], info.entry.args[4], info.arch == (sizeof(long) == 8 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386));
  P(PTRACE_SYSCALL, child, 0, 0), status_of(child);
  R(P(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info)), say("op %d value %lld error %d\n", info.op, info.exit.rval, info.exit.is_error);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(memory) {
  pid_t child = TRACED(_exit(shared_word));
  long word = 0;
  R(P(PTRACE_PEEKDATA, child, &shared_word, &word)), say("%d\n", (int)word);
  word = word - 7 + 33;
  R(P(PTRACE_POKEDATA, child, &shared_word, word)), R(P(PTRACE_PEEKTEXT, child, 8, &word)), R(P(PTRACE_POKETEXT, child, 8, 1));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  say("here %d\n", shared_word);
}
CASE(read_only_memory) {
  pid_t child = TRACED(_exit(constant_word));
  long word = 0;
  R(P(PTRACE_PEEKDATA, child, &constant_word, &word));
  R(P(PTRACE_POKEDATA, child, &constant_word, (word & ~0xffL) | 55));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  say("here %d\n", constant_word);
}
CASE(memory_file) {
  pid_t child = TRACED(_exit(shared_word));
  char name[64];
  sprintf(name, "/proc/%d/mem", child);
  int fd = open(name, O_RDWR), value = 0;
  say("opened %d\n", fd >= 0);
  R(pread(fd, &value, 4, (off_t)(uintptr_t)&shared_word)), say("%d\n", value);
  value = 44;
  R(pwrite(fd, &value, 4, (off_t)(uintptr_t)&shared_word)), R(pread(fd, &value, 4, 8)), R(pwrite(fd, &value, 4, 8));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  R(pread(fd, &value, 4, (off_t)(uintptr_t)&shared_word));
}
CASE(own_memory_file) {
  int fd = open("/proc/self/mem", O_RDWR), value = 66;
  R(pwrite(fd, &value, 4, (off_t)(uintptr_t)&constant_word)), say("%d\n", *(volatile int *)&constant_word);
}
CASE(breakpoint) {
  pid_t child = TRACED(__asm__ volatile("int3"); _exit(9));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  siginfo_t info;
  P(PTRACE_GETSIGINFO, child, 0, &info), say("code %#x\n", info.si_code);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(single_steps) {
  pid_t child = TRACED(__asm__ volatile("int3; nop; nop; nop"); _exit(9));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  struct user_regs_struct regs;
  P(PTRACE_GETREGS, child, 0, &regs);
  unsigned long first = IP(regs);
  for (int n = 0; n < 3; n++) {
    R(P(PTRACE_SINGLESTEP, child, 0, 0)), status_of(child);
    P(PTRACE_GETREGS, child, 0, &regs), say("+%ld\n", (long)(IP(regs) - first));
  }
  siginfo_t info;
  P(PTRACE_GETSIGINFO, child, 0, &info), say("code %d\n", info.si_code);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(fault) {
  pid_t child = TRACED(*(volatile int *)16 = 1);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  siginfo_t info;
  P(PTRACE_GETSIGINFO, child, 0, &info), say("code %d address %ld\n", info.si_code, (long)info.si_addr);
  P(PTRACE_CONT, child, 0, SIGSEGV), status_of(child);
}
CASE(register_sets) {
  pid_t child = TRACED();
  char bytes[4096];
  struct iovec vector = {bytes, sizeof bytes};
  R(P(PTRACE_GETREGSET, child, NT_PRSTATUS, &vector)), say("%d\n", (int)vector.iov_len == (int)sizeof(struct user_regs_struct));
  R(P(PTRACE_SETREGSET, child, NT_PRSTATUS, &vector));
  vector.iov_len = 16;
  R(P(PTRACE_GETREGSET, child, NT_PRSTATUS, &vector)), say("%d\n", (int)vector.iov_len);
  vector.iov_len = 3;
  R(P(PTRACE_SETREGSET, child, NT_PRSTATUS, &vector));
  kill(child, SIGKILL), status_of(child);
}
CASE(fork_event) {
  pid_t child = TRACED(pid_t inner = fork(); if (inner == 0) _exit(2); int status; waitpid(inner, &status, 0); _exit(WEXITSTATUS(status)));
  R(P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  unsigned long message = 0;
  R(P(PTRACE_GETEVENTMSG, child, 0, &message));
  pid_t inner = message;
  status_of(inner);
  P(PTRACE_CONT, inner, 0, 0), status_of(inner);
  P(PTRACE_CONT, child, 0, 0);
  status_of(child), P(PTRACE_CONT, child, 0, SIGCHLD);
  status_of(child);
}
CASE(vfork_events) {
  pid_t child = TRACED(pid_t inner = vfork(); if (inner == 0) _exit(2); _exit(8));
  R(P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  unsigned long message = 0;
  P(PTRACE_GETEVENTMSG, child, 0, &message);
  pid_t inner = message;
  status_of(inner);
  P(PTRACE_CONT, child, 0, 0);
  P(PTRACE_CONT, inner, 0, 0), status_of(inner);
  status_of(child);
  unsigned long again = 0;
  P(PTRACE_GETEVENTMSG, child, 0, &again), say("same %d\n", again == message);
}
CASE(exit_event) {
  pid_t child = TRACED(_exit(7));
  R(P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  unsigned long message = 0;
  R(P(PTRACE_GETEVENTMSG, child, 0, &message)), say("%#lx\n", message);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(exit_event_of_signal) {
  pid_t child = TRACED(raise(SIGTERM));
  P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  P(PTRACE_CONT, child, 0, SIGTERM), status_of(child);
  unsigned long message = 0;
  P(PTRACE_GETEVENTMSG, child, 0, &message), say("%#lx\n", message);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(exec_stop) {
  pid_t child = TRACED(char *argv[] = {"x", 0}; syscall(SYS_execve, "/proc/self/exe", argv, 0));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  kill(child, SIGKILL), status_of(child);
}
CASE(exec_event) {
  pid_t child = TRACED(char *argv[] = {"x", 0}; syscall(SYS_execve, "/proc/self/exe", argv, 0));
  P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXEC);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  unsigned long message = 0;
  P(PTRACE_GETEVENTMSG, child, 0, &message), say("own %d\n", message == child);
  kill(child, SIGKILL), status_of(child);
}
CASE(attach) {
  pid_t child = fork();
  if (child == 0) { for (;;) pause(); }
  R(P(PTRACE_ATTACH, child, 0, 0)), status_of(child), R(P(PTRACE_ATTACH, child, 0, 0));
  R(P(PTRACE_DETACH, child, 0, SIGTERM)), status_of(child);
}
CASE(seize) {
  pid_t child = fork();
  if (child == 0) { for (;;) pause(); }
  R(P(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD)), R(P(PTRACE_GETEVENTMSG, child, 0, 0));
  R(P(PTRACE_INTERRUPT, child, 0, 0)), status_of(child);
  siginfo_t info;
  R(P(PTRACE_GETSIGINFO, child, 0, &info)), say("code %#x\n", info.si_code);
  R(P(PTRACE_CONT, child, 0, 0)), R(P(PTRACE_INTERRUPT, child, 0, 0)), status_of(child);
  kill(child, SIGKILL), status_of(child);
}
CASE(group_stop_of_seized) {
  pid_t child = fork();
  if (child == 0) { for (;;) pause(); }
  P(PTRACE_SEIZE, child, 0, 0);
  kill(child, SIGSTOP), status_of(child);
  P(PTRACE_CONT, child, 0, SIGSTOP), status_of(child);
  R(P(PTRACE_LISTEN, child, 0, 0));
  kill(child, SIGCONT), status_of(child);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  P(PTRACE_CONT, child, 0, SIGCONT);
  kill(child, SIGKILL), status_of(child);
}
CASE(group_stop) {
  pid_t child = TRACED(raise(SIGTSTP); _exit(3));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  P(PTRACE_CONT, child, 0, SIGTSTP), status_of(child);
  siginfo_t info;
  R(P(PTRACE_GETSIGINFO, child, 0, &info));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(exit_kill) {
  pid_t child = fork();
  if (child == 0) { for (;;) pause(); }
  CHILD(P(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL));
  status_of(child);
}
CASE(tracer_ends) {
  pid_t child = fork();
  if (child == 0) { pause_ms(50); _exit(4); }
  CHILD(P(PTRACE_SEIZE, child, 0, 0); P(PTRACE_INTERRUPT, child, 0, 0); status_of(child));
  status_of(child);
}
CASE(traced_stranger_ends) {
  int gate[2];
  pipe(gate);
  pid_t child = fork();
  if (child == 0) { char c; read(gate[0], &c, 1); _exit(6); }
  CHILD(P(PTRACE_SEIZE, child, 0, 0); write(gate[1], "x", 1); status_of(child));
  status_of(child);
}
CASE(foreign_user) {
  pid_t child = fork();
  if (child == 0) { for (;;) pause(); }
  CHILD(unprivileged(); R(P(PTRACE_ATTACH, child, 0, 0)); R(P(PTRACE_SEIZE, child, 0, 0)));
  kill(child, SIGKILL), reap(child);
}
CASE(not_dumpable) {
  int ready[2];
  pipe(ready);
  unprivileged();
  pid_t child = fork();
  if (child == 0) { prctl(PR_SET_DUMPABLE, 0); write(ready[1], "x", 1); for (;;) pause(); }
  char c;
  read(ready[0], &c, 1);
  R(P(PTRACE_ATTACH, child, 0, 0));
  char word[8];
  struct iovec local = {word, 8}, remote = {(void *)&shared_word, 4};
  R(process_vm_readv(child, &local, 1, &remote, 1, 0));
  kill(child, SIGKILL), reap(child);
}
CASE(tracer_number) {
  pid_t child = TRACED();
  char name[64], text[4096];
  sprintf(name, "/proc/%d/status", child);
  int fd = open(name, O_RDONLY), length = read(fd, text, sizeof text - 1);
  text[length] = 0;
  char *state = strstr(text, "State:"), *tracer = strstr(text, "TracerPid:");
  say("%.*s mine %d\n", (int)(strchr(state, '\n') - state), state, atoi(tracer + 10) == getpid());
  kill(child, SIGKILL), status_of(child);
}
CASE(filter_traces) {
  pid_t child = fork();
  if (child == 0) {
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_getppid, 0, 1),
                                 BPF_STMT(BPF_RET, SECCOMP_RET_TRACE | 0x55), BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {4, code};
    P(PTRACE_TRACEME, 0, 0, 0), raise(SIGSTOP);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    _exit(syscall(SYS_getppid) == getpid() ? 6 : 7);
  }
  status_of(child);
  R(P(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  unsigned long message = 0;
  R(P(PTRACE_GETEVENTMSG, child, 0, &message)), say("%#lx\n", message);
  P(PTRACE_POKEUSER, child, ORIGINAL, SYS_getpid);
  P(PTRACE_CONT, child, 0, 0), status_of(child);
}
CASE(filter_without_tracer) {
  CHILD(struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_getppid, 0, 1),
                                     BPF_STMT(BPF_RET, SECCOMP_RET_TRACE), BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)};
        struct sock_fprog program = {4, code}; prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program); R(syscall(SYS_getppid)));
}
CASE(floating_point) {
  pid_t child = TRACED(double d = 2.5; __asm__ volatile("movsd %0, %%xmm7; int3; movsd %%xmm7, %0" : "+m"(d)); _exit(d == 4.5 ? 1 : 2));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
  char image[512] __attribute__((aligned(16)));
  struct iovec vector = {image, 512};
#if __x86_64__
  R(P(PTRACE_GETREGSET, child, NT_PRFPREG, &vector));
  double value;
  memcpy(&value, image + 160 + 16 * 7, 8), say("%d\n", (int)(value * 10));
  value = 4.5, memcpy(image + 160 + 16 * 7, &value, 8);
  R(P(PTRACE_SETREGSET, child, NT_PRFPREG, &vector));
  P(PTRACE_CONT, child, 0, 0), status_of(child);
#endif
  kill(child, SIGKILL);
}
static void clear_register(int signal) { __asm__ volatile("pxor %xmm6, %xmm6"); }
CASE(handler_restores_floating_point) {
  double d = 1.5;
  struct sigaction action = {.sa_handler = clear_register};
  sigaction(SIGUSR1, &action, 0);
  pid_t self = getpid();
  __asm__ volatile("movsd %0, %%xmm6" ::"m"(d));
  SYS(kill, self, SIGUSR1);
  __asm__ volatile("movsd %%xmm6, %0" : "=m"(d));
  say("%d\n", (int)(d * 10));
}

#define DEBUG_REGISTER(n) offsetof(struct user, u_debugreg[n])
static long debug_register(pid_t child, int n) {
  errno = 0;
  long value = ptrace(PTRACE_PEEKUSER, child, (void *)DEBUG_REGISTER(n), NULL);
  if (errno) say("%s\n", error_name(errno));
  return value;
}
#define D(child, n, value) R(P(PTRACE_POKEUSER, child, DEBUG_REGISTER(n), value))
CASE(debug_registers) {
  pid_t child = TRACED(_exit(0));
  for (int n = 0; n < 8; n++) say("%d: %lx\n", n, debug_register(child, n));
  D(child, 0, 1);
  D(child, 0, 2);
  say("%lx\n", debug_register(child, 0));
  D(child, 7, 1);
  say("%lx\n", debug_register(child, 7));
  D(child, 7, 0x20001);
  D(child, 7, 0xd0001);
  D(child, 7, 0x50001);
  D(child, 7, 0xc0001);
  D(child, 1, 0x1001);
  D(child, 7, 0x00d00004);
  D(child, 7, 0x00100004);
  say("%lx\n", debug_register(child, 7));
  D(child, 4, 1);
  D(child, 5, 0);
  D(child, 6, 5);
  say("%lx\n", debug_register(child, 6));
  P(PTRACE_KILL, child, 0, 0);
  status_of(child);
}
#if __x86_64__
CASE(debug_registers_of_the_kernel) {
  pid_t child = TRACED(_exit(0));
  D(child, 0, 0xffff800000000000);
  D(child, 0, 0xffffffffffffffff);
  D(child, 0, 0x7fffffffffff);
  say("%lx\n", debug_register(child, 0));
  P(PTRACE_KILL, child, 0, 0);
  status_of(child);
}
#endif
static volatile int watched, unwatched;
static __attribute__((noinline)) void passed_through(void) { __asm__ volatile("" ::: "memory"); }
static int code_of(pid_t child) {
  siginfo_t info = {0};
  P(PTRACE_GETSIGINFO, child, 0, &info);
  return info.si_code;
}
CASE(watchpoint) {
  pid_t child = TRACED(unwatched = 1; watched = 5; unwatched = watched; _exit(unwatched));
  D(child, 1, &watched);
  D(child, 7, 0xd00004);
  R(P(PTRACE_CONT, child, 0, 0));
  status_of(child);
  say("code %d, status %lx, value %ld\n", code_of(child), debug_register(child, 6), P(PTRACE_PEEKDATA, child, &watched, &(long){0}));
  D(child, 7, 0xf00004);
  R(P(PTRACE_CONT, child, 0, 0));
  status_of(child);
  D(child, 7, 0);
  R(P(PTRACE_CONT, child, 0, 0));
  status_of(child);
}
CASE(hardware_breakpoint) {
  pid_t child = TRACED(passed_through(); passed_through(); _exit(4));
  struct user_regs_struct regs;
  D(child, 0, passed_through);
  D(child, 7, 1);
  for (int n = 0; n < 2; n++) {
    R(P(PTRACE_CONT, child, 0, 0));
    status_of(child);
    P(PTRACE_GETREGS, child, 0, &regs);
    say("there %d, code %d, status %lx\n", IP(regs) == (unsigned long)passed_through, code_of(child), debug_register(child, 6));
  }
  R(P(PTRACE_CONT, child, 0, 0));
  status_of(child);
}
CASE(breakpoints_of_children) {
  pid_t child = TRACED(pid_t inner = fork(); if (!inner) { watched = 1; _exit(7); } int status; waitpid(inner, &status, 0); _exit(WEXITSTATUS(status)));
  D(child, 0, &watched);
  D(child, 7, 0xd0001);
  R(P(PTRACE_CONT, child, 0, 0));
  status_of(child);
}
CASE(attach_to_a_stopped_one) {
  int status;
  pid_t child = fork();
  if (!child) { raise(SIGSTOP); _exit(3); }
  waitpid(child, &status, WUNTRACED);
  R(P(PTRACE_ATTACH, child, 0, 0));
  D(child, 0, 1);
  say("%lx\n", debug_register(child, 0));
  status_of(child);
  R(P(PTRACE_DETACH, child, 0, 0));
  kill(child, SIGCONT);
  status_of(child);
}
CASE(attach_to_a_stopped_one_and_go_on) {
  int status;
  pid_t child = fork();
  if (!child) { raise(SIGSTOP); _exit(3); }
  waitpid(child, &status, WUNTRACED);
  R(P(PTRACE_ATTACH, child, 0, 0));
  status_of(child);
  for (int n = 0; n < 3; n++) {
    if (P(PTRACE_CONT, child, 0, 0)) break;
    if (!WIFSTOPPED(status_of(child))) break;
  }
}
