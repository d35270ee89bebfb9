// Native half of the paravirt-ops layer: each operation is the instruction itself.
#pragma once
#include "x86.h"

#define PV_KERNEL_BASE 0u
#define PV_KERNEL_CS 0x08
#define PV_KERNEL_DS 0x10
#define PV_USER_CS 0x1b
#define PV_USER_DS 0x23
// Directory entries that hold the kernel: everything below 1 GiB, and the top (device pages).
#define PV_KERNEL_FIRST 0
#define PV_KERNEL_LAST 255

static inline void pv_cli(void) { __asm__ volatile("cli" ::: "memory"); }
static inline void pv_sti(void) { __asm__ volatile("sti" ::: "memory"); }
static inline u32 pv_save_flags(void) { return read_eflags(); }
static inline void pv_restore_flags(u32 flags) { __asm__ volatile("pushl %0\n\tpopfl" ::"r"(flags) : "memory", "cc"); }
static inline void pv_halt(void) { __asm__ volatile("sti\n\thlt" ::: "memory"); }
static inline pte_t pv_entry(u32 phys, u32 flags) { return phys | flags; }
static inline u32 pv_entry_phys(pte_t entry) { return entry & ~PTE_FLAGS; }
static inline void pv_set_pte(pte_t *slot, pte_t value) { *(volatile pte_t *)slot = value; }
static inline void pv_load_directory(pte_t *directory) { write_cr3((u32)directory); }
static inline void pv_invlpg(u32 address) { __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory"); }
static inline void pv_flush_tlb(void) { write_cr3(read_cr3()); }
static inline u64 pv_read_tsc(void) { return rdtsc(); }
