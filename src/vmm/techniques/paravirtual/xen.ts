// The hypervisor of the paravirtual technique: entered through real gates from rings 1 and 3, it serves hypercalls,
// bounces exceptions to the guest kernel, delivers events, keeps the host timer, and returns by a real IRET.
// Truth: Xen's public headers for what the guest sees; Barham et al., "Xen and the Art of Virtualization" (SOSP 2003),
// for how it is meant to work.

import type { BootOptions } from '../../../boot/multiboot.ts';
import type { RunLimits } from '../../../pc/machine.ts';
import type { Ring0 } from '../../../cpu/ring0.ts';
import type { InputChannel } from '../../../machine/input-queue.ts';
import type { Fields, Stateful } from '../../../machine/stateful.ts';
import { booleanField, fieldsField } from '../../../machine/stateful.ts';
import type { MachineStop } from '../../../pc/exit.ts';
import { STATUS_IDLE, STATUS_SHUTDOWN } from '../../../pc/exit.ts';
import type { Machine } from '../../../pc/machine.ts';
import { vectorName, VmmCounters } from '../../counters.ts';
import { VECTOR_HOST_IRQ, VECTOR_TIMER } from '../../host-memory.ts';
import type { DomainOptions, Finding, TraceKind, Vmm } from '../../technique.ts';
import { FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_VM } from '../../vcpu.ts';
import { VIRQ_CONSOLE, VIRQ_TIMER } from '../../xen/abi.ts';
import { HYPERCALL_VECTOR } from '../../xen/hypercalls.ts';
import { type BounceTarget, bounce } from './bounce.ts';
import { ConsoleRing } from './console-ring.ts';
import { DirectPaging } from './direct-paging.ts';
import { EventChannels, type SharedInfo } from './event-channels.ts';
import { type MachineMemory, FrameTable } from './frame-table.ts';
import { GuestCopy } from './guest-copy.ts';
import { GuestFrame } from './guest-frame.ts';
import { GuestState } from './guest-state.ts';
import { hostMachine } from '../../host-setup.ts';
import { hypervisorEntries } from './host.ts';
import { HostTimer } from '../../host-timer.ts';
import { enterHypercall } from './hypercall-entry.ts';
import { FRAME_EIP, FRAME_TABLE_PHYSICAL, IDLE_OFFSET, SHARED_INFO_MFN, XEN_CS, xenLinear } from './layout.ts';
import { handleException } from './exceptions.ts';
import { startDomain } from './start-domain.ts';
import { Timekeeping } from './timekeeping.ts';

const ESP = 4;
/** Work of the entry and exit paths beyond the accesses that are charged one by one. */
const ENTRY_WORK = 12;
const EXIT_WORK = 8;
/** Longest stay of one hypercall in the hypervisor. */
const HYPERCALL_CYCLES = 4_000_000;
/** The hypervisor and its one domain. */
export class Xen implements Vmm, Stateful {
  readonly technique = 'paravirtual';
  readonly name = 'hypervisor';
  readonly version = 1;
  readonly options: DomainOptions;
  readonly machine: Machine;
  readonly counters = new VmmCounters();
  readonly cpu: Ring0;
  readonly frames: FrameTable;
  readonly paging: DirectPaging;
  readonly frame: GuestFrame;
  readonly copy: GuestCopy;
  readonly state = new GuestState();
  readonly events: EventChannels;
  readonly time: Timekeeping;
  readonly console: ConsoleRing;
  /** Bytes typed for the guest. */
  readonly input: InputChannel;
  /** Machine memory, charged. */
  readonly memory: MachineMemory;
  readonly parts: readonly Stateful[];
  #stop: MachineStop | undefined;
  #idle = false;
  #inside = false;
  readonly #timer: HostTimer;
  readonly #warned = new Set<string>();
  /** Cycle count at the last entry. */
  #entered = 0;
  /** Arguments with which the hypercall in progress goes on after other work had its chance. */
  #continuation: readonly number[] | undefined;

