// Address-range monitoring (SDM Vol. 3A "MONITOR/MWAIT Instruction", Vol. 2 "MONITOR", "MWAIT"). A watched line of 64
// bytes is marked like decoded code, so that only the slow path writes there and finds out who watches.
import { ACTIVITY, MONITOR_ARMED, MONITOR_LINE, OTHERS_TIME, PROCESSORS, WOKEN } from '../layout';
import { IF, hasFlag } from '../flags';
import { chunkMask, PAGE_CODE, ramPages } from '../physical';
import { markCodePage } from '../tlb';
import { processorPlace } from './select';
import { yieldProcessor } from './wait';

const LINE: u64 = 64;
const ARMED: u32 = 1;
export const WAITING: u32 = 2;
const HALTED: u32 = 1;

function watch(line: u64): void {
  const page = line >> 12;
  if (page >= ramPages) return;
  const place = PAGE_CODE + (usize(page) << 3);
  const code = load<u64>(place);
  if (!code) markCodePage(page);
  store<u64>(place, code | chunkMask(u32(line) & 0xfff, u32(LINE)));
}

/** MONITOR at a physical address. */
export function armMonitor(physical: u64): void {
  const line = physical & ~(LINE - 1);
  store<u64>(MONITOR_LINE, line);
  store<u32>(MONITOR_ARMED, ARMED);
  watch(line);
}

/** VM entries and exits, INIT: nothing is watched any more. */
export function disarmMonitor(): void {
  store<u32>(MONITOR_ARMED, 0);
}

/** An event ends the wait of MWAIT. */
export function endMonitorWait(): void {
  if (load<u32>(MONITOR_ARMED) == WAITING) store<u32>(MONITOR_ARMED, 0);
}

/**
 * MWAIT: waits if the line was not written since MONITOR and something may end the wait: an interrupt, or another
 * processor that runs.
 */
export function waitForMonitor(): void {
  const mayEnd = hasFlag(IF) || load<u64>(OTHERS_TIME) != u64.MAX_VALUE;
  if (load<u32>(MONITOR_ARMED) && mayEnd) {
    store<u32>(MONITOR_ARMED, WAITING);
    store<u32>(ACTIVITY, HALTED);
  } else disarmMonitor();
}

/** Bytes of a marked page are written (bits of 64 bytes each): whoever watches them goes on; the others keep watching. */
export function noteMonitored(page: u64, chunks: u64): void {
  const count = load<u32>(PROCESSORS);
  for (let n: u32 = 0; n < count; n++) {
    const armed = processorPlace(n, MONITOR_ARMED);
    if (!load<u32>(armed)) continue;
    const line = load<u64>(processorPlace(n, MONITOR_LINE));
    if (line >> 12 != page) continue;
    if (!(chunks & chunkMask(u32(line) & 0xfff, u32(LINE)))) {
      watch(line);
      continue;
    }
    const waited = load<u32>(armed) == WAITING;
    store<u32>(armed, 0);
    if (!waited) continue;
    store<u32>(processorPlace(n, ACTIVITY), 0);
    store<u32>(WOKEN, load<u32>(WOKEN) | (1 << n));
    yieldProcessor();
  }
}

/** All marks were dropped: sets those of watched lines again. */
export function watchAgain(): void {
  const count = load<u32>(PROCESSORS);
  for (let n: u32 = 0; n < count; n++)
    if (load<u32>(processorPlace(n, MONITOR_ARMED))) watch(load<u64>(processorPlace(n, MONITOR_LINE)));
}
