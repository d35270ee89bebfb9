// No hypervisor: the guest owns the machine. The reference every technique is compared with.

import type { BootOptions } from '../../boot/multiboot.ts';
import type { RunLimits } from '../../pc/machine.ts';
import { describeEntryCheck } from '../../cpu/entry-checks/entry-checks.ts';
import { failedEntryCheck, peekVmcs } from '../../cpu/vmcs.ts';
import type { Stateful } from '../../machine/stateful.ts';
import type { MachineStop } from '../../pc/exit.ts';
import { Machine } from '../../pc/machine.ts';
import { costTable } from '../cost/profile.ts';
import { VmmCounters } from '../counters.ts';
import type { DomainOptions, Finding, Technique, Vmm } from '../technique.ts';

class BareVmm implements Vmm {
  readonly technique = 'bare';
  readonly machine: Machine;
  readonly counters = new VmmCounters();
  readonly parts: readonly Stateful[] = [];
  readonly #warn: DomainOptions['warn'];
  #failedEntry = 0;

  constructor(options: DomainOptions) {
    this.#warn = options.warn;
    const { rom, post, debugConsole } = options.board ?? {};
    this.machine = new Machine(options.module, {
      memory: options.memory,
      model: options.model,
      seed: options.seed,
      processors: options.processors ?? 1,
      cpuFrequencyHz: options.profile.frequencyHz,
      costs: costTable(options.profile),
      serialOut: options.serialOut,
      notSupported: (what, detail) =>
        options.warn?.(`The guest met something this version does not have: ${what} (${detail}).`),
      ...(rom === undefined ? {} : { rom }),
      ...(post === undefined ? {} : { postPort: post.port, post: post.write }),
      ...(debugConsole === undefined ? {} : { debugConsole }),
    });
  }

  start(image: Uint8Array, options: BootOptions): void {
    this.machine.loadMultiboot(image, options);
  }

  run(limits: RunLimits): MachineStop {
    const stop = this.machine.runUntil(limits);
    this.#tellFailedEntry();
    return stop;
  }

  /** A guest that is a hypervisor itself learns which rule its last VM entry broke. */
  #tellFailedEntry(): void {
    const { cpu } = this.machine;
    const failed = failedEntryCheck(cpu);
    if (failed === this.#failedEntry) return;
    this.#failedEntry = failed;
    if (failed) this.#warn?.(describeEntryCheck(failed, (field) => peekVmcs(cpu, field)));
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
  needs: [],
  create: (options) => new BareVmm(options),
};
