// Guest memory as the VMM reaches it on the guest's behalf: by guest-linear address, with the guest's own page faults,
// its device registers and its traced pages. Where the VMM shares the address space with the guest the access goes
// through the shadow tables like the guest's own; else the guest's tables are walked in software.

import type { VmmCounters } from './counters.ts';
import type { Domain } from './domain.ts';
import type { Access, GuestPaging } from './guest-paging.ts';
import { type AccessSize, GuestFault, type HostAccess, VECTOR_PF } from './host-access.ts';
import { REGION_LINEAR } from './host-memory.ts';
import type { FaultOutcome } from './shadow-options.ts';
import type { ShadowPaging } from './shadow-paging.ts';

/** One behind the last linear address of four-level paging, as 48 significant bits. */
const LONG_END = 2 ** 48;
/** Work of the VMM around one access to a virtual device register: find the chip, call it. */
const DEVICE_WORK = 40;

/** How guest memory is tied to its VMM. */
export interface GuestMemoryParts {
  readonly access: HostAccess;
  readonly domain: Domain;
  readonly paging: GuestPaging;
  /** Absent under EPT. */
  readonly shadow?: ShadowPaging;
  /** The shadow tables are the ones the CPU uses while the VMM runs. */
  readonly shared: boolean;
  readonly counters: VmmCounters;
}

/** Reads and writes guest memory. */
export class GuestMemory {
  readonly #p: GuestMemoryParts;
  /** Called before a virtual device register is read or written. */
  onDevice: ((guestPhysical: number, write: boolean) => void) | undefined;
  /** The access at hand is known to need the guest's tables: do not try the shadow ones first. */
  isTracedAccess = false;

  constructor(parts: GuestMemoryParts) {
    this.#p = parts;
  }

  /** Set to a list to note every access of the guest's instructions: its data breakpoints look there. */
  accesses: { readonly linear: number; readonly size: number; readonly write: boolean }[] | undefined;

