// Where the CPU's state lies in linear memory. Compiled by asc (constants fold into the core) and by tsc
// (src/cpu reads and writes the same addresses), so the two can never disagree. All registers are 64 bits wide
// whatever the mode: 16- and 32-bit modes are narrower views of them (SDM Vol. 1 "Basic Program Execution Registers").

/** General registers, u64 each, SDM order (rax rcx rdx rbx rsp rbp rsi rdi r8..r15); slot 16 is always zero. */
export const GPR = 0x1000;
/** Register slot that always reads as zero: "no base" and "no index" in a decoded address. */
export const ZERO_REGISTER = 16;
/** u64. Valid whenever the run loop is outside a block. */
export const RIP = 0x1090;
/** u64. The flags are lazy while the core runs; exports `syncFlags`/`loadFlags` move them here and back. */
export const RFLAGS = 0x1098;

/** Segment descriptor caches: ES CS SS DS FS GS TR LDTR, SEGMENT_STRIDE bytes each. */
export const SEGMENTS = 0x1100;
export const SEGMENT_STRIDE = 48;
export const SEGMENT_SELECTOR = 0; // u16 in a u32
/** VMX access-rights format (SDM Vol. 3 "Guest Register State"): type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16. */
export const SEGMENT_RIGHTS = 4; // u32
export const SEGMENT_BASE = 8; // u64
export const SEGMENT_LIMIT = 16; // u32, byte granular (already scaled)
/** Fast-path bound: an access of n bytes at effective address ea is legal if ea + n <= this. 0 = always take the slow check. */
export const SEGMENT_READ_END = 24; // u64
export const SEGMENT_WRITE_END = 32; // u64
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const TR = 6;
export const LDTR = 7;

export const GDTR_BASE = 0x1300; // u64
export const GDTR_LIMIT = 0x1308; // u32
export const IDTR_BASE = 0x1310; // u64
export const IDTR_LIMIT = 0x1318; // u32
export const CR0 = 0x1320; // u64 each
export const CR2 = 0x1328;
export const CR3 = 0x1330;
export const CR4 = 0x1338;
export const CR8 = 0x1340;
export const EFER = 0x1348;
/** DR0..DR7, u64 each. */
export const DR = 0x1350;
/** The four PAE page-directory-pointer entries, loaded with CR3 (SDM Vol. 3 "PDPTE Registers"). */
export const PDPTE = 0x1390; // 4 x u64
export const CPL = 0x13b0; // u32
/** Interruptibility, VMX format: bit 0 STI blocking, 1 MOV SS blocking, 3 NMI blocking. */
export const INTERRUPTIBILITY = 0x13b4; // u32
/** VMX activity state: 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI. */
export const ACTIVITY = 0x13b8; // u32
/** Level of the INTR line (PIC or LAPIC output), set by the machine. */
export const INTR_LINE = 0x13bc; // u32
/** Edge-triggered NMI request, set by the machine, cleared on delivery. */
export const NMI_PENDING = 0x13c0; // u32
/** Pending debug exceptions, DR6 format. */
export const PENDING_DEBUG = 0x13c4; // u32
/** Physical page number of the doorway + 1, 0 for none. */
export const DOORWAY_PAGE = 0x13c8; // u32
/** 1 between MONITOR and the MWAIT that uses it, 2 while that MWAIT waits. */
export const MONITOR_ARMED = 0x13cc; // u32
/** Physical address mask (A20 gate): all ones when A20 is open. */
export const A20_MASK = 0x13d0; // u64

// System-management mode (asm/system/smm.ts).
/** 1 in system-management mode. */
export const SMM = 0x13e0; // u32
/** Base address of SMRAM: the handler starts at SMBASE + 8000H. */
export const SMBASE = 0x13e4; // u32
/** Edge-triggered SMI request, set by the machine, cleared when it is taken. */
export const SMI_PENDING = 0x13e8; // u32
/** Where the SMI came from, kept in the processor: VMX_ROOT, CR4.VMXE, whether it was halted; the TLB's context. */
export const SMM_ORIGIN = 0x13ec; // u32
export const SMM_VPID = 0x13f0; // u32
/** What RSM found wrong, 0 for nothing: the processor has shut down then. */
export const SMM_FAILED = 0x13f4; // u32
export const SMM_EPT_ROOT = 0x13f8; // u64

