// The registers of a traced task as its tracer sees them: struct user_regs_struct of both ABIs (<sys/user.h>).
import { fail } from '../error.ts';
import { R10, R11, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, USER_END } from '../platform.ts';
import type { Task } from '../task/task.ts';
import { peekDebugRegister, pokeDebugRegister } from './debug-registers.ts';

const R12 = 12;
const R13 = 13;
const R14 = 14;
const R15 = 15;
/** Places in the structure that are no general registers. */
type Special = 'orig' | 'ip' | 'cs' | 'flags' | 'ss' | 'fsBase' | 'gsBase' | 'ds' | 'es' | 'fs' | 'gs';
type Place = number | Special;

const AMD64: readonly Place[] = [
  R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI,
  'orig', 'ip', 'cs', 'flags', RSP, 'ss', 'fsBase', 'gsBase', 'ds', 'es', 'fs', 'gs',
]; // biome-ignore format: in the order of the structure
const I386: readonly Place[] = [
  RBX, RCX, RDX, RSI, RDI, RBP, RAX, 'ds', 'es', 'fs', 'gs', 'orig', 'ip', 'cs', 'flags', RSP, 'ss',
]; // biome-ignore format: in the order of the structure

const USER_CODE = 0x33n;
const USER_CODE_32 = 0x23n;
const USER_DATA = 0x2bn;
/** Flags a tracer can change: carry, parity, adjust, zero, sign, trap, direction, overflow, resume, nested, alignment. */
const CHANGEABLE_FLAGS = 0x5_4dd5;

/** Whose structure a task's registers are in. */
export type Layout = 'amd64' | 'i386';

const placesOf = (layout: Layout) => (layout === 'amd64' ? AMD64 : I386);
const wordOf = (layout: Layout) => (layout === 'amd64' ? 8 : 4);

/** Bytes of the structure. */
export const sizeOfRegisters = (layout: Layout): number => placesOf(layout).length * wordOf(layout);

function registerValue(task: Task, place: Place): bigint {
  const { context } = task;
  if (typeof place === 'number') return context.reg64(place);
  const isLong = context.abi === 'amd64';
  switch (place) {
    case 'orig':
      return BigInt.asUintN(64, BigInt(task.call?.number ?? task.lastNumber));
    case 'ip':
      return context.rip;
    case 'cs':
      return isLong ? USER_CODE : USER_CODE_32;
    case 'flags':
      return BigInt(context.rflags >>> 0);
    case 'ss':
      return USER_DATA;
    case 'fsBase':
      return context.fsBase;
    case 'gsBase':
      return context.gsBase;
    default:
      return BigInt(context.selectors[place]);
  }
}

/** @throws SystemError EIO for what a program cannot have */
function setValue(task: Task, place: Place, value: bigint): void {
  const { context } = task;
  const isLong = context.abi === 'amd64';
  if (typeof place === 'number') {
    context.setReg64(place, isLong ? value : BigInt.asUintN(32, value));
    return;
  }
  switch (place) {
    case 'orig':
      setCallNumber(task, Number(BigInt.asIntN(32, value)));
      break;
    case 'ip':
      context.rip = isLong ? value : BigInt.asUintN(32, value);
      break;
    case 'flags':
      context.rflags = (context.rflags & ~CHANGEABLE_FLAGS) | (Number(BigInt.asUintN(32, value)) & CHANGEABLE_FLAGS);
      break;
    case 'fsBase':
    case 'gsBase':
      if (value >= BigInt(USER_END.amd64)) fail('EIO');
      context[place] = value;
      break;
    case 'ds':
    case 'es':
    case 'fs':
    case 'gs':
      context.selectors = { ...context.selectors, [place]: Number(value & 0xffffn) };
      break;
    default:
      // the code and stack segments stay what they are
      if ((value & 3n) !== 3n) fail('EIO');
  }
}

function setCallNumber(task: Task, number: number): void {
  if (task.call === undefined) task.lastNumber = number;
  else task.call = { ...task.call, number };
}

/** All registers. */
export function readRegisters(task: Task, layout: Layout): Uint8Array {
  const word = wordOf(layout);
  const bytes = new Uint8Array(sizeOfRegisters(layout));
  const view = new DataView(bytes.buffer);
  placesOf(layout).forEach((place, n) => {
    const value = registerValue(task, place);
    if (word === 8) view.setBigUint64(8 * n, value, true);
    else view.setUint32(4 * n, Number(BigInt.asUintN(32, value)), true);
  });
  return bytes;
}

/** Sets as many registers as there are whole words. @throws SystemError EIO */
export function writeRegisters(task: Task, layout: Layout, bytes: Uint8Array): void {
  const word = wordOf(layout);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  placesOf(layout).forEach((place, n) => {
    if ((n + 1) * word > bytes.length) return;
    setValue(task, place, word === 8 ? view.getBigUint64(8 * n, true) : BigInt(view.getUint32(4 * n, true)));
  });
}

/** Where u_debugreg lies in struct user. */
const DEBUG_REGISTERS = { amd64: 848, i386: 252 } as const;

/** The number of the debug register that lies there; undefined for none. */
function debugRegisterAt(layout: Layout, offset: number): number | undefined {
  const n = (offset - DEBUG_REGISTERS[layout]) / wordOf(layout);
  return Number.isInteger(n) && n >= 0 && n < 8 ? n : undefined;
}

/** One word of struct user, where registers come first; debug registers are behind them, the rest is 0. @throws SystemError EIO */
export function peekUser(task: Task, layout: Layout, offset: number, size: number): bigint {
  const word = wordOf(layout);
  if (offset < 0 || offset % word !== 0 || offset >= size) return fail('EIO');
  const debug = debugRegisterAt(layout, offset);
  if (debug !== undefined) return peekDebugRegister(task, debug);
  const place = placesOf(layout)[offset / word];
  return place === undefined ? 0n : registerValue(task, place);
}

/** @throws SystemError EIO for what is no register, EINVAL for a breakpoint that there cannot be */
export function pokeUser(task: Task, layout: Layout, offset: number, value: bigint): void {
  const word = wordOf(layout);
  const debug = debugRegisterAt(layout, offset);
  const place = offset >= 0 && offset % word === 0 ? placesOf(layout)[offset / word] : undefined;
  if (debug !== undefined) pokeDebugRegister(task, debug, value);
  else if (place === undefined) fail('EIO');
  else setValue(task, place, value);
}
