// What a program says of the packets it sends and hears of those that come, by control messages: IP_PKTINFO, IP_TTL and IP_TOS
// of ip(7), IPV6_PKTINFO, IPV6_HOPLIMIT and IPV6_TCLASS of ipv6(7) (RFC 3542, section 6).
import { AF_INET6, IPPROTO_IP, IPPROTO_IPV6 } from '../../abi/socket.ts';
import { fail } from '../error.ts';
import { address6, bytesOfAddress6, isAny, isVersion6 } from './endpoint.ts';
import type { NetNamespace } from './namespace.ts';
import { optionKey, protocolOption } from './protocol-options.ts';
import type { ControlRecord, Socket } from './socket.ts';

const [IP_TOS, IP_TTL, IP_PKTINFO, IP_RECVTTL, IP_RECVTOS] = [1, 2, 8, 12, 13];
const [IPV6_UNICAST_HOPS, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS] = [16, 49, 51, 66];
const [IPV6_HOPLIMIT, IPV6_TCLASS] = [52, 67];
/** Sticky, only its interface counts. */
export const IPV6_PKTINFO = 50;
/** struct in_pktinfo and in6_pktinfo. */
const PKTINFO_SIZE = 12;
export const PKTINFO6_SIZE = 20;

/** What the header of a packet says, and where it came in. */
export interface Packet {
  readonly to: number;
  /** Time to live, or hop limit. */
  readonly hops: number;
  /** Type of service, or traffic class. */
  readonly trafficClass: number;
  /** The interface. */
  readonly index: number;
}

/** What a sender wants of one packet. */
export interface PacketChoice {
  readonly hops: number;
  readonly trafficClass: number;
  /** Undefined where the route decides. */
  readonly source: number | undefined;
}

type Mutable = { -readonly [Key in keyof PacketChoice]: PacketChoice[Key] } & { index: number };

const viewOf = ({ bytes }: ControlRecord) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** A number with the length of an int. @throws SystemError EINVAL */
function intOf(record: ControlRecord, least: number, most: number): number {
  const value = record.bytes.length === 4 ? viewOf(record).getInt32(0, true) : fail('EINVAL');
  return value >= least && value <= most ? value : fail('EINVAL');
}

/** By the options of a socket and the control messages of one datagram. @throws SystemError EINVAL, ENODEV */
export function packetChoice(
  socket: Socket,
  network: NetNamespace,
  target: number,
  records: readonly ControlRecord[],
): PacketChoice {
  const is6 = isVersion6(target);
  const has6 = socket.family === AF_INET6;
  const choice: Mutable = {
    hops: is6 ? protocolOption(socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS) : protocolOption(socket, IPPROTO_IP, IP_TTL),
    trafficClass: is6 ? protocolOption(socket, IPPROTO_IPV6, IPV6_TCLASS) : protocolOption(socket, IPPROTO_IP, IP_TOS),
    source: undefined,
    index: is6 ? (socket.options.get(optionKey(IPPROTO_IPV6, IPV6_PKTINFO)) ?? 0) : 0,
  };
  for (const record of records) {
    if (record.level === IPPROTO_IPV6 && (is6 || (has6 && record.type === IPV6_PKTINFO))) choose6(choice, record, is6);
    else if (record.level === IPPROTO_IP && !is6) choose4(choice, record);
  }
  if (choice.index !== 0) network.interface(choice.index);
  if (choice.source !== undefined && !network.isOwn(choice.source)) fail(is6 ? 'EINVAL' : 'ENETUNREACH');
  return choice;
}

function choose4(choice: Mutable, record: ControlRecord): void {
  if (record.type === IP_TTL) choice.hops = intOf(record, 1, 255);
  else if (record.type === IP_TOS)
    choice.trafficClass = record.bytes.length === 1 ? record.bytes[0]! : intOf(record, 0, 255);
  else if (record.type === IP_PKTINFO && record.bytes.length === PKTINFO_SIZE) {
    choice.index = viewOf(record).getInt32(0, true);
    choose(choice, viewOf(record).getUint32(4));
  } else fail('EINVAL');
}

function choose6(choice: Mutable, record: ControlRecord, is6: boolean): void {
  if (record.type === IPV6_PKTINFO && record.bytes.length >= PKTINFO6_SIZE) {
    const source = address6(record.bytes);
    choice.index = viewOf(record).getInt32(16, true);
    if (isVersion6(source) !== is6 && !isAny(source)) fail('EINVAL');
    choose(choice, source);
  } else if (record.type === IPV6_HOPLIMIT) {
    const hops = intOf(record, -1, 255);
    if (hops >= 0) choice.hops = hops;
  } else if (record.type === IPV6_TCLASS) choice.trafficClass = intOf(record, -1, 255) & 0xff;
  else fail('EINVAL');
}

function choose(choice: Mutable, source: number): void {
  choice.source = isAny(source) ? undefined : source;
}

/** What a socket asked to be told of a packet. */
export function recordsOf(socket: Socket, packet: Packet, network: NetNamespace): ControlRecord[] {
  return [...records6(socket, packet), ...(isVersion6(packet.to) ? [] : records4(socket, packet, network))];
}

function* records6(socket: Socket, { to, hops, trafficClass, index }: Packet): Iterable<ControlRecord> {
  const wants = (name: number) => socket.options.get(optionKey(IPPROTO_IPV6, name)) === 1;
  const level = IPPROTO_IPV6;
  if (wants(IPV6_RECVPKTINFO))
    yield { level, type: IPV6_PKTINFO, bytes: Uint8Array.of(...bytesOfAddress6(to), ...int(index)) };
  if (!isVersion6(to)) return;
  if (wants(IPV6_RECVHOPLIMIT)) yield { level, type: IPV6_HOPLIMIT, bytes: int(hops) };
  if (wants(IPV6_RECVTCLASS)) yield { level, type: IPV6_TCLASS, bytes: int(trafficClass) };
}

function* records4(socket: Socket, packet: Packet, network: NetNamespace): Iterable<ControlRecord> {
  const { to, hops, trafficClass, index } = packet;
  const wants = (name: number) => socket.options.get(optionKey(IPPROTO_IP, name)) === 1;
  const level = IPPROTO_IP;
  if (wants(IP_PKTINFO)) {
    const bytes = new Uint8Array(PKTINFO_SIZE);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, index, true);
    // who answers a broadcast does so from the interface's own address
    view.setUint32(4, network.isBroadcast(to) ? (network.interface(index).address ?? 0) : to);
    view.setUint32(8, to);
    yield { level, type: IP_PKTINFO, bytes };
  }
  if (wants(IP_RECVTTL)) yield { level, type: IP_TTL, bytes: int(hops) };
  if (wants(IP_RECVTOS)) yield { level, type: IP_TOS, bytes: Uint8Array.of(trafficClass) };
}

const int = (value: number) => new Uint8Array(Int32Array.of(value).buffer);
