// The grammar of `anillo container`; what the commands do is in the files beside, loaded when one of them is asked for.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { beforeProgram } from '../go-flags.ts';
import { collect, formatOption, inspectFormatOption, parseNumber } from '../options.ts';
import { withFixedLimits, withLimits } from './limits.ts';
import { parsePlatform } from '../platforms.ts';
import { withAccepted, withDetachKeys, withRefused, withRefusedLimits, withRefusedLinks } from './refused.ts';
import { parseTime } from './times.ts';

/** Adds `anillo container` and its commands. */
export function addContainer(anillo: Command): void {
  const container = anillo
    .command('container')
    .description('containers: run, exec, ps, logs, stop, rm and the like')
    .addHelpText(
      'after',
      `
The exit status of run and exec is that of the program, or 128 + n when signal n killed it; 126 when it cannot be run, 127
when it is not there; that of run is 125 when there is no container to run it in.
What a container changes is kept when it ends, under $ANILLO_DATA. A volume that its image names (VOLUME), or that -v names
without a directory of this computer, begins with what the image has there; it is no part of diff, commit and export, and is kept
with the container until that is removed: no other one can have it, so rm takes it along with or without -v.

Examples:
  anillo container run --rm mine:1 /bin/echo hello
  anillo container run -it --name work mine:1
  anillo container run -d --memory 64M --cpus 0.5 mine:1 /bin/server
  anillo container exec -it work /bin/sh
  anillo container ps -a
  anillo container ps --filter status=exited --format 'table {{.Names}}\\t{{.Status}}'
  anillo container inspect --format '{{.State.ExitCode}}' work`,
    );
  addMaking(container);
  addLooking(container);
  addChanging(container);
  addCopying(container);
  addCheckpoints(container);
}

const parseTimeout = parseNumber('--timeout', -1);

/** -1000 for never, 1000 for the first. */
function parseOomScore(text: string): number {
  const value = parseNumber('--oom-score-adj', -1000)(text);
  if (value <= 1000 && Number.isInteger(value)) return value;
  throw new InvalidArgumentError('--oom-score-adj takes a whole number from -1000 to 1000.');
}

const parseTail = (text: string) => (text === 'all' ? Number.POSITIVE_INFINITY : parseNumber('--tail', 0)(text));

function withCreateOptions(command: Command, image = '<image>'): Command {
  return withRefused(withFixedLimits(withLimits(beforeProgram(command))))
    .argument(image, 'name or ID of an image')
    .argument('[command...]', 'what to run instead of what the image says')
    .option('--name <name>', 'its name')
    .option('-e, --env <NAME=VALUE>', 'environment variable; may be repeated', collect, [])
    .option(
      '-v, --volume <[here:]there[:rw]>',
      'a directory of this computer, read-only unless rw; without one a volume that goes with the container',
      collect,
      [],
    )
    .option(
      '--mount <fields>',
      'type=bind,source=HERE,target=THERE,readonly=false or type=tmpfs,target=THERE',
      collect,
      [],
    )
    .option('--tmpfs <there[:options]>', 'a directory in memory, such as /run:size=16m', collect, [])
    .option('--env-file <file>', 'environment variables, one a line', collect, [])
    .option('-l, --label <name=value>', 'a label; may be repeated', collect, [])
    .option('--label-file <file>', 'labels, one a line', collect, [])
    .option('-i, --interactive', 'standard input goes to the program')
    .option('-t, --tty', 'a terminal')
    .option('-w, --workdir <directory>', 'working directory')
    .option('-u, --user <user[:group]>', 'who runs the program, by name or number')
    .option('--group-add <group>', 'one more group, by name or number', collect, [])
    .option('-h, --hostname <name>', 'host name')
    .option('--domainname <name>', 'NIS domain name')
    .option('--add-host <name:address>', 'a line of /etc/hosts', collect, [])
    .option('--entrypoint <program>', "replaces the image's entry point")
    .option('--rm', 'remove the container when it ends')
    .option('--read-only', 'the root file system cannot be written')
    .option('--cap-add <capability>', 'one more capability, or ALL', collect, [])
    .option('--cap-drop <capability>', 'one capability less, or ALL', collect, [])
    .option('--security-opt <option>', 'seccomp=FILE, seccomp=unconfined, no-new-privileges', collect, [])
    .option(
      '--privileged',
      'all capabilities, no filter, and nothing of /proc and /sys hidden; still nothing of this computer',
    )
    .option('--sysctl <name=value>', 'a kernel parameter, such as net.core.somaxconn=128', collect, [])
    .option('--oom-score-adj <number>', 'how soon it is killed for memory, -1000 to 1000', parseOomScore)
    .option('--stop-signal <signal>', 'what stop sends (SIGTERM)')
    .option('--stop-timeout <seconds>', 'how long stop waits (10)', parseNumber('--stop-timeout', 0))
    .option('--cidfile <file>', 'write the ID into this file')
    .option('--platform <name>', 'of the image: linux/amd64 or linux/386', parsePlatform)
    .helpOption('--help', 'display help for command');
}

