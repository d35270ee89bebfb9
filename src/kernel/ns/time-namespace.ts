// Clocks that began at other moments (time_namespaces(7)).
import { fail } from '../error.ts';
import { Namespace } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';

const SECOND = 1_000_000_000n;
/** Furthest a clock may be moved (KTIME_SEC_MAX / 2). */
const FURTHEST_SECONDS = 4_611_686_018n;

/** The clocks that have offsets, by the names and numbers of /proc/PID/timens_offsets. */
const CLOCKS = { monotonic: 1, boottime: 7 } as const;
type OffsetClock = keyof typeof CLOCKS;

/** Offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME in nanoseconds; they are fixed once a task is inside. */
export class TimeNamespace extends Namespace {
  readonly kind = 'time';
  readonly owner: UserNamespace;
  monotonic: bigint;
  boottime: bigint;
  /** A task was made in it. */
  isEntered = false;

  constructor(number: number, owner: UserNamespace, from?: TimeNamespace) {
    super(number);
    this.owner = owner;
    this.monotonic = from?.monotonic ?? 0n;
    this.boottime = from?.boottime ?? 0n;
  }

  /** Text of /proc/PID/timens_offsets. */
  get offsets(): string {
    return (['monotonic', 'boottime'] as const)
      .map((name) => {
        const seconds = floorDivide(this[name], SECOND);
        const rest = this[name] - seconds * SECOND;
        return `${name.padEnd(10)} ${String(seconds).padStart(10)} ${String(rest).padStart(9)}\n`;
      })
      .join('');
  }

  /** Lines of a clock's name or number, seconds and nanoseconds. @throws SystemError EINVAL, ERANGE, EACCES */
  setOffsets(text: string, now: bigint): void {
    const wanted = text
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => parseOffset(line, now));
    if (wanted.length > 2) fail('EINVAL');
    if (this.isEntered) fail('EACCES');
    for (const { clock, offset } of wanted) this[clock] = offset;
  }
}

function parseOffset(line: string, now: bigint): { clock: OffsetClock; offset: bigint } {
  const match = /^\s*(\w+)\s+(-?\d+)\s+(\d+)\s*$/.exec(line);
  if (match === null) return fail('EINVAL');
  const names = Object.keys(CLOCKS) as OffsetClock[];
  const clock = names.find((name) => name === match[1] || String(CLOCKS[name]) === match[1]) ?? fail('EINVAL');
  const [seconds, nanoseconds] = [BigInt(match[2]!), BigInt(match[3]!)];
  if (nanoseconds >= SECOND) fail('EINVAL');
  const offset = seconds * SECOND + nanoseconds;
  // a clock neither begins before zero nor overflows soon
  if (seconds > FURTHEST_SECONDS || seconds < -FURTHEST_SECONDS || now + offset < 0n) fail('ERANGE');
  return { clock, offset };
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
