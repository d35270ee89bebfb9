// Attempts of the unmodified kernel: it owns ring 0, or believes so.
#ifndef PARAVIRTUAL
#include "hostile.h"

// ---- Physical memory that is not its own --------------------------------------------------------------------------
// Firmware may keep a little of the last MiB for itself.
static u32 ram_end(void) { return (pv_memory_size + 0xfffff) & ~0xfffffu; }

// Maps one page after the other behind the end of RAM. What is there must be nothing: no value that stays.
static const char *try_beyond_ram(void) {
  u32 step = 1u << 20;
  for (u32 phys = ram_end(), n = 0; n < 96 && phys < 0xe0000000u; n++, phys += step) {
    if (n == 64) step = 64u << 20;
    map_window(0, phys | PTE_PRESENT | PTE_WRITE);
    if (read_at(WINDOW + 0x10) != NO_FAULT) continue;
    u32 before = guard_result;
    if (write_at(WINDOW + 0x10) != NO_FAULT) continue;
    map_window(0, 0);
    map_window(1, phys | PTE_PRESENT | PTE_WRITE);
    if (read_at(WINDOW + 0x1010) == NO_FAULT && guard_result == 0x0badc0de)
      return escape("memory behind its RAM keeps what is written");
    if (before != 0 && before != 0xffffffff) return escape("memory behind its RAM has content");
  }
  map_window(0, 0);
  map_window(1, 0);
  return "nothing is there";
}

// The same through 4 MiB pages, whose translations a hypervisor has to split.
static const char *try_large_page(void) {
  pte_t *slot = &pv_boot_directory()[0x60000000 >> 22];
  write_cr4(read_cr4() | CR4_PSE);
  for (u32 phys = ram_end() & 0xffc00000; phys < ram_end() + (32u << 20); phys += 4u << 20) {
    *slot = phys | 0x80 | PTE_PRESENT | PTE_WRITE;
    pv_flush_tlb();
    for (u32 offset = 0x10; offset < (4u << 20); offset += 1u << 18) {
      if (phys + offset < ram_end()) continue;
      if (write_at(0x60000000 + offset) != NO_FAULT) continue;
      pv_flush_tlb();
      if (read_at(0x60000000 + offset) == NO_FAULT && guard_result == 0x0badc0de)
        return escape("memory behind its RAM keeps what is written");
    }
  }
  *slot = 0;
  pv_flush_tlb();
  return "nothing is there";
}

// ---- The top of the linear address space --------------------------------------------------------------------------
// Maps its own page there: then the address is its own, and must lead to that page and nowhere else.
static const char *try_top_mapped(void) {
  u32 tables = take_page(), page = take_page();
  pte_t *table = pv_virt(tables);
  volatile u32 *alias = pv_virt(page);
  pv_boot_directory()[TOP_START >> 22] = tables | PTE_PRESENT | PTE_WRITE;
  const char *verdict = "the address leads to its own page";
  for (u32 i = 0; i < TOP_PAGES; i += 64) {
    for (u32 j = 0; j < TOP_PAGES; j++) table[j] = 0;
    table[i] = page | PTE_PRESENT | PTE_WRITE;
    pv_flush_tlb();
    alias[4] = 0x11110000 + i;
    u32 vector = read_at(TOP_START + i * PAGE_SIZE + 16);
    if (vector != NO_FAULT)
      verdict = "it may not use the address";
    else if (guard_result != 0x11110000 + i)
      return escape("the address leads to somebody else's memory");
    if (vector == NO_FAULT && write_at(TOP_START + i * PAGE_SIZE + 16) == NO_FAULT && alias[4] != 0x0badc0de)
      return escape("a write went to somebody else's memory");
  }
  pv_boot_directory()[TOP_START >> 22] = 0;
  pv_flush_tlb();
  return verdict;
}

static u64 hostile_gdt[32] ALIGNED(8);

