// Who a task is and what it may: getuid(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2), getgroups(2), capget(2),
// getrlimit(2), getrusage(2), and the rules of credentials(7) and capabilities(7).
#include "case.h"
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/resource.h>

#ifdef __i386__
// the calls with IDs of 32 bits; those of 16 are in old.c
#undef SYS_getuid
#define SYS_getuid __NR_getuid32
#undef SYS_geteuid
#define SYS_geteuid __NR_geteuid32
#undef SYS_getgid
#define SYS_getgid __NR_getgid32
#undef SYS_getegid
#define SYS_getegid __NR_getegid32
#undef SYS_setuid
#define SYS_setuid __NR_setuid32
#undef SYS_setgid
#define SYS_setgid __NR_setgid32
#undef SYS_setreuid
#define SYS_setreuid __NR_setreuid32
#undef SYS_setregid
#define SYS_setregid __NR_setregid32
#undef SYS_setresuid
#define SYS_setresuid __NR_setresuid32
#undef SYS_setresgid
#define SYS_setresgid __NR_setresgid32
#undef SYS_getresuid
#define SYS_getresuid __NR_getresuid32
#undef SYS_getresgid
#define SYS_getresgid __NR_getresgid32
#undef SYS_getgroups
#define SYS_getgroups __NR_getgroups32
#undef SYS_setgroups
#define SYS_setgroups __NR_setgroups32
#undef SYS_setfsuid
#define SYS_setfsuid __NR_setfsuid32
#undef SYS_setfsgid
#define SYS_setfsgid __NR_setfsgid32
#endif

