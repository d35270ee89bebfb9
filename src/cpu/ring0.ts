// The charged interface for ring-0 software written in TypeScript: every register access, memory
// access and VMCS access costs what the cost profile says, and privileged instructions are executed by the core itself,
// from their bytes, so that their meaning is stated nowhere else.
import { CALL_FAULT, CALL_FAULT_ERROR, CALL_RESULT_HIGH, CR2, GPR, INJECT_BUFFER, VMX_ROOT } from '../../asm/layout.ts';
import { COST_CLASSES, type CostClass } from '../isa/cost-classes.ts';
import type { CoreExports } from './core-exports.ts';
import type { Fault } from './cpu-state.ts';

const EAX = 0;
const ECX = 1;
const EDX = 2;
const CF = 0x1;
const ZF = 0x40;
const NO_FAULT = -1;
const LONGEST_INSTRUCTION = 16;

// Instructions that come again and again: one array each, so that their bytes are written once.
const MOV_CR3 = [0x0f, 0x22, 0xd8];
const INVLPG = [0x0f, 0x01, 0x38];

const COST_NUMBERS: ReadonlyMap<CostClass, number> = new Map(COST_CLASSES.map((name, number) => [name, number]));

/** Number of a cost class. */
export function costNumber(cls: CostClass): number {
  return COST_NUMBERS.get(cls)!;
}

/** What a VMX instruction reported (SDM Vol. 3 "Conventions" of the VMX instruction reference). */
export type VmxResult = 'succeed' | 'fail-invalid' | 'fail-valid';

/** Charged access to the machine. */
export class Ring0 {
  readonly #core: CoreExports;
  readonly #view: DataView;
  readonly #flags: { get(): number };
  /** What INJECT_BUFFER holds. */
  #injected: readonly number[] | undefined;

  /** Made by Cpu. */
  constructor(core: CoreExports, view: DataView, flags: { get(): number }) {
    this.#core = core;
    this.#view = view;
    this.#flags = flags;
  }

  /** Reads a general register: class alu. */
  reg(n: number): number {
    this.charge('alu');
    return this.#view.getUint32(GPR + 8 * n, true);
  }

  /** Writes a general register: class alu. */
  setReg(n: number, value: number): void {
    this.charge('alu');
    this.#setReg(n, value);
  }

  /** Reads all 64 bits of a general register: class alu. */
  reg64(n: number): bigint {
    this.charge('alu');
    return this.#view.getBigUint64(GPR + 8 * n, true);
  }

  /** Writes all 64 bits of a general register: class alu. */
  setReg64(n: number, value: bigint): void {
    this.charge('alu');
    this.#view.setBigUint64(GPR + 8 * n, value, true);
  }

  /** Charges work that no single access stands for. */
  charge(cls: CostClass, times = 1): void {
    this.chargeNumber(costNumber(cls), times);
  }

  /** The same, for who charges at every turn: the class by its number. */
  chargeNumber(cls: number, times: number): void {
    this.#core.chargeClass(cls, times);
  }

  /** Supervisor read in the current address space; undefined when it faulted (`fault` says how). */
  tryLoad(linear: number, size: 1 | 2 | 4): number | undefined {
    const value = this.#core.loadLinear(linear, 0, size) >>> 0;
    return this.#view.getInt32(CALL_FAULT, true) === NO_FAULT ? value : undefined;
  }

  /** Supervisor write in the current address space; false when it faulted. */
  tryStore(linear: number, size: 1 | 2 | 4, value: number): boolean {
    this.#core.storeLinear(linear, 0, size, value);
    return this.#view.getInt32(CALL_FAULT, true) === NO_FAULT;
  }

  /** Supervisor read of an address that is mapped. @throws Error when it is not: a bug of the caller */
  load(linear: number, size: 1 | 2 | 4): number {
    const value = this.tryLoad(linear, size);
    if (value === undefined) throw this.#unexpected(`read of ${hex(linear)}`);
    return value;
  }

