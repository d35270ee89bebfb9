// Addresses of the internet as one number: those of IPv4 as they are, and of IPv6 the three kinds that matter where no network
// has any: the unspecified one, the loopback, and all others (ip(7), ipv6(7)). Addresses mapped from IPv4 are those of IPv4.
import { AF_INET, AF_INET6 } from '../../abi/socket.ts';
import { fail } from '../error.ts';

export const ANY = 0;
export const LOOPBACK = 0x7f00_0001;
export const ANY6 = 2 ** 32;
export const LOOPBACK6 = ANY6 + 1;
/** Any other address of IPv6: nobody has it. */
const ELSEWHERE6 = ANY6 + 2;

/** Sizes of struct sockaddr_in and sockaddr_in6; the latter may lack its last field. */
const SIZE = 16;
const SIZE6 = 28;
const LEAST_SIZE6 = 24;
const ADDRESS6 = 8;
/** ::ffff:0:0/96 */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** An address with its port. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

export const UNBOUND: Endpoint = { address: ANY, port: 0 };

export const isAny = (address: number): boolean => address === ANY || address === ANY6;
export const isVersion6 = (address: number): boolean => address >= ANY6;

/** The sixteen bytes of an address. */
export function bytesOfAddress6(address: number): Uint8Array {
  const bytes = new Uint8Array(16);
  if (address === LOOPBACK6) bytes[15] = 1;
  if (isVersion6(address)) return bytes;
  bytes.set(MAPPED_PREFIX);
  new DataView(bytes.buffer).setUint32(12, address);
  return bytes;
}

/** An address of sixteen bytes. */
export function address6(bytes: Uint8Array): number {
  if (MAPPED_PREFIX.every((byte, n) => bytes[n] === byte))
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
  if (bytes.subarray(0, 15).some((byte) => byte !== 0) || bytes[15]! > 1) return ELSEWHERE6;
  return bytes[15] === 1 ? LOOPBACK6 : ANY6;
}

/** struct sockaddr_in or sockaddr_in6. */
export function encode({ address, port }: Endpoint, family = AF_INET): Uint8Array {
  const bytes = new Uint8Array(family === AF_INET6 ? SIZE6 : SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  if (family === AF_INET6) bytes.set(bytesOfAddress6(address), ADDRESS6);
  else view.setUint32(4, address);
  return bytes;
}

/** An address of IPv4 whose family nobody looks at. @throws SystemError EINVAL */
export function decodeUnchecked(bytes: Uint8Array): Endpoint {
  if (bytes.length < SIZE) return fail('EINVAL');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { address: view.getUint32(4), port: view.getUint16(2) };
}

/** Reads what a socket of a family is given. @throws SystemError EINVAL, EAFNOSUPPORT */
export function decode(bytes: Uint8Array, family = AF_INET): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < (family === AF_INET6 ? LEAST_SIZE6 : SIZE)) return fail('EINVAL');
  if (view.getUint16(0, true) !== family) return fail('EAFNOSUPPORT');
  if (family === AF_INET) return decodeUnchecked(bytes);
  return { address: address6(bytes.subarray(ADDRESS6, ADDRESS6 + 16)), port: view.getUint16(2) };
}
