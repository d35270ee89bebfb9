// x87 compares, FTST and FXAM (SDM Vol. 1 "x87 FPU Condition Code Flags"; SDM Vol. 2, each instruction's page).
import { setStatusFlags } from '../flags';
import { aDenormal, aKind, FINITE, INFINITE, QUIET, setB, stopped, ZERO } from './float';
import { compareFloat, EQUAL, GREATER, LESS } from './arithmetic';
import {
  beginKeepingC1,
  beginX87,
  C0,
  C1,
  C2,
  C3,
  CONDITIONS,
  isEmpty,
  loadA,
  loadB,
  noteExceptions,
  pop,
  setStatus,
  slot,
  stackFault,
  status,
} from './stack';

/** Sets C3 C2 C0 by the order of ST(0) and B, also when an exception is unmasked, and pops when none is. */
export function compareWith(underflows: bool, pops: u32, signaling: bool): void {
  let order: u32 = 3;
  let masked = true;
  if (underflows) masked = stackFault(false);
  else {
    loadA(0);
    order = compareFloat(signaling);
    noteExceptions();
    masked = !stopped();
  }
  const codes = order == LESS ? C0 : order == EQUAL ? C3 : order == GREATER ? 0 : C0 | C2 | C3;
  setStatus((status() & ~(C0 | C2 | C3)) | codes);
  if (masked) while (pops--) pop();
}

export function compareRegister(i: u32, pops: u32, signaling: bool): void {
  beginX87();
  loadB(i);
  compareWith(isEmpty(0) || isEmpty(i), pops, signaling);
}

/** FCOMI and the like: ZF PF CF; OF SF AF are cleared. */
export function compareToFlags(i: u32, pops: bool, signaling: bool): void {
  beginKeepingC1();
  loadB(i);
  let order: u32 = 3;
  let masked = true;
  if (isEmpty(0) || isEmpty(i)) masked = stackFault(false);
  else {
    loadA(0);
    order = compareFloat(signaling);
    noteExceptions();
    masked = !stopped();
  }
  setStatusFlags(order == LESS ? 1 : order == EQUAL ? 0x40 : order == GREATER ? 0 : 0x45);
  if (pops && masked) pop();
}

export function ftst(): void {
  beginX87();
  setB(ZERO, 0, 0, 0);
  compareWith(isEmpty(0), 0, true);
}

/** FXAM: the class of ST(0), also of an empty register; C1 is the sign. */
export function fxam(): void {
  loadA(0);
  let codes: u32 = 0;
  if (isEmpty(0)) codes = C3 | C0;
  else {
    switch (aKind) {
      case ZERO:
        codes = C3;
        break;
      case FINITE:
        codes = aDenormal ? C3 | C2 : C2;
        break;
      case INFINITE:
        codes = C2 | C0;
        break;
      case QUIET:
      case 4:
        codes = C0;
    }
  }
  if (load<u16>(slot(0), 8) >> 15) codes |= C1;
  setStatus((status() & ~CONDITIONS) | codes);
}
