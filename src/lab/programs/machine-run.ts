// A program in tinyos on a machine, under one technique: tinyos gets it as the module of its boot loader.
import type { MachineStop } from '../../pc/exit.ts';
import { GUEST_BASE } from '../../vmm/host-memory.ts';
import { techniques } from '../../vmm/techniques/index.ts';
import type { Finding, Vmm } from '../../vmm/technique.ts';
import { GuestRun } from '../guest-run.ts';
import { type Counts, Marks } from '../marks.ts';
import { CELLS, type TechniqueCell } from '../techniques.ts';
import {
  MOST_INSTRUCTIONS,
  type Program,
  programPath,
  type ProgramRun,
  type ProgramRunOptions,
  touchedBytes,
} from './program.ts';

/** What tinyos says last before it loads the program. */
const BOOTED = 'tinyos: starting init\n';
/** Instructions between two looks while it boots, and while the program runs. */
const BOOT_SLICE = 50;
const SLICE = 2_000_000;
/** Booting takes less, and so does loading the program. */
const MOST_TO_BOOT = 20_000_000;
const USER_LEVEL = 3;

const SYSTEM_CALL = 0x80;
const PAGE_FAULT = 14;
const FIRST_INTERRUPT = 32;
/** tinyos ends through the port for debugging when its first process fails. */
const DEBUG_EXIT = 1;

/** Runs a program in tinyos. @throws GuestRunError, BootError */
export function runInMachine(cell: TechniqueCell, program: Program, options: ProgramRunOptions): ProgramRun {
  const { technique, paging } = CELLS.find((row) => row.cell === cell)!;
  const marks = new Marks(() => counts(run.vmm));
  const path = programPath(program);
  const run: GuestRun = new GuestRun(
    { name: 'tinyos', ...options.tinyos, modules: [{ data: program.file, text: path }] },
    {
      module: options.module,
      technique: techniques.find(technique)!,
      ...(paging ? { paging } : {}),
      memory: options.memory,
      profile: options.profile,
      commandLine: ['--', path, ...program.arguments].join(' '),
      serialOut: (byte) => marks.byte(byte),
    },
  );
  const { cpu } = run.vmm.machine;
  const booted = boot(run, marks);
  const startUp = { instructions: cpu.instructions, cycles: cpu.cycles };
  const stop = booted ?? drive(run);
  return {
    environment: cell,
    end: endOf(stop),
    output: marks.output,
    instructions: cpu.instructions,
    cycles: cpu.cycles,
    startUp,
    entries: entriesOf(run.vmm),
    memory: memoryOf(run.vmm, options.memory),
    findings: run.vmm.findings().map(tell),
    measurements: marks.measurements,
  };
}

/** Runs up to the program's first instruction; gives a stop when it does not come to that. */
function boot(run: GuestRun, marks: Marks): MachineStop | undefined {
  const { cpu } = run.vmm.machine;
  while (cpu.instructions < MOST_TO_BOOT) {
    const isBooted = marks.output.replaceAll('\r', '').includes(BOOTED);
    if (isBooted && cpu.cpl === USER_LEVEL) return undefined;
    const stop = run.run({ instructions: cpu.instructions + (isBooted ? 1 : BOOT_SLICE) });
    if (stop.reason !== 'limit') return stop;
  }
  return { reason: 'limit', status: 6 };
}

function drive(run: GuestRun): MachineStop {
  const { cpu } = run.vmm.machine;
  for (;;) {
    const stop = run.run({ instructions: Math.min(cpu.instructions + SLICE, MOST_INSTRUCTIONS) });
    if (stop.reason !== 'limit' || cpu.instructions >= MOST_INSTRUCTIONS) return stop;
  }
}

function endOf({ reason, status }: MachineStop): string {
  if (reason === 'power-off') return 'exit 0';
  if (reason === 'debug-exit') return status & DEBUG_EXIT ? `exit ${status >> 1}` : reason;
  return reason === 'limit' ? 'stopped' : reason;
}

/** Entries into the hypervisor; without one, into the kernel. */
function entriesOf(vmm: Vmm): Counts {
  const rows = Object.entries(counts(vmm)).filter(([name, count]) => name !== 'entries' && count > 0);
  const isEntry = ([name]: readonly [string, number]) => /^(kernel|exits|traps|callouts|hypercalls)\//.test(name);
  return Object.fromEntries(rows.filter(isEntry).map(([name, count]) => [name.slice(name.indexOf('/') + 1), count]));
}

function counts(vmm: Vmm): Counts {
  if (vmm.technique !== 'bare') return vmm.counters.flat();
  const kinds: Counts = {};
  let entries = 0;
  for (const [vector, count] of Object.entries(vmm.machine.cpu.counters().vectors)) {
    const name = `kernel/${kindOf(Number(vector))}`;
    kinds[name] = (kinds[name] ?? 0) + count;
    entries += count;
  }
  return { entries, ...kinds };
}

function kindOf(vector: number): string {
  if (vector === SYSTEM_CALL) return 'system call';
  if (vector === PAGE_FAULT) return 'page fault';
  return vector >= FIRST_INTERRUPT ? 'timer' : 'exception';
}

function memoryOf({ technique, machine }: Vmm, memory: number) {
  const { ram } = machine.cpu;
  const hypervisor = technique === 'bare' ? 0 : touchedBytes(ram, 0, GUEST_BASE);
  const first = technique === 'bare' ? 0 : GUEST_BASE;
  return {
    touched: touchedBytes(ram, first, first + memory) + hypervisor,
    hypervisor,
    reserved: ram.length,
  };
}

function tell({ instruction, linearAddress, sawValue, rightValue, times }: Finding): string {
  return `${instruction} at 0x${linearAddress.toString(16)} saw ${sawValue} instead of ${rightValue} (${times} times)`;
}
