// The parts of a snapshot that belong to the machine as a whole: the processor, and how the run ended.

import type { Cpu } from '../cpu/cpu.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { FieldError } from '../machine/stateful.ts';
import type { PlatformExit } from './exit.ts';
import { STATUS_RESET } from './exit.ts';

/** The processor's state in a snapshot. */
export class CpuPart implements Stateful {
  readonly name = 'cpu';
  readonly version = 1;
  readonly #cpu: Cpu;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  save(): Fields {
    return this.#cpu.save();
  }

  load(fields: Fields): void {
    this.#cpu.load(fields);
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
