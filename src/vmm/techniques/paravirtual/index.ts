// The technique `paravirtual`: a guest kernel that was changed to call the hypervisor, by Xen's 32-bit interface.

import { HOST_NEEDS } from '../../host-setup.ts';
import type { Technique } from '../../technique.ts';
import { HYPERCALLS, type HypercallSupport } from '../../xen/hypercalls.ts';
import { Xen } from './xen.ts';

const names = (support: HypercallSupport): string =>
  HYPERCALLS.filter((row) => row.support === support)
    .map((row) => row.name)
    .join(', ');
const partial = (): string =>
  HYPERCALLS.filter((row) => row.support === 'partial')
    .map((row) => `${row.name} (${row.note})`)
    .join('; ');

/** Paravirtualization after Xen. */
export const paravirtual: Technique = {
  name: 'paravirtual',
  aliases: ['para'],
  summary:
    'the guest kernel runs in ring 1 and calls the hypervisor through Xen’s interface instead of touching hardware',
  description: [
    'The guest is another build of the same kernel: where the native one executes a privileged instruction, it makes a ' +
      'hypercall (INT 0x82, or a call into the hypercall page that the hypervisor filled in). Nothing has to be trapped, ' +
      'translated or guessed.',
    'The guest’s page tables are the ones the processor walks. They are read-only to it: every change is a hypercall, and ' +
      'each new entry is checked against the owner, type and reference count of the frame it names, so that no domain can ' +
      'map what is not its own. A page fault costs two entries into ring 0, the bounce to the kernel and the update.',
    'Exceptions and events reach the kernel in frames which the hypervisor writes to the kernel’s stack. INT 0x80 does not ' +
      'even do that: its gate in the real IDT leads from ring 3 straight to the guest kernel in ring 1, so a system call costs ' +
      'what it costs on the bare machine.',
    'The interface is that of Xen 3 for 32-bit guests with two-level page tables ("xen-3.0-x86_32"): hypercalls, ' +
      'start_info, shared_info, event channels. SYSENTER is not available to such a guest.',
    `Hypercalls that are there: ${names('full')}. In part: ${partial()}. Not there (ENOSYS and a warning): ${names('none')}.`,
  ],
  guest: 'paravirtual',
  needs: HOST_NEEDS,
  create: (options) => new Xen(options),
};
