// How much a clock gains and loses that adjtimex(2) steers, and which of its status bits programs set.
import { describe, expect, test } from 'vitest';
import { ClockDiscipline, STA_NANO, STA_PLL, STA_UNSYNC } from './clock-discipline.ts';

const SECOND = 1_000_000_000n;
/** 500 millionths. */
const FASTEST = 500 * 65_536;

describe('a clock that is steered', () => {
  test('is exact before anybody does', () => {
    const clock = new ClockDiscipline();
    expect([clock.isExact, clock.correction(77n * SECOND)]).toEqual([true, 0n]);
  });

  test('gains by its frequency, and keeps what it has gained', () => {
    const clock = new ClockDiscipline();
    clock.setRate(10n * SECOND, { frequency: FASTEST });
    expect(clock.correction(10n * SECOND)).toBe(0n);
    expect(clock.correction(12n * SECOND)).toBe(1_000_000n);
    clock.setRate(12n * SECOND, { frequency: -FASTEST });
    expect(clock.correction(13n * SECOND)).toBe(500_000n);
    clock.setRate(13n * SECOND, { frequency: 0 });
    expect(clock.correction(99n * SECOND)).toBe(500_000n);
  });

  test('loses by a shorter tick', () => {
    const clock = new ClockDiscipline();
    clock.setRate(0n, { tick: 9000 });
    expect(clock.correction(SECOND)).toBe(-SECOND / 10n);
  });

  test.each([1n, -1n])('works off a correction slowly and no further (%s)', (sign) => {
    const clock = new ClockDiscipline();
    clock.adjust(0n, sign * 1_000_000n);
    expect(clock.correction(SECOND)).toBe(sign * 500_000n);
    expect(clock.adjustmentLeft(SECOND)).toBe(sign * 500_000n);
    expect(clock.correction(9n * SECOND)).toBe(sign * 1_000_000n);
    clock.adjust(9n * SECOND, 0n);
    expect([clock.correction(10n * SECOND), clock.adjustmentLeft(10n * SECOND)]).toEqual([sign * 1_000_000n, 0n]);
  });

  test('takes an offset only while its loop is on', () => {
    const clock = new ClockDiscipline();
    clock.setPhase(0n, 1000n);
    expect(clock.phaseLeft(0n)).toBe(0n);
    clock.setStatus(STA_PLL);
    clock.setPhase(0n, 1000n);
    expect(clock.phaseLeft(0n)).toBe(1000n);
    expect(clock.correction(SECOND)).toBe(1000n);
  });

  test('has the status that a program sets, without bits that only the kernel sets', () => {
    const clock = new ClockDiscipline();
    clock.setStatus(STA_PLL | STA_NANO);
    expect(clock.status).toBe(STA_PLL);
    clock.setStatus(0);
    expect(clock.status & STA_UNSYNC).toBe(0);
  });
});
