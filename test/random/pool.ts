// Instructions for random programs, encoded once: for every form of the opcode table some with random operands, kept by
// kind so that a program can be weighted, and short sequences that lead to what single random instructions rarely reach.
import fc from '../properties.ts';
import { assemble } from '../../src/isa/assemble.ts';
import { encode } from '../../src/isa/encode.ts';
import { type Form, FORMS } from '../../src/isa/forms.ts';
import type { CodeMode, MemoryOperand, Operand } from '../../src/isa/instruction.ts';
import { arbitraryEncodable } from '../isa/arbitrary-instruction.ts';
import { IDIOMS } from './idioms.ts';
import type { Random } from './random.ts';
import { CODE, SELECTORS, SLOT } from './world.ts';

/** Kinds of instructions, and idioms: hand-written sequences. */
export type Kind = 'integer' | 'branch' | 'vector' | 'x87' | 'system' | 'vmx' | 'idiom';

/** An encoded instruction; `relative` is the number of its last bytes that are a branch displacement. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly relative: number;
}

/** Pieces for one code size. */
export type Pool = Readonly<Record<Kind, readonly Piece[]>>;

function kindOf(form: Form): Kind {
  if (form.section.startsWith('VM') || form.section.startsWith('INVEPT') || form.section.startsWith('INVVPID'))
    return 'vmx';
  if (form.codes.some(({ kind }) => kind.startsWith('mm') || kind.startsWith('xmm'))) return 'vector';
  if (form.map === 0 && form.opcode >= 0xd8 && form.opcode <= 0xdf) return 'x87';
  if (form.codes.some(({ kind }) => kind === 'relative')) return 'branch';
  return form.endsBlock || form.cpl !== undefined ? 'system' : 'integer';
}

/** Three of four memory operands are brought near their registers, which point at data more often than not. */
function nearer(operand: Operand, random: Random, bits: CodeMode): Operand {
  if (operand.type === 'far') {
    const offset = (bits === 16 ? 0 : CODE) + SLOT * random.below(12);
    return random.oneIn(4) ? operand : { ...operand, selector: random.pick(SELECTORS), offset };
  }
  if (operand.type !== 'memory' || operand.implicit || random.oneIn(4)) return operand;
  const near = { ...operand, displacement: random.below(0x100) - 0x40 } satisfies MemoryOperand;
  if (near.base === undefined && near.index === undefined)
    return { ...near, displacement: 0x4000 + random.below(0x1000) };
  if (bits === 64 && near.addressSize === 64 && random.oneIn(6)) {
    const { base: _, index: __, ...rest } = near;
    return { ...rest, scale: 1, ripRelative: true, displacement: 0x4000 + random.below(0x400) };
  }
  return near;
}

function encodings(form: Form, mode: CodeMode, count: number, random: Random): Piece[] {
  const items = fc.sample(arbitraryEncodable(form, mode), { numRuns: count, seed: form.index });
  const last = form.codes.at(-1);
  return items.flatMap((item) => {
    const moved = { ...item, operands: item.operands.map((operand) => nearer(operand, random, mode)) };
    const bytes = encode(moved, mode) ?? encode(item, mode);
    if (!bytes) return [];
    const relative = last?.kind !== 'relative' ? 0 : last.immediate === 'cb' ? 1 : item.operandSize === 16 ? 2 : 4;
    return [{ bytes: Uint8Array.from(bytes), relative }];
  });
}

/** `{a|b}` in an idiom stands for one of its parts, `{}` for a number. */
function fill(text: string, random: Random): string {
  return text.replace(/\{([^{}]*)\}/g, (_, parts: string) =>
    parts === ''
      ? String(random.oneIn(2) ? random.below(0x100) : random.u32() | 0)
      : parts === 'selector'
        ? String(random.pick(SELECTORS))
        : random.pick(parts.split('|')),
  );
}

function idioms(mode: CodeMode, count: number, random: Random): Piece[] {
  const texts = IDIOMS.filter(({ modes }) => modes === undefined || modes.includes(mode));
  return texts.flatMap(({ text, weight = 1 }) =>
    Array.from({ length: count * weight }, () => ({ bytes: assemble(fill(text, random), { mode }), relative: 0 })),
  );
}

/** A pool with `count` encodings of every form that exists in the mode. */
export function instructionPool(mode: CodeMode, count: number, random: Random): Pool {
  const pool: Record<Kind, Piece[]> = { integer: [], branch: [], vector: [], x87: [], system: [], vmx: [], idiom: [] };
  for (const form of FORMS) {
    if (form.modes === (mode === 64 ? 'legacy' : '64')) continue;
    pool[kindOf(form)].push(...encodings(form, mode, count, random));
  }
  pool.idiom.push(...idioms(mode, count, random));
  return pool;
}
