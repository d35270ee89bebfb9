// Access control lists as text, as GNU tar --acls and star write them into the pax records SCHILY.acl.access and
// SCHILY.acl.default (acl(5), "ACL TEXT FORMS"; star's fourth field has the number of whom an entry names).
import { SystemError } from '../kernel/error.ts';
import {
  Acl,
  type AclEntry,
  checkAcl,
  GROUP,
  GROUP_OBJ,
  MASK,
  NOBODY,
  OTHER,
  USER,
  USER_OBJ,
} from '../kernel/vfs/acl.ts';
import { accounts } from './users.ts';

/** Whom an entry of a list can name. */
export type AclNamed = 'user' | 'group';

/** Tags of entries that name nobody, and of those that do. */
const TAGS: Readonly<Record<string, readonly [tag: number, named?: number]>> = {
  user: [USER_OBJ, USER],
  group: [GROUP_OBJ, GROUP],
  mask: [MASK],
  other: [OTHER],
};
const ENTRY = /^(u(?:ser)?|g(?:roup)?|m(?:ask)?|o(?:ther)?):(?:([^:]*):)?([rwx-]+)(?::(\d+))?$/;
const BITS: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1, '-': 0 };

/** A list as text; undefined when it is none. `idOf` gives the number of a name, or throws. */
export function parseAcl(text: string, idOf: (kind: AclNamed, name: string) => number): Acl | undefined {
  const entries: AclEntry[] = [];
  for (const part of text.split(/[,\n]/)) {
    const plain = part.replace(/#.*/, '').trim();
    if (plain === '') continue;
    const [, word = '', name = '', permissions = '', number] = ENTRY.exec(plain) ?? [];
    const kind = Object.keys(TAGS).find((candidate) => word !== '' && candidate.startsWith(word));
    if (kind === undefined) return undefined;
    const [tag, named] = TAGS[kind]!;
    if (name !== '' && named === undefined) return undefined;
    const id = name === '' ? NOBODY : Number(number ?? (/^\d+$/.test(name) ? name : idOf(kind as AclNamed, name)));
    if (id > NOBODY || (name !== '' && id === NOBODY)) return undefined;
    const bits = [...permissions].reduce((all, letter) => all | BITS[letter]!, 0);
    entries.push({ tag: name === '' ? tag : named!, permissions: bits, id });
  }
  const acl = new Acl(entries.sort((a, b) => a.tag - b.tag || a.id - b.id));
  try {
    checkAcl(acl);
    return acl;
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

const FILES: Readonly<Record<AclNamed, string>> = { user: 'etc/passwd', group: 'etc/group' };
const LONGEST = 1 << 20;

/** The users and groups of an archive, by which the lists in it name somebody: known when all of it was read. */
export class ArchiveAccounts {
  readonly #files = new Map<string, { text: string; readonly decoder: TextDecoder }>();

  /** A file begins; gives whether it is one of those to be taken. */
  begins(path: string): boolean {
    if (!Object.values(FILES).includes(path)) return false;
    this.#files.set(path, { text: '', decoder: new TextDecoder() });
    return true;
  }

  take(path: string, bytes: Uint8Array): void {
    const file = this.#files.get(path);
    if (file && file.text.length + bytes.length <= LONGEST) file.text += file.decoder.decode(bytes, { stream: true });
  }

  idOf(kind: AclNamed, name: string): number | undefined {
    return accounts(this.#files.get(FILES[kind])?.text ?? '').find((account) => account.name === name)?.id;
  }
}
