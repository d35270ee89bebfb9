// VM-entry checks on the guest-state area (SDM Vol. 3C "Checking and Loading Guest State"), each a named rule, in the
// order of the manual. A failure is a VM exit with reason 33, not a VMfail. Segments are checked in check-segments.ts.
import { VMX_CURRENT, VMX_ON_POINTER } from '../layout';
import { readPhysical } from '../physical';
import { cr4Writable } from '../system/model';
import {
  CHECK_ACTIVITY,
  CHECK_ACTIVITY_BLOCKING,
  CHECK_ACTIVITY_EVENT,
  CHECK_ACTIVITY_HLT_DPL,
  CHECK_BLOCKING_BOTH,
  CHECK_BLOCKING_INTERRUPT,
  CHECK_BLOCKING_NMI,
  CHECK_BLOCKING_SMI,
  CHECK_BLOCKING_STI_IF,
  CHECK_BLOCKING_VIRTUAL_NMI,
  CHECK_GUEST_CR0,
  CHECK_GUEST_CR3,
  CHECK_GUEST_CR4,
  CHECK_GUEST_DEBUGCTL,
  CHECK_GUEST_DR7,
  CHECK_GUEST_EFER,
  CHECK_GUEST_IA32E,
  CHECK_GUEST_PAT,
  CHECK_GUEST_PCIDE,
  CHECK_GUEST_PG_PE,
  CHECK_GUEST_RIP,
  CHECK_GUEST_SYSENTER,
  CHECK_INTERRUPTIBILITY_RESERVED,
  CHECK_PDPTE,
  CHECK_PENDING_DEBUG_BS,
  CHECK_PENDING_DEBUG_RESERVED,
  CHECK_RFLAGS_IF,
  CHECK_RFLAGS_RESERVED,
  CHECK_RFLAGS_VM,
  CHECK_TABLE_BASE,
  CHECK_TABLE_LIMIT,
  CHECK_VMCS_LINK,
} from './check-numbers';
import { check, isAllowed, isCanonical, isEfer, isPat, isPhysical } from './check-memory';
import { secondaryControls } from './check-controls';
import { checkGuestSegments } from './check-segments';
import { CR0_FIXED0, CR0_FIXED1, CR4_FIXED0, PHYSICAL_WIDTH } from './capabilities';
import * as F from './vmcs-fields';
import { get, get32, VMCS_REVISION } from './vmcs';

const CR4_PCIDE: u64 = 0x20000;
/** Activity states. */
const SHUTDOWN: u32 = 2;
const WAIT_FOR_SIPI: u32 = 3;

/** Exit qualification for a failed guest check: 0, 2 (PDPTEs), 3 (NMI injection), 4 (VMCS link pointer). */
export let guestCheckQualification: u64 = 0;

/** All guest-state checks but MSR loading. */
export function checkGuest(): bool {
  guestCheckQualification = 0;
  if (!checkGuestRegisters() || !checkGuestSegments() || !checkTables() || !checkRipAndFlags()) return false;
  if (!checkActivity() || !checkInterruptibility() || !checkPendingDebug()) return false;
  guestCheckQualification = 4;
  if (!checkLink()) return false;
  guestCheckQualification = 2;
  return check(CHECK_PDPTE, pdptesOk());
}

