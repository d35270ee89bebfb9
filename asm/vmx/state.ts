// Guest state between the registers and the VMCS (SDM Vol. 3C "Guest-State Area", "Saving Guest State", "Loading Guest
// State", "Loading Host State").
import * as L from '../layout';
import { setFlags } from '../flags';
import { debugChanged } from '../system/debug-registers';
import { cancelStep } from '../system/events';
import { recomputeSegments, setCpl } from '../system/segment';
import { loadPdptes } from '../paging';
import { flushContexts } from '../tlb';
import { ANY, ANY_ROOT, selectContext } from '../tlb-banks';
import { EPT_ROOT } from './capabilities';
import { secondaryControls } from './check-controls';
import { inLongMode } from '../long-mode/state';
import { guestPdpte, guestUsesPae, isLongGuest } from './check-guest';
import * as F from './vmcs-fields';
import { get, get32, put } from './vmcs';

const DR7: usize = <usize>L.DR + 7 * 8;
const RSP: usize = <usize>L.GPR + 4 * 8;
const UNUSABLE: u32 = 0x10000;
const EFER_LME: u64 = 0x100;
const EFER_LMA: u64 = 0x400;
/** Bits of CR0 that transitions leave alone: ET, CD, NW and the reserved ones. */
const CR0_KEPT: u64 = 0x7ffaffd0;

/** Number in the VMCS (… LDTR TR) to number in the register file (… TR LDTR). */
function segmentSlot(vmcsSegment: u32): usize {
  const n: u32 = vmcsSegment < 6 ? vmcsSegment : vmcsSegment == 6 ? L.LDTR : L.TR;
  return <usize>L.SEGMENTS + n * L.SEGMENT_STRIDE;
}

/** Stores the guest's registers and non-register state, with these values of RIP and RFLAGS.RF. */
export function saveGuest(rip: u64, flags: u64): void {
  const exit = get32(F.F_EXIT_CONTROLS);
  const entry = get32(F.F_ENTRY_CONTROLS);
  put(F.F_ENTRY_CONTROLS, inLongMode() ? entry | F.ENTRY_IA32E : entry & ~F.ENTRY_IA32E);
  put(F.F_GUEST_CR0, load<u64>(L.CR0));
  put(F.F_GUEST_CR3, load<u64>(L.CR3));
  put(F.F_GUEST_CR4, load<u64>(L.CR4));
  if (exit & F.EXIT_SAVE_DEBUG) {
    put(F.F_GUEST_DR7, load<u64>(DR7));
    put(F.F_GUEST_DEBUGCTL, load<u64>(L.MSR_DEBUGCTL));
  }
  put(F.F_GUEST_RSP, load<u64>(RSP));
  put(F.F_GUEST_RIP, rip);
  put(F.F_GUEST_RFLAGS, flags);
  put(F.F_GUEST_SYSENTER_CS, load<u64>(L.MSR_SYSENTER_CS) & 0xffffffff);
  put(F.F_GUEST_SYSENTER_ESP, load<u64>(L.MSR_SYSENTER_ESP));
  put(F.F_GUEST_SYSENTER_EIP, load<u64>(L.MSR_SYSENTER_EIP));
  if (exit & F.EXIT_SAVE_PAT) put(F.F_GUEST_PAT, load<u64>(L.MSR_PAT));
  if (exit & F.EXIT_SAVE_EFER) put(F.F_GUEST_EFER, load<u64>(L.EFER));
  saveSegments();
  put(F.F_GUEST_ACTIVITY, load<u32>(L.ACTIVITY));
  put(F.F_GUEST_INTERRUPTIBILITY, load<u32>(L.INTERRUPTIBILITY));
  put(F.F_GUEST_PENDING_DEBUG, load<u32>(L.PENDING_DEBUG));
  if (secondaryControls() & F.CPU2_EPT && guestUsesPae()) {
    for (let i: u32 = 0; i < 4; i++) put(F.F_GUEST_PDPTE + (i << 1), load<u64>(L.PDPTE + (i << 3)));
  }
}

