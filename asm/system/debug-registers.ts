// Debug registers: MOV DR, breakpoint matching (SDM Vol. 3B "Debug Registers", "Debug Exceptions").
import { DR, PENDING_DEBUG } from '../layout';
import { armBreak } from '../breaks';
import { GP, raise, raiseDebug, UD } from '../fault';
import { privilegeChanged } from '../paging';
import { code64 } from '../globals';
import { cpl, getRegister, regNumber, rmNumber, setRegister } from '../record';
import { interceptDr } from '../vmx/intercepts';
import { finish } from './finish';
import { CR4_DE, cr4 } from './state';

export const DR6_BD: u32 = 0x2000;
export const DR6_BS: u32 = 0x4000;
export const DR6_BT: u32 = 0x8000;
export const DR7_GD: u64 = 0x2000;
const DR6_FIXED: u64 = 0xffff_0ff0;
const DR6_WRITABLE: u64 = 0xe00f;
const DR7_FIXED: u64 = 0x400;
const DR7_WRITABLE: u64 = 0xffff_23ff;

/** Kinds of breakpoint in DR7.R/W. */
const ON_EXECUTE: u32 = 0;
const ON_WRITE: u32 = 1;
const ON_PORT: u32 = 2;
const ON_ACCESS: u32 = 3;

/** True while DR7 enables a data breakpoint: data accesses then take the slow path. */
export let dataBreakpoints: bool = false;
/** True while DR7 enables an instruction breakpoint: instructions then run one by one. */
export let codeBreakpoints: bool = false;
/** True while DR7 enables an I/O breakpoint (CR4.DE). */
export let portBreakpoints: bool = false;

function debugRegister(n: u32): u64 {
  return load<u64>(DR + (n << 3));
}

/** Kind of breakpoint `n`, or all ones when it is not enabled. */
function enabledKind(n: u32): u32 {
  const dr7 = u32(debugRegister(7));
  if (!((dr7 >> (n << 1)) & 3)) return u32.MAX_VALUE;
  return (dr7 >> (16 + (n << 2))) & 3;
}

/** After DR7 or CR4.DE changed: which hooks are needed. */
export function debugChanged(): void {
  const had = dataBreakpoints;
  dataBreakpoints = false;
  codeBreakpoints = false;
  portBreakpoints = false;
  for (let n: u32 = 0; n < 4; n++) {
    const kind = enabledKind(n);
    if (kind == ON_EXECUTE) codeBreakpoints = true;
    else if (kind == ON_PORT) portBreakpoints = (cr4() & CR4_DE) != 0 || portBreakpoints;
    else if (kind != u32.MAX_VALUE) dataBreakpoints = true;
  }
  if (had != dataBreakpoints) privilegeChanged();
}

/** DR6 bits B0-B3 of the enabled breakpoints that [address, address + size) hits; `access`: 0 fetch, 1 write, 2 port, 3 read. */
export function matchBreakpoints(address: u64, size: u32, access: u32): u32 {
  let matched: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    const kind = enabledKind(n);
    if (kind != access && !(kind == ON_ACCESS && access == ON_WRITE)) continue;
    const code = (u32(debugRegister(7)) >> (18 + (n << 2))) & 3;
    const length: u64 = code == 2 ? 8 : u64(code) + 1;
    const start = debugRegister(n) & ~(length - 1);
    if (address < start + length && start < address + size) matched |= 1 << n;
  }
  return matched;
}

/** A data access has been made while `dataBreakpoints`: notes matching breakpoints in PENDING_DEBUG. */
export function noteDataAccess(linear: u64, size: u32, write: bool): void {
  note(matchBreakpoints(linear, size, write ? ON_WRITE : ON_ACCESS));
}

/** A port was accessed while `portBreakpoints`. */
export function notePortAccess(port: u32, size: u32): void {
  note(matchBreakpoints(port, size, ON_PORT));
}

function note(matched: u32): void {
  if (!matched) return;
  store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | matched);
  armBreak();
}

/** The checks that MOV from and to a debug register share. False: it faulted or exited. */
function mayAccess(r: usize, isRead: bool): bool {
  const n = regNumber(r);
  if (interceptDr(r, isRead, n, rmNumber(r))) return false;
  if (n > 7 || ((n == 4 || n == 5) && cr4() & CR4_DE)) {
    raise(UD, 0);
    return false;
  }
  if (cpl()) {
    raise(GP, 0);
    return false;
  }
  if (debugRegister(7) & DR7_GD) {
    raiseDebug(DR6_BD);
    return false;
  }
  return true;
}

/** DR4 and DR5 are other names of DR6 and DR7 while CR4.DE is clear. */
function aliased(n: u32): u32 {
  return n == 4 || n == 5 ? n + 2 : n;
}

export function movFromDr(r: usize): void {
  if (!mayAccess(r, true)) return;
  const value = debugRegister(aliased(regNumber(r)));
  setRegister(rmNumber(r), code64 ? value : value & 0xffffffff);
}

export function movToDr(r: usize): void {
  if (!mayAccess(r, false)) return;
  const n = aliased(regNumber(r));
  const value = code64 ? getRegister(rmNumber(r)) : getRegister(rmNumber(r)) & 0xffffffff;
  if (n >= 6 && value > 0xffffffff) {
    raise(GP, 0);
    return;
  }
  setDebugRegister(n, value);
  finish(r);
}

/** Writes a debug register with its reserved bits as the SDM fixes them. */
function setDebugRegister(n: u32, value: u64): void {
  if (n == 6) value = (value & DR6_WRITABLE) | DR6_FIXED;
  else if (n == 7) value = (value & DR7_WRITABLE) | DR7_FIXED;
  store<u64>(DR + (n << 3), value);
  debugChanged();
}
