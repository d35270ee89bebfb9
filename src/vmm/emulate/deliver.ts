// Delivery of exceptions and interrupts into the guest through its own IDT, with real frames on its own stacks, and the
// double-fault rules (SDM Vol. 3 "Interrupt and Exception Handling").

import { vectorName } from '../counters.ts';
import { GuestFault, VECTOR_DF, VECTOR_GP, VECTOR_NP, VECTOR_PF, VECTOR_TS } from '../host-access.ts';
import {
  CS,
  DS,
  ES,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  FS,
  GS,
  RIGHTS_CODE,
  RIGHTS_PRESENT,
  RIGHTS_S,
  rightsDpl,
  SS,
} from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import { stackFromTss } from './far.ts';
import { deliver8086, inRealMode } from './mode-8086.ts';
import {
  checkStack,
  type Descriptor,
  isNull,
  loadCode,
  nullSegment,
  requireDescriptor,
  unpackSegment,
} from './segments.ts';
import { GuestStack } from './stack.ts';

/** What is delivered. */
export interface GuestEvent {
  readonly vector: number;
  readonly error?: number | undefined;
  readonly kind: 'fault' | 'trap' | 'software' | 'external';
  /** EIP of the INT instruction: where its own faults are reported. */
  readonly start?: number;
}

const ESP = 4;
const CONTRIBUTORY = new Set([0, 10, 11, 12, 13]);

/** What a second exception during the delivery of a first one makes: another first one, #DF, or shutdown. */
export function nextVector(first: number, second: number): 'second' | 'double' | 'shutdown' {
  if (first === VECTOR_DF) return CONTRIBUTORY.has(second) || second === VECTOR_PF ? 'shutdown' : 'second';
  if (CONTRIBUTORY.has(first)) return CONTRIBUTORY.has(second) ? 'double' : 'second';
  if (first === VECTOR_PF) return CONTRIBUTORY.has(second) || second === VECTOR_PF ? 'double' : 'second';
  return 'second';
}

/** Delivers an event, turning faults on the way into #DF and shutdown. False when the virtual CPU shut down. */
export function deliver(context: GuestContext, event: GuestEvent): boolean {
  let current = event;
  for (;;) {
    try {
      context.counters.add('injected', vectorName(current.vector));
      deliverOnce(context, current);
      return true;
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      const isException = current.kind === 'fault' || current.kind === 'trap';
      const next = isException ? nextVector(current.vector, error.vector) : 'second';
      if (next === 'shutdown') {
        context.vcpu.shutdown = true;
        return false;
      }
      if (current.kind === 'software' && current.start !== undefined) context.eip = current.start;
      if (error.vector === VECTOR_PF) context.vcpu.cr2 = error.address ?? 0;
      current =
        next === 'double'
          ? { vector: VECTOR_DF, error: 0, kind: 'fault' }
          : { vector: error.vector, error: error.error, kind: 'fault' };
    }
  }
}

function deliverOnce(context: GuestContext, event: GuestEvent): void {
  const { vcpu, memory } = context;
  const { vector, kind } = event;
  if (inRealMode(context)) {
    deliver8086(context, vector);
    return;
  }
  const external = kind === 'software' ? 0 : 1;
  const gateError = vector * 8 + 2 + external;
  if (vector * 8 + 7 > vcpu.idtr.limit) throw new GuestFault(VECTOR_GP, gateError);
  const at = (vcpu.idtr.base + vector * 8) >>> 0;
  const low = memory.read(at, 4);
  const high = memory.read((at + 4) >>> 0, 4);
  const type = (high >>> 8) & 0x1f;
  if (type === 5) {
    context.notSupported('a task gate in the guest’s IDT');
    throw new GuestFault(VECTOR_GP, gateError);
  }
  if (![6, 7, 14, 15].includes(type)) throw new GuestFault(VECTOR_GP, gateError);
  if (kind === 'software' && ((high >>> 13) & 3) < vcpu.cpl) throw new GuestFault(VECTOR_GP, gateError);
  if (!(high & 0x8000)) throw new GuestFault(VECTOR_NP, gateError);
  const selector = low >>> 16;
  if (isNull(selector)) throw new GuestFault(VECTOR_GP, external);
  const code = requireDescriptor(context, selector, VECTOR_GP, external);
  const dpl = rightsDpl(code.rights);
  const codeBits = RIGHTS_S | RIGHTS_CODE;
  if ((code.rights & codeBits) !== codeBits || dpl > vcpu.cpl)
    throw new GuestFault(VECTOR_GP, (selector & 0xfffc) | external);
  if (!(code.rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, (selector & 0xfffc) | external);
  const offset = ((low & 0xffff) | (high & 0xffff_0000)) >>> 0;
  const wide = (type & 8) !== 0;
  const level = code.rights & 4 ? vcpu.cpl : dpl;
  enterGate(context, event, code, {
    offset: wide ? offset : offset & 0xffff,
    wide,
    level,
    interrupt: (type & 1) === 0,
  });
}

interface Gate {
  readonly offset: number;
  readonly wide: boolean;
  readonly level: number;
  readonly interrupt: boolean;
}

function enterGate(context: GuestContext, event: GuestEvent, code: Descriptor, gate: Gate): void {
  const { vcpu } = context;
  const external = event.kind === 'software' ? 0 : 1;
  const size = gate.wide ? 4 : 2;
  const flags = context.flags;
  const fromVirtual = (flags & FLAG_VM) !== 0;
  if (fromVirtual && gate.level !== 0) throw new GuestFault(VECTOR_GP, (code.selector & 0xfffc) | external);
  const pushedFlags = event.kind === 'fault' && event.vector !== 1 ? flags | FLAG_RF : flags;
  if (gate.offset > unpackSegment(code).limit) throw new GuestFault(VECTOR_GP, external);
  let stack = new GuestStack(context);
  let segment: ReturnType<typeof checkStack> | undefined;
  if (gate.level < vcpu.cpl) {
    const { selector, pointer } = stackFromTss(context, gate.level, external);
    if (isNull(selector)) throw new GuestFault(VECTOR_TS, external);
    segment = checkStack(context, selector, gate.level, VECTOR_TS, external);
    stack = new GuestStack(context, segment, pointer);
    if (fromVirtual) for (const n of [GS, FS, DS, ES]) stack.push(size, context.segment(n).selector);
    stack.push(size, context.segment(SS).selector);
    stack.push(size, context.reg(ESP));
  }
  stack.push(size, pushedFlags);
  stack.push(size, context.segment(CS).selector);
  stack.push(size, context.eip);
  if (event.error !== undefined) stack.push(size, event.error);
  if (fromVirtual) context.flags = (flags & ~FLAG_VM) >>> 0;
  loadCode(context, code, gate.level);
  if (fromVirtual) for (const n of [GS, FS, DS, ES]) context.setSegment(n, nullSegment(0));
  if (segment) context.setSegment(SS, { ...segment, selector: (segment.selector & 0xfffc) | gate.level });
  stack.commit();
  const cleared = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (gate.interrupt ? FLAG_IF : 0);
  context.flags = (flags & ~cleared) >>> 0;
  context.eip = gate.offset;
}
