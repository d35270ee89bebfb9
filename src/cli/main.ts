#!/usr/bin/env node
// The anillo command: one file a subcommand, loaded only when it is asked for, so that the command starts quickly.
import { Command, CommanderError, Option } from 'commander';
import { STATUS_IDLE, STATUS_LIMIT, STATUS_RESET, STATUS_SHUTDOWN, STATUS_VMX_ABORT } from '../pc/exit.ts';
import { CliError, EXIT, RUN_FAILED } from './errors.ts';
import { addContainer } from './container/command.ts';
import type { Topic } from './explain.ts';
import { beforeProgram, fromGo } from './go-flags.ts';
import { addImage } from './image-command.ts';
import { addOci } from './oci/command.ts';
import {
  parseChoice,
  parseCount,
  parseList,
  parseMemory,
  parsePort,
  parseProcessors,
  parseSeed,
  parseVolume,
  type Volume,
} from './options.ts';
import { watchReader } from './reader.ts';
import { CELL_NAMES, CPU_MODEL_NAMES, PROFILE_NAMES, TECHNIQUE_NAMES, TRACE_NAMES } from './names.ts';
import { version } from '../../package.json';

const STATUSES = `
Exit status:
  run: the guest's own (0 when it powers off; a value v written to port 0xf4 gives (v << 1) | 1), or
  ${String(EXIT.failure).padEnd(4)} an image, snapshot or other file cannot be used, or the host refused
  ${String(EXIT.usage).padEnd(4)} wrong usage: unknown option, technique or guest, a value out of range
  ${String(STATUS_SHUTDOWN).padEnd(4)} the guest's processor shut down (triple fault)
  ${String(STATUS_LIMIT).padEnd(4)} the guest was stopped at --max-instructions
  ${String(STATUS_IDLE).padEnd(4)} the guest sleeps and nothing can wake it
  ${String(STATUS_RESET).padEnd(4)} the guest asked for a reset
  ${String(STATUS_VMX_ABORT).padEnd(4)} VMX abort
  ${String(EXIT.interrupted).padEnd(4)} interrupted (Ctrl-C)
`;

function program(): Command {
  const anillo = new Command('anillo')
    .enablePositionalOptions()
    .description(
      'An x86 virtualization laboratory: run one guest kernel bare, trapped, translated, paravirtualized or under VT-x; ' +
        'and Linux programs and containers on the same processor.',
    )
    .version(version)
    .showHelpAfterError('(anillo --help lists the commands)')
    .exitOverride()
    .addHelpText(
      'after',
      `${STATUSES}
Examples:
  anillo run hello                               a guest on the bare machine
  anillo run tinyos --append shell               talk to a small operating system (exit ends it)
  anillo run rings --technique vtx --paging ept  the same kernel under hardware-assisted virtualization
  anillo compare nanobench --profile p4-672      what each technique costs, and why
  anillo container run -it anillo                a shell in a container of the image that comes along
  anillo explain sensitive                       why x86 could not be virtualized by trapping alone`,
    );
  addRun(anillo);
  addCompare(anillo);
  addProcess(anillo);
  addContainer(anillo);
  addImage(anillo);
  addOci(anillo);
  anillo
    .command('guests')
    .description('list the bundled guests')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./guests.ts')).listGuests(options));
  addExplain(anillo);
  return anillo;
}

function profileOption(): Option {
  return new Option('--profile <name>', `what operations cost: ${PROFILE_NAMES.join(', ')}`)
    .argParser(parseChoice('--profile', PROFILE_NAMES))
    .default('p4-672');
}

function modelOption(): Option {
  return new Option('--cpu <model>', `the processor: ${CPU_MODEL_NAMES.join(', ')} (anillo explain cpus)`)
    .argParser(parseChoice('--cpu', CPU_MODEL_NAMES))
    .default('max');
}

