// Code that translated code shares, at the start of the cache: the way out for a failed lookup of an indirect branch, and
// the port reads that need no VMM.

import { VECTOR_CALLOUT } from '../../host-memory.ts';
import * as area from './area.ts';
import { CodeBuffer, EAX, ECX, EDX } from './code-buffer.ts';

/** ECX holds the guest's target, EAX and ECX are saved: store the target, restore, call out. */
export function missHelper(origin: number): { bytes: number[]; callout: number } {
  const out = new CodeBuffer(origin);
  out.storeArea(area.TARGET, ECX);
  out.loadArea(EAX, area.SAVE_EAX);
  out.loadArea(ECX, area.SAVE_ECX);
  out.interrupt(VECTOR_CALLOUT);
  return { bytes: out.bytes, callout: out.here };
}

/** Port classes of the table at PORT_CLASSES. */
export const PORT_COMPLEX = 0;
export const PORT_LATCH = 1;

/**
 * Port read. EAX holds the port (0 to 255) and is saved, RETURN_TO says where to go on: there when the VMM has to do it,
 * 2 bytes behind when AL holds the answer. The work of a device model in miniature: the flags and registers of the guest
 * are saved, the port is looked up, its handler is called through a table, the access is counted, everything restored.
 */
export function portHelper(origin: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  out.storeArea(area.SAVE_EDX, EDX);
  out.storeArea(area.SAVE_ECX, ECX);
  out.move(EDX, EAX);
  out.emit(0x9f); // LAHF
  out.emit(0x0f, 0x90, 0xc0); // SETO AL
  out.storeArea(area.SAVE_FLAGS, EAX);
  // ECX = class of the port
  out.emit(0x65, 0x0f, 0xb6, 0x8a);
  out.dword(area.PORT_CLASSES); // MOVZX ECX, byte gs:[EDX + PORT_CLASSES]
  out.emit(0x65, 0xff, 0x24, 0x8d);
  out.dword(area.PORT_HANDLERS); // JMP gs:[ECX * 4 + PORT_HANDLERS]
  return { bytes: out.bytes };
}

/** Handler of ports that only the VMM can read. */
export function complexPortHandler(origin: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  restoreFlags(out);
  out.loadArea(EDX, area.SAVE_EDX);
  out.loadArea(ECX, area.SAVE_ECX);
  out.loadArea(EAX, area.SAVE_EAX);
  out.emit(0x65, 0xff, 0x25);
  out.dword(area.RETURN_TO); // JMP gs:[RETURN_TO]
  return { bytes: out.bytes };
}

/** Handler of a port that is a plain latch: what was written last. */
export function latchPortHandler(origin: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  out.emit(0x65, 0x83, 0x05);
  out.dword(area.LATCH_READS);
  out.emit(1); // ADD dword gs:[LATCH_READS], 1
  out.loadArea(EDX, area.RETURN_TO);
  out.add(EDX, 2);
  out.storeArea(area.RETURN_TO, EDX);
  restoreFlags(out);
  out.loadArea(EAX, area.SAVE_EAX);
  out.emit(0x65, 0x8a, 0x05);
  out.dword(area.LATCH); // MOV AL, gs:[LATCH]
  out.loadArea(EDX, area.SAVE_EDX);
  out.loadArea(ECX, area.SAVE_ECX);
  out.emit(0x65, 0xff, 0x25);
  out.dword(area.RETURN_TO);
  return { bytes: out.bytes };
}

function restoreFlags(out: CodeBuffer): void {
  out.loadArea(EAX, area.SAVE_FLAGS);
  out.emit(0x04, 0x7f); // ADD AL, 7Fh: overflows exactly when AL is 1
  out.emit(0x9e); // SAHF
}
