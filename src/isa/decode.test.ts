// Decoding: prefixes, sizes, addresses, and what is no instruction.
import { describe, expect, it } from 'vitest';
import { decode, tryDecode } from './decode.ts';
import { disassemble } from './disassemble.ts';
import type { CodeMode } from './instruction.ts';

const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const show = (text: string, mode: CodeMode = 32, ip = 0) => {
  const instruction = tryDecode(bytes(text), 0, mode);
  return typeof instruction === 'string' ? instruction : disassemble(instruction, ip);
};

describe('operand and address size', () => {
  it('66 and 67 switch away from the size of the code segment', () => {
    expect(show('8B 07')).toBe('mov eax, [edi]');
    expect(show('66 8B 07')).toBe('mov ax, [edi]');
    expect(show('67 8B 07')).toBe('mov eax, [bx]');
    expect(show('8B 07', 16)).toBe('mov ax, [bx]');
    expect(show('66 67 8B 07', 16)).toBe('mov eax, [edi]');
  });

  it('REX.W makes 64, and pushes are 64 by default in 64-bit code', () => {
    expect(show('48 8B 07', 64)).toBe('mov rax, [rdi]');
    expect(show('50', 64)).toBe('push rax');
    expect(show('41 57', 64)).toBe('push r15');
    expect(show('8B 05 10 00 00 00', 64)).toBe('mov eax, [rip+0x10]');
  });

  it('REX counts only directly before the opcode', () => {
    expect(show('48 66 8B 07', 64)).toBe('mov ax, [rdi]');
    expect(show('66 48 8B 07', 64)).toBe('mov rax, [rdi]');
  });

  it('40-4F are INC and DEC outside 64-bit code', () => {
    expect(show('40')).toBe('inc eax');
    expect(show('4F')).toBe('dec edi');
    expect(tryDecode(bytes('40'), 0, 64)).toBe('truncated');
  });

  it('90 with REX.B is an exchange', () => {
    expect(show('90', 64)).toBe('nop');
    expect(show('41 90', 64)).toBe('xchg r8d, eax');
  });
});

describe('addresses', () => {
  it('a base of EBP or ESP means SS unless overridden', () => {
    expect(decode(bytes('8B 45 08'), 0, 32)?.operands[1]).toMatchObject({ segment: 2, base: 5, displacement: 8 });
    expect(decode(bytes('8B 04 24'), 0, 32)?.operands[1]).toMatchObject({ segment: 2, base: 4 });
    expect(decode(bytes('3E 8B 45 08'), 0, 32)?.operands[1]).toMatchObject({ segment: 3 });
    expect(decode(bytes('8B 42 08'), 0, 16)?.operands[1]).toMatchObject({ segment: 2, base: 5, index: 6 });
  });

  it('SIB without base or index', () => {
    expect(show('8B 04 8D 78 56 34 12')).toBe('mov eax, [ecx*4+0x12345678]');
    expect(show('8B 04 25 78 56 34 12')).toBe('mov eax, [0x12345678]');
    expect(show('8B 44 E4 08')).toBe('mov eax, [esp+8]');
  });

  it('CS, DS, ES and SS overrides mean nothing in 64-bit code, FS and GS do', () => {
    expect(show('2E 8B 07', 64)).toBe('mov eax, [rdi]');
    expect(show('65 8B 07', 64)).toBe('mov eax, [gs:rdi]');
  });
});

describe('mandatory prefixes', () => {
  it('choose between instructions of one opcode', () => {
    expect(show('0F BC C1')).toBe('bsf eax, ecx');
    expect(show('F3 0F BC C1')).toBe('tzcnt eax, ecx');
    expect(show('F2 0F BC C1')).toBe('bsf eax, ecx');
    expect(show('0F C7 30')).toBe('vmptrld [eax]');
    expect(show('66 0F C7 30')).toBe('vmclear [eax]');
    expect(show('F3 0F C7 30')).toBe('vmxon [eax]');
    expect(show('F3 90')).toBe('pause');
  });

  it('the last of F2 and F3 wins, and both win over 66', () => {
    expect(show('F2 F3 0F BC C1')).toBe('tzcnt eax, ecx');
    expect(show('66 F3 0F BC C1')).toBe('tzcnt ax, cx');
    expect(show('66 F2 0F 38 F1 C1')).toBe('crc32 eax, cx');
    expect(show('66 0F 38 F1 01')).toBe('movbe [ecx], ax');
  });

  it('repetition is told for string instructions only', () => {
    expect(decode(bytes('F3 A4'), 0, 32)?.rep).toBe('rep');
    expect(decode(bytes('F2 AE'), 0, 32)?.rep).toBe('repne');
    expect(decode(bytes('F3 AE'), 0, 32)?.rep).toBe('repe');
    expect(decode(bytes('F3 C3'), 0, 32)?.rep).toBeUndefined();
  });
});

