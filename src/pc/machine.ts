// One PC: processors, RAM, chips and virtual time, and the loop that runs them. Hardware only; it knows no hypervisor.
// Software that owns ring 0 is entered through the doorway page and sets `doorway`. A run is a function of the options,
// the image and the stamped input: nothing here looks at the host's clock.

import type { BootOptions } from '../boot/multiboot.ts';
import { loadMultiboot, MULTIBOOT_MAGIC } from '../boot/multiboot.ts';
import { checkRom, placeRom } from '../boot/rom.ts';
import type { CpuModel, CpuOptions } from '../cpu/cpu.ts';
import { type CpuHost, Cpu, PAGE_ROM } from '../cpu/cpu.ts';
import { preemptionTimerDue, vmxMode } from '../cpu/vmcs.ts';
import { Clock } from '../machine/clock.ts';
import { InputQueue } from '../machine/input-queue.ts';
import { MemoryPart } from '../machine/memory-part.ts';
import { readSnapshot, writeSnapshot } from '../machine/snapshot.ts';
import type { Stateful } from '../machine/stateful.ts';
import { enterProtectedMode } from './boot-state.ts';
import { writeFirmwareTables } from './firmware-tables.ts';
import { CpuPart, ExitPart, HardwarePart, RomPart } from './machine-parts.ts';
import type { MachineStop, PlatformExit } from './exit.ts';
import { STATUS_IDLE, STATUS_LIMIT, STATUS_SHUTDOWN, STATUS_VMX_ABORT } from './exit.ts';
import { MachineError } from './machine-error.ts';
import type { DebugConsoleOptions } from './platform.ts';
import { DEFAULT_DATE, LAPIC_BASE, Platform } from './platform.ts';
import { shutdownReport } from './shutdown-report.ts';
import { Turns } from './turns.ts';

export const MEBIBYTE = 0x100000;
/** A multiboot image is linked at 1 MiB, so less than 2 MiB leaves no room for one. */
const MEMORY_MINIMUM = 2 * MEBIBYTE;
/** Addresses above belong to the chips (Intel 440FX "System Address Map"). */
const MEMORY_MAXIMUM = 3072 * MEBIBYTE;
const MEMORY_DEFAULT = 64 * MEBIBYTE;
const FREQUENCY_DEFAULT = 1_000_000_000;
const PAGE_SIZE = 4096;
/** A physical address no device will ever have. */
const NOBODY = 2 ** 52;

/** What a machine is made of. */
export interface MachineOptions {
  /** RAM in bytes, whole pages, MEMORY_MINIMUM to MEMORY_MAXIMUM. */
  readonly memory?: number;
  /** How many processors, 1 to 8. */
  readonly processors?: number;
  readonly cpuFrequencyHz?: number;
  /** Which processor it has; the one with all features if absent. */
  readonly model?: CpuModel | undefined;
  /** What the random numbers of the processor start from; 0 if absent. */
  readonly seed?: number | undefined;
  /** Cycles per cost class; the core's own table if absent. */
  readonly costs?: Uint32Array;
  /** Date of the real-time clock at power-on, ISO 8601 in UTC. */
  readonly date?: string;
  readonly serialOut?: (byte: number) => void;
  readonly post?: (code: number) => void;
  /** Where the POST port is, 0x80 if absent. */
  readonly postPort?: number;
  /** A port whose bytes go to the host's console. */
  readonly debugConsole?: DebugConsoleOptions;
  /** A ROM that ends at 4 GiB; the processor starts in it, at the reset vector. */
  readonly rom?: Uint8Array;
  /** The processor met something this version does not have. */
  readonly notSupported?: (what: string, detail: string) => void;
}

/** Limits of one call of `runUntil`, absolute counts. */
export interface RunLimits {
  readonly instructions?: number;
  readonly cycles?: number;
  /** Cycles spent running, idle ones not counted: an endless chain of faults retires no instruction. */
  readonly busyCycles?: number;
}

