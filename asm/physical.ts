// Physical memory: RAM, ROM and MMIO pages, and which bytes of RAM hold decoded code.
import { A20_MASK, MSR_APIC_BASE, PAGE_MMIO, PAGE_RAM, PAGE_ROM, PAGE_TABLES, RAM } from './layout';
import { mmioRead, mmioWrite } from './host';
import { charge, publishTime } from './charge';
import { COST_APIC_ACCESS, COST_MMIO_READ, COST_MMIO_WRITE } from './gen/costs';
import { armBreak } from './breaks';
import { invalidateCode, noteStore } from './code-changes';
import { noteNewContents } from './first-runs';
import { noteMonitored } from './processors/monitor';
import { mustWait } from './processors/wait';

/** u8 per physical page below 4 GiB: PAGE_*. */
export const PAGE_KINDS: usize = PAGE_TABLES;
/** u64 per physical page: bit n set = decoded code in bytes [64 n, 64 n + 63]. */
export const PAGE_CODE: usize = PAGE_TABLES + 0x100000;
/** u32 per physical page: head of the list of the page's blocks. */
export const PAGE_BLOCKS: usize = PAGE_TABLES + 0x900000;

/** Number of RAM pages. */
export let ramPages: u64 = 0;

export function setRamSize(low: u32, high: u32): void {
  ramPages = ((u64(high) << 32) | low) >> 12;
  findPlain();
}

/**
 * A ROM that ends at 4 GiB has its bytes behind those of RAM. Its pages are known by another physical address: that of the
 * bytes, with a bit above all real addresses. `romAlias` gives it, and everything behind a translation uses it.
 */
const ROM_ALIAS: u64 = 1 << 52;
const FOUR_GIB: u64 = 1 << 32;
/** First physical address of the ROM: all ones when there is none. */
let romStart: u64 = u64.MAX_VALUE;

export function setRomSize(size: u32): void {
  romStart = FOUR_GIB - size;
  findPlain();
}

/** Number of pages of RAM and, numbered behind them, of the ROM. */
export function memoryPages(): usize {
  return usize(ramPages + (romStart < FOUR_GIB ? (FOUR_GIB - romStart) >> 12 : 0));
}

/** The address by which the bytes at `physical` are known. */
// @ts-ignore: decorator
@inline
export function romAlias(physical: u64): u64 {
  return physical < romStart || physical >= FOUR_GIB ? physical : ROM_ALIAS + (ramPages << 12) + physical - romStart;
}

/** The first page of which `setPageKind` has said that it is not RAM, and the page behind the last of them. */
let firstOther: u64 = u64.MAX_VALUE;
let behindOthers: u64 = 0;
/** Pages below this one, and so many from `behindOthers` on, are RAM and known by their own addresses. */
let plainBelow: u64 = 0;
let plainBehind: u64 = 0;

function findPlain(): void {
  const end = min(ramPages, romStart >> 12);
  plainBelow = min(end, firstOther);
  plainBehind = end > behindOthers ? end - behindOthers : 0;
}

export function setPageKind(page: u32, kind: u32): void {
  store<u8>(PAGE_KINDS + page, u8(kind));
  if (kind == PAGE_RAM) return;
  firstOther = min<u64>(firstOther, page);
  behindOthers = max<u64>(behindOthers, page + 1);
  findPlain();
}

/** Is this page RAM? */
// @ts-ignore: decorator
@inline
export function isRamPage(page: u64): bool {
  if (page < plainBelow || page - behindOthers < plainBehind) return true;
  return page < ramPages && load<u8>(PAGE_KINDS + usize(page)) == PAGE_RAM;
}

/** Is this page RAM, and known by its own address (`romAlias`)? */
export function isPlainPage(page: u64): bool {
  return isRamPage(page) && romAlias(page << 12) == page << 12;
}

/** Does `isPlainPage` need no look at the page's kind? */
// @ts-ignore: decorator
@inline
export function isSurelyPlain(page: u64): bool {
  return (u32(page < plainBelow) | u32(page - behindOthers < plainBehind)) != 0;
}

/** PAGE_RAM, PAGE_MMIO or PAGE_ROM of a physical page number. */
// @ts-ignore: decorator
@inline
export function pageKind(page: u64): u32 {
  if (page < ramPages) return load<u8>(PAGE_KINDS + usize(page));
  return page >= ROM_ALIAS >> 12 ? PAGE_ROM : PAGE_MMIO;
}

/** Address lines of the processor: bits above them, in a VMCS that was changed in memory say, lead nowhere else. */
const ADDRESS_LINES: u64 = (1 << 36) - 1;

// @ts-ignore: decorator
@inline
export function maskA20(physical: u64): u64 {
  return physical & load<u64>(A20_MASK) & ADDRESS_LINES;
}

/** Offset in the local APIC's page of the register that sends interrupts to other processors. */
const APIC_COMMAND: u64 = 0x300;

/** The local APIC is on the chip, everything else behind the bus. */
function isOnChip(physical: u64): bool {
  return physical >> 12 == (load<u64>(MSR_APIC_BASE) & 0xf_ffff_f000) >> 12;
}

