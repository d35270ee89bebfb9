// What a network namespace holds (network_namespaces(7)): the ports of the loopback interface and abstract socket names.
import { Namespace } from '../ns/namespace.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import { Ports } from './inet.ts';
import { UnixNames } from './unix.ts';

/** A network of one machine. */
export class NetNamespace extends Namespace {
  readonly kind = 'net';
  readonly owner: UserNamespace;
  readonly tcp = new Ports();
  readonly udp = new Ports();
  readonly names = new UnixNames();

  constructor(number: number, owner: UserNamespace) {
    super(number);
    this.owner = owner;
  }
}
