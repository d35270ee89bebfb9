// The local APIC (SDM Vol. 3 "Advanced Programmable Interrupt Controller").
import { beforeEach, describe, expect, it } from 'vitest';
import { TestTime } from '../machine/test-time.ts';
import {
  APIC_EOI,
  APIC_ESR,
  APIC_ICR_HIGH,
  APIC_ICR_LOW,
  APIC_ID,
  APIC_IRR,
  APIC_ISR,
  APIC_LVT_ERROR,
  APIC_LVT_LINT0,
  APIC_LVT_TIMER,
  APIC_PPR,
  APIC_SVR,
  APIC_TIMER_CURRENT,
  APIC_TIMER_DIVIDE,
  APIC_TIMER_INITIAL,
  APIC_TMR,
  APIC_TPR,
  APIC_VERSION,
  LAPIC_BUS_HZ,
  Lapic,
} from './lapic.ts';

let time: TestTime;
let lapic: Lapic;
let level: boolean;
let nmis: number;
let smis: number;

const read = (register: number): number => lapic.read(register, 4);
const write = (register: number, value: number): void => lapic.write(register, 4, value);

beforeEach(() => {
  time = new TestTime(LAPIC_BUS_HZ);
  level = false;
  nmis = 0;
  smis = 0;
  lapic = new Lapic({ clock: time.clock, interrupt: (to) => (level = to), nmi: () => nmis++, smi: () => smis++ });
  write(APIC_SVR, 0x1ff);
});

