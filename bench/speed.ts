// Speed of the processor beside v86's, with and without its JIT: the same programs in all, taking turns in one run. 64-bit
// code, which v86 does not have, stands beside this machine's own 32-bit figure.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { buildCore } from '../src/build/core.ts';
import { anillo } from './engines/anillo.ts';
import type { Engine } from './engines/engine.ts';
import { v86 } from './engines/v86.ts';
import { memoryImage } from './guest/memory-image.ts';
import { measure, median } from './measure.ts';
import { PROGRAMS } from './programs/index.ts';
import type { Program } from './programs/program.ts';
import type { Result } from './report.ts';
import { printJson, printTables } from './report.ts';

const ROUNDS = 7;

/** What is measured, and how the result is shown. */
export interface SpeedOptions {
  readonly rounds?: number;
  /** Parts of names; all programs if there is none. */
  readonly programs: readonly string[];
  /** Compiled cores to measure instead of the present source: the first is the one compared with v86. */
  readonly cores: readonly string[];
  readonly withV86: boolean;
  readonly json: boolean;
}

interface NamedCore {
  readonly name: string;
  readonly module: WebAssembly.Module;
}

/** The core as it ships. Built here, because dist may hold a development build. */
async function shippedCore(): Promise<NamedCore> {
  const { wasm } = await buildCore({ optimize: 3 });
  return { name: 'anillo', module: new WebAssembly.Module(new Uint8Array(wasm)) };
}

function coreFile(path: string): NamedCore {
  return { name: `anillo (${basename(path, '.wasm')})`, module: new WebAssembly.Module(readFileSync(path)) };
}

async function engines(program: Program, cores: readonly NamedCore[], withV86: boolean): Promise<Engine[]> {
  const made: Engine[] = [];
  if (program.widths.includes(32)) {
    const image = memoryImage(program.source, 32);
    if (withV86) made.push(await v86('v86', true, image), await v86('v86 JIT', false, image));
    for (const { name, module } of cores) made.push(anillo(name, module, image));
  }
  if (program.widths.includes(64)) {
    const image = memoryImage(program.source, 64);
    for (const { name, module } of cores) made.push(anillo(`${name}, 64-bit`, module, image));
  }
  return made;
}

async function measureProgram(program: Program, cores: readonly NamedCore[], options: SpeedOptions): Promise<Result> {
  const made = await engines(program, cores, options.withV86);
  const measured = await measure(made, options.rounds ?? ROUNDS);
  for (const engine of made) await engine.close();
  const nanoseconds = new Map(measured.map(({ name, seconds }) => [name, (median(seconds) * 1e9) / program.count]));
  return { program, nanoseconds };
}

/** Measures and prints. */
export async function benchSpeed(options: SpeedOptions): Promise<void> {
  const chosen = PROGRAMS.filter(
    ({ name }) => options.programs.length === 0 || options.programs.some((part) => name.includes(part)),
  );
  if (chosen.length === 0)
    throw new Error(`No program has such a name: ${PROGRAMS.map(({ name }) => name).join(', ')}.`);
  const cores = options.cores.length > 0 ? options.cores.map(coreFile) : [await shippedCore()];
  const results: Result[] = [];
  for (const program of chosen) {
    if (!options.json) process.stderr.write(`${program.name} …\n`);
    results.push(await measureProgram(program, cores, options));
  }
  const names = cores.map(({ name }) => name);
  if (options.json) printJson(results);
  else printTables(results, names);
}
