// Native half of the paravirt-ops layer that is more than an instruction: segments, page tables, IDT, PIC, PIT.
// Truth: Intel SDM vol. 3 "Protected-mode memory management" and "Interrupt and exception handling"; 8259A, 8254.
#include "pv-ops.h"
#include "string.h"

u32 pv_free_start, pv_free_end;
extern char image_end[];

static u64 gdt[6] ALIGNED(8);
static u64 idt[256] ALIGNED(8);
static struct task_state tss ALIGNED(8);
static pte_t boot_directory[1024] ALIGNED(4096);

static void init_segments(void) {
  gdt[1] = segment_descriptor(0, 0xfffff, SEGMENT_CODE, FLAT_FLAGS);
  gdt[2] = segment_descriptor(0, 0xfffff, SEGMENT_DATA, FLAT_FLAGS);
  gdt[3] = segment_descriptor(0, 0xfffff, SEGMENT_CODE | DPL(3), FLAT_FLAGS);
  gdt[4] = segment_descriptor(0, 0xfffff, SEGMENT_DATA | DPL(3), FLAT_FLAGS);
  gdt[5] = segment_descriptor((u32)&tss, sizeof tss - 1, 0x89, 0);
  tss.ss0 = PV_KERNEL_DS;
  tss.io_map = sizeof tss;
  struct table_register gdtr = {sizeof gdt - 1, (u32)gdt};
  struct table_register idtr = {sizeof idt - 1, (u32)idt};
  lgdt(&gdtr);
  __asm__ volatile(
      "ljmp %0, $1f\n1:\tmovl %1, %%eax\n\tmovl %%eax, %%ds\n\tmovl %%eax, %%es\n\tmovl %%eax, %%ss\n\t"
      "xorl %%eax, %%eax\n\tmovl %%eax, %%fs\n\tmovl %%eax, %%gs\n\tltr %w2\n\tlldt %w3" ::"i"(PV_KERNEL_CS),
      "i"(PV_KERNEL_DS), "r"(5 * 8), "r"(0)
      : "eax", "memory");
  lidt(&idtr);
}

static void init_paging(u32 limit) {
  pv_free_end = limit;
  u32 used = pv_module_size > 0 ? pv_module_start + pv_module_size : (u32)image_end;
  pv_free_start = (used + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  for (u32 at = 0; at < limit; at += 1u << 22) {
    pte_t *table = (pte_t *)pv_free_start;
    pv_free_start += PAGE_SIZE;
    for (u32 i = 0; i < 1024; i++)
      table[i] = at + i * PAGE_SIZE < limit ? (at + i * PAGE_SIZE) | PTE_PRESENT | PTE_WRITE : 0;
    boot_directory[at >> 22] = (u32)table | PTE_PRESENT | PTE_WRITE;
  }
  write_cr3((u32)boot_directory);
  write_cr0(read_cr0() | CR0_PG | CR0_WP);
}

static void init_pic(void) {
  outb(0x20, 0x11);
  outb(0xa0, 0x11);
  outb(0x21, PV_VECTOR_FIRST);
  outb(0xa1, PV_VECTOR_FIRST + 8);
  outb(0x21, 4);
  outb(0xa1, 2);
  outb(0x21, 1);
  outb(0xa1, 1);
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
}

void pv_init(u32 limit) {
  if (limit > pv_memory_size) limit = pv_memory_size;
  init_segments();
  init_paging(limit & ~(PAGE_SIZE - 1));
  init_pic();
}

void pv_set_traps(const struct pv_trap *table) {
  for (; table->address != 0; table++) {
    u32 type = table->flags & PV_TRAP_MASKED ? 0x8e : 0x8f;
    idt[table->vector] = gate_descriptor(table->cs, table->address, type | DPL((u32)table->flags & 3), 0);
  }
}

void pv_set_kernel_stack(u32 esp) { tss.esp0 = esp; }

u32 pv_acknowledge(u32 vector) {
  u32 line = vector - PV_VECTOR_FIRST;
  if (line >= 8) outb(0xa0, 0x20);
  outb(0x20, 0x20);
  return line == 0 ? PV_EVENT_TIMER : line == 4 ? PV_EVENT_CONSOLE : 0;
}

u32 pv_read_cr2(void) { return read_cr2(); }
pte_t *pv_boot_directory(void) { return boot_directory; }
void pv_pin_directory(pte_t *directory) { (void)directory; }
void pv_unpin_directory(pte_t *directory) { (void)directory; }
void pv_pin_table(pte_t *table) { (void)table; }
void pv_unpin_table(pte_t *table) { (void)table; }

void pv_start_timer(u32 hz) {
  u32 divisor = 1193182 / hz;
  outb(0x43, 0x34); // channel 0, low then high byte, rate generator
  outb(0x40, (u8)divisor);
  outb(0x40, (u8)(divisor >> 8));
  outb(0x21, (u8)(inb(0x21) & ~0x11)); // lines 0 (timer) and 4 (serial)
}
