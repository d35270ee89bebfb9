// anillo image: the images of the data directory, with the grammar and the output of docker-image(1).
import { usersOf } from '../oci/container-store.ts';
import { digits, short } from '../oci/digest.ts';
import type { Architecture } from '../oci/documents.ts';
import { changeConfig } from '../oci/image-changes.ts';
import type { ImageStore, StoredImage } from '../oci/image-store.ts';
import { importRoot } from '../oci/import-root.ts';
import { loadArchive } from '../oci/load-archive.ts';
import { OciError } from '../oci/oci-error.ts';
import { familiarName } from '../oci/reference.ts';
import { type ImageToSave, saveArchive } from '../oci/save-archive.ts';
import { openArchive, writeArchive } from './archive-files.ts';
import { ago, humanSize } from './columns.ts';
import { describeImage, splitName as split } from '../oci/describe-image.ts';
import { findImage } from './embedded-image.ts';
import { CliError } from './errors.ts';
import { type ListFormat, renderDescriptions, renderRows } from './format/rows.ts';
import { Places } from './places.ts';

const openStore = () => new Places().images;

function print(text: string): void {
  process.stdout.write(text);
}

function printJson(value: unknown): void {
  print(`${JSON.stringify(value, undefined, 2)}\n`);
}

const IMAGES: ListFormat = {
  titles: {
    Repository: 'REPOSITORY',
    Tag: 'TAG',
    Digest: 'DIGEST',
    ID: 'IMAGE ID',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    Size: 'SIZE',
    Containers: 'CONTAINERS',
  },
  table: '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}',
};
const WITH_DIGESTS = IMAGES.table.replace('{{.ID}}', '{{.Digest}}\t{{.ID}}');

/** Options of `image ls`. */
export interface ImageListOptions {
  readonly quiet?: true;
  readonly trunc: boolean;
  readonly digests?: true;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly json?: true;
}

/** Lists images, one line a name. @throws CliError */
export function listImages(options: ImageListOptions): void {
  const { images: store, containers } = new Places();
  const images = filteredImages(store.list(), options.filter);
  if (options.json) {
    print(renderDescriptions(images.map(describeImage)));
    return;
  }
  const lines = images.flatMap((image) =>
    (image.names.length === 0 ? [undefined] : image.names).map((name) => ({ image, name })),
  );
  const rows = lines.map(({ image, name }) => ({
    Repository: split(name)[0],
    Tag: split(name)[1],
    Digest: image.manifest.digest,
    ID: options.trunc ? short(image.id) : image.id,
    CreatedSince: ago(image.config.created),
    CreatedAt: image.config.created ?? 'N/A',
    Size: humanSize(image.size),
    Containers: String(usersOf(containers, image).length),
  }));
  const ids = new Map(rows.map((row) => [row.ID, row]));
  if (options.quiet) print(renderRows([...ids.values()], IMAGES, '{{.ID}}'));
  else print(renderRows(rows, options.digests ? { ...IMAGES, table: WITH_DIGESTS } : IMAGES, options.format));
}

/** Images that agree with filters `name=value` (docker-image-ls(1)). @throws CliError */
function filteredImages(images: readonly StoredImage[], filters: readonly string[]): readonly StoredImage[] {
  return filters.reduce((left, text) => {
    const [name, value = ''] = text.split(/=(.*)/s);
    if (name === 'dangling') return left.filter(({ names }) => (names.length === 0) === (value === 'true'));
    if (name === 'reference') {
      const pattern = new RegExp(`^${value.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`);
      return left.filter(({ names }) => names.some((of) => pattern.test(of) || pattern.test(split(of)[0])));
    }
    if (name !== 'label') throw new CliError(`--filter ${name} is unknown: choose dangling, reference, label.`);
    const [key = '', wanted] = value.split(/=(.*)/s);
    return left.filter(({ config }) => {
      const found = config.config.Labels?.[key];
      return found !== undefined && (wanted === undefined || found === wanted);
    });
  }, images);
}

/** The one platform that an image is wanted for. */
interface OfPlatform {
  readonly platform?: Architecture;
}

/** Every image here is of one platform: another is not to be had. @throws OciError */
async function findFor(store: ImageStore, name: string, platform?: Architecture): Promise<StoredImage> {
  const image = await findImage(store, name);
  const { os, architecture } = image.config;
  if (platform === undefined || platform === architecture) return image;
  throw new OciError('not-found', `The image ${name} is for ${os}/${architecture}, not for linux/${platform}.`);
}

/** Prints images as JSON, or as a template says. @throws OciError, CliError */
export async function inspectImages(
  names: readonly string[],
  { format, platform }: { readonly format?: string } & OfPlatform,
): Promise<void> {
  const store = openStore();
  const images: StoredImage[] = [];
  for (const name of names) images.push(await findFor(store, name, platform));
  print(renderDescriptions(images.map(describeImage), format));
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
  options: { platform?: Architecture; message?: string; cmd?: string; change: readonly string[] },
): Promise<void> {
  const { stream, name: what } = openArchive(path);
  const { platform, message, cmd, change } = options;
  const config = changeConfig(cmd === undefined ? {} : { Cmd: cmd.split(' ').filter(Boolean) }, change);
  const { id } = await importRoot(openStore(), stream, name, what, {
    created: new Date().toISOString(),
    ...(platform === undefined ? {} : { architecture: platform }),
    ...(message === undefined ? {} : { message }),
    config,
  });
  print(`${id}\n`);
}

/** Saves images as an archive. */
export async function saveImages(texts: readonly string[], options: { output?: string } & OfPlatform): Promise<void> {
  const store = openStore();
  const images: ImageToSave[] = [];
  for (const text of texts) {
    const image = await findFor(store, text, options.platform);
    const isId = digits(image.id).startsWith(text.replace(/^sha256:/, ''));
    const asked = familiarName(text);
    const named = image.names.filter((name) => name === asked || name === `${asked}:latest`);
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

const HISTORY: ListFormat = {
  titles: {
    ID: 'IMAGE',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    CreatedBy: 'CREATED BY',
    Size: 'SIZE',
    Comment: 'COMMENT',
  },
  table: '{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}',
};

/** Options of `image history`. */
export interface HistoryOptions {
  readonly trunc: boolean;
  readonly quiet?: true;
  readonly human: boolean;
  readonly format?: string;
  readonly json?: true;
  readonly platform?: Architecture;
}

/** Shows how an image was made, the last step first. @throws OciError, CliError */
export async function showHistory(text: string, options: HistoryOptions): Promise<void> {
  const store = openStore();
  const image = await findFor(store, text, options.platform);
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
  const rows = steps.map(({ created, created_by = '', comment = '', size }, n) => ({
    ID: n > 0 ? '<missing>' : options.trunc ? short(image.id) : image.id,
    CreatedSince: options.human ? ago(created) : (created ?? 'N/A'),
    CreatedAt: created ?? 'N/A',
    CreatedBy: cut(created_by.replace(/\s+/g, ' '), 45),
    Size: options.human ? humanSize(size) : String(size),
    Comment: comment,
  }));
  print(renderRows(rows, HISTORY, options.quiet ? '{{.ID}}' : options.format));
}

/** Compares every blob with its digest. */
export async function verifyStore(): Promise<void> {
  const wrong = await openStore().verify();
  for (const sentence of wrong) process.stderr.write(`anillo: ${sentence}\n`);
  if (wrong.length > 0) throw new OciError('damaged-store', 'The data directory is damaged.');
  print('Every blob has its digest, and every image its layers.\n');
}
