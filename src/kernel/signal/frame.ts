// The frame a signal handler finds on its stack, and the way back (sigreturn(2)): struct rt_sigframe and, for i386 handlers
// without SA_SIGINFO, struct sigframe, with siginfo_t, ucontext_t and sigcontext as <asm/sigcontext.h> and <asm/siginfo.h>
// lay them out for both ABIs.
import { SA_ONSTACK, SA_RESTORER, SA_SIGINFO, SS_DISABLE, SS_ONSTACK } from '../../abi/signal.ts';
import { readUserInto, writeUser } from '../mm/user-memory.ts';
import { VDSO_RT_SIGRETURN, VDSO_SIGRETURN } from '../mm/vdso.ts';
import { type Context, RAX, RBP, RBX, RCX, RDI, RDX, RIP, RSI, RSP } from '../platform.ts';
import type { Task } from '../task/task.ts';
import type { SignalAction } from '../task/thread-group.ts';
import { floatingPointFromUser, floatingPointToUser, FXSAVE_SIZE } from './floating-point.ts';
import { encodeSignalInfo, SIGINFO_SIZE } from './siginfo.ts';
import type { SignalInfo, SignalSet } from './signal-set.ts';

const USER_CODE = { amd64: 0x33, i386: 0x23 } as const;
const USER_DATA = 0x2b;
const RED_ZONE = 128;
/** Bits of RFLAGS a handler's return may change. */
const CHANGEABLE_FLAGS = 0x24_0dd5;
const DIRECTION_TRAP_RESUME = 0x1_0500;

/** Registers in the order of struct sigcontext: amd64 r8 to rsp, then rip and the rest. */
const AMD64_ORDER = [8, 9, 10, 11, 12, 13, 14, 15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP] as const;
/** i386: gs fs es ds, then these. */
const I386_ORDER = [RDI, RSI, RBP, RSP, RBX, RDX, RCX, RAX] as const;

/** Where frames and floating-point images are put together and taken apart. */
const FRAME = new Uint8Array(1024);
const FRAME_VIEW = new DataView(FRAME.buffer);
const IMAGE = new Uint8Array(1024);

/** The first bytes of an area, all zero. */
function cleared(area: Uint8Array, size: number): Uint8Array {
  const bytes = area.subarray(0, size);
  bytes.fill(0);
  return bytes;
}

/** A frame of a program; FRAME_VIEW shows it. @throws BadAddress */
function readFrame(task: Task, address: number, size: number): DataView {
  readUserInto(task.memory!, address, FRAME.subarray(0, size));
  return FRAME_VIEW;
}

function takeFloatingPoint(task: Task, address: number): void {
  const image = IMAGE.subarray(0, FXSAVE_SIZE);
  readUserInto(task.memory!, address, image);
  floatingPointFromUser(task.context, image);
}

/** Where the handler's stack begins: the alternate one if asked for and not in use. */
function stackFor(task: Task, action: SignalAction): number {
  const { address, size, flags } = task.alternateStack;
  const pointer = task.context.reg(RSP);
  const isOn = size > 0 && pointer > address && pointer <= address + size;
  if (action.flags & SA_ONSTACK && !(flags & SS_DISABLE) && !isOn) return address + size;
  return task.context.abi === 'amd64' ? pointer - RED_ZONE : pointer;
}

/** Lets the task continue in the handler. @throws BadAddress when its stack has no room */
export function pushSignalFrame(task: Task, info: SignalInfo, action: SignalAction, mask: SignalSet): void {
  if (task.context.abi === 'amd64') pushAmd64(task, info, action, mask);
  else if (action.flags & SA_SIGINFO) pushRt386(task, info, action, mask);
  else push386(task, info, action, mask);
  task.context.rflags &= ~DIRECTION_TRAP_RESUME;
  task.context.setReg(RIP, action.handler);
}

const AMD64_UCONTEXT = 8;
const AMD64_MCONTEXT = AMD64_UCONTEXT + 40;
const AMD64_MASK = AMD64_MCONTEXT + 256;
const AMD64_INFO = AMD64_UCONTEXT + 304;