function addRun(anillo: Command): void {
  anillo
    .command('run')
    .description('run a guest image: its serial port is this terminal')
    .argument('[image]', 'a multiboot image, or the name of a bundled guest (anillo guests)')
    .option(
      '-t, --technique <name>',
      'how to run it: bare, trap-emulate, binary-translation (full), paravirtual (para), vtx (assisted)',
      parseChoice('--technique', TECHNIQUE_NAMES),
      'bare',
    )
    .option(
      '--paging <kind>',
      'memory virtualization under vtx: shadow or ept',
      parseChoice('--paging', ['shadow', 'ept']),
    )
    .addOption(
      new Option('--memory <size>', 'guest memory, such as 64M')
        .argParser(parseMemory)
        .default(parseMemory('64M'), '64M'),
    )
    .option('--cpus <count>', 'how many processors, 1 to 8; more than one under bare only', parseProcessors, 1)
    .option('--append <text>', 'command line for the guest')
    .option('--module <file>', 'a file the boot loader brings along, such as a Linux program for tinyos')
    .option('--bios <file>', 'instead of an image: a ROM of 64 KiB to 16 MiB, started at the reset vector')
    .option('--post <port>', 'report bytes written to this port on standard error (POST codes)', parsePort('--post'))
    .option('--debugcon <port>', 'print bytes written to this port on standard output', parsePort('--debugcon'))
    .addOption(profileOption())
    .addOption(modelOption())
    .option('--seed <number>', 'what RDRAND and RDSEED start from', parseSeed, 0)
    .option(
      '--max-instructions <count>',
      'stop the guest after so many instructions (50M, 2G)',
      parseCount('--max-instructions'),
    )
    .option('--stats <file>', 'write statistics as JSON to a file, or to standard output with -')
    .option(
      '--trace <kinds>',
      `print what happens on standard error: ${TRACE_NAMES.join(', ')}`,
      parseList('--trace', TRACE_NAMES),
    )
    .option('--save <file>', 'save the machine to a file where the run ends (at --max-instructions, or Ctrl-C)')
    .option('--restore <file>', 'go on from a saved machine (the image must be the one it was saved with)')
    .addHelpText(
      'after',
      `
Examples:
  anillo run hello
  anillo run rings --cpu p6
  anillo run sensitive --technique trap-emulate
  anillo run tinyos --max-instructions 200K --save half.anillo
  anillo run tinyos --restore half.anillo
  anillo run nanobench --technique full --stats -
  anillo run tinyos --module ./program --append '-- /bin/program arguments'    a static i386 Linux program under tinyos
  anillo run --bios test.bin --post 0x190 --debugcon 0xe9    a test ROM, its stages and what it prints`,
    )
    .action(async (image, options) => (await import('./run.ts')).runImage(image, options));
}

