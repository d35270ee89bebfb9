// Options of docker-run(1) that there are none of here: each is named with the reason when it is used.
import { type Command, Option } from 'commander';
import { CliError } from '../errors.ts';

const NETWORK = 'networks reach no further than the kernel of the container';
const KERNEL = 'every container has a kernel of its own';

const REFUSED: readonly (readonly [flags: string, why: string])[] = [
  ['-p, --publish <ports>', NETWORK],
  ['-P, --publish-all', NETWORK],
  ['--dns <address>', NETWORK],
  ['--ip <address>', NETWORK],
  ['--link <container>', NETWORK],
  ['--network-alias <name>', NETWORK],
  ['--mac-address <address>', NETWORK],
  ['--volumes-from <container>', KERNEL],
  ['--cgroup-parent <path>', KERNEL],
  ['--device <device>', 'devices of this computer are not shared'],
  ['--gpus <devices>', 'devices of this computer are not shared'],
  ['--init', 'there is no program to put into the container: the first process is the one that is given'],
  ['--isolation <technology>', 'there is one kind'],
  ['--runtime <name>', 'there is one'],
  ['--health-cmd <command>', 'health is not watched'],
  ['--pull <policy>', 'images come from archives (anillo image load)'],
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
  ['--restart <policy>', ['no'], 'nobody watches over containers when their process has ended'],
];

/** Adds the options, not shown in the help; a use of one is refused with its reason. */
export function withRefused(command: Command): Command {
  for (const [flags, why] of REFUSED) {
    const option = new Option(flags).hideHelp();
    command.addOption(option).on(`option:${option.name()}`, () => refuse(option.long ?? flags, why));
  }
  for (const [flags, values, why] of FIXED) {
    const option = new Option(flags).hideHelp();
    const parse = (value: string) => (values.includes(value) ? value : refuse(`${option.long} ${value}`, why));
    command.addOption(option.argParser(parse));
  }
  return command;
}

function refuse(what: string, why: string): never {
  throw new CliError(`${what} is not supported: ${why}.`);
}
