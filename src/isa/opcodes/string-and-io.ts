// Opcode rows: string instructions and port input/output.
// Truth: SDM Vol. 2 "Instruction Set Reference", Vol. 1 "Input/Output".
import { type Row, type RowOptions, type Sensitivity, row } from '../form.ts';

const io: Sensitivity = {
  kind: 'control',
  class: '3D',
  why: 'It reaches a device; it faults when CPL is above IOPL and the I/O permission bitmap of the TSS does not allow the port.',
};
const exit = { reason: 30, control: 'unconditional I/O exiting, or I/O bitmaps' };
const port: RowOptions = { cpl: 'iopl', sensitive: io, exit };
const count: RowOptions = { flags: { read: 'D' }, repeat: 'count' };
const condition: RowOptions = { flags: { read: 'D', write: 'OSZAPC' }, repeat: 'condition' };
const portString: RowOptions = { ...port, ...count };

export const STRING_AND_IO: readonly Row[] = [
  row('A4', 'movsb', 'Yb,Xb', 'movs', 'string-iteration', 'MOVS/MOVSB/MOVSW/MOVSD/MOVSQ', count),
  row('A5', 'movsw/movsd/movsq', 'Yv,Xv', 'movs', 'string-iteration', 'MOVS/MOVSB/MOVSW/MOVSD/MOVSQ', count),
  row('A6', 'cmpsb', 'Xb,Yb', 'cmps', 'string-iteration', 'CMPS/CMPSB/CMPSW/CMPSD/CMPSQ', condition),
  row('A7', 'cmpsw/cmpsd/cmpsq', 'Xv,Yv', 'cmps', 'string-iteration', 'CMPS/CMPSB/CMPSW/CMPSD/CMPSQ', condition),
  row('AA', 'stosb', 'Yb,AL', 'stos', 'string-iteration', 'STOS/STOSB/STOSW/STOSD/STOSQ', count),
  row('AB', 'stosw/stosd/stosq', 'Yv,rAX', 'stos', 'string-iteration', 'STOS/STOSB/STOSW/STOSD/STOSQ', count),
  row('AC', 'lodsb', 'AL,Xb', 'lods', 'string-iteration', 'LODS/LODSB/LODSW/LODSD/LODSQ', count),
  row('AD', 'lodsw/lodsd/lodsq', 'rAX,Xv', 'lods', 'string-iteration', 'LODS/LODSB/LODSW/LODSD/LODSQ', count),
  row('AE', 'scasb', 'AL,Yb', 'scas', 'string-iteration', 'SCAS/SCASB/SCASW/SCASD', condition),
  row('AF', 'scasw/scasd/scasq', 'rAX,Yv', 'scas', 'string-iteration', 'SCAS/SCASB/SCASW/SCASD', condition),
  row('6C', 'insb', 'Yb,DX', 'ins', 'string-iteration', 'INS/INSB/INSW/INSD', portString),
  row('6D', 'insw/insd/insd', 'Yz,DX', 'ins', 'string-iteration', 'INS/INSB/INSW/INSD', portString),
  row('6E', 'outsb', 'DX,Xb', 'outs', 'string-iteration', 'OUTS/OUTSB/OUTSW/OUTSD', portString),
  row('6F', 'outsw/outsd/outsd', 'DX,Xz', 'outs', 'string-iteration', 'OUTS/OUTSB/OUTSW/OUTSD', portString),

  row('E4 ib', 'in', 'AL,Ib', 'in', 'port-read', 'IN', port),
  row('E5 ib', 'in', 'eAX,Ib', 'in', 'port-read', 'IN', port),
  row('EC', 'in', 'AL,DX', 'in', 'port-read', 'IN', port),
  row('ED', 'in', 'eAX,DX', 'in', 'port-read', 'IN', port),
  row('E6 ib', 'out', 'Ib,AL', 'out', 'port-write', 'OUT', port),
  row('E7 ib', 'out', 'Ib,eAX', 'out', 'port-write', 'OUT', port),
  row('EE', 'out', 'DX,AL', 'out', 'port-write', 'OUT', port),
  row('EF', 'out', 'DX,eAX', 'out', 'port-write', 'OUT', port),
];
