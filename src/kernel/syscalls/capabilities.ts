// Capabilities as programs read and set them: capget(2), capset(2), and the operations of prctl(2) on the bounding set, the
// ambient set and securebits (capabilities(7)).
import { fail } from '../error.ts';
import {
  ALL_SECUREBIT_LOCKS,
  ALL_SECUREBITS,
  commitCredentials,
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_CAP_AMBIENT_RAISE,
} from '../task/credentials.ts';
import { ALL_CAPABILITIES, CAP_COUNT, CAP_SETPCAP, type Credentials, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';

const VERSION_1 = 0x1998_0330;
const VERSION_2 = 0x2007_1026;
const VERSION_3 = 0x2008_0522;

/** Words of a capability set the header's version has; the preferred version is written back for an unknown one. */
function setWords(call: Call): number | undefined {
  const version = call.readWord(call.arg(0), 4);
  if (version === VERSION_1) return 1;
  if (version === VERSION_2 || version === VERSION_3) return 2;
  call.writeWord(call.arg(0), VERSION_3, 4);
  return undefined;
}

function capget(call: Call): number {
  const words = setWords(call);
  if (words === undefined) return call.arg(1) === 0 ? 0 : fail('EINVAL');
  const pid = call.readWord(call.arg(0) + 4, 4) | 0;
  if (pid < 0) fail('EINVAL');
  const task = pid === 0 ? call.task : (call.pids.tasks.get(pid) ?? fail('ESRCH'));
  if (call.arg(1) === 0) return 0;
  const { effective, permitted, inheritable } = task.credentials;
  for (let n = 0; n < words; n++) {
    [effective, permitted, inheritable].forEach((set, m) => {
      call.writeWord(call.arg(1) + 12 * n + 4 * m, (set >> BigInt(32 * n)) & 0xffff_ffffn, 4);
    });
  }
  return 0;
}

function capset(call: Call): number {
  const words = setWords(call) ?? fail('EINVAL');
  const pid = call.readWord(call.arg(0) + 4, 4) | 0;
  if (pid !== 0 && pid !== call.task.tid) fail('EPERM');
  const set = (m: number) => {
    let bits = 0n;
    for (let n = 0; n < words; n++) bits |= BigInt(call.readWord(call.arg(1) + 12 * n + 4 * m, 4)) << BigInt(32 * n);
    return bits & ALL_CAPABILITIES;
  };
  const [effective, permitted, inheritable] = [set(0), set(1), set(2)];
  const old = call.task.credentials;
  const maySetOwn = hasCapability(old, CAP_SETPCAP, old.user);
  if (!maySetOwn && inheritable & ~(old.inheritable | old.permitted)) fail('EPERM');
  if (inheritable & ~(old.inheritable | old.bounding)) fail('EPERM');
  if (permitted & ~old.permitted || effective & ~permitted) fail('EPERM');
  const ambient = old.ambient & permitted & inheritable;
  commitCredentials(call.task, { ...old, effective, permitted, inheritable, ambient });
  return 0;
}

const bit = (capability: number) => 1n << BigInt(capability);

function checkCapability(capability: number): void {
  if (capability >= CAP_COUNT) fail('EINVAL');
}

/** PR_CAPBSET_READ. */
export function readBounding({ bounding }: Credentials, capability: number): number {
  checkCapability(capability);
  return bounding & bit(capability) ? 1 : 0;
}

/** PR_CAPBSET_DROP. */
export function dropBounding(call: Call, capability: number): number {
  const old = call.task.credentials;
  if (!hasCapability(old, CAP_SETPCAP, old.user)) fail('EPERM');
  checkCapability(capability);
  commitCredentials(call.task, { ...old, bounding: old.bounding & ~bit(capability) });
  return 0;
}

const AMBIENT_IS_SET = 1;
const AMBIENT_RAISE = 2;
const AMBIENT_LOWER = 3;
const AMBIENT_CLEAR_ALL = 4;

/** PR_CAP_AMBIENT. */
export function changeAmbient(call: Call): number {
  const [operation, capability] = [call.arg(1), call.arg(2)];
  const old = call.task.credentials;
  if (call.arg(3) !== 0 || call.arg(4) !== 0) fail('EINVAL');
  if (operation === AMBIENT_CLEAR_ALL) {
    if (capability !== 0) fail('EINVAL');
    commitCredentials(call.task, { ...old, ambient: 0n });
    return 0;
  }
  checkCapability(capability);
  const set = bit(capability);
  switch (operation) {
    case AMBIENT_IS_SET:
      return old.ambient & set ? 1 : 0;
    case AMBIENT_RAISE:
      if (!(old.permitted & old.inheritable & set) || old.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) fail('EPERM');
      commitCredentials(call.task, { ...old, ambient: old.ambient | set });
      return 0;
    case AMBIENT_LOWER:
      commitCredentials(call.task, { ...old, ambient: old.ambient & ~set });
      return 0;
    default:
      return fail('EINVAL');
  }
}

/** PR_SET_SECUREBITS: what is locked stays. */
export function setSecurebits(call: Call, wanted: number): number {
  const old = call.task.credentials;
  const { securebits } = old;
  const changesLocked = ((securebits & ALL_SECUREBIT_LOCKS) >> 1) & (securebits ^ wanted);
  const unlocks = securebits & ALL_SECUREBIT_LOCKS & ~wanted;
  if (changesLocked || unlocks || wanted & ~(ALL_SECUREBITS | ALL_SECUREBIT_LOCKS)) fail('EPERM');
  if (!hasCapability(old, CAP_SETPCAP, old.user)) fail('EPERM');
  commitCredentials(call.task, { ...old, securebits: wanted });
  return 0;
}

/** PR_SET_KEEPCAPS. */
export function setKeepCapabilities(call: Call, wanted: number): number {
  const old = call.task.credentials;
  if (wanted > 1) fail('EINVAL');
  if (old.securebits & SECBIT_KEEP_CAPS_LOCKED) fail('EPERM');
  const securebits = wanted ? old.securebits | SECBIT_KEEP_CAPS : old.securebits & ~SECBIT_KEEP_CAPS;
  commitCredentials(call.task, { ...old, securebits });
  return 0;
}

export const capabilityCalls: Implementations = {
  capget: full(capget),
  capset: full(capset),
};
