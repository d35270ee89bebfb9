// Opcode rows: instructions for operating systems: descriptor tables, control and debug registers, MSRs, fast system calls.
// Truth: SDM Vol. 2 "Instruction Set Reference", Vol. 3 "System Instruction Summary", "Instructions That Cause VM Exits";
// sensitivity: Robin & Irvine 2000.
import { type ExitCause, type Row, type RowOptions, type Sensitivity, row } from '../form.ts';

const behavior = (cls: Sensitivity['class'], why: string): Sensitivity => ({ kind: 'behavior', class: cls, why });
const listed = (cls: Sensitivity['class'], name: string, why: string): Sensitivity => ({
  kind: 'behavior',
  class: cls,
  listed: name,
  why,
});
const control = (cls: Sensitivity['class'], why: string): Sensitivity => ({ kind: 'control', class: cls, why });
const gdtrIdtrExit: ExitCause = { reason: 46, control: 'descriptor-table exiting' };
const ldtrTrExit: ExitCause = { reason: 47, control: 'descriptor-table exiting' };
const protectedOnly: RowOptions = { protectedOnly: true };
const query = (name: string): RowOptions => ({
  protectedOnly: true,
  flags: { write: 'Z' },
  memory: 'r',
  sensitive: listed(
    '3C',
    name,
    `${name} answers by the descriptor and by the real CPL, so it reveals the real ring and the real GDT.`,
  ),
});
const interruptFlag: RowOptions = {
  cpl: 'iopl',
  flags: { write: 'IF' },
  sensitive: control('3B', 'It changes IF; it faults when CPL is above IOPL.'),
};

/** Descriptor-table registers, the machine status word, segment queries. */
const DESCRIPTOR: readonly Row[] = [
  row('0F 00 /0', 'sldt', 'Mw/Rv', 'sldt', 'segment-read', 'SLDT', {
    ...protectedOnly,
    memory: 'w',
    sensitive: listed('3B', 'SLDT', 'SLDT stores the real LDTR at any privilege level.'),
    exit: ldtrTrExit,
  }),
  row('0F 00 /1', 'str', 'Mw/Rv', 'str', 'segment-read', 'STR', {
    ...protectedOnly,
    memory: 'w',
    sensitive: listed('3C', 'STR', 'STR stores the real task register at any privilege level.'),
    exit: ldtrTrExit,
  }),
  row('0F 00 /2', 'lldt', 'Ew', 'lldt', 'descriptor-table', 'LLDT', {
    ...protectedOnly,
    memory: 'r',
    cpl: 0,
    sensitive: control('3C', 'LLDT loads the local descriptor table register.'),
    exit: ldtrTrExit,
  }),
  row('0F 00 /3', 'ltr', 'Ew', 'ltr', 'descriptor-table', 'LTR', {
    ...protectedOnly,
    memory: 'r',
    cpl: 0,
    sensitive: control('3C', 'LTR loads the task register.'),
    exit: ldtrTrExit,
  }),
  row('0F 00 /4', 'verr', 'Ew', 'verr', 'segment-query', 'VERR/VERW', query('VERR')),
  row('0F 00 /5', 'verw', 'Ew', 'verw', 'segment-query', 'VERR/VERW', query('VERW')),
  row('0F 02 /r', 'lar', 'Gv,Ew', 'lar', 'segment-query', 'LAR', query('LAR')),
  row('0F 03 /r', 'lsl', 'Gv,Ew', 'lsl', 'segment-query', 'LSL', query('LSL')),
  row('63 /r', 'arpl', 'Ew,Gw', 'arpl', 'segment-query', 'ARPL', {
    ...protectedOnly,
    memory: 'rw',
    modes: 'legacy',
    flags: { write: 'Z' },
  }),
  row('0F 01 /0', 'sgdt', 'Ms', 'sgdt', 'descriptor-table', 'SGDT', {
    memory: 'w',
    size64: 'f64',
    sensitive: listed('3B', 'SGDT', 'SGDT stores the real GDTR at any privilege level.'),
    exit: gdtrIdtrExit,
  }),
  row('0F 01 /1', 'sidt', 'Ms', 'sidt', 'descriptor-table', 'SIDT', {
    memory: 'w',
    size64: 'f64',
    sensitive: listed('3B', 'SIDT', 'SIDT stores the real IDTR at any privilege level.'),
    exit: gdtrIdtrExit,
  }),
  row('0F 01 /2', 'lgdt', 'Ms', 'lgdt', 'descriptor-table', 'LGDT/LIDT', {
    memory: 'r',
    size64: 'f64',
    cpl: 0,
    sensitive: control('3C', 'LGDT loads the global descriptor table register.'),
    exit: gdtrIdtrExit,
  }),
  row('0F 01 /3', 'lidt', 'Ms', 'lidt', 'descriptor-table', 'LGDT/LIDT', {
    memory: 'r',
    size64: 'f64',
    cpl: 0,
    sensitive: control('3B', 'LIDT loads the interrupt descriptor table register.'),
    exit: gdtrIdtrExit,
  }),
  row('0F 01 /4', 'smsw', 'Mw/Rv', 'smsw', 'cr-read', 'SMSW', {
    memory: 'w',
    sensitive: listed('3B', 'SMSW', 'SMSW stores the low half of the real CR0 at any privilege level.'),
  }),
  row('0F 01 /6', 'lmsw', 'Ew', 'lmsw', 'cr0-write', 'LMSW', {
    memory: 'r',
    cpl: 0,
    sensitive: control('3A', 'LMSW changes PE, MP, EM and TS of CR0.'),
    exit: { reason: 28, control: 'CR0 guest/host mask and read shadow' },
  }),
  row('0F 01 /7', 'invlpg', 'M', 'invlpg', 'invlpg', 'INVLPG', {
    memory: 'address',
    cpl: 0,
    sensitive: control('3C', 'INVLPG changes what the translation caches hold.'),
    exit: { reason: 14, control: 'INVLPG exiting' },
  }),
];

