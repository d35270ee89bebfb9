// Where the guest is, for traces and messages: read from the VMCS and the guest's memory without charge or effect.

import { decode } from '../../../isa/decode.ts';
import { disassemble } from '../../../isa/disassemble.ts';
import { peekVmcs } from '../../../cpu/vmcs.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { Machine } from '../../../pc/machine.ts';
import type { Domain } from '../../domain.ts';
import { GuestPaging } from '../../guest-paging.ts';
import type { HostAccess } from '../../host-access.ts';
import { significant } from '../../emulate/long.ts';
import { CS, RIGHTS_DB, RIGHTS_LONG, SS, type Vcpu } from '../../vcpu.ts';

/** Looks at memory without being charged and changes nothing. */
function uncharged(machine: Machine): HostAccess {
  const nothing = (): void => {};
  return {
    reg: () => 0,
    setReg: nothing,
    tryLoad: () => undefined,
    tryStore: () => false,
    fault: () => ({ vector: 0, error: 0, cr2: 0 }),
    loadPhysical: (address) => {
      const { ram } = machine.cpu;
      return new DataView(ram.buffer, ram.byteOffset).getUint32(address, true);
    },
    storePhysical: nothing,
    writeCr3: nothing,
    invlpg: nothing,
    charge: nothing,
  };
}

/** Looks at a guest from outside. */
export class GuestPeek {
  readonly #machine: Machine;
  readonly #domain: Domain;
  readonly #paging: GuestPaging;

  constructor(machine: Machine, vcpu: Vcpu, domain: Domain) {
    this.#machine = machine;
    this.#domain = domain;
    this.#paging = new GuestPaging(uncharged(machine), vcpu, domain);
  }

  /** CS:EIP, CPL and the instruction there. */
  where(): string {
    const field = (encoding: number): number => Number(peekVmcs(this.#machine.cpu, encoding));
    const rip = field(F.F_GUEST_RIP);
    const level = (field(F.F_GUEST_RIGHTS + 2 * SS) >>> 5) & 3;
    const place = `${field(F.F_GUEST_SELECTOR + 2 * CS).toString(16)}:${rip.toString(16)} cpl ${level}`;
    const rights = field(F.F_GUEST_RIGHTS + 2 * CS);
    const isLong = (field(F.F_ENTRY_CONTROLS) & F.ENTRY_IA32E) !== 0 && (rights & RIGHTS_LONG) !== 0;
    const at = isLong
      ? significant(peekVmcs(this.#machine.cpu, F.F_GUEST_RIP))
      : (field(F.F_GUEST_BASE + 2 * CS) + rip) >>> 0;
    const code = this.#code(at);
    const instruction = code && decode(code, 0, isLong ? 64 : rights & RIGHTS_DB ? 32 : 16);
    return instruction ? `${place} ${disassemble(instruction, rip)}` : place;
  }

  /** Code bytes at a guest-linear address, as far as its page goes. */
  #code(linear: number): Uint8Array | undefined {
    const walk = this.#paging.walk(linear, { write: false, user: false, fetch: true });
    if ('error' in walk || (!this.#domain.isRam(walk.guestPhysical) && !this.#domain.isRom(walk.guestPhysical)))
      return undefined;
    const end = Math.min(walk.guestPhysical + 15, (walk.guestPhysical | 0xfff) + 1);
    return this.#domain.ram.subarray(walk.guestPhysical, end);
  }
}
