// Adaptive translation: which guest instructions trap, and how they are translated therefore. All start as plain copies;
// one that traps often is translated into a form that does not, and back when that turns out not to be needed
// (Adams & Agesen 2006, section 3.3).

import { APIC_TPR } from '../../../devices/lapic.ts';
import type { Field } from '../../../machine/stateful.ts';
import { LAPIC_BASE } from '../../../pc/platform.ts';
import type { GuestInstruction } from '../../emulate/instruction.ts';
import type { FaultOutcome } from '../../shadow-options.ts';
import type { Adaptation } from './unit.ts';

/** Traps at one instruction after which it is translated differently. */
const ADAPT_AFTER = 3;
/** Call-outs of an adapted instruction that were not needed after which it is taken back. */
const REVERT_AFTER = 32;

/** What is known about an instruction that trapped. */
interface History {
  traps: number;
  unneeded: number;
  adaptation?: Adaptation;
}

/** Histories by linear address of the instruction. */
export class AdaptationHistory {
  readonly #histories = new Map<number, History>();

  /** How the instruction at a linear address is to be translated. */
  get(linear: number): Adaptation | undefined {
    return this.#histories.get(linear)?.adaptation;
  }

  /** A write trapped. Returns the adaptation that is due now, if any. `flat`: linear addresses are offsets in DS. */
  trapped(
    linear: number,
    instruction: GuestInstruction,
    outcome: FaultOutcome,
    target: number,
    flat: boolean,
  ): Adaptation | undefined {
    const history = this.#histories.get(linear) ?? { traps: 0, unneeded: 0 };
    this.#histories.set(linear, history);
    history.traps++;
    if (history.traps < ADAPT_AFTER || history.adaptation) return undefined;
    const isPriority = outcome.kind === 'mmio' && outcome.guestPhysical === LAPIC_BASE + APIC_TPR;
    const isMove = instruction.op === 'mov' && instruction.form.opcode === 0x89;
    if (isPriority && isMove && flat) history.adaptation = { kind: 'priority', linear: target };
    else if (instruction.repeat === 0 && !instruction.form.endsBlock) history.adaptation = { kind: 'write' };
    return history.adaptation;
  }

  /** An adapted write was made. True when it is time to take the adaptation back. */
  calledOut(linear: number, needed: boolean): boolean {
    const history = this.#histories.get(linear);
    if (!history) return false;
    history.unneeded = needed ? 0 : history.unneeded + 1;
    if (history.unneeded < REVERT_AFTER) return false;
    this.#histories.delete(linear);
    return true;
  }

  /** Addresses of instructions that write the task priority at a linear address that no longer leads there. */
  takeStalePriorities(leadsToApic: (linear: number) => boolean): number[] {
    const stale: number[] = [];
    for (const [linear, { adaptation }] of this.#histories) {
      if (adaptation?.kind === 'priority' && !leadsToApic(adaptation.linear)) stale.push(linear);
    }
    for (const linear of stale) this.#histories.delete(linear);
    return stale;
  }

  save(): Field {
    return [...this.#histories].map(([address, { traps, unneeded, adaptation }]) => ({
      address,
      traps,
      unneeded,
      adaptation: adaptation ? { ...adaptation } : null,
    }));
  }

  restore(saved: Field): void {
    this.#histories.clear();
    for (const { address, traps, unneeded, adaptation } of saved as unknown as SavedHistory[]) {
      this.#histories.set(address, { traps, unneeded, ...(adaptation ? { adaptation } : {}) });
    }
  }
}

interface SavedHistory {
  address: number;
  traps: number;
  unneeded: number;
  adaptation: Adaptation | null;
}
