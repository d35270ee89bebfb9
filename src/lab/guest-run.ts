// One guest under one technique, from image to end: what `run`, `compare` and the tests have in common.
import type { BootModule } from '../boot/multiboot.ts';
import type { RunLimits } from '../pc/machine.ts';
import { type CpuModel, DEFAULT_CPU_MODEL } from '../cpu/cpu.ts';
import type { FeatureName } from '../isa/cpu-features.ts';
import { readParts, readSnapshot, SnapshotError, writeSnapshot } from '../machine/snapshot.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import type { MachineStop } from '../pc/exit.ts';
import type { CostProfile } from '../vmm/cost/profile.ts';
import type { BoardOptions, PagingMode, Technique, TraceKind, Vmm } from '../vmm/technique.ts';

/** A guest: one kernel, and where it has one, its paravirtualized build. */
export interface GuestImage {
  readonly name: string;
  readonly file: Uint8Array;
  readonly paravirtual?: Uint8Array;
  /** Files the boot loader brings along. */
  readonly modules?: readonly BootModule[];
}

/** What a run needs besides the guest. */
export interface GuestRunOptions {
  /** The compiled CPU core. */
  readonly module: WebAssembly.Module;
  readonly technique: Technique;
  readonly paging?: PagingMode;
  /** Guest RAM in bytes. */
  readonly memory: number;
  /** How many processors, 1 if absent; only the bare machine can have several. */
  readonly processors?: number;
  readonly profile: CostProfile;
  /** Which processor the machine has; the one with all features if absent. */
  readonly model?: CpuModel;
  /** What the random numbers of the processor start from; 0 if absent. */
  readonly seed?: number;
  readonly commandLine: string;
  readonly serialOut: (byte: number) => void;
  readonly warn?: (message: string) => void;
  readonly trace?: (kind: TraceKind, text: string) => void;
  readonly traceKinds?: ReadonlySet<TraceKind>;
  /** Under `bare` only. With a ROM, the guest is what is in it. */
  readonly board?: BoardOptions;
}

/** Why a guest cannot be run as asked. */
export type GuestRunErrorCode =
  | 'no-paravirtual-build'
  | 'paging-without-choice'
  | 'processor-too-old'
  | 'board-under-hypervisor'
  | 'one-processor-only';

/** A technique that does not fit the guest; the message is one full sentence. */
export class GuestRunError extends Error {
  override readonly name = 'GuestRunError';
  readonly code: GuestRunErrorCode;

