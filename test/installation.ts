// The command as a user has it: run to its end or typed at, with images and containers in a temporary folder of the test.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/** The bundle. */
export const COMMAND = resolve(import.meta.dirname, '../dist/anillo.js');

/** Milliseconds that no command and no wait takes on the slowest computer. */
export const HANGS = 300_000;

/** How a command ended, and what it printed. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Waits until something is so, or will never be. */
export async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + HANGS; !isSo() && performance.now() < end; ) await sleep(20);
}

/** The command with data of its own; `name` is a part of the name of the folder. */
export class Installation {
  readonly folder: string;
  /** Where the images and containers are. */
  readonly data: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(name: string, variables: NodeJS.ProcessEnv = {}) {
    this.folder = mkdtempSync(join(tmpdir(), `anillo-${name}-`));
    this.data = join(this.folder, 'data');
    this.env = { ...process.env, ANILLO_DATA: this.data, ...variables };
  }

  /** Runs a command to its end. */
  readonly anillo = (args: readonly string[], input: string | Uint8Array = ''): Ended => {
    const options = { input, env: this.env, cwd: this.folder, timeout: HANGS, encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], options);
    return { status, out: stdout, err: stderr };
  };

  readonly container = (...args: string[]): Ended => this.anillo(['container', ...args]);

  /** Starts a program, such as the command, that somebody types at. */
  readonly typing = (program: string, args: readonly string[]) => {
    const child = spawn(program, args, { env: this.env, stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    return {
      out: () => out,
      type: (text: string) => child.stdin.write(text),
      /** Waits until it has said something. */
      says: async (text: string) => {
        await until(() => out.includes(text));
        expect(out).toContain(text);
      },
      /** Its exit status. */
      ended: new Promise<number | null>((ended) => child.on('close', ended)),
    };
  };

  /** Removes the containers, whether they run or not, and the folder. */
  remove(): void {
    const ids = this.container('ps', '-aq').out.split('\n').filter(Boolean);
    if (ids.length > 0) this.container('rm', '-f', ...ids);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
