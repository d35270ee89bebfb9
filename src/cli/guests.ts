// anillo guests: what is bundled.
import Table from 'cli-table3';
import { bundledGuests } from './assets.ts';

/** Lists the bundled guests. */
export function listGuests(options: { readonly json?: boolean }): void {
  const guests = bundledGuests();
  if (options.json) {
    process.stdout.write(`${JSON.stringify(guests, null, 2)}\n`);
    return;
  }
  const table = new Table({
    head: ['guest', 'what it does', 'takes with --append', 'paravirtual build'],
    style: { head: [], border: [] },
    colWidths: [12, 60, 20, 13],
    wordWrap: true,
  });
  for (const { name, description, arguments: accepted, paravirtual } of guests)
    table.push([name, description, accepted.join(', '), paravirtual ? 'yes' : 'no']);
  process.stdout.write(`${table.toString()}\n`);
}
