// adjtimex(2), clock_adjtime(2): the clock is exact, so that there is nothing to adjust; what it is set to can be read.
import { fail } from '../error.ts';
import { CAP_SYS_TIME, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { CLOCK_REALTIME } from './clocks.ts';
import { type Implementations, partial } from './table.ts';
import { clockTime, type TimeFormat } from './time.ts';

/** The clock is not synchronized to another one: return value and status bit. */
const TIME_ERROR = 5;
const STA_UNSYNC = 0x40;
const MAX_ERROR = 16_000_000;
const CONSTANT = 2;
const PRECISION = 1;
const TOLERANCE = 32_768_000;
const TICK = 10_000;
const SECOND = 1_000_000_000n;

function adjust(call: Call, clock: number, address: number, format: TimeFormat): number {
  const modes = call.readWord(address, 4);
  const time = clockTime(call, clock);
  if (clock !== CLOCK_REALTIME) fail('EOPNOTSUPP');
  if (modes !== 0) return hasCapability(call.task.credentials, CAP_SYS_TIME) ? fail('EINVAL') : fail('EPERM');
  const word = format === 'wide' ? 8 : call.wordSize;
  // modes, offset, freq, maxerror, esterror, status, constant, precision, tolerance, seconds, microseconds, tick
  const fields = [0, 0, 0, MAX_ERROR, MAX_ERROR, STA_UNSYNC, CONSTANT, PRECISION, TOLERANCE];
  const times = [Number(time / SECOND), Number((time % SECOND) / 1000n), TICK];
  const bytes = new Uint8Array(word === 8 ? 208 : 128);
  const view = new DataView(bytes.buffer);
  for (const [n, value] of [...fields, ...times].entries()) view.setUint32(n * word, value, true);
  call.write(address, bytes);
  return TIME_ERROR;
}

const note = 'the clock is exact: it can be read, not adjusted';

export const adjustmentCalls: Implementations = {
  adjtimex: partial(note, (call) => adjust(call, CLOCK_REALTIME, call.arg(0), 'native')),
  clock_adjtime: partial(note, (call) => adjust(call, call.arg(0), call.arg(1), 'native')),
  clock_adjtime64: partial(note, (call) => adjust(call, call.arg(0), call.arg(1), 'wide')),
};
