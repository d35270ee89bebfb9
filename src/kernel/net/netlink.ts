// Netlink sockets of the route family (netlink(7), rtnetlink(7)): interfaces, addresses and routes of a network namespace
// as messages. A request is answered at once; the answers wait to be received.
import { AF_NETLINK } from '../../abi/socket.ts';
import { ERRNO } from '../../abi/errno.ts';
import { fail, SystemError } from '../error.ts';
import type { Task } from '../task/task.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import { CAP_NET_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { NetNamespace } from './namespace.ts';
import { NO_ANCILLARY, type Received, type ReceiveOptions, Socket, type SocketHost } from './socket.ts';
import { answer, isChange } from './rtnetlink.ts';

const ADDRESS_SIZE = 12;
const HEADER_SIZE = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_MULTI = 2;
const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
/** Bytes of messages in one datagram. */
const DATAGRAM = 8192;

/** A message without its header. */
export interface Message {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A request of a program. */
export interface Request extends Message {
  readonly flags: number;
}

const aligned = (length: number) => Math.ceil(length / 4) * 4;

function address(port: number): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, port, true);
  return bytes;
}

/** Numbers of the sockets in a namespace. */
const ports = new WeakMap<NetNamespace, Set<number>>();

function portsOf(network: NetNamespace): Set<number> {
  const known = ports.get(network) ?? new Set();
  ports.set(network, known);
  return known;
}

/** An open netlink socket. */
export class NetlinkSocket extends Socket {
  override readonly network: NetNamespace;
  readonly #host: SocketHost;
  #port = 0;
  readonly #received: Uint8Array[] = [];
  readonly isListening = false;
  readonly peerCredentials = undefined;

  constructor(host: SocketHost, flags: number, kind: number, protocol: number, network: NetNamespace) {
    super(host.newInode(), flags, AF_NETLINK, kind, protocol);
    this.network = network.hold();
    this.#host = host;
  }

  /** Takes the number that is asked for, or that of the process, or any. */
  #take(wanted: number, task: Task): void {
    const taken = portsOf(this.network);
    if (wanted !== 0 && taken.has(wanted)) fail('EADDRINUSE');
    let port = wanted === 0 ? task.group.pid.in(task.namespaces.pid) : wanted;
    for (let next = 0xffff_f000; taken.has(port); next--) port = next;
    taken.add(port);
    this.#port = port;
  }

  bind(given: Uint8Array, task: Task): void {
    if (given.length < ADDRESS_SIZE) fail('EINVAL');
    const view = new DataView(given.buffer, given.byteOffset);
    if (view.getUint16(0, true) !== AF_NETLINK) fail('EINVAL');
    const wanted = view.getUint32(4, true);
    if (this.#port !== 0 && wanted !== this.#port) fail('EINVAL');
    if (this.#port === 0) this.#take(wanted, task);
  }

  connect(_address: Uint8Array, task: Task): undefined {
    if (this.#port === 0) this.#take(0, task);
    return undefined;
  }

  connected(): boolean {
    return true;
  }

  listen(): void {
    fail('EOPNOTSUPP');
  }

  accept(): never {
    return fail('EOPNOTSUPP');
  }

  localAddress(): Uint8Array {
    return address(this.#port);
  }

  peerAddress(): Uint8Array {
    return address(0);
  }

  /** A message of the kernel that nobody asked for. */
  deliver(bytes: Uint8Array): void {
    this.#received.push(bytes);
    this.happened();
  }

  send(bytes: Uint8Array): number {
    const task = this.#host.current();
    if (this.#port === 0) this.#take(0, task);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
      const length = view.getUint32(at, true);
      if (length < HEADER_SIZE || at + length > bytes.length) break;
      const request = {
        type: view.getUint16(at + 4, true),
        flags: view.getUint16(at + 6, true),
        payload: bytes.slice(at + HEADER_SIZE, at + length),
      };
      this.#serve(request, bytes.slice(at, at + HEADER_SIZE), task);
      at += aligned(length);
    }
    this.happened();
    return bytes.length;
  }

  #serve(request: Request, header: Uint8Array, task: Task): void {
    const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
    let error = 0;
    try {
      if (isChange(request) && !hasCapability(task.credentials, CAP_NET_ADMIN, this.network.owner)) fail('EPERM');
      this.#answer(answer(this.network, request, isDump), header, isDump);
    } catch (failure) {
      if (!(failure instanceof SystemError)) throw failure;
      error = -ERRNO[failure.errno];
    }
    if (error === 0 && (isDump || !(request.flags & NLM_F_ACK))) return;
    const payload = new Uint8Array(4 + HEADER_SIZE + (error === 0 ? 0 : request.payload.length));
    new DataView(payload.buffer).setInt32(0, error, true);
    payload.set(header, 4);
    if (error !== 0) payload.set(request.payload, 4 + HEADER_SIZE);
    this.#received.push(this.#encode({ type: NLMSG_ERROR, payload }, header, 0));
  }

  #answer(messages: readonly Message[], header: Uint8Array, isDump: boolean): void {
    const all = isDump ? [...messages, { type: NLMSG_DONE, payload: new Uint8Array(4) }] : messages;
    const parts: Uint8Array[] = [];
    const flush = () => {
      if (parts.length === 0) return;
      this.#received.push(Uint8Array.from(parts.flatMap((part) => [...part])));
      parts.length = 0;
    };
    let size = 0;
    for (const message of all) {
      const bytes = this.#encode(message, header, isDump ? NLM_F_MULTI : 0);
      if (size + bytes.length > DATAGRAM) {
        flush();
        size = 0;
      }
      parts.push(bytes);
      size += bytes.length;
    }
    flush();
  }

  #encode({ type, payload }: Message, header: Uint8Array, flags: number): Uint8Array {
    const bytes = new Uint8Array(HEADER_SIZE + aligned(payload.length));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, HEADER_SIZE + payload.length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, flags, true);
    bytes.set(header.subarray(8, 12), 8);
    view.setUint32(12, this.#port, true);
    bytes.set(payload, HEADER_SIZE);
    return bytes;
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    const first = this.#received[0];
    if (first === undefined) return new WouldBlock(this.queue);
    if (!peek) this.#received.shift();
    return { bytes: first.subarray(0, length), length: first.length, from: address(0), ancillary: NO_ANCILLARY };
  }

  override poll(): number {
    return (this.#received.length > 0 ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM;
  }

  override closed(): void {
    portsOf(this.network).delete(this.#port);
    this.network.release();
  }
}