function readDevice(physical: u64, size: u32): u64 {
  const onChip = isOnChip(physical);
  if (!onChip && mustWait()) return 0;
  charge(onChip ? COST_APIC_ACCESS : COST_MMIO_READ, 1);
  publishTime();
  const low = u32(physical);
  const high = u32(physical >> 32);
  let v: u64 = mmioRead(low, high, min(size, 4));
  if (size == 8) v |= u64(mmioRead(low + 4, high, 4)) << 32;
  armBreak();
  return v;
}

function writeDevice(physical: u64, size: u32, v: u64): void {
  const onChip = isOnChip(physical);
  if ((!onChip || (physical & 0xfff) == APIC_COMMAND) && mustWait()) return;
  charge(onChip ? COST_APIC_ACCESS : COST_MMIO_WRITE, 1);
  publishTime();
  const low = u32(physical);
  const high = u32(physical >> 32);
  mmioWrite(low, high, min(size, 4), u32(v));
  if (size == 8) mmioWrite(low + 4, high, 4, u32(v >> 32));
  armBreak();
}

/** Reads within one physical page; `size` 1, 2, 4 or 8. */
export function readPhysicalSized(physical: u64, size: u32): u64 {
  physical = romAlias(physical);
  if (pageKind(physical >> 12) == PAGE_MMIO) return readDevice(physical, size);
  const host = RAM + usize(physical);
  if (size == 4) return load<u32>(host);
  if (size == 1) return load<u8>(host);
  if (size == 2) return load<u16>(host);
  return load<u64>(host);
}

/** A 4-byte entry of a paging structure, which normally lies in RAM. */
// @ts-ignore: decorator
@inline
export function readEntry32(physical: u64): u64 {
  return isRamPage(physical >> 12) ? load<u32>(RAM + usize(physical)) : readPhysicalSized(physical, 4);
}

/** The same of 8 bytes. */
// @ts-ignore: decorator
@inline
export function readEntry64(physical: u64): u64 {
  return isRamPage(physical >> 12) ? load<u64>(RAM + usize(physical)) : readPhysicalSized(physical, 8);
}

/** Writes within one physical page; decoded code under it changes with it, ROM keeps its contents. */
export function writePhysicalSized(physical: u64, size: u32, v: u64): void {
  const kind = pageKind(romAlias(physical) >> 12);
  if (kind == PAGE_MMIO) {
    writeDevice(physical, size, v);
    return;
  }
  if (kind == PAGE_ROM) return;
  const host = RAM + usize(physical);
  if (size == 4) store<u32>(host, u32(v));
  else if (size == 1) store<u8>(host, u8(v));
  else if (size == 2) store<u16>(host, u16(v));
  else store<u64>(host, v);
  noteStore(physical, size);
}

/** Code bits of a range inside one page. */
// @ts-ignore: decorator
@inline
export function chunkMask(offset: u32, size: u32): u64 {
  const first = offset >> 6;
  const last = (offset + size - 1) >> 6;
  return (u64.MAX_VALUE >> (63 - u64(last - first))) << u64(first);
}

/** RAM in one page is about to change: drops decoded code that overlaps. */
// @ts-ignore: decorator
@inline
export function noteWrite(physical: u64, size: u32): void {
  const page = usize(physical >> 12);
  const code = load<u64>(PAGE_CODE + (page << 3));
  if (code) noteMarkedWrite(page, code, chunkMask(u32(physical) & 0xfff, size));
}

/** The same for chunks of a page with marks: of decoded code, or of MONITOR. */
function noteMarkedWrite(page: usize, code: u64, chunks: u64): void {
  if (!(code & chunks)) return;
  invalidateCode(u32(page));
  noteNewContents(u32(page));
  noteMonitored(page, chunks);
}

/** The host changed [physical, physical + length) of RAM. */
export function noteWriteRange(physical: u64, length: u64): void {
  if (!length) return;
  const last = min((physical + length - 1) >> 12, ramPages ? ramPages - 1 : 0);
  for (let page = physical >> 12; page <= last; page++) {
    const first = page == physical >> 12 ? u32(physical) & 0xfff : 0;
    const end = page == (physical + length - 1) >> 12 ? (u32(physical + length - 1) & 0xfff) + 1 : 0x1000;
    const code = load<u64>(PAGE_CODE + (usize(page) << 3));
    if (code) noteMarkedWrite(usize(page), code, chunkMask(first, end - first));
  }
}

/** Physical access of any alignment (may cross pages). */
export function readPhysical<T>(physical: u64): T {
  const address = maskA20(physical);
  if ((address & 0xfff) + sizeof<T>() <= 0x1000) return <T>readPhysicalSized(address, sizeof<T>());
  let v: u64 = 0;
  for (let i: u64 = 0; i < sizeof<T>(); i++) v |= readPhysicalSized(maskA20(physical + i), 1) << (i << 3);
  return <T>v;
}

export function writePhysical<T>(physical: u64, v: T): void {
  const address = maskA20(physical);
  if ((address & 0xfff) + sizeof<T>() <= 0x1000) writePhysicalSized(address, sizeof<T>(), u64(v));
  else for (let i: u64 = 0; i < sizeof<T>(); i++) writePhysicalSized(maskA20(physical + i), 1, (u64(v) >> (i << 3)) & 0xff);
}
