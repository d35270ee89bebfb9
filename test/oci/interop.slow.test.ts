// Images between this and the tools of others: Debian's skopeo and umoci read what `image save`, the data directory and exports
// hold, and what they write is loaded, with the same digests, configurations and files. The tools are fetched as packages into a
// folder of the test and run on this computer with their own libraries; where that cannot be, the tests are skipped.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpackPackages, whatIsMissing } from '../linux/debian/packages.ts';
import { HANGS, Installation } from '../installation.ts';
import { entry, file, tar } from './archives.ts';

const execute = promisify(execFile);
/** The tools, and the libraries they are linked with. */
const PACKAGES = [
  ...['skopeo', 'umoci', 'libc6', 'libgpgme11', 'libassuan0', 'libgpg-error0', 'libdevmapper1.02.1', 'libselinux1'],
  ...['libpcre2-8-0', 'libudev1'],
];

const here = new Installation('interop');
const { folder, anillo, container } = here;
const at = (name: string) => join(folder, name);
const tools = mkdtempSync(join(tmpdir(), 'anillo-tools-'));

/** Why the tools cannot be had; undefined when they can. */
async function missing(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'they are programs for Linux on amd64';
  const what = await whatIsMissing();
  if (what !== undefined) return `there is no ${what}`;
  try {
    await unpackPackages('amd64', tools, PACKAGES);
  } catch {
    return 'the packages cannot be fetched';
  }
  try {
    for (const name of ['skopeo', 'umoci']) await tool(name, '--version');
    return undefined;
  } catch {
    return 'they do not run on this computer';
  }
}

/** Runs a tool with nothing of this computer's: its loader, libraries, settings and folders are those of the test. */
async function tool(name: string, ...args: string[]): Promise<string> {
  const root = join(tools, 'root');
  const libraries = ['lib', 'usr/lib'].map((directory) => join(root, directory, 'x86_64-linux-gnu')).join(':');
  const command = ['--library-path', libraries, join(root, 'usr/bin', name), ...args];
  const env = { HOME: tools, TMPDIR: folder, XDG_RUNTIME_DIR: tools, PATH: process.env.PATH };
  const options = { env, cwd: folder, timeout: HANGS, maxBuffer: 1 << 26 };
  return (await execute(join(root, 'lib64/ld-linux-x86-64.so.2'), command, options)).stdout;
}

const skopeo = (...args: string[]) => tool('skopeo', '--insecure-policy', '--registries.d', tools, ...args);
const umoci = (...args: string[]) => tool('umoci', ...args);
const inspected = async (...args: string[]) => JSON.parse(await skopeo('inspect', ...args));

function done(...args: string[]): string {
  const { status, out, err } = anillo(args);
  expect({ args, status, err }).toMatchObject({ args, status: 0 });
  return out;
}
const image = (name: string) => JSON.parse(done('image', 'inspect', name))[0];

/** What there is of each file. */
type Tree = Record<string, string>;
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 12);
/** Files that are a container's own, and no part of its image. */
const OWN = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

function treeIn(directory: string, path = '', tree: Tree = {}): Tree {
  for (const name of readdirSync(join(directory, path)).sort()) {
    const inside = join(path, name);
    if (OWN.includes(inside)) continue;
    const outside = join(directory, inside);
    const status = lstatSync(outside);
    const mode = (status.mode & 0o7777).toString(8);
    if (status.isSymbolicLink()) tree[inside] = `link ${readlinkSync(outside)}`;
    else if (status.isDirectory()) tree[inside] = `directory ${mode}`;
    else tree[inside] = `file ${mode} ${hash(readFileSync(outside))}`;
    if (status.isDirectory()) treeIn(directory, inside, tree);
  }
  return tree;
}

/** The files of a container of an image that never ran, by `container export`. */
async function treeOf(name: string): Promise<Tree> {
  const id = done('container', 'create', name).trim();
  done('container', 'export', '-o', at('export.tar'), id);
  const tree: Tree = {};
  for (const { header, data } of await unpackTar(readFileSync(at('export.tar')))) {
    const path = header.name.replace(/\/$/, '');
    const mode = (header.mode ?? 0).toString(8);
    if (OWN.includes(path)) continue;
    if (header.type === 'symlink') tree[path] = `link ${header.linkname}`;
    else if (header.type === 'link') tree[path] = tree[header.linkname ?? '']!;
    else if (header.type === 'directory') tree[path] = `directory ${mode}`;
    else tree[path] = `file ${mode} ${hash(data ?? new Uint8Array(0))}`;
  }
  return tree;
}

const reason = await missing();
if (reason !== undefined) for (const made of [tools, folder]) rmSync(made, { recursive: true, force: true });

