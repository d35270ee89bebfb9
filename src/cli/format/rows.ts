// Lists in the formats of docker(1) (docker docs, "Format command and log output"): a table, JSON, or a template for each row.
import { columns } from '../columns.ts';
import { CliError } from '../errors.ts';
import { TemplateError } from './go-functions.ts';
import { GoTemplate } from './go-template.ts';

/** One line of a list; every row of a list has the same names. */
export type Row = Readonly<Record<string, string>>;

/** What a list shows. */
export interface ListFormat {
  /** Titles of the columns by their names in templates. */
  readonly titles: Row;
  /** The table that is printed unless something else is asked for: a template. */
  readonly table: string;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

/** A template that a user gave; `\t` and `\n` outside its actions are a tab and a new line. @throws CliError */
function userTemplate(text: string): GoTemplate {
  const unescaped = text.replace(/(\{\{[\s\S]*?\}\})|\\([ntr\\])/g, (_, action?: string, letter?: string) =>
    action === undefined ? ESCAPES[letter!]! : action,
  );
  return inTemplate(() => new GoTemplate(unescaped));
}

/** Applies a template that a user gave. @throws CliError */
export function applied(template: GoTemplate, value: unknown): string {
  return inTemplate(() => template.execute(value));
}

function inTemplate<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new CliError(`The template of --format cannot be used: ${error.message}.`);
  }
}

/** A list as text: `format` is `table`, `table TEMPLATE`, `json` or a template. @throws CliError */
export function renderRows(rows: readonly Row[], { titles, table }: ListFormat, format = 'table'): string {
  if (format === 'json') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const [, shown] = /^table(?:\s+([\s\S]+))?$/.exec(format) ?? [];
  if (!format.startsWith('table')) {
    const template = userTemplate(format);
    return rows.map((row) => `${applied(template, row)}\n`).join('');
  }
  const template = userTemplate(shown ?? table);
  const cells = (row: Row) => applied(template, row).split('\t');
  return columns(cells(titles), rows.map(cells));
}

/** Descriptions as docker's `inspect` prints them: an array, or a template for each. @throws CliError */
export function renderDescriptions(values: readonly object[], format?: string): string {
  if (format === undefined) return `${JSON.stringify(values, undefined, 2)}\n`;
  if (format === 'json') return values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const template = userTemplate(format);
  return values.map((value) => `${applied(template, value)}\n`).join('');
}
