// The words options accept, without loading what they name: the command must start quickly.
import type { TechniqueCell } from '../lab/techniques.ts';
import type { TraceKind } from '../vmm/technique.ts';

/** Techniques and their aliases. */
export const TECHNIQUE_NAMES = [
  'bare',
  'trap-emulate',
  'binary-translation',
  'full',
  'paravirtual',
  'para',
  'vtx',
  'assisted',
] as const;

/** Columns of a comparison. */
export const CELL_NAMES = [
  'bare',
  'trap-emulate',
  'binary-translation',
  'paravirtual',
  'vtx/shadow',
  'vtx/ept',
] as const satisfies readonly TechniqueCell[];

/** Cost profiles. */
export const PROFILE_NAMES = ['p4-672', 'core2-merom'] as const;

/** What `--trace` accepts. */
export const TRACE_NAMES = [
  'exits',
  'blocks',
  'paging',
  'hypercalls',
  'interrupts',
] as const satisfies readonly TraceKind[];

export { CPU_MODEL_NAMES } from '../isa/cpu-model-names.ts';
