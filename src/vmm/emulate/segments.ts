// Segment registers of the guest: descriptors from its GDT and LDT, the checks a load makes, descriptor types
// (SDM Vol. 3 "Protection", "Segment Descriptors"; Vol. 2 "MOV", "LAR", "LSL").

import { GuestFault, VECTOR_GP, VECTOR_NP, VECTOR_SS } from '../host-access.ts';
import {
  CS,
  RIGHTS_CODE,
  RIGHTS_G,
  RIGHTS_PRESENT,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  rightsDpl,
  SS,
  type VirtualSegment,
} from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import { in8086Mode, inRealMode, segment8086 } from './mode-8086.ts';

/** A descriptor as it stands in a table. */
export interface Descriptor {
  readonly selector: number;
  /** Linear address of its first byte. */
  readonly address: number;
  readonly low: number;
  readonly high: number;
  /** VMX-format access rights. */
  readonly rights: number;
}

/** Access rights, base and limit of a segment descriptor. */
export function unpackSegment(descriptor: Descriptor): VirtualSegment {
  const { low, high, rights, selector } = descriptor;
  const raw = (low & 0xffff) | (high & 0xf_0000);
  return {
    selector,
    rights,
    base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
    limit: (rights & RIGHTS_G ? raw * 4096 + 4095 : raw) >>> 0,
  };
}

/** The null selector's segment: not usable. */
export function nullSegment(selector: number): VirtualSegment {
  return { selector, rights: RIGHTS_UNUSABLE, base: 0, limit: 0 };
}

/** A null selector, whatever its RPL. */
export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

/** Reads the descriptor of a selector; undefined beyond the table. */
export function readDescriptor(context: GuestContext, selector: number): Descriptor | undefined {
  const { vcpu, memory } = context;
  const offset = selector & 0xfff8;
  if (selector & 4) {
    if (vcpu.ldtr.rights & RIGHTS_UNUSABLE || offset + 7 > vcpu.ldtr.limit) return undefined;
  } else if (offset + 7 > vcpu.gdtr.limit) {
    return undefined;
  }
  const address = ((selector & 4 ? vcpu.ldtr.base : vcpu.gdtr.base) + offset) >>> 0;
  const low = memory.read(address, 4);
  const high = memory.read((address + 4) >>> 0, 4);
  return { selector, address, low, high, rights: (high >>> 8) & 0xf0ff };
}

/** Reads the descriptor or throws #GP(selector) (or another vector). */
export function requireDescriptor(
  context: GuestContext,
  selector: number,
  vector = VECTOR_GP,
  external = 0,
): Descriptor {
  const descriptor = isNull(selector) ? undefined : readDescriptor(context, selector);
  if (!descriptor) throw new GuestFault(vector, (selector & 0xfffc) | external);
  return descriptor;
}

/** Sets the accessed bit in the table, as a load does. */
function setAccessed(context: GuestContext, descriptor: Descriptor): VirtualSegment {
  if (!(descriptor.rights & 1)) context.memory.write((descriptor.address + 5) >>> 0, 1, (descriptor.rights & 0xff) | 1);
  return unpackSegment({ ...descriptor, rights: descriptor.rights | 1 });
}

/** MOV, POP, LDS … to a data segment register or SS: the checks, then the load. */
export function loadSegment(context: GuestContext, n: number, selector: number): void {
  context.setSegment(n, checkSegment(context, n, selector & 0xffff));
}

