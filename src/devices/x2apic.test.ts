// x2APIC mode and TSC-deadline mode of the local APIC (SDM Vol. 3 "Extended XAPIC (x2APIC)", "TSC-Deadline Mode").
import { beforeEach, describe, expect, it } from 'vitest';
import { ApicBus } from '../machine/apic-bus.ts';
import { TestTime } from '../machine/test-time.ts';
import {
  APIC_EOI,
  APIC_ESR,
  APIC_ICR_HIGH,
  APIC_ICR_LOW,
  APIC_ID,
  APIC_IRR,
  APIC_LDR,
  APIC_LVT_LINT0,
  APIC_LVT_TIMER,
  APIC_PPR,
  APIC_SELF_IPI,
  APIC_SVR,
  APIC_TIMER_CURRENT,
  APIC_TIMER_DIVIDE,
  APIC_TIMER_INITIAL,
  APIC_TPR,
  APIC_VERSION,
  LAPIC_BUS_HZ,
  Lapic,
} from './lapic.ts';

let time: TestTime;
let bus: ApicBus;
let ends: number;

function create(processor: number, hasDeadline = true): Lapic {
  const lapic = new Lapic({
    clock: time.clock,
    bus,
    processor,
    interrupt: () => {},
    nmi: () => {},
    ...(hasDeadline ? { deadlineOver: () => ends++ } : {}),
  });
  lapic.setMode('x2apic');
  lapic.writeExtended(APIC_SVR, 0x1ff, 0);
  return lapic;
}

/** Vectors requested at each. */
const requests = (lapics: readonly Lapic[]): boolean[] => lapics.map((lapic) => lapic.read(APIC_IRR + 0x20, 4) !== 0);

beforeEach(() => {
  time = new TestTime(LAPIC_BUS_HZ);
  bus = new ApicBus();
  ends = 0;
});

describe('x2APIC mode', () => {
  it('has a 32-bit ID and the logical ID that follows from it', () => {
    const lapics = [0, 3, 7].map((n) => create(n));
    expect(lapics.map((lapic) => lapic.read(APIC_ID, 4))).toEqual([0, 3, 7]);
    expect(lapics.map((lapic) => lapic.read(APIC_LDR, 4))).toEqual([1, 8, 0x80]);
  });

  it('keeps the registers of xAPIC mode, and loses them when it is left by disabling', () => {
    const lapic = create(0);
    lapic.setMode('disabled');
    lapic.setMode('xapic');
    lapic.write(APIC_TPR, 4, 0x50);
    lapic.setMode('x2apic');
    expect(lapic.read(APIC_TPR, 4)).toBe(0x50);
    lapic.setMode('disabled');
    lapic.setMode('xapic');
    expect(lapic.read(APIC_TPR, 4)).toBe(0);
  });

  it.each([
    ['physical', 2, 0x41, [false, false, true, false]],
    ['physical, to everybody', 0xffffffff, 0x41, [true, true, true, true]],
    ['physical: 0xff is one processor, which is not there', 0xff, 0x41, [false, false, false, false]],
    ['logical, two of a cluster', 0b1010, 0x841, [false, true, false, true]],
    ['logical, another cluster', 0x1000f, 0x841, [false, false, false, false]],
    ['shorthand all but self', 0, 0xc0041, [false, true, true, true]],
  ])('sends interrupts: %s', (_name, to, low, taken) => {
    const lapics = [0, 1, 2, 3].map((n) => create(n));
    expect(lapics[0]!.writeExtended(APIC_ICR_LOW, low, to)).toBe(true);
    expect(requests(lapics)).toEqual(taken);
    expect([lapics[0]!.read(APIC_ICR_LOW, 4), lapics[0]!.read(APIC_ICR_HIGH, 4)]).toEqual([low, to]);
  });

  it('is reached by the eight-bit destinations of an I/O APIC', () => {
    const lapics = [0, 1, 2].map((n) => create(n));
    bus.send({ destination: 0b101, isLogical: true }, { mode: 0, vector: 0x41, isLevel: false });
    expect(requests(lapics)).toEqual([true, false, true]);
    bus.send({ destination: 0xff, isLogical: false }, { mode: 0, vector: 0x41, isLevel: false });
    expect(requests(lapics)).toEqual([true, true, true]);
  });

  it('interrupts itself by one register, and takes an illegal vector for an error', () => {
    const lapic = create(1);
    lapic.writeExtended(APIC_SELF_IPI, 0x55, 0);
    expect(lapic.acknowledge()).toBe(0x55);
    lapic.writeExtended(APIC_SELF_IPI, 5, 0);
    lapic.writeExtended(APIC_ESR, 0, 0);
    expect(lapic.read(APIC_ESR, 4)).toBe(0x20);
  });

  it.each([
    ['task priority', APIC_TPR, 0xff, 0x100],
    ['end of interrupt', APIC_EOI, 0, 1],
    ['error status', APIC_ESR, 0, 1],
    ['spurious vector', APIC_SVR, 0x1ff, 0x2000],
    ['timer entry', APIC_LVT_TIMER, 0x710ff, 0x80000],
    ['LINT0 entry', APIC_LVT_LINT0, 0x1f7ff, 0x800],
    ['initial count', APIC_TIMER_INITIAL, 0xffffffff, undefined],
    ['divider', APIC_TIMER_DIVIDE, 0xb, 0x4],
    ['command', APIC_ICR_LOW, 0xc41, 0x2000],
    ['self interrupt', APIC_SELF_IPI, 0xff, 0x100],
    ['ID, read only', APIC_ID, undefined, 0],
    ['version, read only', APIC_VERSION, undefined, 0],
    ['processor priority, read only', APIC_PPR, undefined, 0],
    ['current count, read only', APIC_TIMER_CURRENT, undefined, 0],
  ])('checks reserved bits: %s', (_name, register, legal, illegal) => {
    const lapic = create(0);
    if (legal !== undefined) expect(lapic.writeExtended(register, legal, 0)).toBe(true);
    if (illegal !== undefined) expect(lapic.writeExtended(register, illegal, 0)).toBe(false);
    if (register !== APIC_ICR_LOW) expect(lapic.writeExtended(register, 0, 1)).toBe(false);
  });
});

