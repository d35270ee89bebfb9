// Guests that go into IA-32e mode and come back: under VT-x with EPT and with four-level shadow tables they write what they
// write on the bare machine, registers, faults, system calls, page-table changes and device accesses alike.
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { GUEST_BASE } from '../../src/vmm/host-memory.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';

const ORIGIN = 0x10_0000;
/** 64-bit code, copied there; it writes its results at RESULTS. */
const CODE = 0x8000;
const RESULTS = 0xa000;
const RESULTS_END = 0xb000;
const PML4 = 0x2_0000;
const POINTERS = 0x2_1000;
const DIRECTORY = 0x2_2000;
const TABLE = 0x2_3000;
const IDT = 0x2_8000;
const USER_CODE = 0x3_0000;
/** Linear addresses at the top of the address space, mapped like the bottom. */
const HIGH = '0xffffff8000000000';

const ENTER = `
header:
  dd 0x1badb002, 0x10003, 0 - 0x1badb002 - 0x10003
  dd header, header, 0, 0, start
start:
  mov esp, 0x7000
  lgdt [gdtr]
  mov eax, 16
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov esi, low
  mov edi, ${CODE}
  mov ecx, 0x1800
  rep movsb
  mov edi, ${RESULTS}
  xor eax, eax
  mov ecx, ${RESULTS_END - RESULTS}
  rep stosb
  ; the first 2 MiB in 4-KiB pages, the next 2 MiB as a large page, the local APIC
  mov edi, ${PML4}
  mov ecx, 0x2000
  rep stosd
  mov dword [${PML4}], ${POINTERS | 7}
  mov dword [${PML4 + 511 * 8}], ${POINTERS | 7}
  mov dword [${POINTERS}], ${DIRECTORY | 7}
  mov dword [${POINTERS + 3 * 8}], ${(DIRECTORY + 0x2000) | 7}
  mov dword [${DIRECTORY}], ${TABLE | 7}
  mov dword [${DIRECTORY + 8}], ${0x20_0000 | 0x87}
  mov dword [${DIRECTORY + 0x2000 + 503 * 8}], 0xfee00083
  mov edi, ${TABLE}
  mov eax, 7
  mov ecx, 512
fill:
  mov [edi], eax
  add edi, 8
  add eax, 0x1000
  dec ecx
  jnz fill
  mov eax, cr4
  or eax, 0x20
  mov cr4, eax
  mov eax, ${PML4}
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x901
  wrmsr
  mov eax, cr0
  or eax, 0x80010000
  mov cr0, eax
  rdmsr
  mov [${RESULTS}], eax
  jmp 0x18:${CODE}
align 8
gdt:
  ; 32-bit code and data, 64-bit code, then for SYSRET: 32-bit code, data, 64-bit code of ring 3
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
  dq 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
  dq 0x0000890060000067, 0
gdtr:
  dw 79
  dd gdt
low:
`;

/** 64-bit: every vector logs its number, error code, RIP and CR2 at RDI and goes on at R15. */
const START = `
  mov rsp, 0x7000
  mov rdi, ${RESULTS + 16}
  mov ax, 0x10
  mov ds, eax
  mov es, eax
  mov ss, eax
  ; a gate for each of 64 vectors
  mov rbx, ${IDT}
  lea rax, [stubs]
  mov ecx, 64
gates:
  mov [rbx], ax
  mov word [rbx + 2], 0x18
  mov word [rbx + 4], 0x8e00
  mov rdx, rax
  shr rdx, 16
  mov [rbx + 6], dx
  mov dword [rbx + 8], 0
  mov dword [rbx + 12], 0
  add rbx, 16
  add rax, 16
  dec ecx
  jnz gates
  lidt [idtr]
  mov dword [0x6004], 0x5000
  mov dword [0x6008], 0
  mov ax, 0x40
  ltr ax
`;
const END = `
  mov qword [rdi], 0xe0d
  mov edx, 0xf4
  mov al, 5
  out dx, al
  hlt
idtr:
  dw 0x3ff
  dq ${IDT}
common:
  ; vector, error code, RIP
  pop rax
  mov [rdi], rax
  pop rax
  mov [rdi + 8], rax
  mov rax, [rsp]
  mov [rdi + 16], rax
  mov rax, cr2
  mov [rdi + 24], rax
  mov rax, [rsp + 8]
  mov [rdi + 32], rax
  add rdi, 40
  mov [rsp], r15
  mov qword [rsp + 8], 0x18
  mov qword [rsp + 24], 0x7000
  mov qword [rsp + 32], 0x10
  iretq
align 16
stubs:
${Array.from({ length: 64 }, (_, vector) => {
  const error = [8, 10, 11, 12, 13, 14, 17].includes(vector);
  return `${error ? '' : '  push 0\n'}  push ${vector}\n  jmp common\nalign 16`;
}).join('\n')}
`;

