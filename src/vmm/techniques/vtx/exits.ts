// VM exits as a discriminated union: what the VMM reads from the VMCS for each basic exit reason
// (SDM Vol. 3C "Recording VM-Exit Information and Updating VM-entry Control Fields", Vol. 3D "VMX Basic Exit Reasons").

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import { significant } from '../../emulate/long.ts';

/** An event as the interruption-information fields describe it. */
export interface EventInformation {
  readonly vector: number;
  /** 0 external interrupt, 2 NMI, 3 hardware exception, 4 software interrupt, 5, 6 software exceptions. */
  readonly type: number;
  /** Present for exceptions that push one. */
  readonly error: number | undefined;
}

/** Exits whose reason says everything the VMM needs. */
const PLAIN_REASONS = {
  [F.REASON_TRIPLE_FAULT]: 'triple-fault',
  [F.REASON_INTERRUPT_WINDOW]: 'interrupt-window',
  [F.REASON_NMI_WINDOW]: 'nmi-window',
  [F.REASON_CPUID]: 'cpuid',
  [F.REASON_HLT]: 'hlt',
  [F.REASON_INVD]: 'invd',
  [F.REASON_RDPMC]: 'rdpmc',
  [F.REASON_RDTSC]: 'rdtsc',
  [F.REASON_RDMSR]: 'rdmsr',
  [F.REASON_WRMSR]: 'wrmsr',
  [F.REASON_MWAIT]: 'mwait',
  [F.REASON_MONITOR]: 'monitor',
  [F.REASON_MONITOR_TRAP]: 'monitor-trap',
  [F.REASON_PAUSE]: 'pause',
  [F.REASON_TPR_BELOW_THRESHOLD]: 'tpr-below-threshold',
  [F.REASON_GDTR_IDTR]: 'gdtr-idtr-access',
  [F.REASON_LDTR_TR]: 'ldtr-tr-access',
  [F.REASON_RDTSCP]: 'rdtscp',
  [F.REASON_PREEMPTION_TIMER]: 'preemption-timer',
  [F.REASON_WBINVD]: 'wbinvd',
  [F.REASON_XSETBV]: 'xsetbv',
  [F.REASON_EPT_MISCONFIGURATION]: 'ept-misconfiguration',
} as const;
type PlainReason = (typeof PLAIN_REASONS)[keyof typeof PLAIN_REASONS];

/** VMX instructions of the guest: VMCALL to VMXON, INVEPT, INVVPID. */
const VMX_INSTRUCTIONS = new Set([18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 50, 53]);

/** One VM exit. */
export type VmExit =
  | { readonly reason: PlainReason }
  | { readonly reason: 'exception-nmi'; readonly event: EventInformation; readonly qualification: number }
  /** Acknowledged on exit. */
  | { readonly reason: 'external-interrupt'; readonly vector: number }
  | { readonly reason: 'task-switch'; readonly selector: number }
  | { readonly reason: 'invlpg'; readonly linear: number }
  | { readonly reason: 'vmx-instruction'; readonly number: number }
  | {
      readonly reason: 'cr-access';
      readonly cr: number;
      readonly kind: 'write' | 'read' | 'clts' | 'lmsw';
      readonly register: number;
      /** Source operand of LMSW. */
      readonly source: number;
    }
  | { readonly reason: 'mov-dr'; readonly dr: number; readonly isRead: boolean; readonly register: number }
  | {
      readonly reason: 'io-instruction';
      readonly port: number;
      readonly size: 1 | 2 | 4;
      readonly isIn: boolean;
      readonly isString: boolean;
    }
  | { readonly reason: 'apic-access'; readonly offset: number }
  | { readonly reason: 'ept-violation'; readonly guestPhysical: number; readonly qualification: number }
  /** The VM entry did not get as far as the guest. */
  | { readonly reason: 'entry-failure'; readonly number: number }
  | { readonly reason: 'unknown'; readonly number: number };

/** Why the guest was left. */
export type ExitReason = VmExit['reason'];
/** An exit with that reason, and what it tells. */
export type ExitOf<R extends ExitReason> = Extract<VmExit, { reason: R }>;

/** Decodes an interruption-information field; undefined when its valid bit is clear. */
export function eventInformation(info: number, error: () => number): EventInformation | undefined {
  if (!(info & 0x8000_0000)) return undefined;
  return { vector: info & 0xff, type: (info >>> 8) & 7, error: info & 0x800 ? error() : undefined };
}

const CR_KINDS = ['write', 'read', 'clts', 'lmsw'] as const;

/** What the VMCS says about an exit, copied by the exit path whatever the reason. */
export interface ExitRecord {
  readonly reason: number;
  /** Of a linear address its 48 significant bits. */
  readonly qualification: number;
  readonly interruption: number;
  readonly vectoring: number;
  /** Of the instruction that exited, or that caused the event being delivered. */
  readonly length: number;
}

/** Reads the exit-information fields: every read is a charged VMREAD. */
export function readExitRecord(access: Ring0, isWide: boolean): ExitRecord {
  return {
    reason: access.vmread(F.F_EXIT_REASON),
    qualification: isWide ? significant(access.vmread64(F.F_QUALIFICATION)) : access.vmread(F.F_QUALIFICATION),
    interruption: access.vmread(F.F_EXIT_INTERRUPTION),
    vectoring: access.vmread(F.F_IDT_VECTORING),
    length: access.vmread(F.F_EXIT_LENGTH),
  };
}

/** The exit as a union; reads the fields that only its reason has. */
export function decodeExit(access: Ring0, record: ExitRecord): VmExit {
  const { qualification } = record;
  const number = record.reason & 0xffff;
  if (record.reason & 0x8000_0000) return { reason: 'entry-failure', number };
  const plain = PLAIN_REASONS[number as keyof typeof PLAIN_REASONS];
  if (plain) return { reason: plain };
  if (VMX_INSTRUCTIONS.has(number)) return { reason: 'vmx-instruction', number };
  switch (number) {
    case F.REASON_EXCEPTION_NMI: {
      const event = eventInformation(record.interruption, () => access.vmread(F.F_EXIT_ERROR_CODE))!;
      return { reason: 'exception-nmi', event, qualification };
    }
    case F.REASON_EXTERNAL_INTERRUPT:
      return { reason: 'external-interrupt', vector: record.interruption & 0xff };
    case F.REASON_TASK_SWITCH:
      return { reason: 'task-switch', selector: qualification & 0xffff };
    case F.REASON_INVLPG:
      return { reason: 'invlpg', linear: qualification };
    case F.REASON_CR_ACCESS:
      return {
        reason: 'cr-access',
        cr: qualification & 15,
        kind: CR_KINDS[(qualification >> 4) & 3]!,
        register: (qualification >> 8) & 15,
        source: qualification >>> 16,
      };
    case F.REASON_MOV_DR:
      return {
        reason: 'mov-dr',
        dr: qualification & 7,
        isRead: (qualification & 16) !== 0,
        register: (qualification >> 8) & 15,
      };
    case F.REASON_IO:
      return {
        reason: 'io-instruction',
        port: qualification >>> 16,
        size: ((qualification & 7) + 1) as 1 | 2 | 4,
        isIn: (qualification & 8) !== 0,
        isString: (qualification & 16) !== 0,
      };
    case F.REASON_APIC_ACCESS:
      return { reason: 'apic-access', offset: qualification & 0xfff };
    case F.REASON_EPT_VIOLATION:
      return { reason: 'ept-violation', guestPhysical: access.vmread(F.F_GUEST_PHYSICAL), qualification };
    default:
      return { reason: 'unknown', number };
  }
}
