// CPUID (SDM Vol. 2 "CPUID—CPU Identification"). The answers are rows of a table in MODEL, which `resetModel` fills with
// what this core implements and nothing else; the host may change rows before the machine starts.
import { MODEL, MSR_APIC_BASE, MSR_MISC_ENABLE } from '../layout';
import { code64 } from '../globals';
import { getRegister32, setRegister } from '../record';
import { interceptCpuid } from '../vmx/intercepts';
import { PHYSICAL_WIDTH } from '../vmx/capabilities';
import { MISC_DISABLE_XD, MISC_LIMIT_CPUID, MISC_MONITOR } from './msr';

// MODEL: u32 number of rows, u32 highest basic leaf, u32 highest extended leaf, u32 unused, then rows of six u32.
const MODEL_ROWS: usize = 16;
const ROW_SIZE: usize = 24;
const ANY_SUBLEAF: u32 = 0xffffffff;

// Leaf 1 EDX.
const FEATURE_FPU: u32 = 1;
const FEATURE_VME: u32 = 1 << 1;
const FEATURE_DE: u32 = 1 << 2;
const FEATURE_PSE: u32 = 1 << 3;
const FEATURE_TSC: u32 = 1 << 4;
const FEATURE_MSR: u32 = 1 << 5;
const FEATURE_PAE: u32 = 1 << 6;
const FEATURE_CX8: u32 = 1 << 8;
const FEATURE_APIC: u32 = 1 << 9;
const FEATURE_SEP: u32 = 1 << 11;
const FEATURE_MTRR: u32 = 1 << 12;
const FEATURE_PGE: u32 = 1 << 13;
const FEATURE_CMOV: u32 = 1 << 15;
const FEATURE_PAT: u32 = 1 << 16;
const FEATURE_PSE36: u32 = 1 << 17;
const FEATURE_CLFSH: u32 = 1 << 19;
const FEATURE_MMX: u32 = 1 << 23;
const FEATURE_FXSR: u32 = 1 << 24;
const FEATURE_SSE: u32 = 1 << 25;
const FEATURE_SSE2: u32 = 1 << 26;
// Leaf 1 ECX.
const FEATURE_SSE3: u32 = 1 << 0;
const FEATURE_PCLMULQDQ: u32 = 1 << 1;
const FEATURE_MONITOR: u32 = 1 << 3;
const FEATURE_VMX: u32 = 1 << 5;
const FEATURE_SSSE3: u32 = 1 << 9;
const FEATURE_SSE41: u32 = 1 << 19;
const FEATURE_SSE42: u32 = 1 << 20;
const FEATURE_AES: u32 = 1 << 25;
const FEATURE_CX16: u32 = 1 << 13;
const FEATURE_MOVBE: u32 = 1 << 22;
const FEATURE_POPCNT: u32 = 1 << 23;
// Leaf 7.
const FEATURE_FSGSBASE: u32 = 1; // EBX
const FEATURE_ADX: u32 = 1 << 19; // EBX
const FEATURE_SHA: u32 = 1 << 29; // EBX
const FEATURE_UMIP: u32 = 1 << 2; // ECX
const FEATURE_LA57: u32 = 1 << 16; // ECX
// Leaf 0x80000001.
const FEATURE_LAHF64: u32 = 1; // ECX
const FEATURE_LZCNT: u32 = 1 << 5; // ECX
const FEATURE_SYSCALL: u32 = 1 << 11; // EDX, in 64-bit code
const FEATURE_NX: u32 = 1 << 20; // EDX
const FEATURE_PAGE1GB: u32 = 1 << 26; // EDX
const FEATURE_RDTSCP: u32 = 1 << 27; // EDX
const FEATURE_LM: u32 = 1 << 29; // EDX

/** Family 6, model 15 (Merom): the processor the VT-x cost profile describes. */
const SIGNATURE: u32 = 0x6f6;

function addRow(leaf: u32, subleaf: u32, eax: u32, ebx: u32, ecx: u32, edx: u32): void {
  const count = load<u32>(MODEL);
  const row = <usize>MODEL + MODEL_ROWS + usize(count) * ROW_SIZE;
  store<u32>(row, leaf);
  store<u32>(row, subleaf, 4);
  store<u32>(row, eax, 8);
  store<u32>(row, ebx, 12);
  store<u32>(row, ecx, 16);
  store<u32>(row, edx, 20);
  store<u32>(MODEL, count + 1);
}

