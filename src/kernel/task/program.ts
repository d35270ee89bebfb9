// Loading a program into a new address space: ELF segments, interpreter, stack with arguments, environment and auxiliary
// vector (execve(2), elf(5), getauxval(3)); scripts lead to their interpreter.
import {
  AT_BASE,
  AT_CLKTCK,
  AT_EGID,
  AT_ENTRY,
  AT_EUID,
  AT_EXECFN,
  AT_FLAGS,
  AT_GID,
  AT_HWCAP,
  AT_NULL,
  AT_PAGESZ,
  AT_PHDR,
  AT_PHENT,
  AT_PHNUM,
  AT_PLATFORM,
  AT_RANDOM,
  AT_SECURE,
  AT_SYSINFO,
  AT_SYSINFO_EHDR,
  AT_UID,
  EM_386,
  EM_X86_64,
  ET_DYN,
  ET_EXEC,
  type ElfHeader,
  PF_R,
  PF_W,
  PF_X,
  type ProgramHeader,
  PT_GNU_STACK,
  PT_INTERP,
  PT_LOAD,
  parseElfHeader,
  parseProgramHeader,
} from '../../abi/elf.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.ts';
import { PATH_MAX } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { AddressSpace, pageCeiling, pageFloor } from '../mm/address-space.ts';
import type { Frames } from '../mm/frames.ts';
import type { PageCache } from '../mm/page-cache.ts';
import { writeUser } from '../mm/user-memory.ts';
import { VDSO_VSYSCALL, type Vdso } from '../mm/vdso.ts';
import { type Abi, PAGE_SIZE, type Platform, USER_END } from '../platform.ts';
import { decodeText, encodeText } from '../syscalls/text.ts';
import type { Path } from '../vfs/path.ts';
import type { Credentials } from '../vfs/permission.ts';

/** Where position-independent programs and interpreters go: below a third of the way up, as Linux has it. */
const PROGRAM_BASE: Readonly<Record<Abi, number>> = { amd64: 0x5555_5555_4000, i386: 0x5655_5000 };
const STACK_START_SIZE = 0x2_1000;
/** Room between stack and mappings, so that the stack can grow. */
const STACK_ROOM = 0x80_0000 + 0x10_0000;
const MOST_HEADERS = 128;
/** Bytes of arguments and environment (ARG_MAX is a quarter of the stack limit). */
const MOST_ARGUMENT_BYTES = 0x20_0000;
const CLOCK_TICKS = 100;
/** CPUID leaf 1 EDX as programs find it in AT_HWCAP. */
const HARDWARE_CAPABILITIES = 0x078b_fbff;

/** A regular file that can be executed. */
export interface ProgramFile {
  readonly cache: PageCache;
  readonly size: number;
  readonly path: string;
  readonly at: Path;
  /** What the caller named: AT_EXECFN. */
  readonly name: string;
  read(offset: number, into: Uint8Array): number;
}

/** What execve was asked to start. */
export interface ProgramRequest {
  readonly file: ProgramFile;
  readonly arguments: readonly Uint8Array[];
  readonly environment: readonly Uint8Array[];
  readonly credentials: Credentials;
  /** The file runs with more privilege than its caller (set-user-ID). */
  readonly secure: boolean;
  /** Sixteen bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  /** What i386 programs get of the kernel's own. */
  readonly vdso: Vdso;
  /** Opens the interpreter of a dynamic program. */
  readonly openInterpreter: (path: string) => ProgramFile;
}

/** A program ready to run. */
export interface LoadedProgram {
  readonly memory: AddressSpace;
  readonly abi: Abi;
  readonly entry: number;
  readonly stackPointer: number;
}

/** `#!` line of a script: interpreter and its optional argument; undefined when the file is none. */
export function scriptInterpreter(file: ProgramFile): { path: string; argument: string | undefined } | undefined {
  const head = new Uint8Array(Math.min(file.size, 256));
  file.read(0, head);
  if (head[0] !== 0x23 || head[1] !== 0x21) return undefined;
  const end = head.indexOf(0x0a);
  const line = decodeText(head.subarray(2, end < 0 ? head.length : end)).trim();
  if (line === '') return fail('ENOEXEC');
  const [, path, argument] = /^(\S+)(?:\s+(.*))?$/.exec(line)!;
  return { path: path!, argument: argument || undefined };
}

interface Image {
  readonly header: ElfHeader;
  readonly segments: readonly ProgramHeader[];
  readonly file: ProgramFile;
}

