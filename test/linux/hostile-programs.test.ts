// A hundred hostile programs of each kind; many thousands in the slow suite.
import { describe, test } from 'vitest';
import { ABIS, type Abi } from './cases.ts';
import { canBuild, runRandomCode, runSpoiledPrograms } from './hostile-programs.ts';

describe.each(Object.keys(ABIS) as Abi[])('%s', (abi) => {
  test.skipIf(canBuild(abi))(`programs cannot be compiled here: install gcc for ${abi}`, () => {});

  describe.skipIf(!canBuild(abi))('programs', () => {
    test.each(['code', 'frames'] as const)('of random %s end, and others go on', (kind) => {
      runRandomCode(abi, kind, 1, 100);
    });

    test.each(['static', 'dynamic', 'interpreter'] as const)('that are spoiled (%s) are refused or end', (spoiled) => {
      runSpoiledPrograms(abi, spoiled, 1, 80);
    });
  });
});
