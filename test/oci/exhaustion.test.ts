// What a container may take of the kernel: each thing is charged to its memory or has the limit of Linux, so that neither the
// container beside it nor this computer is short of anything (cgroup-v2.rst "Memory", proc(5) /proc/sys/fs, epoll(7), inotify(7)).
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kernel } from '../../src/kernel/kernel.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';
import { canCompile, Programs } from '../linux/guest.ts';
import { startCell } from './cells.ts';

const MEBIBYTE = 2 ** 20;
const LIMIT = 24 * MEBIBYTE;
/** What this process may need for what a container with that limit makes it keep. */
const MOST_HELD = 160 * MEBIBYTE;
const SLICE = 10_000_000;
const LONGEST = 20_000_000_000;

/** Memory is what ends it: it is killed, and nobody else. */
const KILLED = { kind: 'killed', signal: 9, core: false };

describe.skipIf(!canCompile())('a container that takes without end', () => {
  const programs = new Programs();
  let program: Uint8Array;
  beforeAll(() => {
    program = programs.compile(join(import.meta.dirname, 'programs/spend.c'));
  });
  afterAll(() => programs.remove());

  /** How it ended, beside a container that goes on. */
  function spend(role: string) {
    const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 96 * MEBIBYTE }) });
    const neighbour = startCell(kernel, { role: 'neighbour', program });
    const usedBy = ({ container: { cgroup } }: typeof neighbour) => cgroup.userCycles + cgroup.systemCycles;
    kernel.run({ cycles: SLICE });
    const before = process.memoryUsage();
    const spender = startCell(kernel, { role, program, resources: { memoryLimit: LIMIT, unified: {} } });
    const memory = kernel.cgroups.root.children.get(spender.container.id)!.states.memory!;
    let most = 0;
    while (spender.container.end === undefined && kernel.platform.cycles < LONGEST) {
      kernel.run({ cycles: kernel.platform.cycles + SLICE });
      const { heapUsed, external } = process.memoryUsage();
      most = Math.max(most, heapUsed + external - before.heapUsed - before.external);
    }
    const { end } = spender.container;
    const used = usedBy(neighbour);
    kernel.run({ cycles: kernel.platform.cycles + 2 * SLICE });
    expect(usedBy(neighbour)).toBeGreaterThan(used);
    expect(memory.peak).toBeLessThanOrEqual(LIMIT);
    expect(most).toBeLessThan(MOST_HELD);
    // all is given back but for the files that are left
    expect(memory.kinds.sock + memory.kinds.kernel_stack + memory.kinds.pagetables + memory.kinds.anon).toBe(0);
    return { end, out: spender.out(), slab: memory.kinds.slab };
  }

  test.each([
    ['open files', 'file'],
    ['events', 'event'],
    ['timers', 'timer'],
    ['sockets', 'connection'],
    ['pipes', 'tube'],
    ['connections that nobody accepts', 'waiting'],
    ['bytes in pieces', 'piece'],
    ['locks', 'lock'],
    ['watches of epoll', 'watch'],
    ['semaphores', 'set'],
    ['messages', 'message'],
    ['areas of memory in many processes', 'areas'],
    ['texts of /proc', 'text'],
    ['tables of descriptors', 'table'],
  ])('%s is killed when its memory is full', (_, role) => {
    const { end, out, slab } = spend(role);
    expect([end, out]).toEqual([KILLED, '']);
    expect(slab).toBeLessThan(8192);
  });

  test.each([
    ['empty files', 'empty'],
    ['directories', 'directory'],
    ['names', 'further'],
    ['symbolic links', 'symbolic'],
    ['attributes', 'attribute'],
  ])('%s is killed when its memory is full of them', (_, role) => {
    const { end, out, slab } = spend(role);
    expect([end, out]).toEqual([KILLED, '']);
    expect(slab).toBeGreaterThan(0.9 * LIMIT);
  });

  test.each([
    ['instances of inotify', 'instance', '128 EMFILE\n'],
    ['areas of memory', 'area', /^327\d\d ENOMEM\n$/],
    ['ways from one epoll instance to another', 'ways', /^\d+ EINVAL\n$/],
  ])('%s is told where the limit is', (_, role, said) => {
    const { end, out } = spend(role);
    expect(end).toEqual({ kind: 'exited', status: 0 });
    expect(out).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
  });
});
