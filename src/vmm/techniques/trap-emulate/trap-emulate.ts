// Naive trap-and-emulate: the guest kernel runs in ring 1 on shadow descriptors and shadow page tables, and every
// instruction that faults there is emulated. What does not fault runs on the real machine state, so the sensitive
// unprivileged instructions give wrong answers: that is the point (Popek & Goldberg 1974; Robin & Irvine 2000).

import { HOST_NEEDS } from '../../host-setup.ts';
import { booleanField, type Fields, listField } from '../../../machine/stateful.ts';
import { DeprivilegedVmm } from '../../deprivileged.ts';
import type { ControlChange } from '../../emulate/context.ts';
import { sysenter } from '../../emulate/far.ts';
import { isNull, nullSegment, readDescriptor, unpackSegment } from '../../emulate/segments.ts';
import { GuestFault, VECTOR_GP } from '../../host-access.ts';
import { HOST_CODE, HOST_LDT, REGION_LINEAR } from '../../host-memory.ts';
import type { RunLimits } from '../../../pc/machine.ts';
import type { DomainOptions, Finding, Technique } from '../../technique.ts';
import type { MachineStop } from '../../../pc/exit.ts';
import {
  CR0_AM,
  CR0_EM,
  CR0_MP,
  CR0_TS,
  CR4_TSD,
  CS,
  FLAG_IF,
  RIGHTS_UNUSABLE,
  SS,
  type VirtualSegment,
} from '../../vcpu.ts';
import { compressed, SegmentShadow } from './segment-shadow.ts';
import { SensitiveWatch } from './sensitive-watch.ts';

const EAX = 0;
const CR0_MIRRORED = CR0_TS | CR0_EM | CR0_MP | CR0_AM;
const MSR_SYSENTER_CS = 0x174;
const LDTR = 7;
/** Work of the VMM to find the host entries IRET needs. */
const RETURN_WORK = 8;

/** The VMM. */
export class TrapEmulateVmm extends DeprivilegedVmm {
  readonly technique = 'trap-emulate';
  readonly #descriptors: SegmentShadow;
  readonly #watch: SensitiveWatch;
  /** CS or SS was set, or host entries went: IRET may not find what it needs. */
  #returnChanged = true;

  constructor(options: DomainOptions) {
    super(options);
    this.#descriptors = new SegmentShadow(this, this.shadow);
    this.#descriptors.beforeDrop = () => this.#noteLoaded();
    this.#watch = new SensitiveWatch(this);
  }

  protected override get hasTranslationCache(): boolean {
    return false;
  }

  override findings(): readonly Finding[] {
    return this.#watch.findings();
  }

  override run(limits: RunLimits): MachineStop {
    return this.#watch.run(limits, (inner) => super.run(inner));
  }

  protected gateLevel(vector: number): 0 | 3 {
    return vector === 3 || vector === 4 || (vector >= 0x20 && vector < 0xf0) ? 3 : 0;
  }

  protected prepareStart(): void {
    const { vcpu, access } = this;
    // RDTSC faults outside ring 0: everything that can trap does. So does SYSENTER until the guest says where it goes.
    access.writeCr4((this.machine.cpu.cr4 | CR4_TSD) >>> 0);
    access.wrmsr(MSR_SYSENTER_CS, 0);
    for (let n = 0; n < 6; n++) this.setSegment(n, vcpu.segment(n));
  }

  // ---- Segments ------------------------------------------------------------------------------------------------------

  protected syncFromHardware(): void {
    this.#descriptors.settle();
    const level = this.frame.cs & 3;
    this.vcpu.cpl = level === 1 ? 0 : level;
  }

  protected syncToHardware(): void {
    if (!this.#returnChanged) return;
    this.#returnChanged = false;
    this.access.charge('alu', RETURN_WORK);
    const code = this.segment(CS);
    const stack = this.segment(SS);
    this.#descriptors.dropLoose([code.selector, stack.selector]);
    for (const segment of [code, stack]) if (!isNull(segment.selector)) this.#descriptors.place(segment);
    this.#loadLdt();
    // Entries that stand for a register alone go as soon as the register has another selector.
    this.#returnChanged = this.#descriptors.hasLoose;
  }

  /** The guest goes on where IRET cannot take it. */
  protected override returnFault(fault: GuestFault): void {
    const code = this.segment(CS);
    const linear = code.base + this.eip;
    if (this.eip <= code.limit && (linear >= REGION_LINEAR || code.base >= REGION_LINEAR)) {
      // At addresses the VMM occupies: what the guest has there is fetched and emulated.
      this.emulateCurrent(new GuestFault(VECTOR_GP, 0));
      return;
    }
    if (!isNull(code.selector) && code.selector >= HOST_CODE && !(code.selector & 4)) {
      this.notSupported('a code segment in the last entries of a full GDT');
    }
    this.inject(fault);
  }

  /** The selector as the guest would see it on its own ring. */
  #selector(n: number): number {
    if (n === CS) return (this.frame.cs & 0xfffc) | this.vcpu.cpl;
    if (n === SS) return this.frame.ss & 3 ? (this.frame.ss & 0xfffc) | this.vcpu.cpl : this.frame.ss;
    this.access.charge('segment-read', 1);
    return this.machine.cpu.segment(n).selector;
  }

  segment(n: number): VirtualSegment {
    const selector = this.#selector(n);
    const known = this.vcpu.segment(n);
    if (known.selector === selector) return known;
    const segment = this.#descriptors.segment(selector) ?? this.#readSegment(selector);
    this.vcpu.segments[n] = segment;
    return segment;
  }

