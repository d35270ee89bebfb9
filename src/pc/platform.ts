// The chips of a PC on one bus, wired to each other: 8259 pair, 8254, 16550, I/O APIC, a local APIC for each processor,
// MC146818, 8042, ACPI power management, coprocessor error, debug exit, POST port, reset port. It knows no CPU: a machine
// uses one as its hardware, and a VMM one for each domain as virtual devices (Intel 440FX PCIset and PIIX3 give the
// addresses, MP specification 1.4 "Virtual Wire Mode" the interrupt wiring).

import { AcpiPm } from '../devices/acpi-pm.ts';
import { ApicBus } from '../machine/apic-bus.ts';
import { CoprocessorError } from '../devices/coprocessor-error.ts';
import { Cmos } from '../devices/cmos.ts';
import { DebugConsole } from '../devices/debug-console.ts';
import { DebugExit } from '../devices/debug-exit.ts';
import { I8042 } from '../devices/i8042.ts';
import { IoApic } from '../devices/ioapic.ts';
import { Lapic } from '../devices/lapic.ts';
import { Pic8259 } from '../devices/pic8259.ts';
import { Pit8254 } from '../devices/pit8254.ts';
import { PostPort } from '../devices/post-port.ts';
import { SmiControl } from '../devices/smi-control.ts';
import { ResetControl } from '../devices/reset-control.ts';
import { Uart16550 } from '../devices/uart16550.ts';
import type { AccessSize, MmioDevice } from '../machine/bus.ts';
import { Bus } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import { InputQueue } from '../machine/input-queue.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { fieldsField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import type { PlatformExit } from './exit.ts';
import { STATUS_RESET } from './exit.ts';
import { runFirmware, wireApic } from './firmware.ts';

export const LAPIC_BASE = 0xfee00000;
export const LAPIC_LENGTH = 0x1000;
export const IOAPIC_BASE = 0xfec00000;
export const ACPI_PORTS = 0x600;
export const RESET_PORT = 0xcf9;
const IOAPIC_LENGTH = 0x1000;
/** Pin of the I/O APIC on which the interval timer comes in: the 8259 pair has pin 0. */
export const IOAPIC_TIMER_PIN = 2;
/** ISA line on which the pair is cascaded, so that no chip drives it. */
const CASCADE = 2;
/** Date of the real-time clock at power-on unless the options say otherwise. */
export const DEFAULT_DATE = '2026-01-01T00:00:00Z';

/** A port for text and where the text goes. */
export interface DebugConsoleOptions {
  readonly port: number;
  readonly write: (byte: number) => void;
}

/** How a platform is tied to the world around it. */
export interface PlatformOptions {
  /** Virtual time; all timers of the platform wait on it. A domain brings its own. */
  readonly clock: Clock;
  /** Size of RAM in bytes, for the memory-size bytes of the CMOS. */
  readonly memorySize: number;
  /** The level of a processor's INTR pin. Rises when `acknowledge` has a vector to give. */
  readonly interrupt: (level: boolean, processor: number) => void;
  /** The guest ended the run through one of its chips. */
  readonly exit: (exit: PlatformExit) => void;
  /** A byte left the serial port. */
  readonly serialOut: (byte: number) => void;
  readonly input?: InputQueue;
  /** ISO 8601 date in UTC at power-on. */
  readonly date?: string;
  /** A byte was written to the POST port. */
  readonly post?: (code: number) => void;
  /** Where the POST port is, 0x80 if absent. */
  readonly postPort?: number;
  /** A port whose bytes go to the host's console. */
  readonly debugConsole?: DebugConsoleOptions;
  /** A ROM programs the chips itself: they stay as RESET leaves them. */
  readonly hasRom?: boolean;
  /** The A20 gate opened or closed. */
  readonly a20?: (open: boolean) => void;
  /** Level of the IGNNE# pin of the processor that makes the present access. */
  readonly ignoreError?: Wire;
  /** How many processors, 1 if absent. */
  readonly processors?: number;
  /** The processor that makes the present access, the first if absent: each sees its own local APIC. */
  readonly accessing?: () => number;
  /** A local APIC delivered an NMI. */
  readonly nmi?: (processor: number) => void;
  /** The chipset or a local APIC asks for a system-management interrupt; without it there is no such mode. */
  readonly smi?: (processor: number) => void;
  /** A local APIC delivered INIT: true if the processor takes it, which resets the local APIC as well. */
  readonly init?: (processor: number) => boolean;
  /** A local APIC delivered a start-up message. */
  readonly startUp?: (processor: number, vector: number) => void;
  /** A processor's timer waits for no cycle count any more; without it timers have no such mode. */
  readonly deadlineOver?: (processor: number) => void;
  /** Name in snapshots. */
  readonly name?: string;
}

