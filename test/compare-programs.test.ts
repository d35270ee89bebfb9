// One program as a process, in a container and in virtual machines: the comparison is the same every time, everybody says
// the same, and the orderings of the literature emerge.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENVIRONMENTS, type Environment } from '../src/lab/programs/environment.ts';
import { runAsProcess, runInContainer } from '../src/lab/programs/kernel-run.ts';
import { runInMachine } from '../src/lab/programs/machine-run.ts';
import { checkProgram, type Program, ProgramError, type ProgramRunOptions } from '../src/lab/programs/program.ts';
import { compareRuns, type ProgramComparison } from '../src/lab/programs/program-comparison.ts';
import { renderProgramsHtml } from '../src/lab/programs/report-html.ts';
import { renderPrograms } from '../src/lab/programs/report-terminal.ts';
import { findProfile } from '../src/vmm/cost/index.ts';
import { loadCore } from './core.ts';
import { bundledGuest } from './run-guest.ts';

const FILE = readFileSync(resolve(import.meta.dirname, '../guests/images/workloads.elf'));
const PROGRAM: Program = { name: 'workloads', file: FILE, arguments: ['iterations=10'] };
const { file, paravirtual = file } = bundledGuest('tinyos');
const OPTIONS: ProgramRunOptions = {
  module: loadCore(),
  memory: 16 << 20,
  profile: findProfile('p4-672'),
  tinyos: { file, paravirtual },
};

function runIn(environment: Environment, program: Program) {
  if (environment === 'process') return runAsProcess(program, OPTIONS);
  return environment === 'container' ? runInContainer(program, OPTIONS) : runInMachine(environment, program, OPTIONS);
}

function compare(program: Program): ProgramComparison {
  const runs = ENVIRONMENTS.map(({ environment }) => runIn(environment, program));
  return compareRuns(program.name, 'p4-672', runs, []);
}

const comparison = compare(PROGRAM);

describe('the bundled program everywhere', () => {
  test('ends well and says what the process says', () => {
    for (const { environment, end, sameOutput } of comparison.runs)
      expect([environment, end, sameOutput]).toEqual([environment, 'exit 0', true]);
  });

  test('is measured in every kind of work', () => {
    expect(comparison.work.map(({ name }) => name)).toEqual([
      ...['compute', 'getppid', 'touch', 'fork', 'exec', 'pipe', 'file'],
    ]);
    for (const { cells } of comparison.work) expect(Object.keys(cells)).toHaveLength(ENVIRONMENTS.length);
  });

  test('shows every expected ordering', () => {
    expect(comparison.orderings).toHaveLength(12);
    expect(comparison.orderings.filter(({ holds }) => !holds)).toEqual([]);
  });

  test('gives the same comparison again, to the byte', () => {
    expect(JSON.stringify(compare(PROGRAM))).toBe(JSON.stringify(comparison));
  });

  test('makes trap-and-emulate lie, and the report says so', () => {
    const run = comparison.runs.find(({ environment }) => environment === 'trap-emulate');
    expect(run?.findings.join()).toMatch(/^iretd/);
    expect(renderPrograms(comparison)).toMatch(/trap-emulate lied to tinyos, by design/);
  });

  test('is told as a page of its own', () => {
    const page = renderProgramsHtml(comparison);
    for (const { environment } of ENVIRONMENTS) expect(page).toContain(`<td>${environment}</td>`);
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  });
});

describe('a program that fails', () => {
  test('by waiting for input that cannot come: it is said', () => {
    const waiting = { ...PROGRAM, arguments: ['wait'] };
    expect(runIn('process', waiting).end).toBe('waits for ever');
  });

  test('is compared all the same', () => {
    const failing = { ...PROGRAM, arguments: ['exit', '3'] };
    const runs = (['process', 'container', 'bare'] as const).map((environment) => runIn(environment, failing));
    expect(runs.map(({ end }) => end)).toEqual(['exit 3', 'exit 3', 'exit 3']);
  });

  test.each([
    ['is no ELF program', new Uint8Array(100), 'no ELF program'],
    ['is for another processor', FILE.with(18, 62), 'i386 programs'],
    ['is cut off', FILE.subarray(0, 60), 'cut off'],
    ['is dynamic', FILE.with(52, 3), 'static programs only'],
    ['is position-independent', FILE.with(16, 3), 'no fixed address'],
  ])('%s: refused', (_, damaged, why) => {
    expect(() => checkProgram({ ...PROGRAM, file: damaged })).toThrow(ProgramError);
    expect(() => checkProgram({ ...PROGRAM, file: damaged })).toThrow(why);
  });
});
