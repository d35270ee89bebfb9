// VMCS field encodings (SDM Vol. 3D "Field Encoding in VMCS"). Compiled by asc and by tsc, like layout.ts. An encoding
// tells everything about its field: bit 0 high half, 9:1 index, 11:10 type (control, exit information, guest state,
// host state), 14:13 width (16, 64, 32 bits, natural). Segment fields come in the order ES CS SS DS FS GS LDTR TR.

export const F_VPID = 0x0000;

export const F_GUEST_SELECTOR = 0x0800; // + 2 * segment
export const F_HOST_SELECTOR = 0x0c00; // + 2 * (ES CS SS DS FS GS TR)
export const F_HOST_TR_SELECTOR = 0x0c0c;

export const F_IO_BITMAP_A = 0x2000;
export const F_IO_BITMAP_B = 0x2002;
export const F_MSR_BITMAP = 0x2004;
export const F_EXIT_MSR_STORE = 0x2006;
export const F_EXIT_MSR_LOAD = 0x2008;
export const F_ENTRY_MSR_LOAD = 0x200a;
export const F_EXECUTIVE_VMCS = 0x200c;
export const F_TSC_OFFSET = 0x2010;
export const F_VIRTUAL_APIC = 0x2012;
export const F_APIC_ACCESS = 0x2014;
export const F_EPTP = 0x201a;
export const F_GUEST_PHYSICAL = 0x2400;
export const F_VMCS_LINK = 0x2800;
export const F_GUEST_DEBUGCTL = 0x2802;
export const F_GUEST_PAT = 0x2804;
export const F_GUEST_EFER = 0x2806;
export const F_GUEST_PDPTE = 0x280a; // + 2 * n
export const F_HOST_PAT = 0x2c00;
export const F_HOST_EFER = 0x2c02;

export const F_PIN_CONTROLS = 0x4000;
export const F_PRIMARY_CONTROLS = 0x4002;
export const F_EXCEPTION_BITMAP = 0x4004;
export const F_PF_ERROR_MASK = 0x4006;
export const F_PF_ERROR_MATCH = 0x4008;
export const F_CR3_TARGET_COUNT = 0x400a;
export const F_EXIT_CONTROLS = 0x400c;
export const F_EXIT_MSR_STORE_COUNT = 0x400e;
export const F_EXIT_MSR_LOAD_COUNT = 0x4010;
export const F_ENTRY_CONTROLS = 0x4012;
export const F_ENTRY_MSR_LOAD_COUNT = 0x4014;
export const F_ENTRY_INTERRUPTION = 0x4016;
export const F_ENTRY_ERROR_CODE = 0x4018;
export const F_ENTRY_LENGTH = 0x401a;
export const F_TPR_THRESHOLD = 0x401c;
export const F_SECONDARY_CONTROLS = 0x401e;
export const F_INSTRUCTION_ERROR = 0x4400;
export const F_EXIT_REASON = 0x4402;
export const F_EXIT_INTERRUPTION = 0x4404;
export const F_EXIT_ERROR_CODE = 0x4406;
export const F_IDT_VECTORING = 0x4408;
export const F_IDT_VECTORING_ERROR = 0x440a;
export const F_EXIT_LENGTH = 0x440c;
export const F_EXIT_INFORMATION = 0x440e;
export const F_GUEST_LIMIT = 0x4800; // + 2 * segment
export const F_GUEST_GDTR_LIMIT = 0x4810;
export const F_GUEST_IDTR_LIMIT = 0x4812;
export const F_GUEST_RIGHTS = 0x4814; // + 2 * segment
export const F_GUEST_INTERRUPTIBILITY = 0x4824;
export const F_GUEST_ACTIVITY = 0x4826;
export const F_GUEST_SMBASE = 0x4828;
export const F_GUEST_SYSENTER_CS = 0x482a;
export const F_PREEMPTION_TIMER = 0x482e;
export const F_HOST_SYSENTER_CS = 0x4c00;

export const F_CR0_MASK = 0x6000;
export const F_CR4_MASK = 0x6002;
export const F_CR0_SHADOW = 0x6004;
export const F_CR4_SHADOW = 0x6006;
export const F_CR3_TARGET = 0x6008; // + 2 * n
export const F_QUALIFICATION = 0x6400;
export const F_GUEST_LINEAR = 0x640a;
export const F_GUEST_CR0 = 0x6800;
export const F_GUEST_CR3 = 0x6802;
export const F_GUEST_CR4 = 0x6804;
export const F_GUEST_BASE = 0x6806; // + 2 * segment
export const F_GUEST_GDTR_BASE = 0x6816;
export const F_GUEST_IDTR_BASE = 0x6818;
export const F_GUEST_DR7 = 0x681a;
export const F_GUEST_RSP = 0x681c;
export const F_GUEST_RIP = 0x681e;
export const F_GUEST_RFLAGS = 0x6820;
export const F_GUEST_PENDING_DEBUG = 0x6822;
export const F_GUEST_SYSENTER_ESP = 0x6824;
export const F_GUEST_SYSENTER_EIP = 0x6826;
export const F_HOST_CR0 = 0x6c00;
export const F_HOST_CR3 = 0x6c02;
export const F_HOST_CR4 = 0x6c04;
export const F_HOST_FS_BASE = 0x6c06;
export const F_HOST_GS_BASE = 0x6c08;
export const F_HOST_TR_BASE = 0x6c0a;
export const F_HOST_GDTR_BASE = 0x6c0c;
export const F_HOST_IDTR_BASE = 0x6c0e;
export const F_HOST_SYSENTER_ESP = 0x6c10;
export const F_HOST_SYSENTER_EIP = 0x6c12;
export const F_HOST_RSP = 0x6c14;
export const F_HOST_RIP = 0x6c16;

