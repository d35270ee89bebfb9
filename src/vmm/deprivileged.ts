// What the techniques that run the guest kernel deprivileged have in common: entry through the host IDT with a real
// frame, the guest's registers behind that frame, host timer and idling, delivery of virtual interrupts, return by a real
// IRET. Everything goes through Ring0, so everything is charged.

import type { BootOptions } from '../boot/multiboot.ts';
import type { RunLimits } from '../pc/machine.ts';
import type { Fault } from '../cpu/cpu-state.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, fieldsField, numberField } from '../machine/stateful.ts';
import type { MachineStop } from '../pc/exit.ts';
import { STATUS_IDLE, STATUS_SHUTDOWN } from '../pc/exit.ts';
import { EXCEPTION_NAMES, vectorName } from './counters.ts';
import { latchCoprocessorError } from './coprocessor-error.ts';
import { deliver, type GuestEvent } from './emulate/deliver.ts';
import { emulate, fetchInstruction, raise } from './emulate/emulator.ts';
import type { GuestInstruction } from './emulate/instruction.ts';
import { DeprivilegedGuest } from './deprivileged-guest.ts';
import { DR6_BS } from './guest-debug.ts';
import { GuestFault, PF_FETCH, PF_USER, PF_WRITE, VECTOR_PF, VECTOR_UD } from './host-access.ts';
import {
  ENTRY_SYSENTER,
  HOST_CODE,
  IDLE_OFFSET,
  regionLinear,
  VECTOR_CALLOUT,
  VECTOR_HOST_IRQ,
  VECTOR_TIMER,
} from './host-memory.ts';
import { HostTimer } from './host-timer.ts';
import { STACK_TOP, startPaging } from './host-setup.ts';
import type { DomainOptions, Finding, Vmm } from './technique.ts';
import { FLAG_IF, FLAG_NT, FLAG_TF } from './vcpu.ts';

const ESP = 4;
const VECTOR_DB = 1;
/** #DE, #BR, #UD, #NM, #MF, #AC, #XM: nothing of these is hidden from a guest. */
const EXCEPTIONS = new Set([0, 5, 6, 7, 16, 17, 19]);
const VECTORS_WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
/** Work of the VMM's entry and exit paths beyond the accesses that are charged one by one. */
const ENTRY_WORK = 12;
const EXIT_WORK = 12;

/** Base of the VMMs that run guest kernels in ring 1. */
export abstract class DeprivilegedVmm extends DeprivilegedGuest implements Vmm, Stateful {
  readonly name: string = 'deprivileging vmm';
  readonly version = 1;
  #stop: MachineStop | undefined;
  #idle = false;
  #inside = false;
  readonly #timer: HostTimer;

  constructor(options: DomainOptions) {
    super(options);
    this.domain.kick = () => this.#kick();
    this.#timer = new HostTimer(this.machine);
    this.machine.doorway = (entry) => this.enter(entry);
    for (const part of this.parts) this.machine.addPart(part);
  }

  get parts(): readonly Stateful[] {
    return [this.vcpu, this.domain, this.shadow, this.counters, this];
  }

  findings(): readonly Finding[] {
    return [];
  }

  serialIn(byte: number): void {
    this.machine.serialIn(byte);
  }

