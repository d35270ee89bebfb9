// Which encodings are instructions at all: LOCK, the limit of 15 bytes, alignment. Expected values: SDM Vol. 2 "LOCK—Assert
// LOCK# Signal Prefix", Vol. 2 "Instruction Format", Vol. 3A "Interrupt 6—Invalid Opcode Exception (#UD)", "Interrupt
// 13—General Protection Exception (#GP)", "Interrupt 17—Alignment Check Exception (#AC)".
import fc from '../properties.ts';
import { describe, expect, test } from 'vitest';
import { encode } from '../../src/isa/encode.ts';
import { type Form, FORMS } from '../../src/isa/forms.ts';
import { arbitraryEncodable } from '../isa/arbitrary-instruction.ts';
import { CODE, DATA, DOORWAY, TestMachine } from './machine.ts';
import { LongMachine } from './long-machine.ts';

/** The instructions that LOCK may be in front of, when their destination is memory (the list of the LOCK page). */
const LOCKABLE = new Set([
  ...['add', 'adc', 'and', 'btc', 'btr', 'bts', 'cmpxchg', 'cmpxchg8b', 'cmpxchg16b', 'dec', 'inc', 'neg', 'not', 'or'],
  ...['sbb', 'sub', 'xor', 'xadd', 'xchg'],
]);

/** Encodings of a form with LOCK in front: with a memory operand and without one. */
function locked(form: Form): { memory: boolean; bytes: number[] }[] {
  const items = fc.sample(arbitraryEncodable(form, 32), { numRuns: 24, seed: form.index });
  return items.flatMap((item) => {
    const bytes = encode({ ...item, lock: false }, 32);
    const first = item.operands[0];
    return bytes ? [{ memory: first?.type === 'memory', bytes: [0xf0, ...bytes] }] : [];
  });
}