export const MSR_TSC_OFFSET = 0x1400; // u64: TSC = cycles + offset
export const MSR_APIC_BASE = 0x1408;
export const MSR_SYSENTER_CS = 0x1410;
export const MSR_SYSENTER_ESP = 0x1418;
export const MSR_SYSENTER_EIP = 0x1420;
export const MSR_PAT = 0x1428;
export const MSR_MISC_ENABLE = 0x1430;
export const MSR_FEATURE_CONTROL = 0x1438;
export const MSR_DEBUGCTL = 0x1440;
export const MSR_STAR = 0x1448;
export const MSR_LSTAR = 0x1450;
export const MSR_CSTAR = 0x1458;
export const MSR_FMASK = 0x1460;
export const MSR_KERNEL_GS_BASE = 0x1468;
export const MSR_TSC_AUX = 0x1470;
export const MSR_MTRR = 0x1478; // 32 x u64: default type, 8 variable pairs, 11 fixed
/** Last-branch records, u64 each: four sources, four targets, the number of the newest; the branch before the last event. */
export const MSR_LBR_FROM = 0x1578;
export const MSR_LBR_TO = 0x1598;
export const MSR_LBR_TOP = 0x15b8;
export const MSR_LER_FROM = 0x15c0;
export const MSR_LER_TO = 0x15c8;
export const MSR_TSC_ADJUST = 0x15d0;
/** Machine-check architecture: global status, control of the one bank. */
export const MSR_MCG_STATUS = 0x15d8;
export const MSR_MC0_CTL = 0x15e0;
/** What IA32_TSC_DEADLINE reads: 0 when the local APIC's timer waits for no moment. */
export const MSR_TSC_DEADLINE = 0x15e8;

// Time is retired instructions and modelled cycles. Exact whenever the run loop is outside a block.
export const INSTRUCTIONS = 0x1600; // u64 retired instructions
export const CYCLES = 0x1608; // u64 modelled cycles
/** Cycle count at which `run` returns (an instruction starts only while CYCLES < this). */
export const CYCLE_DEADLINE = 0x1610; // u64
/** Instruction count at which `run` returns. */
export const INSTRUCTION_DEADLINE = 0x1618; // u64

// Why `run` returned.
export const STOP_REASON = 0x1620; // u32, STOP_*
export const STOP_ARGUMENT = 0x1624; // u32: doorway entry number; vector for STOP_SHUTDOWN
export const STOP_DEADLINE = 0;
/** HLT with nothing to wake it. The machine advances virtual time to the next event. */
export const STOP_HALT = 1;
/** An instruction was fetched from the doorway page; STOP_ARGUMENT is the offset in it. RIP still points there. */
export const STOP_DOORWAY = 2;
/** Triple fault outside VMX non-root operation. EXCEPTION_LOG holds the chain. */
export const STOP_SHUTDOWN = 3;
/** VMX abort (SDM Vol. 3 "VMX Aborts"). */
export const STOP_VMX_ABORT = 4;
/** A request from the host, see `requestStop`. */
export const STOP_REQUEST = 5;
/** The processor lets others run: it is ahead of them and has to wait, it spins, or it woke one. */
export const STOP_YIELD = 6;
/** u32: bits that make `run` return after this instruction, set by the host (from a device callback) or by the core. */
export const STOP_REQUESTED = 0x1628;
export const REQUEST_STOP = 1;
export const REQUEST_YIELD = 2;

/** The last 8 exceptions raised: {u32 vector, u32 error, u64 rip, u64 cr2}, ring; EXCEPTION_LOG_NEXT counts all. */
export const EXCEPTION_LOG = 0x1640;
export const EXCEPTION_LOG_STRIDE = 24;
export const EXCEPTION_LOG_NEXT = 0x1700; // u32

// The last I/O instruction, as an SMI behind it reports it (asm/system/io-restart.ts).
export const IO_STATE = 0x1710; // u32
export const IO_RETIRED = 0x1718; // u64: instructions retired before it
export const IO_AFTER = 0x1720; // u64: RIP behind it
export const IO_MEMORY = 0x1728; // u64
export const IO_RIP = 0x1730; // u64 each: RIP, RCX, RSI, RDI in front of it

/** u64 x 256: deliveries through the IDT per vector. */
export const COUNT_VECTORS = 0x1800;
/** u64 x 80: VM exits per basic exit reason. */
export const COUNT_VM_EXITS = 0x2000;
/** u64 each. */
export const COUNT_TLB_MISSES = 0x2280;
export const COUNT_WALK_REFERENCES = 0x2288;
export const COUNT_EPT_REFERENCES = 0x2290;
export const COUNT_BLOCKS_DECODED = 0x2298;
export const COUNT_BLOCKS_INVALIDATED = 0x22a0;
export const COUNT_TLB_FLUSHES = 0x22a8;
/** Instructions retired at CPL 3, and in VMX non-root operation. */
export const COUNT_USER_INSTRUCTIONS = 0x22b0;
export const COUNT_NON_ROOT_INSTRUCTIONS = 0x22b8;

