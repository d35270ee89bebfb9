// A line for each system call, in the format of strace(1): name(arguments) = result.
import { errnoName, errnoText } from '../abi/errno.ts';
import { readUserString } from './mm/user-memory.ts';
import type { Call } from './syscalls/call.ts';
import { decodeText } from './syscalls/text.ts';
import type { Syscall } from './syscalls/table.ts';

/** Characters of a string that are shown. */
const SHOWN = 32;
const SMALL = 4096;
const LARGEST_ERRNO = 4095;

function quote(text: string): string {
  const shown = JSON.stringify(text.slice(0, SHOWN));
  return text.length > SHOWN ? `${shown}...` : shown;
}

/** Paths are shown as text; other pointers as addresses. */
function argumentText(call: Call, n: number, type: string, kind: string): string {
  const value = call.arg(n);
  if (type === 'const char *' && value !== 0) {
    try {
      const bytes = readUserString(call.memory, value, SMALL);
      return bytes === undefined ? hex(call, n) : quote(decodeText(bytes));
    } catch {
      return hex(call, n);
    }
  }
  if (type.includes('*')) return value === 0 ? 'NULL' : hex(call, n);
  if (kind === 'word' && (value < 0 || value > SMALL)) return hex(call, n);
  return String(value);
}

function hex(call: Call, n: number): string {
  return `0x${BigInt.asUintN(call.is32 ? 32 : 64, call.arg64(n)).toString(16)}`;
}

/** The line of a call that has ended; `result` undefined: it does not return. */
export function straceLine(call: Call, row: Syscall, result: number | bigint | undefined): string {
  const shown = row.parameters.map(({ type, kind }, n) => argumentText(call, n, type, kind)).join(', ');
  const head = `[pid ${call.task.pid.outermost}] ${row.name}(${shown})`;
  if (result === undefined) return `${head} = ?`;
  const number = Number(result);
  if (number < 0 && number >= -LARGEST_ERRNO) {
    const name = errnoName(-number);
    return name === undefined ? `${head} = ? (to be restarted)` : `${head} = -1 ${name} (${errnoText(name)})`;
  }
  return `${head} = ${number > SMALL * 4096 ? `0x${number.toString(16)}` : number}`;
}
