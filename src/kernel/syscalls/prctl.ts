// prctl(2): attributes of the calling task.
import { fail } from '../error.ts';
import { SECBIT_KEEP_CAPS } from '../task/credentials.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../vfs/permission.ts';
import { changeAmbient, dropBounding, readBounding, setKeepCapabilities, setSecurebits } from './capabilities.ts';
import type { Call } from './call.ts';
import { setSeccompMode } from './seccomp.ts';
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

const DEFAULT_MCE_KILL = 2;
const TSC_ENABLED = 1;

/** The processor's time-stamp counter is always there for programs. */
function setTsc(call: Call): number {
  return call.arg(1) === TSC_ENABLED ? 0 : fail('EINVAL');
}

function setTimerSlack(call: Call): number {
  const { task } = call;
  task.timerSlack = call.arg(1) === 0 ? task.defaultTimerSlack : call.arg(1);
  return 0;
}

function machineChecks(call: Call, from: number): number {
  checkRestZero(call, from);
  return DEFAULT_MCE_KILL;
}

/** Transparent huge pages: there are none to switch off. */
function hugePages(call: Call, value: number): number {
  checkRestZero(call, value === 0 ? 1 : 2);
  return 0;
}

function changeMemoryMap(call: Call): number {
  if (call.arg(4) !== 0) fail('EINVAL');
  if (!hasCapability(call.task.credentials, CAP_SYS_RESOURCE)) fail('EPERM');
  return fail('EINVAL');
}

function tidAddress(call: Call): number {
  call.writeWord(call.arg(1), call.task.clearTid);
  return 0;
}

/** Operations by number (<linux/prctl.h>). */
const OPERATIONS: Readonly<Record<number, (call: Call) => number>> = {
  1: setParentDeathSignal,
  2: (call) => put(call, call.task.parentDeathSignal),
  3: (call) => call.memory.dumpable,
  4: setDumpable,
  7: (call) => (call.task.credentials.securebits & SECBIT_KEEP_CAPS ? 1 : 0),
  8: (call) => setKeepCapabilities(call, call.arg(1)),
  13: () => 0,
  14: (call) => (call.arg(1) === 0 ? 0 : fail('EINVAL')),
  15: setName,
  16: getName,
  21: (call) => call.task.seccomp.mode,
  22: setSeccompMode,
  23: (call) => readBounding(call.task.credentials, call.arg(1)),
  24: (call) => dropBounding(call, call.arg(1)),
  25: (call) => put(call, TSC_ENABLED),
  26: setTsc,
  27: (call) => call.task.credentials.securebits,
  28: (call) => setSecurebits(call, call.arg(1)),
  29: setTimerSlack,
  30: (call) => call.task.timerSlack,
  34: (call) => machineChecks(call, 1),
  35: changeMemoryMap,
  36: setSubreaper,
  37: (call) => put(call, call.task.group.isSubreaper ? 1 : 0),
  38: setNoNewPrivileges,
  39: getNoNewPrivileges,
  40: tidAddress,
  41: (call) => hugePages(call, 1),
  42: (call) => hugePages(call, 0),
  47: changeAmbient,
};

export const prctlCalls: Implementations = {
  prctl: partial('operations this kernel has no use for fail with EINVAL', (call) =>
    (OPERATIONS[call.arg(0)] ?? (() => fail('EINVAL')))(call),
  ),
};