// The kernel's own descriptors, and room for more.
static void use_own_gdt(void) {
  hostile_gdt[1] = segment_descriptor(0, 0xfffff, SEGMENT_CODE, FLAT_FLAGS);
  hostile_gdt[2] = segment_descriptor(0, 0xfffff, SEGMENT_DATA, FLAT_FLAGS);
  hostile_gdt[3] = segment_descriptor(0, 0xfffff, SEGMENT_CODE | DPL(3), FLAT_FLAGS);
  hostile_gdt[4] = segment_descriptor(0, 0xfffff, SEGMENT_DATA | DPL(3), FLAT_FLAGS);
  struct table_register own = {sizeof hostile_gdt - 1, (u32)hostile_gdt};
  lgdt(&own);
}

// Nothing but the kernel's own descriptors again. What SGDT shows may be somebody else's table: it is not asked.
static void restore_gdt(void) {
  struct table_register own = {5 * 8 - 1, (u32)hostile_gdt};
  for (u32 i = 5; i < COUNT(hostile_gdt); i++) hostile_gdt[i] = 0;
  lgdt(&own);
}

static u32 gs_read_body(u32 offset) {
  u32 value;
  __asm__ volatile("movl %1, %%gs\n\tmovl %%gs:(%2), %0" : "=r"(value) : "r"(8 * 8), "r"(offset));
  return value;
}
static u32 gs_write_body(u32 offset) {
  __asm__ volatile("movl %0, %%gs\n\tmovl %1, %%gs:(%1)" ::"r"(8 * 8), "r"(offset) : "memory");
  return 0;
}

// Segments whose base and limit reach the top in every way: flat, from just below, wrapping around, expand-down.
static const char *try_segments(void) {
  static const struct {
    u32 base, limit, access, flags, offset;
  } shapes[] = {
      {0, 0xfffff, 0x92, 0xc, TOP_START + 0x40},
      {0xffbff000, 0xfffff, 0x92, 0xc, 0x1040},
      {0xfffff000, 0xfffff, 0x92, 0xc, 0xffc01040},
      {TOP_START, 0x3ff, 0x92, 0xc, 0x40},
      {0, 0, 0x96, 0xc, TOP_START + 0x40},
      {0x80000000, 0xfffff, 0x92, 0xc, 0x7fc00040},
      {0xffc00000, 0xffff, 0x92, 0x4, 0xfff0},
      {0xfffffff0, 0xfffff, 0x92, 0xc, 0xffc00050},
      {0, 0xfffff, 0x92 | DPL(3), 0xc, TOP_START + 0x40},
      {0, 0xfffff, 0x92 | DPL(1), 0xc, TOP_START + 0x40},
  };
  u32 vector = 0;
  use_own_gdt();
  for (u32 i = 0; i < COUNT(shapes); i++) {
    hostile_gdt[8] = segment_descriptor(shapes[i].base, shapes[i].limit, shapes[i].access, shapes[i].flags);
    vector = guard(gs_read_body, shapes[i].offset);
    if (vector == NO_FAULT) return escape("a segment reached the top for reading");
    vector = guard(gs_write_body, shapes[i].offset);
    if (vector == NO_FAULT) return escape("a segment reached the top for writing");
  }
  restore_gdt();
  return fault_name(vector);
}

static u32 load_gs_body(u32 selector) {
  __asm__ volatile("movl %0, %%gs" ::"r"(selector));
  return 0;
}
static u32 access_rights(u32 selector) {
  u32 value = 0;
  __asm__ volatile("lar %1, %0\n\tjz 1f\n\txorl %0, %0\n1:" : "=&r"(value) : "r"(selector) : "cc");
  return value;
}

// Selectors behind the limit of its own GDT: whatever stands there belongs to somebody else.
static const char *try_foreign_selectors(void) {
  struct table_register gdt;
  sgdt(&gdt);
  u32 vector = 0;
  bool seen = false;
  for (u32 selector = 6 * 8; selector < 0x1000; selector += 8) {
    vector = guard(load_gs_body, selector);
    if (vector == NO_FAULT) return escape("a segment that is not its own was loaded");
    if (access_rights(selector) != 0) seen = true;
  }
  return seen ? leak("LAR shows somebody else's descriptors") : fault_name(vector);
}

