// The one way in from outside. Every byte that reaches the machine (serial, keyboard) is stamped with the instruction
// and cycle count at which it arrived, so that a run can be recorded and played back to the bit. Bytes wait here until
// the chip has room: nothing is ever overrun.

import type { Field, Fields, Stateful } from './stateful.ts';
import { FieldError, listField } from './stateful.ts';

/** One byte from outside and when it arrived. */
export interface InputRecord {
  readonly channel: string;
  readonly byte: number;
  readonly instructions: number;
  readonly cycles: number;
}

/** The receiving end of one channel: a chip takes bytes as it has room. */
export interface InputChannel {
  readonly name: string;
  /** Bytes that have arrived and were not taken. */
  readonly waiting: number;
  /** The oldest byte, undefined for none. */
  take(): number | undefined;
  /** Called when bytes have arrived. */
  onArrival: (() => void) | undefined;
}

class Channel implements InputChannel {
  readonly name: string;
  readonly bytes: number[] = [];
  onArrival: (() => void) | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get waiting(): number {
    return this.bytes.length;
  }

  take(): number | undefined {
    return this.bytes.shift();
  }
}

/** All bytes from outside: pushed by the host, stamped at the next instruction boundary, taken by the chips. */
export class InputQueue implements Stateful {
  readonly name: string;
  readonly version = 1;
  /** Set to keep every arrival in `log`. */
  recording = false;
  readonly log: InputRecord[] = [];
  /** Called on `push`, so that a running CPU can be stopped after its instruction. */
  onPush: (() => void) | undefined;
  readonly #channels = new Map<string, Channel>();
  readonly #pushed: { channel: string; byte: number }[] = [];
  #replay: readonly InputRecord[] = [];
  #replayed = 0;

  constructor(name = 'input') {
    this.name = name;
  }

  /** Declares a channel; a platform does this once for each chip that listens. */
  channel(name: string): InputChannel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = new Channel(name);
    this.#channels.set(name, channel);
    return channel;
  }

  /** Hands in a byte from outside. It arrives at the next instruction boundary. */
  push(channel: string, byte: number): void {
    if (!this.#channels.has(channel)) throw new Error(`no chip listens to input channel ${channel}`);
    this.#pushed.push({ channel, byte: byte & 0xff });
    this.onPush?.();
  }

  /** Plays a recorded log: its bytes arrive exactly where they did. */
  replay(log: readonly InputRecord[]): void {
    this.#replay = log;
    this.#replayed = 0;
  }

  /** The next recorded arrival that has not happened, undefined for none. */
  get nextReplay(): InputRecord | undefined {
    return this.#replay[this.#replayed];
  }

  /** True if `deliver` would deliver something now. */
  isDue(instructions: number, cycles: number): boolean {
    const next = this.nextReplay;
    return (
      this.#pushed.length > 0 || (next !== undefined && next.instructions <= instructions && next.cycles <= cycles)
    );
  }

  /** Stamps what was pushed, plays what is due, and tells the chips. Call between instructions only. */
  deliver(instructions: number, cycles: number): void {
    const arrived = new Set<Channel>();
    const accept = (record: InputRecord): void => {
      const channel = this.#channels.get(record.channel);
      if (channel === undefined) throw new Error(`the log has input for ${record.channel}, where no chip listens`);
      channel.bytes.push(record.byte);
      arrived.add(channel);
      if (this.recording) this.log.push(record);
    };
    for (let next = this.nextReplay; next !== undefined; next = this.nextReplay) {
      if (next.instructions > instructions || next.cycles > cycles) break;
      this.#replayed++;
      accept(next);
    }
    for (const { channel, byte } of this.#pushed.splice(0)) accept({ channel, byte, instructions, cycles });
    for (const channel of arrived) channel.onArrival?.();
  }

  save(): Fields {
    const channels: Fields = {};
    for (const channel of this.#channels.values()) channels[channel.name] = [...channel.bytes];
    return { channels, pushed: this.#pushed.map(({ channel, byte }) => [channel, byte]) };
  }

  load(fields: Fields): void {
    const channels = fields.channels as Fields;
    for (const name of Object.keys(channels)) {
      if (!this.#channels.has(name)) throw new FieldError(`input channel ${name} does not exist in this machine`);
    }
    for (const channel of this.#channels.values()) {
      const bytes = (channels[channel.name] ?? []) as readonly Field[];
      channel.bytes.splice(0, channel.bytes.length, ...(bytes as readonly number[]));
    }
    const pushed = listField(fields, 'pushed') as readonly (readonly [string, number])[];
    this.#pushed.splice(0, this.#pushed.length, ...pushed.map(([channel, byte]) => ({ channel, byte })));
  }
}
