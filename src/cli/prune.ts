// Removing what nobody uses: containers that do not run, images without names or without containers (docker-container-prune(1),
// docker-image-prune(1)).
import { createInterface } from 'node:readline/promises';
import { usersOf } from '../oci/container-store.ts';
import { humanSize } from './columns.ts';
import { CliError } from './errors.ts';
import { Places } from './places.ts';

/** Asks unless it is to be done by force. @throws CliError when there is nobody to ask */
async function isWanted(what: string, force: boolean): Promise<boolean> {
  if (force) return true;
  if (!process.stdin.isTTY) throw new CliError(`This removes ${what}: use --force where nobody can be asked.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`This removes ${what}. Go on? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function report(title: string, ids: readonly string[], bytes: number): void {
  if (ids.length > 0) process.stdout.write(`${title}:\n${ids.join('\n')}\n\n`);
  process.stdout.write(`Total reclaimed space: ${humanSize(bytes)}\n`);
}

/** Removes all containers that do not run. */
export async function pruneContainers({ force }: { readonly force?: true }): Promise<void> {
  if (!(await isWanted('all containers that do not run', force === true))) return;
  const { containers } = new Places();
  const removed: string[] = [];
  let bytes = 0;
  for (const { id, runner } of containers.list()) {
    if (runner) continue;
    const kept = containers.changes(id);
    kept?.content.close();
    await containers.remove(id);
    bytes += kept?.content.size ?? 0;
    removed.push(id);
  }
  report('Deleted Containers', removed, bytes);
}

/** Removes images that have no name; with `all` also those that no container needs. */
export async function pruneImages({ all, force }: { readonly all?: true; readonly force?: true }): Promise<void> {
  const what = all ? 'all images that no container needs' : 'all images without a name';
  if (!(await isWanted(what, force === true))) return;
  const { images, containers } = new Places();
  const removed: string[] = [];
  let bytes = 0;
  const there = images.list();
  const named = new Set(there.filter(({ names }) => names.length > 0).map(({ id }) => id));
  for (const image of there) {
    const isGone = removed.includes(image.id);
    if (isGone || (!all && named.has(image.id)) || usersOf(containers, image).length > 0) continue;
    await images.remove(image.id, { force: true, users: (other) => usersOf(containers, other) });
    bytes += image.size;
    removed.push(image.id);
  }
  report('Deleted Images', removed, bytes);
}
