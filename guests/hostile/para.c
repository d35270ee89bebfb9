// Attempts of the paravirtual kernel: hypercalls with hostile arguments. Truth of what must be refused: Xen's public
// headers ("xen.h", "arch-x86/xen-x86_32.h") and the rule that a domain reaches its own frames only.
#ifdef PARAVIRTUAL
#include "hostile.h"

#define FRAMES_TRIED 0x10000u // 256 MiB of machine memory
#define XEN_RING0_CS 0xe008u

static bool is_own(u32 frame) {
  for (u32 i = 0; i < pv_memory_size >> 12; i++) {
    if (xen_p2m[i] == frame) return true;
  }
  return false;
}
static const char *refused(bool all) { return all ? "refused" : "accepted, but checked"; }

// ---- Frames -------------------------------------------------------------------------------------------------------
// Maps machine frames that belong to others: the hypervisor's, other domains', devices'.
static const char *try_foreign_frames(void) {
  u32 tried = 0;
  for (u32 frame = 0; frame < FRAMES_TRIED; frame += frame < 0x1000 ? 16 : 512) {
    if (is_own(frame)) continue;
    tried++;
    for (u32 flags = PTE_PRESENT; flags <= (PTE_PRESENT | PTE_WRITE | PTE_USER); flags += 2) {
      if (xen_update_va_mapping(WINDOW, frame << 12 | flags, 2) == 0) return escape("a foreign frame was mapped");
      if (xen_mmu_update(xen_machine(&window[0]), frame << 12 | flags) == 0)
        return escape("a foreign frame was mapped");
    }
  }
  static const u32 devices[] = {0xfee00, 0xfec00, 0xa0, 0xb8, 0xf0, 0xfffff, 0xffc00};
  for (u32 i = 0; i < COUNT(devices); i++) {
    if (is_own(devices[i])) continue;
    if (xen_update_va_mapping(WINDOW, devices[i] << 12 | PTE_PRESENT | PTE_WRITE, 2) == 0)
      return escape("a device was mapped");
  }
  return tried > 0 ? "refused" : "there is no foreign frame";
}

// Writable mappings of pages that are page tables or descriptor tables.
static const char *try_writable_tables(void) {
  const void *tables[] = {window, pv_boot_directory()};
  for (u32 i = 0; i < COUNT(tables); i++) {
    pte_t entry = xen_machine(tables[i]) | PTE_PRESENT | PTE_WRITE;
    if (xen_update_va_mapping(WINDOW, entry, 2) == 0) return escape("a page table was mapped writable");
    if (xen_mmu_update(xen_machine(&window[1]), entry) == 0) return escape("a page table was mapped writable");
    if (write_at((u32)tables[i] + 0xff0) == NO_FAULT && *(volatile u32 *)((u32)tables[i] + 0xff0) == 0x0badc0de)
      return escape("a page table was written directly");
  }
  return "refused";
}

// Directory entries: the hypervisor's own slots, 4 MiB pages, itself writable, foreign frames as tables.
static const char *try_directory_entries(void) {
  pte_t *directory = pv_boot_directory();
  u32 slot = xen_machine(&directory[0x70000000 >> 22]), own = xen_machine(directory),
      page = xen_machine(pv_virt(take_page()));
  if (xen_mmu_update(slot, 0x80 | PTE_PRESENT | PTE_WRITE) == 0) return escape("a 4 MiB page of frame 0 was mapped");
  if (xen_mmu_update(slot, (page & ~0x3fffffu) | 0x80 | PTE_PRESENT | PTE_WRITE) == 0)
    return escape("a 4 MiB page was mapped");
  if (xen_mmu_update(slot, own | PTE_PRESENT | PTE_WRITE) == 0)
    return escape("the directory was entered into itself writable");
  for (u32 frame = 0; frame < 0x1000; frame += 64) {
    if (!is_own(frame) && xen_mmu_update(slot, frame << 12 | PTE_PRESENT | PTE_WRITE) == 0)
      return escape("a foreign frame became a page table");
  }
  for (u32 i = 1008; i < 1024; i++) {
    if (xen_mmu_update(xen_machine(&directory[i]), page | PTE_PRESENT | PTE_WRITE) == 0)
      return escape("the hypervisor's directory entries were changed");
  }
  return "refused";
}

