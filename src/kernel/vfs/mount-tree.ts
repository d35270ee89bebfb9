// Trees of mounts: copying, attaching and taking away, and how that spreads among shared mounts (mount_namespaces(7)
// "Shared subtrees", and the kernel's Documentation/filesystems/sharedsubtree.rst).
import { ACCESS_TIMES, MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC } from '../../abi/mount.ts';
import { fail } from '../error.ts';
import { countMounts } from './inode.ts';
import { type Dentry, isBelow, Mount, type Path, PeerGroup } from './path.ts';

/** Most mounts in a namespace (/proc/sys/fs/mount-max). */
const MOST_MOUNTS = 100_000;

/** Where numbers of mounts and of peer groups come from. */
export interface MountNumbers {
  nextMountId(): number;
  nextPeerGroupId(): number;
}

/** A mount and all below it, parents first. */
export function* treeOf(mount: Mount): Iterable<Mount> {
  yield mount;
  for (const child of [...mount.mounted.values()]) yield* treeOf(child);
}

// Propagation types.

function joinPeers(mount: Mount, group: PeerGroup): void {
  mount.peers = group;
  group.members.add(mount);
}

function setMaster(mount: Mount, group: PeerGroup | undefined): void {
  mount.master?.slaves.delete(mount);
  mount.master = group;
  group?.slaves.add(mount);
}

/** MS_SHARED. */
export function makeShared(numbers: MountNumbers, mount: Mount): void {
  mount.isUnbindable = false;
  if (mount.peers === undefined) joinPeers(mount, new PeerGroup(numbers.nextPeerGroupId()));
}

/** MS_SLAVE: of the peers it had; without peers it is a slave of what it was a slave of. */
export function makeSlave(mount: Mount): void {
  const group = mount.peers;
  if (group === undefined) return;
  mount.peers = undefined;
  group.members.delete(mount);
  if (group.members.size > 0) {
    setMaster(mount, group);
    return;
  }
  for (const slave of [...group.slaves]) setMaster(slave, mount.master);
}

/** MS_PRIVATE. */
export function makePrivate(mount: Mount): void {
  makeSlave(mount);
  setMaster(mount, undefined);
  mount.isUnbindable = false;
}

/** MS_UNBINDABLE. */
export function makeUnbindable(mount: Mount): void {
  makePrivate(mount);
  mount.isUnbindable = true;
}

// Copies.

/** What a copy is to the mount it was made from. */
export type Relation =
  /** A peer where the original is shared, a slave of the same master where it is a slave. */
  | 'like'
  /** Shared originals get slaves: a less privileged namespace changes nothing outside. */
  | 'shared-to-slave'
  /** A peer; the original becomes shared. */
  | 'peer'
  | 'slave'
  | 'shared-slave';

function copyMount(numbers: MountNumbers, mount: Mount, root: Dentry, relation: Relation): Mount {
  const copy = new Mount(numbers.nextMountId(), mount.fs, root, mount.source, mount.flags);
  copy.isLocked = mount.isLocked;
  copy.lockedFlags = mount.lockedFlags;
  copy.isUnbindable = mount.isUnbindable;
  const isSlave = relation === 'slave' || relation === 'shared-slave' || relation === 'shared-to-slave';
  if (relation === 'peer') makeShared(numbers, mount);
  if (isSlave && mount.peers !== undefined) {
    setMaster(copy, mount.peers);
    if (relation === 'shared-slave') makeShared(numbers, copy);
    return copy;
  }
  if (mount.peers !== undefined) joinPeers(copy, mount.peers);
  setMaster(copy, mount.master);
  return copy;
}

/** What of a tree is copied, and how. */
export interface CopyOptions {
  readonly relation: Relation;
  readonly recursive: boolean;
  readonly keepUnbindable?: boolean;
  /** Told of every copy. */
  readonly onCopy?: (from: Mount, to: Mount) => void;
}