static void ids(void) {
  uid_t r, e, s;
  gid_t rg, eg, sg;
  SYS(getresuid, &r, &e, &s);
  SYS(getresgid, &rg, &eg, &sg);
  say("uid %d %d %d gid %d %d %d\n", (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg);
}

static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
static struct __user_cap_data_struct data[2];

static void caps(void) {
  header.pid = 0;
  if (SYS(capget, &header, data)) say("capget: %s\n", error_name(errno));
  // not every computer's root has CAP_SYS_RESOURCE
  const unsigned all = ~(1u << CAP_SYS_RESOURCE);
  say("effective %08x permitted %08x inheritable %08x\n", data[0].effective & all, data[0].permitted & all, data[0].inheritable);
}

CASE(who_root) { say("%d %d %d %d\n", (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid()); }
CASE(who_unprivileged) { unprivileged(); say("%d %d %d %d\n", (int)SYS(getuid), (int)SYS(geteuid), (int)SYS(getgid), (int)SYS(getegid)); ids(); }
CASE(getresuid_bad_address) { R(SYS(getresuid, BAD, BAD, BAD)); R(SYS(getresgid, BAD, BAD, BAD)); }
CASE(setuid_root_sets_all) { R(SYS(setuid, 1234)); ids(); R(SYS(setuid, 0)); }
CASE(setuid_same) { unprivileged(); R(SYS(setuid, 1000)); R(SYS(setuid, 1001)); }
CASE(setuid_minus_one) { R(SYS(setuid, -1)); R(SYS(setgid, -1)); }
CASE(setgid_root_sets_all) { R(SYS(setgid, 1234)); ids(); R(SYS(setgid, 0)); ids(); }
CASE(setgid_unprivileged) { unprivileged(); R(SYS(setgid, 1000)); R(SYS(setgid, 5)); }
CASE(setreuid_swaps) { R(SYS(setresuid, 1000, 2000, 0)); R(SYS(setreuid, 2000, 1000)); ids(); }
CASE(setreuid_saved) { R(SYS(setreuid, 1000, 2000)); ids(); }
CASE(setreuid_effective_only) { R(SYS(setreuid, -1, 2000)); ids(); R(SYS(setreuid, -1, 0)); ids(); }
CASE(setreuid_denied) { unprivileged(); R(SYS(setreuid, 5, -1)); R(SYS(setreuid, -1, 5)); R(SYS(setreuid, -1, -1)); }
CASE(setregid_saved) { R(SYS(setregid, 1000, 2000)); ids(); }
CASE(setregid_denied) { unprivileged(); R(SYS(setregid, 5, -1)); R(SYS(setregid, -1, 5)); R(SYS(setregid, 1000, 1000)); }
CASE(setresuid_keeps) { R(SYS(setresuid, -1, 1000, -1)); ids(); R(SYS(setresuid, -1, 0, -1)); ids(); }
CASE(setresuid_any_of_three) { R(SYS(setresuid, 1, 2, 3)); R(SYS(setresuid, 3, 1, 2)); ids(); R(SYS(setresuid, 4, -1, -1)); }
CASE(setresgid_any_of_three) { R(SYS(setresgid, 1, 2, 3)); ids(); SYS(setresuid, 9, 9, 9); R(SYS(setresgid, 3, 1, 2)); ids(); R(SYS(setresgid, 4, -1, -1)); }
CASE(setfsuid_returns_old) { R(setfsuid(1000)); R(setfsuid(2000)); R(setfsuid(-1)); }
CASE(setfsuid_unprivileged) { unprivileged(); R(setfsuid(5)); R(setfsuid(1000)); R(setfsuid(1000)); }
CASE(setfsgid_returns_old) { R(setfsgid(1000)); R(setfsgid(-1)); R(setfsgid(0)); }
CASE(setfsuid_owns_new_files) { chmod(".", 0777); setfsgid(77); setfsuid(1000); int fd = R(open("f", O_CREAT | O_WRONLY, 0600)); struct stat s; fstat(fd, &s); say("%d %d\n", (int)s.st_uid, (int)s.st_gid); }
CASE(setfsuid_access) { put("f", ""); chmod("f", 0600); setfsuid(1000); R(open("f", O_RDONLY)); R(access("f", R_OK)); setfsuid(0); R(open("f", O_RDONLY)); }
CASE(setfsuid_drops_capabilities) { caps(); setfsuid(1000); caps(); setfsuid(0); caps(); }
CASE(getgroups_set) { gid_t g[] = {5, 3, 4}, out[8]; R(SYS(setgroups, 3, g)); R(SYS(getgroups, 0, NULL)); R(SYS(getgroups, 8, out)); say("%d %d %d\n", (int)out[0], (int)out[1], (int)out[2]); }
CASE(getgroups_small) { gid_t g[] = {1, 2}; SYS(setgroups, 2, g); gid_t out[1]; R(SYS(getgroups, 1, out)); R(SYS(getgroups, -1, out)); }
CASE(getgroups_bad_address) { gid_t g[] = {1, 2}; SYS(setgroups, 2, g); R(SYS(getgroups, 4, BAD)); }
CASE(setgroups_bad) { R(SYS(setgroups, 70000, NULL)); R(SYS(setgroups, 1, BAD)); R(SYS(setgroups, -1, NULL)); }
CASE(setgroups_unprivileged) { unprivileged(); gid_t g[] = {1}; R(SYS(setgroups, 1, g)); R(SYS(setgroups, 0, NULL)); }
CASE(groups_give_access) { put("f", "x"); chmod("f", 0040); chown("f", 0, 77); chmod(".", 0755); gid_t g[] = {77}; SYS(setgroups, 1, g); SYS(setresuid, 1000, 1000, 1000); R(open("f", O_RDONLY)); R(open("f", O_WRONLY)); }
CASE(groups_inherited) { gid_t g[] = {9}; SYS(setgroups, 1, g); CHILD(gid_t out[2]; R(SYS(getgroups, 2, out)); say("%d\n", (int)out[0])); }

CASE(capget_versions) { header.version = 0; R(SYS(capget, &header, NULL)); say("%x\n", header.version); header.version = 0; R(SYS(capget, &header, data)); }
CASE(capget_version_1) { header.version = _LINUX_CAPABILITY_VERSION_1; R(SYS(capget, &header, data)); say("%x\n", data[1].permitted); }
CASE(capget_missing_process) { header.pid = 4000000; R(SYS(capget, &header, data)); header.pid = -1; R(SYS(capget, &header, data)); }
CASE(capget_bad_address) { R(SYS(capget, BAD, data)); R(SYS(capget, &header, BAD)); }
CASE(capget_after_drop) { unprivileged(); caps(); }
CASE(capset_drops) { caps(); data[0].effective = 0; R(SYS(capset, &header, data)); caps(); R(SYS(setuid, 0)); R(chroot(".")); }
CASE(capset_raises_again) { caps(); unsigned all = data[0].permitted; data[0].effective = 1; R(SYS(capset, &header, data)); data[0].effective = all; R(SYS(capset, &header, data)); }
CASE(capset_not_permitted) { unprivileged(); caps(); data[0].permitted = 1; R(SYS(capset, &header, data)); data[0].permitted = 0; data[0].effective = 1; R(SYS(capset, &header, data)); }
CASE(capset_inheritable) { caps(); data[0].inheritable = 1 << CAP_KILL; R(SYS(capset, &header, data)); caps(); }
CASE(capset_other_process) { CHILD(caps(); header.pid = getppid(); R(SYS(capset, &header, data))); }
CASE(capset_bad) { R(SYS(capset, BAD, data)); caps(); R(SYS(capset, &header, BAD)); header.version = 5; R(SYS(capset, &header, data)); }
CASE(setuid_drops_capabilities) { SYS(setuid, 1000); caps(); }
CASE(seteuid_drops_effective) { SYS(setresuid, -1, 1000, -1); caps(); SYS(setresuid, -1, 0, -1); caps(); }
CASE(keep_capabilities) { prctl(PR_SET_KEEPCAPS, 1); SYS(setuid, 1000); caps(); R(prctl(PR_GET_KEEPCAPS)); }
CASE(securebits_no_setuid_fixup) { R(prctl(PR_SET_SECUREBITS, 4)); SYS(setuid, 1000); caps(); R(prctl(PR_GET_SECUREBITS)); }
CASE(bounding_set) { R(prctl(PR_CAPBSET_READ, CAP_CHOWN)); R(prctl(PR_CAPBSET_DROP, CAP_CHOWN)); R(prctl(PR_CAPBSET_READ, CAP_CHOWN)); R(prctl(PR_CAPBSET_READ, 99)); R(prctl(PR_CAPBSET_DROP, 99)); }
CASE(bounding_set_unprivileged) { unprivileged(); R(prctl(PR_CAPBSET_DROP, CAP_CHOWN)); }
CASE(ambient) { R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0)); caps(); data[0].inheritable = 1 << CAP_KILL; SYS(capset, &header, data); R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0)); R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0)); R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0)); R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0)); R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)); R(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0)); }
CASE(capability_chown) { put("f", ""); caps(); data[0].effective &= ~(1u << CAP_CHOWN); SYS(capset, &header, data); R(chown("f", 5, 5)); R(chown("f", -1, 0)); }
CASE(capability_fowner) { put("f", ""); chown("f", 5, 5); caps(); data[0].effective &= ~(1u << CAP_FOWNER); SYS(capset, &header, data); R(chmod("f", 0600)); R(utimensat(AT_FDCWD, "f", NULL, 0)); }
CASE(capability_dac_override) { put("f", ""); chown("f", 5, 5); chmod("f", 0); caps(); data[0].effective &= ~(1u << CAP_DAC_OVERRIDE); SYS(capset, &header, data); R(open("f", O_WRONLY)); R(open("f", O_RDONLY)); data[0].effective &= ~(1u << CAP_DAC_READ_SEARCH); SYS(capset, &header, data); R(open("f", O_RDONLY)); }
CASE(capability_setgid) { caps(); data[0].effective &= ~(1u << CAP_SETGID); SYS(capset, &header, data); R(SYS(setgid, 5)); R(SYS(setgroups, 0, NULL)); R(SYS(setuid, 5)); }
CASE(capability_sys_nice) { caps(); data[0].effective &= ~(1u << CAP_SYS_NICE); SYS(capset, &header, data); R(SYS(setpriority, PRIO_PROCESS, 0, 5)); R(SYS(setpriority, PRIO_PROCESS, 0, 0)); }
CASE(capability_mknod) { caps(); data[0].effective &= ~(1u << CAP_MKNOD); SYS(capset, &header, data); R(mknod("n", S_IFCHR | 0600, 0x103)); R(mknod("p", S_IFIFO | 0600, 0)); R(mknod("f", S_IFREG | 0600, 0)); }

