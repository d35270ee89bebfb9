// The exceptions an instruction form can raise, each with its cause, derived from the columns of its row and from lists of
// operations where the row does not say it. Truth: the "Exceptions" sections of SDM Vol. 2 and Vol. 3 instruction pages and
// SDM Vol. 3 "Exception and Interrupt Reference". What fetching any instruction can raise is in FETCH_EXCEPTIONS.
import { type Form, memoryUse, needsMemory, needsRegister } from './forms.ts';

/** Mnemonics of the exceptions, with their vectors. */
export const EXCEPTION_VECTORS = {
  '#DE': 0,
  '#DB': 1,
  '#BP': 3,
  '#OF': 4,
  '#BR': 5,
  '#UD': 6,
  '#NM': 7,
  '#TS': 10,
  '#NP': 11,
  '#SS': 12,
  '#GP': 13,
  '#PF': 14,
  '#MF': 16,
  '#AC': 17,
  '#XM': 19,
} as const satisfies Record<string, number>;

/** Mnemonic of an exception. */
export type ExceptionName = keyof typeof EXCEPTION_VECTORS;

/** One way an instruction can fault or trap. */
export interface ExceptionCause {
  readonly name: ExceptionName;
  /** What the error code is, absent when none is pushed. */
  readonly error?: '0' | 'selector' | 'fault code' | 'gate';
  readonly when: string;
}

/** What the fetch of any instruction can raise, whatever it is. */
export const FETCH_EXCEPTIONS: readonly ExceptionCause[] = [
  cause(
    '#GP',
    'the instruction is longer than 15 bytes, or lies beyond the CS limit or at a non-canonical address',
    '0',
  ),
  cause('#PF', 'a page of the instruction is not present or not executable', 'fault code'),
  cause('#DB', 'an instruction breakpoint is set on it, or EFLAGS.TF was set when it began'),
];

function cause(name: ExceptionName, when: string, error?: ExceptionCause['error']): ExceptionCause {
  return error === undefined ? { name, when } : { name, error, when };
}

const STRINGS = new Set(['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs']);
const PUSHES = new Set('push pusha pushf push_segment call call_indirect call_far enter int int3 into int1'.split(' '));
const POPS = new Set('pop popa popf pop_segment ret ret_far iret leave'.split(' '));
/** Operations that load a segment register or a table register from a selector. */
const SEGMENT_LOADS = new Set('pop_segment mov_to_segment les lds lss lfs lgs'.split(' '));
const FAR = new Set('jmp_far call_far ret_far iret'.split(' '));
const INTERRUPTS = new Set('int int3 into int1'.split(' '));
const NEAR =
  /^(jmp|jmp_indirect|call|call_indirect|ret|loop|loope|loopne|jcxz|j(o|no|b|ae|e|ne|be|a|s|ns|p|np|l|ge|le|g))$/;
/** x87 instructions that do not look at pending exceptions. */
const NO_WAIT = new Set('fnclex fninit fnstsw fnstcw fnstenv fnsave fneni fndisi fnsetpm'.split(' '));
/** Operations with a memory area that only its address names in the row. */
const AREAS = /^(f(n?stenv|n?save|ldenv|rstor)|fx(save|rstor)|xsave|xsaveopt|xsavec|xrstor|invpcid|clflush)$/;
/** Operations with a 16-byte operand that need not be aligned. */
const UNALIGNED = /^(movu|pcmp[ei]str[im]|sha\w+|lddqu)$/;
/** SSE operations that can raise a SIMD floating-point exception. */
const SIMD_FLOAT =
  /^((add|sub|mul|div|min|max|sqrt|round|cmp\w*|u?comi)[ps][sd](_xmm)?|(hadd|hsub|addsub|dp)p[sd]|cvt(?!dq2pd|pi2pd)\w+)$/;

const isX87 = (form: Form) => form.cpuid === 'fpu' || form.codes.some(({ kind }) => kind === 'st0' || kind === 'st-rm');
const isMmx = (form: Form) => form.codes.some(({ kind }) => kind.startsWith('mm-')) || form.op === 'emms';
const isXmm = (form: Form) => form.codes.some(({ kind }) => kind.startsWith('xmm-'));
const isSimdControl = (form: Form) => form.op === 'ldmxcsr' || form.op === 'stmxcsr';

