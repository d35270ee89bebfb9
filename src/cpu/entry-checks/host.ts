// Checks of the host-state area of a VM entry (SDM Vol. 3C "Checks on the Host-State Area").
import * as N from '../../../asm/vmx/check-numbers.ts';
import * as F from '../../../asm/vmx/vmcs-fields.ts';
import { type EntryCheck, section } from './entry-check.ts';

/** In the order in which the processor makes them. */
export const HOST_CHECKS: readonly EntryCheck[] = [
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
];
