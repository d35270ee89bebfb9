// anillo compare: one guest under several techniques, side by side.
import { writeFileSync } from 'node:fs';
import pc from 'picocolors';
import { type CpuModelName, findCpuModel } from '../cpu/cpu.ts';
import { buildComparison, type MeasuredRun, type SkippedTechnique } from '../lab/comparison.ts';
import { GuestRunError } from '../lab/guest-run.ts';
import { measure } from '../lab/measure.ts';
import { renderTerminal } from '../lab/report-terminal.ts';
import { CELLS, type TechniqueCell } from '../lab/techniques.ts';
import { PLAIN } from '../lab/terminal-text.ts';
import { findProfile } from '../vmm/cost/index.ts';
import { techniques } from '../vmm/techniques/index.ts';
import { hostReason, loadCore, loadGuest } from './assets.ts';
import { CliError, EXIT } from './errors.ts';

/** Options of `anillo compare`, parsed. */
export interface CompareOptions {
  readonly techniques?: readonly TechniqueCell[];
  readonly profile: string;
  readonly cpu: CpuModelName;
  readonly memory: number;
  readonly append?: string;
  readonly json?: boolean;
  readonly html?: string;
}

/** Runs the comparison and prints it. */
export async function compareImage(image: string, options: CompareOptions): Promise<void> {
  const guest = loadGuest(image);
  const module = loadCore();
  const profile = findProfile(options.profile);
  const cells = CELLS.filter(({ cell }) => options.techniques?.includes(cell) ?? true);
  const runs: MeasuredRun[] = [];
  const skipped: SkippedTechnique[] = [];
  for (const { cell, technique: name, paging } of cells) {
    const technique = techniques.find(name)!;
    const run = {
      module,
      technique,
      ...(paging ? { paging } : {}),
      memory: options.memory,
      profile,
      model: findCpuModel(options.cpu),
      commandLine: options.append ?? '',
    };
    try {
      runs.push(measure(guest, cell, run, (done) => progress(`${cell}: ${done} benchmarks done`)));
    } catch (error) {
      if (!(error instanceof GuestRunError)) throw error;
      skipped.push({ technique: cell, reason: error.message });
    }
  }
  progress('');
  if (runs.every((run) => run.measurements.length === 0))
    throw new CliError(`${image} prints no benchmarks to compare; nanobench does.`, EXIT.failure);
  const comparison = buildComparison(guest.name, options.profile, runs, skipped);
  if (options.html !== undefined) {
    const { renderHtml } = await import('../lab/report-html.ts');
    writeReport(options.html, renderHtml(comparison));
  }
  process.stdout.write(
    options.json
      ? `${JSON.stringify(comparison, null, 2)}\n`
      : renderTerminal(comparison, process.stdout.isTTY ? pc : PLAIN),
  );
}

/** A line on standard error that the next one replaces; nothing where that is no terminal. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** @throws CliError when the report cannot be written */
export function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CliError(`The report cannot be written to ${path}: ${hostReason(error)}.`, EXIT.failure);
  }
}
