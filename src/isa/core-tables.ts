// The opcode table in the form the core's decoder reads, as the text of asm/gen/ops.ts, costs.ts, features.ts and tables.ts
// (src/build/generate.ts writes them). What every field means is said in TABLES_HEAD, which heads tables.ts.
import { COST_CLASSES, COST_CLASS_DESCRIPTIONS, costClassNumber } from './cost-classes.ts';
import { FEATURES, type FeatureName, featureOf } from './cpu-features.ts';
import { buildDecodeTree, fallbackOf } from './decode-tree.ts';
import { type Row, flagMask } from './form.ts';
import { FORMS, type Form, hasModrm, memoryUse } from './forms.ts';
import { EXTENSIONS } from './not-supported.ts';
import { IMMEDIATES, OPERAND_CODES, OPERAND_KINDS, OPERAND_WIDTHS, operandNumber } from './operands.ts';

const HEAD = '// Generated from the opcode table in src/isa by src/isa/core-tables.ts. Do not edit.\n';

const TABLES_HEAD = `${HEAD}//
// HOW TO DECODE
// 1. Prefixes: collect them (LOCK, the last of F2/F3, 66, 67, segment; REX in 64-bit mode directly before the opcode).
// 2. Opcode: map 0 = one byte, 1 = 0F xx, 2 = 0F 38 xx, 3 = 0F 3A xx.
//    entry = load<u16>(DECODE_ROOTS + ((map << 8 | opcode) << 1)).
// 3. While the kind (entry >> 13) is not NODE_FORM or NODE_NOT_SUPPORTED:
//    entry = load<u16>(DECODE_NODES + ((entry & 0x1fff) + index) << 1) with
//      NODE_REG     index = ModRM.reg (0-7)
//      NODE_MOD     index = ModRM.mod == 3 ? 1 : 0
//      NODE_PREFIX  index = F2 last: 3, F3 last: 2, else 66: 1, else 0
//      NODE_RM      index = ModRM.rm (0-7)
//      NODE_MODE    index = 64-bit mode ? 1 : 0
//    (ModRM is the byte after the opcode; REX bits take no part.)
// 4. NODE_NOT_SUPPORTED: #UD. entry & 0x1fff is 0 for an undefined opcode, else an EXTENSION_ number: something real
//    processors may have and this one does not; tell \`notSupported\` its number. The length does not matter.
// 5. NODE_FORM: the entry is a form number 1..FORM_COUNT-1. Form 0 is the undefined instruction (op OP_UD).
//    Fields of the form lie at FORMS + form * FORM_SIZE:
//      FORM_OP         u16  OP_ constant. Conditions, ALU operations and shifts are numbered in encoding order:
//                           OP_JO + cc, OP_SETO + cc, OP_CMOVO + cc, OP_ADD + ModRM.reg digit; OP_ROL OP_ROR OP_RCL OP_RCR
//                           OP_SHL OP_SHR OP_SAR (the /6 alias is OP_SHL)
//      FORM_OPERANDS   u8 x 4  OPERAND_ constants, destination first, 0 = none
//      FORM_COST       u8   COST_ constant of the instruction itself
//      FORM_ACCESS     u8   bit 0: reads, bit 1: writes its explicit memory operand (ModRM with mod != 3, or moffs):
//                           charge COST_LOAD / COST_STORE on top. Nothing for LEA, NOP, INVLPG (address only), and nothing
//                           for implicit memory (stack, strings), which the class of the instruction contains.
//      FORM_FLAGS      u32  FORM_* bits below
//      FORM_IMMEDIATE1, FORM_IMMEDIATE2  u8  IMMEDIATE_ constants in the order of the bytes: IB 1 byte; IBS 1 byte, sign-extended
//                           to the operand size; IW 2; IZ 2 or 4 by operand size (4 sign-extended with operand size 64);
//                           IV 2, 4 or 8; CB 1 and CZ 2 or 4 sign-extended, relative; AP offset 2 or 4, then selector 2;
//                           AO 2, 4 or 8 by ADDRESS size
//      FORM_EXIT       u8   basic VM-exit reason, 0xff = none
//      FORM_MODES      u8   bit 0: exists in 16/32-bit code, bit 1: exists in 64-bit code (the tree has taken care of it)
//      FORM_FLAGS_READ, FORM_FLAGS_WRITTEN, FORM_FLAGS_UNDEFINED  u16  EFLAGS 15:0 masks; written contains undefined,
//                           and is what may be written: a shift by zero and REP with a count of zero write nothing.
//                           Bits 31:16 (RF, VM, AC) are left out.
//      FORM_OPCODE     u8   last opcode byte
//      FORM_FEATURE    u8   FEATURE_ constant the processor must have, 0 = none. Without it the encoding is the form in
//      FORM_FALLBACK   u16  (0 = undefined), for which the same is asked
//      FORM_FEATURE64  u8   FEATURE_ constant that operand size 64 needs, 0 = none; #UD without it
// 6. LOCK (F0): #UD unless FORM_LOCKABLE is set and the ModRM operand is memory (mod != 3).
// 7. Each OPERAND_ number has load<u8>(OPERAND_KIND + n) (KIND_*: where it is) and load<u8>(OPERAND_WIDTH + n) (WIDTH_*: size):
//      KIND_RM register or memory by ModRM.mod; KIND_MEMORY mod != 3; KIND_ADDRESS only the address counts (LEA, INVLPG);
//      KIND_RM_REGISTER register in ModRM.rm whatever mod says; KIND_REG, KIND_SEGMENT, KIND_CONTROL, KIND_DEBUG in ModRM.reg;
//      KIND_OPCODE_REG low 3 bits of the opcode; KIND_FIXED_SEGMENT: OPERAND_ES + segment number;
//      KIND_IMMEDIATE, KIND_RELATIVE, KIND_FAR_POINTER: the immediates in order; KIND_OFFSET: moffs;
//      KIND_STRING_SOURCE DS:rSI (segment can be overridden), KIND_STRING_DESTINATION ES:rDI.
//      WIDTH_B W D Q: 1 2 4 8 bytes. V: operand size. Z: operand size, at most 4. Y: 4, or 8 with operand size 64.
//      N: 4 in 16/32-bit code, 8 in 64-bit code, whatever the operand size. P: far pointer in memory. S: pseudo-descriptor.
//      A: pair for BOUND. O: 16 bytes. X: operand size in a register, 2 bytes in memory. R: 8, or 16 with operand size 64. 0: none.
//    A byte register (WIDTH_B) 4-7 without REX is AH CH DH BH.
// The tree already refuses segment registers 6 and 7, MOV to CS, and control registers 1, 5, 6 and 7. Left to the handlers:
// MOV DR4/5 with CR4.DE, and what REX changes in 64-bit code: control registers 9-15, and opcode 90 with REX.B, which is
// XCHG r8,rAX (the form of opcode 91).
`;

