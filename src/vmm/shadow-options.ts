// How shadow paging is tied to its VMM, and what it makes of page faults.

import type { VmmCounters } from './counters.ts';
import type { HostAccess } from './host-access.ts';
import type { PagePool } from './host-memory.ts';
import type { Vcpu } from './vcpu.ts';

/** What came of a page fault the CPU reported. */
export type FaultOutcome =
  /** Hidden from the guest: the shadow entry is there now, run again. */
  | { readonly kind: 'filled' }
  /** The guest's own tables deny the access: the guest must see it. */
  | { readonly kind: 'true'; readonly error: number }
  /** No RAM there (a device register or nothing), or an address the VMM itself occupies: emulate the access. */
  | { readonly kind: 'mmio'; readonly guestPhysical: number }
  /** A write to a page that is traced: emulate it and report it with `guestWrote`. */
  | { readonly kind: 'traced'; readonly guestPhysical: number };

/** How shadow paging is tied to its VMM. */
export interface ShadowOptions {
  readonly access: HostAccess;
  readonly vcpu: Vcpu;
  readonly domain: { readonly ramSize: number; hostPhysical(gpa: number): number };
  readonly counters: VmmCounters;
  readonly pool: PagePool;
  /** A page beyond RAM that is mapped all the same (the APIC-access page of VT-x); `domain.hostPhysical` says where. */
  readonly isMapped?: (guestPhysical: number) => boolean;
  /** A page that is mapped but not writable (ROM). */
  readonly isReadOnly?: (guestPhysical: number) => boolean;
  /** Clears a host page at once; what it costs is charged by shadow paging. By stores if absent. */
  readonly clearPage?: (page: number) => void;
  /** Makes the tables at this host-physical root (a PAE pointer table) current, flushing what the TLB held. */
  readonly loadRoot: (root: number) => void;
  readonly invalidate: (linear: number) => void;
  /** Host-physical addresses of the page tables mapping the VMM region, for techniques that share the address space. */
  readonly regionTables?: readonly [number, number];
  /** A page traced as code is about to be written; `untraceCode` in this call lets the write go through. */
  readonly onTracedWrite?: (frame: number) => void;
  /** A traced page of code was written, or a mapping of one changed. */
  readonly onCodeChange?: (frame: number, offset: number, length: number) => void;
  /** A directory entry of the guest changed: everything mapped in [linear, linear + length) may be elsewhere. */
  readonly onRangeChange?: (linear: number, length: number) => void;
}
