// What the VMM does about each VM exit. The table is exhaustive by type: a new exit reason does not compile without a
// handler (SDM Vol. 3C "Instructions That Cause VM Exits", "Other Causes of VM Exits").

import { latchCoprocessorError } from '../../coprocessor-error.ts';
import { guestFeatures } from '../../guest-cpuid.ts';
import { readMsr, writeMsr } from '../../emulate/msrs.ts';
import { writeCr0, writeCr3, writeCr4 } from '../../emulate/system.ts';
import {
  GuestFault,
  PF_FETCH,
  PF_USER,
  PF_WRITE,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_PF,
  VECTOR_UD,
} from '../../host-access.ts';
import { CR0_TS, EAX, EBX, ECX, EDX } from '../../vcpu.ts';
import type { EventInformation, ExitOf, ExitReason } from './exits.ts';
import { TYPE_EXCEPTION } from './guest-events.ts';
import type { VmcsGuest } from './vmcs-guest.ts';
import { CR4_GUEST } from './vmcs-setup.ts';
import type { VtxVmm } from './vtx-vmm.ts';

/** What the VMM does at a VM exit. */
export type Handler<R extends ExitReason> = (vmm: VtxVmm, exit: ExitOf<R>) => void;

const LEAF_EXTENDED_FEATURES = 0x8000_0001;
const FEATURE_SYSCALL = 1 << 11;
const MACHINE_STATUS_WORD = 0xf;
const CR4_EMULATED = 0x7ff;
/** Elements of a repeated string I/O done in one exit. */
const STRING_BATCH = 256;

function undefinedInstruction(vmm: VtxVmm): void {
  vmm.inject(new GuestFault(VECTOR_UD));
}

/** Runs `work` and skips the instruction, or delivers the fault it raised. */
function complete(vmm: VtxVmm, mnemonic: string, work: () => void): void {
  vmm.countEmulated(mnemonic);
  try {
    work();
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    vmm.inject(error);
    return;
  }
  vmm.skipInstruction();
}

function cpuid(vmm: VtxVmm): void {
  complete(vmm, 'cpuid', () => {
    const leaf = vmm.guest.reg(EAX);
    vmm.access.execute([0x0f, 0xa2]);
    const { guest } = vmm;
    const answer = { ebx: guest.reg(EBX), ecx: guest.reg(ECX), edx: guest.reg(EDX) };
    const { ebx, ecx, edx } = guestFeatures(leaf, answer, ['lm']);
    guest.setReg(EBX, ebx);
    guest.setReg(ECX, ecx);
    // SYSCALL is there in 64-bit code only, and the VMM may run other code than the guest
    const hides = leaf === LEAF_EXTENDED_FEATURES && !guest.code64;
    guest.setReg(EDX, hides ? edx & ~FEATURE_SYSCALL : edx);
  });
}

function pageFault(vmm: VtxVmm, error: number, linear: number): void {
  const access = { write: (error & PF_WRITE) !== 0, user: (error & PF_USER) !== 0, fetch: (error & PF_FETCH) !== 0 };
  const outcome = vmm.shadow!.fault(linear, access);
  vmm.trace('paging', () => `${outcome.kind} fault for ${linear.toString(16)} at ${vmm.where()}`);
  switch (outcome.kind) {
    case 'filled':
      vmm.deliverAgain();
      return;
    case 'true':
      vmm.inject(new GuestFault(VECTOR_PF, outcome.error, linear));
      return;
    case 'traced':
      // a frame of 64-bit code is pushed by the processor alone
      if (vmm.vcpu.longMode && vmm.isDelivering) {
        vmm.shadow!.release(outcome.guestPhysical >>> 12);
        vmm.deliverAgain();
        return;
      }
      vmm.emulateCurrent();
      return;
    default:
      vmm.emulateCurrent();
  }
}

/** MOV to CR4. The emulator knows the bits that change how guests are run; the others go straight to the processor. */
function writeAnyCr4(guest: VmcsGuest, value: number): void {
  if (value & ~CR4_GUEST) throw new GuestFault(VECTOR_GP, 0);
  writeCr4(guest, value & CR4_EMULATED);
  const rest = value & ~CR4_EMULATED;
  if (!rest) return;
  guest.vcpu.cr4 = (guest.vcpu.cr4 | rest) >>> 0;
  guest.changed('cr4');
}

function crAccess(vmm: VtxVmm, exit: ExitOf<'cr-access'>): void {
  const { guest, vcpu } = vmm;
  complete(vmm, exit.kind === 'lmsw' || exit.kind === 'clts' ? exit.kind : 'mov cr', () => {
    if (exit.kind === 'clts') writeCr0(guest, (vcpu.cr0 & ~CR0_TS) >>> 0);
    else if (exit.kind === 'lmsw') {
      const pe = vcpu.cr0 & 1;
      writeCr0(guest, ((vcpu.cr0 & ~MACHINE_STATUS_WORD) | (exit.source & MACHINE_STATUS_WORD) | pe) >>> 0);
    } else if (exit.kind === 'read') guest.setReg(exit.register, vcpu.cr3);
    else {
      const write = { 0: writeCr0, 3: writeCr3, 4: writeAnyCr4 }[exit.cr];
      if (!write) throw new GuestFault(VECTOR_UD);
      write(guest, guest.reg(exit.register));
    }
  });
}

/** DR6 bits that a debug exception sets. */
const DEBUG_CONDITIONS = 0xe00f;

