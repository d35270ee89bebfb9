// Classic BPF as seccomp(2) runs it: the instructions, what is checked before a program may run, and running it
// (Documentation/networking/filter "BPF engine", <linux/filter.h>).

/** struct sock_filter. */
export interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly k: number;
}

/** Bytes of struct seccomp_data, which programs look at. */
export const DATA_SIZE = 64;
export const MOST_INSTRUCTIONS = 4096;
const MEMORY_WORDS = 16;

// Opcodes: class, size or operation, mode or source.
const LD_W_ABS = 0x20;
const LD_W_LEN = 0x80;
const LDX_W_LEN = 0x81;
const LD_IMM = 0x00;
const LDX_IMM = 0x01;
const LD_MEM = 0x60;
const LDX_MEM = 0x61;
const ST = 0x02;
const STX = 0x03;
const RET_K = 0x06;
const RET_A = 0x16;
const TAX = 0x07;
const TXA = 0x87;
const NEG = 0x84;
const JA = 0x05;
const SOURCE_X = 0x08;
const CLASS = 0x07;
const ALU = 0x04;
const JMP = 0x05;
const OPERATION = 0xf0;
const [ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR] = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0];
const [JEQ, JGT, JGE, JSET] = [0x10, 0x20, 0x30, 0x40];
const ALU_OPERATIONS = new Set([ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR]);
const JUMPS = new Set([JEQ, JGT, JGE, JSET]);
const PLAIN = new Set([LD_W_LEN, LDX_W_LEN, LD_IMM, LDX_IMM, RET_K, RET_A, TAX, TXA, NEG]);

const isAlu = (code: number) =>
  (code & CLASS) === ALU && ALU_OPERATIONS.has(code & OPERATION) && !(code & ~(CLASS | OPERATION | SOURCE_X));
const isJump = (code: number) =>
  (code & CLASS) === JMP && JUMPS.has(code & OPERATION) && !(code & ~(CLASS | OPERATION | SOURCE_X));

/** May the program be run? */
export function isValidProgram(program: readonly Instruction[]): boolean {
  if (program.length === 0 || program.length > MOST_INSTRUCTIONS) return false;
  if (!program.every((instruction, at) => isValid(instruction, program.length - at - 1))) return false;
  const last = program.at(-1)!.code;
  return (last === RET_K || last === RET_A) && storesBeforeLoads(program);
}

/** `left` is how many instructions follow. */
function isValid({ code, ifTrue, ifFalse, k }: Instruction, left: number): boolean {
  if (PLAIN.has(code)) return true;
  if (code === LD_W_ABS) return k < DATA_SIZE && k % 4 === 0;
  if ([LD_MEM, LDX_MEM, ST, STX].includes(code)) return k < MEMORY_WORDS;
  if (code === JA) return k < left;
  if (isJump(code)) return ifTrue < left && ifFalse < left;
  if (!isAlu(code)) return false;
  if (code & SOURCE_X) return true;
  const operation = code & OPERATION;
  if (operation === DIV) return k !== 0;
  return operation === LSH || operation === RSH ? k < 32 : true;
}

/** A word of memory is written on every way before it is read. */
function storesBeforeLoads(program: readonly Instruction[]): boolean {
  const ALL = 0xffff;
  const known = new Array<number>(program.length + 1).fill(ALL);
  known[0] = 0;
  for (const [at, { code, ifTrue, ifFalse, k }] of program.entries()) {
    let set = known[at]!;
    if ((code === LD_MEM || code === LDX_MEM) && !(set & (1 << k))) return false;
    if (code === ST || code === STX) set |= 1 << k;
    const meets = (target: number) => {
      known[target] = known[target]! & set;
    };
    if (code === JA) meets(at + 1 + k);
    else if (isJump(code)) {
      meets(at + 1 + ifTrue);
      meets(at + 1 + ifFalse);
    } else if (code !== RET_K && code !== RET_A) meets(at + 1);
  }
  return true;
}

/** Words of struct seccomp_data up to here tell the call and the architecture. */
const IDENTITY_SIZE = 8;

/**
 * Runs a program that was checked; 32-bit arithmetic. `ran` is told how many instructions it took, and whether it looked at
 * nothing but the number of the call and the architecture.
 */
export function runProgram(
  program: readonly Instruction[],
  data: DataView,
  ran?: (instructions: number, knowsOnlyNumber: boolean) => void,
): number {
  let count = 0;
  let knowsOnlyNumber = true;
  const memory = new Uint32Array(MEMORY_WORDS);
  let [a, x, at] = [0, 0, 0];
  for (;;) {
    count++;
    const { code, ifTrue, ifFalse, k } = program[at++]!;
    const operand = code & SOURCE_X ? x : k;
    switch (code) {
      case RET_K:
        ran?.(count, knowsOnlyNumber);
        return k;
      case RET_A:
        ran?.(count, knowsOnlyNumber);
        return a;
      case LD_W_ABS:
        a = data.getUint32(k, true);
        knowsOnlyNumber &&= k < IDENTITY_SIZE;
        break;
      case LD_W_LEN:
        a = DATA_SIZE;
        break;
      case LDX_W_LEN:
        x = DATA_SIZE;
        break;
      case LD_IMM:
        a = k;
        break;
      case LDX_IMM:
        x = k;
        break;
      case LD_MEM:
        a = memory[k]!;
        break;
      case LDX_MEM:
        x = memory[k]!;
        break;
      case ST:
        memory[k] = a;
        break;
      case STX:
        memory[k] = x;
        break;
      case TAX:
        x = a;
        break;
      case TXA:
        a = x;
        break;
      case NEG:
        a = -a >>> 0;
        break;
      case JA:
        at += k;
        break;
      default:
        if ((code & CLASS) === JMP) at += compare(code & OPERATION, a, operand) ? ifTrue : ifFalse;
        else if ((code & OPERATION) === DIV && operand === 0) return 0;
        else a = calculate(code & OPERATION, a, operand);
    }
  }
}

function compare(operation: number, a: number, operand: number): boolean {
  if (operation === JEQ) return a === operand;
  if (operation === JGT) return a > operand;
  return operation === JGE ? a >= operand : (a & operand) !== 0;
}

function calculate(operation: number, a: number, operand: number): number {
  switch (operation) {
    case ADD:
      return (a + operand) >>> 0;
    case SUB:
      return (a - operand) >>> 0;
    case MUL:
      return Math.imul(a, operand) >>> 0;
    case DIV:
      return Math.floor(a / operand);
    case OR:
      return (a | operand) >>> 0;
    case AND:
      return (a & operand) >>> 0;
    case LSH:
      return (a << (operand & 31)) >>> 0;
    case RSH:
      return a >>> (operand & 31);
    default:
      return (a ^ operand) >>> 0;
  }
}
