// CPU seconds for a million system calls: of the same static programs natively, under qemu-i386 (programs on another
// processor's instructions, calls handed to the computer's kernel), and on the user-space kernel, which is both in one.
// Columns whose tools are not here are left out with a sentence.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { S_IFDIR, S_IFREG } from '../src/abi/stat.ts';
import { buildCore } from '../src/build/core.ts';
import { Tmpfs } from '../src/kernel/fs/tmpfs.ts';
import type { TmpfsFile } from '../src/kernel/fs/tmpfs-file.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { startInit } from '../src/kernel/start.ts';
import { Terminal } from '../src/kernel/tty/terminal.ts';
import { CpuPlatform } from '../src/platform/cpu-platform.ts';
import { cpuSeconds, median } from './measure.ts';

const SOURCE = resolve(import.meta.dirname, 'system-calls.c');
const ROUNDS = 5;
const OWNER = { uid: 0, gid: 0 };
const MEMORY = 64 << 20;
const MILLION = 1e6;

/** Kinds of work, what one unit is, and how many are done: here, and by the faster columns. */
const KINDS: readonly (readonly [name: string, what: string, count: number, nativeCount: number])[] = [
  ['getppid', 'getppid', 100_000, 2_000_000],
  ['pipe', 'read or write of a byte through a pipe', 40_000, 400_000],
  ['open', 'open or close of /dev/null', 20_000, 400_000],
  ['stat', 'stat of /dev/null', 20_000, 400_000],
  ['mmap', 'mmap or munmap of a page', 20_000, 400_000],
  ['fault', 'page fault (anonymous memory)', 19_200, 128_000],
  ['fork', 'fork, exit and wait', 400, 2_000],
  ['exec', 'fork, exec of a static program, and wait', 200, 500],
  ['file', 'open, read of a page and close of a file', 20_000, 200_000],
  ['touch', 'mmap, touch and munmap of a page', 20_000, 100_000],
  ['signal', 'signal to itself, handled', 20_000, 200_000],
  ['switch', 'byte to another process and switch to it', 20_000, 100_000],
  ['futex', 'hand-over between threads by futex', 20_000, 100_000],
];

/** One way to run a program; gives CPU seconds a call. */
type Column = readonly [name: string, run: (kind: string, count: number, nativeCount: number) => number];

/** CPU seconds of a command and all it started. */
function commandSeconds(command: readonly string[]): number {
  const script =
    'import resource,subprocess,sys;subprocess.check_call(sys.argv[1:]);' +
    'u=resource.getrusage(resource.RUSAGE_CHILDREN);print(u.ru_utime+u.ru_stime)';
  return Number(execFileSync('python3', ['-c', script, ...command], { encoding: 'utf8' }));
}

/** A column of a command; what it needs to start is taken off. */
function commandColumn(name: string, command: readonly string[]): Column {
  return [
    name,
    (kind, _, count) => {
      const start = commandSeconds([...command, kind, '0']);
      return Math.max(0, commandSeconds([...command, kind, String(count)]) - start) / count;
    },
  ];
}

/** Runs the program on a kernel of its own; CPU seconds of this process. */
function hereSeconds(module: WebAssembly.Module, program: Uint8Array, args: readonly string[]): number {
  const start = cpuSeconds();
  const kernel = new Kernel({ platform: new CpuPlatform(module, { memory: MEMORY }) });
  const terminal = new Terminal(kernel, (bytes) => process.stderr.write(bytes));
  const now = () => kernel.realtime;
  const root = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now, mode: 0o755 });
  (root.root.create('calls', S_IFREG | 0o755, OWNER) as TmpfsFile).write(0, program);
  for (const name of ['proc', 'sys', 'tmp']) root.root.create(name, S_IFDIR | 0o755, OWNER);
  const init = startInit(kernel, { root, path: '/calls', arguments: ['/calls', ...args], environment: [], terminal });
  kernel.run();
  const { event } = init.group;
  if (event?.kind !== 'exited' || event.status !== 0) throw new Error(`calls ${args.join(' ')} failed here`);
  return cpuSeconds() - start;
}

function hereColumn(name: string, module: WebAssembly.Module, program: Uint8Array): Column {
  return [
    name,
    (kind, count) =>
      Math.max(0, hereSeconds(module, program, [kind, String(count)]) - hereSeconds(module, program, [kind, '0'])) /
      count,
  ];
}

function compile(folder: string, flag: '-m32' | '-m64'): string | undefined {
  const program = join(folder, `calls${flag}`);
  const { status } = spawnSync('gcc', [flag, '-O1', '-static', '-pthread', '-o', program, SOURCE], { stdio: 'ignore' });
  return status === 0 ? program : undefined;
}

/** Measures and prints. */
export async function benchSystemCalls(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'anillo-bench-'));
  try {
    const [i386, amd64] = [compile(folder, '-m32'), compile(folder, '-m64')];
    if (i386 === undefined || amd64 === undefined)
      throw new Error('The programs cannot be compiled: gcc with static C libraries of both widths is needed.');
    const { wasm } = await buildCore({ optimize: 3 });
    const module = new WebAssembly.Module(new Uint8Array(wasm));
    const hasQemu = spawnSync('qemu-i386', ['--version'], { stdio: 'ignore' }).status === 0;
    const columns: Column[] = [
      commandColumn('native', [i386]),
      ...(hasQemu ? [commandColumn('qemu-i386', ['qemu-i386', i386])] : []),
      hereColumn('here, i386', module, readFileSync(i386)),
      hereColumn('here, amd64', module, readFileSync(amd64)),
    ];
    if (!hasQemu) console.log('qemu-i386 is not here (package qemu-user): its column is left out.\n');
    report(columns);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(columns: readonly Column[]): void {
  const names = columns.map(([name]) => name);
  const others = names.slice(0, -2);
  const head = ['call', ...names, ...others.map((name) => `here to ${name}`)];
  console.log(
    `CPU seconds for a million of each, median of ${ROUNDS} interleaved rounds; the last columns: i386 here, times as dear.\n`,
  );
  console.log(`| ${head.join(' | ')} |\n|${head.map((_, n) => (n === 0 ? '---' : '---:')).join('|')}|`);
  for (const [kind, what, count, nativeCount] of KINDS) {
    const samples = columns.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [n, [, run]] of columns.entries()) samples[n]!.push(run(kind, count, nativeCount));
    const seconds = samples.map((values) => median(values) * MILLION);
    const here = seconds[others.length]!;
    const ratios = others.map((_, n) => `${(here / seconds[n]!).toFixed(1)} ×`);
    console.log(`| ${[what, ...seconds.map((value) => value.toFixed(2)), ...ratios].join(' | ')} |`);
  }
}