function addMaking(container: Command): void {
  withCreateOptions(container.command('run').description('make a container and run it'), '[image]')
    .option('-d, --detach', 'leave it running and print its ID')
    .option('--record <file>', 'record what reaches the container from outside, and what it says')
    .option('--replay <file>', 'instead of an image: run a recording again, and compare; no container is made')
    .addHelpText(
      'after',
      `
A recording has everything that reached the container (input, sizes of the window, signals, limits, further processes, answers of
the computer's files) at its instruction counts; a replay reports the first difference. It needs the layers of the image, and
neither the container nor its volumes. While a container is recorded nobody outside can look at its files (cp, diff, commit).

Examples:
  anillo container run -it --record session.anillo anillo
  anillo container run --replay session.anillo
  anillo container start -a --checkpoint night --record rest.anillo work`,
    )
    .action(async (image, command, options) => (await import('./run.ts')).runContainer(image, command, options));
  withCreateOptions(container.command('create').description('make a container and print its ID')).action(
    async (image, command, options) => (await import('./create.ts')).createContainer(image, command, options),
  );
  withDetachKeys(container.command('start'))
    .description('start containers that were made or have ended')
    .argument('<container...>', 'names or IDs')
    .option('-a, --attach', 'run it here, with its output')
    .option('-i, --interactive', 'the same')
    .option('--checkpoint <name>', 'go on from this checkpoint')
    .option('--checkpoint-dir <directory>', 'where that is, if not with the container')
    .option('--record <file>', 'record what reaches it from now on, and what it says')
    .action(async (names, options) => (await import('./run.ts')).startContainers(names, options));
  withDetachKeys(beforeProgram(container.command('exec')))
    .description('run one more program in a running container')
    .argument('<container>', 'name or ID')
    .argument('<command...>', 'program and arguments')
    .option('-d, --detach', 'leave it running')
    .option('-e, --env <NAME=VALUE>', 'environment variable; may be repeated', collect, [])
    .option('--env-file <file>', 'environment variables, one a line', collect, [])
    .option('--privileged', 'with all capabilities')
    .option('-i, --interactive', 'standard input goes to the program')
    .option('-t, --tty', 'a terminal')
    .option('-u, --user <user[:group]>', 'who runs the program')
    .option('-w, --workdir <directory>', 'working directory')
    .action(async (name, args, options) => (await import('./exec.ts')).execInContainer(name, args, options));
  withDetachKeys(container.command('attach'))
    .description('the standard files of a running container here; Ctrl-P Ctrl-Q leaves one with a terminal alone')
    .argument('<container>', 'name or ID')
    .option('--no-stdin', 'nothing that is typed goes to it')
    .option('--no-sig-proxy', 'signals do not go to it')
    .action(async (name, options) => (await import('./attach.ts')).attachToContainer(name, options));
  container
    .command('supervise', { hidden: true })
    .argument('<container>', 'ID')
    .option('--checkpoint <name>')
    .option('--checkpoint-dir <directory>')
    .option('--record <file>')
    .action(async (id, options) => (await import('./run.ts')).superviseContainer(id, options));
}

