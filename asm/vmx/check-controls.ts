// VM-entry checks on the VMX controls and the host-state area (SDM Vol. 3C "Checks on VMX Controls and Host-State
// Area"), each a named rule, in the order of the manual.
import { readPhysical } from '../physical';
import { cr4Writable } from '../system/model';
import {
  CHECK_APIC_ACCESS,
  CHECK_CR3_TARGETS,
  CHECK_ENTRY_MSR_LOAD,
  CHECK_ENTRY_RESERVED,
  CHECK_EPTP,
  CHECK_EVENT_DELIVER_ERROR,
  CHECK_EVENT_ERROR_CODE,
  CHECK_EVENT_LENGTH,
  CHECK_EVENT_RESERVED,
  CHECK_EVENT_TYPE,
  CHECK_EVENT_VECTOR,
  CHECK_EXIT_MSR_LOAD,
  CHECK_EXIT_MSR_STORE,
  CHECK_EXIT_RESERVED,
  CHECK_HOST_ADDRESS_SPACE,
  CHECK_HOST_BASES,
  CHECK_HOST_CR0,
  CHECK_HOST_CR3,
  CHECK_HOST_CR4,
  CHECK_HOST_CS_TR,
  CHECK_HOST_EFER,
  CHECK_HOST_PAE,
  CHECK_HOST_PAT,
  CHECK_HOST_PCIDE,
  CHECK_HOST_RIP,
  CHECK_HOST_SELECTORS,
  CHECK_HOST_SS,
  CHECK_HOST_SYSENTER,
  CHECK_IO_BITMAPS,
  CHECK_MSR_BITMAP,
  CHECK_NMI_WINDOW,
  CHECK_PIN_RESERVED,
  CHECK_PRIMARY_RESERVED,
  CHECK_SAVE_TIMER,
  CHECK_SECONDARY_RESERVED,
  CHECK_TPR_THRESHOLD_RESERVED,
  CHECK_TPR_THRESHOLD_VTPR,
  CHECK_UNRESTRICTED,
  CHECK_VIRTUAL_APIC,
  CHECK_VIRTUAL_NMIS,
  CHECK_VPID,
} from './check-numbers';
import { inLongMode } from '../long-mode/state';
import { check, isAllowed, isCanonical, isEfer, isMsrArea, isPat, isPhysical } from './check-memory';
import * as C from './capabilities';
import * as F from './vmcs-fields';
import { get, get32 } from './vmcs';

const CR4_PCIDE: u32 = 0x20000;

/** Secondary controls in effect: 0 unless they are activated. */
export function secondaryControls(): u32 {
  return get32(F.F_PRIMARY_CONTROLS) & <u32>F.CPU_SECONDARY ? get32(F.F_SECONDARY_CONTROLS) : 0;
}

/** An EPT pointer is valid: memory type UC or WB, walk length 4, reserved bits 0. */
export function isEptPointer(eptp: u64): bool {
  const type = eptp & 7;
  return (type == 0 || type == 6) && ((eptp >> 3) & 7) == 3 && !(eptp & 0xf80) && !(eptp >> C.PHYSICAL_WIDTH);
}

/** "Checks on VMX Controls": false makes the VM entry VMfail with error 7. */
export function checkControls(): bool {
  return checkExecutionControls() && checkTprAndNmi() && checkSecondary() && checkExitControls() && checkEntryControls();
}

function checkExecutionControls(): bool {
  const cpu = get32(F.F_PRIMARY_CONTROLS);
  if (!check(CHECK_PIN_RESERVED, isAllowed(get32(F.F_PIN_CONTROLS), C.PIN_MUST, C.PIN_MAY))) return false;
  if (!check(CHECK_PRIMARY_RESERVED, isAllowed(cpu, C.CPU_MUST, C.CPU_MAY))) return false;
  if (!check(CHECK_SECONDARY_RESERVED, isAllowed(secondaryControls(), 0, C.secondaryMay()))) return false;
  if (!check(CHECK_CR3_TARGETS, get32(F.F_CR3_TARGET_COUNT) <= C.CR3_TARGETS)) return false;
  const ioBitmaps = isPhysical(get(F.F_IO_BITMAP_A), 4096) && isPhysical(get(F.F_IO_BITMAP_B), 4096);
  if (!check(CHECK_IO_BITMAPS, !(cpu & F.CPU_IO_BITMAPS) || ioBitmaps)) return false;
  return check(CHECK_MSR_BITMAP, !(cpu & F.CPU_MSR_BITMAPS) || isPhysical(get(F.F_MSR_BITMAP), 4096));
}

