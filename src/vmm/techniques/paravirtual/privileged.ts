// The privileged instructions that the hypervisor does for a guest kernel which executes them all the same: port I/O by
// the level it asked for, control and debug registers, CLTS, MSRs of the TSC, WBINVD, and CPUID with the prefix that
// forces emulation. All others are the guest's own #GP (Barham et al. 2003, section 3.2.2 "CPU").

import { decodeGuest, type GuestInstruction, mnemonicName } from '../../emulate/instruction.ts';
import { segmentBase } from './bounce.ts';
import { getDebugreg, setDebugreg } from './hypercalls/cpu.ts';
import { fpuTaskswitch } from './hypercalls/cpu.ts';
import { newBasePointer } from './hypercalls/mmu.ts';
import { SHARED_INFO_MFN } from './layout.ts';
import { VCPU_INFO, XEN_VERSION } from '../../xen/abi.ts';
import type { Xen } from './xen.ts';

const EAX = 0;
const ECX = 1;
const EDX = 2;
const EBX = 3;
const ESP = 4;
const LONGEST = 15;
/** Work of decoding and of one port access, as in the other techniques. */
const DECODE_WORK = 90;
const DEVICE_WORK = 40;
/** The one port a domain is given: the debug exit. */
const PORT_DEBUG_EXIT = 0xf4;
const MSR_TSC = 0x10;
const CR0_TS = 0x8;
const CR0_RUNNING = 0x8001_0031;
/** UD2 and "xen": what follows is to be emulated. */
const FORCED_PREFIX = [0x0f, 0x0b, 0x78, 0x65, 0x6e] as const;

type Handler = (xen: Xen, instruction: GuestInstruction) => boolean;

/** Emulates the instruction at the guest's EIP if it is one of those; false leaves the #GP to the guest. */
export function emulatePrivileged(xen: Xen): boolean {
  const bytes = fetch(xen);
  xen.cpu.charge('alu', DECODE_WORK);
  const instruction = decodeGuest(bytes, true);
  if (instruction === undefined) return false;
  const handler = HANDLERS[instruction.op];
  if (handler === undefined || !handler(xen, instruction)) return false;
  finish(xen, mnemonicName(instruction), instruction.length);
  return true;
}

function finish(xen: Xen, mnemonic: string, length: number): void {
  xen.counters.add('emulated', mnemonic);
  xen.counters.instructionsEmulated++;
  xen.frame.eip = xen.frame.eip + length;
}

function fetch(xen: Xen): Uint8Array {
  const base = segmentBase(xen.cpu, xen.frame.cs) ?? 0;
  return xen.copy.readBytes((base + xen.frame.eip) >>> 0, LONGEST);
}

const isKernel = (xen: Xen): boolean => (xen.frame.cs & 3) === 1;

function readRegister(xen: Xen, n: number): number {
  return n === ESP ? xen.frame.esp : xen.cpu.reg(n);
}

function writeRegister(xen: Xen, n: number, value: number): void {
  if (n === ESP) xen.frame.esp = value;
  else xen.cpu.setReg(n, value >>> 0);
}

function portAllowed(xen: Xen): boolean {
  return isKernel(xen) ? xen.state.iopl >= 1 : xen.state.iopl >= 3;
}

function portOf(xen: Xen, instruction: GuestInstruction): number {
  return instruction.immediateSize === 1 ? instruction.immediate & 0xff : readRegister(xen, EDX) & 0xffff;
}

function portSize(instruction: GuestInstruction): 1 | 2 | 4 {
  return instruction.form.opcode & 1 ? instruction.operandSize : 1;
}

