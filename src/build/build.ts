// `npm run build`: dist/cpu.wasm and the command. Skips the core when nothing under asm or src/isa is newer than it.
//   --dev        -O1: compiles several times faster, runs a little slower
//   --core-only  only dist/cpu.wasm
//   --force      even if it is up to date
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCore, ROOT } from './core.ts';

const SOURCES = ['asm', 'src/isa', 'src/build/core.ts'];
const CORE = join(ROOT, 'dist/cpu.wasm');
/** Optimization level the existing core was built with. */
const LEVEL = join(ROOT, 'dist/cpu.level');

function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('gen/') && !file.endsWith('.test.ts'))
    .reduce((latest, file) => Math.max(latest, statSync(join(path, file)).mtimeMs), 0);
}

/** True when dist/cpu.wasm is newer than its sources and was built at least at this optimization level. */
export function isCoreCurrent(optimize: number): boolean {
  if (!existsSync(CORE) || !existsSync(LEVEL) || Number(readFileSync(LEVEL, 'utf8')) < optimize) return false;
  const built = statSync(CORE).mtimeMs;
  return SOURCES.every((source) => newest(join(ROOT, source)) <= built);
}

async function main(args: readonly string[]): Promise<void> {
  const optimize = args.includes('--dev') ? 1 : 3;
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  if (args.includes('--force') || !isCoreCurrent(optimize)) {
    const started = new Date();
    const { wasm } = await buildCore({ optimize });
    writeFileSync(CORE, wasm);
    writeFileSync(LEVEL, String(optimize));
    // a source that changed while this was compiling is newer
    utimesSync(CORE, started, started);
    console.log(`dist/cpu.wasm: ${wasm.length} bytes, ${((Date.now() - started.getTime()) / 1000).toFixed(1)} s`);
  } else {
    const now = new Date();
    utimesSync(CORE, now, now);
  }
  if (args.includes('--core-only')) return;
  const { bundle } = await import('./bundle.ts');
  await bundle(ROOT);
}

if (process.argv[1] === import.meta.filename) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
