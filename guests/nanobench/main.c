// nanobench: how many cycles one operation takes, measured as by Adams & Agesen, "A Comparison of Software and Hardware
// Techniques for x86 Virtualization" (ASPLOS 2006), section 6.3: the operation in a loop, the empty loop taken off.
// Prints `mark NAME` just before a timed loop and `bench NAME iterations N cycles C` after it; nothing in between.
#include "../lib/print.h"
#include "../lib/pv-ops.h"
#include "../lib/string.h"
#include "layout.h"

extern char page_fault_entry[], divide_entry[], invalid_opcode_entry[], system_call_entry[], sysenter_entry[],
    leave_entry[];
extern char user_code[], user_code_end[], user_plain[], user_int80[], user_prepare[], user_sysenter[];
u32 run_user(u32 entry, u32 count);

#define SLOT_TABLES 2
#define SLOTS (SLOT_TABLES * 1024) // page-table entries the P->NP and NP->P benchmarks walk through

u32 hypercall_present;
static u32 iterations = 2000;
static const char *only;
static pte_t *slots;     // page-table entries of PTE_REGION
static pte_t slot_value; // a present entry
static pte_t *directories[2];
static u8 kernel_stack[4096] ALIGNED(16);

static const struct pv_trap traps[] = {
    {0, 0, PV_KERNEL_CS, (u32)divide_entry},           {6, 0, PV_KERNEL_CS, (u32)invalid_opcode_entry},
    {14, 0, PV_KERNEL_CS, (u32)page_fault_entry},      {0x80, 3, PV_KERNEL_CS, (u32)system_call_entry},
    {VECTOR_LEAVE, 3, PV_KERNEL_CS, (u32)leave_entry}, {0, 0, 0, 0},
};

void trap_handler(struct trap_frame *frame) {
  print("unexpected trap %u error %x eip %08x\n", frame->vector, frame->error, frame->eip);
  pv_exit(1);
}

// A kernel loop: `before` is part of the empty loop too. %ebx and %ecx come with what the operation needs,
// %eax, %edx (and %ebx) may be changed. Cycles in the low word are enough for any count used here.
#define KERNEL_LOOP(name, before, operation)                                                           \
  static __attribute__((noinline)) u32 name(u32 count, u32 ebx, u32 ecx) {                             \
    u32 cycles;                                                                                        \
    __asm__ volatile("rdtsc\n\tmovl %%eax, %%esi\n\t.p2align 4\n1:\t" before "\n\t" operation          \
                     "\n\tdecl %%edi\n\tjnz 1b\n\trdtsc\n\tsubl %%esi, %%eax"                          \
                     : "=a"(cycles), "+D"(count), "+b"(ebx), "+c"(ecx)::"edx", "esi", "memory", "cc"); \
    return cycles;                                                                                     \
  }

KERNEL_LOOP(loop_plain, "", "")
KERNEL_LOOP(loop_callret, "", "call 3f\n\t.pushsection .text.callee, \"ax\"\n\t.p2align 4\n3:\tret\n\t.popsection")
KERNEL_LOOP(loop_pgfault, "", "movl (%%ebx), %%eax")
KERNEL_LOOP(loop_divzero, "", "divl %%ecx")
KERNEL_LOOP(loop_in, "", "inb $0x80, %%al")
KERNEL_LOOP(loop_rdtsc, "", "rdtsc")