  /** Linear addresses have 32 bits, in IA-32e mode 48 significant ones. */
  #wrap(linear: number): number {
    return this.#p.paging.isLong ? linear % LONG_END : linear >>> 0;
  }

  /** Reads little-endian; throws the guest's page fault. */
  read(linear: number, size: AccessSize, user = false): number {
    const at = this.#wrap(linear);
    this.accesses?.push({ linear: at, size, write: false });
    if (this.#p.shared && !user && !this.isTracedAccess && at + size <= REGION_LINEAR) {
      for (let tries = 0; tries < 6; tries++) {
        const value = this.#p.access.tryLoad(at, size);
        if (value !== undefined) return value >>> 0;
        const outcome = this.#resolve(false);
        if (outcome === undefined) continue;
        if ((at & 0xfff) + size > 0x1000) return this.#readBytes(at, size, false);
        return this.#device(outcome, size);
      }
    }
    if ((at & 0xfff) + size > 0x1000) return this.#readBytes(at, size, user);
    const { guestPhysical } = this.#p.paging.translate(at, { write: false, user, fetch: false });
    return this.readPhysical(guestPhysical, size);
  }

  write(linear: number, size: AccessSize, value: number, user = false): void {
    const at = this.#wrap(linear);
    this.accesses?.push({ linear: at, size, write: true });
    if (this.#p.shared && !user && !this.isTracedAccess && at + size <= REGION_LINEAR) {
      for (let tries = 0; tries < 6; tries++) {
        if (this.#p.access.tryStore(at, size, value)) return;
        const outcome = this.#resolve(true);
        if (outcome === undefined) continue;
        if ((at & 0xfff) + size > 0x1000) this.#writeBytes(at, size, value, false);
        else this.writePhysical(outcome, size, value);
        return;
      }
    }
    if ((at & 0xfff) + size > 0x1000) {
      this.#writeBytes(at, size, value, user);
      return;
    }
    const { guestPhysical } = this.#p.paging.translate(at, { write: true, user, fetch: false });
    this.writePhysical(guestPhysical, size, value);
  }

  /** Throws the page fault a write would have, without writing. */
  probeWrite(linear: number, size: number, user = false): void {
    const first = this.#wrap(linear);
    this.#p.paging.translate(first, { write: true, user, fetch: false });
    const last = this.#wrap(linear + size - 1);
    if (last - (last % 0x1000) !== first - (first % 0x1000))
      this.#p.paging.translate(last, { write: true, user, fetch: false });
  }

  /** Up to `length` bytes of code; stops early where the next page cannot be read. */
  fetch(linear: number, length: number, user = false): Uint8Array {
    const bytes = new Uint8Array(length);
    let page = -1;
    let physical = 0;
    for (let n = 0; n < length; n++) {
      const at = this.#wrap(linear + n);
      if (Math.floor(at / 0x1000) !== page) {
        const walk = this.#p.paging.walk(at, { write: false, user, fetch: true });
        if ('error' in walk) {
          if (n === 0) throw new GuestFault(VECTOR_PF, walk.error, at);
          return bytes.subarray(0, n);
        }
        page = Math.floor(at / 0x1000);
        physical = walk.guestPhysical;
        if (!this.#p.domain.isRam(physical) && !this.#p.domain.isRom(physical)) return bytes.subarray(0, n);
      } else {
        physical++;
      }
      bytes[n] = this.#p.access.loadPhysical(this.#p.domain.hostPhysical(physical), 1);
    }
    return bytes;
  }

  /** Guest-physical read: RAM or a device register. */
  readPhysical(guestPhysical: number, size: AccessSize): number {
    if (this.#p.domain.isRam(guestPhysical) || this.#p.domain.isRom(guestPhysical)) {
      return this.#p.access.loadPhysical(this.#p.domain.hostPhysical(guestPhysical), size) >>> 0;
    }
    this.#p.access.charge('alu', DEVICE_WORK);
    this.onDevice?.(guestPhysical, false);
    return this.#p.domain.platform.mmioRead(guestPhysical, size) >>> 0;
  }

  /** Guest-physical write: RAM, keeping shadows and translations coherent, or a device register; a ROM does not care. */
  writePhysical(guestPhysical: number, size: AccessSize, value: number): void {
    if (this.#p.domain.isRom(guestPhysical)) return;
    if (!this.#p.domain.isRam(guestPhysical)) {
      this.#p.access.charge('alu', DEVICE_WORK);
      this.onDevice?.(guestPhysical, true);
      this.#p.domain.platform.mmioWrite(guestPhysical, size, value);
      return;
    }
    const host = this.#p.domain.hostPhysical(guestPhysical);
    if (this.#p.shadow?.isTraced(guestPhysical >>> 12)) {
      const old = this.#p.access.loadPhysical(host, size) >>> 0;
      const mask = size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
      const changed = old !== (value & mask) >>> 0;
      if (changed) this.#p.access.storePhysical(host, size, value);
      this.#p.shadow.guestWrote(guestPhysical, size, changed);
      return;
    }
    this.#p.access.storePhysical(host, size, value);
  }

  /** After a failed access: undefined to try again, else the guest-physical address to go on with. */
  #resolve(write: boolean): number | undefined {
    const fault = this.#p.access.fault();
    if (fault.vector !== VECTOR_PF) throw new GuestFault(fault.vector, fault.error);
    const access: Access = { write, user: false, fetch: false };
    const outcome: FaultOutcome = this.#p.shadow!.fault(fault.cr2 >>> 0, access);
    switch (outcome.kind) {
      case 'filled':
        return undefined;
      case 'true':
        throw new GuestFault(VECTOR_PF, outcome.error, fault.cr2 >>> 0);
      case 'mmio':
      case 'traced':
        return outcome.guestPhysical;
    }
  }

  #device(guestPhysical: number, size: AccessSize): number {
    return this.readPhysical(guestPhysical, size);
  }

  #readBytes(linear: number, size: number, user: boolean): number {
    let value = 0;
    for (let n = 0; n < size; n++) value += this.read(linear + n, 1, user) * 2 ** (8 * n);
    return value;
  }

  #writeBytes(linear: number, size: number, value: number, user: boolean): void {
    this.probeWrite(linear, size, user);
    for (let n = 0; n < size; n++) this.write(linear + n, 1, (value >>> (8 * n)) & 0xff, user);
  }
}
