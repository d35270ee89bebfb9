// What a user mounts into a container: --volume, --mount and --tmpfs (docker-run(1)), as mounts of the runtime specification.
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { MountSpec } from '../../oci/runtime-spec.ts';
import { volumeMount as newVolumeMount, type VolumeSettings } from '../../oci/volumes.ts';
import { CliError } from '../errors.ts';
import { parseVolume } from '../options.ts';

const newVolume = /^(\/[^:]*)(?::((?:ro|rw|nocopy)(?:,(?:ro|rw|nocopy))*))?$/;

/** A name for a volume that nobody gave one. */
export const volumeId = (): string => randomBytes(32).toString('hex');

/** `HOST:GUEST[:ro|:rw]`, or `GUEST[:ro]` for a volume of the container. @throws CliError */
export function volumeMount(text: string): MountSpec {
  const [, place, modes = ''] = newVolume.exec(text) ?? [];
  if (place !== undefined) {
    const has = (mode: string) => modes.split(',').includes(mode);
    return ownVolume(absolute('--volume', place), { readOnly: has('ro'), noCopy: has('nocopy') });
  }
  const { host, guest, writable } = parseVolume(text);
  if (/^[a-zA-Z0-9][\w.-]*$/.test(host)) throw namedVolume(host);
  return bind(host, guest, writable);
}

const ownVolume = (destination: string, settings: VolumeSettings) => newVolumeMount(volumeId(), destination, settings);

/** Every container has a kernel of its own: two cannot have one volume. */
const namedVolume = (name: string) =>
  new CliError(`Volumes with a name, such as ${name}, are not supported: for a directory here write ./${name}.`);

function bind(host: string, destination: string, writable: boolean): MountSpec {
  return { destination, type: 'bind', source: resolve(host), options: ['bind', writable ? 'rw' : 'ro'] };
}

/** `PATH[:OPTIONS]`. @throws CliError */
export function tmpfsMount(text: string): MountSpec {
  const [destination = '', options] = text.split(/:(.*)/s);
  const more = options?.split(',').filter(Boolean) ?? [];
  return tmpfs('--tmpfs', destination, ['nosuid', 'nodev', 'noexec', ...more]);
}

function tmpfs(option: string, destination: string, options: readonly string[]): MountSpec {
  return { destination: absolute(option, destination), type: 'tmpfs', source: 'tmpfs', options };
}

function absolute(option: string, path: string): string {
  if (path.startsWith('/') && !path.split('/').includes('..')) return path;
  throw new CliError(`${option} ${path} is not an absolute path without .. in it.`);
}

/** Names of a field of --mount, the usual one first. */
const FIELDS: Readonly<Record<string, string>> = {
  type: 'type',
  source: 'source',
  src: 'source',
  target: 'target',
  destination: 'target',
  dst: 'target',
  readonly: 'readonly',
  ro: 'readonly',
  'tmpfs-size': 'tmpfs-size',
  'tmpfs-mode': 'tmpfs-mode',
  'volume-nocopy': 'volume-nocopy',
};

/**
 * `type=bind,source=HOST,target=GUEST[,readonly=false]`, `type=tmpfs,target=GUEST[,tmpfs-size=,tmpfs-mode=]` or
 * `[type=volume,]target=GUEST[,readonly][,volume-nocopy]`.
 * @throws CliError
 */
export function mountOption(text: string): MountSpec {
  const fields = new Map<string, string>();
  for (const part of text.split(',')) {
    const [name = '', value = 'true'] = part.split(/=(.*)/s);
    const field = FIELDS[name.toLowerCase()];
    if (field === undefined) throw new CliError(`--mount has no field ${name}: see anillo container run --help.`);
    fields.set(field, value);
  }
  const target = fields.get('target');
  if (target === undefined) throw new CliError(`--mount ${text} has no target.`);
  const type = fields.get('type') ?? 'volume';
  if (type === 'tmpfs') {
    const settings = ['size', 'mode'].flatMap((name) => {
      const value = fields.get(`tmpfs-${name}`);
      return value === undefined ? [] : [`${name}=${value}`];
    });
    return tmpfs('--mount target', target, ['nosuid', 'nodev', 'noexec', ...settings]);
  }
  const source = fields.get('source');
  const isSo = (field: string) => /^(?:true|1)$/i.test(fields.get(field) ?? '');
  if (type === 'volume') {
    if (source !== undefined) throw namedVolume(source);
    return ownVolume(absolute('--mount target', target), { readOnly: isSo('readonly'), noCopy: isSo('volume-nocopy') });
  }
  if (type !== 'bind') throw new CliError(`--mount type=${type} is not supported: choose bind, tmpfs or volume.`);
  if (source === undefined) throw new CliError(`--mount ${text} has no source.`);
  return bind(source, absolute('--mount target', target), /^(?:false|0)$/i.test(fields.get('readonly') ?? 'true'));
}
