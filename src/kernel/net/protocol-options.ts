// Options of the internet protocols. Most change nothing here, because no packet is made: they are remembered, so that a program
// that looks finds what it has set (ip(7), ipv6(7), tcp(7), udp(7)).
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from '../../abi/socket.ts';
import type { Socket } from './socket.ts';

/** What an option may be set to; the rest fails with EINVAL. `least` and `most`, or only whether it is 0. */
interface Option {
  readonly initial: number;
  readonly range?: readonly [least: number, most: number];
  /** Values below the least, but 0, and above the most are taken as those. */
  readonly isClamped?: true;
  /** -1 means the initial value again. */
  readonly hasDefault?: true;
}

const flag = (initial: 0 | 1 = 0): Option => ({ initial });
const within = (initial: number, least: number, most: number): Option => ({ initial, range: [least, most] });
const MOST_INT = 0x7fff_ffff;

/** IP_TOS, TTL, RECVOPTS, RETOPTS, PKTINFO, MTU_DISCOVER, RECVERR, RECVTTL, RECVTOS, FREEBIND, … */
const IP: Readonly<Record<number, Option>> = {
  1: within(0, 0, 255),
  2: within(64, 1, 255),
  6: flag(),
  7: flag(),
  8: flag(),
  10: within(1, 0, 5),
  11: flag(),
  12: flag(),
  13: flag(),
  15: flag(),
  24: flag(),
  33: within(1, 0, 255),
  34: flag(1),
};

/** IPV6_UNICAST_HOPS, MULTICAST_HOPS, MULTICAST_LOOP, MTU_DISCOVER, RECVERR, RECVPKTINFO, RECVHOPLIMIT, RECVTCLASS, TCLASS. */
const IPV6: Readonly<Record<number, Option>> = {
  16: { ...within(64, 0, 255), hasDefault: true },
  18: within(1, 0, 255),
  19: flag(1),
  23: within(1, 0, 5),
  25: flag(),
  49: flag(),
  51: flag(),
  66: flag(),
  67: { ...within(0, 0, 255), hasDefault: true },
};

/** TCP_NODELAY, MAXSEG, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, LINGER2, DEFER_ACCEPT, QUICKACK, USER_TIMEOUT, FASTOPEN. */
const TCP: Readonly<Record<number, Option>> = {
  1: flag(),
  2: within(536, 88, 32767),
  3: flag(),
  4: within(7200, 1, 32767),
  5: within(75, 1, 32767),
  6: within(9, 1, 127),
  7: within(6, 1, 127),
  8: within(60, -MOST_INT, 120),
  9: within(0, 0, MOST_INT),
  12: flag(1),
  18: within(0, 0, MOST_INT),
  23: within(0, 0, MOST_INT),
};

/** UDP_CORK, UDP_GRO. */
const UDP: Readonly<Record<number, Option>> = { 1: flag(), 104: flag() };

/** Besides those of UDP, UDPLITE_SEND_CSCOV and UDPLITE_RECV_CSCOV: how many bytes the checksum covers, at least the header. */
const COVERAGE: Option = { initial: 0, range: [8, 65535], isClamped: true };
const UDPLITE: Readonly<Record<number, Option>> = { ...UDP, 10: COVERAGE, 11: COVERAGE };

/** Where an option of a protocol is remembered, apart from those of sockets; UDP-Lite has those of UDP. */
export const optionKey = (level: number, name: number): number =>
  ((level === IPPROTO_UDPLITE ? IPPROTO_UDP : level) + 1) * 65536 + name;

/** Where UDP_CORK is. */
export const UDP_CORK_KEY = optionKey(IPPROTO_UDP, 1);

/** The options of a level for a socket; undefined when it has no such level. */
export function optionsOf(
  level: number,
  { family, protocol }: { readonly family: number; readonly protocol: number },
): Readonly<Record<number, Option>> | undefined {
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  if (level === IPPROTO_IP) return IP;
  if (level === IPPROTO_IPV6) return family === AF_INET6 ? IPV6 : undefined;
  if (level === IPPROTO_TCP) return protocol === IPPROTO_TCP ? TCP : undefined;
  if (protocol === IPPROTO_TCP || (level !== IPPROTO_UDP && level !== IPPROTO_UDPLITE)) return undefined;
  return protocol === IPPROTO_UDPLITE ? UDPLITE : UDP;
}

/** An option a socket is known to have. */
export function protocolOption(socket: Socket, level: number, name: number): number {
  return socket.options.get(optionKey(level, name)) ?? optionsOf(level, socket)![name]!.initial;
}

/** What becomes of a value that is set; undefined for one that cannot be. */
export function accepted({ initial, range, isClamped, hasDefault }: Option, value: number): number | undefined {
  if (hasDefault && value === -1) return initial;
  if (range === undefined) return value === 0 ? 0 : 1;
  if (isClamped) return value === 0 ? 0 : Math.min(Math.max(value, range[0]), range[1]);
  return value >= range[0] && value <= range[1] ? value : undefined;
}
