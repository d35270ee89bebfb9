// What the translator makes of guest code, as disassembly.
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../../isa/assemble.ts';
import { decode } from '../../../isa/decode.ts';
import { disassemble } from '../../../isa/disassemble.ts';
import { translate, UNIT_LENGTH } from './translator.ts';
import type { Adaptation, Unit } from './unit.ts';

const ORIGIN = 0xffd0_0000;
const EIP = 0x1000;

function unit(text: string, options: { cpl?: number; adaptation?: Adaptation } = {}): Unit {
  const { bytes } = assembleProgram(text, { origin: EIP });
  const host = {
    miss: 0xffcf_0000,
    portHelper: 0xffcf_0100,
    hasCheapCallouts: true,
    nextCallNumber: () => 7,
    adaptation: () => options.adaptation,
  };
  return translate(host, bytes, EIP, { code32: true, stack32: true, cpl: options.cpl ?? 0 }, ORIGIN);
}

/** The translation behind its entry, as text. */
function listing({ origin, entry, bytes }: Unit): string[] {
  const lines: string[] = [];
  for (let at = entry - origin; at < bytes.length; ) {
    const instruction = decode(bytes, at, 32)!;
    lines.push(disassemble(instruction, origin + at));
    at += instruction.length;
  }
  return lines;
}

describe('the rules of translation (Adams & Agesen 2006, section 3.2)', () => {
  test('a unit ends after twelve instructions', () => {
    const { instructions, exits, copied } = unit('inc eax\n'.repeat(20));
    expect(UNIT_LENGTH).toBe(12);
    expect(instructions.size).toBe(12);
    expect(copied).toBe(12);
    expect(exits.map(({ target }) => target)).toEqual([EIP + 12]);
  });

  test('a unit ends at a transfer of control', () => {
    const { instructions, exits } = unit('inc eax\ncmp eax, 5\njne $ - 20\ninc ecx');
    expect(instructions.size).toBe(3);
    expect(exits).toHaveLength(2);
  });

  test('most instructions are copied unchanged', () => {
    const lines = listing(unit('add eax, [ebx + 8]\nmov [esp + 4], ecx\nrep movsd'));
    expect(lines.slice(0, 3)).toEqual(['add eax, [ebx+8]', 'mov [esp+4], ecx', 'rep movsd']);
  });

  test('CLI is a store', () => {
    expect(listing(unit('cli'))[0]).toBe('mov dword [gs:0x14], 0');
  });

  test('RET looks its target up without touching the flags', () => {
    const lines = listing(unit('ret')).slice(0, 5);
    expect(lines[1]).toBe('pop ecx');
    expect(lines[4]).toMatch(/^jmp .*gs:/);
    expect(lines.join(' ')).not.toMatch(/\b(add|sub|cmp|and|or|xor|test|inc|dec|shl)\b/);
  });

  test('CALL pushes the guest’s return address', () => {
    expect(listing(unit('call $ + 100'))[0]).toBe('push 0x1005');
  });

  test('complex instructions call out', () => {
    for (const text of ['lgdt [eax]', 'mov cr3, eax', 'iret', 'hlt', 'out dx, al', 'lar eax, cx', 'int 0x80']) {
      const { callouts } = unit(text);
      expect(callouts[0]).toMatchObject({ kind: 'emulate', eip: EIP });
      expect(listing(unit(text))[0]).toBe('int 0xf1');
    }
  });

  test('below ring 0 sensitive instructions are left to the emulator', () => {
    for (const text of ['cli', 'sti', 'popfd', 'rdtsc']) expect(listing(unit(text, { cpl: 1 }))[0]).toBe('int 0xf1');
  });

  test('no access through CS or GS is copied: it would reach the VMM', () => {
    for (const text of ['mov eax, cs:[0x1000]', 'mov gs:[ecx], eax', 'push dword gs:[4]', 'jmp cs:[eax]']) {
      expect(listing(unit(text))[0]).toBe('int 0xf1');
    }
  });

  test('an instruction that traps often becomes a cheap call-out', () => {
    const lines = listing(unit('mov [ebx], ecx', { adaptation: { kind: 'write' } }));
    expect(lines[2]).toBe('sysenter');
  });

  test('every place behind a copied instruction is a boundary of the guest', () => {
    const { places, entry } = unit('inc eax\ninc ecx\nnop');
    const boundaries = places.filter(({ at, boundary }) => boundary && at >= entry && at < entry + 3);
    expect(boundaries.map(({ at, eip }) => [at - entry, eip - EIP])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });
});
