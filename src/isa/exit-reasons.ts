// Basic VM-exit reasons. Truth: SDM Vol. 3 Appendix C "VMX Basic Exit Reasons", Vol. 3 "VMX Non-Root Operation".
// Which instructions cause a reason is not said here: it comes from the opcode table (column `exit`).

/** One basic exit reason. */
export interface ExitReason {
  readonly number: number;
  /** Short name, unique, used in traces and statistics. */
  readonly name: string;
  /** What has happened. */
  readonly description: string;
  /** VM-execution controls that ask for the exit, `always`, or `VM entry` for failures of an entry. */
  readonly control: string;
}

const reason = (number: number, name: string, control: string, description: string): ExitReason => ({
  number,
  name,
  control,
  description,
});

/** All basic exit reasons of the processors this project models, in the order of their numbers. */
export const EXIT_REASONS: readonly ExitReason[] = [
  reason(
    0,
    'exception or NMI',
    'exception bitmap, page-fault error-code mask and match; NMI exiting',
    'An exception whose bit in the exception bitmap is set, or an NMI, was about to be delivered.',
  ),
  reason(1, 'external interrupt', 'external-interrupt exiting', 'An external interrupt arrived.'),
  reason(2, 'triple fault', 'always', 'An exception could not be delivered, nor the double fault that followed.'),
  reason(3, 'INIT signal', 'always', 'An INIT signal arrived.'),
  reason(4, 'start-up IPI', 'always', 'A SIPI arrived while the guest waited for one.'),
  reason(5, 'I/O SMI', 'always', 'An SMI arrived right after an I/O instruction, with dual-monitor treatment.'),
  reason(6, 'other SMI', 'always', 'An SMI arrived, with dual-monitor treatment.'),
  reason(7, 'interrupt window', 'interrupt-window exiting', 'The guest became able to take an external interrupt.'),
  reason(8, 'NMI window', 'NMI-window exiting', 'The guest became able to take an NMI.'),
  reason(9, 'task switch', 'always', 'The guest attempted a task switch.'),
  reason(10, 'CPUID', 'always', 'The guest executed CPUID.'),
  reason(11, 'GETSEC', 'always', 'The guest executed GETSEC.'),
  reason(12, 'HLT', 'HLT exiting', 'The guest executed HLT.'),
  reason(13, 'INVD', 'always', 'The guest executed INVD.'),
  reason(14, 'INVLPG', 'INVLPG exiting', 'The guest executed INVLPG.'),
  reason(15, 'RDPMC', 'RDPMC exiting', 'The guest executed RDPMC.'),
  reason(16, 'RDTSC', 'RDTSC exiting', 'The guest executed RDTSC.'),
  reason(17, 'RSM', 'always', 'The guest executed RSM in system-management mode.'),
  reason(18, 'VMCALL', 'always', 'The guest executed VMCALL: a hypercall.'),
  reason(19, 'VMCLEAR', 'always', 'The guest executed VMCLEAR.'),
  reason(20, 'VMLAUNCH', 'always', 'The guest executed VMLAUNCH.'),
  reason(21, 'VMPTRLD', 'always', 'The guest executed VMPTRLD.'),
  reason(22, 'VMPTRST', 'always', 'The guest executed VMPTRST.'),
  reason(23, 'VMREAD', 'always, or VMREAD bitmap with VMCS shadowing', 'The guest executed VMREAD.'),
  reason(24, 'VMRESUME', 'always', 'The guest executed VMRESUME.'),
  reason(25, 'VMWRITE', 'always, or VMWRITE bitmap with VMCS shadowing', 'The guest executed VMWRITE.'),
  reason(26, 'VMXOFF', 'always', 'The guest executed VMXOFF.'),
  reason(27, 'VMXON', 'always', 'The guest executed VMXON.'),
  reason(
    28,
    'control-register access',
    'CR0/CR4 guest/host masks, CR3-load/CR3-store exiting, CR3-target values, CR8-load/CR8-store exiting',
    'The guest read or changed a control register in a way the VMM has asked to see.',
  ),
  reason(29, 'MOV DR', 'MOV-DR exiting', 'The guest read or changed a debug register.'),
  reason(
    30,
    'I/O instruction',
    'unconditional I/O exiting, or I/O bitmaps',
    'The guest executed IN, OUT, INS or OUTS on a port the VMM has asked to see.',
  ),
  reason(
    31,
    'RDMSR',
    'MSR bitmaps; always without them',
    'The guest read a model-specific register the VMM has asked to see.',
  ),
  reason(
    32,
    'WRMSR',
    'MSR bitmaps; always without them',
    'The guest wrote a model-specific register the VMM has asked to see.',
  ),
  reason(
    33,
    'VM-entry failure, guest state',
    'VM entry',
    'A VM entry failed because the guest-state area did not pass the checks.',
  ),
  reason(34, 'VM-entry failure, MSR loading', 'VM entry', 'A VM entry failed while it loaded MSRs.'),
  reason(36, 'MWAIT', 'MWAIT exiting', 'The guest executed MWAIT.'),
  reason(
    37,
    'monitor trap flag',
    'monitor trap flag',
    'One guest instruction completed under single-stepping by the VMM.',
  ),
  reason(39, 'MONITOR', 'MONITOR exiting', 'The guest executed MONITOR.'),
  reason(
    40,
    'PAUSE',
    'PAUSE exiting, or PAUSE-loop exiting',
    'The guest executed PAUSE, or kept executing it in a loop.',
  ),
  reason(41, 'VM-entry failure, machine check', 'VM entry', 'A machine check happened during a VM entry.'),
  reason(
    43,
    'TPR below threshold',
    'use TPR shadow, TPR threshold',
    'The guest lowered its task priority below the threshold.',
  ),
  reason(
    44,
    'APIC access',
    'virtualize APIC accesses',
    'The guest touched the APIC-access page in a way that is not virtualized.',
  ),
  reason(
    45,
    'virtualized EOI',
    'virtual-interrupt delivery, EOI-exit bitmap',
    'The guest ended an interrupt whose EOI the VMM has asked to see.',
  ),
  reason(46, 'GDTR or IDTR access', 'descriptor-table exiting', 'The guest executed LGDT, LIDT, SGDT or SIDT.'),
  reason(47, 'LDTR or TR access', 'descriptor-table exiting', 'The guest executed LLDT, LTR, SLDT or STR.'),
  reason(
    48,
    'EPT violation',
    'enable EPT',
    'The EPT paging structures do not allow an access to a guest-physical address.',
  ),
  reason(49, 'EPT misconfiguration', 'enable EPT', 'An EPT paging-structure entry holds an unsupported value.'),
  reason(50, 'INVEPT', 'always', 'The guest executed INVEPT.'),
  reason(51, 'RDTSCP', 'RDTSC exiting, with enable RDTSCP', 'The guest executed RDTSCP.'),
  reason(52, 'VMX-preemption timer', 'activate VMX-preemption timer', 'The timer counted down to zero.'),
  reason(53, 'INVVPID', 'always', 'The guest executed INVVPID.'),
  reason(54, 'WBINVD', 'WBINVD exiting', 'The guest executed WBINVD.'),
  reason(55, 'XSETBV', 'always', 'The guest executed XSETBV.'),
  reason(
    56,
    'APIC write',
    'APIC-register virtualization',
    'The guest completed a write to the virtual-APIC page that the VMM has to act on.',
  ),
  reason(57, 'RDRAND', 'RDRAND exiting', 'The guest executed RDRAND.'),
  reason(58, 'INVPCID', 'enable INVPCID and INVLPG exiting', 'The guest executed INVPCID.'),
  reason(
    59,
    'VMFUNC',
    'enable VM functions',
    'The guest executed VMFUNC for a function that is not enabled or failed.',
  ),
  reason(60, 'ENCLS', 'enable ENCLS exiting', 'The guest executed ENCLS.'),
  reason(61, 'RDSEED', 'RDSEED exiting', 'The guest executed RDSEED.'),
  reason(62, 'page-modification log full', 'enable PML', 'The log of guest pages written has no room left.'),
  reason(63, 'XSAVES', 'enable XSAVES/XRSTORS, XSS-exiting bitmap', 'The guest executed XSAVES.'),
  reason(64, 'XRSTORS', 'enable XSAVES/XRSTORS, XSS-exiting bitmap', 'The guest executed XRSTORS.'),
];

const byNumber = new Map(EXIT_REASONS.map((entry) => [entry.number, entry]));

/** Entry of a basic exit reason. */
export function exitReason(number: number): ExitReason | undefined {
  return byNumber.get(number);
}

/** Name of a basic exit reason, for traces and statistics. */
export function exitReasonName(number: number): string {
  return byNumber.get(number)?.name ?? `exit reason ${number}`;
}
