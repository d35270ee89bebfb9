// One system call of a task: its arguments as the man page declares them, whatever the ABI, and how it ends or waits.
import type { Kernel } from '../kernel.ts';
import { readUser, readUserString, readUserWord, writeUser, writeUserWord } from '../mm/user-memory.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { Pid, PidNamespace } from '../ns/pid-namespace.ts';
import { type IdKind, NO_ID, OVERFLOW_ID, type UserNamespace } from '../ns/user-namespace.ts';
import type { Abi } from '../platform.ts';
import type { PendingCall, Task } from '../task/task.ts';
import type { WaitQueue } from '../task/wait-queue.ts';
import type { FileDescription } from '../vfs/file.ts';
import { fail } from '../error.ts';
import { decodeText } from './text.ts';
import { PATH_MAX } from '../../abi/stat.ts';

/** The call waits: the task sleeps in queues and tries again when it is woken. */
export const BLOCKED = Symbol('blocked');
/** The call has set all registers itself (execve, sigreturn), or the task is gone. */
export const NO_RESULT = Symbol('no result');

/** What a call returns: a number (negative: an error number), or that it waits, or nothing. */
export type CallResult = number | bigint | typeof BLOCKED | typeof NO_RESULT;

/** How an argument is passed and widened. */
export type ArgumentKind = 'int' | 'uint' | 'long' | 'word' | 'offset';

const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;

/** The lower half, as bit operations take it. */
const low32 = (raw: number | bigint): number => (typeof raw === 'number' ? raw : Number(BigInt.asUintN(32, raw)));

/** A system call under way. */
export class Call {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly pending: PendingCall;
  readonly #kinds: readonly ArgumentKind[];
  /** The calls of i386 without 32 at the end of their names have IDs of 16 bits. */
  hasShortIds = false;

  constructor(kernel: Kernel, task: Task, pending: PendingCall, kinds: readonly ArgumentKind[]) {
    this.kernel = kernel;
    this.task = task;
    this.pending = pending;
    this.#kinds = kinds;
  }

  get abi(): Abi {
    return this.pending.abi;
  }

  get is32(): boolean {
    return this.pending.abi === 'i386';
  }

  /** Bytes of a pointer or long. */
  get wordSize(): 4 | 8 {
    return this.is32 ? 4 : 8;
  }

  /** The namespace whose numbers the caller sees. */
  get pids(): PidNamespace {
    return this.task.namespaces.pid;
  }

  /** A number as the caller sees it; 0 for what it cannot see. */
  number(pid: Pid): number {
    return pid.in(this.pids);
  }

  /** The namespace whose user and group IDs the caller sees. */
  get users(): UserNamespace {
    return this.task.credentials.user;
  }

  /** An ID argument as the kernel keeps it; NO_ID (-1) stays. @throws SystemError EINVAL for one that is not mapped */
  id(n: number, kind: IdKind): number {
    const given = this.arg(n);
    const wide = this.hasShortIds && (given & 0xffff) === 0xffff ? NO_ID : this.hasShortIds ? given & 0xffff : given;
    return wide === NO_ID ? NO_ID : this.users.fromProgram(kind, wide);
  }

  /** An ID as the caller sees it. */
  shownId(kind: IdKind, id: number): number {
    const shown = this.users.shown(kind, id);
    return this.hasShortIds && shown > 0xffff ? OVERFLOW_ID : shown;
  }

  get memory(): AddressSpace {
    return this.task.memory!;
  }

  /** Argument n as its type says: int and long with sign, the rest without. Exact up to 53 bits. */
  arg(n: number): number {
    const kind = this.#kinds[n] ?? 'word';
    const slot = this.#slot(n);
    const raw = this.pending.arguments[slot] ?? 0;
    // registers of i386 programs have 32 bits
    if (this.is32 && kind !== 'offset') return kind === 'int' || kind === 'long' ? Number(raw) | 0 : Number(raw);
    switch (kind) {
      case 'int':
        return low32(raw) | 0;
      case 'uint':
        return low32(raw) >>> 0;
      case 'offset':
        return this.is32 ? (low32(this.pending.arguments[slot + 1]!) | 0) * TWO_32 + Number(raw) : Number(raw);
      case 'long':
        return Number(raw);
      case 'word':
        if (typeof raw === 'bigint') return Number(BigInt.asUintN(64, raw));
        return raw < 0 ? raw + TWO_64 : raw;
    }
  }

  /** Argument n with all its bits. */
  arg64(n: number): bigint {
    return BigInt.asUintN(64, BigInt(this.pending.arguments[this.#slot(n)] ?? 0));
  }

  /** The open file of descriptor argument n, even of O_PATH. @throws SystemError EBADF */
  anyFile(n: number): FileDescription {
    return this.task.files.any(this.arg(n));
  }

  /** The open file of descriptor argument n, to be worked with. @throws SystemError EBADF */
  file(n: number): FileDescription {
    return this.task.files.get(this.arg(n));
  }

  /** A path-name argument. @throws SystemError ENAMETOOLONG, BadAddress */
  path(n: number): string {
    return this.string(this.arg(n), PATH_MAX, 'ENAMETOOLONG');
  }

  /** A string in the task's memory. */
  string(address: number, most: number, tooLong: 'ENAMETOOLONG' | 'EINVAL' | 'E2BIG' | 'ERANGE'): string {
    const bytes = readUserString(this.memory, address, most);
    return bytes === undefined ? fail(tooLong) : decodeText(bytes);
  }

  /** The same as bytes. @throws SystemError E2BIG */
  bytesOfString(address: number, most: number): Uint8Array {
    return readUserString(this.memory, address, most) ?? fail('E2BIG');
  }

  read(address: number, length: number): Uint8Array {
    return readUser(this.memory, address, length);
  }

  view(address: number, length: number): DataView {
    const bytes = this.read(address, length);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  write(address: number, bytes: Uint8Array): void {
    writeUser(this.memory, address, bytes);
  }

  readWord(address: number, size: 4 | 8 = this.wordSize): number {
    return readUserWord(this.memory, address, size);
  }

  writeWord(address: number, value: number | bigint, size: 4 | 8 = this.wordSize): void {
    writeUserWord(this.memory, address, value, size);
  }

  /** What the call remembers between tries; made at the first one. */
  progress<T>(make: () => T): T {
    this.pending.progress ??= make();
    return this.pending.progress as T;
  }

  /** Sleeps in the queues, at most until `deadline` (cycles); the call is tried again afterwards. */
  wait(queues: readonly WaitQueue[], deadline = Number.POSITIVE_INFINITY): typeof BLOCKED {
    this.task.sleep(queues, this.kernel.timers, deadline);
    return BLOCKED;
  }

  /** Where argument n is: an offset of 64 bits takes two registers of i386. */
  #slot(n: number): number {
    if (!this.is32) return n;
    let slot = n;
    for (let before = 0; before < n; before++) if (this.#kinds[before] === 'offset') slot++;
    return slot;
  }
}
