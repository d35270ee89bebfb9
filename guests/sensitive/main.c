// sensitive: runs every sensitive unprivileged instruction of Robin & Irvine, "Analysis of the Intel Pentium's Ability
// to Support a Secure Virtual Machine Monitor" (2000), section 3, in what it believes is ring 0, and compares what each
// one shows with what this kernel itself has set up. On the bare machine every line ends in ok.
#include "../lib/print.h"
#include "../lib/pv-ops.h"

#define CODE0 0x08
#define DATA0 0x10
#define READ_ONLY0 0x18
#define EXECUTE_ONLY0 0x20
#define TASK 0x28
#define LOCAL 0x30
#define DATA3 0x3b

typedef u32 (*probe)(void);
u32 run_probe(probe body);
u32 probe_call(void);
u32 probe_jmp(void);
u32 probe_int(void);
u32 probe_ret(void);
u32 probe_iret(void);
extern char fault_entries[], interrupt_entry[], timer_entry[];

volatile u32 timer_ticks;
static u64 gdt[8] ALIGNED(8), ldt[2] ALIGNED(8), idt[80] ALIGNED(8);
static struct task_state tss ALIGNED(128);
struct table_register seen;
static u32 wrong;

static void check(const char *name, u32 saw, u32 expected) {
  print("sensitive %s saw %08x expected %08x %s\n", name, saw, expected, saw == expected ? "ok" : "WRONG");
  if (saw != expected) wrong++;
}

// A probe is `asm` that leaves its answer in %eax.
#define PROBE(name, code)                                                                       \
  static u32 name(void) {                                                                       \
    u32 value;                                                                                  \
    __asm__ volatile("xorl %%eax, %%eax\n\t" code : "=a"(value)::"ecx", "edx", "memory", "cc"); \
    return value;                                                                               \
  }

PROBE(probe_sgdt_limit, "sgdt seen\n\tmovzwl seen, %%eax")
PROBE(probe_sgdt_base, "sgdt seen\n\tmovl seen+2, %%eax")
PROBE(probe_sidt_limit, "sidt seen\n\tmovzwl seen, %%eax")
PROBE(probe_sidt_base, "sidt seen\n\tmovl seen+2, %%eax")
PROBE(probe_sldt, "sldt %%ax")
PROBE(probe_smsw, "smsw %%ax")
PROBE(probe_pushf, "cli\n\tpushfl\n\tpopl %%eax\n\tandl $0x3200, %%eax")
// POPF is given IOPL 3, which only ring 0 may change; PUSHF tells what became of it.
PROBE(probe_popf_iopl,
      "cli\n\tpushl $0x3002\n\tpopfl\n\tpushfl\n\tpopl %%eax\n\tpushl $2\n\tpopfl\n\tandl $0x3000, %%eax")
// POPF clears the interrupt flag.
PROBE(probe_popf_clear, "sti\n\tpushl $2\n\tpopfl\n\tpushfl\n\tpopl %%eax\n\tcli\n\tandl $0x200, %%eax")
PROBE(probe_push_cs, "pushl %%cs\n\tpopl %%eax")
PROBE(probe_push_ss, "pushl %%ss\n\tpopl %%eax")
PROBE(probe_str, "str %%ax")
PROBE(probe_mov_from_cs, "movw %%cs, %%ax")
PROBE(probe_mov_from_ss, "movw %%ss, %%ax")