#ifdef PARAVIRTUAL
// What a paravirtual kernel does instead of the instruction is a call into the paravirt-ops layer. The operand is
// passed in a variable because the loop's registers do not survive a call.
static void __attribute__((noinline, used)) nop_call(void) { __asm__ volatile(""); }
static void __attribute__((noinline, used)) ptemod_call(void) { pv_set_pte(slots, slot_value); }
static void __attribute__((noinline, used)) hypercall_call(void) { pv_null_hypercall(); }
static void __attribute__((noinline, used)) switch_call(void) {
  static u32 next;
  next ^= 1;
  pv_load_directory(directories[next]);
}
static pte_t *walking_slot;
static pte_t walking_value;
static void __attribute__((noinline, used)) advance_call(void) { walking_slot++; }
static void __attribute__((noinline, used)) walk_call(void) { pv_set_pte(walking_slot++, walking_value); }
#define CALL_LOOP(name, function) KERNEL_LOOP(name, "", "pushl %%ecx\n\tcall " #function "\n\tpopl %%ecx")
CALL_LOOP(loop_nop_call, nop_call)
CALL_LOOP(loop_ptemod, ptemod_call)
CALL_LOOP(loop_hypercall, hypercall_call)
CALL_LOOP(loop_switch, switch_call)
CALL_LOOP(loop_advance_call, advance_call)
CALL_LOOP(loop_walk, walk_call)
#else
KERNEL_LOOP(loop_advance, "addl $4, %%ebx", "")
KERNEL_LOOP(loop_cr8wr, "", "movl %%ecx, (%%ebx)")
KERNEL_LOOP(loop_ptemod, "", "movl %%ecx, (%%ebx)")
KERNEL_LOOP(loop_ptewalk, "addl $4, %%ebx", "movl %%ecx, -4(%%ebx)")
KERNEL_LOOP(loop_clear_eax, "xorl %%eax, %%eax", "")
KERNEL_LOOP(loop_hypercall, "xorl %%eax, %%eax", ".byte 0x0f, 0x01, 0xc1")
KERNEL_LOOP(loop_switch, "", "movl %%ecx, %%cr3\n\txchgl %%ebx, %%ecx")
#endif

typedef u32 (*kernel_loop)(u32 count, u32 ebx, u32 ecx);

static bool wanted(const char *name) { return only == NULL || strcmp(only, name) == 0; }

static void report(const char *name, u32 count, u32 cycles, u32 empty) {
  print("bench %s iterations %u cycles %u\n", name, count, cycles > empty ? cycles - empty : 0);
}

static void not_available(const char *name, const char *why) {
  if (wanted(name)) print("bench %s n/a %s\n", name, why);
}

// Warm up (translators adapt, TLBs fill), take the empty loop's time, then measure.
static void bench(const char *name, kernel_loop empty, kernel_loop loop, u32 ebx, u32 ecx) {
  if (!wanted(name)) return;
  u32 warm = iterations < 400 ? iterations : 400;
  empty(warm, ebx, ecx);
  u32 base = empty(iterations, ebx, ecx);
  loop(warm, ebx, ecx);
  print("mark %s\n", name);
  report(name, iterations, loop(iterations, ebx, ecx), base);
}

static void bench_user(const char *name, char *empty, char *loop) {
  if (!wanted(name)) return;
  u32 warm = iterations < 400 ? iterations : 400;
  u32 empty_entry = USER_CODE + (u32)(empty - user_code), loop_entry = USER_CODE + (u32)(loop - user_code);
  run_user(empty_entry, warm);
  u32 base = run_user(empty_entry, iterations);
  run_user(loop_entry, warm);
  print("mark %s\n", name);
  report(name, iterations, run_user(loop_entry, iterations), base);
}

#ifdef PARAVIRTUAL
static u32 write_slots(u32 count, pte_t value) {
  walking_slot = slots;
  walking_value = value;
  return loop_walk(count, 0, 0);
}
static u32 skip_slots(u32 count) {
  walking_slot = slots;
  return loop_advance_call(count, 0, 0);
}
#else
static u32 write_slots(u32 count, pte_t value) { return loop_ptewalk(count, (u32)slots, value); }
static u32 skip_slots(u32 count) { return loop_advance(count, (u32)slots, 0); }
#endif

// Entries that change between present and not present, each once in the timed pass. Before it every present page has
// been used, so that whoever shadows the page table has something to keep up with.
static void bench_slots(const char *name, pte_t before, pte_t after) {
  if (!wanted(name)) return;
  u32 count = iterations < SLOTS ? iterations : SLOTS;
  for (u32 pass = 0; pass < 2; pass++) {
    write_slots(count, after);
    write_slots(count, before);
    pv_flush_tlb();
    for (u32 i = 0; i < count && before != 0; i++) *(volatile u32 *)(PTE_REGION + i * PAGE_SIZE);
  }
  skip_slots(count);
  u32 empty = skip_slots(count);
  print("mark %s\n", name);
  report(name, count, write_slots(count, after), empty);
  write_slots(count, slot_value);
  pv_flush_tlb();
}

static u32 take_page(void) {
  u32 page = pv_free_start;
  pv_free_start += PAGE_SIZE;
  memset(pv_virt(page), 0, PAGE_SIZE);
  return page;
}

