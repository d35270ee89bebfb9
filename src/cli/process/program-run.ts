// One program on a kernel of its own, from its file or from a saved state, and what connects it with this computer.
import { basename } from 'node:path';
import { type ErrnoName, errnoText } from '../../abi/errno.ts';
import { S_IFDIR, S_IFREG } from '../../abi/stat.ts';
import { SystemError } from '../../kernel/error.ts';
import { Tmpfs } from '../../kernel/fs/tmpfs.ts';
import type { TmpfsFile } from '../../kernel/fs/tmpfs-file.ts';
import { Kernel, type KernelOptions } from '../../kernel/kernel.ts';
import { startInit } from '../../kernel/start.ts';
import { straceLine } from '../../kernel/strace.ts';
import { waitStatus } from '../../kernel/syscalls/wait.ts';
import type { Task } from '../../kernel/task/task.ts';
import { Terminal } from '../../kernel/tty/terminal.ts';
import { CpuPlatform } from '../../platform/cpu-platform.ts';
import { type HostThings, loadKernel, saveKernel } from '../../platform/snapshot.ts';
import { loadCore } from '../assets.ts';
import { CliError, EXIT } from '../errors.ts';
import type { Recordable } from '../recording/recording.ts';
import { mountVolumes, OWNERS, type OpenVolume } from '../volumes.ts';

/** What decides a run before anything is typed. */
export interface ProgramStart {
  /** As the user named it. */
  readonly name: string;
  readonly file: Uint8Array;
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly memory: number;
  readonly seed: number;
  /** Standard output is no terminal: no echo, line ends stay. */
  readonly isPlain: boolean;
}

/** A volume, by what the program sees of it. */
export interface SeenVolume {
  readonly guest: string;
  readonly host: string;
  readonly writable: boolean;
  /** The one file of it that is seen; if not given, the whole directory. */
  readonly file: string | undefined;
}

/** What a recorded run begins with: a program or a saved state, and its volumes. */
export interface ProgramOrigin {
  readonly program?: ProgramStart;
  readonly state?: Uint8Array;
  readonly volumes: readonly SeenVolume[];
}

/** This computer, as far as the program meets it. */
export interface Surroundings {
  readonly write: (bytes: Uint8Array) => void;
  readonly volumes: readonly OpenVolume[];
  readonly strace: boolean;
}

/** What reaches a program from outside. */
export type InputEvent =
  | { readonly kind: 'typed'; readonly bytes: Uint8Array }
  | { readonly kind: 'hung-up' }
  | { readonly kind: 'resized'; readonly rows: number; readonly columns: number };

const KIND = 'process';
const OWNER = { uid: 0, gid: 0 };
const SIGNAL_STATUS = 128;
/** What the errors of execve(2) mean here. */
const REASONS: Partial<Record<ErrnoName, string>> = {
  ENOEXEC: 'it is no i386 or amd64 ELF program',
  ENOENT: 'it needs a loader and libraries that are not there (--volume can show it those of this computer)',
};

interface Roots {
  readonly kernel: Kernel;
  readonly terminal: Terminal;
  readonly init: Task;
}

/** A program and its kernel. */
export class ProgramRun implements Recordable<InputEvent> {
  readonly kernel: Kernel;
  readonly #terminal: Terminal;
  readonly #init: Task;
  readonly #host: HostThings;

  private constructor({ kernel, terminal, init }: Roots, host: HostThings) {
    this.kernel = kernel;
    this.#terminal = terminal;
    this.#init = init;
    this.#host = host;
  }

  /** @throws CliError, SnapshotError when the program cannot be run, or cannot go on */
  static begin({ program, state }: ProgramOrigin, surroundings: Surroundings): ProgramRun {
    if (program !== undefined) return ProgramRun.#start(program, surroundings);
    return ProgramRun.#restore(state ?? new Uint8Array(0), surroundings);
  }

  /** @throws CliError when the program cannot be run */
  static #start(start: ProgramStart, surroundings: Surroundings): ProgramRun {
    const { memory, seed, name } = start;
    const platform = new CpuPlatform(loadCore(), { memory });
    const kernel = new Kernel({ platform, seed, ...observers(surroundings) });
    const terminal = new Terminal(kernel, surroundings.write);
    if (start.isPlain) terminal.makePlain();
    const path = `/bin/${basename(name)}`;
    try {
      const init = startInit(kernel, {
        root: rootWith(kernel, path, start.file),
        path,
        arguments: [path, ...start.args],
        environment: start.environment,
        terminal,
        prepare: (task) => mountVolumes(kernel, task, surroundings.volumes),
      });
      return new ProgramRun({ kernel, terminal, init }, hostThings(surroundings));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const why = REASONS[error.errno] ?? errnoText(error.errno);
      throw new CliError(`The program ${name} cannot be run: ${why}.`, EXIT.failure);
    }
  }

  /** Goes on with a saved run. @throws SnapshotError */
  static #restore(file: Uint8Array, surroundings: Surroundings): ProgramRun {
    const host = hostThings(surroundings);
    const roots = loadKernel(KIND, loadCore(), file, host) as Roots;
    Object.assign(roots.kernel, observers(surroundings));
    return new ProgramRun(roots, host);
  }

  /** @throws UnsavableError */
  save(): Uint8Array {
    const { kernel } = this;
    const roots: Roots = { kernel, terminal: this.#terminal, init: this.#init };
    return saveKernel(KIND, kernel.platform as CpuPlatform, roots, this.#host);
  }

  /** Something comes from outside, as an interrupt does. False when it makes no difference. */
  accept(event: InputEvent): boolean {
    this.kernel.settle();
    switch (event.kind) {
      case 'typed':
        this.#terminal.type(event.bytes);
        return true;
      case 'hung-up':
        return this.#terminal.hangUp();
      case 'resized':
        this.#terminal.setSize({ rows: event.rows, columns: event.columns, width: 0, height: 0 });
        return true;
    }
  }

  /** Exit status of the program, or 128 + n when signal n killed it. */
  get exitStatus(): number {
    const { event } = this.#init.group;
    const status = event === undefined ? 0 : waitStatus(event);
    return status & 0x7f ? SIGNAL_STATUS + (status & 0x7f) : status >> 8;
  }
}

function observers({ strace }: Surroundings): Pick<KernelOptions, 'onCall' | 'onUnsupported'> {
  return {
    onUnsupported: (name) => process.stderr.write(`anillo: ${name} is not supported; it fails with ENOSYS.\n`),
    ...(strace ? { onCall: (call, row, result) => process.stderr.write(`${straceLine(call, row, result)}\n`) } : {}),
  };
}

function hostThings({ write, volumes }: Surroundings): HostThings {
  const directories = volumes.map(({ guest, directory }) => [`the volume ${guest}`, directory] as const);
  return { 'the terminal': write, 'the owners of files': OWNERS, ...Object.fromEntries(directories) };
}

/** A file system with the program in /bin and a /tmp. */
function rootWith(kernel: Kernel, name: string, file: Uint8Array): Tmpfs {
  const fs = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now: kernel.clock, mode: 0o755 });
  const bin = fs.root.create('bin', S_IFDIR | 0o755, OWNER);
  const target = bin.create(basename(name), S_IFREG | 0o755, OWNER) as TmpfsFile;
  target.write(0, file);
  fs.root.create('tmp', S_IFDIR | 0o1777, OWNER);
  fs.root.create('proc', S_IFDIR | 0o555, OWNER);
  fs.root.create('sys', S_IFDIR | 0o555, OWNER);
  return fs;
}
