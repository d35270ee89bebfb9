// What the installed command costs before it does anything: CPU time of `anillo --version` and of `anillo guests`,
// beside an empty Node process, interleaved. The bound is 150 ms of CPU before a machine is instantiated.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROUNDS = 11;
const COMMAND = resolve(import.meta.dirname, '../dist/anillo.js');
/** Makes a process say its own CPU use when it ends. */
const REPORT = `data:text/javascript,process.on('exit',()=>{const u=process.cpuUsage();process.stderr.write('cpu '+(u.user+u.system))})`;

const VARIANTS: readonly (readonly [string, readonly string[]])[] = [
  ['node, empty', ['-e', '0']],
  ['anillo --version', [COMMAND, '--version']],
  ['anillo guests', [COMMAND, 'guests']],
  ['anillo run (no such guest)', [COMMAND, 'run', 'nosuchguest']],
];

function cpuMilliseconds(args: readonly string[]): number {
  const { stderr } = spawnSync(process.execPath, ['--import', REPORT, ...args], { encoding: 'utf8' });
  return Number(/cpu (\d+)/.exec(stderr)?.[1]) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Measures and prints start-up times. */
export function benchStartup(): void {
  const samples = VARIANTS.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, [, args]] of VARIANTS.entries()) samples[index]!.push(cpuMilliseconds(args));
  const empty = median(samples[0]!);
  console.log('Start-up, CPU milliseconds (median), and ratio to an empty Node process of the same run:');
  VARIANTS.forEach(([name], index) => {
    const own = median(samples[index]!);
    console.log(`  ${name.padEnd(28)} ${own.toFixed(0).padStart(5)} ms  ${(own / empty).toFixed(2)} ×`);
  });
}
