// Decimal and ASCII adjustment (SDM Vol. 2 "AAA", "AAD", "AAM", "AAS", "DAA", "DAS"). Undefined flags follow the result.
import { GPR } from '../layout';
import { DE, raise } from '../fault';
import { AF, CF, OF, adjust, carry, setStatusFlags } from '../flags';
import { logicFlags } from './flagging';
import { statusFlags } from '../flags';

/** SF ZF PF by `al`, CF and AF as given, OF clear. */
function decimalFlags(al: u8, cf: u32, af: u32): void {
  logicFlags<u8>(al);
  setStatusFlags((statusFlags() & ~(CF | AF | OF)) | (cf ? CF : 0) | (af ? AF : 0));
}

export function daa(): void {
  const old = load<u8>(GPR);
  let al = old;
  let cf: u32 = 0;
  const af = u32((old & 0xf) > 9) | adjust();
  if (af) al += 6;
  if (old > 0x99 || carry()) {
    al += 0x60;
    cf = 1;
  }
  store<u8>(GPR, al);
  decimalFlags(al, cf, af);
}

export function das(): void {
  const old = load<u8>(GPR);
  const oldCarry = carry();
  let al = old;
  let cf: u32 = 0;
  const af = u32((old & 0xf) > 9) | adjust();
  if (af) {
    cf = oldCarry | u32(old < 6);
    al -= 6;
  }
  if (old > 0x99 || oldCarry) {
    al -= 0x60;
    cf = 1;
  }
  store<u8>(GPR, al);
  decimalFlags(al, cf, af);
}

export function aaa(): void {
  const adjusted = u32((load<u8>(GPR) & 0xf) > 9) | adjust();
  if (adjusted) store<u16>(GPR, load<u16>(GPR) + 0x106);
  store<u8>(GPR, load<u8>(GPR) & 0xf);
  decimalFlags(load<u8>(GPR), adjusted, adjusted);
}

export function aas(): void {
  const adjusted = u32((load<u8>(GPR) & 0xf) > 9) | adjust();
  if (adjusted) {
    store<u16>(GPR, load<u16>(GPR) - 6);
    store<u8>(GPR + 1, load<u8>(GPR + 1) - 1);
  }
  store<u8>(GPR, load<u8>(GPR) & 0xf);
  decimalFlags(load<u8>(GPR), adjusted, adjusted);
}

export function aam(base: u32): void {
  if (!base) {
    raise(DE, 0);
    return;
  }
  const al = u32(load<u8>(GPR));
  store<u16>(GPR, u16(((al / base) << 8) | (al % base)));
  decimalFlags(u8(al % base), 0, 0);
}

export function aad(base: u32): void {
  const al = u8(u32(load<u8>(GPR)) + u32(load<u8>(GPR + 1)) * base);
  store<u16>(GPR, al);
  decimalFlags(al, 0, 0);
}
