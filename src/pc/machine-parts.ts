// The parts of a snapshot that belong to the machine as a whole: what it is made of, the processor, how the run ended.

import type { Cpu } from '../cpu/cpu.ts';
import type { CpuFields } from '../cpu/cpu-snapshot.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { bytesField, FieldError, numberField } from '../machine/stateful.ts';
import type { PlatformExit } from './exit.ts';
import { STATUS_RESET } from './exit.ts';

/** What a machine is made of. Loaded first: a snapshot of another machine is refused before anything has changed. */
export class HardwarePart implements Stateful {
  readonly name = 'hardware';
  readonly version = 2;
  readonly #memory: number;
  readonly #frequencyHz: number;
  readonly #model: string;
  readonly #processors: number;

  constructor(memory: number, frequencyHz: number, model: string, processors: number) {
    this.#memory = memory;
    this.#frequencyHz = frequencyHz;
    this.#model = model;
    this.#processors = processors;
  }

  save(): Fields {
    return {
      memory: this.#memory,
      frequencyHz: this.#frequencyHz,
      model: this.#model,
      processors: this.#processors,
    };
  }

  load(fields: Fields): void {
    const memory = numberField(fields, 'memory');
    if (memory !== this.#memory) {
      throw new FieldError(`memory was ${memory >> 20} MiB and this machine has ${this.#memory >> 20} MiB`);
    }
    const frequencyHz = numberField(fields, 'frequencyHz');
    if (frequencyHz !== this.#frequencyHz) {
      throw new FieldError(`the processor ran at ${frequencyHz} Hz and this one runs at ${this.#frequencyHz} Hz`);
    }
    if (fields.model !== this.#model) {
      throw new FieldError(`the processor was a ${String(fields.model)} and this one is a ${this.#model}`);
    }
    const processors = numberField(fields, 'processors');
    if (processors !== this.#processors) {
      throw new FieldError(`there were ${processors} processors and this machine has ${this.#processors}`);
    }
  }
}

/** The ROM's bytes: the machine that goes on has a ROM of the same size, and from then on the same one. */
export class RomPart implements Stateful {
  readonly name = 'rom';
  readonly version = 1;
  readonly #cpu: Cpu;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  save(): Fields {
    return { bytes: this.#cpu.rom.slice() };
  }

  load(fields: Fields): void {
    const bytes = bytesField(fields, 'bytes');
    const { rom } = this.#cpu;
    if (bytes.length !== rom.length)
      throw new FieldError(`the ROM had ${bytes.length >> 10} KiB and this machine's has ${rom.length >> 10} KiB`);
    rom.set(bytes);
  }
}

/** The processor's state in a snapshot. */
export class CpuPart implements Stateful {
  readonly name = 'cpu';
  readonly version = 3;
  readonly #cpu: Cpu;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  save(): Fields {
    return this.#cpu.save();
  }

  load(fields: Fields): void {
    this.#cpu.load(fields as CpuFields);
  }
}

/** Whether and how the guest ended the run. */
export class ExitPart implements Stateful {
  readonly name = 'exit';
  readonly version = 1;
  exit: PlatformExit | undefined;

  save(): Fields {
    return this.exit === undefined ? {} : { reason: this.exit.reason, status: this.exit.status };
  }

  load(fields: Fields): void {
    this.exit = decodeExit(fields);
  }
}

function decodeExit(fields: Fields): PlatformExit | undefined {
  switch (fields.reason) {
    case undefined:
      return undefined;
    case 'power-off':
      return { reason: 'power-off', status: 0 };
    case 'reset':
      return { reason: 'reset', status: STATUS_RESET };
    case 'debug-exit':
      return { reason: 'debug-exit', status: Number(fields.status) };
    default:
      throw new FieldError(`a run cannot end by "${String(fields.reason)}"`);
  }
}
