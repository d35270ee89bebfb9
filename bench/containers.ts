// Idle containers in one process: what each takes of the host's memory, and how long it takes to start. The containers are
// of the image that comes with the command; each has a shell that waits for input.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { buildCore } from '../src/build/core.ts';
import { findImage } from '../src/cli/embedded-image.ts';
import { Places } from '../src/cli/places.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { SystemError } from '../src/kernel/error.ts';
import type { Inode } from '../src/kernel/vfs/inode.ts';
import { Container } from '../src/oci/container.ts';
import { defaultSpec } from '../src/oci/default-spec.ts';
import type { ImageConfig } from '../src/oci/documents.ts';
import { HostPipe } from '../src/oci/standard-files.ts';
import { makeRootFs, openLayer } from '../src/oci/root-fs.ts';
import { CpuPlatform } from '../src/platform/cpu-platform.ts';
import { cpuSeconds, median } from './measure.ts';

const CONTAINERS = 200;
/** Started first, so that the code is compiled and the pages of the image are there. */
const WARM_UP = 20;
const MEMORY = 256 << 20;
const PAGE = 4096;
const MEBIBYTE = 2 ** 20;
/** Cycles in which a shell comes to its prompt; it waits long before. */
const PROMPT_CYCLES = 50_000_000;

/** A kernel with the layers of the image, shared by all containers. */
interface Host {
  readonly kernel: Kernel;
  readonly ram: Uint8Array;
  readonly layers: readonly Inode[];
  readonly config: ImageConfig;
}

/** The kernel and the image `anillo`, as the command has it. */
async function makeHost(folder: string): Promise<Host> {
  const { wasm } = await buildCore({ optimize: 3 });
  const platform = new CpuPlatform(new WebAssembly.Module(new Uint8Array(wasm)), { memory: MEMORY });
  const kernel = new Kernel({ platform });
  const { images } = new Places(folder);
  const { config } = await findImage(images, 'anillo');
  const layers = images.layers.stack(config.diffIds).map((layer) => openLayer(kernel, layer));
  return { kernel, ram: platform.cpu.ram, layers, config };
}

/** A shell that waits for input. */
function startContainer({ kernel, layers, config }: Host, n: number): Container {
  const spec = defaultSpec(
    { config: config.config },
    {
      command: ['/bin/sh'],
      env: [],
      hostname: `idle-${n}`,
      terminal: false,
      readOnly: false,
      mounts: [],
      capAdd: [],
      capDrop: [],
      noNewPrivileges: false,
      resources: { memoryLimit: 64 * MEBIBYTE, pidsLimit: 64, cpuShares: 1024, unified: {} },
    },
  );
  const container = new Container(kernel, spec, {
    id: `idle-${n}`,
    root: makeRootFs(kernel, layers, undefined),
    bindSource: () => {
      throw new SystemError('ENOENT');
    },
  });
  const stream = (toProgram: boolean) => new HostPipe(toProgram);
  container.start(spec.process, { kind: 'pipes', stdin: stream(true), stdout: stream(false), stderr: stream(false) });
  kernel.run({ cycles: kernel.platform.cycles + PROMPT_CYCLES });
  if (container.init.state !== 'sleeping') throw new Error(`the shell of container ${n} does not wait for input`);
  return container;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
}

/** Bytes the process holds now. */
function held(): { readonly resident: number; readonly heap: number } {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

/** Measures and prints. */
export async function benchContainers(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'anillo-bench-'));
  try {
    const host = await makeHost(folder);
    const containers: Container[] = [];
    for (let n = 0; n < WARM_UP; n++) containers.push(startContainer(host, n));
    const [before, framesBefore] = [held(), host.kernel.frames.used];
    const [wall, cpu]: [number[], number[]] = [[], []];
    for (let n = 0; n < CONTAINERS; n++) {
      const [start, used] = [performance.now(), cpuSeconds()];
      containers.push(startContainer(host, WARM_UP + n));
      cpu.push(1000 * (cpuSeconds() - used));
      wall.push(performance.now() - start);
    }
    const after = held();
    const each = (total: number, unit: number) => (total / unit / CONTAINERS).toFixed(2);
    const frames = (host.kernel.frames.used - framesBefore) * PAGE;
    console.log(
      `${CONTAINERS} idle containers of the image anillo in one process (${WARM_UP} more were there before):`,
    );
    console.log(
      `  memory of the process   ${each(after.resident - before.resident, MEBIBYTE)} MiB each (aim: under 2)`,
    );
    console.log(`    in the heap           ${each(after.heap - before.heap, MEBIBYTE)} MiB each`);
    console.log(`    pages of the machine  ${each(frames, MEBIBYTE)} MiB each`);
    console.log(
      `  start, median           ${median(wall).toFixed(1)} ms (aim: under 20), CPU ${median(cpu).toFixed(1)} ms`,
    );
    console.log(`  start, the slowest      ${Math.max(...wall).toFixed(1)} ms`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
