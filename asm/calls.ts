// What the host calls besides `run`: charged accesses of ring-0 software above the doorway, and uncharged upkeep.
import {
  ACTIVITY,
  BANKS_PER_CPU,
  CALL_FAULT,
  CALL_FAULT_ERROR,
  CALL_RESULT_HIGH,
  COSTS,
  CR2,
  CYCLES,
  INJECT_BUFFER,
  MSR_APIC_BASE,
  PROCESSOR,
  PROCESSORS,
  RFLAGS,
  RIP,
  TLB_FIRST_BANK,
  VMX_CURRENT,
} from './layout';
import { charge } from './charge';
import { decodeScratch, flushBlocks } from './blocks';
import { disarmBreak } from './breaks';
import { updateContext } from './jumps';
import { DECODE_MORE, DECODE_TOO_LONG } from './decode';
import { clearFault, faultError, faultLinear, faultVector, GP, PF, raise, UD } from './fault';
import { getFlags, setFlags } from './flags';
import { COST_LOAD, COST_STORE, COST_VMREAD, COST_VMWRITE } from './gen/costs';
import { faulted, injecting, leave, pageRip, unfinished } from './globals';
import { readSlow, writeSlow } from './memory';
import { debugTranslate } from './paging';
import { initializeTlb } from './tlb';
import { closeGuards } from './smap';
import { banksLoaded, claimBanks } from './tlb-banks';
import { maskA20, noteWriteRange, readPhysicalSized, writePhysicalSized } from './physical';
import { initializeRefill } from './refill';
import { selectCpu } from './processors/select';
import { APIC_BASE_BSP } from './processors/startup';
import { chooseTlb, endTime, runScratch, startTime } from './run';
import { resetSystem, systemLoaded } from './system/reset';
import { WAIT_FOR_SIPI } from './vmx/intercept-events';
import { fieldExists, readField, writeField } from './vmx/vmcs';

function begin(): void {
  startTime(u64.MAX_VALUE, u64.MAX_VALUE);
  updateContext();
  chooseTlb();
  clearFault();
  leave = false;
  unfinished = false;
}

/** Ends a call: time and the fault, if any, go where the host reads them. Returns -1 or the vector. */
function end(): i32 {
  disarmBreak();
  leave = false;
  unfinished = false;
  let result = -1;
  if (faulted) {
    result = i32(faultVector);
    store<u32>(CALL_FAULT_ERROR, faultError);
    if (faultVector == PF) store<u64>(CR2, faultLinear);
    clearFault();
  }
  store<i32>(CALL_FAULT, result);
  endTime();
  return result;
}

/**
 * Executes the instruction in INJECT_BUFFER at the current state. RIP stays unless the instruction changes it. Returns -1 or
 * the vector of the fault it raised, which is not delivered (a #PF sets CR2).
 */
export function inject(): i32 {
  begin();
  const rip = load<u64>(RIP);
  pageRip = rip & ~0xfff;
  const length = decodeScratch(INJECT_BUFFER, 15, u32(rip) & 0xfff);
  if (length == DECODE_MORE || length == DECODE_TOO_LONG) raise(GP, 0);
  else {
    injecting = true;
    runScratch();
    injecting = false;
  }
  return end();
}

/** Supervisor read of 1, 2 or 4 bytes in the current address space. */
export function loadLinear(low: u32, high: u32, size: u32): u32 {
  begin();
  charge(COST_LOAD, 1);
  const v = readSlow((u64(high) << 32) | low, size, false);
  end();
  return u32(v);
}

export function storeLinear(low: u32, high: u32, size: u32, value: u32): void {
  begin();
  charge(COST_STORE, 1);
  writeSlow((u64(high) << 32) | low, size, value, false);
  end();
}

export function loadPhysical(low: u32, high: u32, size: u32): u32 {
  begin();
  charge(COST_LOAD, 1);
  const v = readPhysicalSized(maskA20((u64(high) << 32) | low), size);
  end();
  return u32(v);
}