/** True for forms that use the SSE state, so that CR0.EM and CR4.OSFXSR matter. */
function usesSse(form: Form): boolean {
  return isXmm(form) || isSimdControl(form);
}

/** Bytes of the memory operand are read or written. */
function accessesMemory(form: Form): boolean {
  const use = memoryUse(form);
  if (AREAS.test(form.op) || STRINGS.has(form.op) || form.op === 'xlat' || form.op.startsWith('maskmov')) return true;
  return use !== undefined && use !== 'address';
}

function isRegisterOnly(form: Form): boolean {
  return needsRegister(form) && form.codes.some(({ kind }) => kind.endsWith('rm-register') || kind === 'st-rm');
}

/** Features behind a bit of CR4 or an MSR: what has to be set for the instruction to exist. */
const ENABLES: Readonly<Record<string, string>> = {
  fsgsbase: 'CR4.FSGSBASE is 0',
  vmx: 'the processor is not in VMX operation (VMXON: CR4.VMXE is 0)',
  ept: 'the processor is not in VMX operation',
  vpid: 'the processor is not in VMX operation',
  syscall: 'EFER.SCE is 0',
  xsave: 'CR4.OSXSAVE is 0',
};

function undefinedOpcode(form: Form): ExceptionCause[] {
  const causes: ExceptionCause[] = [];
  const add = (when: string) => causes.push(cause('#UD', when));
  if (form.op === 'ud') add('always');
  if (form.lock) add('a LOCK prefix when the destination is not memory');
  else if (form.op !== 'ud') add('a LOCK prefix');
  if (needsMemory(form)) add('the operand is a register (ModRM.mod = 3)');
  else if (isRegisterOnly(form) && !form.operands.startsWith('R'))
    add('the operand is memory (ModRM.mod other than 3)');
  if (form.modes === 'legacy') add('in 64-bit mode');
  if (form.modes === '64') add('outside 64-bit mode');
  if (form.protectedOnly) add('in real-address and virtual-8086 mode');
  if (form.cpuid !== undefined && form.op !== 'tzcnt' && form.op !== 'lzcnt')
    add(`CPUID does not report ${form.cpuid.toUpperCase()}`);
  const enable = form.cpuid === undefined ? undefined : ENABLES[form.cpuid];
  if (enable !== undefined) add(enable);
  if (usesSse(form)) add('CR0.EM is 1 or CR4.OSFXSR is 0');
  else if (isMmx(form)) add('CR0.EM is 1');
  if (SIMD_FLOAT.test(form.op)) add('an unmasked SIMD floating-point exception while CR4.OSXMMEXCPT is 0');
  if (form.op === 'mov_to_segment') add('the destination is CS');
  if (/_segment$/.test(form.op) && form.operands.includes('Sw')) add('the number of the segment register is 6 or 7');
  if (/^mov_(to|from)_cr$/.test(form.op)) add('the register is not CR0, CR2, CR3, CR4 or CR8');
  if (/^mov_(to|from)_dr$/.test(form.op)) add('the register is DR4 or DR5 while CR4.DE is 1');
  if (form.op === 'stac' || form.op === 'clac') add('CPL is not 0');
  if (form.op === 'rsm') add('outside system-management mode');
  return causes;
}

function deviceNotAvailable(form: Form): ExceptionCause[] {
  if (form.op === 'fwait') return [cause('#NM', 'CR0.MP and CR0.TS are 1')];
  if (isX87(form) || form.cpuid === 'fxsr') return [cause('#NM', 'CR0.EM or CR0.TS is 1')];
  if (isMmx(form) || usesSse(form) || /^x(save|rstor)/.test(form.op)) return [cause('#NM', 'CR0.TS is 1')];
  return [];
}

function floatingPoint(form: Form): ExceptionCause[] {
  const causes: ExceptionCause[] = [];
  const waits = isX87(form) && !NO_WAIT.has(form.op);
  // an operation between XMM and memory or general registers leaves the x87 unit alone
  if (waits || isMmx(form)) causes.push(cause('#MF', 'an unmasked x87 exception is pending'));
  if (SIMD_FLOAT.test(form.op))
    causes.push(cause('#XM', 'an unmasked SIMD floating-point exception while CR4.OSXMMEXCPT is 1'));
  return causes;
}

