// Signals by the names users give them (docker-kill(1)).
import { SIGNAL } from '../../abi/signal.ts';
import { CliError } from '../errors.ts';

/** The number of a signal by name or number. @throws CliError */
export function signalNumber(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 64) return Number(text);
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const found = Object.entries(SIGNAL).find(([known]) => known === name);
  if (!found) throw new CliError(`There is no signal ${text}.`);
  return found[1];
}
