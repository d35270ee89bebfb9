// The hypercalls of Xen's x86 interface: numbers, names, how many argument registers each takes, and how far this
// hypervisor goes (Xen public header "xen.h", "HYPERCALLS"; 32-bit calling convention of "arch-x86/xen-x86_32.h").

/** Whether a hypercall is there. `partial`: the commands named in the note; others return -ENOSYS with a warning. */
export type HypercallSupport = 'full' | 'partial' | 'none';

/** One hypercall. */
export interface HypercallRow {
  readonly number: number;
  readonly name: string;
  /** Argument registers used, in the order EBX ECX EDX ESI EDI; a 64-bit argument takes two. */
  readonly arguments: number;
  readonly support: HypercallSupport;
  readonly note: string;
}

const row = (
  number: number,
  name: string,
  argumentCount: number,
  support: HypercallSupport,
  note: string,
): HypercallRow => ({ number, name, arguments: argumentCount, support, note });

/** All hypercalls of the interface. */
export const HYPERCALLS = [
  row(0, 'set_trap_table', 1, 'full', 'exception and software-interrupt handlers; INT 0x80 becomes a direct gate'),
  row(1, 'mmu_update', 4, 'full', 'validated batched page-table and machine-to-physical updates'),
  row(2, 'set_gdt', 2, 'full', 'validated descriptor-table frames'),
  row(3, 'stack_switch', 2, 'full', 'kernel stack for traps from user mode'),
  row(4, 'set_callbacks', 4, 'full', 'event and failsafe callbacks'),
  row(5, 'fpu_taskswitch', 1, 'full', 'CR0.TS'),
  row(6, 'sched_op_compat', 2, 'full', 'yield, block and shutdown in their first form'),
  row(7, 'platform_op', 1, 'none', 'for the initial domain only'),
  row(8, 'set_debugreg', 2, 'full', 'addresses are kept below the hypervisor'),
  row(9, 'get_debugreg', 1, 'full', ''),
  row(10, 'update_descriptor', 4, 'full', 'one validated descriptor'),
  row(12, 'memory_op', 2, 'partial', 'reservation, machphys_mapping, memory_map, maximum_ram_page'),
  row(13, 'multicall', 2, 'full', ''),
  row(14, 'update_va_mapping', 4, 'full', 'one validated page-table entry of the current address space'),
  row(15, 'set_timer_op', 2, 'full', 'one-shot timer, system time in nanoseconds'),
  row(16, 'event_channel_op_compat', 1, 'full', 'event channels in their first form'),
  row(17, 'xen_version', 2, 'partial', 'version, extraversion, capabilities, platform_parameters, get_features …'),
  row(18, 'console_io', 3, 'full', 'write and read'),
  row(19, 'physdev_op_compat', 1, 'none', 'no physical devices are given away'),
  row(20, 'grant_table_op', 3, 'partial', 'setup_table, query_size; there is no other domain to grant to'),
  row(21, 'vm_assist', 2, 'partial', '4gb_segments and writable_pagetables are refused'),
  row(22, 'update_va_mapping_otherdomain', 5, 'none', 'for privileged domains only'),
  row(23, 'iret', 0, 'full', 'return with event-mask restore'),
  row(24, 'vcpu_op', 3, 'partial', 'is_up, timers, runstate, register_vcpu_info refused'),
  row(25, 'set_segment_base', 2, 'none', '64-bit only'),
  row(26, 'mmuext_op', 4, 'full', 'pin, unpin, base pointer, TLB, LDT, clear and copy page'),
  row(27, 'xsm_op', 1, 'none', 'no security module'),
  row(28, 'nmi_op', 2, 'none', 'no NMI is given to a guest'),
  row(29, 'sched_op', 2, 'full', 'yield, block, poll, shutdown'),
  row(30, 'callback_op', 2, 'full', 'event and failsafe callbacks'),
  row(31, 'xenoprof_op', 2, 'none', 'no profiling'),
  row(32, 'event_channel_op', 2, 'full', 'bind_virq, bind_ipi, alloc_unbound, send, status, unmask, close'),
  row(33, 'physdev_op', 2, 'partial', 'set_iopl and set_iobitmap change what is emulated, nothing else'),
  row(34, 'hvm_op', 2, 'none', 'the domain is paravirtual'),
  row(35, 'sysctl', 1, 'none', 'for the initial domain only'),
  row(36, 'domctl', 1, 'none', 'for the initial domain only'),
  row(37, 'kexec_op', 2, 'none', 'for the initial domain only'),
  row(38, 'tmem_op', 1, 'none', 'no transcendent memory'),
] as const satisfies readonly HypercallRow[];

const byNumber = new Map<number, HypercallRow>(HYPERCALLS.map((entry) => [entry.number, entry]));

/** The hypercall with a number, undefined if the interface has none. */
export function hypercall(number: number): HypercallRow | undefined {
  return byNumber.get(number);
}

export const HYPERCALL_MULTICALL = 13;
export const HYPERCALL_IRET = 23;
/** Hypercalls have 32 bytes each in the hypercall page. */
export const HYPERCALL_STUB_SIZE = 32;
/** The interrupt vector of a hypercall; only ring 1 may use it. */
export const HYPERCALL_VECTOR = 0x82;

/** Fills a hypercall page: `mov eax, n; int 0x82; ret`, and for iret `push eax; mov eax, 23; int 0x82`. */
export function hypercallPage(): Uint8Array {
  const page = new Uint8Array(4096).fill(0xcc);
  const view = new DataView(page.buffer);
  for (let number = 0; number < page.length / HYPERCALL_STUB_SIZE; number++) {
    let at = number * HYPERCALL_STUB_SIZE;
    if (number === HYPERCALL_IRET) page[at++] = 0x50;
    page[at] = 0xb8;
    view.setUint32(at + 1, number, true);
    page[at + 5] = 0xcd;
    page[at + 6] = HYPERCALL_VECTOR;
    page[at + 7] = number === HYPERCALL_IRET ? 0xcc : 0xc3;
  }
  return page;
}