function pushAmd64(task: Task, info: SignalInfo, action: SignalAction, mask: SignalSet): void {
  const { context } = task;
  const fpu = Math.floor((stackFor(task, action) - FXSAVE_SIZE) / 64) * 64;
  const frame = Math.floor((fpu - AMD64_INFO - SIGINFO_SIZE) / 16) * 16 - 8;
  const bytes = cleared(FRAME, AMD64_INFO + SIGINFO_SIZE);
  const view = FRAME_VIEW;
  const big = (at: number, value: bigint | number) => view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  big(0, action.restorer);
  big(AMD64_UCONTEXT, 6); // uc_flags: sigcontext holds SS
  writeStack(view, AMD64_UCONTEXT + 16, task, 8);
  for (const [n, register] of AMD64_ORDER.entries()) big(AMD64_MCONTEXT + 8 * n, context.reg64(register));
  const rest = AMD64_MCONTEXT + 128;
  big(rest, context.rip);
  big(rest + 8, context.rflags);
  big(rest + 16, BigInt(USER_CODE.amd64) | (BigInt(USER_DATA) << 48n));
  big(rest + 24, task.fault.error);
  big(rest + 32, task.fault.vector);
  big(rest + 40, mask);
  big(rest + 48, task.fault.address);
  big(rest + 56, fpu);
  big(AMD64_MASK, mask);
  bytes.set(encodeSignalInfo(info, task), AMD64_INFO);
  writeUser(task.memory!, fpu, floatingPointToUser(context.floatingPoint, cleared(IMAGE, FXSAVE_SIZE)));
  writeUser(task.memory!, frame, bytes);
  context.setReg(RSP, frame);
  context.setReg(RDI, info.signal);
  context.setReg(RSI, frame + AMD64_INFO);
  context.setReg(RDX, frame + AMD64_UCONTEXT);
  context.setReg(RAX, 0);
}

function writeStack(view: DataView, at: number, task: Task, word: 4 | 8): void {
  const { address, size, flags } = task.alternateStack;
  const pointer = task.context.reg(RSP);
  const isOn = size > 0 && pointer > address && pointer <= address + size;
  const state = flags & SS_DISABLE ? SS_DISABLE : isOn ? SS_ONSTACK : 0;
  if (word === 8) {
    view.setBigUint64(at, BigInt(address), true);
    view.setUint32(at + 8, state, true);
    view.setBigUint64(at + 16, BigInt(size), true);
  } else {
    view.setUint32(at, address, true);
    view.setUint32(at + 4, state, true);
    view.setUint32(at + 8, size, true);
  }
}

const I386_CONTEXT_SIZE = 88;
/** FSAVE image, the status word again, and FXSAVE image: struct _fpstate. */
const I386_FPSTATE_SIZE = 112 + FXSAVE_SIZE;

function write386Context(view: DataView, at: number, task: Task, fpstate: number, mask: SignalSet): void {
  const { context, fault } = task;
  const { gs, fs, es, ds } = context.selectors;
  let place = at;
  const put = (word: number) => {
    view.setUint32(place, word, true);
    place += 4;
  };
  put(gs);
  put(fs);
  put(es);
  put(ds);
  for (const register of I386_ORDER) put(context.reg32(register));
  put(fault.vector);
  put(fault.error);
  put(context.reg32(RIP));
  put(USER_CODE.i386);
  put(context.rflags);
  put(context.reg32(RSP));
  put(USER_DATA);
  put(fpstate);
  put(Number(mask & 0xffff_ffffn));
  put(fault.address);
}

/** Where a handler of an i386 program returns to. */
function wayBack(task: Task, { flags, restorer }: SignalAction, inVdso: number): number {
  return flags & SA_RESTORER ? restorer : task.memory!.vdso + inVdso;
}

function push386(task: Task, info: SignalInfo, action: SignalAction, mask: SignalSet): void {
  const { context } = task;
  const fpstate = Math.floor((stackFor(task, action) - I386_FPSTATE_SIZE) / 16) * 16;
  // return address, signal, sigcontext, an old fpstate nobody uses, the mask's second word, and where the way back was once
  const size = 8 + I386_CONTEXT_SIZE + 4 + 8;
  const frame = Math.floor((fpstate - size + 4) / 16) * 16 - 4;
  const bytes = cleared(FRAME, size);
  const view = FRAME_VIEW;
  view.setUint32(0, wayBack(task, action, VDSO_SIGRETURN), true);
  view.setUint32(4, info.signal, true);
  write386Context(view, 8, task, fpstate, mask);
  view.setUint32(8 + I386_CONTEXT_SIZE, Number(mask >> 32n), true);
  finish386(task, frame, fpstate, bytes);
  context.setReg(RAX, info.signal);
  context.setReg(RDX, 0);
  context.setReg(RCX, 0);
}

