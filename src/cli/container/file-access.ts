// The files of a container for commands from outside: through the process that runs it, or, when it does not run, on a kernel that
// is made for them and has none of its programs.
import { Container } from '../../oci/container.ts';
import { lookAt, packPath, packRoot, type PathInfo, type UnpackOptions, unpackInto } from '../../oci/container-copy.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import type { Bytes } from '../../oci/streams.ts';
import { type Places, thisRunner } from '../places.ts';
import { ask } from './client.ts';
import { imageFiles } from './container-files.ts';
import { encode, type Request } from './protocol.ts';
import { newKernel } from './saved-container.ts';

/** What can be done with the files of a container. */
export interface FileAccess {
  look(path: string, follow: boolean): Promise<PathInfo>;
  /** A file or directory as an archive with another name; without a name what is in a directory. */
  pack(path: string, name: string, follow: boolean): Bytes;
  /** The whole root file system, without what is mounted in it. */
  packRoot(): Bytes;
  unpack(directory: string, archive: Bytes, options: UnpackOptions): Promise<void>;
}

/** The files of a container, running or not. */
export function filesOf(places: Places, record: ContainerRecord): FileAccess {
  return record.runner ? filesOfRunning(record) : filesOfStopped(places, record);
}

function filesOfRunning(record: ContainerRecord): FileAccess {
  const fetch = (request: Request): Bytes => {
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const writer = writable.getWriter();
    const onOutput = (bytes: Uint8Array) => void writer.write(Uint8Array.from(bytes)).catch(() => {});
    void ask(record, request, { onOutput }).then(
      () => writer.close(),
      (error: unknown) => writer.abort(error),
    );
    return readable;
  };
  return {
    look: async (path, follow) => (await ask(record, { op: 'look', path, follow })) as PathInfo,
    pack: (path, name, follow) => fetch({ op: 'pack', path, name, follow }),
    packRoot: () => fetch({ op: 'pack-root' }),
    unpack: async (directory, archive, options) => {
      await ask(
        record,
        { op: 'unpack', directory, options },
        {
          onOpen: async (send) => {
            for await (const chunk of archive) await send({ data: encode(chunk) });
            await send({ end: true });
          },
        },
      );
    },
  };
}

function filesOfStopped(places: Places, record: ContainerRecord): FileAccess {
  const { containers, data } = places;
  const { id } = record;
  const open = () => {
    const kernel = newKernel(record.memory);
    const files = imageFiles(kernel, places, record);
    const { root, bindSource, kept } = files;
    return { container: new Container(kernel, record.spec, { id, root, bindSource }), kept };
  };
  let opened: ReturnType<typeof open> | undefined;
  const container = () => {
    opened ??= open();
    return opened.container;
  };
  return {
    look: async (path, follow) => lookAt(container().copyPlace, path, follow),
    pack: (path, name, follow) => packPath(container().copyPlace, path, name, follow),
    packRoot: () => packRoot(container().root),
    unpack: async (directory, archive, options) => {
      // nobody starts it meanwhile
      await containers.hold(id, thisRunner(data, id));
      try {
        await unpackInto(container().copyPlace, directory, archive, options);
        await opened?.kept?.save();
      } finally {
        await containers.note(id, { runner: undefined });
      }
    },
  };
}
