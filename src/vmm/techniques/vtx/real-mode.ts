// Guests in real-address mode on a processor without "unrestricted guest", or with shadow paging: VM entry wants CR0.PE
// and CR0.PG set, so real mode is imitated by another mode (SDM Vol. 3C "Guest Software in Real-Address Mode").
//
// Virtual-8086 mode with IOPL 0 fits wherever each segment is what its selector says and 64 KBytes long: whatever real mode
// would do differently raises #GP there and is emulated. Other segments (after RESET, between a write of CR0.PE and the far
// jump, "unreal" mode) run in 16-bit protected mode at ring 0 with empty descriptor tables, where each load of a segment
// register and each interrupt faults. In both the processor delivers nothing by itself: the exception bitmap is full, and
// the VMM goes through the guest's vector table.

import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { Fields } from '../../../machine/stateful.ts';
import { booleanField, listField, numberField } from '../../../machine/stateful.ts';
import { LIMIT_64K, REAL_RIGHTS, VIRTUAL_RIGHTS } from '../../emulate/mode-8086.ts';
import {
  CS,
  FLAG_IOPL,
  FLAG_VM,
  RIGHTS_DB,
  RIGHTS_G,
  RIGHTS_UNUSABLE,
  rightsDpl,
  SS,
  type Vcpu,
  type VirtualSegment,
} from '../../vcpu.ts';
import { EXCEPTION_BITMAP } from './vmcs-setup.ts';

const LDTR = 6;
const TR = 7;
const EVERY_EXCEPTION = 0xffff_ffff;
const CODE_RIGHTS = 0x9b;
const DPL_3 = 0x60;
const RPL = 3;
/** Too short for an I/O permission bitmap: every IN and OUT of virtual-8086 mode faults. */
const TASK: VirtualSegment = { selector: 0, rights: 0x8b, base: 0, limit: 0x66 };
const NO_TABLE: VirtualSegment = { selector: 0, rights: RIGHTS_UNUSABLE, base: 0, limit: 0 };

/** The registers of the guest as its VMM sees them. */
export interface RealModeGuest {
  readonly access: Ring0;
  readonly vcpu: Vcpu;
  segment(n: number): VirtualSegment;
  loadSegments(): void;
  loadTables(): void;
}

/** True if virtual-8086 mode gives the segment the same meaning. */
function fits({ selector, rights, base, limit }: VirtualSegment, n: number): boolean {
  const isPlain = (rights & 0xf) === (REAL_RIGHTS & 0xf) && !(rights & RIGHTS_UNUSABLE);
  const isNarrow = (n !== CS && n !== SS) || !(rights & RIGHTS_DB);
  return isPlain && isNarrow && base === selector << 4 && limit === LIMIT_64K;
}

/**
 * A segment that VM entry takes in protected mode: the requested privilege levels real mode may have left in the selectors do
 * not go with CPL 0. Those of CS and SS are hidden until they are loaded, the others are allowed by a DPL of 3.
 */
function protectedSegment(segment: VirtualSegment, n: number): VirtualSegment {
  const { selector, rights } = segment;
  const size = rights & (RIGHTS_DB | RIGHTS_G);
  if (n === CS)
    return { ...segment, selector: selector & ~RPL, rights: rights & 8 ? rights & ~DPL_3 : size | CODE_RIGHTS };
  if (n === SS) return { ...segment, selector: selector & ~RPL, rights: rights & ~DPL_3 };
  const isAllowed = rights & RIGHTS_UNUSABLE || rightsDpl(rights) >= (selector & RPL);
  return isAllowed ? segment : { ...segment, rights: rights | DPL_3 };
}

function isSame(a: VirtualSegment, b: VirtualSegment): boolean {
  return a.selector === b.selector && a.rights === b.rights && a.base === b.base && a.limit === b.limit;
}

/** How the processor runs a guest that is in real-address mode. */
export class RealMode {
  readonly #access: Ring0;
  /** The guest has cleared CR0.PE. */
  active = false;
  /** A null selector was loaded in protected mode; the next entry makes a real-mode segment of it. */
  hasNullSegment = false;
  /** Registers have changed since the last entry. */
  isStale = true;
  #isVirtual = false;
  #ioPrivilege = 0;
  #sysenterSelector = 0;
  /** Segments at the last entry: as the guest has them, and as the VMCS got them. */
  #seen: VirtualSegment[] = [];
  #written: VirtualSegment[] = [];

  constructor(access: Ring0) {
    this.#access = access;
  }

  /** CR0.PE was cleared; `guest` still reads its registers from the VMCS. */
  begin(guest: RealModeGuest): void {
    guest.loadSegments();
    guest.loadTables();
    this.active = true;
    this.isStale = true;
    this.hasNullSegment = false;
    const access = this.#access;
    this.#sysenterSelector = access.vmread(F.F_GUEST_SYSENTER_CS);
    // SYSENTER raises #GP in real-address mode
    access.vmwrite(F.F_GUEST_SYSENTER_CS, 0);
    access.vmwrite(F.F_EXCEPTION_BITMAP, EVERY_EXCEPTION);
    access.vmwrite(F.F_SECONDARY_CONTROLS, access.vmread(F.F_SECONDARY_CONTROLS) | F.CPU2_DESCRIPTOR_TABLE);
    this.#writeSegment(TR, TASK);
  }

