// `--filter` of `container ps` (docker-ps(1) "--filter").
import type { ContainerRecord } from '../../oci/container-store.ts';
import { CliError } from '../errors.ts';

type Test = (record: ContainerRecord) => boolean;

/** Filters of one name are alternatives, except labels; those of different names must all agree. */
type Makers = Readonly<Record<string, (value: string, all: readonly ContainerRecord[]) => Test>>;

const STATES = ['created', 'running', 'paused', 'exited'];

const MAKERS: Makers = {
  id: (value) => (record) => record.id.startsWith(value),
  name: (value) => {
    const pattern = expression(value.replace(/^\//, ''));
    return (record) => pattern.test(record.name);
  },
  label: (value) => {
    const [name, wanted] = value.split(/=(.*)/s) as [string, string?];
    return ({ labels }) => Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted);
  },
  status: (value) => {
    if (!STATES.includes(value))
      throw new CliError(`--filter status=${value} is unknown: choose ${STATES.join(', ')}.`);
    return (record) => record.state === value;
  },
  exited: (value) => {
    if (!/^\d+$/.test(value)) throw new CliError(`--filter exited=${value} is not an exit status.`);
    return (record) => record.state === 'exited' && (record.exitCode ?? 0) === Number(value);
  },
  ancestor: (value) => (record) => {
    const { id, name } = record.image;
    return (
      name === value ||
      name === `${value}:latest` ||
      id === value ||
      (value.length >= 4 && id.startsWith(`sha256:${value}`))
    );
  },
  before: (value, all) => {
    const { created } = named(value, all);
    return (record) => record.created < created;
  },
  since: (value, all) => {
    const { created } = named(value, all);
    return (record) => record.created > created;
  },
};

function expression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new CliError(`--filter name=${text} is not a regular expression.`);
  }
}

function named(value: string, all: readonly ContainerRecord[]): ContainerRecord {
  const found = all.find(({ id, name }) => name === value || id.startsWith(value));
  if (!found) throw new CliError(`--filter names the container ${value}, which there is not.`);
  return found;
}

/** Containers that agree with filters `name=value`. @throws CliError */
export function filtered(all: readonly ContainerRecord[], filters: readonly string[]): readonly ContainerRecord[] {
  const tests = new Map<string, Test[]>();
  for (const text of filters) {
    const [name, value] = text.split(/=(.*)/s) as [string, string?];
    if (value === undefined) throw new CliError(`--filter ${text} is not NAME=VALUE.`);
    if (!Object.hasOwn(MAKERS, name)) {
      throw new CliError(`--filter ${name} is unknown: choose ${Object.keys(MAKERS).join(', ')}.`);
    }
    tests.set(name, [...(tests.get(name) ?? []), MAKERS[name]!(value, all)]);
  }
  const agrees = (record: ContainerRecord) =>
    [...tests].every(([name, some]) =>
      name === 'label' ? some.every((test) => test(record)) : some.some((test) => test(record)),
    );
  return all.filter(agrees);
}

/** Filters that speak of containers that have ended or never ran show those as well. */
export const showsEnded = (filters: readonly string[]) => filters.some((text) => /^(?:status|exited)=/.test(text));
