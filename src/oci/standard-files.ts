// The standard files of a program that is started from outside: a terminal, or pipes whose other ends are outside the kernel.
import { O_RDONLY, O_RDWR, O_WRONLY } from '../abi/stat.ts';
import { SystemError } from '../kernel/error.ts';
import { openScreen } from '../kernel/fs/devpts.ts';
import { Pipe, PipeEnd } from '../kernel/fs/pipe.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import type { Terminal } from '../kernel/tty/terminal.ts';
import { TerminalFile } from '../kernel/tty/terminal-file.ts';
import { hold } from '../kernel/vfs/file.ts';
import { resolve } from '../kernel/vfs/path.ts';

/** Where the standard files of a process lead. */
export type StandardFiles =
  | { readonly kind: 'terminal'; readonly terminal: Terminal }
  | {
      readonly kind: 'pipes';
      readonly stdin: HostPipe;
      readonly stdout: HostPipe;
      readonly stderr: HostPipe;
    };

/** A pipe whose other end is outside the kernel. */
export class HostPipe {
  readonly pipe = new Pipe();
  #hasEnded = false;

  /** `toProgram`: what is put in outside is read by the program; else the other way. */
  constructor(toProgram: boolean) {
    if (toProgram) this.pipe.writers++;
    else this.pipe.readers++;
  }

  /** Nothing more is put in. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Puts bytes in; gives how many there was room for. */
  put(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.pipe.room);
    this.pipe.put(bytes.subarray(0, count));
    this.pipe.queue.wake();
    return count;
  }

  /** Nothing more will be put in: the program reads the end of the file. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.pipe.writers--;
    this.pipe.queue.wake();
  }

  /** All bytes the program has written since last time. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.pipe.length);
    this.pipe.take(bytes);
    if (bytes.length > 0) this.pipe.queue.wake();
    return bytes;
  }
}

/** Opens the standard files of a task. A terminal becomes the one of its session. */
export function openStandardFiles(kernel: Kernel, task: Task, files: StandardFiles): void {
  if (files.kind === 'terminal') {
    const { terminal } = files;
    const file = openTerminal(kernel, task, terminal);
    terminal.attach(task.group.processGroup.session, task.group.processGroup);
    for (const fd of [0, 1, 2]) task.files.replace(fd, fd === 0 ? file : hold(file), false);
    return;
  }
  const { stdin, stdout, stderr } = files;
  // theirs, so that a program of any user can open /dev/stdout
  const { uid, gid } = task.credentials;
  const end = (flags: number, { pipe }: HostPipe) => new PipeEnd(kernel.pipeInode(pipe, { uid, gid }), flags, pipe);
  task.files.replace(0, end(O_RDONLY, stdin), false);
  task.files.replace(1, end(O_WRONLY, stdout), false);
  task.files.replace(2, end(O_WRONLY, stderr), false);
}

/** A terminal of /dev/pts, as programs expect; without that file system it has no name. */
function openTerminal(kernel: Kernel, { directories, credentials }: Task, terminal: Terminal): TerminalFile {
  const { root } = directories;
  const { uid, gid } = credentials;
  try {
    const place = resolve({ root, directory: root, credentials }, '/dev/pts');
    const file = openScreen(place, terminal, { uid, gid });
    if (file) return file;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
  return new TerminalFile(kernel.terminalInode(), O_RDWR, terminal);
}
