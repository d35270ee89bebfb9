// Core files (core(5)): when a signal leaves one, what is in it, and what wait(2) tells of it.
#include "case.h"
#include <elf.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/procfs.h>
#include <sys/resource.h>

static void allow(unsigned long bytes) {
  struct rlimit limit = {bytes, RLIM_INFINITY};
  setrlimit(RLIMIT_CORE, &limit);
}

/** Ends a child by a signal and tells what of it is left. */
#define DIES(...)                                                                            \
  do {                                                                                       \
    int status_;                                                                             \
    struct stat stat_;                                                                       \
    if (fork() == 0) { __VA_ARGS__; _exit(0); }                                              \
    wait(&status_);                                                                          \
    say("%s %d: ", sigabbrev_np(WTERMSIG(status_)), WCOREDUMP(status_) != 0);                \
    if (stat("core", &stat_)) say("%s\n", error_name(errno));                                \
    else say("mode %o of %d\n", (int)stat_.st_mode, (int)stat_.st_uid);                      \
  } while (0)

CASE(without_a_limit_there_is_none) { allow(0); DIES(abort()); }
CASE(below_a_page_there_is_none) { allow(4095); DIES(abort()); }
CASE(of_abort) { allow(RLIM_INFINITY); DIES(abort()); }
CASE(of_a_fault) { allow(RLIM_INFINITY); DIES(*(volatile int *)8 = 1); }
CASE(of_a_signal_sent) { allow(RLIM_INFINITY); DIES(kill(getpid(), SIGQUIT)); }
CASE(of_a_signal_that_has_none) { allow(RLIM_INFINITY); DIES(kill(getpid(), SIGTERM)); }
CASE(not_of_who_may_not_be_looked_at) { allow(RLIM_INFINITY); DIES(prctl(PR_SET_DUMPABLE, 0); abort()); }
CASE(not_where_nothing_may_be_made) {
  allow(RLIM_INFINITY);
  mkdir("d", 0755);
  DIES(if (chdir("d") || setresuid(1000, 1000, 1000)) _exit(9); prctl(PR_SET_DUMPABLE, 1); abort());
}
CASE(in_place_of_a_name_of_another_file) { put("core", "x"); chmod("core", 0600); link("core", "other"); allow(RLIM_INFINITY); DIES(abort()); show("other"); }
CASE(not_over_a_directory) { mkdir("core", 0700); allow(RLIM_INFINITY); DIES(abort()); }
CASE(in_place_of_a_link) { symlink("other", "core"); allow(RLIM_INFINITY); DIES(abort()); struct stat s; R(stat("other", &s)); }
CASE(over_an_old_one) {
  put("core", "x");
  chmod("core", 0600);
  allow(RLIM_INFINITY);
  DIES(abort());
  struct stat s;
  stat("core", &s);
  say("%d\n", s.st_size > 4096);
}
CASE(as_long_as_the_limit) {
  allow(8192);
  DIES(abort());
  struct stat s;
  stat("core", &s);
  say("%d\n", s.st_size <= 8192);
}
CASE(waitid_tells) {
  siginfo_t info;
  allow(RLIM_INFINITY);
  if (fork() == 0) abort();
  waitid(P_ALL, 0, &info, WEXITED);
  say("%d %d\n", info.si_code == CLD_DUMPED, info.si_status);
  allow(0);
  if (fork() == 0) abort();
  waitid(P_ALL, 0, &info, WEXITED);
  say("%d %d\n", info.si_code == CLD_KILLED, info.si_status);
}

static char *core;
static ElfW(Ehdr) *header;

