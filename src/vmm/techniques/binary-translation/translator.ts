// Translates one unit of guest kernel code, x86 to x86: up to twelve instructions or to the first transfer of control.
// Most instructions are copied unchanged. Branches leave through exits that are chained later, indirect ones look their
// target up in the cache, sensitive ones become short sequences or call-outs (Adams & Agesen 2006, sections 3.2, 3.3).

import { decodeGuest, type GuestInstruction } from '../../emulate/instruction.ts';
import { IO_HANDLERS } from '../../emulate/io.ts';
import { SYSTEM_HANDLERS } from '../../emulate/system.ts';
import { VECTOR_CALLOUT } from '../../host-memory.ts';
import * as area from './area.ts';
import { CodeBuffer, EAX, ECX } from './code-buffer.ts';
import { sequence, taskPriority } from './sequences.ts';
import {
  type Callout,
  type CalloutKind,
  type Exit,
  type Mode,
  type Place,
  SAVED_EAX,
  SAVED_ECX,
  type TranslatorHost,
  type Unit,
  type UnitInWork,
} from './unit.ts';

/** Instructions in a unit unless a transfer of control ends it before. */
export const UNIT_LENGTH = 12;

const GS = 5;
const CS_OVERRIDE = 1;

/** Translates the unit at `eip` whose bytes are in `code`; an empty result means not even one instruction is complete. */
export function translate(host: TranslatorHost, code: Uint8Array, eip: number, mode: Mode, origin: number): Unit {
  return new UnitTranslator(host, mode, origin, eip).run(code);
}

class UnitTranslator implements UnitInWork {
  readonly host: TranslatorHost;
  readonly mode: Mode;
  readonly out: CodeBuffer;
  readonly #eip: number;
  readonly #places: Place[] = [];
  readonly #callouts: Callout[] = [];
  readonly #exits: { patchAt: number; target: number }[] = [];
  readonly #instructions = new Map<number, GuestInstruction>();
  #copied = 0;
  #ended = false;

  constructor(host: TranslatorHost, mode: Mode, origin: number, eip: number) {
    this.host = host;
    this.mode = mode;
    this.out = new CodeBuffer(origin);
    this.#eip = eip;
  }

