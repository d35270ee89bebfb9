// Making containers: what a user asked for becomes a configuration and a record (docker-create(1)).
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { containerName } from '../../oci/container-names.ts';
import type { Architecture } from '../../oci/documents.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { type ContainerOptions, defaultSpec, programOf } from '../../oci/default-spec.ts';
import { networkMounts } from '../../oci/network-files.ts';
import { parseSeccomp } from '../../oci/parse-runtime-spec.ts';
import type { MountSpec } from '../../oci/runtime-spec.ts';
import { volumeName, withVolumes } from '../../oci/volumes.ts';
import { hostReason, readUserFile } from '../assets.ts';
import { findImage } from '../embedded-image.ts';
import { CliError, EXIT } from '../errors.ts';
import { Places } from '../places.ts';
import { type FixedLimits, type Limits, machineFor, resources, rlimit } from './limits.ts';
import { mountOption, tmpfsMount, volumeId, volumeMount } from './mounts.ts';
import { extraHost, labelOf, setting, settingsIn } from './run-values.ts';
import { signalNumber } from './signals.ts';

const NO_NEW_PRIVILEGES = /^no-new-privileges(?:[=:]true)?$/;

/** Options of `create` and `run`, parsed. */
export interface CreateOptions extends Limits, FixedLimits {
  readonly name?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly volume: readonly string[];
  readonly mount: readonly string[];
  readonly tmpfs: readonly string[];
  readonly label: readonly string[];
  readonly labelFile: readonly string[];
  readonly groupAdd: readonly string[];
  readonly addHost: readonly string[];
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
  readonly domainname?: string;
  readonly platform?: Architecture;
  readonly entrypoint?: string;
  readonly privileged?: true;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly cidfile?: string;
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
  const { os, architecture } = image.config;
  if (options.platform !== undefined && options.platform !== architecture)
    throw new CliError(
      `The image ${text} is for ${os}/${architecture}, not for linux/${options.platform}.`,
      EXIT.failure,
    );
  const id = randomBytes(32).toString('hex');
  const taken = new Set(places.containers.list().map(({ name }) => name));
  const name = options.name ?? containerName(Math.random, (candidate) => taken.has(candidate));
  const ofImage = Object.keys(image.config.config.Volumes ?? {});
  const asked = containerOptions(id, command, options, ofImage);
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
    labels: {
      ...image.config.config.Labels,
      ...Object.fromEntries([...settingsIn(options.labelFile), ...options.label].map(labelOf)),
    },
    request: {
      ...programOf(image.config.config, asked),
      env: asked.env,
      capAdd: options.capAdd,
      capDrop: options.capDrop,
      securityOpt: options.securityOpt,
      binds: options.volume.filter((text) => volumeName(volumeMount(text)) === undefined),
      volumes: [...new Set([...ofImage, ...options.volume.flatMap(ownPlace)])],
      privileged: options.privileged === true,
      extraHosts: options.addHost.map(extraHost),
      groups: options.groupAdd,
      ...(options.stopTimeout === undefined ? {} : { stopTimeout: options.stopTimeout }),
    },
    state: 'created',
  };
  signalNumber(record.stopSignal);
  // the image may have been removed meanwhile
  await places.containers.create(record, () => {
    places.images.find(image.id);
    if (options.cidfile !== undefined) writeId(options.cidfile, id);
  });
  return record;
}

/** @throws CliError when the file is there already: it may name another container */
function writeId(file: string, id: string): void {
  try {
    writeFileSync(file, id, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new CliError(`The file ${file} for the ID is there already.`, EXIT.failure);
    throw new CliError(`The ID cannot be written into ${file}: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** The files of the network are seen in a volume for /etc too; what a user has put there instead hides them. */
function withNetworkFiles(mounts: readonly MountSpec[]): readonly MountSpec[] {
  const isBelow = (mount: MountSpec) => mount.destination === '/etc' && volumeName(mount) !== undefined;
  const others = mounts.filter((mount) => !isBelow(mount));
  return [...mounts.filter(isBelow), ...networkMounts(others), ...others];
}

/** Where a volume is to be that `-v` asks for. */
function ownPlace(text: string): readonly string[] {
  const mount = volumeMount(text);
  return volumeName(mount) === undefined ? [] : [mount.destination];
}

function containerOptions(
  id: string,
  command: readonly string[],
  options: CreateOptions,
  ofImage: readonly string[],
): ContainerOptions {
  const { entrypoint, workdir, domainname } = options;
  const seccomp = seccompOf(options.securityOpt);
  const own = [...options.volume.map(volumeMount), ...options.mount.map(mountOption), ...options.tmpfs.map(tmpfsMount)];
  const mounts = withVolumes(own, ofImage, volumeId);
  return {
    command,
    env: [...settingsIn(options.envFile, process.env), ...options.env.flatMap((text) => setting(text, process.env))],
    hostname: options.hostname ?? id.slice(0, 12),
    terminal: options.tty === true,
    readOnly: options.readOnly === true,
    mounts: withNetworkFiles(mounts),
    privileged: options.privileged === true,
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
    ...(domainname === undefined ? {} : { domainname }),
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

/** `name=value`. @throws CliError */
function parameter(text: string): readonly [string, string] {
  const [name, value] = text.split(/=(.*)/s) as [string, string?];
  if (name === '' || value === undefined) throw new CliError(`--sysctl ${text} is not NAME=VALUE.`);
  return [name, value];
}
