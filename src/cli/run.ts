// anillo run: a guest whose serial port is this terminal.
import { writeFileSync } from 'node:fs';
import { type CpuModelName, findCpuModel } from '../cpu/cpu.ts';
import { type GuestImage, GuestRun, type GuestRunOptions } from '../lab/guest-run.ts';
import { BusOverlapError } from '../machine/bus.ts';
import { type MachineStop, STATUS_IDLE } from '../pc/exit.ts';
import { findProfile } from '../vmm/cost/index.ts';
import type { BoardOptions, PagingMode, TraceKind } from '../vmm/technique.ts';
import { techniques } from '../vmm/techniques/index.ts';
import { hostReason, loadCore, loadGuest, readUserFile, writeUserFile } from './assets.ts';
import { CliError, EXIT } from './errors.ts';
import { SerialConsole } from './serial-console.ts';

/** Options of `anillo run`, parsed. */
export interface RunOptions {
  readonly technique: string;
  readonly paging?: PagingMode;
  readonly memory: number;
  readonly cpus: number;
  readonly append?: string;
  readonly module?: string;
  readonly profile: string;
  readonly cpu: CpuModelName;
  readonly seed: number;
  readonly maxInstructions?: number;
  readonly stats?: string;
  readonly trace?: readonly TraceKind[];
  readonly save?: string;
  readonly restore?: string;
  readonly bios?: string;
  readonly post?: number;
  readonly debugcon?: number;
}

/** Instructions between two looks at the terminal. */
const SLICE = 500_000;
/** And cycles, for a guest that faults for ever and retires no instruction. */
const BUSY_CYCLES = 100 * SLICE;

/** Runs an image, or a ROM; the process's exit status becomes the guest's. */
export async function runImage(image: string | undefined, options: RunOptions): Promise<void> {
  const technique = techniques.find(options.technique);
  if (!technique) throw new CliError(`--technique ${options.technique} is unknown.`);
  const guest = withModule(chooseGuest(image, options.bios), options);
  const snapshot = options.restore === undefined ? undefined : readUserFile(options.restore, 'snapshot');
  const console = new SerialConsole();
  const run = build(guest, {
    module: loadCore(),
    technique,
    ...(options.paging
      ? { paging: options.paging }
      : technique.paging
        ? { paging: technique.paging[0] as PagingMode }
        : {}),
    memory: options.memory,
    processors: options.cpus,
    profile: findProfile(options.profile),
    model: findCpuModel(options.cpu),
    seed: options.seed,
    commandLine: options.append ?? '',
    serialOut: (byte) => console.write(byte),
    warn: (message) => process.stderr.write(`anillo: ${message}\n`),
    trace: (kind, text) => process.stderr.write(`${kind}: ${text}\n`),
    traceKinds: new Set(options.trace ?? []),
    ...board(guest, options, console),
  });
  if (snapshot) run.restore(snapshot);
  const started = process.cpuUsage();
  const stop = await drive(run, console, options.maxInstructions);
  const used = process.cpuUsage(started);
  await console.close();
  if (options.save !== undefined) writeUserFile(options.save, 'snapshot', run.save());
  if (options.stats !== undefined) writeStatistics(options.stats, run, stop, (used.user + used.system) / 1e6);
  reportFindings(run);
  if (console.interrupted) process.stderr.write('anillo: interrupted.\n');
  else reportStop(stop, options.maxInstructions);
  process.exitCode = console.interrupted ? EXIT.interrupted : stop.status;
}

/** @throws CliError when a port the user named belongs to a chip */
function build(guest: GuestImage, options: GuestRunOptions): GuestRun {
  try {
    return new GuestRun(guest, options);
  } catch (error) {
    if (error instanceof BusOverlapError) throw new CliError(`${error.message}; choose another port.`);
    throw error;
  }
}

/** A kernel, or the ROM that `--bios` names. */
function chooseGuest(image: string | undefined, bios: string | undefined): GuestImage {
  if (bios === undefined && image !== undefined) return loadGuest(image);
  if (bios === undefined) throw new CliError('An image is missing: name a guest, or a ROM with --bios.');
  if (image !== undefined)
    throw new CliError(`--bios starts what is in the ROM; it does not go together with ${image}.`);
  return { name: bios, file: readUserFile(bios, 'ROM image') };
}

