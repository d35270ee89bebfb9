// The I/O instruction executed last, for an SMI that follows it: what the I/O state field of the save map says, and what it
// takes to execute the instruction again (SDM Vol. 3 "I/O State Implementation", "I/O Instruction Restart").
import { GPR, IO_AFTER, IO_MEMORY, IO_RETIRED, IO_RIP, IO_STATE, RIP } from '../layout';
import { exactInstructions } from '../charge';
import { addressMask, getRegister, hasRep, recordNextRip, recordRip } from '../record';

/** Bit 0 of the I/O state field: the SMI follows an I/O instruction. */
export const IO_SMI: u32 = 1;
/** Types of the I/O state field, bits 7:4. */
export const IO_OUT: u32 = 0;
export const IO_IN: u32 = 1;
export const IO_OUTS: u32 = 2;
export const IO_INS: u32 = 3;
export const IO_REP: u32 = 4;
export const IO_IMMEDIATE: u32 = 8;

/** Before the port is accessed. `linear`: the memory operand of INS and OUTS, else 0. */
export function noteIo(r: usize, port: u32, size: u32, type: u32, linear: u64): void {
  const goesOn = (type & IO_REP) != 0 && (getRegister(1) & addressMask(r)) > 1;
  store<u32>(IO_STATE, IO_SMI | (size << 1) | (type << 4) | (port << 16));
  store<u64>(IO_RETIRED, exactInstructions());
  store<u64>(IO_AFTER, goesOn ? recordRip(r) : recordNextRip(r));
  store<u64>(IO_MEMORY, linear);
  store<u64>(IO_RIP, recordRip(r));
  store<u64>(IO_RIP + 8, load<u64>(GPR + 1 * 8));
  v128.store(IO_RIP + 16, v128.load(GPR + 6 * 8));
}

/** The types of string instructions. */
export function stringType(r: usize, type: u32): u32 {
  return hasRep(r) ? type | IO_REP : type;
}

/** The I/O state field for an SMI taken now: 0 unless the last instruction, or iteration, was one of I/O. */
export function ioBeforeSmi(): u32 {
  const isNext = exactInstructions() - load<u64>(IO_RETIRED) <= 1 && load<u64>(RIP) == load<u64>(IO_AFTER);
  return isNext ? load<u32>(IO_STATE) : 0;
}