describe('TSC-deadline mode', () => {
  const DEADLINE = 0x40041;

  it('fires once when the moment has come', () => {
    const lapic = create(0);
    lapic.writeExtended(APIC_LVT_TIMER, DEADLINE, 0);
    expect(lapic.setDeadline(1000)).toBe(true);
    time.advance(999);
    expect([requests([lapic]), ends]).toEqual([[false], 0]);
    time.advance(1);
    expect([lapic.acknowledge(), ends]).toEqual([0x41, 1]);
    time.advance(10_000);
    expect(requests([lapic])).toEqual([false]);
  });

  it('fires at once for a moment that is past, and can be disarmed', () => {
    const lapic = create(0);
    lapic.writeExtended(APIC_LVT_TIMER, DEADLINE, 0);
    time.advance(50);
    expect(lapic.setDeadline(50)).toBe(false);
    expect(lapic.acknowledge()).toBe(0x41);
    lapic.setDeadline(100);
    expect(lapic.setDeadline(undefined)).toBe(false);
    time.advance(1000);
    expect(requests([lapic])).toEqual([false]);
  });

  it('is deaf to the initial count; other modes are deaf to the moment, and a change of mode disarms', () => {
    const lapic = create(0);
    lapic.writeExtended(APIC_LVT_TIMER, 0x41, 0);
    expect(lapic.setDeadline(100)).toBe(false);
    lapic.writeExtended(APIC_TIMER_INITIAL, 500, 0);
    lapic.writeExtended(APIC_LVT_TIMER, DEADLINE, 0);
    lapic.writeExtended(APIC_TIMER_INITIAL, 500, 0);
    expect([lapic.read(APIC_TIMER_INITIAL, 4), lapic.read(APIC_TIMER_CURRENT, 4)]).toEqual([0, 0]);
    expect(lapic.setDeadline(100)).toBe(true);
    lapic.writeExtended(APIC_LVT_TIMER, 0x41, 0);
    expect(ends).toBe(1);
    time.advance(5000);
    expect(requests([lapic])).toEqual([false]);
  });

  it('is no mode of a processor without it', () => {
    const lapic = create(0, false);
    expect(lapic.writeExtended(APIC_LVT_TIMER, DEADLINE, 0)).toBe(false);
    lapic.setMode('disabled');
    lapic.setMode('xapic');
    lapic.write(APIC_SVR, 4, 0x1ff);
    lapic.write(APIC_LVT_TIMER, 4, DEADLINE);
    expect(lapic.read(APIC_LVT_TIMER, 4)).toBe(0x41);
  });
});
