// INVD, WBINVD, INVLPG (SDM Vol. 3A "Cache Control", "Invalidation of TLBs and Paging-Structure Caches").
// There are no modelled caches; only translations are dropped.
import { GP, raise } from '../fault';
import { code64 } from '../globals';
import { effectiveBase, isCanonical } from '../long-mode/state';
import { linearMask } from '../paging';
import { invalidatePage } from '../tlb';
import { cpl, effectiveAddress, segmentNumber } from '../record';
import { interceptInvd, interceptInvlpg, interceptWbinvd } from '../vmx/intercepts';
import { finish } from './finish';

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