const RT386_INFO = 16;
const RT386_UCONTEXT = RT386_INFO + SIGINFO_SIZE;
const RT386_MCONTEXT = RT386_UCONTEXT + 20;
const RT386_MASK = RT386_MCONTEXT + I386_CONTEXT_SIZE;
const RT386_CODE = RT386_MASK + 8;

function pushRt386(task: Task, info: SignalInfo, action: SignalAction, mask: SignalSet): void {
  const { context } = task;
  const fpstate = Math.floor((stackFor(task, action) - I386_FPSTATE_SIZE) / 16) * 16;
  const size = RT386_CODE + 8;
  const frame = Math.floor((fpstate - size + 4) / 16) * 16 - 4;
  const bytes = cleared(FRAME, size);
  const view = FRAME_VIEW;
  const head = [wayBack(task, action, VDSO_RT_SIGRETURN), info.signal, frame + RT386_INFO, frame + RT386_UCONTEXT];
  head.forEach((word, n) => {
    view.setUint32(4 * n, word, true);
  });
  bytes.set(encodeSignalInfo(info, task), RT386_INFO);
  writeStack(view, RT386_UCONTEXT + 8, task, 4);
  write386Context(view, RT386_MCONTEXT, task, fpstate, mask);
  view.setBigUint64(RT386_MASK, mask, true);
  finish386(task, frame, fpstate, bytes);
  context.setReg(RAX, info.signal);
  context.setReg(RDX, frame + RT386_INFO);
  context.setReg(RCX, frame + RT386_UCONTEXT);
}

function finish386(task: Task, frame: number, fpstate: number, bytes: Uint8Array): void {
  const { context } = task;
  const fpu = cleared(IMAGE, I386_FPSTATE_SIZE);
  floatingPointToUser(context.floatingPoint, fpu.subarray(112));
  writeUser(task.memory!, fpstate, fpu);
  writeUser(task.memory!, frame, bytes);
  context.setReg(RSP, frame);
  context.selectors = { ...context.selectors, ds: USER_DATA, es: USER_DATA };
}

function takeFlags(context: Context, flags: number): void {
  context.rflags = (context.rflags & ~CHANGEABLE_FLAGS) | (flags & CHANGEABLE_FLAGS);
}

/** rt_sigreturn of amd64: the mask that was saved is returned. @throws BadAddress */
export function returnAmd64(task: Task): SignalSet {
  const { context } = task;
  // the handler's RET has taken the restorer's address
  const frame = context.reg(RSP) - 8;
  const view = readFrame(task, frame, AMD64_INFO);
  AMD64_ORDER.forEach((register, n) => {
    context.setReg64(register, view.getBigUint64(AMD64_MCONTEXT + 8 * n, true));
  });
  const rest = AMD64_MCONTEXT + 128;
  context.rip = view.getBigUint64(rest, true);
  takeFlags(context, view.getUint32(rest + 8, true));
  const fpu = Number(view.getBigUint64(rest + 56, true));
  if (fpu !== 0) takeFloatingPoint(task, fpu);
  return view.getBigUint64(AMD64_MASK, true);
}

function read386Context(task: Task, view: DataView, at: number): void {
  const { context } = task;
  const selector = (n: number) => view.getUint32(at + 4 * n, true) & 0xffff;
  context.selectors = { gs: selector(0), fs: selector(1), es: selector(2), ds: selector(3) };
  I386_ORDER.forEach((register, n) => {
    context.setReg(register, view.getUint32(at + 16 + 4 * n, true));
  });
  context.setReg32(RIP, view.getUint32(at + 48 + 8, true));
  takeFlags(context, view.getUint32(at + 48 + 16, true));
  const fpstate = view.getUint32(at + 48 + 28, true);
  if (fpstate !== 0) takeFloatingPoint(task, fpstate + 112);
}

/** sigreturn of i386: RSP is behind the return address and the signal number. @throws BadAddress */
export function return386(task: Task): SignalSet {
  const frame = task.context.reg(RSP) - 8;
  const view = readFrame(task, frame, 8 + I386_CONTEXT_SIZE + 4);
  const low = view.getUint32(8 + 48 + 32, true);
  const high = view.getUint32(8 + I386_CONTEXT_SIZE, true);
  read386Context(task, view, 8);
  return BigInt(low) | (BigInt(high) << 32n);
}

/** rt_sigreturn of i386. @throws BadAddress */
export function returnRt386(task: Task): SignalSet {
  const frame = task.context.reg(RSP) - 4;
  const view = readFrame(task, frame, RT386_CODE);
  read386Context(task, view, RT386_MCONTEXT);
  return view.getBigUint64(RT386_MASK, true);
}