function saveSegments(): void {
  for (let n: u32 = 0; n < 8; n++) {
    const s = segmentSlot(n);
    put(F.F_GUEST_SELECTOR + (n << 1), load<u32>(s, L.SEGMENT_SELECTOR) & 0xffff);
    put(F.F_GUEST_RIGHTS + (n << 1), load<u32>(s, L.SEGMENT_RIGHTS) & 0x1f0ff);
    put(F.F_GUEST_BASE + (n << 1), load<u64>(s, L.SEGMENT_BASE));
    put(F.F_GUEST_LIMIT + (n << 1), load<u32>(s, L.SEGMENT_LIMIT));
  }
  put(F.F_GUEST_GDTR_BASE, load<u64>(L.GDTR_BASE));
  put(F.F_GUEST_GDTR_LIMIT, load<u32>(L.GDTR_LIMIT));
  put(F.F_GUEST_IDTR_BASE, load<u64>(L.IDTR_BASE));
  put(F.F_GUEST_IDTR_LIMIT, load<u32>(L.IDTR_LIMIT));
}

/** EFER with LMA, and LME where paging makes the two equal, as a transition without "load EFER" sets them. */
function withLongMode(efer: u64, isLong: bool, paging: bool): u64 {
  const bits: u64 = paging ? EFER_LMA | EFER_LME : EFER_LMA;
  return isLong ? efer | bits : efer & ~bits;
}

/** Loads the guest's registers; the checks have passed. */
export function loadGuest(): void {
  const entry = get32(F.F_ENTRY_CONTROLS);
  const keep = CR0_KEPT;
  store<u64>(L.CR0, (get(F.F_GUEST_CR0) & ~keep) | (load<u64>(L.CR0) & keep));
  store<u64>(L.CR3, get(F.F_GUEST_CR3));
  store<u64>(L.CR4, get(F.F_GUEST_CR4));
  if (entry & F.ENTRY_LOAD_DEBUG) {
    store<u64>(DR7, (get(F.F_GUEST_DR7) & 0xffff2fff) | 0x400);
    store<u64>(L.MSR_DEBUGCTL, get(F.F_GUEST_DEBUGCTL));
  }
  store<u64>(L.MSR_SYSENTER_CS, get(F.F_GUEST_SYSENTER_CS));
  store<u64>(L.MSR_SYSENTER_ESP, get(F.F_GUEST_SYSENTER_ESP));
  store<u64>(L.MSR_SYSENTER_EIP, get(F.F_GUEST_SYSENTER_EIP));
  if (entry & F.ENTRY_LOAD_PAT) store<u64>(L.MSR_PAT, get(F.F_GUEST_PAT));
  let efer = entry & F.ENTRY_LOAD_EFER ? get(F.F_GUEST_EFER) : load<u64>(L.EFER);
  if (!(entry & F.ENTRY_LOAD_EFER)) {
    efer = withLongMode(efer, isLongGuest(), (get32(F.F_GUEST_CR0) & 0x80000000) != 0);
  }
  store<u64>(L.EFER, efer);
  store<u64>(RSP, get(F.F_GUEST_RSP));
  store<u64>(L.RIP, get(F.F_GUEST_RIP));
  setFlags(get(F.F_GUEST_RFLAGS));
  loadSegments();
  store<u32>(L.ACTIVITY, get32(F.F_GUEST_ACTIVITY));
  store<u32>(L.INTERRUPTIBILITY, get32(F.F_GUEST_INTERRUPTIBILITY));
  store<u32>(L.PENDING_DEBUG, get32(F.F_GUEST_PENDING_DEBUG));
  if (guestUsesPae()) for (let i: u32 = 0; i < 4; i++) store<u64>(L.PDPTE + (i << 3), guestPdpte(i));
  setCpl((get32(F.F_GUEST_RIGHTS + 4) >> 5) & 3);
  const controls = secondaryControls();
  contextChanged(controls & F.CPU2_VPID ? get32(F.F_VPID) : 0, controls & F.CPU2_EPT ? get(F.F_EPTP) & EPT_ROOT : 0);
}

function loadSegments(): void {
  for (let n: u32 = 0; n < 8; n++) {
    const rights = get32(F.F_GUEST_RIGHTS + (n << 1));
    const base = get(F.F_GUEST_BASE + (n << 1));
    putSegment(n, get32(F.F_GUEST_SELECTOR + (n << 1)), rights, base, get32(F.F_GUEST_LIMIT + (n << 1)));
  }
  store<u64>(L.GDTR_BASE, get(F.F_GUEST_GDTR_BASE));
  store<u32>(L.GDTR_LIMIT, get32(F.F_GUEST_GDTR_LIMIT));
  store<u64>(L.IDTR_BASE, get(F.F_GUEST_IDTR_BASE));
  store<u32>(L.IDTR_LIMIT, get32(F.F_GUEST_IDTR_LIMIT));
}

