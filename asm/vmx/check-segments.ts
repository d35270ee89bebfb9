// VM-entry checks on the guest's segment registers (SDM Vol. 3C "Checks on Guest Segment Registers"), in its order.
import * as N from './check-numbers';
import { check, isCanonical } from './check-memory';
import { secondaryControls } from './check-controls';
import { isLongGuest } from './check-guest';
import * as F from './vmcs-fields';
import { get, get32 } from './vmcs';

// Segment numbers in the VMCS.
const ES: u32 = 0;
const CS: u32 = 1;
const SS: u32 = 2;
const DS: u32 = 3;
const FS: u32 = 4;
const GS: u32 = 5;
const LDTR: u32 = 6;
const TR: u32 = 7;

const S: u32 = 0x10;
const PRESENT: u32 = 0x80;
const LONG: u32 = 0x2000;
const BIG: u32 = 0x4000;
const GRANULAR: u32 = 0x8000;
const UNUSABLE: u32 = 0x10000;
const RESERVED: u32 = 0xfffe0f00;

function selector(seg: u32): u32 {
  return get32(F.F_GUEST_SELECTOR + (seg << 1));
}
function rights(seg: u32): u32 {
  return get32(F.F_GUEST_RIGHTS + (seg << 1));
}
function base(seg: u32): u64 {
  return get(F.F_GUEST_BASE + (seg << 1));
}
function limit(seg: u32): u32 {
  return get32(F.F_GUEST_LIMIT + (seg << 1));
}
function usable(seg: u32): bool {
  return seg == CS || !(rights(seg) & UNUSABLE);
}
function dpl(seg: u32): u32 {
  return (rights(seg) >> 5) & 3;
}

/** G agrees with the limit: byte-granular limits end below 1 MiB, page-granular ones in 0xfff. */
function granularityOk(seg: u32): bool {
  const granular = (rights(seg) & GRANULAR) != 0;
  if (granular) return (limit(seg) & 0xfff) == 0xfff;
  return !(limit(seg) >> 20);
}

/** All checks of the section. */
export function checkGuestSegments(): bool {
  const v86 = (get(F.F_GUEST_RFLAGS) & 0x20000) != 0;
  const unrestricted = (secondaryControls() & F.CPU2_UNRESTRICTED_GUEST) != 0;
  if (!checkSelectors(v86, unrestricted) || !checkBases(v86)) return false;
  if (v86) {
    for (let seg = ES; seg <= GS; seg++) if (!check(N.CHECK_V86_LIMIT, limit(seg) == 0xffff)) return false;
    for (let seg = ES; seg <= GS; seg++) if (!check(N.CHECK_V86_RIGHTS, rights(seg) == 0xf3)) return false;
  } else if (!checkTypes(unrestricted) || !checkPrivileges(unrestricted) || !checkCommon()) return false;
  return checkTr() && checkLdtr();
}

function checkSelectors(v86: bool, unrestricted: bool): bool {
  if (!check(N.CHECK_TR_TI, !(selector(TR) & 4))) return false;
  if (!check(N.CHECK_LDTR_TI, !usable(LDTR) || !(selector(LDTR) & 4))) return false;
  const same = ((selector(SS) ^ selector(CS)) & 3) == 0;
  return check(N.CHECK_SS_RPL, v86 || unrestricted || same);
}

function checkBases(v86: bool): bool {
  if (v86) {
    for (let seg = ES; seg <= GS; seg++) {
      if (!check(N.CHECK_V86_BASE, base(seg) == <u64>selector(seg) << 4)) return false;
    }
  }
  const canonical = isCanonical(base(TR)) && isCanonical(base(FS)) && isCanonical(base(GS));
  if (!check(N.CHECK_BASE_CANONICAL, canonical && (!usable(LDTR) || isCanonical(base(LDTR))))) return false;
  for (let seg = ES; seg <= DS; seg++) {
    if (!check(N.CHECK_BASE_32, !usable(seg) || !(base(seg) >> 32))) return false;
  }
  return true;
}

