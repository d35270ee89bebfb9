// Sockets (socket(7)): what all families share. A family implements connections and transfers; the system calls know no family
// (sockets.ts and socket-transfers.ts of src/kernel/syscalls).
import {
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_BROADCAST,
  SO_DONTROUTE,
  SO_KEEPALIVE,
  SO_OOBINLINE,
  SO_REUSEADDR,
  SO_REUSEPORT,
} from '../../abi/socket.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import { fail } from '../error.ts';
import type { HeldObject } from '../mm/frames.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import { interfaceCall } from './interface-calls.ts';
import type { NetNamespace } from './namespace.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Task } from '../task/task.ts';
import { type AsyncReason, AsyncReceivers, POLL_IN, POLL_OUT } from '../vfs/async.ts';
import { FileDescription, POLLOUT, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';

/** Bytes a socket keeps for its reader (net.core.wmem_default). */
export const DEFAULT_BUFFER = 212992;
/** Memory of a socket with its file, about. */
const SOCKET_BYTES = 2048;

/** What sockets need of the kernel. */
export interface SocketHost {
  /** A file for a new socket. */
  newInode(): Inode;
  /** The task whose system call is being served. */
  current(): Task;
  /** What a new socket keeps its data in. */
  store(): KernelObject;
  /** Memory of a socket that nobody has a descriptor of yet. @throws OutOfFrames */
  object(bytes: number): HeldObject;
}

/** Who a peer is (SO_PEERCRED, SCM_CREDENTIALS). */
export interface PeerCredentials {
  readonly pid: Pid;
  readonly uid: number;
  readonly gid: number;
}

/** Who a peer is: the effective IDs (unix(7) SO_PEERCRED). */
export function credentialsOf(task: Task): PeerCredentials {
  return { pid: task.group.pid, uid: task.credentials.euid, gid: task.credentials.egid };
}

/** Who sends a message: the real IDs, where a peer has the effective ones (unix(7) SCM_CREDENTIALS). */
export function senderOf(task: Task): PeerCredentials {
  return { pid: task.group.pid, uid: task.credentials.uid, gid: task.credentials.gid };
}

/** A control message of a protocol, its bytes as the program has them (cmsg(3)). */
export interface ControlRecord {
  readonly level: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** What travels beside the bytes of a message. */
export interface Ancillary {
  /** What the protocols of the internet are told of a packet, or tell. */
  readonly records?: readonly ControlRecord[];
  readonly files: readonly FileDescription[];
  readonly credentials: PeerCredentials | undefined;
}

export const NO_ANCILLARY: Ancillary = { files: [], credentials: undefined };

/** A message received. */
export interface Received {
  readonly bytes: Uint8Array;
  /** Length of the message, which may not have fitted. */
  readonly length: number;
  /** Address of the sender, encoded; empty for none. */
  readonly from: Uint8Array;
  readonly ancillary: Ancillary;
}

/** How to receive. */
export interface ReceiveOptions {
  readonly peek: boolean;
}

/** An open socket. Addresses are struct sockaddr as bytes. */
export abstract class Socket extends FileDescription {
  family: number;
  /** SOCK_* without flags. */
  readonly kind: number;
  readonly protocol: number;
  /** Options that are only remembered. */
  readonly options = new Map<number, number>([
    [SO_REUSEADDR, 0],
    [SO_REUSEPORT, 0],
    [SO_BROADCAST, 0],
    [SO_KEEPALIVE, 0],
    [SO_DONTROUTE, 0],
    [SO_OOBINLINE, 0],
  ]);
  passesCredentials = false;
  linger = { on: 0, seconds: 0 };
  sendBuffer = DEFAULT_BUFFER;
  receiveBuffer = DEFAULT_BUFFER;
  receiveTimeout = 0n;
  sendTimeout = 0n;
  /** The number of a failure to be told once (SO_ERROR). */
  error = 0;
  readShut = false;
  writeShut = false;

  readonly async = new AsyncReceivers();
  /** Something could not be sent: the owner is told when there is room again. */
  wantsRoom = false;

  constructor(inode: Inode, flags: number, family: number, kind: number, protocol: number) {
    super(inode, flags);
    this.family = family;
    this.kind = kind;
    this.protocol = protocol;
  }

  override get seekable(): boolean {
    return false;
  }

  override get asyncReceivers(): AsyncReceivers[] {
    return [this.async];
  }

  /** Something came for the reader, or happened: whoever waits goes on, and the owner is told. */
  happened(reason: AsyncReason = POLL_IN): void {
    this.queue.wake();
    this.async.signal(reason);
  }

  /** A reader has made room for what this socket sends. */
  roomMade(): void {
    this.queue.wake();
    if (!this.wantsRoom || !(this.poll() & POLLOUT)) return;
    this.wantsRoom = false;
    this.async.signal(POLL_OUT);
  }

  override get kernelBytes(): number {
    return SOCKET_BYTES;
  }

  abstract bind(address: Uint8Array, task: Task): void;
  abstract listen(backlog: number): void;
  /** Connects, or tells whom to wait for. */
  abstract connect(address: Uint8Array, task: Task): WouldBlock | undefined;
  /** Goes on with a connection that had to wait. */
  abstract connected(): boolean;
  abstract accept(): Socket | WouldBlock;
  abstract localAddress(): Uint8Array;
  /** @throws SystemError ENOTCONN */
  abstract peerAddress(): Uint8Array;
  /** With `isMore` what is sent may wait for what follows (MSG_MORE). */
  abstract send(
    bytes: Uint8Array,
    to: Uint8Array | undefined,
    ancillary: Ancillary,
    isMore?: boolean,
  ): number | WouldBlock;
  abstract receive(length: number, options: ReceiveOptions): Received | WouldBlock;
  abstract get isListening(): boolean;
  abstract get peerCredentials(): PeerCredentials | undefined;

  /** Whose interfaces ioctl(2) shows; undefined for those of the caller. */
  readonly network: NetNamespace | undefined = undefined;

  override ioctl(call: Call, request: number, argument: number): CallResult {
    const network = this.network ?? call.task.namespaces.net;
    return interfaceCall(call, network, request, argument) ?? super.ioctl(call, request, argument);
  }

  shutdown(how: number): void {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) fail('EINVAL');
    if (how !== SHUT_WR) this.readShut = true;
    if (how !== SHUT_RD) this.writeShut = true;
    this.queue.wake();
  }

  /** What a stream has handed out could not be taken: it is there again. */
  giveBack(_received: Received): void {}

  override read(into: Uint8Array): number | WouldBlock {
    const received = this.receive(into.length, { peek: false });
    if (received instanceof WouldBlock) return new WouldBlock(received.queue, { timeout: this.receiveTimeout });
    for (const file of received.ancillary.files) dropFile(file);
    into.set(received.bytes);
    return received.bytes.length;
  }

  override write(from: Uint8Array): number | WouldBlock {
    const count = this.send(from, undefined, NO_ANCILLARY);
    return count instanceof WouldBlock ? new WouldBlock(count.queue, { timeout: this.sendTimeout }) : count;
  }
}

/** A file that travelled to nobody. */
function dropFile(file: FileDescription): void {
  if (--file.references === 0) file.closed();
}
