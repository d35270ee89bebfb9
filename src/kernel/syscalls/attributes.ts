// System calls on extended attributes (xattr(7), acl(5), setxattr(2), getxattr(2), listxattr(2),
// removexattr(2)).
import { S_ISGID, S_ISVTX } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { CAPABILITY_ATTRIBUTE, shownCapabilities, storedCapabilities } from '../task/file-capabilities.ts';
import { type Acl, type AclKind, aclKind, checkAcl, decodeAcl } from '../vfs/acl.ts';
import { IN_ATTRIB, notify } from '../vfs/notify.ts';
import { namelessPath, type Path, resolve } from '../vfs/path.ts';
import {
  CAP_FSETID,
  CAP_SETFCAP,
  CAP_SYS_ADMIN,
  hasCapability,
  hasCapabilityOver,
  inGroup,
  MAY_READ,
  MAY_WRITE,
  mayAccess,
  ownsFile,
} from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { nameArgument } from './path-arguments.ts';
import { full, type Implementation, type Implementations } from './table.ts';
import { encodeText } from './text.ts';

const NAME_MOST = 255;
const SIZE_MOST = 65536;
const LIST_MOST = 65536;
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;

function attributeName(call: Call): string {
  const name = call.string(call.arg(1), NAME_MOST + 1, 'ERANGE');
  return name === '' ? fail('ERANGE') : name;
}

/** user.* belongs to files and directories, and is guarded like their contents; trusted.* is for administrators. */
function checkAccess(call: Call, { entry: { inode } }: Path, name: string, wanted: number): void {
  const { credentials } = call.task;
  const writes = wanted === MAY_WRITE;
  if (name.startsWith('security.')) {
    const isAllowed =
      name === CAPABILITY_ATTRIBUTE
        ? hasCapabilityOver(credentials, CAP_SETFCAP, inode)
        : hasCapability(credentials, CAP_SYS_ADMIN, inode.fs.owner ?? credentials.user.outermost);
    if (writes && !isAllowed) fail('EPERM');
    return;
  }
  if (name.startsWith('trusted.')) {
    if (!hasCapability(credentials, CAP_SYS_ADMIN)) fail(writes ? 'EPERM' : 'ENODATA');
    return;
  }
  if (!name.startsWith('user.')) return;
  if (!inode.isRegular && !inode.isDirectory) fail(writes ? 'EPERM' : 'ENODATA');
  if (writes && inode.isDirectory && inode.mode & S_ISVTX && !ownsFile(credentials, inode)) fail('EPERM');
  if (!mayAccess(credentials, inode, wanted)) fail('EACCES');
}

/** A prefix and something behind it. */
function checkName(name: string): void {
  const prefix = /^(?:user|trusted|security)\./.exec(name)?.[0] ?? fail('EOPNOTSUPP');
  if (name.length === prefix.length) fail('EINVAL');
}

/** Access control lists are the owner's to set, and decide on the permission bits (acl(5), setxattr(2)). */
function setAcl(call: Call, { mount, entry: { inode } }: Path, kind: AclKind, acl: Acl | undefined): void {
  const { credentials } = call.task;
  if (mount.isReadOnly) fail('EROFS');
  if (!inode.fs.keepsAcls || inode.isSymlink) fail('EOPNOTSUPP');
  if (kind === 'default' && !inode.isDirectory) {
    if (acl !== undefined) fail('EACCES');
    return;
  }
  if (!ownsFile(credentials, inode)) fail('EPERM');
  if (acl !== undefined) checkAcl(acl, inode.fs.owner ?? credentials.user.outermost);
  const isAccess = kind === 'access';
  inode.setAcl(kind, isAccess && !acl?.isExtended ? undefined : acl);
  if (isAccess) {
    const mode = acl === undefined ? inode.mode : (inode.mode & ~0o777) | acl.mode;
    const keepsGroup = inGroup(credentials, inode.gid) || hasCapabilityOver(credentials, CAP_FSETID, inode);
    inode.mode = keepsGroup ? mode : mode & ~S_ISGID;
  }
  inode.changed = inode.fs.now();
}

