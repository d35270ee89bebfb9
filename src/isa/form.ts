// What a row of the opcode table is. Notation: SDM Vol. 2 "Interpreting the Instruction Reference Pages" for encodings and
// Appendix A "Opcode Map" for operand codes. Everything that knows an instruction is generated from these rows.
import type { CostClass } from './cost-classes.ts';
import type { FeatureName } from './cpu-features.ts';

/**
 * Letters for EFLAGS bits: C P A Z S T I D O as in the SDM's tables, L = IOPL, N = NT, R = RF, V = VM, X = AC, F = VIF,
 * E = ID.
 */
export type FlagLetters = string;

/**
 * Flags an instruction depends on, may set or clear, and may leave undefined. A shift or rotate by zero and a string
 * instruction repeated zero times write none of them.
 */
export interface FlagEffects {
  readonly read: FlagLetters;
  readonly write: FlagLetters;
  readonly undefined: FlagLetters;
}

/**
 * Why an instruction is sensitive (Popek & Goldberg 1974) and the requirement it touches in Robin & Irvine 2000:
 * 3A mode of the machine, 3B sensitive registers, 3C protection and relocation system, 3D input and output.
 */
export interface Sensitivity {
  readonly kind: 'control' | 'behavior';
  readonly class: '3A' | '3B' | '3C' | '3D';
  /** What it reveals or changes, as a full sentence. */
  readonly why: string;
  /** Name under which Robin & Irvine list it among the instructions that are sensitive and do not trap. */
  readonly listed?: string;
}

/** The VM exit an instruction causes in VMX non-root operation. */
export interface ExitCause {
  /** Basic exit reason (SDM Vol. 3 Appendix C). */
  readonly reason: number;
  /** The VM-execution control that asks for it, or `always`. */
  readonly control: string;
}

/** Modes in which a form exists: 16- and 32-bit code, 64-bit code, or both. */
export type FormModes = 'all' | 'legacy' | '64';

/** What happens to the memory operand: read, written, both, or only its address is used. */
export type MemoryUse = 'r' | 'w' | 'rw' | 'address';

/** Optional columns of a row. */
export interface RowOptions {
  readonly flags?: Partial<FlagEffects>;
  /** LOCK is legal when the destination is memory. */
  readonly lock?: true;
  /** Nothing is decoded behind it in the same block: it may transfer control, change the mode or let an event in. */
  readonly endsBlock?: true;
  /** #GP unless CPL is 0, or unless CPL <= IOPL. */
  readonly cpl?: 0 | 'iopl';
  readonly sensitive?: Sensitivity;
  readonly exit?: ExitCause;
  /**
   * Feature a processor must have for the form to exist. Without it the encoding means what it meant before (F3 0F BC is BSF),
   * or is undefined.
   */
  readonly cpuid?: FeatureName;
  /** Feature that must be there for operand size 64 (CMPXCHG16B). */
  readonly cpuid64?: FeatureName;
  readonly modes?: FormModes;
  /** Use of the operand in memory; needed when the first operand may be memory, else a read. */
  readonly memory?: MemoryUse;
  /** A second encoding of the same thing: decoded, never chosen by the assembler. */
  readonly alias?: true;
  /** Operand size in 64-bit mode: 64 by default (`d64`) or always (`f64`). */
  readonly size64?: 'd64' | 'f64';
  /** #UD in real-address and virtual-8086 mode. */
  readonly protectedOnly?: true;
  /** REP repeats it; `condition` also looks at ZF. */
  readonly repeat?: 'count' | 'condition';
  /** Mnemonic alternatives go by address size instead of operand size (JCXZ). */
  readonly namedByAddress?: true;
}

/** One instruction form. */
export interface Row extends RowOptions {
  /** SDM notation: optional NP, NFx, 66, F3 or F2; opcode bytes; +r; /r or /digit; ib iw iz iv cb cz ap ao. */
  readonly enc: string;
  /** Lower case; `a/b/c` gives the names for operand sizes 16, 32 and 64. */
  readonly mnemonic: string;
  /** Operand codes of the opcode map, comma separated, destination first. */
  readonly operands: string;
  /** Name of the operation the core executes (`OP_` constant). */
  readonly op: string;
  readonly cost: CostClass;
  /** Title of the SDM Vol. 2 (or Vol. 3 for VMX) instruction page. */
  readonly section: string;
  readonly flags: FlagEffects;
}

/** Builds one row; columns are in the order they are read. */
export function row(
  enc: string,
  mnemonic: string,
  operands: string,
  op: string,
  cost: CostClass,
  section: string,
  options: RowOptions = {},
): Row {
  const flags = { read: '', write: '', undefined: '', ...options.flags };
  const ends = options.endsBlock ?? (options.exit !== undefined || options.cpl === 0 ? true : undefined);
  const base = { enc, mnemonic, operands, op, cost, section, ...options, flags };
  return ends ? { ...base, endsBlock: true } : base;
}

/** Condition codes in encoding order (SDM Vol. 1 Appendix B), first name is the one the disassembler prints. */
export const CONDITIONS = [
  { names: ['o'], flags: 'O' },
  { names: ['no'], flags: 'O' },
  { names: ['b', 'c', 'nae'], flags: 'C' },
  { names: ['ae', 'nb', 'nc'], flags: 'C' },
  { names: ['e', 'z'], flags: 'Z' },
  { names: ['ne', 'nz'], flags: 'Z' },
  { names: ['be', 'na'], flags: 'CZ' },
  { names: ['a', 'nbe'], flags: 'CZ' },
  { names: ['s'], flags: 'S' },
  { names: ['ns'], flags: 'S' },
  { names: ['p', 'pe'], flags: 'P' },
  { names: ['np', 'po'], flags: 'P' },
  { names: ['l', 'nge'], flags: 'SO' },
  { names: ['ge', 'nl'], flags: 'SO' },
  { names: ['le', 'ng'], flags: 'ZSO' },
  { names: ['g', 'nle'], flags: 'ZSO' },
] as const;

/** EFLAGS bit of each flag letter; L covers both IOPL bits. */
export const FLAG_BITS: Readonly<Record<string, number>> = {
  C: 0x1,
  P: 0x4,
  A: 0x10,
  Z: 0x40,
  S: 0x80,
  T: 0x100,
  I: 0x200,
  D: 0x400,
  O: 0x800,
  L: 0x3000,
  N: 0x4000,
  R: 0x10000,
  V: 0x20000,
  X: 0x40000,
  F: 0x80000,
  E: 0x200000,
};

/** EFLAGS mask of a string of flag letters. */
export function flagMask(letters: FlagLetters): number {
  let mask = 0;
  for (const letter of letters) {
    const bit = FLAG_BITS[letter];
    if (bit === undefined) throw new Error(`'${letter}' is no flag letter`);
    mask |= bit;
  }
  return mask;
}