function checkGuestRegisters(): bool {
  const cr0 = get(F.F_GUEST_CR0);
  const entry = get32(F.F_ENTRY_CONTROLS);
  const exempt: u64 = secondaryControls() & F.CPU2_UNRESTRICTED_GUEST ? 0x80000001 : 0;
  if (!check(CHECK_GUEST_CR0, isAllowed(cr0, CR0_FIXED0 & ~exempt, CR0_FIXED1))) return false;
  if (!check(CHECK_GUEST_PG_PE, !(cr0 & 0x80000000) || (cr0 & 1) != 0)) return false;
  if (!check(CHECK_GUEST_CR4, isAllowed(get(F.F_GUEST_CR4), CR4_FIXED0, cr4Writable()))) return false;
  const debug = (entry & F.ENTRY_LOAD_DEBUG) != 0;
  if (!check(CHECK_GUEST_DEBUGCTL, !debug || !(get(F.F_GUEST_DEBUGCTL) & ~(<u64>3)))) return false;
  const isLong = isLongGuest();
  if (!check(CHECK_GUEST_IA32E, !isLong || ((cr0 & 0x80000000) != 0 && (get(F.F_GUEST_CR4) & 0x20) != 0))) return false;
  if (!check(CHECK_GUEST_PCIDE, isLong || !(get(F.F_GUEST_CR4) & CR4_PCIDE))) return false;
  if (!check(CHECK_GUEST_CR3, !(get(F.F_GUEST_CR3) >> PHYSICAL_WIDTH))) return false;
  if (!check(CHECK_GUEST_DR7, !debug || !(get(F.F_GUEST_DR7) >> 32))) return false;
  const sysenter = isCanonical(get(F.F_GUEST_SYSENTER_ESP)) && isCanonical(get(F.F_GUEST_SYSENTER_EIP));
  if (!check(CHECK_GUEST_SYSENTER, sysenter)) return false;
  if (!check(CHECK_GUEST_PAT, !(entry & F.ENTRY_LOAD_PAT) || isPat(get(F.F_GUEST_PAT)))) return false;
  const efer = get(F.F_GUEST_EFER);
  const eferOk = isEfer(efer, isLong) && (!(cr0 & 0x80000000) || ((efer & 0x100) != 0) == isLong);
  return check(CHECK_GUEST_EFER, !(entry & F.ENTRY_LOAD_EFER) || eferOk);
}

function checkTables(): bool {
  const bases = isCanonical(get(F.F_GUEST_GDTR_BASE)) && isCanonical(get(F.F_GUEST_IDTR_BASE));
  if (!check(CHECK_TABLE_BASE, bases)) return false;
  return check(CHECK_TABLE_LIMIT, !((get32(F.F_GUEST_GDTR_LIMIT) | get32(F.F_GUEST_IDTR_LIMIT)) >> 16));
}

/** An event of this type (SDM Vol. 3C "Event Injection") is injected. */
function injects(type: u32): bool {
  const info = get32(F.F_ENTRY_INTERRUPTION);
  return (info & 0x80000700) == (0x80000000 | (type << 8));
}

function checkRipAndFlags(): bool {
  const flags = get(F.F_GUEST_RFLAGS);
  const rip = get(F.F_GUEST_RIP);
  const isLongCode = isLongGuest() && (get32(F.F_GUEST_RIGHTS + 2) & 0x2000) != 0;
  if (!check(CHECK_GUEST_RIP, isLongCode ? isCanonical(rip) : !(rip >> 32))) return false;
  if (!check(CHECK_RFLAGS_RESERVED, isAllowed(flags, 2, 0x3f7fd7))) return false;
  if (!check(CHECK_RFLAGS_VM, !(flags & 0x20000) || ((get(F.F_GUEST_CR0) & 1) != 0 && !isLongGuest()))) return false;
  return check(CHECK_RFLAGS_IF, !injects(0) || (flags & 0x200) != 0);
}

function checkActivity(): bool {
  const activity = get32(F.F_GUEST_ACTIVITY);
  if (!check(CHECK_ACTIVITY, activity <= WAIT_FOR_SIPI)) return false;
  const ssDpl = (get32(F.F_GUEST_RIGHTS + 4) >> 5) & 3;
  if (!check(CHECK_ACTIVITY_HLT_DPL, activity != 1 || !ssDpl)) return false;
  if (!check(CHECK_ACTIVITY_BLOCKING, !activity || !(get32(F.F_GUEST_INTERRUPTIBILITY) & 3))) return false;
  return check(CHECK_ACTIVITY_EVENT, !activity || canWake(activity));
}

