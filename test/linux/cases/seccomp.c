// seccomp(2): strict mode, filters and what they return, inheritance, threads.
#include "case.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_I386
#endif
#define NR offsetof(struct seccomp_data, nr)
#define LOAD(k) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k)
#define RETURN(k) BPF_STMT(BPF_RET | BPF_K, k)
#define IF(call, k) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), RETURN(k)
#define INSTALL(...)                                                                    \
  ({                                                                                    \
    struct sock_filter filter_[] = {__VA_ARGS__};                                       \
    struct sock_fprog program_ = {sizeof filter_ / sizeof *filter_, filter_};           \
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);                                             \
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program_);                        \
  })
#define ON_GETPPID(k) R(INSTALL(LOAD(NR), IF(getppid, k), RETURN(SECCOMP_RET_ALLOW)) == 0)

ONE(mode_off, prctl(PR_GET_SECCOMP))
ONE(bad_operation, SYS(seccomp, 99, 0, NULL))
ONE(strict_with_flags, SYS(seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL))
ONE(strict_with_address, SYS(seccomp, SECCOMP_SET_MODE_STRICT, 0, "x"))
ONE(filter_bad_address, SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, BAD))
ONE(filter_bad_flags, SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0x1000, NULL))
ONE(prctl_bad_mode, prctl(PR_SET_SECCOMP, 9))
ONE(action_bad_flags, SYS(seccomp, SECCOMP_GET_ACTION_AVAIL, 1, NULL))

