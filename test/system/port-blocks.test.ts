// Behind IN and OUT the run loop goes on with the next block at once (asm/system/onwards.ts), unless the device has done something
// that has to be looked at first: whatever it does comes behind that very access (SDM Vol. 1 "Ordering I/O").
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { CODE, DOORWAY, STACKS, TestMachine } from './machine.ts';

const TURNS = 10;
/** The turn in which the device does something, and the turns until then and from then on. */
const TURN = 5;
const BEFORE = TURN - 1;
const AFTER = TURNS - BEFORE;
const IF = 0x200;
const DEC_EBX = 0x4b;

const PROGRAM = `
  mov ebx, 0
  mov ecx, ${TURNS}
next:
  out 0x80, al
behind:
  inc ebx
  dec ecx
  jne next
  hlt`;

/** A machine with the program, whose device calls `act` in one turn; `behind` is the address of the instruction behind OUT. */
function prepare(act: (m: TestMachine, behind: number) => void, eflags = 2): { m: TestMachine; behind: number } {
  const { bytes, symbols } = assembleProgram(PROGRAM, { origin: CODE, mode: 32 });
  const m = new TestMachine();
  const behind = symbols.get('behind')!;
  let turn = 0;
  m.onWrite = () => {
    if (++turn === TURN) act(m, behind);
  };
  m.ring(0, eflags);
  m.cpu.ram.set(bytes, CODE);
  return { m, behind };
}

const EBX = 3;

describe('behind OUT', () => {
  test('code that the device changes runs as it is then', () => {
    const { m } = prepare(({ cpu }, behind) => {
      cpu.ram[behind] = DEC_EBX;
      cpu.notePhysicalWrite(behind, 1);
    });
    expect(m.run(1000).reason).toBe('halt');
    expect(m.cpu.reg(EBX) | 0).toBe(BEFORE - AFTER);
  });

  test('nothing is left of decoded code when the device drops all of it', () => {
    const { m } = prepare(({ cpu }, behind) => {
      cpu.ram[behind] = DEC_EBX;
      cpu.flushBlocks();
    });
    expect(m.run(1000).reason).toBe('halt');
    expect(m.cpu.reg(EBX) | 0).toBe(BEFORE - AFTER);
  });

  test('an interrupt comes before the next instruction', () => {
    const { m, behind } = prepare(({ cpu }) => cpu.setIntr(true), IF | 2);
    expect(m.run(1000).reason).toBe('doorway');
    expect(m.cpu.eip).toBe(DOORWAY + m.interruptVector);
    expect(m.memory.getUint32(STACKS[0] - 12, true)).toBe(behind);
    expect(m.cpu.reg(EBX)).toBe(BEFORE);
  });

  test('a stop that was asked for comes before the next instruction, and the program goes on from there', () => {
    const { m, behind } = prepare(({ cpu }) => cpu.requestStop());
    expect(m.run(1000).reason).toBe('request');
    expect([m.cpu.eip, m.cpu.reg(EBX)]).toEqual([behind, BEFORE]);
    expect(m.run(1000).reason).toBe('halt');
    expect(m.cpu.reg(EBX)).toBe(TURNS);
  });

  test('a deadline that the device brings forward ends the run as it does one instruction at a time', () => {
    const act = ({ cpu }: TestMachine): void => cpu.setDeadline(cpu.cycles + 1);
    const whole = prepare(act).m;
    expect(whole.cpu.run({ cycles: 1e9 }).reason).toBe('deadline');
    const single = prepare(act).m;
    while (single.cpu.reg(EBX) < BEFORE || single.cpu.instructions < whole.cpu.instructions) single.run(1);
    expect([single.cpu.eip, single.cpu.cycles]).toEqual([whole.cpu.eip, whole.cpu.cycles]);
    expect(whole.cpu.reg(EBX)).toBe(BEFORE);
  });
});
