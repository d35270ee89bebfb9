// The multiboot information structure and what it points to: command line, module list, memory map, loader name.
// Truth: Multiboot Specification version 0.6.96, "Boot information format".

import { BootError } from './boot-error.ts';

/** All boot information lies here, in the last usable part of low memory. */
export const BOOT_INFO_BASE = 0x90000;
export const BOOT_INFO_END = 0x9fc00;
/** Low memory ends here; firmware data, display and firmware follow up to 1 MiB. */
const LOW_MEMORY_END = 0x9fc00;
const HIGH_MEMORY = 0x100000;
const LOADER_NAME = 'anillo';

const INFO_SIZE = 120;
const INFO_MEMORY = 1 << 0;
const INFO_COMMAND_LINE = 1 << 2;
const INFO_MODULES = 1 << 3;
const INFO_MEMORY_MAP = 1 << 6;
const INFO_LOADER_NAME = 1 << 9;
const MAP_AVAILABLE = 1;
const MAP_RESERVED = 2;

/** A module as the kernel sees it. */
export interface PlacedModule {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What goes into the structure besides the memory map. */
export interface BootInfo {
  readonly commandLine: string;
  readonly modules: readonly PlacedModule[];
}

/** One range of the memory map. */
export interface MemoryRange {
  readonly base: number;
  readonly length: number;
  readonly type: number;
}

/** What a PC with `size` bytes of RAM reports. */
export function memoryMap(size: number): readonly MemoryRange[] {
  return [
    { base: 0, length: LOW_MEMORY_END, type: MAP_AVAILABLE },
    { base: LOW_MEMORY_END, length: HIGH_MEMORY - LOW_MEMORY_END, type: MAP_RESERVED },
    { base: HIGH_MEMORY, length: size - HIGH_MEMORY, type: MAP_AVAILABLE },
  ];
}

/** Writes the structure and gives its physical address. */
export function writeBootInfo(memory: Uint8Array, info: BootInfo): number {
  const area = new Area(memory);
  const at = area.allocate(INFO_SIZE);
  const flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME;
  const modules = area.allocate(16 * info.modules.length);
  info.modules.forEach((module, index) => {
    const entry = modules + 16 * index;
    area.write(entry, [module.start, module.end, area.text(module.text), 0]);
  });
  const map = memoryMap(memory.length);
  const mapAddress = area.allocate(24 * map.length);
  map.forEach(({ base, length, type }, index) => {
    area.write(mapAddress + 24 * index, [20, base, 0, length, 0, type]); // each entry: its size, then 20 bytes
  });
  area.write(at, [flags, LOW_MEMORY_END >> 10, (memory.length - HIGH_MEMORY) >>> 10, 0, area.text(info.commandLine)]);
  area.write(at + 20, [info.modules.length, modules]);
  area.write(at + 44, [24 * map.length, mapAddress]);
  area.write(at + 64, [area.text(LOADER_NAME)]);
  return at;
}

/** Hands out the boot information area from its start. */
class Area {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  #next = BOOT_INFO_BASE;

  constructor(memory: Uint8Array) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    memory.fill(0, BOOT_INFO_BASE, BOOT_INFO_END);
  }

  allocate(size: number): number {
    const at = this.#next;
    this.#next = (at + size + 7) & ~7;
    if (this.#next > BOOT_INFO_END) {
      const message = `The command lines are too long: with everything else the kernel is told they should fit into ${BOOT_INFO_END - BOOT_INFO_BASE} bytes.`;
      throw new BootError('command-line-too-long', message);
    }
    return at;
  }

  write(at: number, words: readonly number[]): void {
    words.forEach((word, index) => {
      this.#view.setUint32(at + 4 * index, word, true);
    });
  }

  /** A zero-terminated string. */
  text(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.allocate(bytes.length + 1);
    this.#memory.set(bytes, at);
    return at;
  }
}
