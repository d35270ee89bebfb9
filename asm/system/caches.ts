// INVD, WBINVD, INVLPG, XSETBV/XGETBV (SDM Vol. 3A "Cache Control", "Invalidation of TLBs and Paging-Structure Caches").
// There are no modelled caches; only translations are dropped.
import { GP, raise, UD } from '../fault';
import { linearMask } from '../paging';
import { invalidatePage } from '../tlb';
import { cpl, effectiveAddress, segmentNumber } from '../record';
import { interceptInvd, interceptInvlpg, interceptWbinvd } from '../vmx/intercepts';
import { finish } from './finish';
import { segmentBase } from './state';

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
  const linear = (segmentBase(segmentNumber(r)) + effectiveAddress(r)) & linearMask;
  if (interceptInvlpg(r, linear)) return;
  invalidatePage(linear);
  finish(r);
}

/** XGETBV and XSETBV: CR4.OSXSAVE cannot be set on this processor. */
export function xsave(): void {
  raise(UD, 0);
}
