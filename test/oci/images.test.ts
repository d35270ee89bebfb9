// The image store: archives of both kinds come in and go out again, names, removal. Truth: OCI image specification ("Image
// Layout", "Image Layer Filesystem Changeset"), docker-save(1), docker-load(1), docker-import(1).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataFiles } from '../../src/cli/data-files.ts';
import { ImageStore } from '../../src/oci/image-store.ts';
import { importRoot } from '../../src/oci/import-root.ts';
import { loadArchive } from '../../src/oci/load-archive.ts';
import { canonicalName, familiarName, parseReference } from '../../src/oci/reference.ts';
import { saveArchive } from '../../src/oci/save-archive.ts';
import { dockerArchive, entry, file, inPieces, layoutEntries, sha256, tar, TIME } from './archives.ts';

let root: string;
let store: ImageStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anillo-images-'));
  store = new ImageStore(new DataFiles(root));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const ELF_386 = new Uint8Array(64);
ELF_386.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
ELF_386[18] = 3;

const LOWER = () =>
  tar(
    entry({ name: './', type: 'directory', mode: 0o755 }),
    entry({ name: './bin/', type: 'directory', mode: 0o755 }),
    file('./bin/sh', 'not really', { mode: 0o4755, uid: 1, gid: 2, pax: { 'SCHILY.xattr.user.note': 'hello' } }),
    entry({ name: 'bin/ash', type: 'link', linkname: './bin/sh' }),
    entry({ name: 'bin/rel', type: 'symlink', linkname: '../../../etc/passwd' }),
  );
const UPPER = () => tar(file('etc/.wh.passwd', ''), file('etc/motd', 'hi\n'.repeat(2000)));
const image = async () => ({ layers: [await LOWER(), await UPPER()] });
const load = async (bytes: Uint8Array<ArrayBuffer>) => loadArchive(store, inPieces(bytes), 'test.tar');
const nobody = () => [];
const collect = async (stream: ReadableStream<Uint8Array>) => new Uint8Array(await new Response(stream).arrayBuffer());

describe('an image loaded', () => {
  test('from a docker save archive has its names, configuration and unpacked layers', async () => {
    const [loaded] = await load(await dockerArchive(await image(), ['one:1', 'two']));
    expect(loaded?.names).toEqual(['one:1', 'two:latest']);
    const found = store.find('two');
    expect(found.config.config).toEqual({ Cmd: ['/bin/sh'], Env: ['PATH=/bin'] });
    expect(found.config.diffIds).toEqual([await LOWER(), await UPPER()].map((layer) => `sha256:${sha256(layer)}`));
    const [lower] = found.config.diffIds;
    expect(store.layers.entries(lower!)).toEqual([
      { path: '', kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: TIME.getTime() / 1000 },
      { path: 'bin', kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 1e9 },
      { path: 'bin/ash', kind: 'hardlink', mode: 0o644, uid: 0, gid: 0, mtime: 1e9, target: 'bin/sh' },
      { path: 'bin/rel', kind: 'symlink', mode: 0o644, uid: 0, gid: 0, mtime: 1e9, target: '../../../etc/passwd' },
      {
        path: 'bin/sh',
        kind: 'file',
        mode: 0o4755,
        uid: 1,
        gid: 2,
        mtime: 1e9,
        size: 10,
        offset: 0,
        xattrs: { 'user.note': 'hello' },
      },
    ]);
    expect(await store.verify()).toEqual([]);
  });

  test('from an OCI archive, packed once more, is the same image', async () => {
    const [one] = await load(await dockerArchive(await image(), ['one']));
    const [two] = await load(new Uint8Array(gzipSync(await tar(...layoutEntries(await image(), 'two:2')))));
    expect(two?.id).toBe(one?.id);
    expect(store.list().map(({ names }) => names)).toEqual([['one:latest'], ['two:2']]);
  });

  test('from an index for several processors is the one for a processor there is here', async () => {
    const mine = layoutEntries({ ...(await image()), architecture: '386' });
    const inner = JSON.parse(Buffer.from(mine[1]!.body as Uint8Array).toString());
    const [manifest] = inner.manifests;
    const list = JSON.stringify({
      schemaVersion: 2,
      manifests: [
        { ...manifest, digest: `sha256:${'0'.repeat(64)}`, platform: { os: 'linux', architecture: 'arm64' } },
        { ...manifest, platform: { os: 'linux', architecture: '386' } },
      ],
    });
    const outer = {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.index.v1+json',
          digest: `sha256:${sha256(list)}`,
          size: list.length,
          annotations: { 'io.containerd.image.name': 'docker.io/library/multi:latest' },
        },
      ],
    };
    mine[1] = file('index.json', JSON.stringify(outer));
    await load(await tar(...mine, file(`blobs/sha256/${sha256(list)}`, list)));
    expect(store.find('docker.io/library/multi').config.architecture).toBe('386');
  });

  test('with a name that is taken takes it over; the older one keeps its ID', async () => {
    const [one] = await load(await dockerArchive(await image(), ['name']));
    const [two] = await load(await dockerArchive({ layers: [await UPPER()] }, ['name']));
    expect(store.find('name').id).toBe(two?.id);
    expect(store.find(one!.id.slice(7, 19)).names).toEqual([]);
  });
});

