// Finds what the command runs on: the compiled core beside it, the bundled guests, and images and snapshots by path.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GuestImage } from '../lab/guest-run.ts';
import { CliError, EXIT } from './errors.ts';

/** A row of guests/manifest.json. */
export interface BundledGuest {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly file: string;
  readonly paravirtual?: string;
  readonly arguments: readonly string[];
}

/** Nothing that fits into a machine's 3 GiB of memory is larger. */
const LARGEST_FILE = 3 * 2 ** 30;

const HERE = dirname(fileURLToPath(import.meta.url));
/** The project's root: the command lies in dist/ when bundled and in src/cli/ when run from source. */
const ROOT = HERE.endsWith('dist') ? join(HERE, '..') : join(HERE, '../..');

/** Reads a file the user named. @throws CliError with one sentence on what is wrong with it */
export function readUserFile(path: string, what: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size >= LARGEST_FILE)
      throw new CliError(
        `The ${what} ${path} is ${size} bytes long; nothing of 3 GiB or more fits into a machine.`,
        EXIT.failure,
      );
    return readFileSync(path);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`The ${what} ${path} cannot be read: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** Writes a file the user named, so that a full disk or Ctrl-C never leaves half of one under its name. @throws CliError */
export function writeUserFile(path: string, what: string, bytes: Uint8Array): void {
  const partial = `${path}.partial`;
  try {
    writeFileSync(partial, bytes);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new CliError(`The ${what} cannot be written to ${path}: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** Why the host's file system refused, in words. */
export function hostReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or folder',
    EACCES: 'permission is denied',
    EISDIR: 'it is a folder',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'part of its path is not a folder',
  };
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}

/** The compiled CPU core. */
export function loadCore(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(join(ROOT, 'dist/cpu.wasm')));
}

/** The bundled guests. */
export function bundledGuests(): readonly BundledGuest[] {
  return JSON.parse(readFileSync(join(ROOT, 'guests/manifest.json'), 'utf8')) as BundledGuest[];
}

/** The archive of the image for containers that comes with the command. */
export function embeddedImagePath(): string {
  return join(ROOT, 'guests/images/anillo.tar');
}

/** A file of guests/. */
export function loadBundledFile(file: string): Uint8Array {
  return readFileSync(join(ROOT, 'guests', file));
}

/** IMAGE of the command line: the name of a bundled guest, or a file. @throws CliError */
export function loadGuest(image: string): GuestImage {
  const bundled = bundledGuests().find(({ name }) => name === image);
  if (bundled) {
    return {
      name: bundled.name,
      file: loadBundledFile(bundled.file),
      ...(bundled.paravirtual ? { paravirtual: loadBundledFile(bundled.paravirtual) } : {}),
    };
  }
  if (!/[./\\]/.test(image) && !statSync(image, { throwIfNoEntry: false })) {
    const names = bundledGuests().map(({ name }) => name);
    throw new CliError(`${image} is neither a file nor a bundled guest; the bundled guests are ${names.join(', ')}.`);
  }
  const file = readUserFile(image, 'image');
  // A file's own header decides which build it is; the technique refuses what it cannot run.
  return { name: image, file, paravirtual: file };
}
