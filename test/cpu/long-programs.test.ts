// Random programs in 64-bit code: blocks in the run loop and lone instructions through the generic handlers must leave the same
// registers, flags, memory and time, in slices of any length.
import { createHash } from 'node:crypto';
import fc from '../properties.ts';
import { expect, test } from 'vitest';
import { CODE, DATA, DOORWAY, LongMachine } from '../system/long-machine.ts';

const SIZES = {
  qword: ['rax', 'rcx', 'rdx', 'rbx', 'rsi', 'rdi', 'r8', 'r9', 'r12', 'r13', 'r15'],
  dword: ['eax', 'ecx', 'edx', 'ebx', 'esi', 'edi', 'r8d', 'r10d', 'r14d'],
  word: ['ax', 'cx', 'dx', 'bx', 'si', 'r9w', 'r11w'],
  byte: ['al', 'cl', 'dl', 'bl', 'sil', 'dil', 'r8b', 'r13b'],
} as const;
const BINARY = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp', 'test', 'mov'];
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

const of = (values: readonly string[]) => fc.constantFrom(...values);
const register = of(SIZES.qword);
const small = fc.integer({ min: -128, max: 127 });
const immediate = fc.oneof(small, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));
/** RBP points at the data throughout; one of the places crosses into the next page. */
const memory = fc
  .tuple(fc.integer({ min: 0, max: 0x1f8 }), fc.integer({ min: 0, max: 9 }))
  .map(([offset, kind]) => (kind === 0 ? '[rbp+0xffd]' : kind === 1 ? '[rip+0x10000]' : `[rbp+${offset}]`));

const sized = fc.constantFrom(...(Object.keys(SIZES) as (keyof typeof SIZES)[])).chain((size) =>
  fc.record({
    size: fc.constant(size),
    a: of(SIZES[size]),
    b: of(SIZES[size]),
    value: size === 'byte' || size === 'word' ? small : immediate,
  }),
);
const binary = fc
  .tuple(of(BINARY), sized, memory, fc.integer({ min: 0, max: 4 }))
  .map(([op, { size, a, b, value }, at, shape]) => {
    if (shape === 0) return `${op} ${a}, ${b}`;
    if (shape === 1) return `${op} ${a}, ${value}`;
    if (shape === 2) return op === 'test' ? `${op} ${size} ${at}, ${a}` : `${op} ${a}, ${size} ${at}`;
    return shape === 3 ? `${op} ${size} ${at}, ${a}` : `${op} ${size} ${at}, ${value}`;
  });
const unary = fc
  .tuple(of(['inc', 'dec', 'neg', 'not', 'mul', 'imul']), sized, memory, fc.boolean())
  .map(([op, { size, a }, at, isMemory]) => (isMemory ? `${op} ${size} ${at}` : `${op} ${a}`));
const shift = fc
  .tuple(
    of(['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sar']),
    sized,
    memory,
    fc.integer({ min: 0, max: 65 }),
    fc.nat(3),
  )
  .map(
    ([op, { size, a }, at, count, shape]) => `${op} ${shape & 1 ? `${size} ${at}` : a}, ${shape & 2 ? 'cl' : count}`,
  );
const conditional = fc
  .tuple(of(CONDITIONS), register, register, memory, fc.nat(3))
  .map(([condition, a, b, at, shape]) => {
    if (shape === 0) return `set${condition} byte ${at}`;
    if (shape === 1) return `set${condition} dil`;
    return shape === 2 ? `cmov${condition} ${a}, ${b}` : `cmov${condition} ${a}, qword ${at}`;
  });
const moves = fc
  .tuple(
    of([
      'movzx {q}, {b}',
      'movsx {q}, {b}',
      'movsx {q}, word {m}',
      'movzx {q}, byte {m}',
      'movsxd {q}, {d}',
      'movsxd {q}, dword {m}',
    ]),
    register,
    of(SIZES.byte),
    of(SIZES.dword),
    memory,
  )
  .map(([text, q, b, d, m]) => text.replace('{q}', q).replace('{b}', b).replace('{d}', d).replace('{m}', m));
