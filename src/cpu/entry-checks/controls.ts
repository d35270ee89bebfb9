// Checks of the control fields of a VM entry (SDM Vol. 3C "Checks on VMX Controls").
import * as N from '../../../asm/vmx/check-numbers.ts';
import * as F from '../../../asm/vmx/vmcs-fields.ts';
import { type EntryCheck, section } from './entry-check.ts';

/** In the order in which the processor makes them. */
export const CONTROL_CHECKS: readonly EntryCheck[] = [
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
];
