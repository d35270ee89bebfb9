// Network interfaces and the bridge that joins those of several namespaces (netdevice(7), veth(4) in its effects: a frame
// sent on one side is at once on the other).
import type { NetNamespace } from './namespace.ts';

/** Flags of an interface (netdevice(7) SIOCGIFFLAGS). */
export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_RUNNING = 0x40;
export const IFF_MULTICAST = 0x1000;
/** Types of devices (<linux/if_arp.h>). */
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;

const LOOPBACK_MTU = 65536;
const ETHERNET_MTU = 1500;
const LONGEST_PREFIX = 32;

/** A network mask of so many bits. */
export const maskOf = (prefix: number): number => (prefix === 0 ? 0 : (0xffff_ffff << (LONGEST_PREFIX - prefix)) >>> 0);

/** Bits of a network mask. */
export function prefixOf(mask: number): number {
  return LONGEST_PREFIX - Math.round(Math.log2(2 ** LONGEST_PREFIX - mask));
}

/** An interface of a namespace. */
export class NetworkInterface {
  readonly namespace: NetNamespace;
  readonly index: number;
  name: string;
  readonly type: number;
  /** Hardware address. */
  readonly hardware: Uint8Array;
  flags: number;
  mtu: number;
  /** Undefined while it has none. */
  address: number | undefined;
  prefix = 0;
  readonly bridge: Bridge | undefined;
  /** What passed through it, for /proc/net/dev. */
  received = { bytes: 0, packets: 0 };
  sent = { bytes: 0, packets: 0 };

  private constructor(namespace: NetNamespace, index: number, name: string, type: number, bridge?: Bridge) {
    this.namespace = namespace;
    this.index = index;
    this.name = name;
    this.type = type;
    this.bridge = bridge;
    const isLoopback = type === ARPHRD_LOOPBACK;
    this.flags = isLoopback ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST;
    this.mtu = isLoopback ? LOOPBACK_MTU : ETHERNET_MTU;
    this.hardware = bridge?.nextHardwareAddress() ?? new Uint8Array(6);
  }

  static loopback(namespace: NetNamespace): NetworkInterface {
    return new NetworkInterface(namespace, 1, 'lo', ARPHRD_LOOPBACK);
  }

  static onBridge(namespace: NetNamespace, index: number, name: string, bridge: Bridge): NetworkInterface {
    return new NetworkInterface(namespace, index, name, ARPHRD_ETHER, bridge);
  }

  get isUp(): boolean {
    return (this.flags & IFF_UP) !== 0;
  }

  get isLoopback(): boolean {
    return (this.flags & IFF_LOOPBACK) !== 0;
  }

  get mask(): number {
    return maskOf(this.prefix);
  }

  get broadcast(): number {
    return this.address === undefined || this.isLoopback ? 0 : (this.address | ~this.mask) >>> 0;
  }

  /** The address lies in the network of this interface. */
  reaches(address: number): boolean {
    return this.address !== undefined && (address & this.mask) >>> 0 === (this.address & this.mask) >>> 0;
  }

  /** Switches it on or off; loopback gets its address when it first goes up. */
  setUp(up: boolean): void {
    this.flags = up ? this.flags | IFF_UP | IFF_RUNNING : this.flags & ~(IFF_UP | IFF_RUNNING);
    if (up && this.isLoopback && this.address === undefined) this.setAddress(0x7f00_0001, 8);
  }

  setAddress(address: number, prefix: number): void {
    this.address = address;
    this.prefix = prefix;
  }

  /** Something passed from this interface to another. */
  count(to: NetworkInterface, bytes: number): void {
    this.sent.bytes += bytes;
    this.sent.packets++;
    to.received.bytes += bytes;
    to.received.packets++;
  }
}

/** Interfaces of several namespaces that reach each other. */
export class Bridge {
  readonly name: string;
  readonly members = new Set<NetworkInterface>();
  #lastHardware = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The interface that has an address; undefined when nobody answers. */
  find(address: number): NetworkInterface | undefined {
    for (const member of this.members) if (member.isUp && member.address === address) return member;
    return undefined;
  }

  /** A locally administered address nobody else on the bridge has. */
  nextHardwareAddress(): Uint8Array {
    const bytes = Uint8Array.of(0x02, 0x42, 0, 0, 0, 0);
    new DataView(bytes.buffer).setUint32(2, ++this.#lastHardware);
    return bytes;
  }
}