/** An exception in imitated real-address mode: something to emulate, or one for the guest's vector table. */
function realModeException(vmm: VtxVmm, event: EventInformation, qualification: number): void {
  const { guest } = vmm;
  guest.loadSegments();
  if (guest.real!.hasNullSegment) {
    vmm.deliverAgain();
    return;
  }
  const fault = new GuestFault(event.vector, event.error);
  if (event.type !== TYPE_EXCEPTION) {
    vmm.raiseSoftware(event.vector);
    return;
  }
  if (event.vector === VECTOR_DB) guest.setDebugStatus(qualification & DEBUG_CONDITIONS);
  if (event.vector === VECTOR_GP) vmm.emulateCurrent(fault);
  else vmm.inject(fault);
}

/**
 * IN, OUT, INS, OUTS: the emulator does one element at a time; a repeated instruction stays where it is until it is
 * done.
 */
function io(vmm: VtxVmm, exit: ExitOf<'io-instruction'>): void {
  // the processor has looked at the I/O permission bitmap, the emulator does it again
  if (vmm.vcpu.cpl > vmm.vcpu.iopl) vmm.guest.loadTables();
  for (let n = 0; n < STRING_BATCH; n++) {
    const start = vmm.guest.eip;
    vmm.emulateCurrent();
    if (!exit.isString || vmm.guest.eip !== start || vmm.isInjecting) return;
  }
}

/** One handler for each reason. */
const EXIT_HANDLERS = {
  'exception-nmi': (vmm, { event, qualification }) => {
    if (event.type === 2) return;
    if (event.vector === VECTOR_PF && vmm.shadow) pageFault(vmm, event.error ?? 0, qualification);
    else if (latchCoprocessorError(event.vector, vmm.vcpu, vmm.domain)) vmm.deliverAgain();
    else if (vmm.guest.real?.active) realModeException(vmm, event, qualification);
    else vmm.inject(new GuestFault(event.vector, event.error));
  },
  'external-interrupt': (vmm, { vector }) => vmm.hostInterrupt(vector),
  'triple-fault': (vmm) => vmm.shutDown(),
  'interrupt-window': (vmm) => vmm.deliverAgain(),
  'nmi-window': (vmm) => vmm.deliverAgain(),
  'tpr-below-threshold': (vmm) => vmm.deliverAgain(),
  'preemption-timer': (vmm) => vmm.deliverAgain(),
  'monitor-trap': (vmm) => vmm.deliverAgain(),
  'task-switch': (vmm, { selector }) => {
    vmm.notSupported('a hardware task switch');
    vmm.inject(new GuestFault(VECTOR_GP, selector & 0xfffc));
  },
  cpuid,
  hlt: (vmm) => {
    vmm.countEmulated('hlt');
    vmm.skipInstruction();
    vmm.vcpu.halted = true;
  },
  mwait: (vmm) => complete(vmm, 'mwait', () => {}),
  monitor: (vmm) => complete(vmm, 'monitor', () => {}),
  pause: (vmm) => complete(vmm, 'pause', () => {}),
  invd: (vmm) => complete(vmm, 'invd', () => {}),
  wbinvd: (vmm) => complete(vmm, 'wbinvd', () => {}),
  invlpg: (vmm, { linear }) => complete(vmm, 'invlpg', () => vmm.guest.invlpg(linear)),
  rdmsr: (vmm) =>
    complete(vmm, 'rdmsr', () => {
      const [low, high] = readMsr(vmm.guest, vmm.guest.reg(ECX));
      vmm.guest.setReg(EAX, low);
      vmm.guest.setReg(EDX, high);
    }),
  wrmsr: (vmm) =>
    complete(vmm, 'wrmsr', () => {
      const { guest } = vmm;
      writeMsr(guest, guest.reg(ECX), guest.reg(EAX), guest.reg(EDX));
    }),
  rdpmc: (vmm) => vmm.inject(new GuestFault(VECTOR_GP, 0)),
  rdtsc: undefinedInstruction,
  rdtscp: undefinedInstruction,
  xsetbv: undefinedInstruction,
  'vmx-instruction': undefinedInstruction,
  'cr-access': crAccess,
  'mov-dr': (vmm) => vmm.emulateCurrent(),
  'io-instruction': io,
  'apic-access': (vmm) => {
    vmm.emulateCurrent();
  },
  'gdtr-idtr-access': (vmm) => vmm.emulateCurrent(),
  // the instructions that 16-bit protected mode has and real-address mode has not
  'ldtr-tr-access': (vmm) => (vmm.guest.real?.active ? undefinedInstruction(vmm) : vmm.emulateCurrent()),
  'ept-violation': (vmm, { guestPhysical }) => {
    vmm.trace('paging', () => `EPT violation at guest-physical ${guestPhysical.toString(16)}`);
    vmm.emulateCurrent();
  },
  'ept-misconfiguration': () => {
    throw new Error('vtx: an EPT entry of the VMM is not valid');
  },
  'entry-failure': (vmm, { number }) => vmm.entryFailed(`VM exit reason ${number}`),
  unknown: (_vmm, { number }) => {
    throw new Error(`vtx: VM exit with unexpected reason ${number}`);
  },
} satisfies { [R in ExitReason]: Handler<R> };

/** Calls the handler of an exit. */
export function handleExit<R extends ExitReason>(vmm: VtxVmm, exit: ExitOf<R>): void {
  (EXIT_HANDLERS[exit.reason as R] as Handler<R>)(vmm, exit);
}