// Pages full of lies offered as page tables.
static const char *try_pin_lies(void) {
  u32 page = take_page();
  u32 *lies = pv_virt(page);
  for (u32 i = 0; i < 1024; i++) lies[i] = (i * 37 % 4096) << 12 | PTE_PRESENT | PTE_WRITE | PTE_USER;
  u32 frame = xen_machine(lies) >> 12;
  // writable mapping still there: must not become a table
  if (xen_mmuext(MMUEXT_PIN_L1, frame, 0) == 0) return escape("a writable page was taken as a page table");
  if (xen_mmuext(MMUEXT_PIN_L2, frame, 0) == 0) return escape("a writable page was taken as a directory");
  // read-only now, but its entries point at foreign frames
  pte_t entry = (xen_machine(lies) & ~PTE_FLAGS) | PTE_PRESENT | PTE_ACCESSED;
  xen_update_va_mapping((u32)lies, entry, 2);
  if (xen_mmuext(MMUEXT_PIN_L1, frame, 0) == 0) return escape("a page table with foreign frames was taken");
  if (xen_mmuext(MMUEXT_PIN_L2, frame, 0) == 0) return escape("a directory with foreign frames was taken");
  if (xen_mmuext(MMUEXT_NEW_BASEPTR, frame, 0) == 0) return escape("a page of lies became the address space");
  xen_update_va_mapping((u32)lies, entry | PTE_WRITE, 2);
  return "refused";
}

static const char *try_extended_operations(void) {
  bool all = true;
  for (u32 frame = 0; frame < 0x1000; frame += 256) {
    if (is_own(frame)) continue;
    for (u32 operation = 0; operation < 24; operation++) {
      if (operation >= MMUEXT_TLB_FLUSH && operation <= 12) continue; // flushes take no frame
      if (xen_mmuext(operation, frame, 0) == 0) all = false;
      if (operation <= MMUEXT_NEW_BASEPTR && xen_mmuext(operation, frame, 0) == 0)
        return escape("an operation on a foreign frame succeeded");
    }
  }
  if (xen_mmuext(MMUEXT_NEW_BASEPTR, 0xffffffff, 0) == 0) return escape("frame -1 became the address space");
  return refused(all);
}

// ---- Pointers and counts ------------------------------------------------------------------------------------------
static const u32 bad_pointers[] = {0, TOP_START, 0xfc000000, 0xfffffff0, 0xf5800000, 0x30000000, 0xffffffff};

static const char *try_bad_pointers(void) {
  static const u8 calls[] = {XEN_SET_TRAP_TABLE, XEN_MMU_UPDATE, XEN_SET_GDT, XEN_MMUEXT_OP, XEN_UPDATE_DESCRIPTOR};
  for (u32 i = 0; i < COUNT(bad_pointers); i++) {
    u32 at = bad_pointers[i];
    for (u32 c = 0; c < COUNT(calls); c++) {
      if (calls[c] == XEN_SET_TRAP_TABLE && at == 0) continue; // means: forget all traps
      xen_hypercall4(calls[c], at, 1, at, XEN_DOMID_SELF);
      xen_hypercall4(calls[c], at, 0xffffffff, at, XEN_DOMID_SELF);
    }
    xen_hypercall3(XEN_EVENT_CHANNEL_OP, 0xffffffff, at, 0);
    xen_hypercall3(XEN_PHYSDEV_OP, 0, at, 0);
    xen_hypercall3(XEN_VCPU_OP, 0, 0xffffffff, at);
    for (u32 command = 1; command < 12; command++) {
      // writing the answer to a pointer of the hypervisor's
      if (at >= 0xfc000000 && command != 0 && xen_hypercall2(XEN_VERSION, command, at) == 0 && command <= 8 &&
          command != 6)
        return escape("a hypercall wrote to the hypervisor's addresses");
    }
  }
  return "refused";
}

