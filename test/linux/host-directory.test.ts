// Directories of this computer in a program's tree: what programs see and change there, and that nothing leads out.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { SharedDirectory } from '../../src/cli/host-directory.ts';
import { SystemError } from '../../src/kernel/error.ts';

const folder = mkdtempSync(join(tmpdir(), 'anillo-host-'));
const shared = join(folder, 'shared');
const secret = join(folder, 'secret');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isLinux = process.platform === 'linux';

function errno(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof SystemError ? error.errno : String(error);
  }
}

beforeAll(() => {
  mkdirSync(join(shared, 'sub'), { recursive: true });
  mkdirSync(secret);
  writeFileSync(join(secret, 'key'), 'secret');
  writeFileSync(join(shared, 'file'), 'of the host');
  symlinkSync('../secret', join(shared, 'out'));
  symlinkSync('/etc/passwd', join(shared, 'absolute'));
  symlinkSync('file', join(shared, 'link'));
});

describe.skipIf(!isLinux)('a shared directory', () => {
  test('does not follow links, in the middle of a name or at its end', () => {
    const host = new SharedDirectory(shared);
    expect(host.status(['out', 'key'])).toBeUndefined();
    expect(errno(() => host.open(['out', 'key'], false))).toBe('ENOTDIR');
    expect(errno(() => host.open(['absolute'], false))).toBe('ENXIO');
    expect(errno(() => host.names(['out']))).toMatch(/^E(?:NOTDIR|LOOP)$/);
    expect(errno(() => host.createFile(['out', 'new'], 0o600))).toBe('ENOTDIR');
    expect(errno(() => host.unlink(['out', 'key']))).toBe('ENOTDIR');
    expect(errno(() => host.rename(['file'], ['out', 'file']))).toBe('ENOTDIR');
    expect(existsSync(join(secret, 'key'))).toBe(true);
    expect(host.readlink(['out'])).toBe('../secret');
    host.close();
  });

  test('takes single names only', () => {
    const host = new SharedDirectory(shared);
    for (const name of ['..', '.', '', 'sub/../..', '/etc', 'a\0b'])
      expect(errno(() => host.open([name, 'passwd'], false))).toBe('EINVAL');
    expect(errno(() => host.unlink([]))).toBe('EBUSY');
    host.close();
  });

  test('stays what it is when its own name leads elsewhere', () => {
    const host = new SharedDirectory(join(shared, 'sub'));
    rmSync(join(shared, 'sub'), { recursive: true });
    symlinkSync(secret, join(shared, 'sub'));
    expect(host.status(['key'])).toBeUndefined();
    rmSync(join(shared, 'sub'));
    mkdirSync(join(shared, 'sub'));
    host.close();
  });

  test('a directory that becomes a link while names below it are used never leads out', () => {
    const host = new SharedDirectory(shared);
    mkdirSync(join(shared, 'race'));
    writeFileSync(join(shared, 'race', 'key'), 'inside');
    for (let round = 0; round < 50; round++) {
      const found = errno(() => {
        const file = host.open(['race', 'key'], false);
        const bytes = new Uint8Array(16);
        const text = Buffer.from(bytes.subarray(0, file.read(0, bytes))).toString();
        file.close();
        if (text !== 'inside') throw new Error(text);
      });
      expect([undefined, 'ENOTDIR']).toContain(found);
      rmSync(join(shared, 'race'), { recursive: true });
      if (round % 2 === 0) symlinkSync(secret, join(shared, 'race'));
      else {
        mkdirSync(join(shared, 'race'));
        writeFileSync(join(shared, 'race', 'key'), 'inside');
      }
    }
    rmSync(join(shared, 'race'), { recursive: true, force: true });
    host.close();
  });
});

