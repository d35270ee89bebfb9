// The cost profiles by name.

import { CORE2_MEROM } from './core2-merom.ts';
import { P4_672 } from './p4-672.ts';
import type { CostProfile } from './profile.ts';

/** All profiles. */
const PROFILES: readonly CostProfile[] = [P4_672, CORE2_MEROM];

/** The profile called `name`. @throws RangeError when there is none */
export function findProfile(name: string): CostProfile {
  const profile = PROFILES.find((candidate) => candidate.name === name);
  if (!profile) throw new RangeError(`no cost profile is called ${name}`);
  return profile;
}
