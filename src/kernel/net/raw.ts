// Raw sockets (raw(7)) for the messages of icmp(7): echoes, which the machine asked answers itself, and what comes back when a
// datagram is wanted by nobody. Only these are made into packets: TCP and UDP need none between sockets of one kernel.
import { AF_INET, SO_BROADCAST } from '../../abi/socket.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import { fail } from '../error.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import { ANY, decode, decodeUnchecked, type Endpoint, encode, LOOPBACK } from './endpoint.ts';
import type { NetNamespace, Route } from './namespace.ts';
import { DEFAULT_BUFFER, NO_ANCILLARY, type Received, type ReceiveOptions, Socket, type SocketHost } from './socket.ts';

export const IPPROTO_ICMP = 1;
/** A socket that can only send, with headers of its own. */
export const IPPROTO_RAW = 255;

const IP_HEADER = 20;
const UDP_HEADER = 8;
const ICMP_HEADER = 8;
const TTL = 64;
const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO = 8;
const PORT_UNREACHABLE = 3;
/** Most of a message that tells of a datagram (RFC 1812, 4.3.2.3). */
const LONGEST_REPORT = 576 - IP_HEADER;
const LONGEST_MESSAGE = 65535 - IP_HEADER;

/** The Internet checksum (RFC 1071); 0 over what has a right one in it. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, n) => {
    sum += n % 2 === 0 ? byte << 8 : byte;
  });
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** A message with its IP header. */
function packet(protocol: number, from: number, to: number, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(IP_HEADER + message.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, bytes.length);
  bytes[8] = TTL;
  bytes[9] = protocol;
  view.setUint32(12, from);
  view.setUint32(16, to);
  view.setUint16(10, checksum(bytes.subarray(0, IP_HEADER)));
  bytes.set(message, IP_HEADER);
  return bytes;
}

/** A message with another type, code and the checksum that belongs to it. */
function message(type: number, code: number, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + rest.length);
  bytes[0] = type;
  bytes[1] = code;
  bytes.set(rest, 4);
  new DataView(bytes.buffer).setUint16(2, checksum(bytes));
  return bytes;
}

/** A message has arrived in a namespace. */
function arrive(network: NetNamespace, from: number, to: number, bytes: Uint8Array): void {
  if (bytes.length < ICMP_HEADER || network.raw.size === 0) return;
  const whole = packet(IPPROTO_ICMP, from, to, bytes);
  for (const socket of network.raw) socket.hear(from, to, whole);
}

/** Sends a message along a route; a machine that is asked for an echo answers. */
function deliver({ from, to, source }: Route, target: number, bytes: Uint8Array, isBroadcast: boolean): void {
  from.count(to, bytes.length);
  arrive(to.namespace, source, target, bytes);
  const isRequest = bytes.length >= ICMP_HEADER && bytes[0] === ECHO && checksum(bytes) === 0;
  // as everywhere, no broadcast is answered (icmp_echo_ignore_broadcasts)
  if (!isRequest || isBroadcast) return;
  to.count(from, bytes.length);
  arrive(from.namespace, target, source, message(ECHO_REPLY, 0, bytes.subarray(4)));
}

/** Tells the sender's machine that nobody takes its datagrams at a port of a protocol. */
export function tellUnreachable(
  { from, to }: Route,
  protocol: number,
  sender: Endpoint,
  target: Endpoint,
  bytes: Uint8Array,
): void {
  if (from.namespace.raw.size === 0) return;
  const datagram = new Uint8Array(UDP_HEADER + bytes.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, sender.port);
  view.setUint16(2, target.port);
  view.setUint16(4, datagram.length);
  datagram.set(bytes, UDP_HEADER);
  const lost = packet(protocol, sender.address, target.address, datagram);
  const rest = new Uint8Array(Math.min(ICMP_HEADER - 4 + lost.length, LONGEST_REPORT - 4));
  rest.set(lost.subarray(0, rest.length - 4), 4);
  const report = message(UNREACHABLE, PORT_UNREACHABLE, rest);
  to.count(from, report.length);
  arrive(from.namespace, target.address, sender.address, report);
}