describe('what is no instruction', () => {
  const undefinedOpcodes = [
    ...['0F 04', '0F 0A', '0F 24 C0', '0F 36', '0F A6 C0', '0F 7A C0', 'FE D0', 'FE F8', 'FF F8', 'C6 C8 00', 'C7 D0'],
    ...['8D C0', 'FF D8', 'FF EA', '0F C7 C9', '0F B2 C0', '0F C7 00', '0F BA C0 00', '0F BA 18 00', '8C F0', '8E C8'],
    ...['8E F0', '0F 01 D2', '0F 20 C8', '0F 22 E8', '0F 05', '0F 01 F8', 'F3 0F 38 F0 01', '66 0F 78 C1'],
  ];
  it.each(undefinedOpcodes)('%s is undefined in 32-bit code', (text) => {
    expect(tryDecode(bytes(`${text} 00 00 00 00`), 0, 32)).toBe('undefined opcode');
  });

  it.each([
    '06',
    '0E',
    '16',
    '1E',
    '27',
    '37',
    '60',
    '61',
    '62 00',
    '82 C0 00',
    '9A',
    'C4 00',
    'CE',
    'D4 0A',
    'D6',
    'EA',
  ])('%s is undefined in 64-bit code', (text) => {
    expect(decode(bytes(`${text} 00 00 00 00 00 00 00 00`), 0, 64)).toBeUndefined();
    expect(decode(bytes(`${text} 00 00 00 00 00 00 00 00`), 0, 32)).toBeDefined();
  });

  it('LOCK needs a lockable instruction with a destination in memory', () => {
    expect(tryDecode(bytes('F0 01 08'), 0, 32)).toMatchObject({ lock: true });
    expect(tryDecode(bytes('F0 01 C8'), 0, 32)).toBe('LOCK not allowed');
    expect(tryDecode(bytes('F0 03 08'), 0, 32)).toBe('LOCK not allowed');
    expect(tryDecode(bytes('F0 39 08'), 0, 32)).toBe('LOCK not allowed');
    expect(tryDecode(bytes('F0 90'), 0, 32)).toBe('LOCK not allowed');
    expect(tryDecode(bytes('F0 0F BA 20 01'), 0, 32)).toBe('LOCK not allowed');
    expect(tryDecode(bytes('F0 0F C7 08'), 0, 32)).toMatchObject({ mnemonic: 'cmpxchg8b' });
  });

  it('names extensions this processor does not have', () => {
    expect(tryDecode(bytes('C5 F8 77'), 0, 32)).toBe('AVX instruction');
    expect(tryDecode(bytes('0F C7 28'), 0, 32)).toBe('XSAVES instruction');
    expect(tryDecode(bytes('0F 37'), 0, 32)).toBe('SMX instruction');
  });

  it('stops after 15 bytes and at the end of the bytes', () => {
    expect(tryDecode(bytes(`${'66 '.repeat(14)}90`), 0, 32)).toMatchObject({ length: 15 });
    expect(tryDecode(bytes(`${'66 '.repeat(15)}90`), 0, 32)).toBe('longer than 15 bytes');
    expect(tryDecode(bytes('81 00 01'), 0, 32)).toBe('truncated');
  });
});

describe('disassembly', () => {
  it('prints branch targets as addresses, wrapped to the operand size, or by name', () => {
    expect(show('EB FE', 32, 0x1000)).toBe('jmp 0x1000');
    expect(show('E9 00 F0 FF FF', 32, 0x10)).toBe('jmp 0xfffff015');
    expect(show('E9 00 80', 16, 0x8000)).toBe('jmp 3');
    expect(disassemble(decode(bytes('E8 0B 00 00 00'), 0, 32)!, 0x100, (a) => (a === 0x110 ? 'main' : undefined))).toBe(
      'call main',
    );
  });

  it('says the size where no register does', () => {
    expect(show('C6 00 05')).toBe('mov byte [eax], 5');
    expect(show('FF 30')).toBe('push dword [eax]');
    expect(show('0F B6 00')).toBe('movzx eax, byte [eax]');
    expect(show('66 68 34 12')).toBe('o16 push 0x1234');
    expect(show('67 A1 34 12')).toBe('mov eax, [word 0x1234]');
    expect(show('66 0F 01 10')).toBe('o16 lgdt [eax]');
  });

  it('tells the implied register and prefix variants of strings and loops', () => {
    expect(show('F3 64 67 A5')).toBe('rep a16 fs movsd');
    expect(show('67 E2 00', 32, 0)).toBe('a16 loop 3');
    expect(show('67 E3 00', 32, 0)).toBe('jcxz 3');
    expect(show('6F', 16)).toBe('outsw');
  });
});