/** What a load of segment register `n` would put into it; throws the fault. */
export function checkSegment(context: GuestContext, n: number, selector: number): VirtualSegment {
  if (in8086Mode(context)) return segment8086(context, n, selector);
  const { cpl } = context.vcpu;
  if (isNull(selector)) {
    if (n === SS) throw new GuestFault(VECTOR_GP, 0);
    return nullSegment(selector);
  }
  const descriptor = requireDescriptor(context, selector);
  const error = selector & 0xfffc;
  const { rights } = descriptor;
  const dpl = rightsDpl(rights);
  const rpl = selector & 3;
  const isCode = (rights & RIGHTS_CODE) !== 0;
  if (!(rights & RIGHTS_S)) throw new GuestFault(VECTOR_GP, error);
  if (n === SS) {
    if (isCode || !(rights & 2) || rpl !== cpl || dpl !== cpl) throw new GuestFault(VECTOR_GP, error);
    if (!(rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_SS, error);
  } else {
    if (isCode && !(rights & 2)) throw new GuestFault(VECTOR_GP, error);
    if (!(isCode && rights & 4) && (dpl < rpl || dpl < cpl)) throw new GuestFault(VECTOR_GP, error);
    if (!(rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_NP, error);
  }
  return setAccessed(context, descriptor);
}

/** Loads CS with a descriptor that passed its checks, at privilege `cpl`. */
export function loadCode(context: GuestContext, descriptor: Descriptor, cpl: number): void {
  const segment = setAccessed(context, descriptor);
  context.vcpu.cpl = cpl;
  context.setSegment(CS, { ...segment, selector: (descriptor.selector & 0xfffc) | cpl });
}

/** Loads SS for privilege `cpl` from a selector found in a TSS or on a stack; faults have `vector`. */
export function checkStack(
  context: GuestContext,
  selector: number,
  cpl: number,
  vector: number,
  external = 0,
): VirtualSegment {
  const error = (selector & 0xfffc) | external;
  const descriptor = requireDescriptor(context, selector, vector, external);
  const { rights } = descriptor;
  if ((selector & 3) !== cpl || rightsDpl(rights) !== cpl) throw new GuestFault(vector, error);
  if (!(rights & RIGHTS_S) || rights & RIGHTS_CODE || !(rights & 2)) throw new GuestFault(vector, error);
  if (!(rights & RIGHTS_PRESENT)) throw new GuestFault(VECTOR_SS, error);
  return setAccessed(context, descriptor);
}

/** After a change to an outer level: data segments the new level may not use become null. */
export function dropInnerSegments(context: GuestContext): void {
  for (const n of [0, 3, 4, 5]) {
    const { rights } = context.segment(n);
    const conforming = (rights & (RIGHTS_CODE | 4)) === (RIGHTS_CODE | 4);
    if (!conforming && !(rights & RIGHTS_UNUSABLE) && rightsDpl(rights) < context.vcpu.cpl) {
      context.setSegment(n, nullSegment(0));
    }
  }
}

/** Checks an access of `size` bytes at `offset` and gives the linear address. */
export function segmentLinear(context: GuestContext, n: number, offset: number, size: number, write: boolean): number {
  const { rights, base, limit } = context.segment(n);
  const vector = n === SS ? VECTOR_SS : VECTOR_GP;
  if (rights & RIGHTS_UNUSABLE) throw new GuestFault(VECTOR_GP, 0);
  const isCode = (rights & RIGHTS_CODE) !== 0 && !inRealMode(context);
  if (write ? isCode || !(rights & 2) : isCode && !(rights & 2)) throw new GuestFault(VECTOR_GP, 0);
  if (!isCode && rights & 4) {
    const top = rights & 0x4000 ? 0xffff_ffff : 0xffff;
    if (offset <= limit || offset + size - 1 > top) throw new GuestFault(vector, 0);
  } else if (limit !== 0xffff_ffff && offset + size - 1 > limit) {
    // A flat segment wraps round.
    throw new GuestFault(vector, 0);
  }
  return (base + offset) >>> 0;
}

const SYSTEM_LAR = new Set([1, 2, 3, 4, 5, 9, 11, 12]);
const SYSTEM_LSL = new Set([1, 2, 3, 9, 11]);

/** LAR, LSL, VERR, VERW: the descriptor if the instruction may see it, else undefined (ZF clear). */
export function queryDescriptor(
  context: GuestContext,
  selector: number,
  op: 'lar' | 'lsl' | 'verr' | 'verw',
): Descriptor | undefined {
  if (isNull(selector)) return undefined;
  const descriptor = readDescriptor(context, selector);
  if (!descriptor) return undefined;
  const { rights } = descriptor;
  const isSegment = (rights & RIGHTS_S) !== 0;
  const isCode = isSegment && (rights & RIGHTS_CODE) !== 0;
  if (!isSegment) {
    const types = op === 'lar' ? SYSTEM_LAR : op === 'lsl' ? SYSTEM_LSL : undefined;
    if (!types?.has(rights & 15)) return undefined;
  }
  const conforming = isCode && (rights & 4) !== 0;
  const dpl = rightsDpl(rights);
  if (!conforming && (dpl < context.vcpu.cpl || dpl < (selector & 3))) return undefined;
  if (op === 'verr' && isCode && !(rights & 2)) return undefined;
  if (op === 'verw' && (isCode || !(rights & 2))) return undefined;
  return descriptor;
}
