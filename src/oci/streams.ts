// Bytes that come one after the other: from files of the data directory, through decompression.
import { Decompress } from 'fzstd';
import type { OpenFile } from './data-directory.ts';
import { OciError } from './oci-error.ts';

/** A stream of bytes. */
export type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

const CHUNK = 1 << 18;

/** The content of a file, which is closed at the end. */
export function fileStream(file: OpenFile): Bytes {
  let at = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const chunk = new Uint8Array(Math.min(CHUNK, file.size - at));
        const read = file.readAt(at, chunk);
        at += read;
        if (read > 0) controller.enqueue(chunk.subarray(0, read));
        if (at < file.size && read > 0) return;
        file.close();
        controller.close();
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}

/** The first `n` bytes of a stream, fewer if it is shorter, and a stream that has them all again. */
export async function peek(stream: Bytes, n: number): Promise<[start: Uint8Array, whole: Bytes]> {
  const reader = stream.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let have = 0;
  let ended = false;
  while (have < n && !ended) {
    const { value, done } = await reader.read();
    ended = done;
    if (!value) continue;
    chunks.push(value);
    have += value.length;
  }
  const start = new Uint8Array(have);
  let at = 0;
  for (const chunk of chunks) {
    start.set(chunk, at);
    at += chunk.length;
  }
  const whole = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      if (ended) controller.close();
    },
    async pull(controller) {
      const { value, done } = await reader.read();
      if (value) controller.enqueue(value);
      if (done) controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return [start.subarray(0, n), whole];
}

/** How a layer or archive is compressed. */
export type Compression = 'none' | 'gzip' | 'zstd';

const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** What the first bytes say. */
export function compressionOf(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length < 4) return 'none';
  const magic = new DataView(start.buffer, start.byteOffset).getUint32(0, true);
  return magic === ZSTD_MAGIC || (magic & ~0xf) >>> 0 === SKIPPABLE ? 'zstd' : 'none';
}

/**
 * Decompresses what its first bytes say is compressed. `what` names it in messages.
 * @throws OciError (when read) if the compressed bytes are damaged or cut short
 */
export async function decompressed(stream: Bytes, what: string): Promise<Bytes> {
  const [start, whole] = await peek(stream, 4);
  const compression = compressionOf(start);
  if (compression === 'none') return whole;
  const plain = whole.pipeThrough<Uint8Array<ArrayBuffer>>(
    compression === 'gzip' ? new DecompressionStream('gzip') : zstdDecompression(),
  );
  return renamingErrors(plain, () => new OciError('truncated', `${what} is damaged or cut short (${compression}).`));
}

function zstdDecompression(): ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let enqueue = (_bytes: Uint8Array<ArrayBuffer>): void => {};
  let ended = false;
  const decompress = new Decompress((bytes, final) => {
    if (bytes.length > 0) enqueue(bytes.slice());
    ended = final === true;
  });
  return new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      enqueue = (bytes) => controller.enqueue(bytes);
    },
    transform: (chunk) => {
      decompress.push(chunk);
    },
    flush: () => {
      decompress.push(new Uint8Array(0), true);
      if (!ended) throw new Error('the last frame does not end');
    },
  });
}

/** The same stream; what goes wrong in reading becomes the error `make` gives, unless it has a sentence already. */
function renamingErrors(stream: Bytes, make: () => OciError): Bytes {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        let next: Awaited<ReturnType<typeof reader.read>>;
        try {
          next = await reader.read();
        } catch (error) {
          throw error instanceof OciError ? error : make();
        }
        if (next.value) controller.enqueue(next.value);
        if (next.done) controller.close();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