static pte_t *new_table(u32 address) {
  u32 page = take_page();
  pv_pin_table(pv_virt(page));
  pv_set_pte(&pv_boot_directory()[address >> 22], pv_entry(page, PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED));
  return pv_virt(page);
}

static void init_memory(void) {
  pte_t *user = new_table(USER_CODE);
  u32 code = take_page(), stack = take_page();
  memcpy(pv_virt(code), user_code, (u32)(user_code_end - user_code));
  pv_set_pte(&user[0], pv_entry(code, PTE_PRESENT | PTE_USER | PTE_ACCESSED));
  pv_set_pte(&user[1], pv_entry(stack, PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY));

  slots = new_table(PTE_REGION); // pages are taken in order: the tables lie side by side
  for (u32 i = 1; i < SLOT_TABLES; i++) new_table(PTE_REGION + (i << 22));
  slot_value = pv_entry(take_page(), PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY);
  for (u32 i = 0; i < SLOTS; i++) pv_set_pte(&slots[i], slot_value);
  *(volatile u32 *)PTE_REGION = 0;
#ifndef PARAVIRTUAL
  new_table(0xfee00000)[0x200] = 0xfee00000 | 0x10 | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY; // local APIC
#endif
  directories[0] = pv_boot_directory();
  directories[1] = pv_virt(take_page());
  for (u32 i = PV_KERNEL_FIRST; i <= PV_KERNEL_LAST; i++) directories[1][i] = directories[0][i];
  pv_pin_directory(directories[1]);
}

void kernel_main(void) {
  const char *value = option("iterations");
  if (value != NULL && parse_number(value) > 0) iterations = parse_number(value);
  static char only_name[32];
  if ((value = option("only")) != NULL) {
    memcpy(only_name, value, strlen(value) < 31 ? strlen(value) : 31);
    only = only_name;
  }
  pv_init(4u << 20);
  pv_set_traps(trap_table);
  pv_set_traps(traps);
  pv_set_kernel_stack((u32)kernel_stack + sizeof kernel_stack);
  init_memory();
  print("nanobench: cycles of single operations, empty loop taken off\n");

#ifdef PARAVIRTUAL
  print("note syscall is INT 0x80, which Xen's 32-bit interface lets a guest take directly\n");
  bench_user("syscall", user_plain, user_int80);
  print("note in is refused by the hypervisor, which emulates it: a guest has no ports, and reads all ones\n");
  bench("in", loop_plain, loop_in, 0, 0);
  not_available("cr8wr", "a paravirtual guest has no local APIC");
#else
  wrmsr(0x174, PV_KERNEL_CS, 0);
  wrmsr(0x175, (u32)kernel_stack + sizeof kernel_stack, 0);
  wrmsr(0x176, (u32)sysenter_entry, 0);
  bench_user("syscall", user_prepare, user_sysenter);
  bench("in", loop_plain, loop_in, 0, 0);
  bench("cr8wr", loop_plain, loop_cr8wr, 0xfee00080, 0);
#endif
  bench("callret", loop_plain, loop_callret, 0, 0);
  bench("pgfault", loop_plain, loop_pgfault, ABSENT_PAGE, 0);
  bench("divzero", loop_plain, loop_divzero, 0, 0);
#ifdef PARAVIRTUAL
  bench("ptemod", loop_nop_call, loop_ptemod, 0, 0);
#else
  bench("ptemod", loop_plain, loop_ptemod, (u32)slots, slot_value);
#endif
  bench_slots("ptemod-p-np", slot_value, 0);
  bench_slots("ptemod-np-p", 0, slot_value);
  bench("rdtsc", loop_plain, loop_rdtsc, 0, 0);
#ifdef PARAVIRTUAL
  bench("hypercall", loop_nop_call, loop_hypercall, 0, 0);
  bench("switch", loop_nop_call, loop_switch, 0, 0);
#else
  hypercall_present = 1;
  if (wanted("hypercall")) loop_hypercall(1, 0, 0);
  if (hypercall_present)
    bench("hypercall", loop_clear_eax, loop_hypercall, 0, 0);
  else
    not_available("hypercall", "no hypervisor answers VMCALL");
  bench("switch", loop_plain, loop_switch, (u32)directories[0], (u32)directories[1]);
  write_cr3((u32)directories[0]);
#endif
  bench_user("int80", user_plain, user_int80);
  print("done\n");
  pv_power_off();
}