  /** Supervisor write of an address that is mapped. @throws Error when it is not: a bug of the caller */
  store(linear: number, size: 1 | 2 | 4, value: number): void {
    if (!this.tryStore(linear, size, value)) throw this.#unexpected(`write of ${hex(linear)}`);
  }

  loadPhysical(address: number, size: 1 | 2 | 4): number {
    return this.#core.loadPhysical(address, 0, size) >>> 0;
  }

  storePhysical(address: number, size: 1 | 2 | 4, value: number): void {
    this.#core.storePhysical(address, 0, size, value);
  }

  /** The fault of the last access or instruction. */
  fault(): Fault {
    return {
      vector: this.#view.getInt32(CALL_FAULT, true),
      error: this.#view.getUint32(CALL_FAULT_ERROR, true),
      cr2: this.#view.getUint32(CR2, true),
    };
  }

  /** Executes one instruction from its bytes; RIP changes only if the instruction changes it. */
  execute(bytes: readonly number[]): Fault | undefined {
    if (bytes !== this.#injected) {
      const before = this.#injected?.length ?? LONGEST_INSTRUCTION;
      for (let at = 0; at < bytes.length; at++) this.#view.setUint8(INJECT_BUFFER + at, bytes[at]!);
      for (let at = bytes.length; at < before; at++) this.#view.setUint8(INJECT_BUFFER + at, 0);
      this.#injected = bytes;
    }
    return this.#core.inject() === NO_FAULT ? undefined : this.fault();
  }

  iret(): Fault | undefined {
    return this.execute([0xcf]);
  }

  sysexit(): Fault | undefined {
    return this.execute([0x0f, 0x35]);
  }

  hlt(): void {
    this.#must([0xf4], 'HLT');
  }

  writeCr0(value: number): void {
    this.#withRegister(EAX, value, [0x0f, 0x22, 0xc0], 'MOV CR0');
  }

  writeCr3(value: number): void {
    this.#withRegister(EAX, value, MOV_CR3, 'MOV CR3');
  }

  writeCr4(value: number): void {
    this.#withRegister(EAX, value, [0x0f, 0x22, 0xe0], 'MOV CR4');
  }

  invlpg(linear: number): void {
    this.#withRegister(EAX, linear, INVLPG, 'INVLPG');
  }

  ltr(selector: number): Fault | undefined {
    return this.#tryWithRegister(EAX, selector, [0x0f, 0x00, 0xd8]);
  }

  lldt(selector: number): Fault | undefined {
    return this.#tryWithRegister(EAX, selector, [0x0f, 0x00, 0xd0]);
  }

  /** LGDT from a six-byte operand at a linear address. */
  lgdt(operand: number): void {
    this.#withRegister(EAX, operand, [0x0f, 0x01, 0x10], 'LGDT');
  }

  /** LIDT from a six-byte operand at a linear address. */
  lidt(operand: number): void {
    this.#withRegister(EAX, operand, [0x0f, 0x01, 0x18], 'LIDT');
  }

  wrmsr(msr: number, low: number, high = 0): void {
    const saved = this.#save(EAX, ECX, EDX);
    this.#setReg(EAX, low);
    this.#setReg(EDX, high);
    this.#setReg(ECX, msr);
    this.#must([0x0f, 0x30], 'WRMSR');
    this.#restore(saved);
  }

  portIn(port: number, size: 1 | 2 | 4): number {
    const saved = this.#save(EAX, EDX);
    this.#setReg(EAX, 0);
    this.#setReg(EDX, port);
    this.#must({ 1: [0xec], 2: [0x66, 0xed], 4: [0xed] }[size], 'IN');
    const value = this.#view.getUint32(GPR, true);
    this.#restore(saved);
    return value;
  }

