// landlock_create_ruleset(2): rules that are being put together, as an open file.
import type { KernelObject } from '../../cgroup/kernel-object.ts';
import type { Rules } from '../../landlock/domain.ts';
import { fail } from '../../error.ts';
import { FileDescription } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';

/** A ruleset. */
export class RulesetFile extends FileDescription {
  readonly handled: number;
  /** Domains keep the map they were made of: each rule makes another. */
  rules: Rules = new Map();
  readonly #stored: KernelObject;

  constructor(inode: Inode, flags: number, handled: number, stored: KernelObject) {
    super(inode, flags);
    this.handled = handled;
    this.#stored = stored;
  }

  /** Allows something below a file, besides what is allowed there already. @throws OutOfFrames */
  allow(inode: Inode, rights: number): void {
    const rules = new Map(this.rules);
    rules.set(inode, (rules.get(inode) ?? 0) | rights);
    this.#stored.set(0, rules.size);
    this.rules = rules;
  }

  override get seekable(): boolean {
    return false;
  }

  override read(): number {
    return fail('EINVAL');
  }

  override write(): number {
    return fail('EINVAL');
  }

  override closed(): void {
    this.#stored.clear();
  }
}