  /** CR0.PE was set: protected mode with the segments real mode left. */
  end(guest: RealModeGuest): void {
    guest.loadSegments();
    this.active = false;
    const access = this.#access;
    const { vcpu } = guest;
    access.vmwrite(F.F_GUEST_SYSENTER_CS, this.#sysenterSelector);
    access.vmwrite(F.F_EXCEPTION_BITMAP, EXCEPTION_BITMAP.shadow);
    access.vmwrite(F.F_SECONDARY_CONTROLS, access.vmread(F.F_SECONDARY_CONTROLS) & ~F.CPU2_DESCRIPTOR_TABLE);
    for (let n = 0; n < 6; n++) this.#writeSegment(n, protectedSegment(guest.segment(n), n));
    this.#writeTables(vcpu, vcpu.gdtr.limit, vcpu.idtr.limit, vcpu.ldtr);
    this.#writeSegment(TR, vcpu.tr);
  }

  /** Before VM entry: chooses the mode and writes what has changed. */
  enter(guest: RealModeGuest): void {
    if (!this.active || (this.#isVirtual && !this.isStale)) return;
    const { vcpu } = guest;
    guest.loadSegments();
    this.#seen = [0, 1, 2, 3, 4, 5].map((n) => ({ ...guest.segment(n) }));
    this.#isVirtual = this.#seen.every(fits);
    this.#written = this.#seen.map((segment, n) =>
      this.#isVirtual
        ? { selector: segment.selector, rights: VIRTUAL_RIGHTS, base: segment.base, limit: LIMIT_64K }
        : protectedSegment(segment, n),
    );
    for (const [n, segment] of this.#written.entries()) this.#writeSegment(n, segment);
    if (this.#isVirtual) this.#writeTables(vcpu, vcpu.gdtr.limit, vcpu.idtr.limit, vcpu.ldtr);
    else this.#writeTables(vcpu, 0, 0, NO_TABLE);
    this.isStale = false;
    this.hasNullSegment = false;
  }

  /** RFLAGS to run with for the flags of the guest. */
  runFlags(flags: number): number {
    if (!this.active || !this.#isVirtual) return flags;
    this.#ioPrivilege = flags & FLAG_IOPL;
    return ((flags & ~FLAG_IOPL) | FLAG_VM) >>> 0;
  }

  /** Flags of the guest for the RFLAGS it ran with. */
  seenFlags(flags: number): number {
    if (!this.active || !this.#isVirtual) return flags;
    return ((flags & ~(FLAG_IOPL | FLAG_VM)) | this.#ioPrivilege) >>> 0;
  }

  /** A segment register of the guest for what the VMCS holds after an exit. */
  seenSegment(n: number, now: VirtualSegment): VirtualSegment {
    const before = this.#seen[n];
    if (!before || isSame(now, this.#written[n]!)) return before ?? now;
    const { selector } = now;
    const rights = n === CS ? (before.rights & (RIGHTS_DB | RIGHTS_G)) | REAL_RIGHTS : before.rights;
    if (this.#isVirtual) return { selector, rights, base: now.base, limit: LIMIT_64K };
    this.hasNullSegment = true;
    const usable = before.rights & RIGHTS_UNUSABLE ? { rights: REAL_RIGHTS, limit: LIMIT_64K } : before;
    return { selector, rights: usable.rights, base: selector << 4, limit: usable.limit };
  }

  #writeTables({ gdtr, idtr }: Vcpu, gdtLimit: number, idtLimit: number, ldtr: VirtualSegment): void {
    const access = this.#access;
    access.vmwrite(F.F_GUEST_GDTR_BASE, gdtr.base);
    access.vmwrite(F.F_GUEST_GDTR_LIMIT, gdtLimit);
    access.vmwrite(F.F_GUEST_IDTR_BASE, idtr.base);
    access.vmwrite(F.F_GUEST_IDTR_LIMIT, idtLimit);
    this.#writeSegment(LDTR, ldtr);
  }

  #writeSegment(n: number, { selector, rights, base, limit }: VirtualSegment): void {
    this.#access.vmwrite(F.F_GUEST_SELECTOR + 2 * n, selector);
    this.#access.vmwrite(F.F_GUEST_RIGHTS + 2 * n, rights);
    this.#access.vmwrite(F.F_GUEST_BASE + 2 * n, base);
    this.#access.vmwrite(F.F_GUEST_LIMIT + 2 * n, limit);
  }

  save(): Fields {
    return {
      active: this.active,
      stale: this.isStale,
      virtual: this.#isVirtual,
      ioPrivilege: this.#ioPrivilege,
      sysenterSelector: this.#sysenterSelector,
      seen: this.#seen.map((segment) => ({ ...segment })),
      written: this.#written.map((segment) => ({ ...segment })),
    };
  }

  load(fields: Fields): void {
    this.active = booleanField(fields, 'active');
    this.isStale = booleanField(fields, 'stale');
    this.#isVirtual = booleanField(fields, 'virtual');
    this.#ioPrivilege = numberField(fields, 'ioPrivilege');
    this.#sysenterSelector = numberField(fields, 'sysenterSelector');
    this.#seen = listField(fields, 'seen') as unknown as VirtualSegment[];
    this.#written = listField(fields, 'written') as unknown as VirtualSegment[];
  }
}
