// Small containers on a kernel of the test's own: one program, which is told what to do.
import { S_IFDIR, S_IFREG } from '../../src/abi/stat.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import type { Inode } from '../../src/kernel/vfs/inode.ts';
import { Container } from '../../src/oci/container.ts';
import { type ContainerOptions, defaultSpec } from '../../src/oci/default-spec.ts';
import { makeRootFs } from '../../src/oci/root-fs.ts';
import { HostPipe } from '../../src/oci/standard-files.ts';

const OWNER = { uid: 0, gid: 0 };
type Writable = Inode & { write(offset: number, from: Uint8Array): number };

/** What a container is made for. */
export interface CellOptions {
  /** Argument of its program, and its name. */
  readonly role: string;
  readonly program: Uint8Array;
  readonly resources?: ContainerOptions['resources'] | undefined;
}

/** A container; `out` is what it has printed. */
export interface Cell {
  readonly container: Container;
  readonly out: () => string;
}

/** A container that does one thing. */
export function startCell(kernel: Kernel, { role, program, resources = { unified: {} } }: CellOptions): Cell {
  const root = makeRootFs(kernel, [], undefined);
  const bin = root.upper.create('bin', S_IFDIR | 0o755, OWNER);
  (bin.create('cell', S_IFREG | 0o755, OWNER) as Writable).write(0, program);
  const options: ContainerOptions = {
    command: ['/bin/cell', role],
    env: [],
    hostname: role,
    terminal: false,
    readOnly: false,
    mounts: [],
    capAdd: [],
    capDrop: [],
    noNewPrivileges: false,
    resources,
  };
  const bindSource = () => {
    throw new Error('no volumes here');
  };
  // several may do the same
  const id = `${role}-${kernel.cgroups.count}`;
  const container = new Container(kernel, defaultSpec({ config: {} }, options), { id, root, bindSource });
  const [stdin, stdout, stderr] = [new HostPipe(true), new HostPipe(false), new HostPipe(false)];
  container.start(container.spec.process, { kind: 'pipes', stdin, stdout, stderr });
  stdin.end();
  let text = '';
  const out = () => {
    text += Buffer.from(stdout.take()).toString('latin1') + Buffer.from(stderr.take()).toString('latin1');
    return text;
  };
  return { container, out };
}
