// Filters of the runtime specification ("Seccomp") as programs of seccomp(2): the architecture decides which numbers count, then
// the first rule that matches says what happens.
import { ERRNO } from '../abi/errno.ts';
import { SYSCALLS } from '../abi/syscalls.ts';
import { type Instruction, isValidProgram, MOST_INSTRUCTIONS } from '../kernel/seccomp/bpf.ts';
import { OciError } from './oci-error.ts';
import type { SeccompAction, SeccompCondition, SeccompOperator, SeccompRule, SeccompSpec } from './runtime-spec.ts';

// <linux/filter.h>
const LOAD = 0x20;
const AND = 0x54;
const RETURN = 0x06;
const JUMP = 0x05;
const IF_EQUAL = 0x15;
const IF_GREATER = 0x25;
const IF_NOT_LESS = 0x35;

/** Offsets in struct seccomp_data. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENTS = 16;

const KILL_PROCESS = 0x8000_0000;
const ACTIONS: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: KILL_PROCESS,
  SCMP_ACT_TRAP: 0x3_0000,
  SCMP_ACT_ERRNO: 0x5_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};
const WITH_ERRNO = new Set<SeccompAction>(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']);

/** AUDIT_ARCH_* of the two, by the names of libseccomp, and where their numbers stand in a row of the table. */
const ARCHITECTURES = [
  { name: 'SCMP_ARCH_X86_64', audit: 0xc000_003e, column: 2 },
  { name: 'SCMP_ARCH_X86', audit: 0x4000_0003, column: 1 },
] as const;

/** Their names. */
export const SECCOMP_ARCHITECTURES = ARCHITECTURES.map(({ name }) => name);

const plain = (code: number, k: number): Instruction => ({ code, ifTrue: 0, ifFalse: 0, k });

/**
 * A filter as a program.
 * @throws OciError when it is too long
 */
export function compileSeccomp(spec: SeccompSpec): readonly Instruction[] {
  const usual = result(spec.defaultAction, spec.defaultErrnoRet);
  const program: Instruction[] = [plain(LOAD, ARCHITECTURE)];
  for (const { name, audit, column } of ARCHITECTURES) {
    if (spec.architectures.length > 0 && !spec.architectures.includes(name)) continue;
    const body = [
      plain(LOAD, NUMBER),
      ...spec.syscalls.flatMap((rule) => compileRule(rule, column)),
      plain(RETURN, usual),
    ];
    // jumps over a whole body are longer than those of a comparison can be
    program.push({ code: IF_EQUAL, ifTrue: 1, ifFalse: 0, k: audit }, plain(JUMP, body.length), ...body);
  }
  program.push(plain(RETURN, KILL_PROCESS));
  if (!isValidProgram(program)) {
    throw new OciError(
      'too-large',
      `The filter of system calls has ${program.length} instructions; at most ${MOST_INSTRUCTIONS} can be run.`,
    );
  }
  return program;
}

function result(action: SeccompAction, errno: number = ERRNO.EPERM): number {
  return (ACTIONS[action] | (WITH_ERRNO.has(action) ? errno : 0)) >>> 0;
}

/** Calls that this architecture does not have are left out, as libseccomp does. */
function compileRule(rule: SeccompRule, column: 1 | 2): readonly Instruction[] {
  const verdict = plain(RETURN, result(rule.action, rule.errnoRet));
  const conditions = assemble(rule.args.map(compileCondition));
  const body = conditions.length === 0 ? [verdict] : [...conditions, verdict, plain(LOAD, NUMBER)];
  return rule.names.flatMap((name) => {
    const row = SYSCALLS.find(([known]) => known === name);
    if (!row || row[column] < 0) return [];
    return [{ code: IF_EQUAL, ifTrue: 0, ifFalse: body.length, k: row[column] }, ...body];
  });
}

/** Where a comparison leads: on to the next step, to the verdict's next condition, or out of the rule. */
type Target = 'next' | 'holds' | 'fails';
type Step = { readonly code: number; readonly k: number; readonly yes?: Target; readonly no?: Target };
/** The steps of one condition. */
type Condition = readonly Step[];

/** Compares the halves of an argument, the upper one first. */
const COMPARE: Readonly<
  Record<SeccompOperator, readonly [greater: Target, less: Target, lower: number, yes: Target, no: Target]>
> = {
  SCMP_CMP_EQ: ['fails', 'fails', IF_EQUAL, 'holds', 'fails'],
  SCMP_CMP_MASKED_EQ: ['fails', 'fails', IF_EQUAL, 'holds', 'fails'],
  SCMP_CMP_NE: ['holds', 'holds', IF_EQUAL, 'fails', 'holds'],
  SCMP_CMP_GT: ['holds', 'fails', IF_GREATER, 'holds', 'fails'],
  SCMP_CMP_GE: ['holds', 'fails', IF_NOT_LESS, 'holds', 'fails'],
  SCMP_CMP_LT: ['fails', 'holds', IF_NOT_LESS, 'fails', 'holds'],
  SCMP_CMP_LE: ['fails', 'holds', IF_GREATER, 'fails', 'holds'],
};

function compileCondition({ index, value, valueTwo, op }: SeccompCondition): Condition {
  const isMasked = op === 'SCMP_CMP_MASKED_EQ';
  const wanted = BigInt(isMasked ? valueTwo : value);
  const mask = BigInt(isMasked ? value : 0);
  const [greater, less, lower, yes, no] = COMPARE[op];
  const at = ARGUMENTS + 8 * index;
  const half = (shift: bigint): Step[] => [
    { code: LOAD, k: shift === 0n ? at : at + 4 },
    ...(isMasked ? [{ code: AND, k: Number((mask >> shift) & 0xffff_ffffn) }] : []),
  ];
  const word = (shift: bigint) => Number((wanted >> shift) & 0xffff_ffffn);
  return [
    ...half(32n),
    { code: IF_GREATER, k: word(32n), yes: greater, no: 'next' },
    { code: IF_EQUAL, k: word(32n), yes: 'next', no: less },
    ...half(0n),
    { code: lower, k: word(0n), yes, no },
  ];
}

/** Conditions one behind the other. What fails goes behind the verdict, to where the number is loaded again. */
function assemble(conditions: readonly Condition[]): readonly Instruction[] {
  const length = conditions.reduce((sum, steps) => sum + steps.length, 0);
  const program: Instruction[] = [];
  for (const steps of conditions) {
    const end = program.length + steps.length;
    for (const { code, k, yes = 'next', no = 'next' } of steps) {
      const here = program.length + 1;
      const distance = (target: Target) =>
        target === 'next' ? 0 : target === 'holds' ? end - here : length + 1 - here;
      program.push({ code, k, ifTrue: distance(yes), ifFalse: distance(no) });
    }
  }
  return program;
}