describe('local APIC', () => {
  it('takes the highest vector into service and holds lower classes back until EOI', () => {
    lapic.accept(0x31);
    lapic.accept(0x52);
    expect(read(APIC_IRR + 0x10)).toBe(1 << 17);
    expect(lapic.acknowledge()).toBe(0x52);
    expect([read(APIC_ISR + 0x20), read(APIC_PPR), level]).toEqual([1 << 18, 0x50, false]);
    write(APIC_EOI, 0);
    expect(level).toBe(true);
    expect(lapic.acknowledge()).toBe(0x31);
  });

  it('holds back what the task priority does not exceed', () => {
    write(APIC_TPR, 0x35);
    lapic.accept(0x3f);
    expect([level, read(APIC_PPR)]).toEqual([false, 0x35]);
    write(APIC_TPR, 0x2f);
    expect(level).toBe(true);
  });

  it('answers the spurious vector when the request went away', () => {
    lapic.accept(0x41);
    write(APIC_TPR, 0xf0);
    expect(lapic.acknowledge()).toBe(0xff);
    expect(read(APIC_ISR + 0x20)).toBe(0);
  });

  it('remembers level-triggered vectors in TMR', () => {
    lapic.accept(0x41, true);
    expect(read(APIC_TMR + 0x20)).toBe(2);
    lapic.accept(0x41);
    expect(read(APIC_TMR + 0x20)).toBe(0);
  });

  // SDM Vol. 3 "Enabling or Disabling the Local APIC", "Local APIC State After Power-Up or Reset"
  it('switched off as a whole it is not there for the 8259 pair, and switched on as after power-up', () => {
    lapic.externalAcknowledge = () => 0x20;
    write(APIC_ID, 0x07000000);
    write(APIC_TPR, 0x80);
    lapic.accept(0x41);
    lapic.setMode('disabled');
    lapic.receive({ mode: 0, vector: 0x91, isLevel: false });
    expect([level, lapic.isAddressed({ destination: 0, isLogical: false })]).toEqual([false, false]);
    lapic.setLint0(true);
    expect([level, lapic.acknowledge()]).toEqual([true, 0x20]);
    lapic.setMode('xapic');
    expect([level, read(APIC_ID), read(APIC_TPR), read(APIC_SVR), read(APIC_LVT_LINT0)]).toEqual([
      false,
      0,
      0,
      0xff,
      0x10000,
    ]);
  });

  it('passes the 8259 pair through LINT0 in ExtINT mode only', () => {
    lapic.externalAcknowledge = () => 0x20;
    lapic.setLint0(true);
    expect(level).toBe(false);
    write(APIC_LVT_LINT0, 0x700);
    expect([level, lapic.acknowledge()]).toEqual([true, 0x20]);
    write(APIC_LVT_LINT0, 0x10700);
    expect(level).toBe(false);
  });

  it('one-shot timer: counts down by the divider, fires once and stays at zero', () => {
    write(APIC_LVT_TIMER, 0x40);
    write(APIC_TIMER_DIVIDE, 0b0011); // by 16
    write(APIC_TIMER_INITIAL, 100);
    time.advance(160);
    expect(read(APIC_TIMER_CURRENT)).toBe(90);
    time.advance(1439);
    expect(level).toBe(false);
    time.advance(1);
    expect([level, read(APIC_TIMER_CURRENT), lapic.acknowledge()]).toEqual([true, 0, 0x40]);
    write(APIC_EOI, 0);
    time.advance(10_000);
    expect(level).toBe(false);
  });

  it('periodic timer: fires every period without drift', () => {
    write(APIC_LVT_TIMER, 0x20040);
    write(APIC_TIMER_DIVIDE, 0b1011); // by 1
    write(APIC_TIMER_INITIAL, 1000);
    for (let period = 1; period <= 3; period++) {
      time.advance(period === 1 ? 999 : 1000);
      expect(level).toBe(false);
      time.advance(1);
      expect(lapic.acknowledge()).toBe(0x40);
      write(APIC_EOI, 0);
      time.cycles--; // look at the same offset in every period
    }
  });

  it('a new divider does not forget what was counted, a count of zero stops the timer', () => {
    write(APIC_LVT_TIMER, 0x40);
    write(APIC_TIMER_DIVIDE, 0b1011);
    write(APIC_TIMER_INITIAL, 1000);
    time.advance(400);
    write(APIC_TIMER_DIVIDE, 0b0000); // by 2
    expect(read(APIC_TIMER_CURRENT)).toBe(600);
    time.advance(100);
    expect(read(APIC_TIMER_CURRENT)).toBe(550);
    write(APIC_TIMER_INITIAL, 0);
    expect(time.clock.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('sends to itself by shorthand, by identifier and to everybody', () => {
    write(APIC_ICR_LOW, 0x40000 | 0x61);
    expect(lapic.acknowledge()).toBe(0x61);
    write(APIC_ICR_HIGH, 0);
    write(APIC_ICR_LOW, 0x71);
    expect(lapic.acknowledge()).toBe(0x71);
    write(APIC_ICR_LOW, 0x80000 | 0x81);
    expect(lapic.acknowledge()).toBe(0x81);
    write(APIC_ICR_LOW, 0xc0000 | 0x91);
    expect(read(APIC_IRR + 0x40)).toBe(0);
    write(APIC_ICR_LOW, 0x40400);
    expect(nmis).toBe(1);
  });

  it('delivers SMI by an interprocessor interrupt and through a local vector table entry', () => {
    write(APIC_ICR_LOW, 0x40200); // self
    expect(smis).toBe(1);
    write(APIC_LVT_LINT0, 0x200);
    lapic.setLint0(true);
    expect([smis, level]).toEqual([2, false]);
  });

  it('reports illegal vectors, missing receivers and registers in ESR, and raises the error interrupt', () => {
    write(APIC_LVT_ERROR, 0x44);
    write(APIC_ICR_LOW, 0x40005);
    expect(lapic.acknowledge()).toBe(0x44);
    write(APIC_ICR_HIGH, 0x05000000);
    write(APIC_ICR_LOW, 0x71);
    read(0x3f0);
    expect(read(APIC_ESR)).toBe(0);
    write(APIC_ESR, 0);
    expect(read(APIC_ESR)).toBe(0x20 | 0x04 | 0x80);
    write(APIC_ESR, 0);
    expect(read(APIC_ESR)).toBe(0);
  });

  it('masks every local source when software disables it', () => {
    write(APIC_LVT_TIMER, 0x40);
    write(APIC_SVR, 0xff);
    expect(read(APIC_LVT_TIMER)).toBe(0x10040);
    write(APIC_LVT_TIMER, 0x41);
    expect(read(APIC_LVT_TIMER)).toBe(0x10041);
  });

  it('can be read by byte, and written only by aligned doublewords', () => {
    expect(lapic.read(APIC_VERSION + 2, 1)).toBe(0x05);
    lapic.write(APIC_TPR, 1, 0x50);
    expect(read(APIC_TPR)).toBe(0);
  });
});
