// Runs the compiler and binutils.
import { execFileSync } from 'node:child_process';

/** Runs a program and gives what it prints. @throws Error with one sentence when it is missing, with its messages when it fails */
export function tool(name: string, args: readonly string[], cwd?: string): string {
  try {
    return execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...(cwd ? { cwd } : {}) });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code === 'ENOENT') throw new Error(`${name} is not installed: rebuilding guests needs GCC and GNU binutils.`);
    throw new Error(`${name} failed:\n${stderr ?? String(error)}`);
  }
}
