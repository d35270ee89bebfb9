// Random guest programs that never leave the ground: a loop of arbitrary integer instructions on registers and a data page,
// with calls, branches, string moves, port accesses, divide errors and code that changes itself.
import fc from 'fast-check';
import { DATA, DOORWAY } from '../system/machine.ts';

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esi', 'edi'];
const BYTES = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'];
const WORDS = ['ax', 'cx', 'dx', 'bx', 'si', 'di'];
const BINARY = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp', 'test', 'mov'];
const SHIFTS = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sar'];
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
/** Where flags are logged, behind the data the program works on. */
const LOG = DATA + 0x2800;

const of = (values: readonly string[]) => fc.constantFrom(...values);
/** A memory operand in the data pages; some cross into the second page. EBP is the base throughout. */
const memory = fc
  .tuple(fc.integer({ min: 0, max: 0x7f0 }), fc.constantFrom('', '+ecx*2', '+edx*4'), fc.boolean())
  .map(([offset, index, far]) => (index ? `[ebp+${offset}]` : `[ebp+${far ? 0xffd : offset}]`));
const immediate = fc.oneof(fc.integer({ min: -128, max: 127 }), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));
const byteImmediate = fc.integer({ min: -128, max: 127 });

const sized = fc.oneof(
  fc.record({ size: fc.constant('dword'), register: of(REGISTERS), other: of(REGISTERS), value: immediate }),
  fc.record({ size: fc.constant('byte'), register: of(BYTES), other: of(BYTES), value: byteImmediate }),
  fc.record({
    size: fc.constant('word'),
    register: of(WORDS),
    other: of(WORDS),
    value: fc.integer({ min: -0x8000, max: 0x7fff }),
  }),
);

const binary = fc
  .tuple(of(BINARY), sized, memory, fc.integer({ min: 0, max: 4 }))
  .map(([op, { size, register, other, value }, at, shape]) => {
    switch (shape) {
      case 0:
        return `${op} ${register}, ${other}`;
      case 1:
        return `${op} ${register}, ${value}`;
      case 2:
        return op === 'test' ? `${op} ${size} ${at}, ${register}` : `${op} ${register}, ${size} ${at}`;
      case 3:
        return `${op} ${size} ${at}, ${register}`;
      default:
        return `${op} ${size} ${at}, ${value}`;
    }
  });
const unary = fc
  .tuple(of(['inc', 'dec', 'neg', 'not', 'mul', 'imul']), sized, memory, fc.boolean())
  .map(([op, { size, register }, at, isMemory]) => (isMemory ? `${op} ${size} ${at}` : `${op} ${register}`));
const shift = fc
  .tuple(of(SHIFTS), sized, memory, fc.integer({ min: 0, max: 33 }), fc.boolean(), fc.boolean())
  .map(([op, { size, register }, at, count, byCl, isMemory]) => {
    return `${op} ${isMemory ? `${size} ${at}` : register}, ${byCl ? 'cl' : count}`;
  });
const plain = of([
  'cdq',
  'cwde',
  'nop',
  'clc',
  'stc',
  'cmc',
  'cld',
  'lahf',
  'sahf',
  'bswap eax',
  'lea ebx, [ebp+100]\nxlatb',
  'daa',
  'aas',
  'push eax',
  'push dword 77',
  'push dword [ebp+8]',
  'xchg eax, ebx',
  'xchg [ebp+4], ecx',
  'xadd [ebp+12], edx',
  'cmpxchg [ebp+16], ebx',
  'lock inc dword [ebp+20]',
  'imul ecx, edx',
  'imul ecx, edx, 1234567',
  'imul ebx, [ebp+24]',
  'lea eax, [ebx+ecx*4+5]',
  'lea esi, [esi*2-1]',
  'shld eax, ebx, 5',
  'shrd [ebp+28], ebx, cl',
  'bt eax, ecx',
  'bts dword [ebp+32], 7',
  'bsf eax, ecx',
  'movzx eax, bl',
  'movzx ecx, word [ebp+3]',
  'movsx edx, byte [ebp+5]',
  'movsx eax, cx',
  'movzx edx, byte [ebp+6]',
  'movsx ebx, word [ebp+7]',
  'out 0x80, al',
  'in al, 0x81',
  'rdtsc',
  'mov ax, ds\nmov es, ax',
  'sti',
  'cli',
  'pushfd\npop dword [ebp+36]',
  'cmp eax, eax',
  'mov [0x20040], eax',
  'mov al, [0x20041]',
  'inc dword [ebp+40]',
  'dec byte [ebp+44]',
  'popcnt eax, ebx',
  'enter 16, 0\nleave',
  'mov ecx, 9\nlea esi, [ebp+64]\nlea edi, [ebp+200]\nrep movsb',
  'mov ecx, 300\nlea edi, [ebp+0xf80]\nrep stosd',
  'mov ecx, 20\nlea edi, [ebp+256]\nrepne scasb',
  'mov ecx, 0\ndiv cl',
  'xor edx, edx\nmov ecx, 7\ndiv ecx',
]);
const conditional = fc
  .tuple(of(CONDITIONS), of(BYTES), of(REGISTERS), of(REGISTERS), memory, fc.integer({ min: 0, max: 3 }))
  .map(([condition, byte, register, other, at, shape]) => {
    if (shape === 0) return `set${condition} ${byte}`;
    if (shape === 1) return `set${condition} byte ${at}`;
    return shape === 2 ? `cmov${condition} ${register}, ${other}` : `cmov${condition} ${register}, dword ${at}`;
  });