describe('an image imported from a root file system', () => {
  const created = '2020-01-01T00:00:00Z';

  test('has one layer and is for the processor of its programs', async () => {
    const archive = await tar(file('bin/a', ELF_386, { mode: 0o755 }));
    const { id } = await importRoot(store, inPieces(archive), 'mine:1', 'a.tar', { created });
    const found = store.find('mine:1');
    expect(found.id).toBe(id);
    expect(found.config).toMatchObject({ architecture: '386', os: 'linux', created });
    expect(found.config.diffIds).toEqual([`sha256:${sha256(archive)}`]);
    expect(await store.verify()).toEqual([]);
  });

  test('gives the contents of its files', async () => {
    const archive = await tar(file('a', 'first'), file('b', 'second'));
    await importRoot(store, inPieces(new Uint8Array(gzipSync(archive))), 'mine', 'a.tar', { created });
    const [id] = store.find('mine').config.diffIds;
    const content = store.layers.content(id!);
    const b = store.layers.entries(id!).find(({ path }) => path === 'b')!;
    const into = new Uint8Array(b.size!);
    content.readAt(b.offset!, into);
    content.close();
    expect(new TextDecoder().decode(into)).toBe('second');
  });
});

describe('an image saved', () => {
  test('loads again as the same image, and has what docker load looks for', async () => {
    const [before] = await load(await dockerArchive(await image(), ['one']));
    const archive = await collect(saveArchive(store, [{ image: store.find('one'), names: ['one:latest'] }]));
    const files = new Map((await unpackTar(archive)).map(({ header, data }) => [header.name, data]));
    const [manifest] = JSON.parse(new TextDecoder().decode(files.get('manifest.json')));
    expect(manifest.RepoTags).toEqual(['one:latest']);
    expect(files.get(manifest.Layers[0])).toEqual(await LOWER());
    expect(sha256(files.get(manifest.Config)!)).toBe(before!.id.slice(7));
    await store.remove('one', { users: nobody });
    expect(store.list()).toEqual([]);
    const [after] = await load(archive);
    expect(after).toEqual(before);
  });

  test('is the same to the byte each time', async () => {
    await load(await dockerArchive(await image(), ['one']));
    const save = () => collect(saveArchive(store, [{ image: store.find('one'), names: ['one:latest'] }]));
    expect(sha256(await save())).toBe(sha256(await save()));
  });
});

