// Speed of the interpreter beside v86's (npm v86, its JIT turned off), in one run: both run the same guest bytes in turn,
// and what is compared is guest instructions per second of CPU. Also what the deterministic instruction count costs:
// this core against one built without it.
import { resolve } from 'node:path';
import { V86 } from 'v86';
import { Cpu } from '../src/cpu/cpu.ts';
import { buildCore } from '../src/build/core.ts';
import { biosImage, PROGRAM, PROGRAM_NAMES, type ProgramName, programBytes } from './programs.ts';

const ROUNDS = 7;
/** Rounds of the comparison with the uncounted core: a difference of some percent needs many short turns. */
const FINE_ROUNDS = 61;
const FINE_WORK = 15;
/** Host milliseconds of one turn of v86. */
const TURN = 300;
/** Millions of instructions of one turn of this core. */
const WORK = 100;
const RAM_SIZE = 0x80_0000;
/** JIT_DISABLED of v86's get_jit_config. */
const JIT_DISABLED = 0;

/** Something that runs a guest program and counts its instructions. */
interface Contender {
  readonly name: string;
  /** Runs one turn; returns millions of instructions per CPU second. */
  turn(): Promise<number>;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** A turn of `work` millions of instructions, or of cycles for cores that do not count instructions. */
function core(
  name: string,
  module: WebAssembly.Module,
  program: ProgramName,
  unit: 'instructions' | 'cycles',
  work: number,
): Contender {
  const none = () => 0xffff_ffff;
  const cpu = Cpu.create(module, {
    ramSize: RAM_SIZE,
    host: { portRead: none, portWrite() {}, mmioRead: none, mmioWrite() {}, interruptAcknowledge: () => 0 },
  });
  cpu.ram.set(programBytes(program), PROGRAM);
  cpu.cr0 = 0x11;
  for (let segment = 0; segment < 6; segment++) {
    const rights = segment === 1 ? 0xc09b : 0xc093;
    cpu.setSegment(segment, { selector: segment === 1 ? 8 : 16, rights, base: 0, limit: 0xffff_ffff });
  }
  cpu.cpl = 0;
  cpu.eip = PROGRAM;
  return {
    name,
    async turn() {
      const from = cpuSeconds();
      for (let million = 0; million < work; million++) {
        const stop = cpu.run({ [unit]: cpu[unit] + 1_000_000 });
        if (stop.reason !== 'deadline') throw new Error(`${name}: stopped with ${stop.reason}`);
      }
      return work / (cpuSeconds() - from);
    },
  };
}

/** v86 without its JIT. */
async function v86(program: ProgramName): Promise<Contender & { stop(): Promise<void> }> {
  const build = resolve(import.meta.dirname, '../node_modules/v86/build');
  const emulator = new V86({
    wasm_path: `${build}/v86.wasm`,
    memory_size: 16 * 0x10_0000,
    vga_memory_size: 0x10_0000,
    bios: { buffer: biosImage(program).buffer as ArrayBuffer },
    autostart: false,
    disable_jit: true,
    log_level: 0,
  } as ConstructorParameters<typeof V86>[0]);
  await new Promise<void>((ready) => emulator.add_listener('emulator-ready', () => ready()));
  checkJitOff(emulator);
  return {
    name: 'v86, JIT off',
    async turn() {
      const from = cpuSeconds();
      const before = emulator.get_instruction_counter();
      await emulator.run();
      await new Promise((later) => setTimeout(later, TURN));
      await emulator.stop();
      // its counter has 32 bits
      const executed = (emulator.get_instruction_counter() - before) >>> 0;
      return executed / (cpuSeconds() - from) / 1e6;
    },
    stop: async () => {
      await emulator.destroy();
    },
  };
}

/** The option is undocumented inside: ask the emulator itself. */
function checkJitOff(emulator: V86): void {
  const { v86 } = emulator as unknown as {
    v86: { cpu: { wm: { exports: { get_jit_config(index: number): number } } } };
  };
  if (v86.cpu.wm.exports.get_jit_config(JIT_DISABLED) !== 1) throw new Error("v86's JIT could not be turned off.");
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** The core as it ships. Built here, because dist may hold a development build. */
async function counted(): Promise<WebAssembly.Module> {
  const { wasm } = await buildCore({ optimize: 3 });
  return new WebAssembly.Module(new Uint8Array(wasm));
}

/** The core without instruction counting: the run loop only counts cycles. */
async function uncounted(): Promise<WebAssembly.Module> {
  const overrides = new Map([
    ['asm/constants.ts', (source: string) => source.replace('COUNT_INSTRUCTIONS = true', 'COUNT_INSTRUCTIONS = false')],
  ]);
  const { wasm } = await buildCore({ optimize: 3, overrides });
  return new WebAssembly.Module(new Uint8Array(wasm));
}

async function compare(contenders: readonly Contender[], rounds: number): Promise<void> {
  const samples = contenders.map((): number[] => []);
  for (let warm = 0; warm < 3; warm++) for (const contender of contenders) await contender.turn();
  for (let round = 0; round < rounds; round++) {
    for (const [n, contender] of contenders.entries()) samples[n]!.push(await contender.turn());
  }
  for (const [n, contender] of contenders.entries()) {
    const ratio = median(samples[n]!.map((mips, round) => mips / samples[0]![round]!));
    const best = Math.max(...samples[n]!).toFixed(0);
    console.log(`  ${contender.name.padEnd(34)} ${best.padStart(5)} M/s   ${ratio.toFixed(2)} x`);
  }
}

/** Measures and prints the interpreter's speed. */
export async function benchInterpreter(): Promise<void> {
  const shipped = await counted();
  const without = await uncounted();
  for (const program of PROGRAM_NAMES) {
    console.log(`${program} loop, rounds interleaved; best of millions a second, median ratio to the first line`);
    const other = await v86(program);
    const ours = core('anillo', shipped, program, 'instructions', WORK);
    await compare([other, ours], ROUNDS);
    await other.stop();
    await compare(
      [
        core('anillo, instructions not counted', without, program, 'cycles', FINE_WORK),
        core('anillo', shipped, program, 'cycles', FINE_WORK),
      ],
      FINE_ROUNDS,
    );
  }
}
