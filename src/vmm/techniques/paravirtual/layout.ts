// Where the hypervisor's things lie: host-physical memory below 16 MiB, and the linear region from 0xfc000000 up that is
// in every address space. The guest can read the machine-to-physical table; its segments end behind that table, so the
// rest is out of reach of rings 1 and 3 by segmentation (Barham et al. 2003, section 3.3; non-PAE bounds of Xen's
// public header "arch-x86/xen-x86_32.h").

import { MACH2PHYS_VIRT_END, MACH2PHYS_VIRT_START } from '../../xen/abi.ts';

/** First byte that guest segments cannot reach. */
export const GUEST_SEGMENT_END = MACH2PHYS_VIRT_END;

/** The machine-to-physical table: a u32 for every machine frame up to 3 GiB. */
export const M2P_LINEAR = MACH2PHYS_VIRT_START;
export const M2P_PHYSICAL = 0x0010_0000;
/** The frame table: two u32 for every machine frame. */
export const FRAME_TABLE_PHYSICAL = 0x0080_0000;

/** One large page with the hypervisor's own data. */
export const XEN_LINEAR = 0xfc40_0000;
export const XEN_PHYSICAL = 0x0040_0000;
export const IDT_OFFSET = 0x0000;
export const TSS_OFFSET = 0x1000;
export const DOORWAY_OFFSET = 0x2000;
/** Ring-0 stack; the guest's registers as the gate pushed them end at its top. */
export const STACK_TOP_OFFSET = 0x8000;
/** The hypervisor's page of every GDT. */
export const GDT_PAGE_OFFSET = 0x8000;
/** Page table of the machine-to-physical region. */
export const M2P_TABLE_OFFSET = 0x9000;
/** Page table of the per-domain region. */
export const DOMAIN_TABLE_OFFSET = 0xa000;
/** The shared_info page. */
export const SHARED_INFO_OFFSET = 0xb000;

/** Per-domain region: the frames of the guest's GDT and the hypervisor's GDT page, then 16 pages of LDT. */
export const DOMAIN_LINEAR = 0xfc80_0000;
export const GDT_LINEAR = DOMAIN_LINEAR;
export const LDT_LINEAR = DOMAIN_LINEAR + 0x1_0000;
export const LDT_PAGES = 16;

/** Linear address in the hypervisor's large page. */
export const xenLinear = (offset: number): number => (XEN_LINEAR + offset) >>> 0;
/** Host-physical address in the hypervisor's large page. */
export const xenPhysical = (offset: number): number => XEN_PHYSICAL + offset;

/** Machine frame of shared_info. */
export const SHARED_INFO_MFN = xenPhysical(SHARED_INFO_OFFSET) >>> 12;

// The hypervisor's selectors, in its page of the GDT.
export const XEN_CS = 0xe008;
export const XEN_DS = 0xe010;
export const XEN_TSS = 0xe040;
export const XEN_LDT = 0xe048;

// Registers of the interrupted guest, as the CPU pushed them on entry from ring 1 or 3.
export const FRAME_SS = xenLinear(STACK_TOP_OFFSET - 4);
export const FRAME_ESP = xenLinear(STACK_TOP_OFFSET - 8);
export const FRAME_EFLAGS = xenLinear(STACK_TOP_OFFSET - 12);
export const FRAME_CS = xenLinear(STACK_TOP_OFFSET - 16);
export const FRAME_EIP = xenLinear(STACK_TOP_OFFSET - 20);
export const FRAME_ERROR = xenLinear(STACK_TOP_OFFSET - 24);
/** An instruction to wait in (`hlt; jmp $-1`) and bytes for descriptor-table operands. */
export const IDLE_OFFSET = 0xc000;
/** What GDT pages map that the guest did not give: a page of zeroes. */
export const ZERO_PAGE_OFFSET = 0xd000;
/** Frames of the grant table. */
export const GRANT_TABLE_OFFSET = 0x10000;
export const GRANT_TABLE_FRAMES = 4;
export const GRANT_TABLE_MFN = xenPhysical(GRANT_TABLE_OFFSET) >>> 12;