/** Fills MODEL with the features of this core. */
export function resetModel(): void {
  store<u32>(MODEL, 0);
  store<u32>(MODEL, 7, 4);
  store<u32>(MODEL, 0x80000008, 8);
  // "Genu" "ineI" "ntel" in EBX, EDX, ECX
  addRow(0, ANY_SUBLEAF, 7, 0x756e6547, 0x6c65746e, 0x49656e69);
  addRow(
    1,
    ANY_SUBLEAF,
    SIGNATURE,
    (8 << 8) | (1 << 16), // CLFLUSH line of 8 x 8 bytes, one logical processor
    FEATURE_SSE3 |
      FEATURE_PCLMULQDQ |
      FEATURE_MONITOR |
      FEATURE_VMX |
      FEATURE_SSSE3 |
      FEATURE_CX16 |
      FEATURE_SSE41 |
      FEATURE_SSE42 |
      FEATURE_MOVBE |
      FEATURE_POPCNT |
      FEATURE_AES,
    FEATURE_FPU |
      FEATURE_VME |
      FEATURE_DE |
      FEATURE_PSE |
      FEATURE_TSC |
      FEATURE_MSR |
      FEATURE_PAE |
      FEATURE_CX8 |
      FEATURE_APIC |
      FEATURE_SEP |
      FEATURE_MTRR |
      FEATURE_PGE |
      FEATURE_CMOV |
      FEATURE_PAT |
      FEATURE_PSE36 |
      FEATURE_CLFSH |
      FEATURE_MMX |
      FEATURE_FXSR |
      FEATURE_SSE |
      FEATURE_SSE2,
  );
  // leaf 2 refers to leaf 4: 32 KiB of instruction and of data cache, 4 MiB of second level
  addRow(2, ANY_SUBLEAF, 0x0000ff01, 0, 0, 0);
  addRow(4, 0, 0x121, (7 << 22) | 63, 63, 1);
  addRow(4, 1, 0x122, (7 << 22) | 63, 63, 1);
  addRow(4, 2, 0x143, (15 << 22) | 63, 4095, 1);
  addRow(5, ANY_SUBLEAF, 64, 64, 0, 0);
  // the local APIC timer runs in every state
  addRow(6, ANY_SUBLEAF, 4, 0, 0, 0);
  addRow(7, 0, 0, FEATURE_FSGSBASE | FEATURE_ADX | FEATURE_SHA, FEATURE_UMIP | FEATURE_LA57, 0);
  addRow(0x80000000, ANY_SUBLEAF, 0x80000008, 0, 0, 0);
  addRow(
    0x80000001,
    ANY_SUBLEAF,
    0,
    0,
    FEATURE_LAHF64 | FEATURE_LZCNT,
    FEATURE_SYSCALL | FEATURE_NX | FEATURE_PAGE1GB | FEATURE_RDTSCP | FEATURE_LM,
  );
  // "anillo x86 processor"
  addRow(0x80000002, ANY_SUBLEAF, 0x6c696e61, 0x78206f6c, 0x70203638, 0x65636f72);
  addRow(0x80000003, ANY_SUBLEAF, 0x726f7373, 0, 0, 0);
  addRow(0x80000004, ANY_SUBLEAF, 0, 0, 0, 0);
  addRow(0x80000006, ANY_SUBLEAF, 0, 0, 0x10008040, 0);
  addRow(0x80000007, ANY_SUBLEAF, 0, 0, 0, 0x100); // invariant TSC
  addRow(0x80000008, ANY_SUBLEAF, u32(PHYSICAL_WIDTH) | (57 << 8), 0, 0, 0);
}

/** Row for a leaf, 0 if there is none (all registers then read 0). */
function findRow(leaf: u32, subleaf: u32): usize {
  const count = load<u32>(MODEL);
  for (let i: u32 = 0; i < count; i++) {
    const row = <usize>MODEL + MODEL_ROWS + usize(i) * ROW_SIZE;
    if (load<u32>(row) != leaf) continue;
    const wanted = load<u32>(row, 4);
    if (wanted == ANY_SUBLEAF || wanted == subleaf) return row;
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

export function cpuid(r: usize): void {
  if (interceptCpuid(r)) return;
  const leaf = effectiveLeaf(getRegister32(0));
  const row = findRow(leaf, getRegister32(1));
  const misc = load<u64>(MSR_MISC_ENABLE);
  let eax = row ? load<u32>(row, 8) : 0;
  let ecx = row ? load<u32>(row, 16) : 0;
  let edx = row ? load<u32>(row, 20) : 0;
  if (leaf == 0) eax = highestBasic();
  // some bits follow the MSRs that switch the feature
  if (leaf == 1 && !(load<u32>(MSR_APIC_BASE) & 0x800)) edx &= ~FEATURE_APIC;
  if (leaf == 1 && !(misc & MISC_MONITOR)) ecx &= ~FEATURE_MONITOR;
  if (leaf == 0x80000001 && misc & MISC_DISABLE_XD) edx &= ~FEATURE_NX;
  if (leaf == 0x80000001 && !code64) edx &= ~FEATURE_SYSCALL;
  setRegister(0, eax);
  setRegister(3, row ? load<u32>(row, 12) : 0);
  setRegister(1, ecx);
  setRegister(2, edx);
}