/** u32 x 128: cycles per cost class (src/isa/cost-classes.ts numbers them). Changing one needs `flushBlocks`. */
export const COSTS = 0x2400;

/** 16 bytes: an instruction for `inject` to execute. */
export const INJECT_BUFFER = 0x2600;
/** Result of core calls that can fault: -1 or the vector, then the error code. */
export const CALL_FAULT = 0x2610; // i32
export const CALL_FAULT_ERROR = 0x2614; // u32

// VMX (asm/vmx). Persistent state first; more private fields may follow up to 0x2fff.
export const VMX_ROOT = 0x2700; // u32: 0 = VMX off, 1 = root, 2 = non-root
export const VMX_ON_POINTER = 0x2708; // u64
export const VMX_CURRENT = 0x2710; // u64 current-VMCS pointer, all ones for none
/** Name of the VM-entry check that failed last (src/cpu/entry-checks numbers), 0 for none. */
export const VMX_FAILED_CHECK = 0x2718; // u32
export const VMX_PRIVATE = 0x2720;

// The processor model: what is legal on it, written by the host before RESET (src/cpu/model-area.ts) from the table of models.
/** Answers of CPUID: u32 number of rows, highest basic leaf, highest extended leaf, 0; rows of u32 leaf, subleaf, EAX to EDX. */
export const MODEL = 0x3000;
export const MODEL_ROWS = 0x3010;
export const MODEL_ROW_SIZE = 24;
/** Subleaf of a row whose leaf does not look at ECX. */
export const MODEL_ANY_SUBLEAF = 0xffffffff;
/** u8 x 128: 1 for each feature it has, by number (asm/gen/features.ts); number 0, "no feature needed", is always 1. */
export const MODEL_FEATURES = 0x3600;
/** u64: bits of CR4 and EFER that may be set. */
export const MODEL_CR4 = 0x3680;
export const MODEL_EFER = 0x3688;
/** u64: bits of EFLAGS that exist on some models only. */
export const MODEL_EFLAGS = 0x3690;
/** u32: EDX after RESET. */
export const MODEL_SIGNATURE = 0x3698;
/** The MSRs it has: u32 number of ranges, then pairs of u32 first, last. */
export const MODEL_MSRS = 0x3700;

/** x87 registers R0..R7 (physical, not relative to TOP), 16 bytes each: u64 significand, u16 sign and exponent. */
export const X87 = 0x3c00;
/** XMM0..XMM15, 16 bytes each. */
export const XMM = 0x3c80;
export const FPU_CONTROL = 0x3d80; // u16
/** u16, TOP included. */
export const FPU_STATUS = 0x3d84;
/** u8, abridged as FXSAVE has it: bit i is set when physical register i is not empty. */
export const FPU_TAGS = 0x3d88;
export const MXCSR = 0x3d8c; // u32
export const FPU_OPCODE = 0x3d90; // u16
export const FPU_CS = 0x3d94; // u16
export const FPU_IP = 0x3d98; // u64
export const FPU_DP = 0x3da0; // u64
export const FPU_DS = 0x3da8; // u16
/** u32: level of the FERR# pin (to IRQ 13 on a PC): an unmasked x87 exception is reported while CR0.NE is clear. */
export const FPU_FERR = 0x3dac;
/** u32: level of the IGNNE# pin, set by the machine: x87 instructions go on in spite of a pending exception. */
export const FPU_IGNNE = 0x3db0;

// One processor among several (asm/processors).
/** u32: which one this is, from 0; its initial APIC ID. */
export const PROCESSOR = 0x3e80;
/** u32: how many there are. */
export const PROCESSORS = 0x3e84;
/** u64: INIT and start-up messages that arrived: u32 1 = INIT; u32 STARTUP_VALID | vector. */
export const INIT_PENDING = 0x3e88;
export const STARTUP_PENDING = 0x3e8c;
export const STARTUP_VALID = 0x100;
/** u64: physical address of the 64 bytes that MONITOR watches while MONITOR_ARMED is not 0. */
export const MONITOR_LINE = 0x3e90;
/** u64: cycle count of the running processor that is furthest behind, all ones while no other runs. Set by the machine. */
export const OTHERS_TIME = 0x3e98;
/** u32: bit n = processor n was woken by a write to memory. Shared; the machine clears it. */
export const WOKEN = 0x3ea0;

