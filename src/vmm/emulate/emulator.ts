// Emulates one guest instruction on the virtual CPU. Privileged and sensitive instructions are done here; of the others
// only those that touch device registers or traced pages. Nothing is changed when the instruction faults.

import { tryDecode } from '../../isa/decode.ts';
import { GuestFault, VECTOR_GP, VECTOR_UD } from '../host-access.ts';
import { CS, FLAG_RF, RIGHTS_DB } from '../vcpu.ts';
import { type GuestContext, NotEmulated } from './context.ts';
import { deliver } from './deliver.ts';
import { decodeGuest, type GuestInstruction, mnemonicName } from './instruction.ts';
import { IO_HANDLERS } from './io.ts';
import { emulateMemoryAccess } from './memory-access.ts';
import { SYSTEM_HANDLERS } from './system.ts';

/** What became of an instruction. */
export type EmulationResult =
  /** Done; `context.eip` is behind it or at its target. */
  | { readonly kind: 'done' }
  /** It raised an exception: deliver it. `context.eip` is at the instruction (a fault). */
  | { readonly kind: 'fault'; readonly fault: GuestFault }
  /** INT n, INT3, INTO: deliver the vector through the guest's IDT; `context.eip` is behind it. */
  | { readonly kind: 'software'; readonly vector: number; readonly start: number }
  /** The emulator has no handler. */
  | { readonly kind: 'unknown'; readonly mnemonic: string };

const DONE: EmulationResult = { kind: 'done' };
/** Work of decoding in VMM software: opcode tables and operands, about this many instructions. */
export const DECODE_WORK = 90;
/** Work of choosing a handler and updating the virtual CPU. */
export const DISPATCH_WORK = 25;
const LONGEST = 15;

/** Fetches and decodes the instruction at CS:EIP of the guest; throws what the fetch would raise. */
export function fetchInstruction(context: GuestContext): GuestInstruction {
  const code = context.segment(CS);
  const user = context.vcpu.cpl === 3;
  if (context.eip > code.limit) throw new GuestFault(VECTOR_GP, 0);
  const bytes = context.memory.fetch((code.base + context.eip) >>> 0, LONGEST, user);
  context.access.charge('alu', DECODE_WORK);
  const instruction = decodeGuest(bytes, (code.rights & RIGHTS_DB) !== 0);
  if (!instruction) throw decodeFault(context, bytes);
  return instruction;
}

/** What the fetch of bytes that are no instruction raises. */
function decodeFault(context: GuestContext, bytes: Uint8Array): GuestFault {
  const code = context.segment(CS);
  const failure = tryDecode(bytes, 0, code.rights & RIGHTS_DB ? 32 : 16);
  if (failure === 'longer than 15 bytes') return new GuestFault(VECTOR_GP, 0);
  if (failure !== 'truncated' || bytes.length === LONGEST) return new GuestFault(VECTOR_UD);
  // It goes on where nothing can be fetched: throws the page fault of the next page.
  const next = (code.base + context.eip + bytes.length) >>> 0;
  if (context.eip + bytes.length > code.limit) return new GuestFault(VECTOR_GP, 0);
  try {
    context.memory.fetch(next, 1, context.vcpu.cpl === 3);
  } catch (error) {
    if (error instanceof GuestFault) return error;
    throw error;
  }
  return new GuestFault(VECTOR_UD);
}

/** Emulates `instruction`, which lies at `context.eip`. */
export function emulate(context: GuestContext, instruction: GuestInstruction): EmulationResult {
  const start = context.eip;
  context.access.charge('alu', DISPATCH_WORK);
  const software = softwareVector(context, instruction);
  const narrow = !(context.segment(CS).rights & RIGHTS_DB);
  context.eip = ((start + instruction.length) & (narrow ? 0xffff : 0xffff_ffff)) >>> 0;
  context.counters.instructionsEmulated++;
  context.counters.add('emulated', mnemonicName(instruction));
  if (software !== undefined) return software === 'none' ? DONE : { kind: 'software', vector: software, start };
  try {
    const handler = SYSTEM_HANDLERS[instruction.op] ?? IO_HANDLERS[instruction.op];
    if (handler) handler(context, instruction);
    else emulateMemoryAccess(context, instruction);
    if (instruction.op !== 'iret') clearResume(context);
    return DONE;
  } catch (error) {
    context.eip = start;
    if (error instanceof GuestFault) return { kind: 'fault', fault: error };
    if (error instanceof NotEmulated) return { kind: 'unknown', mnemonic: instruction.form.mnemonic };
    throw error;
  }
}

function clearResume(context: GuestContext): void {
  const { flags } = context;
  if (flags & FLAG_RF) context.flags = (flags & ~FLAG_RF) >>> 0;
}

function softwareVector(context: GuestContext, instruction: GuestInstruction): number | 'none' | undefined {
  switch (instruction.op) {
    case 'int':
      return instruction.immediate & 0xff;
    case 'int3':
      return 3;
    case 'int1':
      return 1;
    case 'into':
      return context.flags & 0x800 ? 4 : 'none';
    default:
      return undefined;
  }
}

/** Delivers a fault to the guest; false when it shut down. */
export function raise(context: GuestContext, fault: GuestFault): boolean {
  if (fault.vector === 14) context.vcpu.cr2 = fault.address ?? 0;
  return deliver(context, { vector: fault.vector, error: fault.error, kind: 'fault' });
}
