// The real segment registers while the guest runs. Translated code runs on slots: six host descriptors made from the
// virtual CPU's descriptor caches, fit for ring 1 and cut off below the VMM. User code runs on the guest's own selectors,
// through shadows of its descriptor tables that are checked on every way to ring 3.

import type { Fields } from '../../../machine/stateful.ts';
import type { Cpu } from '../../../cpu/cpu.ts';
import { DescriptorShadow, shadowDescriptor } from '../../descriptor-shadow.ts';
import type { GuestContext } from '../../emulate/context.ts';
import { isNull, nullSegment, readDescriptor, unpackSegment } from '../../emulate/segments.ts';
import type { HostAccess } from '../../host-access.ts';
import { AREA_DATA, GDT_OFFSET, regionLinear, SELECTOR_SLOTS } from '../../host-memory.ts';
import { CS, EAX, GS, RIGHTS_UNUSABLE, SS, type VirtualSegment } from '../../vcpu.ts';
import * as area from './area.ts';
import type { SharedArea } from './shared-area.ts';

const AREA_SELECTOR = AREA_DATA | 1;
const DATA_SEGMENTS = [0, 3, 4, 5] as const;
const ALL = 0x3f;

/** What the segment registers need of their VMM. */
export interface SegmentHost extends GuestContext {
  readonly access: HostAccess & { execute(bytes: readonly number[]): unknown };
}

/** Real and virtual segment registers. */
export class SegmentRegisters {
  readonly #host: SegmentHost;
  readonly #cpu: Cpu;
  readonly #area: SharedArea;
  readonly descriptors: DescriptorShadow;
  /** What the real data segment registers hold: the slots (kernel), the guest's selectors (user), or neither. */
  #real: 'slots' | 'user' | 'none' = 'none';
  /** Registers whose slot is out of date, and whose real register is: bit per register. */
  #dirtySlots = ALL;
  #dirtyReal = ALL;

  constructor(host: SegmentHost, cpu: Cpu, shared: SharedArea) {
    this.#host = host;
    this.#cpu = cpu;
    this.#area = shared;
    this.descriptors = new DescriptorShadow(host, (dpl) => dpl, false);
  }

  /** Selector of SS while translated code runs. */
  get stackSelector(): number {
    return (SELECTOR_SLOTS + 8 * SS) | 1;
  }

  /** The guest loaded a segment register. */
  set(n: number, segment: VirtualSegment): void {
    this.#host.vcpu.segments[n] = segment;
    this.#dirtySlots |= 1 << n;
    this.#dirtyReal |= 1 << n;
  }

  /** The VMM was entered from translated code. */
  leftCache(): void {
    this.#real = 'slots';
  }

  /** The VMM was entered from user code, which may have loaded segment registers itself. */
  leftUser(): void {
    this.#real = 'user';
    this.#host.access.charge('segment-read', DATA_SEGMENTS.length);
    for (const n of DATA_SEGMENTS) this.adopt(n, this.#cpu.segment(n).selector);
  }

  /** The virtual register follows the real one. */
  adopt(n: number, selector: number): void {
    const { vcpu } = this.#host;
    if (vcpu.segment(n).selector === selector) return;
    const descriptor = isNull(selector) ? undefined : readDescriptor(this.#host, selector);
    vcpu.segments[n] = descriptor ? unpackSegment(descriptor) : nullSegment(selector);
    this.#dirtySlots |= 1 << n;
  }

  /** For translated code: slots of the registers that changed, and the real registers. */
  loadSlots(): void {
    const { vcpu } = this.#host;
    const reload = this.#real === 'slots' ? this.#dirtyReal : ALL;
    for (let n = 0; n < 6; n++) {
      const segment = vcpu.segment(n);
      if (this.#dirtySlots & (1 << n)) this.#writeSlot(n, segment);
      if (n === CS || n === SS || !(reload & (1 << n))) continue;
      const slot = isUsable(segment) ? (SELECTOR_SLOTS + 8 * n) | 1 : 0;
      this.#loadReal(n, n === GS ? AREA_SELECTOR : slot);
    }
    this.#dirtySlots = 0;
    this.#dirtyReal = 0;
    this.#real = 'slots';
  }

  #writeSlot(n: number, segment: VirtualSegment): void {
    this.#area.store(area.SELECTORS + 4 * n, segment.selector);
    if (n === CS || n === GS) return;
    const [low, high] = shadowDescriptor(segment, 1);
    const at = regionLinear(GDT_OFFSET + SELECTOR_SLOTS + 8 * n);
    this.#host.access.tryStore(at, 4, low);
    this.#host.access.tryStore(at + 4, 4, high);
  }

  /** For user code: the guest's selectors, through fresh shadows. */
  loadUser(): void {
    const { vcpu } = this.#host;
    const reload = this.#real === 'user' ? this.#dirtyReal : ALL;
    // The kernel may have changed its tables since.
    if (this.#real !== 'user') this.descriptors.refresh();
    for (const n of [CS, SS]) if (reload & (1 << n)) this.#map(vcpu.segment(n).selector);
    for (const n of DATA_SEGMENTS) {
      if (!(reload & (1 << n))) continue;
      const { selector, rights } = vcpu.segment(n);
      const isUnusable = (rights & RIGHTS_UNUSABLE) !== 0;
      if (!isUnusable) this.#map(selector);
      this.#loadReal(n, isUnusable ? selector & 3 : selector);
    }
    this.#real = 'user';
    this.#dirtyReal = 0;
  }

  #map(selector: number): void {
    if (!this.descriptors.mapped.has(selector & 0xfffc)) this.descriptors.sync(selector);
  }

  #loadReal(n: number, selector: number): void {
    const load = [0x8e, 0xc0 | (n << 3)];
    const kept = this.#cpu.reg(EAX);
    this.#cpu.setReg(EAX, selector);
    if (this.#host.access.execute(load)) {
      this.#cpu.setReg(EAX, 0);
      this.#host.access.execute(load);
    }
    this.#cpu.setReg(EAX, kept);
  }

  save(): Fields {
    return {
      real: this.#real,
      dirtySlots: this.#dirtySlots,
      dirtyReal: this.#dirtyReal,
      mapped: [...this.descriptors.mapped],
    };
  }

  load(fields: Fields): void {
    this.#real = fields.real as 'slots';
    this.#dirtySlots = fields.dirtySlots as number;
    this.#dirtyReal = fields.dirtyReal as number;
    this.descriptors.mapped.clear();
    for (const selector of fields.mapped as number[]) this.descriptors.mapped.add(selector);
  }
}

function isUsable(segment: VirtualSegment): boolean {
  return !(segment.rights & RIGHTS_UNUSABLE) && (shadowDescriptor(segment, 1)[1] & 0x8000) !== 0;
}
