// anillo process: a Linux program on the user-space kernel; its terminal is this one.
import { basename } from 'node:path';
import { SystemError } from '../kernel/error.ts';
import { Kernel, type KernelStop } from '../kernel/kernel.ts';
import { Tmpfs, type TmpfsFile } from '../kernel/fs/tmpfs.ts';
import { startInit } from '../kernel/start.ts';
import { straceLine } from '../kernel/strace.ts';
import { waitStatus } from '../kernel/syscalls/processes.ts';
import type { Task } from '../kernel/task/task.ts';
import { Terminal } from '../kernel/tty/terminal.ts';
import { CpuPlatform } from '../platform/cpu-platform.ts';
import { type ErrnoName, errnoText } from '../abi/errno.ts';
import { S_IFDIR, S_IFREG } from '../abi/stat.ts';
import { loadCore, readUserFile } from './assets.ts';
import { CliError, EXIT } from './errors.ts';
import type { Volume } from './options.ts';
import { mountVolumes } from './volumes.ts';
import { SerialConsole } from './serial-console.ts';

/** Options of `anillo process`, parsed. */
export interface ProcessOptions {
  readonly memory: number;
  readonly strace?: true;
  readonly env?: readonly string[];
  readonly seed: number;
  readonly volume?: readonly Volume[];
}

/** Cycles between two looks at the terminal. */
const SLICE = 50_000_000;
const OWNER = { uid: 0, gid: 0 };
const SIGNAL_STATUS = 128;
/** What the errors of execve(2) mean here. */
const REASONS: Partial<Record<ErrnoName, string>> = {
  ENOEXEC: 'it is no i386 or amd64 ELF program',
  ENOENT: 'it needs a loader and libraries that are not there (--volume can show it those of this computer)',
};

/** Runs a program; the exit status becomes its own, or 128 + n when signal n killed it. */
export async function runProcess(program: string, args: readonly string[], options: ProcessOptions): Promise<void> {
  const file = readUserFile(program, 'program');
  const console = new SerialConsole();
  const kernel = new Kernel({
    platform: new CpuPlatform(loadCore(), { memory: options.memory }),
    seed: options.seed,
    onUnsupported: (name) => process.stderr.write(`anillo: ${name} is not supported; it fails with ENOSYS.\n`),
    ...(options.strace === undefined
      ? {}
      : { onCall: (call, row, result) => process.stderr.write(`${straceLine(call, row, result)}\n`) }),
  });
  const terminal = new Terminal(kernel, (bytes) => {
    for (const byte of bytes) console.write(byte);
  });
  if (!process.stdout.isTTY) terminal.makePlain();
  const name = `/bin/${basename(program)}`;
  const root = rootWith(kernel, name, file);
  let init: Task;
  try {
    const environment = options.env ?? [];
    const prepare = (task: Task) => mountVolumes(kernel, task, options.volume ?? []);
    init = startInit(kernel, { root, path: name, arguments: [name, ...args], environment, terminal, prepare });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const why = REASONS[error.errno] ?? errnoText(error.errno);
    throw new CliError(`The program ${program} cannot be run: ${why}.`, EXIT.failure);
  }
  const stop = await drive(kernel, terminal, console);
  await console.close();
  process.exitCode = exitStatus(init, stop, console);
}

/** A file system with the program in /bin and a /tmp. */
function rootWith(kernel: Kernel, name: string, file: Uint8Array): Tmpfs {
  const fs = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now: () => kernel.realtime, mode: 0o755 });
  const bin = fs.root.create('bin', S_IFDIR | 0o755, OWNER);
  const target = bin.create(basename(name), S_IFREG | 0o755, OWNER) as TmpfsFile;
  target.write(0, file);
  fs.root.create('tmp', S_IFDIR | 0o1777, OWNER);
  fs.root.create('proc', S_IFDIR | 0o555, OWNER);
  fs.root.create('sys', S_IFDIR | 0o555, OWNER);
  return fs;
}

/** Runs slices until all tasks have ended, feeding the terminal in between. */
async function drive(kernel: Kernel, terminal: Terminal, console: SerialConsole): Promise<KernelStop> {
  console.start((byte) => terminal.type(Uint8Array.of(byte)));
  // beside a person at a terminal time passes; input from elsewhere comes, or has ended, at whatever time it is
  const stopWhenIdle = !process.stdin.isTTY;
  for (;;) {
    const stop = kernel.run({ cycles: kernel.platform.cycles + SLICE, stopWhenIdle });
    await console.pump(Number(kernel.monotonic));
    if (stop.reason === 'ended' || console.interrupted) return stop;
    if (stop.reason !== 'idle') continue;
    if (await console.waitForInput()) continue;
    if (console.interrupted) return stop;
    if (terminal.hangUp()) continue;
    return stop;
  }
}

function exitStatus({ group }: Task, stop: KernelStop, console: SerialConsole): number {
  if (console.interrupted) {
    process.stderr.write('anillo: interrupted.\n');
    return EXIT.interrupted;
  }
  if (stop.reason === 'idle') {
    process.stderr.write('anillo: the program waits for something that cannot happen.\n');
    return EXIT.failure;
  }
  const status = group.event === undefined ? 0 : waitStatus(group.event);
  return status & 0x7f ? SIGNAL_STATUS + (status & 0x7f) : status >> 8;
}
