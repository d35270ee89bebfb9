// Watches a deprivileged kernel for sensitive instructions that do not fault: which, where, what the guest saw and what
// it would have seen in ring 0. It stands outside the technique: it runs the machine in slices that end before such an
// instruction, looks, and charges nothing (Robin & Irvine 2000, section 3, names the instructions).

import type { Fields } from '../../../machine/stateful.ts';
import type { MachineStop } from '../../../pc/exit.ts';
import { decode } from '../../../isa/decode.ts';
import { disassemble } from '../../../isa/disassemble.ts';
import { queryDescriptor, unpackSegment } from '../../emulate/segments.ts';
import {
  decodeGuest,
  type GuestInstruction,
  mnemonicName,
  operandOffset,
  operandSegment,
} from '../../emulate/instruction.ts';
import type { GuestContext } from '../../emulate/context.ts';
import { GuestPaging, READ } from '../../guest-paging.ts';
import type { HostAccess } from '../../host-access.ts';
import type { Finding } from '../../technique.ts';
import type { RunLimits } from '../../../pc/machine.ts';
import { FLAG_IF, FLAG_IOPL, FLAG_ZF, RIGHTS_DB } from '../../vcpu.ts';
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
/** Those that ask about a selector. */
const QUERIES = new Set(['lar', 'lsl', 'verr', 'verw']);
/** Longest stretch of code examined at once, in instructions. */
const STRETCH = 64;
const MOST_STRETCHES = 100_000;
const LONGEST = 15;
const CS = 1;
const SS = 2;
const ESP = 4;

function same(ram: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let n = 0; n < bytes.length; n++) if (ram[at + n] !== bytes[n]) return false;
  return true;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** Code that holds no watched instruction: what it was when it was examined, and how many instructions it has. */
interface Stretch {
  readonly physical: number;
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** What is known before a watched instruction runs. */
interface Before {
  /** The ring the guest believes to be in. */
  readonly cpl: number;
  /** Selector operand of LAR, LSL, VERR and VERW. */
  readonly asked: number | undefined;
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
  /** By linear address. */
  readonly #stretches = new Map<number, Stretch>();
  /** Walks the guest's tables without a charge or a trace. */
  readonly #paging: GuestPaging;

  constructor(vmm: TrapEmulateVmm) {
    this.#vmm = vmm;
    const { ram } = vmm.machine.cpu;
    const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    const access = { loadPhysical: (at: number) => view.getUint32(at, true), storePhysical: () => {} };
    this.#paging = new GuestPaging(access as unknown as HostAccess, vmm.vcpu, vmm.domain);
  }

  findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** Runs the machine as `inner` would, in slices where the guest's kernel runs. User code runs at full speed. */
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
    for (let n = 0; n < length; ) {
      const physical = cpu.translate((linear + n) >>> 0);
      if (physical === undefined || physical >= cpu.ram.length) return n === 0 ? undefined : bytes.subarray(0, n);
      const part = Math.min(length - n, 0x1000 - (physical & 0xfff), cpu.ram.length - physical);
      bytes.set(cpu.ram.subarray(physical, physical + part), n);
      n += part;
    }
    return bytes;
  }

