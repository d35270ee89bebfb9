// Things of which each user may have so many (epoll(7), inotify(7), "/proc interfaces"; getrlimit(2) RLIMIT_MSGQUEUE).
import type { ErrnoName } from '../abi/errno.ts';
import { fail } from './error.ts';
import { levelsOf, type NamespaceUser, type UserLimitName } from './ns/user-limits.ts';

/** A limit: /proc/sys/fs/epoll/max_user_watches and the like. */
export interface UserLimit {
  readonly name: string;
  /** A number for all, or the limit of each user namespace on the way up. */
  readonly most: number | UserLimitName;
  /** Counts for the makers of user namespaces too, and is held against `most` there; limits of user namespaces always do. */
  readonly isNested?: boolean;
  /** What who is at the limit is told. */
  readonly errno: ErrnoName;
}

/** How much each user has. */
export class UserCounts {
  readonly #counts = new Map<string, number>();

  /** So many more. @throws SystemError */
  take(limit: UserLimit, who: NamespaceUser, amount = 1): void {
    const places = this.#places(limit, who);
    for (const { key, most } of places) if ((this.#counts.get(key) ?? 0) + amount > most) fail(limit.errno);
    for (const { key } of places) this.#counts.set(key, (this.#counts.get(key) ?? 0) + amount);
  }

  /** So many less. */
  give(limit: UserLimit, who: NamespaceUser, amount = 1): void {
    for (const { key } of this.#places(limit, who)) {
      const count = (this.#counts.get(key) ?? 0) - amount;
      if (count > 0) this.#counts.set(key, count);
      else this.#counts.delete(key);
    }
  }

  #places({ name, most, isNested = false }: UserLimit, who: NamespaceUser): { key: string; most: number }[] {
    if (typeof most === 'number' && !isNested) return [{ key: `${name}:${who.uid}`, most }];
    return Array.from(levelsOf(who), ({ user, uid }) => ({
      key: `${name}:${uid}@${user.number}`,
      most: typeof most === 'number' ? most : user.limits[most],
    }));
  }
}
