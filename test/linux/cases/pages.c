// Memory calls of one behaviour each beside memory.c: policies of nodes, keys, locks, descriptor tables, other processes'
// memory (set_mempolicy(2), pkeys(7), mlock(2), modify_ldt(2), set_thread_area(2), the man page of each).
#include "case.h"
#include <asm/ldt.h>
#include <sys/syscall.h>
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

static char *pages(int count) { return mmap(NULL, count * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

CASE(mlockall_all) { R(SYS(mlockall, MCL_CURRENT)); R(SYS(munlockall)); R(SYS(mlockall, MCL_FUTURE | MCL_ONFAULT)); R(SYS(munlockall)); }
CASE(mlockall_errors) { R(SYS(mlockall, 0)); R(SYS(mlockall, 8)); R(SYS(mlockall, MCL_ONFAULT)); }
CASE(mbind_answers) {
  char *at = pages(2);
  unsigned long nodes = 1;
  R(SYS(mbind, at, 8192, 0, NULL, 0, 0));
  R(SYS(mbind, at, 8192, 2, &nodes, 8, 0));
  R(SYS(mbind, at + 1, 4096, 2, &nodes, 8, 0));
  R(SYS(mbind, at, 4096, 99, &nodes, 8, 0));
  R(SYS(mbind, at, 4096, 2, NULL, 0, 0));
  R(SYS(mbind, at, 4096, 2, &nodes, 8, 0x100));
  R(SYS(mbind, at, 4096, 2, BAD, 8, 0));
  munmap(at, 8192);
  R(SYS(mbind, at, 8192, 2, &nodes, 8, 0));
}
CASE(get_mempolicy_errors) { int mode; R(SYS(get_mempolicy, &mode, NULL, 0, 0, 0)); say("%d\n", mode); R(SYS(get_mempolicy, &mode, NULL, 0, 0, 8)); R(SYS(get_mempolicy, &mode, NULL, 0, BAD, 2)); R(SYS(get_mempolicy, BAD, NULL, 0, 0, 0)); R(SYS(get_mempolicy, &mode, NULL, 0, pages(1), 0)); }
CASE(home_node) {
  char *at = pages(1);
  R(SYS(set_mempolicy_home_node, at, 4096, 0, 0));
  R(SYS(set_mempolicy_home_node, at, 4096, 999, 0));
  R(SYS(set_mempolicy_home_node, at, 4096, 0, 1));
  R(SYS(set_mempolicy_home_node, at + 1, 4096, 0, 0));
}
/** Mode and nodes of the policy at an address. */
static void policy_at(char *at) {
  int mode = -1;
  unsigned long nodes = 0;
  R(SYS(get_mempolicy, &mode, &nodes, 64, at, 2));
  say("%d %lu\n", mode, nodes);
}
CASE(mbind_is_remembered) {
  char *at = pages(3);
  unsigned long nodes = 1;
  R(SYS(mbind, at + 4096, 4096, 2, &nodes, 8, 0));
  policy_at(at);
  policy_at(at + 4096);
  policy_at(at + 8192);
  R(SYS(mbind, at, 12288, 0, NULL, 0, 0));
  policy_at(at + 4096);
}
CASE(mbind_is_inherited) { char *at = pages(1); unsigned long nodes = 1; SYS(mbind, at, 4096, 3, &nodes, 8, 0); CHILD(policy_at(at)); }
CASE(policy_of_a_task) {
  int mode = -1;
  unsigned long nodes = 1, found = 0;
  R(SYS(set_mempolicy, 2, &nodes, 8));
  R(SYS(get_mempolicy, &mode, &found, 64, NULL, 0));
  say("%d %lu\n", mode, found);
  policy_at(pages(1));
}
CASE(home_node_of_a_policy) {
  char *at = pages(2);
  unsigned long nodes = 1;
  SYS(mbind, at, 4096, 2, &nodes, 8, 0);
  R(SYS(set_mempolicy_home_node, at, 4096, 0, 0));
  R(SYS(set_mempolicy_home_node, at, 8192, 0, 0));
  R(SYS(set_mempolicy_home_node, at + 4096, 4096, 0, 0));
  SYS(mbind, at, 4096, 3, &nodes, 8, 0);
  R(SYS(set_mempolicy_home_node, at, 4096, 0, 0));
  R(SYS(set_mempolicy_home_node, at, 0, 0, 0));
}
CASE(migrate_pages_answers) {
  unsigned long from = 1, to = 1, far = 2;
  R(SYS(migrate_pages, 0, 8, &from, &to));
  R(SYS(migrate_pages, 9999999, 8, &from, &to));
  R(SYS(migrate_pages, 0, 8, &from, &far));
  R(SYS(migrate_pages, 0, 8, BAD, &to));
  R(SYS(migrate_pages, 0, 8, &from, BAD));
}
CASE(move_pages_answers) {
  char *at = pages(2);
  at[0] = 1;
  void *list[3] = {at, at + 4096, BAD};
  int status[3] = {9, 9, 9}, nodes[3] = {0, 0, 0}, far[3] = {999, 0, 0};
  R(SYS(move_pages, 0, 3, list, NULL, status, 0));
  say("%d %d %d\n", status[0], status[1], status[2]);
  R(SYS(move_pages, 0, 1, list, nodes, status, 2));
  say("%d\n", status[0]);
  R(SYS(move_pages, 0, 1, list, far, status, 2));
  R(SYS(move_pages, 0, 1, list, NULL, status, 8));
  R(SYS(move_pages, 9999999, 1, list, NULL, status, 0));
  R(SYS(move_pages, 0, 1, list, NULL, BAD, 0));
  R(SYS(move_pages, 0, 1, BAD, NULL, status, 0));
}
CASE(pkey_mprotect_without) {
  char *at = pages(1);
  R(SYS(pkey_mprotect, at, 4096, PROT_READ, -1));
  R(SYS(pkey_mprotect, at, 4096, PROT_READ, 99));
  R(SYS(pkey_mprotect, at + 1, 4096, PROT_READ, -1));
  R(SYS(pkey_alloc, 1, 0));
  R(SYS(pkey_alloc, 0, 9));
  R(SYS(pkey_free, 99));
}
CASE(process_madvise_answers) {
  char *at = pages(2);
  struct iovec v = {at, 8192}, wrong = {at + 1, 4096};
  int self = SYS(pidfd_open, getpid(), 0);
  R(SYS(process_madvise, self, &v, 1, MADV_COLD, 0));
  R(SYS(process_madvise, self, &v, 1, MADV_PAGEOUT, 0));
  R(SYS(process_madvise, self, &v, 1, MADV_COLD, 1));
  R(SYS(process_madvise, self, &wrong, 1, MADV_COLD, 0));
  R(SYS(process_madvise, 77, &v, 1, MADV_COLD, 0));
  R(SYS(process_madvise, 0, &v, 1, MADV_COLD, 0));
  R(SYS(process_madvise, self, BAD, 1, MADV_COLD, 0));
}
CASE(process_vm_writev_answers) {
  char from[4] = "abc", to[4] = "";
  struct iovec local = {from, 4}, remote = {to, 4}, bad = {BAD, 4};
  R(SYS(process_vm_writev, getpid(), &local, 1, &remote, 1, 0));
  say("%s\n", to);
  R(SYS(process_vm_writev, getpid(), &local, 1, &bad, 1, 0));
  R(SYS(process_vm_writev, getpid(), &local, 1, &remote, 1, 1));
  R(SYS(process_vm_writev, 9999999, &local, 1, &remote, 1, 0));
  R(SYS(process_vm_writev, getpid(), &local, 1025, &remote, 1, 0));
  R(SYS(process_vm_writev, getpid(), BAD, 1, &remote, 1, 0));
  pid_t parent = getpid();
  CHILD(unprivileged(); R(SYS(process_vm_writev, parent, &local, 1, &remote, 1, 0)));
}
#ifdef __i386__
CASE(thread_area) {
  struct user_desc d = {.entry_number = -1, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .useable = 1, .base_addr = 0x1000};
  R(SYS(set_thread_area, &d));
  say("%u\n", d.entry_number);
  R(SYS(get_thread_area, &d));
  say("%x %x\n", d.base_addr, d.limit);
  d.entry_number = 3;
  R(SYS(get_thread_area, &d));
  R(SYS(set_thread_area, &d));
  R(SYS(get_thread_area, BAD));
  R(SYS(set_thread_area, BAD));
  d.entry_number = -1;
  R(SYS(set_thread_area, &d));
  d.entry_number = -1;
  R(SYS(set_thread_area, &d));
}
#else
CASE(arch_prctl_errors) { unsigned long base; R(SYS(arch_prctl, 0x1001, &base)); R(SYS(arch_prctl, 0x9999, 0)); R(SYS(arch_prctl, 0x1003, BAD)); R(SYS(arch_prctl, 0x1001, -1L)); }
#endif

/** The lines of maps that name a file whose name begins so, without addresses and numbers. */
static void mapped(const char *name) {
  char line[512];
  FILE *file = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, file)) {
    char *found = strstr(line, name);
    if (found) say("%.4s %s", strchr(line, ' ') + 1, found);
  }
  fclose(file);
}
CASE(maps_of_a_file_that_was_removed) { put("file-f", "x"); mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("file-f", O_RDONLY), 0); mapped("file-"); unlink("file-f"); mapped("file-"); }
CASE(maps_of_a_file_that_was_renamed) { put("file-f", "x"); mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("file-f", O_RDONLY), 0); rename("file-f", "file-g"); mapped("file-"); }
CASE(maps_of_a_memory_file) { int fd = memfd_create("file-m", 0); ftruncate(fd, 4096); mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0); mapped("file-"); }
CASE(maps_of_a_file_in_a_new_place) { put("file-f", "x"); mkdir("d", 0755); mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("file-f", O_RDONLY), 0); rename("file-f", "d/file-g"); mapped("file-"); }
CASE(maps_of_a_file_replaced) { put("file-f", "x"); mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("file-f", O_RDONLY), 0); put("other", "y"); rename("other", "file-f"); mapped("file-"); }
CASE(cpuid_always_answers) { R(SYS(arch_prctl, 0x1011, 0)); R(SYS(arch_prctl, 0x1012, 0)); R(SYS(arch_prctl, 0x1012, 1)); R(SYS(arch_prctl, 0x1011, 0)); }