/** A set of PC chips on a bus. */
export class Platform implements Stateful {
  readonly name: string;
  readonly version = 2;
  readonly bus = new Bus();
  readonly clock: Clock;
  readonly input: InputQueue;
  readonly pic: Pic8259;
  readonly pit: Pit8254;
  readonly uart: Uart16550;
  /** One for each processor. */
  readonly lapics: readonly Lapic[];
  readonly ioapic: IoApic;
  readonly cmos: Cmos;
  readonly i8042: I8042;
  readonly acpi: AcpiPm;
  readonly debugExit: DebugExit;
  readonly coprocessorError: CoprocessorError;
  readonly post: PostPort;
  readonly resetControl: ResetControl;
  readonly smiControl: SmiControl;
  /** Every chip that has state. */
  readonly chips: readonly Stateful[];
  readonly #accessing: () => number;

  constructor(options: PlatformOptions) {
    const { clock, exit } = options;
    const reset = (): void => {
      if (options.hasRom) this.#restart(options);
      else exit({ reason: 'reset', status: STATUS_RESET });
    };
    this.name = options.name ?? 'platform';
    this.clock = clock;
    this.input = options.input ?? new InputQueue();
    this.#accessing = options.accessing ?? (() => 0);
    const apicBus = new ApicBus();
    const processors = Array.from({ length: options.processors ?? 1 }, (_, processor) => processor);
    this.lapics = processors.map((processor) => createLapic(options, processor, apicBus));
    this.ioapic = new IoApic(apicBus, processors.length);
    const pairOutput = this.ioapic.pin(0);
    this.pic = new Pic8259({
      interrupt: (level) => {
        pairOutput(level);
        for (const lapic of this.lapics) lapic.setLint0(level);
      },
    });
    for (const lapic of this.lapics) lapic.externalAcknowledge = () => this.pic.acknowledge();
    this.pit = new Pit8254({ clock, irq0: this.#isaLine(0) });
    this.uart = new Uart16550({
      clock,
      irq: this.#isaLine(4),
      transmit: options.serialOut,
      input: this.input.channel('serial'),
    });
    this.cmos = new Cmos({
      clock,
      irq8: this.#isaLine(8),
      memorySize: options.memorySize,
      date: options.date ?? DEFAULT_DATE,
    });
    this.i8042 = new I8042({
      irq1: this.#isaLine(1),
      input: this.input.channel('keyboard'),
      a20: options.a20 ?? (() => {}),
      reset,
    });
    this.acpi = new AcpiPm({ clock, sci: this.#isaLine(9), powerOff: () => exit({ reason: 'power-off', status: 0 }) });
    this.coprocessorError = new CoprocessorError({
      irq13: this.#isaLine(13),
      ignoreError: options.ignoreError ?? (() => {}),
    });
    this.debugExit = new DebugExit((status) => exit({ reason: 'debug-exit', status }));
    this.post = new PostPort(options.post);
    this.resetControl = new ResetControl(reset);
    // the chipset's pin goes to all processors
    this.smiControl = new SmiControl(() => {
      for (let processor = 0; processor < (options.processors ?? 1); processor++) options.smi?.(processor);
    });
    this.chips = [
      this.pic,
      this.pit,
      this.uart,
      ...this.lapics,
      this.ioapic,
      this.cmos,
      this.i8042,
      this.acpi,
      this.coprocessorError,
      this.post,
      this.resetControl,
      this.smiControl,
    ];
    this.#map(options);
    if (options.hasRom) this.#wireApic();
    else runFirmware(this.bus, LAPIC_BASE);
  }

  #map({ postPort, debugConsole }: PlatformOptions): void {
    const { bus } = this;
    bus.mapPorts(0x20, 2, this.pic.master, 'pic8259 master');
    bus.mapPorts(0xa0, 2, this.pic.slave, 'pic8259 slave');
    bus.mapPorts(0x4d0, 2, this.pic.edgeLevel, 'pic8259 edge/level control');
    bus.mapPorts(0x40, 4, this.pit, 'pit8254');
    bus.mapPorts(0x61, 1, this.pit.systemControl, 'system control port B');
    bus.mapPorts(0x70, 2, this.cmos, 'cmos');
    bus.mapPorts(0x60, 1, this.i8042.data, 'i8042 data');
    bus.mapPorts(0x64, 1, this.i8042.control, 'i8042 control');
    bus.mapPorts(0x92, 1, this.i8042.systemControlA, 'system control port A');
    bus.mapPorts(0xf0, 1, this.coprocessorError, 'coprocessor error');
    bus.mapPorts(0xf4, 4, this.debugExit, 'debug exit');
    bus.mapPorts(0x3f8, 8, this.uart, 'uart16550 COM1');
    bus.mapPorts(ACPI_PORTS, 0x0c, this.acpi, 'acpi power management');
    bus.mapPorts(RESET_PORT - 1, 4, this.resetControl, 'reset control');
    bus.mapPorts(0x630, 8, this.smiControl.registers, 'SMI control and status');
    bus.mapPorts(0xb2, 2, this.smiControl.apm, 'APM control');
    bus.mapPorts(postPort ?? 0x80, 1, this.post, 'post');
    if (debugConsole !== undefined)
      bus.mapPorts(debugConsole.port, 1, new DebugConsole(debugConsole.write), 'debug console');
    const lapic: MmioDevice = {
      read: (offset, size) => this.lapic.read(offset, size),
      write: (offset, size, value) => this.lapic.write(offset, size, value),
    };
    bus.mapMemory(LAPIC_BASE, LAPIC_LENGTH, lapic, 'lapic');
    bus.mapMemory(IOAPIC_BASE, IOAPIC_LENGTH, this.ioapic, 'ioapic');
  }

  /** An ISA interrupt line goes to the 8259 pair and to the I/O APIC; software uses one of them and masks the other. */
  #isaLine(irq: number): Wire {
    if (irq === CASCADE) throw new RangeError('ISA has no interrupt line 2');
    const pair = this.pic.line(irq);
    const pin = this.ioapic.pin(irq === 0 ? IOAPIC_TIMER_PIN : irq);
    return (level) => {
      pair(level);
      pin(level);
    };
  }

  /** The local APIC of the processor that makes the present access. */
  get lapic(): Lapic {
    return this.lapics[this.#accessing()]!;
  }

  /** The processors' INIT pins, which the chips' resets reach: the first starts again in the ROM, and programs the chips. */
  #restart(options: PlatformOptions): void {
    for (const [processor, lapic] of this.lapics.entries()) if (options.init?.(processor) === true) lapic.reset();
    this.#wireApic();
  }

  #wireApic(): void {
    wireApic((register, value) => this.lapics[0]!.write(register, 4, value));
  }

  portRead(port: number, size: AccessSize): number {
    return this.bus.portRead(port, size);
  }

  portWrite(port: number, size: AccessSize, value: number): void {
    this.bus.portWrite(port, size, value);
  }

  mmioRead(address: number, size: AccessSize): number {
    return this.bus.mmioRead(address, size);
  }

  mmioWrite(address: number, size: AccessSize, value: number): void {
    this.bus.mmioWrite(address, size, value);
  }

  /** Level of the INTR pin: `acknowledge` would give a vector. */
  get interruptPending(): boolean {
    return this.lapic.output;
  }

  /** The INTA cycle: the vector of the highest-priority interrupt, which is in service from now on. */
  acknowledge(): number {
    return this.lapic.acknowledge();
  }

  /** A byte for the serial port arrives from outside, at the next `deliverInput`. */
  serialIn(byte: number): void {
    this.input.push('serial', byte);
  }

  /** A scan code (set 2, as the keyboard sends it) arrives from outside. */
  keyIn(scanCode: number): void {
    this.input.push('keyboard', scanCode);
  }

  /** When the next timer of the platform is due, in cycles of its clock; Infinity for never. */
  nextEvent(): number {
    return this.clock.nextDeadline();
  }

  /** Lets every timer that is due act. A VMM calls this when the host timer went off. */
  runDue(): void {
    this.clock.runDue();
  }

  save(): Fields {
    const chips: Fields = {};
    for (const chip of this.chips) chips[chip.name] = { version: chip.version, fields: chip.save() };
    return chips;
  }

  load(fields: Fields): void {
    for (const chip of this.chips) chip.load(fieldsField(fieldsField(fields, chip.name), 'fields'));
  }
}

function createLapic(options: PlatformOptions, processor: number, bus: ApicBus): Lapic {
  const { deadlineOver } = options;
  const lapic: Lapic = new Lapic({
    clock: options.clock,
    bus,
    processor,
    interrupt: (level) => options.interrupt(level, processor),
    nmi: () => options.nmi?.(processor),
    smi: () => options.smi?.(processor),
    init: () => {
      if (options.init?.(processor) === true) lapic.reset();
    },
    startUp: (vector) => options.startUp?.(processor, vector),
    ...(deadlineOver === undefined ? {} : { deadlineOver: () => deadlineOver(processor) }),
  });
  return lapic;
}
