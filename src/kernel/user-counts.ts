// Things of which each user may have so many (epoll(7), inotify(7), "/proc interfaces").
import type { ErrnoName } from '../abi/errno.ts';
import { fail } from './error.ts';

/** A limit: /proc/sys/fs/inotify/max_user_watches and the like. */
export interface UserLimit {
  readonly name: string;
  readonly most: number;
  /** What who is at the limit is told. */
  readonly errno: ErrnoName;
}

/** How many each user has. */
export class UserCounts {
  readonly #counts = new Map<string, number>();

  /** One more. @throws SystemError */
  take(limit: UserLimit, uid: number): void {
    const key = `${limit.name}:${uid}`;
    const count = this.#counts.get(key) ?? 0;
    if (count >= limit.most) fail(limit.errno);
    this.#counts.set(key, count + 1);
  }

  /** One less. */
  give(limit: UserLimit, uid: number): void {
    const key = `${limit.name}:${uid}`;
    const count = (this.#counts.get(key) ?? 1) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
