// Naive trap-and-emulate: the guest kernel runs in ring 1 on shadow descriptors and shadow page tables, and every
// instruction that faults there is emulated. What does not fault runs on the real machine state, so the sensitive
// unprivileged instructions give wrong answers: that is the point (Popek & Goldberg 1974; Robin & Irvine 2000).

import type { Fields } from '../../../machine/stateful.ts';
import { DeprivilegedVmm } from '../../deprivileged.ts';
import { DescriptorShadow } from '../../descriptor-shadow.ts';
import type { ControlChange } from '../../emulate/context.ts';
import { sysenter } from '../../emulate/far.ts';
import { isNull, nullSegment, readDescriptor, unpackSegment } from '../../emulate/segments.ts';
import { GuestFault } from '../../host-access.ts';
import { HOST_LDT } from '../../host-memory.ts';
import type { DomainOptions, Finding, RunLimits, Technique } from '../../technique.ts';
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
import { SensitiveWatch } from './sensitive-watch.ts';

const EAX = 0;
const VECTORS_WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
const CR0_MIRRORED = CR0_TS | CR0_EM | CR0_MP | CR0_AM;
const MSR_SYSENTER_CS = 0x174;

/** Real privilege level for a virtual one. */
function compressed(level: number): number {
  return level === 0 ? 1 : level;
}

/** The VMM. */
export class TrapEmulateVmm extends DeprivilegedVmm {
  readonly technique = 'trap-emulate';
  readonly #descriptors: DescriptorShadow;
  readonly #watch: SensitiveWatch;

  constructor(options: DomainOptions) {
    super(options);
    this.#descriptors = new DescriptorShadow(this, compressed, true);
    this.#watch = new SensitiveWatch(this);
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
    const { vcpu } = this;
    // As the guest's: SYSENTER faults until the guest says where it goes.
    this.access.wrmsr(MSR_SYSENTER_CS, 0, 0);
    // RDTSC faults outside ring 0: everything that can trap does.
    this.access.writeCr4((this.machine.cpu.cr4 | CR4_TSD) >>> 0);
    for (let n = 0; n < 6; n++) {
      const segment = vcpu.segment(n);
      this.#descriptors.put(segment.selector, segment, 1);
    }
    for (let n = 0; n < 6; n++) this.setSegment(n, vcpu.segment(n));
  }

  // ---- Segments ------------------------------------------------------------------------------------------------------

  protected syncFromHardware(): void {
    const level = this.frame.cs & 3;
    this.vcpu.cpl = level === 1 ? 0 : level;
  }

  protected syncToHardware(): void {}

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
    const descriptor = isNull(selector) ? undefined : readDescriptor(this, selector);
    const segment = descriptor ? unpackSegment(descriptor) : nullSegment(selector);
    this.vcpu.segments[n] = segment;
    return segment;
  }

  setSegment(n: number, segment: VirtualSegment): void {
    this.vcpu.segments[n] = segment;
    const { selector } = segment;
    const level = compressed(this.vcpu.cpl);
    if (n === CS) this.frame.cs = (selector & 0xfffc) | level;
    else if (n === SS) this.frame.ss = isNull(selector) ? selector : (selector & 0xfffc) | level;
    else this.#loadReal(n, selector);
  }

  #loadReal(n: number, selector: number): void {
    const { access } = this;
    const kept = this.machine.cpu.reg(EAX);
    const load = [0x8e, 0xc0 | (n << 3)];
    access.setReg(EAX, selector);
    let fault = access.execute(load);
    if (fault && this.#descriptors.sync(selector)) fault = access.execute(load);
    if (fault) {
      access.setReg(EAX, 0);
      access.execute(load);
    }
    access.setReg(EAX, kept);
  }

  protected override tableChanged(what: ControlChange): void {
    switch (what) {
      case 'gdtr':
        this.#descriptors.syncTable('gdt');
        return;
      case 'ldtr':
        this.#descriptors.syncTable('ldt');
        this.#loadLdt(this.vcpu.ldtr.rights & RIGHTS_UNUSABLE ? 0 : HOST_LDT);
        return;
      case 'sysenter':
        this.access.wrmsr(MSR_SYSENTER_CS, this.vcpu.msrs.get(MSR_SYSENTER_CS)?.[0] ?? 0, 0);
        return;
      default:
    }
  }

  #loadLdt(selector: number): void {
    const { access } = this;
    const kept = this.machine.cpu.reg(EAX);
    access.setReg(EAX, selector);
    access.execute([0x0f, 0x00, 0xd0]);
    access.setReg(EAX, kept);
  }

  override changed(what: ControlChange): void {
    const before = this.lastCr0;
    super.changed(what);
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
        this.#protection(vector, error);
        return;
      case 0:
      case 5:
      case 6:
      case 7:
      case 16:
      case 17:
      case 19:
        this.inject(new GuestFault(vector, VECTORS_WITH_ERROR.has(vector) ? error : undefined));
        return;
      case 1:
        this.vcpu.dr[6] = (this.vcpu.dr[6]! | this.takeDebugStatus()) >>> 0;
        this.injectEvent({ vector, kind: 'trap' });
        return;
      default:
        this.softwareTrap(vector);
    }
  }

  /** A protection fault: a stale shadow descriptor, something to emulate, or the guest's own fault. */
  #protection(vector: number, error: number): void {
    const isSelector = error !== 0 && (error & 2) === 0;
    if (isSelector && this.#descriptors.sync(error & 0xffff)) return;
    this.emulateCurrent(new GuestFault(vector, error));
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
    return { watch: this.#watch.save() };
  }

  protected override loadTechnique(fields: Fields): void {
    this.#watch.load(fields.watch as Fields);
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
  create: (options) => new TrapEmulateVmm(options),
};
