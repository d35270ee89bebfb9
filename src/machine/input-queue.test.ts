// Input from outside is stamped, so that a run can be repeated.
import { describe, expect, it } from 'vitest';
import { InputQueue } from './input-queue.ts';

describe('InputQueue', () => {
  it('stamps bytes when they are delivered and keeps them until they are taken', () => {
    const queue = new InputQueue();
    queue.recording = true;
    const serial = queue.channel('serial');
    let arrivals = 0;
    serial.onArrival = () => arrivals++;
    queue.push('serial', 0x141);
    expect(serial.waiting).toBe(0);
    expect(queue.isDue(0, 0)).toBe(true);
    queue.deliver(12, 34);
    expect(arrivals).toBe(1);
    expect(queue.log).toEqual([{ channel: 'serial', byte: 0x41, instructions: 12, cycles: 34 }]);
    expect([serial.take(), serial.take()]).toEqual([0x41, undefined]);
  });

  it('replays a log at the stamped moment', () => {
    const queue = new InputQueue();
    const serial = queue.channel('serial');
    queue.replay([
      { channel: 'serial', byte: 1, instructions: 10, cycles: 20 },
      { channel: 'serial', byte: 2, instructions: 10, cycles: 40 },
    ]);
    expect(queue.isDue(10, 19)).toBe(false);
    expect(queue.isDue(10, 20)).toBe(true);
    queue.deliver(10, 20);
    expect(serial.waiting).toBe(1);
    expect(queue.nextReplay?.byte).toBe(2);
  });

  it('refuses a byte nobody listens to', () => {
    expect(() => new InputQueue().push('mouse', 1)).toThrow('no chip listens');
  });
});