/** The guest with the file that the boot loader brings along. */
function withModule(guest: GuestImage, { module, bios }: RunOptions): GuestImage {
  if (module === undefined) return guest;
  if (bios !== undefined) throw new CliError('--module is for a boot loader; with --bios there is none.');
  return { ...guest, modules: [{ data: readUserFile(module, 'module'), text: module }] };
}

/** The ROM and the ports for tests of firmware. */
function board(guest: GuestImage, options: RunOptions, console: SerialConsole): { board?: BoardOptions } {
  const { bios, post, debugcon } = options;
  if (bios === undefined && post === undefined && debugcon === undefined) return {};
  if (post !== undefined && post === debugcon)
    throw new CliError(`--post and --debugcon cannot have the same port ${hex(post)}.`);
  return {
    board: {
      ...(bios === undefined ? {} : { rom: guest.file }),
      ...(post === undefined ? {} : { post: { port: post, write: reportPost } }),
      ...(debugcon === undefined ? {} : { debugConsole: { port: debugcon, write: (byte) => console.write(byte) } }),
    },
  };
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

function reportPost(code: number): void {
  process.stderr.write(`POST ${hex(code)}\n`);
}

/** Runs slices until the guest ends, feeding the terminal in between. */
async function drive(run: GuestRun, console: SerialConsole, maxInstructions?: number): Promise<MachineStop> {
  const { cpu, clock } = run.vmm.machine;
  const most = maxInstructions ?? Number.POSITIVE_INFINITY;
  console.start((byte) => run.vmm.serialIn(byte));
  for (;;) {
    const before = cpu.instructions;
    const stop = run.run({ instructions: Math.min(before + SLICE, most), busyCycles: BUSY_CYCLES });
    await console.pump(clock.nanoseconds());
    if (console.interrupted) return stop;
    if (stop.reason === 'idle' && stop.wakeable && (await console.waitForInput())) continue;
    if (stop.reason !== 'limit' || cpu.instructions >= most) return stop;
    if (console.guestWaitsInVain(cpu.instructions - before, clock.nanoseconds())) {
      process.stderr.write('anillo: the guest waits for input, and standard input has ended.\n');
      return { reason: 'idle', status: STATUS_IDLE, wakeable: true };
    }
  }
}

function writeStatistics(path: string, run: GuestRun, stop: MachineStop, hostSeconds: number): void {
  const statistics = run.statistics(stop);
  const text = `${JSON.stringify({ ...statistics, hostSeconds, mips: statistics.instructions / hostSeconds / 1e6 }, null, 2)}\n`;
  if (path === '-') {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CliError(`The statistics cannot be written to ${path}: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** Says where the guest was given wrong answers (trap-emulate cannot help it). */
function reportFindings(run: GuestRun): void {
  const findings = run.vmm.findings();
  if (findings.length === 0) return;
  process.stderr.write(
    `anillo: ${findings.length} sensitive instructions did not trap and gave the guest another answer than the bare machine:\n`,
  );
  for (const { instruction, linearAddress, text, sawValue, rightValue, times } of findings) {
    const address = `0x${linearAddress.toString(16).padStart(8, '0')}`;
    process.stderr.write(
      `  ${address}  ${instruction.padEnd(6)} ${text.padEnd(28)} saw ${sawValue}, right is ${rightValue}${times > 1 ? ` (${times} times)` : ''}\n`,
    );
  }
}

function reportStop(stop: MachineStop, maxInstructions?: number): void {
  if ('report' in stop) process.stderr.write(`anillo: ${stop.report}\n`);
  if (stop.reason === 'limit')
    process.stderr.write(`anillo: stopped after ${maxInstructions} instructions, as --max-instructions says.\n`);
  if (stop.reason === 'idle' && !stop.wakeable)
    process.stderr.write('anillo: the guest halted with interrupts off; nothing can wake it.\n');
  if (stop.reason === 'reset')
    process.stderr.write('anillo: the guest asked for a reset; there is no firmware to start again.\n');
}
