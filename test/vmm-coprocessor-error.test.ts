// A guest that clears CR0.NE gets its x87 errors as IRQ 13 under every VMM, as it does on the bare machine.
import { expect, test } from 'vitest';
import { assembleProgram } from '../src/isa/assemble.ts';
import { CELLS } from '../src/lab/techniques.ts';
import { findProfile } from '../src/vmm/cost/index.ts';
import { techniques } from '../src/vmm/techniques/index.ts';
import { loadCore } from './core.ts';

const ORIGIN = 0x10_0000;
/** Exit status of the debug-exit port for a value. */
const status = (value: number) => (value << 1) | 1;

/** Divides by zero twice, with division by zero not masked; ends with the number of interrupts + 16 x that of #MF. */
const GUEST = `
header:
  dd 0x1badb002, 0x10003, 0 - 0x1badb002 - 0x10003
  dd header, header, 0, 0, start
gate:                 ; EAX: handler, EDI: place
  mov [edi], ax
  mov word [edi+2], 8
  shr eax, 16
  mov word [edi+4], 0x8e00
  mov [edi+6], ax
  ret
start:
  mov esp, 0x7000
  lgdt [gdtr]
  jmp 8:flat
flat:
  mov eax, 16
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov eax, irq13
  mov edi, idt + 0x2d * 8
  call gate
  mov eax, fault
  mov edi, idt + 16 * 8
  call gate
  lidt [idtr]
  mov al, 0x11
  out 0x20, al
  out 0xa0, al
  mov al, 0x20
  out 0x21, al
  mov al, 0x28
  out 0xa1, al
  mov al, 4
  out 0x21, al
  mov al, 2
  out 0xa1, al
  mov al, 1
  out 0x21, al
  out 0xa1, al
  mov al, 0xfb
  out 0x21, al
  mov al, 0xdf
  out 0xa1, al
  mov eax, cr0
  and eax, 0xffffffd1
  NE
  mov cr0, eax
  fninit
  push dword 0x37b
  fldcw [esp]
  sti
  fld1
  fldz
  fdivp st1, st0
  fwait
  fninit
  fldcw [esp]
  fld1
  fldz
  fdivp st1, st0
  fld1
  mov al, [count]
  out 0xf4, al
  hlt
irq13:
  push eax
  mov al, 0
  out 0xf0, al
  fnclex
  inc byte [count]
  mov al, 0x20
  out 0xa0, al
  out 0x20, al
  pop eax
  iretd
fault:
  fnclex
  add byte [count], 16
  iretd
count:
  dd 0
gdt:
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
  dw 23
  dd gdt
idtr:
  dw 0x7ff
  dd idt
align 16
idt:
  dq 0
`;

test.each(CELLS.filter(({ cell }) => cell !== 'paravirtual').map((cell) => [cell.cell, cell] as const))(
  '%s',
  (_, { technique, paging }) => {
    const run = (setting: string): number => {
      const { bytes } = assembleProgram(GUEST.replace('NE', setting), { origin: ORIGIN, mode: 32 });
      const image = new Uint8Array(bytes.length + 0x800);
      image.set(bytes);
      const vmm = techniques.find(technique)!.create({
        module: loadCore(),
        memory: 4 << 20,
        profile: findProfile('p4-672'),
        ...(paging ? { paging } : {}),
        serialOut: () => {},
      });
      vmm.start(image, {});
      return vmm.run({ instructions: 200_000 }).status;
    };
    expect(run('nop'), 'CR0.NE = 0').toBe(status(2));
    expect(run('or eax, 0x20'), 'CR0.NE = 1').toBe(status(32));
  },
);