  run(limits: RunLimits): MachineStop {
    const stop = this.machine.runUntil(limits);
    if (this.#stop) return this.#stop;
    return stop;
  }

  start(image: Uint8Array, options: BootOptions): void {
    const { entry, info } = this.domain.loadMultiboot(image, options);
    this.#inside = true;
    this.machine.cpu.setReg(0, 0x2bad_b002);
    this.machine.cpu.setReg(3, info);
    Object.assign(this.frame, { eip: entry, eflags: 2 | FLAG_IF, esp: 0 });
    this.started = false;
    this.shadow.activate();
    this.started = true;
    startPaging(this.machine, this.shadow.root);
    this.access.writeCr3(this.shadow.root);
    this.prepareStart();
    this.#resume();
  }

  // ---- What the techniques add ---------------------------------------------------------------------------------------

  /** The guest is at its entry point: load its segments. */
  protected abstract prepareStart(): void;
  /** A trap that is not a host interrupt. */
  protected abstract trap(vector: number, error: number): void;
  /** SYSENTER was executed outside ring 0. */
  protected abstract sysenterTrap(): void;
  /** Brings what the hardware holds into the virtual CPU after an entry. */
  protected abstract syncFromHardware(): void;
  /** Brings the frame and the hardware into the state in which the guest goes on. */
  protected abstract syncToHardware(): void;
  /** True when the guest is at the boundary between two of its instructions. */
  protected atBoundary(): boolean {
    return true;
  }
  /** Interrupts are pending and wanted, but this is no boundary. */
  protected waitForBoundary(): void {}
  /** IRET to the guest faulted: what the guest gets instead. */
  protected returnFault(fault: GuestFault): void {
    this.inject(fault);
  }
  // ---- Entry and exit -------------------------------------------------------------------------------------------------

  enter(entry: number): void {
    this.#inside = true;
    this.counters.entries++;
    this.access.charge('alu', ENTRY_WORK);
    if (this.#idle) {
      this.#idle = false;
      this.hostInterrupt(entry);
    } else if (entry === ENTRY_SYSENTER) {
      this.enterSysenter();
      this.#clearNestedTask();
    } else if (entry === 1 && this.#trappedInside()) {
      this.#stepIntoSysenter();
    } else {
      this.saveRegisters();
      const error = this.#readFrame(entry);
      this.syncFromHardware();
      if (entry !== VECTOR_CALLOUT) this.counters.add('traps', hostVectorName(entry));
      this.trace('exits', () => `${hostVectorName(entry)} at ${this.where()}`);
      if (entry >= VECTOR_HOST_IRQ || entry === VECTOR_TIMER) this.hostInterrupt(entry);
      else this.trap(entry, error);
    }
    this.#resume();
    if (this.stopAfterEntry) this.machine.requestStop();
  }

  /** SYSENTER leaves NT as the guest had it; with NT set, IRET would return to another task. */
  #clearNestedTask(): void {
    this.access.charge('alu', 2);
    if (!(this.machine.cpu.eflags & FLAG_NT)) return;
    this.access.charge('popf');
    this.machine.cpu.eflags = 2;
  }