function addLooking(container: Command): void {
  container
    .command('ps')
    .aliases(['ls', 'list'])
    .description('list containers')
    .option('-a, --all', 'also those that do not run')
    .option('-q, --quiet', 'IDs only')
    .option('--no-trunc', 'whole IDs and commands')
    .option('-s, --size', 'with what their changes take, as last kept')
    .option('-n, --last <number>', 'the last ones made, running or not', parseNumber('--last', -1))
    .option('-l, --latest', 'the last one made')
    .option('-f, --filter <name=value>', 'id, name, label, status, exited, ancestor, before or since', collect, [])
    .addOption(formatOption())
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./ps.ts')).listContainers(options));
  container
    .command('inspect')
    .description('print containers as JSON')
    .argument('<container...>', 'names or IDs')
    .addOption(inspectFormatOption())
    .action(async (names, options) => (await import('./ps.ts')).inspectContainers(names, options));
  withAccepted(container.command('logs'), ['--details'])
    .description('print what a container has written')
    .argument('<container>', 'name or ID')
    .option('-f, --follow', 'go on until it ends')
    .option('-t, --timestamps', 'with the time of each piece')
    .option('-n, --tail <number>', 'the last lines only; all', parseTail)
    .option(
      '--since <time>',
      'what was written from this time on: RFC 3339, seconds since 1970, or 10m ago',
      (text: string) => parseTime(text),
    )
    .option('--until <time>', 'what was written before', (text: string) => parseTime(text))
    .action(async (name, options) => (await import('./logs.ts')).showLogs(name, options));
  container
    .command('top')
    .description('list the processes of a container')
    .argument('<container>', 'name or ID')
    .action(async (name) => (await import('./top.ts')).showProcesses(name));
  container
    .command('port')
    .description('list ports of a container that can be reached from outside: there are none')
    .argument('<container>', 'name or ID')
    .argument('[port]', 'such as 80/tcp')
    .action(async (name, port) => (await import('./port.ts')).showPorts(name, port));
  container
    .command('stats')
    .description('what running containers use, every second')
    .argument('[container...]', 'names or IDs; all that run if none is given')
    .option('-a, --all', 'also those that do not run')
    .option('--no-stream', 'once only')
    .option('--no-trunc', 'whole IDs')
    .option('--json', 'once, as JSON')
    .addOption(formatOption())
    .action(async (names, options) => (await import('./stats.ts')).showStats(names, options));
  container
    .command('diff')
    .description('list what a container changed: A added, C changed, D deleted')
    .argument('<container>', 'name or ID')
    .action(async (name) => (await import('./diff.ts')).showChanges(name));
}

function addCopying(container: Command): void {
  container
    .command('cp')
    .description('copy files between a container, running or not, and this computer')
    .argument('<source>', 'CONTAINER:PATH or a path; - for an archive on standard input')
    .argument('<target>', 'CONTAINER:PATH or a path; - for an archive on standard output')
    .option('-a, --archive', 'keep owners and groups')
    .option('-L, --follow-link', 'copy what a link leads to, not the link')
    .option('-q, --quiet', 'say nothing')
    .addHelpText(
      'after',
      `
A file or directory goes into a target that is a directory, and becomes the target when there is none. What a directory has in it
is copied with DIRECTORY/. . Files belong to root of the container, or to you.

Examples:
  anillo container cp notes.txt work:/tmp
  anillo container cp work:/var/log/. logs
  tar -c src | anillo container cp - work:/usr/src`,
    )
    .action(async (from, to, options) => (await import('./cp.ts')).copyFiles(from, to, options));
  container
    .command('export')
    .description('write the root file system of a container as a tar archive')
    .argument('<container>', 'name or ID')
    .option('-o, --output <file>', 'the archive; standard output if not given')
    .action(async (name, options) => (await import('./cp.ts')).exportContainer(name, options));
}

