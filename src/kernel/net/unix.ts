// Unix domain sockets (unix(7)): stream, datagram and sequenced-packet, and the passing of files.
import { FIONREAD } from '../../abi/ioctl.ts';
import { ERRNO } from '../../abi/errno.ts';
import { AF_UNIX, AF_UNSPEC, SHUT_RD, SHUT_RDWR, SOCK_DGRAM, SOCK_STREAM } from '../../abi/socket.ts';
import { O_RDWR, S_IFSOCK } from '../../abi/stat.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import { fail, SystemError } from '../error.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import type { Task } from '../task/task.ts';
import { POLL_HUP, POLL_IN } from '../vfs/async.ts';
import { hold, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, release, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import { makeNode } from '../vfs/make.ts';
import { type PathContext, resolve } from '../vfs/path.ts';
import { MAY_WRITE, mayAccess } from '../vfs/permission.ts';
import {
  type Ancillary,
  credentialsOf,
  NO_ANCILLARY,
  type PeerCredentials,
  type Received,
  type ReceiveOptions,
  senderOf,
  Socket,
  type SocketHost,
} from './socket.ts';
import { type UnixNames, header, familyOf, PATH_OFFSET, LONGEST_PATH, pathOf, withTerminator } from './unix-names.ts';

/** Something on its way: part of a stream, or a message. */
interface Parcel {
  bytes: Uint8Array;
  readonly from: Uint8Array;
  ancillary: Ancillary;
}

/** Sockets bound to the inodes of path names. */
const boundInodes = new WeakMap<Inode, UnixSocket>();

/** An open Unix domain socket. */
export class UnixSocket extends Socket {
  readonly #names: UnixNames;
  readonly #host: SocketHost;
  #address: Uint8Array = header();
  #abstractName: string | undefined;
  #peer: UnixSocket | undefined;
  #wasConnected = false;
  #backlog: number | undefined;
  readonly #pending: UnixSocket[] = [];
  readonly #parcels: Parcel[] = [];
  /** What waits for the reader. */
  readonly #stored: KernelObject;
  #credentials: PeerCredentials | undefined;
  peerCredentials: PeerCredentials | undefined;

  constructor(host: SocketHost, flags: number, kind: number, names: UnixNames) {
    super(host.newInode(), flags, AF_UNIX, kind, 0);
    this.#names = names;
    this.#host = host;
    this.#stored = host.store();
  }

  /** Two sockets connected with each other (socketpair(2)). */
  static pair(host: SocketHost, flags: number, kind: number, names: UnixNames): [UnixSocket, UnixSocket] {
    const a = new UnixSocket(host, flags, kind, names);
    const b = new UnixSocket(host, flags, kind, names);
    a.#join(b);
    b.#join(a);
    a.peerCredentials = credentialsOf(host.current());
    b.peerCredentials = credentialsOf(host.current());
    return [a, b];
  }

  get #isDatagram(): boolean {
    return this.kind === SOCK_DGRAM;
  }

  get isListening(): boolean {
    return this.#backlog !== undefined;
  }

  bind(address: Uint8Array, task: Task): void {
    if (familyOf(address) !== AF_UNIX || address.length > PATH_OFFSET + LONGEST_PATH) fail('EINVAL');
    const isBound = this.#address.length > PATH_OFFSET;
    const isPath = address.length > PATH_OFFSET && address[PATH_OFFSET] !== 0;
    if (isBound) fail(isPath && exists(task, pathOf(address)) ? 'EADDRINUSE' : 'EINVAL');
    if (address.length === PATH_OFFSET) {
      this.#bindAbstract(this.#names.automatic(this.kind));
      return;
    }
    if (address[PATH_OFFSET] === 0) {
      const name = decodeText(address.subarray(PATH_OFFSET + 1));
      if (this.#names.abstract.has(this.#abstractKey(name))) fail('EADDRINUSE');
      this.#bindAbstract(name);
      return;
    }
    const text = pathOf(address);
    const from = pathContext(task);
    try {
      makeNode({ from, text }, S_IFSOCK | (0o777 & ~task.directories.umask), 0);
    } catch (failure) {
      if (failure instanceof Error && failure.message === 'EEXIST') fail('EADDRINUSE');
      throw failure;
    }
    boundInodes.set(resolve(from, text).entry.inode, this);
    this.#address = withTerminator(address, text);
  }

  /** Each type of socket has abstract names of its own. */
  #abstractKey(name: string): string {
    return `${this.kind}:${name}`;
  }

  #bindAbstract(name: string): void {
    this.#abstractName = this.#abstractKey(name);
    this.#names.abstract.set(this.#abstractName, this);
    const bytes = encodeText(name);
    this.#address = new Uint8Array(PATH_OFFSET + 1 + bytes.length);
    this.#address.set(header());
    this.#address.set(bytes, PATH_OFFSET + 1);
  }

  listen(backlog: number): void {
    if (this.#isDatagram) fail('EOPNOTSUPP');
    if (this.#address.length === PATH_OFFSET || this.#peer !== undefined) fail('EINVAL');
    const { mostWaiting } = this.#names.controls;
    this.#backlog = Math.min(backlog < 0 ? mostWaiting : backlog, mostWaiting);
  }

  /** Remembers who listens, for SO_PEERCRED of those that connect. */
  listenedBy(task: Task): void {
    this.#credentials = credentialsOf(task);
  }

  connect(address: Uint8Array, task: Task): WouldBlock | undefined {
    if (this.isListening) fail('EINVAL');
    if (this.#isDatagram) {
      if (familyOf(address) === AF_UNSPEC) this.#peer = undefined;
      else this.#peer = this.#find(address, task);
      return undefined;
    }
    if (this.#peer !== undefined || this.#wasConnected) fail('EISCONN');
    const server = this.#find(address, task);
    if (!server.isListening || server.readShut) fail('ECONNREFUSED');
    if (server.#pending.length > server.#backlog!) return new WouldBlock(server.queue);
    const end = new UnixSocket(this.#host, O_RDWR, this.kind, this.#names);
    end.charge = this.#host.object(end.kernelBytes);
    end.#address = server.#address;
    end.#join(this);
    this.#join(end);
    end.peerCredentials = credentialsOf(task);
    this.peerCredentials = server.#credentials;
    server.#pending.push(end);
    server.happened();
    return undefined;
  }

  connected(): boolean {
    return this.#peer !== undefined;
  }

  accept(): Socket | WouldBlock {
    if (this.#isDatagram) fail('EOPNOTSUPP');
    if (!this.isListening) fail('EINVAL');
    const next = this.#pending.shift();
    if (next === undefined) return new WouldBlock(this.queue);
    this.queue.wake();
    return next;
  }

  localAddress(): Uint8Array {
    return this.#address;
  }

  peerAddress(): Uint8Array {
    return (this.#peer ?? fail('ENOTCONN')).#address;
  }

  send(bytes: Uint8Array, to: Uint8Array | undefined, sent: Ancillary): number | WouldBlock {
    if (this.writeShut) return fail('EPIPE');
    const target = this.#target(to);
    if (target.readShut) return fail('EPIPE');
    const ancillary = { ...sent, credentials: sent.credentials ?? senderOf(this.#host.current()) };
    const from = this.#address.length > PATH_OFFSET ? this.#address : new Uint8Array(0);
    const parcel = (part: Uint8Array): Parcel => ({ bytes: part.slice(), from, ancillary });
    if (this.kind !== SOCK_STREAM) {
      if (bytes.length > this.sendBuffer) return fail('EMSGSIZE');
      if (
        target.#parcels.length >= target.#names.controls.mostDatagrams ||
        target.#stored.bytes + bytes.length > this.sendBuffer
      )
        return this.#full(target);
      target.#store(parcel(bytes));
      return bytes.length;
    }
    const room = this.sendBuffer - target.#stored.bytes;
    if (bytes.length === 0) return 0;
    if (room <= 0) return this.#full(target);
    const count = Math.min(room, bytes.length);
    target.#store(parcel(bytes.subarray(0, count)));
    return count;
  }

  #full(target: UnixSocket): WouldBlock {
    this.wantsRoom = true;
    return new WouldBlock(target.queue);
  }

  #target(to: Uint8Array | undefined): UnixSocket {
    if (to !== undefined && to.length > 0) {
      if (!this.#isDatagram) return fail(this.#peer === undefined ? 'EOPNOTSUPP' : 'EISCONN');
      return this.#find(to, this.#host.current());
    }
    if (this.#peer !== undefined) return this.#peer;
    if (!this.#wasConnected) return fail('ENOTCONN');
    if (!this.#isDatagram) return fail('EPIPE');
    // it is told once that nobody is there any more
    this.#wasConnected = false;
    return fail('ECONNREFUSED');
  }

  #store(parcel: Parcel): void {
    this.#stored.add(parcel.bytes.length, 1);
    this.#parcels.push(parcel);
    this.happened();
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    if (this.#parcels.length === 0) return this.#nothing();
    const received = this.kind === SOCK_STREAM ? this.#fromStream(length, peek) : this.#message(length, peek);
    if (!peek) this.#roomMade();
    return received;
  }

  #nothing(): Received | WouldBlock {
    if (this.error !== 0) {
      this.error = 0;
      return fail('ECONNRESET');
    }
    const isOver =
      this.readShut || (this.#wasConnected && !this.#isDatagram && (this.#peer === undefined || this.#peer.writeShut));
    if (!isOver && !this.#wasConnected && !this.#isDatagram)
      return fail(this.kind === SOCK_STREAM ? 'EINVAL' : 'ENOTCONN');
    return isOver
      ? { bytes: new Uint8Array(0), length: 0, from: new Uint8Array(0), ancillary: NO_ANCILLARY }
      : new WouldBlock(this.queue);
  }

  /** Whoever writes to this socket may go on. */
  #roomMade(): void {
    this.queue.wake();
    this.#peer?.roomMade();
  }

  #message(length: number, peek: boolean): Received {
    const parcel = peek ? this.#parcels[0]! : this.#parcels.shift()!;
    if (!peek) this.#stored.add(-parcel.bytes.length, -1);
    const ancillary = peek ? copied(parcel.ancillary) : parcel.ancillary;
    return { bytes: parcel.bytes.subarray(0, length), length: parcel.bytes.length, from: parcel.from, ancillary };
  }

  /** Bytes of several writes, but never past files that were sent along, nor of several senders whom the reader wants to know. */
  #fromStream(length: number, peek: boolean): Received {
    const parts: Uint8Array[] = [];
    let count = 0;
    let ancillary = NO_ANCILLARY;
    for (let n = 0; n < this.#parcels.length && count < length; n++) {
      const parcel = this.#parcels[n]!;
      const { files, credentials } = parcel.ancillary;
      if (n > 0 && this.passesCredentials && credentials?.pid !== ancillary.credentials?.pid) break;
      ancillary = n === 0 ? parcel.ancillary : { ...ancillary, files };
      const part = parcel.bytes.subarray(0, length - count);
      parts.push(part);
      count += part.length;
      if (files.length > 0) break;
    }
    const bytes = new Uint8Array(count);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    if (!peek) this.#consume(count);
    const shown = peek ? copied(ancillary) : ancillary;
    return { bytes, length: count, from: new Uint8Array(0), ancillary: shown };
  }

  override giveBack({ bytes, from, ancillary }: Received): void {
    if (this.kind !== SOCK_STREAM || bytes.length === 0) return;
    this.#stored.add(bytes.length, 1);
    this.#parcels.unshift({ bytes, from, ancillary });
  }

  override ioctl(call: Call, request: number, argument: number): CallResult {
    if (request !== FIONREAD) return super.ioctl(call, request, argument);
    if (this.isListening) fail('EINVAL');
    const isStream = this.kind === SOCK_STREAM;
    call.writeWord(argument, isStream ? this.#stored.bytes : (this.#parcels[0]?.bytes.length ?? 0), 4);
    return 0;
  }

  #consume(count: number): void {
    let left = count;
    while (left > 0) {
      const parcel = this.#parcels[0]!;
      if (parcel.bytes.length <= left) {
        left -= parcel.bytes.length;
        this.#parcels.shift();
      } else {
        parcel.bytes = parcel.bytes.subarray(left);
        parcel.ancillary = { ...parcel.ancillary, files: [] };
        left = 0;
      }
    }
    this.#stored.set(this.#stored.bytes - count, this.#parcels.length);
  }

  override shutdown(how: number): void {
    super.shutdown(how);
    if (how === SHUT_RD || this.#isDatagram) this.#peer?.queue.wake();
    else this.#peer?.happened(how === SHUT_RDWR ? POLL_HUP : POLL_IN);
  }

  override poll(): number {
    if (this.isListening) return this.#pending.length > 0 ? POLLIN | POLLRDNORM : 0;
    const peer = this.#peer;
    const isConnectionless = this.#isDatagram;
    const isOver =
      !isConnectionless && (this.readShut || (this.#wasConnected && (peer === undefined || peer.writeShut)));
    let ready = this.#parcels.length > 0 || isOver ? POLLIN | POLLRDNORM : 0;
    if (isOver) ready |= POLLRDHUP;
    if (!isConnectionless && (peer === undefined || (this.readShut && this.writeShut))) ready |= POLLHUP;
    const target = peer ?? this;
    if (target.#stored.bytes < this.sendBuffer && target.#parcels.length < target.#names.controls.mostDatagrams)
      ready |= POLLOUT | POLLWRNORM;
    return ready;
  }

  override closed(): void {
    this.#stored.clear();
    if (this.#abstractName !== undefined) this.#names.abstract.delete(this.#abstractName);
    for (const { ancillary } of this.#parcels) for (const file of ancillary.files) release(file);
    for (const waiting of this.#pending) {
      if (waiting.#peer !== undefined) waiting.#peer.error = ERRNO.ECONNRESET;
      waiting.charge?.free();
      waiting.closed();
    }
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer === undefined) return;
    if (peer.#peer === this) peer.#peer = undefined;
    if (this.#parcels.length > 0 && !this.#isDatagram) peer.error = ERRNO.ECONNRESET;
    if (this.#isDatagram) peer.queue.wake();
    else peer.happened(POLL_HUP);
  }

  #join(peer: UnixSocket): void {
    this.#peer = peer;
    this.#wasConnected = true;
    this.queue.wake();
  }

  /** The socket of an address. @throws SystemError ECONNREFUSED, ENOENT, EACCES, EPROTOTYPE */
  #find(address: Uint8Array, task: Task): UnixSocket {
    if (address.length < PATH_OFFSET + 1 || familyOf(address) !== AF_UNIX) return fail('EINVAL');
    if (address[PATH_OFFSET] === 0) {
      const name = decodeText(address.subarray(PATH_OFFSET + 1));
      return this.#names.abstract.get(this.#abstractKey(name)) ?? fail('ECONNREFUSED');
    }
    const { inode } = resolve(pathContext(task), pathOf(address)).entry;
    if (inode.type !== S_IFSOCK) return fail('ECONNREFUSED');
    if (!mayAccess(task.credentials, inode, MAY_WRITE)) return fail('EACCES');
    const socket = boundInodes.get(inode);
    if (socket === undefined || socket.references === 0) return fail('ECONNREFUSED');
    return socket.kind === this.kind ? socket : fail('EPROTOTYPE');
  }
}

/** What a message shows without being taken: the same files once more. */
function copied({ files, credentials }: Ancillary): Ancillary {
  return { files: files.map(hold), credentials };
}

function exists(task: Task, text: string): boolean {
  try {
    resolve(pathContext(task), text);
    return true;
  } catch (failure) {
    if (failure instanceof SystemError) return false;
    throw failure;
  }
}

function pathContext(task: Task): PathContext {
  return { root: task.directories.root, directory: task.directories.directory, credentials: task.credentials };
}
