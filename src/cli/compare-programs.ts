// anillo compare --containers: one static program as a process, in a container and in virtual machines, side by side.
import { basename } from 'node:path';
import pc from 'picocolors';
import { errnoText } from '../abi/errno.ts';
import { SystemError } from '../kernel/error.ts';
import { GuestRunError } from '../lab/guest-run.ts';
import { ENVIRONMENTS, type Environment } from '../lab/programs/environment.ts';
import { runAsProcess, runInContainer } from '../lab/programs/kernel-run.ts';
import { runInMachine } from '../lab/programs/machine-run.ts';
import { checkProgram, type Program, type ProgramRun, type ProgramRunOptions } from '../lab/programs/program.ts';
import { compareRuns, type SkippedEnvironment } from '../lab/programs/program-comparison.ts';
import { renderPrograms } from '../lab/programs/report-terminal.ts';
import { PLAIN } from '../lab/terminal-text.ts';
import { OciError } from '../oci/oci-error.ts';
import { findProfile } from '../vmm/cost/index.ts';
import { loadBundledFile, loadCore, loadGuest, readUserFile } from './assets.ts';
import { type CompareOptions, progress, writeReport } from './compare.ts';
import { CliError } from './errors.ts';

/** The bundled program with several kinds of work. */
const BUNDLED = 'workloads';

/** Runs the comparison and prints it. */
export async function comparePrograms(path: string | undefined, options: CompareOptions): Promise<void> {
  if (options.cpu !== 'max')
    throw new CliError('--cpu does not go with --containers: the user-space kernel wants the newest processor.');
  const words = options.append?.split(/\s+/).filter((word) => word !== '') ?? [];
  const program: Program =
    path === undefined
      ? { name: BUNDLED, file: loadBundledFile('images/workloads.elf'), arguments: words }
      : { name: basename(path), file: readUserFile(path, 'program'), arguments: words };
  checkProgram(program);
  const tinyos = loadGuest('tinyos');
  const shared: ProgramRunOptions = {
    module: loadCore(),
    memory: options.memory,
    profile: findProfile(options.profile),
    tinyos: { file: tinyos.file, paravirtual: tinyos.paravirtual ?? tinyos.file },
  };
  const runs: ProgramRun[] = [];
  const skipped: SkippedEnvironment[] = [];
  for (const { environment } of ENVIRONMENTS) {
    if (options.techniques && isTechnique(environment) && !options.techniques.includes(environment)) continue;
    progress(`${environment} …`);
    try {
      runs.push(runIn(environment, program, shared));
    } catch (error) {
      skipped.push({ environment, reason: reasonOf(error) });
    }
  }
  progress('');
  const comparison = compareRuns(program.name, options.profile, runs, skipped);
  if (options.html !== undefined) {
    const { renderProgramsHtml } = await import('../lab/programs/report-html.ts');
    writeReport(options.html, renderProgramsHtml(comparison));
  }
  process.stdout.write(
    options.json
      ? `${JSON.stringify(comparison, null, 2)}\n`
      : renderPrograms(comparison, process.stdout.isTTY ? pc : PLAIN),
  );
}

const isTechnique = (environment: Environment) => environment !== 'process' && environment !== 'container';

function runIn(environment: Environment, program: Program, options: ProgramRunOptions): ProgramRun {
  if (environment === 'process') return runAsProcess(program, options);
  return environment === 'container' ? runInContainer(program, options) : runInMachine(environment, program, options);
}

/** Why the program could not be started there. */
function reasonOf(error: unknown): string {
  if (error instanceof SystemError) return `it cannot be started: ${errnoText(error.errno)}.`;
  if (error instanceof OciError || error instanceof GuestRunError) return error.message;
  throw error;
}
