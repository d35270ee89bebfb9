// Restartable sequences (rseq(2), <linux/rseq.h>): code that must not be interrupted says so in a word of its thread, and goes
// on at its abort address when it was.
import type { Kernel } from '../kernel.ts';
import { BadAddress, readUser, writeUser } from '../mm/user-memory.ts';
import { sendSignalToTask } from '../signal/send.ts';
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import type { Task } from './task.ts';

/** Offsets in struct rseq, and of the fields of the sequence it points to. */
const CPU_ID_START = 0;
const CPU_ID = 4;
const RSEQ_CS = 8;
const DESCRIPTOR_SIZE = 32;

/** The one processor's number, where the thread looks for it. @throws BadAddress */
export function tellCpu(task: Task, number: number): void {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(CPU_ID_START, Math.max(number, 0), true);
  view.setInt32(CPU_ID, number, true);
  writeUser(task.memory!, task.rseq.address, bytes);
}

/** The task was interrupted: a sequence under way is aborted. */
export function abortSequence(kernel: Kernel, task: Task): void {
  if (task.rseq.address === 0 || task.memory === undefined) return;
  try {
    if (!leaveSequence(task)) sendSignalToTask(kernel, task, { signal: SIGNAL.SIGSEGV, code: SI_KERNEL });
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
    sendSignalToTask(kernel, task, { signal: SIGNAL.SIGSEGV, code: SI_KERNEL });
  }
}

/** False when what the thread points to is no sequence. @throws BadAddress */
function leaveSequence(task: Task): boolean {
  const { memory, context, rseq } = task;
  const word = (address: number) => new DataView(readUser(memory!, address, 8).buffer).getBigUint64(0, true);
  const pointer = Number(word(rseq.address + RSEQ_CS));
  if (pointer === 0) return true;
  const view = new DataView(readUser(memory!, pointer, DESCRIPTOR_SIZE).buffer);
  const [start, length, abort] = [8, 16, 24].map((at) => view.getBigUint64(at, true)) as [bigint, bigint, bigint];
  if (view.getUint32(0, true) !== 0) return false;
  const isInside = context.rip >= start && context.rip - start < length;
  writeUser(memory!, rseq.address + RSEQ_CS, new Uint8Array(8));
  if (!isInside) return true;
  // four bytes before the abort address show that it was meant as one
  const signature = new DataView(readUser(memory!, Number(abort) - 4, 4).buffer).getUint32(0, true);
  if (signature !== rseq.signature) return false;
  context.rip = abort;
  return true;
}
