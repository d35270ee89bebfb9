// What the processor model has (SDM Vol. 2 "CPUID—CPU Identification"): the tables of the area MODEL, which the host fills.
import { MODEL_CR4, MODEL_FEATURES, MODEL_MSRS } from '../layout';

/** Has the processor this feature (FEATURE_ constant; 0 is always there)? */
// @ts-ignore: decorator
@inline
export function hasFeature(feature: u32): bool {
  return load<u8>(<usize>MODEL_FEATURES + feature) != 0;
}

/** CR4 bits of the features this processor has; all others are reserved. */
// @ts-ignore: decorator
@inline
export function cr4Writable(): u64 {
  return load<u64>(MODEL_CR4);
}

/** Does an MSR with this number exist? */
export function msrExists(msr: u32): bool {
  const count = load<u32>(MODEL_MSRS);
  for (let i: u32 = 0; i < count; i++) {
    const range = <usize>MODEL_MSRS + 4 + (usize(i) << 3);
    if (msr >= load<u32>(range) && msr <= load<u32>(range, 4)) return true;
  }
  return false;
}
