// Event channels and timers as a guest sees them (Xen public header "event_channel.h").
import { beforeEach, describe, expect, test } from 'vitest';
import { SHARED_INFO, VCPU_INFO } from '../../xen/abi.ts';
import { Clock } from '../../../machine/clock.ts';
import { EventChannels, type SharedInfo } from './event-channels.ts';
import { Timekeeping, tscScale } from './timekeeping.ts';
import { ConsoleRing } from './console-ring.ts';

let page: DataView;
let shared: SharedInfo;

beforeEach(() => {
  page = new DataView(new ArrayBuffer(4096));
  shared = {
    load: (offset, size) => (size === 1 ? page.getUint8(offset) : page.getUint32(offset, true)),
    store: (offset, size, value) => (size === 1 ? page.setUint8(offset, value) : page.setUint32(offset, value, true)),
  };
});

describe('event channels', () => {
  test('an event sets its bit, the bit of its word, and the pending byte', () => {
    const events = new EventChannels(shared);
    for (let i = 0; i < 40; i++) events.bind({ kind: 'ipi' });
    expect(events.raise(37)).toBe(true);
    expect(shared.load(SHARED_INFO.eventPending + 4, 4)).toBe(1 << 5);
    expect(shared.load(VCPU_INFO.pendingSelector, 4)).toBe(2);
    expect(events.upcallPending).toBe(true);
    expect(events.raise(37)).toBe(false);
  });

  test('a masked event waits for unmask', () => {
    const events = new EventChannels(shared);
    const port = events.bind({ kind: 'virq', virq: 0 })!;
    shared.store(SHARED_INFO.eventMask, 4, 1 << port);
    events.raiseVirq(0);
    expect(events.upcallPending).toBe(false);
    events.unmask(port);
    expect(events.upcallPending).toBe(true);
  });

  test('channels are given out from 1, and closed ones again', () => {
    const events = new EventChannels(shared);
    expect(events.bind({ kind: 'ipi' })).toBe(1);
    expect(events.bind({ kind: 'ipi' })).toBe(2);
    expect(events.close(1)).toBe(true);
    expect(events.close(1)).toBe(false);
    expect(events.bind({ kind: 'unbound', remote: 0 })).toBe(1);
    while (events.bind({ kind: 'ipi' }) !== undefined) {}
    expect(events.status(1023)).toBe(5);
    const copy = new EventChannels(shared);
    copy.load(events.save());
    expect(copy.save()).toEqual(events.save());
  });
});

describe('time', () => {
  test.each([3_800_000_000, 1_000_000_000, 2_660_000_000, 33_333_333])(
    'TSC parameters at %d Hz give nanoseconds',
    (hz) => {
      const { multiplier, shift } = tscScale(hz);
      expect(multiplier).toBeLessThan(2 ** 32);
      const seconds = 10;
      const nanoseconds = Number(((BigInt(hz * seconds) << BigInt(shift)) * BigInt(multiplier)) >> 32n);
      expect(Math.abs(nanoseconds - seconds * 1e9)).toBeLessThan(50);
    },
  );

  test('one-shot and periodic timers', () => {
    let now = 0;
    const time = new Timekeeping(new Clock({ frequencyHz: 1e9, cycles: () => now }), shared);
    expect(time.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    time.setSingleShot(500);
    expect(time.nextDeadline()).toBe(500);
    now = 499;
    expect(time.expire(false).timer).toBe(false);
    now = 500;
    expect(time.expire(false).timer).toBe(true);
    expect(time.expire(false).timer).toBe(false);
    // The tick of 100 Hz starts when somebody listens.
    expect(time.expire(true).timer).toBe(false);
    expect(time.nextDeadline()).toBe(10_000_500);
    now = 35_000_000;
    expect(time.expire(true).timer).toBe(true);
    expect(time.nextDeadline()).toBe(40_000_500);
    time.setPeriodic(undefined);
    expect(time.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('console ring', () => {
  test('takes what the guest wrote, across the end of the ring, and gives what was typed', () => {
    const typed = [1, 2, 3];
    let output = '';
    const ring = new ConsoleRing({
      ...shared,
      serialOut: (byte) => {
        output += String.fromCharCode(byte);
      },
      input: {
        name: 'serial',
        onArrival: undefined,
        take: () => typed.shift(),
        get waiting() {
          return typed.length;
        },
      },
    });
    expect(ring.receive()).toBe(false);
    const start = 2046;
    page.setUint32(3080, start, true);
    for (const [i, c] of [...'hello'].entries()) page.setUint8(1024 + ((start + i) % 2048), c.charCodeAt(0));
    page.setUint32(3084, start + 5, true);
    expect(ring.transmit()).toBe(true);
    expect(output).toBe('hello');
    expect(ring.transmit()).toBe(false);
    expect(ring.receive()).toBe(true);
    expect([page.getUint8(0), page.getUint8(1), page.getUint8(2), page.getUint32(3076, true)]).toEqual([1, 2, 3, 3]);
    // Indices that lie are ignored.
    page.setUint32(3084, start + 100_000, true);
    expect(ring.transmit()).toBe(false);
  });
});