  #readSegment(selector: number): VirtualSegment {
    try {
      const descriptor = isNull(selector) ? undefined : readDescriptor(this, selector);
      return descriptor ? unpackSegment(descriptor) : nullSegment(selector);
    } catch (error) {
      if (error instanceof GuestFault) return nullSegment(selector);
      throw error;
    }
  }

  setSegment(n: number, segment: VirtualSegment): void {
    this.vcpu.segments[n] = segment;
    const { selector } = segment;
    const level = compressed(this.vcpu.cpl);
    if (n === CS) this.frame.cs = (selector & 0xfffc) | level;
    else if (n === SS) this.frame.ss = isNull(selector) ? selector : (selector & 0xfffc) | level;
    else this.#loadReal(n, segment);
    if (n === CS || n === SS) this.#returnChanged = true;
  }

  #loadReal(n: number, segment: VirtualSegment): void {
    const { selector } = segment;
    const load = [0x8e, 0xc0 | (n << 3)];
    const usable = isNull(selector) || (!(segment.rights & RIGHTS_UNUSABLE) && this.#descriptors.place(segment));
    this.#returnChanged = true;
    const kept = this.machine.cpu.reg(EAX);
    this.access.setReg(EAX, usable ? selector : 0);
    if (this.access.execute(load)) {
      this.access.setReg(EAX, 0);
      this.access.execute(load);
    }
    this.access.setReg(EAX, kept);
  }

  /** Notes the hidden parts of the segment registers, before the host entries they were loaded from go. */
  #noteLoaded(): void {
    for (let n = 0; n < 6; n++) this.segment(n);
    this.#returnChanged = true;
  }

  protected override tracedWrite(frame: number): void {
    this.#descriptors.dropFrame(frame);
  }

  protected override codeChanged(frame: number): void {
    this.#descriptors.dropFrame(frame);
  }

  protected override rangeChanged(): void {
    if (this.started) this.#descriptors.recheck();
  }

  protected override tableChanged(what: ControlChange): void {
    switch (what) {
      case 'gdtr':
        this.#descriptors.dropTable('gdt');
        return;
      case 'ldtr':
        this.#descriptors.dropTable('ldt');
        this.#loadLdt();
        return;
      case 'sysenter': {
        const selector = this.vcpu.msrs.get(MSR_SYSENTER_CS)?.[0] ?? 0;
        this.access.wrmsr(MSR_SYSENTER_CS, isNull(selector) ? 0 : HOST_CODE, 0);
        return;
      }
      default:
    }
  }

  /** The host's LDT is in place while the guest has one, or still runs on a segment of its last one. */
  #loadLdt(): void {
    const { vcpu, machine, frame } = this;
    const wanted = !(vcpu.ldtr.rights & RIGHTS_UNUSABLE) || (frame.cs | frame.ss) & 4 ? HOST_LDT : 0;
    if (machine.cpu.segment(LDTR).selector !== wanted) this.access.lldt(wanted);
  }

  override changed(what: ControlChange): void {
    const before = this.lastCr0;
    super.changed(what);
    if (what === 'cr0' || what === 'cr3' || what === 'cr4') this.#descriptors.recheck();
    if (what !== 'cr0' || !((before ^ this.vcpu.cr0) & CR0_MIRRORED)) return;
    this.access.writeCr0(((this.machine.cpu.cr0 & ~CR0_MIRRORED) | (this.vcpu.cr0 & CR0_MIRRORED)) >>> 0);
  }

  // ---- Traps ---------------------------------------------------------------------------------------------------------

  protected trap(vector: number, error: number): void {
    switch (vector) {
      case 14:
        if (!this.pageFault(error)) this.emulateCurrent();
        return;
      case 10:
      case 11:
      case 12:
      case 13:
        // A segment the host has no entry for yet, something privileged, or the guest's own fault.
        this.emulateCurrent(new GuestFault(vector, error));
        return;
      default:
        this.passOn(vector, error);
    }
  }

  protected sysenterTrap(): void {
    const { cpu } = this.machine;
    this.frame.eflags = (cpu.eflags | FLAG_IF) >>> 0;
    this.access.charge('pushf', 1);
    sysenter(this);
  }

  protected override peekCode(): Uint8Array | undefined {
    return this.#watch.peek((this.vcpu.segment(CS).base + this.frame.eip) >>> 0, 15);
  }

  protected override saveTechnique(): Fields {
    return {
      watch: this.#watch.save(),
      descriptors: this.#descriptors.save(),
      returnChanged: this.#returnChanged,
    };
  }

  protected override loadTechnique(fields: Fields): void {
    this.#watch.load(fields.watch as Fields);
    this.#descriptors.load(listField(fields, 'descriptors') as Fields[]);
    this.#returnChanged = booleanField(fields, 'returnChanged');
  }
}

/** The technique's entry in the registry. */
export const trapEmulate: Technique = {
  name: 'trap-emulate',
  aliases: [],
  summary: 'the kernel runs in ring 1 and every instruction that faults there is emulated; x86 does not fault enough',
  description: [
    'The classic virtual machine monitor. The guest kernel is moved from ring 0 to ring 1 (ring compression): its GDT is ' +
      'shadowed by one with adjusted privilege levels and limits that end below the monitor, its page tables by shadow ' +
      'page tables. Privileged instructions fault, the monitor emulates them on a virtual CPU and goes on.',
    'Popek and Goldberg showed in 1974 when that is enough: when every sensitive instruction is privileged. On x86 some ' +
      'seventeen are not (Robin and Irvine 2000). POPF leaves the interrupt flag alone without a fault, PUSH CS shows ' +
      'ring 1, SGDT the monitor’s table. This technique lets them do so and reports each: which, where, and what ' +
      'the guest wrongly saw.',
  ],
  guest: 'unmodified',
  needs: HOST_NEEDS,
  create: (options) => new TrapEmulateVmm(options),
};