export function storePhysical(low: u32, high: u32, size: u32, value: u32): void {
  begin();
  charge(COST_STORE, 1);
  writePhysicalSized(maskA20((u64(high) << 32) | low), size, value);
  end();
}

/** Charges work of ring-0 software. */
export function chargeClass(costClass: u32, n: u32): void {
  store<u64>(CYCLES, load<u64>(CYCLES) + u64(load<u32>(COSTS + (costClass << 2))) * n);
}

/** RFLAGS in the state area becomes what the core holds. */
export function syncFlags(): void {
  store<u64>(RFLAGS, getFlags());
}

/** The core takes over RFLAGS from the state area. */
export function loadFlags(): void {
  setFlags(load<u64>(RFLAGS));
}

/** Once, after the memory was created. */
export function initialize(): void {
  initializeTlb();
  initializeRefill();
}

/** The processor after RESET. Memory and time stay. */
export function reset(): void {
  startTime(u64.MAX_VALUE, u64.MAX_VALUE);
  claimBanks(load<u32>(TLB_FIRST_BANK) / BANKS_PER_CPU);
  resetSystem();
  syncFlags();
  endTime();
}

/** Processor `n` of `count` after RESET becomes the selected one; once for each. All but the first wait to be started. */
export function openCpu(n: u32, count: u32): void {
  selectCpu(n);
  store<u32>(TLB_FIRST_BANK, n * BANKS_PER_CPU);
  store<u32>(PROCESSOR, n);
  store<u32>(PROCESSORS, count);
  reset();
  if (!n) return;
  store<u64>(MSR_APIC_BASE, load<u64>(MSR_APIC_BASE) & ~APIC_BASE_BSP);
  store<u32>(ACTIVITY, WAIT_FOR_SIPI);
}

/** The host wrote descriptor caches, CPL, control or debug registers. */
export function recomputeSegments(): void {
  startTime(u64.MAX_VALUE, u64.MAX_VALUE);
  systemLoaded();
  endTime();
}

/** A snapshot was loaded: everything derived from state and RAM is dropped. */
export function stateLoaded(): void {
  closeGuards();
  banksLoaded();
  flushBlocks();
  loadFlags();
  clearFault();
  recomputeSegments();
}

export function notePhysicalWrite(low: u32, high: u32, length: u32): void {
  noteWriteRange((u64(high) << 32) | low, length);
}

/**
 * Walks without side effects: physical address (high half in CALL_RESULT_HIGH), CALL_FAULT -1; or CALL_FAULT 14 when the
 * page is not present.
 */
export function translate(low: u32, high: u32): u32 {
  const physical = debugTranslate((u64(high) << 32) | low);
  store<i32>(CALL_FAULT, physical == u64.MAX_VALUE ? i32(PF) : -1);
  store<u32>(CALL_RESULT_HIGH, u32(physical >> 32));
  return u32(physical);
}

/**
 * Charged VMREAD of the current VMCS by software above the doorway: low half, high half in CALL_RESULT_HIGH. CALL_FAULT is
 * #UD when there is no current VMCS or no such field.
 */
export function vmreadField(encoding: u32): u32 {
  chargeClass(COST_VMREAD, 1);
  const ok = load<u64>(VMX_CURRENT) != u64.MAX_VALUE && fieldExists(encoding);
  const v = ok ? readField(encoding) : 0;
  store<i32>(CALL_FAULT, ok ? -1 : i32(UD));
  store<u32>(CALL_RESULT_HIGH, u32(v >> 32));
  return u32(v);
}

/** Charged VMWRITE of the current VMCS; faults as `vmreadField`. */
export function vmwriteField(encoding: u32, low: u32, high: u32): void {
  chargeClass(COST_VMWRITE, 1);
  const ok = load<u64>(VMX_CURRENT) != u64.MAX_VALUE && fieldExists(encoding);
  if (ok) writeField(encoding, (u64(high) << 32) | low);
  store<i32>(CALL_FAULT, ok ? -1 : i32(UD));
}
