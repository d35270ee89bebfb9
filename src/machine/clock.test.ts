// Virtual time and the events in it.
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.ts';
import { TestTime } from './test-time.ts';

describe('Clock', () => {
  it('fires events in order of time, then of declaration', () => {
    const time = new TestTime();
    const log: string[] = [];
    const late = time.clock.event('late', () => log.push(`late ${time.clock.now()}`));
    const first = time.clock.event('first', () => log.push(`first ${time.clock.now()}`));
    const second = time.clock.event('second', () => log.push(`second ${time.clock.now()}`));
    second.schedule(10);
    first.schedule(10);
    late.schedule(20);
    time.advance(30);
    expect(log).toEqual(['first 10', 'second 10', 'late 20']);
    expect(time.clock.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('tells when the deadline changes, and forgets a cancelled event', () => {
    const time = new TestTime();
    const deadlines: number[] = [];
    time.clock.onDeadlineChange = (cycles) => deadlines.push(cycles);
    const event = time.clock.event('event', () => {});
    event.schedule(50);
    event.schedule(40);
    event.cancel();
    expect(deadlines).toEqual([50, 40, Number.POSITIVE_INFINITY]);
  });

  it('converts to the ticks of another oscillator without drift after a century', () => {
    const frequencyHz = 2_660_000_000;
    const clock = new Clock({ frequencyHz, cycles: () => 0 });
    for (const hertz of [1_193_182, 32_768, 3_579_545, 1_000_000_000]) {
      for (const tick of [0, 1, 7, hertz, hertz * 1000 + 1, hertz * 36_000 + 12_345]) {
        const cycles = clock.cyclesOfTick(hertz, tick);
        expect(clock.ticks(hertz, cycles)).toBe(tick);
        if (tick > 0) expect(clock.ticks(hertz, cycles - 1)).toBe(tick - 1);
      }
    }
  });

  it('saves which events are due and refuses one it does not know', () => {
    const one = new TestTime();
    one.clock.event('tick', () => {}).schedule(77);
    const fields = one.clock.save();
    const two = new TestTime();
    const tick = two.clock.event('tick', () => {});
    two.clock.load(fields);
    expect(tick.due).toBe(77);
    expect(two.clock.nextDeadline()).toBe(77);
    expect(() => new TestTime().clock.load(fields)).toThrow('clock event tick does not exist');
    expect(() => new TestTime(1).clock.load(fields)).toThrow('1193182 Hz');
  });
});
