// Addresses of the Internet with their ports (ip(7) "Address format").
import { AF_INET } from '../../abi/socket.ts';
import { fail } from '../error.ts';

const ADDRESS_SIZE = 16;

export const ANY = 0;
export const LOOPBACK = 0x7f00_0001;

/** An address with its port. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

export const UNBOUND: Endpoint = { address: ANY, port: 0 };

/** struct sockaddr_in. */
export function encode({ address, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  view.setUint32(4, address);
  return bytes;
}

/** An address whose family nobody looks at. @throws SystemError EINVAL */
export function decodeUnchecked(bytes: Uint8Array): Endpoint {
  if (bytes.length < ADDRESS_SIZE) return fail('EINVAL');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { address: view.getUint32(4), port: view.getUint16(2) };
}

/** @throws SystemError EINVAL, EAFNOSUPPORT */
export function decode(bytes: Uint8Array): Endpoint {
  const endpoint = decodeUnchecked(bytes);
  const isInternet = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true) === AF_INET;
  return isInternet ? endpoint : fail('EAFNOSUPPORT');
}
