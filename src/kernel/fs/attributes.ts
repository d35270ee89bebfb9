// Extended attributes kept in memory (xattr(7)), for file systems whose inodes live there.
import { fail } from '../error.ts';
import type { Frames, HeldObject } from '../mm/frames.ts';
import { ACL_ATTRIBUTES, type Acl, type AclKind, aclKind, decodeAcl } from '../vfs/acl.ts';

/** Most bytes of names and values one inode keeps. */
const MOST_BYTES = 1 << 20;

/** The attributes of one file. */
export class Attributes {
  readonly #values = new Map<string, Uint8Array>();
  /** What those values mean that are access control lists. */
  #acls: Partial<Record<AclKind, Acl | undefined>> | undefined;
  #bytes = 0;
  readonly #frames: Frames | undefined;
  #held: HeldObject | undefined;

  /** Their bytes are charged to whoever sets them, if the machine's memory is given. */
  constructor(frames?: Frames) {
    this.#frames = frames;
  }

  acl(kind: AclKind): Acl | undefined {
    return this.#acls?.[kind];
  }

  get(name: string): Uint8Array | undefined {
    return this.#values.get(name);
  }

  /** @throws SystemError ENOSPC, OutOfFrames */
  set(name: string, value: Uint8Array): void {
    const old = this.#values.get(name);
    const bytes = this.#bytes + value.length - (old === undefined ? -name.length : old.length);
    if (bytes > MOST_BYTES) fail('ENOSPC');
    this.#account(bytes);
    this.#values.set(name, value.slice());
    const kind = aclKind(name);
    if (kind !== undefined) this.#acls = { ...this.#acls, [kind]: decodeAcl(value) };
  }

  remove(name: string): boolean {
    const old = this.#values.get(name);
    if (old === undefined) return false;
    this.#account(this.#bytes - old.length - name.length);
    const kind = aclKind(name);
    if (kind !== undefined) this.#acls = { ...this.#acls, [kind]: undefined };
    return this.#values.delete(name);
  }

  /** The file is gone. */
  clear(): void {
    this.#values.clear();
    this.#acls = undefined;
    this.#account(0);
  }

  #account(bytes: number): void {
    const held = bytes === 0 ? undefined : this.#frames?.accounts?.object(bytes);
    this.#held?.free();
    this.#held = held;
    this.#bytes = bytes;
  }

  /** Access control lists come first. */
  names(): readonly string[] {
    const names = [...this.#values.keys()];
    if (this.#acls === undefined) return names;
    const lists = Object.values(ACL_ATTRIBUTES).filter((name) => this.#values.has(name));
    return [...lists, ...names.filter((name) => aclKind(name) === undefined)];
  }
}
