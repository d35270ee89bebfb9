// Binary translation among the techniques: its name and what `explain techniques` says about it.

import { HOST_NEEDS } from '../../host-setup.ts';
import type { Technique } from '../../technique.ts';
import { BinaryTranslationVmm } from './binary-translation.ts';

/** The technique's entry in the registry. */
export const binaryTranslation: Technique = {
  name: 'binary-translation',
  aliases: ['full'],
  summary: 'kernel code is rewritten on the fly so that nothing sensitive is executed; user code runs directly',
  description: [
    'Full virtualization without help from the processor. The guest kernel is read, a unit of at most twelve ' +
      'instructions at a time, and rewritten into a cache that the processor executes in ring 1. Most instructions are ' +
      'copied as they are; sensitive ones become a few instructions that work on the virtual CPU (CLI is a store), or a ' +
      'call-out to the monitor. Direct branches are chained, indirect ones look their target up in a table.',
    'User code runs directly. Segment limits end below the monitor and its cache. Instructions that turn out to trap ' +
      'often (writes to page tables, to the local APIC) are translated again into a form that does not trap, and back ' +
      'when that was wrong. Unmodified kernels behave as on the bare machine. What is left is that user code which asks ' +
      'for the real tables (SGDT, SIDT, SLDT, STR, SMSW) or for a masked interrupt flag (PUSHF) sees the monitor’s, as ' +
      'under any monitor of this kind.',
  ],
  guest: 'unmodified',
  needs: HOST_NEEDS,
  create: (options) => new BinaryTranslationVmm(options),
};