/** Conditions beyond privilege and memory that raise #GP(0). */
const GENERAL_PROTECTION: Readonly<Record<string, string>> = {
  rdmsr: 'the register does not exist',
  wrmsr: 'the register does not exist, or the value sets reserved bits',
  rdpmc: 'CR4.PCE is 0 above CPL 0, or the counter does not exist',
  rdtsc: 'CR4.TSD is 1 above CPL 0',
  rdtscp: 'CR4.TSD is 1 above CPL 0',
  mov_to_cr: 'the value sets reserved bits or an illegal combination (PG without PE, NW without CD, …)',
  mov_to_dr: 'the upper half of DR6 or DR7 is not 0',
  lmsw: 'the combination of bits is not allowed',
  sysenter: 'outside protected mode, or IA32_SYSENTER_CS is a null selector',
  sysexit: 'outside protected mode, or IA32_SYSENTER_CS is a null selector',
  sysret: 'RCX is not canonical',
  lgdt: 'the base is not canonical',
  lidt: 'the base is not canonical',
  wrfsbase: 'the value is not canonical',
  wrgsbase: 'the value is not canonical',
  swapgs: 'CPL is not 0',
  xsetbv: 'CPL is not 0, the register does not exist, or the value sets reserved bits',
  xgetbv: 'the register does not exist',
  fxrstor: 'the image sets reserved bits of MXCSR',
  ldmxcsr: 'the value sets reserved bits of MXCSR',
  xrstor: 'the header or MXCSR of the image sets reserved bits',
  monitor: 'CPL is not 0, ECX is not 0, or the address is illegal',
  mwait: 'CPL is not 0, or ECX asks for an extension that is not there',
  sgdt: 'CR4.UMIP is 1 above CPL 0',
  sidt: 'CR4.UMIP is 1 above CPL 0',
  sldt: 'CR4.UMIP is 1 above CPL 0',
  str: 'CR4.UMIP is 1 above CPL 0',
  smsw: 'CR4.UMIP is 1 above CPL 0',
  pushf: 'in virtual-8086 mode with IOPL below 3',
  popf: 'in virtual-8086 mode with IOPL below 3',
  int: 'in virtual-8086 mode with IOPL below 3',
  iret: 'in virtual-8086 mode with IOPL below 3',
  cli: 'in virtual-8086 mode with IOPL below 3 (unless CR4.VME is 1)',
  sti: 'in virtual-8086 mode with IOPL below 3 (unless CR4.VME is 1 and VIP is 0)',
  invpcid: 'CPL is not 0, the type is above 3, or the descriptor is illegal',
  clflush: 'the address is beyond the segment limit or not canonical',
};

const IO = new Set(['in', 'out', 'ins', 'outs']);

function generalProtection(form: Form): ExceptionCause[] {
  const causes: ExceptionCause[] = [];
  const add = (when: string) => causes.push(cause('#GP', when, '0'));
  if (form.cpl === 0) add('CPL is not 0, or in virtual-8086 mode');
  if (IO.has(form.op)) add('CPL is above IOPL and the I/O permission bitmap does not allow the port');
  else if (form.cpl === 'iopl') add('CPL is above IOPL');
  const special = GENERAL_PROTECTION[form.op];
  if (special !== undefined) add(special);
  if (form.cpuid === 'vmx' || form.cpuid === 'ept' || form.cpuid === 'vpid') {
    if (form.cpl !== 0) add('CPL is not 0 in VMX root operation');
  }
  if (NEAR.test(form.op)) add('the target is beyond the CS limit or not canonical');
  if (FAR.has(form.op)) add('the target is beyond the limit of its segment or not canonical, or its selector is null');
  return causes;
}