describe('LOCK', () => {
  const m = new TestMachine();
  const vectorOf = (bytes: readonly number[]) => {
    m.ring(0);
    m.cpu.cr0 = 0x11;
    m.cpu.cr4 = 0x600;
    m.cpu.ram.set([...bytes, 0xcc], CODE);
    m.cpu.notePhysicalWrite(CODE, 32);
    const stop = m.run(1);
    return stop.reason === 'doorway'
      ? stop.entry
      : m.cpu.exceptions().length && m.cpu.eip >= DOORWAY
        ? m.cpu.eip - DOORWAY
        : -1;
  };
  const forms = FORMS.filter(({ modes }) => modes !== '64');

  test('the table allows it for the instructions of the manual and no others', () => {
    expect(new Set(FORMS.filter(({ lock }) => lock).flatMap(({ mnemonic }) => mnemonic.split('/')))).toEqual(LOCKABLE);
  });

  test('is #UD in front of every other form, and of registers', () => {
    const wrong: string[] = [];
    for (const form of forms) {
      for (const { memory, bytes } of locked(form)) {
        if (form.lock && memory) continue;
        if (bytes.length <= 15 && vectorOf(bytes) !== 6) wrong.push(`${form.enc} ${form.mnemonic}: ${bytes}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('is none in front of a memory destination of those', () => {
    const wrong: string[] = [];
    for (const form of forms.filter(({ lock }) => lock)) {
      const found = locked(form).filter(({ memory }) => memory);
      expect(found.length, form.enc).toBeGreaterThan(0);
      for (const { bytes } of found) if (vectorOf(bytes) === 6) wrong.push(`${form.enc} ${form.mnemonic}: ${bytes}`);
    }
    expect(wrong).toEqual([]);
  });

  test('comes before #NM and before the page fault of the operand', () => {
    const wide = new LongMachine();
    wide.cpu.cr0 |= 8;
    expect(wide.deliver('db 0xf0\nfld dword [0x900000]')).toMatchObject({ vector: 6 });
  });
});

describe('the length of an instruction', () => {
  const prefixed = (count: number) => `${'db 0x2e\n'.repeat(count)}nop\nnext: nop`;

  test('15 bytes are an instruction', () => {
    const m = new TestMachine();
    m.program(prefixed(14));
    m.run(1);
    expect(m.cpu.eip).toBe(CODE + 15);
  });

  test('16 bytes are #GP(0), whatever the bytes behind', () => {
    for (const text of [prefixed(15), `${'db 0x66\n'.repeat(15)}ud2`, `${'db 0xf0\n'.repeat(15)}inc eax`]) {
      const m = new TestMachine();
      expect(m.deliver(text)).toMatchObject({ vector: 13, error: 0, eip: CODE });
    }
  });

  test('is counted over a page boundary, and the second page has to be there only for bytes that belong to it', () => {
    const m = new LongMachine();
    m.cpu.rip = 0x7f_fff8n;
    m.program(`${'db 0x2e\n'.repeat(7)}nop`, 64, 0x7f_fff8);
    m.run(1);
    expect(m.cpu.rip).toBe(0x80_0000n);
    const long = new LongMachine();
    long.cpu.rip = 0x7f_fff8n;
    long.program('db 0x2e\n'.repeat(8), 64, 0x7f_fff8);
    expect(long.frame(long.run())).toMatchObject({ vector: 14, error: 0x10, rip: 0x7f_fff8n });
    expect(long.cpu.cr2).toBe(0x80_0000);
  });
});

describe('alignment check', () => {
  const AC = 0x40000;
  const AM = 0x40000;
  const checked = (
    text: string,
    { ring = 3, flags = AC, mask = AM }: { ring?: 0 | 2 | 3; flags?: number; mask?: number } = {},
  ) => {
    const m = new TestMachine();
    m.cpu.cr0 |= mask;
    m.cpu.cr4 = 0x600;
    m.gate(0x40, { type: 14, selector: 8, offset: DOORWAY + 0x40, dpl: 3 });
    m.ring(ring, flags | 2);
    const got = m.deliver(`${text}\nint 0x40`, { outer: true });
    return got.vector === 17 ? `#AC(${got.error})` : got.vector;
  };

  test.each([
    ['a word at an odd address', `mov ax, [${DATA + 1}]`],
    ['a dword at 2 mod 4', `mov eax, [${DATA + 2}]`],
    ['a store', `mov [${DATA + 3}], eax`],
    ['a quadword at 4 mod 8', `fld qword [${DATA + 4}]`],
    ['an 80-bit number at 4 mod 8', `fld tword [${DATA + 4}]`],
    ['an MMX quadword', `movq mm0, [${DATA + 4}]`],
    ['a push on a misaligned stack', 'sub esp, 2\npush eax'],
    ['a string', `mov esi, ${DATA + 1}\nlodsd`],
    ['a read-modify-write', `add dword [${DATA + 1}], 1`],
    ['a bit string', `bt dword [${DATA + 1}], 0`],
  ])('%s is #AC(0)', (_, text) => {
    expect(checked(text)).toBe('#AC(0)');
  });

  test.each([
    ['bytes', `mov al, [${DATA + 1}]`, {}],
    ['aligned data', `mov eax, [${DATA + 4}]`, {}],
    ['ring 2', `mov eax, [${DATA + 1}]`, { ring: 2 }],
    ['ring 0', `mov eax, [${DATA + 1}]`, { ring: 0 }],
    ['EFLAGS.AC clear', `mov eax, [${DATA + 1}]`, { flags: 0 }],
    ['CR0.AM clear', `mov eax, [${DATA + 1}]`, { mask: 0 }],
    ['LEA', `lea eax, [${DATA + 1}]`, {}],
    ['MOVDQU of 16 bytes at 8 mod 16', `movdqu xmm0, [${DATA + 8}]`, {}],
  ] as const)('%s: none', (_, text, options) => {
    expect(checked(text, options)).toBe(0x40);
  });

  test('the accesses of a delivery to ring 0 are not checked', () => {
    const m = new TestMachine();
    m.cpu.cr0 |= AM;
    m.memory.setUint32(0x3004, 0x38002, true);
    m.ring(3, AC | 2);
    expect(m.deliver('ud2', { outer: true })).toMatchObject({ vector: 6 });
  });

  test('MOVAPS at 8 mod 16 is #GP(0), AC or not', () => {
    const m = new TestMachine();
    m.cpu.cr4 = 0x600;
    expect(m.deliver(`movaps xmm0, [${DATA + 8}]`)).toMatchObject({ vector: 13, error: 0 });
  });
});
