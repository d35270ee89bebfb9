// INVD, WBINVD, INVLPG, INVPCID (SDM Vol. 3A "Cache Control", "Invalidation of TLBs and Paging-Structure Caches").
// There are no modelled caches; only translations are dropped.
import { GP, raise } from '../fault';
import { TLB_VPID } from '../layout';
import { code64, faulted } from '../globals';
import { effectiveBase, isCanonical, isCanonicalBase } from '../long-mode/state';
import { linearMask } from '../paging';
import { readMemory, readReg } from '../operand';
import { flushContexts, invalidateAddress, invalidatePage, KEEP_GLOBAL } from '../tlb';
import { ANY, ANY_ROOT } from '../tlb-banks';
import { cpl, effectiveAddress, segmentNumber } from '../record';
import { interceptInvpcid } from '../vmx/intercept-features';
import { interceptInvd, interceptInvlpg, interceptWbinvd } from '../vmx/intercepts';
import { finish } from './finish';
import { CR4_PCIDE, cr4 } from './state';

export function invd(r: usize): void {
  if (cpl()) raise(GP, 0);
  else if (!interceptInvd(r)) finish(r);
}

export function wbinvd(r: usize): void {
  if (cpl()) raise(GP, 0);
  else if (!interceptWbinvd(r)) finish(r);
}

/** No segment checks: a bad address makes it do nothing (SDM Vol. 2 "INVLPG"). */
export function invlpg(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  const linear = (effectiveBase(segmentNumber(r)) + effectiveAddress(r)) & linearMask;
  if (interceptInvlpg(r, linear)) return;
  if (!code64 || isCanonical(linear)) invalidatePage(linear);
  finish(r);
}

const INVPCID_ADDRESS: u64 = 0;
const INVPCID_CONTEXT: u64 = 1;
const INVPCID_EVERYTHING: u64 = 2;
const INVPCID_NOT_GLOBAL: u64 = 3;

/** Type in the register, descriptor (PCID, linear address) in memory (SDM Vol. 2 "INVPCID"). */
export function invpcid(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  if (interceptInvpcid(r)) return;
  const type = readReg(r, code64 ? 8 : 4);
  const pcid = readMemory(segmentNumber(r), effectiveAddress(r), 8);
  if (faulted) return;
  const linear = readMemory(segmentNumber(r), effectiveAddress(r) + 8, 8);
  if (faulted) return;
  const isUseless = type <= INVPCID_CONTEXT && pcid != 0 && !(cr4() & CR4_PCIDE);
  const isWrongAddress = type == INVPCID_ADDRESS && code64 && !isCanonicalBase(linear);
  if (type > INVPCID_NOT_GLOBAL || pcid >> 12 || isUseless || isWrongAddress) {
    raise(GP, 0);
    return;
  }
  const vpid = load<u32>(TLB_VPID);
  if (type == INVPCID_ADDRESS) invalidateAddress(linear, vpid, u32(pcid), KEEP_GLOBAL);
  else flushContexts(vpid, type == INVPCID_CONTEXT ? u32(pcid) : ANY, ANY_ROOT, type != INVPCID_EVERYTHING);
  finish(r);
}