  #linear(): number {
    const { cpu } = this.#vmm.machine;
    return (cpu.segment(CS).base + cpu.eip) >>> 0;
  }

  #isWide(): boolean {
    return (this.#vmm.machine.cpu.segment(CS).rights & RIGHTS_DB) !== 0;
  }

  /** How many instructions can run from here, in this page, before a watched one or a branch. */
  #stretch(): number {
    const { cpu } = this.#vmm.machine;
    const start = this.#linear();
    const physical = cpu.translate(start);
    if (physical === undefined || physical >= cpu.ram.length) return 1;
    const known = this.#stretches.get(start);
    if (known && known.physical === physical && same(cpu.ram, physical, known.bytes)) return known.count;
    const room = Math.min(STRETCH * 8, 0x1000 - (physical & 0xfff));
    const bytes = cpu.ram.subarray(physical, physical + room);
    let count = 0;
    let at = 0;
    while (at < room && count < STRETCH) {
      const instruction = decodeGuest(bytes.subarray(at, at + LONGEST), this.#isWide());
      if (!instruction || WATCHED.has(instruction.op)) break;
      count++;
      at += instruction.length;
      if (instruction.form.endsBlock || instruction.repeat !== 0) break;
    }
    if (this.#stretches.size >= MOST_STRETCHES) this.#stretches.clear();
    // The bytes behind belong to it too: they say why it ends there.
    this.#stretches.set(start, { physical, count, bytes: bytes.slice(0, Math.min(at + LONGEST, room)) });
    return count;
  }

  #before(): Before | undefined {
    const { cpu } = this.#vmm.machine;
    const address = this.#linear();
    const bytes = this.peek(address, LONGEST);
    const instruction = bytes && decodeGuest(bytes, this.#isWide());
    if (!instruction || !WATCHED.has(instruction.op)) return undefined;
    const stack = cpu.segment(SS);
    return {
      cpl: cpu.cpl === 1 ? 0 : cpu.cpl,
      asked: this.#asked(instruction),
      address,
      instruction,
      flags: cpu.eflags,
      stack: (stack.base + (stack.rights & RIGHTS_DB ? cpu.reg(ESP) : cpu.reg(ESP) & 0xffff)) >>> 0,
      entries: this.#vmm.counters.entries,
      selectors: [0, 1, 2, 3, 4, 5].map((n) => cpu.segment(n).selector),
    };
  }

  #asked(instruction: GuestInstruction): number | undefined {
    if (!QUERIES.has(instruction.op)) return undefined;
    const { cpu } = this.#vmm.machine;
    const modrm = instruction.modrm!;
    if (!modrm.isMemory) return cpu.reg(modrm.rm) & 0xffff;
    const offset = operandOffset(instruction, (n) => cpu.reg(n));
    const word = this.#word((cpu.segment(operandSegment(instruction)).base + offset) >>> 0);
    return word === undefined ? undefined : word & 0xffff;
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
        const popped = this.#word(stack + (instruction.op === 'iret' ? 2 * instruction.operandSize : 0));
        if (popped === undefined) return undefined;
        const changes = (before.cpl === 0 ? FLAG_IOPL : 0) | (before.cpl <= vcpu.iopl ? FLAG_IF : 0);
        return [privilege(virtual), privilege((virtual & ~changes) | (popped & changes))];
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
    const right = n === 1 || n === 2 ? (saw & 0xfffc) | before.cpl : saw;
    return [`selector ${hex(saw)} (ring ${saw & 3})`, `selector ${hex(right)} (ring ${right & 3})`];
  }

  #query(before: Before): [string, string] | undefined {
    const { cpu } = this.#vmm.machine;
    const { instruction } = before;
    if (before.asked === undefined) return undefined;
    const op = instruction.op as 'lar' | 'lsl' | 'verr' | 'verw';
    const { gdtr, ldtr } = this.#vmm.vcpu;
    const context = {
      vcpu: { gdtr, ldtr, cpl: before.cpl },
      memory: { read: (linear: number) => this.#guestWord(linear) },
    } as unknown as GuestContext;
    const right = queryDescriptor(context, before.asked, op);
    const mask = instruction.operandSize === 2 ? 0xffff : 0xffff_ffff;
    const zero = (cpu.eflags & FLAG_ZF) !== 0;
    const say = (found: boolean, value: number | undefined): string =>
      found ? (value === undefined ? 'allowed' : hex(value & mask)) : 'not allowed';
    const value = op === 'lar' || op === 'lsl' ? cpu.reg(instruction.modrm!.reg) : undefined;
    const wanted =
      right && (op === 'lar' ? right.high & 0x00ff_ff00 : op === 'lsl' ? unpackSegment(right).limit : undefined);
    return [say(zero, value), say(right !== undefined, wanted)];
  }

  #word(linear: number): number | undefined {
    const bytes = this.peek(linear >>> 0, 4);
    if (!bytes || bytes.length < 4) return undefined;
    return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  }

  /** A word of the guest's memory through its own page tables; 0 where there is none. */
  #guestWord(linear: number): number {
    const { domain, machine } = this.#vmm;
    let value = 0;
    for (let n = 0; n < 4; n++) {
      const walk = this.#paging.walk((linear + n) >>> 0, READ);
      if ('error' in walk || !domain.isRam(walk.guestPhysical)) return 0;
      value |= machine.cpu.ram[domain.hostPhysical(walk.guestPhysical)]! << (8 * n);
    }
    return value >>> 0;
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
