// ELF files and the auxiliary vector. Truth: elf(5), getauxval(3).

export const ELF_MAGIC = 0x464c457f;
export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const EM_386 = 3;
export const EM_X86_64 = 62;
export const ET_EXEC = 2;
export const ET_DYN = 3;
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_PHDR = 6;
export const PT_GNU_STACK = 0x6474e551;
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

export const AT_NULL = 0;
export const AT_PHDR = 3;
export const AT_PHENT = 4;
export const AT_PHNUM = 5;
export const AT_PAGESZ = 6;
export const AT_BASE = 7;
export const AT_FLAGS = 8;
export const AT_ENTRY = 9;
export const AT_UID = 11;
export const AT_EUID = 12;
export const AT_GID = 13;
export const AT_EGID = 14;
export const AT_PLATFORM = 15;
export const AT_HWCAP = 16;
export const AT_CLKTCK = 17;
export const AT_SECURE = 23;
export const AT_RANDOM = 25;
export const AT_HWCAP2 = 26;
export const AT_EXECFN = 31;
export const AT_SYSINFO = 32;
export const AT_SYSINFO_EHDR = 33;
export const AT_MINSIGSTKSZ = 51;

/** A program header, whatever the class. */
export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

/** What execve needs of an ELF file. */
export interface ElfHeader {
  readonly is64: boolean;
  readonly type: number;
  readonly machine: number;
  readonly entry: number;
  readonly programHeaderOffset: number;
  readonly programHeaderSize: number;
  readonly programHeaderCount: number;
}

/** Reads the ELF header; undefined when the bytes are not one. */
export function parseElfHeader(bytes: Uint8Array): ElfHeader | undefined {
  if (bytes.length < 52) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== ELF_MAGIC || bytes[5] !== 1) return undefined;
  const is64 = bytes[4] === ELFCLASS64;
  if (!is64 && bytes[4] !== ELFCLASS32) return undefined;
  if (is64 && bytes.length < 64) return undefined;
  const word = (at: number) => (is64 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  return {
    is64,
    type: view.getUint16(16, true),
    machine: view.getUint16(18, true),
    entry: word(24),
    programHeaderOffset: word(is64 ? 32 : 28),
    programHeaderSize: view.getUint16(is64 ? 54 : 42, true),
    programHeaderCount: view.getUint16(is64 ? 56 : 44, true),
  };
}

/** Reads one program header. */
export function parseProgramHeader(view: DataView, at: number, is64: boolean): ProgramHeader {
  const big = (offset: number) => Number(view.getBigUint64(at + offset, true));
  const word = (offset: number) => view.getUint32(at + offset, true);
  if (is64) {
    return {
      type: word(0),
      flags: word(4),
      offset: big(8),
      address: big(16),
      fileSize: big(32),
      memorySize: big(40),
      alignment: big(48),
    };
  }
  return {
    type: word(0),
    offset: word(4),
    address: word(8),
    fileSize: word(16),
    memorySize: word(20),
    flags: word(24),
    alignment: word(28),
  };
}
