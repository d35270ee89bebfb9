// Interrupts between processors and from devices through the I/O APIC (SDM Vol. 3A "Issuing Interprocessor Interrupts",
// "Determining IPI Destination", "Local APIC Timer"; Intel 82093AA data sheet, "I/O Redirection Table Registers").
import { describe, expect, it } from 'vitest';
import { DATA, END, SmpMachine } from './machine.ts';

const PROCESSORS = 4;
const READY = DATA + 0x80;
/** Interrupts taken by each processor, and its NMIs. */
const COUNTS = DATA + 0x100;
const NMIS = DATA + 0x200;

const write = (register: number, value: number): string => `mov dword ptr [${0xfee00000 + register}], ${value >>> 0}\n`;
const ioapic = (register: number, value: number): string =>
  `mov dword ptr [0xfec00000], ${register}\n mov dword ptr [0xfec00010], ${value >>> 0}\n`;

const HANDLERS = `
interrupt:
  push eax
  mov eax, [0xfee00020]
  shr eax, 24
  lock inc dword ptr [eax*4 + ${COUNTS}]
  mov dword ptr [0xfee000b0], 0
  pop eax
  iretd
pair:
  push eax
  mov eax, [0xfee00020]
  shr eax, 24
  lock inc dword ptr [eax*4 + ${COUNTS}]
  mov al, 0x20
  out 0x20, al
  pop eax
  iretd
nmi:
  push eax
  mov eax, [0xfee00020]
  shr eax, 24
  lock inc dword ptr [eax*4 + ${NMIS}]
  pop eax
  iretd`;

/** All processors prepare themselves; the first then does `action`, waits a while and ends the run; the others halt. */
function interrupted(prepare: (processor: number) => string, action: string): SmpMachine {
  const m = new SmpMachine(PROCESSORS);
  const other = (n: number): string => `
cpu${n}:
  ${write(0xf0, 0x1ff)}
  ${prepare(n)}
  lock inc dword ptr [${READY}]
  sti
sleep${n}:
  hlt
  jmp sleep${n}`;
  m.program(`
cpu0:
  ${write(0xf0, 0x1ff)}
  ${prepare(0)}
wait:
  pause
  cmp dword ptr [${READY}], ${PROCESSORS - 1}
  jne wait
  sti
  ${action}
  mov ecx, 3000
delay:
  pause
  loop delay
  ${END}
  ${Array.from({ length: PROCESSORS - 1 }, (_, n) => other(n + 1)).join('\n')}
  ${HANDLERS}`);
  m.gate(0x40, 'pair');
  m.gate(0x41, 'interrupt');
  m.gate(0x42, 'interrupt');
  m.gate(2, 'nmi');
  m.startAll();
  expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
  return m;
}

const counts = (m: SmpMachine, at = COUNTS): number[] => [0, 1, 2, 3].map((n) => m.word(at + 4 * n));
const send = (to: number, low: number): string => write(0x310, to << 24) + write(0x300, low);
const FLAT = (n: number): string => write(0xe0, 0xffffffff) + write(0xd0, 1 << (24 + n));
/** Clusters of two: processor n is bit n & 1 of cluster n >> 1. */
const CLUSTERS = (n: number): string => write(0xe0, 0x0fffffff) + write(0xd0, (((n >> 1) << 4) | (1 << (n & 1))) << 24);

/** SDM Vol. 3 "Enabling or Disabling the Local APIC". */
const APIC_BASE = (enabled: number): string =>
  `mov ecx, 0x1b\n rdmsr\n and ah, 0xf7\n or ah, ${enabled << 3}\n wrmsr\n`;
const APIC_OFF = APIC_BASE(0);

/** Time for several periods. */
const LONG = 'mov ecx, 1000000\nlong:\n add eax, ecx\n loop long\n';

describe('IA32_APIC_BASE.EN', () => {
  it('set again: the local APIC is as after power-up, with its own number', () => {
    const m = new SmpMachine(2);
    m.program(`cpu0:\n ${write(0x20, 5 << 24)} ${write(0x80, 0x70)} ${APIC_OFF} ${APIC_BASE(1)}
      mov eax, [0xfee00020]\n mov [${DATA}], eax\n mov eax, [0xfee00080]\n mov [${DATA + 4}], eax\n ${END}
      cpu1:\n jmp cpu1`);
    m.startAll();
    expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
    expect([m.word(DATA), m.word(DATA + 4)]).toEqual([0, 0]);
  });
});