  /** A debug trap in ring 0: SYSENTER was stepped, which does not clear TF. */
  #trappedInside(): boolean {
    return (this.access.tryLoad(this.access.reg(ESP) + 4, 4)! & 3) === 0;
  }

  #stepIntoSysenter(): void {
    const { access, machine } = this;
    const at = access.reg(ESP);
    machine.cpu.eflags = (access.tryLoad(at + 8, 4)! & ~FLAG_IF) | 2;
    access.setReg(ESP, at + 12);
    this.takeDebugStatus();
    this.enterSysenter();
    machine.cpu.eflags = 2;
    if (!(this.frame.eflags & FLAG_TF)) return;
    this.vcpu.dr[6] = (this.vcpu.dr[6]! | DR6_BS) >>> 0;
    this.injectEvent({ vector: 1, kind: 'trap' });
  }

  /** Makes `run` return after every entry of the VMM. */
  stopAfterEntry = false;

  /** The VMM itself ended the run. */
  stopRequested(): boolean {
    return this.#stop !== undefined;
  }

  /** SYSENTER left no frame: the technique knows where the guest was. */
  protected enterSysenter(): void {
    this.saveRegisters();
    this.counters.add('traps', 'sysenter');
    this.sysenterTrap();
  }

  /** PUSHA, and flat data segments for the VMM's own accesses. */
  protected saveRegisters(): void {
    this.lightEntry = false;
    this.access.charge('stack-frame', 1);
    this.access.charge('segment-load', 2);
  }

  /** The entry was one that saves nothing: a call-out whose few registers the VMM leaves alone. */
  protected lightEntry = false;

  #restoreRegisters(): void {
    if (this.lightEntry) return;
    this.access.charge('segment-load', 2);
    this.access.charge('stack-frame', 1);
  }

  #readFrame(vector: number): number {
    const { access, frame } = this;
    let at = access.reg(ESP);
    let error = 0;
    if (VECTORS_WITH_ERROR.has(vector)) {
      error = access.tryLoad(at, 4)!;
      at += 4;
    }
    frame.eip = access.tryLoad(at, 4)!;
    frame.cs = access.tryLoad(at + 4, 4)! & 0xffff;
    frame.eflags = access.tryLoad(at + 8, 4)!;
    frame.esp = access.tryLoad(at + 12, 4)!;
    frame.ss = access.tryLoad(at + 16, 4)! & 0xffff;
    return error;
  }

  #resume(): void {
    this.#deliverPending();
    if (this.#stop) {
      this.machine.requestStop();
      this.#goIdle();
    } else if (this.vcpu.halted) {
      this.#timer.program(this.domain.nextEvent, false);
      this.#goIdle();
    } else {
      this.#timer.program(this.domain.nextEvent, true);
      this.syncToHardware();
      if (this.#stop) this.#goIdle();
      else this.#returnToGuest();
    }
    this.#inside = false;
  }

  /** A real IRET from a real frame. */
  #returnToGuest(): void {
    const { access, frame } = this;
    for (let tries = 0; tries < 3; tries++) {
      const at = STACK_TOP - 20;
      access.tryStore(at, 4, frame.eip);
      access.tryStore(at + 4, 4, frame.cs);
      access.tryStore(at + 8, 4, frame.eflags);
      access.tryStore(at + 12, 4, frame.esp);
      access.tryStore(at + 16, 4, frame.ss);
      access.setReg(ESP, at);
      access.charge('alu', EXIT_WORK);
      this.#restoreRegisters();
      const fault = this.returnInstruction();
      if (!fault) return;
      this.returnFault(new GuestFault(fault.vector, fault.error));
      if (this.#stop) break;
      this.syncToHardware();
    }
    // Possible with segments that only the guest's own privilege could load.
    const report = `The guest's segments cannot be loaded for it at ${this.where()} under ${this.technique}.`;
    this.#stop ??= { reason: 'shutdown', status: STATUS_SHUTDOWN, report };
    this.machine.requestStop();
    this.#goIdle();
  }

  /** IRET, unless the technique knows a better way. */
  protected returnInstruction(): Fault | undefined {
    return this.access.iret();
  }

  #goIdle(): void {
    const { access } = this;
    this.#idle = true;
    access.tryStore(STACK_TOP - 12, 4, regionLinear(IDLE_OFFSET));
    access.tryStore(STACK_TOP - 8, 4, HOST_CODE);
    access.tryStore(STACK_TOP - 4, 4, FLAG_IF | 2);
    access.setReg(ESP, STACK_TOP - 12);
    access.iret();
  }

  /** Puts an exception before the guest. */
  inject(fault: GuestFault): void {
    if (latchCoprocessorError(fault.vector, this.vcpu, this.domain)) return;
    this.trace('interrupts', () => `${vectorName(fault.vector)} for the guest at ${this.where()}`);
    if (!raise(this, fault)) this.#shutDown();
  }

  /** Puts an interrupt or a software interrupt before the guest. */
  injectEvent(event: GuestEvent): void {
    this.trace('interrupts', () => `${vectorName(event.vector)} (${event.kind}) for the guest at ${this.where()}`);
    if (!deliver(this, event)) this.#shutDown();
  }

  #shutDown(): void {
    const report = `The guest's processor shut down (triple fault) at ${this.where()} under ${this.technique}.`;
    this.#stop = { reason: 'shutdown', status: STATUS_SHUTDOWN, report };
  }

  // ---- Interrupts and time --------------------------------------------------------------------------------------------

  protected hostInterrupt(vector: number): void {
    this.#timer.acknowledge(vector);
  }

  /** Virtual chips act; a pending virtual interrupt goes to the guest if it takes one here. */
  #deliverPending(): void {
    const { vcpu, domain } = this;
    this.beforeDevices();
    domain.update();
    this.access.charge('alu', 4);
    if (vcpu.shutdown || this.#stop || !domain.interruptPending) {
      if (vcpu.halted && !domain.interruptPending) this.#checkForeverIdle();
      return;
    }
    if (!vcpu.interruptFlag) {
      if (vcpu.halted) this.#checkForeverIdle();
      return;
    }
    if (!vcpu.halted && (!this.atBoundary() || this.inShadow())) {
      this.waitForBoundary();
      return;
    }
    vcpu.halted = false;
    vcpu.shadowAddress = undefined;
    this.beforeInterrupt();
    this.injectEvent({ vector: domain.platform.acknowledge(), kind: 'external' });
  }

  /** The technique's state the virtual chips must know. */
  protected beforeDevices(): void {}
  /** The guest is about to take an external interrupt. */
  protected beforeInterrupt(): void {}

  /** The instruction to come follows STI or a load of SS. */
  protected inShadow(): boolean {
    const { vcpu } = this;
    if (vcpu.shadowAddress === undefined) return false;
    if (vcpu.shadowAddress === (this.segment(1).base + this.eip) >>> 0) return true;
    vcpu.shadowAddress = undefined;
    return false;
  }

  #checkForeverIdle(): void {
    const wakeable = this.vcpu.interruptFlag;
    if (!wakeable) this.#stop = { reason: 'idle', status: STATUS_IDLE, wakeable };
  }

  /** Input arrived while the guest runs: the host's interrupt that brought it enters the VMM. */
  #kick(): void {
    if (!this.#inside) this.#timer.interruptSoon();
  }

  // ---- Common traps ---------------------------------------------------------------------------------------------------

  /** Fetches, decodes and emulates the instruction at the guest's EIP and delivers what comes of it. */
  protected emulateCurrent(otherwise?: GuestFault): void {
    let instruction: GuestInstruction;
    try {
      instruction = fetchInstruction(this);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      this.inject(error);
      return;
    }
    this.emulateInstruction(instruction, otherwise);
  }

  /** `otherwise` is what the guest gets when there is nothing to emulate. */
  protected emulateInstruction(instruction: GuestInstruction, otherwise?: GuestFault): void {
    const stepped = (this.frame.eflags & FLAG_TF) !== 0;
    this.debug.watch();
    const result = emulate(this, instruction);
    const hits = this.debug.hits();
    switch (result.kind) {
      case 'done':
        if (stepped || hits !== 0) this.afterStep((stepped ? DR6_BS : 0) | hits);
        return;
      case 'fault':
        this.inject(result.fault);
        return;
      case 'software':
        this.injectEvent({ vector: result.vector, kind: 'software', start: result.start });
        return;
      case 'unknown':
        if (!otherwise) this.notSupported(`emulation of ${instruction.form.mnemonic}`);
        this.inject(otherwise ?? new GuestFault(VECTOR_UD));
    }
  }

  /** An emulated instruction ended with TF set in the guest's flags, or hit a breakpoint: `status` for DR6. */
  protected afterStep(status: number): void {
    this.vcpu.dr[6] = (this.vcpu.dr[6]! | status) >>> 0;
    this.injectEvent({ vector: 1, kind: 'trap' });
  }

  /** A trap that the VMM has no part in: the guest's instruction raised an exception, or is INT n. */
  protected passOn(vector: number, error: number): void {
    if (EXCEPTIONS.has(vector)) this.injectException(vector, error);
    else if (vector === VECTOR_DB) {
      this.vcpu.dr[6] = (this.vcpu.dr[6]! | this.takeDebugStatus()) >>> 0;
      this.injectEvent({ vector, kind: 'trap' });
    } else this.#softwareTrap(vector);
  }

  /** The exception of a trap, as it came. */
  protected injectException(vector: number, error: number): void {
    this.inject(new GuestFault(vector, VECTORS_WITH_ERROR.has(vector) ? error : undefined));
  }

  /** INT n, INT3 or INTO of the guest came through a host gate it may use. */
  #softwareTrap(vector: number): void {
    const { eip } = this;
    let length = 2;
    if (vector < 0x20) {
      const last = this.#peekByte((this.segment(1).base + eip - 1) >>> 0);
      if (last === 0xcc || last === 0xce) length = 1;
    }
    this.injectEvent({ vector, kind: 'software', start: (eip - length) >>> 0 });
  }

  #peekByte(linear: number): number | undefined {
    try {
      return this.memory.fetch(linear, 1, this.vcpu.cpl === 3)[0];
    } catch (error) {
      if (error instanceof GuestFault) return undefined;
      throw error;
    }
  }

  /** What the real DR6 says, which is cleared. */
  protected takeDebugStatus(): number {
    return this.debug.takeStatus();
  }

  /** A page fault: hidden, true, device or trace. Returns false when the instruction has to be emulated. */
  protected pageFault(error: number): boolean {
    const linear = this.machine.cpu.cr2 >>> 0;
    this.access.charge('cr-read', 1);
    const access = { write: (error & PF_WRITE) !== 0, user: (error & PF_USER) !== 0, fetch: (error & PF_FETCH) !== 0 };
    const outcome = this.shadow.fault(linear, access);
    this.trace('paging', () => `${outcome.kind} fault for ${linear.toString(16)} at ${this.where()}`);
    switch (outcome.kind) {
      case 'filled':
        return true;
      case 'true':
        this.inject(new GuestFault(VECTOR_PF, outcome.error, linear));
        return true;
      default:
        return false;
    }
  }

  save(): Fields {
    return {
      frame: { ...this.frame },
      idle: this.#idle,
      timer: this.#timer.save(),
      debug: this.debug.save(),
      lastCr0: this.lastCr0,
      started: this.started,
      ...this.saveTechnique(),
    };
  }

  load(fields: Fields): void {
    this.#stop = undefined;
    Object.assign(this.frame, fieldsField(fields, 'frame'));
    this.#idle = booleanField(fields, 'idle');
    this.#timer.load(fieldsField(fields, 'timer'));
    this.debug.restore(fieldsField(fields, 'debug'));
    this.lastCr0 = numberField(fields, 'lastCr0');
    this.started = booleanField(fields, 'started');
    this.loadTechnique(fields);
  }

  protected saveTechnique(): Fields {
    return {};
  }
  protected loadTechnique(_fields: Fields): void {}
}

/** Name of a host vector in the counters. */
export function hostVectorName(vector: number): string {
  if (vector < EXCEPTION_NAMES.length) return EXCEPTION_NAMES[vector]!;
  if (vector === VECTOR_TIMER) return 'host timer';
  if (vector === VECTOR_CALLOUT) return 'call-out';
  if (vector >= VECTOR_HOST_IRQ) return 'host interrupt';
  return `int 0x${vector.toString(16)}`;
}
