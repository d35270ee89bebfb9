// CPUID (SDM Vol. 2 "CPUID—CPU Identification"). The answers are rows of a table in MODEL, which the host fills from the
// features of the processor model; here they are looked up and follow the state of the processor.
import {
  MODEL,
  MODEL_ANY_SUBLEAF,
  MODEL_ROW_SIZE,
  MODEL_ROWS,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
  PROCESSOR,
  PROCESSORS,
} from '../layout';
import { code64 } from '../globals';
import { getRegister32, setRegister } from '../record';
import { interceptCpuid } from '../vmx/intercepts';
import { MISC_DISABLE_XD, MISC_LIMIT_CPUID, MISC_MONITOR } from './msr';
import { CR4_OSXSAVE, cr4 } from './state';

// Bits that follow the MSRs which switch the feature, or the mode.
const FEATURE_APIC: u32 = 1 << 9; // leaf 1 EDX
const FEATURE_HTT: u32 = 1 << 28; // leaf 1 EDX: the count of APIC IDs in EBX is valid
const FEATURE_MONITOR: u32 = 1 << 3; // leaf 1 ECX
const FEATURE_OSXSAVE: u32 = 1 << 27; // leaf 1 ECX
const FEATURE_SYSCALL: u32 = 1 << 11; // leaf 0x80000001 EDX
const FEATURE_NX: u32 = 1 << 20; // leaf 0x80000001 EDX

/** Row for a leaf, 0 if there is none (all registers then read 0). */
function findRow(leaf: u32, subleaf: u32): usize {
  const count = load<u32>(MODEL);
  for (let i: u32 = 0; i < count; i++) {
    const row = <usize>MODEL_ROWS + usize(i) * MODEL_ROW_SIZE;
    if (load<u32>(row) != leaf) continue;
    const wanted = load<u32>(row, 4);
    if (wanted == <u32>MODEL_ANY_SUBLEAF || wanted == subleaf) return row;
  }
  return 0;
}

/** Highest basic leaf, which IA32_MISC_ENABLE can lower to 3. */
function highestBasic(): u32 {
  return load<u64>(MSR_MISC_ENABLE) & MISC_LIMIT_CPUID ? min<u32>(load<u32>(MODEL, 4), 3) : load<u32>(MODEL, 4);
}

/** A leaf beyond the highest answers like the highest basic one. */
function effectiveLeaf(leaf: u32): u32 {
  const highest = leaf & 0x80000000 ? load<u32>(MODEL, 8) : highestBasic();
  return leaf > highest ? highestBasic() : leaf;
}

/** APIC IDs in the package, rounded up to a power of two. */
function addressableIds(): u32 {
  return 1 << (32 - clz(load<u32>(PROCESSORS) - 1));
}

// The answer.
let eax: u32 = 0;
let ebx: u32 = 0;
let ecx: u32 = 0;
let edx: u32 = 0;

function takeRow(row: usize): void {
  eax = row ? load<u32>(row, 8) : 0;
  ebx = row ? load<u32>(row, 12) : 0;
  ecx = row ? load<u32>(row, 16) : 0;
  edx = row ? load<u32>(row, 20) : 0;
}

/** Leaf 1: which processor this is, and the features that MSRs and CR4 switch. */
function followState(): void {
  ebx |= load<u32>(PROCESSOR) << 24;
  if (load<u32>(PROCESSORS) > 1) {
    ebx = (ebx & 0xff00ffff) | (addressableIds() << 16);
    edx |= FEATURE_HTT;
  }
  if (!(load<u32>(MSR_APIC_BASE) & 0x800)) edx &= ~FEATURE_APIC;
  if (cr4() & CR4_OSXSAVE) ecx |= FEATURE_OSXSAVE;
  if (!(load<u64>(MSR_MISC_ENABLE) & MISC_MONITOR)) ecx &= ~FEATURE_MONITOR;
}

/** Leaf 0xB: one thread a core (level 1), all cores in the package (level 2), and no more levels. */
function describeTopology(level: u32): void {
  eax = level == 1 ? ctz(addressableIds()) : 0;
  ebx = level == 0 ? 1 : level == 1 ? load<u32>(PROCESSORS) : 0;
  ecx = level | (level < 2 ? (level + 1) << 8 : 0);
  edx = load<u32>(PROCESSOR);
}

export function cpuid(r: usize): void {
  if (interceptCpuid(r)) return;
  const leaf = effectiveLeaf(getRegister32(0));
  const subleaf = getRegister32(1);
  takeRow(findRow(leaf, subleaf));
  if (leaf == 0) eax = highestBasic();
  else if (leaf == 1) followState();
  // the processors share a package, and no cache
  else if (leaf == 4 && eax) eax |= (addressableIds() - 1) << 26;
  else if (leaf == 11) describeTopology(subleaf);
  else if (leaf == 0x80000001) {
    if (load<u64>(MSR_MISC_ENABLE) & MISC_DISABLE_XD) edx &= ~FEATURE_NX;
    if (!code64) edx &= ~FEATURE_SYSCALL;
  }
  setRegister(0, eax);
  setRegister(3, ebx);
  setRegister(1, ecx);
  setRegister(2, edx);
}
