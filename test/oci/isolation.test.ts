// Two containers on one kernel: what one of them cannot see, reach, change or use up of the other (namespaces(7), cgroups(7),
// capabilities(7), docker-run(1) "Runtime privilege").
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kernel } from '../../src/kernel/kernel.ts';
import type { ContainerOptions } from '../../src/oci/default-spec.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';
import { canCompile, Programs } from '../linux/guest.ts';
import { type Cell, startCell } from './cells.ts';

/** Three seconds. */
const LONGEST = 3_000_000_000;

const used = ({ container: { cgroup } }: Cell) => cgroup.userCycles + cgroup.systemCycles;

/** What one has of the time that it and another one use. */
function shareOf(kernel: Kernel, one: Cell, other: Cell): number {
  const before = [used(one), used(other)] as const;
  kernel.run({ cycles: kernel.platform.cycles + 300_000_000 });
  return (used(one) - before[0]) / (used(one) - before[0] + used(other) - before[1]);
}

describe.skipIf(!canCompile())('a container', () => {
  const programs = new Programs();
  let program: Uint8Array;
  beforeAll(() => {
    program = programs.compile(join(import.meta.dirname, 'programs/cell.c'));
  });
  afterAll(() => programs.remove());

  const start = (kernel: Kernel, role: string, resources?: ContainerOptions['resources']) =>
    startCell(kernel, { role, program, resources });

  /** A victim beside another container, until the victim has looked whether all is there. */
  function beside(role: string, resources?: ContainerOptions['resources']) {
    const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 128 << 20 }) });
    const victim = start(kernel, 'victim');
    const other = start(kernel, role, resources);
    while (victim.container.end === undefined && kernel.platform.cycles < LONGEST) {
      kernel.run({ cycles: kernel.platform.cycles + 20_000_000 });
      victim.out();
      other.out();
    }
    expect(victim.out()).toBe('ready\nstill there: 1 1 1 victim 1 0 nice 0\n');
    expect(victim.container.end).toEqual({ kind: 'exited', status: 0 });
    return { kernel, victim, other };
  }

  test('cannot see, signal, trace, read, limit or find what belongs to another one, nor get at the kernel', () => {
    const { other } = beside('intruder');
    expect(other.container.end).toEqual({ kind: 'exited', status: 0 });
    expect(other.out().split('\n')).toMatchInlineSnapshot(`
      [
        "visible 1",
        "reached: 0 0 0 0 0 0 0 0",
        "kill(-1, SIGKILL): ESRCH",
        "setpriority(PRIO_USER, 0, 15): ok",
        "shmget(77, 0, 0): ENOENT",
        "msgget(77, 0): ENOENT",
        "semget(77, 0, 0): ENOENT",
        "mq_open("/queue", O_RDONLY): ENOENT",
        "shm_open("/memory", O_RDONLY, 0): ENOENT",
        "hidden(0, SOCK_STREAM): ECONNREFUSED",
        "port(0): ECONNREFUSED",
        "access("/keep", F_OK): ENOENT",
        "sethostname("x", 1): EPERM",
        "unshare(CLONE_NEWUSER): EPERM",
        "unshare(CLONE_NEWNS): EPERM",
        "syscall(SYS_reboot, 0, 0, 0, 0): EPERM",
        "syscall(SYS_kexec_load, 0, 0, 0, 0): EPERM",
        "syscall(SYS_init_module, 0, 0, 0): EPERM",
        "syscall(SYS_bpf, 0, 0, 0): EPERM",
        "syscall(SYS_perf_event_open, 0, 0, 0, 0, 0): EPERM",
        "settimeofday(&now, 0): EPERM",
        "syscall(SYS_pivot_root, "/", "/"): EPERM",
        "syscall(SYS_open_by_handle_at, 0, 0, 0): EPERM",
        "setns(0, 0): EPERM",
        "open("/proc/sys/kernel/core_pattern", O_WRONLY): EROFS",
        "open("/proc/sysrq-trigger", O_WRONLY): ENOENT",
        "open("/proc/self/exe", O_WRONLY): ETXTBSY",
        "open("/sys/fs/cgroup/memory.max", O_WRONLY): EROFS",
        "open("/proc/sys/vm/overcommit_memory", O_WRONLY): EROFS",
        "chroot("/jail"): ok",
        "chroot("."): ok",
        "same root 1",
        "mknod("/mem", S_IFCHR | 0600, 0x101): ok",
        "open("/mem", O_RDWR): ENXIO",
        "mknod("/disk", S_IFBLK | 0600, 0x800): ok",
        "open("/disk", O_RDWR): ENXIO",
        "",
      ]
    `);
  });

  test('that forks without end reaches its own limit', () => {
    const { other } = beside('bomb', { unified: {}, pidsLimit: 20 });
    expect(other.out()).toBe('forks: 19 EAGAIN\n');
  });

  test('that takes memory without end is killed alone', () => {
    const { other } = beside('hog', { unified: {}, memoryLimit: 16 << 20 });
    expect(other.container.end).toEqual({ kind: 'killed', signal: 9, core: false });
  });

  test('that takes all the memory of the machine is killed, not the other one', () => {
    const { other } = beside('hog');
    expect(other.container.end).toEqual({ kind: 'killed', signal: 9, core: false });
  });

  test('with eight processes that never rest gets no more of the processor than another with one', () => {
    const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 128 << 20 }) });
    const many = start(kernel, 'spinner');
    kernel.run({ cycles: 20_000_000 });
    const one = start(kernel, 'spinner', { unified: {}, pidsLimit: 1 });
    const share = shareOf(kernel, one, many);
    expect(share).toBeGreaterThan(0.48);
    expect(share).toBeLessThan(0.52);
    // nothing keeps the kernel from being stopped, and the containers from being ended
    for (const { container } of [many, one]) container.kill(9);
    expect(kernel.run({ cycles: 420_000_000 }).reason).toBe('ended');
  });

  test('has a share of the processor by its weight, also when that is changed while it runs', () => {
    const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 128 << 20 }) });
    const weight = (value: number) => ({ unified: { 'cpu.weight': String(value) } });
    const [light, heavy] = [start(kernel, 'spinner', weight(100)), start(kernel, 'spinner', weight(300))];
    kernel.run({ cycles: 20_000_000 });
    expect(Math.abs(shareOf(kernel, light, heavy) / 0.25 - 1)).toBeLessThan(0.02);
    light.container.limit(weight(900));
    expect(Math.abs(shareOf(kernel, light, heavy) / 0.75 - 1)).toBeLessThan(0.02);
    heavy.container.pause();
    expect(shareOf(kernel, light, heavy)).toBe(1);
  });
});
