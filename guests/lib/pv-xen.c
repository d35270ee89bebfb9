// Paravirtual half of the paravirt-ops layer that is more than one hypercall: start, traps, events, page tables,
// console. Truth: Xen's public headers "xen.h" (start_info, shared_info), "event_channel.h", "sched.h", "vcpu.h",
// "physdev.h".
#include "pv-ops.h"
#include "string.h"

struct xen_start_info {
  char magic[32];
  u32 nr_pages, shared_info, flags, store_mfn, store_event_channel, console_mfn, console_event_channel;
  u32 pt_base, nr_pt_frames, mfn_list, mod_start, mod_length;
  char command_line[1024];
};

const char *pv_command_line = "";
u32 pv_memory_size;
u32 pv_module_start, pv_module_size;
u32 pv_free_start, pv_free_end;
const u32 *xen_p2m;
u32 xen_event_handler, xen_gate_handler;
static pte_t *boot_directory;
static u32 timer_port, console_port;
static u32 timer_period;
static u64 timer_next;
static char line[128];
static u32 line_length;

void xen_start(const struct xen_start_info *info);
void xen_event(void);
void xen_failsafe(void);
void xen_failed(void);
void xen_masked_gate(void);

void xen_start(const struct xen_start_info *info) {
  xen_p2m = (const u32 *)info->mfn_list;
  boot_directory = (pte_t *)info->pt_base;
  pv_memory_size = info->nr_pages << 12;
  pv_command_line = info->command_line;
  if (info->mod_length > 0) pv_module_start = pv_phys((const void *)info->mod_start);
  pv_module_size = info->mod_length;
  pv_free_start = pv_phys((void *)(info->pt_base + (info->nr_pt_frames + 1) * PAGE_SIZE)); // behind the boot stack
  xen_update_va_mapping((u32)&xen_shared_info, info->shared_info | PTE_PRESENT | PTE_WRITE, 2);
  // Port instructions of this kernel are to be emulated rather than refused.
  u32 iopl = 1;
  xen_hypercall2(XEN_PHYSDEV_OP, 6, (u32)&iopl);
  kernel_main();
}

// ---- Page tables -------------------------------------------------------------------------------------------------
static void map_page(pte_t *page, u32 flags) {
  xen_update_va_mapping((u32)page, pv_entry(pv_phys(page), flags | PTE_PRESENT), 2);
}

static void pin(pte_t *page, u32 command) {
  map_page(page, 0);
  xen_mmuext(command, xen_machine(page) >> 12, 0);
}

static void unpin(pte_t *page) {
  xen_mmuext(MMUEXT_UNPIN, xen_machine(page) >> 12, 0);
  map_page(page, PTE_WRITE);
}

pte_t *pv_boot_directory(void) { return boot_directory; }
void pv_pin_directory(pte_t *directory) { pin(directory, MMUEXT_PIN_L2); }
void pv_unpin_directory(pte_t *directory) { unpin(directory); }
void pv_pin_table(pte_t *table) { pin(table, MMUEXT_PIN_L1); }
void pv_unpin_table(pte_t *table) { unpin(table); }

void pv_init(u32 limit) {
  if (limit > pv_memory_size) limit = pv_memory_size;
  pv_free_end = limit & ~(PAGE_SIZE - 1);
  // The domain builder mapped whole 4 MiB around the image; the rest of RAM is ours to map.
  for (u32 at = 0; at < pv_free_end; at += 1u << 22) {
    pte_t *slot = &boot_directory[(at + PV_KERNEL_BASE) >> 22];
    if (*slot & PTE_PRESENT) continue;
    pte_t *table = pv_virt(pv_free_start);
    pv_free_start += PAGE_SIZE;
    for (u32 i = 0; i < 1024; i++) {
      u32 phys = at + i * PAGE_SIZE;
      table[i] = phys < pv_free_end ? pv_entry(phys, PTE_PRESENT | PTE_WRITE) : 0;
    }
    pv_pin_table(table);
    pv_set_pte(slot, pv_entry(pv_phys(table), PTE_PRESENT | PTE_WRITE));
  }
}

// ---- Traps and events --------------------------------------------------------------------------------------------
void pv_set_traps(const struct pv_trap *table) {
  struct pv_trap traps[64];
  u32 count = 0;
  for (; table->address != 0 && count < 63; table++) {
    if (table->vector >= PV_VECTOR_FIRST && table->vector < PV_VECTOR_FIRST + 16) {
      if (table->vector == PV_VECTOR_FIRST) xen_event_handler = table->address;
      continue;
    }
    traps[count] = *table;
    if (table->vector == 0x80 && table->flags & PV_TRAP_MASKED) {
      xen_gate_handler = table->address;
      traps[count].flags = table->flags & 3;
      traps[count].address = (u32)xen_masked_gate;
    }
    count++;
  }
  memset(&traps[count], 0, sizeof traps[count]);
  xen_hypercall2(XEN_SET_TRAP_TABLE, (u32)traps, 0);
  if (xen_event_handler != 0)
    xen_hypercall4(XEN_SET_CALLBACKS, PV_KERNEL_CS, (u32)xen_event, PV_KERNEL_CS, (u32)xen_failsafe);
}