// The console prints what it is given: the hypervisor's memory must not be.
static const char *try_console_leak(void) {
  for (u32 i = 0; i < COUNT(bad_pointers); i++) {
    i32 result = xen_hypercall3(XEN_CONSOLE_IO, 0, 16, bad_pointers[i]);
    if (result >= 0 && bad_pointers[i] != 0xfc000000)
      return escape("the console printed memory that is not this guest's");
  }
  if (xen_hypercall3(XEN_CONSOLE_IO, 0, 0xffffffff, (u32)bad_pointers) >= 0)
    return escape("the console took four billion characters");
  if (xen_hypercall3(XEN_CONSOLE_IO, 1, 64, TOP_START) > 0)
    return escape("the console read into the hypervisor's memory");
  return "refused";
}

static const char *try_counts(void) {
  u64 update[2] = {0, 0};
  if (xen_hypercall4(XEN_MMU_UPDATE, (u32)update, 0x7fffffff, 0, XEN_DOMID_SELF) == 0)
    return escape("two billion updates were accepted");
  if (xen_hypercall4(XEN_MMU_UPDATE, (u32)update, 0xffffffff, 0, XEN_DOMID_SELF) == 0)
    return escape("four billion updates were accepted");
  if (xen_hypercall4(XEN_MMUEXT_OP, (u32)update, 0x10000000, 0, XEN_DOMID_SELF) == 0)
    return escape("millions of operations were accepted");
  if (xen_hypercall2(XEN_SET_GDT, (u32)update, 0xffffffff) == 0)
    return escape("a descriptor table of any size was accepted");
  return "refused";
}

static const char *try_other_domain(void) {
  u64 update[2] = {xen_machine(&window[0]), 0};
  for (u32 domain = 0; domain < 4; domain++) {
    if (xen_hypercall4(XEN_MMU_UPDATE, (u32)update, 1, 0, domain) == 0 && domain != 0)
      return escape("it acted for another domain");
  }
  if (xen_hypercall4(XEN_MMU_UPDATE, (u32)update, 1, 0, 0x7ff2) == 0) return escape("it acted for the hypervisor");
  return "refused";
}

