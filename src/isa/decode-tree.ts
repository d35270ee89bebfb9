// The decision tree from opcode bytes to forms, used by the decoder here and, as tables, by the core's decoder.
// For each opcode the form is chosen by mode, mandatory prefix, ModRM.mod == 3, ModRM.reg and ModRM.rm, in this order;
// a level where all branches agree is left out.
import { FORMS, type Form, needsMemory, needsRegister } from './forms.ts';
import { extensionOf, rangeUsesModrm } from './not-supported.ts';

/** Kind of a tree entry in bits 15:13 of its number; bits 12:0 are a form number, a node offset or an extension number. */
export const NODE_FORM = 0;
export const NODE_REG = 1;
export const NODE_MOD = 2;
export const NODE_PREFIX = 3;
export const NODE_RM = 4;
export const NODE_MODE = 5;
export const NODE_NOT_SUPPORTED = 7;

/** Index of a mandatory prefix in a NODE_PREFIX node. */
export const PREFIX_NONE = 0;
export const PREFIX_66 = 1;
export const PREFIX_F3 = 2;
export const PREFIX_F2 = 3;

interface Key {
  readonly mode64: number;
  readonly prefix: number;
  readonly mod3: number;
  readonly reg: number;
  readonly rm: number;
}

function matches(form: Form, key: Key): boolean {
  if (form.modes === '64' && key.mode64 === 0) return false;
  if (form.modes === 'legacy' && key.mode64 === 1) return false;
  if (form.prefix === 'NP' && key.prefix !== PREFIX_NONE) return false;
  if (form.prefix === 'NFx' && key.prefix > PREFIX_66) return false;
  if (form.prefix === '66' && key.prefix !== PREFIX_66) return false;
  if (form.prefix === 'F3' && key.prefix !== PREFIX_F3) return false;
  if (form.prefix === 'F2' && key.prefix !== PREFIX_F2) return false;
  if (needsMemory(form) && key.mod3 === 1) return false;
  if (needsRegister(form) && key.mod3 === 0) return false;
  if (!registerExists(form, key.reg)) return false;
  if (form.modrm === 'none' || form.modrm === 'r') return true;
  if ('digit' in form.modrm) return form.modrm.digit === key.reg;
  return key.mod3 === 1 && form.modrm.byte === (0xc0 | (key.reg << 3) | key.rm);
}

/** Segment register 6 and 7, MOV to CS, and control registers 1, 5, 6, 7 are undefined opcodes. */
function registerExists(form: Form, reg: number): boolean {
  const at = form.codes.findIndex((c) => c.kind === 'segment' || c.kind === 'control');
  if (at < 0) return true;
  if (form.codes[at]?.kind === 'segment') return reg <= 5 && !(at === 0 && reg === 1);
  return reg === 0 || (reg >= 2 && reg <= 4);
}

const limitsRegister = (form: Form) => form.codes.some((c) => c.kind === 'segment' || c.kind === 'control');

function specificity(form: Form): number {
  const prefix = form.prefix === 'any' ? 0 : 2;
  const modrm = form.modrm === 'none' || form.modrm === 'r' ? 0 : 'digit' in form.modrm ? 4 : 8;
  return prefix + modrm + (form.plusRegister ? 0 : 1);
}

/** Tree entries: `roots[map * 256 + opcode]`, and the nodes they lead to. */
export interface DecodeTree {
  readonly roots: Uint16Array;
  readonly nodes: readonly number[];
}

interface Dimension {
  readonly name: keyof Key;
  readonly size: number;
  readonly kind: number;
  readonly matters: (form: Form) => boolean;
}

const isExact = (form: Form) => typeof form.modrm === 'object' && 'byte' in form.modrm;

