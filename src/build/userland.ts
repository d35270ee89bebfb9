// The image `anillo`: guests/userland compiled into one program, the tree it lies in with a name for each utility, and around
// both an archive in the OCI image layout (OCI image specification, "Image Layout"). The same sources give the same bytes.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTarPacker } from 'modern-tar';
import { type Digest, digestOf, digits } from '../oci/digest.ts';
import { type Architecture, MEDIA, writeConfig, writeManifest } from '../oci/documents.ts';
import { writeDocument } from '../oci/json.ts';
import { tool } from './tool.ts';

/** When the image says it was made: not the clock's time, or no build would give the same bytes as another. */
const CREATED = '2026-11-22T00:00:00Z';
const NAME = 'anillo:latest';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const MACHINES: Readonly<Record<Architecture, readonly string[]>> = {
  amd64: ['-m64', '-march=x86-64'],
  '386': ['-m32', '-march=i686'],
};

const compilerFlags = [
  '-mtune=generic -Os -std=gnu11 -ffreestanding -nostdinc -fno-pic -fno-pie -fno-stack-protector -fno-ident',
  '-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-strict-aliasing -fno-common -fcf-protection=none',
  '-fno-tree-loop-distribute-patterns -fomit-frame-pointer -mgeneral-regs-only -Wall -Wextra -Werror -Wa,--noexecstack',
].flatMap((line) => line.split(' '));

const linkFlags = [
  '-nostdlib -static -no-pie -s -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,noseparate-code',
].flatMap((line) => line.split(' '));

function sourcesOf(directory: string, folder: string): string[] {
  return readdirSync(join(directory, folder))
    .filter((name) => /\.[cS]$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** Compiles all utilities into one program; `work` is a folder for what comes between. */
export function compileUserland(directory: string, architecture: Architecture, work: string): Uint8Array {
  const machine = MACHINES[architecture];
  const objects = ['lib', '.', 'sed', 'sh']
    .flatMap((folder) => sourcesOf(directory, folder))
    .map((source) => {
      const object = join(work, `userland-${architecture}-${source.replaceAll('/', '-')}.o`);
      // sources are named relative to the directory, so that no path of this machine gets in
      tool('gcc', [...machine, ...compilerFlags, '-c', source, '-o', object], directory);
      return object;
    });
  const linked = join(work, `userland-${architecture}.elf`);
  tool('gcc', [...machine, ...linkFlags, '-o', linked, ...objects, '-lgcc']);
  return readFileSync(linked);
}

/** The names of the utilities, which are in a header as data. */
export function utilityNames(directory: string): readonly string[] {
  const table = readFileSync(join(directory, 'utilities.h'), 'utf8');
  return [...table.matchAll(/^UTILITY\((\w+),/gm)].map(([, name]) => name!).concat('[');
}

interface TreeEntry {
  readonly name: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  readonly link?: string;
  readonly symlink?: string;
}

/** Permissions of directories that are not as usual. */
const MODES: Readonly<Record<string, number>> = { root: 0o700, tmp: 0o1777, 'var/tmp': 0o1777 };
const DIRECTORIES =
  'bin dev etc home home/user lib proc root run sys tmp usr usr/lib usr/local usr/local/bin var var/log var/tmp';
const SYMLINKS = { sbin: 'bin', 'usr/bin': '../bin', 'usr/sbin': '../bin', 'var/run': '../run' };

function treeOf(directory: string, program: Uint8Array): readonly TreeEntry[] {
  const etc = readdirSync(join(directory, 'etc')).sort();
  return [
    ...DIRECTORIES.split(' ').map((name) => ({ name: `${name}/`, mode: MODES[name] ?? 0o755 })),
    ...Object.entries(SYMLINKS).map(([name, symlink]) => ({ name, mode: 0o777, symlink })),
    ...etc.map((name) => ({ name: `etc/${name}`, mode: 0o644, content: readFileSync(join(directory, 'etc', name)) })),
    { name: 'bin/box', mode: 0o755, content: program },
    ...utilityNames(directory).map((name) => ({ name: `bin/${name}`, mode: 0o755, link: 'bin/box' })),
  ];
}

async function pack(entries: readonly TreeEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, controller } = createTarPacker();
  const packed = new Response(readable).arrayBuffer();
  for (const { name, mode, content, link, symlink } of entries) {
    const linkname = link ?? symlink;
    const type = name.endsWith('/') ? 'directory' : link ? 'link' : symlink ? 'symlink' : 'file';
    const header = { name, mode, size: content?.length ?? 0, mtime: new Date(CREATED), type, uid: 0, gid: 0 } as const;
    const writer = controller.add(linkname === undefined ? header : { ...header, linkname }).getWriter();
    if (content) await writer.write(content);
    await writer.close();
  }
  controller.finalize();
  return new Uint8Array(await packed);
}

/** Builds the image as an archive. */
export async function userlandImage(directory: string, work: string): Promise<Uint8Array> {
  const blobs = new Map<Digest, Uint8Array>();
  const put = (mediaType: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const layer = put(MEDIA.layer, await pack(treeOf(directory, compileUserland(directory, 'amd64', work))));
  const config = put(
    MEDIA.config,
    writeConfig({
      created: CREATED,
      os: 'linux',
      architecture: 'amd64',
      config: { Env: [PATH], Cmd: ['sh'] },
      diffIds: [layer.digest],
      history: [{ created: CREATED, created_by: 'npm run guests', comment: 'guests/userland' }],
    }),
  );
  const manifest = put(MEDIA.manifest, writeManifest({ config, layers: [layer] }));
  const annotations = { 'io.containerd.image.name': NAME, 'org.opencontainers.image.ref.name': NAME };
  const index = { schemaVersion: 2, mediaType: MEDIA.index, manifests: [{ ...manifest, annotations }] };
  const file = (name: string, content: Uint8Array): TreeEntry => ({ name, mode: 0o644, content });
  return pack([
    file('oci-layout', writeDocument({ imageLayoutVersion: '1.0.0' })),
    ...[...blobs].map(([digest, bytes]) => file(`blobs/sha256/${digits(digest)}`, bytes)),
    file('index.json', writeDocument(index)),
  ]);
}