static const char *try_unknown_calls(void) {
  static const u32 numbers[] = {11, 19, 34, 35, 48, 55, 56, 63};
  for (u32 i = 0; i < COUNT(numbers); i++) {
    if (xen_hypercall5(numbers[i], TOP_START, TOP_START, TOP_START, TOP_START, TOP_START) == 0)
      return escape("an unknown hypercall succeeded");
  }
  for (u32 number = 64; number != 0; number <<= 1) {
    i32 result;
    __asm__ volatile("int $0x82" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
    if (result >= 0) return escape("a hypercall number out of range succeeded");
  }
  return "refused";
}

// ---- Descriptors, traps, stacks -----------------------------------------------------------------------------------
static const char *try_descriptors(void) {
  u32 page = take_page(), frame = xen_machine(pv_virt(page)) >> 12;
  u64 *table = pv_virt(page);
  static const struct {
    u32 base, limit, access, flags;
  } bad[] = {
      {0, 0xfffff, 0x9a, 0xc},          // code of ring 0
      {0, 0xfffff, 0x92, 0xc},          // data of ring 0
      {TOP_START, 0xfffff, 0xba, 0xc},  // code at the hypervisor's addresses
      {TOP_START, 0xfffff, 0xf2, 0xc},  // data there
      {0, 0xfffff, 0xf2, 0xc},          // data that reaches there
      {0xf0000000, 0xfffff, 0xf2, 0xc}, // data that wraps around
      {0x1000, 0xfff, 0x89, 0},         // a task state segment
      {0x1000, 0xfff, 0x82, 0},         // a local descriptor table
  };
  bool all = true;
  if (xen_hypercall2(XEN_SET_GDT, (u32)&frame, 512) != 0) all = true; // an empty table may or may not be taken
  for (u32 i = 0; i < COUNT(bad); i++) {
    u64 descriptor = segment_descriptor(bad[i].base, bad[i].limit, bad[i].access, bad[i].flags);
    u32 where = frame << 12;
    i32 result = xen_hypercall4(XEN_UPDATE_DESCRIPTOR, where + 8, 0, (u32)descriptor, (u32)(descriptor >> 32));
    if (result != 0) continue;
    all = false;
    if (i != 4 && i != 5 && table[1] == descriptor)
      return escape("a descriptor that reaches the hypervisor was accepted");
    u32 value;
    __asm__ volatile("lsl %1, %0\n\tjz 1f\n\txorl %0, %0\n1:" : "=&r"(value) : "r"(0xb) : "cc");
    if (value >= TOP_START) return escape("a segment reaches the hypervisor");
  }
  u64 gate = gate_descriptor(XEN_RING0_CS, 0x1000, 0xec, 0);
  if (xen_hypercall4(XEN_UPDATE_DESCRIPTOR, (frame << 12) + 8, 0, (u32)gate, (u32)(gate >> 32)) == 0)
    return escape("a call gate to ring 0 was accepted");
  u32 foreign = 0;
  while (is_own(foreign)) foreign++;
  if (xen_hypercall2(XEN_SET_GDT, (u32)&foreign, 512) == 0) return escape("a foreign frame became a descriptor table");
  xen_hypercall4(XEN_UPDATE_DESCRIPTOR, (frame << 12) + 8, 0, 0, 0);
  return refused(all);
}

static u32 cs_body(u32 argument) {
  u32 cs;
  __asm__ volatile("int $0x41\n\tmovl %%cs, %0" : "=a"(cs));
  return cs + argument;
}
extern char ring_reporter[];
__asm__(".text\nring_reporter: movl %cs, %eax\n\tmovl %eax, reported_cs\n\tiret");
u32 reported_cs;

// Trap handlers in ring 0, or at the hypervisor's addresses.
static const char *try_trap_table(void) {
  const struct pv_trap ring0[] = {{0x41, 3, XEN_RING0_CS, (u32)ring_reporter}, {0, 0, 0, 0}};
  const struct pv_trap top[] = {{0x41, 3, PV_KERNEL_CS, TOP_START}, {0, 0, 0, 0}};
  reported_cs = 0xffff;
  i32 result = xen_hypercall2(XEN_SET_TRAP_TABLE, (u32)ring0, 0);
  guard(cs_body, 0);
  if ((reported_cs & 3) == 0) return escape("a handler of its own ran in ring 0");
  xen_hypercall2(XEN_SET_TRAP_TABLE, (u32)top, 0);
  const struct pv_trap fine[] = {{0x41, 3, PV_KERNEL_CS, (u32)ring_reporter}, {0, 0, 0, 0}};
  xen_hypercall2(XEN_SET_TRAP_TABLE, (u32)fine, 0);
  return result == 0 ? "its handler stays in ring 1" : "refused";
}

static const char *try_kernel_stack(void) {
  static u8 stack[4096] ALIGNED(16);
  static const u8 code[] = {0xcd, 0x80};
  xen_hypercall2(XEN_STACK_SWITCH, 0xe010, (u32)stack + sizeof stack); // the hypervisor's data segment, RPL 0
  u32 vector = run_user_code(code, sizeof code, 0, 0);
  u32 ss;
  __asm__ volatile("movl %%ss, %0" : "=r"(ss));
  pv_set_kernel_stack((u32)stack + sizeof stack);
  if ((ss & 3) == 0) return escape("its stack segment is one of ring 0");
  return fault_name(vector);
}

// ---- Instructions -------------------------------------------------------------------------------------------------
static u32 instruction_body(u32 which) {
  static const struct table_register table = {0xffff, TOP_START};
  switch (which) {
    case 0: __asm__ volatile("lgdt %0" ::"m"(table)); break;
    case 1: __asm__ volatile("lidt %0" ::"m"(table)); break;
    case 2: __asm__ volatile("lldt %w0" ::"r"(0xe040)); break;
    case 3: __asm__ volatile("ltr %w0" ::"r"(0xe040)); break;
    case 4: __asm__ volatile("movl %0, %%cr3" ::"r"(0)); break;
    case 5: __asm__ volatile("outl %0, %w1" ::"a"(0), "d"(0xcf8)); break;
    case 6: __asm__ volatile("outb %b0, %w1" ::"a"(0xfe), "d"(0x64)); break;
    case 7: __asm__ volatile("ljmp %0, $1f\n1:" ::"i"(XEN_RING0_CS)); break;
    case 8: __asm__ volatile("pushl %0\n\tpushl $1f\n\tlret\n1:" ::"i"(XEN_RING0_CS)); break;
    case 9: __asm__ volatile("pushfl\n\tpushl %0\n\tpushl $1f\n\tiret\n1:" ::"i"(XEN_RING0_CS)); break;
    case 10: __asm__ volatile("movl %0, %%ss" ::"r"(0xe010)); break;
    case 11: __asm__ volatile("movl %0, %%ds" ::"r"(0xe010)); break;
    default: __asm__ volatile("movl %0, %%cr4" ::"r"(0)); break;
  }
  return 0;
}
static const char *try_instructions(void) {
  for (u32 i = 0; i <= 12; i++) {
    if (guard(instruction_body, i) == NO_FAULT && i >= 7 && i <= 11)
      return escape("it loaded one of the hypervisor's segments");
    u32 cs;
    __asm__ volatile("movl %%cs, %0" : "=r"(cs));
    if ((cs & 3) == 0) return escape("it runs in ring 0");
  }
  return "fault, or without effect";
}

// The table from machine to pseudo-physical frames may be read, not written.
static const char *try_machine_to_phys(void) {
  u32 vector = write_at(0xfc000000);
  return vector == NO_FAULT ? escape("the hypervisor's frame table was written") : fault_name(vector);
}

static const char *try_hypercall_from_user(void) {
  static const u8 code[] = {0xcd, 0x82, 0xcd, 0x80};
  u32 vector = run_user_code(code, sizeof code, XEN_VERSION, 0);
  if (vector == 0x80 && (i32)guard_result >= 0) return escape("ring 3 made a hypercall");
  return vector == 0x80 ? "refused" : fault_name(vector);
}

static const char *try_event_channels(void) {
  u32 arguments[6];
  for (u32 command = 0; command < 12; command++) {
    for (u32 i = 0; i < COUNT(arguments); i++) arguments[i] = 0xfffffff0 + i;
    xen_hypercall2(XEN_EVENT_CHANNEL_OP, command, (u32)arguments);
  }
  u32 callbacks = (u32)xen_hypercall4(XEN_SET_CALLBACKS, XEN_RING0_CS, TOP_START, XEN_RING0_CS, TOP_START);
  return callbacks == 0 ? "accepted, but only ever entered in ring 1" : "refused";
}

const struct attempt paravirtual_attempts[] = {
    {"top-read", try_top_read},
    {"top-write", try_top_write},
    {"top-execute", try_top_execute},
    {"own-code", try_own_code},
    {"foreign-frames", try_foreign_frames},
    {"writable-tables", try_writable_tables},
    {"directory-entries", try_directory_entries},
    {"pin-lies", try_pin_lies},
    {"extended-operations", try_extended_operations},
    {"bad-pointers", try_bad_pointers},
    {"console-leak", try_console_leak},
    {"counts", try_counts},
    {"other-domain", try_other_domain},
    {"unknown-calls", try_unknown_calls},
    {"descriptors", try_descriptors},
    {"trap-table", try_trap_table},
    {"kernel-stack", try_kernel_stack},
    {"instructions", try_instructions},
    {"machine-to-phys", try_machine_to_phys},
    {"hypercall-from-user", try_hypercall_from_user},
    {"user-top", try_user_top},
    {"user-kernel", try_user_kernel},
    {"user-privileged", try_user_privileged},
    {"event-channels", try_event_channels},
    {NULL, NULL},
};

#endif
