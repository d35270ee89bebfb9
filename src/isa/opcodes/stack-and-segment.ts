// Opcode rows: stack instructions, segment register moves and loads of far pointers.
// Truth: SDM Vol. 2 "Instruction Set Reference"; sensitivity: Robin & Irvine 2000, "Analysis of the Intel Pentium's Ability".
import { type Row, type RowOptions, type Sensitivity, row } from '../form.ts';

const pushFrom: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  listed: 'PUSH',
  why: 'PUSH of CS or SS stores the selector with the real privilege level in its low two bits.',
};
const popInto: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  listed: 'POP',
  why: 'POP into a segment register compares CPL, RPL and the descriptor privilege level, so it fails or succeeds by the real ring.',
};
const moveFrom: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  listed: 'MOV',
  why: 'MOV from CS or SS stores the selector with the real privilege level in its low two bits.',
};
const moveInto: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  listed: 'MOV',
  why: 'MOV into a segment register compares CPL, RPL and the descriptor privilege level, so it fails or succeeds by the real ring.',
};
const loadPointer: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  why: 'The load of the segment register compares CPL, RPL and the descriptor privilege level, so it fails or succeeds by the real ring.',
};
const pushFlags: Sensitivity = {
  kind: 'behavior',
  class: '3B',
  listed: 'PUSHF',
  why: 'PUSHF stores the real IF and IOPL, not those the guest believes it has.',
};
const popFlags: Sensitivity = {
  kind: 'control',
  class: '3B',
  listed: 'POPF',
  why: 'POPF leaves IF and IOPL unchanged without any fault when the privilege does not suffice.',
};

const d64: RowOptions = { size64: 'd64' };
const legacy: RowOptions = { modes: 'legacy' };
const flagsOut = 'OSZAPCDTILNXFE';

export const STACK_AND_SEGMENT: readonly Row[] = [
  row('50 +r', 'push', 'Zv', 'push', 'stack', 'PUSH', d64),
  row('58 +r', 'pop', 'Zv', 'pop', 'stack', 'POP', d64),
  row('68 iz', 'push', 'Iz', 'push', 'stack', 'PUSH', d64),
  row('6A ib', 'push', 'Ibs', 'push', 'stack', 'PUSH', d64),
  row('FF /6', 'push', 'Ev', 'push', 'stack', 'PUSH', { ...d64, memory: 'r' }),
  row('8F /0', 'pop', 'Ev', 'pop', 'stack', 'POP', { ...d64, memory: 'w' }),
  row('60', 'pushaw/pushad', '', 'pusha', 'stack-frame', 'PUSHA/PUSHAD', legacy),
  row('61', 'popaw/popad', '', 'popa', 'stack-frame', 'POPA/POPAD', legacy),
  row('9C', 'pushfw/pushfd/pushfq', '', 'pushf', 'pushf', 'PUSHF/PUSHFD/PUSHFQ', {
    ...d64,
    flags: { read: flagsOut },
    sensitive: pushFlags,
  }),
  row('9D', 'popfw/popfd/popfq', '', 'popf', 'popf', 'POPF/POPFD/POPFQ', {
    ...d64,
    flags: { write: flagsOut },
    endsBlock: true,
    sensitive: popFlags,
  }),
  row('C8 iw ib', 'enter', 'Iw,Ib', 'enter', 'stack-frame', 'ENTER', d64),
  row('C9', 'leave', '', 'leave', 'stack-frame', 'LEAVE', d64),

  row('06', 'push', 'ES', 'push_segment', 'stack', 'PUSH', legacy),
  row('0E', 'push', 'CS', 'push_segment', 'stack', 'PUSH', { ...legacy, sensitive: pushFrom }),
  row('16', 'push', 'SS', 'push_segment', 'stack', 'PUSH', { ...legacy, sensitive: pushFrom }),
  row('1E', 'push', 'DS', 'push_segment', 'stack', 'PUSH', legacy),
  row('0F A0', 'push', 'FS', 'push_segment', 'stack', 'PUSH', d64),
  row('0F A8', 'push', 'GS', 'push_segment', 'stack', 'PUSH', d64),
  row('07', 'pop', 'ES', 'pop_segment', 'segment-load', 'POP', { ...legacy, sensitive: popInto }),
  row('17', 'pop', 'SS', 'pop_segment', 'segment-load', 'POP', { ...legacy, endsBlock: true, sensitive: popInto }),
  row('1F', 'pop', 'DS', 'pop_segment', 'segment-load', 'POP', { ...legacy, sensitive: popInto }),
  row('0F A1', 'pop', 'FS', 'pop_segment', 'segment-load', 'POP', { ...d64, sensitive: popInto }),
  row('0F A9', 'pop', 'GS', 'pop_segment', 'segment-load', 'POP', { ...d64, sensitive: popInto }),

  row('8C /r', 'mov', 'Mw/Rv,Sw', 'mov_from_segment', 'segment-read', 'MOV', { memory: 'w', sensitive: moveFrom }),
  row('8E /r', 'mov', 'Sw,Ew', 'mov_to_segment', 'segment-load', 'MOV', { endsBlock: true, sensitive: moveInto }),
  row('C4 /r', 'les', 'Gv,Mp', 'les', 'segment-load', 'LDS/LES/LFS/LGS/LSS', { ...legacy, sensitive: loadPointer }),
  row('C5 /r', 'lds', 'Gv,Mp', 'lds', 'segment-load', 'LDS/LES/LFS/LGS/LSS', { ...legacy, sensitive: loadPointer }),
  row('0F B2 /r', 'lss', 'Gv,Mp', 'lss', 'segment-load', 'LDS/LES/LFS/LGS/LSS', {
    endsBlock: true,
    sensitive: loadPointer,
  }),
  row('0F B4 /r', 'lfs', 'Gv,Mp', 'lfs', 'segment-load', 'LDS/LES/LFS/LGS/LSS', { sensitive: loadPointer }),
  row('0F B5 /r', 'lgs', 'Gv,Mp', 'lgs', 'segment-load', 'LDS/LES/LFS/LGS/LSS', { sensitive: loadPointer }),
];
