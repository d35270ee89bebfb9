// The processor's state in a snapshot: named areas of the core's memory, and the TLB, whose contents are modelled state
// because they decide what a memory access costs. RAM is a part of its own.
import {
  BANK_ATTRIBUTES,
  BANK_HEADER_END,
  BANK_IN_USE,
  CALL_FAULT,
  COSTS,
  COUNT_VECTORS,
  GDTR_BASE,
  GPR,
  INJECT_BUFFER,
  INSTRUCTIONS,
  MODEL,
  MSR_TSC_OFFSET,
  NUMBER_OF_BANKS,
  RAM,
  SEGMENTS,
  STATE_END,
  TLB_BANK_SIZE,
  TLB_BANKS,
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
};

// Of asm/tlb.ts: the tag of an empty TLB entry, and marks that are an implementation's memory, not state: that of pages with
// decoded code, and that of a closed guard, which an attribute says could be open.
const TLB_INVALID_LOW = 0xfff;
const TLB_CODE = 2;
const TLB_GUARDED = 4;
const ATTRIBUTE_GUARDED = 2;

/** Copies the state out. Flags have to be synced. */
export function saveCpuState(view: DataView, ramSize: number): CpuFields {
  const fields: CpuFields = { ramSize, ramBase: RAM };
  for (const [name, [from, to]] of Object.entries(AREAS)) fields[name] = bytesAt(view, from, to - from).slice();
  for (let n = 0; n < NUMBER_OF_BANKS; n++) {
    const bank = bytesAt(view, TLB_BANKS + n * TLB_BANK_SIZE, BANK_HEADER_END);
    if (!bank[BANK_IN_USE]) continue;
    fields[bankName(n)] = bank.slice();
    forgetMarks(fields[bankName(n)] as Uint8Array);
  }
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
    if (!isBytes(bytes, to - from))
      throw new RangeError(`field "${name}" of the processor is missing or has another size`);
    bytesAt(view, from, to - from).set(bytes);
  }
  for (let n = 0; n < NUMBER_OF_BANKS; n++) loadBank(view, n, fields[bankName(n)]);
  view.setInt32(CALL_FAULT, -1, true);
}

/** A bank of the TLB that the snapshot does not have was never used. */
function loadBank(view: DataView, n: number, bytes: number | Uint8Array | undefined): void {
  const bank = bytesAt(view, TLB_BANKS + n * TLB_BANK_SIZE, BANK_HEADER_END);
  if (bytes === undefined) bank[BANK_IN_USE] = 0;
  else if (isBytes(bytes, BANK_HEADER_END)) bank.set(bytes);
  else throw new RangeError(`field "${bankName(n)}" of the processor has another size`);
}

function bankName(n: number): string {
  return `tlb${n}`;
}

function bytesAt(view: DataView, from: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + from, length);
}

function isBytes(value: number | Uint8Array | undefined, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function forgetMarks(bank: Uint8Array): void {
  const view = new DataView(bank.buffer, bank.byteOffset, bank.length);
  for (let n = 0; n < BANK_ATTRIBUTES / TLB_ENTRY_SIZE; n++) {
    const tag = view.getUint32(n * TLB_ENTRY_SIZE, true);
    if ((tag & 0xfff) === TLB_INVALID_LOW) continue;
    const isGuarded = (bank[BANK_ATTRIBUTES + n]! & ATTRIBUTE_GUARDED) !== 0;
    view.setUint32(n * TLB_ENTRY_SIZE, (tag & ~(TLB_CODE | TLB_GUARDED)) | (isGuarded ? TLB_GUARDED : 0), true);
  }
}
