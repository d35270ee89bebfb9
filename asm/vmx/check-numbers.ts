// Numbers of the VM-entry checks, in SDM order (SDM Vol. 3C "VM Entries"); src/cpu/entry-checks says what each one
// means. Compiled by asc and by tsc. VMX_FAILED_CHECK holds the number of the check that refused the last VM entry.

// VM-Execution Control Fields.
export const CHECK_PIN_RESERVED = 1;
export const CHECK_PRIMARY_RESERVED = 2;
export const CHECK_SECONDARY_RESERVED = 3;
export const CHECK_CR3_TARGETS = 4;
export const CHECK_IO_BITMAPS = 5;
export const CHECK_MSR_BITMAP = 6;
export const CHECK_VIRTUAL_APIC = 7;
export const CHECK_TPR_THRESHOLD_RESERVED = 8;
export const CHECK_TPR_THRESHOLD_VTPR = 9;
export const CHECK_VIRTUAL_NMIS = 10;
export const CHECK_NMI_WINDOW = 11;
export const CHECK_APIC_ACCESS = 12;
export const CHECK_VPID = 13;
export const CHECK_EPTP = 14;
export const CHECK_UNRESTRICTED = 15;

// VM-Exit Control Fields.
export const CHECK_EXIT_RESERVED = 20;
export const CHECK_SAVE_TIMER = 21;
export const CHECK_EXIT_MSR_STORE = 22;
export const CHECK_EXIT_MSR_LOAD = 23;

// VM-Entry Control Fields.
export const CHECK_ENTRY_RESERVED = 30;
export const CHECK_EVENT_TYPE = 31;
export const CHECK_EVENT_VECTOR = 32;
export const CHECK_EVENT_DELIVER_ERROR = 33;
export const CHECK_EVENT_RESERVED = 34;
export const CHECK_EVENT_ERROR_CODE = 35;
export const CHECK_EVENT_LENGTH = 36;
export const CHECK_ENTRY_MSR_LOAD = 37;

// Checks on Host Control Registers, MSRs, and SSP.
export const CHECK_HOST_CR0 = 40;
export const CHECK_HOST_CR4 = 41;
export const CHECK_HOST_CR3 = 42;
export const CHECK_HOST_SYSENTER = 43;
export const CHECK_HOST_PAT = 44;
export const CHECK_HOST_EFER = 45;

// Checks on Host Segment and Descriptor-Table Registers.
export const CHECK_HOST_SELECTORS = 46;
export const CHECK_HOST_CS_TR = 47;
export const CHECK_HOST_SS = 48;
export const CHECK_HOST_BASES = 49;

// Checks Related to Address-Space Size.
export const CHECK_HOST_ADDRESS_SPACE = 50;
export const CHECK_HOST_PAE = 51;
export const CHECK_HOST_PCIDE = 52;
export const CHECK_HOST_RIP = 53;

// Checks on Guest Control Registers, Debug Registers, and MSRs.
export const CHECK_GUEST_CR0 = 58;
export const CHECK_GUEST_PG_PE = 59;
export const CHECK_GUEST_CR4 = 60;
export const CHECK_GUEST_DEBUGCTL = 61;
export const CHECK_GUEST_IA32E = 62;
export const CHECK_GUEST_PCIDE = 63;
export const CHECK_GUEST_CR3 = 64;
export const CHECK_GUEST_DR7 = 65;
export const CHECK_GUEST_SYSENTER = 66;
export const CHECK_GUEST_PAT = 67;
export const CHECK_GUEST_EFER = 68;

// Checks on Guest Segment Registers.
export const CHECK_TR_TI = 70;
export const CHECK_LDTR_TI = 71;
export const CHECK_SS_RPL = 72;
export const CHECK_V86_BASE = 73;
export const CHECK_BASE_CANONICAL = 74;
export const CHECK_BASE_32 = 75;
export const CHECK_V86_LIMIT = 76;
export const CHECK_V86_RIGHTS = 77;
export const CHECK_CS_TYPE = 78;
export const CHECK_SS_TYPE = 79;
export const CHECK_DATA_TYPE = 80;
export const CHECK_CODE_DATA_S = 81;
export const CHECK_CS_DPL = 82;
export const CHECK_SS_DPL = 83;
export const CHECK_DATA_DPL = 84;
export const CHECK_SEGMENT_PRESENT = 85;
export const CHECK_SEGMENT_RESERVED = 86;
export const CHECK_CS_LONG = 87;
export const CHECK_SEGMENT_GRANULARITY = 88;
export const CHECK_TR_TYPE = 89;
export const CHECK_TR_S = 90;
export const CHECK_TR_PRESENT = 91;
export const CHECK_TR_RESERVED = 92;
export const CHECK_TR_GRANULARITY = 93;
export const CHECK_TR_USABLE = 94;
export const CHECK_LDTR_TYPE = 95;
export const CHECK_LDTR_S = 96;
export const CHECK_LDTR_PRESENT = 97;
export const CHECK_LDTR_RESERVED = 98;
export const CHECK_LDTR_GRANULARITY = 99;

// Checks on Guest Descriptor-Table Registers.
export const CHECK_TABLE_BASE = 100;
export const CHECK_TABLE_LIMIT = 101;

// Checks on Guest RIP, RFLAGS, and SSP.
export const CHECK_GUEST_RIP = 102;
export const CHECK_RFLAGS_RESERVED = 103;
export const CHECK_RFLAGS_VM = 104;
export const CHECK_RFLAGS_IF = 105;

// Checks on Guest Non-Register State.
export const CHECK_ACTIVITY = 110;
export const CHECK_ACTIVITY_HLT_DPL = 111;
export const CHECK_ACTIVITY_BLOCKING = 112;
export const CHECK_ACTIVITY_EVENT = 113;
export const CHECK_INTERRUPTIBILITY_RESERVED = 114;
export const CHECK_BLOCKING_BOTH = 115;
export const CHECK_BLOCKING_STI_IF = 116;
export const CHECK_BLOCKING_INTERRUPT = 117;
export const CHECK_BLOCKING_NMI = 118;
export const CHECK_BLOCKING_SMI = 119;
export const CHECK_BLOCKING_VIRTUAL_NMI = 120;
export const CHECK_PENDING_DEBUG_RESERVED = 121;
export const CHECK_PENDING_DEBUG_BS = 122;
export const CHECK_VMCS_LINK = 123;

// Checks on Guest Page-Directory-Pointer-Table Entries.
export const CHECK_PDPTE = 124;

// Loading MSRs.
export const CHECK_MSR_LOAD = 130;
