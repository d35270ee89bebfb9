// hostile: a kernel that tries to escape. Each attempt prints `attempt NAME: stopped (what happened)`, or ESCAPED, or
// leaked (it learned something of the hypervisor, but could change nothing). `only=NAME` runs one attempt,
// `mode=NAME` one of the ways to stop being a well-behaved guest for good (modes.c).
// This file: the frame, and the attempts that need neither native nor paravirtual means.
#include "hostile.h"

struct trap_frame last_fault;
u32 last_cr2;
pte_t *window;

static enum { STOPPED, LEAKED, ESCAPED } outcome;
static u32 counts[3];
static u8 kernel_stack[8192] ALIGNED(16);
NORETURN void guard_unwind(u32 vector);

const char *escape(const char *how) {
  outcome = ESCAPED;
  return how;
}

const char *leak(const char *how) {
  if (outcome == STOPPED) outcome = LEAKED;
  return how;
}

const char *fault_name(u32 vector) {
  switch (vector) {
    case 0: return "divide error";
    case 1: return "debug exception";
    case 3: return "breakpoint";
    case 6: return "invalid opcode";
    case 8: return "double fault";
    case 10: return "invalid task state segment";
    case 11: return "segment not present";
    case 12: return "stack fault";
    case 13: return "general protection fault";
    case 14: return "page fault";
    case 0x80: return "system call";
    case NO_FAULT: return "no fault";
    default: return "other fault";
  }
}

void trap_handler(struct trap_frame *frame) {
  last_fault = *frame;
  last_fault.cs &= 0xffff;
  if (frame->vector == 14) last_cr2 = pv_read_cr2();
  if (frame->vector == 0x80) guard_result = frame->eax;
  // An address of the hypervisor in a frame would tell where it is.
  if (frame->eip >= TOP_START && frame->vector != 14) leak("the hypervisor's own address in a trap frame");
  guard_unwind(frame->vector);
}

static u32 read_body(u32 address) { return *(volatile u32 *)address; }
static u32 write_body(u32 address) {
  *(volatile u32 *)address = 0x0badc0de;
  return 0;
}
static u32 call_body(u32 address) { return ((u32 (*)(void))address)(); }
u32 read_at(u32 address) { return guard(read_body, address); }
u32 write_at(u32 address) { return guard(write_body, address); }

u32 run_user_code(const void *code, u32 length, u32 eax, u32 edx) {
  static u8 *page;
  if (page == NULL) {
    page = pv_virt(take_page());
    u32 stack = take_page(), tables = take_page();
    pte_t *user = pv_virt(tables);
    pv_pin_table(user);
    pv_set_pte(&pv_boot_directory()[USER_CODE >> 22],
               pv_entry(tables, PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED));
    pv_set_pte(&user[0], pv_entry(pv_phys(page), PTE_PRESENT | PTE_USER));
    pv_set_pte(&user[1], pv_entry(stack, PTE_PRESENT | PTE_USER | PTE_WRITE));
  }
  memset(page, 0xcc, PAGE_SIZE);
  memcpy(page, code, length);
  return guard_user(USER_CODE, USER_STACK, eax, edx, 2);
}

u32 take_page(void) {
  u32 page = pv_free_start;
  pv_free_start += PAGE_SIZE;
  memset(pv_virt(page), 0, PAGE_SIZE);
  return page;
}

void map_window(u32 index, pte_t entry) {
  pv_set_pte(&window[index], entry);
  pv_invlpg(WINDOW + index * PAGE_SIZE);
}

// Nothing is mapped at the top: every access must fault.
const char *try_top_read(void) {
  u32 vector = 0;
  for (u32 i = 0; i < TOP_PAGES; i++) {
    vector = read_at(TOP_START + i * PAGE_SIZE + (i * 52 & 0xffc));
    if (vector == NO_FAULT) return escape("memory at the top of the address space could be read");
  }
  return fault_name(vector);
}

const char *try_top_write(void) {
  u32 vector = 0;
  for (u32 i = 0; i < TOP_PAGES; i++) {
    vector = write_at(TOP_START + i * PAGE_SIZE + (i * 52 & 0xffc));
    if (vector == NO_FAULT) return escape("memory at the top of the address space could be written");
  }
  return fault_name(vector);
}

const char *try_top_execute(void) {
  u32 vector = 0;
  for (u32 i = 0; i < TOP_PAGES; i += 8) {
    vector = guard(call_body, TOP_START + i * PAGE_SIZE);
    if (vector == NO_FAULT) return escape("code at the top of the address space was executed");
    vector = guard(call_body, TOP_START + i * PAGE_SIZE + i);
    if (vector == NO_FAULT) return escape("code at the top of the address space was executed");
  }
  return fault_name(vector);
}

