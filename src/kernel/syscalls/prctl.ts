// prctl(2): attributes of the calling task.
import { fail } from '../error.ts';
import { SECBIT_KEEP_CAPS } from '../task/credentials.ts';
import { changeAmbient, dropBounding, readBounding, setKeepCapabilities, setSecurebits } from './capabilities.ts';
import type { Call } from './call.ts';
import { encodeText } from './text.ts';
import { type Implementations, partial } from './table.ts';

const NAME_SIZE = 16;
const MOST_SIGNALS = 64;

function setName(call: Call): number {
  call.task.name = call.string(call.arg(1), 4096, 'EINVAL').slice(0, NAME_SIZE - 1);
  return 0;
}

function getName(call: Call): number {
  const bytes = new Uint8Array(NAME_SIZE);
  bytes.set(encodeText(call.task.name).subarray(0, NAME_SIZE - 1));
  call.write(call.arg(1), bytes);
  return 0;
}

/** Writes a number where argument 1 points to. */
function put(call: Call, value: number): number {
  call.writeWord(call.arg(1), value, 4);
  return 0;
}

function setParentDeathSignal(call: Call): number {
  const signal = call.arg(1);
  if (signal > MOST_SIGNALS) fail('EINVAL');
  call.task.parentDeathSignal = signal;
  return 0;
}

function setDumpable(call: Call): number {
  const value = call.arg(1);
  if (value > 1) fail('EINVAL');
  call.memory.dumpable = value;
  return 0;
}

function setSubreaper(call: Call): number {
  call.task.group.isSubreaper = call.arg(1) !== 0;
  return 0;
}

function checkRestZero(call: Call, from: number): void {
  for (let n = from; n < 5; n++) if (call.arg(n) !== 0) fail('EINVAL');
}

function setNoNewPrivileges(call: Call): number {
  if (call.arg(1) !== 1) fail('EINVAL');
  checkRestZero(call, 2);
  call.task.credentials = { ...call.task.credentials, noNewPrivileges: true };
  return 0;
}

function getNoNewPrivileges(call: Call): number {
  checkRestZero(call, 1);
  return call.task.credentials.noNewPrivileges ? 1 : 0;
}

/** Operations by number (<linux/prctl.h>). */
const OPERATIONS: Readonly<Record<number, (call: Call) => number>> = {
  1: setParentDeathSignal,
  2: (call) => put(call, call.task.parentDeathSignal),
  3: (call) => call.memory.dumpable,
  4: setDumpable,
  7: (call) => (call.task.credentials.securebits & SECBIT_KEEP_CAPS ? 1 : 0),
  8: (call) => setKeepCapabilities(call, call.arg(1)),
  15: setName,
  16: getName,
  23: (call) => readBounding(call.task.credentials, call.arg(1)),
  24: (call) => dropBounding(call, call.arg(1)),
  27: (call) => call.task.credentials.securebits,
  28: (call) => setSecurebits(call, call.arg(1)),
  36: setSubreaper,
  37: (call) => put(call, call.task.group.isSubreaper ? 1 : 0),
  38: setNoNewPrivileges,
  39: getNoNewPrivileges,
  47: changeAmbient,
};

export const prctlCalls: Implementations = {
  prctl: partial('operations this kernel has no use for fail with EINVAL', (call) =>
    (OPERATIONS[call.arg(0)] ?? (() => fail('EINVAL')))(call),
  ),
};
