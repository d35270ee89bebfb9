// One encoding of a form of the opcode table, for tests that execute every form there is.
import { CODE, DATA } from './machine.ts';
import type { Form } from '../../src/isa/forms.ts';
import { hasModrm, needsMemory } from '../../src/isa/forms.ts';

const ESCAPES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const;
const PREFIXES: Readonly<Record<string, number>> = { '66': 0x66, F3: 0xf3, F2: 0xf2 };
const IMMEDIATE_BYTES: Readonly<Record<string, number>> = { ib: 1, ibs: 1, cb: 1, iw: 2, iz: 4, cz: 4, iv: 4, ap: 6 };

/** Immediate bytes of zero; a far pointer is to the code segment. */
function immediateBytes(form: Form, mode: 32 | 64): number[] {
  return form.immediates.flatMap((kind) => {
    const size = kind === 'ao' ? mode / 8 : IMMEDIATE_BYTES[kind]!;
    const bytes = new Array<number>(size).fill(0);
    if (kind === 'ao') bytes.splice(0, 4, ...littleEndian(DATA));
    if (kind === 'ap') bytes.splice(0, 6, ...littleEndian(CODE), 8, 0);
    return bytes;
  });
}

function littleEndian(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

/** Register 0 or 1 where a register may stand, else memory at DATA; `rexW` asks for operand size 64. */
export function exampleBytes(form: Form, mode: 32 | 64, rexW = false): number[] {
  const prefix = PREFIXES[form.prefix];
  const bytes = [
    ...(prefix === undefined ? [] : [prefix]),
    ...(rexW ? [0x48] : []),
    ...ESCAPES[form.map]!,
    form.opcode,
  ];
  if (hasModrm(form)) {
    const { modrm } = form;
    const byte = typeof modrm === 'object' && 'byte' in modrm ? modrm.byte : undefined;
    const reg = typeof modrm === 'object' && 'digit' in modrm ? modrm.digit : 0;
    if (byte !== undefined) bytes.push(byte);
    else if (!needsMemory(form)) bytes.push(0xc1 | (reg << 3));
    else if (mode === 64) bytes.push(0x04 | (reg << 3), 0x25, ...littleEndian(DATA));
    else bytes.push(0x05 | (reg << 3), ...littleEndian(DATA));
  }
  return [...bytes, ...immediateBytes(form, mode)];
}
