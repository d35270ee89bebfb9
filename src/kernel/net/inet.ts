// Internet sockets (ip(7), tcp(7), udp(7)) between the network namespaces of this kernel. Both ends of a connection live
// here, so that no packet has to be made: what is observable is ports, states, and bytes in order.
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_UDPLITE,
  SHUT_RD,
  SO_BROADCAST,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
} from '../../abi/socket.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import { fail } from '../error.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import { POLL_ERR, POLL_HUP, POLL_IN } from '../vfs/async.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import { CAP_NET_BIND_SERVICE, hasCapability } from '../vfs/permission.ts';
import type { NetControls } from './controls.ts';
import {
  ANY,
  ANY6,
  decode,
  type Endpoint,
  encode,
  isAny,
  isVersion6,
  LOOPBACK,
  LOOPBACK6,
  UNBOUND,
} from './endpoint.ts';
import type { NetNamespace, Route } from './namespace.ts';
import { type Packet, type PacketChoice, packetChoice, recordsOf } from './packet-info.ts';
import { UDP_CORK_KEY } from './protocol-options.ts';
import { tellUnreachable } from './raw.ts';
import {
  type Ancillary,
  type ControlRecord,
  NO_ANCILLARY,
  type Received,
  type ReceiveOptions,
  Socket,
  type SocketHost,
} from './socket.ts';

const SIOCATMARK = 0x8905;
const CAPACITY = 212992;
const LARGEST_DATAGRAM = 65507;
const EPIPE = 32;
const ECONNRESET = 104;
const ECONNREFUSED = 111;

const isLoopbackNet = (address: number): boolean => !isVersion6(address) && address >>> 24 === 127;

/** Ports of one protocol in a network namespace. */
export class Ports {
  readonly #bound = new Map<number, Set<InetSocket>>();
  readonly #controls: NetControls;
  #next = 0;

  constructor(controls: NetControls) {
    this.#controls = controls;
  }

  at(port: number): ReadonlySet<InetSocket> {
    return this.#bound.get(port) ?? new Set();
  }

  /** All sockets, in the order of their ports. */
  *all(): Iterable<InetSocket> {
    for (const port of [...this.#bound.keys()].sort((a, b) => a - b)) yield* this.#bound.get(port)!;
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
    const { firstPort, lastPort } = this.#controls;
    for (let tries = firstPort; tries <= lastPort; tries++) {
      const port = this.#next < firstPort || this.#next > lastPort ? firstPort : this.#next;
      this.#next = port + 1;
      if (!this.#bound.has(port)) return port;
    }
    return fail('EADDRINUSE');
  }
}

/** Family, kind and protocol of a socket. */
export interface InetType {
  readonly family: number;
  readonly kind: number;
  readonly protocol: number;
}

/** Where a datagram goes, and how. */
interface Destination {
  readonly target: Endpoint;
  readonly choice: PacketChoice;
}

/** An open TCP, UDP or UDP-Lite socket. One of IPv6 also speaks IPv4, unless it was told not to. */
export class InetSocket extends Socket {
  override readonly network: NetNamespace;
  readonly #host: SocketHost;
  #local: Endpoint;
  #remote: Endpoint | undefined;
  /** The other end of a TCP connection; undefined after it has gone. */
  #peer: InetSocket | undefined;
  /** The way to the other end. */
  #way: Route | undefined;
  #wasConnected = false;
  /** The other end, when it had gone, has answered what was sent or left unread. */
  #isReset = false;
  /** A datagram that is not whole yet. */
  #corked: ({ readonly bytes: Uint8Array } & Destination) | undefined;
  /** How a connection ended that was made while the program went on; connect(2) tells it once. */
  #attempt: 'connected' | 'refused' | undefined;
  #backlog: number | undefined;
  readonly #pending: InetSocket[] = [];
  /** A TCP stream, or UDP datagrams with their senders. */
  readonly #received: { bytes: Uint8Array; readonly from: Endpoint; readonly packet?: Packet | undefined }[] = [];
  /** What waits for the reader. */
  readonly #stored: KernelObject;

  constructor(host: SocketHost, flags: number, type: InetType, network: NetNamespace) {
    super(host.newInode(), flags, type.family, type.kind, type.protocol);
    this.#local = { address: this.#any, port: 0 };
    this.network = network.hold();
    this.#host = host;
    this.#stored = host.store();
  }

  /**
   * IPV6_ADDRFORM: a socket of IPv6 that speaks IPv4 becomes one of IPv4 (ipv6(7)).
   * @throws SystemError ENOTCONN, EADDRNOTAVAIL, EBUSY
   */
  becomeVersion4(): void {
    if (this.#corked !== undefined && isVersion6(this.#corked.target.address)) fail('EBUSY');
    const { address } = this.#remote ?? fail('ENOTCONN');
    if (this.isOnly6 || isVersion6(address)) fail('EADDRNOTAVAIL');
    this.family = AF_INET;
  }

  /** The address that stands for all. */
  get #any(): number {
    return this.family === AF_INET6 ? ANY6 : ANY;
  }

  /** IPV6_V6ONLY. */
  isOnly6 = false;

  get isBound(): boolean {
    return this.#local.port !== 0;
  }

  #decode(bytes: Uint8Array): Endpoint {
    return decode(bytes, this.family);
  }

  /** What is sent to a name, to this machine when it names none. @throws SystemError ENETUNREACH */
  #target(bytes: Uint8Array): Endpoint {
    const { address, port } = this.#decode(bytes);
    if (this.isOnly6 && !isVersion6(address)) fail('ENETUNREACH');
    return { address: address === ANY ? LOOPBACK : address === ANY6 ? LOOPBACK6 : address, port };
  }

  /** What comes to an address is for a socket that is bound as this one is. */
  #covers(address: number): boolean {
    const { address: own } = this.#local;
    if (own === ANY6) return isVersion6(address) || !this.isOnly6;
    return own === ANY ? !isVersion6(address) : own === address;
  }

