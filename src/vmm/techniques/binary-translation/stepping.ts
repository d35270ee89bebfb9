// Steps of translated code with TF: the VMM steps on to the next boundary between two of the guest's instructions, or the guest
// steps itself (SDM Vol. 3 "Single-Step Exception Condition").
import type { Fields } from '../../../machine/stateful.ts';
import type { TrapFrame } from '../../deprivileged-guest.ts';
import type { GuestContext } from '../../emulate/context.ts';
import { FLAG_TF, SS } from '../../vcpu.ts';

/** Opcode of PUSHF. */
const PUSHF = 0x9c;

/** Whose TF translated code runs with, and what of its traps the guest has yet to see. */
export class Stepping {
  readonly #host: GuestContext;
  readonly #frame: TrapFrame;
  /** The next boundary is being looked for, with a TF that is the VMM's own or the guest's. */
  #mode: 'no' | 'wanted' | 'own' = 'no';
  /** Where in the cache that step with a TF of the VMM's own began. */
  #from: number | undefined;
  /** DR6 bits of a debug trap the guest gets at the next boundary. */
  pendingDebug = 0;

  constructor(host: GuestContext, frame: TrapFrame) {
    this.#host = host;
    this.#frame = frame;
  }

  /** The VMM wants to be entered at the next boundary. */
  want(): void {
    this.#mode = 'wanted';
  }

  /** The guest goes on with `frame`: with TF set, if a step is wanted. */
  begin(): void {
    const frame = this.#frame;
    this.#from = undefined;
    if (this.#mode !== 'wanted') return;
    this.#mode = frame.eflags & FLAG_TF ? 'no' : 'own';
    if (this.#mode === 'own') this.#from = frame.eip;
    frame.eflags = (frame.eflags | FLAG_TF) >>> 0;
  }

  /** The VMM was entered: a step that it asked for is over, and its TF is not the guest's. */
  end(): void {
    if (this.#mode === 'own') this.#frame.eflags = (this.#frame.eflags & ~FLAG_TF) >>> 0;
    this.#mode = 'no';
  }

  /** A step ended at `at`: when PUSHF was stepped with a TF of the VMM's own, the guest must not find that on its stack. */
  hideOwn(at: number | undefined): void {
    const from = this.#from;
    const { access, memory } = this.#host;
    if (from === undefined || at !== from + 1 || access.tryLoad(from, 1) !== PUSHF) return;
    const top = (this.#host.segment(SS).base + this.#frame.esp) >>> 0;
    memory.write(top, 4, (memory.read(top, 4) & ~FLAG_TF) >>> 0);
  }

  save(): Fields {
    return { stepping: this.#mode, steppedFrom: this.#from ?? null, pendingDebug: this.pendingDebug };
  }

  load(fields: Fields): void {
    this.#mode = fields.stepping as 'no';
    this.#from = typeof fields.steppedFrom === 'number' ? fields.steppedFrom : undefined;
    this.pendingDebug = fields.pendingDebug as number;
  }
}
