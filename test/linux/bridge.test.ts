// Network namespaces joined to one bridge reach each other by TCP and UDP, and nobody else does (network_namespaces(7),
// veth(4)).
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Bridge } from '../../src/kernel/net/interface.ts';
import { canCompile, Programs, startGuest } from './guest.ts';

const possible = canCompile();
const programs = new Programs();
afterAll(() => programs.remove());

const address = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

test.skipIf(!possible)('two namespaces on a bridge talk to each other; a third one does not reach them', () => {
  const guest = startGuest(programs.compile(join(import.meta.dirname, 'bridge/bridge.c')));
  const { kernel } = guest;
  kernel.run({ cycles: 200_000_000 });
  const bridge = new Bridge('br0');
  const networkOf = (name: string) =>
    [...kernel.pids.tasks.values()].find((task) => task.name === name)!.namespaces.net;
  networkOf('server').join(bridge, { name: 'eth0', address: address('10.0.0.1'), prefix: 24 });
  networkOf('client').join(bridge, { name: 'eth0', address: address('10.0.0.2'), prefix: 24 });
  expect(bridge.members.size).toBe(2);
  expect(kernel.run({ cycles: 20_000_000_000 }).reason).toBe('ended');
  const lines = guest
    .out()
    .split('\n')
    .filter((line) => line !== '');
  expect(lines.sort()).toEqual(
    [
      'accepted from 10.0.0.2:0',
      'address 10.0.0.1',
      'address 10.0.0.2',
      'connect(fd, (void *)&to, sizeof to): ECONNREFUSED',
      'connect(fd, (void *)&to, sizeof to): EHOSTUNREACH',
      'connect(fd, (void *)&to, sizeof to): ENETUNREACH',
      'connect(fd, (void *)&to, sizeof to): ENETUNREACH',
      'connect(fd, (void *)&to, sizeof to): ok',
      'connected from 10.0.0.2:0',
      'datagram all from 10.0.0.2:0',
      'datagram one from 10.0.0.2:0',
      'got answer',
      'got question',
      'here as 10.0.0.1:80',
      'sendto(datagrams, "all", 3, 0, (void *)&to, sizeof to): EACCES',
      'sendto(datagrams, "all", 3, 0, (void *)&to, sizeof to): ok',
      'sendto(datagrams, "one", 3, 0, (void *)&to, sizeof to): ok',
      'then 0',
    ].sort(),
  );
  // the interfaces ended with their namespaces
  expect(bridge.members.size).toBe(0);
});

test.skipIf(possible)('needs gcc with static libraries', () => {});
