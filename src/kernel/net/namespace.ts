// What a network namespace holds (network_namespaces(7)): the ports of the loopback interface and abstract socket names.
import { Ports } from './inet.ts';
import { UnixNames } from './unix.ts';

/** A network of one machine. */
export class NetNamespace {
  readonly tcp = new Ports();
  readonly udp = new Ports();
  readonly names = new UnixNames();
}
