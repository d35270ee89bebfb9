// The six columns of a comparison: the five techniques, VT-x once with each way of virtualizing memory.
import type { TechniqueName } from '../vmm/technique.ts';

/** Name of a column. */
export type TechniqueCell = 'bare' | 'trap-emulate' | 'binary-translation' | 'paravirtual' | 'vtx/shadow' | 'vtx/ept';

/** What a column runs. */
export interface CellTechnique {
  readonly cell: TechniqueCell;
  readonly technique: TechniqueName;
  readonly paging?: 'shadow' | 'ept';
  /** One line for a reader who never met the technique. */
  readonly summary: string;
}

/** The columns in the order in which they are shown. */
export const CELLS: readonly CellTechnique[] = [
  { cell: 'bare', technique: 'bare', summary: 'no hypervisor: the guest kernel owns the machine (the reference)' },
  {
    cell: 'trap-emulate',
    technique: 'trap-emulate',
    summary:
      'the kernel runs in ring 1, whatever faults is emulated; x86 lets some instructions lie instead of faulting',
  },
  {
    cell: 'binary-translation',
    technique: 'binary-translation',
    summary: 'kernel code is rewritten on the fly so that nothing sensitive is executed; user code runs directly',
  },
  {
    cell: 'paravirtual',
    technique: 'paravirtual',
    summary: 'the kernel was changed to call the hypervisor (Xen) instead of touching the hardware',
  },
  {
    cell: 'vtx/shadow',
    technique: 'vtx',
    paging: 'shadow',
    summary: 'the processor runs the kernel in VMX non-root mode; the hypervisor keeps shadow page tables',
  },
  {
    cell: 'vtx/ept',
    technique: 'vtx',
    paging: 'ept',
    summary: 'as before, but the processor also walks the hypervisor’s second-level page tables (EPT)',
  },
];
