// What the runtime can do, for tools that ask before they write a configuration (OCI runtime specification, "Features").
import { OCI_VERSION } from './bundle-state.ts';
import { ALL_CAPABILITY_NAMES } from './capability-names.ts';
import { KNOWN_MOUNT_OPTIONS } from './mount-options.ts';
import { HOOKS, NAMESPACES, SECCOMP_ACTIONS, SECCOMP_OPERATORS } from './runtime-spec.ts';
import { SECCOMP_ARCHITECTURES } from './seccomp-program.ts';

/** The features document. */
export function features(version: string): object {
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: OCI_VERSION,
    hooks: HOOKS,
    mountOptions: KNOWN_MOUNT_OPTIONS,
    linux: {
      namespaces: NAMESPACES,
      capabilities: ALL_CAPABILITY_NAMES,
      cgroup: { v1: false, v2: true, systemd: false, systemdUser: false, rdma: false },
      seccomp: {
        enabled: true,
        actions: SECCOMP_ACTIONS.filter((action) => action !== 'SCMP_ACT_NOTIFY'),
        operators: SECCOMP_OPERATORS,
        archs: SECCOMP_ARCHITECTURES,
      },
      apparmor: { enabled: false },
      selinux: { enabled: false },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: false } },
    },
    annotations: { 'org.anillo.version': version },
  };
}
