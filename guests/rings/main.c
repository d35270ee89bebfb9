// rings: walks rings 0 to 3 and back, provokes each protection fault and prints what the processor says about it.
// Truth: Intel SDM vol. 3 ch. 4 "Paging", 5 "Protection", 6 "Interrupt and exception handling".
#include "../lib/print.h"
#include "../lib/pv-ops.h"
#include "faults.h"
#include "rings.h"

u32 run_at(u32 ring, void (*body)(void));
void walk(void);
void report(void);
void pass_parameters(void);
extern char fault_entries[], gate_exit[], gate_to_0[], gate_to_1[], gate_to_2[], gate_parameters[];

#define VECTORS 64
#define PAGE(name) extern char name[]
PAGE(PAGE_ABSENT);
PAGE(PAGE_SUPERVISOR);
PAGE(PAGE_READ_ONLY);
PAGE(PAGE_RESERVED);
// Four pages with their own rights, and one ordinary page before the absent one.
__asm__(
    ".bss\n.p2align 12\n.skip 4096\nPAGE_ABSENT: .skip 4096\nPAGE_SUPERVISOR: .skip 4096\nPAGE_READ_ONLY: .skip 4096\n"
    "PAGE_RESERVED: .skip 4096\n.text");

// Written by entry.S
u32 fault_vector, fault_error, fault_eip, fault_cs, fault_eflags, parameters[3];
u32 ring_stacks[4];
// Used by the faulting instructions
u8 buffer[8192] ALIGNED(4096);
u32 expected_eip;
const i32 bounds[2] = {-10, 10};
const struct {
  u32 offset;
  u16 selector;
} PACKED absent_pointer = {0, SEL_ABSENT_DATA};
void *far_away = PAGE_ABSENT + 0x20;
void nothing(void);
void nothing(void) {}

static u64 gdt[28] ALIGNED(8), ldt[2] ALIGNED(8), idt[VECTORS] ALIGNED(8);
static u8 stacks[4][4096] ALIGNED(16);
struct tss_with_map {
  struct task_state state;
  u8 map[32]; // ports 0 .. 0xff
  u8 end;
} PACKED tss ALIGNED(256);
__asm__(".globl tss_ss1\n.set tss_ss1, tss + 16");

static u16 trace[32][2];
static u32 traced;

void report(void) {
  u16 cs, ss;
  __asm__ volatile("movw %%cs, %0\n\tmovw %%ss, %1" : "=r"(cs), "=r"(ss));
  trace[traced][0] = cs;
  trace[traced++][1] = ss;
}

struct prober {
  u32 ring;
  const char *text;
  const char *code_start;
};

// The bodies as assembly, since a macro list cannot give each its own C function name: a table of (ring, text, code).
#define ROW(ring, text, before, instruction)                      \
  "77:\t" before "\n\tmovl $78f, expected_eip\n78:\t" instruction \
  "\n\tret\n"                                                     \
  ".pushsection .rodata\n79:\t.asciz \"" text                     \
  "\"\n.popsection\n"                                             \
  ".pushsection .rodata.rows, \"a\"\n.long " #ring ", 79b, 77b\n.popsection\n"
#define GROUP(name, rows)                                                                        \
  __asm__(".pushsection .rodata.rows, \"a\"\n" #name ":\n.popsection\n.pushsection .text\n" rows \
          ".popsection\n.pushsection .rodata.rows, \"a\"\n.long -1, 0, 0\n.popsection\n");       \
  extern const struct prober name[];
GROUP(privileged_1, PRIVILEGED(ROW, 1))
GROUP(privileged_2, PRIVILEGED(ROW, 2))
GROUP(privileged_3, PRIVILEGED(ROW, 3))
GROUP(segment_faults, SEGMENT_FAULTS(ROW))
GROUP(transfer_faults, TRANSFER_FAULTS(ROW))
GROUP(event_faults, EVENT_FAULTS(ROW))
GROUP(port_faults, PORT_FAULTS(ROW))
GROUP(page_faults, PAGE_FAULTS(ROW))
GROUP(pae_faults, PAE_FAULTS(ROW))

static const char *const vector_names[20] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL,
                                             "#TS", "#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XM"};

