// What the deterministic instruction count costs: this core against one built without it, in alternating short turns.
import { buildCore } from '../src/build/core.ts';
import { anillo } from './engines/anillo.ts';
import { memoryImage } from './guest/memory-image.ts';
import { measure, median } from './measure.ts';
import { INTEGER_PROGRAMS } from './programs/integer.ts';

/** A difference of some percent needs many turns. */
const ROUNDS = 41;

/** Builds the core; without counting, the run loop only counts cycles. */
async function core(isCounting: boolean): Promise<WebAssembly.Module> {
  const overrides = new Map([
    [
      'asm/constants.ts',
      (source: string) => source.replace('COUNT_INSTRUCTIONS = true', `COUNT_INSTRUCTIONS = ${isCounting}`),
    ],
  ]);
  const { wasm } = await buildCore({ optimize: 3, overrides });
  return new WebAssembly.Module(new Uint8Array(wasm));
}

/** Measures and prints. */
export async function benchCounting(): Promise<void> {
  const counted = await core(true);
  const uncounted = await core(false);
  console.log('Speed with instructions counted, relative to a core that does not count them:');
  for (const { name, source } of INTEGER_PROGRAMS) {
    const image = memoryImage(source, 32);
    const measured = await measure([anillo('uncounted', uncounted, image), anillo('counted', counted, image)], ROUNDS);
    const [without, counting] = measured.map(({ seconds }) => seconds);
    const ratio = median(without!.map((seconds, round) => seconds / counting![round]!));
    console.log(`  ${name.padEnd(24)} ${ratio.toFixed(3)} ×`);
  }
}
