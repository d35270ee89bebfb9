// /proc/PID/uid_map, gid_map and setgroups: what a user namespace translates (user_namespaces(7) "User and group ID
// mappings: uid_map and gid_map").
import { fail } from '../error.ts';
import {
  CAP_SETFCAP,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  hasCapability,
  type Credentials,
} from '../vfs/permission.ts';
import { type IdKind, type IdRange, NO_ID, type UserNamespace } from './user-namespace.ts';

const MOST_RANGES = 340;
const MOST_BYTES = 4096;

/** A map as a reader in `viewer` sees it. */
export function readIdMap(namespace: UserNamespace, kind: IdKind, viewer: UserNamespace): string {
  const lower = viewer === namespace && namespace.parent !== undefined ? namespace.parent : viewer;
  const column = (value: number) => String(value).padStart(10);
  return namespace.maps[kind]
    .map(({ first, outside, count }) => [first, lower.inside(kind, outside) ?? NO_ID, count].map(column).join(' '))
    .map((line) => `${line}\n`)
    .join('');
}

/** Sets a map, once and for all. `opener` are the credentials the file was opened with, `writer` those of the task. */
export function writeIdMap(
  namespace: UserNamespace,
  kind: IdKind,
  text: string,
  opener: Credentials,
  writer: Credentials,
): void {
  const parent = namespace.parent ?? fail('EPERM');
  if (opener.user !== namespace && opener.user !== parent) fail('EPERM');
  if (namespace.maps[kind].length > 0) fail('EPERM');
  if (!hasCapability(opener, CAP_SYS_ADMIN, namespace)) fail('EPERM');
  const ranges = parseRanges(text);
  if (!mayMap(namespace, parent, kind, ranges, opener, writer)) fail('EPERM');
  namespace.maps[kind] = ranges.map((range) => ({ ...range, outside: wholeRange(parent, kind, range) }));
}

/** Where a range begins in the outermost namespace. @throws SystemError EPERM unless all of it is mapped in one piece */
function wholeRange(parent: UserNamespace, kind: IdKind, { outside, count }: IdRange): number {
  const range = parent.maps[kind].find(({ first, count: size }) => outside >= first && outside - first + count <= size);
  return range === undefined ? fail('EPERM') : range.outside + (outside - range.first);
}

function parseRanges(text: string): IdRange[] {
  if (text.length >= MOST_BYTES) fail('EINVAL');
  const lines = text.replace(/\n$/, '').split('\n');
  if (lines.length > MOST_RANGES) fail('EINVAL');
  const ranges: IdRange[] = [];
  for (const line of lines) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line);
    if (match === null) return fail('EINVAL');
    const [first, outside, count] = match.slice(1).map(Number) as [number, number, number];
    if (first >= NO_ID || outside >= NO_ID || count === 0) fail('EINVAL');
    if (first + count > NO_ID || outside + count > NO_ID) fail('EINVAL');
    const overlaps = (from: number, size: number, to: number) => from < to + count && to < from + size;
    if (
      ranges.some((range) => overlaps(range.first, range.count, first) || overlaps(range.outside, range.count, outside))
    )
      fail('EINVAL');
    ranges.push({ first, outside, count });
  }
  return ranges;
}

function mayMap(
  namespace: UserNamespace,
  parent: UserNamespace,
  kind: IdKind,
  ranges: readonly IdRange[],
  opener: Credentials,
  writer: Credentials,
): boolean {
  if (kind === 'uid' && ranges.some(({ outside }) => outside === 0)) {
    // whoever maps the superuser could give files capabilities that count outside
    const trusted =
      opener.user === namespace ? namespace.maker.couldSetFileCapabilities : hasCapability(opener, CAP_SETFCAP, parent);
    if (!trusted) return false;
  }
  const [only] = ranges;
  if (ranges.length === 1 && only!.count === 1 && namespace.maker.uid === opener.euid) {
    const id = parent.outside(kind, only!.outside);
    if (kind === 'uid' && id === opener.euid) return true;
    if (kind === 'gid' && !namespace.mayHaveSetgroups && id === opener.egid) return true;
  }
  const capability = kind === 'uid' ? CAP_SETUID : CAP_SETGID;
  return hasCapability(writer, capability, parent) && hasCapability(opener, capability, parent);
}

/** /proc/PID/setgroups: may be denied until the group map is written, and never allowed again. */
export function writeSetgroups(namespace: UserNamespace, text: string, opener: Credentials): void {
  if (!hasCapability(opener, CAP_SYS_ADMIN, namespace)) fail('EPERM');
  const word = text.trim();
  if (word !== 'allow' && word !== 'deny') fail('EINVAL');
  const allow = word === 'allow';
  if (allow !== namespace.mayHaveSetgroups && (allow || namespace.maps.gid.length > 0)) fail('EPERM');
  namespace.mayHaveSetgroups = allow;
}
