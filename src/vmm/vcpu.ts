// The virtual CPU: the architectural state the guest believes in, where that differs from what the real CPU holds while
// the guest runs (SDM Vol. 3 "System Architecture Overview"). General registers live in the real CPU.

import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, fieldsField, listField, numberField } from '../machine/stateful.ts';

export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;

export const MSR_EFER = 0xc000_0080;
export const EFER_SCE = 0x1;
export const EFER_LME = 0x100;
export const EFER_LMA = 0x400;
export const EFER_NXE = 0x800;

export const CR0_PE = 0x1;
export const CR0_MP = 0x2;
export const CR0_EM = 0x4;
export const CR0_TS = 0x8;
export const CR0_ET = 0x10;
export const CR0_NE = 0x20;
export const CR0_WP = 0x1_0000;
export const CR0_AM = 0x4_0000;
export const CR0_NW = 0x2000_0000;
export const CR0_CD = 0x4000_0000;
export const CR0_PG = 0x8000_0000;
export const CR4_TSD = 0x4;
export const CR4_DE = 0x8;
export const CR4_PSE = 0x10;
export const CR4_PAE = 0x20;
export const CR4_PGE = 0x80;

export const FLAG_CF = 0x1;
export const FLAG_ZF = 0x40;
export const FLAG_TF = 0x100;
export const FLAG_IF = 0x200;
export const FLAG_DF = 0x400;
export const FLAG_IOPL = 0x3000;
export const FLAG_NT = 0x4000;
export const FLAG_RF = 0x1_0000;
export const FLAG_VM = 0x2_0000;
export const FLAG_AC = 0x4_0000;
export const FLAG_ID = 0x20_0000;

// Access rights in the layout of asm/layout.ts (VMX format).
export const RIGHTS_CODE = 0x8;
export const RIGHTS_S = 0x10;
export const RIGHTS_PRESENT = 0x80;
export const RIGHTS_LONG = 0x2000;
export const RIGHTS_DB = 0x4000;
export const RIGHTS_G = 0x8000;
export const RIGHTS_UNUSABLE = 0x1_0000;

/** A segment register as the guest believes it to be: selector and descriptor cache. */
export interface VirtualSegment {
  selector: number;
  /** VMX format: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16. */
  rights: number;
  base: number;
  /** Byte granular. */
  limit: number;
}

/** GDTR or IDTR. */
export interface TableRegister {
  base: number;
  limit: number;
}

/** DPL field of access rights. */
export function rightsDpl(rights: number): number {
  return (rights >> 5) & 3;
}

function flatSegment(selector: number, rights: number): VirtualSegment {
  return { selector, rights, base: 0, limit: 0xffff_ffff };
}

/** The architectural state of one virtual CPU, as after a multiboot hand-over (protected mode, flat, no paging). */
export class Vcpu implements Stateful {
  readonly name = 'vcpu';
  readonly version = 1;
  cr0 = CR0_PE | CR0_ET;
  cr2 = 0;
  cr3 = 0;
  cr4 = 0;
  /** EFLAGS.IF, IOPL, NT (and VIF/VIP) as the guest set them; the other bits are in the real register. */
  interruptFlag = false;
  iopl = 0;
  cpl = 0;
  gdtr: TableRegister = { base: 0, limit: 0xffff };
  idtr: TableRegister = { base: 0, limit: 0xffff };
  ldtr: VirtualSegment = { selector: 0, rights: 0x82 | RIGHTS_UNUSABLE, base: 0, limit: 0 };
  tr: VirtualSegment = { selector: 0, rights: 0x8b, base: 0, limit: 0xffff };
  /** ES CS SS DS FS GS. */
  readonly segments: VirtualSegment[] = [
    flatSegment(0x10, 0xc093),
    flatSegment(0x08, 0xc09b),
    flatSegment(0x10, 0xc093),
    flatSegment(0x10, 0xc093),
    flatSegment(0x10, 0xc093),
    flatSegment(0x10, 0xc093),
  ];
  readonly dr: number[] = [0, 0, 0, 0, 0, 0, 0xffff_0ff0, 0x400];
  /** Model-specific registers the VMM keeps for the guest: low and high half. */
  readonly msrs = new Map<number, [low: number, high: number]>();
  /** TSC the guest sees minus the real one. */
  tscOffset = 0;
  /** HLT was executed and nothing has come to wake it. */
  halted = false;
  /** The instruction at this linear address follows STI or a load of SS: no interrupt before it. */
  shadowAddress: number | undefined;
  /** The virtual CPU is in shutdown after a triple fault. */
  shutdown = false;