static void init_tables(void) {
  for (u32 ring = 0; ring < 4; ring++) {
    gdt[1 + 2 * ring] = segment_descriptor(0, 0xfffff, SEGMENT_CODE | DPL(ring), FLAT_FLAGS);
    gdt[2 + 2 * ring] = segment_descriptor(0, 0xfffff, SEGMENT_DATA | DPL(ring), FLAT_FLAGS);
    ring_stacks[ring] = (u32)stacks[ring] + sizeof stacks[ring];
  }
  gdt[SEL_TSS / 8] = segment_descriptor((u32)&tss, sizeof tss - 1, 0x89, 0);
  gdt[SEL_LDT / 8] = segment_descriptor((u32)ldt, sizeof ldt - 1, 0x82, 0);
  gdt[SEL_CONFORMING / 8] = segment_descriptor(0, 0xfffff, 0x9e, FLAT_FLAGS);
  gdt[SEL_SMALL / 8] = segment_descriptor((u32)buffer, 0xfff, 0xf2, 0x4);
  gdt[SEL_ABSENT_DATA / 8] = segment_descriptor(0, 0xfffff, 0x72, FLAT_FLAGS);
  gdt[SEL_READ_ONLY / 8] = segment_descriptor((u32)buffer, 0xfff, 0xf0, 0x4);
  gdt[SEL_EXECUTE_ONLY / 8] = segment_descriptor(0, 0xfffff, 0xf8, FLAT_FLAGS);
  gdt[SEL_EXPAND_DOWN / 8] = segment_descriptor((u32)buffer, 0xfff, 0xf6, 0x4);
  gdt[SEL_ABSENT_CODE / 8] = segment_descriptor(0, 0xfffff, 0x7a, FLAT_FLAGS);
  gdt[SEL_SMALL_CODE / 8] = segment_descriptor(0, 0xfff, 0xfa, 0x4);
  gdt[SEL_ABSENT_STACK / 8] = segment_descriptor(0, 0xfffff, 0x32, FLAT_FLAGS);
  gdt[GATE_EXIT / 8] = gate_descriptor(CODE(0), (u32)gate_exit, 0xec, 0);
  gdt[GATE_TO_1 / 8] = gate_descriptor(CODE(1), (u32)gate_to_1, 0xec, 0);
  gdt[GATE_TO_2 / 8] = gate_descriptor(CODE(2), (u32)gate_to_2, 0xec, 0);
  gdt[GATE_TO_0 / 8] = gate_descriptor(CODE(0), (u32)gate_to_0, 0xec, 0);
  gdt[GATE_PRIVATE / 8] = gate_descriptor(CODE(0), (u32)gate_to_0, 0x8c, 0);
  gdt[GATE_ABSENT / 8] = gate_descriptor(CODE(0), (u32)gate_to_0, 0x6c, 0);
  gdt[GATE_PARAMETERS / 8] = gate_descriptor(CODE(0), (u32)gate_parameters, 0xec, 2);
  gdt[GATE_TO_DATA / 8] = gate_descriptor(DATA(0), 0, 0xec, 0);
  ldt[0] = segment_descriptor(0, 0xfffff, 0xf2, FLAT_FLAGS);

  for (u32 vector = 0; vector < VECTORS; vector++) {
    u32 dpl = vector == 1 || vector == 3 || vector == 4 || vector == 0x32 ? 3 : vector == 0x31 ? 2 : 0;
    idt[vector] = gate_descriptor(CODE(0), (u32)fault_entries + 16 * vector, 0x8e | DPL(dpl), 0);
  }
  idt[0x33] = gate_descriptor(CODE(0), (u32)fault_entries, 0x6e, 0);
  idt[0x34] = gate_descriptor(DATA(0), (u32)fault_entries, 0xee, 0);
}

static void init_task(void) {
  tss.state.esp0 = ring_stacks[0];
  tss.state.ss0 = DATA(0);
  tss.state.esp1 = ring_stacks[1];
  tss.state.ss1 = DATA(1);
  tss.state.esp2 = ring_stacks[2];
  tss.state.ss2 = DATA(2);
}

