// Operands as the instruction pages of the SDM print them: r/m32, imm8, xmm2/m128. Truth: SDM Vol. 2 "Instruction Column
// in the Opcode Summary Table".
import type { Form } from './forms.ts';
import type { OperandCode, OperandWidth } from './operands.ts';

const BITS: Readonly<Record<OperandWidth, string>> = {
  '0': '',
  b: '8',
  w: '16',
  d: '32',
  q: '64',
  v: '16/32/64',
  z: '16/32',
  y: '32/64',
  n: '32/64',
  p: '16:16/32/64',
  s: '16&32/64',
  a: '16&16/32&32',
  o: '128',
  x: '16',
  r: '64/128',
  t: '80',
  e: '8',
  g: '16',
};

/** Width of the register where a narrower part of it may be in memory. */
const REGISTER_BITS: Partial<Readonly<Record<OperandWidth, string>>> = { x: '16/32/64', e: '32', g: '32' };

const RELATIVE: Readonly<Record<string, string>> = { cb: 'rel8', cz: 'rel16/32' };
const FIXED: Partial<Readonly<Record<OperandCode['kind'], string>>> = {
  'fixed-cl': 'CL',
  'fixed-dx': 'DX',
  one: '1',
  segment: 'Sreg',
  control: 'CR0–CR8',
  debug: 'DR0–DR7',
  'mm-reg': 'mm',
  'mm-rm-register': 'mm',
  'xmm-reg': 'xmm',
  'xmm-rm-register': 'xmm',
  st0: 'ST(0)',
  'st-rm': 'ST(i)',
};

function accumulator(width: OperandWidth): string {
  if (width === 'b') return 'AL';
  if (width === 'w') return 'AX';
  return width === 'z' ? 'AX/EAX' : 'AX/EAX/RAX';
}

function immediate(code: OperandCode): string {
  if (code.immediate === 'ib' || code.immediate === 'ibs') return 'imm8';
  if (code.immediate === 'iw') return 'imm16';
  return code.immediate === 'iv' ? 'imm16/32/64' : 'imm16/32';
}

/** One operand in the SDM's words. */
function operandWords(code: OperandCode): string {
  const { kind, width } = code;
  const bits = BITS[width];
  const fixed = FIXED[kind];
  if (fixed !== undefined) return fixed;
  switch (kind) {
    case 'rm': {
      const register = REGISTER_BITS[width];
      return register === undefined ? `r/m${bits}` : `r${register}/m${bits}`;
    }
    case 'memory':
    case 'string-source':
    case 'string-destination':
      return code.name === 'Mfq' || code.name === 'Mt' ? `m${bits}fp` : `m${bits}`;
    case 'address':
      return 'm';
    case 'rm-register':
    case 'reg':
    case 'opcode-reg':
      return `r${bits}`;
    case 'immediate':
      return immediate(code);
    case 'relative':
      return RELATIVE[code.immediate] ?? 'rel';
    case 'far-pointer':
      return 'ptr16:16/32';
    case 'offset':
      return `moffs${bits}`;
    case 'accumulator':
      return accumulator(width);
    case 'mm-rm':
      return `mm/m${bits}`;
    case 'xmm-rm':
      return `xmm/m${bits}`;
    default:
      return code.name;
  }
}

/** Mnemonic and operands of a form, such as `ADD r/m16/32/64, imm8`. */
export function formWords(form: Form): string {
  const operands = form.codes.map(operandWords).join(', ');
  return operands === '' ? form.mnemonic.toUpperCase() : `${form.mnemonic.toUpperCase()} ${operands}`;
}