const FORM_FIELDS = {
  FORM_SIZE: 28,
  FORM_OP: 0,
  FORM_OPERANDS: 2,
  FORM_COST: 6,
  FORM_ACCESS: 7,
  FORM_FLAGS: 8,
  FORM_IMMEDIATE1: 12,
  FORM_IMMEDIATE2: 13,
  FORM_EXIT: 14,
  FORM_MODES: 15,
  FORM_FLAGS_READ: 16,
  FORM_FLAGS_WRITTEN: 18,
  FORM_FLAGS_UNDEFINED: 20,
  FORM_OPCODE: 22,
  FORM_FEATURE: 23,
  FORM_FALLBACK: 24,
  FORM_FEATURE64: 26,
};

const NODE_KINDS = {
  NODE_FORM: 0,
  NODE_REG: 1,
  NODE_MOD: 2,
  NODE_PREFIX: 3,
  NODE_RM: 4,
  NODE_MODE: 5,
  NODE_NOT_SUPPORTED: 7,
};

/** FORM_FLAGS bits: name, meaning, and which forms have it. */
const FORM_BITS: readonly (readonly [string, string, (form: Form) => boolean])[] = [
  ['MODRM', 'a ModRM byte follows the opcode', hasModrm],
  ['LOCKABLE', 'LOCK is legal with a memory operand', (f) => f.lock === true],
  ['ENDS_BLOCK', 'last instruction of its block', (f) => f.endsBlock === true],
  ['SENSITIVE', 'sensitive (Popek & Goldberg)', (f) => f.sensitive !== undefined],
  ['CPL0', '#GP(0) unless CPL is 0', (f) => f.cpl === 0],
  ['IOPL', 'needs CPL <= IOPL (or the I/O permission bitmap)', (f) => f.cpl === 'iopl'],
  ['REPEAT', 'string instruction that REP repeats', (f) => f.repeat !== undefined],
  ['REPEAT_CONDITION', 'REPE and REPNE also look at ZF', (f) => f.repeat === 'condition'],
  ['RELATIVE', 'near jump or call with a relative target', (f) => f.codes.some((c) => c.kind === 'relative')],
  ['D64', 'operand size 64 by default in 64-bit mode', (f) => f.size64 === 'd64'],
  ['F64', 'operand size always 64 in 64-bit mode', (f) => f.size64 === 'f64'],
  ['PROTECTED_ONLY', '#UD in real-address and virtual-8086 mode', (f) => f.protectedOnly === true],
  ['BYTE', 'the first operand is a byte', (f) => f.codes[0]?.width === 'b'],
  ['EXITS', 'can cause a VM exit by itself', (f) => f.exit !== undefined],
  [
    'MEMORY_ONLY',
    'the ModRM operand is memory',
    (f) => f.codes.some((c) => c.kind === 'memory' || c.kind === 'address'),
  ],
];

