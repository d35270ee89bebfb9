// A kernel in a file: the processor, its memory, and the graph of objects from the roots on. The frame of the file is that
// of all snapshots (src/machine/snapshot.ts).
import type { Cpu } from '../cpu/cpu.ts';
import { LoadError, loadGraph } from '../kernel/snapshot/load.ts';
import { saveGraph } from '../kernel/snapshot/save.ts';
import { MemoryPart } from '../machine/memory-part.ts';
import { readParts, readSnapshot, SnapshotError, writeSnapshot } from '../machine/snapshot.ts';
import { bytesField, type Fields, numberField, type Stateful, stringField } from '../machine/stateful.ts';
import { CpuPart } from '../pc/machine-parts.ts';
import { type CpuPlatform, createProcessor } from './cpu-platform.ts';

/** Most memory a platform has. */
const MOST_MEMORY = 2 ** 32;
const PROCESSOR = 'the processor';
const MEMORY = 'the memory';

/** What belongs to the host, by the names under which it is found again. */
export type HostThings = Readonly<Record<string, object>>;

/** What is in a snapshot besides processor and memory. */
class GraphPart implements Stateful {
  readonly name = 'linux';
  readonly version = 1;
  /** What the state is of: "process", "container". */
  readonly kind: string;
  readonly #save: () => Uint8Array;
  graph: Uint8Array = new Uint8Array(0);

  constructor(kind: string, save: () => Uint8Array) {
    this.kind = kind;
    this.#save = save;
  }

  save(): Fields {
    return { kind: this.kind, graph: this.#save() };
  }

  load(fields: Fields): void {
    const kind = stringField(fields, 'kind');
    if (kind !== this.kind)
      throw new SnapshotError('other-machine', `The snapshot is one of a ${kind}, and not of a ${this.kind}.`);
    this.graph = bytesField(fields, 'graph');
  }
}

/**
 * Saves everything `roots` leads to. No task may be on its way through the kernel.
 * @throws UnsavableError
 */
export function saveKernel(kind: string, platform: CpuPlatform, roots: object, host: HostThings): Uint8Array {
  const names = new Map<object, string>(Object.entries(host).map(([name, value]) => [value, name]));
  names.set(platform.cpu, PROCESSOR).set(platform.memory.bytes.buffer, MEMORY);
  return writeSnapshot([...parts(platform.cpu), new GraphPart(kind, () => saveGraph(roots, names))]);
}

/**
 * Makes the roots again, on a processor of their own.
 * @throws SnapshotError
 */
export function loadKernel(kind: string, module: WebAssembly.Module, file: Uint8Array, host: HostThings): object {
  const cpu = createProcessor(module, { memory: memorySize(file) });
  const linux = new GraphPart(kind, () => new Uint8Array(0));
  readSnapshot(file, [...parts(cpu), linux]);
  const things = new Map(Object.entries(host));
  things.set(PROCESSOR, cpu).set(MEMORY, cpu.ram.buffer);
  try {
    return loadGraph(linux.graph, things);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new SnapshotError('other-machine', error.message, { cause: error });
  }
}

/** Memory has to be there before the processor's state. */
function parts(cpu: Cpu): readonly Stateful[] {
  return [new MemoryPart(() => cpu.ram), new CpuPart(cpu)];
}

function memorySize(file: Uint8Array): number {
  const memory = readParts(file).find(({ name }) => name === 'memory');
  if (memory === undefined)
    throw new SnapshotError('missing-part', 'The snapshot holds no memory: it is not one of programs on this kernel.');
  const size = numberField(memory.fields, 'size');
  if (Number.isInteger(size) && size > 0 && size <= MOST_MEMORY && size % 4096 === 0) return size;
  throw new SnapshotError('corrupt', 'The snapshot is damaged: its memory has no size there can be.');
}