/** A copy of the tree at a place. @throws SystemError EPERM for a locked mount that cannot be bound */
export function copyTree(numbers: MountNumbers, { mount, entry }: Path, options: CopyOptions): Mount {
  const copy = copyMount(numbers, mount, entry, options.relation);
  options.onCopy?.(mount, copy);
  if (options.recursive)
    for (const [at, child] of mount.mounted) {
      if (!isBelow(at, entry)) continue;
      if (child.isUnbindable && !options.keepUnbindable) {
        if (child.isLocked) fail('EPERM');
        continue;
      }
      place(copyTree(numbers, { mount: child, entry: child.root }, options), { mount: copy, entry: at });
    }
  return copy;
}

/** Locks a tree that a more privileged namespace made: its parts stay where they are, and as restricted as they are. */
export function lockTree(root: Mount): void {
  for (const mount of treeOf(root)) {
    const set = mount.flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    mount.lockedFlags |= set | ACCESS_TIMES;
    if (mount !== root) mount.isLocked = true;
  }
}

/** True when something locked is mounted below a place: showing the place without it would uncover what it hides. */
export function hasLockedBelow({ mount, entry }: Path): boolean {
  for (const [at, child] of mount.mounted) if (child.isLocked && isBelow(at, entry)) return true;
  return false;
}

// Attaching.

/** Puts a mount at a place; what is mounted there already comes to lie on top of it. */
function place(mount: Mount, at: Path): void {
  const above = at.mount.mounted.get(at.entry);
  mount.parent = { mount: at.mount, entry: at.entry };
  mount.isDetached = false;
  at.mount.mounted.set(at.entry, mount);
  at.entry.mounts.add(mount);
  for (const part of treeOf(mount)) part.namespace = at.mount.namespace;
  at.mount.namespace?.changes.notify();
  if (above !== undefined && above !== mount) move(above, { mount, entry: mount.root });
}

function take(mount: Mount): void {
  const { parent } = mount;
  if (parent === undefined) return;
  parent.mount.mounted.delete(parent.entry);
  parent.entry.mounts.delete(mount);
  mount.parent = undefined;
}

function move(mount: Mount, to: Path): void {
  const { parent } = mount;
  if (parent?.mount.mounted.get(parent.entry) === mount) parent.mount.mounted.delete(parent.entry);
  parent?.entry.mounts.delete(mount);
  mount.parent = undefined;
  place(mount, to);
}

/** Copies that a tree attached at a place has elsewhere, each with its place. */
function copiesElsewhere(numbers: MountNumbers, source: Mount, at: Path): { copy: Mount; at: Path }[] {
  const copies: { copy: Mount; at: Path }[] = [];
  const visited = new Set<PeerGroup>();
  const put = (receiver: Mount, from: Mount, relation: Relation): Mount | undefined => {
    // what is in no tree yet, as the source itself and the copies made here, receives nothing
    if (receiver.namespace === undefined || !isBelow(at.entry, receiver.root)) return undefined;
    const copy = copyTree(numbers, { mount: from, entry: from.root }, { relation, recursive: true });
    copy.isLocked = false;
    copies.push({ copy, at: { mount: receiver, entry: at.entry } });
    return copy;
  };
  const spread = (group: PeerGroup, from: Mount, first: Mount | undefined) => {
    visited.add(group);
    for (const peer of group.members) if (peer !== at.mount && peer !== first) put(peer, from, 'peer');
    for (const slave of group.slaves) {
      if (slave.peers === undefined) put(slave, from, 'slave');
      else if (!visited.has(slave.peers)) {
        const receiver = [...slave.peers.members].find(({ root }) => isBelow(at.entry, root));
        const copy = receiver === undefined ? undefined : put(receiver, from, 'shared-slave');
        spread(slave.peers, copy ?? from, receiver);
      }
    }
  };
  if (at.mount.peers !== undefined) spread(at.mount.peers, source, undefined);
  return copies;
}

function checkRoom(tree: Mount, at: Path): void {
  const { namespace } = at.mount;
  const count = (mounts: Iterable<Mount>) => [...mounts].length;
  if (namespace !== undefined && count(treeOf(namespace.root)) + count(treeOf(tree)) > MOST_MOUNTS) fail('ENOSPC');
}