CASE(strict_allows_write) { R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)); say("still here\n"); SYS(exit, 3); }
CASE(strict_kills) { R(SYS(seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)); SYS(getpid); say("not reached\n"); }
CASE(strict_kills_exit_group) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); _exit(0); }
CASE(strict_twice) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); }
CASE(needs_privilege) { unprivileged(); struct sock_filter f[] = {RETURN(SECCOMP_RET_ALLOW)}; struct sock_fprog p = {1, f}; R(SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, &p)); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); R(SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, &p)); R(prctl(PR_GET_SECCOMP)); }
CASE(allow) { ON_GETPPID(SECCOMP_RET_ALLOW); R(getppid() >= 0); }
CASE(errno_) { ON_GETPPID(SECCOMP_RET_ERRNO | EXDEV); R(SYS(getppid)); }
CASE(errno_zero) { ON_GETPPID(SECCOMP_RET_ERRNO); R(SYS(getppid)); }
CASE(errno_capped) { ON_GETPPID(SECCOMP_RET_ERRNO | 0xffff); errno = 0; long r = SYS(getppid); say("%ld %d\n", r, errno); }
CASE(kill_process) { ON_GETPPID(SECCOMP_RET_KILL_PROCESS); SYS(getppid); say("not reached\n"); }
CASE(kill_thread_alone) { ON_GETPPID(SECCOMP_RET_KILL_THREAD); SYS(getppid); say("not reached\n"); }
CASE(kill_status) { pid_t child = fork(); if (!child) { INSTALL(LOAD(NR), IF(getppid, SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW)); SYS(getppid); } int status; waitpid(child, &status, 0); say("%d\n", WTERMSIG(status)); }
static void *killed(void *argument) { SYS(getppid); return NULL; }
CASE(kill_thread_of_two) { ON_GETPPID(SECCOMP_RET_KILL_THREAD); pthread_t t; pthread_create(&t, NULL, killed, NULL); pause_ms(20); say("main lives\n"); _exit(0); }
static void caught(int signal, siginfo_t *info, void *context) { say("%d code %d errno %d call %d arch %d\n", signal, info->si_code, info->si_errno, info->si_syscall == SYS_getppid, info->si_arch == ARCH); }
CASE(trap) { struct sigaction a = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO}; sigaction(SIGSYS, &a, NULL); ON_GETPPID(SECCOMP_RET_TRAP | 42); say("%d\n", SYS(getppid) == SYS_getppid); }
CASE(trap_default) { ON_GETPPID(SECCOMP_RET_TRAP); SYS(getppid); say("not reached\n"); }
CASE(trap_ignored) { signal(SIGSYS, SIG_IGN); ON_GETPPID(SECCOMP_RET_TRAP); SYS(getppid); say("not reached\n"); }
CASE(trace_without_tracer) { ON_GETPPID(SECCOMP_RET_TRACE); R(SYS(getppid)); }
CASE(log_) { ON_GETPPID(SECCOMP_RET_LOG); R(getppid() >= 0); }
CASE(unknown_action_kills) { ON_GETPPID(0x12340000); SYS(getppid); say("not reached\n"); }
CASE(strictest_wins) { ON_GETPPID(SECCOMP_RET_ERRNO | EXDEV); ON_GETPPID(SECCOMP_RET_ALLOW); R(SYS(getppid)); ON_GETPPID(SECCOMP_RET_ERRNO | EDOM); R(SYS(getppid)); }
CASE(inherited) { ON_GETPPID(SECCOMP_RET_ERRNO | EXDEV); CHILD(R(SYS(getppid))); }
CASE(kept_over_exec) { ON_GETPPID(SECCOMP_RET_ERRNO | EXDEV); execl("/proc/self/exe", "case", "try_getppid", NULL); }
CASE(try_getppid) { R(SYS(getppid) == -1); R(prctl(PR_GET_SECCOMP)); }
CASE(arguments_seen) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup2, 0, 3), LOAD(offsetof(struct seccomp_data, args[1])), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 33, 0, 1), RETURN(SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW))); R(SYS(dup2, 1, 33)); R(SYS(dup2, 1, 34)); }
CASE(arguments_seen_again) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup2, 0, 3), LOAD(offsetof(struct seccomp_data, args[1])), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 33, 0, 1), RETURN(SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW))); for (int n = 0; n < 3; n++) { R(SYS(dup2, 1, 34)); R(SYS(dup2, 1, 33)); } }
CASE(allowed_until_next_filter) { ON_GETPPID(SECCOMP_RET_ALLOW); for (int n = 0; n < 3; n++) R(SYS(getppid) >= 0); ON_GETPPID(SECCOMP_RET_ERRNO | EDOM); R(SYS(getppid)); R(SYS(getuid)); pid_t child = fork(); if (child == 0) { R(SYS(getppid)); _exit(0); } waitpid(child, NULL, 0); }
CASE(numbers_far_away) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 2000, 0, 1), RETURN(SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW))); for (int n = 0; n < 2; n++) { R(SYS(getuid)); R(syscall(1024 + SYS_getuid)); R(syscall(1999)); R(syscall(2000)); R(syscall(-2L)); } }
CASE(architecture_seen) { R(INSTALL(LOAD(offsetof(struct seccomp_data, arch)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0, 3), LOAD(NR), IF(getppid, SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW))); R(SYS(getppid)); }
CASE(arithmetic) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), RETURN(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 7), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 3), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0))); R(SYS(getppid)); }
CASE(division_by_zero_kills) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), RETURN(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN(SECCOMP_RET_ALLOW))); SYS(getppid); say("not reached\n"); }
CASE(length_loaded) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), RETURN(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0))); errno = 0; SYS(getppid); say("%d\n", errno); }
CASE(check_empty) { struct sock_fprog p = {0, NULL}; prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); R(SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, &p)); struct sock_fprog q = {1, NULL}; R(SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, &q)); struct sock_fprog r = {5000, (void *)&q}; R(SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, &r)); }
CASE(check_no_return) { R(INSTALL(LOAD(NR))); }
CASE(check_unaligned_load) { R(INSTALL(LOAD(2), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_load_beyond) { R(INSTALL(LOAD(64), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_half_load) { R(INSTALL(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_indirect_load) { R(INSTALL(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_modulo) { R(INSTALL(LOAD(NR), BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_division_by_zero) { R(INSTALL(LOAD(NR), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_shift) { R(INSTALL(LOAD(NR), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN(SECCOMP_RET_ALLOW))); R(INSTALL(LOAD(NR), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 31), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_jump_beyond) { R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), RETURN(SECCOMP_RET_ALLOW))); R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0), RETURN(SECCOMP_RET_ALLOW))); R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_memory) { R(INSTALL(BPF_STMT(BPF_LD | BPF_MEM, 2), RETURN(SECCOMP_RET_ALLOW))); R(INSTALL(BPF_STMT(BPF_ST, 16), RETURN(SECCOMP_RET_ALLOW))); R(INSTALL(BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), RETURN(SECCOMP_RET_ALLOW))); R(INSTALL(LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), RETURN(SECCOMP_RET_ALLOW))); }
CASE(check_unknown_code) { R(INSTALL(BPF_STMT(0xffff, 0), RETURN(SECCOMP_RET_ALLOW))); }
CASE(actions_available) { unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, 0x12340000}; for (int n = 0; n < 9; n++) R(SYS(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[n])); }
CASE(notification_sizes) { struct seccomp_notif_sizes s; R(SYS(seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s)); say("%d %d %d\n", s.seccomp_notif, s.seccomp_notif_resp, s.seccomp_data); }
CASE(no_mode_change) { ON_GETPPID(SECCOMP_RET_ALLOW); R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)); R(prctl(PR_GET_SECCOMP)); }
static int gate[2]; static char byte;
static void *tries(void *argument) { read(gate[0], &byte, 1); return (void *)(long)(SYS(getppid) == -1 ? errno : 0); }
CASE(synchronized) { pipe(gate); pthread_t t; pthread_create(&t, NULL, tries, NULL); struct sock_filter f[] = {LOAD(NR), IF(getppid, SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW)}; struct sock_fprog p = {4, f}; prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); R(SYS(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p)); write(gate[1], "x", 1); void *r; pthread_join(t, &r); say("%ld\n", (long)r); }
CASE(not_synchronized) { pipe(gate); pthread_t t; pthread_create(&t, NULL, tries, NULL); R(INSTALL(LOAD(NR), IF(getppid, SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW))); write(gate[1], "x", 1); void *r; pthread_join(t, &r); say("%ld\n", (long)r); }
CASE(status_file) { ON_GETPPID(SECCOMP_RET_ALLOW); char text[8192]; int fd = open("/proc/self/status", O_RDONLY); int n = read(fd, text, sizeof text - 1); text[n > 0 ? n : 0] = 0; char *a = strstr(text, "NoNewPrivs:"), *b = strstr(text, "\nSeccomp:"), *c = strstr(text, "Seccomp_filters:"); say("%.13s|%.11s|%.18s\n", a ? a : "", b ? b + 1 : "", c ? c : ""); }
