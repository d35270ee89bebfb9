// ioctl(2) on sockets for interfaces: names, flags and addresses of the socket's network namespace (netdevice(7)).
import { AF_INET } from '../../abi/socket.ts';
import { fail } from '../error.ts';
import type { Call } from '../syscalls/call.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import { CAP_NET_ADMIN, hasCapability } from '../vfs/permission.ts';
import { IFF_UP, type NetworkInterface, prefixOf } from './interface.ts';
import type { NetNamespace } from './namespace.ts';

const NAME_SIZE = 16;
const SIOCGIFNAME = 0x8910;
const SIOCGIFCONF = 0x8912;
/** Size of struct ifreq by word size: a name and a union as large as struct ifmap. */
const REQUEST_SIZE = { 4: 32, 8: 40 } as const;

/** What a request reads: it fills the union behind the name. */
type Getter = (own: NetworkInterface, union: DataView) => void;
/** What a request sets from the union. */
type Setter = (own: NetworkInterface, union: DataView) => void;

function putAddress(union: DataView, address: number): void {
  union.setUint16(0, AF_INET, true);
  union.setUint32(4, address);
}

function addressOf({ address }: NetworkInterface): number {
  return address ?? fail('EADDRNOTAVAIL');
}

function givenAddress(union: DataView): number {
  return union.getUint16(0, true) === AF_INET ? union.getUint32(4) : fail('EINVAL');
}

const GETTERS: Readonly<Record<number, Getter>> = {
  35091: ({ flags }, union) => union.setUint16(0, flags, true),
  35093: (own, union) => putAddress(union, addressOf(own)),
  35095: (own, union) => putAddress(union, addressOf(own)),
  35097: (own, union) => {
    addressOf(own);
    putAddress(union, own.broadcast);
  },
  35099: (own, union) => {
    addressOf(own);
    putAddress(union, own.mask);
  },
  35101: (_own, union) => union.setInt32(0, 0, true),
  35105: ({ mtu }, union) => union.setInt32(0, mtu, true),
  35111: ({ type, hardware }, union) => {
    union.setUint16(0, type, true);
    hardware.forEach((byte, n) => {
      union.setUint8(2 + n, byte);
    });
  },
  35123: ({ index }, union) => union.setInt32(0, index, true),
  35138: (_own, union) => union.setInt32(0, 1000, true),
};

const SETTERS: Readonly<Record<number, Setter>> = {
  35092: (own, union) => own.setUp((union.getUint16(0, true) & IFF_UP) !== 0),
  35094: (own, union) =>
    own.setAddress(givenAddress(union), own.prefix === 0 ? classPrefix(givenAddress(union)) : own.prefix),
  35098: (_own, union) => void givenAddress(union),
  35100: (own, union) => own.setAddress(addressOf(own), maskPrefix(givenAddress(union))),
  35106: (own, union) => {
    const mtu = union.getInt32(0, true);
    if (mtu < 68 || mtu > 65535) fail('EINVAL');
    own.mtu = mtu;
  },
};

/** The network mask an address had by its class. */
function classPrefix(address: number): number {
  if (address >>> 31 === 0) return 8;
  return address >>> 30 === 2 ? 16 : 24;
}

function maskPrefix(mask: number): number {
  const prefix = prefixOf(mask);
  return Number.isInteger(prefix) && (~mask & (~mask + 1)) === 0 ? prefix : fail('EINVAL');
}

/** Runs a request; undefined when it is none for interfaces. */
export function interfaceCall(call: Call, network: NetNamespace, request: number, address: number): number | undefined {
  if (request === SIOCGIFCONF) return listInterfaces(call, network, address);
  if (request === SIOCGIFNAME) return nameOf(call, network, address);
  const [get, set] = [GETTERS[request], SETTERS[request]];
  if (get === undefined && set === undefined) return undefined;
  const bytes = call.read(address, REQUEST_SIZE[call.wordSize]).slice();
  const end = bytes.subarray(0, NAME_SIZE).indexOf(0);
  const own = network.interface(decodeText(bytes.subarray(0, end < 0 ? NAME_SIZE - 1 : end)));
  const union = new DataView(bytes.buffer, NAME_SIZE);
  if (set !== undefined) {
    if (!hasCapability(call.task.credentials, CAP_NET_ADMIN, network.owner)) fail('EPERM');
    set(own, union);
    return 0;
  }
  bytes.fill(0, NAME_SIZE);
  get!(own, union);
  call.write(address, bytes);
  return 0;
}

function nameOf(call: Call, network: NetNamespace, address: number): number {
  const bytes = call.read(address, REQUEST_SIZE[call.wordSize]).slice();
  const index = new DataView(bytes.buffer).getInt32(NAME_SIZE, true);
  bytes.fill(0, 0, NAME_SIZE);
  bytes.set(encodeText(network.interface(index).name));
  call.write(address, bytes);
  return 0;
}

/** SIOCGIFCONF: the interfaces that have addresses. */
function listInterfaces(call: Call, network: NetNamespace, address: number): number {
  const word = call.wordSize;
  const [room, buffer] = [call.readWord(address, 4), call.readWord(address + word)];
  const size = REQUEST_SIZE[word];
  const known = network.interfaces.filter((own) => own.address !== undefined);
  const shown = buffer === 0 ? known : known.slice(0, Math.floor(room / size));
  shown.forEach((own, n) => {
    if (buffer === 0) return;
    const bytes = new Uint8Array(size);
    bytes.set(encodeText(own.name));
    putAddress(new DataView(bytes.buffer, NAME_SIZE), own.address!);
    call.write(buffer + n * size, bytes);
  });
  call.writeWord(address, shown.length * size, 4);
  return 0;
}
