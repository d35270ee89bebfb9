// v86 (npm package v86) as a measured engine, with or without its JIT. It starts from a BIOS image that enters the program in
// flat protected mode, so it needs no BIOS of its own.
import { resolve } from 'node:path';
import { V86 } from 'v86';
import { assemble } from '../../src/isa/assemble.ts';
import { MEBIBYTE, PROGRAM, RAM_SIZE } from '../guest/layout.ts';
import type { Piece } from '../guest/memory-image.ts';
import { ChecksumReader, type Engine } from './engine.ts';

const BUILD = resolve(import.meta.dirname, '../../node_modules/v86/build');
/** JIT_DISABLED of v86's get_jit_config. */
const JIT_DISABLED = 0;
const BIOS_SIZE = 0x1_0000;
const BIOS_BASE = 0xf_0000;
const BOOT = 0xff00;
const GDT = 0xffc0;
const RESET = 0xfff0;

/** What v86 does not declare in its types. */
interface Inside {
  readonly v86: { readonly cpu: { readonly wm: { readonly exports: { get_jit_config(index: number): number } } } };
}

/** From the reset vector to 32-bit code with flat segments at PROGRAM. */
function biosImage(): Uint8Array {
  const image = new Uint8Array(BIOS_SIZE);
  const enter = BOOT + 0x40;
  image.set(
    assemble(
      `
      cli
      mov ax, 0xf000
      mov ds, ax
      o32 lgdt [${GDT}]
      mov eax, cr0
      or al, 1
      mov cr0, eax
      o32 jmp 8:${BIOS_BASE + enter}
      `,
      { mode: 16, origin: BOOT },
    ),
    BOOT,
  );
  image.set(
    assemble(
      `
      mov ax, 16
      mov ds, ax
      mov es, ax
      mov ss, ax
      mov eax, ${PROGRAM}
      jmp eax
      `,
      { mode: 32, origin: BIOS_BASE + enter },
    ),
    enter,
  );
  const view = new DataView(image.buffer);
  view.setUint16(GDT, 23, true);
  view.setUint32(GDT + 2, BIOS_BASE + GDT + 8, true);
  view.setBigUint64(GDT + 16, 0x00cf_9b00_0000_ffffn, true);
  view.setBigUint64(GDT + 24, 0x00cf_9300_0000_ffffn, true);
  image.set([0xea, BOOT & 0xff, BOOT >> 8, 0x00, 0xf0], RESET);
  return image;
}

/** An instance of v86. */
export async function v86(name: string, isJitOff: boolean, image: readonly Piece[]): Promise<Engine> {
  const emulator = new V86({
    wasm_path: `${BUILD}/v86.wasm`,
    memory_size: RAM_SIZE,
    vga_memory_size: MEBIBYTE,
    bios: { buffer: biosImage().buffer as ArrayBuffer },
    autostart: false,
    disable_jit: isJitOff,
    log_level: 0,
  } as ConstructorParameters<typeof V86>[0]);
  await new Promise<void>((ready) => emulator.add_listener('emulator-ready', () => ready()));
  // the option is not documented: ask the emulator itself
  const { cpu } = (emulator as unknown as Inside).v86;
  if (cpu.wm.exports.get_jit_config(JIT_DISABLED) !== Number(isJitOff)) {
    throw new Error(`v86's JIT could not be turned ${isJitOff ? 'off' : 'on'}.`);
  }
  for (const { address, bytes } of image) emulator.write_memory(bytes, address);
  const reader = new ChecksumReader();
  let report: (checksum: number) => void = () => {};
  emulator.add_listener('serial0-output-byte', (byte: number) => {
    const checksum = reader.take(byte);
    if (checksum !== undefined) report(checksum);
  });
  return {
    name,
    async run(isEnough) {
      const done = new Promise<void>((finish) => {
        report = (checksum) => {
          if (isEnough(checksum)) finish();
        };
      });
      await emulator.run();
      await done;
      report = () => {};
      await emulator.stop();
    },
    async close() {
      await emulator.destroy();
    },
  };
}