describe('interprocessor interrupts', () => {
  const cases: [name: string, prepare: (n: number) => string, to: number, low: number, taken: number[]][] = [
    ['physical', () => '', 2, 0x4041, [0, 0, 1, 0]],
    ['physical, to everybody', () => '', 0xff, 0x4041, [1, 1, 1, 1]],
    ['physical, to itself', () => '', 0, 0x4041, [1, 0, 0, 0]],
    ['logical, flat', FLAT, 0b1010, 0x4841, [0, 1, 0, 1]],
    ['logical, flat, to everybody', FLAT, 0xff, 0x4841, [1, 1, 1, 1]],
    ['logical, cluster', CLUSTERS, 0x12, 0x4841, [0, 0, 0, 1]],
    ['logical, both of a cluster', CLUSTERS, 0x03, 0x4841, [1, 1, 0, 0]],
    ['shorthand self', () => '', 2, 0x44041, [1, 0, 0, 0]],
    ['shorthand all', () => '', 2, 0x84041, [1, 1, 1, 1]],
    ['shorthand all but self', () => '', 2, 0xc4041, [0, 1, 1, 1]],
    ['lowest priority, flat', (n) => FLAT(n) + (n === 2 ? '' : write(0x80, 0x20)), 0xff, 0x4941, [0, 0, 1, 0]],
    ['lowest priority among equals: the first', FLAT, 0b1110, 0x4941, [0, 1, 0, 0]],
    ['to a processor without its APIC (IA32_APIC_BASE)', (n) => (n === 2 ? APIC_OFF : ''), 0xff, 0x4041, [1, 1, 0, 1]],
    [
      'to a processor that has switched its APIC off',
      (n) => (n === 2 ? write(0xf0, 0xff) : ''),
      0xff,
      0x4041,
      [1, 1, 0, 1],
    ],
    ['to nobody', () => '', 9, 0x4041, [0, 0, 0, 0]],
  ];
  it.each(cases)('%s', (_name, prepare, to, low, taken) => {
    expect(counts(interrupted(prepare, send(to, low)))).toEqual(taken);
  });

  it('NMI reaches a processor whatever its priority and its interrupt flag', () => {
    const m = interrupted((n) => (n === 1 ? write(0x80, 0xff) : ''), send(1, 0x4400) + send(3, 0x4400));
    expect(counts(m, NMIS)).toEqual([0, 1, 0, 1]);
  });

  it('delivery is immediate: the command register never shows a pending message', () => {
    const m = interrupted(() => '', `${send(1, 0x4041)} mov eax, [0xfee00300]\n mov [${DATA}], eax`);
    expect(m.word(DATA)).toBe(0x4041);
  });

  it('an interrupt in service holds back one of the same class until its end', () => {
    // two vectors of one class: both arrive, one after the other
    const m = interrupted(() => '', send(1, 0x4041) + send(1, 0x4042));
    expect(counts(m)).toEqual([0, 2, 0, 0]);
  });

  it('ping-pong: each answers the other', () => {
    const m = new SmpMachine(2);
    m.program(`
cpu0:
  ${write(0xf0, 0x1ff)}
wait:
  pause
  cmp dword ptr [${READY}], 1
  jne wait
  sti
  ${send(1, 0x4041)}
idle:
  hlt
  cmp dword ptr [${DATA}], 100
  jb idle
  ${END}
cpu1:
  ${write(0xf0, 0x1ff)}
  lock inc dword ptr [${READY}]
  sti
sleep:
  hlt
  jmp sleep
ping:
  inc dword ptr [${DATA + 4}]
  mov dword ptr [0xfee000b0], 0
  ${write(0x310, 0)}
  ${write(0x300, 0x4042)}
  iretd
pong:
  inc dword ptr [${DATA}]
  mov dword ptr [0xfee000b0], 0
  ${send(1, 0x4041)}
  iretd`);
    m.gate(0x41, 'ping');
    m.gate(0x42, 'pong');
    m.startAll();
    expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
    expect(m.word(DATA)).toBe(100);
    expect(m.word(DATA + 4)).toBeGreaterThanOrEqual(100);
  });

  it('each has a timer of its own', () => {
    const periodic = (n: number): string => write(0x3e0, 0xb) + write(0x320, 0x20041) + write(0x380, 40000 * (n + 1));
    const m = interrupted(periodic, LONG);
    const [first, second, third, fourth] = counts(m) as [number, number, number, number];
    expect(first).toBeGreaterThan(8);
    expect(Math.abs(first - 2 * second)).toBeLessThanOrEqual(2);
    expect(Math.abs(first - 3 * third)).toBeLessThanOrEqual(3);
    expect(Math.abs(first - 4 * fourth)).toBeLessThanOrEqual(4);
  });
});

describe('the I/O APIC', () => {
  /** The interval timer, mode 2, every 1000 ticks of 838 ns. */
  const PIT = 'mov al, 0x34\n out 0x43, al\n mov al, 0xe8\n out 0x40, al\n mov al, 3\n out 0x40, al\n';

  it('routes the interval timer to the processor its entry names, and to no other', () => {
    const m = interrupted(() => '', ioapic(0x15, 2 << 24) + ioapic(0x14, 0x41) + PIT + LONG);
    const [first, second, third, fourth] = counts(m);
    expect([first, second, fourth]).toEqual([0, 0, 0]);
    expect(third).toBeGreaterThan(1);
  });

  it('a masked entry sends nothing', () => {
    const m = interrupted(() => '', ioapic(0x15, 2 << 24) + ioapic(0x14, 0x10041) + PIT + LONG);
    expect(counts(m)).toEqual([0, 0, 0, 0]);
  });

  it('logical destination: one of the processors named, by lowest priority', () => {
    const m = interrupted(
      (n) => FLAT(n) + (n === 3 ? '' : write(0x80, 0x20)),
      ioapic(0x15, 0b1110 << 24) + ioapic(0x14, 0x941) + PIT + LONG,
    );
    const [first, second, third, fourth] = counts(m);
    expect([first, second, third]).toEqual([0, 0, 0]);
    expect(fourth).toBeGreaterThan(1);
  });

  it('passes the 8259 pair to another processor in ExtINT mode', () => {
    // the pair at vector 0x40 with only the timer unmasked; the first processor no longer listens to it
    const pair: [port: number, value: number][] = [
      [0x20, 0x11],
      [0x21, 0x40],
      [0x21, 4],
      [0x21, 3],
      [0x21, 0xfe],
    ];
    const outs = pair.map(([port, value]) => `mov al, ${value}\n out ${port}, al\n`).join('');
    const route = ioapic(0x11, 1 << 24) + ioapic(0x10, 0x700);
    const m = interrupted(() => '', write(0x350, 0x10000) + outs + route + PIT + LONG);
    const [first, second, third, fourth] = counts(m);
    expect([first, third, fourth]).toEqual([0, 0, 0]);
    expect(second).toBeGreaterThan(1);
  });
});
