// XGETBV, XSETBV (SDM Vol. 1 "Enabling the XSAVE Feature Set and XSAVE-Enabled Features", Vol. 2 of each).
import { XCR0 } from '../layout';
import { GP, raise, UD } from '../fault';
import { COMPONENT_SSE, COMPONENT_X87, componentsInUse } from '../fpu/save-area';
import { FEATURE_XGETBV1 } from '../gen/features';
import { cpl, getRegister32, setRegister } from '../record';
import { interceptXsetbv } from '../vmx/intercept-features';
import { finish } from './finish';
import { hasFeature } from './model';
import { CR4_OSXSAVE, cr4 } from './state';

function isEnabled(): bool {
  if (cr4() & CR4_OSXSAVE) return true;
  raise(UD, 0);
  return false;
}

/** XCR0, or with ECX = 1 the components of it that are in use. */
export function xgetbv(): void {
  if (!isEnabled()) return;
  const n = getRegister32(1);
  if (n > 1 || (n == 1 && !hasFeature(FEATURE_XGETBV1))) {
    raise(GP, 0);
    return;
  }
  const enabled = load<u64>(XCR0);
  const value = n ? enabled & componentsInUse() : enabled;
  setRegister(0, value & 0xffffffff);
  setRegister(2, value >> 32);
}

/** x87 state is always enabled; no other components than those of the core exist. */
export function xsetbv(r: usize): void {
  if (!isEnabled()) return;
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  if (interceptXsetbv(r)) return;
  const value = u64(getRegister32(0)) | (u64(getRegister32(2)) << 32);
  if (getRegister32(1) || !(value & COMPONENT_X87) || value & ~(COMPONENT_X87 | COMPONENT_SSE)) {
    raise(GP, 0);
    return;
  }
  store<u64>(XCR0, value);
  finish(r);
}
