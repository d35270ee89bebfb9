// The assembler: statements, directives, choice of encodings, mistakes.
import { describe, expect, it } from 'vitest';
import { type AssembleOptions, assemble, assembleProgram } from './assemble.ts';
import { AssemblyError } from './assembly-error.ts';

const hex = (text: string, options: AssembleOptions = {}) => Buffer.from(assemble(text, options)).toString('hex');

function mistake(text: string, options: AssembleOptions = {}): AssemblyError {
  try {
    assemble(text, options);
  } catch (error) {
    if (error instanceof AssemblyError) return error;
    throw error;
  }
  throw new Error(`'${text}' assembled`);
}

describe('choice of encodings', () => {
  it('takes sign-extended bytes, accumulator forms and one-byte registers', () => {
    expect(hex('add ebx, 5')).toBe('83c305');
    expect(hex('add eax, 0x1000')).toBe('0500100000');
    expect(hex('add eax, 0xffffffff')).toBe('83c0ff');
    expect(hex('add bx, 0xffff')).toBe('6683c3ff');
    expect(hex('inc ecx')).toBe('41');
    expect(hex('push 5')).toBe('6a05');
    expect(hex('push 0x80')).toBe('6880000000');
    expect(hex('mov eax, [0x1234]')).toBe('a134120000');
    expect(hex('xchg eax, ebx')).toBe('93');
    expect(hex('shl eax, 1')).toBe('d1e0');
    expect(hex('imul ecx, 3')).toBe('6bc903');
  });

  it('takes the short branch where it reaches and the long one where it does not', () => {
    expect(hex('x: jmp x')).toBe('ebfe');
    expect(hex('jne end\ntimes 127 nop\nend:').slice(0, 4)).toBe('757f');
    expect(hex('jne end\ntimes 128 nop\nend:').slice(0, 12)).toBe('0f8580000000');
    expect(hex('jmp near end\nend:')).toBe('e900000000');
    expect(hex('call end\nend:')).toBe('e800000000');
  });

  it('lengthening one branch can lengthen another', () => {
    const program = assembleProgram('a: jmp c\nb: jmp d\ntimes 124 nop\nc: nop\nd: nop');
    expect(program.symbols.get('b')).toBe(2);
    const longer = assembleProgram('a: jmp c\nb: jmp d\ntimes 126 nop\nc: nop\nd: nop');
    expect(longer.symbols.get('b')).toBe(5);
  });

  it('takes the smallest displacement', () => {
    expect(hex('mov eax, [ebx]')).toBe('8b03');
    expect(hex('mov eax, [ebp]')).toBe('8b4500');
    expect(hex('mov eax, [esp]')).toBe('8b0424');
    expect(hex('mov eax, [ebx+0x7f]')).toBe('8b437f');
    expect(hex('mov eax, [ebx-0x81]')).toBe('8b837fffffff');
    expect(hex('mov eax, [ebx+ecx*4+8]')).toBe('8b448b08');
    expect(hex('lea eax, [ecx*5]')).toBe('8d0489');
    expect(hex('mov eax, [ecx+esp]')).toBe('8b040c');
    expect(hex('mov ax, [bx+si]', { mode: 16 })).toBe('8b00');
    expect(hex('mov ax, [bp]', { mode: 16 })).toBe('8b4600');
  });
});

