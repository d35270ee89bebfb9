// Capabilities of files: the extended attribute security.capability (capabilities(7) "File capabilities", struct
// vfs_ns_cap_data of <linux/capability.h>).
import { fail } from '../error.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import type { Inode } from '../vfs/inode.ts';
import { ALL_CAPABILITIES, CAP_SETFCAP, hasCapability } from '../vfs/permission.ts';
import type { Task } from './task.ts';

/** What a file gives the program made from it. */
export interface FileCapabilities {
  readonly permitted: bigint;
  readonly inheritable: bigint;
  /** One bit for all: they are effective from the start. */
  readonly effective: boolean;
}

export const CAPABILITY_ATTRIBUTE = 'security.capability';
const REVISION_MASK = 0xff00_0000;
const EFFECTIVE = 1;
/** Length, and words of each set, by revision. */
const REVISIONS: Readonly<Record<number, { readonly length: number; readonly words: number }>> = {
  16777216: { length: 12, words: 1 },
  33554432: { length: 20, words: 2 },
  50331648: { length: 24, words: 2 },
};
const WITHOUT_ROOT = 0x0200_0000;
const WITH_ROOT = 0x0300_0000;
const ROOT_AT = 20;

/** The capabilities of a file for a user namespace; undefined when it has none there. */
export function fileCapabilities(inode: Inode, user: UserNamespace): FileCapabilities | undefined {
  const bytes = inode.attributeNames().includes(CAPABILITY_ATTRIBUTE)
    ? inode.getAttribute(CAPABILITY_ATTRIBUTE)
    : undefined;
  if (bytes === undefined || bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = view.getUint32(0, true);
  const revision = (head & REVISION_MASK) >>> 0;
  const shape = REVISIONS[revision];
  if (shape === undefined || bytes.length !== shape.length) return undefined;
  const root = revision === WITH_ROOT ? view.getUint32(ROOT_AT, true) : 0;
  if (!isRootOf(root, user)) return undefined;
  const set = (n: number) => {
    const high = shape.words === 2 ? BigInt(view.getUint32(12 + 4 * n, true)) : 0n;
    return (BigInt(view.getUint32(4 + 4 * n, true)) | (high << 32n)) & ALL_CAPABILITIES;
  };
  return { permitted: set(0), inheritable: set(1), effective: (head & EFFECTIVE) !== 0 };
}

/** The capabilities count where the ID is the superuser: in the namespace, or in one above. */
function isRootOf(id: number, user: UserNamespace): boolean {
  for (let ns: UserNamespace | undefined = user; ns !== undefined; ns = ns.parent) if (ns.root === id) return true;
  return false;
}

function revisionOf(bytes: Uint8Array): number {
  if (bytes.length < 4) return 0;
  return (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) & REVISION_MASK) >>> 0;
}

/** The same sets with or without an ID for whom they count. */
function withRevision(bytes: Uint8Array, revision: number, root: number): Uint8Array {
  const result = new Uint8Array(REVISIONS[revision]!.length);
  result.set(bytes.subarray(0, ROOT_AT));
  const view = new DataView(result.buffer);
  view.setUint32(0, revision | (view.getUint32(0, true) & ~REVISION_MASK), true);
  if (revision === WITH_ROOT) view.setUint32(ROOT_AT, root, true);
  return result;
}

/** What is kept of the value a task sets: without rights over the file system it counts for the task's namespace only. */
export function storedCapabilities(bytes: Uint8Array, { credentials }: Task, inode: Inode): Uint8Array {
  const revision = revisionOf(bytes);
  const { user } = credentials;
  if (revision !== WITHOUT_ROOT && revision !== WITH_ROOT) return fail('EINVAL');
  if (bytes.length !== REVISIONS[revision]!.length) return fail('EINVAL');
  if (revision === WITHOUT_ROOT && hasCapability(credentials, CAP_SETFCAP, inode.fs.owner ?? user.outermost))
    return bytes;
  const id = revision === WITH_ROOT ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(ROOT_AT, true) : 0;
  return withRevision(bytes, WITH_ROOT, user.fromProgram('uid', id));
}

/** The value as a namespace sees it. @throws SystemError EOVERFLOW when it counts for somebody who is nobody there */
export function shownCapabilities(bytes: Uint8Array, user: UserNamespace): Uint8Array {
  if (revisionOf(bytes) !== WITH_ROOT) return bytes;
  const root = new DataView(bytes.buffer, bytes.byteOffset).getUint32(ROOT_AT, true);
  if (root === user.root) return withRevision(bytes, WITHOUT_ROOT, 0);
  return withRevision(bytes, WITH_ROOT, user.inside('uid', root) ?? fail('EOVERFLOW'));
}
