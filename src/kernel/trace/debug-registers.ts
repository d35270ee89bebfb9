// The debug registers of a traced task as its tracer sees them: hardware breakpoints by PTRACE_POKEUSER (ptrace(2);
// SDM Vol. 3 "Debug Registers").
import { fail } from '../error.ts';
import { type Context, DR6_SINGLE_STEP, USER_END } from '../platform.ts';

/** How many breakpoints there are. */
const BREAKPOINTS = 4;
const STATUS = 6;
const CONTROL = 7;
/** Bits of DR6 that read as ones. */
const STATUS_ONES = 0xffff_0ff0n;
/** RF: the instruction is run although a breakpoint is on it. */
const RESUME_FLAG = 0x1_0000;
const ON_EXECUTION = 0;
const ON_PORTS = 2;
/** Bytes by the length field of DR7. */
const LENGTHS = [1, 2, 8, 4] as const;

/** What a tracer has set; everything is 0 at first. */
export interface DebugRegisters {
  readonly addresses: bigint[];
  /** Breakpoints that have been given an address or were enabled: what is said of the others does not count. */
  readonly isMade: boolean[];
  /** As it was written. */
  control: bigint;
  /** What was met since the last debug exception. */
  status: number;
}

/** The part of a task that breakpoints concern. */
interface Debugged {
  debug: DebugRegisters | undefined;
  readonly context: Context;
}

const none = (): DebugRegisters => ({
  addresses: [0n, 0n, 0n, 0n],
  isMade: [false, false, false, false],
  control: 0n,
  status: 0,
});

const isEnabled = (control: bigint, n: number): boolean => (Number(control & 0xffn) >> (2 * n)) % 4 !== 0;
const kindOf = (control: bigint, n: number): number => Number((control >> BigInt(16 + 4 * n)) & 3n);
const lengthOf = (control: bigint, n: number): number => LENGTHS[Number((control >> BigInt(18 + 4 * n)) & 3n)]!;

/** @throws SystemError EINVAL for a breakpoint that there cannot be */
function checkBreakpoint(address: bigint, control: bigint, n: number): void {
  const [kind, length] = [kindOf(control, n), lengthOf(control, n)];
  if (kind === ON_PORTS || (kind === ON_EXECUTION && length !== 1)) fail('EINVAL');
  if (address >= BigInt(USER_END.amd64) || address % BigInt(length) !== 0n) fail('EINVAL');
}

/** The processor gets what is enabled. */
function load(task: Debugged, { addresses, control }: DebugRegisters): void {
  const numbers = addresses.map((_, n) => n);
  const enabled = numbers.filter((n) => isEnabled(control, n));
  const bits = enabled.reduce(
    (sum, n) => sum | (1 << (2 * n)) | (Number((control >> BigInt(16 + 4 * n)) & 15n) << (16 + 4 * n)),
    0,
  );
  task.context.breakpoints = enabled.length === 0 ? undefined : { addresses: [...addresses], control: bits >>> 0 };
}

/** DR0 to DR7. */
export function peekDebugRegister({ debug = none() }: Debugged, n: number): bigint {
  if (n < BREAKPOINTS) return debug.addresses[n]!;
  if (n === STATUS) return BigInt(debug.status) ^ STATUS_ONES;
  return n === CONTROL ? debug.control : 0n;
}

/** @throws SystemError EIO for registers that there are not, EINVAL for breakpoints that there cannot be */
export function pokeDebugRegister(task: Debugged, n: number, value: bigint): void {
  const debug = task.debug ?? none();
  if (n < BREAKPOINTS) {
    checkBreakpoint(value, debug.control, n);
    debug.addresses[n] = value;
    debug.isMade[n] = true;
  } else if (n === STATUS) debug.status = Number((value ^ STATUS_ONES) & 0xffff_ffffn);
  else if (n === CONTROL) setControl(debug, value);
  else fail('EIO');
  task.debug = debug;
  load(task, debug);
}

function setControl(debug: DebugRegisters, control: bigint): void {
  const concerned = debug.addresses.map((_, n) => debug.isMade[n]! || isEnabled(control, n));
  concerned.forEach((isConcerned, n) => {
    if (isConcerned) checkBreakpoint(debug.addresses[n]!, control, n);
  });
  concerned.forEach((isConcerned, n) => {
    debug.isMade[n] = isConcerned;
  });
  debug.control = control;
}

/** A debug exception of a task: its tracer finds in DR6 why, and a breakpoint on an instruction lets it pass next time. */
export function meetBreakpoints({ debug, context }: Debugged, status: number): void {
  if (debug === undefined) return;
  const met = [0, 1, 2, 3].filter((n) => status & (1 << n) && isEnabled(debug.control, n));
  debug.status = (status & DR6_SINGLE_STEP) | met.reduce((sum, n) => sum | (1 << n), 0);
  if (met.some((n) => kindOf(debug.control, n) === ON_EXECUTION)) context.rflags |= RESUME_FLAG;
}