/** No port but one is the guest's: reads give all ones, writes go nowhere. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  in: (xen, instruction) => {
    if (!portAllowed(xen)) return false;
    xen.cpu.charge('alu', DEVICE_WORK);
    const mask = 2 ** (8 * portSize(instruction)) - 1;
    xen.trace('exits', () => `read of port 0x${portOf(xen, instruction).toString(16)}: all ones`);
    writeRegister(xen, EAX, (readRegister(xen, EAX) | mask) >>> 0);
    return true;
  },
  out: (xen, instruction) => {
    if (!portAllowed(xen)) return false;
    xen.cpu.charge('alu', DEVICE_WORK);
    const port = portOf(xen, instruction);
    if (port === PORT_DEBUG_EXIT) {
      xen.end({ reason: 'debug-exit', status: ((readRegister(xen, EAX) << 1) | 1) & 0xff });
    }
    return true;
  },
  clts: (xen) => {
    if (!isKernel(xen)) return false;
    fpuTaskswitch(xen, [0]);
    return true;
  },
  wbinvd: (xen) => isKernel(xen),
  invd: (xen) => isKernel(xen),
  mov_from_cr: (xen, instruction) => {
    const value = isKernel(xen) ? readControl(xen, instruction.modrm!.reg) : undefined;
    if (value === undefined) return false;
    writeRegister(xen, instruction.modrm!.rm, value);
    return true;
  },
  mov_to_cr: (xen, instruction) =>
    isKernel(xen) && writeControl(xen, instruction.modrm!.reg, readRegister(xen, instruction.modrm!.rm)),
  mov_from_dr: (xen, instruction) => {
    if (!isKernel(xen)) return false;
    writeRegister(xen, instruction.modrm!.rm, getDebugreg(xen, [debugNumber(instruction)]));
    return true;
  },
  mov_to_dr: (xen, instruction) =>
    isKernel(xen) && setDebugreg(xen, [debugNumber(instruction), readRegister(xen, instruction.modrm!.rm)]) === 0,
  rdmsr: (xen) => {
    if (!isKernel(xen) || readRegister(xen, ECX) !== MSR_TSC) return false;
    const now = xen.machine.clock.now();
    xen.cpu.charge('rdtsc');
    writeRegister(xen, EAX, now % 2 ** 32);
    writeRegister(xen, EDX, Math.floor(now / 2 ** 32));
    return true;
  },
};

/** DR4 and DR5 are other names of DR6 and DR7. */
function debugNumber(instruction: GuestInstruction): number {
  const number = instruction.modrm!.reg;
  return number === 4 || number === 5 ? number + 2 : number;
}

function readControl(xen: Xen, number: number): number | undefined {
  switch (number) {
    case 0:
      return (CR0_RUNNING | (xen.state.taskSwitched ? CR0_TS : 0)) >>> 0;
    case 2:
      return xen.cpu.loadPhysical(SHARED_INFO_MFN * 0x1000 + VCPU_INFO.archCr2, 4);
    case 3:
      return xen.state.directory * 0x1000;
    case 4:
      return 0;
    default:
      return undefined;
  }
}

function writeControl(xen: Xen, number: number, value: number): boolean {
  switch (number) {
    case 0:
      if (((value ^ CR0_RUNNING) & ~CR0_TS) >>> 0 !== 0) {
        xen.warn('The guest wrote CR0 to change more than TS, which a paravirtual guest cannot do; it got #GP.');
        return false;
      }
      fpuTaskswitch(xen, [value & CR0_TS]);
      return true;
    case 2:
      xen.cpu.storePhysical(SHARED_INFO_MFN * 0x1000 + VCPU_INFO.archCr2, 4, value);
      return true;
    case 3:
      return newBasePointer(xen, value >>> 12, `CR3 0x${value.toString(16)}`) === 0;
    case 4:
      // Xen ignores changes of CR4 by a guest and says so.
      if (value !== 0)
        xen.warn(`The guest wrote 0x${value.toString(16)} to CR4; a paravirtual guest's CR4 is not changed.`);
      return true;
    default:
      return false;
  }
}

/** CPUID behind the prefix: the hypervisor's leaves, and the processor's without what a guest cannot have. */
export function emulateForced(xen: Xen): boolean {
  const bytes = fetch(xen);
  if (bytes.length < 7 || FORCED_PREFIX.some((byte, i) => bytes[i] !== byte)) return false;
  if (bytes[5] !== 0x0f || bytes[6] !== 0xa2) return false;
  const leaf = xen.cpu.reg(EAX);
  const registers = hypervisorLeaf(leaf);
  if (registers !== undefined) {
    [EAX, EBX, ECX, EDX].forEach((register, i) => {
      xen.cpu.setReg(register, registers[i]!);
    });
  } else {
    xen.cpu.execute([0x0f, 0xa2]);
    // PSE, PGE, MCE, MTRR, APIC, SEP: not the guest's.
    if (leaf === 1) xen.cpu.setReg(EDX, (xen.cpu.reg(EDX) & ~0x3a88 & ~0x8) >>> 0);
  }
  finish(xen, 'CPUID', 7);
  return true;
}

function hypervisorLeaf(leaf: number): readonly number[] | undefined {
  switch (leaf) {
    case 0x4000_0000:
      return [0x4000_0002, 0x566e_6558, 0x65584d4d, 0x4d4d_566e]; // "XenVMMXenVMM"
    case 0x4000_0001:
      return [XEN_VERSION, 0, 0, 0];
    case 0x4000_0002:
      return [1, 0x4000_0000, 0, 0]; // one hypercall page, by the MSR named in EBX
    default:
      return undefined;
  }
}