const constantName = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]+/g, '_');

function constants(entries: Iterable<readonly [string, number, string?]>): string {
  let text = '';
  for (const [name, value, comment] of entries) {
    text += `export const ${name}: u32 = ${value};${comment ? ` // ${comment}` : ''}\n`;
  }
  return text;
}

/** Distinct operations in the order of their numbers. Number 0 is none; 1 is `ud`. */
export function operations(rows: readonly Row[] = FORMS): string[] {
  return [...new Set(['none', 'ud', ...rows.map((row) => row.op)])];
}

const featureNumber = (name: FeatureName | undefined) => (name === undefined ? 0 : featureOf(name).number);

function formBytes(form: Form, numbers: ReadonlyMap<string, number>): number[] {
  const bytes = new Uint8Array(FORM_FIELDS.FORM_SIZE);
  const view = new DataView(bytes.buffer);
  const use = memoryUse(form);
  let bits = 0;
  FORM_BITS.forEach(([, , has], n) => {
    if (has(form)) bits |= 1 << n;
  });
  view.setUint16(FORM_FIELDS.FORM_OP, numbers.get(form.op)!, true);
  form.codes.forEach((code, n) => {
    view.setUint8(FORM_FIELDS.FORM_OPERANDS + n, operandNumber(code.name));
  });
  view.setUint8(FORM_FIELDS.FORM_COST, costClassNumber(form.cost));
  view.setUint8(FORM_FIELDS.FORM_ACCESS, use === 'r' ? 1 : use === 'w' ? 2 : use === 'rw' ? 3 : 0);
  view.setUint32(FORM_FIELDS.FORM_FLAGS, bits, true);
  form.immediates.forEach((immediate, n) => {
    view.setUint8(FORM_FIELDS.FORM_IMMEDIATE1 + n, IMMEDIATES.indexOf(immediate));
  });
  view.setUint8(FORM_FIELDS.FORM_EXIT, form.exit?.reason ?? 0xff);
  view.setUint8(FORM_FIELDS.FORM_MODES, form.modes === '64' ? 2 : form.modes === 'legacy' ? 1 : 3);
  view.setUint16(FORM_FIELDS.FORM_FLAGS_READ, flagMask(form.flags.read), true);
  view.setUint16(FORM_FIELDS.FORM_FLAGS_WRITTEN, flagMask(form.flags.write), true);
  view.setUint16(FORM_FIELDS.FORM_FLAGS_UNDEFINED, flagMask(form.flags.undefined), true);
  view.setUint8(FORM_FIELDS.FORM_OPCODE, form.opcode);
  view.setUint8(FORM_FIELDS.FORM_FEATURE, featureNumber(form.cpuid));
  view.setUint16(FORM_FIELDS.FORM_FALLBACK, fallbackOf(form), true);
  view.setUint8(FORM_FIELDS.FORM_FEATURE64, featureNumber(form.cpuid64));
  return [...bytes];
}