void xen_failed(void) { pv_exit(14); }

void pv_set_kernel_stack(u32 esp) { xen_hypercall2(XEN_STACK_SWITCH, PV_KERNEL_DS, esp); }

u32 pv_read_cr2(void) { return xen_shared_info.vcpu[0].cr2; }

static u64 system_time(void) {
  volatile struct xen_vcpu_info *vcpu = &xen_shared_info.vcpu[0];
  u32 version;
  u64 time;
  do {
    version = vcpu->time.version;
    u64 delta = rdtsc() - vcpu->time.tsc_timestamp;
    if (vcpu->time.tsc_shift < 0)
      delta >>= -vcpu->time.tsc_shift;
    else
      delta <<= vcpu->time.tsc_shift;
    u32 multiplier = vcpu->time.tsc_to_system_multiplier;
    time = vcpu->time.system_time + ((u64)(u32)delta * multiplier >> 32) + (delta >> 32) * multiplier;
  } while (version != vcpu->time.version || version & 1);
  return time;
}

static void set_timer(u64 when) { xen_hypercall2(XEN_SET_TIMER_OP, (u32)when, (u32)(when >> 32)); }

// 0: no such event
static u32 bind_virq(u32 virq) {
  u32 bind[3] = {virq, 0, 0};
  return xen_hypercall2(XEN_EVENT_CHANNEL_OP, 1, (u32)bind) == 0 ? bind[2] : 0;
}

static void unmask(u32 port) {
  u32 argument = port;
  xen_hypercall2(XEN_EVENT_CHANNEL_OP, 9, (u32)&argument);
}

void pv_start_timer(u32 hz) {
  xen_hypercall3(XEN_VCPU_OP, 7, 0, 0); // the 100 Hz tick every virtual CPU has at first
  timer_port = bind_virq(0);
  timer_period = 1000000000u / hz;
  timer_next = system_time() + timer_period;
  set_timer(timer_next);
  unmask(timer_port);
}

u32 pv_acknowledge(u32 vector) {
  (void)vector;
  volatile struct xen_vcpu_info *vcpu = &xen_shared_info.vcpu[0];
  u32 events = 0;
  vcpu->upcall_pending = 0;
  u32 selector = 0;
  __asm__ volatile("xchgl %0, %1" : "+r"(selector), "+m"(vcpu->pending_selector)::"memory");
  for (u32 word = 0; word < 32; word++) {
    if (!(selector >> word & 1)) continue;
    u32 pending = xen_shared_info.event_pending[word] & ~xen_shared_info.event_mask[word];
    __asm__ volatile("lock andl %1, %0" : "+m"(xen_shared_info.event_pending[word]) : "r"(~pending) : "memory");
    for (u32 bit = 0; bit < 32; bit++) {
      if (!(pending >> bit & 1)) continue;
      if (word * 32 + bit == timer_port) events |= PV_EVENT_TIMER;
      if (word * 32 + bit == console_port) events |= PV_EVENT_CONSOLE;
    }
  }
  if (events & PV_EVENT_TIMER) {
    u64 now = system_time();
    timer_next += timer_period;
    if (timer_next <= now) timer_next = now + timer_period;
    set_timer(timer_next);
  }
  return events;
}

// ---- Console and power -------------------------------------------------------------------------------------------
static void flush(void) {
  if (line_length > 0) xen_hypercall3(XEN_CONSOLE_IO, 0, line_length, (u32)line);
  line_length = 0;
}

void pv_putc(char c) {
  if (c == '\n') line[line_length++] = '\r';
  line[line_length++] = c;
  if (c == '\n' || line_length >= sizeof line - 2) flush();
}

int pv_getc(void) {
  char c;
  flush();
  return xen_hypercall3(XEN_CONSOLE_IO, 1, 1, (u32)&c) == 1 ? (u8)c : -1;
}

void pv_console_events(bool on) {
  if (console_port == 0) console_port = bind_virq(2);
  if (console_port == 0) return;
  if (on)
    unmask(console_port);
  else
    __asm__ volatile("lock btsl %1, %0" : "+m"(xen_shared_info.event_mask[0]) : "r"(console_port) : "memory");
}

void xen_block(void) {
  flush();
  xen_hypercall2(XEN_SCHED_OP, 1, 0);
}

static NORETURN void shut_down(u32 reason) {
  flush();
  for (;;) xen_hypercall2(XEN_SCHED_OP, 2, (u32)&reason);
}

void pv_power_off(void) { shut_down(0); }

void pv_exit(u32 status) {
  flush();
  outb(0xf4, (u8)status); // the one port a domain is given
  shut_down(3);
}
