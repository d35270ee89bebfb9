// One more program in a running container (docker-exec(1)).
import { Places } from '../places.ts';
import { ask, LocalStreams, windowSize } from './client.ts';

/** Runs one more program in a running container; the exit status becomes its own. */
export async function execInContainer(
  name: string,
  args: readonly string[],
  options: { interactive?: true; tty?: true; detach?: true; env: readonly string[]; user?: string; workdir?: string },
): Promise<void> {
  const { containers } = new Places();
  const record = containers.find(name);
  const terminal = options.tty === true;
  const interactive = options.interactive === true;
  const local = new LocalStreams({ raw: terminal });
  const { workdir } = options;
  const exec = {
    args,
    env: options.env,
    user: options.user ?? record.user,
    terminal,
    interactive,
    ...(workdir === undefined ? {} : { workdir }),
    ...(terminal ? { size: windowSize() } : {}),
  };
  try {
    const done = ask(
      record,
      { op: 'exec', exec },
      {
        onOutput: local.write,
        onOpen: (send) => local.open(send, { interactive }),
      },
    );
    process.exitCode = Number(await done);
  } finally {
    local.close();
  }
}
