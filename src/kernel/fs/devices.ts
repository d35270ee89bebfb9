// Character devices that every system has: null, zero, full (null(4), full(4)), random (random(4)), kmsg (printk in
// Documentation/ABI/testing/dev-kmsg), tty and ptmx (tty(4), pts(4)); and what stands in /dev.
import { S_IFCHR, S_IFDIR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Call } from '../syscalls/call.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import { openTerminal } from '../tty/terminal-file.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { FileDescription, WouldBlock } from '../vfs/file.ts';
import type { Inode, Opener, Owner } from '../vfs/inode.ts';
import { openMaster } from './devpts.ts';
import { makeDevice } from './special.ts';

/** Opens a device. */
export type DeviceOpener = (inode: Inode, flags: number, opener: Opener) => FileDescription;

const RNDGETENTCNT = 0x8004_5200;
/** Bits of entropy there are, always all. */
const ENTROPY = 256;
/** /dev/random, which once had to be waited for; /dev/urandom never had. */
const BLOCKING_RANDOM = makeDevice(1, 8);
const MOST_RECORDS = 1000;
const DEFAULT_PRIORITY = 12;
const ROOT: Owner = { uid: 0, gid: 0 };

class NullFile extends FileDescription {
  override get pollable(): boolean {
    return false;
  }

  override get copiesWrites(): boolean {
    return true;
  }

  override readAt(): number {
    return 0;
  }

  override writeAt(_offset: number, from: Uint8Array): number {
    return from.length;
  }

  override seek(): number {
    return 0;
  }
}

class ZeroFile extends NullFile {
  override readAt(_offset = 0, into: Uint8Array = new Uint8Array(0)): number {
    into.fill(0);
    return into.length;
  }
}

class FullFile extends ZeroFile {
  override writeAt(): number {
    return fail('ENOSPC');
  }
}

class RandomFile extends NullFile {
  readonly #kernel: Kernel;

  override get pollable(): boolean {
    return this.inode.special === BLOCKING_RANDOM;
  }

  constructor(inode: Inode, flags: number, kernel: Kernel) {
    super(inode, flags);
    this.#kernel = kernel;
  }

  override readAt(_offset = 0, into: Uint8Array = new Uint8Array(0)): number {
    this.#kernel.random.fill(into);
    return into.length;
  }

  override ioctl(call: Call, request: number, argument: number): number {
    if (request !== RNDGETENTCNT) return fail('EINVAL');
    call.writeWord(argument, ENTROPY, 4);
    return 0;
  }
}

/** What was written to /dev/kmsg. */
class KernelLog {
  readonly queue = new WaitQueue();
  readonly records: Uint8Array[] = [];
  /** Number of the first record that is kept. */
  first = 0;

  add(text: string, microseconds: bigint): void {
    const [, priority, message] = /^(?:<(\d+)>)?(.*)$/s.exec(text.replace(/\n$/, ''))!;
    const level = priority === undefined ? DEFAULT_PRIORITY : Number(priority);
    const number = this.first + this.records.length;
    this.records.push(encodeText(`${level},${number},${microseconds},-;${message}\n`));
    if (this.records.length > MOST_RECORDS) {
      this.records.shift();
      this.first++;
    }
    this.queue.wake();
  }
}

class KernelLogFile extends FileDescription {
  readonly #log: KernelLog;
  readonly #kernel: Kernel;
  #next: number;

  constructor(inode: Inode, flags: number, log: KernelLog, kernel: Kernel) {
    super(inode, flags, log.queue);
    this.#log = log;
    this.#kernel = kernel;
    this.#next = log.first;
  }

  override get seekable(): boolean {
    return false;
  }

  override read(into: Uint8Array): number | WouldBlock {
    if (this.#next < this.#log.first) {
      this.#next = this.#log.first;
      return fail('EPIPE');
    }
    const record = this.#log.records[this.#next - this.#log.first];
    if (record === undefined) return new WouldBlock(this.queue);
    if (record.length > into.length) return fail('EINVAL');
    into.set(record);
    this.#next++;
    return record.length;
  }

  override write(from: Uint8Array): number {
    this.#log.add(decodeText(from), this.#kernel.monotonic / 1000n);
    return from.length;
  }
}

/** The devices of a kernel, by number. */
export function memoryDevices(kernel: Kernel): Map<number, DeviceOpener> {
  const log = new KernelLog();
  const random: DeviceOpener = (inode, flags) => new RandomFile(inode, flags, kernel);
  return new Map<number, DeviceOpener>([
    [makeDevice(1, 3), (inode, flags) => new NullFile(inode, flags)],
    [makeDevice(1, 5), (inode, flags) => new ZeroFile(inode, flags)],
    [makeDevice(1, 7), (inode, flags) => new FullFile(inode, flags)],
    [makeDevice(1, 8), random],
    [makeDevice(1, 9), random],
    [makeDevice(1, 11), (inode, flags) => new KernelLogFile(inode, flags, log, kernel)],
    [
      makeDevice(5, 0),
      (inode, flags, { task }) => {
        const { terminal } = task.group.processGroup.session;
        return terminal === undefined ? fail('ENXIO') : openTerminal(inode, flags, terminal, undefined);
      },
    ],
    [makeDevice(5, 2), openMaster],
  ]);
}

type Node = readonly [name: string, mode: number, device: number];

const CONSOLE: Node = ['console', 0o600, makeDevice(5, 1)];
const NODES: readonly Node[] = [
  ['tty', 0o666, makeDevice(5, 0)],
  ['null', 0o666, makeDevice(1, 3)],
  ['zero', 0o666, makeDevice(1, 5)],
  ['full', 0o666, makeDevice(1, 7)],
  ['random', 0o666, makeDevice(1, 8)],
  ['urandom', 0o666, makeDevice(1, 9)],
];
/** What a container does not have. */
const SYSTEM_NODES: readonly Node[] = [CONSOLE, ['ptmx', 0o666, makeDevice(5, 2)], ['kmsg', 0o644, makeDevice(1, 11)]];
const LINKS = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
] as const;
const DIRECTORIES = [
  ['pts', 0o755],
  ['shm', 0o1777],
] as const;

/** Makes in a directory what /dev of a system has, as far as it is not there. */
export function populateDevices(directory: Inode): void {
  makeNodes(directory, [...SYSTEM_NODES, ...NODES], LINKS);
}

/** The same for a container (OCI runtime specification, "Default Devices"); it has a console when it has a terminal. */
export function populateContainerDevices(directory: Inode, hasTerminal: boolean): void {
  makeNodes(directory, hasTerminal ? [CONSOLE, ...NODES] : NODES, [...LINKS, ['ptmx', 'pts/ptmx']]);
}

function makeNodes(directory: Inode, nodes: readonly Node[], links: readonly (readonly [string, string])[]): void {
  const isMissing = (name: string) => directory.lookup(name) === undefined;
  for (const [name, mode, device] of nodes) if (isMissing(name)) directory.create(name, S_IFCHR | mode, ROOT, device);
  for (const [name, target] of links) if (isMissing(name)) directory.symlink(name, target, ROOT);
  for (const [name, mode] of DIRECTORIES) if (isMissing(name)) directory.create(name, S_IFDIR | mode, ROOT);
}