static void load_tables(void) {
  struct table_register gdtr = {sizeof gdt - 1, (u32)gdt}, idtr = {sizeof idt - 1, (u32)idt};
  lgdt(&gdtr);
  lidt(&idtr);
  __asm__ volatile(
      "ljmp %0, $1f\n1:\tmovl %1, %%eax\n\tmovl %%eax, %%ds\n\tmovl %%eax, %%es\n\tmovl %2, %%eax\n\t"
      "movl %%eax, %%ss\n\txorl %%eax, %%eax\n\tmovl %%eax, %%fs\n\tmovl %%eax, %%gs\n\tmovl %3, %%eax\n\t"
      "ltr %%ax\n\tmovl %4, %%eax\n\tlldt %%ax" ::"i"(CODE(0)),
      "i"(DATA(3)), "i"(DATA(0)), "i"(SEL_TSS), "i"(SEL_LDT)
      : "eax", "memory");
}

// What came of a test: vector, error code, CR2 for page faults, where from.
static void print_outcome(u32 faulted) {
  if (!faulted) {
    print("no fault\n");
    return;
  }
  if (fault_vector < COUNT(vector_names))
    print("%s", vector_names[fault_vector]);
  else
    print("vector %u", fault_vector);
  if (fault_error != 0xffffffff) print("(%04x)", fault_error);
  if (fault_vector == 14) {
    u32 cr2 = read_cr2();
    // The image's own addresses would change with every edit: the test pages are named by what they are.
    if (cr2 - (u32)PAGE_ABSENT < 0x4000)
      print(" cr2 page%u+%03x", (cr2 - (u32)PAGE_ABSENT) >> 12, cr2 & 0xfff);
    else
      print(" cr2 %08x", cr2);
  }
  print(" from cs %04x", fault_cs & 0xffff);
  if (fault_vector != 8) {
    i32 distance = (i32)(fault_eip - expected_eip);
    if (distance >= 0 && distance < 64)
      print(", eip +%d", distance);
    else
      print(", eip elsewhere");
  }
  if (fault_vector == 1) {
    u32 dr6;
    __asm__ volatile("movl %%dr6, %0\n\tmovl %1, %%dr6" : "=&r"(dr6) : "r"(0xffff0ff0));
    print(", dr6 %x", dr6 & 0xe00f);
  }
  print("\n");
}

static void run_group(const char *title, const struct prober *row) {
  print("%s:\n", title);
  for (; row->ring != (u32)-1; row++) {
    init_task();
    fault_eip = 0;
    traced = 0;
    u32 faulted = run_at(row->ring, (void (*)(void))row->code_start);
    print("  ring %u: %s: ", row->ring, row->text);
    print_outcome(faulted);
  }
}

static void cli_body(void) { __asm__ volatile("movl $1f, expected_eip\n1:\tcli" ::: "memory"); }
static void touch_absent(void) { __asm__ volatile("movl PAGE_ABSENT, %%eax" ::: "eax", "memory"); }
static void store_watched(void) {
  __asm__ volatile("movl $1f, expected_eip\n1:\tmovl %%eax, buffer+16\n\tnop" ::: "memory");
}

static void run_walk(void) {
  print("walk:\n");
  traced = 0;
  run_at(0, walk);
  static const char *const how[] = {"start",     "far return", "far return", "far return", "call gate",
                                    "call gate", "call gate",  "return",     "return",     "return"};
  for (u32 i = 0; i < traced && i < COUNT(how); i++) {
    print("  %s: cs %04x ss %04x ring %u\n", how[i], trace[i][0], trace[i][1], trace[i][0] & 3u);
  }
  for (u32 ring = 1; ring < 4; ring++) {
    parameters[0] = parameters[1] = parameters[2] = 0;
    run_at(ring, pass_parameters);
    print("  ring %u: call gate with parameters: %x %x, stack moved by %u\n", ring, parameters[0], parameters[1],
          parameters[2]);
  }
}

static void run_breakpoints(void) {
  print("breakpoint registers:\n");
  __asm__ volatile("movl %0, %%dr0\n\tmovl %1, %%dr7" ::"r"(buffer + 16), "r"(0x000d0702));
  for (u32 ring = 0; ring < 4; ring += 3) {
    u32 faulted = run_at(ring, store_watched);
    print("  ring %u: store to a watched address: ", ring);
    print_outcome(faulted);
  }
  __asm__ volatile("movl %0, %%dr7" ::"r"(0x400));
}