/** Attaches a tree; where the place is shared the tree becomes shared, and copies go to everybody who shares it. */
export function attachTree(numbers: MountNumbers, tree: Mount, at: Path): void {
  checkRoom(tree, at);
  if (at.mount.peers !== undefined) for (const mount of treeOf(tree)) makeShared(numbers, mount);
  const copies = copiesElsewhere(numbers, tree, at);
  try {
    for (const { copy, at: elsewhere } of copies) checkRoom(copy, elsewhere);
  } catch (failure) {
    for (const { copy } of copies) removeTree(copy, false);
    throw failure;
  }
  if (tree.parent === undefined) place(tree, at);
  else move(tree, at);
  for (const { copy, at: elsewhere } of copies) {
    place(copy, elsewhere);
    if (elsewhere.mount.namespace?.owner !== at.mount.namespace?.owner) lockTree(copy);
  }
}

/** Exchanges what is at two places without telling anybody: the end of pivot_root(2). */
export function moveQuietly(mount: Mount, to: Path): void {
  move(mount, to);
}

// Taking away.

/** All mounts that changes on a mount reach. */
function receiversOf(mount: Mount): Set<Mount> {
  const found = new Set<Mount>();
  const groups: PeerGroup[] = mount.peers === undefined ? [] : [mount.peers];
  for (const group of groups) {
    for (const peer of group.members) if (peer !== mount) found.add(peer);
    for (const slave of group.slaves) {
      found.add(slave);
      if (slave.peers !== undefined && !groups.includes(slave.peers)) groups.push(slave.peers);
    }
  }
  return found;
}

/** The mounts elsewhere that go together with those of `leaving`, as long as nothing else is mounted on them. */
function addPropagated(leaving: Set<Mount>): void {
  for (let grew = true; grew; ) {
    grew = false;
    for (const { parent } of [...leaving].reverse()) {
      if (parent === undefined) continue;
      for (const receiver of receiversOf(parent.mount)) {
        const child = receiver.mounted.get(parent.entry);
        if (child === undefined || leaving.has(child)) continue;
        if (child.isLocked && !leaving.has(receiver)) continue;
        const others = [...child.mounted].filter(([at, mount]) => at !== child.root && !leaving.has(mount));
        if (others.length > 0) continue;
        leaving.add(child);
        grew = true;
      }
    }
  }
}

/** True when unmounting a mount would take away something that is used elsewhere. */
export function propagatedBusy(mount: Mount, isUsed: (mount: Mount) => boolean): boolean {
  if (mount.mounted.size > 0 || isUsed(mount)) return true;
  const { parent } = mount;
  if (parent === undefined) return false;
  return [...receiversOf(parent.mount)].some((receiver) => {
    const child = receiver.mounted.get(parent.entry);
    return child !== undefined && child.mounted.size === 0 && isUsed(child);
  });
}

/** Takes a tree away, and with `propagate` also where it had spread to. */
export function removeTree(root: Mount, propagate: boolean): void {
  const leaving = new Set(treeOf(root));
  if (propagate) addPropagated(leaving);
  for (const mount of leaving) {
    // what lies on top of a mount that goes with another comes to lie where that was
    const above = mount.mounted.get(mount.root);
    if (above !== undefined && !leaving.has(above)) {
      const at = mount.parent!;
      take(mount);
      move(above, at);
    }
  }
  for (const mount of leaving) {
    makePrivate(mount);
    mount.namespace?.changes.notify();
    mount.namespace = undefined;
    countMounts(mount.fs, -1);
    mount.root.inode.mountedTimes(-1);
    if (!mount.isLocked || mount.parent === undefined || !leaving.has(mount.parent.mount)) take(mount);
  }
}

/** The name is gone: what other namespaces mounted there goes too. */
export function removeMountsOn(entry: Dentry): void {
  for (const mount of [...entry.mounts]) removeTree(mount, false);
}
