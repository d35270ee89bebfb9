// What the sockets of the internet have in common (ip(7), ipv6(7)): addresses of both versions, ports, and what waits for the
// reader. They connect network namespaces of this kernel; both ends of everything live here, so that no packet has to be made:
// what is observable is ports, states, and bytes in order.
import { errnoName } from '../../abi/errno.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  SO_BROADCAST,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
} from '../../abi/socket.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import { fail } from '../error.ts';
import type { Task } from '../task/task.ts';
import type { WouldBlock } from '../vfs/file.ts';
import { CAP_NET_BIND_SERVICE, hasCapability } from '../vfs/permission.ts';
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
import type { Ports } from './ports.ts';
import { NO_ANCILLARY, type Received, Socket, type SocketHost } from './socket.ts';

/** Bytes that wait for the reader of a socket. */
export const CAPACITY = 212992;
/** What a reader gets who has nothing to wait for. */
export const NOTHING: Received = {
  bytes: new Uint8Array(0),
  length: 0,
  from: new Uint8Array(0),
  ancillary: NO_ANCILLARY,
};

const isLoopbackNet = (address: number): boolean => !isVersion6(address) && address >>> 24 === 127;

/** Family, kind and protocol of a socket. */
export interface InetType {
  readonly family: number;
  readonly kind: number;
  readonly protocol: number;
}

/** An open socket of TCP, UDP or UDP-Lite. One of IPv6 also speaks IPv4, unless it was told not to. */
export abstract class InetSocket extends Socket {
  override readonly network: NetNamespace;
  /** IPV6_V6ONLY. */
  isOnly6 = false;
  protected local: Endpoint;
  protected remote: Endpoint | undefined;
  /** What waits for the reader. */
  protected readonly stored: KernelObject;

  constructor(host: SocketHost, flags: number, type: InetType, network: NetNamespace) {
    super(host.newInode(), flags, type.family, type.kind, type.protocol);
    this.local = { address: this.any, port: 0 };
    this.network = network.hold();
    this.stored = host.store();
  }

  /** The ports of its protocol in its network. */
  protected abstract get ports(): Ports<InetSocket>;

  /** connect(2) to an address that can be reached. */
  protected abstract connectTo(target: Endpoint, route: Route): undefined;

  /** connect(2) with AF_UNSPEC. */
  protected abstract disconnect(): undefined;

  /**
   * IPV6_ADDRFORM: a socket of IPv6 that speaks IPv4 becomes one of IPv4 (ipv6(7)).
   * @throws SystemError ENOTCONN, EADDRNOTAVAIL
   */
  becomeVersion4(): void {
    const { address } = this.remote ?? fail('ENOTCONN');
    if (this.isOnly6 || isVersion6(address)) fail('EADDRNOTAVAIL');
    this.family = AF_INET;
  }

  /** The address that stands for all. */
  protected get any(): number {
    return this.family === AF_INET6 ? ANY6 : ANY;
  }

  get isBound(): boolean {
    return this.local.port !== 0;
  }

  /** What is sent to a name, to this machine when it names none. @throws SystemError ENETUNREACH */
  protected target(bytes: Uint8Array): Endpoint {
    const { address, port } = decode(bytes, this.family);
    if (this.isOnly6 && !isVersion6(address)) fail('ENETUNREACH');
    return { address: address === ANY ? LOOPBACK : address === ANY6 ? LOOPBACK6 : address, port };
  }

  /** What comes to an address is for a socket that is bound to `own` as this one is. */
  protected covers(address: number, own = this.local.address): boolean {
    if (own === ANY6) return isVersion6(address) || !this.isOnly6;
    return own === ANY ? !isVersion6(address) : own === address;
  }

  /** Bytes that wait for the reader. */
  get waitingBytes(): number {
    return this.stored.bytes;
  }

  /** What /proc/net shows of it. */
  get summary(): { readonly local: Endpoint; readonly remote: Endpoint; readonly isConnected: boolean } {
    return { local: this.local, remote: this.remote ?? UNBOUND, isConnected: this.hasPeer };
  }

  /** There is another end that knows of this one. */
  protected get hasPeer(): boolean {
    return false;
  }

  get #isStream(): boolean {
    return this.kind === SOCK_STREAM;
  }

  /** It has another end now, as datagram sockets may have too. */
  get isConnected(): boolean {
    return this.remote !== undefined;
  }

  get peerCredentials(): undefined {
    return undefined;
  }

  bind(address: Uint8Array, task: Task): void {
    const wanted = decode(address, this.family);
    if (this.local.port !== 0 || (this.isOnly6 && !isVersion6(wanted.address))) fail('EINVAL');
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
    this.take(wanted);
  }

  /** Binds it. @throws SystemError EADDRINUSE */
  protected take({ address, port }: Endpoint): void {
    const chosen = port === 0 ? this.ports.ephemeral() : port;
    for (const other of this.ports.at(chosen)) if (this.#conflicts(other, address)) fail('EADDRINUSE');
    this.local = { address, port: chosen };
    this.ports.bind(chosen, this);
  }

  #conflicts(other: InetSocket, address: number): boolean {
    const overlap = other.covers(address) || this.covers(other.local.address, address);
    const both = (option: number) => this.options.get(option) === 1 && other.options.get(option) === 1;
    if (both(SO_REUSEPORT)) return false;
    return overlap && !(both(SO_REUSEADDR) && !(this.#isStream && other.isListening));
  }

  connect(address: Uint8Array): WouldBlock | undefined {
    if (new DataView(address.buffer, address.byteOffset).getUint16(0, true) === AF_UNSPEC) return this.disconnect();
    const target = this.target(address);
    if (this.isListening) fail('EISCONN');
    const isBroadcast = this.network.isBroadcast(target.address);
    if (isBroadcast && this.options.get(SO_BROADCAST) !== 1) fail(this.#isStream ? 'ENETUNREACH' : 'EACCES');
    const [route] = isBroadcast ? this.network.broadcastRoutes(target.address) : [this.network.route(target.address)];
    const { source } = route!;
    if (this.local.port === 0) this.take({ address: source, port: 0 });
    return this.connectTo(target, route!);
  }

  localAddress(): Uint8Array {
    return encode(this.local, this.family);
  }

  peerAddress(): Uint8Array {
    return encode(this.remote ?? fail('ENOTCONN'), this.family);
  }

  /** @throws SystemError what has gone wrong since the last call */
  protected tellError(): void {
    const { error } = this;
    this.error = 0;
    if (error !== 0) fail(errnoName(error)!);
  }

  override closed(): void {
    this.stored.clear();
    if (this.local.port !== 0) this.ports.release(this.local.port, this);
    this.network.release();
  }
}