function addProcess(anillo: Command): void {
  beforeProgram(anillo.command('process'))
    .description('run a Linux program, i386 or amd64, on the user-space kernel')
    .argument('[program]', 'an ELF executable; one that is linked dynamically needs its libraries by --volume')
    .argument('[arguments...]', 'its arguments')
    .addOption(
      new Option('--memory <size>', 'memory of the machine')
        .argParser(parseMemory)
        .default(parseMemory('256M'), '256M'),
    )
    .option(
      '-e, --env <NAME=VALUE>',
      'environment variable; may be repeated',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .addOption(new Option('--seed <number>', 'seed of the random numbers programs get').argParser(parseSeed).default(0))
    .addOption(
      new Option(
        '-v, --volume <host:path[:rw]>',
        'show a directory or file of this computer, read-only unless :rw; may be repeated',
      )
        .argParser((value: string, all: Volume[]) => [...all, parseVolume(value)])
        .default([]),
    )
    .option('--strace', 'print system calls on standard error, as strace does')
    .option(
      '--max-instructions <count>',
      'stop after so many instructions (50M, 2G), with exit status 6',
      parseCount('--max-instructions'),
    )
    .option('--save <file>', 'save the kernel and all its programs to a file where the run ends')
    .option('--restore <file>', 'instead of a program: go on from a saved state (with the volumes it had)')
    .option('--record <file>', 'record what reaches the program from outside, and what it says')
    .option('--replay <file>', 'instead of a program: run a recording again, and compare')
    .addHelpText(
      'after',
      `
The exit status is the program's, or 128 + n when signal n killed it.

Examples:
  anillo process ./hello
  anillo process --strace /bin/busybox-static echo hello
  anillo process --max-instructions 2M --save half.anillo ./program
  anillo process --restore half.anillo
  anillo process --record session.anillo /bin/busybox-static sh
  anillo process --replay session.anillo
  anillo process -v /lib:/lib -v /lib64:/lib64 -v /usr:/usr /bin/bash -c 'ls -l /usr'`,
    )
    .action(async (program, args, options) => (await import('./process.ts')).runProcess(program, args, options));
}

const TOPICS = {
  sensitive: 'sensitive instructions, and which of them do not trap',
  exits: 'VM exits: their reasons, controls and instructions',
  instructions: 'all instructions: flags, exceptions, privilege, sensitivity, VM exits',
  techniques: 'the ways to run a guest',
  cpus: 'the processors of --cpu, and what each of them has',
  syscalls: 'system calls of Linux and what the user-space kernel does for them',
} as const satisfies Record<Topic, string>;

function addExplain(anillo: Command): void {
  const explain = anillo
    .command('explain')
    .description('explain a topic, generated from the tables the simulator runs on')
    .addHelpText(
      'after',
      `
Examples:
  anillo explain instruction popf
  anillo explain instruction cmpxchg --json
  anillo explain sensitive`,
    );
  explain
    .command('instruction')
    .description('one instruction: forms, flags, exceptions, privilege, sensitivity, VM exits')
    .argument('<name>', 'its mnemonic, such as mov, jcc or iretq')
    .option('--json', 'print JSON')
    .action(async (name, options) => (await import('./explain.ts')).explainInstruction(name, options));
  for (const [topic, description] of Object.entries(TOPICS) as [Topic, string][]) {
    explain
      .command(topic)
      .description(description)
      .option('--json', 'print JSON')
      .action(async (options) => (await import('./explain.ts')).explain(topic, options));
  }
}

function addCompare(anillo: Command): void {
  anillo
    .command('compare')
    .description('run a guest under several techniques and show what each operation cost, and why')
    .argument('[image]', 'a benchmark guest, such as nanobench; with --containers a static i386 Linux program')
    .option(
      '--containers',
      'instead: one program as a process, in a container and in a virtual machine (without a program, a bundled one)',
    )
    .option(
      '--techniques <list>',
      `columns, comma-separated: ${CELL_NAMES.join(', ')}`,
      parseList('--techniques', CELL_NAMES),
    )
    .addOption(profileOption())
    .addOption(modelOption())
    .addOption(new Option('--memory <size>', 'guest memory').argParser(parseMemory).default(parseMemory('16M'), '16M'))
    .option('--append <text>', 'command line for the guest, arguments for the program')
    .addOption(new Option('--json', 'print JSON'))
    .option('--html <file>', 'also write one self-contained page with charts')
    .addHelpText(
      'after',
      `
Examples:
  anillo compare nanobench
  anillo compare nanobench --profile core2-merom --techniques bare,vtx/shadow,vtx/ept
  anillo compare nanobench --html comparison.html
  anillo compare --containers                             virtual machines versus containers, by kind of work
  anillo compare --containers ./program --append '-n 3'   a program of yours (gcc -m32 -static -nostdlib)`,
    )
    .action(async (image, options) => {
      if (options.containers) return (await import('./compare-programs.ts')).comparePrograms(image, options);
      if (image === undefined) throw new CliError('An image is missing: name a benchmark guest, such as nanobench.');
      return (await import('./compare.ts')).compareImage(image, options);
    });
}

async function main(): Promise<void> {
  watchReader();
  const args = process.argv.slice(2);
  try {
    const anillo = program();
    await anillo.parseAsync(fromGo(anillo, args), { from: 'user' });
  } catch (error) {
    const status = report(error);
    const isRun = args[0] === 'container' && args[1] === 'run';
    process.exitCode = isRun && status === EXIT.usage ? RUN_FAILED : status;
  }
}

/** Prints what went wrong in a sentence and returns the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    process.stderr.write(`anillo: ${error.message}\n`);
    return error.exitStatus;
  }
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    process.stderr.write(`anillo: ${error.message}\n`);
    // Choices that do not go together are wrong usage; whatever else has a code is a file that cannot be used.
    return error.name === 'GuestRunError' ? EXIT.usage : EXIT.failure;
  }
  process.stderr.write(
    `anillo: internal error, please report it: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  if (process.env.ANILLO_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return EXIT.failure;
}

await main();
