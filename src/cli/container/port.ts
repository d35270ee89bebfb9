// Ports of containers as docker-port(1) lists them.
import { CliError, EXIT } from '../errors.ts';
import { Places } from '../places.ts';

/** Lists ports that lead to a container: there are none. @throws CliError for one that is asked for */
export function showPorts(name: string, port: string | undefined): void {
  const { name: found } = new Places().containers.find(name);
  if (port === undefined) return;
  throw new CliError(
    `The port ${port} of ${found} cannot be reached from outside: networks reach no further than the kernel of the container.`,
    EXIT.failure,
  );
}