  run(code: Uint8Array): Unit {
    const entry = this.#prologue();
    let at = 0;
    for (let n = 0; n < UNIT_LENGTH && !this.#ended; n++) {
      const eip = this.wrap(this.#eip + at);
      const instruction = decodeGuest(code.subarray(at, at + 15), this.mode.code32);
      if (!instruction) {
        this.callout('emulate', eip, eip, 0, 1);
        this.#ended = true;
        break;
      }
      this.#instructions.set(eip, instruction);
      this.place(eip, true);
      this.#instruction(instruction, eip);
      at += instruction.length;
      if (at + 15 > code.length && at >= code.length) break;
    }
    if (!this.#ended) {
      this.place(this.wrap(this.#eip + at), true);
      this.#exit(this.wrap(this.#eip + at), () => this.out.emit(0xe9));
    }
    return this.#finish(entry, at);
  }

  /** Entry for indirect branches: ECX holds the target, ECX and EAX are saved. */
  #prologue(): number {
    const out = this.out;
    this.place(this.#eip, false, SAVED_EAX | SAVED_ECX);
    out.add(ECX, -this.#eip);
    out.emit(0xe3, 11); // JECXZ over the next two
    out.add(ECX, this.#eip);
    out.jump(this.host.miss);
    out.loadArea(EAX, area.SAVE_EAX);
    this.place(this.#eip, false, SAVED_ECX);
    out.loadArea(ECX, area.SAVE_ECX);
    return out.here;
  }

  #finish(entry: number, length: number): Unit {
    const out = this.out;
    // A forwarding jump must fit behind the entry.
    while (out.here < entry + 8) out.emit(0x90);
    const exits: Exit[] = [];
    for (const { patchAt, target } of this.#exits) {
      const stub = out.here;
      this.place(target, true);
      this.callout('exit', target, target, 0, 0);
      const displacement = stub - (patchAt + 4);
      for (let n = 0; n < 4; n++) out.bytes[patchAt - out.origin + n] = (displacement >> (8 * n)) & 0xff;
      exits.push({ patch: patchAt, stub, target });
    }
    return {
      origin: out.origin,
      entry,
      bytes: out.bytes,
      eip: this.#eip,
      length,
      places: this.#places,
      callouts: this.#callouts,
      exits,
      instructions: this.#instructions,
      copied: this.#copied,
    };
  }

  wrap(eip: number): number {
    return this.mode.code32 ? eip >>> 0 : eip & 0xffff;
  }

  place(eip: number, boundary: boolean, saved = 0): void {
    this.#places.push({ at: this.out.here, eip, boundary, saved });
  }

  /** INT: the full way out, a frame on the VMM's stack. */
  callout(kind: CalloutKind, eip: number, placeEip: number, saved: number, length: number): void {
    const out = this.out;
    out.interrupt(VECTOR_CALLOUT);
    this.#callouts.push({ at: out.here, kind, eip, saved, length });
    this.place(placeEip, false, saved);
  }

  /** A direct branch: `opcode` emits its opcode bytes, the displacement follows. */
  #exit(target: number, opcode: () => void): void {
    opcode();
    this.#exits.push({ patchAt: this.out.here, target });
    this.out.dword(0);
  }

  #instruction(instruction: GuestInstruction, eip: number): void {
    const next = this.wrap(eip + instruction.length);
    const { op } = instruction;
    const branch = isConditional(instruction) ? 'direct' : BRANCHES[op];
    if (branch && this.#isPlainBranch(instruction)) {
      this.#ended = true;
      this.#branch(instruction, branch, next);
      return;
    }
    if (branch || this.#isEmulated(instruction)) {
      if (!sequence(this, instruction, eip, next)) this.#emulate(instruction, eip);
      return;
    }
    const adaptation = this.host.adaptation(eip);
    if (adaptation?.kind === 'priority' && taskPriority(this, instruction, eip, next, adaptation.linear)) return;
    if (adaptation) {
      this.#write(instruction, eip);
      return;
    }
    this.#copied++;
    this.#copy(instruction);
  }

  #isEmulated(instruction: GuestInstruction): boolean {
    const { op, form, override, modrm } = instruction;
    if (op in SYSTEM_HANDLERS || op in IO_HANDLERS || SOFTWARE.has(op)) return true;
    // VMX instructions are undefined for the guest, in ring 1 as well.
    if (form.cpl !== undefined) return !form.op.startsWith('vm');
    const usesMemory = modrm?.isMemory || form.codes.some(({ kind }) => MEMORY_KINDS.has(kind));
    return usesMemory === true && (override === GS || override === CS_OVERRIDE) && op !== 'lea';
  }

  /** Branches with 16-bit operands, through CS or GS, or on a 16-bit stack are left to the emulator. */
  #isPlainBranch(instruction: GuestInstruction): boolean {
    const { operandSize, override, modrm, op } = instruction;
    const wide = operandSize === (this.mode.code32 ? 4 : 2);
    if (op === 'jcxz' || op.startsWith('loop')) return wide;
    if (modrm?.isMemory && (override === GS || override === CS_OVERRIDE)) return false;
    if (op === 'jmp' || isConditional(instruction)) return wide;
    return operandSize === 4 && this.mode.code32 && this.mode.stack32;
  }

  #emulate(instruction: GuestInstruction, eip: number): void {
    this.callout('emulate', eip, eip, 0, instruction.length);
    if (ENDS.has(instruction.op) || isConditional(instruction)) this.#ended = true;
  }

