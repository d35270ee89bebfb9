// The ports of a protocol of the internet: which sockets are bound to them, and which are given to those that do not choose
// (ip(7) ip_local_port_range).
import { fail } from '../error.ts';
import type { NetControls } from './controls.ts';
import type { InetSocket } from './inet.ts';

/** Ports of one protocol in a network namespace. */
export class Ports<Member extends InetSocket> {
  readonly #bound = new Map<number, Set<Member>>();
  readonly #controls: NetControls;
  #next = 0;

  constructor(controls: NetControls) {
    this.#controls = controls;
  }

  at(port: number): ReadonlySet<Member> {
    return this.#bound.get(port) ?? new Set();
  }

  /** All sockets, in the order of their ports. */
  *all(): Iterable<Member> {
    for (const port of [...this.#bound.keys()].sort((a, b) => a - b)) yield* this.#bound.get(port)!;
  }

  bind(port: number, socket: Member): void {
    const sockets = this.#bound.get(port);
    if (sockets === undefined) this.#bound.set(port, new Set([socket]));
    else sockets.add(socket);
  }

  release(port: number, socket: Member): void {
    const sockets = this.#bound.get(port);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#bound.delete(port);
  }

  /** A port nobody uses. @throws SystemError EADDRINUSE */
  ephemeral(): number {
    const { firstPort, lastPort } = this.#controls;
    for (let tries = firstPort; tries <= lastPort; tries++) {
      const port = this.#next < firstPort || this.#next > lastPort ? firstPort : this.#next;
      this.#next = port + 1;
      if (!this.#bound.has(port)) return port;
    }
    return fail('EADDRINUSE');
  }
}
