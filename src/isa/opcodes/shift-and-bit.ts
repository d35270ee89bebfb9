// Opcode rows: shifts, rotates, double shifts, bit tests, bit scans and counts.
// Truth: SDM Vol. 2 "Instruction Set Reference".
import { type FlagEffects, type Row, type RowOptions, row } from '../form.ts';

const rotateFlags = { write: 'OC' };
const throughCarry = { read: 'C', write: 'OC' };
const shiftFlags = { write: 'OSZAPC', undefined: 'A' };

/** The six encodings of one member of shift group 2. `digit` 6 is the undocumented twin of SHL. */
function shift(op: string, digit: number, flags: Partial<FlagEffects>, alias?: true): Row[] {
  const section = digit < 4 ? 'RCL/RCR/ROL/ROR' : 'SAL/SAR/SHL/SHR';
  const byOne: RowOptions = { flags, memory: 'rw', ...(alias ? { alias } : {}) };
  // by another count OF is undefined; CF of SHL and SHR too, by more than the operand has bits
  const byCount: RowOptions = {
    ...byOne,
    flags: { ...flags, undefined: digit < 4 ? 'O' : digit === 7 ? 'OA' : 'OAC' },
  };
  return [
    row(`D0 /${digit}`, op, 'Eb,1', op, 'shift', section, byOne),
    row(`D1 /${digit}`, op, 'Ev,1', op, 'shift', section, byOne),
    row(`C0 /${digit} ib`, op, 'Eb,Ib', op, 'shift', section, byCount),
    row(`C1 /${digit} ib`, op, 'Ev,Ib', op, 'shift', section, byCount),
    row(`D2 /${digit}`, op, 'Eb,CL', op, 'shift', section, byCount),
    row(`D3 /${digit}`, op, 'Ev,CL', op, 'shift', section, byCount),
  ];
}

const double: RowOptions = { flags: { write: 'OSZAPC', undefined: 'OSZAPC' }, memory: 'rw' };
const bitTest: RowOptions = { flags: { write: 'OSAPC', undefined: 'OSAP' }, memory: 'r' };
const bitChange: RowOptions = { ...bitTest, memory: 'rw', lock: true };
const scan = { write: 'OSZAPC', undefined: 'OSAPC' };
const count = { write: 'OSZAPC', undefined: 'OSAP' };

export const SHIFT_AND_BIT: readonly Row[] = [
  ...shift('rol', 0, rotateFlags),
  ...shift('ror', 1, rotateFlags),
  ...shift('rcl', 2, throughCarry),
  ...shift('rcr', 3, throughCarry),
  ...shift('shl', 4, shiftFlags),
  ...shift('shr', 5, shiftFlags),
  ...shift('shl', 6, shiftFlags, true),
  ...shift('sar', 7, shiftFlags),
  row('0F A4 /r ib', 'shld', 'Ev,Gv,Ib', 'shld', 'shift', 'SHLD', double),
  row('0F A5 /r', 'shld', 'Ev,Gv,CL', 'shld', 'shift', 'SHLD', double),
  row('0F AC /r ib', 'shrd', 'Ev,Gv,Ib', 'shrd', 'shift', 'SHRD', double),
  row('0F AD /r', 'shrd', 'Ev,Gv,CL', 'shrd', 'shift', 'SHRD', double),

  row('0F A3 /r', 'bt', 'Ev,Gv', 'bt', 'bit', 'BT', bitTest),
  row('0F AB /r', 'bts', 'Ev,Gv', 'bts', 'bit', 'BTS', bitChange),
  row('0F B3 /r', 'btr', 'Ev,Gv', 'btr', 'bit', 'BTR', bitChange),
  row('0F BB /r', 'btc', 'Ev,Gv', 'btc', 'bit', 'BTC', bitChange),
  row('0F BA /4 ib', 'bt', 'Ev,Ib', 'bt', 'bit', 'BT', bitTest),
  row('0F BA /5 ib', 'bts', 'Ev,Ib', 'bts', 'bit', 'BTS', bitChange),
  row('0F BA /6 ib', 'btr', 'Ev,Ib', 'btr', 'bit', 'BTR', bitChange),
  row('0F BA /7 ib', 'btc', 'Ev,Ib', 'btc', 'bit', 'BTC', bitChange),

  row('0F BC /r', 'bsf', 'Gv,Ev', 'bsf', 'bit', 'BSF', { flags: scan }),
  row('0F BD /r', 'bsr', 'Gv,Ev', 'bsr', 'bit', 'BSR', { flags: scan }),
  row('F3 0F BC /r', 'tzcnt', 'Gv,Ev', 'tzcnt', 'bit', 'TZCNT', { flags: count, cpuid: 'tzcnt' }),
  row('F3 0F BD /r', 'lzcnt', 'Gv,Ev', 'lzcnt', 'bit', 'LZCNT', { flags: count, cpuid: 'lzcnt' }),
  row('F3 0F B8 /r', 'popcnt', 'Gv,Ev', 'popcnt', 'bit', 'POPCNT', { flags: { write: 'OSZAPC' }, cpuid: 'popcnt' }),
];
