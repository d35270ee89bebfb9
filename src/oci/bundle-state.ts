// What other tools are told about a container of a bundle: its state and its place in the list (OCI runtime specification,
// "State"; runc-list(8)).
import type { BundleRecord, ContainerState } from './container-store.ts';
import type { RuntimeSpec } from './runtime-spec.ts';

/** The version of the specification that is implemented. */
export const OCI_VERSION = '1.2.0';

/** In the words of the specification, and runc's own for a container that is frozen. */
export type BundleStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

const STATUS: Readonly<Record<ContainerState, BundleStatus>> = {
  creating: 'creating',
  created: 'created',
  running: 'running',
  paused: 'paused',
  exited: 'stopped',
};

/** How far a container has come. */
export const statusOf = ({ state }: BundleRecord): BundleStatus => STATUS[state];

/** The state that hooks read and `state` prints; the process is the one of this computer that the container runs in. */
export function stateOf(
  { id, bundle, spec, runner }: Pick<BundleRecord, 'id' | 'bundle' | 'runner'> & { readonly spec: RuntimeSpec },
  status: BundleStatus,
): object {
  const pid = status === 'stopped' ? 0 : (runner?.pid ?? 0);
  return { ociVersion: OCI_VERSION, id, pid, status, bundle, annotations: spec.annotations };
}

/** The same with what runc adds. */
export function fullState(record: BundleRecord): object {
  const { rootfs, created, owner } = record;
  const { annotations, ...state } = stateOf(record, statusOf(record)) as { readonly annotations: object };
  return { ...state, rootfs, created, annotations, owner };
}