describe('removing', () => {
  test('a name leaves the image while it has others; the last takes blobs and layers along', async () => {
    const id = (await load(await dockerArchive(await image(), ['a', 'b'])))[0]?.id;
    expect(await store.remove('a', { users: nobody })).toEqual({ untagged: ['a:latest'], deleted: [] });
    expect(await store.remove('b', { users: nobody })).toEqual({ untagged: ['b:latest'], deleted: [id] });
    expect([store.list(), store.blobs.list(), store.layers.list()]).toEqual([[], [], []]);
  });

  test('an image that was loaded packed in two ways is one by its ID, and goes with its last name', async () => {
    const id = (await load(await dockerArchive(await image(), ['plain'])))[0]!.id;
    await load(await tar(...layoutEntries(await image(), 'packed:1')));
    expect(store.list()).toHaveLength(2);
    expect(store.find(id).id).toBe(id);
    await expect(store.remove(id, { users: nobody })).rejects.toThrow('has the names');
    const users = () => ['somebody'];
    expect(await store.remove('plain', { users })).toEqual({ untagged: ['plain:latest'], deleted: [] });
    expect(store.find(id).names).toEqual(['packed:1']);
    await expect(store.remove('packed:1', { users })).rejects.toThrow('The container somebody uses the image');
    expect(await store.remove('packed:1', { users: nobody })).toEqual({ untagged: ['packed:1'], deleted: [id] });
    expect([store.list(), store.blobs.list(), store.layers.list()]).toEqual([[], [], []]);
  });

  test('an image while another command looks at the store shows the one or the other there', async () => {
    await load(await dockerArchive(await image(), ['goes']));
    await load(await dockerArchive({ layers: [await LOWER()] }, ['stays']));
    const data = new DataFiles(root);
    const before = data.read('index.json')!;
    await store.remove('goes', { users: nobody });
    // the first look at the index was before
    let looks = 0;
    const read = data.read.bind(data);
    data.read = (path) => (path === 'index.json' && looks++ === 0 ? before : read(path));
    expect(new ImageStore(data).list().flatMap(({ names }) => names)).toEqual(['stays:latest']);
    // what is missing for good is
    data.replace('index.json', before);
    expect(() => store.list()).toThrow(/is missing/);
  });

  test('an image leaves the layers that another one has', async () => {
    await load(await dockerArchive(await image(), ['both']));
    await load(await dockerArchive({ layers: [await LOWER()] }, ['lower']));
    await store.remove('both', { users: nobody });
    expect(store.layers.list()).toEqual([`sha256:${sha256(await LOWER())}`]);
    expect(await store.verify()).toEqual([]);
  });

  test('an image that a container uses is refused, unless forced', async () => {
    await load(await dockerArchive(await image(), ['a']));
    const users = () => ['silly_name'];
    await expect(store.remove('a', { users })).rejects.toThrow('The container silly_name uses the image');
    await store.remove('a', { users, force: true });
    expect(store.list()).toEqual([]);
  });
});

describe('names', () => {
  test.each([
    ['busybox', 'busybox', 'latest'],
    ['a.b:5000/c/d_e:v1.0', 'a.b:5000/c/d_e', 'v1.0'],
    ['localhost:5000/x', 'localhost:5000/x', 'latest'],
  ])('%s', (text, name, tag) => expect(parseReference(text)).toEqual({ name, tag, digest: undefined }));

  test.each([
    ['busybox:1', 'docker.io/library/busybox:1'],
    ['foo/bar:1', 'docker.io/foo/bar:1'],
    ['a.b/c:1', 'a.b/c:1'],
    ['a:5000/c:1', 'a:5000/c:1'],
    ['localhost/x:1', 'localhost/x:1'],
  ])('%s is %s to tools that take nothing for granted', (name, canonical) => {
    expect(canonicalName(name)).toBe(canonical);
    expect(familiarName(canonical)).toBe(name);
  });

  test('in an archive are whole for containerd', async () => {
    await load(await dockerArchive(await image(), ['one']));
    const saved = saveArchive(store, [{ image: store.find('one'), names: ['one:latest'] }]);
    const entries = await unpackTar(await collect(saved));
    const { data = new Uint8Array() } = entries.find(({ header }) => header.name === 'index.json') ?? {};
    const { manifests } = JSON.parse(new TextDecoder().decode(data));
    expect(manifests.map(({ annotations }: { annotations: object }) => annotations)).toEqual([
      {
        'io.containerd.image.name': 'docker.io/library/one:latest',
        'org.opencontainers.image.ref.name': 'one:latest',
      },
    ]);
  });

  test.each(['', 'A', 'a b', 'a:', 'a:b c', '-a', 'a//b', '../a', 'a@sha256:1', `${'a'.repeat(300)}`])(
    '%j is none',
    (text) => expect(() => parseReference(text)).toThrow('cannot be the name of an image'),
  );

  test('an ID is found by its beginning, and not when two begin so', async () => {
    const [one] = await load(await dockerArchive(await image(), []));
    expect(store.find(one!.id).id).toBe(one!.id);
    expect(store.find(one!.id.slice(7, 12)).id).toBe(one!.id);
    expect(() => store.find('0000')).toThrow('There is no image 0000');
  });
});

test('layers packed with gzip and not at all have the same diff ID', async () => {
  const packed = new Uint8Array(gzipSync(await LOWER()));
  const a = await store.layers.unpack(inPieces(packed), 'a');
  const b = await store.layers.unpack(inPieces(new Uint8Array(gunzipSync(packed))), 'b');
  expect(a).toBe(b);
});
