// What paging allows, straight from the manual and independent of the core: SDM Vol. 3A "Determination of Access Rights",
// "Page-Fault Exceptions", "Accessed and Dirty Flags". The tests hold the core against it.

/** One entry of a walk, from the top of the hierarchy down. */
export interface Entry {
  readonly present: boolean;
  readonly writable: boolean;
  readonly user: boolean;
  readonly executeDisable: boolean;
  /** It sets a bit that is reserved whatever EFER.NXE is. */
  readonly reserved: boolean;
}

/** One access. An implicit one is a supervisor access whatever CPL is. */
export interface Access {
  readonly kind: 'read' | 'write' | 'fetch';
  readonly cpl: 0 | 3;
  readonly implicit: boolean;
}

/** What modifies access rights. */
export interface Controls {
  readonly wp: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly ac: boolean;
  readonly nxe: boolean;
}

const P = 1;
const W = 2;
const U = 4;
const RSVD = 8;
const ID = 16;

const isUserMode = (access: Access) => access.cpl === 3 && !access.implicit;

function supervisorMay(access: Access, entries: readonly Entry[], c: Controls, xd: boolean): boolean {
  const isUserAddress = entries.every((entry) => entry.user);
  const isWritable = entries.every((entry) => entry.writable);
  if (access.kind === 'fetch') return !(isUserAddress && c.smep) && !xd;
  if (isUserAddress && c.smap && (access.implicit || !c.ac)) return false;
  return access.kind === 'read' || !c.wp || isWritable;
}

function userMay(access: Access, entries: readonly Entry[], xd: boolean): boolean {
  if (!entries.every((entry) => entry.user)) return false;
  if (access.kind === 'fetch') return !xd;
  return access.kind === 'read' || entries.every((entry) => entry.writable);
}

/** The error code of the page fault that an access raises; undefined if it is allowed. `hasXd`: entries have 64 bits. */
export function pageFault(entries: readonly Entry[], access: Access, c: Controls, hasXd: boolean): number | undefined {
  const code =
    (access.kind === 'write' ? W : 0) |
    (isUserMode(access) ? U : 0) |
    (access.kind === 'fetch' && (c.smep || (hasXd && c.nxe)) ? ID : 0);
  for (const entry of entries) {
    if (!entry.present) return code;
    if (entry.reserved || (hasXd && entry.executeDisable && !c.nxe)) return code | P | RSVD;
  }
  const xd = hasXd && c.nxe && entries.some((entry) => entry.executeDisable);
  const may = isUserMode(access) ? userMay(access, entries, xd) : supervisorMay(access, entries, c, xd);
  return may ? undefined : code | P;
}
