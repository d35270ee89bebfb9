// Bundles the anillo command: dist/anillo.js and the chunks it loads on demand.
import { chmodSync, rmSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { savableBundle } from './savable-modules.ts';

/** Packages that are CommonJS inside need `require` in an ES module bundle. */
const REQUIRE =
  "import { createRequire as anilloRequire } from 'node:module'; const require = anilloRequire(import.meta.url);";

/**
 * Writes dist/anillo.js and dist/chunk-*.js under the project's root.
 * @throws esbuild's error when a source does not compile
 */
export async function bundle(root: string): Promise<void> {
  const dist = join(root, 'dist');
  for (const file of readdirSync(dist)) if (/^(chunk|[a-z-]+-[A-Z0-9]{8})/.test(file)) rmSync(join(dist, file));
  await build({
    entryPoints: { anillo: join(root, 'src/cli/main.ts') },
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: REQUIRE },
    plugins: [savableBundle],
    chunkNames: 'chunk-[name]-[hash]',
    legalComments: 'none',
    logLevel: 'warning',
  });
  chmodSync(join(dist, 'anillo.js'), 0o755);
}
