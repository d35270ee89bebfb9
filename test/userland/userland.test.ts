// The utilities of the image `anillo`: what scripts of them print on the user-space kernel and, where that is Linux, on this
// computer. text.txt, files.txt and shell.txt are what Debian's dash and utilities print for the scripts beside them.
import { readFileSync } from 'node:fs';
import { createTarDecoder } from 'modern-tar';
import { afterAll, describe, expect, test } from 'vitest';
import { expected, IMAGE, Utilities } from './utilities.ts';

const utilities = new Utilities();
afterAll(() => utilities.remove());

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux' && process.arch === 'x64';

async function filesOf(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const { header, body } of new Blob([Buffer.from(archive)]).stream().pipeThrough(createTarDecoder())) {
    files.set(header.name, new Uint8Array(await new Response(body).arrayBuffer()));
  }
  return files;
}

/** The program in the committed image, whose largest blob is its only layer. */
async function committedProgram(): Promise<Uint8Array> {
  const blobs = [...(await filesOf(readFileSync(IMAGE))).values()];
  const layer = blobs.reduce((largest, blob) => (blob.length > largest.length ? blob : largest));
  return (await filesOf(layer)).get('bin/box')!;
}

describe('on the user-space kernel', () => {
  test.each(['text', 'files', 'shell', 'system'])('%s', (name) => {
    expect(utilities.runInContainer(name)).toBe(expected(name));
  });
});

describe.skipIf(!isLinux)('on this computer', async () => {
  const bin = isLinux ? utilities.install('committed', await committedProgram()) : '';
  test.each(['text', 'shell'])('%s', (name) => expect(utilities.runHere(bin, name)).toBe(expected(name)));
  test.skipIf(!isRoot)('files', () => expect(utilities.runHere(bin, 'files')).toBe(expected('files')));
});