/** Processors, memory, chips and time. */
export class Machine {
  readonly cpu: Cpu;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly input = new InputQueue();
  readonly ramSize: number;
  /** Called when an instruction was fetched from the doorway page; the offset in the page is the entry number. */
  doorway: ((entry: number) => void) | undefined;
  readonly #parts: Stateful[];
  readonly #end = new ExitPart();
  readonly #turns: Turns;
  #requested = false;
  /** Limits of the `runUntil` that is under way. */
  #limits: RunLimits = {};
  /** Cycles at which RunLimits.busyCycles are used up, if nobody idles before. */
  #busyEnd = Number.POSITIVE_INFINITY;

  constructor(module: WebAssembly.Module, options: MachineOptions = {}) {
    const memory = options.memory ?? MEMORY_DEFAULT;
    checkMemory(memory);
    if (options.rom !== undefined) checkRom(options.rom);
    this.ramSize = memory;
    this.cpu = createCpu(module, {
      ramSize: memory,
      model: options.model,
      seed: options.seed,
      ...(options.rom === undefined ? {} : { romSize: options.rom.length }),
      processors: options.processors ?? 1,
      host: this.#hostCalls(options),
    });
    const { processors } = this.cpu;
    this.#turns = new Turns(processors);
    if (options.costs !== undefined) this.cpu.setCosts(options.costs);
    this.clock = new Clock({ frequencyHz: options.cpuFrequencyHz ?? FREQUENCY_DEFAULT, cycles: () => this.cpu.cycles });
    this.clock.onDeadlineChange = () => this.#moveDeadline();
    this.input.onPush = () => this.cpu.requestStop();
    this.platform = this.#createPlatform(options);
    const memoryPart = new MemoryPart(() => this.cpu.ram);
    const hardware = new HardwarePart(memory, this.clock.frequencyHz, this.cpu.model.name, processors.count);
    if (options.rom !== undefined) this.#placeRom(options.rom);
    this.#parts = [
      hardware,
      memoryPart,
      new RomPart(this.cpu),
      new CpuPart(this.cpu),
      this.clock,
      this.input,
      this.platform,
      this.#end,
      this.#turns,
    ];
  }

  /** What the processor asks of the board. */
  #hostCalls(options: MachineOptions): CpuHost {
    return {
      portRead: (port, size) => this.platform.bus.portRead(port, size),
      portWrite: (port, size, value) => this.platform.bus.portWrite(port, size, value),
      mmioRead: (address, size) => this.platform.bus.mmioRead(this.#busAddress(address), size),
      mmioWrite: (address, size, value) => this.platform.bus.mmioWrite(this.#busAddress(address), size, value),
      interruptAcknowledge: () => this.platform.acknowledge(),
      floatingPointError: (level) => this.platform.coprocessorError.setError(level),
      localApicMode: (mode) => this.platform.lapic.setMode(mode),
      localApicRead: (register) => this.platform.lapic.read(register, 4),
      localApicWrite: (register, low, high) => this.platform.lapic.writeExtended(register, low, high),
      localApicDeadline: (cycles) => this.platform.lapic.setDeadline(cycles),
      notSupported: (what, detail) => options.notSupported?.(what, String(detail)),
    };
  }

  #createPlatform(options: MachineOptions): Platform {
    const { processors } = this.cpu;
    return new Platform({
      clock: this.clock,
      input: this.input,
      memorySize: this.ramSize,
      date: options.date ?? DEFAULT_DATE,
      processors: processors.count,
      accessing: () => processors.selected,
      interrupt: (level, processor) => processors.setIntr(processor, level),
      nmi: (processor) => processors.raiseNmi(processor),
      smi: (processor) => processors.raiseSmi(processor),
      init: (processor) => processors.raiseInit(processor),
      startUp: (processor, vector) => processors.startUp(processor, vector),
      ...(this.cpu.model.features.has('tsc-deadline')
        ? { deadlineOver: (processor: number) => processors.clearTscDeadline(processor) }
        : {}),
      exit: (exit) => this.end(exit),
      serialOut: options.serialOut ?? (() => {}),
      ...(options.post === undefined ? {} : { post: options.post }),
      ...(options.postPort === undefined ? {} : { postPort: options.postPort }),
      ...(options.debugConsole === undefined ? {} : { debugConsole: options.debugConsole }),
      hasRom: options.rom !== undefined,
      a20: (open) => this.cpu.setA20(open),
      ignoreError: (level) => this.cpu.setIgnoreError(level),
    });
  }

  /** The ROM lies below 4 GiB and its end below 1 MiB, where RAM is not written any more. */
  #placeRom(image: Uint8Array): void {
    const start = placeRom(image, this.cpu.rom, this.cpu.ram);
    for (let at = start; at < MEBIBYTE; at += PAGE_SIZE) this.cpu.setPageKind(at / PAGE_SIZE, PAGE_ROM);
  }

  /** Loads a multiboot-1 image and sets the processor up as its specification says. */
  loadMultiboot(image: Uint8Array, options: BootOptions = {}): void {
    const loaded = loadMultiboot(image, this.cpu.ram, options);
    const { model, processors } = this.cpu;
    writeFirmwareTables(this.cpu.ram, model, processors.count);
    this.cpu.flushBlocks();
    enterProtectedMode(this.cpu, loaded.entry);
    this.cpu.setReg(0, MULTIBOOT_MAGIC);
    this.cpu.setReg(3, loaded.info);
  }

  /** Runs until the guest ends, nothing can happen any more, or a limit is reached. */
  runUntil(limits: RunLimits = {}): MachineStop {
    this.#limits = limits;
    this.#busyEnd = this.cpu.cycles + (limits.busyCycles ?? Number.POSITIVE_INFINITY);
    for (;;) {
      const isBetween = this.#turns.between();
      const { instructions, cycles } = this.cpu;
      if (isBetween) {
        if (this.input.isDue(instructions, cycles)) this.input.deliver(instructions, cycles);
        this.clock.runDue();
      }
      if (this.#end.exit !== undefined) return this.#end.exit;
      if (this.#requested) {
        this.#requested = false;
        return { reason: 'request', status: 0 };
      }
      if (instructions >= (limits.instructions ?? Number.POSITIVE_INFINITY))
        return { reason: 'limit', status: STATUS_LIMIT };
      if (cycles >= Math.min(limits.cycles ?? Number.POSITIVE_INFINITY, this.#busyEnd))
        return { reason: 'limit', status: STATUS_LIMIT };
      const stop = this.#slice(limits);
      if (stop !== undefined) return stop;
    }
  }

  /** Ends the run: a chip, or a VMM whose only domain ended, says so. */
  end(exit: PlatformExit): void {
    this.#end.exit ??= exit;
    this.cpu.requestStop();
  }

  /** Makes `runUntil` return after the instruction that runs now. */
  requestStop(): void {
    this.#requested = true;
    this.cpu.requestStop();
  }

  /** A byte from outside for the serial port. */
  serialIn(byte: number): void {
    this.platform.serialIn(byte);
  }

  /** Adds the state of software above the doorway to snapshots. */
  addPart(part: Stateful): void {
    this.#parts.push(part);
  }

  /** The parts a snapshot holds. */
  get parts(): readonly Stateful[] {
    return this.#parts;
  }

  /** The whole machine as a snapshot file. */
  save(): Uint8Array {
    return writeSnapshot(this.#parts);
  }

  /** Continues where `save` was called; throws SnapshotError and changes nothing if the file cannot be used. */
  load(file: Uint8Array): void {
    readSnapshot(file, this.#parts);
  }

  /** The local APIC answers where IA32_APIC_BASE says, and nobody where it was (RAM hides it, as the core looks there first). */
  #busAddress(address: number): number {
    const page = address - (address % PAGE_SIZE);
    const { apicBase } = this.cpu;
    if (page === apicBase) return LAPIC_BASE + (address % PAGE_SIZE);
    return page === LAPIC_BASE ? NOBODY : address;
  }

  #slice(limits: RunLimits): MachineStop | undefined {
    const turn = this.#turns.begin();
    if (turn !== 'run') return turn === 'all-asleep' ? this.#skipIdle(limits) : undefined;
    const { instructions, cycles } = this.#deadline(limits);
    const stop = this.cpu.run({ instructions, cycles: Math.min(cycles, this.#busyEnd) });
    this.cpu.processors.takeWoken();
    switch (stop.reason) {
      case 'deadline':
        if (this.cpu.cycles >= Math.min(this.#turns.end, this.clock.nextDeadline())) this.#turns.finish();
        return undefined;
      case 'request':
        return undefined;
      case 'yield':
        this.#turns.finish();
        return undefined;
      case 'doorway':
        if (this.doorway === undefined)
          throw new Error('an instruction was fetched from the doorway page and nobody is behind it');
        this.doorway(stop.entry);
        return undefined;
      case 'halt':
        if (this.cpu.processors.count === 1) return this.#skipIdle(limits);
        this.cpu.processors.sleep();
        this.#turns.finish();
        return undefined;
      case 'shutdown':
        return { reason: 'shutdown', status: STATUS_SHUTDOWN, report: shutdownReport(this.cpu) };
      case 'vmx-abort':
        return { reason: 'vmx-abort', status: STATUS_VMX_ABORT, report: shutdownReport(this.cpu) };
    }
  }

  /** All are halted: nothing happens before the next event, so that is when we are. */
  #skipIdle(limits: RunLimits): MachineStop | undefined {
    if (this.input.isDue(this.cpu.instructions, this.cpu.cycles)) return undefined;
    // a guest of VMX may be halted: its hypervisor takes interrupts whatever the guest's IF, and the preemption timer runs on
    const inGuest = vmxMode(this.cpu) === 2;
    const isOpen = this.cpu.isInterruptible || inGuest;
    const wakeable = isOpen || this.platform.lapics.some((lapic) => lapic.passesNmi);
    const next = Math.min(this.#deadline(limits).cycles, preemptionTimerDue(this.cpu));
    if (!wakeable || next === Number.POSITIVE_INFINITY) return { reason: 'idle', status: STATUS_IDLE, wakeable };
    const idle = next - this.cpu.cycles;
    if (idle > 0) {
      this.#busyEnd += idle;
      this.cpu.skipTo(next);
    }
    return undefined;
  }

  #deadline(limits: RunLimits): { instructions: number; cycles: number } {
    let instructions = limits.instructions ?? Number.POSITIVE_INFINITY;
    let cycles = Math.min(limits.cycles ?? Number.POSITIVE_INFINITY, this.clock.nextDeadline(), this.#turns.end);
    // input comes between turns, so that a turn is as long as it was when the input was recorded
    const replay = this.#turns.end === Number.POSITIVE_INFINITY ? this.input.nextReplay : undefined;
    if (replay !== undefined) {
      if (replay.instructions > this.cpu.instructions) instructions = Math.min(instructions, replay.instructions);
      else cycles = Math.min(cycles, replay.cycles);
    }
    return { instructions, cycles };
  }

  /** A device callback scheduled or cancelled an event: the slice that runs now ends there. */
  #moveDeadline(): void {
    this.cpu.setDeadline(this.#deadline(this.#limits).cycles);
  }
}

function createCpu(module: WebAssembly.Module, options: CpuOptions): Cpu {
  try {
    return Cpu.create(module, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `This computer has no room for a machine with ${options.ramSize / MEBIBYTE} MiB of memory; it should have less.`;
    throw new MachineError('no-host-memory', message);
  }
}

function checkMemory(memory: number): void {
  if (memory >= MEMORY_MINIMUM && memory <= MEMORY_MAXIMUM && memory % 4096 === 0) return;
  const mebibytes = memory / MEBIBYTE;
  const shown = Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${memory} bytes`;
  const range = `${MEMORY_MINIMUM / MEBIBYTE} MiB to ${MEMORY_MAXIMUM / MEBIBYTE} MiB in whole 4 KiB pages`;
  throw new MachineError('bad-memory-size', `A machine cannot have ${shown} of memory; it can have ${range}.`);
}