const controlRegister = (why: string): RowOptions => ({
  cpl: 0,
  size64: 'f64',
  flags: { write: 'OSZAPC', undefined: 'OSZAPC' },
  sensitive: control('3C', why),
  exit: { reason: 28, control: 'CR0/CR4 guest/host masks, CR3-load/CR3-store exiting, CR3-target values, CR8 exiting' },
});
/** They raise #UD, not #GP, above CPL 0. */
const accessPrevention = (why: string): RowOptions => ({
  cpuid: 'smap',
  endsBlock: true,
  flags: { write: 'X' },
  sensitive: control('3C', why),
});
const debugRegister: RowOptions = {
  cpl: 0,
  size64: 'f64',
  flags: { write: 'OSZAPC', undefined: 'OSZAPC' },
  sensitive: control('3B', 'It reads or changes a debug register.'),
  exit: { reason: 29, control: 'MOV-DR exiting' },
};

/** Control and debug registers, MSRs and counters, caches, HLT and the interrupt flag. */
const PROCESSOR: readonly Row[] = [
  row('0F 20 /r', 'mov', 'Rn,Cn', 'mov_from_cr', 'cr-read', 'MOV—Move to/from Control Registers', {
    ...controlRegister('It reads a control register.'),
  }),
  row('0F 22 /r', 'mov', 'Cn,Rn', 'mov_to_cr', 'cr0-write', 'MOV—Move to/from Control Registers', {
    ...controlRegister('It changes a control register: mode, paging or the address space.'),
  }),
  row('0F 21 /r', 'mov', 'Rn,Dn', 'mov_from_dr', 'dr-access', 'MOV—Move to/from Debug Registers', debugRegister),
  row('0F 23 /r', 'mov', 'Dn,Rn', 'mov_to_dr', 'dr-access', 'MOV—Move to/from Debug Registers', debugRegister),
  row('0F 06', 'clts', '', 'clts', 'cr0-write', 'CLTS', {
    cpl: 0,
    sensitive: control('3B', 'CLTS clears CR0.TS.'),
    exit: { reason: 28, control: 'CR0 guest/host mask and read shadow' },
  }),
  row('0F 08', 'invd', '', 'invd', 'cache-control', 'INVD', {
    cpl: 0,
    sensitive: control('3C', 'INVD drops the caches.'),
    exit: { reason: 13, control: 'always' },
  }),
  row('0F 09', 'wbinvd', '', 'wbinvd', 'cache-control', 'WBINVD', {
    cpl: 0,
    sensitive: control('3C', 'WBINVD writes back and drops the caches.'),
    exit: { reason: 54, control: 'WBINVD exiting' },
  }),
  row('0F 30', 'wrmsr', '', 'wrmsr', 'wrmsr', 'WRMSR', {
    cpl: 0,
    cpuid: 'msr',
    sensitive: control('3B', 'WRMSR changes a model-specific register.'),
    exit: { reason: 32, control: 'MSR bitmaps' },
  }),
  row('0F 32', 'rdmsr', '', 'rdmsr', 'rdmsr', 'RDMSR', {
    cpl: 0,
    cpuid: 'msr',
    sensitive: behavior('3B', 'RDMSR reads a model-specific register.'),
    exit: { reason: 31, control: 'MSR bitmaps' },
  }),
  row('0F 31', 'rdtsc', '', 'rdtsc', 'rdtsc', 'RDTSC', {
    cpuid: 'tsc',
    sensitive: behavior(
      '3B',
      'RDTSC reveals the time the VMM has taken; it faults at CPL above 0 only when CR4.TSD is set.',
    ),
    exit: { reason: 16, control: 'RDTSC exiting' },
  }),
  row('0F 01 F9', 'rdtscp', '', 'rdtscp', 'rdtsc', 'RDTSCP', {
    cpuid: 'rdtscp',
    sensitive: behavior(
      '3B',
      'RDTSCP reveals the time the VMM has taken; it faults at CPL above 0 only when CR4.TSD is set.',
    ),
    exit: { reason: 51, control: 'RDTSC exiting' },
  }),
  row('0F 33', 'rdpmc', '', 'rdpmc', 'rdtsc', 'RDPMC', {
    cpuid: 'rdpmc',
    sensitive: behavior(
      '3B',
      'RDPMC reveals the performance counters; it faults at CPL above 0 unless CR4.PCE is set.',
    ),
    exit: { reason: 15, control: 'RDPMC exiting' },
  }),
  row('0F A2', 'cpuid', '', 'cpuid', 'cpuid', 'CPUID', {
    cpuid: 'cpuid',
    sensitive: behavior('3B', 'CPUID reveals the features of the real processor at any privilege level.'),
    exit: { reason: 10, control: 'always' },
  }),
  row('F4', 'hlt', '', 'hlt', 'hlt', 'HLT', {
    cpl: 0,
    sensitive: control('3A', 'HLT stops the processor.'),
    exit: { reason: 12, control: 'HLT exiting' },
  }),
  row('FA', 'cli', '', 'cli', 'cli', 'CLI', interruptFlag),
  row('FB', 'sti', '', 'sti', 'sti', 'STI', { ...interruptFlag, endsBlock: true }),
  row('NP 0F 01 C8', 'monitor', '', 'monitor', 'hlt', 'MONITOR', {
    cpl: 0,
    cpuid: 'monitor',
    sensitive: control('3A', 'MONITOR arms the address that wakes the processor.'),
    exit: { reason: 39, control: 'MONITOR exiting' },
  }),
  row('NP 0F 01 C9', 'mwait', '', 'mwait', 'hlt', 'MWAIT', {
    cpl: 0,
    cpuid: 'monitor',
    sensitive: control('3A', 'MWAIT stops the processor.'),
    exit: { reason: 36, control: 'MWAIT exiting' },
  }),
  row('NP 0F 01 D0', 'xgetbv', '', 'xgetbv', 'rdmsr', 'XGETBV', { cpuid: 'xsave' }),
  row('NP 0F 01 D1', 'xsetbv', '', 'xsetbv', 'wrmsr', 'XSETBV', {
    cpl: 0,
    cpuid: 'xsave',
    sensitive: control('3B', 'XSETBV changes an extended control register.'),
    exit: { reason: 55, control: 'always' },
  }),
  row(
    'NP 0F 01 CA',
    'clac',
    '',
    'clac',
    'flags',
    'CLAC',
    accessPrevention('CLAC keeps the supervisor from user pages.'),
  ),
  row('NP 0F 01 CB', 'stac', '', 'stac', 'flags', 'STAC', accessPrevention('STAC lets the supervisor use user pages.')),
  row('66 0F 38 82 /r', 'invpcid', 'Gn,Mo', 'invpcid', 'invlpg', 'INVPCID', {
    cpl: 0,
    cpuid: 'invpcid',
    sensitive: control('3C', 'INVPCID changes what the translation caches hold.'),
    exit: { reason: 58, control: 'enable INVPCID and INVLPG exiting' },
  }),
  row('0F AA', 'rsm', '', 'rsm', 'iret', 'RSM', { endsBlock: true, cpuid: 'smm' }),
];