// A local descriptor table at the top: LAR and segment loads would read the hypervisor's memory as descriptors.
static u32 lldt_top_body(u32 base) {
  hostile_gdt[9] = segment_descriptor(base, 0xffff, 0x82, 0);
  __asm__ volatile("lldt %w0" ::"r"(9 * 8));
  u32 seen = 0;
  for (u32 i = 0; i < 64; i++) seen |= access_rights(i << 3 | 4);
  return seen;
}
static const char *try_ldt_at_top(void) {
  use_own_gdt();
  u32 vector = 0;
  for (u32 base = TOP_START; base != 0; base += 1u << 18) {
    vector = guard(lldt_top_body, base);
    if (vector == NO_FAULT && guard_result != 0) return escape("the hypervisor's memory was read as descriptors");
  }
  __asm__ volatile("lldt %w0" ::"r"(0));
  restore_gdt();
  return fault_name(vector);
}

// A code segment at the top, and call gates to it and to ring 0 of whoever is above.
static u32 far_call_body(u32 selector) {
  struct {
    u32 offset;
    u16 selector;
  } PACKED target = {0x40, (u16)selector};
  __asm__ volatile("lcall *%0" ::"m"(target) : "memory", "eax", "ecx", "edx");
  return 0;
}
static const char *try_call_gates(void) {
  u32 vector = 0;
  use_own_gdt();
  hostile_gdt[8] = segment_descriptor(TOP_START, 0xfffff, SEGMENT_CODE, FLAT_FLAGS);
  hostile_gdt[10] = gate_descriptor(8, TOP_START + 0x40, 0xec, 0);
  hostile_gdt[11] = gate_descriptor(8 * 8, 0, 0xec, 0);
  hostile_gdt[12] = gate_descriptor(0xf8, TOP_START, 0xec, 0);
  for (u32 selector = 8; selector <= 12; selector++) {
    if (selector == 9) continue;
    vector = guard(far_call_body, selector * 8);
    if (vector == NO_FAULT) return escape("a far call into the top of the address space came back");
  }
  restore_gdt();
  return fault_name(vector);
}

// A string operation that runs from its own last page into the top.
static u32 string_body(u32 from) {
  u32 count = 64;
  __asm__ volatile("rep stosl" : "+D"(from), "+c"(count) : "a"(0x55555555) : "memory");
  return 0;
}
static const char *try_string_into_top(void) {
  u32 tables = take_page(), page = take_page();
  pte_t *slot = &pv_boot_directory()[0xff800000 >> 22];
  ((pte_t *)pv_virt(tables))[1023] = page | PTE_PRESENT | PTE_WRITE;
  *slot = tables | PTE_PRESENT | PTE_WRITE;
  pv_flush_tlb();
  u32 vector = guard(string_body, TOP_START - 32);
  *slot = 0;
  pv_flush_tlb();
  if (vector == NO_FAULT) return escape("a string operation ran into the top of the address space");
  if (((u32 *)pv_virt(page))[1023] != 0x55555555) return "fault before the first element";
  return fault_name(vector);
}

// ---- Page tables --------------------------------------------------------------------------------------------------
// The directory as its own page table: the window shows page-table entries, which must be the ones it wrote.
static const char *try_recursive_tables(void) {
  pte_t *directory = pv_boot_directory();
  u32 slot = 0x70000000 >> 22;
  directory[slot] = pv_phys(directory) | PTE_PRESENT | PTE_WRITE;
  pv_flush_tlb();
  const u32 ignore = PTE_ACCESSED | PTE_DIRTY;
  for (u32 i = 0; i < 1024; i++) {
    u32 seen = *(volatile u32 *)(0x70000000 + slot * PAGE_SIZE + 4 * i);
    if ((seen & ~ignore) != (directory[i] & ~ignore)) return escape("it saw page-table entries that are not its own");
  }
  // and writes through the window: a mapping made that way
  u32 page = take_page();
  *(volatile u32 *)pv_virt(page) = 0x600df00d;
  volatile u32 *entry = (volatile u32 *)(0x70000000 + (WINDOW >> 12) * 4 + 8);
  *entry = page | PTE_PRESENT | PTE_WRITE;
  pv_invlpg(WINDOW + 2 * PAGE_SIZE);
  bool right = read_at(WINDOW + 2 * PAGE_SIZE) == NO_FAULT && guard_result == 0x600df00d;
  *entry = 0;
  directory[slot] = 0;
  pv_flush_tlb();
  return right ? "it sees its own entries" : escape("a mapping made through the window leads elsewhere");
}