/** May the injected event reach a guest in HLT, shutdown or wait-for-SIPI? */
function canWake(activity: u32): bool {
  const info = get32(F.F_ENTRY_INTERRUPTION);
  if (!(info & 0x80000000)) return true;
  const type = (info >> 8) & 7;
  const vector = info & 0xff;
  if (activity == WAIT_FOR_SIPI) return false;
  if (type == 2 || (type == 3 && vector == 18)) return true;
  if (activity == SHUTDOWN) return false;
  return type == 0 || (type == 3 && vector == 1) || type == 7;
}

function checkInterruptibility(): bool {
  const state = get32(F.F_GUEST_INTERRUPTIBILITY);
  if (!check(CHECK_INTERRUPTIBILITY_RESERVED, !(state >> 4))) return false;
  if (!check(CHECK_BLOCKING_BOTH, (state & 3) != 3)) return false;
  if (!check(CHECK_BLOCKING_STI_IF, !(state & 1) || (get(F.F_GUEST_RFLAGS) & 0x200) != 0)) return false;
  if (!check(CHECK_BLOCKING_INTERRUPT, !injects(0) || !(state & 3))) return false;
  if (!check(CHECK_BLOCKING_NMI, !injects(2) || !(state & 2))) {
    guestCheckQualification = 3;
    return false;
  }
  if (!check(CHECK_BLOCKING_SMI, !(state & 4))) return false;
  const virtualNmis = (get32(F.F_PIN_CONTROLS) & F.PIN_VIRTUAL_NMIS) != 0;
  return check(CHECK_BLOCKING_VIRTUAL_NMI, !virtualNmis || !injects(2) || !(state & 8));
}

function checkPendingDebug(): bool {
  const pending = get(F.F_GUEST_PENDING_DEBUG);
  if (!check(CHECK_PENDING_DEBUG_RESERVED, !(pending & ~(<u64>0x500f)))) return false;
  const blocked = (get32(F.F_GUEST_INTERRUPTIBILITY) & 3) != 0 || get32(F.F_GUEST_ACTIVITY) == 1;
  if (!blocked) return true;
  const single = (get(F.F_GUEST_RFLAGS) & 0x100) != 0 && !(get(F.F_GUEST_DEBUGCTL) & 2);
  return check(CHECK_PENDING_DEBUG_BS, single == ((pending & 0x4000) != 0));
}

function checkLink(): bool {
  const link = get(F.F_VMCS_LINK);
  if (link == u64.MAX_VALUE) return true;
  const other = link != load<u64>(VMX_CURRENT) && link != load<u64>(VMX_ON_POINTER);
  return check(CHECK_VMCS_LINK, isPhysical(link, 4096) && other && readPhysical<u32>(link) == VMCS_REVISION);
}

/** The guest will be in IA-32e mode. */
export function isLongGuest(): bool {
  return (get32(F.F_ENTRY_CONTROLS) & F.ENTRY_IA32E) != 0;
}

/** The guest will use PAE paging. */
export function guestUsesPae(): bool {
  return !isLongGuest() && (get32(F.F_GUEST_CR0) & 0x80000000) != 0 && (get32(F.F_GUEST_CR4) & 0x20) != 0;
}

/** Page-directory-pointer entry `n` of the guest: its field with EPT, else the entry CR3 names in memory. */
export function guestPdpte(n: u32): u64 {
  if (secondaryControls() & F.CPU2_EPT) return get(F.F_GUEST_PDPTE + (n << 1));
  return readPhysical<u64>((get(F.F_GUEST_CR3) & 0xffffffe0) + (n << 3));
}

function pdptesOk(): bool {
  if (!guestUsesPae()) return true;
  const reserved: u64 = 0x1e6 | (u64.MAX_VALUE << PHYSICAL_WIDTH);
  for (let i: u32 = 0; i < 4; i++) {
    const entry = guestPdpte(i);
    if (entry & 1 && entry & reserved) return false;
  }
  return true;
}
