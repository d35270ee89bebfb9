// How many namespaces and the like each user may have: /proc/sys/user (namespaces(7) "The /proc/sys/user directory"). What
// somebody makes counts for them, and for the maker of each user namespace above.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Namespace, NamespaceKind } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';

/** Limits by their names in /proc/sys/user. */
export type UserLimitName = `max_${NamespaceKind}_namespaces` | 'max_inotify_instances' | 'max_inotify_watches';

/** Tasks there can be at once (/proc/sys/kernel/threads-max): half as many namespaces of a kind. */
export const MOST_THREADS = 32768;
const MOST_NAMESPACES = MOST_THREADS / 2;
const UNLIMITED = 0x7fff_ffff;

const OUTERMOST: Readonly<Record<UserLimitName, number>> = {
  max_cgroup_namespaces: MOST_NAMESPACES,
  max_inotify_instances: 128,
  max_inotify_watches: 1 << 20,
  max_ipc_namespaces: MOST_NAMESPACES,
  max_mnt_namespaces: MOST_NAMESPACES,
  max_net_namespaces: MOST_NAMESPACES,
  max_pid_namespaces: MOST_NAMESPACES,
  max_time_namespaces: MOST_NAMESPACES,
  max_user_namespaces: MOST_NAMESPACES,
  max_uts_namespaces: MOST_NAMESPACES,
};

export const USER_LIMITS = Object.keys(OUTERMOST) as readonly UserLimitName[];

/** The limits of a new user namespace: below the outermost one there are none until somebody sets them. */
export function newUserLimits(isOutermost: boolean): Record<UserLimitName, number> {
  const limits = { ...OUTERMOST };
  if (!isOutermost) for (const name of USER_LIMITS) limits[name] = UNLIMITED;
  return limits;
}

/** A user, as one of a user namespace. */
export interface NamespaceUser {
  readonly user: UserNamespace;
  readonly uid: number;
}

/** For whom something counts: the user, and the makers of the user namespaces they are in. */
export function* levelsOf({ user, uid }: NamespaceUser): Iterable<NamespaceUser> {
  yield { user, uid };
  for (let ns = user; ns.parent !== undefined; ns = ns.parent) yield { user: ns.parent, uid: ns.maker.uid };
}

/** Who made which namespaces. */
export class NamespaceCounts {
  readonly #kernel: Kernel;
  readonly #makers = new Map<Namespace, NamespaceUser>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** One more of each of these kinds may be made. @throws SystemError ENOSPC */
  check(kinds: readonly NamespaceKind[], maker: NamespaceUser): void {
    this.#forgetDead(maker.user);
    for (const level of levelsOf(maker))
      for (const kind of kinds)
        if (this.#count(kind, level) >= level.user.limits[`max_${kind}_namespaces`]) fail('ENOSPC');
  }

  /** A namespace was made. */
  add<T extends Namespace>(namespace: T, maker: NamespaceUser): T {
    this.#makers.set(namespace, maker);
    return namespace;
  }

  #count(kind: NamespaceKind, { user, uid }: NamespaceUser): number {
    let count = 0;
    for (const [namespace, maker] of this.#makers) {
      if (namespace.kind !== kind) continue;
      for (const level of levelsOf(maker)) if (level.user === user && level.uid === uid) count++;
    }
    return count;
  }

  /** Namespaces that nobody is in any more; `entered` is about to have somebody. */
  #forgetDead(entered: UserNamespace): void {
    const alive = new Set<Namespace>();
    const reach = (user: UserNamespace) => {
      for (let ns: UserNamespace | undefined = user; ns !== undefined && !alive.has(ns); ns = ns.parent) alive.add(ns);
    };
    reach(entered);
    for (const { credentials } of this.#kernel.pids.tasks.values()) reach(credentials.user);
    for (const namespace of this.#makers.keys())
      if (namespace.users > 0) {
        alive.add(namespace);
        reach(namespace.owner);
      }
    for (const namespace of this.#makers.keys()) if (!alive.has(namespace)) this.#makers.delete(namespace);
  }
}
