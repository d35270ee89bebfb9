// What paravirtualization costs, against the bare machine and binary translation: orderings that the comparison of single
// operations cannot show (Barham et al. 2003, Table 3: fork under Xen 1.8 times native, under a translating VMM 8 times).
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import { findProfile } from '../../cost/index.ts';
import type { TechniqueName } from '../../technique.ts';
import { techniques } from '../index.ts';

const IMAGES = resolve(import.meta.dirname, '../../../../guests/images');

/** Cycles between the line before `forktest: ok` of tinyos and that line. */
function forkCycles(name: TechniqueName): number {
  let line = '';
  let last = 0;
  let cycles: number | undefined;
  const vmm = techniques.find(name)!.create({
    module: loadCore(),
    memory: 0x100_0000,
    profile: findProfile('p4-672'),
    serialOut: (byte) => {
      if (byte !== 10) {
        line += String.fromCharCode(byte);
        return;
      }
      const now = vmm.machine.cpu.cycles;
      if (line.startsWith('forktest: ok')) cycles = now - last;
      line = '';
      last = now;
    },
  });
  vmm.start(readFileSync(resolve(IMAGES, name === 'paravirtual' ? 'tinyos-para.elf' : 'tinyos.elf')), {});
  vmm.run({ instructions: 100_000_000 });
  expect(cycles).toBeDefined();
  return cycles!;
}

test('fork: bare < paravirtual < binary translation, and paravirtual at most 2.1 times bare', () => {
  const bare = forkCycles('bare');
  const paravirtual = forkCycles('paravirtual');
  const translated = forkCycles('binary-translation');
  console.log(`fork and exit, cycles: bare ${bare}, paravirtual ${paravirtual}, binary translation ${translated}`);
  expect(paravirtual).toBeGreaterThan(bare);
  expect(paravirtual).toBeLessThan(2.1 * bare);
  expect(translated).toBeGreaterThan(paravirtual);
});