function checkTprAndNmi(): bool {
  const cpu = get32(F.F_PRIMARY_CONTROLS);
  const pin = get32(F.F_PIN_CONTROLS);
  if (cpu & F.CPU_TPR_SHADOW) {
    const page = get(F.F_VIRTUAL_APIC);
    const threshold = get32(F.F_TPR_THRESHOLD);
    if (!check(CHECK_VIRTUAL_APIC, isPhysical(page, 4096))) return false;
    if (!check(CHECK_TPR_THRESHOLD_RESERVED, !(threshold >> 4))) return false;
    if (!(secondaryControls() & F.CPU2_APIC_ACCESSES)) {
      const vtpr = readPhysical<u32>(page + 0x80);
      if (!check(CHECK_TPR_THRESHOLD_VTPR, threshold <= ((vtpr >> 4) & 0xf))) return false;
    }
  }
  if (!check(CHECK_VIRTUAL_NMIS, !(pin & F.PIN_VIRTUAL_NMIS) || (pin & F.PIN_NMI) != 0)) return false;
  return check(CHECK_NMI_WINDOW, !(cpu & F.CPU_NMI_WINDOW) || (pin & F.PIN_VIRTUAL_NMIS) != 0);
}

function checkSecondary(): bool {
  const cpu2 = secondaryControls();
  if (!check(CHECK_APIC_ACCESS, !(cpu2 & F.CPU2_APIC_ACCESSES) || isPhysical(get(F.F_APIC_ACCESS), 4096))) return false;
  if (!check(CHECK_VPID, !(cpu2 & F.CPU2_VPID) || get32(F.F_VPID) != 0)) return false;
  if (!check(CHECK_EPTP, !(cpu2 & F.CPU2_EPT) || isEptPointer(get(F.F_EPTP)))) return false;
  return check(CHECK_UNRESTRICTED, !(cpu2 & F.CPU2_UNRESTRICTED_GUEST) || (cpu2 & F.CPU2_EPT) != 0);
}

function checkExitControls(): bool {
  const exit = get32(F.F_EXIT_CONTROLS);
  if (!check(CHECK_EXIT_RESERVED, isAllowed(exit, C.EXIT_MUST, C.EXIT_MAY))) return false;
  const timer = (get32(F.F_PIN_CONTROLS) & F.PIN_PREEMPTION_TIMER) != 0;
  if (!check(CHECK_SAVE_TIMER, !(exit & F.EXIT_SAVE_PREEMPTION_TIMER) || timer)) return false;
  if (!check(CHECK_EXIT_MSR_STORE, isMsrArea(get(F.F_EXIT_MSR_STORE), get32(F.F_EXIT_MSR_STORE_COUNT)))) return false;
  return check(CHECK_EXIT_MSR_LOAD, isMsrArea(get(F.F_EXIT_MSR_LOAD), get32(F.F_EXIT_MSR_LOAD_COUNT)));
}

function checkEntryControls(): bool {
  if (!check(CHECK_ENTRY_RESERVED, isAllowed(get32(F.F_ENTRY_CONTROLS), C.ENTRY_MUST, C.ENTRY_MAY))) return false;
  if (!checkInjection(get32(F.F_ENTRY_INTERRUPTION))) return false;
  return check(CHECK_ENTRY_MSR_LOAD, isMsrArea(get(F.F_ENTRY_MSR_LOAD), get32(F.F_ENTRY_MSR_LOAD_COUNT)));
}

/** True for the exceptions that push an error code. */
export function pushesErrorCode(vector: u32): bool {
  return vector < 32 && ((<u32>0x00027d00 >> vector) & 1) != 0;
}

