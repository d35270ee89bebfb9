// Guests that leave protected mode for real-address mode and come back: under VT-x with EPT ("unrestricted guest") and with
// shadow tables (virtual-8086 mode and 16-bit protected mode in its place) they write what they write on the bare machine.
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { GUEST_BASE } from '../../src/vmm/host-memory.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';

const ORIGIN = 0x10_0000;
/** Real-mode code, copied there; its results follow at RESULTS. */
const LOW = 0x8000;
const RESULTS = 0x9000;

const ENTER = `
header:
  dd 0x1badb002, 0x10003, 0 - 0x1badb002 - 0x10003
  dd header, header, 0, 0, start
start:
  mov esp, 0x7000
  lgdt [gdtr]
  jmp 8:flat
flat:
  mov eax, 16
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov fs, eax
  mov gs, eax
  mov esi, low
  mov edi, ${LOW}
  mov ecx, 0x800
  rep movsb
  mov edi, ${RESULTS}
  xor eax, eax
  mov ecx, 0x400
  rep stosb
  lidt [real_idtr]
  mov eax, 0x20
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov fs, eax
  mov gs, eax
  jmp 0x18:${LOW}
align 8
gdt:
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff, 0x000093000000ffff
gdtr:
  dw 39
  dd gdt
real_idtr:
  dw 0x3ff
  dd 0
low:
`;

/** Clears CR0.PE, runs \`body\` with DS = SS = 0 and DI at the results, sets PE again and ends. */
function realCode(body: string): string {
  return `
  mov eax, cr0
  and al, 0xfe
  mov cr0, eax
  mov bx, cs
  jmp 0:real
real:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  mov sp, 0x7000
  mov di, ${RESULTS}
  mov [di], bx
  add di, 2
  ; vectors 0 to 0x3f
  mov si, 0
  mov cx, 0x40
fill:
  mov word [si], handler
  mov word [si + 2], 0
  add si, 4
  dec cx
  jnz fill
${body}
  mov word [di], 0xe0d
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp 0x18:back
back:
  mov ax, 0x20
  mov ds, ax
  mov ss, ax
  mov dx, 0x501
  mov al, 0
  mov dx, 0xf4
  mov al, 5
  out dx, al
  hlt
handler:
  ; what was pushed
  pop word [di]
  pop word [di + 2]
  pop word [di + 4]
  add di, 6
  mov bp, [di - 6]
  add bp, [skip]
  push word [di - 2]
  push word [di - 4]
  push bp
  iret
skip:
  dw 0`;
}

function image(body: string): Uint8Array {
  const high = assembleProgram(ENTER, { origin: ORIGIN }).bytes;
  const low = assembleProgram(realCode(body), { origin: LOW, mode: 16 }).bytes;
  const bytes = new Uint8Array(high.length + 0x800);
  bytes.set(high);
  bytes.set(low, high.length);
  return bytes;
}

function run(body: string, paging?: 'shadow' | 'ept') {
  const out: number[] = [];
  const vmm = techniques.find(paging ? 'vtx' : 'bare')!.create({
    module: loadCore(),
    memory: 0x40_0000,
    profile: findProfile('p4-672'),
    serialOut: (byte) => out.push(byte),
    ...(paging ? { paging } : {}),
  });
  vmm.start(image(body), {});
  const stop = vmm.run({ instructions: 2_000_000 });
  const base = (paging ? GUEST_BASE : 0) + RESULTS;
  const { ram } = vmm.machine.cpu;
  return { stop, words: [...new Uint16Array(ram.slice(base, base + 0x200).buffer)], counters: vmm.counters, out };
}

