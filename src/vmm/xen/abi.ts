// Constants and structure layouts of Xen's 32-bit, two-level-paging interface, guest string "xen-3.0-x86_32".
// Truth: Xen public headers "xen.h", "arch-x86/xen.h", "arch-x86/xen-x86_32.h" (non-PAE bounds), "sched.h", "memory.h",
// "event_channel.h", "vcpu.h", "version.h", "features.h", "callback.h", "physdev.h", "grant_table.h".

// ---- Addresses and segments
/** The hypervisor's part of every address space starts here ("__HYPERVISOR_VIRT_START_NONPAE"). */
export const HYPERVISOR_VIRT_START = 0xfc00_0000;
/** The read-only machine-to-physical table. */
export const MACH2PHYS_VIRT_START = 0xfc00_0000;
export const MACH2PHYS_VIRT_END = 0xfc40_0000;
/** First directory entry that belongs to the hypervisor. */
export const HYPERVISOR_FIRST_SLOT = HYPERVISOR_VIRT_START >>> 22;

export const FLAT_RING1_CS = 0xe019;
export const FLAT_RING1_DS = 0xe021;
export const FLAT_RING3_CS = 0xe02b;
export const FLAT_RING3_DS = 0xe033;
/** Pages of the GDT the guest can fill; the page after them is the hypervisor's. */
export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_ENTRY = FIRST_RESERVED_GDT_PAGE * 512;

/** What a domain calls itself. */
export const DOMID_SELF = 0x7ff0;
/** Highest event channel + 1 of the two-level interface on 32 bits. */
export const EVENT_CHANNELS = 1024;

export const GUEST_MAGIC = 'xen-3.0-x86_32';
export const XEN_VERSION = (3 << 16) | 4;

// ---- start_info
export const START_INFO = {
  magic: 0,
  nrPages: 32,
  sharedInfo: 36,
  flags: 40,
  storeMfn: 44,
  storeEventChannel: 48,
  consoleMfn: 52,
  consoleEventChannel: 56,
  ptBase: 60,
  nrPtFrames: 64,
  mfnList: 68,
  modStart: 72,
  modLength: 76,
  commandLine: 80,
  commandLineSize: 1024,
  firstP2mPfn: 1104,
  nrP2mFrames: 1108,
} as const;

// ---- shared_info
export const SHARED_INFO = {
  vcpuInfo: 0,
  vcpuInfoSize: 64,
  eventPending: 2048,
  eventMask: 2176,
  wallClockVersion: 2304,
  wallClockSeconds: 2308,
  wallClockNanoseconds: 2312,
  archMaxPfn: 2316,
  archPfnToMfnFrameListList: 2320,
  archNmiReason: 2324,
} as const;

export const VCPU_INFO = {
  upcallPending: 0,
  upcallMask: 1,
  pendingSelector: 4,
  archCr2: 8,
  time: 32,
} as const;

export const TIME_INFO = {
  version: 0,
  tscTimestamp: 8,
  systemTime: 16,
  tscToSystemMultiplier: 24,
  tscShift: 28,
} as const;

// ---- Structures passed by hypercalls: sizes
export const TRAP_INFO_SIZE = 8;
/** trap_info.flags: bits 1:0 least privileged ring that may INT n, bit 2 events are masked on entry. */
export const TRAP_MASKS_EVENTS = 4;
export const MMU_UPDATE_SIZE = 16;
export const MMUEXT_OP_SIZE = 12;
export const MULTICALL_ENTRY_SIZE = 32;
/** Count argument of mmu_update and mmuext_op, preemption bit. */
export const MMU_UPDATE_PREEMPTED = 0x8000_0000;

// ---- mmu_update commands (low two bits of the pointer)
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 1;
export const MMU_PT_UPDATE_PRESERVE_AD = 2;

// ---- mmuext_op commands
export const MMUEXT_PIN_L1_TABLE = 0;
export const MMUEXT_PIN_L2_TABLE = 1;
export const MMUEXT_UNPIN_TABLE = 4;
export const MMUEXT_NEW_BASEPTR = 5;
export const MMUEXT_TLB_FLUSH_LOCAL = 6;
export const MMUEXT_INVLPG_LOCAL = 7;
export const MMUEXT_TLB_FLUSH_MULTI = 8;
export const MMUEXT_INVLPG_MULTI = 9;
export const MMUEXT_TLB_FLUSH_ALL = 10;
export const MMUEXT_INVLPG_ALL = 11;
export const MMUEXT_FLUSH_CACHE = 12;
export const MMUEXT_SET_LDT = 13;
export const MMUEXT_CLEAR_PAGE = 16;
export const MMUEXT_COPY_PAGE = 17;

