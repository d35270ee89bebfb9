// No hypervisor: the guest owns the machine. The reference every technique is compared with.

import type { Stateful } from '../../machine/stateful.ts';
import type { MachineStop } from '../../pc/exit.ts';
import { Machine } from '../../pc/machine.ts';
import { costTable } from '../cost/profile.ts';
import { VmmCounters } from '../counters.ts';
import type { DomainOptions, Finding, RunLimits, Technique, Vmm } from '../technique.ts';

class BareVmm implements Vmm {
  readonly technique = 'bare';
  readonly machine: Machine;
  readonly counters = new VmmCounters();
  readonly parts: readonly Stateful[] = [];

  constructor(options: DomainOptions) {
    this.machine = new Machine(options.module, {
      memory: options.memory,
      cpuFrequencyHz: options.profile.frequencyHz,
      costs: costTable(options.profile),
      serialOut: options.serialOut,
      notSupported: (what, detail) =>
        options.warn?.(`The guest met something this version does not have: ${what} (${detail}).`),
    });
  }

  start(image: Uint8Array, commandLine: string): void {
    this.machine.loadMultiboot(image, { commandLine });
  }

  run(limits: RunLimits): MachineStop {
    return this.machine.runUntil(limits);
  }

  serialIn(byte: number): void {
    this.machine.serialIn(byte);
  }

  findings(): readonly Finding[] {
    return [];
  }
}

/** The technique's entry in the registry. */
export const bare: Technique = {
  name: 'bare',
  aliases: [],
  summary: 'no hypervisor: the guest kernel owns the machine',
  description: [
    'The guest runs in ring 0 of the machine itself. Everything another technique costs, and every answer it gives the ' +
      'guest, is held against this.',
  ],
  guest: 'unmodified',
  create: (options) => new BareVmm(options),
};
