// Options as programs in Go take them (docker(1), runc(8)): `--rm=true`, `-d=false`, `-m=16m`. They become what commander reads,
// up to where the arguments of a container's program begin.
import type { Command, Option } from 'commander';
import { CliError } from './errors.ts';

/** What a truth value may be (Go's strconv.ParseBool). */
const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

const withProgram = new WeakSet<Command>();

/** Whatever stands behind the first argument of this command belongs to a program. */
export function beforeProgram(command: Command): Command {
  withProgram.add(command);
  return command.passThroughOptions();
}

/** The arguments of a command, its options in commander's way. @throws CliError for a truth value that is none */
export function fromGo(command: Command, args: readonly string[]): string[] {
  const left = [...args];
  const done: string[] = [];
  while (left.length > 0) {
    const arg = left.shift()!;
    if (arg === '--') return [...done, arg, ...left];
    if (arg.length > 1 && arg.startsWith('-')) {
      done.push(...(arg.startsWith('--') ? longOption(command, arg, left) : shortOptions(command, arg, left)));
      continue;
    }
    done.push(arg);
    const inner = command.commands.find((other) => other.name() === arg || other.aliases().includes(arg));
    if (inner) return [...done, ...fromGo(inner, left)];
    if (command.commands.length > 0 || withProgram.has(command)) return [...done, ...left];
  }
  return done;
}

const takesValue = ({ required, optional }: Option) => required || optional;

/** `--name`, `--name=value`, `--name value`: the value is taken from what is left. */
function longOption(command: Command, arg: string, left: string[]): string[] {
  const [name = '', value] = arg.split(/=(.*)/s);
  const option = command.options.find(({ long }) => long === name);
  if (option && takesValue(option)) return value === undefined ? [arg, ...left.splice(0, 1)] : [arg];
  return value === undefined || !isKnown(command, name) ? [arg] : truth(command, name, value);
}

/** A bundle of letters, the last of which may have a value. */
function shortOptions(command: Command, arg: string, left: string[]): string[] {
  const done: string[] = [];
  for (let at = 1; at < arg.length; at++) {
    const option = command.options.find(({ short }) => short === `-${arg[at]}`);
    if (!option) return [...done, `-${arg.slice(at)}`];
    const rest = arg.slice(at + 1);
    if (takesValue(option)) {
      const value = rest === '' ? left.splice(0, 1) : [rest.replace(/^=/, '')];
      return [...done, option.short!, ...value];
    }
    if (rest.startsWith('=')) return [...done, ...truth(command, option.long!, rest.slice(1))];
    done.push(option.short!);
  }
  return done;
}

/** The option that says the opposite: what is so unless it is given has only this one. */
const opposite = (name: string) => (name.startsWith('--no-') ? `--${name.slice(5)}` : `--no-${name.slice(2)}`);

const isKnown = (command: Command, name: string) =>
  command.options.some(({ long }) => long === name || long === opposite(name));

function truth(command: Command, name: string, value: string): string[] {
  const isTrue = TRUE.has(value);
  if (!isTrue && !FALSE.has(value)) throw new CliError(`${name} takes true or false, not ${value}.`);
  const wanted = isTrue ? name : opposite(name);
  return command.options.some(({ long }) => long === wanted) ? [wanted] : [];
}
