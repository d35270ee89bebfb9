// Small C programs compiled here and run on the user-space kernel in this process, so that a test can look at both.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { S_IFDIR, S_IFREG } from '../../src/abi/stat.ts';
import { RegularFile } from '../../src/kernel/fs/regular-file.ts';
import { Tmpfs } from '../../src/kernel/fs/tmpfs.ts';
import type { TmpfsFile } from '../../src/kernel/fs/tmpfs-file.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import type { KernelStop } from '../../src/kernel/run-loop.ts';
import { startInit } from '../../src/kernel/start.ts';
import { PageCache } from '../../src/kernel/mm/page-cache.ts';
import { waitStatus } from '../../src/kernel/syscalls/wait.ts';
import type { Task } from '../../src/kernel/task/task.ts';
import { Terminal } from '../../src/kernel/tty/terminal.ts';
import type { FileDescription } from '../../src/kernel/vfs/file.ts';
import { Inode } from '../../src/kernel/vfs/inode.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';

/** Bytes of /data and /more. */
const SOURCE_SIZE = 8 << 20;
const OWNER = { uid: 0, gid: 0 };

/** True when static amd64 programs can be compiled here. */
export function canCompile(): boolean {
  const empty = spawnSync('gcc', ['-static', '-x', 'c', '-o', '/dev/null', '-'], {
    input: 'int main(void){return 0;}',
  });
  return empty.status === 0;
}

/** A folder for programs, removed by `remove`. */
export class Programs {
  readonly #folder = mkdtempSync(join(tmpdir(), 'anillo-guest-'));

  /** Compiles a source file; the program's bytes. */
  compile(source: string): Uint8Array {
    const program = join(this.#folder, basename(source, '.c'));
    execFileSync('gcc', ['-O1', '-w', '-static', '-pthread', '-o', program, source]);
    return readFileSync(program);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A file whose pages are read when they are needed: byte n of page p is n + p. */
class SourceFile extends Inode {
  readonly size: number;
  readonly cache: PageCache;

  constructor(fs: Tmpfs, size: number) {
    super(fs, fs.nextIno(), S_IFREG | 0o644, OWNER);
    this.size = size;
    this.cache = new PageCache(fs.frames, this, this);
  }

  readPage(index: number, into: Uint8Array): void {
    for (let n = 0; n < into.length; n++) into[n] = n + index;
  }

  override open(flags: number): FileDescription {
    return new RegularFile(this, flags);
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.size - offset));
    this.cache.read(offset, into.subarray(0, count));
    return count;
  }
}

/** What a run showed. */
export interface Run {
  readonly out: string;
  /** Status word of wait(2); undefined while processes are left. */
  readonly status: number | undefined;
  readonly stop: KernelStop;
  readonly kernel: Kernel;
}

/** Options of a run. */
export interface RunOptions {
  readonly memory?: number;
  readonly cycles?: number;
  readonly arguments?: readonly string[];
  /** Programs and libraries by their names, in directories of the root. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** Called at the end of every system call. */
  readonly onCall?: () => void;
}

/** A system whose first process has not run yet. */
export interface Guest {
  readonly kernel: Kernel;
  readonly init: Task;
  /** What was written to the terminal so far. */
  readonly out: () => string;
}

/** Makes a system with a program as its first process. */
export function startGuest(program: Uint8Array, options: RunOptions = {}): Guest {
  const { memory = 64 << 20, onCall = () => {}, files = [] } = options;
  const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory }), onCall });
  let out = '';
  const terminal = new Terminal(kernel, (bytes) => {
    out += Buffer.from(bytes).toString('latin1');
  });
  terminal.makePlain();
  const now = () => kernel.realtime;
  const root = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now, mode: 0o755 });
  (root.root.create('init', S_IFREG | 0o755, OWNER) as TmpfsFile).write(0, program);
  for (const name of ['proc', 'sys', 'tmp']) root.root.create(name, S_IFDIR | 0o777, OWNER);
  for (const name of ['data', 'more']) root.root.link(name, new SourceFile(root, SOURCE_SIZE));
  for (const [name, bytes] of files) {
    const [, folder, base] = name.split('/') as [string, string, string];
    const directory = root.root.lookup(folder) ?? root.root.create(folder, S_IFDIR | 0o755, OWNER);
    (directory.create(base, S_IFREG | 0o755, OWNER) as TmpfsFile).write(0, bytes);
  }
  const args = ['/init', ...(options.arguments ?? [])];
  const init = startInit(kernel, { root, path: '/init', arguments: args, environment: [], terminal });
  return { kernel, init, out: () => out };
}

/** Runs a program as the first process of a new system. */
export function runGuest(program: Uint8Array, options: RunOptions = {}): Run {
  const { kernel, init, out } = startGuest(program, options);
  const stop = kernel.run({ cycles: options.cycles ?? 20_000_000_000 });
  const { group } = init;
  return { out: out(), status: group.isZombie ? waitStatus(group.event!) : undefined, stop, kernel };
}
