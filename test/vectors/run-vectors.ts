// Runs the vectors of one file on the core, each as a single instruction and as part of a decoded block.
import { type VectorFile, type VectorForm, VectorFileError } from './vector-file.ts';
import { VectorMachine } from './vector-machine.ts';

/** Outcome of one file. */
export interface GroupResult {
  readonly group: string;
  readonly mode: number;
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
  /** The first differences, in words. */
  readonly differences: readonly string[];
  /** Failures per form. */
  readonly failedForms: ReadonlyMap<VectorForm, number>;
}

/** Runs all vectors of a file and describes the first `shown` that differ. @throws VectorFileError */
export function runVectors(module: WebAssembly.Module, file: VectorFile, shown = 5): GroupResult {
  const { group, mode } = file.meta;
  const total = file.count;
  const failedForms = new Map<VectorForm, number>();
  const differences: string[] = [];
  if (mode !== 16 && mode !== 32 && mode !== 64) throw new VectorFileError(`its mode is ${mode}, not 16, 32 or 64`);
  const machine = new VectorMachine(module, file.meta);
  let failed = 0;
  for (const v of file.vectors()) {
    for (const engine of ['single', 'block'] as const) {
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
  return { group, mode, total, passed: total - failed, failed, unsupported: 0, differences, failedForms };
}