const DIMENSIONS: readonly Dimension[] = [
  { name: 'mode64', size: 2, kind: NODE_MODE, matters: (f) => (f.modes ?? 'all') !== 'all' },
  { name: 'prefix', size: 4, kind: NODE_PREFIX, matters: (f) => f.prefix !== 'any' },
  { name: 'mod3', size: 2, kind: NODE_MOD, matters: (f) => isExact(f) || needsMemory(f) || needsRegister(f) },
  { name: 'reg', size: 8, kind: NODE_REG, matters: (f) => typeof f.modrm === 'object' || limitsRegister(f) },
  { name: 'rm', size: 8, kind: NODE_RM, matters: isExact },
];

function leaf(candidates: readonly Form[], map: number, opcode: number, key: Key): number {
  const found = candidates.filter((form) => matches(form, key)).sort((a, b) => specificity(b) - specificity(a));
  const [best, second] = found;
  if (!best) return (NODE_NOT_SUPPORTED << 13) | extensionOf(map, opcode, key.mod3 === 1, key.reg);
  if (second && specificity(second) === specificity(best)) {
    throw new Error(`'${best.enc}' (${best.mnemonic}) and '${second.enc}' (${second.mnemonic}) are ambiguous`);
  }
  return best.index;
}

/** Builds the tree from all forms. */
export function buildDecodeTree(): DecodeTree {
  const roots = new Uint16Array(4 * 256);
  const nodes: number[] = [];
  const known = new Map<string, number>();
  for (let at = 0; at < roots.length; at++) {
    const map = at >> 8;
    const opcode = at & 0xff;
    const candidates = FORMS.filter(
      (f) => f.map === map && (f.plusRegister ? f.opcode === (opcode & 0xf8) : f.opcode === opcode),
    );
    const ranged = rangeUsesModrm(map, opcode);
    const build = (depth: number, key: Key): number => {
      const dimension = DIMENSIONS[depth];
      if (!dimension) return leaf(candidates, map, opcode, key);
      if (!ranged && !candidates.some(dimension.matters)) return build(depth + 1, key);
      const branches: number[] = [];
      for (let i = 0; i < dimension.size; i++) branches.push(build(depth + 1, { ...key, [dimension.name]: i }));
      if (branches.every((b) => b === branches[0])) return branches[0]!;
      const text = branches.join();
      const offset = known.get(text) ?? nodes.push(...branches) - branches.length;
      known.set(text, offset);
      return (dimension.kind << 13) | offset;
    };
    roots[at] = build(0, { mode64: 0, prefix: 0, mod3: 0, reg: 0, rm: 0 });
  }
  return { roots, nodes };
}

/** Keys at which a form is looked up: all combinations of what its encoding leaves open. */
function* keysOf(form: Form): Generator<Key> {
  for (const mode64 of [0, 1])
    for (let prefix = 0; prefix < 4; prefix++)
      for (const mod3 of [0, 1])
        for (let reg = 0; reg < 8; reg++)
          for (let rm = 0; rm < 8; rm++) {
            const key = { mode64, prefix, mod3, reg, rm };
            if (matches(form, key)) yield key;
          }
}

/** Number of the form an encoding has on a processor without the feature of `form`, 0 for an undefined opcode. */
export function fallbackOf(form: Form): number {
  if (form.cpuid === undefined) return 0;
  const others = FORMS.filter((f) => f !== form && f.map === form.map && f.opcode === form.opcode && !f.plusRegister);
  const less = others.filter((f) => f.prefix === 'any' && specificity(f) < specificity(form));
  const found = new Set<number>();
  for (const key of less.length > 0 ? keysOf(form) : []) {
    const [best] = less.filter((f) => matches(f, key)).sort((a, b) => specificity(b) - specificity(a));
    found.add(best?.index ?? 0);
  }
  if (found.size > 1)
    throw new Error(`'${form.enc}' (${form.mnemonic}) has more than one meaning without ${form.cpuid}`);
  return [...found][0] ?? 0;
}

let tree: DecodeTree | undefined;

/** The tree, built on first use. */
export function decodeTree(): DecodeTree {
  tree ??= buildDecodeTree();
  return tree;
}
