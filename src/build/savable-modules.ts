// Which modules the saver has to see through, and how the bundler and the tests rewrite them (savable.ts).
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type Plugin, transformSync } from 'esbuild';
import { makeSavable } from './savable.ts';

const SOURCE = resolve(import.meta.dirname, '..');
const REGISTRY = join(SOURCE, 'kernel/snapshot/registry.ts');
const MODULES = /^(kernel|platform|oci)\/.*(?<!\.test)\.ts$/;

/** Rewrites JavaScript that was a module of the source tree; undefined for one that stays as it is. */
function savableModule(code: string, path: string): string | undefined {
  const name = relative(SOURCE, path).replaceAll('\\', '/');
  if (!MODULES.test(name) || path === REGISTRY) return undefined;
  const registry = relative(dirname(path), REGISTRY).replaceAll('\\', '/');
  return makeSavable(code, name.replace(/\.ts$/, ''), registry.startsWith('.') ? registry : `./${registry}`);
}

/** For esbuild. */
export const savableBundle: Plugin = {
  name: 'savable',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (!MODULES.test(relative(SOURCE, path).replaceAll('\\', '/'))) return undefined;
      const { code } = transformSync(readFileSync(path, 'utf8'), { loader: 'ts', target: 'node20', sourcefile: path });
      return { contents: savableModule(code, path) ?? code, loader: 'js' };
    });
  },
};

/** For Vite, behind its own removal of types. */
export const savableTests = {
  name: 'savable',
  transform(code: string, id: string): { code: string; map: null } | undefined {
    const savable = savableModule(code, id.split('?')[0]!);
    return savable === undefined ? undefined : { code: savable, map: null };
  },
};
