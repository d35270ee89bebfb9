// A program on the user-space kernel: as a process, or in a container with everything a container can have.
import { S_IFDIR, S_IFREG } from '../../abi/stat.ts';
import { SystemError } from '../../kernel/error.ts';
import { Tmpfs } from '../../kernel/fs/tmpfs.ts';
import type { TmpfsFile } from '../../kernel/fs/tmpfs-file.ts';
import { Kernel } from '../../kernel/kernel.ts';
import type { Context, Moment, PageTable, Platform, Stop, TableFrames } from '../../kernel/platform.ts';
import { startInit } from '../../kernel/start.ts';
import type { Task } from '../../kernel/task/task.ts';
import { Terminal } from '../../kernel/tty/terminal.ts';
import { Container } from '../../oci/container.ts';
import { defaultSpec } from '../../oci/default-spec.ts';
import type { LayerEntry } from '../../oci/layer-entries.ts';
import { makeRootFs, type OpenedLayer, openLayer } from '../../oci/root-fs.ts';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import { CpuPlatform } from '../../platform/cpu-platform.ts';
import { costTable } from '../../vmm/cost/profile.ts';
import { type Counts, Marks } from '../marks.ts';
import {
  MOST_INSTRUCTIONS,
  type Program,
  programPath,
  type ProgramRun,
  type ProgramRunOptions,
  touchedBytes,
} from './program.ts';

const OWNER = { uid: 0, gid: 0 };
/** Cycles between two looks at the count of instructions. */
const SLICE = 50_000_000;
/** Identities of a container's user namespace. */
const IDENTITIES = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
/** Limits of the container: far from what the programs need, but kept account of. */
const PROCESSES = 64;
const TWO_PROCESSORS = { cpuQuota: 200_000, cpuPeriod: 100_000 };

/** A platform that counts why tasks came into the kernel. */
class CountingPlatform implements Platform {
  readonly cpu: CpuPlatform;
  readonly entries: Record<Stop['kind'], number> = { 'system-call': 0, 'page-fault': 0, exception: 0, time: 0 };
  /** Called before a task gets the processor for the first time. */
  onFirstRun: (() => void) | undefined;

  constructor(cpu: CpuPlatform) {
    this.cpu = cpu;
  }

  get memory() {
    return this.cpu.memory;
  }

  get cycles(): number {
    return this.cpu.cycles;
  }

  get instructions(): number {
    return this.cpu.instructions;
  }

  get frequencyHz(): number {
    return this.cpu.frequencyHz;
  }

  createPageTable(frames: TableFrames): PageTable {
    return this.cpu.createPageTable(frames);
  }

  run(context: Context, table: PageTable, cycles: number, pause?: Moment): Stop | undefined {
    this.onFirstRun?.();
    this.onFirstRun = undefined;
    return this.#count(this.cpu.run(context, table, cycles, pause));
  }

  resume(context: Context, cycles: number, pause?: Moment): Stop | undefined {
    return this.#count(this.cpu.resume(context, cycles, pause));
  }

  #count(stop: Stop | undefined): Stop | undefined {
    if (stop) this.entries[stop.kind]++;
    return stop;
  }

  skipTo(cycles: number): void {
    this.cpu.skipTo(cycles);
  }

  charge(bytes: number, operations: number): void {
    this.cpu.charge(bytes, operations);
  }
}

/** What entries are called in reports. */
const NAMES: Readonly<Record<Stop['kind'], string>> = {
  'system-call': 'system call',
  'page-fault': 'page fault',
  exception: 'exception',
  time: 'timer',
};

/** Starts the program; the task is its first process. */
type Start = (kernel: Kernel, terminal: Terminal, program: Program, memory: number) => Task;

/** Runs a program as a process of the user-space kernel. @throws SystemError when it cannot be started */
export function runAsProcess(program: Program, options: ProgramRunOptions): ProgramRun {
  return runOnKernel('process', program, options, startProcess);
}

/** Runs a program in a container. @throws OciError when it cannot be started */
export function runInContainer(program: Program, options: ProgramRunOptions): ProgramRun {
  return runOnKernel('container', program, options, startContainer);
}

