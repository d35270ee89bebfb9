// System calls of Landlock: landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2).
import { O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { RulesetFile } from '../fs/anonymous/landlock-ruleset.ts';
import { ALL_ACCESS, FILE_ACCESS, restricted } from '../landlock/domain.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { full, type Implementations } from './table.ts';

/** The version of Linux 6.1: files, and moving them between directories. */
const ABI = 2;
const CREATE_RULESET_VERSION = 1;
const ATTRIBUTE_SIZE = 8;
const MOST_SIZE = 4096;
const RULE_PATH_BENEATH = 1;
const PATH_BENEATH_SIZE = 12;

function createRuleset(call: Call): number {
  const [address, size, flags] = [call.arg(0), call.arg(1), call.arg(2)];
  if (flags !== 0) return flags === CREATE_RULESET_VERSION && address === 0 && size === 0 ? ABI : fail('EINVAL');
  if (address === 0) fail('EFAULT');
  if (size < ATTRIBUTE_SIZE) fail('EINVAL');
  if (size > MOST_SIZE) fail('E2BIG');
  const view = call.view(address, size);
  for (let n = ATTRIBUTE_SIZE; n < size; n++) if (view.getUint8(n) !== 0) fail('E2BIG');
  const handled = view.getBigUint64(0, true);
  if (handled & ~BigInt(ALL_ACCESS)) fail('EINVAL');
  if (handled === 0n) fail('ENOMSG');
  const file = new RulesetFile(call.kernel.anonymous, O_RDWR, Number(handled), call.kernel.memory.store());
  return call.task.files.install(file, true, openFilesLimit(call));
}

function ruleset(call: Call): RulesetFile {
  const file = call.file(0);
  return file instanceof RulesetFile ? file : fail('EBADFD');
}

function addRule(call: Call): number {
  if (call.arg(3) !== 0) fail('EINVAL');
  const rules = ruleset(call);
  if (call.arg(1) !== RULE_PATH_BENEATH) fail('EINVAL');
  const view = call.view(call.arg(2), PATH_BENEATH_SIZE);
  const allowed = view.getBigUint64(0, true);
  if (allowed === 0n) fail('ENOMSG');
  if (allowed & ~BigInt(rules.handled)) fail('EINVAL');
  const { path } = call.task.files.any(view.getInt32(8, true));
  if (path === undefined || (path.mount.namespace === undefined && !path.mount.isDetached)) return fail('EBADFD');
  const rights = Number(allowed);
  if (!path.entry.inode.isDirectory && rights & ~FILE_ACCESS) fail('EINVAL');
  rules.allow(path.entry.inode, rights);
  return 0;
}

/** As a filter of seccomp(2), it is for those who cannot gain rights by a program. */
function restrictSelf(call: Call): number {
  const { credentials } = call.task;
  if (!credentials.noNewPrivileges && !hasCapability(credentials, CAP_SYS_ADMIN, credentials.user)) fail('EPERM');
  if (call.arg(1) !== 0) fail('EINVAL');
  const { handled, rules } = ruleset(call);
  call.task.credentials = { ...credentials, landlock: restricted(credentials.landlock, handled, rules) };
  return 0;
}

export const landlockCalls: Implementations = {
  landlock_create_ruleset: full(createRuleset),
  landlock_add_rule: full(addRule),
  landlock_restrict_self: full(restrictSelf),
};
