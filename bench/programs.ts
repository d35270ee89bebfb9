// Guest programs for measuring the interpreter. Each is a flat 32-bit program at PROGRAM that builds a page table, turns
// paging on and loops for ever; the same bytes run on this core and, behind a boot stub in a BIOS image, on v86.
import { assemble } from '../src/isa/assemble.ts';

/** Where programs lie and start: the BIOS area, so that v86 needs no loader. */
export const PROGRAM = 0xf_0000;
const BIOS_SIZE = 0x1_0000;
const BOOT = 0xff00;
const GDT = 0xffc0;
const RESET = 0xfff0;

/** Identity-maps 4 MiB by 4 KiB pages, shifted for the buffer at 2 MiB (to 3 MiB), and turns paging on. */
const PAGING = `
  mov esp, 0x80000
  mov edi, 0x100000
  mov dword [edi], 0x101003
  mov edi, 0x101000
  mov eax, 3
fill:
  mov [edi], eax
  add edi, 4
  add eax, 0x1000
  cmp edi, 0x102000
  jne fill
  mov edi, 0x101800
  mov eax, 0x300003
shift:
  mov [edi], eax
  add edi, 4
  add eax, 0x1000
  cmp edi, 0x101c00
  jne shift
  mov eax, 0x100000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80010000
  mov cr0, eax
`;

const PROGRAMS = {
  /** Register arithmetic: a linear congruential generator, xorshift, a data-dependent branch. */
  compute: `
    mov eax, 12345
    mov ebx, 67890
  next:
    imul eax, eax, 1664525
    add eax, 1013904223
    mov ecx, ebx
    shl ecx, 13
    xor ebx, ecx
    mov ecx, ebx
    shr ecx, 17
    xor ebx, ecx
    test eax, 0x10000
    je skip
    add edx, ebx
  skip:
    dec esi
    jne next
    jmp next
  `,
  /** Loads and stores under paging, byte and word, with calls: a histogram and a copy over 64 KiB. */
  memory: `
    mov ebp, 0x200000
  next:
    mov esi, 0
  inner:
    mov eax, [ebp+esi]
    add eax, esi
    mov [ebp+esi+0x8000], eax
    movzx ecx, al
    inc dword [ebp+ecx*4+0x10000]
    call mix
    mov [ebp+esi+0x14000], dl
    add esi, 4
    cmp esi, 0x4000
    jne inner
    jmp next
  mix:
    push ebx
    mov ebx, [ebp+0x10000]
    lea edx, [ebx+eax*2]
    pop ebx
    ret
  `,
} as const;

/** Name of a program. */
export type ProgramName = keyof typeof PROGRAMS;

/** All programs. */
export const PROGRAM_NAMES = Object.keys(PROGRAMS) as readonly ProgramName[];

/** The bytes of a program, to be put at PROGRAM and started there in flat protected mode. */
export function programBytes(name: ProgramName): Uint8Array {
  return assemble(PAGING + PROGRAMS[name], { mode: 32, origin: PROGRAM });
}

/** A BIOS image that starts a program. */
export function biosImage(name: ProgramName): Uint8Array {
  const image = new Uint8Array(BIOS_SIZE);
  image.set(programBytes(name));
  const boot = assemble(
    `
    bits 16
    cli
    mov ax, 0xf000
    mov ds, ax
    o32 lgdt [${GDT}]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    db 0x66, 0xea
    dd ${PROGRAM + BOOT + 0x40}
    dw 8
    `,
    { mode: 16, origin: BOOT },
  );
  image.set(boot, BOOT);
  const enter = assemble(
    `
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, ${PROGRAM}
    jmp eax
    `,
    { mode: 32, origin: PROGRAM + BOOT + 0x40 },
  );
  image.set(enter, BOOT + 0x40);
  const view = new DataView(image.buffer);
  view.setUint16(GDT, 23, true);
  view.setUint32(GDT + 2, PROGRAM + GDT + 8, true);
  view.setBigUint64(GDT + 16, 0x00cf_9b00_0000_ffffn, true);
  view.setBigUint64(GDT + 24, 0x00cf_9300_0000_ffffn, true);
  // the reset vector: a far jump to the boot stub
  image.set([0xea, BOOT & 0xff, BOOT >> 8, 0x00, 0xf0], RESET);
  return image;
}
