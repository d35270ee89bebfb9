// A ROM started at the reset vector under VT-x: with "unrestricted guest" and EPT the processor runs its real-mode code, with
// shadow tables virtual-8086 mode and 16-bit protected mode do. It leaves in memory what it leaves on the bare machine.
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { GUEST_BASE } from '../../src/vmm/host-memory.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';

const RESULTS = 0x9000;
const SIZE = 0x1_0000;
/** Real-mode code at F000:0000, reached by a far jump from the reset vector. */
const REAL = `
  mov dx, 0x80
  mov al, 0x10
  out dx, al
  cli
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, 0x7000
  mov di, ${RESULTS}
  smsw ax
  stosw
  ; the ROM does not take writes, below 1 MiB and below 4 GiB
  mov ax, 0xf000
  mov ds, ax
  mov ax, [0xfff0]
  stosw
  mov word [0xfff0], 0x1234
  mov ax, [0xfff0]
  stosw
  xor ax, ax
  mov ds, ax
  ; an interrupt
  mov word [0x84], handler
  mov word [0x86], 0xf000
  int 0x21
  stosw
  mov al, 0x20
  out 0x80, al
  ; protected mode, flat data
  mov ax, 0xf000
  mov ds, ax
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  db 0x66, 0xea
  dd 0xf0000 + flat
  dw 8
handler:
  mov ax, 0xbeef
  iret
align 8
gdt:
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
  dw 23
  dd 0xf0000 + gdt
align 16
flat:
`;
const FLAT = `
  mov ax, 0x10
  mov ds, eax
  mov es, eax
  mov ss, eax
  movzx edi, di
  mov eax, [0xfffffff0]
  stosd
  mov dword [0xfffffff0], 7
  mov eax, [0xfffffff0]
  stosd
  mov eax, edx
  stosd
  mov dword [edi], 0xe0d
  mov al, 0x30
  out 0x80, al
  mov al, 5
  out 0xf4, al
  hlt
`;

function rom(): Uint8Array {
  const image = new Uint8Array(SIZE).fill(0x90);
  const real = assembleProgram(REAL, { origin: 0, mode: 16 });
  image.set(real.bytes);
  image.set(assembleProgram(FLAT, { origin: 0, mode: 32 }).bytes, real.symbols.get('flat')!);
  image.set([0xea, 0, 0, 0, 0xf0], 0xfff0);
  return image;
}

function run(paging?: 'shadow' | 'ept') {
  const stages: number[] = [];
  const vmm = techniques.find(paging ? 'vtx' : 'bare')!.create({
    module: loadCore(),
    memory: 0x40_0000,
    profile: findProfile('p4-672'),
    serialOut: () => {},
    board: { rom: rom(), post: { port: 0x80, write: (code) => stages.push(code) } },
    ...(paging ? { paging } : {}),
  });
  const stop = vmm.run({ instructions: 100_000 });
  const base = (paging ? GUEST_BASE : 0) + RESULTS;
  return {
    status: stop.status,
    stages,
    words: [...new Uint16Array(vmm.machine.cpu.ram.slice(base, base + 64).buffer)],
  };
}

describe('a ROM started at the reset vector', () => {
  const bare = run();

  test('reaches its end on the bare machine', () => {
    expect(bare).toMatchObject({ status: 11, stages: [0x10, 0x20, 0x30] });
    expect(bare.words.slice(1, 4)).toEqual([0x00ea, 0x00ea, 0xbeef]);
  });

  test.each(['ept', 'shadow'] as const)('does the same under vtx/%s', (paging) => {
    expect(run(paging)).toEqual(bare);
  });
});
