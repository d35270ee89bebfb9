// Back end of the console ring: the page with two byte rings by which a domain without console_io talks (Xen public
// header "io/console.h", xencons_interface: in[1024], out[2048], then the four indices).

import type { InputChannel } from '../../../machine/input-queue.ts';
import type { SharedInfo } from './event-channels.ts';

const IN = 0;
const IN_SIZE = 1024;
const OUT = 1024;
const OUT_SIZE = 2048;
const IN_CONSUMER = 3072;
const IN_PRODUCER = 3076;
const OUT_CONSUMER = 3080;
const OUT_PRODUCER = 3084;

/** What the back end works with: the ring's page and the outside. */
export interface ConsoleRingParts extends SharedInfo {
  readonly serialOut: (byte: number) => void;
  readonly input: InputChannel;
}

/** The console's other side. */
export class ConsoleRing {
  readonly #parts: ConsoleRingParts;

  constructor(parts: ConsoleRingParts) {
    this.#parts = parts;
  }

  /** Takes what the guest wrote; true if there was something. */
  transmit(): boolean {
    const { load, store, serialOut } = this.#parts;
    const producer = load(OUT_PRODUCER, 4);
    const waiting = (producer - load(OUT_CONSUMER, 4)) >>> 0;
    if (waiting === 0 || waiting > OUT_SIZE) return false;
    for (let i = waiting; i > 0; i--) serialOut(load(OUT + (((producer - i) >>> 0) % OUT_SIZE), 1));
    store(OUT_CONSUMER, 4, producer);
    return true;
  }

  /** Puts typed bytes into the ring if the guest uses it (it has written to the ring at least once); true if any went in. */
  receive(): boolean {
    const { load, store, input } = this.#parts;
    if (load(OUT_PRODUCER, 4) === 0) return false;
    let producer = load(IN_PRODUCER, 4);
    let moved = false;
    while (input.waiting > 0 && (producer - load(IN_CONSUMER, 4)) >>> 0 < IN_SIZE) {
      store(IN + (producer % IN_SIZE), 1, input.take()!);
      producer = (producer + 1) >>> 0;
      moved = true;
    }
    if (moved) store(IN_PRODUCER, 4, producer);
    return moved;
  }
}
