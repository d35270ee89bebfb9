// How much room for pipes each user may have (pipe(7) "/proc files", F_SETPIPE_SZ of fcntl(2)).
import { fail } from '../error.ts';
import { PAGE_SIZE } from '../platform.ts';
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, type Credentials, hasCapability } from '../vfs/permission.ts';

const DEFAULT_PAGES = 16;
/** What a pipe of somebody with too many has. */
const LEAST_PAGES = 2;
const MOST_SIZE = 2 ** 31;

/** The room of one pipe, counted for whoever made it. */
export interface PipeRoom {
  readonly uid: number;
  readonly pages: number;
}

/** What all users have, and the limits. */
export class PipePages {
  /** /proc/sys/fs/pipe-max-size: what the unprivileged can make a pipe hold. */
  mostSize = 1 << 20;
  /** /proc/sys/fs/pipe-user-pages-soft and -hard: pages of all pipes of a user; 0 is no limit. */
  soft = 16384;
  hard = 0;
  readonly #pages = new Map<number, number>();

  /** The room of a new pipe. @throws SystemError ENFILE */
  forNew(credentials: Credentials): PipeRoom {
    const { uid } = credentials;
    const isPrivileged = hasCapability(credentials, CAP_SYS_RESOURCE) || hasCapability(credentials, CAP_SYS_ADMIN);
    let pages = DEFAULT_PAGES;
    if (pages * PAGE_SIZE > this.mostSize && !hasCapability(credentials, CAP_SYS_RESOURCE))
      pages = Math.floor(this.mostSize / PAGE_SIZE);
    if (!isPrivileged && this.#isOver(this.soft, uid, pages)) pages = LEAST_PAGES;
    if (!isPrivileged && this.#isOver(this.hard, uid, pages)) fail('ENFILE');
    this.#add(uid, pages);
    return { uid, pages };
  }

  /** Another room for a pipe. @throws SystemError EINVAL, EPERM */
  resized({ uid, pages: before }: PipeRoom, wanted: number, credentials: Credentials): PipeRoom {
    if (wanted > MOST_SIZE) fail('EINVAL');
    const size = Math.max(PAGE_SIZE, 2 ** Math.ceil(Math.log2(wanted)));
    const pages = size / PAGE_SIZE;
    if (pages > before) {
      const mayHaveMore = hasCapability(credentials, CAP_SYS_RESOURCE);
      if (size > this.mostSize && !mayHaveMore) fail('EPERM');
      const isOver = [this.soft, this.hard].some((limit) => this.#isOver(limit, uid, pages - before));
      if (isOver && !mayHaveMore && !hasCapability(credentials, CAP_SYS_ADMIN)) fail('EPERM');
    }
    this.#add(uid, pages - before);
    return { uid, pages };
  }

  give({ uid, pages }: PipeRoom): void {
    this.#add(uid, -pages);
  }

  #isOver(limit: number, uid: number, more: number): boolean {
    return limit !== 0 && (this.#pages.get(uid) ?? 0) + more > limit;
  }

  #add(uid: number, pages: number): void {
    const sum = (this.#pages.get(uid) ?? 0) + pages;
    if (sum > 0) this.#pages.set(uid, sum);
    else this.#pages.delete(uid);
  }
}
