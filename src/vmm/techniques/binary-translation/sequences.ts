// Sensitive instructions that are emulated in the cache itself: a few instructions on the shared area in place of one.
// They leave EFLAGS as they found them, since the guest's flags stay in the real register, and they note at every place
// what has been saved where (Adams & Agesen 2006, section 3.2).

import type { GuestInstruction } from '../../emulate/instruction.ts';
import * as area from './area.ts';
import { EAX, ECX, EDX } from './code-buffer.ts';
import { SAVED_EAX, SAVED_ECX, type UnitInWork } from './unit.ts';

/** Emits the in-cache sequence of a simple sensitive instruction; false when there is none. */
export function sequence(unit: UnitInWork, instruction: GuestInstruction, eip: number, next: number): boolean {
  const { op, modrm, operandSize } = instruction;
  const out = unit.out;
  switch (op) {
    case 'mov_from_segment':
      if (modrm!.isMemory) return false;
      if (operandSize === 2) out.emit(0x66);
      if (operandSize === 2) out.emit(0x65, 0x8b, 0x05 | (modrm!.rm << 3));
      else out.emit(0x65, 0x0f, 0xb7, 0x05 | (modrm!.rm << 3));
      out.dword(area.SELECTORS + 4 * modrm!.reg);
      return true;
    case 'push_segment':
      if (operandSize !== 4) return false;
      out.pushArea(area.SELECTORS + 4 * ((instruction.form.opcode >> 3) & 7));
      return true;
    default:
  }
  if (unit.mode.cpl !== 0) return false;
  switch (op) {
    case 'cli':
      out.setArea(area.VIRTUAL_IF, 0);
      return true;
    case 'sti':
      sti(unit, next);
      return true;
    case 'pushf':
      return operandSize === 4 && unit.mode.stack32 ? pushFlags(unit, eip) : false;
    case 'popf':
      return operandSize === 4 && unit.mode.stack32 ? popFlags(unit, eip, instruction.length) : false;
    case 'rdtsc':
      out.emit(0x0f, 0x31);
      return true;
    case 'mov_from_cr':
      if (![0, 2, 3, 4].includes(modrm!.reg)) return false;
      out.loadArea(modrm!.rm, area.CONTROL + 4 * modrm!.reg);
      return true;
    case 'in':
      return portRead(unit, instruction, next);
    default:
      return false;
  }
}

function sti(unit: UnitInWork, next: number): void {
  const out = unit.out;
  out.setArea(area.VIRTUAL_IF, 0x200);
  out.storeArea(area.SAVE_ECX, ECX);
  out.loadArea(ECX, area.PENDING);
  unit.place(next, false, SAVED_ECX);
  out.unlessEcxZero(() => unit.callout('interrupt', next, next, SAVED_ECX, 1));
  out.loadArea(ECX, area.SAVE_ECX);
}

function pushFlags(unit: UnitInWork, eip: number): boolean {
  const out = unit.out;
  out.emit(0x9c);
  unit.place(unit.wrap(eip + 1), false);
  out.storeArea(area.SAVE_EAX, EAX);
  out.storeArea(area.SAVE_EDX, EDX);
  out.emit(0x8b, 0x04, 0x24); // MOV EAX, [ESP]
  out.loadArea(EDX, area.VIRTUAL_IF);
  // The real register has IF set and IOPL 0.
  out.emit(0x8d, 0x84, 0x10);
  out.dword(-0x200); // LEA EAX, [EAX + EDX - 200h]
  out.loadArea(EDX, area.VIRTUAL_IOPL);
  out.emit(0x8d, 0x04, 0x10); // LEA EAX, [EAX + EDX]
  out.emit(0x89, 0x04, 0x24); // MOV [ESP], EAX
  out.loadArea(EAX, area.SAVE_EAX);
  out.loadArea(EDX, area.SAVE_EDX);
  return true;
}

function popFlags(unit: UnitInWork, eip: number, length: number): boolean {
  const out = unit.out;
  out.storeArea(area.SAVE_EAX, EAX);
  out.emit(0x8b, 0x04, 0x24); // MOV EAX, [ESP]
  unit.place(eip, false, SAVED_EAX);
  // TF, NT, VM or a change of IOPL from 0: the VMM's business. EFLAGS are overwritten anyway.
  out.emit(0xa9);
  out.dword(0x2_7100); // TEST EAX, imm32
  const complex = out.bytes.length + 2;
  out.emit(0x75, 0); // JNZ
  out.emit(0x25);
  out.dword(0x200); // AND EAX, 200h
  out.emit(0x65, 0x85, 0x05);
  out.dword(area.PENDING); // TEST gs:[PENDING], EAX
  const pending = out.bytes.length + 2;
  out.emit(0x75, 0); // JNZ
  out.emit(0x65, 0x83, 0x3d);
  out.dword(area.VIRTUAL_IOPL);
  out.emit(0); // CMP dword gs:[VIRTUAL_IOPL], 0
  const iopl = out.bytes.length + 2;
  out.emit(0x75, 0); // JNZ
  out.storeArea(area.VIRTUAL_IF, EAX);
  out.loadArea(EAX, area.SAVE_EAX);
  out.emit(0x9d);
  unit.place(unit.wrap(eip + length), false);
  const skip = out.bytes.length + 2;
  out.emit(0xeb, 0);
  for (const from of [complex, pending, iopl]) out.bytes[from - 1] = out.bytes.length - from;
  unit.callout('emulate', eip, eip, SAVED_EAX, length);
  out.bytes[skip - 1] = out.bytes.length - skip;
  return true;
}

