// UDP and UDP-Lite (udp(7), udplite(7)): datagrams between sockets of this kernel, one receiver or all that a broadcast comes to.
import { ERRNO } from '../../abi/errno.ts';
import { IPPROTO_UDPLITE, SO_BROADCAST } from '../../abi/socket.ts';
import { fail } from '../error.ts';
import { POLLERR, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import { type Endpoint, encode, isAny, isVersion6 } from './endpoint.ts';
import { CAPACITY, InetSocket, NOTHING } from './inet.ts';
import type { NetNamespace, Route } from './namespace.ts';
import { type Packet, type PacketChoice, packetChoice, recordsOf } from './packet-info.ts';
import type { Ports } from './ports.ts';
import { UDP_CORK_KEY } from './protocol-options.ts';
import { tellUnreachable } from './raw.ts';
import { type Ancillary, type ControlRecord, NO_ANCILLARY, type Received, type ReceiveOptions } from './socket.ts';

const LARGEST_DATAGRAM = 65507;

/** Where a datagram goes, and how. */
interface Destination {
  readonly target: Endpoint;
  readonly choice: PacketChoice;
}

/** A datagram that has come. */
interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly packet: Packet;
}

/** An open UDP or UDP-Lite socket. */
export class UdpSocket extends InetSocket {
  readonly isListening = false;
  /** A datagram that is not whole yet. */
  #corked: ({ readonly bytes: Uint8Array } & Destination) | undefined;
  readonly #received: Datagram[] = [];

  protected get ports(): Ports<UdpSocket> {
    return this.#portsOf(this.network);
  }

  #portsOf({ udp, udplite }: NetNamespace): Ports<UdpSocket> {
    return this.protocol === IPPROTO_UDPLITE ? udplite : udp;
  }

  /** @throws SystemError EBUSY */
  override becomeVersion4(): void {
    if (this.#corked !== undefined && isVersion6(this.#corked.target.address)) fail('EBUSY');
    super.becomeVersion4();
  }

  listen(): never {
    return fail('EOPNOTSUPP');
  }

  accept(): never {
    return fail('EOPNOTSUPP');
  }

  /** Whom it is connected with need not know of it. */
  connected(): boolean {
    return false;
  }

  protected connectTo(target: Endpoint, { source }: Route): undefined {
    if (isAny(this.local.address)) this.local = { ...this.local, address: source };
    this.remote = target;
    return undefined;
  }

  /** It hears everybody again. */
  protected disconnect(): undefined {
    this.remote = undefined;
    this.local = { ...this.local, address: this.any };
    return undefined;
  }

  send(bytes: Uint8Array, to: Uint8Array | undefined, ancillary: Ancillary, isMore = false): number {
    if (this.#corked === undefined && this.writeShut) return fail('EPIPE');
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

  #sendDatagram(bytes: Uint8Array, to: Uint8Array | undefined, records: readonly ControlRecord[]): number {
    const destination = this.#destination(to, records);
    if (bytes.length > LARGEST_DATAGRAM) return fail('EMSGSIZE');
    return this.#sendTo(bytes, destination);
  }

  /** @throws SystemError EDESTADDRREQ */
  #destination(to: Uint8Array | undefined, records: readonly ControlRecord[]): Destination {
    const named = to === undefined || to.length === 0 ? this.remote : this.target(to);
    const target = named ?? fail('EDESTADDRREQ');
    return { target, choice: packetChoice(this, this.network, target.address, records) };
  }

  #sendTo(bytes: Uint8Array, { target, choice }: Destination): number {
    const isBroadcast = this.network.isBroadcast(target.address);
    if (isBroadcast && this.options.get(SO_BROADCAST) !== 1) fail('EACCES');
    const routes = isBroadcast ? this.network.broadcastRoutes(target.address) : [this.network.route(target.address)];
    if (this.local.port === 0) this.take({ address: this.any, port: 0 });
    this.tellError();
    const taken = routes.filter((route) => this.#deliver(route, target, bytes, choice));
    if (taken.length === 0 && !isBroadcast) this.#unwanted(routes[0]!, target, bytes);
    return bytes.length;
  }

  /** The port-unreachable message comes back to a connected socket, and to all that hear such messages. */
  #unwanted(route: Route, target: Endpoint, bytes: Uint8Array): void {
    const { address, port } = this.local;
    const from = { address: isAny(address) ? route.source : address, port };
    if (!isVersion6(target.address)) tellUnreachable(route, this.protocol, from, target, bytes);
    if (this.remote !== undefined) this.error = ERRNO.ECONNREFUSED;
  }

  /** Hands a datagram to a socket behind a route; false when nobody wants it. */
  #deliver({ from: by, to, source }: Route, target: Endpoint, bytes: Uint8Array, choice: PacketChoice): boolean {
    const own = isAny(this.local.address) ? source : this.local.address;
    const from = { address: choice.source ?? own, port: this.local.port };
    const { hops, trafficClass } = choice;
    const packet = { to: target.address, hops, trafficClass, index: to.index };
    for (const socket of this.#portsOf(to.namespace).at(target.port)) {
      if (!socket.covers(target.address)) continue;
      const remote = socket.remote;
      if (remote !== undefined && (remote.port !== from.port || remote.address !== from.address)) continue;
      by.count(to, bytes.length);
      // a full receiver loses datagrams
      if (socket.stored.bytes + bytes.length <= CAPACITY) socket.#store(bytes.slice(), from, packet);
      return true;
    }
    return false;
  }

  #store(bytes: Uint8Array, from: Endpoint, packet: Packet): void {
    this.stored.add(bytes.length, 1);
    this.#received.push({ bytes, from, packet });
    this.happened();
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    const first = this.#received[0];
    if (first === undefined) return this.#nothing();
    const { bytes, from, packet } = first;
    if (!peek) {
      this.#received.shift();
      this.stored.add(-bytes.length, -1);
    }
    return {
      bytes: bytes.subarray(0, length),
      length: bytes.length,
      from: encode(from, this.family),
      ancillary: { ...NO_ANCILLARY, records: recordsOf(this, packet, this.network) },
    };
  }

  #nothing(): Received | WouldBlock {
    this.tellError();
    return this.readShut ? NOTHING : new WouldBlock(this.queue);
  }

  override shutdown(how: number): void {
    if (this.remote === undefined) fail('ENOTCONN');
    super.shutdown(how);
  }

  override poll(): number {
    const readable = this.#received.length > 0 ? POLLIN | POLLRDNORM : 0;
    return readable | (this.error !== 0 ? POLLERR : 0) | POLLOUT | POLLWRNORM;
  }
}
