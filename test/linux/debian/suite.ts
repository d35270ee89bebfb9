// A Debian root file system in containers: packages are unpacked on this computer, configured by their own dpkg in a container,
// and then used. Every command is also run on this computer's Linux in the same root, and has to do the same.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Abi } from '../cases.ts';
import { Command } from './command.ts';
import { askNatively, canRunNatively, runNatively } from './computer.ts';
import { fetchPackages, whatIsMissing } from './packages.ts';
import { INSTALLING, type Program, PROGRAMS, ROOT } from './programs.ts';
import { unpackRoot } from './root.ts';

const UNPACKED = 'debian:unpacked';
const CONFIGURED = 'debian:configured';
/** For unpacking and for cleaning up: a minute, unless the computer is busy. */
const LONGEST_MS = 600_000;
const CONFIGURE =
  'dpkg --configure -a >/tmp/log 2>&1 </dev/null; status=$?; tail -5 /tmp/log; rm /tmp/log; exit $status';

const FLASK = `from flask import Flask, jsonify, request
app = Flask(__name__)
@app.post('/sum')
def total(): return jsonify(sum=sum(request.json), client=request.remote_addr)
app.run('127.0.0.1', 5000)`;

/** The tests of one architecture. */
export async function testDebian(abi: Abi): Promise<void> {
  const missing = process.platform === 'linux' && process.arch === 'x64' ? await whatIsMissing() : 'Linux on x86-64';
  const packages = missing === undefined ? await fetchPackages(abi).catch((error: Error) => error) : undefined;
  if (packages === undefined || packages instanceof Error) {
    const why = packages
      ? `Debian's archive cannot be used: ${packages.message.trim().split('\n').at(-1)}`
      : `${missing} is missing`;
    test.skip(`a Debian root cannot be made here: ${why}`, () => {});
    return;
  }

  describe(`a Debian root for ${abi}`, () => {
    const folder = mkdtempSync(join(tmpdir(), `anillo-debian-${abi}-`));
    const root = join(folder, 'root');
    const isNative = canRunNatively();
    const anillo = new Command(join(folder, 'data'));

    beforeAll(async () => {
      mkdirSync(root);
      await unpackRoot(abi, packages, root);
      expect(anillo.run('image', 'import', root, UNPACKED).status).toBe(0);
    }, LONGEST_MS);
    afterAll(() => {
      anillo.run('container', 'rm', '-f', 'configured', 'flask');
      rmSync(folder, { recursive: true, force: true });
    }, LONGEST_MS);

    test('its packages are configured by its own dpkg', () => {
      const here = anillo.script(UNPACKED, CONFIGURE, '--name', 'configured');
      expect(here).toEqual({ status: 0, out: expect.stringContaining('libc-bin') });
      expect(anillo.run('container', 'commit', 'configured', CONFIGURED).status).toBe(0);
      if (isNative) expect(runNatively(root, CONFIGURE)).toEqual(here);
    });

    test.each([ROOT, ...PROGRAMS])('$name', (program: Program) => {
      const here = anillo.script(CONFIGURED, program.script, '--rm');
      if (isNative) expect(here).toEqual(askNatively(root, program.script, here));
      expect(here).toEqual({ status: 0, out: expect.stringMatching(program.expected) });
    });

    test(INSTALLING.name, () => {
      const here = anillo.script(CONFIGURED, INSTALLING.script, '--rm');
      if (isNative) expect(here).toEqual(runNatively(root, INSTALLING.script));
      expect(here).toEqual({ status: 0, out: expect.stringMatching(INSTALLING.expected) });
    });

    test('a Flask application answers in its own network', async () => {
      const ask = ['curl', '-sS', '-H', 'Content-Type: application/json', '-d', '[1,2,3]', 'http://127.0.0.1:5000/sum'];
      const { status } = anillo.run('container', 'run', '-d', '--name', 'flask', CONFIGURED, 'python3', '-c', FLASK);
      expect(status).toBe(0);
      let answer = anillo.run('container', 'exec', 'flask', ...ask);
      for (let n = 0; n < 60 && answer.status !== 0; n++) {
        await sleep(1000);
        answer = anillo.run('container', 'exec', 'flask', ...ask);
      }
      expect(answer).toEqual({ status: 0, out: '{"client":"127.0.0.1","sum":6}\n' });
      expect(anillo.run('container', 'run', '--rm', CONFIGURED, ...ask)).toEqual({
        status: COULD_NOT_CONNECT,
        out: expect.stringContaining('Failed to connect'),
      });
      expect(anillo.run('container', 'logs', 'flask').out).toContain('"POST /sum HTTP/1.1" 200');
    });
  });
}

/** Of curl(1). */
const COULD_NOT_CONNECT = 7;
