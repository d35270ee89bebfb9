// TCP (tcp(7)): connections between two sockets of this kernel, made at once. What a program sees of the protocol is kept: the
// queue of a listener, connections made in the background, ends that close one by one, and resets.
import { ERRNO } from '../../abi/errno.ts';
import { SHUT_RD } from '../../abi/socket.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import { POLL_ERR, POLL_HUP, POLL_IN } from '../vfs/async.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import { type Endpoint, isAny } from './endpoint.ts';
import { CAPACITY, type InetType, InetSocket, NOTHING } from './inet.ts';
import type { NetNamespace, Route } from './namespace.ts';
import type { Ports } from './ports.ts';
import { NO_ANCILLARY, type Received, type ReceiveOptions, type Socket, type SocketHost } from './socket.ts';

const SIOCATMARK = 0x8905;

/** An open TCP socket: a listener, or an end of a connection. */
export class TcpSocket extends InetSocket {
  readonly #host: SocketHost;
  /** The other end; undefined after it has gone. */
  #peer: TcpSocket | undefined;
  /** The way to the other end. */
  #way: Route | undefined;
  #wasConnected = false;
  /** The other end, when it had gone, has answered what was sent or left unread. */
  #isReset = false;
  /** How a connection ended that was made while the program went on; connect(2) tells it once. */
  #attempt: 'connected' | 'refused' | undefined;
  #backlog: number | undefined;
  readonly #pending: TcpSocket[] = [];
  /** The bytes that have come, as they were sent. */
  readonly #received: Uint8Array[] = [];

  constructor(host: SocketHost, flags: number, type: InetType, network: NetNamespace) {
    super(host, flags, type, network);
    this.#host = host;
  }

  protected get ports(): Ports<TcpSocket> {
    return this.network.tcp;
  }

  protected override get hasPeer(): boolean {
    return this.#peer !== undefined;
  }

  get isListening(): boolean {
    return this.#backlog !== undefined;
  }

  listen(backlog: number): void {
    if (this.#wasConnected) fail('EINVAL');
    if (this.local.port === 0) this.take({ address: this.any, port: 0 });
    const { mostWaiting } = this.network.controls;
    this.#backlog = Math.min(backlog < 0 ? mostWaiting : backlog, mostWaiting);
  }

  protected disconnect(): never {
    return fail(this.#wasConnected ? 'EAFNOSUPPORT' : 'EINVAL');
  }

  /** The connection is made at once; a program that does not wait learns of it as if it took time (connect(2), EINPROGRESS). */
  protected connectTo(target: Endpoint, { from, to, source }: Route): undefined {
    const inBackground = (this.flags & O_NONBLOCK) !== 0;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt === 'connected') return undefined;
    if (attempt === 'refused') return this.#tellRefused();
    if (this.#wasConnected) fail('EISCONN');
    const server = this.#listener(to.namespace, target);
    if (server === undefined || server.#pending.length > server.#backlog!) {
      if (!inBackground) return fail('ECONNREFUSED');
      this.#attempt = 'refused';
      this.error = ERRNO.ECONNREFUSED;
      this.happened(POLL_ERR);
      return fail('EINPROGRESS');
    }
    const end = new TcpSocket(this.#host, O_RDWR, server, to.namespace);
    end.charge = this.#host.object(end.kernelBytes);
    end.local = target;
    end.ports.bind(target.port, end);
    if (isAny(this.local.address)) this.local = { ...this.local, address: source };
    end.#join(this, this.local, { from: to, to: from, source: target.address });
    this.#join(end, target, { from, to, source });
    server.#pending.push(end);
    server.happened();
    if (!inBackground) return undefined;
    this.#attempt = 'connected';
    return fail('EINPROGRESS');
  }

  /** @throws SystemError what has not been told yet: that the connection was refused, or only that there is none */
  #tellRefused(): never {
    const isTold = this.error === 0;
    this.error = 0;
    return fail(isTold ? 'ECONNABORTED' : 'ECONNREFUSED');
  }

  #listener(network: NetNamespace, target: Endpoint): TcpSocket | undefined {
    for (const socket of network.tcp.at(target.port)) {
      if (socket.isListening && !socket.readShut && socket.covers(target.address)) return socket;
    }
    return undefined;
  }

  #join(peer: TcpSocket, remote: Endpoint, way: Route): void {
    this.#peer = peer;
    this.#way = way;
    this.remote = remote;
    this.#wasConnected = true;
    this.queue.wake();
  }

  connected(): boolean {
    return this.#wasConnected;
  }

  accept(): Socket | WouldBlock {
    if (!this.isListening) fail('EINVAL');
    return this.#pending.shift() ?? new WouldBlock(this.queue);
  }

