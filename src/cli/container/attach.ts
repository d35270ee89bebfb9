// The standard files of a running container at this terminal (docker-attach(1)).
import { Places } from '../places.ts';
import { ask, LocalStreams, windowSize } from './client.ts';
import { decode, type Input } from './protocol.ts';
import { SIGNAL } from '../../abi/signal.ts';

const CTRL_P = 0x10;
const CTRL_Q = 0x11;

/** Options of `attach`, parsed. */
export interface AttachOptions {
  readonly stdin: boolean;
  readonly sigProxy: boolean;
}

/** Attaches to a container until it ends, or Ctrl-P Ctrl-Q is typed; the exit status becomes its own. */
export async function attachToContainer(name: string, options: AttachOptions): Promise<void> {
  const record = new Places().containers.find(name);
  const { terminal } = record.spec.process;
  const local = new LocalStreams({ raw: terminal });
  const gone = new AbortController();
  const stop = (signal: number) => () => passOn?.({ signal });
  const [interrupted, terminated] = [stop(SIGNAL.SIGINT), stop(SIGNAL.SIGTERM)];
  let passOn: ((input: Input) => void) | undefined;
  const onOpen = (send: (input: Input) => Promise<void>) => {
    if (terminal && process.stdout.isTTY) void send({ size: windowSize() });
    passOn = (input) => void send(input);
    if (options.sigProxy) process.on('SIGINT', interrupted).on('SIGTERM', terminated);
    const leaves = terminal ? leaving() : () => false;
    const typed = (input: Input) => {
      if ('data' in input && leaves(decode(input.data))) gone.abort();
      else void send(input);
    };
    local.open(typed, { interactive: options.stdin && record.openStdin });
  };
  try {
    const ended = ask(record, { op: 'attach' }, { onOutput: local.write, onOpen, signal: gone.signal });
    process.exitCode = Number(await ended);
  } finally {
    local.close();
    process.off('SIGINT', interrupted).off('SIGTERM', terminated);
  }
}

/** Tells whether what is typed ends with the two keys that leave a container alone. */
function leaving(): (typed: Uint8Array) => boolean {
  let last = 0;
  return (typed) => {
    for (const key of typed) {
      if (last === CTRL_P && key === CTRL_Q) return true;
      last = key;
    }
    return false;
  };
}
