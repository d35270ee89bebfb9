// The instruction at the guest's RIP: skipped after an exit handler has done its work, or fetched, decoded and
// emulated; and the delivery of events that the processor cannot make itself.

import * as F from '../../../cpu/vmcs-fields.ts';
import { deliver, type GuestEvent } from '../../emulate/deliver.ts';
import { emulate, fetchInstruction } from '../../emulate/emulator.ts';
import { emulateLong } from '../../emulate/long.ts';
import { GuestFault, VECTOR_UD } from '../../host-access.ts';
import { FLAG_TF } from '../../vcpu.ts';
import type { EventInformation } from './exits.ts';
import {
  BLOCKED_BY_MOV_SS,
  BLOCKED_BY_NMI,
  BLOCKED_BY_STI,
  BLOCKED_BY_STI_OR_MOV_SS,
  type GuestEvents,
  TYPE_EXCEPTION,
  TYPE_SOFTWARE,
} from './guest-events.ts';
import type { VmcsGuest } from './vmcs-guest.ts';

/** DR6-format bit of the pending debug exceptions: single step. */
const PENDING_BS = 0x4000;

/** What instructions of the guest lead to. */
export interface InstructionOutcome {
  inject(fault: GuestFault): void;
  shutDown(): void;
}

/** Carries instructions out in place of the processor. */
export class GuestInstructions {
  readonly #guest: VmcsGuest;
  readonly #events: GuestEvents;
  readonly #outcome: InstructionOutcome;
  /** Length of the instruction that exited. */
  exitLength = 0;

  constructor(guest: VmcsGuest, events: GuestEvents, outcome: InstructionOutcome) {
    this.#guest = guest;
    this.#events = events;
    this.#outcome = outcome;
  }

  /** The instruction that exited is done: RIP moves on, the shadow of STI or MOV SS ends, TF traps. */
  skip(): void {
    const guest = this.#guest;
    guest.advance(this.exitLength);
    this.#end((guest.flags & FLAG_TF) !== 0);
  }

  /** `traps`: TF was set when the instruction began. */
  #end(traps: boolean, op?: string): void {
    const guest = this.#guest;
    const { vcpu } = guest;
    guest.interruptibility &= ~BLOCKED_BY_STI_OR_MOV_SS;
    if (op === 'iret') guest.interruptibility &= ~BLOCKED_BY_NMI;
    if (vcpu.shadowAddress !== undefined) guest.interruptibility |= op === 'sti' ? BLOCKED_BY_STI : BLOCKED_BY_MOV_SS;
    vcpu.shadowAddress = undefined;
    if (traps) guest.access.vmwrite(F.F_GUEST_PENDING_DEBUG, PENDING_BS);
  }

  /** Fetches, decodes and emulates the instruction at RIP; `otherwise` is what one the emulator does not know raises. */
  emulate(otherwise?: GuestFault): void {
    const guest = this.#guest;
    guest.loadSegments();
    if (this.#events.interrupted) {
      this.#deliverInSoftware(this.#events.interrupted);
      return;
    }
    try {
      const traps = (guest.flags & FLAG_TF) !== 0;
      const instruction = guest.code64 ? undefined : fetchInstruction(guest);
      const result = instruction ? emulate(guest, instruction) : emulateLong(guest);
      if (result.kind === 'done') this.#end(traps, instruction?.op);
      else if (result.kind === 'software')
        this.#deliver({ vector: result.vector, kind: 'software', start: result.start });
      else if (result.kind === 'fault') this.#outcome.inject(result.fault);
      else if (otherwise) this.#outcome.inject(otherwise);
      else {
        guest.notSupported(`emulation of ${result.mnemonic}`);
        this.#outcome.inject(new GuestFault(VECTOR_UD));
      }
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      this.#outcome.inject(error);
    }
  }

  /** The processor cannot deliver the event because its frame or tables lie on a traced or device page. */
  #deliverInSoftware(event: EventInformation): void {
    const guest = this.#guest;
    this.#events.interrupted = undefined;
    const isSoftware = event.type >= TYPE_SOFTWARE;
    if (isSoftware) guest.eip = (guest.eip + this.exitLength) >>> 0;
    const kind = isSoftware ? 'software' : event.type === TYPE_EXCEPTION ? 'fault' : 'external';
    this.#deliver({ vector: event.vector, error: event.error, kind });
  }

  #deliver(event: GuestEvent): void {
    this.#guest.loadTables();
    this.#guest.interruptibility &= ~BLOCKED_BY_STI_OR_MOV_SS;
    if (!deliver(this.#guest, event)) this.#outcome.shutDown();
  }
}
