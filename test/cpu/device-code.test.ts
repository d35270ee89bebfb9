// Code that is fetched from a device: every fetch reads it, so how often it is read must not depend on where the host cuts
// the run (a repeated instruction may be interrupted after every iteration: SDM Vol. 2 "REP/REPE/REPZ/REPNE/REPNZ").
import { expect, test } from 'vitest';
import { CS } from '../../asm/layout.ts';
import { Cpu } from '../../src/cpu/cpu.ts';
import { loadCore } from '../core.ts';

const DEVICE = 0x80_0000;
/** mov ecx, 9; rep lodsb; hlt */
const CODE = [0xb9, 9, 0, 0, 0, 0xf3, 0xac, 0xf4];

function run(cycles: number): { reads: number; instructions: number; cycles: number; esi: number } {
  let reads = 0;
  const cpu = Cpu.create(loadCore(), {
    ramSize: 0x10000,
    host: {
      portRead: () => 0,
      portWrite() {},
      mmioRead: (address) => {
        reads++;
        return CODE[address - DEVICE] ?? 0;
      },
      mmioWrite() {},
      interruptAcknowledge: () => 0,
    },
  });
  cpu.cr0 = 0x11;
  for (let n = 0; n < 6; n++)
    cpu.setSegment(n, { selector: 8, rights: n === CS ? 0xc09b : 0xc093, base: 0, limit: 0xffff_ffff });
  cpu.eip = DEVICE;
  while (cpu.run({ cycles: cpu.cycles + cycles }).reason === 'deadline');
  return { reads, instructions: cpu.instructions, cycles: cpu.cycles, esi: cpu.reg(6) };
}

test('is read as often whole as in slices', () => {
  const whole = run(100_000);
  expect(whole).toMatchObject({ instructions: 3, esi: 9 });
  for (const cycles of [1, 2, 7, 30]) expect(run(cycles)).toEqual(whole);
});
