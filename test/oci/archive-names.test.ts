// Names that are no UTF-8 go through archives as they are: from GNU tar (tar(1), formats gnu, ustar, posix) to layers, and from
// layers and this computer to GNU tar.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packLocally } from '../../src/cli/archive-files.ts';
import { unpackLocally } from '../../src/cli/container/local-tree.ts';
import { DataFiles } from '../../src/cli/data-files.ts';
import { encodeText } from '../../src/kernel/syscalls/text.ts';
import { packEntries } from '../../src/oci/commit.ts';
import { Layers } from '../../src/oci/layers.ts';
import type { Bytes } from '../../src/oci/streams.ts';
import { inPieces } from './archives.ts';

/** Only file systems of Linux keep such names. */
const possible = process.platform === 'linux' && spawnSync('tar', ['--version']).stdout?.includes('GNU tar');

let root: string;
let layers: Layers;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anillo-names-'));
  layers = new Layers(new DataFiles(join(root, 'data')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const bytes = (path: string) => Buffer.concat([Buffer.from(`${join(root, 'from')}/`), latin1(path)]);
const long = '\xe4'.repeat(120);
const FOLDER = 'd\xfcr';
const NAMES = ['caf\xe9', `${FOLDER}/\xff`, `${FOLDER}/${'\xfe'.repeat(90)}`, `${FOLDER}/${long}`];
const LINKS: readonly [name: string, target: string][] = [
  ['link', '../\xe0\xe1'],
  ['long', `${FOLDER}/${long}`],
  ['to\xe9', 'plain'],
];

/** A directory with such names, with UTF-8 and with ASCII beside. */
function makeTree(): void {
  mkdirSync(bytes(FOLDER), { recursive: true });
  for (const name of [...NAMES, 'plain', 'gr\xc3\xbcn']) writeFileSync(bytes(name), latin1(name));
  for (const [name, target] of LINKS) symlinkSync(latin1(target), bytes(name));
}

const seen = (text: string) => Buffer.from(encodeText(text)).toString('latin1');
const EXPECTED = [...NAMES, FOLDER, 'plain', 'gr\xc3\xbcn', ...LINKS.map(([name]) => name)].sort();

async function whole(archive: Bytes): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of archive) parts.push(part);
  return Buffer.concat(parts);
}

/** What GNU tar makes of an archive: names, with the targets of links. */
function unpackedByTar(archive: Buffer): string[] {
  const into = mkdtempSync(join(root, 'out-'));
  execFileSync('tar', ['-xf', '-', '-C', into], { input: archive });
  return listed(into);
}

function listed(directory: string): string[] {
  const below = (folder: Buffer, prefix: string): string[] =>
    readdirSync(folder, { encoding: 'buffer' }).flatMap((name) => {
      const path = Buffer.concat([folder, Buffer.from('/'), name]);
      const shown = prefix + name.toString('latin1');
      try {
        return [`${shown} -> ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`];
      } catch {
        if (shown === FOLDER) return [shown, ...below(path, `${shown}/`)];
        return [`${shown}: ${readFileSync(path).toString('latin1')}`];
      }
    });
  return below(Buffer.from(directory), '').sort();
}

for (const format of ['gnu', 'posix', 'ustar']) {
  test.skipIf(!possible)(
    `an archive of GNU tar in format ${format} keeps its names as a layer, and when it is written again`,
    async () => {
      makeTree();
      // targets of more than 100 bytes have no place in ustar
      if (format === 'ustar') for (const name of [`${FOLDER}/${long}`, 'long']) rmSync(bytes(name));
      const args = ['-c', `--format=${format}`, '-C', join(root, 'from'), '.'];
      const archive = new Uint8Array(execFileSync('tar', args, { maxBuffer: 1 << 24 }));
      const id = await layers.unpack(inPieces(archive), 'layer');
      const entries = layers.entries(id);
      const kept = EXPECTED.filter((name) => format !== 'ustar' || (name !== 'long' && !name.endsWith(long)));
      expect(
        entries
          .map(({ path }) => seen(path))
          .filter(Boolean)
          .sort(),
      ).toEqual(kept);
      const links = entries
        .filter(({ kind }) => kind === 'symlink')
        .map(({ path, target }) => [seen(path), seen(target!)]);
      expect(links.sort()).toEqual(LINKS.filter(([name]) => kept.includes(name)));
      const again = await whole(
        packEntries(
          entries.filter(({ path }) => path !== ''),
          layers.content(id),
        ),
      );
      expect(unpackedByTar(again)).toEqual(listed(join(root, 'from')));
    },
  );
}

test.skipIf(!possible)('files of this computer keep their names on the way out and back', async () => {
  makeTree();
  expect(unpackedByTar(await whole(packLocally(join(root, 'from'), '', false)))).toEqual(listed(join(root, 'from')));
  mkdirSync(join(root, 'to'));
  await unpackLocally(join(root, 'to'), packLocally(join(root, 'from'), '', false), { keepOwners: false });
  expect(listed(join(root, 'to'))).toEqual(listed(join(root, 'from')));
});

test.skipIf(possible)('needs GNU tar on Linux', () => {});
