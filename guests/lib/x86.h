// Instructions C has no words for, and the structures of Intel SDM vol. 3 ch. 3 and 6 that guests build.
#pragma once
#include "types.h"

static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outw(u16 port, u16 value) { __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline u32 inl(u16 port) {
  u32 value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline u32 read_eflags(void) {
  u32 value;
  __asm__ volatile("pushfl\n\tpopl %0" : "=r"(value)::"memory");
  return value;
}
#define READ_CR(n)                                                   \
  static inline u32 read_cr##n(void) {                               \
    u32 value;                                                       \
    __asm__ volatile("movl %%cr" #n ", %0" : "=r"(value)::"memory"); \
    return value;                                                    \
  }
#define WRITE_CR(n) \
  static inline void write_cr##n(u32 value) { __asm__ volatile("movl %0, %%cr" #n::"r"(value) : "memory"); }
READ_CR(0)
READ_CR(2)
READ_CR(3)
READ_CR(4)
WRITE_CR(0)
WRITE_CR(2)
WRITE_CR(3)
WRITE_CR(4)
static inline u64 rdtsc(void) {
  u64 value;
  __asm__ volatile("rdtsc" : "=A"(value)::"memory");
  return value;
}
static inline void wrmsr(u32 msr, u32 low, u32 high) {
  __asm__ volatile("wrmsr" ::"c"(msr), "a"(low), "d"(high) : "memory");
}
static inline void cpuid(u32 leaf, u32 registers[4]) {
  __asm__ volatile("cpuid"
                   : "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]), "=d"(registers[3])
                   : "a"(leaf), "c"(0));
}

#define CR0_PE 0x1u
#define CR0_WP 0x10000u
#define CR0_AM 0x40000u
#define CR0_PG 0x80000000u
#define CR4_PSE 0x10u
#define CR4_PAE 0x20u
#define CR4_PGE 0x80u

struct table_register {
  u16 limit;
  u32 base;
} PACKED;
static inline void lgdt(const struct table_register *r) { __asm__ volatile("lgdt %0" ::"m"(*r)); }
static inline void lidt(const struct table_register *r) { __asm__ volatile("lidt %0" ::"m"(*r)); }
static inline void sgdt(struct table_register *r) { __asm__ volatile("sgdt %0" : "=m"(*r)); }
static inline void sidt(struct table_register *r) { __asm__ volatile("sidt %0" : "=m"(*r)); }

// An 8-byte descriptor. access: P, DPL, S, type; flags: G, D/B, L, AVL in the low four bits.
static inline u64 segment_descriptor(u32 base, u32 limit, u32 access, u32 flags) {
  u32 low = (limit & 0xffff) | base << 16;
  u32 high = (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | flags << 20 | (base & 0xff000000);
  return (u64)high << 32 | low;
}
// A gate: access is P, DPL, type (0xe interrupt, 0xf trap, 0xc call, 0x5 task).
static inline u64 gate_descriptor(u16 selector, u32 offset, u32 access, u32 parameters) {
  u32 low = (offset & 0xffff) | (u32)selector << 16;
  u32 high = (offset & 0xffff0000) | access << 8 | parameters;
  return (u64)high << 32 | low;
}
#define SEGMENT_CODE 0x9a // present, ring 0, code, readable
#define SEGMENT_DATA 0x92 // present, ring 0, data, writable
#define DPL(n) ((n) << 5)
#define FLAT_FLAGS 0xc // 4 KiB granularity, 32 bit

struct task_state {
  u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
  u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
  u32 es, cs, ss, ds, fs, gs, ldt;
  u16 trap, io_map;
} PACKED;
