// anillo image: the images of the data directory, with the grammar and the output of docker-image(1).
import { usersOf } from '../oci/container-store.ts';
import { digits, short } from '../oci/digest.ts';
import type { Architecture } from '../oci/documents.ts';
import type { StoredImage } from '../oci/image-store.ts';
import { importRoot } from '../oci/import-root.ts';
import { loadArchive } from '../oci/load-archive.ts';
import { OciError } from '../oci/oci-error.ts';
import { type ImageToSave, saveArchive } from '../oci/save-archive.ts';
import { openArchive, writeArchive } from './archive-files.ts';
import { ago, columns, humanSize } from './columns.ts';
import { findImage } from './embedded-image.ts';
import { Places } from './places.ts';

const NONE = '<none>';

const openStore = () => new Places().images;

function print(text: string): void {
  process.stdout.write(text);
}

function printJson(value: unknown): void {
  print(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Repository and tag of a name. */
function split(name: string | undefined): readonly [string, string] {
  if (name === undefined) return [NONE, NONE];
  const colon = name.lastIndexOf(':');
  return [name.slice(0, colon), name.slice(colon + 1)];
}

/** Lists images, one line a name. */
export function listImages(options: { quiet?: true; trunc: boolean; digests?: true; json?: true }): void {
  const images = openStore().list();
  if (options.json) {
    printJson(images.map(describe));
    return;
  }
  const idOf = ({ id }: StoredImage) => (options.trunc ? short(id) : id);
  if (options.quiet) {
    print(images.map((image) => `${idOf(image)}\n`).join(''));
    return;
  }
  const lines = images.flatMap((image) =>
    (image.names.length === 0 ? [undefined] : image.names).map((name) => ({ image, name })),
  );
  const head = ['REPOSITORY', 'TAG', ...(options.digests ? ['DIGEST'] : []), 'IMAGE ID', 'CREATED', 'SIZE'];
  const rows = lines.map(({ image, name }) => [
    ...split(name),
    ...(options.digests ? [image.manifest.digest] : []),
    idOf(image),
    ago(image.config.created),
    humanSize(image.size),
  ]);
  print(columns(head, rows));
}

/** What `inspect` and `--json` show of an image, with docker's names. */
function describe({ id, names, manifest, config, size }: StoredImage): object {
  return {
    Id: id,
    RepoTags: names,
    RepoDigests: [...new Set(names.map((name) => `${split(name)[0]}@${manifest.digest}`))],
    Created: config.created ?? null,
    Author: config.author ?? '',
    Architecture: config.architecture,
    Os: config.os,
    Size: size,
    Config: config.config,
    RootFS: { Type: 'layers', Layers: config.diffIds },
  };
}

/** Prints images as JSON. */
export async function inspectImages(names: readonly string[]): Promise<void> {
  const store = openStore();
  const images: StoredImage[] = [];
  for (const name of names) images.push(await findImage(store, name));
  printJson(images.map(describe));
}

/** Loads an archive of images. */
export async function loadImages(path: string, options: { platform?: Architecture; quiet?: true }): Promise<void> {
  const { stream, name } = openArchive(path);
  const { platform } = options;
  const loaded = await loadArchive(openStore(), stream, name, platform === undefined ? {} : { architecture: platform });
  if (options.quiet) return;
  for (const { id, names } of loaded) {
    if (names.length === 0) print(`Loaded image ID: ${id}\n`);
    for (const tag of names) print(`Loaded image: ${tag}\n`);
  }
}

/** Makes an image of a root file system: a tar file or a directory. */
export async function importImage(
  path: string,
  name: string,
  options: { platform?: Architecture; message?: string; cmd?: string },
): Promise<void> {
  const { stream, name: what } = openArchive(path);
  const { platform, message, cmd } = options;
  const { id } = await importRoot(openStore(), stream, name, what, {
    created: new Date().toISOString(),
    ...(platform === undefined ? {} : { architecture: platform }),
    ...(message === undefined ? {} : { message }),
    ...(cmd === undefined ? {} : { config: { Cmd: cmd.split(' ').filter(Boolean) } }),
  });
  print(`${id}\n`);
}

/** Saves images as an archive. */
export async function saveImages(texts: readonly string[], options: { output?: string }): Promise<void> {
  const store = openStore();
  const images: ImageToSave[] = [];
  for (const text of texts) {
    const image = await findImage(store, text);
    const isId = digits(image.id).startsWith(text.replace(/^sha256:/, ''));
    const named = image.names.filter((name) => name === text || name === `${text}:latest`);
    images.push({ image, names: isId ? [] : named });
  }
  await writeArchive(saveArchive(store, images), options.output);
}

/** Gives an image one more name. */
export async function tagImage(text: string, name: string): Promise<void> {
  const store = openStore();
  await findImage(store, text);
  await store.tag(text, name);
}

/** Removes names, and images with their last name. Goes on behind one that cannot be removed. */
export async function removeImages(texts: readonly string[], options: { force?: true }): Promise<void> {
  const { images, containers } = new Places();
  let failure: unknown;
  for (const text of texts) {
    try {
      const { untagged, deleted } = await images.remove(text, {
        ...options,
        users: (image) => usersOf(containers, image),
      });
      for (const name of untagged) print(`Untagged: ${name}\n`);
      for (const id of deleted) print(`Deleted: ${id}\n`);
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      if (options.force && error.code === 'not-found') continue;
      if (failure !== undefined) process.stderr.write(`anillo: ${(failure as Error).message}\n`);
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
}

/** How an image was made, the last step first. */
export async function showHistory(text: string, options: { trunc: boolean; json?: true }): Promise<void> {
  const store = openStore();
  const image = await findImage(store, text);
  let layer = 0;
  const steps = image.config.history.map((step) => {
    const diffId = step.empty_layer ? undefined : image.config.diffIds[layer++];
    return { ...step, size: diffId === undefined ? 0 : store.layers.size(diffId) };
  });
  steps.reverse();
  if (options.json) {
    printJson(steps);
    return;
  }
  const cut = (text_: string, most: number) =>
    options.trunc && text_.length > most ? `${text_.slice(0, most - 1)}…` : text_;
  const rows = steps.map(({ created, created_by = '', comment = '', size }, n) => [
    n > 0 ? '<missing>' : options.trunc ? short(image.id) : image.id,
    ago(created),
    cut(created_by.replace(/\s+/g, ' '), 45),
    humanSize(size),
    comment,
  ]);
  print(columns(['IMAGE', 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], rows));
}

/** Compares every blob with its digest. */
export async function verifyStore(): Promise<void> {
  const wrong = await openStore().verify();
  for (const sentence of wrong) process.stderr.write(`anillo: ${sentence}\n`);
  if (wrong.length > 0) throw new OciError('damaged-store', 'The data directory is damaged.');
  print('Every blob has its digest, and every image its layers.\n');
}
