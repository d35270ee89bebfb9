// Random programs of every mode, by seed: what they have in common is built once.
import { RandomMachine } from './machine.ts';
import { instructionPool, type Pool } from './pool.ts';
import { type Program, randomProgram } from './program.ts';
import { Random } from './random.ts';
import { enterSetting, SETTINGS, stateBytes } from './setting.ts';
import { worldMemory } from './world.ts';

/** Builds programs, and machines that can run them. */
export class Programs {
  readonly pools: Readonly<Record<16 | 32 | 64, Pool>>;
  readonly #states: readonly Uint8Array[];
  readonly #memory = {
    16: worldMemory(16).bytes,
    32: worldMemory(32).bytes,
    64: worldMemory(64).bytes,
  };

  /** `variety` is the number of encodings of every form that programs choose from. */
  constructor(variety: number) {
    const pool = (mode: 16 | 32 | 64) => instructionPool(mode, variety, new Random(mode));
    this.pools = { 16: pool(16), 32: pool(32), 64: pool(64) };
    const machine = this.machine();
    const fresh = machine.state.slice();
    this.#states = SETTINGS.map((setting) => {
      machine.state.set(fresh);
      enterSetting(machine.cpu, setting);
      return stateBytes(machine.cpu);
    });
  }

  machine(): RandomMachine {
    return new RandomMachine(({ setting }) => this.#memory[setting.gates]);
  }

  /** The program of a seed; seeds go through the modes in turn. */
  program(seed: number): Program {
    const n = seed % SETTINGS.length;
    const { bits, gates } = SETTINGS[n]!;
    const random = new Random(seed);
    return randomProgram(seed, random, SETTINGS[n]!, this.pools[bits], this.#states[n]!, this.#memory[gates]);
  }
}