#define PROBE_SELECTOR(name, selector, code) PROBE(name, "movl $" #selector ", %%ecx\n\t" code)
PROBE_SELECTOR(probe_lar_code, 0x08, "lar %%ecx, %%eax\n\tandl $0x00f0ff00, %%eax")
PROBE_SELECTOR(probe_lar_data, 0x10, "lar %%ecx, %%eax\n\tandl $0x00f0ff00, %%eax")
PROBE_SELECTOR(probe_lar_task, 0x28, "lar %%ecx, %%eax\n\tandl $0x00f0ff00, %%eax")
PROBE_SELECTOR(probe_lsl_code, 0x08, "lsl %%ecx, %%eax")
PROBE_SELECTOR(probe_lsl_data, 0x10, "lsl %%ecx, %%eax")
PROBE_SELECTOR(probe_lsl_task, 0x28, "lsl %%ecx, %%eax")
PROBE_SELECTOR(probe_verr_data, 0x10, "verr %%cx\n\tsetz %%al")
PROBE_SELECTOR(probe_verr_execute_only, 0x20, "verr %%cx\n\tsetz %%al")
PROBE_SELECTOR(probe_verw_data, 0x10, "verw %%cx\n\tsetz %%al")
PROBE_SELECTOR(probe_verw_read_only, 0x18, "verw %%cx\n\tsetz %%al")
PROBE_SELECTOR(probe_pop_es, 0x10, "pushl %%ecx\n\tpopl %%es\n\tmovw %%es, %%ax")
PROBE_SELECTOR(probe_pop_ss, 0x10, "pushl %%ecx\n\tpopl %%ss\n\tmovw %%ss, %%ax")
PROBE_SELECTOR(probe_pop_ds, 0x3b,
               "pushl %%ecx\n\tpopl %%ds\n\tmovw %%ds, %%ax\n\tmovl $0x10, %%ecx\n\tmovl %%ecx, %%ds")
PROBE_SELECTOR(probe_mov_to_ss, 0x10, "movl %%ecx, %%ss\n\tmovw %%ss, %%ax")
PROBE_SELECTOR(probe_mov_to_es, 0x10, "movl %%ecx, %%es\n\tmovw %%es, %%ax")
PROBE_SELECTOR(probe_mov_to_fs, 0x18, "movl %%ecx, %%fs\n\tmovw %%fs, %%ax")

// POPF sets the interrupt flag: an interrupt that waits must come. A one-shot of the PIT is already due.
static u32 probe_popf_set(void) {
  timer_ticks = 0;
  outb(0x43, 0x30); // channel 0, low then high byte, interrupt on terminal count
  outb(0x40, 20);
  outb(0x40, 0);
  u32 flags = 0x202;
  __asm__ volatile("pushl %0\n\tpopfl" ::"r"(flags) : "memory", "cc");
  for (u32 i = 0; i < 200000 && timer_ticks == 0; i++) __asm__ volatile("" ::: "memory");
  __asm__ volatile("cli" ::: "memory");
  return timer_ticks != 0;
}

static void init(void) {
  gdt[CODE0 / 8] = segment_descriptor(0, 0xfffff, SEGMENT_CODE | 1, FLAT_FLAGS);
  gdt[DATA0 / 8] = segment_descriptor(0, 0xfffff, SEGMENT_DATA | 1, FLAT_FLAGS);
  gdt[READ_ONLY0 / 8] = segment_descriptor(0, 0xfffff, 0x91, FLAT_FLAGS);
  gdt[EXECUTE_ONLY0 / 8] = segment_descriptor(0, 0xfffff, 0x99, FLAT_FLAGS);
  gdt[TASK / 8] = segment_descriptor((u32)&tss, sizeof tss - 1, 0x89, 0);
  gdt[LOCAL / 8] = segment_descriptor((u32)ldt, sizeof ldt - 1, 0x82, 0);
  gdt[DATA3 / 8] = segment_descriptor(0, 0xfffff, SEGMENT_DATA | 1 | DPL(3), FLAT_FLAGS);
  tss.ss0 = DATA0;
  tss.io_map = sizeof tss;
  for (u32 i = 0; i < 32; i++) idt[i] = gate_descriptor(CODE0, (u32)fault_entries + 16 * i, 0x8e, 0);
  idt[0x20] = gate_descriptor(CODE0, (u32)timer_entry, 0x8e, 0);
  idt[0x40] = gate_descriptor(CODE0, (u32)interrupt_entry, 0x8e, 0);
  struct table_register gdtr = {sizeof gdt - 1, (u32)gdt}, idtr = {sizeof idt - 1, (u32)idt};
  lgdt(&gdtr);
  lidt(&idtr);
  __asm__ volatile(
      "ljmp %0, $1f\n1:\tmovl %1, %%eax\n\tmovl %%eax, %%ds\n\tmovl %%eax, %%es\n\tmovl %%eax, %%ss\n\t"
      "movl %2, %%eax\n\tltr %%ax\n\tmovl %3, %%eax\n\tlldt %%ax" ::"i"(CODE0),
      "i"(DATA0), "i"(TASK), "i"(LOCAL)
      : "eax", "memory");
  write_cr0(read_cr0() | 0x8); // task switched: a bit of its own for SMSW to show
  static const u8 pic[][2] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28}, {0x21, 4},
                              {0xa1, 2},    {0x21, 1},    {0xa1, 1},    {0x21, 0xfe}, {0xa1, 0xff}};
  for (u32 i = 0; i < COUNT(pic); i++) outb(pic[i][0], pic[i][1]);
}