// Address spaces full of noise, one after the other: to confuse or to exhaust whoever shadows them.
static const char *try_noise_tables(void) {
  u32 noise = 0x12345678, spaces = take_page(), second = take_page();
  for (u32 round = 0; round < 24; round++) {
    pte_t *directory = pv_virt(spaces), *table = pv_virt(second), *boot = pv_boot_directory();
    for (u32 i = 0; i < 1024; i++) {
      noise = noise * 1664525 + 1013904223;
      table[i] = noise;
      directory[i] = i < 4 || i == WINDOW >> 22 || i == USER_CODE >> 22 ? boot[i]
                     : (noise & 1)                                      ? (pv_phys(table) | (noise & 0x7f))
                                                                        : noise;
    }
    pv_load_directory(directory);
    for (u32 i = 0; i < 24; i++) {
      noise = noise * 1664525 + 1013904223;
      u32 address = 0x01000000 + noise % 0x3f000000;
      read_at(address);
    }
  }
  pv_load_directory(pv_boot_directory());
  return "nothing came of it";
}

// One page that is code and page table at once: its front is executed, its back translates addresses.
static u32 call_code_body(u32 address) { return ((u32 (*)(void))address)(); }
static const char *try_code_as_table(void) {
  u32 page = take_page(), target = take_page();
  u8 *code = pv_virt(page);
  u32 *entries = pv_virt(page), *data = pv_virt(target);
  pte_t *slot = &pv_boot_directory()[0x68000000 >> 22];
  memset(code, 0x90, 64); // read as entries: not present
  code[64] = 0xb8;        // mov eax, number; ret
  code[69] = 0xc3;
  *slot = page | PTE_PRESENT | PTE_WRITE;
  pv_flush_tlb();
  const char *verdict = "code and mappings are as written";
  for (u32 i = 0; i < 100; i++) {
    *(volatile u32 *)(code + 65) = i;
    entries[512 + i] = target | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
    data[0] = i * 3;
    if (guard(call_code_body, page) != NO_FAULT || guard_result != i)
      verdict = escape("code that is no longer there was run");
    if (read_at(0x68000000 + (512 + i) * PAGE_SIZE) != NO_FAULT || guard_result != i * 3)
      verdict = escape("a mapping leads elsewhere");
    entries[512 + i] = 0;
    pv_invlpg(0x68000000 + (512 + i) * PAGE_SIZE);
    if (read_at(0x68000000 + (512 + i) * PAGE_SIZE) == NO_FAULT) verdict = escape("a mapping that is gone was used");
  }
  *slot = 0;
  pv_flush_tlb();
  return verdict;
}

// ---- Registers ----------------------------------------------------------------------------------------------------
static const char *try_table_registers(void) {
  struct table_register gdt, idt, expected;
  sgdt(&gdt);
  sidt(&idt);
  use_own_gdt();
  sgdt(&expected);
  restore_gdt();
  if (gdt.base >= TOP_START || idt.base >= TOP_START)
    return leak("SGDT and SIDT show where the hypervisor's tables are");
  if (expected.base != (u32)hostile_gdt) return leak("SGDT shows a table that is not its own");
  return "they show its own tables";
}