function getAcl({ entry: { inode } }: Path, kind: AclKind): Acl {
  if (!inode.fs.keepsAcls || inode.isSymlink) fail('EOPNOTSUPP');
  return inode.acl(kind) ?? fail('ENODATA');
}

function set(call: Call, path: Path): number {
  const flags = call.arg(4);
  if (flags & ~(XATTR_CREATE | XATTR_REPLACE)) fail('EINVAL');
  const name = attributeName(call);
  const size = call.arg(3);
  if (size > SIZE_MOST) fail('E2BIG');
  const value = size === 0 ? new Uint8Array(0) : call.read(call.arg(2), size);
  const kind = aclKind(name);
  if (kind !== undefined) {
    setAcl(call, path, kind, size === 0 ? undefined : decodeAcl(value, call.users));
    notify(path, IN_ATTRIB);
    return 0;
  }
  if (path.mount.isReadOnly) fail('EROFS');
  checkAccess(call, path, name, MAY_WRITE);
  checkName(name);
  const { inode } = path.entry;
  if (flags !== 0) {
    const exists = inode.getAttribute(name) !== undefined;
    if (flags & XATTR_CREATE && exists) fail('EEXIST');
    if (flags & XATTR_REPLACE && !exists) fail('ENODATA');
  }
  inode.setAttribute(name, name === CAPABILITY_ATTRIBUTE ? storedCapabilities(value, call.task, inode) : value);
  notify(path, IN_ATTRIB);
  return 0;
}

/** Writes bytes to argument 2 when they fit into argument 3; a size of 0 asks for theirs. */
function answer(call: Call, address: number, size: number, bytes: Uint8Array): number {
  if (size === 0) return bytes.length;
  if (bytes.length > size) fail('ERANGE');
  call.write(address, bytes);
  return bytes.length;
}

function get(call: Call, path: Path): number {
  const name = attributeName(call);
  const kind = aclKind(name);
  if (kind !== undefined) return answer(call, call.arg(2), call.arg(3), getAcl(path, kind).encode(call.users));
  checkAccess(call, path, name, MAY_READ);
  checkName(name);
  const value = path.entry.inode.getAttribute(name) ?? fail('ENODATA');
  const shown = name === CAPABILITY_ATTRIBUTE ? shownCapabilities(value, call.users) : value;
  return answer(call, call.arg(2), call.arg(3), shown);
}

function list(call: Call, path: Path): number {
  const { inode } = path.entry;
  const isAdministrator = hasCapability(call.task.credentials, CAP_SYS_ADMIN);
  const names = inode.attributeNames().filter((name) => isAdministrator || !name.startsWith('trusted.'));
  const bytes = encodeText(names.map((name) => `${name}\0`).join(''));
  if (bytes.length > LIST_MOST) fail('E2BIG');
  return answer(call, call.arg(1), call.arg(2), bytes);
}

function remove(call: Call, path: Path): number {
  const name = attributeName(call);
  const kind = aclKind(name);
  if (kind !== undefined) {
    setAcl(call, path, kind, undefined);
    notify(path, IN_ATTRIB);
    return 0;
  }
  if (path.mount.isReadOnly) fail('EROFS');
  checkAccess(call, path, name, MAY_WRITE);
  checkName(name);
  if (!path.entry.inode.removeAttribute(name)) fail('ENODATA');
  notify(path, IN_ATTRIB);
  return 0;
}

type Target = (call: Call) => Path;
const named =
  (follow: boolean): Target =>
  (call) => {
    const name = nameArgument(call, 0);
    return resolve(name.from, name.text, { follow });
  };
const opened: Target = (call) => {
  const file = call.file(0);
  return file.path ?? namelessPath(file.inode);
};
const TARGETS = { '': named(true), l: named(false), f: opened } as const;
const ACTIONS = { setxattr: set, getxattr: get, listxattr: list, removexattr: remove } as const;

export const attributeCalls: Implementations = Object.fromEntries(
  Object.entries(TARGETS).flatMap(([prefix, target]) =>
    Object.entries(ACTIONS).map(([name, act]): [string, Implementation] => [
      prefix + name,
      full((call) => act(call, target(call))),
    ]),
  ),
);
