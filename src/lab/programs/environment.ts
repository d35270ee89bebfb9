// Where one and the same static program runs: as a process, in a container, and in a small operating system on a machine,
// under each technique.
import { CELLS, type TechniqueCell } from '../techniques.ts';

/** Name of a column: `process` and `container` run on the user-space kernel, the others in tinyos. */
export type Environment = 'process' | 'container' | TechniqueCell;

/** A column and what it is, in one line. */
export interface EnvironmentRow {
  readonly environment: Environment;
  readonly summary: string;
}

const IN_TINYOS: Readonly<Record<TechniqueCell, string>> = {
  bare: 'in tinyos on the bare machine: a kernel of x86 code that owns it',
  'trap-emulate': 'in tinyos in a virtual machine by trap-and-emulate, which x86 deceives',
  'binary-translation': 'in tinyos in a virtual machine by binary translation of its kernel',
  paravirtual: 'in tinyos in a virtual machine, its kernel changed to call the hypervisor',
  'vtx/shadow': 'in tinyos in a virtual machine by VT-x, shadow page tables',
  'vtx/ept': 'in tinyos in a virtual machine by VT-x, nested page tables',
};

/** The columns in the order in which they are shown. */
export const ENVIRONMENTS: readonly EnvironmentRow[] = [
  { environment: 'process', summary: 'a process of the user-space kernel' },
  {
    environment: 'container',
    summary:
      'a container of that kernel: all namespaces, limits on processor, memory and processes, an overlay as root, ' +
      'the default filter of system calls',
  },
  ...CELLS.map(({ cell }) => ({ environment: cell, summary: IN_TINYOS[cell] })),
];
