// Recordings of containers: a replay is the recorded run to the bit, with and without a terminal, whatever reached the container
// and wherever it began; a run that differs, and what is no recording, is told in a sentence.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMAND, Installation } from '../installation.ts';
import { canCompile, Programs } from '../linux/guest.ts';

const here = new Installation('recordings');
const { folder, env, typing } = here;
const programs = new Programs();
const at = (name: string) => join(folder, name);
const container = (args: readonly string[], input?: string) => here.anillo(['container', ...args], input);
const recorded = (...args: string[]) => typing(process.execPath, [COMMAND, 'container', 'run', ...args]);

/** Runs a recording again, which has to be the same. */
function replayed(name: string): { status: number | null; out: string } {
  const { status, out, err } = container(['run', '--replay', at(name)]);
  expect(err).toMatch(/anillo: the replay is the recorded run to the bit, over \d+ instructions\.\n$/);
  return { status, out };
}

/** The terminal around has its own ends of lines. */
const lines = (text: string) => text.split(/\r*\n/);

describe.skipIf(process.platform !== 'linux')('a recording', () => {
  afterAll(() => {
    programs.remove();
    here.remove();
  });

  test('has what was typed, said and looked up, and needs neither the container nor its volumes', async () => {
    mkdirSync(at('volume'));
    writeFileSync(at('volume/file'), 'outside\n');
    const session = recorded('--rm', '-i', '-v', `${at('volume')}:/mnt`, '--record', at('piped'), 'anillo', 'sh');
    session.type('echo one; cat /mnt/file\n');
    await session.says('outside');
    // more than a pipe holds, both ways
    session.type(`seq 30000 | tail -n 2000; wc -c <<X\n${'a line\n'.repeat(20_000)}X\n`);
    await session.says('140000');
    session.type('date +%s; (sleep 1; echo behind) & ls /mnt; wait; exit 9\n');
    expect(await session.ended).toBe(9);
    expect(session.out()).toMatch(/^one\noutside\n28001\n(.*\n)*30000\n140000\n\d{10}\nfile\nbehind\n$/);
    rmSync(at('volume'), { recursive: true });
    expect(replayed('piped')).toEqual({ status: 9, out: session.out() });
    expect(container(['ps', '-aq']).out).toBe('');
  });

  test('has processes, limits, signals and pauses that commands brought', async () => {
    const trap = 'trap "echo told; exit 6" TERM; while :; do sleep .2; done';
    const run = recorded('--name', 'busy', '--record', at('busy'), 'anillo', 'sh', '-c', `echo go; ${trap}`);
    await run.says('go');
    const inside = container(
      ['exec', '-i', 'busy', 'sh', '-c', 'read a; echo $a; cat /etc/passwd | wc -l; exit 2'],
      'in\n',
    );
    expect([inside.status, inside.out]).toEqual([2, expect.stringMatching(/^in\n\d+\n$/)]);
    for (const args of [['pause'], ['unpause'], ['update', '--cpus', '0.5'], ['exec', '-u', 'nobody']])
      expect(container([...args, 'busy', ...(args[0] === 'exec' ? ['id'] : [])]).status).toBe(0);
    for (const args of [
      ['diff', 'busy'],
      ['cp', 'busy:/etc', at('etc')],
    ])
      expect(container(args)).toMatchObject({ status: 1, err: expect.stringContaining('is recorded') });
    expect(container(['top', 'busy']).out).toContain('sh');
    expect(container(['stats', '--no-stream', 'busy']).out).toContain('busy');
    expect(container(['checkpoint', 'create', '--leave-running', 'busy', 'meanwhile']).status).toBe(0);
    container(['kill', '-s', 'TERM', 'busy']);
    expect(await run.ended).toBe(6);
    expect(replayed('busy')).toEqual({ status: 6, out: 'go\ntold\n' });
  });

  test.skipIf(!canCompile())('ends as the container did whose first process was killed', () => {
    mkdirSync(at('root/bin'), { recursive: true });
    writeFileSync(at('root/bin/worker'), programs.compile(join(import.meta.dirname, 'programs/worker.c')), {
      mode: 0o755,
    });
    spawnSync(process.execPath, [COMMAND, 'image', 'import', at('root'), 'work'], { env });
    // without the name of its file it reads where nothing is
    expect(container(['run', '--rm', '--record', at('killed'), 'work', 'worker', '5']).status).toBe(139);
    expect(replayed('killed').status).toBe(139);
  });

  test('begins at a checkpoint too', () => {
    mkdirSync(at('held'));
    writeFileSync(at('held/file'), '');
    const held = '[ $n -eq 7 ] && while [ -e /held/file ]; do sleep .1; done';
    const count = `n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo $n; ${held}; sleep .1; done; exit 8`;
    const volume = ['-v', `${at('held')}:/held`];
    container(['run', '-d', '--name', 'count', ...volume, 'anillo', 'sh', '-c', count]);
    expect(container(['checkpoint', 'create', 'count', 'half']).status).toBe(0);
    rmSync(at('held/file'));
    const rest = container(['start', '-a', '--checkpoint', 'half', '--record', at('rest'), 'count']);
    expect(rest).toMatchObject({ status: 8, out: expect.stringMatching(/19\n20\n$/) });
    expect(container(['rm', 'count']).status).toBe(0);
    expect(replayed('rest')).toEqual({ status: 8, out: rest.out });
  });

  const hasScript = spawnSync('script', ['--version']).status === 0 && spawnSync('stty', ['--version']).status === 0;
  test.skipIf(!hasScript || !canCompile())(
    'has the keys and the sizes of a terminal, and so has one of a process',
    async () => {
      mkdirSync(at('root/bin'), { recursive: true });
      const program = programs.compile(join(import.meta.dirname, 'programs/window.c'));
      writeFileSync(at('root/bin/window'), program, { mode: 0o755 });
      expect(spawnSync(process.execPath, [COMMAND, 'image', 'import', at('root'), 'window'], { env }).status).toBe(0);
      const cases = {
        container: [
          ['container', 'run', '--rm', '-it', '--record', at('keys'), 'window', 'window'],
          ['container', 'run'],
        ],
        process: [['process', '--record', at('typed'), at('root/bin/window')], ['process']],
      } as const;
      for (const [[...args], command] of Object.values(cases)) {
        const narrow = `stty rows 20 cols 70; (until [ -e ${at('wide')} ]; do sleep .1; done; stty -F /dev/tty rows 45 cols 99) & `;
        const words = [process.execPath, COMMAND, ...args].map((word) => `'${word}'`).join(' ');
        const shell = typing('script', ['-qec', `${narrow}${words}`, '/dev/null']);
        await shell.says('20 70');
        shell.type('ab\x7fc\r');
        await shell.says('ac');
        writeFileSync(at('wide'), '');
        await shell.says('45 99');
        shell.type('q\r');
        expect(await shell.ended).toBe(3);
        rmSync(at('wide'));
        const again = spawnSync(
          process.execPath,
          [COMMAND, ...command, '--replay', args[args.indexOf('--record') + 1]!],
          { env },
        );
        expect(again.stderr.toString()).toContain('the recorded run to the bit');
        expect([again.status, lines(again.stdout.toString())]).toEqual([3, lines(shell.out())]);
      }
    },
  );

  test('that is another, damaged, or without its layers is refused', () => {
    const refused = (name: string) => {
      const { status, err } = container(['run', '--replay', at(name)]);
      expect(status).toBe(1);
      expect(err).toMatch(/^anillo: [A-Z].*\.\n$/);
      return err;
    };
    const rest = readFileSync(at('rest'));
    writeFileSync(at('short'), rest.subarray(0, rest.length / 2));
    expect(refused('short')).toContain('cut short');
    writeFileSync(at('text'), 'hello');
    expect(refused('text')).toContain('not an anillo snapshot');
    expect(refused('nothing')).toContain('cannot be read');
    const process_ = spawnSync(process.execPath, [COMMAND, 'process', '--replay', at('rest')], { encoding: 'utf8' });
    expect(process_.stderr).toContain('The recording is one of a container, and not of a process');
    renameSync(at('data/layers'), at('layers'));
    expect(refused('rest')).toMatch(/The layer sha256:\w+ is missing/);
    renameSync(at('layers'), at('data/layers'));
    expect(container(['run', '--replay', at('rest'), 'anillo']).status).toBe(125);
    expect(container(['run']).err).toContain('An image is missing');
  });
});
