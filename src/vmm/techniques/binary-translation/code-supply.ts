// Where translated code comes from: finds the block for a guest EIP, translates it if need be, and keeps translations
// right when the guest's address space changes under them (Adams & Agesen 2006, section 3.2).

import type { Fields } from '../../../machine/stateful.ts';
import type { Machine } from '../../../pc/machine.ts';
import { LAPIC_BASE } from '../../../pc/platform.ts';
import type { GuestContext } from '../../emulate/context.ts';
import { GuestPaging } from '../../guest-paging.ts';
import { GuestFault, type HostAccess, VECTOR_GP } from '../../host-access.ts';
import { AREA_OFFSET, LOOKUP_OFFSET, regionPhysical } from '../../host-memory.ts';
import type { ShadowPaging } from '../../shadow-paging.ts';
import { CS, RIGHTS_DB, SS } from '../../vcpu.ts';
import { AdaptationHistory } from './adaptation.ts';
import * as area from './area.ts';
import { type Block, type Space, TranslationCache } from './cache.ts';
import * as helpers from './helpers.ts';
import type { SharedArea } from './shared-area.ts';
import { TaskPriority } from './task-priority.ts';
import { translate, UNIT_LENGTH } from './translator.ts';
import type { Callout } from './unit.ts';

const MSR_SYSENTER_CS = 0x174;
const POST_PORT = 0x80;
/** Bytes a unit can have at most. */
const UNIT_BYTES = 15 * UNIT_LENGTH;

/** What the supply needs of its VMM. */
export interface CodeHost extends GuestContext {
  readonly machine: Machine;
  readonly shadow: ShadowPaging;
}

/** Blocks of translated code by guest EIP. */
export class CodeSupply {
  readonly #host: CodeHost;
  readonly cache: TranslationCache;
  readonly history = new AdaptationHistory();
  readonly priority: TaskPriority;
  /** Where the call-out of a failed lookup returns to. */
  missCallout = 0;
  /** Called with a line for the trace. */
  onTranslated: ((text: () => string) => void) | undefined;
  /** Walks the guest's tables without a charge or a trace. */
  readonly #peekPaging: GuestPaging;
  /** Call-out numbers of SYSENTER sites: number → address behind the SYSENTER. */
  readonly #callSites: number[] = [0];
  #portHelper = 0;

  constructor(host: CodeHost, shared: SharedArea) {
    this.#host = host;
    this.cache = new TranslationCache(host.access, host.counters);
    this.cache.onFrameFree = (frame) => host.shadow.untraceCode(frame);
    this.priority = new TaskPriority(host.access, host.domain, shared);
    const { ram } = host.machine.cpu;
    const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    const peek = { loadPhysical: (at: number) => view.getUint32(at, true), storePhysical: () => {} };
    this.#peekPaging = new GuestPaging(peek as unknown as HostAccess, host.vcpu, host.domain);
  }

  /** Fills the cache's helpers and tables, before the guest starts. */
  prepare(): void {
    const { cache } = this;
    const miss = helpers.missHelper(cache.next);
    this.missCallout = miss.callout;
    cache.miss = cache.addHelper(miss.bytes);
    const none = cache.addHelper(helpers.noDevice(cache.next).bytes);
    const post = cache.addHelper(helpers.singlePortDevice(cache.next, none, POST_PORT, helpers.REGISTER_POST).bytes);
    const latch = cache.addHelper(helpers.latchRegister(cache.next).bytes);
    this.#portHelper = cache.addHelper(helpers.portHelper(cache.next, none).bytes);
    const { ram } = this.#host.machine.cpu;
    cache.resetLookups(new DataView(ram.buffer, ram.byteOffset), regionPhysical(LOOKUP_OFFSET));
    const memory = new DataView(ram.buffer, ram.byteOffset + regionPhysical(AREA_OFFSET));
    memory.setUint32(area.DEVICE_HANDLERS + 4 * helpers.DEVICE_NONE, none, true);
    memory.setUint32(area.DEVICE_HANDLERS + 4 * helpers.DEVICE_POST, post, true);
    memory.setUint32(area.REGISTER_HANDLERS + 4 * helpers.REGISTER_POST, latch, true);
    memory.setUint32(area.PORTS_OPEN, 1, true);
    memory.setUint8(area.PORT_DEVICES + POST_PORT, helpers.DEVICE_POST);
  }

