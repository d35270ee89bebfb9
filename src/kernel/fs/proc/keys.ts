// /proc/keys and /proc/key-users: what there is of keys, as far as the reader may see it (keyrings(7) "/proc files").
import type { Kernel } from '../../kernel.ts';
import { type Key, KEY_VIEW, permits } from '../../keys/key.ts';
import { possesses } from '../../keys/lookup.ts';
import type { Task } from '../../task/task.ts';

const SECOND = 1_000_000_000n;
/** Units of the time a key has left, each with the seconds from which on the next one is used. */
const UNITS: readonly (readonly [unit: string, seconds: number, below: number])[] = [
  ['s', 1, 60],
  ['m', 60, 3600],
  ['h', 3600, 86400],
  ['d', 86400, 604800],
  ['w', 604800, Number.POSITIVE_INFINITY],
];

function timeLeft({ expires }: Key, now: bigint): string {
  if (expires === undefined) return 'perm';
  if (now >= expires) return 'expd';
  const seconds = Number((expires - now) / SECOND);
  const [unit, length] = UNITS.find(([, , below]) => seconds < below)!;
  return `${Math.floor(seconds / length)}${unit}`;
}

function contents(key: Key): string {
  const name = key.description === '' ? '[anon]' : key.description;
  if (key.isKeyring) return `${name}: ${key.links.size === 0 ? 'empty' : key.links.size}`;
  return `${name}: ${key.payload.length}${key.type === 'big_key' ? ' [buff]' : ''}`;
}

/** A line for each key the reader may view. */
export function keysText(kernel: Kernel, reader: Task): string {
  const { keys } = kernel;
  keys.sweep();
  const { credentials } = reader;
  const { user } = credentials;
  const references = keys.references();
  const line = (key: Key): string => {
    const { isRevoked, isCounted, isInvalid, serial, permissions, uid, gid, type } = key;
    const flags = `I${isRevoked ? 'R' : '-'}-${isCounted ? 'Q' : '-'}--${isInvalid ? 'i' : '-'}`;
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    const id = (kind: 'uid' | 'gid', value: number) => String(user.shown(kind, value)).padStart(5);
    const counts = `${String(references.get(key) ?? 0).padStart(5)} ${timeLeft(key, keys.now).padStart(4)}`;
    const who = `${hex(permissions)} ${id('uid', uid)} ${id('gid', gid)}`;
    return `${hex(serial)} ${flags} ${counts} ${who} ${type.padEnd(9)} ${contents(key)}\n`;
  };
  return keys.all
    .filter((key) => user.has('uid', key.uid))
    .filter((key) => permits(credentials, { key, isPossessed: possesses(kernel, reader, key) }, KEY_VIEW))
    .map(line)
    .join('');
}

/** A line for each user with keys. */
export function keyUsersText(kernel: Kernel, { credentials: { user } }: Task): string {
  const { keys } = kernel;
  keys.sweep();
  const uids = [...new Set(keys.all.map(({ uid }) => uid))].filter((uid) => user.has('uid', uid)).sort((a, b) => a - b);
  return uids
    .map((uid) => {
      const { keys: count, countedKeys, bytes } = keys.use(uid);
      const most = keys.mostOf(uid);
      const limits = `${countedKeys}/${most.keys} ${bytes}/${most.bytes}`;
      return `${String(user.shown('uid', uid)).padStart(5)}: ${String(count + 1).padStart(5)} ${count}/${count} ${limits}\n`;
    })
    .join('');
}
