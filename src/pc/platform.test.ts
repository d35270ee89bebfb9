// The chips of a PC wired together.
import fc from '../../test/properties.ts';
import { describe, expect, it } from 'vitest';
import { TestTime } from '../machine/test-time.ts';
import type { Stateful } from '../machine/stateful.ts';
import type { PlatformExit } from './exit.ts';
import { Platform } from './platform.ts';

interface Bench {
  readonly time: TestTime;
  readonly platform: Platform;
  readonly parts: readonly Stateful[];
  /** Everything the platform did to the world around it. */
  readonly log: string[];
}

function build(): Bench {
  const time = new TestTime(10_000_000);
  const log: string[] = [];
  const platform = new Platform({
    clock: time.clock,
    memorySize: 16 << 20,
    interrupt: (level) => log.push(`intr ${level}`),
    exit: (exit: PlatformExit) => log.push(`exit ${exit.reason} ${exit.status}`),
    serialOut: (byte) => log.push(`serial ${byte}`),
    nmi: () => log.push('nmi'),
    a20: (open) => log.push(`a20 ${open}`),
  });
  return { time, platform, parts: [time.clock, platform.input, platform], log };
}

const PORTS = [
  0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x60, 0x64, 0x92, 0x70, 0x71, 0x3f8, 0x3f9, 0x3fa,
  0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x600, 0x602, 0x604, 0x608, 0x80, 0xcf9,
];
const APIC_REGISTERS = [0x20, 0x80, 0xa0, 0xb0, 0xf0, 0x280, 0x300, 0x310, 0x320, 0x350, 0x370, 0x380, 0x390, 0x3e0];

type Step = { kind: string; where: number; value: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('in', 'out', 'out', 'out'),
    where: fc.constantFrom(...PORTS),
    value: fc.nat(0xff),
  }),
  fc.record({
    kind: fc.constantFrom('load', 'store'),
    where: fc.constantFrom(...APIC_REGISTERS),
    value: fc.nat(0x3ffff),
  }),
  fc.record({ kind: fc.constant('wait'), where: fc.constant(0), value: fc.nat(3_000_000) }),
  fc.record({ kind: fc.constantFrom('serial', 'key'), where: fc.constant(0), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant('acknowledge'), where: fc.constant(0), value: fc.constant(0) }),
);

function perform({ time, platform, log }: Bench, { kind, where, value }: Step): void {
  switch (kind) {
    case 'in':
      log.push(`${where} = ${platform.portRead(where, 1)}`);
      break;
    case 'out':
      platform.portWrite(where, 1, value);
      break;
    case 'load':
      log.push(`${where} = ${platform.mmioRead(0xfee00000 + where, 4)}`);
      break;
    case 'store':
      platform.mmioWrite(0xfee00000 + where, 4, value);
      break;
    case 'wait':
      time.advance(value);
      break;
    case 'acknowledge':
      if (platform.interruptPending) log.push(`vector ${platform.acknowledge()}`);
      break;
    default:
      if (kind === 'serial') platform.serialIn(value);
      else platform.keyIn(value);
      platform.input.deliver(0, time.cycles);
  }
}

const saveAll = ({ parts }: Bench) => parts.map((part) => part.save());

describe('Platform', () => {
  it('saves all of its state: a copy saves the same and goes on the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 60 }), (before, after) => {
        const original = build();
        for (const action of before) perform(original, action);
        const saved = saveAll(original);
        const copy = build();
        copy.time.cycles = original.time.cycles;
        copy.parts.forEach((part, index) => {
          part.load(structuredClone(saved[index]!));
        });
        expect(saveAll(copy)).toEqual(saved);
        original.log.length = 0;
        copy.log.length = 0;
        for (const action of after) {
          perform(original, action);
          perform(copy, action);
        }
        expect(copy.log).toEqual(original.log);
        expect(saveAll(copy)).toEqual(saveAll(original));
      }),
      { numRuns: 150, seed: 8254 },
    );
  });

  it('starts as firmware leaves it: quiet, with the 8259 pair behind the local APIC', () => {
    const { platform, time, log } = build();
    expect(platform.nextEvent()).toBe(Number.POSITIVE_INFINITY);
    expect(log).toEqual([]);
    for (const [port, value] of [
      [0x43, 0x34],
      [0x40, 0],
      [0x40, 0x10],
      [0x21, 0xfe],
    ] as const) {
      platform.portWrite(port, 1, value);
    }
    time.advance(100_000);
    expect(platform.interruptPending).toBe(true);
    expect(platform.acknowledge()).toBe(0x08);
  });

  it('has the keyboard interrupt enabled, as an operating system finds it', () => {
    const { platform } = build();
    platform.portWrite(0x21, 1, 0xfd);
    platform.keyIn(0x1c);
    platform.input.deliver(0, 0);
    expect([platform.acknowledge(), platform.portRead(0x60, 1)]).toEqual([0x09, 0x1e]);
  });

  it('ends by power off, debug exit and reset', () => {
    const { platform, log } = build();
    platform.portWrite(0x604, 2, 0x2000);
    platform.portWrite(0xf4, 4, 0x10);
    platform.portWrite(0xcf8, 4, 0x80000600);
    platform.portWrite(0xcf9, 1, 0x06);
    platform.portWrite(0x64, 1, 0xfe);
    expect(log).toEqual(['exit power-off 0', 'exit debug-exit 33', 'exit reset 10', 'exit reset 10']);
  });

  it('delivers IRQ 4 and IRQ 8 on their lines', () => {
    const { platform, time } = build();
    platform.portWrite(0x21, 1, 0xeb);
    platform.portWrite(0xa1, 1, 0xfe);
    platform.portWrite(0x3fc, 1, 0x0b);
    platform.portWrite(0x3f9, 1, 0x01);
    platform.serialIn(0x41);
    platform.input.deliver(0, 0);
    expect(platform.acknowledge()).toBe(0x0c);
    platform.portWrite(0x20, 1, 0x20);
    platform.portWrite(0x70, 1, 0x0b);
    platform.portWrite(0x71, 1, 0x42);
    time.advance(10_000_000);
    expect(platform.acknowledge()).toBe(0x70);
  });
});