function run(body: string, paging?: 'shadow' | 'ept') {
  const high = assembleProgram(ENTER, { origin: ORIGIN }).bytes;
  const low = assembleProgram(START + body + END, { origin: CODE, mode: 64 }).bytes;
  const file = new Uint8Array(high.length + 0x1800);
  file.set(high);
  file.set(low, high.length);
  const vmm = techniques.find(paging ? 'vtx' : 'bare')!.create({
    module: loadCore(),
    memory: 0x40_0000,
    profile: findProfile('p4-672'),
    serialOut: () => {},
    ...(paging ? { paging } : {}),
  });
  vmm.start(file, {});
  const stop = vmm.run({ instructions: 2_000_000 });
  const base = paging ? GUEST_BASE : 0;
  const { ram } = vmm.machine.cpu;
  const quads = [...new BigUint64Array(ram.slice(base + RESULTS, base + RESULTS_END).buffer)];
  return { stop, quads: quads.map((quad) => quad.toString(16)), counters: vmm.counters };
}

const BODIES: Readonly<Record<string, string>> = {
  'wide registers, the stack and string instructions': `
    mov rax, 0x123456789abcdef0
    mov r9, rax
    ror r9, 7
    push r9
    pop qword [rdi]
    mov rsi, ${CODE}
    add rdi, 8
    mov ecx, 8
    rep movsq
    mov rcx, cr0
    mov [rdi], rcx
    mov rcx, cr4
    mov [rdi + 8], rcx
    mov rcx, cr3
    mov [rdi + 16], rcx
    pushfq
    pop qword [rdi + 24]
    add rdi, 32`,
  'exceptions: page faults, general protection, canonical addresses, #DE, #UD': `
    lea r15, [one]
    mov rbx, 0x600000
    mov rax, [rbx]
  one:
    lea r15, [two]
    mov rbx, ${HIGH}
    mov rax, [rbx + 0x600010]
  two:
    lea r15, [three]
    mov rbx, 0x800000000000
    mov [rbx], rax
  three:
    lea r15, [four]
    xor edx, edx
    xor ecx, ecx
    div rcx
  four:
    lea r15, [five]
    ud2
  five:
    lea r15, [six]
    mov ax, 0x77
    mov ds, eax
  six:`,
  'the same memory high and low': `
    mov rbx, ${HIGH}
    mov rax, 0x5555aaaa12345678
    mov [rbx + 0x60000], rax
    mov rdx, [0x60000]
    mov [rdi], rdx
    mov rdx, [rbx + 0x200000]
    mov [rdi + 8], rdx
    add rdi, 16
    lea rax, [high]
    add rax, rbx
    jmp rax
  high:
    lea rax, [rip]
    mov [rdi], rax
    add rdi, 8`,
  'page tables changed under its feet': `
    mov rax, 0x1111
    mov [0x60000], rax
    mov rax, 0x2222
    mov [0x61000], rax
    mov rdx, [0x60000]
    mov [rdi], rdx
    mov qword [${TABLE + 0x60 * 8}], 0x61007
    invlpg [0x60000]
    mov rdx, [0x60000]
    mov [rdi + 8], rdx
    mov dword [${TABLE + 0x60 * 8}], 0
    invlpg [0x60000]
    add rdi, 16
    lea r15, [gone]
    mov rdx, [0x60000]
  gone:
    mov dword [${TABLE + 0x60 * 8}], 0x60005
    lock or dword [${TABLE + 0x60 * 8}], 0
    lea r15, [readonly]
    mov [0x60000], rdx
  readonly:
    mov rax, 0x8000000000061007
    mov [${TABLE + 0x60 * 8}], rax
    mov rax, cr3
    mov cr3, rax
    lea r15, [noexecute]
    mov rbx, 0x60000
    jmp rbx
  noexecute:
    bts qword [${DIRECTORY + 16}], 7
    mov qword [${DIRECTORY + 16}], ${0x20_0000 | 0x87}
    mov rax, cr3
    mov cr3, rax
    mov qword [0x200008], 0x3333
    mov rdx, [0x400008]
    mov [rdi], rdx
    mov eax, ${DIRECTORY | 7}
    mov [${POINTERS + 8}], rax
    mov rax, cr3
    mov cr3, rax
    mov rdx, [0x40200008]
    mov [rdi + 8], rdx
    mov rdx, [${TABLE + 0x61 * 8}]
    mov [rdi + 16], rdx
    add rdi, 24`,
  'SYSCALL, SYSRET, SWAPGS, the bases of FS and GS': `
    mov ecx, 0xc0000081
    xor eax, eax
    mov edx, 0x00230018
    wrmsr
    mov ecx, 0xc0000082
    lea rax, [entry]
    xor edx, edx
    wrmsr
    mov ecx, 0xc0000084
    mov eax, 0x200
    wrmsr
    mov ecx, 0xc0000102
    mov eax, 0x60000
    wrmsr
    mov ecx, 0xc0000101
    mov eax, 0x61000
    wrmsr
    mov qword [0x60008], 0x6666
    mov qword [0x61008], 0x7777
    mov rax, [gs:8]
    mov [rdi], rax
    mov rsi, user
    push rdi
    mov rdi, ${USER_CODE}
    mov ecx, 32
    rep movsb
    pop rdi
    mov ecx, ${USER_CODE}
    mov r11, 0x202
    db 0x48, 0x0f, 0x07
  user:
    mov eax, 0x1234
    syscall
  entry:
    swapgs
    mov rbx, [gs:8]
    mov [rdi + 8], rbx
    mov [rdi + 16], rcx
    mov [rdi + 24], r11
    mov [rdi + 32], rax
    mov eax, ss
    mov [rdi + 40], rax
    mov ecx, 0xc0000102
    rdmsr
    mov [rdi + 48], rax
    add rdi, 56`,
  'compatibility mode, and out of IA-32e mode and in again': `
    push 8
    lea rax, [narrow]
    push rax
    db 0x48, 0xcb
  narrow:
    db 0xb8, 0x78, 0x56, 0x34, 0x12
    db 0x40
    db 0x89, 0x07
    ; mov eax, cr0; btr eax, 31; mov cr0, eax: IA-32e mode ends, mov ecx, 0xc0000080; rdmsr; mov [edi + 8], eax
    db 0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xf0, 31, 0x0f, 0x22, 0xc0
    db 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x89, 0x47, 8
    ; mov eax, cr0; bts eax, 31; mov cr0, eax; rdmsr; mov [edi + 16], eax
    db 0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xe8, 31, 0x0f, 0x22, 0xc0, 0x0f, 0x32, 0x89, 0x47, 16
    db 0xea
    dd wide
    dw 0x18
  wide:
    mov rax, 0x1122334455667788
    mov [rdi + 24], rax
    add rdi, 32`,
  'CR8 and the local APIC': `
    mov rbx, 0xfee00000
    mov eax, 7
    mov cr8, rax
    mov rcx, cr8
    mov [rdi], rcx
    mov ecx, [rbx + 0x80]
    mov [rdi + 8], rcx
    mov dword [rbx + 0x80], 0x30
    mov rcx, cr8
    mov [rdi + 16], rcx
    mov r10d, [rbx + 0x20]
    mov [rdi + 24], r10
    mov dword [rbx + 0xf0], 0x1ff
    mov r11d, [rbx + 0xf0]
    or r11d, [rbx + 0xf0]
    mov [rdi + 32], r11
    xor eax, eax
    mov cr8, rax
    add rdi, 40`,
  'ports, strings of them, CPUID and its features': `
    mov al, 0x5a
    out 0x21, al
    in al, 0x21
    movzx rax, al
    mov [rdi], rax
    mov rdx, 0x21
    mov rcx, 3
    add rdi, 8
    rep insb
    add rdi, 5
    mov rsi, rdi
    mov ecx, 2
    rep outsb
    mov eax, 0x80000001
    cpuid
    and edx, 0x20000800
    mov [rdi], rdx
    add rdi, 8`,
  'interrupts: the timer of the PIT, HLT': `
    mov al, 0x11
    out 0x20, al
    mov al, 0x20
    out 0x21, al
    mov al, 4
    out 0x21, al
    mov al, 1
    out 0x21, al
    mov al, 0xfe
    out 0x21, al
    mov al, 0x34
    out 0x43, al
    mov al, 0
    out 0x40, al
    mov al, 0x10
    out 0x40, al
    lea r15, [woken]
    sti
    hlt
    nop
  woken:
    cli`,
};

describe.each(['ept', 'shadow'] as const)('IA-32e mode under vtx/%s is that of the bare machine', (paging) => {
  test.each(Object.keys(BODIES))('%s', (name) => {
    const bare = run(BODIES[name]!);
    expect(bare.stop).toMatchObject({ reason: 'debug-exit', status: 11 });
    expect(bare.quads).toContain('e0d');
    const guest = run(BODIES[name]!, paging);
    expect(guest.quads).toEqual(bare.quads);
    expect(guest.stop).toMatchObject({ reason: 'debug-exit', status: 11 });
  });
});