describe('sizes and prefixes', () => {
  it('follows the mode', () => {
    expect(hex('mov eax, 1', { mode: 16 })).toBe('66b801000000');
    expect(hex('mov ax, 1')).toBe('66b80100');
    expect(hex('bits 16\nmov ax, 1\nbits 32\nmov eax, 1\nbits 64\nmov rax, [rsp]')).toBe('b80100b801000000488b0424');
    expect(hex('push rax', { mode: 64 })).toBe('50');
    expect(hex('mov r8d, [r9+r10*2]', { mode: 64 })).toBe('478b0451');
  });

  it('unsuffixed PUSHF, PUSHA and IRET have the default size, suffixed ones their own', () => {
    expect(hex('pushf\npusha\niret')).toBe('9c60cf');
    expect(hex('pushfd\npushad\niretd')).toBe('9c60cf');
    expect(hex('pushfw\niretw')).toBe('669c66cf');
    expect(hex('pushf\nretf', { mode: 16 })).toBe('9ccb');
    expect(hex('iretq', { mode: 64 })).toBe('48cf');
    expect(hex('o16 retf')).toBe('66cb');
    expect(hex('retf\nretfq\nretfq 8\nsysret\nsysretq\nsysexitq', { mode: 64 })).toBe('cb48cb48ca08000f07480f07480f35');
    expect(hex('fxsave [rax]\nfxsave64 [rax]\nxrstor64 [rax]', { mode: 64 })).toBe('0fae00480fae00480fae28');
  });

  it('writes segment overrides and LOCK and REP', () => {
    expect(hex('mov eax, [fs:ebx]')).toBe('648b03');
    expect(hex('mov eax, es:[ebx]')).toBe('268b03');
    expect(hex('lock cmpxchg [ebx], ecx')).toBe('f00fb10b');
    expect(hex('rep movsd\nrepne scasb\nrepe cmpsw')).toBe('f3a5f2aef366a7');
  });

  it('assembles far transfers', () => {
    expect(hex('jmp 0x08:0x12345678')).toBe('ea785634120800');
    expect(hex('jmp word 0x08:0x1234')).toBe('66ea34120800');
    expect(hex('call far [eax]')).toBe('ff18');
    expect(hex('jmp dword 0x10:go\ngo:', { mode: 16, origin: 0x7c00 })).toBe('66ea087c00001000');
  });

  it('assembles system and VMX instructions', () => {
    expect(hex('mov cr0, eax\nmov eax, cr3\nmov dr7, ebx')).toBe('0f22c00f20d80f23fb');
    expect(hex('vmcall\nvmlaunch\nvmresume\nvmxoff')).toBe('0f01c10f01c20f01c30f01c4');
    expect(hex('vmxon [eax]\nvmclear [eax]\nvmptrld [eax]\nvmptrst [eax]')).toBe('f30fc730660fc7300fc7300fc738');
    expect(hex('vmread ecx, eax\nvmwrite eax, [ebx]\ninvept eax, [ecx]')).toBe('0f78c10f7903660f388001');
    expect(hex('sysenter\nsysexit\nrdtsc\ncpuid\nud2')).toBe('0f340f350f310fa20f0b');
    expect(hex('mov ds, eax\nmov ax, ss\nmov [eax], cs')).toBe('8ed8668cd08c08');
  });
});

describe('directives and symbols', () => {
  it('writes data, strings, repetition and alignment', () => {
    expect(hex("db 1, 'ab', -1\ndw 0x1234, 'ab'\ndd 1\ndq 1")).toBe('016162ff3412616201000000' + '0100000000000000');
    expect(hex('times 3 dw 7')).toBe('070007000700');
    expect(hex('nop\nalign 4\nnop\nalign 8, db 0\nresb 2')).toBe('9090909090000000' + '0000');
    expect(hex('times 510-($-$$) db 0\ndw 0xaa55').length).toBe(1024);
  });

  it('computes expressions with precedence', () => {
    const values = '1+2*3, (1+2)*3, 1<<4|2, ~0 & 0xf, 7/2, 7%4, -1+2, 10h, 101b, "A"+1';
    expect([...assemble(`db ${values}`)]).toEqual([7, 9, 18, 15, 3, 3, 1, 16, 5, 66]);
  });

  it('knows labels, local labels, equ and symbols from outside', () => {
    const program = assembleProgram(
      'SIZE equ end-start\nstart: nop\n.a: jmp .a\nother:\n.a: nop\nend: dd SIZE, given',
      {
        origin: 0x100,
        symbols: { given: 0xdeadbeef },
      },
    );
    expect(Object.fromEntries(program.symbols)).toEqual({
      SIZE: 4,
      start: 0x100,
      'start.a': 0x101,
      other: 0x103,
      'other.a': 0x103,
      end: 0x104,
    });
    expect(Buffer.from(program.bytes).toString('hex')).toBe('90ebfe9004000000efbeadde');
    expect(program.lines[1]).toEqual({ line: 3, address: 0x101, length: 2 });
  });

  it('a label may stand before data without a colon', () => {
    expect(assembleProgram('table dd 1\nsize equ $-table').symbols.get('size')).toBe(4);
  });
});

describe('mistakes', () => {
  it('are told with their line', () => {
    expect(mistake('nop\nfrob eax').message).toBe("line 2: 'frob' is no instruction.");
    expect(mistake('nop\nfrob eax')).toMatchObject({ code: 'unknown-instruction', line: 2 });
    expect(mistake('mov [eax], 5').code).toBe('size');
    expect(mistake('movzx eax, [ebx]').code).toBe('size');
    expect(mistake('mov al, 256').code).toBe('operands');
    expect(mistake('mov eax, bx').code).toBe('operands');
    expect(mistake('jmp nowhere').code).toBe('symbol');
    expect(mistake('x:\nx:').code).toBe('symbol');
    expect(mistake('lock mov [eax], ebx').code).toBe('operands');
    expect(mistake('loop far_away\ntimes 200 nop\nfar_away:').code).toBe('range');
    expect(mistake('swapgs')).toMatchObject({
      code: 'mode',
      message: "line 1: 'swapgs' does not exist in 32-bit code.",
    });
    expect(mistake('db 300').code).toBe('range');
    expect(mistake('mov eax, [ebx+ecx+edx]').code).toBe('operands');
    expect(mistake('mov eax, [ebx').code).toBe('syntax');
    expect(mistake('align 3').code).toBe('directive');
  });
});