function dataLines(values: ArrayLike<number>, perLine: number): string {
  let text = '';
  for (let i = 0; i < values.length; i += perLine) {
    text += `  ${Array.prototype.slice.call(values, i, i + perLine).join(', ')},\n`;
  }
  return text;
}

function data(name: string, type: string, values: ArrayLike<number>, perLine: number): string {
  return `export const ${name}: usize = memory.data<${type}>([\n${dataLines(values, perLine)}]);\n`;
}

function tables(numbers: ReadonlyMap<string, number>): string {
  const tree = buildDecodeTree();
  const undefinedForm = new Array<number>(FORM_FIELDS.FORM_SIZE).fill(0);
  undefinedForm[FORM_FIELDS.FORM_OP] = numbers.get('ud')!;
  undefinedForm[FORM_FIELDS.FORM_FLAGS] = 1 << FORM_BITS.findIndex(([name]) => name === 'ENDS_BLOCK');
  undefinedForm[FORM_FIELDS.FORM_EXIT] = 0xff;
  undefinedForm[FORM_FIELDS.FORM_MODES] = 3;
  const operandNames: [string, number][] = OPERAND_CODES.map((code, n) => [
    `OPERAND_${code.name === '1' ? 'ONE' : constantName(code.name)}`,
    n + 1,
  ]);
  return [
    TABLES_HEAD,
    constants(Object.entries(NODE_KINDS)),
    constants(Object.entries(FORM_FIELDS)),
    constants([['FORM_COUNT', FORMS.length + 1]]),
    constants(FORM_BITS.map(([name, meaning], n) => [`FORM_${name}`, 2 ** n, meaning] as const)),
    constants([['OPERAND_NONE', 0], ...operandNames]),
    constants(OPERAND_KINDS.map((kind, n) => [`KIND_${constantName(kind)}`, n] as const)),
    constants(OPERAND_WIDTHS.map((width, n) => [`WIDTH_${constantName(width)}`, n] as const)),
    constants(IMMEDIATES.map((immediate, n) => [`IMMEDIATE_${constantName(immediate)}`, n] as const)),
    constants(EXTENSIONS.map((name, n) => [`EXTENSION_${constantName(name)}`, n] as const)),
    data('OPERAND_KIND', 'u8', [0, ...OPERAND_CODES.map((c) => OPERAND_KINDS.indexOf(c.kind))], 32),
    data('OPERAND_WIDTH', 'u8', [0, ...OPERAND_CODES.map((c) => OPERAND_WIDTHS.indexOf(c.width))], 32),
    data('DECODE_ROOTS', 'u16', tree.roots, 16),
    data('DECODE_NODES', 'u16', tree.nodes, 16),
    data('FORMS', 'u8', [...undefinedForm, ...FORMS.flatMap((form) => formBytes(form, numbers))], 28),
  ].join('\n');
}

/** The files of asm/gen: name -> text. */
export function generateCoreTables(): Record<string, string> {
  const names = operations();
  const numbers = new Map(names.map((name, n) => [name, n]));
  const ops = constants(names.map((name, n) => [`OP_${constantName(name)}`, n] as const));
  const costs = constants(
    COST_CLASSES.map((c, n) => [`COST_${constantName(c)}`, n, COST_CLASS_DESCRIPTIONS[c]] as const),
  );
  const features = constants(
    FEATURES.map(({ name, number, meaning }) => [`FEATURE_${constantName(name)}`, number, meaning] as const),
  );
  return {
    'features.ts': `${HEAD}// Features of the processor: indices into MODEL_FEATURES (asm/layout.ts).\n${features}`,
    'ops.ts': `${HEAD}// One constant an operation of the opcode table (column \`op\`).\n${ops}${constants([['OP_COUNT', names.length]])}`,
    'costs.ts': `${HEAD}// Cost classes: indices into COSTS (asm/layout.ts).\n${costs}${constants([['COST_COUNT', COST_CLASSES.length]])}`,
    'tables.ts': tables(numbers),
  };
}