function putSegment(n: u32, selector: u32, rights: u32, base: u64, limit: u32): void {
  const s = segmentSlot(n);
  store<u32>(s, selector, L.SEGMENT_SELECTOR);
  store<u32>(s, rights, L.SEGMENT_RIGHTS);
  store<u64>(s, base, L.SEGMENT_BASE);
  store<u32>(s, limit, L.SEGMENT_LIMIT);
}

/** Loads the host's registers from the VMCS. False: its PDPTEs are not valid (a VMX abort). */
export function loadHost(): bool {
  const exit = get32(F.F_EXIT_CONTROLS);
  const keep = CR0_KEPT;
  store<u64>(L.CR0, (get(F.F_HOST_CR0) & ~keep) | (load<u64>(L.CR0) & keep));
  store<u64>(L.CR3, get(F.F_HOST_CR3));
  store<u64>(L.CR4, get(F.F_HOST_CR4));
  store<u64>(DR7, 0x400);
  store<u64>(L.MSR_DEBUGCTL, 0);
  store<u64>(L.MSR_SYSENTER_CS, get(F.F_HOST_SYSENTER_CS));
  store<u64>(L.MSR_SYSENTER_ESP, get(F.F_HOST_SYSENTER_ESP));
  store<u64>(L.MSR_SYSENTER_EIP, get(F.F_HOST_SYSENTER_EIP));
  if (exit & F.EXIT_LOAD_PAT) store<u64>(L.MSR_PAT, get(F.F_HOST_PAT));
  if (exit & F.EXIT_LOAD_EFER) store<u64>(L.EFER, get(F.F_HOST_EFER));
  else store<u64>(L.EFER, withLongMode(load<u64>(L.EFER), (exit & F.EXIT_HOST_64) != 0, true));
  loadHostSegments();
  store<u64>(RSP, get(F.F_HOST_RSP));
  store<u64>(L.RIP, get(F.F_HOST_RIP));
  setFlags(2);
  store<u32>(L.ACTIVITY, 0);
  store<u32>(L.PENDING_DEBUG, 0);
  setCpl(0);
  contextChanged(0, 0);
  const pae = !inLongMode() && (load<u32>(L.CR4) & 0x20) != 0;
  return !pae || loadPdptes(load<u64>(L.CR3));
}

/** Host segments are flat; only selectors and the bases of FS, GS and TR come from the VMCS. */
function loadHostSegments(): void {
  const isLong = (get32(F.F_EXIT_CONTROLS) & F.EXIT_HOST_64) != 0;
  for (let n: u32 = 0; n < 6; n++) {
    const selector = get32(F.F_HOST_SELECTOR + (n << 1));
    const base = n == 4 ? get(F.F_HOST_FS_BASE) : n == 5 ? get(F.F_HOST_GS_BASE) : 0;
    const rights: u32 = n == 1 ? (isLong ? 0xa09b : 0xc09b) : 0xc093;
    putSegment(n, selector, n != 1 && !selector ? rights | UNUSABLE : rights, base, 0xffffffff);
  }
  putSegment(6, 0, UNUSABLE, 0, 0);
  putSegment(7, get32(F.F_HOST_TR_SELECTOR), 0x8b, get(F.F_HOST_TR_BASE), 0x67);
  store<u64>(L.GDTR_BASE, get(F.F_HOST_GDTR_BASE));
  store<u32>(L.GDTR_LIMIT, 0xffff);
  store<u64>(L.IDTR_BASE, get(F.F_HOST_IDTR_BASE));
  store<u32>(L.IDTR_LIMIT, 0xffff);
}

/**
 * Everything derived from the registers just loaded. Without "enable VPID" a transition drops the translations of VPID 0, which
 * host and guest share then (SDM Vol. 3C "Operations that Invalidate Cached Mappings").
 */
function contextChanged(vpid: u32, eptRoot: u64): void {
  recomputeSegments();
  debugChanged();
  store<u32>(L.TLB_VPID, vpid);
  store<u64>(L.TLB_EPT_ROOT, eptRoot);
  if (!(secondaryControls() & F.CPU2_VPID)) flushContexts(0, ANY, ANY_ROOT, false);
  selectContext();
  cancelStep();
}
