// The task priority of the virtual local APIC while translated code writes it without the VMM: the code leaves the value
// in the shared area, and looks in a table there whether the new value lets a waiting interrupt in (SDM Vol. 3 "Task and
// Processor Priorities"; adaptation as in Adams & Agesen 2006, section 3.3).

import { APIC_IRR, APIC_TPR } from '../../../devices/lapic.ts';
import type { Fields } from '../../../machine/stateful.ts';
import { LAPIC_BASE } from '../../../pc/platform.ts';
import type { Domain } from '../../domain.ts';
import type { HostAccess } from '../../host-access.ts';
import * as area from './area.ts';
import { areaLinear } from './area.ts';
import type { SharedArea } from './shared-area.ts';

/** Keeps the virtual APIC and the shared area in step. */
export class TaskPriority {
  readonly #access: HostAccess;
  readonly #domain: Domain;
  readonly #area: SharedArea;
  /** Translated code writes the register. */
  inUse = false;
  /** Vector the table was made for. */
  #waiting = 0;

  constructor(access: HostAccess, domain: Domain, shared: SharedArea) {
    this.#access = access;
    this.#domain = domain;
    this.#area = shared;
  }

  /** The virtual APIC learns what was written. */
  toApic(): void {
    if (!this.inUse || this.#area.load(area.TASK_PRIORITY_DIRTY) === 0) return;
    this.#area.forget(area.TASK_PRIORITY_DIRTY);
    this.#area.store(area.TASK_PRIORITY_DIRTY, 0);
    this.#domain.platform.mmioWrite(LAPIC_BASE + APIC_TPR, 4, this.#area.load(area.TASK_PRIORITY));
  }

  /** Which priorities would let in what waits in the virtual APIC. */
  toArea(): void {
    if (!this.inUse) return;
    const waiting = this.#highestRequest();
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    for (let priority = 0; priority < 256; priority += 4) {
      const opens = waiting >>> 4 > priority >>> 4 ? 0x0101_0101 : 0;
      this.#access.tryStore(areaLinear(area.PRIORITY_OPENS + priority), 4, opens);
    }
  }

  #highestRequest(): number {
    const { lapic } = this.#domain.platform;
    for (let n = 7; n >= 0; n--) {
      const requests = lapic.read(APIC_IRR + 16 * n, 4) >>> 0;
      if (requests !== 0) return 32 * n + 31 - Math.clz32(requests);
    }
    return 0;
  }

  save(): Fields {
    return { inUse: this.inUse, waiting: this.#waiting };
  }

  load(fields: Fields): void {
    this.inUse = fields.inUse as boolean;
    this.#waiting = fields.waiting as number;
  }
}