function checkTypes(unrestricted: bool): bool {
  const cs = rights(CS) & 15;
  if (!check(N.CHECK_CS_TYPE, (cs & 9) == 9 || (unrestricted && cs == 3))) return false;
  const ss = rights(SS) & 15;
  if (!check(N.CHECK_SS_TYPE, !usable(SS) || ss == 3 || ss == 7)) return false;
  for (let seg = ES; seg <= GS; seg++) {
    if (seg == CS || seg == SS || !usable(seg)) continue;
    const type = rights(seg) & 15;
    if (!check(N.CHECK_DATA_TYPE, (type & 1) != 0 && (!(type & 8) || (type & 2) != 0))) return false;
  }
  for (let seg = ES; seg <= GS; seg++) {
    if (!check(N.CHECK_CODE_DATA_S, !usable(seg) || (rights(seg) & S) != 0)) return false;
  }
  return true;
}

function checkPrivileges(unrestricted: bool): bool {
  const cs = rights(CS) & 15;
  const csOk = cs == 3 ? dpl(CS) == 0 : cs & 4 ? dpl(CS) <= dpl(SS) : dpl(CS) == dpl(SS);
  if (!check(N.CHECK_CS_DPL, csOk)) return false;
  const real = !(get32(F.F_GUEST_CR0) & 1);
  const ssOk = (unrestricted || dpl(SS) == (selector(SS) & 3)) && (!(cs == 3 || real) || dpl(SS) == 0);
  if (!check(N.CHECK_SS_DPL, ssOk)) return false;
  for (let seg = ES; seg <= GS; seg++) {
    if (seg == CS || seg == SS || !usable(seg) || unrestricted || (rights(seg) & 15) > 11) continue;
    if (!check(N.CHECK_DATA_DPL, dpl(seg) >= (selector(seg) & 3))) return false;
  }
  return true;
}

function checkCommon(): bool {
  for (let seg = ES; seg <= GS; seg++) {
    if (!check(N.CHECK_SEGMENT_PRESENT, !usable(seg) || (rights(seg) & PRESENT) != 0)) return false;
  }
  for (let seg = ES; seg <= GS; seg++) {
    if (!check(N.CHECK_SEGMENT_RESERVED, !usable(seg) || !(rights(seg) & RESERVED & ~UNUSABLE))) return false;
  }
  const isLongCode = isLongGuest() && (rights(CS) & LONG) != 0;
  if (!check(N.CHECK_CS_LONG, !isLongCode || !(rights(CS) & BIG))) return false;
  for (let seg = ES; seg <= GS; seg++) {
    if (!check(N.CHECK_SEGMENT_GRANULARITY, !usable(seg) || granularityOk(seg))) return false;
  }
  return true;
}

function checkTr(): bool {
  const type = rights(TR) & 15;
  if (!check(N.CHECK_TR_TYPE, type == 11 || (type == 3 && !isLongGuest()))) return false;
  if (!check(N.CHECK_TR_S, !(rights(TR) & S))) return false;
  if (!check(N.CHECK_TR_PRESENT, (rights(TR) & PRESENT) != 0)) return false;
  if (!check(N.CHECK_TR_RESERVED, !(rights(TR) & RESERVED & ~UNUSABLE))) return false;
  if (!check(N.CHECK_TR_GRANULARITY, granularityOk(TR))) return false;
  return check(N.CHECK_TR_USABLE, !(rights(TR) & UNUSABLE));
}

function checkLdtr(): bool {
  if (!usable(LDTR)) return true;
  if (!check(N.CHECK_LDTR_TYPE, (rights(LDTR) & 15) == 2)) return false;
  if (!check(N.CHECK_LDTR_S, !(rights(LDTR) & S))) return false;
  if (!check(N.CHECK_LDTR_PRESENT, (rights(LDTR) & PRESENT) != 0)) return false;
  if (!check(N.CHECK_LDTR_RESERVED, !(rights(LDTR) & RESERVED & ~UNUSABLE))) return false;
  return check(N.CHECK_LDTR_GRANULARITY, granularityOk(LDTR));
}