// Pin-based VM-execution controls.
export const PIN_EXTERNAL_INTERRUPT = 1 << 0;
export const PIN_NMI = 1 << 3;
export const PIN_VIRTUAL_NMIS = 1 << 5;
export const PIN_PREEMPTION_TIMER = 1 << 6;

// Primary processor-based VM-execution controls.
export const CPU_INTERRUPT_WINDOW = 1 << 2;
export const CPU_TSC_OFFSETTING = 1 << 3;
export const CPU_HLT = 1 << 7;
export const CPU_INVLPG = 1 << 9;
export const CPU_MWAIT = 1 << 10;
export const CPU_RDPMC = 1 << 11;
export const CPU_RDTSC = 1 << 12;
export const CPU_CR3_LOAD = 1 << 15;
export const CPU_CR3_STORE = 1 << 16;
export const CPU_CR8_LOAD = 1 << 19;
export const CPU_CR8_STORE = 1 << 20;
export const CPU_TPR_SHADOW = 1 << 21;
export const CPU_NMI_WINDOW = 1 << 22;
export const CPU_MOV_DR = 1 << 23;
export const CPU_UNCONDITIONAL_IO = 1 << 24;
export const CPU_IO_BITMAPS = 1 << 25;
export const CPU_MONITOR_TRAP = 1 << 27;
export const CPU_MSR_BITMAPS = 1 << 28;
export const CPU_MONITOR = 1 << 29;
export const CPU_PAUSE = 1 << 30;
export const CPU_SECONDARY = 1 << 31;

// Secondary processor-based VM-execution controls.
export const CPU2_APIC_ACCESSES = 1 << 0;
export const CPU2_EPT = 1 << 1;
export const CPU2_DESCRIPTOR_TABLE = 1 << 2;
export const CPU2_RDTSCP = 1 << 3;
export const CPU2_VPID = 1 << 5;
export const CPU2_WBINVD = 1 << 6;
export const CPU2_UNRESTRICTED_GUEST = 1 << 7;
export const CPU2_RDRAND = 1 << 11;
export const CPU2_INVPCID = 1 << 12;
export const CPU2_RDSEED = 1 << 16;

// VM-exit controls.
export const EXIT_SAVE_DEBUG = 1 << 2;
export const EXIT_HOST_64 = 1 << 9;
export const EXIT_ACKNOWLEDGE_INTERRUPT = 1 << 15;
export const EXIT_SAVE_PAT = 1 << 18;
export const EXIT_LOAD_PAT = 1 << 19;
export const EXIT_SAVE_EFER = 1 << 20;
export const EXIT_LOAD_EFER = 1 << 21;
export const EXIT_SAVE_PREEMPTION_TIMER = 1 << 22;

// VM-entry controls.
export const ENTRY_LOAD_DEBUG = 1 << 2;
export const ENTRY_IA32E = 1 << 9;
export const ENTRY_LOAD_PAT = 1 << 14;
export const ENTRY_LOAD_EFER = 1 << 15;

// Basic exit reasons (SDM Vol. 3D "VMX Basic Exit Reasons").
export const REASON_EXCEPTION_NMI = 0;
export const REASON_EXTERNAL_INTERRUPT = 1;
export const REASON_TRIPLE_FAULT = 2;
export const REASON_INIT = 3;
export const REASON_SIPI = 4;
export const REASON_INTERRUPT_WINDOW = 7;
export const REASON_NMI_WINDOW = 8;
export const REASON_TASK_SWITCH = 9;
export const REASON_CPUID = 10;
export const REASON_HLT = 12;
export const REASON_INVD = 13;
export const REASON_INVLPG = 14;
export const REASON_RDPMC = 15;
export const REASON_RDTSC = 16;
export const REASON_VMCALL = 18;
export const REASON_VMCLEAR = 19;
export const REASON_VMLAUNCH = 20;
export const REASON_VMPTRLD = 21;
export const REASON_VMPTRST = 22;
export const REASON_VMREAD = 23;
export const REASON_VMRESUME = 24;
export const REASON_VMWRITE = 25;
export const REASON_VMXOFF = 26;
export const REASON_VMXON = 27;
export const REASON_CR_ACCESS = 28;
export const REASON_MOV_DR = 29;
export const REASON_IO = 30;
export const REASON_RDMSR = 31;
export const REASON_WRMSR = 32;
export const REASON_INVALID_GUEST_STATE = 33;
export const REASON_MSR_LOADING = 34;
export const REASON_MWAIT = 36;
export const REASON_MONITOR_TRAP = 37;
export const REASON_MONITOR = 39;
export const REASON_PAUSE = 40;
export const REASON_TPR_BELOW_THRESHOLD = 43;
export const REASON_APIC_ACCESS = 44;
export const REASON_GDTR_IDTR = 46;
export const REASON_LDTR_TR = 47;
export const REASON_EPT_VIOLATION = 48;
export const REASON_EPT_MISCONFIGURATION = 49;
export const REASON_INVEPT = 50;
export const REASON_RDTSCP = 51;
export const REASON_PREEMPTION_TIMER = 52;
export const REASON_INVVPID = 53;
export const REASON_WBINVD = 54;
export const REASON_XSETBV = 55;
export const REASON_RDRAND = 57;
export const REASON_INVPCID = 58;
export const REASON_RDSEED = 61;