  constructor(options: DomainOptions) {
    this.options = options;
    this.machine = hostMachine(options, (what) =>
      this.warn(`The guest met ${what}, which this version does not have.`),
    );
    const cpu = this.machine.cpu.ring0;
    this.cpu = cpu;
    this.memory = {
      load: (at) => cpu.loadPhysical(at, 4),
      store: (at, value) => cpu.storePhysical(at, 4, value),
    };
    const frames = this.machine.ramSize >>> 12;
    this.frames = new FrameTable(this.memory, FRAME_TABLE_PHYSICAL, frames);
    this.paging = new DirectPaging({
      memory: this.memory,
      frames: this.frames,
      hypervisorEntries: hypervisorEntries(),
      flushTlb: () => this.flushTlb(),
      event: (name) => this.counters.add('paging', name),
    });
    this.frame = new GuestFrame(cpu);
    this.copy = new GuestCopy(cpu);
    const shared = SHARED_INFO_MFN * 0x1000;
    const sharedInfo: SharedInfo = {
      load: (offset, size) => cpu.loadPhysical(shared + offset, size),
      store: (offset, size, value) => cpu.storePhysical(shared + offset, size, value),
    };
    this.events = new EventChannels(sharedInfo);
    this.#timer = new HostTimer(this.machine);
    this.time = new Timekeeping(this.machine.clock, sharedInfo);
    this.input = this.machine.input.channel('serial');
    this.input.onArrival = () => {
      if (!this.#inside) this.#timer.interruptSoon();
    };
    this.console = new ConsoleRing({
      load: (offset, size) => cpu.loadPhysical(this.state.consoleMfn * 0x1000 + offset, size),
      store: (offset, size, value) => cpu.storePhysical(this.state.consoleMfn * 0x1000 + offset, size, value),
      serialOut: (byte) => this.serialOut(byte),
      input: this.input,
    });
    this.machine.doorway = (entry) => this.enter(entry);
    this.parts = [this, this.state, this.events, this.time, this.counters];
    for (const part of this.parts) this.machine.addPart(part);
  }

  // ---- Vmm ------------------------------------------------------------------------------------------------------------

  start(file: Uint8Array, options: BootOptions): void {
    startDomain(this, file, options);
    this.#inside = true;
    this.#leave();
  }

  run(limits: RunLimits): MachineStop {
    const stop = this.machine.runUntil(limits);
    return this.#stop ?? stop;
  }

  serialIn(byte: number): void {
    this.machine.serialIn(byte);
  }

  findings(): readonly Finding[] {
    return [];
  }

  // ---- Entry and exit -------------------------------------------------------------------------------------------------

  enter(vector: number): void {
    this.#inside = true;
    this.counters.entries++;
    const { cpu } = this;
    this.#entered = this.machine.cpu.cycles;
    cpu.charge('alu', ENTRY_WORK);
    if (!this.#idle) {
      // The guest's general registers are pushed, flat data segments loaded.
      cpu.charge('stack-frame');
      cpu.charge('segment-load', 2);
    }
    this.#idle = false;
    if (vector === HYPERCALL_VECTOR) {
      enterHypercall(this);
    } else {
      this.counters.add('traps', hostVectorName(vector));
      this.trace('exits', () => `${hostVectorName(vector)} at ${this.where()}`);
      if (vector === VECTOR_TIMER || vector >= VECTOR_HOST_IRQ) this.#timer.acknowledge(vector);
      else handleException(this, vector);
    }
    this.#leave();
  }

  /** Back to the guest, or to waiting. */
  #leave(): void {
    this.cpu.charge('alu', EXIT_WORK);
    this.#checkTime();
    if (this.#stop !== undefined) {
      this.machine.requestStop();
      this.#wait();
    } else if (!this.#wakes()) {
      this.#timer.program(this.time.nextDeadline(), false);
      this.#wait();
    } else {
      this.state.blocked = false;
      this.#deliverEvents();
      if (this.#stop === undefined) {
        this.#timer.program(this.time.nextDeadline(), true);
        this.#returnToGuest();
      } else {
        this.machine.requestStop();
        this.#wait();
      }
    }
    this.#inside = false;
  }