/** An open raw socket. */
export class RawSocket extends Socket {
  override readonly network: NetNamespace;
  readonly isListening = false;
  readonly peerCredentials = undefined;
  #local = ANY;
  #remote: number | undefined;
  readonly #received: { readonly bytes: Uint8Array; readonly from: number }[] = [];
  /** What waits for the reader. */
  readonly #stored: KernelObject;

  constructor(host: SocketHost, flags: number, kind: number, protocol: number, network: NetNamespace) {
    super(host.newInode(), flags, AF_INET, kind, protocol);
    this.network = network.hold();
    this.#stored = host.store();
    if (protocol === IPPROTO_ICMP) network.raw.add(this);
  }

  bind(address: Uint8Array): void {
    const { network } = this;
    const wanted = decodeUnchecked(address).address;
    const isLocal = wanted === ANY || network.isOwn(wanted) || network.isBroadcast(wanted);
    this.#local = isLocal ? wanted : fail('EADDRNOTAVAIL');
  }

  connect(address: Uint8Array): undefined {
    const target = this.#target(decode(address));
    const { source } = this.#routes(target)[0]!;
    if (this.#local === ANY) this.#local = source;
    this.#remote = target;
  }

  #target({ address }: Endpoint): number {
    return address === ANY ? LOOPBACK : address;
  }

  #routes(target: number): readonly Route[] {
    const { network } = this;
    if (!network.isBroadcast(target)) return [network.route(target)];
    return this.options.get(SO_BROADCAST) === 1 ? network.broadcastRoutes(target) : fail('EACCES');
  }

  connected(): boolean {
    return true;
  }

  listen(): never {
    return fail('EOPNOTSUPP');
  }

  accept(): never {
    return fail('EOPNOTSUPP');
  }

  localAddress(): Uint8Array {
    return encode({ address: this.#local, port: this.protocol });
  }

  peerAddress(): Uint8Array {
    return encode({ address: this.#remote ?? fail('ENOTCONN'), port: 0 });
  }

  send(bytes: Uint8Array, to: Uint8Array | undefined): number {
    if (this.writeShut) return fail('EPIPE');
    const target = to === undefined || to.length === 0 ? this.#remote : this.#target(decode(to));
    if (target === undefined) return fail('EDESTADDRREQ');
    // nothing takes packets of other protocols
    if (this.protocol !== IPPROTO_ICMP) return fail('EOPNOTSUPP');
    if (bytes.length > LONGEST_MESSAGE) return fail('EMSGSIZE');
    const isBroadcast = this.network.isBroadcast(target);
    for (const route of this.#routes(target)) {
      const source = this.#local === ANY ? route.source : this.#local;
      deliver({ ...route, source }, target, bytes, isBroadcast);
    }
    return bytes.length;
  }

  /** Takes a packet that has arrived here, when it is one for this socket. */
  hear(from: number, to: number, bytes: Uint8Array): void {
    if (this.#local !== ANY && this.#local !== to) return;
    if (this.#remote !== undefined && this.#remote !== from) return;
    // a full receiver loses packets
    if (this.#stored.bytes + bytes.length > DEFAULT_BUFFER) return;
    this.#stored.add(bytes.length);
    this.#received.push({ bytes, from });
    this.happened();
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    const first = this.#received[0];
    if (first === undefined) return new WouldBlock(this.queue);
    if (!peek) {
      this.#received.shift();
      this.#stored.add(-first.bytes.length);
    }
    const { bytes, from } = first;
    return {
      bytes: bytes.subarray(0, length),
      length: bytes.length,
      from: encode({ address: from, port: 0 }),
      ancillary: NO_ANCILLARY,
    };
  }

  override shutdown(how: number): void {
    if (this.#remote === undefined) fail('ENOTCONN');
    super.shutdown(how);
  }

  override poll(): number {
    return (this.#received.length > 0 ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM;
  }

  override closed(): void {
    this.#stored.clear();
    this.network.raw.delete(this);
    this.network.release();
  }
}
