// Making containers: what a user asked for becomes a configuration and a record (docker-create(1)).
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { containerName } from '../../oci/container-names.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { type ContainerOptions, defaultSpec, programOf } from '../../oci/default-spec.ts';
import { type MountSpec, parseSeccomp } from '../../oci/runtime-spec.ts';
import { readUserFile } from '../assets.ts';
import { findImage } from '../embedded-image.ts';
import { CliError } from '../errors.ts';
import { parseVolume } from '../options.ts';
import { Places } from '../places.ts';
import { type FixedLimits, type Limits, machineFor, resources, rlimit } from './limits.ts';
import { signalNumber } from './signals.ts';

const NO_NEW_PRIVILEGES = /^no-new-privileges(?:[=:]true)?$/;

/** Options of `create` and `run`, parsed. */
export interface CreateOptions extends Limits, FixedLimits {
  readonly name?: string;
  readonly env: readonly string[];
  readonly volume: readonly string[];
  readonly label: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly interactive?: true;
  readonly tty?: true;
  readonly rm?: true;
  readonly detach?: true;
  readonly readOnly?: true;
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly entrypoint?: string;
  readonly stopSignal?: string;
  readonly sysctl: readonly string[];
  readonly oomScoreAdj?: number;
}

/** Makes a container and prints its ID. */
export async function createContainer(
  image: string,
  command: readonly string[],
  options: CreateOptions,
): Promise<void> {
  const { id } = await make(new Places(), image, command, options);
  process.stdout.write(`${id}\n`);
}

/** Makes a container. @throws OciError, CliError */
export async function make(
  places: Places,
  text: string,
  command: readonly string[],
  options: CreateOptions,
): Promise<ContainerRecord> {
  const image = await findImage(places.images, text);
  const id = randomBytes(32).toString('hex');
  const taken = new Set(places.containers.list().map(({ name }) => name));
  const name = options.name ?? containerName(Math.random, (candidate) => taken.has(candidate));
  const asked = containerOptions(id, command, options);
  const spec = defaultSpec(image.config, asked);
  const record: ContainerRecord = {
    version: 2,
    id,
    name,
    created: new Date().toISOString(),
    image: { id: image.id, name: text, diffIds: image.config.diffIds },
    spec,
    user: options.user ?? image.config.config.User ?? '',
    memory: machineFor(options.memory),
    openStdin: options.interactive === true,
    autoRemove: options.rm === true,
    stopSignal: options.stopSignal ?? image.config.config.StopSignal ?? 'SIGTERM',
    labels: Object.fromEntries(options.label.map(label)),
    request: {
      ...programOf(image.config.config, asked),
      capAdd: options.capAdd,
      capDrop: options.capDrop,
      securityOpt: options.securityOpt,
      binds: options.volume,
    },
    state: 'created',
  };
  signalNumber(record.stopSignal);
  // the image may have been removed meanwhile
  await places.containers.create(record, () => places.images.find(image.id));
  return record;
}

/** `name=value`; without a value it is empty. */
function label(text: string): readonly [string, string] {
  const [name = '', value = ''] = text.split(/=(.*)/s);
  return [name, value];
}

function containerOptions(id: string, command: readonly string[], options: CreateOptions): ContainerOptions {
  const { entrypoint, workdir } = options;
  const seccomp = seccompOf(options.securityOpt);
  return {
    command,
    env: options.env,
    hostname: options.hostname ?? id.slice(0, 12),
    terminal: options.tty === true,
    readOnly: options.readOnly === true,
    mounts: options.volume.map(volume),
    capAdd: options.capAdd,
    capDrop: options.capDrop,
    noNewPrivileges: options.securityOpt.some((option) => NO_NEW_PRIVILEGES.test(option)),
    resources: resources(options),
    rlimits: options.ulimit.map(rlimit),
    sysctl: Object.fromEntries(options.sysctl.map(parameter)),
    ...(options.shmSize === undefined ? {} : { shmSize: options.shmSize }),
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

/** What `--security-opt seccomp=` says: no filter, or one in the terms of the runtime specification. @throws CliError */
function seccompOf(options: readonly string[]): NonNullable<ContainerOptions['seccomp']> | undefined {
  let seccomp: NonNullable<ContainerOptions['seccomp']> | undefined;
  for (const option of options) {
    const [, file] = /^seccomp[=:](.+)$/s.exec(option) ?? [];
    if (file !== undefined) seccomp = file === 'unconfined' ? file : parseSeccomp(readUserFile(file, 'filter'), file);
    else if (!NO_NEW_PRIVILEGES.test(option)) {
      throw new CliError(
        `--security-opt ${option} is not supported: only seccomp=FILE, seccomp=unconfined and no-new-privileges.`,
      );
    }
  }
  return seccomp;
}

function volume(text: string): MountSpec {
  const { host, guest, writable } = parseVolume(text);
  return { destination: guest, type: 'bind', source: resolve(host), options: ['bind', writable ? 'rw' : 'ro'] };
}

/** `name=value`. @throws CliError */
function parameter(text: string): readonly [string, string] {
  const [name, value] = text.split(/=(.*)/s) as [string, string?];
  if (name === '' || value === undefined) throw new CliError(`--sysctl ${text} is not NAME=VALUE.`);
  return [name, value];
}