static void run_double_faults(bool paging) {
  u64 gate = idt[13];
  if (!paging) {
    idt[13] = gate_descriptor(CODE(0), (u32)fault_entries + 16 * 13, 0x0e, 0); // not present
    u32 faulted = run_at(3, cli_body);
    idt[13] = gate;
    print("double fault:\n  ring 3: cli, gate of #GP not present: ");
    print_outcome(faulted);
    return;
  }
  gate = idt[14];
  idt[14] = gate_descriptor(DATA(0), 0, 0x8e, 0);
  u32 faulted = run_at(3, touch_absent);
  idt[14] = gate;
  print("double fault:\n  ring 3: read not present, gate of #PF to data: ");
  print_outcome(faulted);
}

static u32 directory[1024] ALIGNED(4096), table[1024] ALIGNED(4096);
static u64 pae_pointers[4] ALIGNED(32), pae_directory[512] ALIGNED(4096), pae_table[512] ALIGNED(4096);

static void run_page_faults(void) {
  for (u32 i = 0; i < 1024; i++) table[i] = i * PAGE_SIZE | PTE_PRESENT | PTE_WRITE | PTE_USER;
  table[(u32)PAGE_ABSENT >> 12] = 0;
  table[(u32)PAGE_SUPERVISOR >> 12] &= ~PTE_USER;
  table[(u32)PAGE_READ_ONLY >> 12] &= ~PTE_WRITE;
  directory[0] = (u32)table | PTE_PRESENT | PTE_WRITE | PTE_USER;
  directory[2] = 0x00200000 | 0x80 | PTE_PRESENT | PTE_WRITE | PTE_USER; // bit 21 of a 4 MiB entry is reserved
  write_cr4(read_cr4() | CR4_PSE);
  write_cr3((u32)directory);
  write_cr0(read_cr0() | CR0_PG | CR0_AM);
  run_group("page faults", page_faults);
  u32 a = table[(u32)buffer >> 12] & (PTE_ACCESSED | PTE_DIRTY),
      b = table[(u32)PAGE_SUPERVISOR >> 12] & (PTE_ACCESSED | PTE_DIRTY);
  print("  accessed and dirty bits: ordinary page %02x, supervisor page %02x\n", a, b);
  run_double_faults(true);
  write_cr0(read_cr0() & ~(CR0_PG | CR0_AM));
}

static void run_pae_faults(void) {
  u32 r[4];
  cpuid(1, r);
  if (!(r[3] & 0x40)) {
    print("PAE: not there\n");
    return;
  }
  for (u32 i = 0; i < 512; i++) pae_table[i] = i * PAGE_SIZE | PTE_PRESENT | PTE_WRITE | PTE_USER;
  pae_table[(u32)PAGE_ABSENT >> 12] = 0;
  pae_table[(u32)PAGE_READ_ONLY >> 12] &= ~(u64)PTE_WRITE;
  pae_table[(u32)PAGE_RESERVED >> 12] |= 1ull << 63; // no-execute bit, reserved while EFER.NXE is clear
  pae_directory[0] = (u32)pae_table | PTE_PRESENT | PTE_WRITE | PTE_USER;
  pae_pointers[0] = (u32)pae_directory | PTE_PRESENT;
  write_cr4((read_cr4() & ~CR4_PSE) | CR4_PAE);
  write_cr3((u32)pae_pointers);
  write_cr0(read_cr0() | CR0_PG);
  run_group("page faults with PAE", pae_faults);
  write_cr0(read_cr0() & ~CR0_PG);
  write_cr4(read_cr4() & ~CR4_PAE);
}

void kernel_main(void) {
  init_tables();
  init_task();
  tss.state.io_map = sizeof tss.state;
  for (u32 i = 0; i < sizeof tss.map; i++) tss.map[i] = 0xff;
  tss.end = 0xff;
  load_tables();
  write_cr0(read_cr0() | CR0_WP);

  run_walk();
  run_group("privileged instructions in ring 1", privileged_1);
  run_group("privileged instructions in ring 2", privileged_2);
  run_group("privileged instructions in ring 3", privileged_3);
  tss.map[0x80 / 8] = 0xfe;
  run_group("I/O permission map", port_faults);
  run_group("segments", segment_faults);
  run_group("transfers", transfer_faults);
  run_group("exceptions and interrupts", event_faults);
  run_breakpoints();
  run_double_faults(false);
  run_page_faults();
  run_pae_faults();
  print("done\n");
  pv_power_off();
}
