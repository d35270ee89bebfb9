// The kernel's own pages: descriptor tables, task-state segment, stack and the doorway, at the top of every address space
// as 64-bit Linux has its kernel there. Selectors are Linux's (arch/x86/include/asm/segment.h as user space sees them:
// CS 0x33 and SS 0x2b in amd64 programs, CS 0x23 in i386 ones, TLS entries 12 to 14).
// Truth for the structures: SDM Vol. 3 "IA-32e Mode Segment Descriptors", "64-Bit Mode IDT", "Task Management in 64-bit Mode".

const KERNEL_BASE = 0xffff_ffff_8000_0000n;

// Physical pages below FIRST_FRAME.
const GDT_PAGE = 1;
const IDT_PAGE = 2;
const TSS_PAGE = 3;
const STACK_PAGE = 4;
export const DOORWAY_PAGE = 5;
const TABLE_PAGES = 6; // page-directory-pointer table, page directory, page table
/** Page-map level 4 with the kernel and the first pages of memory mapped onto themselves, used while the processor is set up. */
export const BOOT_PML4_PAGE = 9;
const IDENTITY_PAGES = 10; // the same for the identity map
/** A scratch page for the operands of LGDT and LIDT. */
export const OPERAND_PAGE = 13;
export const FIRST_FRAME = 16;

export const KERNEL_CODE = 0x10;
export const KERNEL_DATA = 0x18;
export const USER_CODE_32 = 0x23;
export const USER_DATA = 0x2b;
export const USER_CODE = 0x33;
export const TSS_SELECTOR = 0x40;
/** First of the three GDT entries for thread-local storage. */
export const TLS_FIRST = 12;

/** Doorway offsets: gates 0 to 255 lead to offset = vector. */
export const ENTRY_SYSCALL = 0x400;
export const ENTRY_SYSENTER = 0x408;
/** Vector by which the processor leaves a task whose time is up. */
export const TIMER_VECTOR = 0xf0;
export const SYSTEM_CALL_VECTOR = 0x80;

const PRESENT_WRITABLE = 3n;
const GLOBAL = 0x100n;
const TSS_LIMIT = 0x67;

/** Linear address of a kernel page. */
export function kernelAddress(page: number): bigint {
  return KERNEL_BASE + BigInt(page << 12);
}

export const GDT = { address: kernelAddress(GDT_PAGE), limit: 16 * 8 - 1, physical: GDT_PAGE << 12 };
export const IDT = { address: kernelAddress(IDT_PAGE), limit: 0xfff };
/** Where the processor pushes: the top of the stack page. */
export const STACK_TOP = { address: kernelAddress(STACK_PAGE + 1), physical: (STACK_PAGE + 1) << 12 };

/** Writes the tables into memory. */
export function writeKernelRegion(memory: DataView): void {
  writePageTables(memory);
  const quad = (page: number, offset: number, value: bigint) => memory.setBigUint64((page << 12) + offset, value, true);
  quad(GDT_PAGE, KERNEL_CODE, 0x00af9b00_0000ffffn);
  quad(GDT_PAGE, KERNEL_DATA, 0x00cf9300_0000ffffn);
  quad(GDT_PAGE, USER_CODE_32 & ~7, 0x00cffb00_0000ffffn);
  quad(GDT_PAGE, USER_DATA & ~7, 0x00cff300_0000ffffn);
  quad(GDT_PAGE, USER_CODE & ~7, 0x00affb00_0000ffffn);
  const tss = kernelAddress(TSS_PAGE);
  const [low, middle, high] = [tss & 0xffffffn, (tss >> 24n) & 0xffn, tss >> 32n];
  quad(GDT_PAGE, TSS_SELECTOR, BigInt(TSS_LIMIT) | (low << 16n) | (0x89n << 40n) | (middle << 56n));
  quad(GDT_PAGE, TSS_SELECTOR + 8, high & 0xffff_ffffn);
  for (let vector = 0; vector < 256; vector++) {
    const offset = kernelAddress(DOORWAY_PAGE) + BigInt(vector);
    // INT3, INTO and the system call may be used by programs
    const level = vector === 3 || vector === 4 || vector === SYSTEM_CALL_VECTOR ? 3n : 0n;
    const access = 0x8e00n | (level << 13n);
    const gate =
      (offset & 0xffffn) | (BigInt(KERNEL_CODE) << 16n) | (access << 32n) | (((offset >> 16n) & 0xffffn) << 48n);
    quad(IDT_PAGE, 16 * vector, gate);
    quad(IDT_PAGE, 16 * vector + 8, offset >> 32n);
  }
  quad(TSS_PAGE, 4, STACK_TOP.address);
  memory.setUint16((TSS_PAGE << 12) + 0x66, TSS_LIMIT + 1, true);
}

/** Maps the kernel's pages into a page-map level 4. */
export function mapKernel(memory: DataView, pml4: number): void {
  memory.setBigUint64(pml4 + 511 * 8, BigInt(TABLE_PAGES << 12) | PRESENT_WRITABLE, true);
}

function writePageTables(memory: DataView): void {
  const entry = (page: number, index: number, value: bigint) =>
    memory.setBigUint64((page << 12) + 8 * index, value, true);
  const table = (page: number) => BigInt(page << 12) | PRESENT_WRITABLE;
  entry(TABLE_PAGES, 510, table(TABLE_PAGES + 1));
  entry(TABLE_PAGES + 1, 0, table(TABLE_PAGES + 2));
  for (const page of [GDT_PAGE, IDT_PAGE, TSS_PAGE, STACK_PAGE, DOORWAY_PAGE])
    entry(TABLE_PAGES + 2, page, table(page) | GLOBAL);
  mapKernel(memory, BOOT_PML4_PAGE << 12);
  entry(BOOT_PML4_PAGE, 0, table(IDENTITY_PAGES));
  entry(IDENTITY_PAGES, 0, table(IDENTITY_PAGES + 1));
  entry(IDENTITY_PAGES + 1, 0, 0x83n);
}