function checkInjection(info: u32): bool {
  if (!(info & 0x80000000)) return true;
  const vector = info & 0xff;
  const type = (info >> 8) & 7;
  if (!check(CHECK_EVENT_TYPE, type != 1)) return false;
  const vectorOk = type == 2 ? vector == 2 : type == 3 ? vector < 32 : type == 7 ? vector == 0 : true;
  if (!check(CHECK_EVENT_VECTOR, vectorOk)) return false;
  const unrestricted = (secondaryControls() & F.CPU2_UNRESTRICTED_GUEST) != 0;
  const pushes = (!unrestricted || (get32(F.F_GUEST_CR0) & 1) != 0) && type == 3 && pushesErrorCode(vector);
  const deliver = (info & 0x800) != 0;
  if (!check(CHECK_EVENT_DELIVER_ERROR, deliver == pushes)) return false;
  if (!check(CHECK_EVENT_RESERVED, !(info & 0x7ffff000))) return false;
  if (!check(CHECK_EVENT_ERROR_CODE, !deliver || !(get32(F.F_ENTRY_ERROR_CODE) >> 16))) return false;
  const software = type >= 4 && type <= 6;
  return check(CHECK_EVENT_LENGTH, !software || get32(F.F_ENTRY_LENGTH) <= 15);
}

/** "Checks on Host Control Registers, MSRs" to "Address-Space Size": false makes the VM entry VMfail with error 8. */
export function checkHost(): bool {
  return checkHostRegisters() && checkHostSegments() && checkAddressSpace();
}

function checkHostRegisters(): bool {
  const exit = get32(F.F_EXIT_CONTROLS);
  if (!check(CHECK_HOST_CR0, isAllowed(get(F.F_HOST_CR0), C.CR0_FIXED0, C.CR0_FIXED1))) return false;
  if (!check(CHECK_HOST_CR4, isAllowed(get(F.F_HOST_CR4), C.CR4_FIXED0, cr4Writable()))) return false;
  if (!check(CHECK_HOST_CR3, !(get(F.F_HOST_CR3) >> C.PHYSICAL_WIDTH))) return false;
  const sysenter = isCanonical(get(F.F_HOST_SYSENTER_ESP)) && isCanonical(get(F.F_HOST_SYSENTER_EIP));
  if (!check(CHECK_HOST_SYSENTER, sysenter)) return false;
  if (!check(CHECK_HOST_PAT, !(exit & F.EXIT_LOAD_PAT) || isPat(get(F.F_HOST_PAT)))) return false;
  const isLong = (exit & F.EXIT_HOST_64) != 0;
  const efer = get(F.F_HOST_EFER);
  const eferOk = isEfer(efer, isLong) && ((efer & 0x100) != 0) == isLong;
  return check(CHECK_HOST_EFER, !(exit & F.EXIT_LOAD_EFER) || eferOk);
}

function checkHostSegments(): bool {
  let low: u32 = 0;
  for (let i: u32 = 0; i < 7; i++) low |= get32(F.F_HOST_SELECTOR + (i << 1)) & 7;
  if (!check(CHECK_HOST_SELECTORS, !low)) return false;
  const csTr = get32(F.F_HOST_SELECTOR + 2) != 0 && get32(F.F_HOST_TR_SELECTOR) != 0;
  if (!check(CHECK_HOST_CS_TR, csTr)) return false;
  const isLong = (get32(F.F_EXIT_CONTROLS) & F.EXIT_HOST_64) != 0;
  if (!check(CHECK_HOST_SS, isLong || get32(F.F_HOST_SELECTOR + 4) != 0)) return false;
  let canonical = isCanonical(get(F.F_HOST_FS_BASE)) && isCanonical(get(F.F_HOST_GS_BASE));
  canonical = canonical && isCanonical(get(F.F_HOST_GDTR_BASE)) && isCanonical(get(F.F_HOST_IDTR_BASE));
  return check(CHECK_HOST_BASES, canonical && isCanonical(get(F.F_HOST_TR_BASE)));
}

function checkAddressSpace(): bool {
  const isLong = (get32(F.F_EXIT_CONTROLS) & F.EXIT_HOST_64) != 0;
  const isLongGuest = (get32(F.F_ENTRY_CONTROLS) & F.ENTRY_IA32E) != 0;
  if (!check(CHECK_HOST_ADDRESS_SPACE, isLong == inLongMode() && (!isLongGuest || isLong))) return false;
  const cr4 = get32(F.F_HOST_CR4);
  if (!check(CHECK_HOST_PAE, !isLong || (cr4 & 0x20) != 0)) return false;
  if (!check(CHECK_HOST_PCIDE, isLong || !(cr4 & CR4_PCIDE))) return false;
  const rip = get(F.F_HOST_RIP);
  return check(CHECK_HOST_RIP, isLong ? isCanonical(rip) : !(rip >> 32));
}
