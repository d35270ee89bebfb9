// Mnemonics the assembler knows, with their spellings, and the forms each of them stands for.
import { CONDITIONS } from './form.ts';
import { FORMS, type Form } from './forms.ts';
import type { Size } from './instruction.ts';

/** A form under one of its mnemonics. */
export interface Named {
  readonly form: Form;
  /** The mnemonic fixes operand (or address) size. */
  readonly size?: Size;
  readonly far: boolean;
}

const SPELLINGS: Readonly<Record<string, string>> = {
  sal: 'shl',
  icebp: 'int1',
  xlat: 'xlatb',
  retn: 'ret',
  loopz: 'loope',
  loopnz: 'loopne',
  ud2a: 'ud2',
};

/** Mnemonics that mean the default operand size of the mode. */
const UNSUFFIXED: Readonly<Record<string, string>> = {
  pusha: 'pushaw',
  popa: 'popaw',
  pushf: 'pushfw',
  popf: 'popfw',
  iret: 'iretw',
};

const byMnemonic = new Map<string, Named[]>();

function register(name: string, named: Named): void {
  const list = byMnemonic.get(name) ?? [];
  list.push(named);
  byMnemonic.set(name, list);
}

function registerForm(form: Form): void {
  if (form.alias) return;
  const far = form.mnemonic.endsWith(' far');
  const names = form.mnemonic.replace(' far', '').split('/');
  if (names.length === 1) register(names[0]!, { form, far });
  else {
    const sizes = [16, 32, 64] as const;
    names.forEach((name, n) => {
      register(name, { form, far, size: sizes[n]! });
    });
  }
  for (const [short, full] of Object.entries(UNSUFFIXED)) {
    if (names[0] === full) register(short, { form, far });
  }
  const condition = CONDITIONS.find(
    ({ names: [first] }) => /^(j|set|cmov)/.test(form.op) && form.op.replace(/^(j|set|cmov)/, '') === first,
  );
  if (condition) {
    const stem = /^(j|set|cmov)/.exec(form.op)![1]!;
    for (const name of condition.names.slice(1)) register(stem + name, { form, far });
  }
}

FORMS.forEach(registerForm);

/** Forms of a mnemonic in any accepted spelling. */
export function formsNamed(name: string): readonly Named[] | undefined {
  return byMnemonic.get(SPELLINGS[name] ?? name);
}

/** True when the assembler knows the mnemonic. */
export function isMnemonic(name: string): boolean {
  return formsNamed(name) !== undefined;
}

/** All mnemonics the assembler knows, in alphabetical order. */
export function mnemonicNames(): string[] {
  return [...byMnemonic.keys(), ...Object.keys(SPELLINGS)].sort();
}
