// Calls about the nodes of memory: there is one (set_mempolicy(2), mbind(2), move_pages(2), migrate_pages(2), numa(7)).
import { fail } from '../error.ts';
import { NO_POLICY } from '../mm/memory-area.ts';
import { PAGE_SIZE } from '../platform.ts';
import { mayInspect } from '../task/inspection.ts';
import type { Call } from './call.ts';
import { isMapped } from './memory-lock.ts';
import { full, type Implementations } from './table.ts';

const MPOL_DEFAULT = 0;
const MPOL_BIND = 2;
const MPOL_LOCAL = 4;
const MPOL_PREFERRED_MANY = 5;
const MODES = 7;
const MODE_FLAGS = 0xe000;
const MPOL_F_NODE = 1;
const MPOL_F_ADDR = 2;
const MPOL_F_MEMS_ALLOWED = 4;
const MPOL_MF_KNOWN = 7;
const LONG_BITS = 64;

/** Bits of a node mask. @throws SystemError EINVAL for nodes there are not */
function nodes(call: Call, address: number, most: number): bigint {
  if (address === 0 || most <= 1) return 0n;
  if (most > PAGE_SIZE * 8) fail('EINVAL');
  let mask = 0n;
  const words = Math.ceil((most - 1) / LONG_BITS);
  const view = call.view(address, words * 8);
  for (let n = 0; n < words; n++) mask |= view.getBigUint64(8 * n, true) << BigInt(LONG_BITS * n);
  mask &= (1n << BigInt(most - 1)) - 1n;
  return mask & ~1n ? fail('EINVAL') : mask;
}

/** Mode and mask go together. */
function checkPolicy(mode: number, mask: bigint): void {
  const plain = mode & ~MODE_FLAGS;
  if (plain >= MODES) fail('EINVAL');
  const takesNone = plain === MPOL_DEFAULT || plain === MPOL_LOCAL;
  // MPOL_PREFERRED (1) without nodes means the local one
  if (takesNone ? mask !== 0n || (mode & MODE_FLAGS) !== 0 : plain !== 1 && mask === 0n) fail('EINVAL');
}

function setPolicy(call: Call): number {
  const mode = call.arg(0);
  const asked = nodes(call, call.arg(1), call.arg(2));
  checkPolicy(mode, asked);
  call.task.memoryPolicy = { mode, nodes: asked };
  return 0;
}

function getPolicy(call: Call): number {
  const [modeAddress, maskAddress, most, address, flags] = [0, 1, 2, 3, 4].map((n) => call.arg(n)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (flags & ~7 || (maskAddress !== 0 && most < 1)) fail('EINVAL');
  if (flags & MPOL_F_MEMS_ALLOWED && flags & (MPOL_F_NODE | MPOL_F_ADDR)) fail('EINVAL');
  if (!(flags & MPOL_F_ADDR) && address !== 0) fail('EINVAL');
  if (flags & MPOL_F_ADDR && call.memory.areaAt(address) === undefined) fail('EFAULT');
  const { mode, nodes: asked } =
    flags & (MPOL_F_NODE | MPOL_F_MEMS_ALLOWED)
      ? NO_POLICY
      : flags & MPOL_F_ADDR
        ? (call.memory.areaAt(address)!.policy ?? NO_POLICY)
        : call.task.memoryPolicy;
  if (modeAddress !== 0) call.writeWord(modeAddress, mode, 4);
  if (maskAddress !== 0) {
    const size = Math.ceil((most - 1) / LONG_BITS) * 8;
    if (size > PAGE_SIZE) fail('EINVAL');
    const bytes = new Uint8Array(size);
    if (flags & MPOL_F_MEMS_ALLOWED || asked !== 0n) bytes[0] = 1;
    call.write(maskAddress, bytes);
  }
  return 0;
}

function bind(call: Call): number {
  const [address, length, mode, flags] = [call.arg(0), call.arg(1), call.arg(2), call.arg(5)];
  if (flags & ~MPOL_MF_KNOWN || mode >= MODES || address % PAGE_SIZE !== 0) fail('EINVAL');
  const asked = nodes(call, call.arg(3), call.arg(4));
  checkPolicy(mode, asked);
  const end = Math.ceil((address + length) / PAGE_SIZE) * PAGE_SIZE;
  if (!isMapped(call.memory, address, end)) fail('EFAULT');
  const policy = mode === MPOL_DEFAULT ? undefined : { mode, nodes: asked };
  call.memory.change(address, end, (part) => ({ ...part, policy }));
  return 0;
}

/** The node that is the first choice of those a policy allows: there is one. */
function setHomeNode(call: Call): number {
  const [start, length, node, flags] = [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];
  if (flags !== 0 || start % PAGE_SIZE !== 0 || node !== 0) fail('EINVAL');
  const areas = call.memory.areasIn(start, start + length).filter(({ policy }) => policy !== undefined);
  if (length === 0) return 0;
  if (areas.length === 0) fail('ENOENT');
  const takes = (mode: number) => [MPOL_BIND, MPOL_PREFERRED_MANY].includes(mode & ~MODE_FLAGS);
  return areas.every(({ policy }) => takes(policy!.mode)) ? 0 : fail('EOPNOTSUPP');
}

const ENOENT = -2;

/** Tells the node of each page, which is 0, or why there is none. */
function movePages(call: Call): number {
  const [pid, count, pages, wanted, status, flags] = [0, 1, 2, 3, 4, 5].map((n) => call.arg(n)) as number[];
  if (flags! & ~6) fail('EINVAL');
  const task = pid === 0 ? call.task : (call.pids.tasks.get(pid!) ?? fail('ESRCH'));
  if (!mayInspect(call.task, task, 'real-ids')) fail('EPERM');
  const { memory } = task;
  if (memory === undefined) return fail('EINVAL');
  for (let n = 0; n < count!; n++) {
    const page = call.readWord(pages! + n * call.wordSize);
    const isMapped = memory.areaAt(page) !== undefined;
    const isThere = isMapped && memory.table.lookup(page - (page % PAGE_SIZE)) !== undefined;
    const isNode = wanted === 0 || call.readWord(wanted! + 4 * n, 4) === 0;
    if (!isNode) fail('ENODEV');
    call.writeWord(status! + 4 * n, isThere ? 0 : isMapped ? ENOENT : -14, 4);
  }
  return 0;
}

function migratePages(call: Call): number {
  const pid = call.arg(0);
  nodes(call, call.arg(2), call.arg(1));
  nodes(call, call.arg(3), call.arg(1));
  const task = pid === 0 ? call.task : (call.pids.tasks.get(pid) ?? fail('ESRCH'));
  return mayInspect(call.task, task, 'real-ids') ? 0 : fail('EPERM');
}

export const memoryPolicyCalls: Implementations = {
  set_mempolicy: full(setPolicy),
  get_mempolicy: full(getPolicy),
  mbind: full(bind),
  move_pages: full(movePages),
  migrate_pages: full(migratePages),
  set_mempolicy_home_node: full(setHomeNode),
};
