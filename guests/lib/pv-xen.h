// Paravirtual half of the paravirt-ops layer: hypercalls, and plain stores to the page shared with the hypervisor.
// Truth: Xen's public headers, 32-bit with two-level page tables ("xen.h", "arch-x86/xen-x86_32.h").
#pragma once
#include "x86.h"

#define PV_KERNEL_BASE 0xc0000000u
#define PV_KERNEL_CS 0xe019
#define PV_KERNEL_DS 0xe021
#define PV_USER_CS 0xe02b
#define PV_USER_DS 0xe033
// Directory entries of the kernel; those behind them are the hypervisor's.
#define PV_KERNEL_FIRST 768
#define PV_KERNEL_LAST 1007

struct xen_vcpu_info {
  u8 upcall_pending, upcall_mask;
  u16 padding;
  u32 pending_selector;
  u32 cr2;
  u32 arch_padding[5];
  struct {
    u32 version, padding;
    u64 tsc_timestamp, system_time;
    u32 tsc_to_system_multiplier;
    signed char tsc_shift;
    u8 padding2[3];
  } time;
};
struct xen_shared_info_page {
  struct xen_vcpu_info vcpu[32];
  u32 event_pending[32], event_mask[32];
};
// Mapped over a page of the image before kernel_main() runs.
extern volatile struct xen_shared_info_page xen_shared_info;
// pseudo-physical to machine frame numbers, and back
extern const u32 *xen_p2m;
#define xen_m2p ((const u32 *)0xfc000000u)
extern char hypercall_page[];

enum {
  XEN_SET_TRAP_TABLE = 0,
  XEN_MMU_UPDATE = 1,
  XEN_SET_GDT = 2,
  XEN_STACK_SWITCH = 3,
  XEN_SET_CALLBACKS = 4,
  XEN_UPDATE_DESCRIPTOR = 10,
  XEN_UPDATE_VA_MAPPING = 14,
  XEN_SET_TIMER_OP = 15,
  XEN_VERSION = 17,
  XEN_CONSOLE_IO = 18,
  XEN_VCPU_OP = 24,
  XEN_MMUEXT_OP = 26,
  XEN_SCHED_OP = 29,
  XEN_EVENT_CHANNEL_OP = 32,
  XEN_PHYSDEV_OP = 33,
};
enum {
  MMUEXT_PIN_L1 = 0,
  MMUEXT_PIN_L2 = 1,
  MMUEXT_UNPIN = 4,
  MMUEXT_NEW_BASEPTR = 5,
  MMUEXT_TLB_FLUSH = 6,
  MMUEXT_INVLPG = 7
};
#define XEN_DOMID_SELF 0x7ff0u

// Hypercalls destroy the registers their arguments are in.
static inline i32 xen_hypercall5(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) {
  i32 result = (i32)((u32)hypercall_page + number * 32);
  __asm__ volatile("call *%%eax" : "+a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e)::"memory", "cc");
  return result;
}
static inline i32 xen_hypercall4(u32 number, u32 a, u32 b, u32 c, u32 d) {
  i32 result = (i32)((u32)hypercall_page + number * 32);
  __asm__ volatile("call *%%eax" : "+a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d)::"memory", "cc");
  return result;
}
static inline i32 xen_hypercall3(u32 number, u32 a, u32 b, u32 c) {
  i32 result = (i32)((u32)hypercall_page + number * 32);
  __asm__ volatile("call *%%eax" : "+a"(result), "+b"(a), "+c"(b), "+d"(c)::"memory", "cc");
  return result;
}
static inline i32 xen_hypercall2(u32 number, u32 a, u32 b) {
  i32 result = (i32)((u32)hypercall_page + number * 32);
  __asm__ volatile("call *%%eax" : "+a"(result), "+b"(a), "+c"(b)::"memory", "cc");
  return result;
}
static inline i32 xen_mmu_update(u64 pointer, u64 value) {
  u64 update[2] = {pointer, value};
  return xen_hypercall4(XEN_MMU_UPDATE, (u32)update, 1, 0, XEN_DOMID_SELF);
}
static inline i32 xen_mmuext(u32 command, u32 argument, u32 argument2) {
  u32 operation[3] = {command, argument, argument2};
  return xen_hypercall4(XEN_MMUEXT_OP, (u32)operation, 1, 0, XEN_DOMID_SELF);
}
// flags: 0, or 2 to invalidate the address
static inline i32 xen_update_va_mapping(u32 address, pte_t entry, u32 flags) {
  return xen_hypercall4(XEN_UPDATE_VA_MAPPING, address, entry, 0, flags);
}
static inline u32 xen_machine(const void *address) {
  return xen_p2m[((u32)address - PV_KERNEL_BASE) >> 12] << 12 | ((u32)address & 0xfff);
}

static inline void pv_cli(void) {
  xen_shared_info.vcpu[0].upcall_mask = 1;
  __asm__ volatile("" ::: "memory");
}
static inline void pv_sti(void) {
  __asm__ volatile("" ::: "memory");
  xen_shared_info.vcpu[0].upcall_mask = 0;
  // An event that came while masked is delivered on the way out of any hypercall.
  if (xen_shared_info.vcpu[0].upcall_pending) xen_hypercall2(XEN_VERSION, 0, 0);
}
static inline u32 pv_save_flags(void) { return xen_shared_info.vcpu[0].upcall_mask ? 0 : FLAG_IF; }
static inline void pv_restore_flags(u32 flags) {
  if (flags & FLAG_IF)
    pv_sti();
  else
    pv_cli();
}
void xen_block(void);
static inline void pv_halt(void) { xen_block(); }
static inline pte_t pv_entry(u32 phys, u32 flags) { return xen_p2m[phys >> 12] << 12 | (flags & ~PTE_GLOBAL); }
static inline u32 pv_entry_phys(pte_t entry) { return xen_m2p[entry >> 12] << 12; }
static inline void pv_set_pte(pte_t *slot, pte_t value) { xen_mmu_update(xen_machine(slot), value); }
static inline void pv_load_directory(pte_t *directory) {
  xen_mmuext(MMUEXT_NEW_BASEPTR, xen_machine(directory) >> 12, 0);
}
static inline void pv_invlpg(u32 address) { xen_mmuext(MMUEXT_INVLPG, address, 0); }
static inline void pv_flush_tlb(void) { xen_mmuext(MMUEXT_TLB_FLUSH, 0, 0); }
static inline u64 pv_read_tsc(void) { return rdtsc(); }
// The cheapest hypercall there is: asks for the version.
static inline void pv_null_hypercall(void) { xen_hypercall2(XEN_VERSION, 0, 0); }
