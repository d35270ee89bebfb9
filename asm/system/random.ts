// RDRAND and RDSEED (SDM Vol. 2 of each). The numbers come from a generator that the host seeds, so that a run can be
// repeated: SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). There is always a number.
import { RANDOM_STATE } from '../layout';
import { CF, setStatusFlags } from '../flags';
import { writeRm } from '../operand';
import { operandSize } from '../record';
import { interceptRdrand, interceptRdseed } from '../vmx/intercept-features';

function next(): u64 {
  const state = load<u64>(RANDOM_STATE) + 0x9e3779b97f4a7c15;
  store<u64>(RANDOM_STATE, state);
  let z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

function deliver(r: usize): void {
  writeRm(r, operandSize(r), next());
  setStatusFlags(CF);
}

export function rdrand(r: usize): void {
  if (!interceptRdrand(r)) deliver(r);
}

export function rdseed(r: usize): void {
  if (!interceptRdseed(r)) deliver(r);
}
