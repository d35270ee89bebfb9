// What the commands print has the shapes of docker's, so that scripts and tools written for it can read it. Truth: docker-ps(1),
// docker-inspect(1), docker-images(1), docker-history(1), and the Docker Engine API ("ContainerInspect", "ImageInspect").
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';

const here = new Installation('shapes');
const { folder, anillo, container } = here;
let id = '';

beforeAll(() => {
  const root = join(folder, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'bin/tool'), 'x'.repeat(1500), { mode: 0o755 });
  expect(anillo(['image', 'import', root, 'mine:1', '--cmd', '/bin/tool -l']).status).toBe(0);
  const limits = ['-m', '64M', '--cpus', '0.5', '--pids-limit', '9', '--cap-add', 'NET_ADMIN', '--read-only'];
  const made = ['--name', 'web', '-e', 'A=1', '-l', 'tier=front', '-l', 'plain', '-v', `${root}:/host`, '-w', '/tmp'];
  id = container('create', ...made, ...limits, 'mine:1', 'tool', 'two words', 'more').out.trim();
  container('create', '--name', 'db', '-l', 'tier=back', 'mine:1');
});
afterAll(() => here.remove());

describe('container inspect', () => {
  test('prints an array in the shape of the Docker Engine API', () => {
    expect(JSON.parse(container('inspect', 'web').out)).toMatchObject([
      {
        Id: id,
        Path: 'tool',
        Args: ['two words', 'more'],
        State: { Status: 'created', Running: false, Paused: false, OOMKilled: false, Pid: 0, ExitCode: 0 },
        Image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        Name: '/web',
        HostConfig: {
          Binds: [`${join(folder, 'root')}:/host`],
          Memory: 64 << 20,
          NanoCpus: 5e8,
          PidsLimit: 9,
          CapAdd: ['NET_ADMIN'],
          ReadonlyRootfs: true,
          NetworkMode: 'none',
        },
        Mounts: [{ Type: 'bind', Source: join(folder, 'root'), Destination: '/host', RW: false }],
        Config: {
          Hostname: id.slice(0, 12),
          Env: expect.arrayContaining(['A=1']),
          Cmd: ['tool', 'two words', 'more'],
          Entrypoint: null,
          Image: 'mine:1',
          WorkingDir: '/tmp',
          Labels: { tier: 'front', plain: '' },
        },
      },
    ]);
  });

  test('prints what a template says, for each container', () => {
    expect(container('inspect', '-f', '{{.Name}} {{.State.Status}} {{json .Config.Cmd}}', 'web', 'db').out).toBe(
      '/web created ["tool","two words","more"]\n/db created ["/bin/tool","-l"]\n',
    );
    expect(container('inspect', '--format', '{{range .Mounts}}{{.Source}}{{end}}', 'web').out).toBe(
      `${join(folder, 'root')}\n`,
    );
    expect(container('inspect', '--format', '{{.Nothing}}', 'web')).toMatchObject({
      status: 2,
      out: '',
      err: expect.stringMatching(/^anillo: The template of --format cannot be used: there is no field Nothing\.\n$/),
    });
  });
});

describe('container ps', () => {
  test("has docker's columns, with the arguments that have spaces in quotes", () => {
    const [head, web, db] = container('ps', '-a').out.split('\n').reverse().slice(1).reverse() as [
      string,
      string,
      string,
    ];
    expect(head).toMatch(/^CONTAINER ID {3}IMAGE {4}COMMAND +CREATED +STATUS +PORTS +NAMES$/);
    expect(web).toMatch(/^[0-9a-f]{12} {3}mine:1 {3}"\/bin\/tool -l" +.* ago +Created +db$/);
    expect(db).toMatch(new RegExp(`^${id.slice(0, 12)} {3}mine:1 {3}"tool 'two words' mo…" .* web$`));
  });

  test('lists those that agree with filters', () => {
    const names = (...filters: string[]) =>
      container('ps', '-a', '--format', '{{.Names}}', ...filters.flatMap((text) => ['--filter', text])).out;
    expect(names()).toBe('db\nweb\n');
    expect(names('label=tier')).toBe('db\nweb\n');
    expect(names('label=tier=front')).toBe('web\n');
    expect(names('label=tier=front', 'label=plain')).toBe('web\n');
    expect(names('label=tier=back', 'label=plain')).toBe('');
    expect(names('name=^w', 'name=d')).toBe('db\nweb\n');
    expect(names('name=w', 'status=running')).toBe('');
    expect(names(`id=${id.slice(0, 8)}`)).toBe('web\n');
    expect(names('ancestor=mine:1')).toBe('db\nweb\n');
    expect(names('since=web')).toBe('db\n');
    expect(names('before=db')).toBe('web\n');
    expect(container('ps', '--filter', 'colour=red')).toMatchObject({
      status: 2,
      err: expect.stringContaining('choose'),
    });
    expect(container('ps', '-q', '-n', '1', '--no-trunc').out).toMatch(/^[0-9a-f]{64}\n$/);
    expect(container('ps', '-l', '--format', '{{.Names}}').out).toBe('db\n');
    expect(container('ps', '--filter', 'status=created', '-q').out.trim().split('\n')).toHaveLength(2);
  });

  test('prints JSON: a line for each, or descriptions', () => {
    const lines = container('ps', '-a', '--format', 'json').out.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { Names: 'db', State: 'created', Labels: 'tier=back' },
      { Names: 'web', ID: id.slice(0, 12) },
    ]);
    expect(JSON.parse(container('ps', '-a', '--json').out)[1]).toMatchObject({ Id: id, Name: '/web' });
  });

  test('shows what changes take', () => {
    expect(container('ps', '-a', '-s', '--format', 'table {{.Names}}\\t{{.Size}}').out).toMatch(
      /^NAMES {3}SIZE\ndb {6}0B \(virtual 1\.5kB\)\nweb {5}0B \(virtual 1\.5kB\)\n$/,
    );
  });
});

describe('images', () => {
  test('are described in the shape of the Docker Engine API', () => {
    expect(JSON.parse(anillo(['image', 'inspect', 'mine:1']).out)).toMatchObject([
      {
        RepoTags: ['mine:1'],
        Os: 'linux',
        Size: 1500,
        Config: { Cmd: ['/bin/tool', '-l'] },
        RootFS: { Type: 'layers' },
      },
    ]);
    expect(anillo(['image', 'inspect', '--format', '{{index .RepoTags 0}} {{len .RootFS.Layers}}', 'mine:1']).out).toBe(
      'mine:1 1\n',
    );
  });

  test('are listed and their history is shown in any format', () => {
    expect(anillo(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}} {{.Containers}}']).out).toBe('mine:1 2\n');
    expect(anillo(['image', 'ls', '--filter', 'dangling=true', '-q']).out).toBe('');
    expect(anillo(['image', 'ls', '--filter', 'reference=mi*', '-q']).out).toMatch(/^[0-9a-f]{12}\n$/);
    expect(anillo(['image', 'ls', '--filter', 'reference=other*', '-q']).out).toBe('');
    for (const inFull of ['--no-human', '--human=false'])
      expect(anillo(['image', 'history', inFull, '--format', '{{.Size}}', 'mine:1']).out).toBe('1500\n');
  });
});
