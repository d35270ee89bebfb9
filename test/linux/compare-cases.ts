// Runs the short programs of test/linux/cases here and compares them with what they did on Linux.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Abi, areas, canCompile, compile, expectedOf, listCases, programBytes, runHere } from './cases.ts';
import { Coverage } from './coverage.ts';

/** Defines a test for each file of cases. */
export function testCases(abi: Abi): void {
  const folder = mkdtempSync(join(tmpdir(), 'anillo-cases-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe(`${abi} programs`, () => {
    const possible = canCompile(abi);
    const coverage = new Coverage();
    const compared = new Set<string>();

    test.skipIf(possible)(`cannot be compiled here: install gcc and the static C library for ${abi}`, () => {});

    test.skipIf(!possible).each(areas)('%s: every case does what it did on Linux', (area) => {
      const program = compile(area, abi, folder);
      const bytes = programBytes(program);
      const expected = expectedOf(area, abi);
      expect(listCases(program).sort()).toEqual([...expected.keys()].sort());
      const here = new Map([...expected.keys()].map((name) => [name, runHere(bytes, name, coverage.onCall)]));
      compared.add(area);
      const differs = (name: string) => JSON.stringify(here.get(name)) !== JSON.stringify(expected.get(name));
      const different = [...expected.keys()].filter(differs);
      const part = (of: ReadonlyMap<string, unknown>) =>
        Object.fromEntries(different.map((name) => [name, of.get(name)]));
      expect(part(here)).toEqual(part(expected));
    });

    test.skipIf(!possible)(
      'every supported call is made by a case with success, and by one with an error',
      ({ skip }) => {
        if (compared.size < areas.length) skip('only some of the files have run');
        expect(coverage.missing(abi)).toEqual({ success: [], error: [] });
      },
    );
  });
}
