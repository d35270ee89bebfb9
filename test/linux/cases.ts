// The short programs of test/linux/cases: compiled for both ABIs, run on this computer's Linux (to record) and on the
// user-space kernel (to compare). Recorded results are in test/linux/expected.jsonl: one line a case,
// [area, case, how it ended, output], or [area, case@abi, …] where the ABIs differ.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S_IFDIR, S_IFREG } from '../../src/abi/stat.ts';
import { signalName } from '../../src/abi/signal.ts';
import { Tmpfs } from '../../src/kernel/fs/tmpfs.ts';
import type { TmpfsFile } from '../../src/kernel/fs/tmpfs-file.ts';
import { Kernel, type KernelOptions } from '../../src/kernel/kernel.ts';
import { startInit } from '../../src/kernel/start.ts';
import { Terminal } from '../../src/kernel/tty/terminal.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';

const SOURCES = join(import.meta.dirname, 'cases');
const EXPECTED = join(import.meta.dirname, 'expected.jsonl');
const MEMORY = 64 << 20;
/** Cycles after which a case is said to hang: two seconds of its time. */
const LONGEST = 2_000_000_000;
const OWNER = { uid: 0, gid: 0 };
const NATIVE_TIMEOUT = 20_000;

/** Compiler flag of each ABI. */
export const ABIS = { amd64: '-m64', i386: '-m32' } as const;
/** i386 or amd64. */
export type Abi = keyof typeof ABIS;

/** How a case ended and what it printed. */
export interface Outcome {
  /** `exit N`, or the name of a signal, or `hangs`. */
  readonly end: string;
  readonly output: string;
}

/** The source files, without extension. */
export const areas = readdirSync(SOURCES)
  .filter((file) => file.endsWith('.c'))
  .map((file) => file.replace(/\.c$/, ''));

/** True when static programs can be compiled and run here for an ABI. */
export function canCompile(abi: Abi): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const input = 'int main(void){return 0;}';
  return spawnSync('gcc', [ABIS[abi], '-static', '-x', 'c', '-o', '/dev/null', '-'], { input }).status === 0;
}

/** Compiles one file of cases. */
export function compile(area: string, abi: Abi, folder: string): string {
  const program = join(folder, `${area}-${abi}`);
  execFileSync('gcc', [ABIS[abi], '-O1', '-w', '-static', '-pthread', '-o', program, join(SOURCES, `${area}.c`)]);
  return program;
}

/** Names of the cases in a program. */
export function listCases(program: string): string[] {
  return execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
}

/** Runs a case on this computer's Linux, in an empty directory; with its own names and IPC objects where that is possible. */
export function runNatively(program: string, name: string): Outcome {
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const cwd = mkdtempSync(join(memory, 'anillo-case-'));
  const inner = join(cwd, 'work');
  mkdirSync(inner);
  try {
    const { stdout, status, signal, error } = spawnSync('unshare', ['--ipc', '--uts', program, name], {
      cwd: inner,
      encoding: 'latin1',
      env: {},
      timeout: NATIVE_TIMEOUT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (error !== undefined && signal === null) throw error;
    if (error !== undefined) return { end: 'hangs', output: stdout };
    return { end: signal ?? `exit ${status}`, output: stdout };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

let platform: CpuPlatform | undefined;

/** A case on the user-space kernel: a new one, on a processor that has run others. */
export function runHere(program: Uint8Array, name: string, onCall?: KernelOptions['onCall']): Outcome {
  return runProgram(new Map([['/bin/case', program]]), '/bin/case', [name], 'case', onCall);
}

/** A program on a kernel whose root has these files, all of them executable; it starts in the empty directory /work. */
export function runProgram(
  files: ReadonlyMap<string, Uint8Array>,
  path: string,
  args: readonly string[],
  name = path,
  onCall?: KernelOptions['onCall'],
): Outcome {
  platform ??= new CpuPlatform(loadCore(), { memory: MEMORY });
  const kernel = new Kernel({ platform, seed: 1, ...(onCall === undefined ? {} : { onCall }) });
  let output = '';
  const terminal = new Terminal(kernel, (bytes) => {
    output += Buffer.from(bytes).toString('latin1');
  });
  terminal.makePlain();
  const root = new Tmpfs({
    frames: kernel.frames,
    device: kernel.nextDevice(),
    now: () => kernel.realtime,
    mode: 0o755,
  });
  for (const [directory, mode] of [
    ['bin', 0o755],
    ['lib', 0o755],
    ['lib64', 0o755],
    ['tmp', 0o1777],
    ['proc', 0o555],
    ['work', 0o755],
  ] as const)
    root.root.create(directory, S_IFDIR | mode, OWNER);
  for (const [file, bytes] of files) {
    const [, directory, base] = file.split('/') as [string, string, string];
    (root.root.lookup(directory)!.create(base, S_IFREG | 0o755, OWNER) as TmpfsFile).write(0, bytes);
  }
  const directory = '/work';
  const init = startInit(kernel, { root, path, arguments: [name, ...args], environment: [], terminal, directory });
  const stop = kernel.run({ cycles: platform.cycles + LONGEST });
  const exit = init.group.event;
  if (stop.reason !== 'ended' || exit === undefined) return { end: 'hangs', output };
  return {
    end: exit.kind === 'killed' ? signalName(exit.signal) : exit.kind === 'exited' ? `exit ${exit.status}` : '?',
    output,
  };
}

/** Recorded outcomes of an area, by case. */
export function expectedOf(area: string, abi: Abi): Map<string, Outcome> {
  const expected = new Map<string, Outcome>();
  if (!existsSync(EXPECTED)) return expected;
  for (const line of readFileSync(EXPECTED, 'utf8').split('\n')) {
    if (line === '') continue;
    const [of, name, end, output] = JSON.parse(line) as [string, string, string, string];
    const [plain, only = abi] = name.split('@') as [string, Abi?];
    if (of === area && only === abi) expected.set(plain, { end, output });
  }
  return expected;
}

/** The line of expected.jsonl for a case. */
export function expectedLine(area: string, name: string, { end, output }: Outcome): string {
  return JSON.stringify([area, name, end, output]);
}

/** Where recorded outcomes are kept. */
export const expectedFile = EXPECTED;

/** Reads a program. */
export function programBytes(program: string): Uint8Array {
  return readFileSync(program);
}
