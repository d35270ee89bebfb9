// A Debian root file system as it is when all packages are unpacked and none is configured yet: the state in which debootstrap
// begins its second stage. Truth: deb(5), dpkg(1) "Package states", the files under /var/lib/dpkg of an installed system.
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Abi } from '../cases.ts';
import type { Packages } from './packages.ts';

const run = promisify(execFile);
/** Not needed to run programs, and a third of all files. */
const LEFT_OUT = ['doc', 'i18n', 'info', 'locale', 'man'];

/** Unpacks packages into a folder that is not there yet; those to install lie in its /packages. */
export async function unpackRoot(abi: Abi, { installed, toInstall }: Packages, root: string): Promise<void> {
  const merged = ['bin', 'sbin', 'lib', ...(abi === 'amd64' ? ['lib64'] : [])];
  for (const name of merged) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  mkdirSync(join(root, 'packages'));
  for (const file of toInstall) copyFileSync(file, join(root, 'packages', basename(file)));
  const database = join(root, 'var/lib/dpkg');
  for (const name of ['info', 'updates']) mkdirSync(join(database, name), { recursive: true });
  const states: string[] = [];
  for (const file of installed) states.push(await unpack(file, root, join(database, 'info')));
  writeFileSync(join(database, 'status'), states.join('\n'));
  writeFileSync(join(database, 'info/format'), '1\n');
  // what maintainer scripts need before base-passwd has run its own
  for (const name of ['passwd', 'group']) {
    copyFileSync(join(root, `usr/share/base-passwd/${name}.master`), join(root, 'etc', name));
  }
  // images have times in whole seconds: only what is written later than the next one is newer than this
  const next = Math.ceil(Date.now() / 1000) + 1;
  utimesSync(join(root, 'packages'), next, next);
}

/** Unpacks one package; gives its paragraph of the status file. */
async function unpack(file: string, root: string, info: string): Promise<string> {
  const control = join(root, 'control');
  await run('dpkg-deb', ['--control', file, control]);
  const paragraph = readFileSync(join(control, 'control'), 'utf8').trimEnd();
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
  const name = field('Package') + (field('Multi-Arch') === 'same' ? `:${field('Architecture')}` : '');
  for (const part of readdirSync(control)) {
    if (part !== 'control') renameSync(join(control, part), join(info, `${name}.${part}`));
  }
  rmSync(control, { recursive: true });
  writeFileSync(join(info, `${name}.list`), await extract(file, root));
  const [first = '', ...rest] = paragraph.split('\n');
  return [first, 'Status: install ok unpacked', ...rest, ...holdBack(root, join(info, `${name}.conffiles`)), ''].join(
    '\n',
  );
}

/** Unpacks the files; gives their names as dpkg lists them. */
async function extract(file: string, root: string): Promise<string> {
  const options = LEFT_OUT.map((name) => `--exclude=./usr/share/${name}/*`).join(' ');
  const script = `set -o pipefail; dpkg-deb --fsys-tarfile "$0" |
    tar -xpv -C "$1" --keep-directory-symlink --delay-directory-restore ${options}`;
  const { stdout } = await run('bash', ['-c', script, file, root], { maxBuffer: 1 << 26 });
  const names = stdout.split('\n').filter(Boolean);
  return names.map((name) => `${name.replace(/^\./, '').replace(/\/$/, '') || '/.'}\n`).join('');
}

/** Configuration files are put into their places when the package is configured; gives the lines that name them. */
function holdBack(root: string, list: string): string[] {
  if (!existsSync(list)) return [];
  const files = readFileSync(list, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('/'));
  for (const file of files) renameSync(join(root, file), join(root, `${file}.dpkg-new`));
  return ['Conffiles:', ...files.map((file) => ` ${file} newconffile`)];
}
