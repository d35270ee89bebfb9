// The guest that a deprivileging technique runs, as emulation sees it: its registers behind the frame of the last entry, its
// memory behind shadow tables, and what follows when its control registers change.

import { disassemble } from '../isa/disassemble.ts';
import { decode } from '../isa/decode.ts';
import type { Ring0 } from '../cpu/ring0.ts';
import type { Machine } from '../pc/machine.ts';
import { VmmCounters } from './counters.ts';
import { Domain } from './domain.ts';
import type { ControlChange, GuestContext } from './emulate/context.ts';
import { GuestDebug } from './guest-debug.ts';
import { GuestMemory } from './guest-memory.ts';
import { GuestFault } from './host-access.ts';
import { AREA_OFFSET, PagePool, regionLinear } from './host-memory.ts';
import { type GateLevels, hostMachine, prepareHost } from './host-setup.ts';
import { ShadowPaging } from './shadow-paging.ts';
import type { DomainOptions, TechniqueName, TraceKind } from './technique.ts';
import { CR0_PE, CR0_WP, EFER_NXE, FLAG_IF, FLAG_IOPL, FLAG_VM, Vcpu, type VirtualSegment } from './vcpu.ts';

const ESP = 4;
/** Bits of EFLAGS that arithmetic changes, and DF. */
const ARITHMETIC = 0xcd5;
/** Offset in the shared area of the bytes used by `executeOnBehalf`. */
const SCRATCH = 0xf00;

/** The five words the CPU pushes and IRET takes. */
export interface TrapFrame {
  eip: number;
  cs: number;
  eflags: number;
  esp: number;
  ss: number;
}

/** A guest whose kernel runs in ring 1. */
export abstract class DeprivilegedGuest implements GuestContext {
  abstract readonly technique: TechniqueName;
  readonly machine: Machine;
  readonly domain: Domain;
  readonly vcpu = new Vcpu();
  readonly counters = new VmmCounters();
  readonly access: Ring0;
  readonly memory: GuestMemory;
  readonly shadow: ShadowPaging;
  /** What IRET will take, as read on entry and changed since. */
  readonly frame: TrapFrame = { eip: 0, cs: 0, eflags: 2, esp: 0, ss: 0 };
  readonly scratch = regionLinear(AREA_OFFSET + SCRATCH);
  readonly runsRealMode = false;
  readonly eferBits = EFER_NXE;
  readonly isLongHost = false;
  protected readonly options: DomainOptions;
  protected readonly debug: GuestDebug;
  readonly #warned = new Set<string>();

  constructor(options: DomainOptions) {
    this.options = options;
    this.machine = hostMachine(options, (what) => this.notSupported(what));
    this.access = this.machine.cpu.ring0;
    this.domain = new Domain({ machine: this.machine, memory: options.memory, serialOut: options.serialOut });
    const pool = new PagePool();
    const regionTables = prepareHost(this.machine, pool, (vector) => this.gateLevel(vector), this.hasTranslationCache);
    const { access, vcpu, domain, counters } = this;
    this.shadow = new ShadowPaging({
      access,
      vcpu,
      domain,
      counters,
      pool,
      regionTables,
      clearPage: (page) => this.machine.cpu.ram.fill(0, page, page + 0x1000),
      loadRoot: (root) => this.loadRoot(root),
      invalidate: (linear) => access.invlpg(linear),
      onTracedWrite: (frame) => this.tracedWrite(frame),
      onCodeChange: (frame, offset, length) => this.codeChanged(frame, offset, length),
      onRangeChange: (linear, length) => this.rangeChanged(linear, length),
    });
    this.memory = new GuestMemory({
      access,
      domain,
      paging: this.shadow.guest,
      shadow: this.shadow,
      shared: true,
      counters,
    });
    this.debug = new GuestDebug(this.machine, vcpu, this.memory);
  }

  /** False until paging is on. */
  protected started = false;

  protected loadRoot(root: number): void {
    if (this.started) this.access.writeCr3(root);
  }

  // ---- What the techniques add ---------------------------------------------------------------------------------------