  send(bytes: Uint8Array): number | WouldBlock {
    if (this.writeShut) return fail('EPIPE');
    if (this.#attempt === 'refused' && this.error !== 0) this.#tellRefused();
    if (!this.#wasConnected) return fail('EPIPE');
    const peer = this.#peer;
    if (this.#isReset) {
      this.tellError();
      return fail('EPIPE');
    }
    if (bytes.length === 0) return 0;
    if (peer === undefined) return this.#sendToNobody(bytes.length);
    const room = CAPACITY - peer.stored.bytes;
    if (room <= 0) {
      this.wantsRoom = true;
      return new WouldBlock(peer.queue);
    }
    const { from, to } = this.#way!;
    // TCP tries again until the way is open
    if (!from.isUp || !to.isUp) return new WouldBlock(peer.queue);
    const part = bytes.slice(0, room);
    from.count(to, part.length);
    peer.#store(part);
    return part.length;
  }

  /** An end that was closed looks like one that only sends no more, until it answers what comes with a reset. */
  #sendToNobody(length: number): number {
    const { from, to } = this.#way!;
    const sent = Math.min(length, CAPACITY);
    from.count(to, sent);
    this.#isReset = true;
    this.error = ERRNO.EPIPE;
    this.happened(POLL_ERR);
    return sent;
  }

  #store(bytes: Uint8Array): void {
    this.stored.add(bytes.length, 1);
    this.#received.push(bytes);
    this.happened();
  }

  receive(length: number, { peek }: ReceiveOptions): Received | WouldBlock {
    return this.#received.length > 0 ? this.#gather(length, peek) : this.#nothing();
  }

  /** Nothing comes any more. */
  get #isOver(): boolean {
    if (this.readShut || this.#attempt === 'refused') return true;
    return this.#wasConnected && (this.#peer === undefined || this.#peer.writeShut);
  }

  #nothing(): Received | WouldBlock {
    // whose end has come reads the end; what failed was the sending
    if (this.error !== ERRNO.EPIPE) this.tellError();
    if (this.#isOver) return NOTHING;
    return this.#wasConnected ? new WouldBlock(this.queue) : fail('ENOTCONN');
  }

  #gather(length: number, peek: boolean): Received {
    const bytes = new Uint8Array(Math.min(length, this.stored.bytes));
    let at = 0;
    for (let n = 0; at < bytes.length; ) {
      const first = this.#received[n]!;
      const part = first.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      if (peek) n++;
      else if (part.length === first.length) this.#received.shift();
      else this.#received[0] = first.subarray(part.length);
    }
    if (!peek) {
      this.stored.set(this.stored.bytes - bytes.length, this.#received.length);
      this.queue.wake();
      this.#peer?.roomMade();
    }
    return { bytes, length: bytes.length, from: new Uint8Array(0), ancillary: NO_ANCILLARY };
  }

  /** The other side sends no more: its end is told, and then that the end can be read. */
  #finished(): void {
    this.happened(this.writeShut ? POLL_HUP : POLL_IN);
    this.async.signal(POLL_IN);
  }

  override shutdown(how: number): void {
    if (!this.#wasConnected && !this.isListening) fail('ENOTCONN');
    super.shutdown(how);
    const peer = this.#peer;
    if (how === SHUT_RD) peer?.queue.wake();
    else if (peer !== undefined) peer.#finished();
  }

  override poll(): number {
    if (this.isListening) return this.#pending.length > 0 ? POLLIN | POLLRDNORM : 0;
    const isOver = this.#isOver;
    let ready = this.#received.length > 0 || isOver ? POLLIN | POLLRDNORM : 0;
    if (isOver) ready |= POLLRDHUP;
    if (!this.#wasConnected || (isOver && this.writeShut) || this.#isReset) ready |= POLLHUP;
    if (this.error !== 0) ready |= POLLERR;
    if (this.#peer === undefined || this.#peer.stored.bytes < CAPACITY) ready |= POLLOUT | POLLWRNORM;
    return ready;
  }

  /** SIOCATMARK: what is urgent is never sent, so that no mark is ever reached. */
  override ioctl(call: Call, request: number, argument: number): CallResult {
    if (request !== SIOCATMARK) return super.ioctl(call, request, argument);
    call.writeWord(argument, 0, 4);
    return 0;
  }

  override closed(): void {
    const hadBytes = this.stored.bytes > 0;
    for (const waiting of this.#pending) {
      waiting.charge?.free();
      waiting.closed();
    }
    super.closed();
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer === undefined || peer.#peer !== this) return;
    peer.#peer = undefined;
    // unread bytes are lost, and the other side learns of it
    if (hadBytes) {
      peer.#isReset = true;
      peer.error = this.writeShut ? ERRNO.EPIPE : ERRNO.ECONNRESET;
    }
    if (hadBytes) peer.happened(POLL_ERR);
    else peer.#finished();
  }
}
