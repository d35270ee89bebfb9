// Holds every import line in src against the module table of the architecture: hardware below the doorway,
// ring-0 software above it, no cycles, and no Node API outside the edges (so that the rest runs in a browser).
// A new edge is a change to MAY_IMPORT that somebody reviews.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const SOURCE = resolve(import.meta.dirname, '../src');

/** Which modules each module may import, besides itself. `asm/layout` stands for asm/layout.ts. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  isa: ['base'],
  cpu: ['base', 'isa', 'asm/layout'],
  machine: ['base'],
  devices: ['base', 'machine'],
  boot: ['base', 'machine'],
  pc: ['base', 'cpu', 'machine', 'devices', 'boot'],
  vmm: ['base', 'isa', 'cpu', 'machine', 'devices', 'boot', 'pc'],
  abi: ['base'],
  kernel: ['base', 'abi'],
  platform: ['base', 'abi', 'kernel', 'cpu', 'machine', 'pc'],
  oci: ['base', 'abi', 'kernel'],
  lab: ['base', 'isa', 'cpu', 'machine', 'boot', 'pc', 'vmm', 'abi', 'kernel', 'platform', 'oci'],
  cli: [
    'base',
    'isa',
    'cpu',
    'machine',
    'devices',
    'boot',
    'pc',
    'vmm',
    'abi',
    'kernel',
    'platform',
    'oci',
    'lab',
    'package.json',
  ],
  build: ['base', 'isa', 'cpu', 'asm/layout', 'oci'],
};
const MAY_USE_NODE = new Set(['cli', 'build']);

interface Import {
  readonly file: string;
  readonly module: string;
  readonly specifier: string;
  readonly target: string;
}

function sourceFiles(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(SOURCE, file));
}

/** Files of the core that tsc compiles too; `asm/layout` stands for all of them. */
const SHARED_WITH_CORE = new Set(
  ['layout.ts', 'vmx/vmcs-fields.ts', 'vmx/check-numbers.ts'].map((file) => resolve(SOURCE, '../asm', file)),
);

function moduleOf(path: string): string {
  if (SHARED_WITH_CORE.has(path)) return 'asm/layout';
  if (path === resolve(SOURCE, '../package.json')) return 'package.json';
  const inside = relative(SOURCE, path);
  return inside.startsWith('..') ? `outside:${inside}` : (inside.split('/')[0] ?? '');
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const specifiers = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'/g)]
    .concat([...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)])
    .concat([...text.matchAll(/(?:^|\n)import '([^']+)'/g)])
    .map((match) => match[1] ?? '');
  return specifiers.map((specifier) => ({
    file: relative(SOURCE, file),
    module: moduleOf(file),
    specifier,
    target: specifier.startsWith('.') ? moduleOf(resolve(dirname(file), specifier)) : `package:${specifier}`,
  }));
}

const imports = sourceFiles().flatMap(importsOf);

describe('the import table', () => {
  test('every module under src has a row', () => {
    const modules = new Set(sourceFiles().map(moduleOf));
    expect([...modules].filter((module) => !(module in MAY_IMPORT))).toEqual([]);
  });

  test('no import crosses a line the table does not draw', () => {
    const crossing = imports
      .filter(({ target }) => !target.startsWith('package:'))
      .filter(({ module, target }) => target !== module && !(MAY_IMPORT[module] ?? []).includes(target))
      .map(({ file, specifier }) => `${file} imports ${specifier}`);
    expect(crossing).toEqual([]);
  });

  test('only the edges use Node', () => {
    const node = imports
      .filter(({ module, target }) => target.startsWith('package:node:') && !MAY_USE_NODE.has(module))
      .map(({ file, specifier }) => `${file} imports ${specifier}`);
    expect(node).toEqual([]);
  });

  test('chips never import each other', () => {
    const chip = /^\.\.\/devices\/(.+)$/;
    const chips = imports
      .filter(({ file }) => file === 'pc/platform.ts')
      .flatMap(({ specifier }) => chip.exec(specifier)?.[1] ?? []);
    expect(chips.length).toBeGreaterThan(5);
    const between = imports
      .filter(({ module, specifier }) => module === 'devices' && chips.includes(specifier.replace('./', '')))
      .map(({ file, specifier }) => `${file} imports ${specifier}`);
    expect(between).toEqual([]);
  });

  test('the table itself has no cycle', () => {
    const visit = (module: string, path: readonly string[]): void => {
      expect(path, `${[...path, module].join(' -> ')}`).not.toContain(module);
      for (const next of MAY_IMPORT[module] ?? []) visit(next, [...path, module]);
    };
    for (const module of Object.keys(MAY_IMPORT)) visit(module, []);
  });
});
