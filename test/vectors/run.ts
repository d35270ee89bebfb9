// npm run vectors -- DIR [--json]: runs every vector file of a directory on the core and prints group by group what passed.
// Exit status: 0 all passed, 1 something differs, 2 the directory or a file in it cannot be used.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadCore } from '../core.ts';
import { type GroupResult, modesOf, runVectors } from './run-vectors.ts';
import { VectorFile, VectorFileError } from './vector-file.ts';

const USAGE = 'Usage: npm run vectors -- DIR [--json]';

class UsageError extends Error {}

function vectorFiles(args: readonly string[]): string[] {
  const directories = args.filter((arg) => !arg.startsWith('--'));
  const unknown = args.find((arg) => arg.startsWith('--') && arg !== '--json');
  if (unknown) throw new UsageError(`There is no option ${unknown}. ${USAGE}`);
  const [directory] = directories;
  if (directory === undefined || directories.length > 1) throw new UsageError(`One directory is needed. ${USAGE}`);
  if (!existsSync(directory)) throw new UsageError(`The directory ${directory} does not exist.`);
  if (!statSync(directory).isDirectory()) throw new UsageError(`${directory} is not a directory.`);
  const files = readdirSync(directory).filter((name) => /\.bin(\.gz)?$/.test(name));
  if (files.length === 0) throw new UsageError(`${directory} holds no vector files (*.bin or *.bin.gz).`);
  return files.sort().map((name) => join(directory, name));
}

function open(path: string): VectorFile {
  try {
    return VectorFile.open(readFileSync(path));
  } catch (error) {
    if (error instanceof VectorFileError) throw new UsageError(`${path} is not a vector file: ${error.message}.`);
    throw error;
  }
}

function print(result: GroupResult): void {
  const { group, mode, run, total, passed, failed, leftOut } = result;
  const name = run === 'recorded' ? `${group}-${mode}` : `${group}-${mode} ${run}`;
  const cells = [name.padEnd(24), String(total).padStart(8)];
  for (const count of [passed, failed, leftOut]) cells.push(String(count).padStart(8));
  console.log(cells.join(' '));
  for (const line of result.differences) console.log(`    ${line}`);
}

function main(args: readonly string[]): number {
  const json = args.includes('--json');
  const module = loadCore();
  const results: GroupResult[] = [];
  const files = vectorFiles(args);
  if (!json) console.log('group                     vectors   passed   failed left out');
  for (const path of files) {
    try {
      const file = open(path);
      for (const mode of modesOf(file.meta.mode)) {
        const result = runVectors(module, file, mode);
        results.push(result);
        if (!json) print(result);
      }
    } catch (error) {
      if (error instanceof VectorFileError) throw new UsageError(`${path} cannot be run: ${error.message}.`);
      throw error;
    }
  }
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  if (json) {
    const groups = results.map(({ group, mode, run, total, passed, failed, leftOut }) => ({
      group,
      mode,
      run,
      total,
      passed,
      failed,
      leftOut,
    }));
    console.log(JSON.stringify({ groups }));
  } else {
    const run = results.reduce((sum, result) => sum + result.total - result.leftOut, 0);
    console.log(failed === 0 ? `All ${run} runs agree.` : `${failed} of ${run} runs differ.`);
  }
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
