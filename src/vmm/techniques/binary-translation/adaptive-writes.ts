// Writes to page tables and devices in translated code: one that traps often is translated into a call-out, and back when it
// turns out to write plain memory (Adams & Agesen 2006, section 3.3).
import type { GuestContext } from '../../emulate/context.ts';
import type { GuestInstruction } from '../../emulate/instruction.ts';
import type { FaultOutcome } from '../../shadow-options.ts';
import { CS, DS } from '../../vcpu.ts';
import type { Block } from './cache.ts';
import type { CodeSupply } from './code-supply.ts';

/** How the writes of the guest's kernel are translated. */
export class AdaptiveWrites {
  readonly #host: GuestContext;
  readonly #code: CodeSupply;
  #devices = 0;
  #codePages = 0;

  constructor(host: GuestContext, code: CodeSupply) {
    this.#host = host;
    this.#code = code;
  }

  /** A device was written. */
  sawDevice(): void {
    this.#devices++;
  }

  /** A page with translated code was written. */
  sawCode(): void {
    this.#codePages++;
  }

  /** The instruction at `eip` trapped. Returns what it is to be translated to from now on, if that is decided now. */
  trapped(eip: number, instruction: GuestInstruction, outcome: FaultOutcome, target: number): string | undefined {
    const flat = this.#host.vcpu.segment(DS).base === 0;
    const adaptation = this.#code.history.trapped(this.#linear(eip), instruction, outcome, target, flat);
    if (!adaptation) return undefined;
    if (adaptation.kind === 'priority') this.#code.priority.inUse = true;
    this.#host.counters.add('translation', 'adapted');
    return adaptation.kind;
  }

  /** An adapted write: `emulate` makes it, straight to the guest's tables. */
  callOut(block: Block, eip: number, emulate: (instruction: GuestInstruction) => void): void {
    const { memory, counters } = this.#host;
    const linear = this.#linear(eip);
    const before = this.#traceWork();
    memory.isTracedAccess = true;
    emulate(block.instructions.get(eip)!);
    memory.isTracedAccess = false;
    if (!this.#code.history.calledOut(linear, this.#traceWork() !== before) || !block.valid) return;
    counters.add('translation', 'reverted');
    this.#code.retranslate(block);
  }

  #linear(eip: number): number {
    return (this.#host.vcpu.segment(CS).base + eip) >>> 0;
  }

  /** Something that grows whenever a traced page or a device was written. */
  #traceWork(): number {
    const { counters } = this.#host;
    return (
      this.#devices +
      this.#codePages +
      counters.get('shadow', 'trace-unchanged') +
      counters.get('shadow', 'sync') +
      counters.get('shadow', 'sync-directory')
    );
  }
}
