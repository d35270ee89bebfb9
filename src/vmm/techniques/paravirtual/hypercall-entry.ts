// INT 0x82: takes number and arguments from the registers, calls the handler, leaves the result in EAX; multicall does
// the same from a list in memory (Xen public header "arch-x86/xen-x86_32.h", "Hypercall interface").

import { ENOSYS, ERRNO_NAMES } from '../../xen/errno.ts';
import { EINVAL, EFAULT } from '../../xen/errno.ts';
import { MULTICALL_ENTRY_SIZE } from '../../xen/abi.ts';
import { HYPERCALL_IRET, HYPERCALL_MULTICALL, hypercall } from '../../xen/hypercalls.ts';
import { HANDLERS } from './hypercalls/index.ts';
import { iretHypercall } from './hypercalls/cpu.ts';
import type { Xen } from './xen.ts';

const EAX = 0;
/** EBX ECX EDX ESI EDI. */
const ARGUMENT_REGISTERS = [3, 1, 2, 6, 7] as const;
/** INT 0x82 is executed again for the rest of a hypercall that was interrupted. */
const INT_LENGTH = 2;
/** Work of checking the number and calling through the table. */
const DISPATCH_WORK = 6;

/** Serves the hypercall in the guest's registers. */
export function enterHypercall(xen: Xen): void {
  const number = xen.cpu.reg(EAX);
  if (number === HYPERCALL_IRET) {
    xen.counters.add('hypercalls', 'iret');
    iretHypercall(xen);
    return;
  }
  const count = hypercall(number)?.arguments ?? 0;
  const args = ARGUMENT_REGISTERS.slice(0, count).map((register) => xen.cpu.reg(register));
  const result = number === HYPERCALL_MULTICALL ? multicall(xen, args[0]!, args[1]!) : dispatch(xen, number, args);
  const rest = xen.takeContinuation();
  if (rest === undefined) {
    xen.cpu.setReg(EAX, result >>> 0);
    return;
  }
  rest.forEach((value, i) => {
    xen.cpu.setReg(ARGUMENT_REGISTERS[i]!, value >>> 0);
  });
  xen.frame.eip = xen.frame.eip - INT_LENGTH;
}

function dispatch(xen: Xen, number: number, args: readonly number[]): number {
  xen.cpu.charge('alu', DISPATCH_WORK);
  const row = hypercall(number);
  const name = row?.name ?? `number ${number}`;
  xen.counters.add('hypercalls', name);
  const handler = HANDLERS[number];
  let result = -ENOSYS;
  if (handler === undefined) {
    const reason = row === undefined ? 'which does not exist' : `which is not available (${row.note})`;
    xen.warn(`The guest made hypercall ${name}, ${reason}; it got ENOSYS.`);
  } else {
    result = handler(xen, args);
  }
  xen.trace('hypercalls', () => {
    const shown = args.map((value) => `0x${value.toString(16)}`).join(', ');
    return `${name}(${shown}) = ${result < 0 ? `-${ERRNO_NAMES[-result] ?? -result}` : result} at ${xen.where()}`;
  });
  return result;
}

function multicall(xen: Xen, list: number, count: number): number {
  xen.counters.add('hypercalls', 'multicall');
  for (let i = 0; i < count; i++) {
    const at = list + i * MULTICALL_ENTRY_SIZE;
    const entry = xen.copy.readWords(at, 8);
    if (entry === undefined) return -EFAULT;
    const number = entry[0]!;
    if (number === HYPERCALL_MULTICALL || number === HYPERCALL_IRET) return -EINVAL;
    const result = dispatch(xen, number, entry.slice(2, 2 + (hypercall(number)?.arguments ?? 0)));
    const rest = xen.takeContinuation();
    if (rest !== undefined) {
      if (!xen.copy.writeWords(at + 8, rest)) return -EFAULT;
      xen.continueWith([at, count - i]);
      return 0;
    }
    if (!xen.copy.write(at + 4, result)) return -EFAULT;
    if (i + 1 < count && xen.isOverdue()) {
      xen.continueWith([at + MULTICALL_ENTRY_SIZE, count - i - 1]);
      return 0;
    }
  }
  return 0;
}
