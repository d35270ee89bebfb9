// The VM-entry checks by number: what a failed VM entry violated, in words and with the fields to look at
// (SDM Vol. 3C "VM Entries"). The numbers are shared with the core, which stores the failed one in VMX_FAILED_CHECK.
import * as N from '../../asm/vmx/check-numbers.ts';
import * as F from '../../asm/vmx/vmcs-fields.ts';

/** One VM-entry check. */
export interface EntryCheck {
  /** VMX_FAILED_CHECK. */
  readonly number: number;
  readonly name: string;
  /** Title of the section of SDM Vol. 3C. */
  readonly section: string;
  /** How the VM entry fails: VMfail 7 (control), VMfail 8 (host), exit reason 33 (guest) or 34 (msr-load). */
  readonly kind: 'control' | 'host' | 'guest' | 'msr-load';
  /** The rule. */
  readonly rule: string;
  /** Encodings of the VMCS fields it looks at. */
  readonly fields: readonly number[];
}

type Row = readonly [number: number, name: string, rule: string, fields: readonly number[]];

function section(kind: EntryCheck['kind'], title: string, rows: readonly Row[]): EntryCheck[] {
  return rows.map(([number, name, rule, fields]) => ({ number, name, section: title, kind, rule, fields }));
}

/** All checks, in the order in which the processor makes them. */
export const ENTRY_CHECKS: readonly EntryCheck[] = [
  ...section('control', 'VM-Execution Control Fields', [
    [
      N.CHECK_PIN_RESERVED,
      'pin-reserved',
      'reserved bits of the pin-based controls must have their fixed values (IA32_VMX_TRUE_PINBASED_CTLS)',
      [F.F_PIN_CONTROLS],
    ],
    [
      N.CHECK_PRIMARY_RESERVED,
      'primary-reserved',
      'reserved bits of the primary processor-based controls must have their fixed values (IA32_VMX_TRUE_PROCBASED_CTLS)',
      [F.F_PRIMARY_CONTROLS],
    ],
    [
      N.CHECK_SECONDARY_RESERVED,
      'secondary-reserved',
      'secondary processor-based controls that the processor does not have must be 0 (IA32_VMX_PROCBASED_CTLS2)',
      [F.F_SECONDARY_CONTROLS],
    ],
    [N.CHECK_CR3_TARGETS, 'cr3-targets', 'the CR3-target count must not exceed 4', [F.F_CR3_TARGET_COUNT]],
    [
      N.CHECK_IO_BITMAPS,
      'io-bitmaps',
      'I/O-bitmap addresses must be page-aligned and within the physical-address width',
      [F.F_IO_BITMAP_A, F.F_IO_BITMAP_B],
    ],
    [
      N.CHECK_MSR_BITMAP,
      'msr-bitmap',
      'the MSR-bitmap address must be page-aligned and within the physical-address width',
      [F.F_MSR_BITMAP],
    ],
    [
      N.CHECK_VIRTUAL_APIC,
      'virtual-apic',
      'the virtual-APIC address must be page-aligned and within the physical-address width',
      [F.F_VIRTUAL_APIC],
    ],
    [
      N.CHECK_TPR_THRESHOLD_RESERVED,
      'tpr-threshold-reserved',
      'bits 31:4 of the TPR threshold must be 0',
      [F.F_TPR_THRESHOLD],
    ],
    [
      N.CHECK_TPR_THRESHOLD_VTPR,
      'tpr-threshold-vtpr',
      'the TPR threshold must not exceed bits 7:4 of VTPR',
      [F.F_TPR_THRESHOLD, F.F_VIRTUAL_APIC],
    ],
    [N.CHECK_VIRTUAL_NMIS, 'virtual-nmis', 'virtual NMIs need NMI exiting', [F.F_PIN_CONTROLS]],
    [
      N.CHECK_NMI_WINDOW,
      'nmi-window',
      'NMI-window exiting needs virtual NMIs',
      [F.F_PIN_CONTROLS, F.F_PRIMARY_CONTROLS],
    ],
    [
      N.CHECK_APIC_ACCESS,
      'apic-access',
      'the APIC-access address must be page-aligned and within the physical-address width',
      [F.F_APIC_ACCESS],
    ],
    [N.CHECK_VPID, 'vpid', 'the VPID must not be 0 if VPIDs are enabled', [F.F_VPID]],
    [
      N.CHECK_EPTP,
      'eptp',
      'the EPT pointer must name memory type UC or WB, a walk length of 4 and a table within the physical-address width',
      [F.F_EPTP],
    ],
    [N.CHECK_UNRESTRICTED, 'unrestricted', 'unrestricted guest needs EPT', [F.F_SECONDARY_CONTROLS]],
  ]),
  ...section('control', 'VM-Exit Control Fields', [
    [
      N.CHECK_EXIT_RESERVED,
      'exit-reserved',
      'reserved bits of the VM-exit controls must have their fixed values (IA32_VMX_TRUE_EXIT_CTLS)',
      [F.F_EXIT_CONTROLS],
    ],
    [
      N.CHECK_SAVE_TIMER,
      'save-timer',
      'saving the preemption timer needs the preemption timer',
      [F.F_EXIT_CONTROLS, F.F_PIN_CONTROLS],
    ],
    [
      N.CHECK_EXIT_MSR_STORE,
      'exit-msr-store',
      'the VM-exit MSR-store area must be 16-byte aligned and within the physical-address width',
      [F.F_EXIT_MSR_STORE, F.F_EXIT_MSR_STORE_COUNT],
    ],
    [
      N.CHECK_EXIT_MSR_LOAD,
      'exit-msr-load',
      'the VM-exit MSR-load area must be 16-byte aligned and within the physical-address width',
      [F.F_EXIT_MSR_LOAD, F.F_EXIT_MSR_LOAD_COUNT],
    ],
  ]),
  ...section('control', 'VM-Entry Control Fields', [
    [
      N.CHECK_ENTRY_RESERVED,
      'entry-reserved',
      'reserved bits of the VM-entry controls must have their fixed values (IA32_VMX_TRUE_ENTRY_CTLS)',
      [F.F_ENTRY_CONTROLS],
    ],
    [N.CHECK_EVENT_TYPE, 'event-type', 'the type of the injected event must not be reserved', [F.F_ENTRY_INTERRUPTION]],
    [
      N.CHECK_EVENT_VECTOR,
      'event-vector',
      'an injected NMI has vector 2, a hardware exception a vector below 32, another event vector 0',
      [F.F_ENTRY_INTERRUPTION],
    ],
    [
      N.CHECK_EVENT_DELIVER_ERROR,
      'event-deliver-error',
      'an error code is delivered if and only if the injected hardware exception pushes one',
      [F.F_ENTRY_INTERRUPTION, F.F_GUEST_CR0],
    ],
    [
      N.CHECK_EVENT_RESERVED,
      'event-reserved',
      'bits 30:12 of the VM-entry interruption information must be 0',
      [F.F_ENTRY_INTERRUPTION],
    ],
    [
      N.CHECK_EVENT_ERROR_CODE,
      'event-error-code',
      'bits 31:16 of the VM-entry exception error code must be 0',
      [F.F_ENTRY_ERROR_CODE],
    ],
    [
      N.CHECK_EVENT_LENGTH,
      'event-length',
      'the VM-entry instruction length of a software event must be in the range 0-15',
      [F.F_ENTRY_LENGTH],
    ],
    [
      N.CHECK_ENTRY_MSR_LOAD,
      'entry-msr-load',
      'the VM-entry MSR-load area must be 16-byte aligned and within the physical-address width',
      [F.F_ENTRY_MSR_LOAD, F.F_ENTRY_MSR_LOAD_COUNT],
    ],
  ]),
  ...section('host', 'Checks on Host Control Registers, MSRs, and SSP', [
    [
      N.CHECK_HOST_CR0,
      'host-cr0',
      'host CR0 must not set a bit that is not supported in VMX operation nor clear one that is required',
      [F.F_HOST_CR0],
    ],
    [
      N.CHECK_HOST_CR4,
      'host-cr4',
      'host CR4 must not set a bit that is not supported in VMX operation nor clear one that is required',
      [F.F_HOST_CR4],
    ],
    [N.CHECK_HOST_CR3, 'host-cr3', 'host CR3 must be within the physical-address width', [F.F_HOST_CR3]],
    [
      N.CHECK_HOST_SYSENTER,
      'host-sysenter',
      'host SYSENTER_ESP and SYSENTER_EIP must be canonical',
      [F.F_HOST_SYSENTER_ESP, F.F_HOST_SYSENTER_EIP],
    ],
    [N.CHECK_HOST_PAT, 'host-pat', 'each byte of host PAT must be a memory type', [F.F_HOST_PAT]],
    [
      N.CHECK_HOST_EFER,
      'host-efer',
      'host EFER must have its reserved bits 0, and LMA and LME equal to the host address-space size',
      [F.F_HOST_EFER],
    ],
  ]),
  ...section('host', 'Checks on Host Segment and Descriptor-Table Registers', [
    [
      N.CHECK_HOST_SELECTORS,
      'host-selectors',
      'RPL and TI of every host selector must be 0',
      [F.F_HOST_SELECTOR, F.F_HOST_TR_SELECTOR],
    ],
    [
      N.CHECK_HOST_CS_TR,
      'host-cs-tr',
      'host CS and TR selectors must not be 0',
      [F.F_HOST_SELECTOR, F.F_HOST_TR_SELECTOR],
    ],
    [N.CHECK_HOST_SS, 'host-ss', 'host SS selector must not be 0 for a 32-bit host', [F.F_HOST_SELECTOR]],
    [
      N.CHECK_HOST_BASES,
      'host-bases',
      'host FS, GS, GDTR, IDTR and TR bases must be canonical',
      [F.F_HOST_FS_BASE, F.F_HOST_GS_BASE, F.F_HOST_GDTR_BASE, F.F_HOST_IDTR_BASE, F.F_HOST_TR_BASE],
    ],
  ]),
  ...section('host', 'Checks Related to Address-Space Size', [
    [
      N.CHECK_HOST_ADDRESS_SPACE,
      'host-address-space',
      'the host address space must be 64-bit if and only if the processor is in IA-32e mode, and IA-32e mode guests need that',
      [F.F_EXIT_CONTROLS, F.F_ENTRY_CONTROLS],
    ],
    [N.CHECK_HOST_PAE, 'host-pae', 'a 64-bit host needs CR4.PAE', [F.F_HOST_CR4]],
    [N.CHECK_HOST_PCIDE, 'host-pcide', 'CR4.PCIDE is for 64-bit hosts', [F.F_HOST_CR4]],
    [
      N.CHECK_HOST_RIP,
      'host-rip',
      'host RIP must be canonical for a 64-bit host, else its bits 63:32 must be 0',
      [F.F_HOST_RIP],
    ],
  ]),
  ...section('guest', 'Checks on Guest Control Registers, Debug Registers, and MSRs', [
    [
      N.CHECK_GUEST_CR0,
      'guest-cr0',
      'guest CR0 must not set a bit that is not supported in VMX operation nor clear one that is required',
      [F.F_GUEST_CR0],
    ],
    [N.CHECK_GUEST_PG_PE, 'guest-pg-pe', 'guest CR0.PG needs CR0.PE', [F.F_GUEST_CR0]],
    [
      N.CHECK_GUEST_CR4,
      'guest-cr4',
      'guest CR4 must not set a bit that is not supported in VMX operation nor clear one that is required',
      [F.F_GUEST_CR4],
    ],
    [N.CHECK_GUEST_DEBUGCTL, 'guest-debugctl', 'reserved bits of guest IA32_DEBUGCTL must be 0', [F.F_GUEST_DEBUGCTL]],
    [
      N.CHECK_GUEST_IA32E,
      'guest-ia32e',
      'an IA-32e mode guest needs CR0.PG and CR4.PAE',
      [F.F_GUEST_CR0, F.F_GUEST_CR4],
    ],
    [N.CHECK_GUEST_PCIDE, 'guest-pcide', 'CR4.PCIDE is for IA-32e mode guests', [F.F_GUEST_CR4, F.F_ENTRY_CONTROLS]],
    [N.CHECK_GUEST_CR3, 'guest-cr3', 'guest CR3 must be within the physical-address width', [F.F_GUEST_CR3]],
    [N.CHECK_GUEST_DR7, 'guest-dr7', 'bits 63:32 of guest DR7 must be 0', [F.F_GUEST_DR7]],
    [
      N.CHECK_GUEST_SYSENTER,
      'guest-sysenter',
      'guest SYSENTER_ESP and SYSENTER_EIP must be canonical',
      [F.F_GUEST_SYSENTER_ESP, F.F_GUEST_SYSENTER_EIP],
    ],
    [N.CHECK_GUEST_PAT, 'guest-pat', 'each byte of guest PAT must be a memory type', [F.F_GUEST_PAT]],
    [
      N.CHECK_GUEST_EFER,
      'guest-efer',
      'guest EFER must have its reserved bits 0, LMA equal to IA-32e mode guest, and LME equal to LMA with paging',
      [F.F_GUEST_EFER],
    ],
  ]),
  ...section('guest', 'Checks on Guest Segment Registers', [
    [N.CHECK_TR_TI, 'tr-ti', 'TI of guest TR must be 0', [F.F_GUEST_SELECTOR + 14]],
    [N.CHECK_LDTR_TI, 'ldtr-ti', 'TI of guest LDTR must be 0 if usable', [F.F_GUEST_SELECTOR + 12]],
    [
      N.CHECK_SS_RPL,
      'ss-rpl',
      'RPL of guest SS must equal RPL of CS',
      [F.F_GUEST_SELECTOR + 4, F.F_GUEST_SELECTOR + 2],
    ],
    [
      N.CHECK_V86_BASE,
      'v86-base',
      'in virtual-8086 mode each segment base must be the selector times 16',
      [F.F_GUEST_BASE],
    ],
    [
      N.CHECK_BASE_CANONICAL,
      'base-canonical',
      'guest TR, FS, GS and usable LDTR bases must be canonical',
      [F.F_GUEST_BASE + 14, F.F_GUEST_BASE + 8, F.F_GUEST_BASE + 10, F.F_GUEST_BASE + 12],
    ],
    [
      N.CHECK_BASE_32,
      'base-32',
      'bits 63:32 of the bases of guest CS and usable SS, DS, ES must be 0',
      [F.F_GUEST_BASE + 2, F.F_GUEST_BASE + 4, F.F_GUEST_BASE + 6, F.F_GUEST_BASE],
    ],
    [N.CHECK_V86_LIMIT, 'v86-limit', 'in virtual-8086 mode each segment limit must be 0xffff', [F.F_GUEST_LIMIT]],
    [
      N.CHECK_V86_RIGHTS,
      'v86-rights',
      "in virtual-8086 mode each segment's access rights must be 0xf3",
      [F.F_GUEST_RIGHTS],
    ],
    [N.CHECK_CS_TYPE, 'cs-type', 'guest CS must be an accessed code segment', [F.F_GUEST_RIGHTS + 2]],
    [N.CHECK_SS_TYPE, 'ss-type', 'usable guest SS must be an accessed writable data segment', [F.F_GUEST_RIGHTS + 4]],
    [
      N.CHECK_DATA_TYPE,
      'data-type',
      'usable guest DS, ES, FS, GS must be accessed, and readable if code',
      [F.F_GUEST_RIGHTS + 6, F.F_GUEST_RIGHTS, F.F_GUEST_RIGHTS + 8, F.F_GUEST_RIGHTS + 10],
    ],
    [
      N.CHECK_CODE_DATA_S,
      'code-data-s',
      'S of guest CS and usable SS, DS, ES, FS, GS must be 1',
      [F.F_GUEST_RIGHTS + 2],
    ],
    [
      N.CHECK_CS_DPL,
      'cs-dpl',
      'DPL of guest CS must equal DPL of SS (conforming: not exceed it)',
      [F.F_GUEST_RIGHTS + 2, F.F_GUEST_RIGHTS + 4],
    ],
    [N.CHECK_SS_DPL, 'ss-dpl', 'DPL of guest SS must equal its RPL', [F.F_GUEST_RIGHTS + 4, F.F_GUEST_SELECTOR + 4]],
    [
      N.CHECK_DATA_DPL,
      'data-dpl',
      'DPL of a usable guest data segment must not be below its RPL',
      [F.F_GUEST_RIGHTS + 6, F.F_GUEST_SELECTOR + 6],
    ],
    [
      N.CHECK_SEGMENT_PRESENT,
      'segment-present',
      'guest CS and usable segments must be present',
      [F.F_GUEST_RIGHTS + 2],
    ],
    [
      N.CHECK_SEGMENT_RESERVED,
      'segment-reserved',
      'reserved bits of guest segment access rights must be 0',
      [F.F_GUEST_RIGHTS + 2],
    ],
    [N.CHECK_CS_LONG, 'cs-long', 'D of guest CS must be 0 in 64-bit code', [F.F_GUEST_RIGHTS + 2]],
    [
      N.CHECK_SEGMENT_GRANULARITY,
      'segment-granularity',
      'G of a guest segment must agree with its limit',
      [F.F_GUEST_RIGHTS + 2, F.F_GUEST_LIMIT + 2],
    ],
    [N.CHECK_TR_TYPE, 'tr-type', 'guest TR must be a busy TSS, in IA-32e mode a 64-bit one', [F.F_GUEST_RIGHTS + 14]],
    [N.CHECK_TR_S, 'tr-s', 'S of guest TR must be 0', [F.F_GUEST_RIGHTS + 14]],
    [N.CHECK_TR_PRESENT, 'tr-present', 'guest TR must be present', [F.F_GUEST_RIGHTS + 14]],
    [N.CHECK_TR_RESERVED, 'tr-reserved', 'reserved bits of guest TR access rights must be 0', [F.F_GUEST_RIGHTS + 14]],
    [
      N.CHECK_TR_GRANULARITY,
      'tr-granularity',
      'G of guest TR must agree with its limit',
      [F.F_GUEST_RIGHTS + 14, F.F_GUEST_LIMIT + 14],
    ],
    [N.CHECK_TR_USABLE, 'tr-usable', 'guest TR must be usable', [F.F_GUEST_RIGHTS + 14]],
    [N.CHECK_LDTR_TYPE, 'ldtr-type', 'usable guest LDTR must be of type LDT', [F.F_GUEST_RIGHTS + 12]],
    [N.CHECK_LDTR_S, 'ldtr-s', 'S of usable guest LDTR must be 0', [F.F_GUEST_RIGHTS + 12]],
    [N.CHECK_LDTR_PRESENT, 'ldtr-present', 'usable guest LDTR must be present', [F.F_GUEST_RIGHTS + 12]],
    [
      N.CHECK_LDTR_RESERVED,
      'ldtr-reserved',
      'reserved bits of usable guest LDTR access rights must be 0',
      [F.F_GUEST_RIGHTS + 12],
    ],
    [
      N.CHECK_LDTR_GRANULARITY,
      'ldtr-granularity',
      'G of usable guest LDTR must agree with its limit',
      [F.F_GUEST_RIGHTS + 12, F.F_GUEST_LIMIT + 12],
    ],
  ]),
  ...section('guest', 'Checks on Guest Descriptor-Table Registers', [
    [
      N.CHECK_TABLE_BASE,
      'table-base',
      'guest GDTR and IDTR bases must be canonical',
      [F.F_GUEST_GDTR_BASE, F.F_GUEST_IDTR_BASE],
    ],
    [
      N.CHECK_TABLE_LIMIT,
      'table-limit',
      'bits 31:16 of guest GDTR and IDTR limits must be 0',
      [F.F_GUEST_GDTR_LIMIT, F.F_GUEST_IDTR_LIMIT],
    ],
  ]),
  ...section('guest', 'Checks on Guest RIP, RFLAGS, and SSP', [
    [
      N.CHECK_GUEST_RIP,
      'guest-rip',
      'guest RIP must be canonical in 64-bit code, else its bits 63:32 must be 0',
      [F.F_GUEST_RIP],
    ],
    [
      N.CHECK_RFLAGS_RESERVED,
      'rflags-reserved',
      'reserved bits of guest RFLAGS must be 0, bit 1 must be 1',
      [F.F_GUEST_RFLAGS],
    ],
    [
      N.CHECK_RFLAGS_VM,
      'rflags-vm',
      'guest RFLAGS.VM needs CR0.PE and no IA-32e mode',
      [F.F_GUEST_RFLAGS, F.F_GUEST_CR0],
    ],
    [
      N.CHECK_RFLAGS_IF,
      'rflags-if',
      'guest RFLAGS.IF must be 1 if an external interrupt is injected',
      [F.F_GUEST_RFLAGS, F.F_ENTRY_INTERRUPTION],
    ],
  ]),
  ...section('guest', 'Checks on Guest Non-Register State', [
    [N.CHECK_ACTIVITY, 'activity', 'the guest activity state must be one the processor supports', [F.F_GUEST_ACTIVITY]],
    [
      N.CHECK_ACTIVITY_HLT_DPL,
      'activity-hlt-dpl',
      'activity state HLT needs DPL 0 of SS',
      [F.F_GUEST_ACTIVITY, F.F_GUEST_RIGHTS + 4],
    ],
    [
      N.CHECK_ACTIVITY_BLOCKING,
      'activity-blocking',
      'the activity state must be active while blocking by STI or MOV SS',
      [F.F_GUEST_ACTIVITY, F.F_GUEST_INTERRUPTIBILITY],
    ],
    [
      N.CHECK_ACTIVITY_EVENT,
      'activity-event',
      "the injected event must be able to wake the guest's activity state",
      [F.F_GUEST_ACTIVITY, F.F_ENTRY_INTERRUPTION],
    ],
    [
      N.CHECK_INTERRUPTIBILITY_RESERVED,
      'interruptibility-reserved',
      'reserved bits of the guest interruptibility state must be 0',
      [F.F_GUEST_INTERRUPTIBILITY],
    ],
    [
      N.CHECK_BLOCKING_BOTH,
      'blocking-both',
      'blocking by STI and by MOV SS exclude each other',
      [F.F_GUEST_INTERRUPTIBILITY],
    ],
    [
      N.CHECK_BLOCKING_STI_IF,
      'blocking-sti-if',
      'blocking by STI needs RFLAGS.IF',
      [F.F_GUEST_INTERRUPTIBILITY, F.F_GUEST_RFLAGS],
    ],
    [
      N.CHECK_BLOCKING_INTERRUPT,
      'blocking-interrupt',
      'an external interrupt cannot be injected while blocked by STI or MOV SS',
      [F.F_GUEST_INTERRUPTIBILITY, F.F_ENTRY_INTERRUPTION],
    ],
    [
      N.CHECK_BLOCKING_NMI,
      'blocking-nmi',
      'an NMI cannot be injected while blocked by MOV SS',
      [F.F_GUEST_INTERRUPTIBILITY, F.F_ENTRY_INTERRUPTION],
    ],
    [N.CHECK_BLOCKING_SMI, 'blocking-smi', 'blocking by SMI must be 0 outside SMM', [F.F_GUEST_INTERRUPTIBILITY]],
    [
      N.CHECK_BLOCKING_VIRTUAL_NMI,
      'blocking-virtual-nmi',
      'with virtual NMIs an NMI cannot be injected while NMIs are blocked',
      [F.F_GUEST_INTERRUPTIBILITY, F.F_ENTRY_INTERRUPTION],
    ],
    [
      N.CHECK_PENDING_DEBUG_RESERVED,
      'pending-debug-reserved',
      'reserved bits of the guest pending debug exceptions must be 0',
      [F.F_GUEST_PENDING_DEBUG],
    ],
    [
      N.CHECK_PENDING_DEBUG_BS,
      'pending-debug-bs',
      'BS of the guest pending debug exceptions must agree with RFLAGS.TF and DEBUGCTL.BTF',
      [F.F_GUEST_PENDING_DEBUG, F.F_GUEST_RFLAGS, F.F_GUEST_DEBUGCTL],
    ],
    [
      N.CHECK_VMCS_LINK,
      'vmcs-link',
      'the VMCS link pointer must be all ones or name another, aligned VMCS with the right revision',
      [F.F_VMCS_LINK],
    ],
  ]),
  ...section('guest', 'Checks on Guest Page-Directory-Pointer-Table Entries', [
    [N.CHECK_PDPTE, 'pdpte', 'reserved bits of present PAE page-directory-pointer entries must be 0', [F.F_GUEST_CR3]],
  ]),
  ...section('msr-load', 'Loading MSRs', [
    [
      N.CHECK_MSR_LOAD,
      'msr-load',
      'an entry of the VM-entry MSR-load area could not be loaded',
      [F.F_ENTRY_MSR_LOAD, F.F_ENTRY_MSR_LOAD_COUNT],
    ],
  ]),
];

