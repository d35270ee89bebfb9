// Short sequences for random programs that reach what single random instructions rarely do: flags with side effects,
// far transfers with frames that fit, control registers and MSRs with plausible values, repeated strings that cross pages.

/** Text for the assembler; `{a|b}` stands for one of its parts, `{}` for a number, `{selector}` for a selector. */
export interface Idiom {
  readonly text: string;
  readonly modes?: readonly (16 | 32 | 64)[];
  readonly weight?: number;
}

const LEGACY = [16, 32] as const;

/** Sequences by what they are about. */
export const IDIOMS: readonly Idiom[] = [
  // flags: trap, resume, nested task, alignment check, direction, interrupt
  { text: 'pushf\npop ax\nxor ax, {0x100|0x400|0x4000|0x200|0x3000|0x100}\npush ax\npopf', modes: [16], weight: 2 },
  {
    text: 'pushfd\nxor dword [esp], {0x100|0x400|0x4000|0x10000|0x40000|0x20000|0x200000}\npopfd',
    modes: [32],
    weight: 2,
  },
  {
    text: 'pushfq\nxor dword [rsp], {0x100|0x400|0x4000|0x10000|0x40000|0x20000|0x200000}\npopfq',
    modes: [64],
    weight: 2,
  },
  { text: '{sti|cli|std|cld|sti|sti\nhlt|hlt|clts|int3|into|nop|fwait}', modes: LEGACY, weight: 2 },
  {
    text: '{sti|cli|std|cld|sti|sti\nhlt|hlt|clts|int3|swapgs|syscall|sysret|sysexit|sysenter}',
    modes: [64],
    weight: 2,
  },
  { text: 'int {0x20|0x30|3|1|0x80|13|14|8|2}' },
  // devices: a write raises INTR, NMI or a stop
  { text: 'mov al, {0|1|2|3|5}\nout {0x80|0x42|0x10}, al', weight: 2 },
  { text: 'mov al, {1|2|3}\nout 0x80, al\nsti\nnop', weight: 2 },
  { text: 'mov al, 1\nout 0x80, al\nmov dx, ss\nmov ss, dx\n{nop|sti|int3|pushf|popf}', modes: LEGACY },
  { text: 'mov dx, {0x80|0x200|0x210}\n{in al, dx|in ax, dx|out dx, ax|insb|outsb|in eax, dx|out dx, eax}' },
  { text: 'mov cx, {1|2|9|0}\nmov dx, {0x80|0x210}\nrep {insb|outsb|insw|outsw|insd|outsd}' },
  // strings
  {
    text: 'mov ecx, {0|1|7|40|300}\n{rep|rep} {movsb|movsw|movsd|stosb|stosw|stosd|lodsb}',
    modes: [32, 64],
    weight: 2,
  },
  { text: 'mov cx, {0|1|7|40|300}\nrep {movsb|movsw|movsd|stosb|stosw|stosd|lodsw}', modes: [16], weight: 2 },
  { text: 'mov ecx, {0|1|7|40|300}\n{repe|repne} {cmpsb|cmpsw|cmpsd|scasb|scasw|scasd}', weight: 2 },
  { text: 'mov edi, {0x14ff8|0x14000|0x17ffd|0x10020|0x10100}\nmov esi, {0x14ff1|0x15002|0x10000}', modes: [32, 64] },
  { text: 'mov rcx, {0|3|40|200}\nrep {movsq|stosq|lodsq}', modes: [64] },
  // registers brought back to data, code and stack
  {
    text: 'mov {ebx|esi|edi|ebp|eax}, {0x14100|0x14ffe|0x15000|0x10040|0x18000|0x13ffc|0x1420}',
    modes: [32, 64],
    weight: 3,
  },
  { text: 'mov {bx|si|di|bp}, {0x4100|0x4ffe|0x5000|0x40|0x8000|0x3ffc|0xffff|0x100}', modes: [16], weight: 3 },
  { text: 'mov esp, {0x18800|0x19004|0x18ffe|0x1a800}', modes: [32] },
  { text: 'mov rsp, {0x18800|0x19004|0x18ffe|0x1a800}', modes: [64] },
  { text: 'mov sp, {0x8800|0x8003|0xfffe|0|1|0x800}', modes: [16] },
  // self-modifying code
  { text: 'mov dword [0x100{20|40|60|44|81|a3}], {}', modes: [32, 64], weight: 2 },
  { text: 'mov dword [rip+{1|2|9|20|40}], {}', modes: [64], weight: 2 },
  { text: 'mov byte [cs:0x{20|40|65|82}], {1|0x90|0xcc|0x40}', modes: [16], weight: 2 },
  // segments
  { text: 'mov ax, {selector}\nmov {ds|es|fs|gs|ss}, ax', weight: 3 },
  { text: 'push {selector}\npop {ds|es|fs|gs|ss}', modes: LEGACY },
  { text: '{lar|lsl} eax, [0x14000]', modes: [32] },
  {
    text: 'mov ax, {selector}\n{verr ax|verw ax|lar ecx, ax|lsl ecx, ax|lldt ax|ltr ax|str bx|sldt bx}',
    modes: [32, 64],
  },
  { text: 'mov word [0x14010], {selector}\nmov dword [0x1400c], 0x10040\n{call|jmp} far [0x1400c]', modes: [32] },
  // frames for IRET and RETF
  { text: 'pushfd\npush {selector}\npush 0x100{40|60|80}\niretd', modes: [32], weight: 2 },
  { text: 'push 0x23\npush 0x18800\npushfd\npush 0x1b\npush 0x100{40|80}\niretd', modes: [32], weight: 2 },
  { text: 'push {selector}\npush 0x100{40|60|80}\nretf', modes: [32], weight: 2 },
  { text: 'push 0x23\npush 0x18800\npush 0x1b\npush 0x10040\nretf', modes: [32] },
  { text: 'pushf\npush {selector}\npush 0x{40|60|80}\niret', modes: [16], weight: 2 },
  { text: 'pushf\npush cs\npush 0x{40|60|80}\niret', modes: [16], weight: 2 },
  { text: 'push {selector}\npush 0x{40|60|80}\nretf', modes: [16] },
  { text: 'push {selector}\npush 0x18800\npushfq\npush {selector}\npush 0x100{40|80}\niretq', modes: [64], weight: 2 },
  { text: 'push 0x23\npush 0x18800\npushfq\npush {0x1b|0x2b}\npush 0x100{40|80}\niretq', modes: [64], weight: 2 },
  { text: 'push {selector}\npush 0x100{40|60|80}\n{retf|retf|retf}', modes: [64] },
  { text: 'call {selector}:{0x10040|0x10080|0x40|0xffffffff}', modes: [32], weight: 2 },
  { text: 'jmp {selector}:{0x10040|0x10080|0x40|0xffffffff}', modes: [32], weight: 2 },
  { text: '{call|jmp} {selector}:{0x40|0x80|0xc0|0xffff}', modes: [16], weight: 4 },
  { text: 'call {0xd0|0xd3|0xe0|0xe3}:0', modes: LEGACY },
  { text: 'enter {8|40|0x1000}, {0|1|3|31}\nleave' },
  // control, debug and model-specific registers
  {
    text: 'mov eax, cr0\nxor eax, {2|4|8|0x20|0x10000|0x40000|0x80000000|1|0x60000000|0x20000000}\nmov cr0, eax',
    modes: LEGACY,
    weight: 2,
  },
  {
    text: 'mov eax, cr4\nxor eax, {1|2|4|8|0x10|0x20|0x80|0x200|0x400|0x800|0x10000|0x20000|0x100000|0x200000}\nmov cr4, eax',
    modes: LEGACY,
    weight: 2,
  },
  { text: 'mov rax, cr0\nxor eax, {2|4|8|0x20|0x10000|0x40000|0x80000000}\nmov cr0, rax', modes: [64], weight: 2 },
  {
    text: 'mov rax, cr4\nxor eax, {1|2|4|8|0x10|0x20|0x80|0x200|0x800|0x1000|0x10000|0x20000|0x100000|0x200000}\nmov cr4, rax',
    modes: [64],
    weight: 2,
  },
  { text: 'mov eax, {0x4000|0x5000|0x9000|0xe000|0x9018}\nmov cr3, eax', modes: LEGACY },
  { text: 'mov rax, cr3\nmov cr3, rax', modes: [64] },
  { text: 'smsw ax\nxor al, {1|2|8|15}\nlmsw ax', modes: LEGACY },
  { text: 'invlpg [0x{14000|10000|15000|4000}]', modes: [32, 64] },
  { text: 'mov eax, {0x10020|0x10040|0x14100|0x14ffe|0x80}\nmov dr{0|1|2|3}, eax', modes: LEGACY },
  { text: 'mov eax, {0x703|0x30703|0xd0701|0x20702|0xf000f|0x2700|0}\nmov dr7, eax', modes: LEGACY, weight: 2 },
  { text: 'mov eax, {0x703|0x30703|0xd0701|0xb070a|0x20702|0x2700|0}\nmov dr7, rax', modes: [64], weight: 2 },
  {
    text: 'mov ecx, {0x174|0x175|0x176|0x277|0x10|0x1b|0x1a0|0x1d9|0x3a}\n{rdmsr|rdmsr\nwrmsr|wrmsr|rdmsr\nxor eax, 2\nwrmsr}',
  },
  {
    text: 'mov ecx, 0xc0000{080|081|082|084|100|101|102|103|000}\n{rdmsr|rdmsr\nwrmsr|wrmsr|rdmsr\nxor eax, 0x800\nwrmsr|rdmsr\nxor eax, 1\nwrmsr|rdmsr\nxor eax, 0x100\nwrmsr}',
  },
  { text: '{rdtsc|cpuid|rdpmc|wbinvd|sgdt [ebx]|sidt [ebx]|monitor|mwait|ud2|invd}', modes: [32] },
  { text: '{rdtsc|cpuid|rdpmc|wbinvd|sgdt [rbx]|sidt [rbx]|monitor|mwait|ud2|rdtscp}', modes: [64] },
  { text: '{sysenter|sysexit|ud2}', modes: LEGACY },
  // into protected mode and back
  {
    text: 'mov eax, cr0\nxor al, 1\nmov cr0, eax\n{nop|jmp 0x70:0x60|jmp 8:0x40|jmp 0x1000:0x80|mov ds, cx|jmp 0x1000:0x40}',
    modes: [16],
    weight: 2,
  },
  { text: 'mov eax, cr0\nand eax, 0x7ffffffe\nmov cr0, eax', modes: [32] },
  // virtual-8086 mode
  {
    text: 'pushfd\nor dword [esp], 0x20000\npush {0x1000|0x1400}\npush 0x{40|60|80}\niretd',
    modes: [32],
  },
  // address-space contexts
  { text: 'mov eax, {0|1|2|3}\ninvpcid eax, [0x14100]', modes: [32] },
  { text: 'mov eax, {0|1|2|3}\ninvpcid rax, [rbx]', modes: [64] },
  { text: 'mov rax, cr3\nxor al, {1|2|3}\nbts rax, {62|63}\nmov cr3, rax', modes: [64], weight: 2 },
  { text: '{db 0x0f, 0x01, 0xcb|db 0x0f, 0x01, 0xca|xgetbv|xsetbv|rdrand eax|rdseed ecx}', modes: [32, 64] },
  // arithmetic exceptions
  { text: 'xor ecx, ecx\n{div|idiv} {cl|cx|ecx}' },
  { text: '{fninit|fnclex|fldz|fld1|fldpi|fdiv st0, st1|fsqrt|fnstsw ax|fwait|emms}' },
  { text: 'mov dword [0x14020], {0x37f|0x340|0x27f|0x7f|0xf7f}\nfldcw [0x14020]', modes: [32, 64] },
  { text: 'mov dword [0x14024], {0x1f80|0|0x9fc0|0x7f80|0x5f80|0x10000}\nldmxcsr [0x14024]', modes: [32, 64] },
];