/** Names for counters and traces. */
export const MMUEXT_NAMES: Readonly<Record<number, string>> = {
  [MMUEXT_PIN_L1_TABLE]: 'pin_l1_table',
  [MMUEXT_PIN_L2_TABLE]: 'pin_l2_table',
  2: 'pin_l3_table',
  3: 'pin_l4_table',
  [MMUEXT_UNPIN_TABLE]: 'unpin_table',
  [MMUEXT_NEW_BASEPTR]: 'new_baseptr',
  [MMUEXT_TLB_FLUSH_LOCAL]: 'tlb_flush_local',
  [MMUEXT_INVLPG_LOCAL]: 'invlpg_local',
  [MMUEXT_TLB_FLUSH_MULTI]: 'tlb_flush_multi',
  [MMUEXT_INVLPG_MULTI]: 'invlpg_multi',
  [MMUEXT_TLB_FLUSH_ALL]: 'tlb_flush_all',
  [MMUEXT_INVLPG_ALL]: 'invlpg_all',
  [MMUEXT_FLUSH_CACHE]: 'flush_cache',
  [MMUEXT_SET_LDT]: 'set_ldt',
  15: 'new_user_baseptr',
  [MMUEXT_CLEAR_PAGE]: 'clear_page',
  [MMUEXT_COPY_PAGE]: 'copy_page',
};

// ---- update_va_mapping flags
export const UVMF_TLB_FLUSH = 1;
export const UVMF_INVLPG = 2;
export const UVMF_FLUSH_TYPE = 3;

// ---- sched_op
export const SCHEDOP_YIELD = 0;
export const SCHEDOP_BLOCK = 1;
export const SCHEDOP_SHUTDOWN = 2;
export const SCHEDOP_POLL = 3;
export const SHUTDOWN_POWEROFF = 0;
export const SHUTDOWN_REBOOT = 1;
export const SHUTDOWN_SUSPEND = 2;
export const SHUTDOWN_CRASH = 3;

// ---- event channels
export const VIRQ_TIMER = 0;
export const VIRQ_DEBUG = 1;
export const VIRQ_CONSOLE = 2;
export const VIRQS = 24;
export const EVTCHNOP_BIND_INTERDOMAIN = 0;
export const EVTCHNOP_BIND_VIRQ = 1;
export const EVTCHNOP_BIND_PIRQ = 2;
export const EVTCHNOP_CLOSE = 3;
export const EVTCHNOP_SEND = 4;
export const EVTCHNOP_STATUS = 5;
export const EVTCHNOP_ALLOC_UNBOUND = 6;
export const EVTCHNOP_BIND_IPI = 7;
export const EVTCHNOP_BIND_VCPU = 8;
export const EVTCHNOP_UNMASK = 9;
export const EVTCHNOP_RESET = 10;
export const EVTCHNSTAT_CLOSED = 0;
export const EVTCHNSTAT_UNBOUND = 1;
export const EVTCHNSTAT_INTERDOMAIN = 2;
export const EVTCHNSTAT_VIRQ = 4;
export const EVTCHNSTAT_IPI = 5;

// ---- console_io
export const CONSOLEIO_WRITE = 0;
export const CONSOLEIO_READ = 1;

// ---- xen_version
export const XENVER_VERSION = 0;
export const XENVER_EXTRAVERSION = 1;
export const XENVER_CAPABILITIES = 3;
export const XENVER_CHANGESET = 4;
export const XENVER_PLATFORM_PARAMETERS = 5;
export const XENVER_GET_FEATURES = 6;
export const XENVER_PAGESIZE = 7;
export const XENVER_GUEST_HANDLE = 8;
export const XENFEAT_MMU_PT_UPDATE_PRESERVE_AD = 5;

// ---- memory_op
export const XENMEM_INCREASE_RESERVATION = 0;
export const XENMEM_DECREASE_RESERVATION = 1;
export const XENMEM_MAXIMUM_RAM_PAGE = 2;
export const XENMEM_CURRENT_RESERVATION = 3;
export const XENMEM_MAXIMUM_RESERVATION = 4;
export const XENMEM_POPULATE_PHYSMAP = 6;
export const XENMEM_MEMORY_MAP = 9;
export const XENMEM_MACHPHYS_MAPPING = 12;

// ---- callback_op
export const CALLBACKOP_REGISTER = 0;
export const CALLBACKOP_UNREGISTER = 1;
export const CALLBACKTYPE_EVENT = 0;
export const CALLBACKTYPE_FAILSAFE = 1;

// ---- vcpu_op
export const VCPUOP_IS_UP = 3;
export const VCPUOP_GET_RUNSTATE_INFO = 4;
export const VCPUOP_SET_PERIODIC_TIMER = 6;
export const VCPUOP_STOP_PERIODIC_TIMER = 7;
export const VCPUOP_SET_SINGLESHOT_TIMER = 8;
export const VCPUOP_STOP_SINGLESHOT_TIMER = 9;

// ---- physdev_op
export const PHYSDEVOP_SET_IOPL = 6;
export const PHYSDEVOP_SET_IOBITMAP = 7;

// ---- vm_assist
export const VMASST_CMD_ENABLE = 0;
export const VMASST_CMD_DISABLE = 1;
export const VMASST_TYPE_4GB_SEGMENTS = 0;
export const VMASST_TYPE_WRITABLE_PAGETABLES = 2;

// ---- grant_table_op
export const GNTTABOP_SETUP_TABLE = 2;
export const GNTTABOP_QUERY_SIZE = 6;