const plain = of([
  'cdq',
  'cqo',
  'cdqe',
  'cwde',
  'nop',
  'stc',
  'bswap r9',
  'push rax',
  'push -3',
  'push qword [rbp+8]',
  'pop rdx\npush rdx',
  'xchg r8, rbx',
  'xadd [rbp+12], rdx',
  'cmpxchg [rbp+16], rbx',
  'lock inc qword [rbp+24]',
  'imul rcx, rdx',
  'imul rcx, r12, 1234567',
  'imul ebx, [rbp+24]',
  'lea rax, [rbx+rcx*4+5]',
  'lea r13d, [r13+rsi*2-1]',
  'lea rdi, [rip+77]',
  'shld rax, rbx, 37',
  'bt r8, rcx',
  'mov r10, 0x123456789abcdef0',
  'pushfq\npop qword [rbp+40]',
  'push rbp\nmov rbp, rsp\nleave',
  'enter 16, 0\nleave',
  'mov ecx, 9\nlea rsi, [rbp+64]\nlea rdi, [rbp+200]\nrep movsq',
  'mov ecx, 300\nlea rdi, [rbp+0xf80]\nrep stosd',
  'xor edx, edx\nmov ecx, 7\ndiv rcx',
  'mov rdx, rax\nsar rdx, 63\nmov ecx, -7\nmovsxd rcx, ecx\nidiv rcx',
  'rdtsc',
]);
const control = fc.tuple(of(CONDITIONS), fc.nat(5), immediate).map(([condition, shape, value]) => (n: number) => {
  if (shape === 0) return 'call procedure';
  if (shape === 1) return 'lea rax, [rbp - 0x10000 + 0x800]\ncall rax'; // the procedure, at CODE + 0x800
  if (shape === 2) return `jmp skip${n}\nud2\nskip${n}:`;
  if (shape === 3) return `jrcxz skip${n}\npush qword [rbp+48]\npop rsi\nskip${n}:`;
  return `cmp rax, ${value}\nj${condition} skip${n}\nadd rbx, ${value}\nskip${n}:`;
});
const line = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(binary, unary, shift, conditional, moves, plain).map((text) => () => text) },
  { weight: 2, arbitrary: control },
);
const program = fc.array(line, { minLength: 5, maxLength: 50 }).map((lines) => {
  const body = lines.map((text, n) => text(n)).join('\n');
  return `mov ebp, ${DATA}\nmov r14d, 5\nmov [rbp+0x300], r14
    again: ${body}
    mov ebp, ${DATA}\nmov esp, 0x30000\ndec qword [rbp+0x300]\njne again\nint3
    procedure: add rsi, [rbp+56]\nmov [rip+0x10000], rsi\nret`;
});

/** Where a program that does not come to its end is cut. */
const LIMIT = 4000;

interface Result {
  readonly registers: readonly bigint[];
  readonly rip: bigint;
  readonly flags: number;
  readonly time: readonly number[];
  /** Digest of everything the program can write. */
  readonly memory: string;
}

function execute(text: string, slices: readonly number[]): Result {
  const m = new LongMachine();
  m.program(`jmp start\ntimes ${0x800 - 5} db 0x90\nret\nstart:\n${text}`.replace('jmp start', 'jmp near start'));
  for (let n = 0; n < 0x200; n++) m.cpu.ram[DATA + n] = (n * 37 + 11) & 0xff;
  let running = true;
  for (let n = 0; running && m.cpu.instructions < LIMIT; n++) {
    running = m.run(Math.min(slices[n % slices.length]!, LIMIT - m.cpu.instructions)).reason === 'deadline';
  }
  const { cpu } = m;
  return {
    registers: Array.from({ length: 16 }, (_, n) => cpu.reg64(n)),
    rip: cpu.rip,
    flags: cpu.eflags,
    time: [cpu.instructions, cpu.cycles],
    memory: createHash('sha1').update(cpu.ram.subarray(CODE, DOORWAY)).digest('hex'),
  };
}

test('blocks, single steps and slices agree', () => {
  fc.assert(
    fc.property(program, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), (text, slices) => {
      const whole = execute(text, [LIMIT]);
      expect(execute(text, [1])).toEqual(whole);
      expect(execute(text, slices)).toEqual(whole);
    }),
    { numRuns: 150 },
  );
});
