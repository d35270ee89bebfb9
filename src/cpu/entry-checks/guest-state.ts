// Checks of what else is in the guest-state area, and of the MSRs that are loaded then (SDM Vol. 3C "Checks on the Guest State Area",
// "Loading MSRs").
import * as N from '../../../asm/vmx/check-numbers.ts';
import * as F from '../../../asm/vmx/vmcs-fields.ts';
import { type EntryCheck, section } from './entry-check.ts';

/** In the order in which the processor makes them. */
export const GUEST_STATE_CHECKS: readonly EntryCheck[] = [
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
