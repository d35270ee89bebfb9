// Where things lie in the memory of a measured guest. Tables and program are put there before it starts, the same bytes in
// every emulator; the program is entered in flat 32-bit protected mode.

/** Width of the code a program is assembled for. */
export type Width = 32 | 64;

export const MEBIBYTE = 0x10_0000;
export const RAM_SIZE = 32 * MEBIBYTE;
export const GDT = 0x1000;
export const IDT = 0x2000;
export const TSS = 0x4000;
/** Six bytes for LGDT, LIDT. */
export const GDT_POINTER = 0x5000;
export const IDT_POINTER = 0x5010;
/** Roots of two address spaces: page directories, or PML4 tables. */
export const ROOTS = [0x1_0000, 0x3_0000] as const;
export const KERNEL_STACK = 0x8_0000;
/** Stack of the handlers entered from user code. */
export const EVENT_STACK = 0x8_8000;
export const USER_STACK = 0x9_0000;
export const PROGRAM = 0x10_0000;
/** Linear addresses from here lie DATA_SHIFT higher in physical memory; below they are the physical ones. */
export const DATA = 4 * MEBIBYTE;
export const DATA_SHIFT = 12 * MEBIBYTE;
export const LINEAR_END = 16 * MEBIBYTE;
/** Page-table entry of the first page of DATA in the first address space. */
export const DATA_ENTRY = { 32: 0x1_2000, 64: 0x1_5000 } as const;

/** Selectors, in the order SYSENTER, SYSCALL and SYSRET want. */
export const KERNEL_CODE = 0x08;
export const KERNEL_DATA = 0x10;
export const USER_CODE = { 32: 0x1b, 64: 0x4b } as const;
export const USER_DATA = { 32: 0x23, 64: 0x43 } as const;
export const KERNEL_CODE_64 = 0x28;
export const SYSRET_BASE = 0x3b;
export const TSS_SELECTOR = 0x50;
