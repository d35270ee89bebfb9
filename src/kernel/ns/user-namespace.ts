// User namespaces (user_namespaces(7)): user and group IDs that mean other ones outside, and capabilities that count inside
// only. Everywhere in the kernel an ID is the one of the outermost namespace; it is translated where programs see it.
import { fail } from '../error.ts';
import { levelBelow, Namespace } from './namespace.ts';
import { newUserLimits, type UserLimitName } from './user-limits.ts';

/** User IDs and group IDs have maps of their own. */
export type IdKind = 'uid' | 'gid';

/** What programs see for an ID that has none in their namespace (/proc/sys/kernel/overflowuid). */
export const OVERFLOW_ID = 65534;
/** No ID: (uid_t) -1. */
export const NO_ID = 0xffff_ffff;

/** IDs from `first` on inside are those from `outside` on in the outermost namespace. */
export interface IdRange {
  readonly first: number;
  readonly outside: number;
  readonly count: number;
}

const EVERYTHING: readonly IdRange[] = [{ first: 0, outside: 0, count: NO_ID }];

/** Who makes a user namespace. */
export interface UserNamespaceMaker {
  readonly uid: number;
  readonly gid: number;
  /** CAP_SETFCAP was among the maker's effective capabilities. */
  readonly couldSetFileCapabilities: boolean;
}

/** A user namespace. */
export class UserNamespace extends Namespace {
  readonly kind = 'user';
  readonly parent: UserNamespace | undefined;
  readonly level: number;
  /** Effective IDs of its maker, outermost. */
  readonly maker: UserNamespaceMaker;
  readonly maps: Record<IdKind, readonly IdRange[]> = { uid: [], gid: [] };
  mayHaveSetgroups: boolean;
  /** How much each of its users may have. */
  readonly limits: Record<UserLimitName, number>;

  /** @throws SystemError ENOSPC when nested too deep */
  constructor(number: number, parent?: UserNamespace, maker?: UserNamespaceMaker) {
    super(number);
    this.parent = parent;
    this.level = parent === undefined ? 0 : levelBelow(parent.level);
    this.maker = maker ?? { uid: 0, gid: 0, couldSetFileCapabilities: true };
    this.limits = newUserLimits(parent === undefined);
    this.mayHaveSetgroups = parent?.mayHaveSetgroups ?? true;
    if (parent === undefined) this.maps = { uid: EVERYTHING, gid: EVERYTHING };
  }

  override get owner(): UserNamespace {
    return this.parent ?? this;
  }

  override get above(): UserNamespace | undefined {
    return this.parent;
  }

  get outermost(): UserNamespace {
    return this.parent?.outermost ?? this;
  }

  /** True for the namespace itself and for those below it. */
  contains(other: UserNamespace): boolean {
    for (let ns: UserNamespace | undefined = other; ns !== undefined; ns = ns.parent) if (ns === this) return true;
    return false;
  }

  /** The outermost ID of one inside. */
  outside(kind: IdKind, id: number): number | undefined {
    const range = this.maps[kind].find(({ first, count }) => id >= first && id - first < count);
    return range === undefined ? undefined : range.outside + (id - range.first);
  }

  /** The same for an argument of a call. @throws SystemError EINVAL for an ID that is not mapped */
  fromProgram(kind: IdKind, id: number): number {
    return this.outside(kind, id) ?? fail('EINVAL');
  }

  /** The ID inside of an outermost one. */
  inside(kind: IdKind, id: number): number | undefined {
    const range = this.maps[kind].find(({ outside, count }) => id >= outside && id - outside < count);
    return range === undefined ? undefined : range.first + (id - range.outside);
  }

  /** The same for programs to see. */
  shown(kind: IdKind, id: number): number {
    return this.inside(kind, id) ?? OVERFLOW_ID;
  }

  has(kind: IdKind, id: number): boolean {
    return this.inside(kind, id) !== undefined;
  }

  /** The ID of its superuser; undefined before the map was written. */
  get root(): number | undefined {
    return this.outside('uid', 0);
  }
}