function readImage(file: ProgramFile): Image {
  const head = new Uint8Array(Math.min(file.size, 64));
  file.read(0, head);
  const header = parseElfHeader(head);
  if (header === undefined || (header.type !== ET_EXEC && header.type !== ET_DYN)) return fail('ENOEXEC');
  if (header.machine !== (header.is64 ? EM_X86_64 : EM_386)) return fail('ENOEXEC');
  const size = header.is64 ? 56 : 32;
  const count = header.programHeaderCount;
  if (header.programHeaderSize !== size || count === 0 || count > MOST_HEADERS) return fail('ENOEXEC');
  const bytes = new Uint8Array(count * size);
  if (file.read(header.programHeaderOffset, bytes) < bytes.length) return fail('ENOEXEC');
  const view = new DataView(bytes.buffer);
  const segments = Array.from({ length: count }, (_, n) => parseProgramHeader(view, n * size, header.is64));
  return { header, segments, file };
}

/** Loads a program that is no script. @throws SystemError as execve(2) says */
export function loadProgram(platform: Platform, frames: Frames, request: ProgramRequest): LoadedProgram {
  const image = readImage(request.file);
  const abi: Abi = image.header.is64 ? 'amd64' : 'i386';
  const memory = new AddressSpace(platform, frames, abi);
  try {
    return build(memory, image, request);
  } catch (failure) {
    memory.destroy();
    throw failure;
  }
}

function build(memory: AddressSpace, image: Image, request: ProgramRequest): LoadedProgram {
  const { abi } = memory;
  const stack = image.segments.find(({ type }) => type === PT_GNU_STACK);
  const stackEnd = USER_END[abi];
  memory.mapTop = stackEnd - STACK_ROOM;
  const bias = image.header.type === ET_DYN ? PROGRAM_BASE[abi] : 0;
  const end = mapSegments(memory, image, bias);
  memory.breakStart = pageCeiling(end);
  memory.breakEnd = memory.breakStart;
  const interpreter = loadInterpreter(memory, image, request);
  if (abi === 'i386') request.vdso.mapInto(memory);
  memory.add({
    start: stackEnd - STACK_START_SIZE,
    end: stackEnd,
    protection: PROT_READ | PROT_WRITE | (stack !== undefined && !(stack.flags & PF_X) ? 0 : PROT_EXEC),
    shared: false,
    growsDown: true,
    name: '[stack]',
  });
  const entry = image.header.entry + bias;
  const stackPointer = new StackBuilder(memory, stackEnd, request).build([
    ...kernelCode(memory),
    [AT_HWCAP, HARDWARE_CAPABILITIES],
    [AT_PAGESZ, PAGE_SIZE],
    [AT_CLKTCK, CLOCK_TICKS],
    [AT_PHDR, headersAddress(image, bias)],
    [AT_PHENT, image.header.programHeaderSize],
    [AT_PHNUM, image.header.programHeaderCount],
    [AT_BASE, interpreter?.base ?? 0],
    [AT_FLAGS, 0],
    [AT_ENTRY, entry],
  ]);
  return { memory, abi, entry: interpreter?.entry ?? entry, stackPointer };
}

/** How a program finds what the kernel mapped for it. */
function kernelCode({ vdso }: AddressSpace): [type: number, value: number][] {
  if (vdso === 0) return [];
  return [
    [AT_SYSINFO, vdso + VDSO_VSYSCALL],
    [AT_SYSINFO_EHDR, vdso],
  ];
}

function headersAddress({ header, segments }: Image, bias: number): number {
  const { programHeaderOffset: at } = header;
  const holder = segments.find(
    ({ type, offset, fileSize }) => type === PT_LOAD && offset <= at && at < offset + fileSize,
  );
  return holder === undefined ? 0 : holder.address + at - holder.offset + bias;
}

function loadInterpreter(
  memory: AddressSpace,
  image: Image,
  request: ProgramRequest,
): { base: number; entry: number } | undefined {
  const header = image.segments.find(({ type }) => type === PT_INTERP);
  if (header === undefined) return undefined;
  if (header.fileSize < 2 || header.fileSize > PATH_MAX) return fail('ENOEXEC');
  const bytes = new Uint8Array(header.fileSize);
  request.file.read(header.offset, bytes);
  const interpreter = readImage(request.openInterpreter(decodeText(bytes.subarray(0, bytes.indexOf(0)))));
  if (interpreter.header.is64 !== image.header.is64) return fail('ELIBBAD');
  if (interpreter.header.type === ET_EXEC) {
    mapSegments(memory, interpreter, 0);
    return { base: 0, entry: interpreter.header.entry };
  }
  const loads = interpreter.segments.filter(({ type }) => type === PT_LOAD);
  const span = Math.max(...loads.map(({ address, memorySize }) => pageCeiling(address + memorySize)));
  const base = memory.findFree(span) ?? fail('ENOMEM');
  mapSegments(memory, interpreter, base);
  return { base, entry: interpreter.header.entry + base };
}

