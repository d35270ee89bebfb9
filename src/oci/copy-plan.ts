// Where a copy goes (docker-cp(1) "DESCRIPTION"): the directory that gets it, and the name it has there.
import { OciError } from './oci-error.ts';

/** What is copied. */
export interface CopySource {
  /** As it was written. */
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Where to. */
export interface CopyTarget extends CopySource {
  readonly exists: boolean;
}

/** The directory that gets the copy; without a name it gets what the source has in it. */
export interface CopyPlan {
  readonly directory: string;
  readonly name: string;
}

/** The directory of a path, and its last name; both as they were written, without what a slash behind them says. */
export function splitPath(path: string): { readonly directory: string; readonly base: string } {
  const plain = path.replace(/\/+$/, '');
  const slash = plain.lastIndexOf('/');
  if (plain === '') return { directory: '/', base: '' };
  return { directory: slash < 0 ? '.' : plain.slice(0, slash) || '/', base: plain.slice(slash + 1) };
}

/** `dir/.` is what is in a directory. */
const meansContents = (path: string) => ['', '.', '..'].includes(splitPath(path).base);

/** @throws OciError for a copy that cannot be */
export function planCopy(source: CopySource, target: CopyTarget): CopyPlan {
  if (target.exists && target.isDirectory) {
    const name = source.isDirectory && meansContents(source.path) ? '' : splitPath(source.path).base;
    return { directory: target.path, name };
  }
  if (target.exists && source.isDirectory)
    throw new OciError('bad-option', `${target.path} is no directory: the directory ${source.path} cannot go there.`);
  if (!source.isDirectory && /\/\.?$/.test(target.path))
    throw new OciError('not-found', `There is no directory ${target.path} to copy ${source.path} into.`);
  const { directory, base } = splitPath(target.path.replace(/\/\.$/, ''));
  return { directory, name: base };
}