/** IN: the cache's port helper looks whether it can answer. */
function portRead(unit: UnitInWork, instruction: GuestInstruction, next: number): boolean {
  const { opcode } = instruction.form;
  const eip = unit.wrap(next - instruction.length);
  const out = unit.out;
  out.storeArea(area.SAVE_EAX, EAX);
  out.emit(0x65, 0xc7, 0x05);
  out.dword(area.RETURN_TO);
  const returnAt = out.bytes.length;
  out.dword(0);
  out.setArea(area.PORT_WIDTH, opcode & 1 ? instruction.operandSize : 1);
  if (instruction.immediateSize === 1) {
    out.emit(0xb8);
    out.dword(instruction.immediate & 0xff); // MOV EAX, port
  } else {
    out.emit(0x0f, 0xb7, 0xc2); // MOVZX EAX, DX
  }
  unit.place(eip, false, SAVED_EAX);
  out.jump(unit.host.portHelper);
  // Behind the jump: the helper comes back here when it cannot answer, 2 bytes further when it could.
  const back = out.here;
  for (let n = 0; n < 4; n++) out.bytes[returnAt + n] = (back >>> (8 * n)) & 0xff;
  unit.callout('emulate', eip, eip, 0, instruction.length);
  return true;
}

/** MOV [address], register when the address is that of the task priority register. */
export function taskPriority(
  unit: UnitInWork,
  instruction: GuestInstruction,
  eip: number,
  next: number,
  linear: number,
): boolean {
  const { bytes, modrm, form } = instruction;
  if (form.map !== 0 || form.opcode !== 0x89 || !modrm?.isMemory || instruction.operandSize !== 4) return false;
  if (instruction.addressSize !== 4 || instruction.override >= 0) return false;
  const out = unit.out;
  out.storeArea(area.SAVE_ECX, ECX);
  out.emit(0x8d, (bytes[modrm.at]! & ~0x38) | (ECX << 3), ...bytes.subarray(modrm.at + 1, modrm.at + modrm.length));
  out.add(ECX, -linear);
  unit.place(eip, false, SAVED_ECX);
  priorityTail(unit, instruction, eip, next, modrm.reg);
  return true;
}

/** ECX is 0 when the address matches. */
function priorityTail(unit: UnitInWork, instruction: GuestInstruction, eip: number, next: number, value: number): void {
  const out = unit.out;
  const hit = out.bytes.length + 2;
  out.emit(0xe3, 0); // JECXZ
  out.loadArea(ECX, area.SAVE_ECX);
  unit.place(eip, false);
  out.emit(...instruction.bytes);
  unit.place(next, false);
  const done = out.bytes.length + 2;
  out.emit(0xeb, 0);
  out.bytes[hit - 1] = out.bytes.length - hit;
  unit.place(eip, false, SAVED_ECX);
  out.loadArea(ECX, area.SAVE_ECX);
  out.storeArea(area.TASK_PRIORITY, value);
  out.setArea(area.TASK_PRIORITY_DIRTY, 1);
  unit.place(next, false);
  out.loadArea(ECX, area.TASK_PRIORITY_WRITES);
  unit.place(next, false, SAVED_ECX);
  out.add(ECX, 1);
  out.storeArea(area.TASK_PRIORITY_WRITES, ECX);
  out.emit(0x65, 0x0f, 0xb6, 0x0d);
  out.dword(area.TASK_PRIORITY); // MOVZX ECX, byte gs:[TASK_PRIORITY]
  out.emit(0x65, 0x0f, 0xb6, 0x89);
  out.dword(area.PRIORITY_OPENS); // MOVZX ECX, byte gs:[ECX + PRIORITY_OPENS]
  out.unlessEcxZero(() => unit.callout('interrupt', next, next, SAVED_ECX, 0));
  out.loadArea(ECX, area.SAVE_ECX);
  out.bytes[done - 1] = out.bytes.length - done;
}
