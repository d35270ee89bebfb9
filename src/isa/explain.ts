// Tables for people, made from the tables of this module: what `anillo explain sensitive` and `anillo explain exits` show.
import { EXIT_REASONS } from './exit-reasons.ts';
import type { Explanation } from './explanation.ts';
import { FORMS } from './forms.ts';
import {
  type Protection,
  type SensitiveInstruction,
  sensitiveInstructions,
  unprotectedInstructions,
} from './sensitive.ts';

function underVtx({ exit }: SensitiveInstruction): string {
  return exit ? `${exit.reason}: ${exit.control}` : 'none';
}

const TRAPS: Readonly<Record<Protection, string>> = {
  none: 'no',
  undefined: '#UD',
  IOPL: 'above IOPL',
  'CPL 0': 'above CPL 0',
};

function sensitiveRow(instruction: SensitiveInstruction): string[] {
  const { mnemonic, encodings, sensitivity, protection } = instruction;
  return [
    mnemonic,
    encodings.join(', '),
    `${sensitivity.class} ${sensitivity.kind}`,
    TRAPS[protection],
    sensitivity.why,
    underVtx(instruction),
  ];
}

/** Sensitive instructions: those that do not trap first. */
export function sensitiveTable(): Explanation {
  const trapping = sensitiveInstructions().filter((instruction) => instruction.protection !== 'none');
  return {
    title: 'Sensitive instructions',
    introduction: [
      'An instruction is sensitive if it changes the resources or the mode of the machine (control), or if its result',
      'depends on them (behavior). Popek and Goldberg: a trap-and-emulate VMM works if every sensitive instruction traps.',
      'On x86 the first ones of this table do not. A guest kernel moved out of ring 0 gets a wrong answer from them, or',
      'nothing happens. The others fault in such a guest, and the VMM emulates them.',
    ],
    columns: ['instruction', 'encoding', 'class', 'traps?', 'why it is sensitive', 'VM exit under VT-x'],
    rows: [...unprotectedInstructions(), ...trapping].map(sensitiveRow),
    notes: [
      'VM exit: reason and the control that asks for it. None is needed where the instruction works on the state of the guest,',
      'which has all rings, its own IF, IDTR, GDTR and CR0 in VMX non-root operation.',
      'Classes after Robin & Irvine (2000): 3A mode of the machine, 3B sensitive registers, 3C protection and relocation',
      'system, 3D input and output. The paper counts seventeen instructions that do not trap; its headings name eighteen',
      'when each is counted once, and IRET is treated under RET. Loads of far pointers, INT3, INTO, CPUID and the counters',
      'are not on its list.',
    ],
  };
}

/** VM-exit reasons with the instructions of the opcode table that cause them. */
export function exitTable(): Explanation {
  return {
    title: 'VM exits',
    introduction: [
      'In VMX non-root operation these events leave the guest and enter the VMM at HOST_RIP of the VMCS.',
      'Some always do, others only when a VM-execution control asks for it.',
    ],
    columns: ['reason', 'name', 'control', 'instructions', 'what happened'],
    rows: EXIT_REASONS.map(({ number, name, description, control }) => {
      const causes = FORMS.filter((form) => form.exit?.reason === number);
      const mnemonics = causes.map((form) => form.mnemonic.split('/')[0]!.toUpperCase());
      return [String(number), name, control, [...new Set(mnemonics)].join(', '), description];
    }),
    notes: [],
  };
}