function runOnKernel(
  environment: 'process' | 'container',
  program: Program,
  { module, memory, profile }: ProgramRunOptions,
  start: Start,
): ProgramRun {
  const costs = { costs: costTable(profile), frequencyHz: profile.frequencyHz };
  const platform = new CountingPlatform(new CpuPlatform(module, { memory, ...costs }));
  const { ram } = platform.cpu.cpu;
  const kernel = new Kernel({ platform });
  // the kernel was there before the program: its own beginnings are nobody's cost
  const before = { cycles: platform.cycles, instructions: platform.instructions, touched: touchedBytes(ram) };
  const startUp = { cycles: 0, instructions: 0 };
  platform.onFirstRun = () => {
    startUp.cycles = platform.cycles - before.cycles;
    startUp.instructions = platform.instructions - before.instructions;
  };
  const marks = new Marks(() => counts(platform));
  const terminal = new Terminal(kernel, (bytes) => {
    for (const byte of bytes) marks.byte(byte);
  });
  terminal.makePlain();
  const init = start(kernel, terminal, program, memory);
  const end = drive(kernel, init);
  return {
    environment,
    end,
    output: marks.output,
    instructions: platform.instructions - before.instructions,
    cycles: platform.cycles - before.cycles,
    startUp,
    entries: named(platform),
    memory: { touched: touchedBytes(ram) - before.touched, hypervisor: 0, reserved: 0 },
    findings: [],
    measurements: marks.measurements,
  };
}

function named({ entries }: CountingPlatform): Counts {
  const rows = Object.entries(entries) as [Stop['kind'], number][];
  return Object.fromEntries(rows.filter(([, count]) => count > 0).map(([kind, count]) => [NAMES[kind], count]));
}

function counts(platform: CountingPlatform): Counts {
  const rows = Object.entries(named(platform));
  const kernel = rows.map(([name, count]) => [`kernel/${name}`, count] as const);
  return { entries: rows.reduce((sum, [, count]) => sum + count, 0), ...Object.fromEntries(kernel) };
}

function drive(kernel: Kernel, init: Task): string {
  for (;;) {
    const stop = kernel.run({ cycles: kernel.platform.cycles + SLICE, stopWhenIdle: 'for-good' });
    const { event } = init.group;
    if (event?.kind === 'exited') return `exit ${event.status}`;
    if (event?.kind === 'killed') return `signal ${event.signal}`;
    if (stop.reason !== 'limit') return 'waits for ever';
    if (kernel.platform.instructions >= MOST_INSTRUCTIONS) return 'stopped';
  }
}

const startProcess: Start = (kernel, terminal, program) => {
  const now = () => kernel.realtime;
  const fs = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now, mode: 0o755 });
  const bin = fs.root.create('bin', S_IFDIR | 0o755, OWNER);
  (bin.create(program.name, S_IFREG | 0o755, OWNER) as TmpfsFile).write(0, program.file);
  fs.root.create('tmp', S_IFDIR | 0o1777, OWNER);
  const path = programPath(program);
  return startInit(kernel, { root: fs, path, arguments: [path, ...program.arguments], environment: [], terminal });
};

const startContainer: Start = (kernel, terminal, program, memory) => {
  const root = makeRootFs(kernel, [openLayer(kernel, layerWith(program))], undefined);
  const container = new Container(kernel, specFor(program, memory), {
    id: 'compare',
    root,
    bindSource: () => {
      throw new SystemError('ENOENT');
    },
  });
  container.start(container.spec.process, { kind: 'terminal', terminal });
  return container.init;
};

/** The image: one layer. */
function layerWith({ name, file }: Program): OpenedLayer {
  const entry = (path: string, kind: 'file' | 'directory', mode: number): LayerEntry => ({
    ...{ path, kind, mode, uid: 0, gid: 0, mtime: 0 },
    ...(kind === 'file' ? { size: file.length, offset: 0 } : {}),
  });
  const directories = ['bin', 'dev', 'proc', 'sys'].map((path) => entry(path, 'directory', 0o755));
  const readAt = (offset: number, into: Uint8Array): number => {
    const part = file.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  };
  return {
    entries: [...directories, entry(`bin/${name}`, 'file', 0o755), entry('tmp', 'directory', 0o1777)],
    content: { size: file.length, readAt, close: () => {} },
  };
}

function specFor(program: Program, memory: number): RuntimeSpec {
  const spec = defaultSpec(
    { config: {} },
    {
      command: [programPath(program), ...program.arguments],
      env: [],
      hostname: 'compare',
      terminal: true,
      readOnly: false,
      mounts: [],
      capAdd: [],
      capDrop: [],
      noNewPrivileges: true,
      resources: { memoryLimit: memory, pidsLimit: PROCESSES, cpuShares: 1024, ...TWO_PROCESSORS, unified: {} },
    },
  );
  return {
    ...spec,
    namespaces: [...spec.namespaces, { type: 'user' }, { type: 'time' }],
    uidMappings: IDENTITIES,
    gidMappings: IDENTITIES,
  };
}
