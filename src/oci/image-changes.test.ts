// Instructions change a configuration as the Dockerfile reference says.
import { expect, test } from 'vitest';
import { changeConfig } from './image-changes.ts';
import { OciError } from './oci-error.ts';

const changed = (...instructions: string[]) =>
  changeConfig({ Env: ['A=1', 'B=2'], Labels: { old: 'x' }, WorkingDir: '/srv' }, instructions);

test('programs are lists of words, or lines for the shell', () => {
  expect(changed('CMD ["/bin/a", "b c"]').Cmd).toEqual(['/bin/a', 'b c']);
  expect(changed('cmd echo $HOME').Cmd).toEqual(['/bin/sh', '-c', 'echo $HOME']);
  expect(changed('ENTRYPOINT [not json').Entrypoint).toEqual(['/bin/sh', '-c', '[not json']);
});

test('variables and labels replace those of the same name', () => {
  expect(changed('ENV B=3 C="two words" D=a\\ b').Env).toEqual(['A=1', 'B=3', 'C=two words', 'D=a b']);
  expect(changed('ENV B the rest').Env).toEqual(['A=1', 'B=the rest']);
  expect(changed("LABEL new='y z' old=w").Labels).toEqual({ old: 'w', new: 'y z' });
});

test('ports, volumes, directories, users and signals are noted', () => {
  expect(
    changed('EXPOSE 80 53/udp', 'VOLUME ["/data"]', 'VOLUME /logs /more', 'USER bob:staff', 'WORKDIR app'),
  ).toMatchObject({
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Volumes: { '/data': {}, '/logs': {}, '/more': {} },
    User: 'bob:staff',
    WorkingDir: '/srv/app',
  });
  expect(changed('WORKDIR /a', 'STOPSIGNAL SIGQUIT')).toMatchObject({ WorkingDir: '/a', StopSignal: 'SIGQUIT' });
});

test('anything else is refused by name', () => {
  for (const text of ['RUN ls', 'CMD', '', 'FROM x']) expect(() => changed(text)).toThrow(OciError);
  expect(() => changed('RUN ls')).toThrow(/^--change RUN ls is no instruction such as CMD/);
});
