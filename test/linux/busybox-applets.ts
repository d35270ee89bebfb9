// Every applet of busybox as a line in a shell script, which prints what it did (the lines are in busybox-applets.txt).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const LINES = readFileSync(join(import.meta.dirname, 'busybox-applets.txt'), 'utf8');
/** A command behind `: `, or behind `! ` why there is none. */
const LINE = /^(\S+)([:!]) (.+)$/;

interface Line {
  readonly applet: string;
  /** Undefined: only its help can be asked for. */
  readonly command: string | undefined;
}

const lines: readonly Line[] = LINES.split('\n')
  .filter((line) => line !== '' && !line.startsWith('# '))
  .map((line) => {
    const [, applet, mark, rest] = LINE.exec(line) ?? [];
    if (applet === undefined) throw new Error(`not a line of an applet: ${line}`);
    return { applet, command: mark === ':' ? rest : undefined };
  });

/** Which applets have a line. */
export const APPLETS: readonly string[] = lines.map(({ applet }) => applet);

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const PREPARE = String.raw`prepare() {
  cd /tmp; rm -rf rows; mkdir rows; cd rows
  printf 'the quick brown\nfox jumps\nover a lazy\ndog and the end\n' > words
  printf 'the quick brown\nfox jumped\nover\ndog and the end\n' > words2
  printf '10 ten\n7 seven\n300 three\n' > numbers
}`;

const runLine = ({ applet, command }: Line): readonly string[] =>
  command === undefined
    ? []
    : [`prepare; echo ${quote(`=== ${applet}`)}; sh -c ${quote(command)} < /dev/null; echo "status $?"`];

/** Runs the lines of these applets. */
export function linesScript(applets: readonly string[]): string {
  return [PREPARE, ...lines.filter(({ applet }) => applets.includes(applet)).flatMap(runLine)].join('\n');
}

/** Runs all lines and asks every applet for its help. */
export function appletScript(): string {
  const runs = lines.flatMap(runLine);
  const helps = lines.map(({ applet }) => `echo ${quote(`=== ${applet} --help`)}; busybox ${quote(applet)} --help`);
  return [PREPARE, ...runs, ...helps].join('\n');
}

/** What each command of the script printed, by its name. */
export type Outcomes = Readonly<Record<string, string>>;

/** The outcomes in what a script printed. */
export function outcomes(out: string): Outcomes {
  const parts = out.split(/^=== (.+)\n/m).slice(1);
  return Object.fromEntries(
    Array.from({ length: parts.length / 2 }, (_, n) => [parts[2 * n]!, parts[2 * n + 1]!] as const),
  );
}
