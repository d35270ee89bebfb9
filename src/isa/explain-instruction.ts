// What the opcode table says of an instruction, for people: `anillo explain instruction NAME` and the table of all of them,
// `anillo explain instructions`. Nothing is said here that the simulator does not run on.
import { EXCEPTION_VECTORS, type ExceptionCause, exceptionsOf, FETCH_EXCEPTIONS } from './exceptions.ts';
import { exitReasonName } from './exit-reasons.ts';
import { type Explanation, formatTable, wrap } from './explanation.ts';
import type { ExitCause, FlagLetters, Sensitivity } from './form.ts';
import { FORMS, type Form } from './forms.ts';
import { formsNamed, mnemonicNames } from './mnemonics.ts';
import { formWords } from './operand-words.ts';
import { type Protection, protectionOf } from './sensitive.ts';

/** Forms of one mnemonic that do the same thing. */
export interface InstructionVariant {
  readonly mnemonics: readonly string[];
  /** Title of the instruction page in the SDM. */
  readonly section: string;
  readonly forms: readonly {
    readonly encoding: string;
    readonly instruction: string;
    readonly modes: string;
    readonly cpuid: string;
    readonly lock: boolean;
    readonly repeat: string;
    readonly cost: string;
  }[];
  readonly flags: { readonly read: string[]; readonly written: string[]; readonly undefined: string[] };
  readonly exceptions: readonly ExceptionCause[];
  readonly privilege: string;
  readonly sensitive: readonly Sensitivity[];
  readonly exits: readonly ExitCause[];
}

/** All the variants of one name. */
export interface InstructionPage {
  readonly name: string;
  readonly variants: readonly InstructionVariant[];
}

const FLAG_NAMES: Readonly<Record<string, string>> = {
  O: 'OF',
  S: 'SF',
  Z: 'ZF',
  A: 'AF',
  P: 'PF',
  C: 'CF',
  D: 'DF',
  T: 'TF',
  I: 'IF',
  L: 'IOPL',
  N: 'NT',
  R: 'RF',
  V: 'VM',
  X: 'AC',
  F: 'VIF',
  E: 'ID',
};

const PRIVILEGE: Readonly<Record<Protection, string>> = {
  none: 'any',
  undefined: 'CPL 0, in VMX operation',
  IOPL: 'CPL not above IOPL',
  'CPL 0': 'CPL 0',
};

const MODES = { all: 'all', legacy: 'not in 64-bit mode', '64': 'only 64-bit mode' } as const;
const REPEATS = { count: 'REP', condition: 'REPE, REPNE' } as const;

function flagNames(letters: FlagLetters): string[] {
  return Object.keys(FLAG_NAMES)
    .filter((letter) => letters.includes(letter))
    .map((letter) => FLAG_NAMES[letter]!);
}

function distinct<T>(values: readonly T[]): T[] {
  const seen = new Map(values.map((value) => [JSON.stringify(value), value]));
  return [...seen.values()];
}

const allLetters = (forms: readonly Form[], column: 'read' | 'write' | 'undefined') =>
  forms.map((form) => form.flags[column]).join('');

function variant(forms: readonly Form[]): InstructionVariant {
  const undefinedFlags = flagNames(allLetters(forms, 'undefined'));
  return {
    mnemonics: distinct(forms.flatMap((form) => form.mnemonic.toUpperCase().split('/'))),
    section: forms[0]!.section,
    forms: forms.map((form) => ({
      encoding: form.enc,
      instruction: isConditional(form)
        ? `${formWords(form)} (${flagNames(form.flags.read).join(' ')})`
        : formWords(form),
      modes: form.protectedOnly ? 'only protected mode' : MODES[form.modes ?? 'all'],
      cpuid: form.cpuid?.toUpperCase() ?? '',
      lock: form.lock === true,
      repeat: form.repeat === undefined ? '' : REPEATS[form.repeat],
      cost: form.cost,
    })),
    flags: {
      read: flagNames(allLetters(forms, 'read')),
      written: flagNames(allLetters(forms, 'write')).filter((flag) => !undefinedFlags.includes(flag)),
      undefined: undefinedFlags,
    },
    exceptions: distinct(forms.flatMap(exceptionsOf)).sort(
      (a, b) => EXCEPTION_VECTORS[a.name] - EXCEPTION_VECTORS[b.name],
    ),
    privilege: distinct(forms.map((form) => PRIVILEGE[protectionOf(form)])).join('; '),
    sensitive: distinct(forms.flatMap((form) => form.sensitive ?? [])),
    exits: distinct(forms.flatMap((form) => form.exit ?? [])),
  };
}

const isConditional = (form: Form) => form.section.endsWith('cc') && form.op !== 'jcxz';