static u32 wrmsr_body(u32 msr) {
  wrmsr(msr, 0xffffffff, 0xffffffff);
  return 0;
}
static u32 rdmsr_body(u32 msr) {
  u32 low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return low;
}
static const char *try_msrs(void) {
  static const u32 msrs[] = {0x3a, 0x9b,       0x1a0,      0x1d9,      0x480,      0x482,      0x48b,
                             0x79, 0xc0000081, 0xc0000082, 0xc0000101, 0x4b564d00, 0x40000000, 0xdeadbeef};
  u32 refused = 0;
  for (u32 i = 0; i < COUNT(msrs); i++) {
    if (guard(wrmsr_body, msrs[i]) != NO_FAULT) refused++;
    guard(rdmsr_body, msrs[i]);
  }
  return refused == COUNT(msrs) ? "general protection fault for each" : "some refused, others are its own";
}

// The entry of system calls: its own registers must not be the hypervisor's.
static const char *try_sysenter_entry(void) {
  static const u32 msrs[] = {0x174, 0x175, 0x176};
  for (u32 i = 0; i < COUNT(msrs); i++) {
    if (guard(rdmsr_body, msrs[i]) == NO_FAULT && guard_result >= TOP_START)
      return leak("a system-call register shows the hypervisor's address");
  }
  wrmsr(0x176, TOP_START, 0);
  static const u8 code[] = {0x0f, 0x34, 0xcd, 0x80};
  u32 vector = run_user_code(code, sizeof code, 0, 0);
  wrmsr(0x176, 0, 0);
  return vector == 0x80 ? escape("SYSENTER was taken without a segment for it") : fault_name(vector);
}

static u32 cr4_body(u32 value) {
  write_cr4(value);
  return 0;
}
static u32 vmx_body(u32 which) {
  static u64 region;
  switch (which) {
    case 0: __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0x30" ::"a"(&region) : "memory"); break; // vmxon
    case 1: __asm__ volatile(".byte 0x66, 0x0f, 0xc7, 0x30" ::"a"(&region) : "memory"); break; // vmclear
    case 2: __asm__ volatile(".byte 0x0f, 0xc7, 0x30" ::"a"(&region) : "memory"); break;       // vmptrld
    case 3: __asm__ volatile(".byte 0x0f, 0xc7, 0x38" ::"a"(&region) : "memory"); break;       // vmptrst
    case 4: __asm__ volatile(".byte 0x0f, 0x01, 0xc2"); break;                                 // vmlaunch
    case 5: __asm__ volatile(".byte 0x0f, 0x01, 0xc3"); break;                                 // vmresume
    case 6: __asm__ volatile(".byte 0x0f, 0x01, 0xc4"); break;                                 // vmxoff
    case 7: __asm__ volatile(".byte 0x0f, 0x78, 0xc2" ::"a"(0x6c16), "d"(0)); break;           // vmread
    default: __asm__ volatile(".byte 0x0f, 0x79, 0xc2" ::"a"(0x6c16), "d"(0)); break;          // vmwrite
  }
  return 0;
}
static const char *try_vmx(void) {
  for (u32 i = 0; i < 9; i++) {
    if (guard(vmx_body, i) == NO_FAULT) return escape("a VMX instruction was executed outside VMX operation");
  }
  u32 old = read_cr4();
  u32 vector = guard(cr4_body, old | 0x2000);
  if (vector == NO_FAULT) write_cr4(old);
  return vector == NO_FAULT ? "invalid opcode; no hypervisor to attack" : "invalid opcode, CR4.VMXE refused";
}

static u32 vmcall_body(u32 number) {
  u32 result = number;
  __asm__ volatile(".byte 0x0f, 0x01, 0xc1"
                   : "+a"(result)
                   : "b"(TOP_START), "c"(0xffffffff), "d"(0xffffffff), "S"(TOP_START), "D"(TOP_START)
                   : "memory");
  return result;
}
static const char *try_vmcall(void) {
  bool answered = false;
  for (u32 i = 0; i < 64; i++) answered |= guard(vmcall_body, i) == NO_FAULT;
  answered |= guard(vmcall_body, 0xffffffff) == NO_FAULT;
  return answered ? "answered, nothing given" : "invalid opcode";
}

