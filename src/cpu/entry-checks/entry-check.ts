// What a VM-entry check is, and how tables of them are written.

/** One VM-entry check. */
export interface EntryCheck {
  /** VMX_FAILED_CHECK. */
  readonly number: number;
  readonly name: string;
  /** Title of the section of SDM Vol. 3C. */
  readonly section: string;
  /** How the VM entry fails: VMfail 7 (control), VMfail 8 (host), exit reason 33 (guest) or 34 (msr-load). */
  readonly kind: 'control' | 'host' | 'guest' | 'msr-load';
  /** The rule. */
  readonly rule: string;
  /** Encodings of the VMCS fields it looks at. */
  readonly fields: readonly number[];
}

type Row = readonly [number: number, name: string, rule: string, fields: readonly number[]];

/** The checks of one section. */
export function section(kind: EntryCheck['kind'], title: string, rows: readonly Row[]): EntryCheck[] {
  return rows.map(([number, name, rule, fields]) => ({ number, name, section: title, kind, rule, fields }));
}
