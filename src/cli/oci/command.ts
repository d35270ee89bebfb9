// The grammar of `anillo oci`, which is runc's; what the commands do is in the files beside, loaded when one of them is asked for.
import { appendFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { dataHome } from '../data-files.ts';
import { beforeProgram } from '../go-flags.ts';
import { OCI_VERSION } from '../../oci/bundle-state.ts';
import { parseSizeOrAll } from '../container/limits.ts';
import { withAccepted } from '../container/refused.ts';
import { version } from '../../../package.json';
import { collect, parseChoice, parseNumber } from '../options.ts';

/** Options of all commands. */
interface Global {
  readonly root: string;
  readonly log?: string;
  readonly logFormat: 'text' | 'json';
}

type Rest = Record<string, unknown>;

/** What a command does: its arguments, then all options in one object. */
type Action = (args: readonly unknown[], options: never) => unknown;

/** Runs an action; a complaint goes to the log as well. */
function act(command: Command, action: Action): void {
  command.action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command;
    const { root, accepted: _, ...rest } = self.optsWithGlobals<Global & Rest>();
    const options = { ...rest, root: resolve(root ?? join(dataHome(), 'oci')) };
    try {
      await action(given.slice(0, -2), options as never);
    } catch (error) {
      if (options.log !== undefined && error instanceof Error) note(options, error.message);
      throw error;
    }
  });
}

function note({ log, logFormat }: Omit<Global, 'root'>, msg: string): void {
  const time = new Date().toISOString();
  const entry =
    logFormat === 'json'
      ? JSON.stringify({ level: 'error', msg, time })
      : `time="${time}" level=error msg=${JSON.stringify(msg)}`;
  appendFileSync(log!, `${entry}\n`);
}

/** Adds `anillo oci` and its commands. */
export function addOci(anillo: Command): void {
  const oci = withAccepted(anillo.command('oci'), CALLERS)
    .description('containers of OCI bundles, with the grammar of runc: create, start, state, kill, delete and the like')
    .enablePositionalOptions()
    .version(`anillo ${version}\nspec: ${OCI_VERSION}`, '-v, --version')
    .option('--root <directory>', 'where states are kept (`oci` in the data directory)')
    .option('--log <file>', 'complaints go there as well')
    .addOption(
      new Option('--log-format <format>', 'text or json')
        .argParser(parseChoice('--log-format', ['text', 'json']))
        .default('text'),
    )
    .addHelpText(
      'after',
      `
A bundle is a directory with a config.json and a root file system. The container runs on a kernel of its own in a process that
create leaves behind; that is the process whose number is in the state and in --pid-file, and it ends as the program does.
A configuration is data of strangers: directories of this computer outside the bundle need --allow, hooks that are programs of
this computer --allow-host-hooks. Hooks createContainer and startContainer run in the container.

Examples:
  anillo oci spec                                  write a config.json to begin with
  anillo oci run -b ./bundle work
  anillo oci create -b ./bundle --pid-file pid work && anillo oci start work
  anillo oci state work
  anillo oci kill work TERM && anillo oci delete work
  anillo oci checkpoint --image-path ./night work
  anillo oci restore -b ./bundle --image-path ./night -d work`,
    );
  addLife(oci);
  addLooking(oci);
  addChanging(oci);
}

/** What callers of runc say that is so here without, or makes no difference. */
const CALLERS = ['--debug', '--systemd-cgroup', '--rootless <value>', '--criu <file>'];
const CALLERS_OF_CREATE = ['--no-pivot', '--no-new-keyring', '--no-subreaper'];