function addCheckpoints(container: Command): void {
  const checkpoint = container
    .command('checkpoint')
    .description('keep a running container in files, and go on from them: create, ls, rm')
    .addHelpText(
      'after',
      `
A checkpoint holds the memory, the files and volumes and everything else of a container but what it shares: the directories of
this computer are as they are when it goes on, and what it had open there has to be there still. It goes on in a process of its
own, in the same container or in another one of the same image with the same volumes, with the same version of anillo. The time of
day is then that of this computer; other clocks go on where they stood. What was typed is typed; whoever was connected by exec is
gone.

Examples:
  anillo container checkpoint create work before
  anillo container start --checkpoint before work
  anillo container checkpoint create --leave-running --checkpoint-dir /backup work monday
  anillo container start -a --checkpoint monday --checkpoint-dir /backup work`,
    );
  const withDirectory = (command: Command) =>
    command.option('--checkpoint-dir <directory>', 'where checkpoints are, if not with the container');
  const actions = () => import('./checkpoint.ts');
  withDirectory(checkpoint.command('create').description('make a checkpoint; the container ends with it'))
    .argument('<container>', 'name or ID')
    .argument('<checkpoint>', 'its name')
    .option('--leave-running', 'the container goes on')
    .action(async (name, checkpointName, options) => (await actions()).createCheckpoint(name, checkpointName, options));
  withDirectory(checkpoint.command('ls').alias('list').description('list checkpoints'))
    .argument('<container>', 'name or ID')
    .action(async (name, options) => (await actions()).listCheckpoints(name, options));
  withDirectory(checkpoint.command('rm').alias('remove').description('remove a checkpoint'))
    .argument('<container>', 'name or ID')
    .argument('<checkpoint>', 'its name')
    .action(async (name, checkpointName, options) => (await actions()).removeCheckpoint(name, checkpointName, options));
}

function addChanging(container: Command): void {
  const several = (name: string, description: string) =>
    container.command(name).description(description).argument('<container...>', 'names or IDs');
  const ending = (command: Command) =>
    command
      .option('-s, --signal <signal>', 'another signal')
      .option('-t, --timeout <seconds>', 'seconds between the two (10); -1 for as long as it takes', parseTimeout)
      .addOption(new Option('--time <seconds>').argParser(parseTimeout).hideHelp());
  ending(several('stop', 'stop containers: their stop signal, then SIGKILL')).action(async (names, options) =>
    (await import('./control.ts')).stopContainers(names, options),
  );
  ending(several('restart', 'stop containers and start them again')).action(async (names, options) =>
    (await import('./control.ts')).restartContainers(names, options),
  );
  several('kill', 'send a signal to the first process of containers')
    .option('-s, --signal <signal>', 'name or number', 'KILL')
    .action(async (names, options) => (await import('./control.ts')).killContainers(names, options));
  several('pause', 'freeze all processes of containers').action(async (names) =>
    (await import('./control.ts')).pauseContainers(names, 'pause'),
  );
  several('unpause', 'let frozen containers go on').action(async (names) =>
    (await import('./control.ts')).pauseContainers(names, 'unpause'),
  );
  several('wait', 'wait until containers have ended, and print their exit statuses').action(async (names) =>
    (await import('./control.ts')).waitForContainers(names),
  );
  withRefusedLinks(withAccepted(several('rm', 'remove containers'), ['-v, --volumes']))
    .option('-f, --force', 'also those that run; no error when there is none')
    .action(async (names, options) => (await import('./control.ts')).removeContainers(names, options));
  withRefusedLimits(withLimits(several('update', 'give containers other limits'))).action(async (names, options) =>
    (await import('./control.ts')).updateContainers(names, options),
  );
  container
    .command('prune')
    .description('remove all containers that do not run')
    .option('-f, --force', 'do not ask')
    .action(async (options) => (await import('../prune.ts')).pruneContainers(options));
  withAccepted(container.command('commit'), ['-p, --pause'])
    .description('make an image of a container and what it changed')
    .argument('<container>', 'name or ID')
    .argument('[image]', 'name of the image')
    .option('-a, --author <text>', 'who made it')
    .option('-m, --message <text>', 'comment in its history')
    .option('-c, --change <instruction>', 'an instruction of a Dockerfile, such as CMD ["/bin/sh"]', collect, [])
    .option('--no-pause', 'do not freeze the container meanwhile')
    .action(async (name, image, options) => (await import('./commit.ts')).commitContainer(name, image, options));
  container
    .command('rename')
    .description('give a container another name')
    .argument('<container>', 'name or ID')
    .argument('<name>', 'the new name')
    .action(async (name, next) => (await import('./control.ts')).renameContainer(name, next));
}
