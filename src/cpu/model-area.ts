// Writes a processor model into the core's memory before RESET: what CPUID answers, which features instructions may need,
// the legal bits of CR4, EFER and EFLAGS, and the MSRs there are. All of it comes from one table (src/isa/cpu-models.ts).
import {
  MODEL,
  MODEL_ANY_SUBLEAF,
  MODEL_CR4,
  MODEL_EFER,
  MODEL_EFLAGS,
  MODEL_FEATURES,
  MODEL_MSRS,
  MODEL_ROW_SIZE,
  MODEL_ROWS,
  MODEL_SIGNATURE,
  X87,
} from '../../asm/layout.ts';
import { type CpuModel, cpuidRows, featuresOf, legalBits, msrsOf } from '../isa/cpu-models.ts';

/** Fills the area MODEL. */
export function writeModel(view: DataView, model: CpuModel): void {
  new Uint8Array(view.buffer, view.byteOffset + MODEL, X87 - MODEL).fill(0);
  const rows = cpuidRows(model);
  const words = (at: number, values: readonly number[]) => {
    for (const [n, value] of values.entries()) view.setUint32(at + 4 * n, value, true);
  };
  if (MODEL_ROWS + rows.length * MODEL_ROW_SIZE > MODEL_FEATURES) throw new Error('there are too many CPUID rows');
  words(MODEL, [rows.length, model.highestLeaf, model.highestExtendedLeaf]);
  for (const [n, { leaf, subleaf = MODEL_ANY_SUBLEAF, eax, ebx, ecx, edx }] of rows.entries())
    words(MODEL_ROWS + n * MODEL_ROW_SIZE, [leaf, subleaf, eax, ebx, ecx, edx]);
  view.setUint8(MODEL_FEATURES, 1);
  for (const { number } of featuresOf(model)) view.setUint8(MODEL_FEATURES + number, 1);
  words(MODEL_CR4, [legalBits(model, 'cr4'), 0]);
  words(MODEL_EFER, [legalBits(model, 'efer'), 0]);
  words(MODEL_EFLAGS, [legalBits(model, 'eflags'), 0]);
  words(MODEL_SIGNATURE, [model.signature]);
  const msrs = msrsOf(model);
  words(MODEL_MSRS, [msrs.length, ...msrs.flatMap(({ first, last }) => [first, last])]);
}
