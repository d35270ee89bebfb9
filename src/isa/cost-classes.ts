// The cost classes: every instruction form names one, and the core charges some more while it works (page-walk references,
// gate crossings, VM exits). A cost profile gives each class its cycles; the numbers index COSTS of asm/layout.ts.

/** Class names in numbering order, each with what one unit of it stands for. Append only: profiles and snapshots use the numbers. */
export const COST_CLASS_DESCRIPTIONS = {
  alu: 'register arithmetic, logic, move, conditional set or move',
  load: 'one read of a memory operand, on top of the class of its instruction',
  store: 'one write of a memory operand, on top of the class of its instruction',
  branch: 'near jump with a target in the instruction, taken or not',
  'branch-indirect': 'near jump through a register or memory',
  call: 'near call, its push included',
  ret: 'near return, its pop included',
  mul: 'MUL, IMUL',
  div: 'DIV, IDIV',
  shift: 'shift, rotate, double shift',
  'string-iteration': 'one element of a string instruction, its loads and stores included',
  stack: 'PUSH or POP of one word, its memory access included',
  lea: 'LEA',
  nop: 'NOP, hints, prefetch',
  serialize: 'fence or cache line operation',
  bit: 'bit test and bit scan',
  decimal: 'decimal and ASCII adjust, XLAT',
  atomic: 'XCHG with memory, XADD, CMPXCHG and every locked instruction, on top of its memory operand',
  flags: 'flag instructions without privilege: CLC, STD, LAHF …',
  'stack-frame': 'ENTER, LEAVE, PUSHA, POPA, each with all its accesses',
  cpuid: 'CPUID',
  rdtsc: 'RDTSC, RDTSCP, RDPMC',
  rdmsr: 'RDMSR',
  wrmsr: 'WRMSR',
  cli: 'CLI',
  sti: 'STI',
  pushf: 'PUSHF',
  popf: 'POPF',
  hlt: 'HLT, MONITOR, MWAIT, up to the moment the processor sleeps',
  'segment-load': 'load of a segment register, the descriptor read included',
  'segment-read': 'store of a segment register or of a system selector',
  'segment-query': 'LAR, LSL, VERR, VERW, ARPL, BOUND',
  'far-transfer': 'far JMP, CALL or RET within a privilege level',
  'call-gate': 'extra for a far CALL or JMP through a call gate',
  'stack-switch': 'extra for loading SS:ESP from the TSS',
  'interrupt-gate': 'INT n, INT3, INTO through a gate, without a change of privilege',
  'exception-delivery': 'exception or external interrupt delivered through a gate, without a change of privilege',
  'ring-transition': 'extra when a delivery changes the privilege level',
  iret: 'IRET within a privilege level',
  'iret-outer': 'extra when IRET or a far RET goes to an outer level',
  sysenter: 'SYSENTER, SYSCALL',
  sysexit: 'SYSEXIT, SYSRET',
  'port-read': 'IN, one port read of INS',
  'port-write': 'OUT, one port write of OUTS',
  'mmio-read': 'read of a device register in memory',
  'mmio-write': 'write of a device register in memory',
  'apic-access': 'read or write of the local APIC page',
  invlpg: 'INVLPG, INVPCID',
  'cr-read': 'MOV from a control register, SMSW',
  'cr0-write': 'MOV to CR0, LMSW, CLTS',
  'cr3-write': 'MOV to CR3, without the misses that follow',
  'cr4-write': 'MOV to CR4 and CR2',
  'dr-access': 'MOV from or to a debug register',
  'descriptor-table': 'LGDT, LIDT, LLDT, LTR, SGDT, SIDT',
  'cache-control': 'INVD, WBINVD',
  'tlb-walk-reference': 'one paging-structure entry read while a TLB miss is served',
  'ept-walk-reference': 'one EPT entry read while a TLB miss is served',
  'vm-entry': 'VMLAUNCH or VMRESUME that enters the guest',
  'vm-exit': 'VM exit',
  'vm-exit-pagefault': 'extra for a VM exit caused by a page fault',
  vmread: 'VMREAD',
  vmwrite: 'VMWRITE',
  vmptrld: 'VMPTRLD, VMPTRST',
  vmclear: 'VMCLEAR',
  'vmx-other': 'VMXON, VMXOFF, INVEPT, INVVPID, VMFUNC',
  vmcall: 'VMCALL before the VM exit it causes',
  'software-emulation': 'one unit of work of ring-0 software that the VMM does outside the CPU',
  'page-fault': 'extra for the delivery of a page fault: the failed walk, CR2',
} as const satisfies Record<string, string>;

/** Name of a cost class. */
export type CostClass = keyof typeof COST_CLASS_DESCRIPTIONS;

/** All names; the index is the number used by the core. */
export const COST_CLASSES = Object.keys(COST_CLASS_DESCRIPTIONS) as readonly CostClass[];

const numbers = new Map(COST_CLASSES.map((name, index) => [name, index]));

/** Number of a cost class, the index into COSTS. */
export function costClassNumber(name: CostClass): number {
  return numbers.get(name)!;
}