/** Forms of one operation and one page of the SDM belong together, and all conditions of one page. */
function variants(forms: readonly Form[]): InstructionVariant[] {
  const groups = new Map<string, Form[]>();
  for (const form of forms) {
    const key = `${isConditional(form) ? '' : form.op} ${form.section} ${form.cpuid ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), form]);
  }
  return [...groups.values()].map(variant);
}

/** Forms of a mnemonic in any spelling, of a family (JCC, SETCC) or of a page title (MOVS/MOVSB/…). */
function findForms(name: string): Form[] {
  const wanted = name.toLowerCase();
  const named = new Set(formsNamed(wanted)?.map(({ form }) => form));
  return FORMS.filter(
    (form) =>
      named.has(form) ||
      form.mnemonic.replace(' far', '').split('/').includes(wanted) ||
      form.section.toLowerCase() === wanted ||
      form.section.toLowerCase().split('/').includes(wanted),
  );
}

/** What there is to know of an instruction; undefined when no instruction has this name. */
export function instructionPage(name: string): InstructionPage | undefined {
  const forms = findForms(name.trim());
  return forms.length === 0 ? undefined : { name: name.trim().toUpperCase(), variants: variants(forms) };
}

/** Names that differ from `name` by one letter or begin with it, for a hint. */
export function similarNames(name: string, most = 6): string[] {
  const wanted = name.toLowerCase();
  const near = (known: string) => known.startsWith(wanted) || isOneEditApart(known, wanted);
  return mnemonicNames().filter(near).slice(0, most);
}

/** One letter inserted, left out or changed, or two neighbours exchanged. */
function isOneEditApart(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}

const list = (words: readonly string[]) => (words.length === 0 ? 'none' : words.join(' '));
const exitWords = ({ reason, control }: ExitCause) => `${reason} ${exitReasonName(reason)} (${control})`;
const sensitivityWords = ({ class: requirement, kind, why }: Sensitivity) => `${requirement} ${kind}: ${why}`;

const ERROR_CODES = { '0': '0', selector: 'selector', gate: 'vector of the gate', 'fault code': 'page-fault' } as const;

function exceptionRows(causes: readonly ExceptionCause[]): string[][] {
  return causes.map(({ name, error, when }, n) => [
    causes[n - 1]?.name === name ? '' : `${name} (${EXCEPTION_VECTORS[name]})`,
    error === undefined ? '' : ERROR_CODES[error],
    when,
  ]);
}

function variantText(v: InstructionVariant, width: number): string[] {
  const options = v.forms.map((form) => [form.lock ? 'LOCK' : '', form.repeat].filter((o) => o !== '').join(' '));
  const fact = (title: string, text: string) => {
    const [first, ...rest] = wrap(text, width - 14);
    return [`${title.padEnd(14)}${first}`, ...rest.map((line) => `${' '.repeat(14)}${line}`)];
  };
  return [
    `${v.mnemonics.join(', ')} (SDM, "${v.section}")`,
    '',
    ...formatTable(
      ['encoding', 'instruction', 'modes', 'prefix', 'CPUID', 'cost class'],
      v.forms.map((f, n) => [f.encoding, f.instruction, f.modes, options[n]!, f.cpuid, f.cost]),
      width,
    ),
    '',
    ...fact('Flags read', list(v.flags.read)),
    ...fact('  written', list(v.flags.written)),
    ...fact('  undefined', list(v.flags.undefined)),
    ...fact('Privilege', v.privilege),
    ...fact('Sensitive', v.sensitive.length === 0 ? 'no' : v.sensitive.map(sensitivityWords).join(' ')),
    ...fact('VM exit', v.exits.length === 0 ? 'none' : v.exits.map(exitWords).join('; ')),
    '',
    ...formatTable(['exception', 'error', 'when'], exceptionRows(v.exceptions), width),
    '',
  ];
}

/** Text of `anillo explain instruction NAME`. */
export function formatInstructionPage(page: InstructionPage, width = 120): string {
  const common = [
    'Besides, any instruction can raise these while it is fetched:',
    ...formatTable(['exception', 'error', 'when'], exceptionRows(FETCH_EXCEPTIONS), width),
  ];
  return `${[...page.variants.flatMap((v) => variantText(v, width)), ...common].join('\n')}\n`;
}

/** Every instruction of the opcode table. */
export function allInstructions(): InstructionVariant[] {
  return variants(FORMS);
}

/** The table of all instructions. */
export function instructionTable(): Explanation {
  const rows = allInstructions().map((v) => [
    v.mnemonics.slice(0, 4).join(' '),
    String(v.forms.length),
    list(v.flags.read),
    list(v.flags.written),
    distinct(v.exceptions.map(({ name }) => name.slice(1))).join(' '),
    v.privilege,
    v.sensitive.length === 0 ? '' : distinct(v.sensitive.map(({ class: c, kind }) => `${c} ${kind}`)).join(', '),
    distinct(v.exits.map(({ reason }) => String(reason))).join(', '),
    v.section,
  ]);
  return {
    title: 'Instructions',
    introduction: [
      'Every instruction of the opcode table; anillo explain instruction NAME tells all of one.',
      'Exceptions are those of the instruction itself, not of its fetch. VM exit: the basic exit reason.',
    ],
    columns: ['instruction', 'forms', 'reads', 'writes', 'exceptions', 'privilege', 'sensitive', 'VM exit', 'SDM page'],
    rows,
    notes: [`${FORMS.length} forms of ${rows.length} instructions.`],
  };
}
