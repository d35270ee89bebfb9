// What requests of rtnetlink(7) get and change: links, addresses and routes.
import { AF_INET } from '../../abi/socket.ts';
import { fail } from '../error.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import { IFF_UP, type NetworkInterface } from './interface.ts';
import type { NetNamespace } from './namespace.ts';
import type { Message, Request } from './netlink.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_GETNEIGH = 30;
const RTM_GETRULE = 34;

const LINK_SIZE = 16;
const ADDRESS_SIZE = 8;
const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  QDISC: 6,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKMODE: 17,
  GROUP: 27,
};
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, FLAGS: 8 };
const RTA = { DST: 1, OIF: 4, PREFSRC: 7, TABLE: 15 };
const OPERSTATE_UNKNOWN = 0;
const OPERSTATE_DOWN = 2;
const OPERSTATE_UP = 6;
const PERMANENT = 0x80;
const SCOPE_HOST = 254;
const SCOPE_LINK = 253;
const MAIN_TABLE = 254;
const PROTOCOL_KERNEL = 2;
const UNICAST = 1;

/** Does the request change something? */
export function isChange({ type }: Request): boolean {
  // three of four types change, the third of each group asks
  return type >= RTM_NEWLINK && type % 4 !== 2;
}

/** The messages that answer a request. @throws SystemError EOPNOTSUPP for what is not known, ENODEV, EINVAL */
export function answer(network: NetNamespace, request: Request, isDump: boolean): Message[] {
  switch (request.type) {
    case RTM_GETLINK:
      return (isDump ? network.interfaces : [linkOf(network, request)]).map(link);
    case RTM_GETADDR:
      return isDump ? network.interfaces.filter(hasAddress).map(address) : fail('EOPNOTSUPP');
    case RTM_GETROUTE:
      return isDump ? network.interfaces.filter(isRoute).map(route) : fail('EOPNOTSUPP');
    case RTM_GETNEIGH:
    case RTM_GETRULE:
      return isDump ? [] : fail('EOPNOTSUPP');
    case RTM_NEWLINK:
    case RTM_SETLINK:
      changeLink(linkOf(network, request), request);
      return [];
    case RTM_NEWADDR:
    case RTM_DELADDR:
      changeAddress(network, request);
      return [];
    default:
      return fail('EOPNOTSUPP');
  }
}

const hasAddress = (own: NetworkInterface) => own.address !== undefined;
const isRoute = (own: NetworkInterface) => hasAddress(own) && own.isUp && !own.isLoopback;

// Attributes: length, type, value, padded to four bytes.

function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + value.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

const text = (type: number, value: string) => attribute(type, encodeText(`${value}\0`));
const byte = (type: number, value: number) => attribute(type, Uint8Array.of(value));
const word = (type: number, value: number) => attribute(type, new Uint8Array(Uint32Array.of(value).buffer));

/** An address in the order of the network. */
function internet(type: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return attribute(type, bytes);
}

function attributes(payload: Uint8Array, from: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = from; at + 4 <= payload.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > payload.length) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, payload.subarray(at + 4, at + length));
    at += Math.ceil(length / 4) * 4;
  }
  return found;
}

