// The modes the random tests run in, and the state of the processor in each before a program starts: SDM Vol. 3A "Modes of
// Operation", "Paging", "Initializing IA-32e Mode".
import { CPL, CS, DS, ES, FS, GS, LDTR, PDPTE, SS, STATE_BASE, STATE_END, TR } from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import {
  CODE,
  CODE_16,
  CODE_32,
  CODE_64,
  DATA_16,
  DATA_32,
  DIRECTORY,
  GDT,
  GDT_LIMIT,
  IDT,
  LDT,
  LDT_SELECTOR,
  PD,
  PML4,
  PML5,
  TSS,
  TSS_LIMIT,
  TSS_SELECTOR,
} from './world.ts';

export type Paging = 'none' | 'two-level' | 'pse' | 'pae' | 'four-level' | 'five-level';
export type Ring = 0 | 1 | 2 | 3;

/** A mode of the processor. */
export interface Setting {
  readonly name: string;
  /** Size of the code. */
  readonly bits: 16 | 32 | 64;
  /** Size of the handlers' code. */
  readonly gates: 16 | 32 | 64;
  readonly ring: Ring;
  readonly paging: Paging;
  /** Segments are 64 KiB at 16 times their selector: real-address mode, virtual-8086 mode in a ring-3 task, or unreal mode. */
  readonly like8086?: 'real' | 'unreal' | 'virtual';
  /** The program is a guest in VMX non-root operation. */
  readonly guest?: true;
}

const RINGS: readonly Ring[] = [0, 1, 2, 3];
const LEGACY_PAGING: readonly Paging[] = ['none', 'two-level', 'pse', 'pae'];

function protectedSettings(): Setting[] {
  return LEGACY_PAGING.flatMap((paging) =>
    RINGS.flatMap((ring): Setting[] => [
      { name: `32-bit, ring ${ring}, ${paging}`, bits: 32, gates: 32, ring, paging },
      { name: `16-bit, ring ${ring}, ${paging}`, bits: 16, gates: 32, ring, paging },
      { name: `16-bit, 16-bit gates, ring ${ring}, ${paging}`, bits: 16, gates: 16, ring, paging },
    ]),
  );
}

function longSettings(): Setting[] {
  return (['four-level', 'five-level'] as const).flatMap((paging) =>
    RINGS.flatMap((ring): Setting[] => [
      { name: `64-bit, ring ${ring}, ${paging}`, bits: 64, gates: 64, ring, paging },
      { name: `compatibility, ring ${ring}, ${paging}`, bits: 32, gates: 64, ring, paging },
      { name: `16-bit compatibility, ring ${ring}, ${paging}`, bits: 16, gates: 64, ring, paging },
    ]),
  );
}

function settings8086(): Setting[] {
  const virtual = LEGACY_PAGING.map((paging): Setting => {
    return { name: `virtual-8086, ${paging}`, bits: 16, gates: 32, ring: 3, paging, like8086: 'virtual' };
  });
  return [
    { name: 'real-address', bits: 16, gates: 16, ring: 0, paging: 'none', like8086: 'real' },
    { name: 'real-address with large segments', bits: 16, gates: 16, ring: 0, paging: 'none', like8086: 'unreal' },
    ...virtual,
  ];
}

const BARE = [...settings8086(), ...protectedSettings(), ...longSettings()];

/** Guests of VMX have paging. */
const GUESTS = BARE.filter(({ paging, ring }) => paging !== 'none' && (ring === 0 || ring === 3)).map(
  (setting): Setting => {
    return { ...setting, name: `VMX guest, ${setting.name}`, guest: true };
  },
);

/** All of them. */
export const SETTINGS: readonly Setting[] = [...BARE, ...GUESTS];

const CR4_OF: Readonly<Record<Paging, number>> = {
  none: 0,
  'two-level': 0,
  pse: 0x90,
  pae: 0xa0,
  'four-level': 0xa0,
  'five-level': 0x10a0,
};
const CR3_OF: Readonly<Record<Paging, number>> = {
  none: 0,
  'two-level': DIRECTORY,
  pse: DIRECTORY,
  pae: 0xe000,
  'four-level': PML4,
  'five-level': PML5,
};
/** OSFXSR and OSXMMEXCPT. */
const CR4_SSE = 0x600;
const CR0_PROTECTED = 0x31;
const CR0_REAL = 0x30;
const VM = 0x2_0000;
const EFER = 0xc000_0080;

