// The segment registers of a task that has been switched to: their selectors are loaded, their descriptors are checked here.
// Every fault belongs to the new task (SDM Vol. 3A "Exception Conditions Checked During a Task Switch"). The registers behind
// the one that faults stay unusable.
import { CS, DS, ES, FS, GS, LDTR, SS } from '../layout';
import { charge } from '../charge';
import { NP, raise, TS } from '../fault';
import { COST_SEGMENT_LOAD } from '../gen/costs';
import { faulted } from '../globals';
import { cpl } from '../record';
import { inVirtual8086, loadRealSegment } from './mode-8086';
import {
  baseOf,
  checkStackDescriptor,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  dplOf,
  fetchDescriptor,
  isCode,
  isConforming,
  isNull,
  isPresent,
  limitOf,
  loadDataSegment,
  markAccessed,
  nullSegment,
  rightsOf,
  selectorError,
  setCpl,
  setSegment,
  setSegmentFrom,
} from './segment';
import { segmentSelector } from './state';

const TYPE_LDT: u32 = 2;

/** LDTR, CS (its RPL becomes CPL, 3 in virtual-8086 mode), SS, DS, ES, FS, GS. False after a fault. */
export function loadTaskSegments(ldt: u32): bool {
  charge(COST_SEGMENT_LOAD, 7);
  setCpl(inVirtual8086() ? 3 : segmentSelector(CS) & 3);
  if (!loadLdt(ldt)) return false;
  if (inVirtual8086()) {
    for (let seg: u32 = ES; seg <= <u32>GS; seg++) loadRealSegment(seg, segmentSelector(seg));
    return true;
  }
  return loadCode() && loadStack() && loadData(DS) && loadData(ES) && loadData(FS) && loadData(GS);
}

function loadLdt(selector: u32): bool {
  nullSegment(LDTR, selector);
  if (isNull(selector)) return true;
  if (selector & 4) {
    raise(TS, selectorError(selector));
    return false;
  }
  if (!fetchDescriptor(selector, TS)) return false;
  const rights = rightsOf(descriptorHigh);
  if ((rights & 0x1f) != TYPE_LDT || !isPresent(rights)) raise(TS, selectorError(selector));
  else setSegment(LDTR, selector, rights, baseOf(descriptorLow, descriptorHigh), limitOf(descriptorLow, descriptorHigh));
  return !faulted;
}

function loadCode(): bool {
  const selector = segmentSelector(CS);
  if (isNull(selector)) {
    raise(TS, selectorError(selector));
    return false;
  }
  if (!fetchDescriptor(selector, TS)) return false;
  const rights = rightsOf(descriptorHigh);
  const dpl = dplOf(rights);
  const isLevelRight = isConforming(rights) ? dpl <= cpl() : dpl == cpl();
  if (!isCode(rights) || !isLevelRight) raise(TS, selectorError(selector));
  else if (!isPresent(rights)) raise(NP, selectorError(selector));
  else if (markAccessed(descriptorAddress, descriptorHigh)) {
    setSegmentFrom(CS, selector, descriptorLow, descriptorHigh);
  }
  return !faulted;
}

function loadStack(): bool {
  const selector = segmentSelector(SS);
  if (isNull(selector)) {
    raise(TS, selectorError(selector));
    return false;
  }
  if (!checkStackDescriptor(selector, cpl(), TS) || !markAccessed(descriptorAddress, descriptorHigh)) return false;
  setSegmentFrom(SS, selector, descriptorLow, descriptorHigh);
  return true;
}

function loadData(seg: u32): bool {
  loadDataSegment(seg, segmentSelector(seg), TS);
  return !faulted;
}
