// /proc/net: the network namespace of a process as text (proc(5) "/proc/net").
import { AF_INET, AF_INET6, SOCK_STREAM } from '../../../abi/socket.ts';
import { bytesOfAddress6 } from '../../net/endpoint.ts';
import type { InetSocket } from '../../net/inet.ts';
import type { Ports } from '../../net/ports.ts';
import type { NetworkInterface } from '../../net/interface.ts';
import type { NetNamespace } from '../../net/namespace.ts';
import type { Task } from '../../task/task.ts';
import { GeneratedDirectory, GeneratedFile, type GeneratedFs, type LiveOwner, type OpenText } from '../generated.ts';

const ARP_HEAD = 'IP address       HW type     Flags       HW address            Mask     Device\n';

/** The directory net of a process. */
export function networkDirectory(fs: GeneratedFs, task: () => Task, owner: LiveOwner): GeneratedDirectory {
  const directory = new GeneratedDirectory(fs, undefined, owner);
  const add = (name: string, text: (network: NetNamespace) => string) =>
    directory.add(name, new GeneratedFile(fs, { open: () => ofNetwork(task(), text) }));
  // nobody here has to be asked for a hardware address
  add('arp', () => ARP_HEAD);
  add('dev', devices);
  add('route', routes);
  add('tcp', (network) => sockets(network.tcp, AF_INET));
  add('tcp6', (network) => sockets(network.tcp, AF_INET6));
  add('udp', (network) => sockets(network.udp, AF_INET));
  add('udp6', (network) => sockets(network.udp, AF_INET6));
  add('udplite', (network) => sockets(network.udplite, AF_INET));
  add('udplite6', (network) => sockets(network.udplite, AF_INET6));
  add('if_inet6', ({ loopback }) =>
    loopback.isUp ? `${'1'.padStart(32, '0')} 01 80 10 80 ${'lo'.padStart(8)}\n` : '',
  );
  add('unix', unixSockets);
  return directory;
}

/** The network a task is in when the file is opened. */
function ofNetwork({ namespaces: { net } }: Task, text: (network: NetNamespace) => string): OpenText {
  return { read: () => text(net) };
}

function devices({ interfaces }: NetNamespace): string {
  const head = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
  ];
  const rows = interfaces.map(({ name, received, sent }) => {
    const counts = (bytes: number, packets: number, widths: readonly number[]) =>
      [bytes, packets, 0, 0, 0, 0, 0, 0].map((value, n) => String(value).padStart(widths[n]!)).join(' ');
    const left = counts(received.bytes, received.packets, [7, 7, 4, 4, 4, 5, 10, 9]);
    return `${name.padStart(6)}: ${left} ${counts(sent.bytes, sent.packets, [8, 7, 4, 4, 4, 5, 7, 10])}`;
  });
  return `${[...head, ...rows].join('\n')}\n`;
}

/** An address as its bytes lie in memory, read as a number. */
function reversed(address: number): string {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, address);
  return bytes.getUint32(0, true).toString(16).toUpperCase().padStart(8, '0');
}

function routes({ interfaces }: NetNamespace): string {
  const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
  const row = (own: NetworkInterface) =>
    `${own.name}\t${reversed((own.address! & own.mask) >>> 0)}\t00000000\t0001\t0\t0\t0\t${reversed(own.mask)}\t0\t0\t0`;
  const shown = interfaces.filter((own) => own.isUp && !own.isLoopback && own.address !== undefined).map(row);
  return [head, ...shown].map((line) => `${line.padEnd(127)}\n`).join('');
}

/** Lines of IPv4 are filled up. */
const WIDTH = 149;
const ESTABLISHED = 1;
const CLOSE = 7;
const CLOSE_WAIT = 8;
const LISTEN = 10;

function stateOf(socket: InetSocket): number {
  if (socket.isListening) return LISTEN;
  const { isConnected, remote } = socket.summary;
  if (socket.kind !== SOCK_STREAM) return remote.port === 0 ? CLOSE : ESTABLISHED;
  if (isConnected) return ESTABLISHED;
  return socket.connected() ? CLOSE_WAIT : CLOSE;
}

/** An address in the form of its family, as words as they lie in memory. */
function addressText(address: number, family: number): string {
  if (family === AF_INET) return reversed(address);
  const view = new DataView(bytesOfAddress6(address).buffer);
  return [0, 4, 8, 12].map((at) => reversed(view.getUint32(at))).join('');
}

const HEADS: Readonly<Record<number, string>> = {
  [AF_INET]: '  sl  local_address rem_address   st',
  [AF_INET6]: '  sl  local_address                         remote_address                        st',
};

function sockets(ports: Ports<InetSocket>, family: number): string {
  const head = `${HEADS[family]} tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode`;
  const hex = (value: number, width: number) => value.toString(16).toUpperCase().padStart(width, '0');
  const shown = [...ports.all()].filter(
    (socket) => socket.family === family && (socket.kind !== SOCK_STREAM || stateOf(socket) !== CLOSE),
  );
  const rows = shown.map((socket, n) => {
    const { local, remote } = socket.summary;
    const [from, to] = [local, remote].map(({ address, port }) => `${addressText(address, family)}:${hex(port, 4)}`);
    const queues = `${hex(0, 8)}:${hex(socket.waitingBytes, 8)}`;
    const end = `${String(socket.inode.uid).padStart(5)} ${'0'.padStart(8)} ${socket.inode.ino}`;
    return `${String(n).padStart(4)}: ${from} ${to} ${hex(stateOf(socket), 2)} ${queues} 00:00000000 00000000 ${end} 1`;
  });
  const width = family === AF_INET ? WIDTH : 0;
  return [head, ...rows].map((line) => `${line.padEnd(width)}\n`).join('');
}

function unixSockets({ names }: NetNamespace): string {
  const head = 'Num       RefCount Protocol Flags    Type St Inode Path';
  const rows = [...names.abstract].map(([name, socket]) => {
    const flags = socket.isListening ? '00010000' : '00000000';
    const type = String(socket.kind).padStart(4, '0');
    return `0000000000000000: 00000002 00000000 ${flags} ${type} 01 ${String(socket.inode.ino).padStart(5)} @${name.replaceAll('\0', '@')}`;
  });
  return `${[head, ...rows].join('\n')}\n`;
}
