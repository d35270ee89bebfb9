// Internet sockets on the loopback interface of a network namespace (ip(7), tcp(7), udp(7)). Connections live inside the
// namespace, so that no packet has to be made: what is observable is ports, states, and bytes in order.
import { AF_INET, SO_BROADCAST, SO_REUSEADDR, SO_REUSEPORT, SOCK_STREAM, SOMAXCONN } from '../../abi/socket.ts';
import { O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Task } from '../task/task.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import { CAP_NET_BIND_SERVICE, hasCapability } from '../vfs/permission.ts';
import { NO_ANCILLARY, type Received, type ReceiveOptions, Socket, type SocketHost } from './socket.ts';

const ADDRESS_SIZE = 16;
const ANY = 0;
const LOOPBACK = 0x7f00_0001;
const BROADCAST = 0xffff_ffff;
/** net.ipv4.ip_local_port_range. */
const [FIRST_EPHEMERAL, LAST_EPHEMERAL] = [32768, 60999];
const PRIVILEGED_PORTS = 1024;
const CAPACITY = 212992;
const LARGEST_DATAGRAM = 65507;
const ECONNRESET = 104;
const ECONNREFUSED = 111;

/** An address with its port. */
interface Endpoint {
  readonly address: number;
  readonly port: number;
}

const UNBOUND: Endpoint = { address: ANY, port: 0 };

/** struct sockaddr_in. */
function encode({ address, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  view.setUint32(4, address);
  return bytes;
}

function decode(bytes: Uint8Array): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < ADDRESS_SIZE) return fail('EINVAL');
  if (view.getUint16(0, true) !== AF_INET) return fail('EAFNOSUPPORT');
  return { address: view.getUint32(4), port: view.getUint16(2) };
}

const isLocal = (address: number) => address === ANY || address >>> 24 === 127;

/** Ports of one protocol in a network namespace. */
export class Ports {
  readonly #bound = new Map<number, Set<InetSocket>>();
  #next = FIRST_EPHEMERAL;

  at(port: number): ReadonlySet<InetSocket> {
    return this.#bound.get(port) ?? new Set();
  }

  bind(port: number, socket: InetSocket): void {
    const sockets = this.#bound.get(port);
    if (sockets === undefined) this.#bound.set(port, new Set([socket]));
    else sockets.add(socket);
  }

  release(port: number, socket: InetSocket): void {
    const sockets = this.#bound.get(port);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#bound.delete(port);
  }

  /** A port nobody uses. @throws SystemError EADDRINUSE */
  ephemeral(): number {
    for (let tries = FIRST_EPHEMERAL; tries <= LAST_EPHEMERAL; tries++) {
      const port = this.#next;
      this.#next = port === LAST_EPHEMERAL ? FIRST_EPHEMERAL : port + 1;
      if (!this.#bound.has(port)) return port;
    }
    return fail('EADDRINUSE');
  }
}

/** An open TCP or UDP socket. */
export class InetSocket extends Socket {
  readonly #ports: Ports;
  readonly #host: SocketHost;
  #local = UNBOUND;
  #remote: Endpoint | undefined;
  /** The other end of a TCP connection; undefined after it has gone. */
  #peer: InetSocket | undefined;
  #wasConnected = false;
  #backlog: number | undefined;
  readonly #pending: InetSocket[] = [];
  /** A TCP stream, or UDP datagrams with their senders. */
  readonly #received: { bytes: Uint8Array; readonly from: Endpoint }[] = [];
  #stored = 0;

  constructor(host: SocketHost, flags: number, kind: number, protocol: number, ports: Ports) {
    super(host.newInode(), flags, AF_INET, kind, protocol);
    this.#ports = ports;
    this.#host = host;
  }

  get #isStream(): boolean {
    return this.kind === SOCK_STREAM;
  }

  get isListening(): boolean {
    return this.#backlog !== undefined;
  }

  get peerCredentials(): undefined {
    return undefined;
  }

