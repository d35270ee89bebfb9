// Watches a deprivileged kernel for sensitive instructions that do not fault: which, where, what the guest saw and what
// it would have seen in ring 0. It stands outside the technique: it runs the machine in slices that end before such an
// instruction, looks, and charges nothing (Robin & Irvine 2000, section 3, names the instructions).

import type { Fields } from '../../../machine/stateful.ts';
import type { MachineStop } from '../../../pc/exit.ts';
import { decode } from '../../../isa/decode.ts';
import { disassemble } from '../../../isa/disassemble.ts';
import { queryDescriptor, unpackSegment } from '../../emulate/segments.ts';
import { decodeGuest, type GuestInstruction, mnemonicName } from '../../emulate/instruction.ts';
import type { GuestContext } from '../../emulate/context.ts';
import type { Finding, RunLimits } from '../../technique.ts';
import { FLAG_IF, FLAG_IOPL, FLAG_ZF } from '../../vcpu.ts';
import type { TrapEmulateVmm } from './trap-emulate.ts';

/** Operations that can be wrong without a fault, as the opcode table names them. */
const WATCHED = new Set([
  'sgdt',
  'sidt',
  'sldt',
  'str',
  'smsw',
  'pushf',
  'popf',
  'iret',
  'lar',
  'lsl',
  'verr',
  'verw',
  'push_segment',
  'mov_from_segment',
  'call_far',
  'ret_far',
  'jmp_far',
  'pop_segment',
  'mov_to_segment',
]);
/** Longest stretch of code examined at once. */
const STRETCH = 64;
const CS = 1;
const ESP = 4;
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** What is known before a watched instruction runs. */
interface Before {
  readonly address: number;
  readonly instruction: GuestInstruction;
  readonly flags: number;
  readonly stack: number;
  readonly selectors: readonly number[];
  readonly entries: number;
}

/** The watcher of one VMM. */
export class SensitiveWatch {
  readonly #vmm: TrapEmulateVmm;
  readonly #findings = new Map<string, Finding>();
  /** Instructions that can run before the next watched one, by linear address of the code. */
  readonly #stretches = new Map<number, number>();

  constructor(vmm: TrapEmulateVmm) {
    this.#vmm = vmm;
  }

  findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** Runs the machine as `inner` would, in slices where the guest's kernel runs. */
  run(limits: RunLimits, inner: (limits: RunLimits) => MachineStop): MachineStop {
    const { machine } = this.#vmm;
    for (;;) {
      const { cpu } = machine;
      const kernel = cpu.cpl === 1 && cpu.activity === 0;
      const stretch = kernel ? this.#stretch() : 0;
      const before = kernel && stretch === 0 ? this.#before() : undefined;
      const most = limits.instructions ?? Number.POSITIVE_INFINITY;
      const slice = kernel ? Math.min(cpu.instructions + Math.max(stretch, 1), most) : most;
      this.#vmm.stopAfterEntry = true;
      const stop = inner({ ...limits, ...(slice === Number.POSITIVE_INFINITY ? {} : { instructions: slice }) });
      this.#vmm.stopAfterEntry = false;
      if (before) this.#after(before);
      const isSlice = stop.reason === 'request' || (stop.reason === 'limit' && cpu.instructions < most);
      if (!isSlice || (limits.cycles !== undefined && cpu.cycles >= limits.cycles)) return stop;
      if (this.#vmm.stopRequested()) return stop;
    }
  }

  /** Bytes at a linear address as the real CPU sees them, uncharged. */
  peek(linear: number, length: number): Uint8Array | undefined {
    const { cpu } = this.#vmm.machine;
    const bytes = new Uint8Array(length);
    for (let n = 0; n < length; n++) {
      const physical = cpu.translate((linear + n) >>> 0);
      if (physical === undefined || physical >= cpu.ram.length) return n === 0 ? undefined : bytes.subarray(0, n);
      bytes[n] = cpu.ram[physical]!;
    }
    return bytes;
  }

  #linear(): number {
    const { cpu } = this.#vmm.machine;
    return (cpu.segment(CS).base + cpu.eip) >>> 0;
  }

