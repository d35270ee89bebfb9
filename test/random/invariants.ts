// What holds of the processor's state between any two instructions, whatever ran: SDM Vol. 3A "Control Registers", "EFLAGS
// Register", "Segment Registers", "IA-32e Mode Operating Modes", Vol. 3C "Checks on the Guest State Area" (what VM entry
// refuses no processor can be in).
import {
  ACTIVITY,
  CPL,
  CR0,
  CR4,
  CS,
  DR,
  EFER,
  FPU_TAGS,
  INTERRUPTIBILITY,
  LDTR,
  MXCSR,
  RFLAGS,
  RIP,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_RIGHTS,
  SEGMENT_SELECTOR,
  SEGMENT_STRIDE,
  SEGMENTS,
  SS,
  TR,
  ZERO_REGISTER,
  GPR,
  VMX_ROOT,
} from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';

const UNUSABLE = 0x10000;
const VM = 0x20000;
const EFLAGS_RESERVED = 0xffc0_8028;

/** True for sign-extended 48-bit addresses, or 57-bit ones with five-level paging. */
function isCanonical(address: bigint, cr4: number): boolean {
  const bits = cr4 & 0x1000 ? 57 : 48;
  return BigInt.asUintN(64, BigInt.asIntN(bits, address)) === address;
}

class State {
  readonly #view: DataView;

  constructor(cpu: Cpu) {
    void cpu.eflags; // brings the lazy flags into the state area
    this.#view = cpu.view;
  }

  word(place: number): number {
    return this.#view.getUint32(place, true);
  }

  wide(place: number): bigint {
    return this.#view.getBigUint64(place, true);
  }

  segment(n: number, field: number): number {
    return this.word(SEGMENTS + n * SEGMENT_STRIDE + field);
  }

  rights(n: number): number {
    return this.segment(n, SEGMENT_RIGHTS);
  }
}

function flagsAndRegisters(s: State): (string | false)[] {
  const [cr0, cr4, efer, rflags] = [s.word(CR0), s.word(CR4), s.word(EFER), s.word(RFLAGS)];
  return [
    s.wide(GPR + 8 * ZERO_REGISTER) !== 0n && 'the zero register is not zero',
    !(rflags & 2) && 'RFLAGS bit 1 is clear',
    (rflags & EFLAGS_RESERVED) !== 0 && 'a reserved bit of RFLAGS is set',
    s.wide(RFLAGS) > 0xffff_ffffn && 'RFLAGS has bits above 31',
    (cr0 & 0x8000_0001) >>> 0 === 0x8000_0000 && 'CR0.PG without PE',
    (cr0 & 0x6000_0000) === 0x2000_0000 && 'CR0.NW without CD',
    !(cr0 & 0x10) && 'CR0.ET is clear',
    ((efer & 0x400) !== 0) !== ((efer & 0x100) !== 0 && cr0 >>> 31 === 1) && 'EFER.LMA is not LME and PG',
    (efer & 0x400) !== 0 && !(cr4 & 0x20) && 'EFER.LMA without CR4.PAE',
    (cr4 & 0x20000) !== 0 && !(efer & 0x400) && 'CR4.PCIDE outside IA-32e mode',
    (efer & 0x400) !== 0 && (rflags & VM) !== 0 && 'virtual-8086 mode in IA-32e mode',
    (rflags & VM) !== 0 && !(cr0 & 1) && 'RFLAGS.VM in real-address mode',
    (s.word(MXCSR) & ~0xffff) !== 0 && 'a reserved bit of MXCSR is set',
    s.word(FPU_TAGS) > 0xff && 'more than eight x87 tags',
    s.word(ACTIVITY) > 3 && 'an unknown activity state',
    (s.word(INTERRUPTIBILITY) & 3) === 3 && 'blocking by STI and by MOV SS',
    (s.word(INTERRUPTIBILITY) & ~0x1f) !== 0 && 'a reserved bit of the interruptibility state is set',
    s.word(VMX_ROOT) > 2 && 'an unknown VMX mode',
    s.wide(DR + 56) > 0xffff_ffffn && 'DR7 has bits above 31',
    (s.word(DR + 56) & 0xd400) !== 0x400 && 'a fixed bit of DR7 is wrong',
    (s.word(DR + 48) & 0xfffe_0ff0) >>> 0 !== 0xfffe_0ff0 && 'a fixed bit of DR6 is wrong',
  ];
}

