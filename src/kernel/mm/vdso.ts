// The page of code the kernel lends to i386 programs (vdso(7)), a shared object in its own right: the way into the kernel by
// SYSENTER, and the ways back from a signal handler that names none. A program finds it by AT_SYSINFO and AT_SYSINFO_EHDR.
// SYSENTER keeps neither the instruction nor the stack pointer (SDM Vol. 3 "Performing Fast Calls to System Procedures with
// the SYSENTER and SYSEXIT Instructions"): the stack pointer waits in EBP, and the kernel goes back to one place, which it
// knows. Before that place stands INT 0x80, as long as SYSENTER: a call to be made again goes that way.
import { EM_386, ET_DYN, PF_R, PF_X, PT_DYNAMIC, PT_LOAD } from '../../abi/elf.ts';
import { PROT_EXEC, PROT_READ } from '../../abi/mman.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { AddressSpace } from './address-space.ts';
import type { Frames } from './frames.ts';
import { PageCache } from './page-cache.ts';

/** push ecx; push edx; push ebp; mov ebp, esp; sysenter; int 0x80; then the place: pop ebp; pop edx; pop ecx; ret. */
const VSYSCALL = [0x51, 0x52, 0x55, 0x89, 0xe5, 0x0f, 0x34, 0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3];
const LANDING_IN_VSYSCALL = 9;
/** pop eax; mov eax, 119; int 0x80. Debuggers know a signal's frame by these bytes. */
const SIGRETURN = [0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80];
/** mov eax, 173; int 0x80. */
const RT_SIGRETURN = [0xb8, 173, 0, 0, 0, 0xcd, 0x80];

const NAME = 'linux-gate.so.1';
const CODE = 0x400;
const FUNCTIONS = [
  { name: '__kernel_vsyscall', at: CODE, code: VSYSCALL },
  { name: '__kernel_sigreturn', at: CODE + 0x20, code: SIGRETURN },
  { name: '__kernel_rt_sigreturn', at: CODE + 0x40, code: RT_SIGRETURN },
] as const;

/** Offsets in the page. */
export const VDSO_VSYSCALL = FUNCTIONS[0].at;
/** Where a call by SYSENTER goes on. */
export const VDSO_LANDING = VDSO_VSYSCALL + LANDING_IN_VSYSCALL;
export const VDSO_SIGRETURN = FUNCTIONS[1].at;
export const VDSO_RT_SIGRETURN = FUNCTIONS[2].at;

const HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const DYNAMIC = HEADER_SIZE + 2 * PROGRAM_HEADER_SIZE;
const SYMBOL_SIZE = 16;
const GLOBAL_FUNCTION = 0x12;
/** Any section but none: there are no section headers. */
const SOME_SECTION = 1;
const [DT_NULL, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME] = [0, 4, 5, 6, 10, 11, 14];

/** The object (System V ABI, "Object Files" and "Program Loading and Dynamic Linking"), one page. */
function buildObject(): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE);
  const view = new DataView(bytes.buffer);
  const words = (at: number, values: readonly number[]) => {
    for (const [n, value] of values.entries()) view.setUint32(at + 4 * n, value, true);
    return at + 4 * values.length;
  };
  const names = ['', NAME, ...FUNCTIONS.map(({ name }) => name)];
  const strings = new TextEncoder().encode(`${names.join('\0')}\0`);
  const nameAt = (name: string) => `${names.join('\0')}\0`.indexOf(`${name}\0`);
  const symbols = DYNAMIC + 8 * 7;
  const hash = symbols + SYMBOL_SIZE * (1 + FUNCTIONS.length);
  // one bucket, all symbols in its chain
  const chain = FUNCTIONS.map((_, n) => (n + 2) % (FUNCTIONS.length + 1));
  const texts = words(hash, [1, 1 + FUNCTIONS.length, 1, 0, ...chain]);

  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  words(16, [ET_DYN | (EM_386 << 16), 1, 0, HEADER_SIZE, 0, 0]);
  words(40, [HEADER_SIZE | (PROGRAM_HEADER_SIZE << 16), 2, 0]);
  words(HEADER_SIZE, [PT_LOAD, 0, 0, 0, PAGE_SIZE, PAGE_SIZE, PF_R | PF_X, PAGE_SIZE]);
  const dynamicSize = symbols - DYNAMIC;
  words(HEADER_SIZE + PROGRAM_HEADER_SIZE, [PT_DYNAMIC, DYNAMIC, DYNAMIC, DYNAMIC, dynamicSize, dynamicSize, PF_R, 4]);
  words(
    DYNAMIC,
    [
      [DT_HASH, hash],
      [DT_STRTAB, texts],
      [DT_SYMTAB, symbols],
      [DT_STRSZ, strings.length],
      [DT_SYMENT, SYMBOL_SIZE],
      [DT_SONAME, nameAt(NAME)],
      [DT_NULL, 0],
    ].flat() as number[],
  );
  for (const [n, { name, at, code }] of FUNCTIONS.entries()) {
    const info = GLOBAL_FUNCTION | (SOME_SECTION << 16);
    words(symbols + SYMBOL_SIZE * (n + 1), [nameAt(name), at, code.length, info]);
    bytes.set(code, at);
  }
  bytes.set(strings, texts);
  return bytes;
}

/** Its name in /proc/PID/maps. */
export const VDSO = '[vdso]';

/** The object as a file that all programs map. */
export class Vdso {
  readonly size = PAGE_SIZE;
  readonly isMade = true;
  readonly cache: PageCache;

  constructor(frames: Frames) {
    this.cache = new PageCache(frames, this, this);
  }

  readPage(_index: number, into: Uint8Array): void {
    into.set(buildObject());
  }

  /** Maps it into a new address space. */
  mapInto(memory: AddressSpace): void {
    const start = memory.findFree(PAGE_SIZE);
    if (start === undefined) return;
    const file = { cache: this.cache, page: 0, label: VDSO, mayWrite: true };
    memory.add({ start, end: start + PAGE_SIZE, protection: PROT_READ | PROT_EXEC, shared: false, file });
    memory.vdso = start;
  }
}
