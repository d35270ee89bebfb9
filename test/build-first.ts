// Vitest's global setup: builds dist when a source is newer than it, so that no test runs against an old core.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

function newest(folder: string): number {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('gen/'))
    .reduce((latest, file) => Math.max(latest, statSync(join(ROOT, folder, file)).mtimeMs), 0);
}

/** Builds when asm or src changed since the last build. */
export default function buildFirst(): void {
  const built = ['dist/cpu.wasm', 'dist/anillo.js'].map((file) => join(ROOT, file));
  const current = Math.max(newest('asm'), newest('src'));
  if (built.every((file) => existsSync(file) && statSync(file).mtimeMs >= current)) return;
  if (process.env.ANILLO_SKIP_BUILD) return;
  execFileSync(process.execPath, ['--import', 'tsx', 'src/build/build.ts'], { cwd: ROOT, stdio: 'inherit' });
}
