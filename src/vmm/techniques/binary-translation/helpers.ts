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

/** Numbers of the devices in the table at PORT_DEVICES. */
export const DEVICE_NONE = 0;
export const DEVICE_POST = 1;
/** Numbers of the registers in the table at REGISTER_HANDLERS: the POST port has one. */
export const REGISTER_POST = 0;

/**
 * Port read. EAX holds the port and is saved, PORT_WIDTH the bytes wanted, RETURN_TO says where to go on: there when the VMM has to do it,
 * 2 bytes behind when AL holds the answer. A device model in miniature: the guest's flags and registers are saved, the
 * port gives the device, the device the register, whose code answers; then everything is restored.
 */
export function portHelper(origin: number, none: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  out.storeArea(area.SAVE_EDX, EDX);
  out.storeArea(area.SAVE_ECX, ECX);
  out.move(EDX, EAX);
  out.emit(0x9f); // LAHF
  out.emit(0x0f, 0x90, 0xc0); // SETO AL
  out.storeArea(area.SAVE_FLAGS, EAX);
  out.emit(0x81, 0xfa);
  out.dword(0x100); // CMP EDX, 100h
  out.unless(2, () => out.jump(none)); // JB
  out.emit(0x65, 0x83, 0x3d);
  out.dword(area.PORTS_OPEN);
  out.emit(0); // CMP dword gs:[PORTS_OPEN], 0
  out.unless(5, () => out.jump(none)); // JNE
  out.emit(0x65, 0x0f, 0xb6, 0x8a);
  out.dword(area.PORT_DEVICES); // MOVZX ECX, byte gs:[EDX + PORT_DEVICES]
  out.emit(0x65, 0xff, 0x24, 0x8d);
  out.dword(area.DEVICE_HANDLERS); // JMP gs:[ECX * 4 + DEVICE_HANDLERS]
  return { bytes: out.bytes };
}

/** Device of ports that only the VMM can read. */
export function noDevice(origin: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  restore(out);
  out.loadArea(EAX, area.SAVE_EAX);
  goBack(out);
  return { bytes: out.bytes };
}

/** A device with one byte-wide port: EDX holds the port, the register is its distance from the first one. */
export function singlePortDevice(origin: number, none: number, port: number, register: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  out.emit(0x65, 0x83, 0x3d);
  out.dword(area.PORT_WIDTH);
  out.emit(1); // CMP dword gs:[PORT_WIDTH], 1
  out.unless(4, () => out.jump(none)); // JE
  out.emit(0x81, 0xea);
  out.dword(port); // SUB EDX, port
  out.emit(0x65, 0xff, 0x24, 0x95);
  out.dword(area.REGISTER_HANDLERS + 4 * register); // JMP gs:[EDX * 4 + REGISTER_HANDLERS + ...]
  return { bytes: out.bytes };
}

/** A register that is a plain latch: it reads as what was written last. */
export function latchRegister(origin: number): { bytes: number[] } {
  const out = new CodeBuffer(origin);
  out.emit(0x65, 0x83, 0x05);
  out.dword(area.LATCH_READS);
  out.emit(1); // ADD dword gs:[LATCH_READS], 1
  out.loadArea(EDX, area.RETURN_TO);
  out.add(EDX, 2);
  out.storeArea(area.RETURN_TO, EDX);
  restore(out);
  out.loadArea(EAX, area.SAVE_EAX);
  out.emit(0x65, 0x8a, 0x05);
  out.dword(area.LATCH); // MOV AL, gs:[LATCH]
  goBack(out);
  return { bytes: out.bytes };
}

function restore(out: CodeBuffer): void {
  out.loadArea(EAX, area.SAVE_FLAGS);
  out.emit(0x04, 0x7f); // ADD AL, 7Fh: overflows exactly when AL is 1
  out.emit(0x9e); // SAHF
  out.loadArea(EDX, area.SAVE_EDX);
  out.loadArea(ECX, area.SAVE_ECX);
}

/** JMP gs:[RETURN_TO] */
function goBack(out: CodeBuffer): void {
  out.emit(0x65, 0xff, 0x25);
  out.dword(area.RETURN_TO);
}
