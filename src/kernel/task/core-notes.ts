// The headers of a core file: an ELF file of type ET_CORE whose notes tell of the signal, the process and its threads, and whose
// segments are its memory (core(5), elf(5); struct elf_prstatus and elf_prpsinfo of <sys/procfs.h>).
import { ELF_MAGIC, ELFCLASS32, ELFCLASS64, EM_386, EM_X86_64, PF_R, PF_W, PF_X, PT_LOAD } from '../../abi/elf.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.ts';
import type { Kernel } from '../kernel.ts';
import { nameOfSource } from '../mm/memory-area.ts';
import { PAGE_SIZE } from '../platform.ts';
import { floatingPointToUser } from '../signal/floating-point.ts';
import { encodeSignalInfo } from '../signal/siginfo.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import { encodeText } from '../syscalls/text.ts';
import { readAsFarAs } from '../mm/user-memory.ts';
import { readRegisters } from '../trace/registers.ts';
import type { CoreSegment } from './core-dump.ts';
import type { Task } from './task.ts';

const ET_CORE = 4;
const PT_NOTE = 4;
const NT_PRSTATUS = 1;
const NT_FPREGSET = 2;
const NT_PRPSINFO = 3;
const NT_AUXV = 6;
const NT_FILE = 0x4649_4c45;
const NT_PRXFPREG = 0x46e6_2b7f;
const NT_SIGINFO = 0x5349_4749;
/** Sizes of the ELF header and of a program header. */
const SIZES = { amd64: { header: 64, program: 56 }, i386: { header: 52, program: 32 } } as const;
const NAME_SIZE = 16;
const ARGUMENTS_SIZE = 80;
/** A task that runs. */
const STATE_RUNNING = 0;

/** Bytes written one field after the other, with words of the program's ABI. */
class Fields {
  readonly #bytes: number[] = [];
  readonly word: 4 | 8;

  constructor(is32: boolean) {
    this.word = is32 ? 4 : 8;
  }

  int(value: number | bigint, size: 1 | 2 | 4 | 8 = 4): this {
    this.align(size);
    for (let n = 0, rest = BigInt.asUintN(64, BigInt(value)); n < size; n++, rest >>= 8n)
      this.#bytes.push(Number(rest & 0xffn));
    return this;
  }

