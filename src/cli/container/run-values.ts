// Values of options of `container run` that are more than a word: labels, hosts, files of settings (docker-run(1)).
import { isIP } from 'node:net';
import { readUserFile } from '../assets.ts';
import { CliError } from '../errors.ts';

/** `name=value`; without a value it is empty. */
export function labelOf(text: string): readonly [string, string] {
  const [name = '', value = ''] = text.split(/=(.*)/s);
  return [name, value];
}

/** `NAME:ADDRESS`. @throws CliError */
export function extraHost(text: string): string {
  const [name = '', address = ''] = text.split(/[:=](.*)/s);
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  if (!/^[\w.-]+$/.test(name) || isIP(plain) === 0) throw new CliError(`--add-host ${text} is not NAME:ADDRESS.`);
  return `${name}:${plain}`;
}

/** Lines `NAME=VALUE` of files; a comment begins with #. A name alone takes its value from this environment. */
export function settingsIn(files: readonly string[], environment?: NodeJS.ProcessEnv): readonly string[] {
  return files.flatMap((file) => {
    const lines = new TextDecoder().decode(readUserFile(file, 'file of settings')).split('\n');
    const settings = lines
      .map((line) => line.replace(/\r$/, '').trimStart())
      .filter((line) => line && !line.startsWith('#'));
    return settings.flatMap((line) => setting(line, environment));
  });
}

/** A setting of the environment: a name alone has the value it has here, and is left out when it has none. */
export function setting(text: string, environment?: NodeJS.ProcessEnv): readonly string[] {
  if (text.includes('=') || !environment) return [text];
  const value = environment[text];
  return value === undefined ? [] : [`${text}=${value}`];
}
