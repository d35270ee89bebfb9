// The shell of the image `anillo` with a user before it: prompts, job control, interrupts (POSIX, "Job Control").
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DataFiles } from '../../src/cli/data-files.ts';
import { findImage } from '../../src/cli/embedded-image.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { Terminal } from '../../src/kernel/tty/terminal.ts';
import { Container } from '../../src/oci/container.ts';
import { defaultSpec } from '../../src/oci/default-spec.ts';
import { ImageStore, type StoredImage } from '../../src/oci/image-store.ts';
import { makeRootFs, openLayer } from '../../src/oci/root-fs.ts';
import { CpuPlatform } from '../../src/platform/cpu-platform.ts';
import { loadCore } from '../core.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-terminal-'));
const store = new ImageStore(new DataFiles(folder));
let image: StoredImage;
beforeAll(async () => {
  image = await findImage(store, 'anillo');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = {
  ...{
    command: ['sh'],
    env: [],
    hostname: 'host',
    terminal: true,
    readOnly: false,
    mounts: [],
    capAdd: [],
    capDrop: [],
  },
  ...{ noNewPrivileges: false, resources: { unified: {} } },
};

/** Types lines into a shell, each when nothing happens any more; gives the screen and the exit status. */
function type(...lines: readonly string[]): { screen: string; status: number | undefined } {
  const kernel = new Kernel({ platform: new CpuPlatform(loadCore(), { memory: 32 << 20 }) });
  let screen = '';
  const terminal = new Terminal(kernel, (bytes) => {
    screen += Buffer.from(bytes).toString('latin1');
  });
  const layers = store.layers.stack(image.config.diffIds).map((layer) => openLayer(kernel, layer));
  const spec = defaultSpec(image.config, OPTIONS);
  const bindSource = (): never => {
    throw new Error('nothing is bound');
  };
  const container = new Container(kernel, spec, {
    id: 'shell',
    root: makeRootFs(kernel, layers, undefined),
    bindSource,
  });
  container.start(spec.process, { kind: 'terminal', terminal });
  for (const line of ['', ...lines]) {
    terminal.type(Buffer.from(line));
    kernel.run({ cycles: kernel.platform.cycles + 100_000_000 });
  }
  const { end } = container;
  return { screen: screen.replaceAll('\r\n', '\n'), status: end?.kind === 'exited' ? end.status : undefined };
}

test('a shell prompts, asks for the rest of what is not complete, and ends', () => {
  const { screen, status } = type('echo one\n', 'for i in a b\n', 'do echo $i; done\n', 'exit 3\n');
  expect(screen).toBe('# echo one\none\n# for i in a b\n> do echo $i; done\na\nb\n# exit 3\n');
  expect(status).toBe(3);
});

// what the terminal has echoed but not shown yet goes away with Ctrl-C
test('Ctrl-C ends the program before the user, a line half typed, and loops of the shell', () => {
  const { screen } = type(
    'sleep 99\n',
    '\x03',
    'echo $?\n',
    'echo a\x03',
    'if\n',
    '\x03',
    'while :; do :; done\n',
    '\x03',
    'echo b\n',
  );
  expect(screen).toBe('# sleep 99\n^C\n# echo $?\n130\n# ^C\n# if\n> ^C\n# while :; do :; done\n^C\n# echo b\nb\n# ');
});

test('Ctrl-Z stops a pipeline, which goes on behind the shell or before it', () => {
  const { screen } = type('sleep 99 | cat\n', '\x1a', 'bg\n', 'jobs\n', 'fg\n', '\x03', 'jobs\n');
  expect(screen).toBe(
    '# sleep 99 | cat\n^Z\n[1] + Stopped                    sleep 99 | cat\n# bg\n[1] sleep 99 | cat\n' +
      '# jobs\n[1] + Running                    sleep 99 | cat\n# fg\nsleep 99 | cat\n^C\n# jobs\n# ',
  );
});

test('the end of a program in the background is told with the next prompt', () => {
  const { screen } = type('true &\n', '\n', '\x04');
  expect(screen).toMatch(/^# true &\n\[1\] \d+\n# \n\[1\] \+ Done {23}true\n# \n$/);
});

test('the terminal has a name and settings, which a user can change', () => {
  const { screen } = type(
    'tty; tty < /dev/null; tty -s; echo $?\n',
    'stty rows 30 cols 70; stty size; stty -icanon min 2; stty | tail -2; stty sane; stty | tail -1\n',
    'saved=$(stty -g); stty raw; stty -a | grep -c -e -icanon; stty $saved; stty -a | head -4\n',
    'stty nosuch; echo $?; stty < /dev/null; echo $?\n',
  );
  expect(screen.split('\n').filter((line) => !line.startsWith('# '))).toEqual([
    ...['/dev/pts/0', 'not a tty', '0'],
    ...['30 70', '-brkint -imaxbel iutf8', '-icanon', 'speed 38400 baud; line = 0;'],
    ...['1', 'speed 38400 baud; rows 30; columns 70; line = 0;'],
    'intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>;',
    'eol2 = <undef>; swtch = <undef>; start = ^Q; stop = ^S; susp = ^Z;',
    'rprnt = ^R; werase = ^W; lnext = ^V; discard = ^O; min = 2; time = 0;',
    ...["stty: invalid argument 'nosuch'", '1', 'stty: standard input: Inappropriate ioctl for device', '1'],
  ]);
});