static const struct {
  const char *name;
  probe body;
  u32 expected;
} rows[] = {
    {"PUSHF-after-CLI", probe_pushf, 0},
    {"POPF-sets-IOPL", probe_popf_iopl, 0x3000},
    {"POPF-clears-IF", probe_popf_clear, 0},
    {"POPF-sets-IF", probe_popf_set, 1},
    {"LAR-code", probe_lar_code, 0x00c09b00},
    {"LAR-data", probe_lar_data, 0x00c09300},
    {"LAR-task", probe_lar_task, 0x00008b00},
    {"LSL-code", probe_lsl_code, 0xffffffff},
    {"LSL-data", probe_lsl_data, 0xffffffff},
    {"LSL-task", probe_lsl_task, sizeof tss - 1},
    {"VERR-data", probe_verr_data, 1},
    {"VERR-execute-only", probe_verr_execute_only, 0},
    {"VERW-data", probe_verw_data, 1},
    {"VERW-read-only", probe_verw_read_only, 0},
    {"POP-ES", probe_pop_es, DATA0},
    {"POP-SS", probe_pop_ss, DATA0},
    {"POP-DS", probe_pop_ds, DATA3},
    {"PUSH-CS", probe_push_cs, CODE0},
    {"PUSH-SS", probe_push_ss, DATA0},
    {"CALL-far", probe_call, CODE0},
    {"JMP-far", probe_jmp, CODE0},
    {"INT-n", probe_int, CODE0},
    {"RET-far", probe_ret, CODE0},
    {"IRET", probe_iret, 0x34000000 | CODE0},
    {"STR", probe_str, TASK},
    {"MOV-from-CS", probe_mov_from_cs, CODE0},
    {"MOV-from-SS", probe_mov_from_ss, DATA0},
    {"MOV-to-SS", probe_mov_to_ss, DATA0},
    {"MOV-to-ES", probe_mov_to_es, DATA0},
    {"MOV-to-FS", probe_mov_to_fs, READ_ONLY0},
};

void kernel_main(void) {
  init();
  check("SGDT-limit", run_probe(probe_sgdt_limit), sizeof gdt - 1);
  check("SGDT-base", run_probe(probe_sgdt_base), (u32)gdt);
  check("SIDT-limit", run_probe(probe_sidt_limit), sizeof idt - 1);
  check("SIDT-base", run_probe(probe_sidt_base), (u32)idt);
  check("SLDT", run_probe(probe_sldt), LOCAL);
  check("SMSW", run_probe(probe_smsw), read_cr0() & 0xffff);
  for (u32 i = 0; i < COUNT(rows); i++) check(rows[i].name, run_probe(rows[i].body), rows[i].expected);
  print("%u of %u answers wrong\n", wrong, 6 + (u32)COUNT(rows));
  pv_power_off();
}