  /** The guest goes on: it is not blocked, or what it waits for has come. */
  #wakes(): boolean {
    const { state, events } = this;
    if (!state.blocked) return true;
    if (state.polledPorts.length > 0) return state.polledPorts.some((port) => events.isPending(port));
    if (events.upcallPending) return true;
    if (this.time.nextDeadline() === Number.POSITIVE_INFINITY && events.virqPort(VIRQ_CONSOLE) === undefined) {
      this.#stop = { reason: 'idle', status: STATUS_IDLE, wakeable: false };
    }
    return false;
  }

  #returnToGuest(): void {
    const { cpu } = this;
    for (let tries = 0; tries < 3; tries++) {
      cpu.setReg(ESP, FRAME_EIP);
      cpu.charge('segment-load', 2);
      cpu.charge('stack-frame');
      const fault = cpu.iret();
      if (fault === undefined) return;
      this.counters.add('exits', 'failed return');
      this.trace(
        'exits',
        () => `IRET to the guest failed with ${vectorName(fault.vector)}(${fault.error.toString(16)})`,
      );
      const { failsafeCallback } = this.state;
      if (failsafeCallback.address === 0 || tries > 0) {
        this.crash(`the guest cannot be resumed at ${this.where()}: ${vectorName(fault.vector)} in IRET`);
        this.machine.requestStop();
        this.#wait();
        return;
      }
      this.bounceTo(
        { cs: failsafeCallback.cs, address: failsafeCallback.address, dataSegments: [0, 0, 0, 0] },
        'failsafe',
      );
      this.events.upcallMasked = true;
    }
  }

  /** Waits for an interrupt in ring 0. */
  #wait(): void {
    const { cpu } = this;
    this.#idle = true;
    const at = FRAME_EIP - 12;
    cpu.tryStore(at, 4, xenLinear(IDLE_OFFSET));
    cpu.tryStore(at + 4, 4, XEN_CS);
    cpu.tryStore(at + 8, 4, FLAG_IF | 2);
    cpu.setReg(ESP, at);
    cpu.iret();
  }

  // ---- Events and exceptions for the guest ----------------------------------------------------------------------------

  #deliverEvents(): void {
    const { events, state } = this;
    if (!events.upcallPending || events.upcallMasked || state.eventCallback.address === 0) return;
    this.bounceTo(state.eventCallback, 'event');
    events.upcallMasked = true;
  }

  /** Makes the guest go on in a handler of its kernel. */
  bounceTo(target: BounceTarget, what: string): void {
    const { cpu, frame, state, events } = this;
    this.counters.add('injected', what);
    this.trace('interrupts', () => `${what} for the guest at ${this.where()}`);
    const masked = events.upcallMasked;
    const parts = { cpu, frame, kernelSs: state.kernelSs, kernelSp: state.kernelSp, masked };
    if (!bounce(parts, target)) this.crash(`its kernel stack cannot take the frame of ${what} at ${this.where()}`);
  }

  /** Gives an exception to the handler that the guest registered. */
  bounceException(vector: number, errorCode?: number): void {
    const trap = this.state.traps[vector];
    this.cpu.charge('load', 2);
    if (trap === undefined) {
      this.crash(`${vectorName(vector)} at ${this.where()} and no handler registered for it`);
      return;
    }
    this.bounceTo(
      { cs: trap.cs, address: trap.address, ...(errorCode === undefined ? {} : { errorCode }) },
      vectorName(vector),
    );
    if (trap.masksEvents) this.events.upcallMasked = true;
  }

  /** Ends the domain: it did something that cannot be gone on from. */
  crash(why: string): void {
    this.#stop ??= {
      reason: 'shutdown',
      status: STATUS_SHUTDOWN,
      report: `The domain was stopped by the hypervisor: ${why}.`,
    };
    this.counters.add('exits', 'domain crash');
  }

  /** Flags the guest may have: interrupts are always on, I/O always traps. */
  guestFlags(value: number): number {
    return ((value & ~(FLAG_IOPL | FLAG_VM | FLAG_NT)) | FLAG_IF | 2) >>> 0;
  }

  // ---- Time and interrupts of the host --------------------------------------------------------------------------------

  #checkTime(): void {
    const { events, time } = this;
    this.cpu.charge('alu', 4);
    const expired = time.expire(events.virqPort(VIRQ_TIMER) !== undefined);
    if (expired.timer) events.raiseVirq(VIRQ_TIMER);
    if (expired.poll) {
      this.state.polledPorts = [];
      this.state.blocked = false;
    }
    if (this.input.waiting > 0) {
      events.raiseVirq(VIRQ_CONSOLE);
      if (this.console.receive()) events.raise(this.state.consolePort);
    }
  }

  /** A hypercall has taken so long that it must let others have the processor, and go on later. */
  isOverdue(): boolean {
    return this.machine.cpu.cycles - this.#entered > HYPERCALL_CYCLES;
  }

  /** Ends a hypercall for now; the guest makes it again with these arguments when it runs next. */
  continueWith(args: readonly number[]): void {
    this.#continuation = args;
  }

  takeContinuation(): readonly number[] | undefined {
    const args = this.#continuation;
    this.#continuation = undefined;
    return args;
  }

  // ---- For the hypercalls ---------------------------------------------------------------------------------------------

  /** Empties the TLB of everything that is the guest's. */
  flushTlb(): void {
    this.counters.add('paging', 'tlb flush');
    this.cpu.writeCr3(this.state.directory * 0x1000);
  }

  /** INVLPG with an absolute address through the hypervisor's own stack segment. */
  invlpg(linear: number): void {
    this.counters.add('paging', 'invlpg');
    const address = [0, 8, 16, 24].map((shift) => (linear >>> shift) & 0xff);
    this.cpu.execute([0x36, 0x0f, 0x01, 0x3d, ...address]);
  }

  /** A byte leaves on the console. */
  serialOut(byte: number): void {
    this.options.serialOut(byte);
  }

  /** Says once that something is not there. */
  warn(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.options.warn?.(message);
  }

  /** Ends the run as the guest asked. */
  end(stop: MachineStop): void {
    if (stop.reason === 'power-off' || stop.reason === 'debug-exit' || stop.reason === 'reset') this.machine.end(stop);
    this.#stop ??= stop;
  }

  trace(kind: TraceKind, text: () => string): void {
    if (this.options.trace && this.options.traceKinds?.has(kind)) this.options.trace(kind, text());
  }

  /** Where the guest is, for messages: nothing is charged. */
  where(): string {
    const { cpu } = this.machine;
    const physical = (linear: number): number => linear - xenLinear(0) + 0x40_0000;
    const view = new DataView(cpu.ram.buffer, cpu.ram.byteOffset);
    const eip = view.getUint32(physical(FRAME_EIP), true);
    return `${(view.getUint32(physical(FRAME_EIP + 4), true) & 0xffff).toString(16)}:${eip.toString(16)}`;
  }

  save(): Fields {
    return {
      idle: this.#idle,
      timer: this.#timer.save(),
      stop: this.#stop === undefined ? null : { ...this.#stop },
      staleWritable: this.frames.staleWritable,
    };
  }

  load(fields: Fields): void {
    this.#idle = booleanField(fields, 'idle');
    this.#timer.load(fieldsField(fields, 'timer'));
    this.#stop = fields.stop === null ? undefined : (fieldsField(fields, 'stop') as unknown as MachineStop);
    this.frames.staleWritable = booleanField(fields, 'staleWritable');
  }
}

function hostVectorName(vector: number): string {
  if (vector === VECTOR_TIMER) return 'host timer';
  if (vector >= VECTOR_HOST_IRQ) return 'host interrupt';
  return vectorName(vector);
}