function codeAndStack(s: State, anySegments: boolean): (string | false)[] {
  const [cr0, cr4, efer, rflags] = [s.word(CR0), s.word(CR4), s.word(EFER), s.word(RFLAGS)];
  const long = (efer & 0x400) !== 0;
  const [cs, ss, cpl, rip] = [s.rights(CS), s.rights(SS), s.word(CPL), s.wide(RIP)];
  const code64 = long && (cs & 0x2000) !== 0;
  const common = [
    cpl > 3 && 'CPL above 3',
    (code64 ? !isCanonical(rip, cr4) : rip > 0xffff_ffffn) && `RIP is 0x${rip.toString(16)}`,
  ];
  if (!(cr0 & 1)) return [...common, cpl !== 0 && 'CPL is not 0 in real-address mode'];
  if (rflags & VM) {
    const segments = [0, 1, 2, 3, 4, 5].map(
      (n) =>
        (s.segment(n, SEGMENT_BASE) !== s.segment(n, SEGMENT_SELECTOR) << 4 || (s.rights(n) & 0xff) !== 0xf3) &&
        `segment ${n} is not one of virtual-8086 mode`,
    );
    return [...common, ...segments, cpl !== 3 && 'CPL is not 3 in virtual-8086 mode'];
  }
  if (anySegments) return common;
  const [dpl, stackDpl, conforming] = [(cs >> 5) & 3, (ss >> 5) & 3, (cs & 4) !== 0];
  return [
    ...common,
    (cs & 0x98) !== 0x98 && 'CS is no present code segment',
    (cs & 0x6000) === 0x6000 && long && 'CS has L and D',
    (s.segment(CS, SEGMENT_SELECTOR) & 3) !== cpl && 'RPL of CS is not CPL',
    (conforming ? dpl > cpl : dpl !== cpl) && `DPL of CS is ${dpl} at CPL ${cpl}`,
    !(ss & UNUSABLE) && stackDpl !== cpl && `DPL of SS is ${stackDpl} at CPL ${cpl}`,
    !(ss & UNUSABLE) && (ss & 0x9a) !== 0x92 && 'SS is no present writable data segment',
  ];
}

function systemSegments(s: State): (string | false)[] {
  const usable = [0, 1, 2, 3, 4, 5, TR, LDTR].filter((n) => !(s.rights(n) & UNUSABLE));
  const granular = usable.map((n) => {
    const limit = s.segment(n, SEGMENT_LIMIT);
    const wrong = s.rights(n) & 0x8000 ? (limit & 0xfff) !== 0xfff : limit > 0xfffff;
    return wrong && `limit of segment ${n} does not go with its granularity`;
  });
  return [
    ...granular,
    ![0x83, 0x8b].includes(s.rights(TR) & 0x9f) && 'TR is no busy TSS',
    !(s.rights(LDTR) & UNUSABLE) && (s.rights(LDTR) & 0x9f) !== 0x82 && 'LDTR is no LDT',
  ];
}

/**
 * The rules that the state breaks. `anySegments`: segment registers may hold anything, after a task switch that could not
 * load them, or because the program has come from real-address mode.
 */
export function brokenRules(cpu: Cpu, anySegments: boolean): string[] {
  const state = new State(cpu);
  const rules = [
    ...flagsAndRegisters(state),
    ...codeAndStack(state, anySegments),
    ...(anySegments ? [] : systemSegments(state)),
  ];
  return rules.filter((rule) => rule !== false);
}
