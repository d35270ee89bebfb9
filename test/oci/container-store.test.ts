// Records of containers while other processes change them: what is read is never half of what happened.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFiles } from '../../src/cli/data-files.ts';
import { CONTAINER_NAMING, type ContainerRecord, ContainerStore } from '../../src/oci/container-store.ts';
import { tar, file } from './archives.ts';

let root: string;
let data: DataFiles;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'anillo-store-'));
  data = new DataFiles(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const RUNNER = { pid: 4711, started: '1', socket: '/nowhere' };
const ID = 'a'.repeat(64);
const RECORD = { version: 2, id: ID, name: 'one', created: '2024', spec: {}, image: {} } as unknown as ContainerRecord;

const storeWith = (isAlive: () => boolean) => new ContainerStore(data, isAlive, CONTAINER_NAMING);

/** A store in which a container runs. */
async function running(): Promise<ContainerStore> {
  const store = storeWith(() => true);
  await store.create(RECORD);
  await store.note(ID, { state: 'running', runner: RUNNER });
  return store;
}

test('a runner that ends while its record is read was not killed', async () => {
  await running();
  // it notes how the container ended, and is gone when somebody looks for it
  const store = storeWith(() => {
    data.replace(
      `containers/${ID}/record.json`,
      new TextEncoder().encode(JSON.stringify({ ...RECORD, state: 'exited', exitCode: 3 })),
    );
    return false;
  });
  expect(store.find('one')).toMatchObject({ state: 'exited', exitCode: 3 });
  expect(store.find('one').error).toBeUndefined();
});

test('a runner that is gone and noted nothing was killed', async () => {
  await running();
  const found = storeWith(() => false).find('one');
  expect(found).toMatchObject({ state: 'exited', exitCode: 137, error: expect.stringContaining('was killed') });
  expect(found.runner).toBeUndefined();
});

test('changes that are replaced while they are read are the newer ones', async () => {
  const store = await running();
  const archives = await Promise.all(['older', 'newer'].map((name) => tar(file(name, name))));
  await store.saveChanges(ID, new Blob([archives[0]!]).stream());
  const older = data.read(`containers/${ID}/changes.json`)!;
  await store.saveChanges(ID, new Blob([archives[1]!]).stream());
  // the first look finds what was there before
  let looks = 0;
  const read = data.read.bind(data);
  data.read = (path) => (path.endsWith('changes.json') && looks++ === 0 ? older : read(path));
  const kept = store.changes(ID)!;
  kept.content.close();
  expect(kept.entries.map(({ path }) => path)).toEqual(['newer']);
});

test('changes whose contents are gone are damaged', async () => {
  const store = await running();
  await store.saveChanges(ID, new Blob([await tar(file('x', 'x'))]).stream());
  for (const name of data.list(`containers/${ID}`))
    if (name.endsWith('.content')) data.remove(`containers/${ID}/${name}`);
  expect(() => store.changes(ID)).toThrow(/are missing/);
});