/** Programs: each writes at DI. */
const BODIES: Readonly<Record<string, string>> = {
  'moves, arithmetic and the stack': `
    mov ax, 0x1234
    push ax
    pop word [di]
    add di, 2
    mov cx, 5
  again:
    add ax, cx
    loop again
    stosw`,
  'flags: PUSHF, POPF, CLI, STI, IOPL': `
    cli
    pushf
    pop word [di]
    push word 0x3202
    popf
    pushf
    pop word [di + 2]
    sti
    pushfd
    pop dword [di + 4]
    cli
    pushf
    pop word [di + 8]
    push word 0x0002
    popf
    add di, 10`,
  'INT n through the vector table, and IRET': `
    mov word [skip], 0
    int 0x21
    sti
    int 0x22
    cli
    int3
    stc
    int 0x30`,
  'exceptions: #DE, #UD, #GP at the end of a segment, #BR': `
    mov word [skip], 2
    xor dx, dx
    xor cx, cx
    div cx
    mov word [skip], 2
    db 0x0f, 0x0b
    mov word [skip], 3
    mov ax, [0xffff]
    mov word [skip], 3
    sldt ax`,
  'segments: loads, far calls and returns, LDS, selectors read back': `
    mov ax, 0x800
    mov es, ax
    mov ax, [es:0x0]
    stosw
    jmp over
  there:
    mov word [di], 0x77
    add di, 2
    push cs
    pop word [di]
    add di, 2
    retf
  over:
    xor ax, ax
    mov es, ax
    call 0:there
    push word 0x900
    push word 0x20
    mov bp, sp
    lds si, [bp]
    mov [es:di], si
    mov [es:di + 2], ds
    xor ax, ax
    mov ds, ax
    add sp, 4
    add di, 4`,
  'single steps': `
    mov word [skip], 0
    push word 0x102
    popf
    nop
    push word 2
    popf
    mov ax, 1
    stosw`,
  'control registers and tables: SMSW, LMSW, LGDT, SGDT, SIDT, CLTS': `
    smsw ax
    stosw
    mov ax, 0x8
    lmsw ax
    smsw [di]
    add di, 2
    clts
    mov eax, cr0
    stosd
    sgdt [di]
    sidt [di + 6]
    lidt [di + 6]
    add di, 12
    mov eax, cr4
    stosd`,
  'unreal mode: limits of 4 GiB survive the return to real mode': `
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 0x10
    mov fs, bx
    and al, 0xfe
    mov cr0, eax
    mov esi, 0x100000
    mov eax, [fs:esi]
    stosd
    mov ax, 0x20
    mov fs, ax
    mov esi, 0x100000
    mov eax, [fs:esi]
    stosd
    int 0x21
    cli
    pushf
    pop word [di]
    add di, 2
    mov ax, 0
    mov gs, ax
    mov ax, [gs:0x8000]
    stosw`,
  'strings with both segments': `
    mov si, ${LOW}
    mov cx, 8
    rep movsw
    mov al, 0x5a
    mov cx, 3
    rep stosb
    inc di`,
  'ports, CPUID, RDTSC, HLT with a timer': `
    mov al, 0x20
    out 0x21, al
    in al, 0x21
    stosb
    mov al, 0
    stosb
    mov eax, 0
    push di
    cpuid
    pop di
    mov [di], ebx
    add di, 4`,
};

describe.each(['shadow', 'ept'] as const)('real-address mode under vtx/%s is that of the bare machine', (paging) => {
  test.each(Object.keys(BODIES))('%s', (name) => {
    const bare = run(BODIES[name]!);
    expect(bare.stop.status).toBe(11);
    expect(bare.words).toContain(0xe0d);
    const guest = run(BODIES[name]!, paging);
    expect(guest.words).toEqual(bare.words);
    expect(guest.stop.reason).toBe(bare.stop.reason);
    expect(guest.stop.status).toBe(bare.stop.status);
  });
});

test('EPT takes no exits for changes of mode and flags; without unrestricted guest they are emulated', () => {
  const body = BODIES['flags: PUSHF, POPF, CLI, STI, IOPL']!;
  expect(run(body, 'ept').counters.get('exits', 'cr-access')).toBe(0);
  const { counters } = run(body, 'shadow');
  expect(counters.get('exits', 'exception-nmi')).toBeGreaterThan(10);
  expect(counters.get('emulated', 'pushfw')).toBe(3);
  expect(counters.get('emulated', 'sti')).toBe(1);
});