  constructor(code: GuestRunErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What `--stats` prints. */
export interface RunStatistics {
  readonly guest: string;
  readonly technique: string;
  readonly paging?: string;
  readonly profile: string;
  readonly exit: { readonly reason: string; readonly status: number };
  readonly instructions: number;
  readonly cycles: number;
  /** Share of the guest's instructions that ran without the hypervisor, 0 to 1. */
  readonly directShare: number;
  readonly processor: unknown;
  /** Of each processor, where there are several. */
  readonly processors?: readonly { readonly instructions: number; readonly cycles: number }[];
  readonly hypervisor: unknown;
  readonly findings: unknown;
}

/** The choices a snapshot was made under; it is refused under others. */
class ChoicesPart implements Stateful {
  readonly name = 'choices';
  readonly version = 1;
  readonly #choices: Fields;

  constructor(choices: Fields) {
    this.#choices = choices;
  }

  save(): Fields {
    return this.#choices;
  }

  load(fields: Fields): void {
    for (const [name, wanted] of Object.entries(this.#choices)) {
      if (fields[name] === wanted) continue;
      const message = `The snapshot was made with ${name} ${String(fields[name])}, not ${String(wanted)}: give the same options as then.`;
      throw new SnapshotError('other-machine', message);
    }
  }
}

/** @throws GuestRunError when the processor lacks what the choice `what` is built on */
function checkProcessor(model: CpuModel, what: string, needs: readonly FeatureName[]): void {
  const missing = needs.filter((name) => !model.features.has(name));
  if (missing.length === 0) return;
  const message = `${what} needs a processor with ${missing.join(', ')}, and --cpu ${model.name} has none; use a newer one.`;
  throw new GuestRunError('processor-too-old', message);
}

/** A guest that is running. */
export class GuestRun {
  readonly vmm: Vmm;
  readonly guest: GuestImage;
  readonly #options: GuestRunOptions;
  readonly #choices: ChoicesPart;

  /**
   * Builds the machine and loads the guest.
   * @throws GuestRunError, BootError, MachineError
   */
  constructor(guest: GuestImage, options: GuestRunOptions) {
    const { technique, paging } = options;
    if (paging !== undefined && !technique.paging?.includes(paging)) {
      const message = `--paging is a choice under vtx only; ${technique.name} has one way to virtualize memory.`;
      throw new GuestRunError('paging-without-choice', message);
    }
    if (options.board !== undefined && !['bare', 'vtx'].includes(technique.name)) {
      const message = `--bios, --post and --debugcon are for the bare machine and vtx; ${technique.name} runs kernels in protected mode only.`;
      throw new GuestRunError('board-under-hypervisor', message);
    }
    const processors = options.processors ?? 1;
    if (processors > 1 && technique.name !== 'bare') {
      const message = `--cpus ${processors} is a choice under bare only; a guest under ${technique.name} has one processor.`;
      throw new GuestRunError('one-processor-only', message);
    }
    if (processors > 1 && options.model?.features.has('apic') === false) {
      const message = `--cpus ${processors} needs processors that can interrupt one another, and ${options.model.name} has no local APIC.`;
      throw new GuestRunError('processor-too-old', message);
    }
    const file = technique.guest === 'paravirtual' ? guest.paravirtual : guest.file;
    if (file === undefined) {
      const message = `${guest.name} has no paravirtualized build, and ${technique.name} runs nothing else; use another technique.`;
      throw new GuestRunError('no-paravirtual-build', message);
    }
    const model = options.model ?? DEFAULT_CPU_MODEL;
    checkProcessor(model, technique.name, technique.needs);
    if (paging === 'ept') checkProcessor(model, `${technique.name} with --paging ept`, ['ept']);
    if (processors > 1) checkProcessor(model, `--cpus ${processors}`, ['apic']);
    this.guest = guest;
    this.#options = options;
    this.vmm = technique.create(options);
    if (options.board?.rom === undefined)
      this.vmm.start(file, { commandLine: options.commandLine, modules: guest.modules ?? [] });
    this.#choices = new ChoicesPart({
      guest: guest.name,
      technique: technique.name,
      paging: paging ?? '',
      profile: options.profile.name,
      cpu: model.name,
      memory: options.memory,
      processors,
    });
  }

  /** Runs until the guest ends or a limit (absolute counts) is reached. */
  run(limits: RunLimits = {}): MachineStop {
    return this.vmm.run(limits);
  }

  /** Machine, hypervisor and choices as one snapshot file. */
  save(): Uint8Array {
    return writeSnapshot(this.#parts());
  }

  /**
   * Goes on where `save` was called.
   * @throws SnapshotError when the file cannot be used, or was made under other choices
   */
  restore(file: Uint8Array): void {
    const choices = readParts(file).find((part) => part.name === this.#choices.name);
    if (choices) this.#choices.load(choices.fields);
    readSnapshot(file, this.#parts());
  }

  /** Share of the guest's instructions that ran without the hypervisor (Popek & Goldberg's efficiency). */
  get directShare(): number {
    const direct = this.vmm.machine.cpu.instructions;
    return direct === 0 ? 1 : direct / (direct + this.vmm.counters.instructionsEmulated);
  }

  /** What happened, deterministic to the bit; host time is the caller's to add. */
  statistics(stop: MachineStop): RunStatistics {
    const { cpu } = this.vmm.machine;
    return {
      guest: this.guest.name,
      technique: this.#options.technique.name,
      ...(this.#options.paging ? { paging: this.#options.paging } : {}),
      profile: this.#options.profile.name,
      exit: { reason: stop.reason, status: stop.status },
      instructions: cpu.instructions,
      cycles: cpu.cycles,
      directShare: this.directShare,
      processor: cpu.counters(),
      ...(cpu.processors.count > 1 ? { processors: cpu.processors.counts() } : {}),
      hypervisor: this.vmm.counters,
      findings: this.vmm.findings(),
    };
  }

  #parts(): Stateful[] {
    const own = this.vmm.parts.filter((part) => !this.vmm.machine.parts.includes(part));
    return [this.#choices, ...this.vmm.machine.parts, ...own];
  }
}