  protected abstract gateLevel(vector: number): ReturnType<GateLevels>;
  abstract segment(n: number): VirtualSegment;
  abstract setSegment(n: number, segment: VirtualSegment): void;
  /** Translated code runs from the VMM region, so ring 1 must reach a part of it. */
  protected get hasTranslationCache(): boolean {
    return true;
  }
  /** The guest is about to write a frame that is traced as code. */
  protected tracedWrite(_frame: number): void {}
  protected codeChanged(_frame: number, _offset: number, _length: number): void {}
  protected rangeChanged(_linear: number, _length: number): void {}

  // ---- Registers ------------------------------------------------------------------------------------------------------

  reg(n: number): number {
    return n === ESP ? this.frame.esp : this.access.reg(n);
  }

  setReg(n: number, value: number): void {
    if (n === ESP) this.frame.esp = value >>> 0;
    else this.access.setReg(n, value >>> 0);
  }

  get eip(): number {
    return this.frame.eip;
  }

  set eip(value: number) {
    this.frame.eip = value >>> 0;
  }

  get flags(): number {
    return this.vcpu.virtualFlags(this.frame.eflags);
  }

  set flags(value: number) {
    this.vcpu.interruptFlag = (value & FLAG_IF) !== 0;
    this.vcpu.iopl = (value & FLAG_IOPL) >>> 12;
    this.frame.eflags = ((value & ~(FLAG_IOPL | FLAG_VM)) | FLAG_IF | 2) >>> 0;
  }

  readScratch(size: 1 | 2 | 4, at = 0): number {
    return this.access.tryLoad(this.scratch + at, size)!;
  }

  writeScratch(size: 1 | 2 | 4, value: number, at = 0): void {
    this.access.tryStore(this.scratch + at, size, value);
  }

  executeOnBehalf(bytes: readonly number[]): void {
    const { cpu } = this.machine;
    const stack = cpu.reg(ESP);
    cpu.setReg(ESP, this.frame.esp);
    cpu.eflags = (this.frame.eflags & ARITHMETIC) | 2;
    const fault = this.access.execute(bytes);
    this.frame.eflags = ((this.frame.eflags & ~ARITHMETIC) | (cpu.eflags & ARITHMETIC)) >>> 0;
    this.frame.esp = cpu.reg(ESP);
    cpu.setReg(ESP, stack);
    cpu.eflags = 2;
    if (fault) throw new GuestFault(fault.vector, fault.vector === 0 ? undefined : fault.error);
  }

  changed(what: ControlChange): void {
    const { vcpu } = this;
    switch (what) {
      case 'cr0':
        if (!(vcpu.cr0 & CR0_PE)) return;
        if ((vcpu.cr0 ^ this.lastCr0) & CR0_WP) this.shadow.flush();
        else if ((vcpu.cr0 ^ this.lastCr0) & 0x8000_0000) this.shadow.activate();
        this.lastCr0 = vcpu.cr0;
        return;
      case 'efer':
        this.shadow.flush();
        return;
      case 'cr3':
      case 'cr4':
        this.shadow.activate();
        return;
      case 'dr':
        this.debug.load();
        return;
      default:
        this.tableChanged(what);
    }
  }

  protected lastCr0 = this.vcpu.cr0;
  protected tableChanged(_what: ControlChange): void {}

  invlpg(linear: number): void {
    this.shadow.invlpg(linear);
  }

  notSupported(what: string): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    this.options.warn?.(`The guest asked for ${what}, which this version does not have.`);
  }

  protected trace(kind: TraceKind, text: () => string): void {
    if (this.options.trace && this.options.traceKinds?.has(kind)) this.options.trace(kind, text());
  }

  /** Where the guest is, for messages: nothing is charged. */
  where(): string {
    const { frame } = this;
    const base = `${frame.cs.toString(16)}:${frame.eip.toString(16)} cpl ${this.vcpu.cpl}`;
    const bytes = this.peekCode();
    const instruction = bytes && decode(bytes, 0, 32);
    return instruction ? `${base} ${disassemble(instruction, frame.eip)}` : base;
  }

  /** Code bytes at the guest's EIP as the real CPU sees them, uncharged. */
  protected peekCode(): Uint8Array | undefined {
    return undefined;
  }
}
