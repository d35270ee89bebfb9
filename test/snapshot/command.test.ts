// anillo process --save, --restore, --record and --replay, as commands.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { compile } from './programs.ts';

const program = compile('session', 'amd64');
const SHORT = { encoding: 'utf8', timeout: HANGS } as const;

describe.skipIf(program === undefined || process.platform !== 'linux')('anillo process', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);
  const run = (args: readonly string[], input = '') =>
    spawnSync('node', [COMMAND, 'process', ...args], { ...SHORT, input });

  /** Types lines with pauses between them, as somebody at a terminal. */
  async function typed(
    args: readonly string[],
    lines: readonly string[],
  ): Promise<{ out: string; status: number | null }> {
    const child = spawn('node', [COMMAND, 'process', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    const said = () => out.split('$ ').length;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const next = lines[said() - 2];
      if (out.endsWith('$ ')) next === undefined ? child.stdin.end() : child.stdin.write(`${next}\n`);
    });
    const status = await new Promise<number | null>((done) => child.on('close', done));
    return { out, status };
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'anillo-'));
    writeFileSync(at('session'), program!, { mode: 0o755 });
    mkdirSync(at('volume'));
    writeFileSync(at('volume/file'), 'what is in it\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('goes on from where it was saved', () => {
    const whole = run([at('session')], 'one\ntwo\n');
    const first = run(['--max-instructions', '500K', '--save', at('half'), at('session')], 'one\ntwo\n');
    expect(first.status).toBe(6);
    const second = run(['--restore', at('half')]);
    expect(first.stdout + second.stdout).toBe(whole.stdout);
    expect([whole.status, second.status]).toEqual([3, 3]);
    expect(whole.stdout).toContain('two 704982704 1700000000');
  });

  test('opens files of volumes again, which have to be given again', () => {
    const volume = ['-v', `${at('volume')}:/v`];
    const input = 'cat /v/file\nls /v\ncat /v/file\n';
    const whole = run([...volume, at('session')], input);
    expect(whole.stdout).toContain('what is in it');
    const first = run([...volume, '--max-instructions', '17K', '--save', at('shared'), at('session')], input);
    expect(first.status).toBe(6);
    const without = run(['--restore', at('shared')]);
    expect([without.status, without.stderr]).toEqual([
      1,
      'anillo: The state needs the volume /v, which was not provided.\n',
    ]);
    expect(first.stdout + run([...volume, '--restore', at('shared')]).stdout).toBe(whole.stdout);
  });

  test('replays a recorded session to the bit, without what was around it', async () => {
    const recorded = ['-v', `${at('volume')}:/v`, '--record', at('recording'), at('session')];
    const session = await typed(recorded, ['one', 'ls /v', 'cat /v/file', 'two']);
    expect(session.status).toBe(3);
    expect(session.out).toContain('what is in it');
    rmSync(at('volume'), { recursive: true });
    const replay = run(['--replay', at('recording')]);
    expect(replay.stderr).toMatch(/^anillo: the replay is the recorded run to the bit, over \d+ instructions\.\n$/);
    expect([replay.stdout, replay.status]).toEqual([session.out, 3]);
    mkdirSync(at('volume'));
    writeFileSync(at('volume/file'), 'what is in it\n');
  });

  test('records a run that goes on from a saved state', () => {
    const input = 'one\ntwo\n';
    const whole = run([at('session')], input);
    const first = run(['--max-instructions', '500K', '--save', at('begun'), at('session')], input);
    const second = run(['--restore', at('begun'), '--record', at('rest')]);
    expect(first.stdout + second.stdout).toBe(whole.stdout);
    const replay = run(['--replay', at('rest')]);
    expect(replay.stderr).toContain('the recorded run to the bit');
    expect([replay.stdout, replay.status]).toEqual([second.stdout, 3]);
  });

  test('refuses files that are something else, in a sentence', () => {
    writeFileSync(at('text'), 'hello');
    run(['--max-instructions', '20K', '--save', at('early'), at('session')]);
    const early = readFileSync(at('early'));
    writeFileSync(at('short'), early.subarray(0, early.length / 2));
    const refused = (option: string, name: string) => {
      const { status, stderr } = run([option, at(name)]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^anillo: [A-Z].*\.\n$/);
      return stderr;
    };
    expect(refused('--restore', 'text')).toContain('not an anillo snapshot');
    expect(refused('--restore', 'short')).toContain('cut short');
    expect(refused('--replay', 'early')).toContain('The file is no recording');
    expect(run(['--restore', at('early'), at('session')]).status).toBe(2);
    expect(run([]).stderr).toContain('A program is missing');
    expect(existsSync(at('early.partial'))).toBe(false);
  });
});
