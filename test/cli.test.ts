// What a user can get wrong on the command line: each mistake gives one clear sentence and its documented exit status,
// and never a stack trace.
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from './installation.ts';

const ROOT = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'anillo-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function anillo(...args: string[]): Outcome {
  const run = spawnSync(process.execPath, [COMMAND, ...args], {
    encoding: 'utf8',
    input: '',
    timeout: HANGS,
  });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const hello = readFileSync(join(ROOT, 'guests/images/hello.elf'));

function patched(name: string, patch: (view: DataView) => void): string {
  const bytes = Uint8Array.from(hello);
  patch(new DataView(bytes.buffer));
  return file(name, bytes);
}

/** One sentence on standard error that names what is wrong; no stack, nothing on standard output. */
function expectRefusal(outcome: Outcome, status: number, pattern: RegExp): void {
  expect(outcome.err).toMatch(pattern);
  expect(outcome.err).not.toMatch(/\n\s+at /);
  expect(outcome.err).not.toMatch(/internal error/);
  expect(outcome.status).toBe(status);
  expect(outcome.out).toBe('');
}

describe('images that cannot be run', () => {
  test('a truncated ELF file', () => {
    expectRefusal(
      anillo('run', file('truncated.elf', hello.subarray(0, hello.length >> 1))),
      1,
      /truncat|short|beyond|ends/i,
    );
  });

  test('a file without the multiboot magic', () => {
    expectRefusal(anillo('run', file('text.txt', 'not a kernel at all\n'.repeat(100))), 1, /multiboot/i);
  });

  test('an empty file', () => {
    expectRefusal(anillo('run', file('empty.elf', '')), 1, /empty|0 bytes|multiboot/i);
  });

  test('a file of 3 GiB', () => {
    const path = join(folder, 'huge.elf');
    const descriptor = openSync(path, 'w');
    ftruncateSync(descriptor, 3 * 2 ** 30);
    closeSync(descriptor);
    expectRefusal(anillo('run', path), 1, /3 GiB/);
  });

  test('a section beyond the end of memory', () => {
    const programHeader = new DataView(hello.buffer, hello.byteOffset).getUint32(28, true);
    const path = patched('beyond.elf', (view) => view.setUint32(programHeader + 12, 0x7000_0000, true));
    expectRefusal(anillo('run', path), 1, /memory|RAM/);
  });

  test('a missing file', () => {
    expectRefusal(anillo('run', join(folder, 'missing.elf')), 1, /no such file/);
  });

  test('a name that is no bundled guest', () => {
    expectRefusal(anillo('run', 'nosuchguest'), 2, /bundled guests are hello/);
  });

  test('a guest without a paravirtualized build', () => {
    expectRefusal(anillo('run', 'rings', '--technique', 'paravirtual'), 2, /no paravirtualized build/);
  });
});

describe('ROMs', () => {
  const rom = new Uint8Array(0x10000).fill(0xf4);
  // mov dx, 0x190; mov al, 0x42; out dx, al; mov al, 'x'; out 0xe9, al; hlt, reached from the reset vector
  rom.set([0xba, 0x90, 0x01, 0xb0, 0x42, 0xee, 0xb0, 0x78, 0xe6, 0xe9, 0xf4], 0xff00);
  rom.set([0xe9, 0x0d, 0xff], 0xfff0);
  const path = file('rom.bin', rom);

  test('one that runs: POST codes on standard error, its text on standard output', () => {
    const { out, err, status } = anillo('run', '--bios', path, '--post', '0x190', '--debugcon', '233');
    expect(out).toBe('x');
    expect(err.split('\n')[0]).toBe('POST 0x42');
    expect(status).toBe(8);
  });

  test('a run that is saved goes on', () => {
    const saved = join(folder, 'rom.anillo');
    const ports = ['--bios', path, '--debugcon', '0xe9'];
    expect(anillo('run', ...ports, '--max-instructions', '3', '--save', saved)).toMatchObject({ status: 6, out: '' });
    expect(anillo('run', ...ports, '--restore', saved)).toMatchObject({ status: 8, out: 'x' });
    const larger = file('larger.bin', new Uint8Array(0x20000));
    expectRefusal(anillo('run', '--bios', larger, '--restore', saved), 1, /snapshot/);
  });

  test('an empty file, one of a wrong size, one that is too large, one that is not there', () => {
    expectRefusal(anillo('run', '--bios', file('empty.bin', '')), 1, /ROM image is empty/);
    expectRefusal(anillo('run', '--bios', file('odd.bin', 'x'.repeat(1000))), 1, /multiple of 64 KiB/);
    expectRefusal(anillo('run', '--bios', file('huge.bin', new Uint8Array(17 << 20))), 1, /at most 16 MiB/);
    expectRefusal(anillo('run', '--bios', join(folder, 'missing.bin')), 1, /ROM image .* no such file/);
  });

  test('choices that do not go together', () => {
    expectRefusal(anillo('run', 'hello', '--bios', path), 2, /does not go together with hello/);
    expectRefusal(anillo('run'), 2, /image is missing/);
    expectRefusal(anillo('run', '--bios', path, '--technique', 'trap-emulate'), 2, /for the bare machine and vtx/);
    expectRefusal(anillo('run', '--bios', path, '--post', 'far'), 2, /not an I\/O port/);
    expectRefusal(anillo('run', '--bios', path, '--debugcon', '0x3f8'), 2, /belongs to uart16550 COM1; choose another/);
    expectRefusal(anillo('run', '--bios', path, '--debugcon', '7', '--post', '7'), 2, /the same port/);
  });
});

