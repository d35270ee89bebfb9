// /proc/PID/coredump_filter: what of its memory a process leaves in a core file (core(5) "Controlling which mappings are
// written to the core dump").
import { fail } from '../../error.ts';
import type { Task } from '../../task/task.ts';
import type { Inode } from '../../vfs/inode.ts';
import { GeneratedFile, type GeneratedFs, type LiveOwner } from '../generated.ts';

/** Kinds of memory there are. */
const KINDS = 0x1ff;
const MOST = 0xffff_ffff;

/** A number as strtoul(3) reads it in base 0. @throws SystemError EINVAL, ERANGE */
function numberOf(text: string): number {
  const word = text.replace(/\n$/, '');
  const isOctal = /^\+?0[0-7]+$/.test(word);
  if (!isOctal && !/^\+?(0x[0-9a-f]+|0|[1-9]\d*)$/i.test(word)) fail('EINVAL');
  const value = isOctal ? Number.parseInt(word, 8) : Number(word.replace('+', ''));
  return value > MOST ? fail('ERANGE') : value;
}

/** Makes the file; `there` gives the process while there is one. */
export function coreFilter(fs: GeneratedFs, there: () => Task, owner: LiveOwner): Inode {
  const read = () => {
    const { memory } = there();
    return memory === undefined ? '' : `${memory.dumped.toString(16).padStart(8, '0')}\n`;
  };
  const write = (text: string) => {
    const value = numberOf(text);
    const memory = there().memory ?? fail('ESRCH');
    memory.dumped = value & KINDS;
  };
  return new GeneratedFile(fs, { read, write }, owner, 0o644);
}
