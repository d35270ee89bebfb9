// VM exits in words, for traces and messages.

import { vectorName } from '../../counters.ts';
import type { ExitOf, ExitReason, VmExit } from './exits.ts';

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** What the reasons that carry something say about it. */
const DETAILS: { readonly [R in ExitReason]?: (exit: ExitOf<R>) => string } = {
  'exception-nmi': ({ event, qualification }) => {
    const error = event.error === undefined ? '' : ` error ${hex(event.error)}`;
    return `${vectorName(event.vector)}${error}${event.vector === 14 ? ` address ${hex(qualification)}` : ''}`;
  },
  'external-interrupt': ({ vector }) => `vector ${hex(vector)}`,
  'task-switch': ({ selector }) => `to ${hex(selector)}`,
  invlpg: ({ linear }) => hex(linear),
  'vmx-instruction': ({ number }) => `reason ${number}`,
  'cr-access': ({ cr, kind, register, source }) => {
    if (kind === 'clts') return 'clts';
    if (kind === 'lmsw') return `lmsw ${hex(source)}`;
    const name = REGISTERS[register] ?? `r${register}`;
    return kind === 'write' ? `mov cr${cr}, ${name}` : `mov ${name}, cr${cr}`;
  },
  'mov-dr': ({ dr, isRead, register }) => `${isRead ? 'read' : 'write'} dr${dr} ${REGISTERS[register]}`,
  'io-instruction': ({ port, size, isIn, isString }) =>
    `${isIn ? 'in' : 'out'}${isString ? 's' : ''} port ${hex(port)} size ${size}`,
  'apic-access': ({ offset }) => `register ${hex(offset)}`,
  'ept-violation': ({ guestPhysical, qualification }) =>
    `guest-physical ${hex(guestPhysical)} qualification ${hex(qualification)}`,
  'entry-failure': ({ number }) => `reason ${number}`,
  unknown: ({ number }) => `reason ${number}`,
};

/** One line about an exit: its reason and what it carries. */
export function describeExit(exit: VmExit): string {
  const detail = DETAILS[exit.reason] as ((exit: VmExit) => string) | undefined;
  return detail ? `${exit.reason} ${detail(exit)}` : exit.reason;
}
