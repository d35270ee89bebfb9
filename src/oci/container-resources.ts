// Limits of a container, written into the files of its control group (OCI runtime specification, "Control groups"; runc's
// conversion of the terms of version 1).
import type { Cgroup } from '../kernel/cgroup/cgroup.ts';
import { ControlInode } from '../kernel/cgroup/control-file.ts';
import { SystemError } from '../kernel/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { OciError } from './oci-error.ts';
import type { IoLimit, ResourceSpec } from './runtime-spec.ts';

const DEFAULT_PERIOD = 100_000;

/** Writes limits. @throws OciError for a file there is not, or a value it does not take */
export function applyResources(kernel: Kernel, cgroup: Cgroup, resources: ResourceSpec): void {
  for (const [name, text] of [...Object.entries(filesFor(resources)), ...Object.entries(resources.unified)]) {
    writeControl(kernel, cgroup, name, text);
  }
}

/** Writes one file of a control group. @throws OciError */
function writeControl(kernel: Kernel, cgroup: Cgroup, name: string, text: string): void {
  const inode = kernel.cgroups.fs.directoryOf(cgroup).lookup(name);
  if (!(inode instanceof ControlInode) || !inode.file.write) {
    throw new OciError('unsupported', `Control groups have no file ${name} that could be set to ${text}.`);
  }
  try {
    inode.file.write(cgroup, text, kernel.current!);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new OciError('bad-option', `The control group file ${name} does not take ${text} (${error.errno}).`);
  }
}

/** Reads one file of a control group; empty when there is none. */
export function readControl(kernel: Kernel, cgroup: Cgroup, name: string): string {
  const inode = kernel.cgroups.fs.directoryOf(cgroup).lookup(name);
  return inode instanceof ControlInode ? (inode.file.read?.(cgroup, kernel.current!) ?? '') : '';
}

function filesFor(resources: ResourceSpec): Record<string, string> {
  const { memoryLimit, memoryReservation, memorySwap, pidsLimit, ioWeight, ioLimits } = resources;
  const { cpuShares, cpuQuota, cpuPeriod, cpuBurst, cpuIdle } = resources;
  const files: Record<string, string> = {};
  const limit = (value: number) => (value < 0 ? 'max' : String(value));
  if (memoryLimit !== undefined) files['memory.max'] = limit(memoryLimit);
  if (memoryReservation !== undefined) files['memory.low'] = limit(memoryReservation);
  if (memorySwap !== undefined)
    files['memory.swap.max'] = memorySwap < 0 ? 'max' : String(memorySwap - (memoryLimit ?? 0));
  if (cpuShares) files['cpu.weight'] = String(weightOf(cpuShares));
  if (cpuQuota !== undefined || cpuPeriod !== undefined) {
    files['cpu.max'] = `${cpuQuota === undefined ? 'max' : limit(cpuQuota)} ${cpuPeriod || DEFAULT_PERIOD}`;
  }
  if (cpuBurst !== undefined) files['cpu.max.burst'] = String(cpuBurst);
  if (cpuIdle !== undefined) files['cpu.idle'] = String(cpuIdle);
  if (ioWeight !== undefined) files['io.weight'] = `default ${ioWeightOf(ioWeight)}`;
  if (ioLimits?.length) files['io.max'] = ioMax(ioLimits);
  if (pidsLimit !== undefined) files['pids.max'] = pidsLimit <= 0 ? 'max' : String(pidsLimit);
  return files;
}

/** Shares of version 1 (2 to 262144) as a weight of version 2 (1 to 10000). */
function weightOf(shares: number): number {
  const within = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((within - 2) * 9999) / 262_142);
}

/** A weight of version 1 (10 to 1000) as one of version 2 (1 to 10000). */
function ioWeightOf(weight: number): number {
  return 1 + Math.floor(((Math.max(weight, 10) - 10) * 9999) / 990);
}

/** Limits of disks; there is one disk, and io.max takes one line a write. */
function ioMax(limits: readonly IoLimit[]): string {
  const disks = new Map<string, string[]>();
  for (const { key, major, minor, rate } of limits) {
    const disk = `${major}:${minor}`;
    disks.set(disk, [...(disks.get(disk) ?? []), `${key}=${rate}`]);
  }
  return [...disks].map(([disk, settings]) => `${disk} ${settings.join(' ')}`).join('\n');
}
