// A line for each system call, in the format of strace(1): name(arguments) = result.
import { errnoName, errnoText } from '../abi/errno.ts';
import { BadAddress } from './mm/user-memory.ts';
import { argumentText, isShown, modeText, stringArgument } from './strace-arguments.ts';
import type { Call } from './syscalls/call.ts';
import type { Syscall } from './syscalls/table.ts';

const SMALL = 4096;
const LARGEST_ERRNO = 4095;
/** Column of the equals sign. */
const RESULT_COLUMN = 40;

/** Calls that return an address. */
const ADDRESSES = new Set(['brk', 'mmap', 'mmap2', 'mremap', 'shmat']);

type Parameter = Syscall['parameters'][number];

/** Text, flags and structures as such; other pointers and large words as addresses. */
function shownArgument(call: Call, row: Syscall, n: number, result: number | undefined): string {
  const parameter = row.parameters[n]!;
  const value = call.arg(n);
  const length = (name: string) => {
    if (name === 'result') return result ?? 0;
    const index = row.parameters.findIndex((other) => other.name === name);
    return index < 0 ? 0 : call.arg(index);
  };
  // a program that was replaced has taken its arguments with it
  const isGone = row.name.startsWith('execve') && result === undefined;
  try {
    if (!isGone) {
      if (parameter.type === 'const char *' && value !== 0) return stringArgument(call, value);
      const text = argumentText(call, row, parameter, value, { failed: result === undefined || result < 0, length });
      if (text !== undefined) return text;
    }
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
  }
  return plainArgument(call, n, parameter, value);
}

function plainArgument(call: Call, n: number, { type, kind, name }: Parameter, value: number): string {
  if (type.includes('*')) return value === 0 ? 'NULL' : hex(call, n);
  if (name === 'mode') return modeText(value & 0xffff);
  if (kind === 'word' && (value < 0 || value > SMALL) && type !== 'size_t') return hex(call, n);
  return String(value);
}

function hex(call: Call, n: number): string {
  return `0x${BigInt.asUintN(call.is32 ? 32 : 64, call.arg64(n)).toString(16)}`;
}

/** The line of a call that has ended; `result` undefined: it does not return. */
export function straceLine(call: Call, row: Syscall, result: number | bigint | undefined): string {
  const number = result === undefined ? undefined : Number(result);
  const flags = row.parameters.findIndex(({ name }) => name === 'flags');
  const shown = row.parameters
    .map(({ name }, n) => ({ name, n }))
    .filter(({ name }) => isShown(row, name, flags < 0 ? 0 : call.arg(flags)))
    .map(({ n }) => shownArgument(call, row, n, number))
    .join(', ');
  const head = `[pid ${call.task.pid.outermost}] ${row.name}(${shown})`.padEnd(RESULT_COLUMN - 1);
  if (number === undefined) return `${head} = ?`;
  if (number < 0 && number >= -LARGEST_ERRNO) {
    const name = errnoName(-number);
    return name === undefined ? `${head} = ? (to be restarted)` : `${head} = -1 ${name} (${errnoText(name)})`;
  }
  return `${head} = ${ADDRESSES.has(row.name) ? `0x${number.toString(16)}` : number}`;
}
