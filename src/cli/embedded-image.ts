// The image that comes with the command: `anillo`, put into the store when it is first asked for. An image of that name that is
// there already stays; one whose name was removed comes back.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ImageStore, StoredImage } from '../oci/image-store.ts';
import { loadArchive } from '../oci/load-archive.ts';
import { OciError } from '../oci/oci-error.ts';
import { parseReference } from '../oci/reference.ts';
import type { Bytes } from '../oci/streams.ts';
import { embeddedImagePath } from './assets.ts';

/**
 * The image that a user means.
 * @throws OciError when there is none
 */
export async function findImage(store: ImageStore, text: string): Promise<StoredImage> {
  try {
    return store.find(text);
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'not-found' || !isEmbedded(text)) throw error;
  }
  const archive = Readable.toWeb(createReadStream(embeddedImagePath())) as Bytes;
  await loadArchive(store, archive, 'the image that comes with anillo');
  return store.find(text);
}

function isEmbedded(text: string): boolean {
  const { name, tag, digest } = parseReference(text);
  return name === 'anillo' && tag === 'latest' && digest === undefined;
}