function withBundleOptions(command: Command): Command {
  return withAccepted(command, CALLERS_OF_CREATE)
    .argument('<container-id>', 'its name')
    .option('-b, --bundle <directory>', 'the bundle', '.')
    .option('--pid-file <file>', 'write the number of the process there')
    .option('--console-socket <socket>', 'not supported: the terminal is on standard input and output')
    .addOption(
      new Option('--preserve-fds <number>', 'only 0 is supported')
        .argParser(parseNumber('--preserve-fds', 0))
        .default(0),
    )
    .option('--allow <directory>', 'a directory outside the bundle that it may have; may be repeated', collect, [])
    .option('--allow-host-hooks', 'hooks may be programs of this computer');
}

/** What other runtimes have to be told, and is so here without. */
function withSavedParts(command: Command): Command {
  for (const [name, what] of Object.entries({
    'tcp-established': 'open TCP connections',
    'ext-unix-sk': 'Unix sockets',
    'shell-job': 'a terminal',
    'file-locks': 'file locks',
  }))
    command.option(`--${name}`, `${what}: always part of a checkpoint`);
  return command;
}

function addLife(oci: Command): void {
  const life = () => import('./lifecycle.ts');
  const one = (name: string, description: string) =>
    oci.command(name).description(description).argument('<container-id>', 'its name');
  act(
    withBundleOptions(oci.command('create').description('make a container; its program waits for start')),
    async ([id], options) => (await life()).createBundle(id as string, options),
  );
  act(one('start', 'start the program of a container that was made'), async ([id], options) =>
    (await life()).startBundle(id as string, options),
  );
  act(
    withBundleOptions(oci.command('run').description('make a container, run it and remove it'))
      .option('-d, --detach', 'leave it running')
      .option('--keep', 'do not remove it when it ends'),
    async ([id], options) => (await life()).runBundle(id as string, options),
  );
  act(
    one('kill', 'send a signal to a container')
      .argument('[signal]', 'name or number', 'SIGTERM')
      .option('-a, --all', 'to all its processes'),
    async ([id, signal], options) => (await life()).killBundle(id as string, signal as string, options),
  );
  act(
    one('delete', 'remove a container that has ended').option('-f, --force', 'also one that runs'),
    async ([id], options) => (await life()).deleteBundle(id as string, options),
  );
  act(one('pause', 'freeze all processes of a container'), async ([id], options) =>
    (await life()).pauseBundle(id as string, 'pause', options),
  );
  act(one('resume', 'let a frozen container go on'), async ([id], options) =>
    (await life()).pauseBundle(id as string, 'unpause', options),
  );
  act(
    withSavedParts(one('checkpoint', 'keep a running container in a directory, and remove it'))
      .option('--image-path <directory>', 'the directory', './checkpoint')
      .option('--leave-running', 'the container goes on'),
    async ([id], options) => (await life()).checkpointBundle(id as string, options),
  );
  act(
    withSavedParts(withBundleOptions(oci.command('restore').description('make a container that goes on from there')))
      .option('--image-path <directory>', 'the directory', './checkpoint')
      .option('-d, --detach', 'leave it running'),
    async ([id], options) => (await life()).restoreBundle(id as string, options),
  );
  act(
    oci.command('supervise', { hidden: true }).argument('<container-id>').option('--image-path <directory>'),
    async ([id], options) => (await life()).superviseBundle(id as string, options),
  );
}

const formatOption = () =>
  new Option('-f, --format <format>', 'table or json')
    .argParser(parseChoice('--format', ['table', 'json']))
    .default('table');

/** `5s`, `500ms`, `1m`. */
function parseInterval(text: string): number {
  const match = /^(\d{1,6})(ms|s|m)$/.exec(text);
  return match
    ? Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] as 'ms' | 's' | 'm']
    : parseNumber('--interval', 1)(text);
}

