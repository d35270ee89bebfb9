// Packages of Debian bookworm and all they depend on, for a root file system of either architecture. apt finds and fetches them
// (apt-get(8), apt.conf(5)), with lists and a state of its own: what the computer itself has installed plays no part.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Abi } from '../cases.ts';

const run = promisify(execFile);
/** Kept between runs: packages are fetched once. */
const CACHE = join(tmpdir(), 'anillo-debian');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SOURCE = 'http://deb.debian.org/debian bookworm main';
/** The root has these installed, and what they need. */
const INSTALLED = ['?essential', 'usr-is-merged', 'apt', 'curl', 'gcc', 'libc6-dev', 'perl', 'procps', 'python3-flask'];
/** These are for its own dpkg and apt to install. */
const TO_INSTALL = ['hello', 'less', 'libbsd0', 'netcat-openbsd'];

/** Package files, as paths. */
export interface Packages {
  readonly installed: readonly string[];
  readonly toInstall: readonly string[];
}

/** What is missing on this computer to have Debian's packages; undefined when nothing is. */
export async function whatIsMissing(): Promise<string | undefined> {
  for (const tool of ['apt-get', 'dpkg-deb', 'tar']) {
    const { found } = await run(tool, ['--version']).then(
      () => ({ found: true }),
      () => ({ found: false }),
    );
    if (!found) return tool;
  }
  return existsSync(KEYRING) ? undefined : KEYRING;
}

/** Fetches the packages of an architecture. @throws when the network or the archive is not there */
export async function fetchPackages(abi: Abi): Promise<Packages> {
  const apt = aptFor(abi);
  await apt('update');
  const names = [...INSTALLED, ...TO_INSTALL];
  await apt('install', '--download-only', '--yes', ...names);
  const plan = await apt('install', '--simulate', ...names);
  const lines = [...plan.matchAll(/^Inst (\S+) \((\S+) .*\[(\w+)\]\)/gm)];
  const packages = lines.map(([, name = '', version = '', architecture = '']) => ({
    name,
    file: join(CACHE, abi, 'archives', `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`),
  }));
  const files = (isWanted: (name: string) => boolean) =>
    packages.filter(({ name }) => isWanted(name)).map(({ file }) => file);
  return {
    installed: files((name) => !TO_INSTALL.includes(name)),
    toInstall: files((name) => TO_INSTALL.includes(name)),
  };
}

/** A package of an architecture, and the archives of its source. */
export interface WithSource {
  readonly package: string;
  /** What the package's author published, and what Debian adds. */
  readonly original: string;
  readonly debian: string;
}

/** Fetches a package without what it depends on, and its source. @throws when the network or the archive is not there */
export async function fetchWithSource(abi: Abi, name: string, source: string): Promise<WithSource> {
  const folder = join(CACHE, `${abi}-${name}`);
  mkdirSync(folder, { recursive: true });
  const apt = aptFor(abi, folder, ['deb', 'deb-src']);
  await apt('update');
  await apt('download', name);
  await apt('source', '--download-only', source);
  const find = (pattern: RegExp) => {
    const file = readdirSync(folder).find((candidate) => pattern.test(candidate));
    if (file === undefined) throw new Error(`the archive has no ${pattern.source} of ${source}`);
    return join(folder, file);
  };
  return { package: find(/\.deb$/), original: find(/\.orig\.tar\./), debian: find(/\.debian\.tar\./) };
}

/** Fetches packages without what they depend on, and unpacks them into `root` below a folder. @throws as above */
export async function unpackPackages(abi: Abi, folder: string, names: readonly string[]): Promise<void> {
  const apt = aptFor(abi, folder);
  await apt('update');
  await apt('download', ...names);
  const root = join(folder, 'root');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb')))
    await run('dpkg-deb', ['--extract', join(folder, file), root]);
}

/** apt-get on a state of its own in which nothing is installed. */
function aptFor(
  abi: Abi,
  folder = join(CACHE, abi),
  kinds: readonly string[] = ['deb'],
): (...args: string[]) => Promise<string> {
  for (const name of ['lists/partial', 'archives/partial']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
  const sources = kinds.map((kind) => `${kind} [signed-by=${KEYRING}] ${SOURCE}\n`);
  writeFileSync(join(folder, 'sources.list'), sources.join(''));
  const settings = {
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'APT::Architecture': abi,
    'APT::Architectures': abi,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const where = { cwd: folder, maxBuffer: 1 << 26 };
  return async (...args) => (await run('apt-get', ['-q', ...options, ...args], where)).stdout;
}
