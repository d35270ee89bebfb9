// The processor's state in a snapshot: named areas of the core's memory, and the TLB, whose contents are modelled state
// because they decide what a memory access costs. RAM is a part of its own.
import {
  CALL_FAULT,
  COSTS,
  COUNT_VECTORS,
  GDTR_BASE,
  GPR,
  INJECT_BUFFER,
  INSTRUCTIONS,
  MODEL,
  MSR_TSC_OFFSET,
  RAM,
  SEGMENTS,
  STATE_END,
  TLB,
  TLB_END,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  VMX_ROOT,
  X87,
} from '../../asm/layout.ts';

/** Fields of the processor's part of a snapshot. */
export type CpuFields = { [name: string]: number | Uint8Array };

const AREAS: Readonly<Record<string, readonly [from: number, to: number]>> = {
  registers: [GPR, SEGMENTS],
  segments: [SEGMENTS, GDTR_BASE],
  system: [GDTR_BASE, MSR_TSC_OFFSET],
  msrs: [MSR_TSC_OFFSET, INSTRUCTIONS],
  time: [INSTRUCTIONS, COUNT_VECTORS],
  counters: [COUNT_VECTORS, COSTS],
  costs: [COSTS, INJECT_BUFFER],
  vmx: [VMX_ROOT, MODEL],
  model: [MODEL, X87],
  fpu: [X87, STATE_END],
  tlb: [TLB, TLB_END],
  tlbGlobal: [TLB_END, TLB_END + 6 * TLB_ENTRIES],
};

/** Tag of an empty TLB entry, and the mark of pages with decoded code (asm/tlb.ts): an implementation's memory, not state. */
const TLB_INVALID_LOW = 0xfff;
const TLB_CODE = 2;

/** Copies the state out. Flags have to be synced. */
export function saveCpuState(view: DataView, ramSize: number): CpuFields {
  const fields: CpuFields = { ramSize, ramBase: RAM };
  for (const [name, [from, to]] of Object.entries(AREAS))
    fields[name] = new Uint8Array(view.buffer, view.byteOffset + from, to - from).slice();
  forgetCodeMarks(fields.tlb as Uint8Array);
  return fields;
}

/**
 * Copies the state in.
 * @throws RangeError when the fields are not those of a processor with this RAM
 */
export function loadCpuState(view: DataView, ramSize: number, fields: CpuFields): void {
  if (fields.ramSize !== ramSize || fields.ramBase !== RAM)
    throw new RangeError(`the processor was saved with ${fields.ramSize} bytes of RAM, not ${ramSize}`);
  for (const [name, [from, to]] of Object.entries(AREAS)) {
    const bytes = fields[name];
    if (!(bytes instanceof Uint8Array) || bytes.length !== to - from)
      throw new RangeError(`field "${name}" of the processor is missing or has another size`);
    new Uint8Array(view.buffer, view.byteOffset + from, to - from).set(bytes);
  }
  view.setInt32(CALL_FAULT, -1, true);
}

function forgetCodeMarks(tlb: Uint8Array): void {
  const view = new DataView(tlb.buffer, tlb.byteOffset, tlb.length);
  for (let at = 0; at < tlb.length; at += TLB_ENTRY_SIZE) {
    const tag = view.getUint32(at, true);
    if ((tag & 0xfff) !== TLB_INVALID_LOW && tag & TLB_CODE) view.setUint32(at, tag & ~TLB_CODE, true);
  }
}