const PROGRAM = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
static void result(const char *what, long value) { printf("%s: %s\\n", what, value < 0 ? strerror(errno) : "ok"); }
int main(int argc, char **argv) {
  if (argc > 1) return execv(argv[1], argv + 1);
  char text[64] = {0};
  chdir("/mnt/host");
  result("read", read(open("file", O_RDONLY), text, 60));
  puts(text);
  result("through a link", open("link", O_RDONLY));
  result("link out", open("out/key", O_RDONLY));
  result("absolute link", open("absolute", O_RDONLY));
  result("up and out", open("../../../../../../../../etc/passwd", O_RDONLY));
  char *map = mmap(0, 11, PROT_READ, MAP_PRIVATE, open("file", O_RDONLY), 0);
  printf("mapped %.11s\\n", map);
  int fd = open("made", O_CREAT | O_RDWR, 0640);
  result("create", fd);
  if (fd < 0) return 0;
  result("write", write(fd, "from inside", 11));
  char *shared = mmap(0, 11, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  shared[0] = 'F';
  munmap(shared, 11);
  result("mkdir", mkdir("folder", 0750));
  result("rename", rename("made", "folder/moved"));
  result("link", link("folder/moved", "again"));
  result("symlink", symlink("again", "soft"));
  struct stat st;
  fstat(fd, &st);
  printf("links %d mode %o uid %d\\n", (int)st.st_nlink, st.st_mode, st.st_uid);
  result("chmod", chmod("again", 0600));
  result("unlink", unlink("folder/moved"));
  result("rmdir", rmdir("folder"));
  result("truncate", ftruncate(fd, 4));
  result("device", mknod("dev", S_IFCHR | 0600, 0x103));
  fstat(fd, &st);
  printf("links %d size %d\\n", (int)st.st_nlink, (int)st.st_size);
  return 0;
}
`;

const canCompile = isLinux && spawnSync('gcc', ['--version']).status === 0;

describe.skipIf(!canCompile)('a volume of a program', () => {
  const program = join(folder, 'program');
  beforeAll(() => {
    execFileSync('gcc', ['-O1', '-w', '-static', '-x', 'c', '-o', program, '-'], { input: PROGRAM });
  });
  const run = (volume: string) =>
    spawnSync('node', [COMMAND, 'process', '--volume', volume, program], {
      encoding: 'utf8',
      timeout: HANGS,
      input: '',
    });
  const seen = ['read: ok', 'of the host', 'through a link: ok', 'link out: No such file or directory'];
  const confined = ['absolute link: No such file or directory', 'up and out: No such file or directory'];

  test('can be read and not written', () => {
    const { stdout, status } = run(`${shared}:/mnt/host`);
    expect(stdout.split('\n')).toEqual([
      ...seen,
      ...confined,
      'mapped of the host',
      'create: Read-only file system',
      '',
    ]);
    expect(status).toBe(0);
    expect(existsSync(join(shared, 'made'))).toBe(false);
  });

  test('with rw can be changed, and the changes are there afterwards', () => {
    const { stdout } = run(`${shared}:/mnt/host:rw`);
    expect(stdout.split('\n').slice(7)).toEqual([
      'create: ok',
      'write: ok',
      'mkdir: ok',
      'rename: ok',
      'link: ok',
      'symlink: ok',
      'links 2 mode 100640 uid 0',
      'chmod: ok',
      'unlink: ok',
      'rmdir: ok',
      'truncate: ok',
      'device: Operation not permitted',
      'links 1 size 4',
      '',
    ]);
    expect(readFileSync(join(shared, 'again'), 'utf8')).toBe('From');
    expect(lstatSync(join(shared, 'again')).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(shared, 'soft')).isSymbolicLink()).toBe(true);
  });

  test.skipIf(!existsSync('/lib64'))('has programs that are linked dynamically, with their libraries', () => {
    execFileSync('gcc', ['-w', '-x', 'c', '-o', join(folder, 'dynamic'), '-'], {
      input: '#include <stdio.h>\nint main(int c, char **v) { printf("%s and %d\\n", v[0], c); return 3; }',
    });
    const volumes = ['/usr:/usr', '/lib:/lib', '/lib64:/lib64', `${folder}:/mnt/host`].flatMap((text) => ['-v', text]);
    const { stdout, status } = spawnSync('node', [COMMAND, 'process', ...volumes, program, '/mnt/host/dynamic', 'x'], {
      encoding: 'utf8',
      timeout: HANGS,
      input: '',
    });
    expect(stdout).toBe('/mnt/host/dynamic and 2\n');
    expect(status).toBe(3);
  });

  test('may be a single file, and nothing beside it is seen', () => {
    writeFileSync(join(shared, 'single'), 'one file\n');
    execFileSync('gcc', ['-w', '-static', '-x', 'c', '-o', join(folder, 'lists'), '-'], {
      input: `#include <dirent.h>
#include <stdio.h>
int main(void) {
  char text[99] = "";
  fgets(text, sizeof text, fopen("/mnt/deep/name", "r"));
  printf("%s%s\\n", text, fopen("/mnt/deep/name", "a") ? "writable" : "read-only");
  DIR *directory = opendir("/mnt/deep");
  for (struct dirent *entry; (entry = readdir(directory));) if (entry->d_name[0] != '.') puts(entry->d_name);
}`,
    });
    const volume = ['-v', `${join(shared, 'single')}:/mnt/deep/name`];
    const { stdout } = spawnSync('node', [COMMAND, 'process', ...volume, join(folder, 'lists')], {
      encoding: 'utf8',
      timeout: HANGS,
      input: '',
    });
    expect(stdout).toBe('one file\nread-only\nname\n');
    rmSync(join(shared, 'single'));
  });

  test('that is not there or not understood is refused with a sentence', () => {
    const missing = run(`${shared}/none:/mnt/host`);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/cannot be shared as \/mnt\/host: No such file or directory\./);
    const wrong = run('relative');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/DIRECTORY-OR-FILE:ABSOLUTE-PATH/);
  });
});
