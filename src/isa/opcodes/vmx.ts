// Opcode rows: VMX instructions. Truth: SDM Vol. 3 "VMX Instruction Reference", "Instructions That Cause VM Exits Unconditionally".
import { type Row, type RowOptions, type Sensitivity, row } from '../form.ts';

const sensitive: Sensitivity = {
  kind: 'control',
  class: '3A',
  why: 'It works on VMX operation; outside VMX operation it is undefined, in non-root operation it exits.',
};
const flags = { write: 'OSZAPC' };
const always = (reason: number): RowOptions => ({
  cpl: 0,
  cpuid: 'vmx',
  protectedOnly: true,
  flags,
  sensitive,
  exit: { reason, control: 'always' },
});

export const VMX: readonly Row[] = [
  row('NP 0F 01 C1', 'vmcall', '', 'vmcall', 'vmcall', 'VMCALL', {
    cpuid: 'vmx',
    flags,
    sensitive,
    exit: { reason: 18, control: 'always' },
  }),
  row('NP 0F 01 C2', 'vmlaunch', '', 'vmlaunch', 'vmx-other', 'VMLAUNCH/VMRESUME', always(20)),
  row('NP 0F 01 C3', 'vmresume', '', 'vmresume', 'vmx-other', 'VMLAUNCH/VMRESUME', always(24)),
  row('NP 0F 01 C4', 'vmxoff', '', 'vmxoff', 'vmx-other', 'VMXOFF', always(26)),
  row('NP 0F 01 D4', 'vmfunc', '', 'vmfunc', 'vmx-other', 'VMFUNC', {
    cpuid: 'vmx',
    flags,
    sensitive,
    exit: { reason: 59, control: 'enable VM functions' },
  }),
  row('NP 0F C7 /6', 'vmptrld', 'Mq', 'vmptrld', 'vmptrld', 'VMPTRLD', { ...always(21), memory: 'r' }),
  row('66 0F C7 /6', 'vmclear', 'Mq', 'vmclear', 'vmclear', 'VMCLEAR', { ...always(19), memory: 'r' }),
  row('F3 0F C7 /6', 'vmxon', 'Mq', 'vmxon', 'vmx-other', 'VMXON', { ...always(27), memory: 'r' }),
  row('NP 0F C7 /7', 'vmptrst', 'Mq', 'vmptrst', 'vmptrld', 'VMPTRST', { ...always(22), memory: 'w' }),
  row('NP 0F 78 /r', 'vmread', 'En,Gn', 'vmread', 'vmread', 'VMREAD', {
    ...always(23),
    memory: 'w',
    exit: { reason: 23, control: 'always, or VMREAD bitmap with VMCS shadowing' },
  }),
  row('NP 0F 79 /r', 'vmwrite', 'Gn,En', 'vmwrite', 'vmwrite', 'VMWRITE', {
    ...always(25),
    exit: { reason: 25, control: 'always, or VMWRITE bitmap with VMCS shadowing' },
  }),
  row('66 0F 38 80 /r', 'invept', 'Gn,Mo', 'invept', 'vmx-other', 'INVEPT', { ...always(50), cpuid: 'ept' }),
  row('66 0F 38 81 /r', 'invvpid', 'Gn,Mo', 'invvpid', 'vmx-other', 'INVVPID', { ...always(53), cpuid: 'vpid' }),
];
