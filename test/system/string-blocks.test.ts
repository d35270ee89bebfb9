// The run loops do repeated string instructions in a way of their own (asm/string-quick.ts), single steps do them the general
// way: registers, flags, memory and modelled time have to be the same, at page ends, across segment limits and for overlaps too.
import { expect, test } from 'vitest';
import { ACTIVITY, DS, ES } from '../../asm/layout.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { Random } from '../random/random.ts';
import { CODE, DATA, TestMachine } from './machine.ts';

const PROGRAMS = 1500;
const AREA = 0x3000;

const POOL = [
  ...['movs', 'stos', 'cmps', 'scas'].flatMap((name) =>
    ['b', 'w', 'd'].flatMap((size) =>
      (name < 'm' || name.startsWith('sc') ? ['repe', 'repne'] : ['rep']).map((prefix) => `${prefix} ${name}${size}`),
    ),
  ),
  'rep lodsb',
  'cld',
].map((text) => assembleProgram(text, { origin: CODE, mode: 32 }).bytes);

/** Loads of a register with a constant, by register number. */
function constant(register: number, value: number): number[] {
  return [0xb8 + register, value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function place(random: Random): number {
  const near = random.pick([0x800, 0xff0, 0x1000, 0x1ffd, 0x2ff8]);
  return DATA + near + random.below(40) - 20;
}

function prepare(m: TestMachine, seed: number): void {
  const random = new Random(seed);
  const code: number[] = [];
  for (let n = 0; n < 4; n++) {
    code.push(...constant(1, random.pick([0, 1, 2, 3, 8, 24, 40, 300, 1030, 1030])));
    code.push(...constant(6, place(random)), ...constant(7, place(random)));
    code.push(...constant(0, random.pick([0, 0x41, 0x4141_4141, random.u32()])));
    if (random.oneIn(8)) code.push(0xfd);
    code.push(...random.pick(POOL), 0xfc);
  }
  code.push(0xf4);
  m.ring(0);
  m.cpu.view.setUint32(ACTIVITY, 0, true);
  const limit = random.oneIn(4) ? DATA + 0xfff : 0xffff_ffff;
  const rights = 0xc093;
  m.cpu.setSegment(random.pick([DS, ES]), { selector: 0x10, rights, base: 0, limit });
  m.cpu.ram.set(code, CODE);
  m.cpu.notePhysicalWrite(CODE, code.length);
  m.cpu.ram.fill(0x41, DATA, DATA + AREA);
  for (let n = 0; n < 60; n++) m.cpu.ram[DATA + random.below(AREA)] = random.below(256);
}

function finish(m: TestMachine, step: number): string {
  const { cpu } = m;
  const [cycles, instructions] = [cpu.cycles, cpu.instructions];
  let stop = m.run(step);
  for (let n = 0; n < 100 && stop.reason === 'deadline'; n++) stop = m.run(step);
  let digest = 0;
  for (let n = 0; n < AREA + 0x2000; n++) digest = (Math.imul(digest, 31) + cpu.ram[DATA + n]!) >>> 0;
  const registers = [0, 1, 4, 6, 7].map((n) => cpu.reg(n));
  const time = [cpu.cycles - cycles, cpu.instructions - instructions];
  return [stop.reason, ...registers, cpu.eflags, cpu.eip, digest, ...time].join(' ');
}

test('repeated string instructions do in a block what they do one instruction at a time', () => {
  const whole = new TestMachine();
  const single = new TestMachine();
  for (let seed = 0; seed < PROGRAMS; seed++) {
    prepare(whole, seed);
    prepare(single, seed);
    expect(finish(whole, 1000), `seed ${seed}`).toBe(finish(single, 1));
  }
});