describe.skipIf(reason !== undefined)(`skopeo and umoci${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  beforeAll(() => {
    const first =
      'mkdir /data /gone /new && echo a >/data/a && ln /data/a /data/b && chmod 4750 /data/a && ln -s a /data/s';
    const second = 'rm -r /gone /new /data/d && mkdir /new && echo new >/new/x && echo c >/data/c';
    done('container', 'run', '--name', 'one', 'anillo', 'sh', '-c', `${first} && echo d >/data/d && echo >/new/old`);
    done('container', 'commit', 'one', 'base');
    done('container', 'run', '--name', 'two', 'base', 'sh', '-c', second);
    done('container', 'commit', '--change', 'ENV A=1', '--change', 'CMD ["cat", "/data/c"]', 'two', 'ours:1');
    done('image', 'save', '-o', at('ours.tar'), 'ours:1');
  });
  afterAll(() => {
    here.remove();
    rmSync(tools, { recursive: true, force: true });
  });

  test('say of a saved image what is said of it here', async () => {
    const { Id, RepoDigests, RootFS, Config } = image('ours:1');
    const found = await inspected('oci-archive:ours.tar');
    expect(RepoDigests).toEqual([`ours@${found.Digest}`]);
    expect([found.Architecture, found.Os, found.Env]).toEqual(['amd64', 'linux', Config.Env]);
    const config = await inspected('--config', 'oci-archive:ours.tar');
    expect([config.rootfs.diff_ids, config.config.Cmd, config.config.Env]).toEqual([
      RootFS.Layers,
      Config.Cmd,
      Config.Env,
    ]);
    expect((await inspected('--raw', 'docker-archive:ours.tar')).config.digest).toBe(Id);
  });

  test('read the data directory as the image layout it is', async () => {
    const found = await inspected(`oci:${here.data}:ours:1`);
    expect(found).toEqual(await inspected('oci-archive:ours.tar'));
    const { layers, config } = await inspected('--raw', `oci:${here.data}:ours:1`);
    expect([found.Layers, config.digest]).toEqual([
      layers.map(({ digest }: { digest: string }) => digest),
      image('ours:1').Id,
    ]);
  });

  test('unpack a saved image to the files it has here', async () => {
    await skopeo('copy', '-q', '--preserve-digests', 'oci-archive:ours.tar', 'oci:layout:ours');
    expect((await inspected('oci:layout:ours')).Digest).toBe((await inspected('oci-archive:ours.tar')).Digest);
    await umoci('unpack', '--rootless', '--image', 'layout:ours', 'bundle');
    const theirs = treeIn(at('bundle/rootfs'));
    expect(theirs).toMatchObject({ 'data/a': expect.stringMatching(/^file 4750/), 'new/x': expect.anything() });
    expect(Object.keys(theirs)).not.toEqual(expect.arrayContaining(['new/old']));
    expect(await treeOf('ours:1')).toEqual(theirs);
  });

  test('make images that are loaded as what they are, also with links to files of other layers', async () => {
    await skopeo('copy', '-q', 'oci-archive:ours.tar', 'oci:theirs:made');
    await umoci('unpack', '--rootless', '--image', 'theirs:made', 'changed');
    writeFileSync(at('changed/rootfs/data/c'), 'changed\n');
    rmSync(at('changed/rootfs/data/s'));
    mkdirSync(at('changed/rootfs/more'));
    writeFileSync(at('changed/rootfs/more/file'), 'more\n');
    await umoci('repack', '--image', 'theirs:made', 'changed');
    const links = [entry({ name: 'more/cross', type: 'link', linkname: 'more/file' }), file('more/last', 'last')];
    writeFileSync(at('links.tar'), await tar(...links, entry({ name: 'data/cc', type: 'link', linkname: 'data/c' })));
    await umoci('raw', 'add-layer', '--image', 'theirs:made', 'links.tar');
    await umoci('config', '--image', 'theirs:made', '--config.env', 'B=2', '--config.volume', '/more');
    await umoci('unpack', '--rootless', '--image', 'theirs:made', 'whole');
    await skopeo('copy', '-q', 'oci:theirs:made', 'oci-archive:theirs.tar:theirs:oci');
    await skopeo('copy', '-q', 'oci:theirs:made', 'docker-archive:docker.tar:theirs:docker');
    for (const archive of ['theirs.tar', 'docker.tar']) done('image', 'load', '-i', at(archive));
    const { config, layers } = await inspected('--raw', 'oci:theirs:made');
    const { Digest } = await inspected('oci:theirs:made');
    const { rootfs } = await inspected('--config', 'oci:theirs:made');
    expect(layers).toHaveLength(5);
    for (const name of ['theirs:oci', 'theirs:docker'])
      expect(image(name)).toMatchObject({
        Id: config.digest,
        RootFS: { Layers: rootfs.diff_ids },
        Config: { Cmd: ['cat', '/data/c'], Volumes: { '/more': {} } },
      });
    expect(image('theirs:oci').RepoDigests).toContain(`theirs@${Digest}`);
    expect(image('theirs:oci').Config.Env).toEqual(expect.arrayContaining(['A=1', 'B=2']));
    expect(container('run', '--rm', 'theirs:oci')).toEqual({ status: 0, out: 'changed\n', err: '' });
    expect(container('run', '--rm', 'theirs:oci', 'cat', '/more/cross', '/data/cc').out).toBe('more\nchanged\n');
    expect(await treeOf('theirs:docker')).toEqual(treeIn(at('whole/rootfs')));
  });

  test('unpack what was imported and saved here as it was', async () => {
    await execute('tar', ['-C', at('bundle/rootfs'), '--numeric-owner', '-czf', at('root.tar.gz'), '.']);
    done('image', 'import', at('root.tar.gz'), 'imported:1');
    done('image', 'save', '-o', at('imported.tar'), 'imported:1');
    await skopeo('copy', '-q', 'oci-archive:imported.tar', 'oci:again:imported');
    const { layers, config } = await inspected('--raw', 'oci:again:imported');
    expect([layers.length, config.digest]).toEqual([1, image('imported:1').Id]);
    await umoci('unpack', '--rootless', '--image', 'again:imported', 'unpacked');
    expect(treeIn(at('unpacked/rootfs'))).toEqual(treeIn(at('bundle/rootfs')));
  });
});
