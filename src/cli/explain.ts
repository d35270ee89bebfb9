// anillo explain: topics generated from the tables the simulator runs on, so that they are never out of date.
import { exitTable, sensitiveTable } from '../isa/explain.ts';
import { featureTable, modelTable } from '../isa/explain-cpus.ts';
import {
  allInstructions,
  formatInstructionPage,
  instructionPage,
  instructionTable,
  similarNames,
} from '../isa/explain-instruction.ts';
import { type Explanation, formatExplanation, wrap } from '../isa/explanation.ts';
import { implementations } from '../kernel/syscalls/index.ts';
import { SyscallTable } from '../kernel/syscalls/table.ts';
import { techniques } from '../vmm/techniques/index.ts';
import { CliError } from './errors.ts';

const WIDTH = 120;

/** How a topic is shown. */
export interface ExplainOptions {
  readonly json?: true;
}

/** What can be explained besides a single instruction. */
export type Topic = 'sensitive' | 'exits' | 'instructions' | 'techniques' | 'cpus' | 'syscalls';

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

function rowsAsObjects({ columns, rows }: Explanation): Record<string, string>[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, n) => [column, row[n]!])));
}

function printTable(table: Explanation, options: ExplainOptions): void {
  if (options.json) printJson(rowsAsObjects(table));
  else print(formatExplanation(table, WIDTH));
}

/** Prints a topic. */
export function explain(topic: Topic, options: ExplainOptions): void {
  const show = {
    sensitive: () => printTable(sensitiveTable(), options),
    exits: () => printTable(exitTable(), options),
    instructions: () => (options.json ? printJson(allInstructions()) : printTable(instructionTable(), options)),
    techniques: () => explainTechniques(options),
    cpus: () => explainCpus(options),
    syscalls: () => printTable(syscallExplanation(), options),
  } satisfies Record<Topic, () => void>;
  show[topic]();
}

/** Prints all there is to know of an instruction. @throws CliError when there is none of that name */
export function explainInstruction(name: string, options: ExplainOptions): void {
  const page = instructionPage(name);
  if (page === undefined) {
    const similar = similarNames(name);
    const hint =
      similar.length > 0 ? ` Close names: ${similar.join(', ')}.` : ' anillo explain instructions lists all.';
    throw new CliError(`There is no instruction ${JSON.stringify(name)}.${hint}`);
  }
  if (options.json) printJson(page);
  else print(formatInstructionPage(page, WIDTH));
}

function explainCpus(options: ExplainOptions): void {
  if (options.json) printJson({ models: rowsAsObjects(modelTable()), features: rowsAsObjects(featureTable()) });
  else print([modelTable(), featureTable()].map((table) => formatExplanation(table, WIDTH)).join('\n'));
}

function syscallExplanation(): Explanation {
  const { all } = new SyscallTable(implementations);
  const number = (n: number) => (n < 0 ? '' : String(n));
  const supported = all.filter(({ support }) => support === 'full' || support === 'partial');
  return {
    title: 'System calls of Linux',
    introduction: [
      'What the user-space kernel does for each: full, partial (the note says what is missing), error (it always fails, as',
      'programs expect), none (ENOSYS, and a warning when a program uses it).',
    ],
    columns: ['call', 'i386', 'amd64', 'support', 'arguments', 'note'],
    rows: all.map(({ name, i386, amd64, support, parameters, note }) => [
      name,
      number(i386),
      number(amd64),
      support,
      parameters.map((parameter) => `${parameter.type} ${parameter.name}`.replace('* ', '*')).join(', '),
      note ?? '',
    ]),
    notes: [`${supported.length} of ${all.length} calls are supported.`],
  };
}

function explainTechniques(options: ExplainOptions): void {
  const all = techniques.all().map(({ name, aliases, summary, description, guest, paging }) => ({
    name,
    aliases,
    summary,
    description,
    guest: guest === 'paravirtual' ? 'a kernel changed for it' : 'any kernel, unmodified',
    paging: paging ?? [],
  }));
  if (options.json) {
    printJson(all);
    return;
  }
  const texts = all.map(({ name, aliases, summary, description, guest, paging }) => [
    `${name}${aliases.length > 0 ? ` (${aliases.join(', ')})` : ''}: ${summary}`,
    '',
    ...description.flatMap((paragraph) => [...wrap(paragraph, 98).map((line) => `  ${line}`), '']),
    `  guest: ${guest}`,
    ...(paging.length > 0 ? [`  paging: ${paging.join(' or ')}`] : []),
    '',
  ]);
  print(texts.map((lines) => lines.join('\n')).join('\n'));
}