  /** The call-out of a SYSENTER site; undefined when SYSENTER was the guest's own. */
  callSite(number: number): { callout: Callout; block: Block } | undefined {
    return number === 0 ? undefined : this.cache.callout(this.#callSites[number] ?? 0);
  }

  /** The space of the code the guest runs now. */
  space(): Space {
    const code = this.#host.vcpu.segment(CS);
    const code32 = (code.rights & RIGHTS_DB) !== 0;
    const stack32 = (this.#host.vcpu.segment(SS).rights & RIGHTS_DB) !== 0;
    const { cpl } = this.#host.vcpu;
    this.#host.access.charge('alu', 4);
    const key = `${code.base}:${code32}:${stack32}:${cpl}`;
    return this.cache.space(key, { code32, stack32, cpl }, code.base);
  }

  /** The block at a guest EIP, translated if need be; throws what the fetch of its code raises. */
  blockAt(eip: number): Block | undefined {
    const space = this.space();
    this.cache.enter(space);
    return this.cache.find(space, eip) ?? this.#translate(space, eip);
  }

  /** Translates the code of a block again, by what has been learned about it. */
  retranslate(block: Block): void {
    const space = this.space();
    if (block.space !== space) return;
    try {
      const fresh = this.#translate(space, block.eip);
      if (fresh && block.valid) this.cache.replace(block, fresh);
    } catch (error) {
      // Its code cannot be fetched any more: the guest will see that when it comes there.
      if (!(error instanceof GuestFault)) throw error;
    }
  }

  #translate(space: Space, eip: number): Block | undefined {
    const code = this.#host.vcpu.segment(CS);
    if (eip > code.limit) throw new GuestFault(VECTOR_GP, 0);
    const linear = (code.base + eip) >>> 0;
    const most = Math.min(UNIT_BYTES, code.limit - eip + 1);
    const bytes = this.#host.memory.fetch(linear, most);
    if (this.cache.isFull) {
      this.cache.flush();
      this.#callSites.length = 1;
    }
    const host = {
      miss: this.cache.miss,
      portHelper: this.#portHelper,
      hasCheapCallouts: (this.#host.vcpu.msrs.get(MSR_SYSENTER_CS)?.[0] ?? 0) !== 0,
      nextCallNumber: () => this.#callSites.push(0) - 1,
      adaptation: (at: number) => this.history.get((code.base + at) >>> 0),
    };
    const firstCall = this.#callSites.length;
    const unit = translate(host, bytes, eip, space.mode, this.cache.next);
    let call = firstCall;
    for (const callout of unit.callouts) {
      if (callout.kind === 'write' && call < this.#callSites.length) this.#callSites[call++] = callout.at;
    }
    const frames = this.#framesOf(linear, Math.max(unit.length, 1));
    const block = this.cache.add(space, unit, frames, linear);
    for (const { frame } of frames) this.#host.shadow.traceCode(frame);
    this.onTranslated?.(
      () => `translated ${unit.instructions.size} instructions at ${eip.toString(16)} to ${unit.origin.toString(16)}`,
    );
    return block;
  }

  #framesOf(linear: number, length: number): Block['frames'] {
    const frames: { frame: number; from: number; to: number }[] = [];
    for (let at = linear; at < linear + length; at = (Math.floor(at / 0x1000) + 1) * 0x1000) {
      const walk = this.#host.shadow.guest.walk(at >>> 0, { write: false, user: false, fetch: true });
      if ('error' in walk) break;
      const from = at % 0x1000;
      frames.push({ frame: walk.guestPhysical >>> 12, from, to: Math.min(0x1000, from + linear + length - at) });
    }
    return frames;
  }

  /** Translations stay when the new address space has the same code at the same places. */
  changeSpace(change: () => void): void {
    const pages = this.cache.codePages();
    change();
    const { access } = this.#host;
    const directories = new Set<number>();
    for (const [page, frame] of pages) {
      // A real VMM compares directory entries, one for each 4 MiB with code.
      if (!directories.has(page >>> 10)) {
        directories.add(page >>> 10);
        access.charge('load', 2);
        access.charge('alu', 4);
      }
      if (this.#peekFrame(page * 0x1000) !== frame) this.cache.invalidateRange(page * 0x1000, 0x1000);
    }
    this.checkPriorities();
  }

  /** Instructions that are known to write the task priority must still have it at the same address. */
  checkPriorities(): void {
    if (!this.priority.inUse) return;
    const stale = this.history.takeStalePriorities((linear) => this.#peekFrame(linear) === LAPIC_BASE >>> 12);
    for (const linear of stale) this.cache.invalidateRange(linear, 1);
  }

  /** Frame at a linear address by the guest's tables, uncharged: stands for the comparison of directory entries. */
  #peekFrame(linear: number): number | undefined {
    const walk = this.#peekPaging.walk(linear >>> 0, { write: false, user: false, fetch: true });
    return 'error' in walk ? undefined : walk.guestPhysical >>> 12;
  }

  save(): Fields {
    return {
      cache: this.cache.save(),
      history: this.history.save(),
      priority: this.priority.save(),
      callSites: [...this.#callSites],
      missCallout: this.missCallout,
      portHelper: this.#portHelper,
    };
  }

  load(fields: Fields): void {
    this.cache.load(fields.cache as Fields);
    this.history.restore(fields.history!);
    this.priority.load(fields.priority as Fields);
    this.#callSites.splice(0, this.#callSites.length, ...(fields.callSites as number[]));
    this.missCallout = fields.missCallout as number;
    this.#portHelper = fields.portHelper as number;
  }
}
