// The catalogue of sensitive instructions, made from the opcode table.
// Truth: Popek & Goldberg 1974 for the notion, Robin & Irvine 2000 for the list of those that do not trap, SDM for the rest.
import type { ExitCause, Sensitivity } from './form.ts';
import { FORMS, type Form } from './forms.ts';

/** What protects an instruction: a fault above CPL 0, a fault above IOPL, #UD (above CPL 0, or without VMX), or nothing at all. */
export type Protection = 'CPL 0' | 'IOPL' | 'undefined' | 'none';

/** A sensitive instruction: all its forms that are sensitive for the same reason. */
export interface SensitiveInstruction {
  /** Upper case, as the SDM prints it; with operands where only some forms are sensitive. */
  readonly mnemonic: string;
  readonly encodings: readonly string[];
  readonly forms: readonly Form[];
  readonly sensitivity: Sensitivity;
  readonly protection: Protection;
  readonly exit?: ExitCause;
}

/** Protection of a form. */
export function protectionOf(form: Form): Protection {
  if (form.cpl === 0) return 'CPL 0';
  if (form.cpl === 'iopl') return 'IOPL';
  return form.cpuid === 'vmx' || form.cpuid === 'smap' ? 'undefined' : 'none';
}

const OPERANDS_MATTER = new Set(['push_segment', 'mov_from_segment', 'mov_to_segment']);
const CONTROL_MOVES = ['mov_from_cr', 'mov_to_cr', 'mov_from_dr', 'mov_to_dr'];

const OPERAND_WORDS: Readonly<Record<string, string>> = {
  'Mw/Rv,Sw': 'r/m, Sreg',
  'Sw,Ew': 'Sreg, r/m16',
  'Rn,Cn': 'r, CRn',
  'Cn,Rn': 'CRn, r',
  'Rn,Dn': 'r, DRn',
  'Dn,Rn': 'DRn, r',
};

function title(form: Form): string {
  const sized = form.mnemonic.split('/');
  const base = sized.length > 1 ? form.section.split('/')[0]! : form.mnemonic.toUpperCase();
  const isFar = /^(jmp|call)_far$/.test(form.op);
  if (isFar) return `${base.split(' ')[0]} far`;
  if (form.op === 'ret_far') return 'RET far';
  if (form.op === 'int') return 'INT n';
  if (form.op === 'pop_segment') return 'POP Sreg';
  if (form.sensitive?.listed === undefined && /^l[defgs]s$/.test(form.op)) return 'LES, LDS, LSS, LFS, LGS';
  if (!OPERANDS_MATTER.has(form.op) && !CONTROL_MOVES.includes(form.op)) return base;
  return `${base} ${OPERAND_WORDS[form.operands] ?? form.operands}`;
}

/** All sensitive instructions in the order of the opcode table. */
export function sensitiveInstructions(): SensitiveInstruction[] {
  const groups = new Map<string, { forms: Form[]; mnemonic: string }>();
  for (const form of FORMS) {
    if (!form.sensitive) continue;
    const mnemonic = title(form);
    const key = `${mnemonic} ${form.sensitive.why} ${protectionOf(form)}`;
    const group = groups.get(key) ?? { forms: [], mnemonic };
    group.forms.push(form);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ forms, mnemonic }) => {
    const [first] = forms as [Form];
    return {
      mnemonic,
      encodings: forms.map((form) => form.enc),
      forms,
      sensitivity: first.sensitive!,
      protection: protectionOf(first),
      ...(first.exit ? { exit: first.exit } : {}),
    };
  });
}

/** Those that nothing protects: they run on in a deprivileged guest and give it a wrong answer or change nothing. */
export function unprotectedInstructions(): SensitiveInstruction[] {
  return sensitiveInstructions().filter((instruction) => instruction.protection === 'none');
}

/** Names Robin & Irvine list, and IRET, which they treat under RET; upper case, in the order of the paper. */
export const ROBIN_IRVINE_LIST = [
  'SGDT',
  'SIDT',
  'SLDT',
  'SMSW',
  'PUSHF',
  'POPF',
  'LAR',
  'LSL',
  'VERR',
  'VERW',
  'POP',
  'PUSH',
  'CALL',
  'JMP',
  'INT n',
  'RET',
  'STR',
  'MOV',
  'IRET',
] as const;

/** Forms of one name of the list. */
export function formsListedAs(name: (typeof ROBIN_IRVINE_LIST)[number]): Form[] {
  return FORMS.filter((form) => form.sensitive?.listed === name);
}
