// A static Linux program as a module of tinyos: the same bytes say the same there as on the user-space kernel, whichever
// way tinyos runs. What is right was read from a Linux machine's output of `workloads check`.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GuestRun } from '../src/lab/guest-run.ts';
import { CELLS, type TechniqueCell } from '../src/lab/techniques.ts';
import { findProfile } from '../src/vmm/cost/index.ts';
import { techniques } from '../src/vmm/techniques/index.ts';
import { loadCore } from './core.ts';
import { runGuest } from './linux/guest.ts';
import { bundledGuest } from './run-guest.ts';

const PROGRAM = readFileSync(resolve(import.meta.dirname, '../guests/images/workloads.elf'));

function inTinyos(cell: TechniqueCell, commandLine: string, program: Uint8Array = PROGRAM) {
  const { technique, paging } = CELLS.find((candidate) => candidate.cell === cell)!;
  let output = '';
  const run = new GuestRun(
    { ...bundledGuest('tinyos'), modules: [{ data: program, text: 'program' }] },
    {
      module: loadCore(),
      technique: techniques.find(technique)!,
      ...(paging ? { paging } : {}),
      memory: 16 << 20,
      profile: findProfile('p4-672'),
      commandLine,
      serialOut: (byte) => {
        output += String.fromCharCode(byte);
      },
    },
  );
  const stop = run.run({ instructions: 50_000_000 });
  const lines = output.replaceAll('\r', '').split('\n');
  return { stop, said: lines.filter((line) => line !== '' && !line.startsWith('tinyos:')), all: output };
}

const expected = runGuest(PROGRAM, { arguments: ['check'] })
  .out.trimEnd()
  .split('\n');

describe('workloads check', () => {
  test('says on the user-space kernel what it says on Linux', async () => {
    await expect(`${expected.join('\n')}\n`).toMatchFileSnapshot('golden/workloads-check.txt');
  });

  test.each(['bare', 'binary-translation', 'paravirtual', 'vtx/shadow', 'vtx/ept'] as const)(
    'says the same in tinyos under %s',
    (cell) => {
      const { stop, said } = inTinyos(cell, '-- /bin/workloads check');
      expect(said).toEqual(expected);
      expect(stop.status).toBe(0);
    },
  );
});

describe('tinyos with a module', () => {
  test('ends with the status of the program', () => {
    expect(inTinyos('bare', '-- /bin/workloads exit 3').stop.status).toBe((3 << 1) | 1);
  });

  test('refuses what is no static i386 program, and says so', () => {
    const damaged = PROGRAM.slice();
    damaged[18] = 62; // EM_X86_64
    const { stop, all } = inTinyos('bare', '-- /bin/workloads', damaged);
    expect(all).toContain('panic: the program is no static i386 ELF program that fits');
    expect(stop.status).toBe(5);
  });

  test('survives any damage to the headers of the program', () => {
    for (let at = 24; at < 116; at += 3) {
      const damaged = PROGRAM.slice();
      damaged[at] = 0xff;
      const { stop, all } = inTinyos('bare', '-- /bin/workloads exit 0', damaged);
      expect(all, `byte ${at}`).not.toContain('trap in the kernel');
      expect(stop.reason, `byte ${at}`).not.toBe('limit');
    }
  });
});