static u32 control_body(u32 which) {
  u32 cr0 = read_cr0();
  if (which == 0) write_cr0((cr0 | 0x20000000) & ~0x40000000u); // NW without CD
  if (which == 1) write_cr4(0xffffffff);
  if (which == 2) write_cr0(cr0 & ~CR0_PE); // paging without protection
  return 0;
}
static const char *try_control_registers(void) {
  u32 refused = 0;
  for (u32 i = 0; i < 3; i++) refused += guard(control_body, i) != NO_FAULT;
  return refused == 3 ? "general protection fault for each" : "some refused";
}

// Breakpoints on the hypervisor's addresses: it must neither stop there nor be disturbed.
static u32 interrupt_body(u32 argument) {
  __asm__ volatile("int3");
  return argument;
}
static const char *try_debug_registers(void) {
  __asm__ volatile("movl %0, %%dr0\n\tmovl %1, %%dr1\n\tmovl %2, %%dr2\n\tmovl %3, %%dr7" ::"r"(TOP_START),
                   "r"(TOP_START + 0x1000), "r"(0xfffff000), "r"(0x0fff0755));
  u32 vector = guard(interrupt_body, 0);
  read_at(TOP_START);
  read_cr4();
  inb(0x21);
  __asm__ volatile("movl %0, %%dr7" ::"r"(0x400));
  if (vector != 3) return escape("a breakpoint stopped somebody else");
  return "they see only its own code";
}

// Single-stepping through instructions that a hypervisor has to emulate.
static u32 step_body(u32 argument) {
  __asm__ volatile(
      "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\tmovl %%cr0, %%eax\n\tinb $0x21, %%al\n\tcli\n\tpushfl\n\tpopfl" ::
          : "eax", "memory");
  return argument;
}
static const char *try_single_step(void) {
  u32 vector = guard(step_body, 0);
  if (vector != 1) return vector == NO_FAULT ? "no step was reported" : fault_name(vector);
  u32 distance = last_fault.eip - (u32)step_body;
  return distance < 64 ? "steps are in its own code" : leak("a step in code that is not its own");
}

// ---- Interrupts and ports -----------------------------------------------------------------------------------------
// INT n for every vector, from ring 3 and ring 0: only its own gates may answer.
static u32 int_body(u32 address) { return ((u32 (*)(void))address)(); }
static const char *try_interrupt_vectors(void) {
  u8 *code = pv_virt(take_page());
  for (u32 vector = 0; vector < 256; vector++) {
    u8 bytes[] = {0xcd, (u8)vector, 0xb8, 1, 0, 0, 0, 0xcd, 0x80, 0xc3};
    bool own = vector == 3 || vector == 4 || vector == 0x80;
    u32 got = run_user_code(bytes, sizeof bytes, 7, 0);
    if (!own && got != 13) return escape("ring 3 raised an interrupt that it may not raise");
    if (own && got != vector) return escape("its own gate did not answer");
    bool present = vector < 48 && vector != 15 && vector != 8 && (vector < 20 || vector >= 32);
    bytes[7] = 0xc3;
    memcpy(code, bytes, sizeof bytes);
    if (vector == 0x80 || present || vector < 32) continue; // its own handlers, some expecting an error code
    if (guard(int_body, (u32)code) == NO_FAULT) return escape("ring 0 raised an interrupt without a gate");
  }
  return "general protection fault, segment not present";
}

