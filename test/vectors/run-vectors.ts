// Runs the vectors of one file on the core in one mode, each as a single instruction and as part of a decoded block.
import type { Mode } from './surroundings.ts';
import { type VectorFile, type VectorForm, VectorFileError } from './vector-file.ts';
import { VectorMachine } from './vector-machine.ts';

/** Outcome of one file. */
export interface GroupResult {
  readonly group: string;
  readonly mode: number;
  readonly run: Mode;
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  /** Vectors whose result means something else in this mode. */
  readonly leftOut: number;
  /** The first differences, in words. */
  readonly differences: readonly string[];
  /** Failures per form. */
  readonly failedForms: ReadonlyMap<VectorForm, number>;
}

/** The modes in which vectors of a recording mode are run. */
export function modesOf(mode: number): readonly Mode[] {
  return mode === 16 ? ['recorded', 'real', 'virtual-8086'] : ['recorded'];
}

/** Runs all vectors of a file and describes the first `shown` that differ. @throws VectorFileError */
export function runVectors(
  module: WebAssembly.Module,
  file: VectorFile,
  run: Mode = 'recorded',
  shown = 5,
): GroupResult {
  const { group, mode } = file.meta;
  const total = file.count;
  const failedForms = new Map<VectorForm, number>();
  const differences: string[] = [];
  if (mode !== 16 && mode !== 32 && mode !== 64) throw new VectorFileError(`its mode is ${mode}, not 16, 32 or 64`);
  const machine = new VectorMachine(module, file.meta, run);
  let failed = 0;
  let leftOut = 0;
  for (const v of file.vectors()) {
    const engines = (['single', 'block'] as const).filter((engine) => machine.holds(v, engine));
    if (engines.length === 0) leftOut++;
    for (const engine of engines) {
      const found = machine.run(v, engine);
      if (found.length === 0) continue;
      failed++;
      failedForms.set(v.form, (failedForms.get(v.form) ?? 0) + 1);
      if (differences.length < shown) {
        const bytes = Buffer.from(v.code).toString('hex');
        const how = engine === 'block' ? ' in a block' : '';
        differences.push(
          `#${v.index} ${v.form.name} [${v.form.enc}] ${v.form.ops} (${bytes})${how}: ${found.join(', ')}`,
        );
      }
      break;
    }
  }
  const passed = total - failed - leftOut;
  return { group, mode, run, total, passed, failed, leftOut, differences, failedForms };
}
