// adjtimex(2), clock_adjtime(2): programs steer CLOCK_REALTIME and read how it is steered.
import { fail } from '../error.ts';
import {
  type ClockDiscipline,
  MOST_CONSTANT,
  MOST_ERROR,
  MOST_FREQUENCY,
  STA_CLOCKERR,
  STA_NANO,
  STA_UNSYNC,
} from '../clock-discipline.ts';
import { CAP_SYS_TIME, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { CLOCK_REALTIME } from './clocks.ts';
import { type Implementations, partial } from './table.ts';
import { clockTime, type TimeFormat } from './time.ts';

const [ADJ_OFFSET, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS, ADJ_TIMECONST] = [
  1, 2, 4, 8, 16, 32,
] as const;
const [ADJ_TAI, ADJ_SETOFFSET, ADJ_MICRO, ADJ_NANO, ADJ_TICK] = [0x80, 0x100, 0x1000, 0x2000, 0x4000] as const;
/** adjtime(3): what is given is a correction, or with the other bit nothing, to be read only. */
const ADJ_ADJTIME = 0x8000;
const ADJ_OFFSET_READONLY = 0x2000;

/** The clock is not synchronized to another one. */
const TIME_ERROR = 5;
const PRECISION = 1;
const [LEAST_TICK, MOST_TICK] = [9000, 11_000];
const SECOND = 1_000_000_000n;
const MICROSECOND = 1000n;
/** What is added to a time constant that is not of nanoseconds. */
const CONSTANT_OF_MICROSECONDS = 4;

/** Words of struct timex. */
const FIELD = {
  modes: 0,
  offset: 1,
  frequency: 2,
  maxError: 3,
  estimatedError: 4,
  status: 5,
  constant: 6,
  precision: 7,
  tolerance: 8,
  seconds: 9,
  fraction: 10,
  tick: 11,
  tai: 20,
} as const;

/** A struct timex in memory. */
class Timex {
  readonly #view: DataView;
  readonly #word: 4 | 8;

  constructor(view: DataView, word: 4 | 8) {
    this.#view = view;
    this.#word = word;
  }

  get(field: keyof typeof FIELD): bigint {
    const at = FIELD[field] * this.#word;
    const isInt = this.#word === 4 || field === 'modes' || field === 'status' || field === 'tai';
    return isInt ? BigInt(this.#view.getInt32(at, true)) : this.#view.getBigInt64(at, true);
  }

  set(field: keyof typeof FIELD, value: bigint | number): void {
    const at = FIELD[field] * this.#word;
    const isInt = this.#word === 4 || field === 'modes' || field === 'status' || field === 'tai';
    if (isInt) this.#view.setInt32(at, Number(BigInt.asIntN(32, BigInt(value))), true);
    else this.#view.setBigInt64(at, BigInt(value), true);
  }
}

const clamp = (value: bigint, least: number, most: number): number =>
  Number(value < BigInt(least) ? BigInt(least) : value > BigInt(most) ? BigInt(most) : value);

/** @throws SystemError EPERM, EINVAL */
function check(call: Call, modes: number, timex: Timex): void {
  const isPrivileged = hasCapability(call.task.credentials, CAP_SYS_TIME);
  const isReading = modes & ADJ_ADJTIME ? modes & ADJ_OFFSET_READONLY : modes === 0;
  if (!isReading && !isPrivileged) fail('EPERM');
  if (modes & ADJ_ADJTIME) return;
  if (modes & ADJ_TICK && (timex.get('tick') < LEAST_TICK || timex.get('tick') > MOST_TICK)) fail('EINVAL');
  if (!(modes & ADJ_SETOFFSET)) return;
  const most = modes & ADJ_NANO ? SECOND : SECOND / MICROSECOND;
  if (timex.get('fraction') < 0n || timex.get('fraction') >= most) fail('EINVAL');
}

/** Sets what the modes name, in the order in which Linux does. */
function change(call: Call, discipline: ClockDiscipline, modes: number, timex: Timex): void {
  const now = call.kernel.monotonic;
  if (modes & ADJ_SETOFFSET) {
    const unit = modes & ADJ_NANO ? 1n : MICROSECOND;
    call.kernel.epoch += timex.get('seconds') * SECOND + timex.get('fraction') * unit;
  }
  if (modes & ADJ_STATUS) discipline.setStatus(Number(timex.get('status')));
  if (modes & ADJ_NANO) discipline.status |= STA_NANO;
  if (modes & ADJ_MICRO) discipline.status &= ~STA_NANO;
  const isNano = (discipline.status & STA_NANO) !== 0;
  if (modes & ADJ_FREQUENCY)
    discipline.setRate(now, { frequency: clamp(timex.get('frequency'), -MOST_FREQUENCY, MOST_FREQUENCY) });
  if (modes & ADJ_MAXERROR) discipline.maxError = clamp(timex.get('maxError'), 0, MOST_ERROR);
  if (modes & ADJ_ESTERROR) discipline.estimatedError = clamp(timex.get('estimatedError'), 0, MOST_ERROR);
  if (modes & ADJ_TIMECONST) {
    const wanted = clamp(timex.get('constant'), 0, MOST_CONSTANT);
    discipline.constant = Math.min(wanted + (isNano ? 0 : CONSTANT_OF_MICROSECONDS), MOST_CONSTANT);
  }
  if (modes & ADJ_TAI && timex.get('constant') > 0n) discipline.tai = Number(timex.get('constant'));
  if (modes & ADJ_OFFSET) discipline.setPhase(now, timex.get('offset') * (isNano ? 1n : MICROSECOND));
  if (modes & ADJ_TICK) discipline.setRate(now, { tick: Number(timex.get('tick')) });
}

function adjust(call: Call, clock: number, address: number, format: TimeFormat): number {
  const word = format === 'wide' ? 8 : call.wordSize;
  const bytes = call.read(address, word === 8 ? 208 : 128).slice();
  const timex = new Timex(new DataView(bytes.buffer), word);
  const modes = Number(timex.get('modes')) >>> 0;
  clockTime(call, clock);
  if (clock !== CLOCK_REALTIME) fail('EOPNOTSUPP');
  check(call, modes, timex);
  const { discipline } = call.kernel;
  const now = call.kernel.monotonic;
  if (modes & ADJ_ADJTIME) {
    const before = discipline.adjustmentLeft(now) / MICROSECOND;
    if (!(modes & ADJ_OFFSET_READONLY)) discipline.adjust(now, timex.get('offset') * MICROSECOND);
    timex.set('offset', before);
  } else {
    change(call, discipline, modes, timex);
    timex.set('offset', discipline.phaseLeft(now) / (discipline.status & STA_NANO ? 1n : MICROSECOND));
  }
  tell(call, discipline, timex);
  call.write(address, bytes);
  return discipline.status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : 0;
}

function tell(call: Call, discipline: ClockDiscipline, timex: Timex): void {
  const time = call.kernel.realtime;
  timex.set('frequency', discipline.frequency);
  timex.set('maxError', discipline.maxError);
  timex.set('estimatedError', discipline.estimatedError);
  timex.set('status', discipline.status);
  timex.set('constant', discipline.constant);
  timex.set('precision', PRECISION);
  timex.set('tolerance', MOST_FREQUENCY);
  timex.set('seconds', time / SECOND);
  timex.set('fraction', (time % SECOND) / (discipline.status & STA_NANO ? 1n : MICROSECOND));
  timex.set('tick', discipline.tick);
  timex.set('tai', discipline.tai);
}

const note = 'CLOCK_REALTIME alone is steered, at 500 millionths; no leap seconds, no errors that grow';

export const adjustmentCalls: Implementations = {
  adjtimex: partial(note, (call) => adjust(call, CLOCK_REALTIME, call.arg(0), 'native')),
  clock_adjtime: partial(note, (call) => adjust(call, call.arg(0), call.arg(1), 'native')),
  clock_adjtime64: partial(note, (call) => adjust(call, call.arg(0), call.arg(1), 'wide')),
};
