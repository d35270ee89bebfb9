// The seam between the laboratory and the ways to run a guest: what a technique is, what a running VMM offers, and the
// list of all techniques. One conformance suite runs against every entry.

import type { BootOptions } from '../boot/multiboot.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import type { FeatureName } from '../isa/cpu-features.ts';
import type { Machine, RunLimits } from '../pc/machine.ts';
import type { MachineStop } from '../pc/exit.ts';
import type { Stateful } from '../machine/stateful.ts';
import type { CostProfile } from './cost/profile.ts';
import type { VmmCounters } from './counters.ts';

/** How a guest is run. */
export type TechniqueName = 'bare' | 'trap-emulate' | 'binary-translation' | 'paravirtual' | 'vtx';

/** How guest-physical memory is virtualized; a choice under `vtx` only. */
export type PagingMode = 'shadow' | 'ept';

/** What `--trace` can ask for. */
export type TraceKind = 'exits' | 'blocks' | 'paging' | 'hypercalls' | 'interrupts';

/** Everything a technique needs to build a machine with one domain on it. */
export interface DomainOptions {
  /** The compiled CPU core. */
  readonly module: WebAssembly.Module;
  /** Guest RAM in bytes. */
  readonly memory: number;
  /** How many processors, 1 if absent; a choice under `bare` only. */
  readonly processors?: number;
  readonly profile: CostProfile;
  /** Which processor the machine has; the one with all features if absent. */
  readonly model?: CpuModel;
  /** What the random numbers of the processor start from; 0 if absent. */
  readonly seed?: number;
  readonly paging?: PagingMode;
  /** A byte left the guest's serial port. */
  readonly serialOut: (byte: number) => void;
  /** A sentence the user should see: something unsupported was met. */
  readonly warn?: (message: string) => void;
  /** Called for every event of the kinds in `traceKinds`. */
  readonly trace?: (kind: TraceKind, text: string) => void;
  readonly traceKinds?: ReadonlySet<TraceKind>;
  /** What only `bare` and `vtx` can give their guest. */
  readonly board?: BoardOptions;
}

/** Firmware, and ports for those who test it. */
export interface BoardOptions {
  /** A ROM that ends at 4 GiB. There is no kernel then: the processor starts at the reset vector. */
  readonly rom?: Uint8Array;
  readonly post?: { readonly port: number; readonly write: (code: number) => void };
  readonly debugConsole?: { readonly port: number; readonly write: (byte: number) => void };
}

/** A sensitive instruction that gave a deprivileged guest another answer than the bare machine would have. */
export interface Finding {
  /** Mnemonic, `popf`. */
  readonly instruction: string;
  readonly linearAddress: number;
  /** Disassembly with operands. */
  readonly text: string;
  /** What the guest saw, and what it would have seen on the bare machine; in words. */
  readonly sawValue: string;
  readonly rightValue: string;
  /** How often it happened at this address. */
  times: number;
}

/** A machine with one guest under one technique. */
export interface Vmm {
  readonly technique: TechniqueName;
  /** The hardware: it knows no hypervisor. */
  readonly machine: Machine;
  readonly counters: VmmCounters;
  /** Puts a multiboot image, with its modules, into guest memory and the virtual CPU at its entry. */
  start(image: Uint8Array, options: BootOptions): void;
  /** Runs until the guest ends the run or a limit is reached. */
  run(limits: RunLimits): MachineStop;
  /** A byte for the guest's serial port arrives from outside. */
  serialIn(byte: number): void;
  /** The doorway: ring-0 software is entered at `entry`. Absent for `bare`. */
  enter?(entry: number): void;
  /** Wrong answers seen by the guest, for techniques that cannot help giving them. */
  findings(): readonly Finding[];
  /** State of the VMM beyond that of the machine, for snapshots. */
  readonly parts: readonly Stateful[];
}

/** One way to run a guest. */
export interface Technique {
  readonly name: TechniqueName;
  readonly aliases: readonly string[];
  /** One line. */
  readonly summary: string;
  /** Paragraphs for `explain techniques`. */
  readonly description: readonly string[];
  /** What the technique asks of the guest image. */
  readonly guest: 'unmodified' | 'paravirtual';
  readonly paging?: readonly PagingMode[];
  /** Features of the processor the VMM itself uses. */
  readonly needs: readonly FeatureName[];
  create(options: DomainOptions): Vmm;
}

/** The techniques by name and alias, filled by `techniques/index.ts`. */
export class TechniqueRegistry {
  readonly #techniques: Technique[] = [];

  register(technique: Technique): void {
    if (this.find(technique.name)) throw new Error(`technique ${technique.name} is registered twice`);
    this.#techniques.push(technique);
  }

  all(): readonly Technique[] {
    return this.#techniques;
  }

  /** The technique called `name`, by its name or an alias. */
  find(name: string): Technique | undefined {
    return this.#techniques.find((technique) => technique.name === name || technique.aliases.includes(name));
  }
}