/** Reads the core file that a child leaves. */
static void load(void) {
  struct stat s;
  int fd = open("core", O_RDONLY);
  fstat(fd, &s);
  core = mmap(NULL, s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  header = (ElfW(Ehdr) *)core;
}

static ElfW(Phdr) *segment(int n) { return (ElfW(Phdr) *)(core + header->e_phoff) + n; }

/** The note of a type; NULL when there is none. */
static void *note(unsigned type, int number) {
  ElfW(Phdr) *all = segment(0);
  for (char *at = core + all->p_offset; at < core + all->p_offset + all->p_filesz;) {
    ElfW(Nhdr) *one = (ElfW(Nhdr) *)at;
    char *content = at + sizeof *one + (one->n_namesz + 3) / 4 * 4;
    if (one->n_type == type && number-- == 0) return content;
    at = content + (one->n_descsz + 3) / 4 * 4;
  }
  return NULL;
}

/** Memory of the dead at an address. */
static void *memory(uintptr_t address) {
  for (int n = 1; n < header->e_phnum; n++) {
    ElfW(Phdr) *one = segment(n);
    if (address >= one->p_vaddr && address < one->p_vaddr + one->p_filesz) return core + one->p_offset + address - one->p_vaddr;
  }
  return NULL;
}

static char kept[] = "words of the dead";

CASE(the_header) {
  allow(RLIM_INFINITY);
  CHILD(abort());
  load();
  say("%.3s type %d version %d first %d\n", header->e_ident + 1, header->e_type,
      header->e_version, segment(0)->p_type == PT_NOTE);
  int loads = 0;
  for (int n = 1; n < header->e_phnum; n++) loads += segment(n)->p_type == PT_LOAD;
  say("%d %d\n", loads == header->e_phnum - 1, loads > 3);
}
CASE(the_status) {
  allow(RLIM_INFINITY);
  pid_t child = fork();
  if (child == 0) abort();
  wait(NULL);
  load();
  struct elf_prstatus *status = note(NT_PRSTATUS, 0);
  say("%d %d %d %d\n", status->pr_info.si_signo, status->pr_cursig, status->pr_pid == child, status->pr_ppid == getpid());
  say("%d\n", status->pr_fpvalid);
}
CASE(the_registers) {
  allow(RLIM_INFINITY);
  CHILD(*(volatile int *)8 = 1);
  load();
  struct elf_prstatus *status = note(NT_PRSTATUS, 0);
  struct user_regs_struct *registers = (void *)&status->pr_reg;
#ifdef __i386__
  uintptr_t stack = registers->esp, at = registers->eip;
#else
  uintptr_t stack = registers->rsp, at = registers->rip;
#endif
  say("%d %d\n", memory(stack) != NULL, at > 4096);
}
CASE(the_process) {
  allow(RLIM_INFINITY);
  CHILD(abort());
  load();
  struct elf_prpsinfo *process = note(NT_PRPSINFO, 0);
  say("%c %s %d:%d\n", process->pr_sname, strchr(process->pr_psargs, ' '), process->pr_uid, process->pr_gid);
}
CASE(the_signal) {
  allow(RLIM_INFINITY);
  CHILD(*(volatile int *)8 = 1);
  load();
  siginfo_t *info = note(0x53494749, 0);
  say("%d %d %p\n", info->si_signo, info->si_code, info->si_addr);
}
CASE(other_notes) {
  allow(RLIM_INFINITY);
  CHILD(abort());
  load();
  long *files = note(0x46494c45, 0);
  say("%d %d %d\n", note(NT_AUXV, 0) != NULL, note(NT_FPREGSET, 0) != NULL, files[0] > 0);
  say("%d\n", (int)files[1]);
}
CASE(its_memory) {
  allow(RLIM_INFINITY);
  CHILD(strcpy(kept, "final words"); abort());
  load();
  char *text = memory((uintptr_t)kept);
  say("%s %s\n", text, kept);
}
CASE(its_heap_and_shared_memory) {
  allow(RLIM_INFINITY);
  char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  put("f", "file");
  char *file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open("f", O_RDWR), 0);
  CHILD(strcpy(own + 4096, "own"); strcpy(shared, "shared"); file[0] = 'F'; abort());
  load();
  say("%s %s %d\n", (char *)memory((uintptr_t)own + 4096), (char *)memory((uintptr_t)shared), memory((uintptr_t)file) != NULL);
}

/** Chooses what is dumped. */
static long choose(const char *text) { int fd = open("/proc/self/coredump_filter", O_WRONLY); return write(fd, text, strlen(text)); }

CASE(what_is_in_it_is_chosen) { show("/proc/self/coredump_filter"); R(choose("0x1f\n")); show("/proc/self/coredump_filter"); R(choose("017")); show("/proc/self/coredump_filter"); R(choose("+0xFFFFffff")); show("/proc/self/coredump_filter"); R(choose("4294967296")); R(choose("")); R(choose("x")); R(choose("-1")); R(choose("1 ")); R(choose("08")); R(choose("12")); CHILD(show("/proc/self/coredump_filter"); choose("1"); show("/proc/self/coredump_filter")); show("/proc/self/coredump_filter"); }

static void dumps(const char *filter) {
  char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *left_out = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  put("f", "file");
  int fd = open("f", O_RDWR);
  char *file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *changed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  strcpy(own, "own");
  strcpy(left_out, "out");
  strcpy(shared, "shared");
  *changed = *file;
  madvise(left_out, 4096, MADV_DONTDUMP);
  allow(RLIM_INFINITY);
  CHILD(choose(filter); abort());
  load();
#define IS(area) (memory((uintptr_t)(area)) != NULL)
  say("%s: own %d left out %d %d shared %d file %d copy %d changed %d\n", filter, IS(own), IS(left_out), IS(left_out + 4096), IS(shared), IS(file), IS(copy), IS(changed));
}
CASE(nothing_chosen) { dumps("0"); }
CASE(own_memory) { dumps("1"); }
CASE(shared_memory) { dumps("2"); }
CASE(private_files) { dumps("4"); }
CASE(shared_files) { dumps("8"); }
CASE(all_of_it) { dumps("0xf"); }
CASE(as_usual) { dumps("0x33"); }
CASE(taken_in_again) { char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); strcpy(own, "own"); R(madvise(own, 4096, MADV_DONTDUMP)); R(madvise(own, 4096, MADV_DODUMP)); allow(RLIM_INFINITY); CHILD(abort()); load(); say("%d\n", IS(own)); }
static void *wait_for_ever(void *p) { for (;;) pause(); }
CASE(all_threads) {
  allow(RLIM_INFINITY);
  CHILD(pthread_t t; pthread_create(&t, NULL, wait_for_ever, NULL); pause_ms(5); abort());
  load();
  struct elf_prstatus *first = note(NT_PRSTATUS, 0), *second = note(NT_PRSTATUS, 1);
  say("%d %d\n", first->pr_cursig, second != NULL && second->pr_pid != first->pr_pid);
  say("%d\n", note(NT_PRSTATUS, 2) != NULL);
}
CASE(of_a_filter) {
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, code};
  allow(RLIM_INFINITY);
  DIES(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); prctl(PR_SET_SECCOMP, 2, &program); SYS(getppid));
  load();
  siginfo_t *info = note(0x53494749, 0);
  say("%d\n", info->si_syscall == SYS_getppid);
}
