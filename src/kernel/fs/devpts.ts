// devpts: the file system of the slaves of pseudoterminals (Documentation/filesystems/devpts.rst, pts(4)). Every mount
// is an instance of its own.
import { O_RDWR, S_IFCHR, S_IFDIR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { MasterFile, Pseudoterminal, slaveDevice } from '../tty/pseudoterminal.ts';
import { Screen, type Terminal } from '../tty/terminal.ts';
import { openTerminal, TerminalFile } from '../tty/terminal-file.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { FileDescription, WouldBlock } from '../vfs/file.ts';
import { type DirectoryEntry, type FileSystem, Inode, type Opener, type Owner, type Timestamp } from '../vfs/inode.ts';
import { Dentry, type Path, throughMounts } from '../vfs/path.ts';
import type { MountedFileSystem, MountRequest } from './mount-request.ts';
import { makeDevice, openSpecial } from './special.ts';

const DEVPTS_MAGIC = 0x1cd1;
const ROOT_INO = 1;
const PTMX_INO = 2;
/** Slaves begin behind root and ptmx. */
const FIRST_SLAVE = 3;
const MOST_SLAVES = 1 << 20;
const PTMX = makeDevice(5, 2);
const ROOT: Owner = { uid: 0, gid: 0 };

interface DevptsOptions {
  uid?: number;
  gid?: number;
  mode: number;
  ptmxMode: number;
  most: number;
}

/** Mount options (devpts, mount(8)). @throws SystemError EINVAL */
export function parseDevptsOptions(data: string): DevptsOptions {
  const options: DevptsOptions = { mode: 0o600, ptmxMode: 0, most: MOST_SLAVES };
  const octal = (text: string) => (/^[0-7]+$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : fail('EINVAL'));
  const decimal = (text: string) => (/^\d+$/.test(text) ? Number(text) : fail('EINVAL'));
  for (const option of data.split(',').filter((text) => text !== '')) {
    const [name, value = ''] = option.split('=') as [string, string?];
    if (name === 'uid') options.uid = decimal(value);
    else if (name === 'gid') options.gid = decimal(value);
    else if (name === 'mode') options.mode = octal(value);
    else if (name === 'ptmxmode') options.ptmxMode = octal(value);
    else if (name === 'max') options.most = decimal(value);
    else if (name !== 'newinstance') fail('EINVAL');
  }
  return options;
}

/** An instance. */
export class DevptsFs implements FileSystem {
  readonly type = 'devpts';
  readonly magic = DEVPTS_MAGIC;
  readonly device: number;
  readonly readOnly = false;
  readonly now: () => Timestamp;
  readonly root: DevptsDirectory;
  readonly slaves = new Map<number, SlaveInode>();
  #options: DevptsOptions;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, data: string) {
    this.#kernel = kernel;
    this.#options = parseDevptsOptions(data);
    this.device = kernel.nextDevice();
    this.now = () => kernel.realtime;
    this.root = new DevptsDirectory(this, new DeviceNode(this, PTMX_INO, this.#options.ptmxMode, ROOT, PTMX));
  }

  get options(): string {
    const { uid, gid, mode, ptmxMode, most } = this.#options;
    const words: string[] = [];
    if (uid !== undefined) words.push(`uid=${uid}`);
    if (gid !== undefined) words.push(`gid=${gid}`);
    words.push(`mode=${mode.toString(8).padStart(3, '0')}`, `ptmxmode=${ptmxMode.toString(8).padStart(3, '0')}`);
    return (most === MOST_SLAVES ? words : [...words, `max=${most}`]).join(',');
  }

  remount(data: string): void {
    this.#options = parseDevptsOptions(data);
    this.root.ptmx.mode = S_IFCHR | this.#options.ptmxMode;
  }

  /** A new pair; the slave belongs to who opened the master. @throws SystemError ENOSPC */
  newPair(opener: Opener): SlaveInode {
    const { fsuid: uid, fsgid: gid } = opener.task.credentials;
    const pair = new Pseudoterminal(this.#kernel, this.#freeNumber());
    return this.#add(pair.number, pair.slave, { uid, gid }, pair);
  }

  /** A terminal whose other side is outside the kernel. @throws SystemError ENOSPC */
  addTerminal(terminal: Terminal, owner: Owner): SlaveInode {
    return this.#add(this.#freeNumber(), terminal, owner);
  }

  #freeNumber(): number {
    let number = 0;
    while (this.slaves.has(number)) number++;
    return number < this.#options.most ? number : fail('ENOSPC');
  }

  #add(number: number, terminal: Terminal, owner: Owner, pair?: Pseudoterminal): SlaveInode {
    const { uid = owner.uid, gid = owner.gid, mode } = this.#options;
    const slave = new SlaveInode(this, { number, terminal, mode, owner: { uid, gid }, pair });
    this.slaves.set(number, slave);
    return slave;
  }
}

/** ptmx. */
class DeviceNode extends Inode {
  override readonly special: number;

  constructor(fs: DevptsFs, ino: number, mode: number, owner: Owner, special: number) {
    super(fs, ino, S_IFCHR | mode, owner);
    this.special = special;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number, opener?: Opener): FileDescription | WouldBlock {
    return openSpecial(this, flags, opener);
  }
}

/** What a slave is made of. */
interface SlaveParts {
  readonly number: number;
  readonly terminal: Terminal;
  readonly mode: number;
  readonly owner: Owner;
  /** None when the other side is outside the kernel. */
  readonly pair: Pseudoterminal | undefined;
}

/** A slave. */
class SlaveInode extends DeviceNode {
  readonly number: number;
  readonly terminal: Terminal;
  readonly pair: Pseudoterminal | undefined;

  constructor(fs: DevptsFs, { number, terminal, mode, owner, pair }: SlaveParts) {
    super(fs, FIRST_SLAVE + number, mode, owner, slaveDevice(number));
    this.number = number;
    this.terminal = terminal;
    this.pair = pair;
  }

  override open(flags: number, opener?: Opener): FileDescription {
    const { pair, terminal } = this;
    return pair ? pair.openSlave(this, flags, opener?.task) : openTerminal(this, flags, terminal, opener?.task);
  }
}

/** A slave found by its name in an instance, until it is removed. */
class SlavePlace {
  readonly #root: Path;
  readonly #slave: SlaveInode;
  readonly path: Path;

  constructor(root: Path, slave: SlaveInode) {
    this.#root = root;
    this.#slave = slave;
    const name = String(slave.number);
    this.path = { mount: root.mount, entry: root.entry.child(name) ?? new Dentry(name, root.entry, slave) };
  }

  get device(): number {
    return this.#slave.special;
  }

  remove(): void {
    const { number } = this.#slave;
    (this.#root.mount.fs as DevptsFs).slaves.delete(number);
    this.#root.entry.children.delete(String(number));
    this.#slave.links = 0;
  }
}

class DevptsDirectory extends Inode {
  declare readonly fs: DevptsFs;
  readonly ptmx: Inode;

  constructor(fs: DevptsFs, ptmx: Inode) {
    super(fs, ROOT_INO, S_IFDIR | 0o755, ROOT);
    this.links = 2;
    this.ptmx = ptmx;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  override lookup(name: string): Inode | undefined {
    if (name === 'ptmx') return this.ptmx;
    return /^(?:0|[1-9]\d*)$/.test(name) ? this.fs.slaves.get(Number(name)) : undefined;
  }

  override *entries(): Iterable<DirectoryEntry> {
    yield { name: 'ptmx', ino: this.ptmx.ino, type: S_IFCHR };
    for (const [number, { ino }] of this.fs.slaves) yield { name: String(number), ino, type: S_IFCHR };
  }
}

/** The instance a ptmx belongs to: that it lies in, or one mounted on `pts` beside it. @throws SystemError ENODEV */
function instanceOf(path: Path): Path {
  if (path.mount.fs instanceof DevptsFs) return { mount: path.mount, entry: path.mount.root };
  const beside = path.entry.parent?.child('pts') ?? fail('ENOENT');
  const found = throughMounts({ mount: path.mount, entry: beside });
  return found.mount.fs instanceof DevptsFs && found.entry === found.mount.root ? found : fail('ENODEV');
}

/** Opens /dev/ptmx: a new pair. */
export function openMaster(_inode: Inode, flags: number, opener: Opener): FileDescription {
  const root = instanceOf(opener.path);
  const fs = root.mount.fs as DevptsFs;
  const slave = fs.newPair(opener);
  const place = new SlavePlace(root, slave);
  return new MasterFile(
    opener.path.entry.inode,
    flags,
    slave.pair!,
    () => place.path,
    () => place.remove(),
  );
}

/**
 * Puts a screen into an instance and opens it for its first program; it is there as long as any program has it open.
 * Undefined when `root` is not the root of an instance. @throws SystemError ENOSPC
 */
export function openScreen(root: Path, terminal: Terminal, owner: Owner): TerminalFile | undefined {
  const { fs } = root.mount;
  if (!(fs instanceof DevptsFs) || !(terminal.driver instanceof Screen)) return undefined;
  const slave = fs.addTerminal(terminal, owner);
  const place = new SlavePlace(root, slave);
  terminal.driver.place = place;
  const file = new TerminalFile(slave, O_RDWR, terminal);
  file.path = place.path;
  return file;
}

/** Makes an instance. @throws SystemError EINVAL for unknown options */
export function createDevpts({ kernel, data }: MountRequest): MountedFileSystem {
  const fs = new DevptsFs(kernel, data);
  return { fs, root: fs.root };
}
