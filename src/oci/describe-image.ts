// An image in docker's words: the answer of the Docker Engine API to "Inspect an image" (GET /images/{name}/json, version 1.47).
import type { StoredImage } from './image-store.ts';

const NONE = '<none>';

/** Repository and tag of a name; an image without a name has neither. */
export function splitName(name: string | undefined): readonly [repository: string, tag: string] {
  if (name === undefined) return [NONE, NONE];
  const colon = name.lastIndexOf(':');
  return [name.slice(0, colon), name.slice(colon + 1)];
}

/** All that docker tells of an image. */
export function describeImage({ id, names, manifest, config, size }: StoredImage) {
  const { config: run } = config;
  return {
    Id: id,
    RepoTags: names,
    RepoDigests: [...new Set(names.map((name) => `${splitName(name)[0]}@${manifest.digest}`))],
    Parent: '',
    Comment: config.history.at(-1)?.comment ?? '',
    Created: config.created ?? null,
    DockerVersion: '',
    Author: config.author ?? '',
    Architecture: config.architecture,
    Os: config.os,
    Size: size,
    VirtualSize: size,
    GraphDriver: { Name: 'overlay', Data: null },
    RootFS: { Type: 'layers', Layers: config.diffIds },
    Metadata: { LastTagTime: NEVER },
    Config: {
      User: run.User ?? '',
      Env: run.Env ?? null,
      Cmd: run.Cmd ?? null,
      Volumes: run.Volumes ?? null,
      WorkingDir: run.WorkingDir ?? '',
      Entrypoint: run.Entrypoint ?? null,
      Labels: run.Labels ?? null,
      ...(run.ExposedPorts === undefined ? {} : { ExposedPorts: run.ExposedPorts }),
      ...(run.StopSignal === undefined ? {} : { StopSignal: run.StopSignal }),
    },
  };
}

/** Go's zero time: it is not known. */
const NEVER = '0001-01-01T00:00:00Z';
