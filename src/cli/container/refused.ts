// Options of docker-run(1) that there are none of here: each is named with the reason when it is used.
import { type Command, Option } from 'commander';
import { CliError } from '../errors.ts';

const NETWORK = 'networks reach no further than the kernel of the container';
const KERNEL = 'every container has a kernel of its own';

const DEVICES = 'devices of this computer are not shared';
const DISKS = 'a container has no disks of its own';
const HEALTH = 'health is not watched';
const NO_SWAP = 'there is no swap';
const REAL_TIME = 'there are no real-time limits in control groups of version 2';
const WINDOWS = 'it is for Windows';

const REFUSED: readonly (readonly [flags: string, why: string])[] = [
  ['-p, --publish <ports>', NETWORK],
  ['-P, --publish-all', NETWORK],
  ['--expose <port>', NETWORK],
  ['--dns <address>', NETWORK],
  ['--dns-option <option>', NETWORK],
  ['--dns-opt <option>', NETWORK],
  ['--dns-search <domain>', NETWORK],
  ['--ip <address>', NETWORK],
  ['--ip6 <address>', NETWORK],
  ['--link <container>', NETWORK],
  ['--link-local-ip <address>', NETWORK],
  ['--network-alias <name>', NETWORK],
  ['--net-alias <name>', NETWORK],
  ['--mac-address <address>', NETWORK],
  ['--volumes-from <container>', KERNEL],
  ['--volume-driver <name>', 'a volume is a directory of this computer, or kept with its container'],
  ['--cgroup-parent <path>', KERNEL],
  ['--device <device>', DEVICES],
  ['--device-cgroup-rule <rule>', DEVICES],
  ['--gpus <devices>', DEVICES],
  ['--blkio-weight-device <weight>', DISKS],
  ['--device-read-bps <rate>', DISKS],
  ['--device-read-iops <rate>', DISKS],
  ['--device-write-bps <rate>', DISKS],
  ['--device-write-iops <rate>', DISKS],
  ['--storage-opt <option>', DISKS],
  ['--kernel-memory <size>', 'what the kernel keeps for a container counts as its memory'],
  ['--memory-swappiness <number>', NO_SWAP],
  ['--oom-kill-disable', 'control groups of version 2 always kill'],
  ['--init', 'there is no program to put into the container: the first process is the one that is given'],
  ['--isolation <technology>', 'there is one kind'],
  ['--runtime <name>', 'there is one'],
  ['--annotation <name=value>', 'there is no other runtime to read it'],
  ['--health-cmd <command>', HEALTH],
  ['--health-interval <time>', HEALTH],
  ['--health-retries <number>', HEALTH],
  ['--health-start-interval <time>', HEALTH],
  ['--health-start-period <time>', HEALTH],
  ['--health-timeout <time>', HEALTH],
  ['--log-opt <option>', 'logs are of one kind'],
  ['--cpu-count <number>', WINDOWS],
  ['--cpu-percent <number>', WINDOWS],
  ['--io-maxbandwidth <size>', WINDOWS],
  ['--io-maxiops <number>', WINDOWS],
  ['-a, --attach <stream>', 'all standard files are attached, or none with --detach'],
  ['--no-sig-proxy', 'the container runs in the process that signals are sent to'],
  ['--use-api-socket', 'there is no daemon'],
];

/** Options of which one value is what a container has; others are refused. */
const FIXED: readonly (readonly [flags: string, values: readonly string[], why: string])[] = [
  ['--network <network>', ['none'], NETWORK],
  ['--net <network>', ['none'], NETWORK],
  ['--ipc <mode>', ['private', 'none'], KERNEL],
  ['--pid <mode>', ['private', ''], KERNEL],
  ['--uts <mode>', ['private', ''], KERNEL],
  ['--cgroupns <mode>', ['private'], KERNEL],
  ['--userns <mode>', ['host', ''], KERNEL],
  ['--log-driver <name>', ['json-file'], 'logs are of one kind'],
  ['--pull <policy>', ['never', 'missing'], 'images come from archives (anillo image load)'],
];

/** What both a new container and one that there is can be asked to have. */
const REFUSED_LIMITS: typeof REFUSED = [
  ['--cpu-rt-period <microseconds>', REAL_TIME],
  ['--cpu-rt-runtime <microseconds>', REAL_TIME],
];
const FIXED_LIMITS: typeof FIXED = [
  ['--restart <policy>', ['no'], 'nobody watches over containers when their process has ended'],
  ['--cpuset-mems <list>', ['0'], 'a container has one memory node, number 0'],
];

/** What is so anyway. */
const ACCEPTED = ['-q, --quiet', '--sig-proxy', '--no-healthcheck', '--disable-content-trust'];

/** Adds the options, not shown in the help; a use of one is refused with its reason. */
export function withRefused(command: Command): Command {
  return withRefusedLimits(withDetachKeys(withAccepted(refusing(command, REFUSED, FIXED), ACCEPTED)));
}

/** The same for the options of `update`. */
export const withRefusedLimits = (command: Command): Command => refusing(command, REFUSED_LIMITS, FIXED_LIMITS);

/** The same for those of `rm`. */
export const withRefusedLinks = (command: Command): Command => refusing(command, [['-l, --link', NETWORK]], []);

/** `--detach-keys`: what docker uses unless it is told otherwise. */
export const withDetachKeys = (command: Command): Command =>
  refusing(command, [], [['--detach-keys <keys>', ['ctrl-p,ctrl-q'], 'the keys are Ctrl-P Ctrl-Q']]);

/** Adds options that change nothing, not shown in the help. */
export function withAccepted(command: Command, all: readonly string[]): Command {
  for (const flags of all) {
    const option = new Option(flags).hideHelp();
    // beside an option that says the opposite it has no name of its own
    option.attributeName = () => 'accepted';
    command.addOption(option);
  }
  return command;
}

function refusing(command: Command, refused: typeof REFUSED, fixed: typeof FIXED): Command {
  for (const [flags, why] of refused) {
    const option = new Option(flags).hideHelp();
    command.addOption(option).on(`option:${option.name()}`, () => refuse(option.long ?? flags, why));
  }
  for (const [flags, values, why] of fixed) {
    const option = new Option(flags).hideHelp();
    option.attributeName = () => 'accepted';
    const parse = (value: string) => (values.includes(value) ? value : refuse(`${option.long} ${value}`, why));
    command.addOption(option.argParser(parse));
  }
  return command;
}

function refuse(what: string, why: string): never {
  throw new CliError(`${what} is not supported: ${why}.`);
}
