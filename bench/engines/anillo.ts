// This project's machine as a measured engine: the whole PC, so that ports and events cost what they cost a guest.
import { enterProtectedMode } from '../../src/pc/boot-state.ts';
import { Machine } from '../../src/pc/machine.ts';
import { PROGRAM, RAM_SIZE } from '../guest/layout.ts';
import type { Piece } from '../guest/memory-image.ts';
import { ChecksumReader, type Engine } from './engine.ts';

/** A machine with the given core. */
export function anillo(name: string, core: WebAssembly.Module, image: readonly Piece[]): Engine {
  const reader = new ChecksumReader();
  let enough: (checksum: number) => boolean = () => true;
  const machine = new Machine(core, {
    memory: RAM_SIZE,
    serialOut: (byte) => {
      const checksum = reader.take(byte);
      if (checksum !== undefined && enough(checksum)) machine.requestStop();
    },
  });
  for (const { address, bytes } of image) machine.cpu.ram.set(bytes, address);
  enterProtectedMode(machine.cpu, PROGRAM);
  return {
    name,
    async run(isEnough) {
      enough = isEnough;
      const stop = machine.runUntil();
      if (stop.reason !== 'request') throw new Error(`${name} stopped: ${stop.reason}`);
    },
    async close() {},
  };
}
