// A program to be compared, and what one run of it gave.
import { EM_386, ET_EXEC, parseElfHeader, parseProgramHeader, PT_INTERP } from '../../abi/elf.ts';
import type { CostProfile } from '../../vmm/cost/profile.ts';
import type { Measurement } from '../comparison.ts';
import { withoutTimings } from '../comparison.ts';
import type { Environment } from './environment.ts';

/** A program that cannot be compared; the message is one full sentence. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code = 'unfit-program';
}

/** A static i386 program. */
export interface Program {
  /** Its file name, without folders. */
  readonly name: string;
  readonly file: Uint8Array;
  /** Without the program's own name. */
  readonly arguments: readonly string[];
}

/** What all runs of a comparison share. */
export interface ProgramRunOptions {
  /** The compiled CPU core. */
  readonly module: WebAssembly.Module;
  /** Bytes of memory: the guest's, or the user-space kernel's. */
  readonly memory: number;
  readonly profile: CostProfile;
  /** The operating system of the virtual machines. */
  readonly tinyos: { readonly file: Uint8Array; readonly paravirtual: Uint8Array };
}

/** A run ends by itself, whatever the program does. */
export const MOST_INSTRUCTIONS = 500_000_000;

/** What one run gave. Everything is deterministic. */
export interface ProgramRun {
  readonly environment: Environment;
  /** `exit 0`, `signal 11`, `stopped`, or how the machine ended. */
  readonly end: string;
  /** What the program printed. */
  readonly output: string;
  readonly instructions: number;
  readonly cycles: number;
  /** Up to the program's first instruction. */
  readonly startUp: { readonly instructions: number; readonly cycles: number };
  /** Entries by kind into whoever owns ring 0: the kernel (process, container, bare), else the hypervisor. */
  readonly entries: Readonly<Record<string, number>>;
  readonly memory: ProgramMemory;
  /** Wrong answers that sensitive instructions gave the guest's kernel, in words. */
  readonly findings: readonly string[];
  readonly measurements: readonly Measurement[];
}

/** Memory of a run, in bytes. */
export interface ProgramMemory {
  /** Pages of the machine that came to hold something: program, and kernel as far as it keeps things in pages. */
  readonly touched: number;
  /** Of them those of the hypervisor. */
  readonly hypervisor: number;
  /** What had to be set aside before it began. */
  readonly reserved: number;
}

/** Where the program lies in every environment. */
export function programPath({ name }: Program): string {
  return `/bin/${name}`;
}

/** @throws ProgramError for what is no static i386 program */
export function checkProgram({ name, file, arguments: given }: Program): void {
  const refuse = (why: string) => new ProgramError(`${name} cannot be compared: ${why}.`);
  const header = parseElfHeader(file);
  if (header === undefined) throw refuse('it is no ELF program');
  if (header.is64 || header.machine !== EM_386) throw refuse('tinyos runs i386 programs (gcc -m32 -static) only');
  const isWhole = header.programHeaderOffset + header.programHeaderCount * header.programHeaderSize <= file.length;
  if (!isWhole || header.programHeaderSize !== 32) throw refuse('its program headers are cut off');
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let n = 0; n < header.programHeaderCount; n++) {
    const { type } = parseProgramHeader(view, header.programHeaderOffset + 32 * n, false);
    if (type === PT_INTERP) throw refuse('it needs a loader and libraries, and tinyos runs static programs only');
  }
  if (header.type !== ET_EXEC) throw refuse('it has no fixed address (link it with -no-pie)');
  if (!/^[\w.+-]{1,40}$/.test(name)) throw refuse('its name should be short and of letters, digits, dots and dashes');
  if (given.some((word) => /\s/.test(word))) throw refuse('arguments with blanks cannot be handed to tinyos');
}

/** What the program itself said, timings aside: lines of tinyos are not its. */
export function ownOutput(output: string): string {
  const lines = output.replaceAll('\r', '').split('\n');
  return withoutTimings(lines.filter((line) => !line.startsWith('tinyos: ')).join('\n'));
}

const PAGE = 4096;

/** Bytes of the pages of [from, to) that hold anything but zeros. */
export function touchedBytes(ram: Uint8Array, from = 0, to = ram.length): number {
  let pages = 0;
  for (let at = from; at < to; at += PAGE) {
    if (new Uint32Array(ram.buffer, ram.byteOffset + at, PAGE / 4).some((word) => word !== 0)) pages++;
  }
  return pages * PAGE;
}