/** Compares and tests that share a case of the run loop with the conditional jump behind them. */
const compared = fc.oneof(
  fc.tuple(of(['cmp', 'test']), of(REGISTERS), of(REGISTERS)).map(([op, a, b]) => `${op} ${a}, ${b}`),
  fc.tuple(of(REGISTERS), immediate).map(([a, value]) => `cmp ${a}, ${value}`),
  fc.tuple(of(BYTES), of(BYTES)).map(([a, b]) => `test ${a}, ${b}`),
  fc.tuple(of(BYTES), fc.integer({ min: -2, max: 2 })).map(([a, value]) => `cmp ${a}, ${value}`),
  of(REGISTERS).map((a) => `dec ${a}`),
);
/** Labels are numbered by place in the program. */
const control = fc
  .tuple(of(CONDITIONS), fc.integer({ min: 0, max: 8 }), immediate, compared)
  .map(([condition, shape, value, compare]) => (n: number) => {
    switch (shape) {
      case 0:
        return `j${condition} skip${n}\nadd ebx, ${value}\nskip${n}:`;
      case 1:
        return `call procedure`;
      case 2:
        return `mov eax, procedure\ncall eax`;
      case 3:
        return `jmp skip${n}\nud2\nskip${n}:`;
      case 4:
        // the instruction behind, in the same block, is changed
        return `mov dword [patch${n}+1], ${value}\npatch${n}: mov edx, 0`;
      case 5:
        return `jecxz skip${n}\npush dword skip${n}\nret 0\nskip${n}:`;
      default:
        return `${compare}\nj${condition} skip${n}\nadd ebx, ${value}\nskip${n}:`;
    }
  });

/** Index registers are brought into the data page before a memory operand uses them; that changes no flags. */
const straight = fc
  .oneof(binary, unary, shift, plain, conditional)
  .map((line) => line.replace(/^.*\+ecx\*2.*$/m, 'movzx ecx, cl\n$&').replace(/^.*\+edx\*4.*$/m, 'movzx edx, dl\n$&'))
  .map((line) => (_: number) => line);

/** A program as text. It ends at doorway entry 0x300; a divide error is skipped by its handler. */
export const randomProgram: fc.Arbitrary<string> = fc
  .array(fc.oneof({ weight: 5, arbitrary: straight }, { weight: 2, arbitrary: control }), {
    minLength: 5,
    maxLength: 60,
  })
  .map((pieces) => {
    const body = pieces.map((piece, n) => piece(n)).join('\n');
    return `
      mov ebp, ${DATA}
      mov dword [${LOG}], 12
    again:
      ${body}
      mov ebp, ${DATA}
      mov esp, 0x30000
      pushfd
      pop eax
      xor [${LOG + 4}], eax
      rol dword [${LOG + 4}], 3
      mov dx, ds
      mov es, dx
      dec dword [${LOG}]
      jne again
      jmp 8:${DOORWAY + 0x300}
    procedure:
      push esi
      inc dword [ebp+48]
      mov esi, [ebp+48]
      pop edi
      ret
    `;
  });
