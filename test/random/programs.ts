// Random programs of every mode, by seed: what they have in common is built once.
import { RandomMachine } from './machine.ts';
import { instructionPool, type Pool } from './pool.ts';
import { type Program, randomProgram } from './program.ts';
import { Random } from './random.ts';
import { enterSetting, SETTINGS, stateBytes } from './setting.ts';
import { enterVmxHost } from './vmx-world.ts';
import { worldMemory } from './world.ts';

/** Builds programs, and machines that can run them. */
export class Programs {
  readonly pools: Readonly<Record<16 | 32 | 64, Pool>>;
  /** What the programs of a mode start from. */
  readonly #bases: readonly { readonly state: Uint8Array; readonly ram: Uint8Array }[];
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
    this.#bases = SETTINGS.map((setting) => {
      machine.state.set(fresh);
      machine.takeOver();
      const tables = this.#memory[setting.gates];
      if (!setting.guest) {
        enterSetting(machine.cpu, setting);
        return { state: stateBytes(machine.cpu), ram: tables };
      }
      machine.cpu.ram.set(tables);
      machine.cpu.flushBlocks();
      enterVmxHost(machine.cpu, setting);
      return { state: stateBytes(machine.cpu), ram: machine.cpu.ram.slice() };
    });
  }

  /** A machine that can run them, alone or beside an idle processor. */
  machine(processors: 1 | 2 = 1): RandomMachine {
    return new RandomMachine(({ setting }) => this.#bases[SETTINGS.indexOf(setting)]!.ram, processors);
  }

  /** The program of a seed; seeds go through the modes in turn. */
  program(seed: number): Program {
    const n = seed % SETTINGS.length;
    const { state, ram } = this.#bases[n]!;
    const random = new Random(seed);
    return randomProgram(seed, random, SETTINGS[n]!, this.pools[SETTINGS[n]!.bits], state, ram);
  }
}
