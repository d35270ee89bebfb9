// A small system for the tests of snapshots: one program, one terminal, and everything said stamped with the instruction
// count.
import { S_IFDIR, S_IFREG } from '../../src/abi/stat.ts';
import { Tmpfs } from '../../src/kernel/fs/tmpfs.ts';
import type { TmpfsFile } from '../../src/kernel/fs/tmpfs-file.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { startInit } from '../../src/kernel/start.ts';
import type { Task } from '../../src/kernel/task/task.ts';
import { Terminal } from '../../src/kernel/tty/terminal.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadKernel, saveKernel } from '../../src/platform/snapshot.ts';
import { loadCore } from '../core.ts';

const OWNER = { uid: 0, gid: 0 };

/** What is saved. */
export interface Roots {
  readonly kernel: Kernel;
  readonly terminal: Terminal;
  readonly init: Task;
}

/** A system and what it has said. */
export class System {
  readonly roots: Roots;
  /** Output and the instruction counts at which it came. */
  readonly said: string[] = [];
  readonly #write: (bytes: Uint8Array) => void;

  private constructor(make: (write: (bytes: Uint8Array) => void) => Roots) {
    let roots: Roots | undefined;
    this.#write = (bytes) => {
      this.said.push(`${roots?.kernel.platform.instructions} ${Buffer.from(bytes).toString('latin1')}`);
    };
    roots = make(this.#write);
    this.roots = roots;
  }

  static start(program: Uint8Array, args: readonly string[] = [], memory = 32 << 20): System {
    return new System((write) => {
      const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory }), seed: 7 });
      const terminal = new Terminal(kernel, write);
      terminal.makePlain();
      const root = rootFs(kernel, program);
      const init = startInit(kernel, { root, path: '/init', arguments: ['/init', ...args], environment: [], terminal });
      return { kernel, terminal, init };
    });
  }

  static load(file: Uint8Array): System {
    return new System((write) => loadKernel('test', loadCore(), file, { write }) as Roots);
  }

  save(): Uint8Array {
    const { kernel } = this.roots;
    return saveKernel('test', kernel.platform as CpuPlatform, this.roots, { write: this.#write });
  }

  get instructions(): number {
    return this.roots.kernel.platform.instructions;
  }
}

function rootFs(kernel: Kernel, program: Uint8Array): Tmpfs {
  const root = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now: kernel.clock, mode: 0o755 });
  (root.root.create('init', S_IFREG | 0o755, OWNER) as TmpfsFile).write(0, program);
  for (const name of ['proc', 'sys', 'tmp', 'mnt']) root.root.create(name, S_IFDIR | 0o777, OWNER);
  return root;
}
