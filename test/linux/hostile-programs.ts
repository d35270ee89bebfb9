// Programs that no compiler made: spoiled ELF files, random instructions in ring 3, signal frames of random contents. Whatever they
// are, they end with an error of execve(2) or a signal, the host throws nothing, others go on, and nothing is left behind.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ABIS, type Abi } from './cases.ts';
import { startGuest } from './guest.ts';

const SLICE = 50_000_000;
const MOST_BUFFERS = 128 << 20;
const LIBRARIES = {
  amd64: { loader: '/lib64/ld-linux-x86-64.so.2', folders: ['/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64'] },
  i386: { loader: '/lib/ld-linux.so.2', folders: ['/lib/i386-linux-gnu', '/lib32', '/usr/lib32'] },
} as const;
/**
 * How programs may end: errors of execve(2), signals of the processor, abort(3) where the library finds something wrong, and the
 * alarm that ends what goes on for ever.
 */
const ENDS =
  /^(?:exit|ENOEXEC|ENOMEM|EFAULT|EINVAL|EIO|ENOENT|ELIBBAD|EACCES|SEGV|BUS|ILL|FPE|TRAP|ABRT|ALRM|KILL) \d+$/;

/** Whether programs of an ABI can be compiled here, static or not. */
export function canBuild(abi: Abi): boolean {
  const input = 'int main(void){return 0;}';
  const build = (...flags: string[]) =>
    spawnSync('gcc', [ABIS[abi], ...flags, '-x', 'c', '-o', '/dev/null', '-'], { input }).status === 0;
  return process.platform === 'linux' && build('-static') && build() && existsSync(LIBRARIES[abi].loader);
}

/** Programs in a folder of their own while `use` runs. */
function withFolder<T>(use: (build: (source: string, ...flags: string[]) => Uint8Array) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'anillo-hostile-'));
  try {
    return use((source, ...flags) => {
      execFileSync('gcc', [...flags, '-O1', '-w', '-o', join(folder, 'program'), source]);
      return readFileSync(join(folder, 'program'));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end; what it printed, and no frame is left in use but those of files that stay. */
function runToEnd(program: Uint8Array, args: readonly string[], files: ReadonlyMap<string, Uint8Array>): string[] {
  const { kernel, init, out } = startGuest(program, { memory: 64 << 20, arguments: args, files });
  const before = process.memoryUsage().arrayBuffers;
  while (kernel.run({ cycles: kernel.platform.cycles + SLICE }).reason === 'limit')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MOST_BUFFERS);
  expect(init.group.event).toEqual({ kind: 'exited', status: 0 });
  expect(kernel.pids.tasks.size).toBe(0);
  expect(kernel.frames.used).toBeLessThan(16);
  return out().trimEnd().split('\n');
}

const counted = (lines: readonly string[]) => lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

/** Random instructions, or signal frames, `count` times. */
export function runRandomCode(abi: Abi, kind: 'code' | 'frames', seed: number, count: number): void {
  const program = withFolder((build) => build(join(import.meta.dirname, 'hostile/code.c'), ABIS[abi], '-static'));
  const lines = runToEnd(program, [kind, String(seed), String(count)], new Map());
  expect(lines.pop()).toBe('bystander 1');
  expect(counted(lines)).toBe(count);
  expect(lines.length).toBeGreaterThan(2);
}

/** What is spoiled: a program without or with an interpreter, or the interpreter. */
export type Spoiled = 'static' | 'dynamic' | 'interpreter';

/** Spoiled programs, `count` of them. */
export function runSpoiledPrograms(abi: Abi, spoiled: Spoiled, seed: number, count: number): void {
  withFolder((build) => {
    const { loader, folders } = LIBRARIES[abi];
    const library = folders.map((place) => join(place, 'libc.so.6')).find(existsSync)!;
    const source = join(mkdtempSync(join(tmpdir(), 'anillo-hostile-')), 'hello.c');
    writeFileSync(source, '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n');
    const files = new Map<string, Uint8Array>([
      ['/bin/program', build(source, ABIS[abi], ...(spoiled === 'static' ? ['-static'] : []))],
      [loader, readFileSync(loader)],
      ['/lib/libc.so.6', readFileSync(library)],
    ]);
    rmSync(join(source, '..'), { recursive: true });
    const target = spoiled === 'interpreter' ? loader : '/bin/program';
    const spoil = build(join(import.meta.dirname, 'hostile/elf.c'), '-static');
    const lines = runToEnd(spoil, [String(seed), String(count), '/bin/program', target], files);
    for (const line of lines) expect(line).toMatch(ENDS);
    expect(counted(lines)).toBe(count);
    expect(lines.length).toBeGreaterThan(2);
  });
}
