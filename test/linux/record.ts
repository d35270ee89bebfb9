// npm run record-linux [AREA…]: runs the short programs of test/linux/cases on this computer's Linux, as root, and writes
// what they did to expected.jsonl; each runs three times, and one that hangs or is not the same every time is refused.
import { mkdtempSync, readFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ABIS,
  type Abi,
  areas,
  compile,
  expectedFile,
  expectedLine,
  listCases,
  type Outcome,
  runNatively,
} from './cases.ts';

const ROUNDS = 3;

function record(program: string, name: string): Outcome | undefined {
  const rounds = Array.from({ length: ROUNDS }, () => runNatively(program, name));
  const texts = rounds.map((round) => JSON.stringify(round));
  if (texts.every((text) => text === texts[0]) && rounds[0]!.end !== 'hangs') return rounds[0]!;
  process.stderr.write(`${name} hangs or differs from run to run:\n${[...new Set(texts)].join('\n')}\n`);
  return undefined;
}

function recordArea(area: string, folder: string): string[] {
  const programs = (Object.keys(ABIS) as Abi[]).map((abi) => ({ abi, program: compile(area, abi, folder) }));
  const outcomes = new Map<string, Map<Abi, Outcome>>();
  for (const { abi, program } of programs) {
    for (const name of listCases(program)) {
      const outcome = record(program, name);
      if (outcome === undefined) process.exitCode = 1;
      else outcomes.set(name, (outcomes.get(name) ?? new Map()).set(abi, outcome));
    }
  }
  return [...outcomes].flatMap(([name, byAbi]) => {
    const lines = [...byAbi].map(([, outcome]) => expectedLine(area, name, outcome));
    if (lines.length === programs.length && lines.every((line) => line === lines[0])) return [lines[0]!];
    return [...byAbi].map(([abi, outcome]) => expectedLine(area, `${name}@${abi}`, outcome));
  });
}

const chosen = process.argv.slice(2);
const unknown = chosen.find((area) => !areas.includes(area));
if (unknown !== undefined) {
  process.stderr.write(`There is no test/linux/cases/${unknown}.c.\n`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'anillo-record-'));
try {
  const old = existsSync(expectedFile) ? readFileSync(expectedFile, 'utf8').split('\n') : [];
  const lines = areas.flatMap((area) =>
    chosen.length === 0 || chosen.includes(area)
      ? recordArea(area, folder)
      : old.filter((line) => line.startsWith(`[${JSON.stringify(area)},`)),
  );
  writeFileSync(expectedFile, `${lines.join('\n')}\n`);
  process.stdout.write(`${lines.length} lines recorded in ${expectedFile}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
