// The bus between I/O APIC and local APICs: carries interrupt messages to the processors they are addressed to.
// Truth: SDM Vol. 3 "Determining IPI Destination", "Distribution Mechanisms: Lowest Priority Delivery Mode"; Intel 82093AA
// data sheet, "APIC Bus". A message arrives in the moment it is sent.

/** Delivery modes, as they stand in redirection entries and in the interrupt command register. */
export const DELIVER_FIXED = 0;
export const DELIVER_LOWEST = 1;
export const DELIVER_SMI = 2;
export const DELIVER_NMI = 4;
export const DELIVER_INIT = 5;
export const DELIVER_STARTUP = 6;
export const DELIVER_EXTERNAL = 7;

/** Who is meant by a message. */
export interface ApicDestination {
  /** Eight bits, or 32 from a local APIC in x2APIC mode; all ones mean everyone. */
  readonly destination: number;
  readonly isLogical: boolean;
  readonly isExtended?: boolean;
}

/** An interrupt on its way. */
export interface ApicMessage {
  readonly mode: number;
  readonly vector: number;
  readonly isLevel: boolean;
}

/** A local APIC as the bus sees it. */
export interface ApicAgent {
  isAddressed(to: ApicDestination): boolean;
  /** Fixed interrupts are accepted: the APIC is enabled by software. */
  readonly acceptsFixed: boolean;
  readonly processorPriority: number;
  receive(message: ApicMessage): void;
  /** Level of the 8259 pair's INT as an ExtINT entry of an I/O APIC passes it on. */
  setExternal(level: boolean): void;
}

/** All APICs of a machine. */
export class ApicBus {
  /** An interrupt that an I/O APIC sent as level triggered has been serviced. */
  onEndOfInterrupt: (vector: number) => void = () => {};
  readonly #agents: ApicAgent[] = [];

  attach(agent: ApicAgent): void {
    this.#agents.push(agent);
  }

  /** Delivers to the agents addressed; false when nobody accepted. */
  send(to: ApicDestination, message: ApicMessage): boolean {
    return deliver(
      this.#agents.filter((agent) => agent.isAddressed(to)),
      message,
    );
  }

  /** Delivers to all agents but `except`; false when nobody accepted. */
  broadcast(message: ApicMessage, except?: ApicAgent): boolean {
    return deliver(
      this.#agents.filter((agent) => agent !== except),
      message,
    );
  }

  /** Drives the ExtINT input of the agents addressed. */
  setExternal(to: ApicDestination, level: boolean): void {
    for (const agent of this.#agents) if (agent.isAddressed(to)) agent.setExternal(level);
  }
}

function deliver(targets: readonly ApicAgent[], message: ApicMessage): boolean {
  const isFixed = message.mode === DELIVER_FIXED || message.mode === DELIVER_LOWEST;
  let accepting = isFixed ? targets.filter((agent) => agent.acceptsFixed) : targets;
  if (message.mode === DELIVER_LOWEST && accepting.length > 1) {
    // equal priorities: the first on the bus, so that the same run gives the same choice
    const lowest = Math.min(...accepting.map((agent) => agent.processorPriority));
    accepting = [accepting.find((agent) => agent.processorPriority === lowest)!];
  }
  for (const agent of accepting) agent.receive(message);
  return accepting.length > 0;
}
