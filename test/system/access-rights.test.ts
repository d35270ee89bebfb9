// Every paging mode and size of page, every way in which its levels can grant or deny writing, user access and execution,
// with CR0.WP, SMEP, SMAP, EFLAGS.AC and EFER.NXE, for reads, writes, fetches and implicit accesses of CPL 0 and 3: the
// verdict, the error code, the accessed and dirty flags, with an empty TLB and with one that holds the page. The expected
// values are those of paging-model.ts.
import { describe, expect, test } from 'vitest';
import { MODES, type ModeRow, PagingMachine } from './paging-machine.ts';
import { type Access, type Controls, type Entry, pageFault } from './paging-model.ts';

const ACCESSES: readonly Access[] = ([0, 3] as const).flatMap((cpl) => [
  ...(['read', 'write', 'fetch'] as const).map((kind) => ({ kind, cpl, implicit: false })),
  ...(['read', 'write'] as const).map((kind) => ({ kind, cpl, implicit: true })),
]);

const BOTH = [false, true];
const CONTROLS: readonly Controls[] = BOTH.flatMap((wp) =>
  BOTH.flatMap((smep) =>
    BOTH.flatMap((nxe) =>
      [
        [false, false],
        [true, false],
        [true, true],
      ].map(([smap, ac]) => ({ wp, smep, nxe, smap: smap!, ac: ac! })),
    ),
  ),
);

const OPEN: Entry = { present: true, writable: true, user: true, executeDisable: false, reserved: false };

/** Which levels deny: none, each single one, all. */
function denials(levels: number): readonly number[] {
  const single = Array.from({ length: levels }, (_, n) => 1 << n);
  return [...new Set([0, ...single, (1 << levels) - 1])];
}

/** Every way of denying writing, user access and execution. */
function* rights(mode: ModeRow): Generator<Entry[]> {
  const levels = mode.levels.length;
  for (const noWrite of denials(levels))
    for (const noUser of denials(levels))
      for (const noExecute of mode.entrySize === 8 ? denials(levels) : [0])
        yield mode.levels.map((_, n) => ({
          ...OPEN,
          writable: !((noWrite >> n) & 1),
          user: !((noUser >> n) & 1),
          executeDisable: ((noExecute >> n) & 1) !== 0,
        }));
}

/** An implicit write is a read of the descriptor first: the fault of whichever fails, and what succeeded. */
function expected(mode: ModeRow, entries: readonly Entry[], access: Access, c: Controls) {
  const steps = access.implicit && access.kind === 'write' ? [{ ...access, kind: 'read' as const }, access] : [access];
  const faults = steps.map((step) => pageFault(entries, step, c, mode.entrySize === 8));
  const error = faults.find((fault) => fault !== undefined);
  const isWalked = faults[0] === undefined;
  const isDirty = error === undefined && access.kind === 'write';
  const flags = entries.map((_, n) => (isWalked ? 1 : 0) | (isDirty && n === entries.length - 1 ? 2 : 0));
  return { error, flags: flags.join() };
}

const show = (mode: ModeRow, entries: readonly Entry[], access: Access, c: Controls) =>
  [
    `${access.implicit ? 'implicit ' : ''}${access.kind} at CPL ${access.cpl}`,
    Object.entries(c)
      .map(([name, on]) => (on ? name.toUpperCase() : ''))
      .filter(Boolean)
      .join(' '),
    mode.levels
      .map((name, n) => {
        const { present, writable, user, executeDisable } = entries[n]!;
        return `${name} ${present ? 'P' : '-'}${writable ? 'W' : '-'}${user ? 'U' : '-'}${executeDisable ? 'X' : '-'}`;
      })
      .join(', '),
  ].join('; ');

/** Mismatches, described; the first ten will do. */
class Mismatches {
  readonly list: string[] = [];
  check(what: string, got: unknown, wanted: unknown, describeCase: () => string): void {
    if (got !== wanted && this.list.length < 10) this.list.push(`${describeCase()}: ${what} ${got}, not ${wanted}`);
  }
}

describe.each(MODES.map((mode) => [mode.name, mode] as const))('%s', (_, mode) => {
  test('rights, error codes, accessed and dirty flags', () => {
    const m = new PagingMachine(mode);
    const wrong = new Mismatches();
    for (const c of CONTROLS) {
      m.setControls(c);
      for (const entries of rights(mode)) {
        for (const access of ACCESSES) {
          m.setEntries(entries);
          const { error, flags } = expected(mode, entries, access, c);
          const about = () => show(mode, entries, access, c);
          wrong.check('error code', m.access(access), error, about);
          wrong.check('flags', m.changes().join(), flags, about);
        }
      }
    }
    expect(wrong.list).toEqual([]);
  });

  test('the TLB, filled by whatever access came before, changes no verdict', () => {
    const m = new PagingMachine(mode);
    const wrong = new Mismatches();
    for (const c of CONTROLS) {
      for (const entries of rights(mode)) {
        if (entries.some((entry) => entry.executeDisable) && !c.nxe) continue;
        m.setControls(c);
        m.setEntries(entries);
        for (const access of [...ACCESSES, ...[...ACCESSES].reverse()]) {
          const { error } = expected(mode, entries, access, c);
          wrong.check('error code', m.access(access), error, () => show(mode, entries, access, c));
        }
      }
    }
    expect(wrong.list).toEqual([]);
  });

  test('an entry that is not present, or sets a reserved bit, faults at its level', () => {
    const m = new PagingMachine(mode);
    const wrong = new Mismatches();
    const some = CONTROLS.filter((c) => !c.smap && c.wp);
    const check = (entries: readonly Entry[], level: number, extra: bigint) => {
      for (const c of some) {
        m.setControls(c);
        for (const access of ACCESSES) {
          m.setEntries(entries, level, extra);
          const { error } = expected(mode, entries, access, c);
          const about = () => `bit 0x${extra.toString(16)} of ${mode.levels[level]}; ${show(mode, entries, access, c)}`;
          wrong.check('error code', m.access(access), error, about);
          wrong.check('flags', m.changes().join(), entries.map(() => 0).join(), about);
        }
      }
    };
    mode.levels.forEach((_, level) => {
      const at = (change: Partial<Entry>) => mode.levels.map((_, n) => (n === level ? { ...OPEN, ...change } : OPEN));
      // an entry that is not present has no reserved bits
      check(at({ present: false }), level, 0n);
      for (const bit of mode.reserved[level]!) {
        check(at({ reserved: true }), level, bit);
        check(at({ present: false, reserved: true }), level, bit);
      }
    });
    expect(wrong.list).toEqual([]);
  });

  test('bits that are ignored are ignored', () => {
    const m = new PagingMachine(mode);
    const wrong = new Mismatches();
    mode.levels.forEach((_, level) => {
      const isLast = level === mode.levels.length - 1;
      // PWT, PCD, bits 11:9; in the page's entry also global; bits 62:52 in IA-32e mode
      const ignored = [8n, 0x10n, 0x200n, 0x400n, 0x800n, ...(isLast ? [0x100n] : [])];
      if (mode.name.includes('level')) for (let bit = 52n; bit < 63n; bit++) ignored.push(1n << bit);
      for (const bit of ignored) {
        m.setEntries(
          mode.levels.map(() => OPEN),
          level,
          bit,
        );
        for (const access of ACCESSES)
          wrong.check('error code', m.access(access), undefined, () => `bit 0x${bit.toString(16)} of level ${level}`);
      }
    });
    expect(wrong.list).toEqual([]);
  });
});