describe('options that cannot be met', () => {
  test('an unknown technique', () => {
    expectRefusal(anillo('run', 'hello', '--technique', 'magic'), 2, /choose bare, trap-emulate/);
  });

  test('too little memory', () => {
    expectRefusal(anillo('run', 'hello', '--memory', '1'), 2, /between 2M and 3G/);
  });

  test('a size that is none', () => {
    expectRefusal(anillo('run', 'hello', '--memory', 'lots'), 2, /not a size/);
  });

  test('an unknown option', () => {
    expectRefusal(anillo('run', 'hello', '--frobnicate'), 2, /unknown option/);
  });

  test('an unknown profile', () => {
    expectRefusal(anillo('compare', 'nanobench', '--profile', 'i9'), 2, /choose p4-672/);
  });

  test('paging where there is no choice', () => {
    expectRefusal(anillo('run', 'hello', '--paging', 'ept'), 2, /vtx only/);
  });

  test('an unknown processor', () => {
    expectRefusal(anillo('run', 'hello', '--cpu', '8086'), 2, /choose i486, pentium/);
  });

  test('a processor without VT-x under vtx, or without EPT under --paging ept', () => {
    expectRefusal(anillo('run', 'hello', '--technique', 'vtx', '--cpu', 'p6'), 2, /needs a processor with nx, vmx/);
    const ept = ['--technique', 'vtx', '--paging', 'ept', '--cpu', 'core2'];
    expectRefusal(anillo('run', 'hello', ...ept), 2, /needs a processor with ept, and --cpu core2 has none/);
  });

  test('more processors than there can be, under a hypervisor, or without local APIC', () => {
    expectRefusal(anillo('run', 'hello', '--cpus', '9'), 2, /1 to 8 processors/);
    expectRefusal(anillo('run', 'hello', '--cpus', '0'), 2, /1 to 8 processors/);
    expectRefusal(anillo('run', 'hello', '--cpus', '2', '--technique', 'vtx'), 2, /under vtx has one processor/);
    expectRefusal(anillo('run', 'hello', '--cpus', '2', '--cpu', 'i486'), 2, /i486 has no local APIC/);
  });

  test('a count that is none', () => {
    expectRefusal(anillo('run', 'hello', '--max-instructions', '-5'), 2, /not a count/);
  });
});

describe('snapshots that cannot be restored', () => {
  const saved = join(folder, 'saved.anillo');

  test('a run stopped at its limit says so and saves', () => {
    const outcome = anillo('run', 'hello', '--max-instructions', '1000', '--save', saved);
    expect(outcome.err).toMatch(/stopped after 1000 instructions/);
    expect(outcome.status).toBe(6);
  });

  test('a truncated snapshot', () => {
    const bytes = readFileSync(saved);
    const path = file('cut.anillo', bytes.subarray(0, bytes.length - 7));
    expectRefusal(anillo('run', 'hello', '--restore', path), 1, /cut short/);
  });

  test('a file that is none', () => {
    expectRefusal(anillo('run', 'hello', '--restore', file('none.anillo', 'hello')), 1, /not an anillo snapshot/);
  });

  test('a snapshot of another version', () => {
    const bytes = Uint8Array.from(readFileSync(saved));
    new DataView(bytes.buffer).setUint32(8, 999, true);
    expectRefusal(anillo('run', 'hello', '--restore', file('other.anillo', bytes)), 1, /version 999/);
  });

  test('a snapshot made under another technique', () => {
    expectRefusal(anillo('run', 'hello', '--technique', 'vtx', '--restore', saved), 1, /technique/);
  });

  test('a snapshot of another number of processors', () => {
    expectRefusal(anillo('run', 'hello', '--cpus', '2', '--restore', saved), 1, /made with processors 1, not 2/);
  });

  test('a snapshot of another processor', () => {
    expectRefusal(anillo('run', 'hello', '--cpu', 'core2', '--restore', saved), 1, /made with cpu max, not core2/);
  });

  test('an unreadable path', () => {
    expectRefusal(anillo('run', 'hello', '--restore', folder), 1, /folder/);
  });

  test('a snapshot that cannot be written loses nothing', () => {
    const outcome = anillo('run', 'hello', '--save', join(folder, 'missing', 'x.anillo'));
    expect(outcome.err).toMatch(/cannot be written/);
    expect(outcome.status).toBe(1);
  });
});

describe('help', () => {
  test('lists the commands, examples and exit statuses', () => {
    const { out, status } = anillo('--help');
    expect(status).toBe(0);
    for (const word of ['run', 'compare', 'guests', 'explain', 'Examples:', 'Exit status:'])
      expect(out).toContain(word);
  });

  test.each(['sensitive', 'exits', 'instructions', 'techniques', 'cpus'])('explain %s prints its table', (topic) => {
    const { out, status } = anillo('explain', topic);
    expect(status).toBe(0);
    expect(out.split('\n').length).toBeGreaterThan(10);
  });

  test('explain instruction: a page, the same as JSON, or a sentence', () => {
    const { out, status } = anillo('explain', 'instruction', 'POPF');
    expect(status).toBe(0);
    expect(out).toMatch(/POPFW, POPFD, POPFQ [\s\S]*Sensitive +3B control/);
    const json = JSON.parse(anillo('explain', 'instruction', 'hlt', '--json').out);
    expect(json.variants[0]).toMatchObject({ privilege: 'CPL 0', exits: [{ reason: 12 }] });
    expectRefusal(anillo('explain', 'instruction', 'mvo'), 2, /no instruction "mvo"\. Close names: .*mov/);
    expectRefusal(anillo('explain', 'instruction'), 2, /missing required argument/);
    expectRefusal(anillo('explain', 'tables'), 2, /unknown command/);
  });
});
