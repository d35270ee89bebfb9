// Runs a bundled guest under a technique, for tests.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_CPU_MODEL } from '../src/cpu/cpu.ts';
import { GuestRun, type GuestImage } from '../src/lab/guest-run.ts';
import { CELLS, type TechniqueCell } from '../src/lab/techniques.ts';
import type { MachineStop } from '../src/pc/exit.ts';
import { findProfile } from '../src/vmm/cost/index.ts';
import { techniques } from '../src/vmm/techniques/index.ts';
import { loadCore } from './core.ts';

const GUESTS = resolve(import.meta.dirname, '../guests');
const MEBIBYTE = 2 ** 20;

interface ManifestRow {
  readonly name: string;
  readonly file: string;
  readonly paravirtual?: string;
}

/** A bundled guest by name. */
export function bundledGuest(name: string): GuestImage {
  const rows = JSON.parse(readFileSync(join(GUESTS, 'manifest.json'), 'utf8')) as ManifestRow[];
  const row = rows.find((candidate) => candidate.name === name);
  if (!row) throw new Error(`no bundled guest is called ${name}`);
  return {
    name,
    file: readFileSync(join(GUESTS, row.file)),
    ...(row.paravirtual ? { paravirtual: readFileSync(join(GUESTS, row.paravirtual)) } : {}),
  };
}

/** A guest under a technique, and what it has said so far. */
export interface StartedGuest {
  readonly run: GuestRun;
  readonly output: () => string;
}

/** Builds the machine and loads the guest. */
export function startGuest(
  name: string,
  cell: TechniqueCell,
  commandLine = '',
  memory = 16 * MEBIBYTE,
  model = DEFAULT_CPU_MODEL,
): StartedGuest {
  const bytes: number[] = [];
  const { technique, paging } = CELLS.find((candidate) => candidate.cell === cell)!;
  const run = new GuestRun(bundledGuest(name), {
    module: loadCore(),
    technique: techniques.find(technique)!,
    ...(paging ? { paging } : {}),
    memory,
    model,
    profile: findProfile('p4-672'),
    commandLine,
    serialOut: (byte) => bytes.push(byte),
  });
  return { run, output: () => String.fromCharCode(...bytes) };
}

/** Runs a guest to its end or the limit. */
export function runGuest(
  name: string,
  cell: TechniqueCell,
  { commandLine = '', instructions = 400_000_000 }: { commandLine?: string; instructions?: number } = {},
): { run: GuestRun; output: string; stop: MachineStop } {
  const { run, output } = startGuest(name, cell, commandLine);
  const stop = run.run({ instructions });
  return { run, output: output(), stop };
}
