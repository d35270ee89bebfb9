// Corrections of static costs where one row of the opcode table covers instructions of different price.
import { chargeCycles } from '../charge';
import { COSTS } from '../layout';

/** The instruction was charged class `charged`, but is one of class `real`. */
export function chargeDifference(charged: u32, real: u32): void {
  chargeCycles(u64(load<u32>(COSTS + (real << 2))) - u64(load<u32>(COSTS + (charged << 2))));
}