/** Maps PT_LOAD segments; returns the highest address in use. */
function mapSegments(memory: AddressSpace, { segments, file }: Image, bias: number): number {
  let end = 0;
  for (const segment of segments) {
    if (segment.type !== PT_LOAD || segment.memorySize === 0) continue;
    if (segment.fileSize > segment.memorySize || segment.offset % PAGE_SIZE !== segment.address % PAGE_SIZE)
      fail('ENOEXEC');
    end = Math.max(end, mapSegment(memory, file, segment, segment.address + bias));
  }
  return end === 0 ? fail('ENOEXEC') : end;
}

function mapSegment(memory: AddressSpace, file: ProgramFile, segment: ProgramHeader, address: number): number {
  const start = pageFloor(address);
  const fileEnd = address + segment.fileSize;
  const end = address + segment.memorySize;
  if (start < PAGE_SIZE || end > memory.end) fail('ENOMEM');
  const { flags } = segment;
  const protection = (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
  const pagesEnd = segment.fileSize > 0 ? pageCeiling(fileEnd) : start;
  if (memory.areasIn(start, pageCeiling(end)).length > 0) memory.unmap(start, pageCeiling(end));
  if (pagesEnd > start) {
    const page = pageFloor(segment.offset) / PAGE_SIZE;
    const source = { cache: file.cache, page, at: file.at, label: file.path, mayWrite: true };
    memory.add({ start, end: pagesEnd, protection, shared: false, file: source });
  }
  const total = pageCeiling(end);
  if (total > pagesEnd) memory.add({ start: pagesEnd, end: total, protection, shared: false });
  // the rest of the last page of the file is zero, also behind the end of the segment: the dynamic loader's first
  // allocations lie there
  if (protection & PROT_WRITE && pagesEnd > fileEnd && end > fileEnd)
    writeUser(memory, fileEnd, new Uint8Array(pagesEnd - fileEnd));
  return end;
}

/** Lays out the initial stack from its end downwards. */
class StackBuilder {
  readonly #memory: AddressSpace;
  readonly #request: ProgramRequest;
  readonly #word: 4 | 8;
  #at: number;

  constructor(memory: AddressSpace, end: number, request: ProgramRequest) {
    this.#memory = memory;
    this.#request = request;
    this.#word = memory.abi === 'i386' ? 4 : 8;
    this.#at = end - this.#word;
  }

  /** Returns the stack pointer, which points at argc. */
  build(auxiliary: [type: number, value: number][]): number {
    const { arguments: args, environment, credentials, file } = this.#request;
    const bytes = [...args, ...environment].reduce((sum, text) => sum + text.length + 1 + this.#word, 0);
    if (bytes > MOST_ARGUMENT_BYTES) fail('E2BIG');
    const name = this.#string(encodeText(file.name));
    const environmentEnd = this.#at;
    const environmentPointers = this.#strings(environment);
    const argumentsEnd = this.#at;
    const argumentPointers = this.#strings(args);
    this.#memory.arguments = { start: this.#at, end: argumentsEnd, environmentStart: argumentsEnd, environmentEnd };
    const platform = this.#string(encodeText(this.#memory.abi === 'i386' ? 'i686' : 'x86_64'));
    this.#at = Math.floor(this.#at / 16) * 16;
    const random = this.#push(this.#request.random);
    const vector: [number, number][] = [
      ...auxiliary,
      [AT_UID, credentials.user.shown('uid', credentials.uid)],
      [AT_EUID, credentials.user.shown('uid', credentials.euid)],
      [AT_GID, credentials.user.shown('gid', credentials.gid)],
      [AT_EGID, credentials.user.shown('gid', credentials.egid)],
      [AT_SECURE, this.#request.secure ? 1 : 0],
      [AT_RANDOM, random],
      [AT_EXECFN, name],
      [AT_PLATFORM, platform],
      [AT_NULL, 0],
    ];
    const words = [args.length, ...argumentPointers, 0, ...environmentPointers, 0, ...vector.flat()];
    const size = words.length * this.#word;
    this.#at = Math.floor((this.#at - size) / 16) * 16;
    writeUser(this.#memory, this.#at, this.#words(words));
    this.#memory.auxiliary = this.#words(vector.flat());
    return this.#at;
  }

  /** Strings in ascending order, each with its terminating zero; their addresses. */
  #strings(texts: readonly Uint8Array[]): number[] {
    const addresses = texts.map(() => 0);
    for (let n = texts.length - 1; n >= 0; n--) addresses[n] = this.#string(texts[n]!);
    return addresses;
  }

  #string(text: Uint8Array): number {
    const bytes = new Uint8Array(text.length + 1);
    bytes.set(text);
    return this.#push(bytes);
  }

  #push(bytes: Uint8Array): number {
    this.#at -= bytes.length;
    writeUser(this.#memory, this.#at, bytes);
    return this.#at;
  }

  #words(values: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(values.length * this.#word);
    const view = new DataView(bytes.buffer);
    values.forEach((value, n) => {
      if (this.#word === 4) view.setUint32(4 * n, value, true);
      else view.setBigUint64(8 * n, BigInt(value), true);
    });
    return bytes;
  }
}
