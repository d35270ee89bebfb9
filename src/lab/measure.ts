// Runs a benchmark guest under one technique and attributes what happened to its benchmarks, which its serial line tells.
import type { MeasuredRun } from './comparison.ts';
import { GuestRun, type GuestImage, type GuestRunOptions } from './guest-run.ts';
import { Marks } from './marks.ts';
import type { TechniqueCell } from './techniques.ts';

/** How long one call into the machine may run before progress is reported. */
const SLICE = 2_000_000;
/** A comparison ends by itself, whatever the guest does. */
const MOST_INSTRUCTIONS = 2_000_000_000;

/** A guest that did not come to its own end. */
export class MeasureError extends Error {
  override readonly name = 'MeasureError';
  readonly code = 'guest-failed';
}

/**
 * Runs the guest to its end.
 * @throws MeasureError when the guest does not end with status 0; GuestRunError and BootError as GuestRun does
 */
export function measure(
  guest: GuestImage,
  technique: TechniqueCell,
  options: Omit<GuestRunOptions, 'serialOut'>,
  progress?: (benchmarks: number) => void,
): MeasuredRun {
  const marks = new Marks(() => run.vmm.counters.flat());
  const run: GuestRun = new GuestRun(guest, { ...options, serialOut: (byte) => marks.byte(byte) });
  const { cpu } = run.vmm.machine;
  for (;;) {
    const stop = run.run({ instructions: Math.min(cpu.instructions + SLICE, MOST_INSTRUCTIONS) });
    progress?.(marks.measurements.length);
    if (stop.reason === 'limit' && cpu.instructions < MOST_INSTRUCTIONS) continue;
    if (stop.status !== 0) {
      const report = 'report' in stop ? `: ${stop.report}` : '';
      throw new MeasureError(
        `${guest.name} under ${technique} ended with ${stop.reason} (status ${stop.status})${report}.`,
      );
    }
    return {
      technique,
      exitStatus: stop.status,
      instructions: cpu.instructions,
      cycles: cpu.cycles,
      exits: run.vmm.counters.entries,
      directShare: run.directShare,
      output: marks.output,
      measurements: marks.measurements,
    };
  }
}
