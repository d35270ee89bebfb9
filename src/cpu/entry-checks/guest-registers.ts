// Checks of the registers in the guest-state area: control, segment and table registers (SDM Vol. 3C "Checks on the Guest State Area").
import * as N from '../../../asm/vmx/check-numbers.ts';
import * as F from '../../../asm/vmx/vmcs-fields.ts';
import { type EntryCheck, section } from './entry-check.ts';

/** In the order in which the processor makes them. */
export const GUEST_REGISTER_CHECKS: readonly EntryCheck[] = [
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
];