/** Extended control register 0, u64: state components that XSAVE and its kin manage. */
export const XCR0 = 0x3f00;
/** State of the generator behind RDRAND and RDSEED, u64; the host seeds it. RESET leaves it alone. */
export const RANDOM_STATE = 0x3f08;

/** All of the state above is one contiguous area: [STATE_BASE, STATE_END) is what a snapshot saves of the core. */
export const STATE_BASE = 0x1000;
export const STATE_END = 0x4000;

/**
 * The TLB is banks, one an address-space context: six direct-mapped arrays (read, write, fetch; supervisor, user) of
 * TLB_ENTRIES entries {u64 tag, u64 addend}. What is filled together lies together: the slots of reads and writes, 64 bytes
 * with the entries for reading and writing of the supervisor and of users, then those of fetches, 32 bytes. Behind them are an
 * attribute byte an entry, in the same order, and a header. CPU n owns banks BANKS_PER_CPU * n and following.
 */
export const TLB_BANKS = 0x80000;
export const TLB_BANK_SIZE = 0x1a000;
export const NUMBER_OF_BANKS = 32;
export const BANKS_PER_CPU = 4;
export const TLB_ENTRIES = 1024;
export const TLB_ENTRY_SIZE = 16;
/** Offsets in the slot of reads and writes: the entry for writing; those of users. */
export const TLB_WRITE = 0x10;
export const TLB_USER = 0x20;
/** Offsets in a bank: the slots of fetches, in them the entry of users. */
export const TLB_FETCH = 0x10000;
export const TLB_FETCH_USER = 0x10;
/** The attribute bytes, the header, the fields of the header. */
export const BANK_ATTRIBUTES = 0x18000;
export const BANK_HEADER = 0x19800;
export const BANK_IN_USE = 0x19800; // u32: 0 = the bank has never held a translation, its contents are undefined
export const BANK_VPID = 0x19804; // u32
export const BANK_PCID = 0x19808; // u32
export const BANK_HUGE = 0x1980c; // u32: 1 = it may hold parts of 1 GiB pages
export const BANK_EPT_ROOT = 0x19810; // u64: physical address of the EPT PML4 table, 0 for none
export const BANK_USED_AT = 0x19818; // u64: TLB_CLOCK when the context was last selected
export const BANK_MODE = 0x19820; // u32: the paging mode it was filled in
/** 1024 bits, by bits 31:22 of the linear address: 1 = it may hold parts of 2 MiB or 4 MiB pages there. */
export const BANK_LARGE = 0x19880;
export const BANK_HEADER_END = 0x19900;
/** Per bank: which of its entries are in use (asm/tlb-banks.ts). */
export const TLB_USED_MAPS = 0x3c0000;
export const TLB_USED_MAPS_END = 0x3e0000;

/** TLB state of the CPU that runs: its first bank, the current one (u32 each), and the context: VPID (u32), EPT root (u64). */
export const TLB_FIRST_BANK = 0x3e00;
export const TLB_CURRENT_BANK = 0x3e04;
export const TLB_VPID = 0x3e08;
export const TLB_EPT_ROOT = 0x3e10;
/** u64: counts selections of contexts, so that the least recently used bank is known. */
export const TLB_CLOCK = 0x3e18;

/** Several processors: the state of those that are not in the state area, at the same offsets from here on. */
export const PROCESSOR_SLOTS = 0x3e0000;
export const PROCESSOR_SLOT_SIZE = 0x3000;
export const MAX_PROCESSORS = 8;

/** asc statics start here (--memoryBase). */
export const STATICS = 0x40000;
/** Block headers, decoded records, hash tables (asm/blocks.ts lays this out). */
export const CODE_CACHE = 0x400000;
export const CODE_CACHE_END = 0x2000000;
/** Per physical page of RAM: kind (1 byte), code chunks (u64), first block (u32); asm/physical.ts lays this out for up to 4 GiB - 1 MiB of RAM. */
export const PAGE_TABLES = 0x2000000;
/** Guest-physical 0 lies here. */
export const RAM = 0x3000000;

/** PAGE_KIND values, one byte per physical page. */
export const PAGE_RAM = 0;
export const PAGE_MMIO = 1;
export const PAGE_ROM = 2;

/** High half of a 64-bit result of a core call that returns u32. */
export const CALL_RESULT_HIGH = 0x2618;
/** `notSupported` codes: what was met that this version does not have. */
export const NOT_SUPPORTED_INSTRUCTION = 1;
export const NOT_SUPPORTED_MSR = 6;