  /** How many instructions can run from here before a watched one or a branch. */
  #stretch(): number {
    const start = this.#linear();
    const known = this.#stretches.get(start);
    if (known !== undefined) return known;
    const bytes = this.peek(start, STRETCH * 8);
    let count = 0;
    for (let at = 0; bytes && at + 15 < bytes.length && count < STRETCH; ) {
      const instruction = decodeGuest(bytes.subarray(at, at + 15), true);
      if (!instruction || WATCHED.has(instruction.op)) break;
      count++;
      if (instruction.form.endsBlock || instruction.repeat !== 0) break;
      at += instruction.length;
    }
    if (bytes) this.#stretches.set(start, count);
    return bytes ? count : 1;
  }

  #before(): Before | undefined {
    const { cpu } = this.#vmm.machine;
    const address = this.#linear();
    const bytes = this.peek(address, 15);
    const instruction = bytes && decodeGuest(bytes, true);
    if (!instruction || !WATCHED.has(instruction.op)) return undefined;
    return {
      address,
      instruction,
      flags: cpu.eflags,
      stack: cpu.reg(ESP),
      entries: this.#vmm.counters.entries,
      selectors: [0, 1, 2, 3, 4, 5].map((n) => cpu.segment(n).selector),
    };
  }

  /** Compares what the instruction did with what it would have done in ring 0. */
  #after(before: Before): void {
    if (this.#vmm.counters.entries !== before.entries) return;
    const [saw, right] = this.#answers(before) ?? [];
    if (saw === undefined || right === undefined || saw === right) return;
    const key = `${before.address}:${saw}:${right}`;
    const known = this.#findings.get(key);
    if (known) {
      known.times++;
      return;
    }
    if (this.#findings.size >= 200) return;
    const decoded = decode(before.instruction.bytes, 0, 32);
    this.#findings.set(key, {
      instruction: mnemonicName(before.instruction),
      linearAddress: before.address,
      text: decoded ? disassemble(decoded, before.address) : before.instruction.op,
      sawValue: saw,
      rightValue: right,
      times: 1,
    });
  }

  #answers(before: Before): [saw: string, right: string] | undefined {
    const { vcpu, machine } = this.#vmm;
    const { cpu } = machine;
    const { instruction, stack } = before;
    const table = (register: { base: number; limit: number }): string =>
      `base ${hex(register.base)}, limit ${hex(register.limit)}`;
    const privilege = (flags: number): string => `IF ${flags & FLAG_IF ? 1 : 0}, IOPL ${(flags & FLAG_IOPL) >> 12}`;
    const virtual = vcpu.virtualFlags(0);
    switch (instruction.op) {
      case 'sgdt':
        return [table(cpu.gdtr), table(vcpu.gdtr)];
      case 'sidt':
        return [table(cpu.idtr), table(vcpu.idtr)];
      case 'sldt':
        return [`selector ${hex(cpu.segment(7).selector)}`, `selector ${hex(vcpu.ldtr.selector)}`];
      case 'str':
        return [`selector ${hex(cpu.segment(6).selector)}`, `selector ${hex(vcpu.tr.selector)}`];
      case 'smsw':
        return [`CR0 ${hex(cpu.cr0 & 0xffff)}`, `CR0 ${hex(vcpu.cr0 & 0xffff)}`];
      case 'pushf':
        return [privilege(before.flags), privilege(virtual)];
      case 'popf':
      case 'iret': {
        const popped = this.#word(stack + (instruction.op === 'iret' ? 8 : 0));
        return popped === undefined ? undefined : [privilege(virtual), privilege(popped)];
      }
      case 'lar':
      case 'lsl':
      case 'verr':
      case 'verw':
        return this.#query(before);
      case 'push_segment':
        return this.#selector(before, (instruction.form.opcode >> 3) & 7);
      case 'mov_from_segment':
        return this.#selector(before, instruction.modrm!.reg);
      case 'call_far':
        return this.#selector(before, CS);
      default:
        return undefined;
    }
  }

  #selector(before: Before, n: number): [string, string] {
    const saw = before.selectors[n]!;
    const right = n === 1 || n === 2 ? (saw & 0xfffc) | this.#vmm.vcpu.cpl : saw;
    return [`selector ${hex(saw)} (ring ${saw & 3})`, `selector ${hex(right)} (ring ${right & 3})`];
  }

  #query(before: Before): [string, string] | undefined {
    const { cpu } = this.#vmm.machine;
    const { instruction } = before;
    const modrm = instruction.modrm!;
    if (modrm.isMemory) return undefined;
    const op = instruction.op as 'lar' | 'lsl' | 'verr' | 'verw';
    if ((op === 'lar' || op === 'lsl') && modrm.reg === modrm.rm) return undefined;
    const context = {
      vcpu: this.#vmm.vcpu,
      memory: { read: (linear: number) => this.#word(linear) ?? 0 },
    } as unknown as GuestContext;
    const right = queryDescriptor(context, cpu.reg(modrm.rm) & 0xffff, op);
    const zero = (cpu.eflags & FLAG_ZF) !== 0;
    const say = (found: boolean, value: number | undefined): string =>
      found ? (value === undefined ? 'allowed' : hex(value)) : 'not allowed';
    const value = op === 'lar' || op === 'lsl' ? cpu.reg(modrm.reg) : undefined;
    const wanted =
      right && (op === 'lar' ? right.high & 0x00ff_ff00 : op === 'lsl' ? unpackSegment(right).limit : undefined);
    return [say(zero, value), say(right !== undefined, wanted)];
  }

  #word(linear: number): number | undefined {
    const bytes = this.peek(linear >>> 0, 4);
    if (!bytes || bytes.length < 4) return undefined;
    return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  }

  save(): Fields {
    return { findings: [...this.#findings].map(([key, finding]) => ({ key, ...finding })) };
  }

  load(fields: Fields): void {
    this.#findings.clear();
    this.#stretches.clear();
    for (const { key, ...finding } of fields.findings as unknown as ({ key: string } & Finding)[]) {
      this.#findings.set(key, finding);
    }
  }
}
