// The technique `vtx`: hardware-assisted virtualization.

import { HOST_NEEDS } from '../../host-setup.ts';
import type { Technique } from '../../technique.ts';
import { VtxVmm } from './vtx-vmm.ts';

/** Hardware-assisted virtualization. */
export const vtx: Technique = {
  name: 'vtx',
  aliases: ['assisted', 'vt-x', 'hardware'],
  summary: 'the processor runs the unmodified guest in VMX non-root operation and exits to the VMM where it must',
  description: [
    'The guest runs in VMX non-root operation on the rings it believes in. System calls, interrupts through its own IDT, ' +
      'CLI, POPF, IRET and the rest run at full speed; CPUID, port accesses, HLT, MSRs and what the controls name exit to ' +
      'the VMM, which loads its own state from the VMCS, does the work and resumes the guest.',
    'With shadow paging the VMM keeps the page tables the processor really uses; page faults, CR3 loads, INVLPG and writes ' +
      'to page tables exit. With EPT the processor translates twice and none of them exits.',
  ],
  guest: 'unmodified',
  needs: [...HOST_NEEDS, 'vmx'],
  paging: ['shadow', 'ept'],
  create: (options) => new VtxVmm(options),
};
