// Processors that nobody starts cost nothing: with them every bundled guest runs exactly as without.
import { describe, expect, it } from 'vitest';
import { GuestRun } from '../../src/lab/guest-run.ts';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';
import { bundledGuest } from '../run-guest.ts';

function measure(name: string, processors: number): { output: string; statistics: unknown } {
  const bytes: number[] = [];
  const run = new GuestRun(bundledGuest(name), {
    module: loadCore(),
    technique: techniques.find('bare')!,
    memory: 16 << 20,
    processors,
    profile: findProfile('p4-672'),
    commandLine: name === 'nanobench' ? 'iterations=50' : '',
    serialOut: (byte) => bytes.push(byte),
  });
  const stop = run.run({ instructions: 400_000_000 });
  const { processors: each, ...statistics } = run.statistics(stop);
  if (processors > 1)
    expect(each?.slice(1)).toEqual(Array.from({ length: processors - 1 }, () => ({ instructions: 0, cycles: 0 })));
  return { output: String.fromCharCode(...bytes), statistics };
}

describe('processors that wait to be started', () => {
  it.each(['hello', 'rings', 'sensitive', 'nanobench', 'tinyos'])('change nothing for %s', (name) => {
    expect(measure(name, 3)).toEqual(measure(name, 1));
  });
});