  /** The same instruction in 32-bit code. */
  #copy(instruction: GuestInstruction): void {
    const { bytes, opcodeAt } = instruction;
    if (this.mode.code32) {
      this.out.emit(...bytes);
      return;
    }
    for (const byte of bytes.subarray(0, opcodeAt)) if (byte !== 0x66 && byte !== 0x67) this.out.emit(byte);
    if (instruction.operandSize === 2) this.out.emit(0x66);
    if (instruction.addressSize === 2) this.out.emit(0x67);
    this.out.emit(...bytes.subarray(opcodeAt));
  }

  // ---- Branches ------------------------------------------------------------------------------------------------------

  #branch(instruction: GuestInstruction, kind: 'direct' | 'call' | 'indirect' | 'ret', next: number): void {
    const { op, immediate } = instruction;
    const target = this.wrap(next + immediate);
    const out = this.out;
    switch (kind) {
      case 'direct':
        if (op === 'jmp') {
          this.#exit(target, () => out.emit(0xe9));
          return;
        }
        if (isConditional(instruction)) {
          this.#exit(target, () => out.emit(0x0f, 0x80 | (instruction.bytes[instruction.opcodeEnd - 1]! & 15)));
        } else {
          // LOOP and JCXZ reach 127 bytes only: over the other way out.
          if (instruction.addressSize === 2) out.emit(0x67);
          out.emit(instruction.bytes[instruction.opcodeEnd - 1]!, 5);
          this.place(next, true);
          this.#exit(next, () => out.emit(0xe9));
          this.place(target, true);
          this.#exit(target, () => out.emit(0xe9));
          return;
        }
        this.place(next, true);
        this.#exit(next, () => out.emit(0xe9));
        return;
      case 'call':
        out.pushImmediate(next);
        this.place(target, true);
        this.#exit(target, () => out.emit(0xe9));
        return;
      case 'indirect':
        this.#indirect(instruction, next);
        return;
      case 'ret':
        out.storeArea(area.SAVE_ECX, ECX);
        out.emit(0x59); // POP ECX
        this.place(this.#eipOf(instruction, next), false, SAVED_ECX);
        if (instruction.immediateSize === 2) out.add(4, immediate & 0xffff);
        this.#lookup();
    }
  }

  #eipOf(instruction: GuestInstruction, next: number): number {
    return this.wrap(next - instruction.length);
  }

  #indirect(instruction: GuestInstruction, next: number): void {
    const out = this.out;
    const eip = this.#eipOf(instruction, next);
    out.storeArea(area.SAVE_ECX, ECX);
    this.#loadOperand(instruction, ECX);
    this.place(eip, false, SAVED_ECX);
    if (instruction.op === 'call_indirect') out.pushImmediate(next);
    this.#lookup();
  }

  /** MOV register, r/m with the instruction's own addressing. */
  #loadOperand(instruction: GuestInstruction, register: number): void {
    const { bytes, modrm, override, opcodeEnd } = instruction;
    if (override >= 0) this.out.emit(SEGMENT_PREFIXES[override]!);
    if (instruction.addressSize === 2) this.out.emit(0x67);
    this.out.emit(0x8b, (bytes[modrm!.at]! & ~0x38) | (register << 3));
    this.out.emit(...bytes.subarray(opcodeEnd + 1, opcodeEnd + modrm!.length));
  }

  /** ECX holds the target: to its unit through the table, without touching EFLAGS. */
  #lookup(): void {
    const out = this.out;
    out.storeArea(area.SAVE_EAX, EAX);
    out.emit(0x0f, 0xb7, 0xc1); // MOVZX EAX, CX
    out.emit(0x65, 0xff, 0x24, 0x85); // JMP gs:[LOOKUP + EAX * 4]
    out.dword(area.LOOKUP);
  }

  // ---- Adapted instructions --------------------------------------------------------------------------------------------

  /** Call-out by SYSENTER: cheaper than a gate, for instructions that are known to need the VMM. */
  #write(instruction: GuestInstruction, eip: number): void {
    const out = this.out;
    if (instruction.form.endsBlock) this.#ended = true;
    if (!this.host.hasCheapCallouts) {
      this.callout('write', eip, eip, 0, instruction.length);
      return;
    }
    out.storeArea(area.SAVE_ESP, 4);
    out.setArea(area.CALL_NUMBER, this.host.nextCallNumber());
    out.emit(0x0f, 0x34);
    this.#callouts.push({ at: out.here, kind: 'write', eip, saved: 0, length: instruction.length });
    this.place(eip, false);
  }
}

/** Jcc, by encoding. */
function isConditional({ form }: GuestInstruction): boolean {
  return form.map === 0
    ? form.opcode >= 0x70 && form.opcode < 0x80
    : form.map === 1 && form.opcode >= 0x80 && form.opcode < 0x90;
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
const MEMORY_KINDS: ReadonlySet<string> = new Set(['memory', 'offset', 'string-source', 'string-destination']);
const SOFTWARE = new Set(['int', 'int3', 'into', 'int1']);
/** Emulated instructions behind which the next one is not executed, or not in the same mode. */
const ENDS = new Set([
  'jmp_far',
  'call_far',
  'ret_far',
  'iret',
  'sysenter',
  'sysexit',
  'int',
  'int3',
  'int1',
  'jmp_indirect',
  'call_indirect',
  'ret',
  'call',
  'jmp',
  'jcxz',
  'loop',
  'loope',
  'loopne',
  'mov_to_cr',
  'lmsw',
]);
const BRANCHES: Readonly<Record<string, 'direct' | 'call' | 'indirect' | 'ret'>> = {
  jmp: 'direct',
  jcxz: 'direct',
  loop: 'direct',
  loope: 'direct',
  loopne: 'direct',
  call: 'call',
  jmp_indirect: 'indirect',
  call_indirect: 'indirect',
  ret: 'ret',
};