const random: RowOptions = { flags: { write: 'OSZAPC' } };

/** Random numbers. */
const RANDOM: readonly Row[] = [
  row('NFx 0F C7 /6', 'rdrand', 'Rv', 'rdrand', 'rdtsc', 'RDRAND', {
    ...random,
    cpuid: 'rdrand',
    exit: { reason: 57, control: 'RDRAND exiting' },
  }),
  row('NFx 0F C7 /7', 'rdseed', 'Rv', 'rdseed', 'rdtsc', 'RDSEED', {
    ...random,
    cpuid: 'rdseed',
    exit: { reason: 61, control: 'RDSEED exiting' },
  }),
];

/** Fast system calls. */
const SYSTEM_CALL: readonly Row[] = [
  row('0F 34', 'sysenter', '', 'sysenter', 'sysenter', 'SYSENTER', {
    endsBlock: true,
    cpuid: 'sep',
    flags: { write: 'IRV' },
  }),
  row('0F 35', 'sysexit/sysexit/sysexitq', '', 'sysexit', 'sysexit', 'SYSEXIT', {
    cpl: 0,
    cpuid: 'sep',
    sensitive: control('3A', 'SYSEXIT goes to CPL 3 at once.'),
  }),
  row('0F 05', 'syscall', '', 'syscall', 'sysenter', 'SYSCALL', { endsBlock: true, modes: '64', cpuid: 'syscall' }),
  row('0F 07', 'sysret/sysret/sysretq', '', 'sysret', 'sysexit', 'SYSRET', {
    // outside 64-bit mode it exists on AMD processors: #GP(0) above CPL 0
    cpl: 0,
    cpuid: 'syscall',
    sensitive: control('3A', 'SYSRET goes to CPL 3 at once.'),
  }),
  row('0F 01 F8', 'swapgs', '', 'swapgs', 'wrmsr', 'SWAPGS', {
    cpl: 0,
    modes: '64',
    cpuid: 'lm',
    sensitive: control('3B', 'SWAPGS exchanges the GS base with an MSR.'),
  }),
];

/** Bases of FS and GS. */
const SEGMENT_BASE: readonly Row[] = ['rdfsbase', 'rdgsbase', 'wrfsbase', 'wrgsbase'].map((name, n) =>
  row(`F3 0F AE /${n}`, name, 'Ry', name, 'segment-read', n < 2 ? 'RDFSBASE/RDGSBASE' : 'WRFSBASE/WRGSBASE', {
    modes: '64',
    cpuid: 'fsgsbase',
  }),
);

export const SYSTEM: readonly Row[] = [...DESCRIPTOR, ...PROCESSOR, ...RANDOM, ...SYSTEM_CALL, ...SEGMENT_BASE];
