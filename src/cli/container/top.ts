// The processes of a container (docker-top(1)).
import { Places } from '../places.ts';
import { ask } from './client.ts';
import { processTable, type Process } from './processes.ts';

/** Lists the processes of a container. @throws OciError when it does not run */
export async function showProcesses(name: string): Promise<void> {
  const processes = (await ask(new Places().containers.find(name), { op: 'top' })) as readonly Process[];
  process.stdout.write(processTable(processes));
}