  segment(n: number): VirtualSegment {
    return this.segments[n]!;
  }

  /** PAE page-directory-pointer entries (low, high), loaded with CR3. */
  pdpte: [number, number][] = [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ];

  get efer(): number {
    return this.msrs.get(MSR_EFER)?.[0] ?? 0;
  }

  /** IA-32e mode is active: EFER.LMA. */
  get longMode(): boolean {
    return (this.efer & EFER_LMA) !== 0;
  }

  get paging(): boolean {
    return (this.cr0 & CR0_PG) !== 0;
  }

  /** The guest's EFLAGS, from the real register's value while it runs. */
  virtualFlags(real: number): number {
    const kept = real & ~(FLAG_IF | FLAG_IOPL);
    return (kept | (this.interruptFlag ? FLAG_IF : 0) | (this.iopl << 12)) >>> 0;
  }

  save(): Fields {
    return {
      cr0: this.cr0,
      cr2: this.cr2,
      cr3: this.cr3,
      cr4: this.cr4,
      interruptFlag: this.interruptFlag,
      iopl: this.iopl,
      cpl: this.cpl,
      gdtr: { ...this.gdtr },
      idtr: { ...this.idtr },
      ldtr: { ...this.ldtr },
      tr: { ...this.tr },
      segments: this.segments.map((segment) => ({ ...segment })),
      dr: [...this.dr],
      msrs: [...this.msrs].map(([number, [low, high]]) => [number, low, high]),
      pdpte: this.pdpte.map((entry) => [...entry]),
      tscOffset: this.tscOffset,
      halted: this.halted,
      shutdown: this.shutdown,
      shadowAddress: this.shadowAddress ?? -1,
    };
  }

  load(fields: Fields): void {
    this.cr0 = numberField(fields, 'cr0');
    this.cr2 = numberField(fields, 'cr2');
    this.cr3 = numberField(fields, 'cr3');
    this.cr4 = numberField(fields, 'cr4');
    this.interruptFlag = booleanField(fields, 'interruptFlag');
    this.iopl = numberField(fields, 'iopl');
    this.cpl = numberField(fields, 'cpl');
    this.gdtr = fieldsField(fields, 'gdtr') as unknown as TableRegister;
    this.idtr = fieldsField(fields, 'idtr') as unknown as TableRegister;
    this.ldtr = fieldsField(fields, 'ldtr') as unknown as VirtualSegment;
    this.tr = fieldsField(fields, 'tr') as unknown as VirtualSegment;
    listField(fields, 'segments').forEach((segment, n) => {
      this.segments[n] = { ...(segment as unknown as VirtualSegment) };
    });
    (listField(fields, 'dr') as number[]).forEach((value, n) => {
      this.dr[n] = value;
    });
    this.msrs.clear();
    for (const [number, low, high] of listField(fields, 'msrs') as number[][]) this.msrs.set(number!, [low!, high!]);
    this.pdpte = (listField(fields, 'pdpte') as number[][]).map(([low, high]) => [low!, high!]);
    this.tscOffset = numberField(fields, 'tscOffset');
    this.halted = booleanField(fields, 'halted');
    this.shutdown = booleanField(fields, 'shutdown');
    const shadow = numberField(fields, 'shadowAddress');
    this.shadowAddress = shadow < 0 ? undefined : shadow;
  }
}