  words(...values: (number | bigint)[]): this {
    for (const value of values) this.int(value, this.word);
    return this;
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  /** Text in a field of fixed length. */
  text(bytes: Uint8Array, size: number): this {
    const field = new Uint8Array(size);
    field.set(bytes.subarray(0, size - 1));
    return this.raw(field);
  }

  align(size: number): this {
    while (this.#bytes.length % size !== 0) this.#bytes.push(0);
    return this;
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

const isNarrow = (task: Task) => task.context.abi === 'i386';

/** Process, parent, process group and session, as the process sees them. */
function numbers(task: Task): number[] {
  const { group } = task;
  const { pid } = task.namespaces;
  const { processGroup } = group;
  return [task.pid.in(pid), group.parent?.pid.in(pid) ?? 0, processGroup.pid.in(pid), processGroup.session.pid.in(pid)];
}

/** struct elf_prstatus: the signal, the numbers, times and registers of a thread. */
function status(kernel: Kernel, task: Task, signal: number): Uint8Array {
  const { group } = task;
  const fields = new Fields(isNarrow(task)).int(signal).int(0).int(0).int(signal, 2);
  fields.words(task.pending.set, task.blocked);
  for (const number of numbers(task)) fields.int(number);
  const own = task === group.leader ? group : task;
  for (const cycles of [own.userCycles, own.systemCycles, group.childUserCycles, group.childSystemCycles]) {
    const time = kernel.nanoseconds(cycles);
    fields.words(time / 1_000_000_000n, (time % 1_000_000_000n) / 1000n);
  }
  return fields.raw(readRegisters(task, task.context.abi)).int(1).align(fields.word).bytes;
}

/** struct elf_prpsinfo: what ps(1) would show. */
function process(task: Task): Uint8Array {
  const { memory, credentials } = task;
  const { uid, gid, user } = credentials;
  const fields = new Fields(isNarrow(task)).int(STATE_RUNNING, 1).int('R'.charCodeAt(0), 1).int(0, 1).int(task.nice, 1);
  fields.words(0);
  const idSize = isNarrow(task) ? 2 : 4;
  fields.int(user.shown('uid', uid), idSize).int(user.shown('gid', gid), idSize);
  for (const number of numbers(task)) fields.int(number);
  const { start, end } = memory!.arguments;
  const line = new Uint8Array(Math.min(ARGUMENTS_SIZE - 1, end - start));
  const known = line.subarray(0, readAsFarAs(memory!, start, line));
  const spaced = known.map((byte) => (byte === 0 ? 0x20 : byte));
  return fields.text(encodeText(task.name), NAME_SIZE).text(spaced, ARGUMENTS_SIZE).bytes;
}

/** Which files are mapped where: a table of ranges, then their names. */
function files(task: Task): Uint8Array {
  const { root } = task.directories;
  const mapped = task.memory!.areas.flatMap(({ start, end, file }) => {
    const name = file === undefined ? '' : nameOfSource(file, root);
    return name.startsWith('/') ? [{ start, end, page: file!.page, name }] : [];
  });
  const fields = new Fields(isNarrow(task)).words(mapped.length, PAGE_SIZE);
  for (const { start, end, page } of mapped) fields.words(start, end, page);
  for (const { name } of mapped) fields.raw(encodeText(`${name}\0`));
  return fields.bytes;
}

/** struct user_fpregs_struct; of i386 the image of FSAVE, made from that of FXSAVE. */
function floatingPoint(task: Task): Uint8Array {
  const image = floatingPointToUser(task.context.floatingPoint);
  if (!isNarrow(task)) return image;
  const from = new DataView(image.buffer, image.byteOffset);
  const fields = new Fields(true);
  // a byte has one bit for each register that is in use: here two, 11 for one that is empty
  let tags = 0;
  for (let n = 0; n < 8; n++) if (!(from.getUint8(4) & (1 << n))) tags |= 3 << (2 * n);
  const [control, statusWord] = [from.getUint16(0, true), from.getUint16(2, true)];
  fields
    .int(control | 0xffff_0000)
    .int(statusWord | 0xffff_0000)
    .int(tags | 0xffff_0000);
  fields.int(from.getUint32(8, true)).int(from.getUint16(12, true)).int(from.getUint32(16, true));
  fields.int(from.getUint16(20, true) | 0xffff_0000);
  for (let n = 0; n < 8; n++) fields.raw(image.subarray(32 + 16 * n, 42 + 16 * n));
  return fields.bytes;
}

function note(name: string, type: number, content: Uint8Array): Uint8Array {
  const owner = encodeText(`${name}\0`);
  const fields = new Fields(true).int(owner.length).int(content.length).int(type);
  return fields.raw(owner).align(4).raw(content).align(4).bytes;
}

/** The notes; the thread that got the signal comes first. */
function notes(kernel: Kernel, task: Task, info: SignalInfo): Uint8Array {
  const registers = (of: Task) => [
    note('CORE', NT_FPREGSET, floatingPoint(of)),
    ...(isNarrow(of) ? [note('LINUX', NT_PRXFPREG, floatingPointToUser(of.context.floatingPoint))] : []),
  ];
  const others = [...task.group.tasks].filter((other) => other !== task);
  const parts = [
    note('CORE', NT_PRSTATUS, status(kernel, task, info.signal)),
    note('CORE', NT_PRPSINFO, process(task)),
    note('CORE', NT_SIGINFO, encodeSignalInfo(info, task)),
    note('CORE', NT_AUXV, task.memory!.auxiliary),
    note('CORE', NT_FILE, files(task)),
    ...registers(task),
    ...others.flatMap((other) => [note('CORE', NT_PRSTATUS, status(kernel, other, info.signal)), ...registers(other)]),
  ];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A program header; the classes have the flags in different places. */
function programHeader(
  is32: boolean,
  type: number,
  flags: number,
  place: { offset: number; address: number; fileSize: number; memorySize: number; alignment: number },
): Uint8Array {
  const { offset, address, fileSize, memorySize, alignment } = place;
  const fields = new Fields(is32).int(type);
  if (!is32) fields.int(flags);
  fields.words(offset, address, 0, fileSize, memorySize);
  if (is32) fields.int(flags);
  return fields.words(alignment).bytes;
}

const flagsOf = (protection: number): number =>
  (protection & PROT_READ ? PF_R : 0) | (protection & PROT_WRITE ? PF_W : 0) | (protection & PROT_EXEC ? PF_X : 0);

/** Everything before the first segment, which begins at a page of its own. */
export function coreHeaders(
  kernel: Kernel,
  task: Task,
  info: SignalInfo,
  segments: readonly CoreSegment[],
): Uint8Array {
  const is32 = isNarrow(task);
  const size = SIZES[task.context.abi];
  const header = new Fields(is32)
    .int(ELF_MAGIC)
    .int(is32 ? ELFCLASS32 : ELFCLASS64, 1)
    .int(1, 1)
    .int(1, 1)
    .align(16);
  header
    .int(ET_CORE, 2)
    .int(is32 ? EM_386 : EM_X86_64, 2)
    .int(1)
    .words(0, size.header, 0)
    .int(0);
  header
    .int(size.header, 2)
    .int(size.program, 2)
    .int(segments.length + 1, 2)
    .int(0, 2)
    .int(0, 2)
    .int(0, 2);
  const content = notes(kernel, task, info);
  const notesAt = size.header + size.program * (segments.length + 1);
  const notesPlace = { offset: notesAt, address: 0, fileSize: content.length, memorySize: 0, alignment: 4 };
  const headers = [header.bytes, programHeader(is32, PT_NOTE, 0, notesPlace)];
  const start = Math.ceil((notesAt + content.length) / PAGE_SIZE) * PAGE_SIZE;
  let offset = start;
  for (const { area, size: fileSize } of segments) {
    const place = {
      offset,
      address: area.start,
      fileSize,
      memorySize: area.end - area.start,
      alignment: PAGE_SIZE,
    };
    headers.push(programHeader(is32, PT_LOAD, flagsOf(area.protection), place));
    offset += fileSize;
  }
  const bytes = new Uint8Array(start);
  let at = 0;
  for (const part of [...headers, content]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