const byNumber = new Map(ENTRY_CHECKS.map((check) => [check.number, check]));

/** The check with this number, if there is one (0: no check has failed). */
export function entryCheck(number: number): EntryCheck | undefined {
  return byNumber.get(number);
}

/** One sentence for a user: the rule, its section and the values of the fields, read by `field`. */
export function describeEntryCheck(number: number, field: (encoding: number) => bigint): string {
  const check = entryCheck(number);
  if (!check) return 'VM entry was not refused by a check.';
  const values = check.fields
    .map((encoding) => `${fieldName(encoding)} = 0x${field(encoding).toString(16)}`)
    .join(', ');
  return `VM entry check ${check.name} failed: ${check.rule} (SDM Vol. 3C "${check.section}"; ${values}).`;
}

const fieldNames = new Map<number, string>();
for (const [name, encoding] of Object.entries(F)) {
  if (name.startsWith('F_')) fieldNames.set(encoding, name.slice(2).toLowerCase().replaceAll('_', '-'));
}
const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'];

/** Name of a VMCS field for messages, e.g. `guest-cr0`, `guest-rights.tr`. */
export function fieldName(encoding: number): string {
  for (const base of [F.F_GUEST_SELECTOR, F.F_GUEST_LIMIT, F.F_GUEST_RIGHTS, F.F_GUEST_BASE, F.F_HOST_SELECTOR]) {
    const index = (encoding - base) / 2;
    if (index >= 0 && index < 8) {
      const segments = base === F.F_HOST_SELECTOR ? [...SEGMENT_NAMES.slice(0, 6), 'tr'] : SEGMENT_NAMES;
      if (segments[index]) return `${fieldNames.get(base)}.${segments[index]}`;
    }
  }
  return fieldNames.get(encoding) ?? `field 0x${encoding.toString(16)}`;
}
