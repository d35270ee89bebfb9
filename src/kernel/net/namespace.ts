// What a network namespace holds (network_namespaces(7)): interfaces, the ports of its protocols, abstract socket names.
import { fail } from '../error.ts';
import { Namespace } from '../ns/namespace.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import { isVersion6, LOOPBACK6 } from './endpoint.ts';
import { NetControls } from './controls.ts';
import { Ports } from './ports.ts';
import { type Bridge, NetworkInterface } from './interface.ts';
import type { RawSocket } from './raw.ts';
import type { TcpSocket } from './tcp.ts';
import type { UdpSocket } from './udp.ts';
import { UnixNames } from './unix-names.ts';

const BROADCAST = 0xffff_ffff;

/** Where something sent to an address goes. */
export interface Route {
  /** The interface it leaves by, and the one it comes to. */
  readonly from: NetworkInterface;
  readonly to: NetworkInterface;
  /** The sender's address, unless it has chosen another. */
  readonly source: number;
}

/** How an interface is set up. */
export interface InterfaceOptions {
  readonly name: string;
  readonly address: number;
  /** Bits of the network mask. */
  readonly prefix: number;
}

/** A network of one machine. */
export class NetNamespace extends Namespace {
  readonly kind = 'net';
  readonly owner: UserNamespace;
  readonly loopback: NetworkInterface = NetworkInterface.loopback(this);
  /** By index. */
  readonly interfaces: NetworkInterface[] = [this.loopback];
  readonly controls = new NetControls();
  readonly tcp = new Ports<TcpSocket>(this.controls);
  readonly udp = new Ports<UdpSocket>(this.controls);
  readonly udplite = new Ports<UdpSocket>(this.controls);
  /** Raw sockets that hear of the messages that arrive. */
  readonly raw = new Set<RawSocket>();
  readonly names = new UnixNames(this.controls);
  #nextIndex = 2;

  constructor(number: number, owner: UserNamespace) {
    super(number);
    this.owner = owner;
  }

  /** Adds an interface on a bridge, with an address and switched on. */
  join(bridge: Bridge, { name, address, prefix }: InterfaceOptions): NetworkInterface {
    const made = NetworkInterface.onBridge(this, this.#nextIndex++, name, bridge);
    made.setAddress(address, prefix);
    made.setUp(true);
    this.interfaces.push(made);
    bridge.members.add(made);
    return made;
  }

  /** The interface of a name or index. @throws SystemError ENODEV */
  interface(which: string | number): NetworkInterface {
    return this.interfaces.find(({ name, index }) => which === name || which === index) ?? fail('ENODEV');
  }

  /** The address is one of this machine's. */
  isOwn(address: number): boolean {
    if (isVersion6(address)) return address === LOOPBACK6 && this.loopback.isUp;
    return this.interfaces.some((own) =>
      own.isLoopback ? own.isUp && own.reaches(address) : own.address === address && own.address !== undefined,
    );
  }

  /** The broadcast address of a network this machine is in, or of all. */
  isBroadcast(address: number): boolean {
    return address === BROADCAST || this.interfaces.some((own) => !own.isLoopback && own.broadcast === address);
  }

  /** Where an address is. @throws SystemError ENETUNREACH without a way, EHOSTUNREACH when nobody answers */
  route(address: number): Route {
    const { loopback } = this;
    if (this.isOwn(address)) {
      // what is sent to the machine itself never leaves it
      if (!loopback.isUp) fail('ENETUNREACH');
      const source = !isVersion6(address) && loopback.reaches(address) ? loopback.address! : address;
      return { from: loopback, to: loopback, source };
    }
    const from = this.#towards(address);
    const to = from.bridge!.find(address) ?? fail('EHOSTUNREACH');
    return { from, to, source: from.address! };
  }

  /** All that a broadcast comes to, this machine among them. @throws SystemError ENETUNREACH */
  broadcastRoutes(address: number): Route[] {
    const from =
      this.interfaces.find((own) => own.isUp && !own.isLoopback && [BROADCAST, own.broadcast].includes(address)) ??
      fail('ENETUNREACH');
    const members = [...from.bridge!.members].filter(({ isUp }) => isUp);
    return members.map((to) => ({ from, to, source: from.address! }));
  }

  #towards(address: number): NetworkInterface {
    // no network has addresses of IPv6
    if (isVersion6(address)) fail('ENETUNREACH');
    const found = this.interfaces.find((own) => own.isUp && !own.isLoopback && own.reaches(address));
    return found ?? fail('ENETUNREACH');
  }

  protected override ended(): void {
    for (const own of this.interfaces) own.bridge?.members.delete(own);
  }
}
