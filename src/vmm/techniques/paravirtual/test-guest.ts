// Tiny paravirtual kernels for the tests of this directory: assembly text becomes an ELF file with Xen's notes, and what
// the kernel left in its memory can be read by virtual address.

import { assembleProgram } from '../../../isa/assemble.ts';
import { findProfile } from '../../cost/index.ts';
import { machineFrame } from './domain-builder.ts';
import { Xen } from './xen.ts';

export const VIRTUAL_BASE = 0xc000_0000;
const MEMORY = 0x80_0000;
const HEADER = 52 + 2 * 32;

/** Symbols every kernel may use. */
const SYMBOLS = {
  KERNEL_CS: 0xe019,
  KERNEL_DS: 0xe021,
  USER_CS: 0xe02b,
  USER_DS: 0xe033,
  SELF: 0x7ff0,
  M2P: 0xfc00_0000,
};

const START = `
hypercall_page: times 4096 db 0
start:
  mov esp, stack_end
  mov [info], esi
  call main
power_off:
  mov dword [scratch], 0
  mov eax, 29
  mov ebx, 2
  mov ecx, scratch
  int 0x82
  jmp power_off
`;

const END = `
  align 4096
info: dd 0
scratch: times 64 dd 0
results: times 256 dd 0
stack: times 4096 db 0
stack_end:
user_stack: times 512 db 0
user_stack_end:
  align 4096
page_a: times 4096 db 0
page_b: times 4096 db 0
page_c: times 4096 db 0
shared_page: times 4096 db 0
`;

function note(type: number, value: Uint8Array): number[] {
  const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
  const padded = [...value, ...new Array<number>((4 - (value.length % 4)) % 4).fill(0)];
  return [...word(4), ...word(value.length), ...word(type), 0x58, 0x65, 0x6e, 0, ...padded];
}

/** A number as a note's value. */
export function noteNumber(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** An ELF file with one loadable segment at VIRTUAL_BASE and notes. */
export function elfImage(
  code: Uint8Array,
  entry: number,
  notes: readonly (readonly [number, Uint8Array])[],
): Uint8Array {
  const noteBytes = notes.flatMap(([type, value]) => note(type, value));
  const file = new Uint8Array(HEADER + noteBytes.length + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, entry, true);
  view.setUint32(28, 52, true);
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 2, true);
  const header = (at: number, type: number, offset: number, address: number, size: number): void => {
    for (const [i, value] of [type, offset, address, address, size, size, 7, 4].entries()) {
      view.setUint32(at + i * 4, value, true);
    }
  };
  header(52, 1, HEADER + noteBytes.length, VIRTUAL_BASE, code.length);
  header(84, 4, HEADER, 0, noteBytes.length);
  file.set(noteBytes, HEADER);
  file.set(code, HEADER + noteBytes.length);
  return file;
}

/** A kernel that was run. */
export class TestGuest {
  readonly xen: Xen;
  readonly warnings: string[] = [];
  output = '';
  readonly #symbols: ReadonlyMap<string, number>;
  readonly #image: Uint8Array;

  constructor(module: WebAssembly.Module, text: string) {
    const { bytes, symbols } = assembleProgram(`${START}\n${text}\n${END}`, { origin: VIRTUAL_BASE, symbols: SYMBOLS });
    this.#symbols = symbols;
    this.#image = elfImage(bytes, this.at('start'), [
      [3, noteNumber(VIRTUAL_BASE)],
      [1, noteNumber(this.at('start'))],
      [2, noteNumber(this.at('hypercall_page'))],
    ]);
    this.xen = new Xen({
      module,
      memory: MEMORY,
      profile: findProfile('p4-672'),
      serialOut: (byte) => {
        this.output += String.fromCharCode(byte);
      },
      warn: (message) => this.warnings.push(message),
    });
  }

  /** Starts and runs it to its end. */
  run(instructions = 2_000_000, commandLine = ''): ReturnType<Xen['run']> {
    this.xen.start(this.#image, { commandLine });
    return this.xen.run({ instructions });
  }

  at(label: string): number {
    return this.#symbols.get(label)!;
  }

  /** Machine address of a virtual one in the first mapping. */
  machineAddress(virtual: number): number {
    return machineFrame((virtual - VIRTUAL_BASE) >>> 12, MEMORY >>> 12) * 0x1000 + (virtual & 0xfff);
  }

  word(virtual: number): number {
    const { ram } = this.xen.machine.cpu;
    return new DataView(ram.buffer, ram.byteOffset).getUint32(this.machineAddress(virtual), true);
  }

  /** Word n of `results`. */
  result(n: number): number {
    return this.word(this.at('results') + n * 4) | 0;
  }
}