  get #ports(): Ports {
    return this.#portsOf(this.network);
  }

  #portsOf({ tcp, udp, udplite }: NetNamespace): Ports {
    if (this.#isStream) return tcp;
    return this.protocol === IPPROTO_UDPLITE ? udplite : udp;
  }

  /** Bytes that wait for the reader. */
  get waitingBytes(): number {
    return this.#stored.bytes;
  }

  /** What /proc/net shows of it. */
  get summary(): { readonly local: Endpoint; readonly remote: Endpoint; readonly isConnected: boolean } {
    return { local: this.#local, remote: this.#remote ?? UNBOUND, isConnected: this.#peer !== undefined };
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
    const wanted = this.#decode(address);
    if (this.#local.port !== 0 || (this.isOnly6 && !isVersion6(wanted.address))) fail('EINVAL');
    const { network } = this;
    const isBroadcast = !this.#isStream && network.isBroadcast(wanted.address);
    const isLocal = isAny(wanted.address) || network.isOwn(wanted.address) || isLoopbackNet(wanted.address);
    if (!isLocal && !isBroadcast) fail('EADDRNOTAVAIL');
    if (
      wanted.port !== 0 &&
      wanted.port < network.controls.firstUnprivileged &&
      !hasCapability(task.credentials, CAP_NET_BIND_SERVICE, network.owner)
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
    const overlap = other.#covers(address) || this.#coversAs(address, other.#local.address);
    const both = (option: number) => this.options.get(option) === 1 && other.options.get(option) === 1;
    if (both(SO_REUSEPORT)) return false;
    return overlap && !(both(SO_REUSEADDR) && !(this.#isStream && other.isListening));
  }

  /** The same as `#covers` of a socket that is not bound yet. */
  #coversAs(own: number, address: number): boolean {
    if (own === ANY6) return isVersion6(address) || !this.isOnly6;
    return own === ANY && !isVersion6(address);
  }

  listen(backlog: number): void {
    if (!this.#isStream) fail('EOPNOTSUPP');
    if (this.#wasConnected) fail('EINVAL');
    if (this.#local.port === 0) this.#take({ address: this.#any, port: 0 });
    const { mostWaiting } = this.network.controls;
    this.#backlog = Math.min(backlog < 0 ? mostWaiting : backlog, mostWaiting);
  }

  connect(address: Uint8Array): WouldBlock | undefined {
    if (new DataView(address.buffer, address.byteOffset).getUint16(0, true) === AF_UNSPEC) return this.#disconnect();
    const target = this.#target(address);
    if (this.isListening) fail('EISCONN');
    const isBroadcast = this.network.isBroadcast(target.address);
    if (isBroadcast && this.options.get(SO_BROADCAST) !== 1) fail(this.#isStream ? 'ENETUNREACH' : 'EACCES');
    const [route] = isBroadcast ? this.network.broadcastRoutes(target.address) : [this.network.route(target.address)];
    const { source } = route!;
    if (this.#local.port === 0) this.#take({ address: source, port: 0 });
    if (!this.#isStream) {
      if (isAny(this.#local.address)) this.#local = { ...this.#local, address: source };
      this.#remote = target;
      return undefined;
    }
    return this.#connectStream(target, route!);
  }

  /** connect(2) with AF_UNSPEC: a datagram socket hears everybody again. */
  #disconnect(): undefined {
    if (this.#isStream) fail(this.#wasConnected ? 'EAFNOSUPPORT' : 'EINVAL');
    this.#remote = undefined;
    this.#local = { ...this.#local, address: this.#any };
    return undefined;
  }

  /** The connection is made at once; a program that does not wait learns of it as if it took time (connect(2), EINPROGRESS). */
  #connectStream(target: Endpoint, { from, to, source }: Route): undefined {
    const inBackground = (this.flags & O_NONBLOCK) !== 0;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt === 'connected') return undefined;
    if (attempt === 'refused') return this.#tellRefused();
    if (this.#wasConnected) fail('EISCONN');
    const server = this.#listener(to.namespace, target);
    if (server === undefined || server.#pending.length > server.#backlog!) {
      if (!inBackground) return fail('ECONNREFUSED');
      this.#attempt = 'refused';
      this.error = ECONNREFUSED;
      this.happened(POLL_ERR);
      return fail('EINPROGRESS');
    }
    const end = new InetSocket(this.#host, O_RDWR, server, to.namespace);
    end.charge = this.#host.object(end.kernelBytes);
    end.#local = target;
    end.#ports.bind(target.port, end);
    if (isAny(this.#local.address)) this.#local = { ...this.#local, address: source };
    end.#join(this, this.#local, { from: to, to: from, source: target.address });
    this.#join(end, target, { from, to, source });
    server.#pending.push(end);
    server.happened();
    if (!inBackground) return undefined;
    this.#attempt = 'connected';
    return fail('EINPROGRESS');
  }

  /** @throws SystemError what has not been told yet: that the connection was refused, or only that there is none */
  #tellRefused(): never {
    const isTold = this.error === 0;
    this.error = 0;
    return fail(isTold ? 'ECONNABORTED' : 'ECONNREFUSED');
  }

  #listener(network: NetNamespace, target: Endpoint): InetSocket | undefined {
    for (const socket of this.#portsOf(network).at(target.port)) {
      if (socket.isListening && !socket.readShut && socket.#covers(target.address)) return socket;
    }
    return undefined;
  }

  #join(peer: InetSocket, remote: Endpoint, way: Route): void {
    this.#peer = peer;
    this.#way = way;
    this.#remote = remote;
    this.#wasConnected = true;
    this.queue.wake();
  }

  /** It has another end now, as datagram sockets may have too. */
  get isConnected(): boolean {
    return this.#remote !== undefined;
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
    return encode(this.#local, this.family);
  }

  peerAddress(): Uint8Array {
    return encode(this.#remote ?? fail('ENOTCONN'), this.family);
  }

  send(bytes: Uint8Array, to: Uint8Array | undefined, ancillary: Ancillary, isMore = false): number | WouldBlock {
    if (this.#corked === undefined && this.writeShut) return fail('EPIPE');
    if (this.#isStream) return this.#sendStream(bytes);
    const isCorked = isMore || this.options.get(UDP_CORK_KEY) === 1;
    const { records = [] } = ancillary;
    if (isCorked || this.#corked !== undefined) return this.#cork(bytes, to, records, isCorked);
    return this.#sendDatagram(bytes, to, records);
  }

  /** Adds to a datagram that is not whole yet; where it goes to is what its first part said (udp(7) UDP_CORK). */
  #cork(bytes: Uint8Array, to: Uint8Array | undefined, records: readonly ControlRecord[], isMore: boolean): number {
    const before = this.#corked ?? { bytes: new Uint8Array(0), ...this.#destination(to, records) };
    const whole = new Uint8Array(before.bytes.length + bytes.length);
    this.#corked = undefined;
    if (whole.length > LARGEST_DATAGRAM) return fail('EMSGSIZE');
    whole.set(before.bytes);
    whole.set(bytes, before.bytes.length);
    if (isMore) this.#corked = { ...before, bytes: whole };
    else this.#sendTo(whole, before);
    return bytes.length;
  }

  /** UDP_CORK was taken away: what has been waiting goes out. */
  uncork(): void {
    const corked = this.#corked;
    this.#corked = undefined;
    if (corked !== undefined) this.#sendTo(corked.bytes, corked);
  }

  #sendStream(bytes: Uint8Array): number | WouldBlock {
    if (this.#attempt === 'refused' && this.error !== 0) this.#tellRefused();
    if (!this.#wasConnected) return fail('EPIPE');
    const peer = this.#peer;
    if (this.#isReset) {
      this.#tellError();
      return fail('EPIPE');
    }
    if (bytes.length === 0) return 0;
    if (peer === undefined) return this.#sendToNobody(bytes.length);
    const room = CAPACITY - peer.#stored.bytes;
    if (room <= 0) {
      this.wantsRoom = true;
      return new WouldBlock(peer.queue);
    }
    const { from, to } = this.#way!;
    // TCP tries again until the way is open
    if (!from.isUp || !to.isUp) return new WouldBlock(peer.queue);
    const part = bytes.slice(0, room);
    from.count(to, part.length);
    peer.#store(part, this.#local);
    return part.length;
  }

  /** An end that was closed looks like one that only sends no more, until it answers what comes with a reset. */
  #sendToNobody(length: number): number {
    const { from, to } = this.#way!;
    const sent = Math.min(length, CAPACITY);
    from.count(to, sent);
    this.#isReset = true;
    this.error = EPIPE;
    this.happened(POLL_ERR);
    return sent;
  }

  #sendDatagram(bytes: Uint8Array, to: Uint8Array | undefined, records: readonly ControlRecord[]): number {
    const destination = this.#destination(to, records);
    if (bytes.length > LARGEST_DATAGRAM) return fail('EMSGSIZE');
    return this.#sendTo(bytes, destination);
  }

  /** @throws SystemError EDESTADDRREQ */
  #destination(to: Uint8Array | undefined, records: readonly ControlRecord[]): Destination {
    const named = to === undefined || to.length === 0 ? this.#remote : this.#target(to);
    const target = named ?? fail('EDESTADDRREQ');
    return { target, choice: packetChoice(this, this.network, target.address, records) };
  }

  #sendTo(bytes: Uint8Array, { target, choice }: Destination): number {
    const isBroadcast = this.network.isBroadcast(target.address);
    if (isBroadcast && this.options.get(SO_BROADCAST) !== 1) fail('EACCES');
    const routes = isBroadcast ? this.network.broadcastRoutes(target.address) : [this.network.route(target.address)];
    if (this.#local.port === 0) this.#take({ address: this.#any, port: 0 });
    this.#tellError();
    const taken = routes.filter((route) => this.#deliver(route, target, bytes, choice));
    if (taken.length === 0 && !isBroadcast) this.#unwanted(routes[0]!, target, bytes);
    return bytes.length;
  }

  /** The port-unreachable message comes back to a connected socket, and to all that hear such messages. */
  #unwanted(route: Route, target: Endpoint, bytes: Uint8Array): void {
    const { address, port } = this.#local;
    const from = { address: isAny(address) ? route.source : address, port };
    if (!isVersion6(target.address)) tellUnreachable(route, this.protocol, from, target, bytes);
    if (this.#remote !== undefined) this.error = ECONNREFUSED;
  }

  /** @throws SystemError what has gone wrong since the last call */
  #tellError(): void {
    const { error } = this;
    this.error = 0;
    if (error !== 0) fail(error === ECONNREFUSED ? 'ECONNREFUSED' : error === EPIPE ? 'EPIPE' : 'ECONNRESET');
  }

  /** Hands a datagram to a socket behind a route; false when nobody wants it. */
  #deliver({ from: by, to, source }: Route, target: Endpoint, bytes: Uint8Array, choice: PacketChoice): boolean {
    const own = isAny(this.#local.address) ? source : this.#local.address;
    const from = { address: choice.source ?? own, port: this.#local.port };
    const { hops, trafficClass } = choice;
    const packet = { to: target.address, hops, trafficClass, index: to.index };
    for (const socket of this.#portsOf(to.namespace).at(target.port)) {
      if (!socket.#covers(target.address)) continue;
      const remote = socket.#remote;
      if (remote !== undefined && (remote.port !== from.port || remote.address !== from.address)) continue;
      by.count(to, bytes.length);
      // a full receiver loses datagrams
      if (socket.#stored.bytes + bytes.length <= CAPACITY) socket.#store(bytes.slice(), from, packet);
      return true;
    }
    return false;
  }

  #store(bytes: Uint8Array, from: Endpoint, packet?: Packet): void {
    this.#stored.add(bytes.length, 1);
    this.#received.push({ bytes, from, packet });
    this.happened();
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    const first = this.#received[0];
    if (first === undefined) return this.#nothing();
    if (this.#isStream) return this.#fromStream(length, peek);
    if (!peek) {
      this.#received.shift();
      this.#stored.add(-first.bytes.length, -1);
    }
    return {
      bytes: first.bytes.subarray(0, length),
      length: first.bytes.length,
      from: encode(first.from, this.family),
      ancillary: first.packet
        ? { ...NO_ANCILLARY, records: recordsOf(this, first.packet, this.network) }
        : NO_ANCILLARY,
    };
  }

  #nothing(): Received | WouldBlock {
    // whose end has come reads the end; what failed was the sending
    if (this.error !== EPIPE) this.#tellError();
    const isOver =
      this.readShut ||
      this.#attempt === 'refused' ||
      (this.#wasConnected && (this.#peer === undefined || this.#peer.writeShut));
    if (this.#isStream && !this.#wasConnected && !isOver) return fail('ENOTCONN');
    const empty = { bytes: new Uint8Array(0), length: 0, from: new Uint8Array(0), ancillary: NO_ANCILLARY };
    return isOver ? empty : new WouldBlock(this.queue);
  }

  #fromStream(length: number, peek: boolean): Received {
    const bytes = new Uint8Array(Math.min(length, this.#stored.bytes));
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
      this.#stored.set(this.#stored.bytes - bytes.length, this.#received.length);
      this.queue.wake();
      this.#peer?.roomMade();
    }
    return { bytes, length: bytes.length, from: new Uint8Array(0), ancillary: NO_ANCILLARY };
  }

  /** The other side sends no more: its end is told, and then that the end can be read. */
  #finished(): void {
    this.happened(this.writeShut ? POLL_HUP : POLL_IN);
    this.async.signal(POLL_IN);
  }

  override shutdown(how: number): void {
    if (this.#isStream ? !this.#wasConnected && !this.isListening : this.#remote === undefined) fail('ENOTCONN');
    super.shutdown(how);
    const peer = this.#peer;
    if (how === SHUT_RD) peer?.queue.wake();
    else if (peer !== undefined) peer.#finished();
  }

  override poll(): number {
    if (this.isListening) return this.#pending.length > 0 ? POLLIN | POLLRDNORM : 0;
    const isOver =
      this.#isStream &&
      (this.readShut ||
        this.#attempt === 'refused' ||
        (this.#wasConnected && (this.#peer === undefined || this.#peer.writeShut)));
    let ready = this.#received.length > 0 || isOver ? POLLIN | POLLRDNORM : 0;
    if (isOver) ready |= POLLRDHUP;
    if (this.#isStream && (!this.#wasConnected || (isOver && this.writeShut) || this.#isReset)) ready |= POLLHUP;
    if (this.error !== 0) ready |= POLLERR;
    if (!this.#isStream || this.#peer === undefined || this.#peer.#stored.bytes < CAPACITY)
      ready |= POLLOUT | POLLWRNORM;
    return ready;
  }

  /** SIOCATMARK: what is urgent is never sent, so that no mark is ever reached. */
  override ioctl(call: Call, request: number, argument: number): CallResult {
    if (request !== SIOCATMARK || !this.#isStream) return super.ioctl(call, request, argument);
    call.writeWord(argument, 0, 4);
    return 0;
  }

  override closed(): void {
    const hadBytes = this.#stored.bytes > 0;
    this.#stored.clear();
    if (this.#local.port !== 0) this.#ports.release(this.#local.port, this);
    for (const waiting of this.#pending) {
      waiting.charge?.free();
      waiting.closed();
    }
    this.network.release();
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer === undefined || peer.#peer !== this) return;
    peer.#peer = undefined;
    // unread bytes are lost, and the other side learns of it
    if (hadBytes) {
      peer.#isReset = true;
      peer.error = this.writeShut ? EPIPE : ECONNRESET;
    }
    if (hadBytes) peer.happened(POLL_ERR);
    else peer.#finished();
  }
}