static struct rlimit limit;
CASE(getrlimit_bad) { R(SYS(getrlimit, 99, &limit)); R(SYS(getrlimit, RLIMIT_NOFILE, BAD)); R(SYS(getrlimit, -1, &limit)); }
CASE(setrlimit_bad) { R(SYS(setrlimit, 99, &limit)); R(SYS(setrlimit, RLIMIT_NOFILE, BAD)); limit = (struct rlimit){10, 5}; R(SYS(setrlimit, RLIMIT_NOFILE, &limit)); }
CASE(setrlimit_lowers) { unprivileged(); limit = (struct rlimit){10, 20}; R(SYS(setrlimit, RLIMIT_NOFILE, &limit)); limit.rlim_cur = 21; R(SYS(setrlimit, RLIMIT_NOFILE, &limit)); limit = (struct rlimit){20, 20}; R(SYS(setrlimit, RLIMIT_NOFILE, &limit)); limit.rlim_max = 21; R(SYS(setrlimit, RLIMIT_NOFILE, &limit)); SYS(getrlimit, RLIMIT_NOFILE, &limit); say("%ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max); }
CASE(setrlimit_nofile_counts) { limit = (struct rlimit){4, 20}; SYS(setrlimit, RLIMIT_NOFILE, &limit); R(dup(0)); R(dup(0)); R(dup2(0, 4)); R(fcntl(0, F_DUPFD, 4)); }
CASE(setrlimit_too_many_files) { limit = (struct rlimit){1 << 30, 1 << 30}; R(SYS(setrlimit, RLIMIT_NOFILE, &limit)); }
CASE(setrlimit_nproc) { unprivileged(); limit = (struct rlimit){0, 0}; R(SYS(setrlimit, RLIMIT_NPROC, &limit)); R(SYS(fork)); }
CASE(setrlimit_fsize) { signal(SIGXFSZ, SIG_IGN); limit = (struct rlimit){10, 10}; SYS(setrlimit, RLIMIT_FSIZE, &limit); int fd = open("f", O_CREAT | O_RDWR, 0600); R(write(fd, "0123456789abc", 13)); R(write(fd, "x", 1)); R(ftruncate(fd, 11)); R(ftruncate(fd, 9)); }
CASE(setrlimit_fsize_kills) { limit = (struct rlimit){1, 1}; SYS(setrlimit, RLIMIT_FSIZE, &limit); CHILD(int fd = open("f", O_CREAT | O_RDWR, 0600); write(fd, "xy", 2); write(fd, "z", 1)); }
CASE(setrlimit_data) { limit = (struct rlimit){1 << 20, 1 << 20}; SYS(setrlimit, RLIMIT_DATA, &limit); R(mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); OK(mmap(NULL, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); }
CASE(setrlimit_as) { limit = (struct rlimit){64 << 20, 64 << 20}; SYS(setrlimit, RLIMIT_AS, &limit); R(mmap(NULL, 100 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); }
CASE(setrlimit_memlock) { unprivileged(); limit = (struct rlimit){4096, 4096}; SYS(setrlimit, RLIMIT_MEMLOCK, &limit); char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); R(mlock(p, 4096)); R(mlock(p, 8192)); }
CASE(setrlimit_sigpending) { unprivileged(); limit = (struct rlimit){2, 2}; SYS(setrlimit, RLIMIT_SIGPENDING, &limit); sigset_t set; sigemptyset(&set); sigaddset(&set, SIGRTMIN); sigprocmask(SIG_BLOCK, &set, NULL); union sigval value = {0}; for (int n = 0; n < 4; n++) R(sigqueue(getpid(), SIGRTMIN, value)); }
CASE(prlimit_other) { R(SYS(prlimit64, 4000000, RLIMIT_NOFILE, NULL, NULL)); R(SYS(prlimit64, 0, 99, NULL, NULL)); R(SYS(prlimit64, 0, RLIMIT_NOFILE, BAD, NULL)); R(SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, BAD)); }
CASE(prlimit_unprivileged) { CHILD(unprivileged(); R(SYS(prlimit64, getppid(), RLIMIT_NOFILE, NULL, NULL))); }
CASE(getrusage_bad) { struct rusage usage; R(SYS(getrusage, 5, &usage)); R(SYS(getrusage, RUSAGE_SELF, BAD)); R(SYS(getrusage, -3, &usage)); R(SYS(getrusage, RUSAGE_SELF, &usage)); R(SYS(getrusage, RUSAGE_CHILDREN, &usage)); R(SYS(getrusage, 1, &usage)); }
CASE(getrusage_children_wait) { CHILD(for (volatile int n = 0; n < 20000000; n++)); struct rusage usage; SYS(getrusage, RUSAGE_CHILDREN, &usage); say("%d\n", usage.ru_utime.tv_sec + usage.ru_utime.tv_usec > 0); }

CASE(no_new_privileges) { R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)); R(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0)); }
CASE(umask_returns_old) { R(umask(077)); R(umask(07777)); R(umask(0)); }
