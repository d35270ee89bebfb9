// Thread-local storage: set_thread_area(2), get_thread_area(2), arch_prctl(2).
import { fail } from '../error.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { readUser, writeUser } from '../mm/user-memory.ts';
import { TLS, TLS_ENTRIES } from '../platform.ts';
import type { Task } from '../task/task.ts';
import { full, type Implementations } from './table.ts';

/** GDT entries a 64-bit kernel gives to threads. */
const FIRST_ENTRY = 12;
const USER_DESC_SIZE = 16;
const ARCH_SET_GS = 0x1001;
const ARCH_SET_FS = 0x1002;
const ARCH_GET_FS = 0x1003;
const ARCH_GET_GS = 0x1004;
const ARCH_GET_CPUID = 0x1011;
const ARCH_SET_CPUID = 0x1012;
const ADDRESS_LIMIT = 0x7fff_ffff_f000n;

/** Sets the entry a struct user_desc describes; its number is written back when it was -1. @throws SystemError, BadAddress */
export function setThreadArea(task: Task, memory: AddressSpace, address: number): void {
  const bytes = readUser(memory, address, USER_DESC_SIZE);
  const view = new DataView(bytes.buffer);
  let entry = view.getInt32(0, true);
  const { context } = task;
  if (entry === -1) {
    let free = 0;
    while (free < TLS_ENTRIES && context.reg64(TLS + free) !== 0n) free++;
    if (free === TLS_ENTRIES) fail('ESRCH');
    entry = FIRST_ENTRY + free;
    view.setInt32(0, entry, true);
    writeUser(memory, address, bytes.subarray(0, 4));
  }
  if (entry < FIRST_ENTRY || entry >= FIRST_ENTRY + TLS_ENTRIES) fail('EINVAL');
  const value = descriptor(view.getUint32(4, true), view.getUint32(8, true), view.getUint32(12, true));
  context.setReg64(TLS + entry - FIRST_ENTRY, value);
}

/** A GDT descriptor of ring 3 from base, limit and the flag bits of struct user_desc. */
function descriptor(base: number, limit: number, flags: number): bigint {
  const [is32, contents, readOnly, inPages, absent] = [flags & 1, (flags >> 1) & 3, flags & 8, flags & 16, flags & 32];
  // an empty descriptor clears the entry
  if (base === 0 && limit === 0 && (absent || flags === 0)) return 0n;
  if (contents & 2) fail('EINVAL');
  const type = 1 | (readOnly ? 0 : 2) | (contents << 2);
  const access = type | 0x10 | 0x60 | (absent ? 0 : 0x80);
  const high =
    ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf_0000) | (is32 ? 0x40_0000 : 0) | (inPages ? 0x80_0000 : 0);
  const low = (limit & 0xffff) | (base << 16);
  return (BigInt((high | (base & 0xff00_0000)) >>> 0) << 32n) | BigInt(low >>> 0);
}

export const threadAreaCalls: Implementations = {
  set_thread_area: full((call) => {
    if (!call.is32) fail('ENOSYS');
    setThreadArea(call.task, call.memory, call.arg(0));
    return 0;
  }),
  get_thread_area: full((call) => {
    if (!call.is32) fail('ENOSYS');
    const address = call.arg(0);
    const entry = call.readWord(address, 4);
    if (entry < FIRST_ENTRY || entry >= FIRST_ENTRY + TLS_ENTRIES) fail('EINVAL');
    const value = call.task.context.reg64(TLS + entry - FIRST_ENTRY);
    const [low, high] = [Number(value & 0xffff_ffffn), Number(value >> 32n)];
    const flags =
      ((high >>> 22) & 1) |
      (((high >>> 10) & 3) << 1) |
      (high & 0x200 ? 0 : 8) |
      (high & 0x80_0000 ? 16 : 0) |
      (high & 0x8000 ? 0 : 32) |
      (high & 0x10_0000 ? 64 : 0);
    call.writeWord(address + 4, ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0, 4);
    call.writeWord(address + 8, (low & 0xffff) | (high & 0xf_0000), 4);
    call.writeWord(address + 12, flags, 4);
    return 0;
  }),
  arch_prctl: full((call) => {
    // both ABIs: no processor here can be made to fault at CPUID
    if (call.arg(0) === ARCH_GET_CPUID) return 1;
    if (call.arg(0) === ARCH_SET_CPUID) fail('ENODEV');
    // bases beyond 32 bits are for amd64's programs
    if (call.is32) fail('EINVAL');
    const { context } = call.task;
    const value = call.arg64(1);
    switch (call.arg(0)) {
      case ARCH_SET_FS:
      case ARCH_SET_GS:
        if (value >= ADDRESS_LIMIT) fail('EPERM');
        if (call.arg(0) === ARCH_SET_FS) context.fsBase = value;
        else context.gsBase = value;
        return 0;
      case ARCH_GET_FS:
        call.writeWord(call.arg(1), context.fsBase, 8);
        return 0;
      case ARCH_GET_GS:
        call.writeWord(call.arg(1), context.gsBase, 8);
        return 0;
      default:
        return fail('EINVAL');
    }
  }),
};