function addLooking(oci: Command): void {
  const look = () => import('./look.ts');
  act(
    oci.command('state').description('print the state of a container as JSON').argument('<container-id>', 'its name'),
    async ([id], options) => (await look()).showState(id as string, options),
  );
  act(
    oci.command('list').description('list containers').option('-q, --quiet', 'IDs only').addOption(formatOption()),
    async (_, options) => (await look()).listBundles(options),
  );
  act(
    beforeProgram(oci.command('ps'))
      .description('list the processes of a container')
      .argument('<container-id>', 'its name')
      .argument('[ps options...]', '-ef, or -o and names of columns')
      .addOption(formatOption()),
    async ([id, psOptions], options) => (await look()).listProcesses(id as string, psOptions as string[], options),
  );
  act(
    oci
      .command('events')
      .description('print what a container uses as JSON, one line each time')
      .argument('<container-id>', 'its name')
      .addOption(
        new Option('--interval <time>', 'how often, such as 500ms').argParser(parseInterval).default(5000, '5s'),
      )
      .option('--stats', 'once only'),
    async ([id], options) => (await look()).showEvents(id as string, options),
  );
  act(
    oci
      .command('spec')
      .description('write a config.json to begin with')
      .option('-b, --bundle <directory>', 'where', '.')
      .option('--rootless', 'with a user namespace in which you are root'),
    async (_, options) => (await look()).writeSpec(options),
  );
  act(oci.command('features').description('print what this runtime can do as JSON'), async () =>
    (await look()).showFeatures(),
  );
}

function addChanging(oci: Command): void {
  const change = () => import('./change.ts');
  act(
    beforeProgram(oci.command('exec'))
      .description('run one more process in a container')
      .argument('<container-id>', 'its name')
      .argument('[command...]', 'program and arguments')
      .option('-p, --process <file>', 'the process as JSON')
      .option('-t, --tty', 'a terminal')
      .option('-e, --env <NAME=VALUE>', 'environment variable; may be repeated', collect, [])
      .option('-u, --user <uid[:gid]>', 'who runs it')
      .option('-g, --additional-gids <gid>', 'one more group; may be repeated', collect, [])
      .option('--cwd <directory>', 'working directory')
      .option('-c, --cap <capability>', 'one more capability; may be repeated', collect, [])
      .option('--no-new-privs', 'it gets no more privileges by execve')
      .option('-d, --detach', 'do not wait for it')
      .option('--pid-file <file>', 'write the number of the process there')
      .option('--ignore-paused', 'also in a frozen container'),
    async ([id, args], options) => (await change()).execInBundle(id as string, args as string[], options),
  );
  act(
    oci.command('converse', { hidden: true }).argument('<container-id>').argument('<request>'),
    async ([id, request], options) => (await change()).converseBehind(id as string, request as string, options),
  );
  const limit = (flag: string, name: string, description: string) => {
    const option = new Option(`${flag} <number>`, description).argParser(parseNumber(flag, -1));
    option.attributeName = () => name;
    return option;
  };
  const size = (flag: string, name: string) =>
    limit(flag, name, 'bytes, such as 64m; -1 for no limit').argParser(parseSizeOrAll);
  act(
    oci
      .command('update')
      .description('give a container other limits')
      .argument('<container-id>', 'its name')
      .option('-r, --resources <file>', 'the limits as JSON, as in a configuration; - for standard input')
      .addOption(size('--memory', 'memoryLimit'))
      .addOption(size('--memory-reservation', 'memoryReservation'))
      .addOption(size('--memory-swap', 'memorySwap'))
      .addOption(limit('--cpu-share', 'cpuShares', 'share against others'))
      .addOption(limit('--cpu-quota', 'cpuQuota', 'microseconds of each period'))
      .addOption(limit('--cpu-period', 'cpuPeriod', 'microseconds'))
      .addOption(limit('--cpu-burst', 'cpuBurst', 'microseconds'))
      .addOption(limit('--cpu-idle', 'cpuIdle', '1 for as little as there is'))
      .addOption(limit('--pids-limit', 'pidsLimit', 'processes'))
      .addOption(limit('--blkio-weight', 'ioWeight', '10 to 1000')),
    async ([id], { log: _, logFormat: __, ...options }: Rest) =>
      (await change()).updateBundle(id as string, options as never),
  );
}