  portOut(port: number, size: 1 | 2 | 4, value: number): void {
    const saved = this.#save(EAX, EDX);
    this.#setReg(EAX, value);
    this.#setReg(EDX, port);
    this.#must({ 1: [0xee], 2: [0x66, 0xef], 4: [0xef] }[size], 'OUT');
    this.#restore(saved);
  }

  /** VMXON with the pointer at a linear address. */
  vmxon(pointer: number): VmxResult {
    return this.#vmx(pointer, [0xf3, 0x0f, 0xc7, 0x30]);
  }

  /** VMCLEAR with the pointer at a linear address. */
  vmclear(pointer: number): VmxResult {
    return this.#vmx(pointer, [0x66, 0x0f, 0xc7, 0x30]);
  }

  /** VMPTRLD with the pointer at a linear address. */
  vmptrld(pointer: number): VmxResult {
    return this.#vmx(pointer, [0x0f, 0xc7, 0x30]);
  }

  /** VMREAD of a field's low 32 bits. */
  vmread(field: number): number {
    return this.#core.vmreadField(field) >>> 0;
  }

  /** VMREAD of a 64-bit field: two reads of a 32-bit host. */
  vmread64(field: number): bigint {
    const low = this.vmread(field);
    return BigInt(low) | (BigInt(this.#view.getUint32(CALL_RESULT_HIGH, true)) << 32n);
  }

  /** VMWRITE. */
  vmwrite(field: number, value: number, high = 0): void {
    this.#core.vmwriteField(field, value, high);
  }

  vmlaunch(): VmxResult {
    return this.#enter([0x0f, 0x01, 0xc2]);
  }

  vmresume(): VmxResult {
    return this.#enter([0x0f, 0x01, 0xc3]);
  }

  #vmx(pointer: number, bytes: readonly number[]): VmxResult {
    this.#withRegister(EAX, pointer, bytes, 'a VMX instruction');
    return this.#vmxResult();
  }

  #enter(bytes: readonly number[]): VmxResult {
    const fault = this.execute(bytes);
    if (fault) throw this.#unexpected('VM entry');
    // in non-root operation the flags are the guest's
    return this.#view.getUint32(VMX_ROOT, true) === 2 ? 'succeed' : this.#vmxResult();
  }

  #vmxResult(): VmxResult {
    const flags = this.#flags.get();
    if (flags & CF) return 'fail-invalid';
    return flags & ZF ? 'fail-valid' : 'succeed';
  }

  #withRegister(register: number, value: number, bytes: readonly number[], what: string): void {
    if (this.#tryWithRegister(register, value, bytes)) throw this.#unexpected(what);
  }

  #tryWithRegister(register: number, value: number, bytes: readonly number[]): Fault | undefined {
    const at = GPR + 8 * register;
    const low = this.#view.getUint32(at, true);
    const high = this.#view.getUint32(at + 4, true);
    this.#setReg(register, value);
    const fault = this.execute(bytes);
    this.#view.setUint32(at, low, true);
    this.#view.setUint32(at + 4, high, true);
    return fault;
  }

  #must(bytes: readonly number[], what: string): void {
    if (this.execute(bytes)) throw this.#unexpected(what);
  }

  #setReg(n: number, value: number): void {
    this.#view.setUint32(GPR + 8 * n, value, true);
    this.#view.setUint32(GPR + 8 * n + 4, 0, true);
  }

  #save(...registers: number[]): [number, bigint][] {
    return registers.map((n) => [n, this.#view.getBigUint64(GPR + 8 * n, true)]);
  }

  #restore(saved: readonly (readonly [number, bigint])[]): void {
    for (const [n, value] of saved) this.#view.setBigUint64(GPR + 8 * n, value, true);
  }

  #unexpected(what: string): Error {
    const { vector, error, cr2 } = this.fault();
    return new Error(`ring-0 software: ${what} faulted (vector ${vector}, error ${hex(error)}, CR2 ${hex(cr2)})`);
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
