// Many thousands of hostile programs.
import { describe, test } from 'vitest';
import { ABIS, type Abi } from './cases.ts';
import { canBuild, runRandomCode, runSpoiledPrograms } from './hostile-programs.ts';

describe.each((Object.keys(ABIS) as Abi[]).filter(canBuild))('%s programs', (abi) => {
  test.each(['code', 'frames'] as const)('of random %s end, and others go on', (kind) => {
    for (let seed = 100; seed < 110; seed++) runRandomCode(abi, kind, seed, 2000);
  });

  test.each(['static', 'dynamic', 'interpreter'] as const)('that are spoiled (%s) are refused or end', (spoiled) => {
    for (let seed = 100; seed < 104; seed++) runSpoiledPrograms(abi, spoiled, seed, 2000);
  });
});