// Ring 3: mov eax, [edx]; int 0x80 and mov [edx], eax; int 0x80 and push with ESP there.
const char *try_user_top(void) {
  static const u8 load[] = {0x8b, 0x02, 0xcd, 0x80}, store[] = {0x89, 0x02, 0xcd, 0x80};
  static const u8 push[] = {0x89, 0xd4, 0x50, 0xcd, 0x80}, jump[] = {0xff, 0xe2};
  u32 vector = 0;
  for (u32 i = 0; i < TOP_PAGES; i += 16) {
    u32 address = TOP_START + i * PAGE_SIZE + 0x100;
    if (run_user_code(load, sizeof load, 0, address) == 0x80) return escape("ring 3 read the top of the address space");
    if (run_user_code(store, sizeof store, 0, address) == 0x80)
      return escape("ring 3 wrote the top of the address space");
    if (run_user_code(push, sizeof push, 0, address) == 0x80)
      return escape("ring 3 had its stack at the top of the address space");
    vector = run_user_code(jump, sizeof jump, 0, address);
    if (vector == 0x80) return escape("ring 3 executed the top of the address space");
  }
  return fault_name(vector);
}

const char *try_user_kernel(void) {
  static const u8 load[] = {0x8b, 0x02, 0xcd, 0x80}, store[] = {0x89, 0x02, 0xcd, 0x80};
  u32 secret = (u32)&last_cr2;
  if (run_user_code(load, sizeof load, 0, secret) == 0x80) return escape("ring 3 read kernel memory");
  u32 vector = run_user_code(store, sizeof store, 0, secret);
  return vector == 0x80 ? escape("ring 3 wrote kernel memory") : fault_name(vector);
}

const char *try_user_privileged(void) {
  static const u8 codes[][6] = {
      {0xfa, 0xcd, 0x80},             // cli
      {0xf4, 0xcd, 0x80},             // hlt
      {0x0f, 0x22, 0xd8, 0xcd, 0x80}, // mov cr3, eax
      {0x0f, 0x22, 0xc0, 0xcd, 0x80}, // mov cr0, eax
      {0x0f, 0x20, 0xc0, 0xcd, 0x80}, // mov eax, cr0
      {0x0f, 0x30, 0xcd, 0x80},       // wrmsr
      {0x0f, 0x32, 0xcd, 0x80},       // rdmsr
      {0x0f, 0x01, 0x12, 0xcd, 0x80}, // lgdt [edx]
      {0x0f, 0x01, 0x1a, 0xcd, 0x80}, // lidt [edx]
      {0x0f, 0x00, 0xd0, 0xcd, 0x80}, // lldt ax
      {0x0f, 0x00, 0xd8, 0xcd, 0x80}, // ltr ax
      {0x0f, 0x06, 0xcd, 0x80},       // clts
      {0x0f, 0x09, 0xcd, 0x80},       // wbinvd
      {0xee, 0xcd, 0x80},             // out dx, al
      {0xec, 0xcd, 0x80},             // in al, dx
      {0x0f, 0x34, 0xcd, 0x80},       // sysenter, not set up by this kernel
      {0x0f, 0x35, 0xcd, 0x80},       // sysexit
      {0x0f, 0x01, 0xc2, 0xcd, 0x80}, // vmlaunch
      {0x0f, 0x01, 0xc3, 0xcd, 0x80}, // vmresume
      {0x0f, 0x01, 0xc4, 0xcd, 0x80}, // vmxoff
  };
  u32 vector = 0;
  for (u32 i = 0; i < COUNT(codes); i++) {
    vector = run_user_code(codes[i], sizeof codes[i], 0, USER_STACK - 64);
    if (vector == 0x80) return escape("ring 3 executed a privileged instruction");
  }
  return "fault for each of them";
}

// Rewrites its own code over and over: what runs must be what is written.
const char *try_own_code(void) {
  u8 *code = pv_virt(take_page());
  for (u32 i = 0; i < 200; i++) {
    code[0] = 0xb8; // mov eax, i; ret
    *(volatile u32 *)(code + 1) = i * 0x01010101;
    code[5] = 0xc3;
    if (guard(call_body, (u32)code) != NO_FAULT) return escape("its own code could not be run");
    if (guard_result != i * 0x01010101) return escape("code that is no longer there was run");
  }
  return "every change was seen";
}

static void run_attempts(const struct attempt *attempts, const char *only) {
  for (; attempts->name != NULL; attempts++) {
    if (only != NULL && strcmp(only, attempts->name) != 0) continue;
    outcome = STOPPED;
    const char *what = attempts->run();
    static const char *const words[] = {"stopped", "leaked", "ESCAPED"};
    print("attempt %s: %s (%s)\n", attempts->name, words[outcome], what);
    counts[outcome]++;
  }
}

void kernel_main(void) {
  static char mode[32], only[32];
  const char *value;
  if ((value = option("mode")) != NULL) memcpy(mode, value, 31);
  if ((value = option("only")) != NULL) memcpy(only, value, 31);
  pv_init(8u << 20);
  pv_set_traps(trap_table);
  pv_set_kernel_stack((u32)kernel_stack + sizeof kernel_stack);
  u32 tables = take_page();
  window = pv_virt(tables);
  pv_pin_table(window);
  pv_set_pte(&pv_boot_directory()[WINDOW >> 22], pv_entry(tables, PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED));
  if (mode[0] != 0) run_mode(mode);
#ifdef PARAVIRTUAL
  run_attempts(paravirtual_attempts, only[0] != 0 ? only : NULL);
#else
  run_attempts(native_attempts, only[0] != 0 ? only : NULL);
#endif
  print("hostile: %u attempts stopped, %u leaked, %u escaped\n", counts[STOPPED], counts[LEAKED], counts[ESCAPED]);
  if (counts[ESCAPED] > 0) pv_exit(1);
  pv_power_off();
}
