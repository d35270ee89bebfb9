// `--change` of commit and import: instructions of a Dockerfile that change how containers of an image run (Dockerfile reference:
// CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR).
import type { ImageRunConfig } from './documents.ts';
import { OciError } from './oci-error.ts';

type Change = (config: ImageRunConfig, rest: string) => ImageRunConfig;

/** A word may have quotes in it; a backslash takes the next character as it is. */
const WORD = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs;

function words(text: string): readonly string[] {
  return (text.match(WORD) ?? []).map((word) =>
    word.replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs, (_, plain?: string, double?: string, single?: string) =>
      plain !== undefined ? plain : double !== undefined ? double.replace(/\\(.)/gs, '$1') : (single ?? ''),
    ),
  );
}

/** A JSON array of words, or a line for the shell. */
function program(rest: string): readonly string[] {
  if (rest.startsWith('[')) {
    try {
      const list = JSON.parse(rest) as unknown[];
      if (list.every((word) => typeof word === 'string')) return list;
    } catch {
      // as a shell line, like docker
    }
  }
  return ['/bin/sh', '-c', rest];
}

/** `NAME=VALUE …`, or one `NAME VALUE`. */
function settings(rest: string): readonly (readonly [string, string])[] {
  const [first = '', ...others] = words(rest);
  if (!first.includes('=')) return [[first, others.join(' ')]];
  return [first, ...others].map((word) => word.split(/=(.*)/s) as [string, string]);
}

const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));
/** Paths as text, or a JSON array of them. */
const list = (rest: string) => (rest.startsWith('[') ? program(rest) : words(rest));

const INSTRUCTIONS: Readonly<Record<string, Change>> = {
  CMD: (config, rest) => ({ ...config, Cmd: program(rest) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: program(rest) }),
  ENV: (config, rest) => {
    const changed = settings(rest);
    const names = new Set(changed.map(([name]) => name));
    const kept = (config.Env ?? []).filter((setting) => !names.has(setting.split('=', 1)[0]!));
    return { ...config, Env: [...kept, ...changed.map(([name, value = '']) => `${name}=${value}`)] };
  },
  EXPOSE: (config, rest) => {
    const ports = words(rest).map((port) => (port.includes('/') ? port : `${port}/tcp`));
    return { ...config, ExposedPorts: { ...config.ExposedPorts, ...named(ports) } };
  },
  LABEL: (config, rest) => ({ ...config, Labels: { ...config.Labels, ...Object.fromEntries(settings(rest)) } }),
  STOPSIGNAL: (config, rest) => ({ ...config, StopSignal: rest }),
  USER: (config, rest) => ({ ...config, User: rest }),
  VOLUME: (config, rest) => ({ ...config, Volumes: { ...config.Volumes, ...named(list(rest)) } }),
  WORKDIR: (config, rest) => ({
    ...config,
    WorkingDir: rest.startsWith('/') ? rest : `${(config.WorkingDir ?? '').replace(/\/$/, '')}/${rest}`,
  }),
};

/** A configuration changed by instructions, one after the other. @throws OciError */
export function changeConfig(config: ImageRunConfig, instructions: readonly string[]): ImageRunConfig {
  return instructions.reduce((changed, text) => {
    const [, name = '', rest = ''] = /^\s*(\S+)\s+(.*?)\s*$/s.exec(text) ?? [];
    const change = INSTRUCTIONS[name.toUpperCase()];
    if (change && rest !== '') return change(changed, rest);
    const known = Object.keys(INSTRUCTIONS).join(', ');
    throw new OciError('bad-option', `--change ${text} is no instruction such as CMD ["/bin/sh"]: choose ${known}.`);
  }, config);
}