static const char *try_ports(void) {
  static const u16 ports[] = {0xe9,  0x402,  0x510,  0x511,  0x5658, 0x5659, 0xb2,  0xb3,  0xae00,
                              0xcd8, 0x1000, 0xc000, 0xfffc, 0x3e8,  0x2f8,  0x278, 0x1f0, 0xcfc};
  for (u32 i = 0; i < COUNT(ports); i++) {
    for (u32 value = 0; value < 256; value += 51) outb(ports[i], (u8)value);
    inb(ports[i]);
    inl(ports[i] & 0xfffc);
  }
  // The way in that VMware's guests use
  u32 a = 0x564d5868, b = 0, c = 10, d = 0x5658;
  __asm__ volatile("inl %%dx, %%eax" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
  if (b == 0x564d5868) return escape("a backdoor answered");
  return "no one there";
}

// Ring 3 with I/O privilege: ports it reads must be this guest's devices, and CLI must not be the machine's.
static const char *try_user_ports(void) {
  static const u8 code[] = {0xe4, 0x21, 0xfa, 0xcd, 0x80}; // in al, 0x21; cli; int 0x80
  u8 old = inb(0x21);
  outb(0x21, 0xa5);
  run_user_code(code, sizeof code, 0, 0); // fills the page; refused
  u32 vector = guard_user(USER_CODE, USER_STACK, 0, 0, 0x3002);
  u32 seen = guard_result & 0xff;
  outb(0x21, old);
  if (vector != 0x80) return fault_name(vector);
  return seen == 0xa5 ? "it sees its own device" : escape("ring 3 reached a port that is not this guest's");
}

static const char *try_interrupt_controllers(void) {
  static const u8 writes[][2] = {{0x20, 0x1f}, {0x21, 0xf8}, {0x21, 0xff}, {0x21, 0xff}, {0x20, 0x68}, {0xa0, 0x11},
                                 {0xa1, 0x00}, {0xa1, 0x00}, {0xa1, 0x01}, {0x43, 0xff}, {0x40, 0x01}, {0x43, 0x30},
                                 {0x40, 0x00}, {0x40, 0x00}, {0x42, 0xff}, {0x61, 0xff}};
  for (u32 i = 0; i < COUNT(writes); i++) outb(writes[i][0], writes[i][1]);
  map_window(4, 0xfee00000 | 0x10 | PTE_PRESENT | PTE_WRITE);
  for (u32 offset = 0x80; offset < 0x400; offset += 0x10) {
    if (offset == 0x300 || offset == 0x310) continue; // no interrupts to itself
    u32 address = WINDOW + 4 * PAGE_SIZE + offset;
    write_at(address);
    read_at(address);
  }
  map_window(4, 0);
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
  return "only its own devices have changed";
}

static u32 apic_base_body(u32 low) {
  wrmsr(0x1b, low, 0);
  return 0;
}
static const char *try_move_apic(void) {
  if (guard(rdmsr_body, 0x1b) != NO_FAULT) return fault_name(last_fault.vector);
  u32 old = guard_result;
  u32 vector = guard(apic_base_body, TOP_START | 0x800);
  if (vector == NO_FAULT) guard(apic_base_body, old);
  return vector == NO_FAULT ? "only its own controller moved" : fault_name(vector);
}

const struct attempt native_attempts[] = {
    {"top-read", try_top_read},
    {"top-write", try_top_write},
    {"top-execute", try_top_execute},
    {"top-mapped", try_top_mapped},
    {"segments", try_segments},
    {"foreign-selectors", try_foreign_selectors},
    {"ldt-at-top", try_ldt_at_top},
    {"call-gates", try_call_gates},
    {"string-into-top", try_string_into_top},
    {"beyond-ram", try_beyond_ram},
    {"large-page", try_large_page},
    {"recursive-tables", try_recursive_tables},
    {"noise-tables", try_noise_tables},
    {"code-as-table", try_code_as_table},
    {"own-code", try_own_code},
    {"table-registers", try_table_registers},
    {"msrs", try_msrs},
    {"sysenter-entry", try_sysenter_entry},
    {"vmx", try_vmx},
    {"vmcall", try_vmcall},
    {"control-registers", try_control_registers},
    {"debug-registers", try_debug_registers},
    {"single-step", try_single_step},
    {"interrupt-vectors", try_interrupt_vectors},
    {"ports", try_ports},
    {"user-ports", try_user_ports},
    {"interrupt-controllers", try_interrupt_controllers},
    {"move-apic", try_move_apic},
    {"user-top", try_user_top},
    {"user-kernel", try_user_kernel},
    {"user-privileged", try_user_privileged},
    {NULL, NULL},
};
#endif
