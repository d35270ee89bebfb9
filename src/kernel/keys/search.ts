// How keys are found: in a keyring and those linked to it, and in the keyrings of a task (keyrings(7) "Searching for keys").
import type { ErrnoName } from '../../abi/errno.ts';
import { fail } from '../error.ts';
import type { Credentials } from '../vfs/permission.ts';
import { type Key, KEY_SEARCH, type KeyReference, type KeyType, permits } from './key.ts';

/** Keyrings in keyrings that are looked into. */
const DEEPEST = 6;

/** What is looked for. */
export interface Wanted {
  readonly matches: (key: Key) => boolean;
  /** Keys of other types are passed over in silence. */
  readonly type?: KeyType;
  /** What is past its time is not found; undefined: it is. */
  readonly now?: bigint;
}

/** A key, or why there is none: EAGAIN when nothing was there. */
export type Found = Key | ErrnoName;

/** Why a key cannot be used; undefined when it can. */
export function trouble({ isInvalid, isRevoked, expires }: Key, now: bigint): ErrnoName | undefined {
  if (isInvalid) return 'ENOKEY';
  if (isRevoked) return 'EKEYREVOKED';
  return expires !== undefined && now >= expires ? 'EKEYEXPIRED' : undefined;
}

/** Looks through a keyring and those below it that may be searched. */
export function searchKeyring(top: KeyReference, credentials: Credentials, wanted: Wanted): Found {
  if (!top.key.isKeyring) return 'ENOTDIR';
  if (!permits(credentials, top, KEY_SEARCH)) return 'EACCES';
  let result: ErrnoName = 'EAGAIN';
  const { isPossessed } = top;

  /** Is this the one? What speaks against it is remembered. */
  const isIt = (key: Key): boolean => {
    if (wanted.type !== undefined && key.type !== wanted.type) return false;
    if (!wanted.matches(key)) return false;
    const why = wanted.now === undefined ? undefined : trouble(key, wanted.now);
    if (why !== undefined) result = why === 'ENOKEY' ? 'EKEYREVOKED' : why;
    if (why !== undefined) return false;
    if (permits(credentials, { key, isPossessed }, KEY_SEARCH)) return true;
    result = 'EACCES';
    return false;
  };

  const below = (keyring: Key, depth: number): Key | undefined => {
    if (keyring.isRevoked || keyring.isInvalid) return undefined;
    const keys = [...keyring.links.values()];
    const found = keys.find(isIt);
    if (found !== undefined || depth === DEEPEST) return found;
    for (const key of keys) {
      if (!key.isKeyring || !permits(credentials, { key, isPossessed }, KEY_SEARCH)) continue;
      const deeper = below(key, depth + 1);
      if (deeper !== undefined) return deeper;
    }
    return undefined;
  };
  return (isIt(top.key) ? top.key : below(top.key, 0)) ?? result;
}

/** Looks through several keyrings that somebody possesses; where one has nothing at all, what others say against keys does not count. */
export function searchAll(keyrings: readonly Key[], credentials: Credentials, wanted: Wanted): Found {
  const reasons: ErrnoName[] = [];
  for (const key of keyrings) {
    const found = searchKeyring({ key, isPossessed: true }, credentials, wanted);
    if (typeof found !== 'string') return found;
    reasons.push(found);
  }
  return reasons.includes('EAGAIN') ? 'EAGAIN' : (reasons.at(-1) ?? 'EAGAIN');
}

/** A keyring may not lead back to itself, nor too deep. @throws SystemError EDEADLK, ELOOP */
export function checkNoCircle(keyring: Key, linked: Key): void {
  const visit = (key: Key, depth: number): void => {
    if (key === keyring) fail('EDEADLK');
    if (depth > DEEPEST) fail('ELOOP');
    for (const below of key.links.values()) if (below.isKeyring) visit(below, depth + 1);
  };
  visit(linked, 0);
}