function selectorFaults(form: Form): ExceptionCause[] {
  const causes: ExceptionCause[] = [];
  const add = (name: ExceptionName, when: string, error: ExceptionCause['error'] = 'selector') =>
    causes.push(cause(name, when, error));
  if (SEGMENT_LOADS.has(form.op)) {
    add('#GP', 'the descriptor is beyond its table, of a wrong type, or privilege forbids it');
    add('#NP', 'the segment is not present');
    if (form.op === 'mov_to_segment' || form.op === 'lss' || form.operands === 'SS') {
      add('#SS', 'SS is loaded with a segment that is not present');
      add('#GP', 'SS is loaded with a null selector', '0');
    }
  }
  if (form.op === 'lldt' || form.op === 'ltr') {
    add('#GP', 'the descriptor is beyond the GDT or of a wrong type; LTR: the selector is null');
    add('#NP', 'the segment is not present');
  }
  if (FAR.has(form.op)) {
    add('#GP', 'a selector is beyond its table, of a wrong type, or privilege forbids it');
    add('#NP', 'the code segment, gate or TSS is not present');
    add('#SS', 'the new stack segment is not present, or the stack has no room');
    add('#TS', 'a new stack in the TSS, or a new task, is invalid');
  }
  if (INTERRUPTS.has(form.op)) {
    add('#GP', 'the gate is beyond the IDT, of a wrong type, or its DPL is below CPL', 'gate');
    add('#GP', 'the code segment of the gate is wrong');
    add('#NP', 'the gate is not present', 'gate');
    add('#NP', 'the code segment of the gate is not present');
    add('#SS', 'the stack of the handler is not present or has no room');
    add('#TS', 'the stack in the TSS, or a new task, is invalid');
  }
  return causes;
}

function memoryFaults(form: Form): ExceptionCause[] {
  const causes: ExceptionCause[] = [];
  const isStack = PUSHES.has(form.op) || POPS.has(form.op);
  const operand = accessesMemory(form);
  if (operand) {
    causes.push(
      cause(
        '#GP',
        'the operand is outside its segment, the segment is unusable or of a wrong type, or the address is not canonical',
        '0',
      ),
    );
    const is16 = form.codes.some(({ kind, width }) => /^(xmm-rm|memory)$/.test(kind) && width === 'o');
    if ((is16 && !UNALIGNED.test(form.op)) || /^(fx|x)(save|rstor)/.test(form.op))
      causes.push(cause('#GP', `the operand is not aligned to ${form.op.startsWith('x') ? 64 : 16} bytes`, '0'));
    if (form.op === 'cmpxchg8b') causes.push(cause('#GP', 'CMPXCHG16B: the operand is not aligned to 16 bytes', '0'));
    causes.push(cause('#SS', 'the operand is outside the stack segment, or its address there is not canonical', '0'));
  }
  if (isStack) causes.push(cause('#SS', 'the stack access is beyond the stack segment or not canonical', '0'));
  const reads = operand || isStack || FAR.has(form.op) || SEGMENT_LOADS.has(form.op);
  if (reads || /^(lar|lsl|verr|verw|lldt|ltr)$/.test(form.op))
    causes.push(cause('#PF', 'a page it reads or writes is not present or does not allow the access', 'fault code'));
  if (reads && form.op !== 'clflush')
    causes.push(cause('#AC', 'an operand is not aligned at CPL 3 while CR0.AM and EFLAGS.AC are 1', '0'));
  return causes;
}

function ownExceptions(form: Form): ExceptionCause[] {
  switch (form.op) {
    case 'div':
    case 'idiv':
      return [cause('#DE', 'the divisor is 0, or the quotient does not fit')];
    case 'aam':
      return [cause('#DE', 'the immediate is 0')];
    case 'bound':
      return [cause('#BR', 'the index is outside the bounds')];
    case 'into':
      return [cause('#OF', 'EFLAGS.OF is 1')];
    case 'int3':
      return [cause('#BP', 'always (a trap)')];
    case 'int1':
      return [cause('#DB', 'always (a trap)')];
    case 'mov_to_dr':
    case 'mov_from_dr':
      return [cause('#DB', 'DR7.GD is 1')];
    default:
      return [];
  }
}

/** All a form can raise besides FETCH_EXCEPTIONS, in the order of the vectors. */
export function exceptionsOf(form: Form): ExceptionCause[] {
  const causes = [
    ...ownExceptions(form),
    ...undefinedOpcode(form),
    ...deviceNotAvailable(form),
    ...generalProtection(form),
    ...selectorFaults(form),
    ...memoryFaults(form),
    ...floatingPoint(form),
  ];
  return causes.sort((a, b) => EXCEPTION_VECTORS[a.name] - EXCEPTION_VECTORS[b.name]);
}
