// Writes 32-bit x86 code: the few instruction forms that translations are made of (SDM Vol. 2 "Instruction Format").
// Most of them leave EFLAGS alone, since the guest's flags stay in the real register between its instructions.

export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
const GS_PREFIX = 0x65;

/** A growing piece of code for a known address. */
export class CodeBuffer {
  readonly origin: number;
  readonly bytes: number[] = [];

  constructor(origin: number) {
    this.origin = origin;
  }

  /** Address of the next byte. */
  get here(): number {
    return (this.origin + this.bytes.length) >>> 0;
  }

  emit(...bytes: readonly number[]): void {
    for (const byte of bytes) this.bytes.push(byte & 0xff);
  }

  dword(value: number): void {
    this.emit(value, value >>> 8, value >>> 16, value >>> 24);
  }

  /** MOV gs:[offset], register */
  storeArea(offset: number, register: number): void {
    this.emit(GS_PREFIX, 0x89, 0x05 | (register << 3));
    this.dword(offset);
  }

  /** MOV register, gs:[offset] */
  loadArea(register: number, offset: number): void {
    this.emit(GS_PREFIX, 0x8b, 0x05 | (register << 3));
    this.dword(offset);
  }

  /** MOV dword gs:[offset], value */
  setArea(offset: number, value: number): void {
    this.emit(GS_PREFIX, 0xc7, 0x05);
    this.dword(offset);
    this.dword(value);
  }

  /** PUSH dword gs:[offset] */
  pushArea(offset: number): void {
    this.emit(GS_PREFIX, 0xff, 0x35);
    this.dword(offset);
  }

  /** MOV register, register */
  move(to: number, from: number): void {
    this.emit(0x8b, 0xc0 | (to << 3) | from);
  }

  /** LEA register, [register + displacement] */
  add(register: number, displacement: number): void {
    if (register === 4) this.emit(0x8d, 0xa4, 0x24);
    else this.emit(0x8d, 0x80 | (register << 3) | register);
    this.dword(displacement);
  }

  pushImmediate(value: number): void {
    this.emit(0x68);
    this.dword(value);
  }

  /** JMP to a known address. */
  jump(target: number): void {
    this.emit(0xe9);
    this.dword(target - (this.here + 4));
  }

  /** JECXZ over what `body` emits. */
  unlessEcxZero(body: () => void): void {
    this.emit(0xe3, 0);
    const at = this.bytes.length;
    body();
    this.bytes[at - 1] = this.bytes.length - at;
  }

  /** Jcc (condition 0..15) over what `body` emits. */
  unless(condition: number, body: () => void): void {
    this.emit(0x70 | condition, 0);
    const at = this.bytes.length;
    body();
    this.bytes[at - 1] = this.bytes.length - at;
  }

  /** INT vector */
  interrupt(vector: number): void {
    this.emit(0xcd, vector);
  }
}
