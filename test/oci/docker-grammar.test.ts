// The command line beside docker's (docker-run(1) and its like, the help of docker 28): options as Go reads them, every option of
// docker taken or refused with a reason, exit statuses.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-grammar-'));
const env = { ...process.env, ANILLO_DATA: join(folder, 'data') };

function anillo(...args: string[]) {
  const run = spawnSync(process.execPath, [COMMAND, ...args], { env, timeout: HANGS, encoding: 'utf8', input: '' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}
const container = (...args: string[]) => anillo('container', ...args);

afterAll(() => {
  container('rm', '-f', ...container('ps', '-aq').out.split('\n').filter(Boolean));
  rmSync(folder, { recursive: true, force: true });
});

test('truth values and values of single letters are written as programs in Go take them', () => {
  const shell = ['anillo', 'sh', '-c', 'echo $A --rm=false -m=1'];
  expect(container('run', '--rm=true', '-t=false', '-m=16m', '-ieA=3', ...shell)).toEqual({
    status: 0,
    out: '3 --rm=false -m=1\n',
    err: '',
  });
  expect(container('run', '--rm=0', '--name', 'kept', 'anillo', 'true').status).toBe(0);
  expect(container('ps', '--all=T', '--quiet', '--no-trunc=false').out).toMatch(/^[0-9a-f]{12}\n$/);
  expect(container('commit', '--pause=false', 'kept', 'of:kept').status).toBe(0);
  expect(container('run', '--rm=perhaps', 'anillo')).toEqual({
    status: 125,
    out: '',
    err: 'anillo: --rm takes true or false, not perhaps.\n',
  });
});

test('what runs nothing has a status that is no program’s; what a program is not has that of shells', () => {
  for (const args of [['--nothing', 'anillo'], ['-p', '80:80', 'anillo'], ['nothing'], ['-m', 'x', 'anillo'], []])
    expect({ args, status: container('run', ...args).status }).toEqual({ args, status: 125 });
  expect(container('run', '--rm', 'anillo', 'nothing').status).toBe(127);
  expect(container('run', '--rm', 'anillo', '/etc').status).toBe(126);
  expect(container('run', '--rm', '-w', '/bin/sh', 'anillo', 'true')).toMatchObject({
    status: 126,
    err: 'anillo: The working directory /bin/sh cannot be entered: Not a directory.\n',
  });
  expect(container('run', '-d', '--name', 'server', 'anillo', 'sleep', '100000').status).toBe(0);
  expect(container('exec', 'server', 'nothing').status).toBe(127);
  expect(container('exec', 'server', '/etc').status).toBe(126);
  expect(container('exec', 'nobody', 'true').status).toBe(1);
});

test('a working directory that an image or a user names is made', () => {
  expect(container('run', '--rm', '-w', '/new/one', 'anillo', 'sh', '-c', 'pwd; ls -d /new').out).toBe(
    '/new/one\n/new\n',
  );
});

test('a mistake with one container does not leave out the others', () => {
  for (const name of ['one', 'two']) container('create', '--name', name, 'anillo', 'true');
  expect(container('rm', 'one', 'nobody', 'noone', 'two')).toEqual({
    status: 1,
    out: 'one\ntwo\n',
    err: expect.stringMatching(/^anillo: There is no container nobody .*\nanillo: There is no container noone .*\n$/),
  });
  expect(container('rm', '--force', 'nobody')).toMatchObject({ status: 0, out: '' });
});

test('a container is started again, and stopped by another signal', () => {
  expect(container('run', '-d', '--name', 'again', 'anillo', 'sh', '-c', 'echo up; sleep 100000').status).toBe(0);
  expect(container('restart', '-t=0', 'again')).toEqual({ status: 0, out: 'again\n', err: '' });
  expect(container('stats', '-a', '--no-stream', '--no-trunc', '--format', '{{.ID}}', 'again').out).toMatch(
    /^[0-9a-f]{64}\n$/,
  );
  expect(container('port', 'again')).toEqual({ status: 0, out: '', err: '' });
  expect(container('stop', '--signal', 'KILL', '--timeout', '-1', 'again').out).toBe('again\n');
  expect(container('wait', 'again').out).toBe('137\n');
  expect(container('logs', '--details', 'again').out).toBe('up\nup\n');
});

test('options of docker that there are not are refused with the reason, those that change nothing are taken', () => {
  const refused = [
    '--annotation a=b',
    '-a stdin',
    '--blkio-weight-device /dev/sda:10',
    '--cpu-rt-period 1',
    '--detach-keys ctrl-x',
    '--device-read-bps /dev/sda:1',
    '--dns-search x',
    '--expose 80',
    '--health-timeout 1s',
    '--log-driver syslog',
    '--memory-swappiness 1',
    '--oom-kill-disable',
    '--sig-proxy=false',
    '--storage-opt x=y',
  ];
  for (const option of refused) {
    const { status, err } = container('run', ...option.split(' '), 'anillo', 'true');
    expect({ option, status, err }).toEqual({
      option,
      status: 125,
      err: expect.stringMatching(/^anillo: --\S+( \S+)? is not supported: .*\.\n$/),
    });
  }
  const taken =
    '-q --sig-proxy --no-healthcheck --pull never --log-driver json-file --cpuset-mems 0 --platform linux/amd64';
  expect(container('run', '--rm', ...taken.split(' '), '--domainname', 'of.it', 'anillo', 'true').status).toBe(0);
  expect(container('run', '--platform', 'linux/386', 'anillo', 'true')).toMatchObject({
    status: 125,
    err: 'anillo: The image anillo is for linux/amd64, not for linux/386.\n',
  });
  expect(anillo('image', 'pull', '--all-tags', 'x')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/^anillo: image pull is not supported: images come from archives/),
  });
});
