// Runs the scripts of this folder with the utilities of the image `anillo`: in a container, and on this computer.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { COMMAND, HANGS } from '../installation.ts';
import { utilityNames } from '../../src/build/userland.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Where the sources are. */
export const USERLAND = join(ROOT, 'guests/userland');
/** The archive of the image. */
export const IMAGE = join(ROOT, 'guests/images/anillo.tar');

/** What a script has to print. */
export function expected(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.txt`), 'utf8');
}

/** A folder for programs and what they write, removed by `remove`. */
export class Utilities {
  readonly folder = mkdtempSync(join(tmpdir(), 'anillo-userland-'));

  /** A directory with a program under the names of all utilities. */
  install(name: string, program: Uint8Array): string {
    const bin = join(this.folder, name);
    mkdirSync(bin);
    writeFileSync(join(bin, 'box'), program);
    chmodSync(join(bin, 'box'), 0o755);
    for (const utility of utilityNames(USERLAND)) symlinkSync('box', join(bin, utility));
    return bin;
  }

  /** Runs a script on this computer; nothing but the utilities is in reach. */
  runHere(bin: string, name: string): string {
    const cwd = mkdtempSync(join(this.folder, 'here-'));
    const env = { PATH: bin, HOME: '/root' };
    const script = join(import.meta.dirname, `${name}.sh`);
    return spawnSync(join(bin, 'sh'), [script], { cwd, env, encoding: 'utf8', timeout: HANGS }).stdout;
  }

  runInContainer(name: string): string {
    const where = ['-h', 'host', '--cap-add', 'SYS_ADMIN', '-w', '/tmp', '-v', `${import.meta.dirname}:/t`];
    const args = [COMMAND, 'container', 'run', '--rm', ...where, 'anillo', 'sh', `/t/${name}.sh`];
    const env = { ...process.env, ANILLO_DATA: join(this.folder, 'data') };
    return spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: HANGS }).stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