function join(head: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(head.length + parts.reduce((sum, { length }) => sum + length, 0));
  bytes.set(head);
  let at = head.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** struct ifinfomsg and what belongs to it. */
function link(own: NetworkInterface): Message {
  const head = new Uint8Array(LINK_SIZE);
  const view = new DataView(head.buffer);
  view.setUint16(2, own.type, true);
  view.setInt32(4, own.index, true);
  // the lower layer is there as soon as the interface is up
  view.setUint32(8, own.flags | (own.isUp ? 0x10000 : 0), true);
  const state = own.isLoopback && own.isUp ? OPERSTATE_UNKNOWN : own.isUp ? OPERSTATE_UP : OPERSTATE_DOWN;
  const broadcast = new Uint8Array(6).fill(own.isLoopback ? 0 : 0xff);
  const parts = [
    text(IFLA.IFNAME, own.name),
    word(IFLA.TXQLEN, 1000),
    byte(IFLA.OPERSTATE, state),
    byte(IFLA.LINKMODE, 0),
    word(IFLA.MTU, own.mtu),
    word(IFLA.GROUP, 0),
    text(IFLA.QDISC, own.isUp ? 'noqueue' : 'noop'),
    attribute(IFLA.ADDRESS, own.hardware),
    attribute(IFLA.BROADCAST, broadcast),
  ];
  return { type: RTM_NEWLINK, payload: join(head, parts) };
}

/** struct ifaddrmsg and what belongs to it. */
function address(own: NetworkInterface): Message {
  const head = Uint8Array.of(AF_INET, own.prefix, PERMANENT, own.isLoopback ? SCOPE_HOST : 0, own.index, 0, 0, 0);
  const parts = [
    internet(IFA.ADDRESS, own.address!),
    internet(IFA.LOCAL, own.address!),
    ...(own.isLoopback ? [] : [internet(IFA.BROADCAST, own.broadcast)]),
    text(IFA.LABEL, own.name),
    word(IFA.FLAGS, PERMANENT),
  ];
  return { type: RTM_NEWADDR, payload: join(head, parts) };
}

/** struct rtmsg and what belongs to it: the network an interface is in. */
function route(own: NetworkInterface): Message {
  const head = new Uint8Array(12);
  head.set([AF_INET, own.prefix, 0, 0, MAIN_TABLE, PROTOCOL_KERNEL, SCOPE_LINK, UNICAST]);
  const parts = [
    word(RTA.TABLE, MAIN_TABLE),
    internet(RTA.DST, (own.address! & own.mask) >>> 0),
    internet(RTA.PREFSRC, own.address!),
    word(RTA.OIF, own.index),
  ];
  return { type: RTM_NEWROUTE, payload: join(head, parts) };
}

/** The interface of a request: by its index, or by its name. */
function linkOf(network: NetNamespace, { payload }: Request): NetworkInterface {
  if (payload.length < LINK_SIZE) return fail('EINVAL');
  const index = new DataView(payload.buffer, payload.byteOffset).getInt32(4, true);
  if (index > 0) return network.interface(index);
  const name = attributes(payload, LINK_SIZE).get(IFLA.IFNAME) ?? fail('EINVAL');
  return network.interface(decodeText(name).replace(/\0.*$/s, ''));
}

function changeLink(own: NetworkInterface, { payload }: Request): void {
  const view = new DataView(payload.buffer, payload.byteOffset);
  const [flags, change] = [view.getUint32(8, true), view.getUint32(12, true)];
  const mtu = attributes(payload, LINK_SIZE).get(IFLA.MTU);
  if (mtu !== undefined) own.mtu = new DataView(mtu.buffer, mtu.byteOffset).getUint32(0, true);
  if ((change === 0 ? 0xffff_ffff : change) & IFF_UP) own.setUp((flags & IFF_UP) !== 0);
}

function changeAddress(network: NetNamespace, { type, payload }: Request): void {
  if (payload.length < ADDRESS_SIZE) fail('EINVAL');
  const view = new DataView(payload.buffer, payload.byteOffset);
  if (view.getUint8(0) !== AF_INET) fail('EOPNOTSUPP');
  const own = network.interface(view.getUint32(4, true));
  const known = attributes(payload, ADDRESS_SIZE);
  const given = known.get(IFA.LOCAL) ?? known.get(IFA.ADDRESS) ?? fail('EINVAL');
  const value = new DataView(given.buffer, given.byteOffset).getUint32(0);
  if (type === RTM_DELADDR) {
    if (own.address !== value) fail('EADDRNOTAVAIL');
    own.address = undefined;
    return;
  }
  if (own.address === value) fail('EEXIST');
  // an interface has one address here
  if (own.address !== undefined) fail('EOPNOTSUPP');
  own.setAddress(value, view.getUint8(1));
}
