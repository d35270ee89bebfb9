// npm run bench -- [speed] [counting] [startup] [calls] [containers] [options]: performance as ratios measured side by side in one run.
import { parseArgs } from 'node:util';
import type { SpeedOptions } from './speed.ts';

const USAGE = `npm run bench -- [BENCH …] [options]

  speed      the processor beside v86 with and without JIT (the default)
  counting   what counting instructions costs
  startup    what the installed command costs before it does anything
  calls      CPU seconds for a million system calls, beside native and qemu-i386
  containers idle containers in one process: memory and start of each

  --program PART   only programs with PART in their name (may be repeated)
  --rounds N       turns of each engine; the median counts (7)
  --core FILE      a compiled core instead of the present source; a second one is compared with the first
  --no-v86         this machine alone
  --json           CPU nanoseconds as JSON
`;

const BENCHES: Readonly<Record<string, (options: SpeedOptions) => Promise<void>>> = {
  speed: async (options) => (await import('./speed.ts')).benchSpeed(options),
  counting: async () => (await import('./counting.ts')).benchCounting(),
  calls: async () => (await import('./system-calls.ts')).benchSystemCalls(),
  containers: async () => (await import('./containers.ts')).benchContainers(),
  startup: async () => (await import('./startup.ts')).benchStartup(),
};

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function read(): { chosen: readonly string[]; options: SpeedOptions } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      program: { type: 'string', multiple: true, default: [] },
      core: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      'no-v86': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) fail('--rounds takes a number above 0.');
  const options = {
    programs: values.program,
    cores: values.core,
    withV86: !values['no-v86'],
    json: values.json,
    ...(rounds === undefined ? {} : { rounds }),
  };
  return { chosen: positionals.length > 0 ? positionals : ['speed'], options };
}

const { chosen, options } = read();
for (const name of chosen) {
  const bench = BENCHES[name];
  if (!bench) fail(`bench ${name} is unknown: choose ${Object.keys(BENCHES).join(', ')}.`);
  await bench(options);
}
// v86 leaves timers behind
process.exit(0);
