// Rebuilds the guest images from their sources with GCC and binutils, to the same bytes every time.
// `npm run guests` writes guests/images, `npm run guests -- --check` compares with what is committed.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tool } from './tool.ts';
import { userlandImage } from './userland.ts';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const guests = join(root, 'guests');
const images = join(guests, 'images');
const compilerFile = join(images, 'compiler.txt');

interface Target {
  /** Image name without .elf */
  readonly image: string;
  /** Source directory under guests/ */
  readonly directory: string;
  readonly paravirtual: boolean;
  /** Linker script, relative to guests/ */
  readonly script: string;
  /** Files of guests/lib linked in, in this order */
  readonly library: readonly string[];
}

const bareLibrary = ['start.S', 'native-boot.c', 'print.c', 'format.c', 'string.c'];
const kernelLibrary = ['start.S', 'native-boot.c', 'pv-native.c', 'traps.S', 'print.c', 'format.c', 'string.c'];
const paravirtualLibrary = ['xen-start.S', 'pv-xen.c', 'traps.S', 'print.c', 'format.c', 'string.c'];

const native = (name: string, library: readonly string[]): Target => ({
  image: name,
  directory: name,
  paravirtual: false,
  script: 'lib/native.ld',
  library,
});
const paravirtual = (name: string): Target => ({
  image: `${name}-para`,
  directory: name,
  paravirtual: true,
  script: 'lib/para.ld',
  library: paravirtualLibrary,
});
/** A static Linux program. */
const program = (name: string): Target => ({
  image: name,
  directory: name,
  paravirtual: false,
  script: `${name}/program.ld`,
  library: ['format.c', 'string.c'],
});

const targets: readonly Target[] = [
  native('hello', bareLibrary),
  native('rings', bareLibrary),
  native('sensitive', bareLibrary),
  native('smp', bareLibrary),
  native('nanobench', kernelLibrary),
  native('tinyos', kernelLibrary),
  native('hostile', kernelLibrary),
  paravirtual('nanobench'),
  paravirtual('tinyos'),
  paravirtual('hostile'),
  program('workloads'),
];

const compilerFlags = [
  '-m32 -march=i686 -mtune=generic -O2 -std=gnu11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector',
  '-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-ident -fno-strict-aliasing -fno-common',
  '-fno-tree-loop-distribute-patterns -fcf-protection=none -fomit-frame-pointer -mgeneral-regs-only -mno-sse -mno-mmx',
  '-Wall -Wextra -Werror --param=min-pagesize=0 -nostdinc -Wa,--noexecstack',
].flatMap((line) => line.split(' '));

const linkFlags = [
  '-m elf_i386 -nostdlib -static --build-id=none -z noexecstack -z norelro --no-warn-rwx-segments',
].flatMap((line) => line.split(' '));

function compile(source: string, object: string, extra: readonly string[]): string {
  tool('gcc', [...compilerFlags, ...extra, '-c', source, '-o', object], guests);
  return object;
}

const compilerVersion = (): string =>
  `${[tool('gcc', ['--version']), tool('ld', ['--version'])].map((text) => text.split('\n')[0]).join('\n')}\n`;

const sourcesOf = (directory: string): string[] =>
  readdirSync(join(guests, directory))
    .filter((name) => /\.[cS]$/.test(name))
    .sort();

/** The user programs of tinyos: a flat image, which its kernel embeds. */
function buildUserImage(work: string): void {
  const sources = [
    'tinyos/user/start.S',
    ...sourcesOf('tinyos/user')
      .filter((name) => name !== 'start.S')
      .map((name) => `tinyos/user/${name}`),
    'lib/format.c',
    'lib/string.c',
  ];
  const objects = sources.map((source) => compile(source, join(work, `user-${source.replaceAll('/', '-')}.o`), []));
  const script = join(guests, 'tinyos/user/user.ld');
  const output = join(work, 'tinyos-user.bin');
  tool('ld', [...linkFlags, '--oformat', 'binary', '-T', script, '-o', output, ...objects]);
}

/** Compiles and links one image; sources are named relative to guests/, so no path of this machine gets in. */
function build(target: Target, work: string): Uint8Array {
  const sources = [
    ...target.library.map((name) => `lib/${name}`),
    ...sourcesOf(target.directory).map((name) => `${target.directory}/${name}`),
  ];
  if (target.directory === 'tinyos') buildUserImage(work);
  const extra = [...(target.paravirtual ? ['-DPARAVIRTUAL'] : []), `-Wa,-I${work}`];
  const objects = sources.map((source) =>
    compile(source, join(work, `${target.image}-${source.replaceAll('/', '-')}.o`), extra),
  );
  const script = join(guests, target.script);
  const linked = join(work, `${target.image}.elf`);
  tool('ld', [...linkFlags, '--strip-all', '-T', script, '-o', linked, ...objects]);
  return readFileSync(linked);
}

/** Everything there is in guests/images, and how it is made. */
const products: readonly { readonly file: string; make(work: string): Uint8Array | Promise<Uint8Array> }[] = [
  ...targets.map((target) => ({ file: `${target.image}.elf`, make: (work: string) => build(target, work) })),
  { file: 'anillo.tar', make: (work) => userlandImage(join(guests, 'userland'), work) },
];

async function main(args: readonly string[]): Promise<number> {
  const check = args.includes('--check');
  const only = args.filter((word) => !word.startsWith('--'));
  const work = mkdtempSync(join(tmpdir(), 'anillo-guests-'));
  let different = 0;
  try {
    mkdirSync(images, { recursive: true });
    for (const { file, make } of products) {
      if (only.length > 0 && !only.includes(file.replace(/\.\w+$/, ''))) continue;
      const bytes = await make(work);
      if (!check) {
        writeFileSync(join(images, file), bytes);
        console.log(`${file}: ${bytes.length} bytes`);
        continue;
      }
      const same = Buffer.compare(bytes, readFileSync(join(images, file))) === 0;
      console.log(`${file}: ${same ? 'same bytes' : 'DIFFERENT'}`);
      if (!same) different++;
    }
    if (!check) writeFileSync(compilerFile, compilerVersion());
    else if (different > 0 && readFileSync(compilerFile, 'utf8') !== compilerVersion()) {
      console.log(`The committed images were built with:\n${readFileSync(compilerFile, 'utf8')}This machine has:`);
      console.log(compilerVersion());
    }
  } finally {
    rmSync(work, { recursive: true });
  }
  return different === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