  bind(address: Uint8Array, task: Task): void {
    const wanted = decode(address);
    if (this.#local.port !== 0) fail('EINVAL');
    if (!isLocal(wanted.address)) fail('EADDRNOTAVAIL');
    if (
      wanted.port !== 0 &&
      wanted.port < PRIVILEGED_PORTS &&
      !hasCapability(task.credentials, CAP_NET_BIND_SERVICE, task.namespaces.net.owner)
    )
      fail('EACCES');
    this.#take(wanted);
  }

  #take({ address, port }: Endpoint): void {
    const chosen = port === 0 ? this.#ports.ephemeral() : port;
    for (const other of this.#ports.at(chosen)) if (this.#conflicts(other, address)) fail('EADDRINUSE');
    this.#local = { address, port: chosen };
    this.#ports.bind(chosen, this);
  }

  #conflicts(other: InetSocket, address: number): boolean {
    const overlap = other.#local.address === address || other.#local.address === ANY || address === ANY;
    const both = (option: number) => this.options.get(option) === 1 && other.options.get(option) === 1;
    if (both(SO_REUSEPORT)) return false;
    return overlap && !(both(SO_REUSEADDR) && !(this.#isStream && other.isListening));
  }

  listen(backlog: number): void {
    if (!this.#isStream) fail('EOPNOTSUPP');
    if (this.#wasConnected) fail('EINVAL');
    if (this.#local.port === 0) this.#take(UNBOUND);
    this.#backlog = Math.min(backlog < 0 ? SOMAXCONN : backlog, SOMAXCONN);
  }

  connect(address: Uint8Array): WouldBlock | undefined {
    const wanted = decode(address);
    const target = { address: wanted.address === ANY ? LOOPBACK : wanted.address, port: wanted.port };
    if (this.isListening) fail('EISCONN');
    if (target.address === BROADCAST && this.options.get(SO_BROADCAST) !== 1) fail('EACCES');
    if (!isLocal(target.address)) fail('ENETUNREACH');
    if (this.#local.port === 0) this.#take({ address: LOOPBACK, port: 0 });
    if (!this.#isStream) {
      this.#remote = target;
      return undefined;
    }
    if (this.#wasConnected) fail('EISCONN');
    const server = this.#listener(target);
    if (server === undefined || server.#pending.length > server.#backlog!) return fail('ECONNREFUSED');
    const end = new InetSocket(this.#host, O_RDWR, this.kind, this.protocol, this.#ports);
    end.#local = target;
    this.#ports.bind(target.port, end);
    if (this.#local.address === ANY) this.#local = { ...this.#local, address: LOOPBACK };
    end.#join(this, this.#local);
    this.#join(end, target);
    server.#pending.push(end);
    server.queue.wake();
    return undefined;
  }

  #listener(target: Endpoint): InetSocket | undefined {
    for (const socket of this.#ports.at(target.port)) {
      const { address } = socket.#local;
      if (socket.isListening && !socket.readShut && (address === ANY || address === target.address)) return socket;
    }
    return undefined;
  }

  #join(peer: InetSocket, remote: Endpoint): void {
    this.#peer = peer;
    this.#remote = remote;
    this.#wasConnected = true;
    this.queue.wake();
  }

  connected(): boolean {
    return this.#wasConnected;
  }

  accept(): Socket | WouldBlock {
    if (!this.#isStream) fail('EOPNOTSUPP');
    if (!this.isListening) fail('EINVAL');
    return this.#pending.shift() ?? new WouldBlock(this.queue);
  }

  localAddress(): Uint8Array {
    return encode(this.#local);
  }

  peerAddress(): Uint8Array {
    return encode(this.#remote ?? fail('ENOTCONN'));
  }

  send(bytes: Uint8Array, to: Uint8Array | undefined): number | WouldBlock {
    if (this.writeShut) return fail('EPIPE');
    return this.#isStream ? this.#sendStream(bytes) : this.#sendDatagram(bytes, to);
  }

  #sendStream(bytes: Uint8Array): number | WouldBlock {
    if (!this.#wasConnected) return fail('EPIPE');
    const peer = this.#peer;
    if (peer === undefined) return fail('EPIPE');
    const room = CAPACITY - peer.#stored;
    if (bytes.length === 0) return 0;
    if (room <= 0) return new WouldBlock(peer.queue);
    const part = bytes.slice(0, room);
    peer.#store(part, this.#local);
    return part.length;
  }

  #sendDatagram(bytes: Uint8Array, to: Uint8Array | undefined): number {
    const named = to === undefined || to.length === 0 ? this.#remote : decode(to);
    if (named === undefined) return fail('EDESTADDRREQ');
    const target = { address: named.address === ANY ? LOOPBACK : named.address, port: named.port };
    if (bytes.length > LARGEST_DATAGRAM) return fail('EMSGSIZE');
    if (!isLocal(target.address)) return fail('ENETUNREACH');
    if (this.#local.port === 0) this.#take(UNBOUND);
    const from = { address: this.#local.address === ANY ? LOOPBACK : this.#local.address, port: this.#local.port };
    for (const socket of this.#ports.at(target.port)) {
      const { address } = socket.#local;
      if (address !== ANY && address !== target.address) continue;
      if (
        socket.#remote !== undefined &&
        (socket.#remote.port !== from.port || socket.#remote.address !== from.address)
      )
        continue;
      // a full receiver loses datagrams
      if (socket.#stored + bytes.length <= CAPACITY) socket.#store(bytes.slice(), from);
      return bytes.length;
    }
    // the port-unreachable message comes back to a connected socket
    if (this.#remote !== undefined) this.error = ECONNREFUSED;
    return bytes.length;
  }

  #store(bytes: Uint8Array, from: Endpoint): void {
    this.#received.push({ bytes, from });
    this.#stored += bytes.length;
    this.queue.wake();
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    const first = this.#received[0];
    if (first === undefined) return this.#nothing();
    if (this.#isStream) return this.#fromStream(length, peek);
    if (!peek) {
      this.#received.shift();
      this.#stored -= first.bytes.length;
    }
    return {
      bytes: first.bytes.subarray(0, length),
      length: first.bytes.length,
      from: encode(first.from),
      ancillary: NO_ANCILLARY,
    };
  }

  #nothing(): Received | WouldBlock {
    if (this.error !== 0) {
      const refused = this.error === ECONNREFUSED;
      this.error = 0;
      return fail(refused ? 'ECONNREFUSED' : 'ECONNRESET');
    }
    const isOver = this.readShut || (this.#wasConnected && (this.#peer === undefined || this.#peer.writeShut));
    if (this.#isStream && !this.#wasConnected && !isOver) return fail('ENOTCONN');
    const empty = { bytes: new Uint8Array(0), length: 0, from: new Uint8Array(0), ancillary: NO_ANCILLARY };
    return isOver ? empty : new WouldBlock(this.queue);
  }

  #fromStream(length: number, peek: boolean): Received {
    const bytes = new Uint8Array(Math.min(length, this.#stored));
    let at = 0;
    for (let n = 0; at < bytes.length; ) {
      const parcel = this.#received[n]!;
      const part = parcel.bytes.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      if (peek) n++;
      else if (part.length === parcel.bytes.length) this.#received.shift();
      else parcel.bytes = parcel.bytes.subarray(part.length);
    }
    if (!peek) {
      this.#stored -= bytes.length;
      this.queue.wake();
      this.#peer?.queue.wake();
    }
    return { bytes, length: bytes.length, from: new Uint8Array(0), ancillary: NO_ANCILLARY };
  }

  override shutdown(how: number): void {
    if (this.#isStream ? !this.#wasConnected && !this.isListening : this.#remote === undefined) fail('ENOTCONN');
    super.shutdown(how);
    this.#peer?.queue.wake();
  }

  override poll(): number {
    if (this.isListening) return this.#pending.length > 0 ? POLLIN | POLLRDNORM : 0;
    const isOver =
      this.#isStream && (this.readShut || (this.#wasConnected && (this.#peer === undefined || this.#peer.writeShut)));
    let ready = this.#received.length > 0 || isOver ? POLLIN | POLLRDNORM : 0;
    if (isOver) ready |= POLLRDHUP;
    if (this.#isStream && (!this.#wasConnected || (isOver && this.writeShut))) ready |= POLLHUP;
    if (this.error !== 0) ready |= POLLERR;
    if (!this.#isStream || this.#peer === undefined || this.#peer.#stored < CAPACITY) ready |= POLLOUT | POLLWRNORM;
    return ready;
  }

  override closed(): void {
    if (this.#local.port !== 0) this.#ports.release(this.#local.port, this);
    for (const waiting of this.#pending) waiting.closed();
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer === undefined || peer.#peer !== this) return;
    peer.#peer = undefined;
    // unread bytes are lost, and the other side learns of it
    if (this.#stored > 0) peer.error = ECONNRESET;
    peer.queue.wake();
  }
}