/** Puts the processor into the mode. */
export function enterSetting(cpu: Cpu, setting: Setting): void {
  const { bits, gates, ring, paging, like8086 } = setting;
  const long = gates === 64;
  cpu.cr4 = CR4_OF[paging] | CR4_SSE;
  cpu.cr3 = CR3_OF[paging];
  cpu.setMsr(EFER, long ? 0xd01n : 0x801n);
  for (let n = 0; n < 4; n++) cpu.view.setBigUint64(PDPTE + 8 * n, paging === 'pae' ? BigInt(PD | 1) : 0n, true);
  cpu.cr0 = paging === 'none' ? CR0_PROTECTED : 0x8000_0000 + CR0_PROTECTED;
  cpu.gdtr = { base: GDT, limit: GDT_LIMIT };
  cpu.idtr = { base: IDT, limit: long ? 0xfff : 0x7ff };
  cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: TSS_LIMIT });
  cpu.setSegment(LDTR, { selector: LDT_SELECTOR, rights: 0x82, base: LDT, limit: 0x3f });
  systemCalls(cpu);
  if (like8086) {
    enter8086(cpu, like8086);
    return;
  }
  const dpl = ring << 5;
  const small = bits === 16;
  const code = (small ? CODE_16 : bits === 64 ? CODE_64 : CODE_32)[ring];
  const rights = (small ? 0x9b : bits === 64 ? 0xa09b : 0xc09b) | dpl;
  const shape = small ? { base: CODE, limit: 0xffff } : { base: 0, limit: 0xffff_ffff };
  cpu.setSegment(CS, { selector: code, rights, ...shape });
  const selector = (small ? DATA_16 : DATA_32)[ring];
  for (const n of [SS, DS, ES, FS, GS])
    cpu.setSegment(n, { selector, rights: (small ? 0x93 : 0xc093) | dpl, ...shape });
  cpu.view.setUint32(CPL, ring, true);
}

/** Segments of an 8086, all with base CODE. */
function enter8086(cpu: Cpu, kind: 'real' | 'unreal' | 'virtual'): void {
  const rights = kind === 'virtual' ? 0xf3 : 0x93;
  if (kind !== 'virtual') {
    cpu.cr0 = CR0_REAL;
    cpu.idtr = { base: 0, limit: 0x3ff };
  }
  const shape = { selector: CODE >> 4, base: CODE, limit: 0xffff };
  cpu.setSegment(CS, { ...shape, rights: kind === 'virtual' ? rights : 0x9b });
  for (const n of [SS, DS, ES, FS, GS]) cpu.setSegment(n, { ...shape, rights });
  if (kind === 'unreal')
    for (const n of [DS, ES, FS]) cpu.setSegment(n, { ...shape, rights: 0x8093, limit: 0xffff_ffff });
  cpu.view.setUint32(CPL, kind === 'virtual' ? 3 : 0, true);
  if (kind === 'virtual') cpu.eflags = VM;
}

/** Fast system calls lead to code of the program. */
function systemCalls(cpu: Cpu): void {
  cpu.setMsr(0x174, 8n);
  cpu.setMsr(0x175, 0x1c800n);
  cpu.setMsr(0x176, BigInt(CODE + 0x60));
  cpu.setMsr(0xc000_0081, 0x001b_0008_0000_0000n);
  cpu.setMsr(0xc000_0082, BigInt(CODE + 0x40));
  cpu.setMsr(0xc000_0083, BigInt(CODE + 0x40));
  cpu.setMsr(0xc000_0084, 0x700n);
}

/** The state area as it is now. */
export function stateBytes(cpu: Cpu): Uint8Array {
  return new Uint8Array(cpu.memory.buffer, STATE_BASE, STATE_END - STATE_BASE).slice();
}
