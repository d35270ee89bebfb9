// The fixed interrupts a local APIC has accepted: which are requested, which in service, and which of them comes next by priority.
// Truth: SDM Vol. 3 "Interrupt Acceptance for Fixed Interrupts", "Interrupt, Task, and Processor Priority", "Signaling Interrupt
// Servicing Completion".

import { type Fields, numberField, numbersField } from '../machine/stateful.ts';
import { APIC_ESR, APIC_IRR, APIC_ISR, APIC_TMR } from './lapic-registers.ts';
import { VectorSet } from './vector-set.ts';

/** IRR, ISR and TMR, and the priorities. */
export class AcceptedInterrupts {
  /** The task-priority register. */
  taskPriority = 0;
  readonly #requests = new VectorSet();
  readonly #inService = new VectorSet();
  readonly #triggerMode = new VectorSet();

  /** As after power-up. */
  reset(): void {
    for (const set of [this.#requests, this.#inService, this.#triggerMode]) set.clear();
    this.taskPriority = 0;
  }

  /** One of the three registers of 256 bits; undefined for any other. */
  read(register: number): number | undefined {
    if (register < APIC_ISR || register >= APIC_ESR) return undefined;
    if (register < APIC_TMR) return this.#inService.word((register - APIC_ISR) >> 4);
    if (register < APIC_IRR) return this.#triggerMode.word((register - APIC_TMR) >> 4);
    return this.#requests.word((register - APIC_IRR) >> 4);
  }

  /** An interrupt arrives. */
  add(vector: number, isLevel: boolean): void {
    this.#requests.add(vector);
    if (isLevel) this.#triggerMode.add(vector);
    else this.#triggerMode.delete(vector);
  }

  /** Processor priority: the higher of task priority and what is in service. */
  get processorPriority(): number {
    const serviced = this.#inService.highest() & 0xf0;
    return (this.taskPriority & 0xf0) >= serviced ? this.taskPriority : serviced;
  }

  /** The interrupt that may be delivered now. */
  get deliverable(): number | undefined {
    const vector = this.#requests.highest();
    return vector !== 0 && (vector & 0xf0) > (this.processorPriority & 0xf0) ? vector : undefined;
  }

  /** The processor takes it: it is in service now. */
  take(vector: number): void {
    this.#requests.delete(vector);
    this.#inService.add(vector);
  }

  /** End of interrupt: the one in service is over. Returns it if it is level triggered, so that the I/O APIC has to hear of it. */
  end(): number | undefined {
    const vector = this.#inService.highest();
    if (vector === 0) return undefined;
    this.#inService.delete(vector);
    return this.#triggerMode.has(vector) ? vector : undefined;
  }

  save(): Fields {
    return {
      requests: this.#requests.save(),
      inService: this.#inService.save(),
      triggerMode: this.#triggerMode.save(),
      taskPriority: this.taskPriority,
    };
  }

  load(fields: Fields): void {
    this.#requests.load(numbersField(fields, 'requests'));
    this.#inService.load(numbersField(fields, 'inService'));
    this.#triggerMode.load(numbersField(fields, 'triggerMode'));
    this.taskPriority = numberField(fields, 'taskPriority');
  }
}
