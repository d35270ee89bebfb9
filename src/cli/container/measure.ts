// What a running container uses, read from its control group (Documentation/admin-guide/cgroup-v2.rst).
import { readControl } from '../../oci/container-resources.ts';
import type { LiveContainer } from './saved-container.ts';
import type { Stats } from './stats.ts';

/** What the kernel knows. */
export type Measured = Omit<Stats, 'wakeUps'>;

/** What a container uses, on a machine with so many bytes of memory. */
export function measure({ kernel, container }: LiveContainer, memory: number): Measured {
  const { cgroup } = container;
  const { platform } = kernel;
  const text = (name: string) => readControl(kernel, cgroup, name);
  const number = (name: string) => Number.parseInt(text(name), 10);
  const key = (name: string, pattern: RegExp) => Number(pattern.exec(text(name))?.[1] ?? 0);
  const nanoseconds = (cycles: number) => Number(kernel.nanoseconds(cycles));
  const outside = container.init.namespaces.net.interfaces.filter(({ name }) => name !== 'lo');
  return {
    cpuNanoseconds: nanoseconds(cgroup.userCycles + cgroup.systemCycles),
    userNanoseconds: nanoseconds(cgroup.userCycles),
    virtualNanoseconds: Number(kernel.monotonic),
    instructions: platform.instructions,
    memory: number('memory.current') || kernel.frames.used * 4096,
    cachedMemory: key('memory.stat', /^inactive_file (\d+)/m),
    memoryLimit: number('memory.max') || memory,
    pids: cgroup.population,
    pidsLimit: number('pids.max') || 0,
    oomKills: key('memory.events', /^oom_kill (\d+)/m),
    network: {
      received: outside.reduce((sum, { received }) => sum + received.bytes, 0),
      sent: outside.reduce((sum, { sent }) => sum + sent.bytes, 0),
    },
    disk: { read: key('io.stat', /rbytes=(\d+)/), written: key('io.stat', /wbytes=(\d+)/) },
  };
}
