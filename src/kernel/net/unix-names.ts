// Names of Unix domain sockets (unix(7) "Address format"): paths, and abstract ones, of which each network namespace has its own.
import { AF_UNIX } from '../../abi/socket.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import type { NetControls } from './controls.ts';
import type { UnixSocket } from './unix.ts';

/** Where the name begins in struct sockaddr_un. */
export const PATH_OFFSET = 2;
/** Bytes of its path, a terminator among them or not. */
export const LONGEST_PATH = 108;

/** Abstract names of a network namespace, each with the type of its socket before it. */
export class UnixNames {
  readonly abstract = new Map<string, UnixSocket>();
  readonly controls: NetControls;
  #next = 0;

  constructor(controls: NetControls) {
    this.controls = controls;
  }

  /** A name for a socket that is bound without one (autobind). */
  automatic(kind: number): string {
    for (;;) {
      const name = this.#next.toString(16).padStart(5, '0');
      this.#next = (this.#next + 1) % 0x10_0000;
      if (!this.abstract.has(`${kind}:${name}`)) return name;
    }
  }
}

/** The family of an address; -1 when it is too short to have one. */
export function familyOf(address: Uint8Array): number {
  return address.length < PATH_OFFSET ? -1 : address[0]! | (address[1]! << 8);
}

/** The address of a socket that has no name. */
export function header(): Uint8Array {
  return Uint8Array.of(AF_UNIX, 0);
}

/** The path in an address. */
export function pathOf(address: Uint8Array): string {
  const bytes = address.subarray(PATH_OFFSET, PATH_OFFSET + LONGEST_PATH);
  const end = bytes.indexOf(0);
  return decodeText(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The address as it is shown: with the path and a terminator behind it. */
export function withTerminator(address: Uint8Array, text: string): Uint8Array {
  const bytes = encodeText(`${text}\0`);
  const result = new Uint8Array(PATH_OFFSET + bytes.length);
  result.set(address.subarray(0, PATH_OFFSET));
  result.set(bytes, PATH_OFFSET);
  return result;
}
