// Binary translation: the guest kernel (rings 0 to 2) never runs as it is. Its code is translated into the cache and runs
// there in ring 1 on truncated segments; user code (ring 3) runs directly. The virtual CPU, the emulator and the shadow
// page tables are those of every deprivileging technique (Adams & Agesen 2006, section 3).

import type { Fault } from '../../../cpu/cpu-state.ts';
import type { Fields } from '../../../machine/stateful.ts';
import { DeprivilegedVmm } from '../../deprivileged.ts';
import type { ControlChange } from '../../emulate/context.ts';
import { sysenter } from '../../emulate/far.ts';
import type { GuestInstruction } from '../../emulate/instruction.ts';
import { GuestFault, PF_USER, PF_WRITE, VECTOR_GP, VECTOR_PF } from '../../host-access.ts';
import { CACHE_CODE, HOST_LDT, VECTOR_CALLOUT } from '../../host-memory.ts';
import type { DomainOptions } from '../../technique.ts';
import {
  CR0_AM,
  CR0_EM,
  CR0_MP,
  CR0_TS,
  CS,
  EAX,
  ECX,
  EDX,
  FLAG_IF,
  FLAG_TF,
  RIGHTS_UNUSABLE,
  SS,
  type VirtualSegment,
} from '../../vcpu.ts';
import { AdaptiveWrites } from './adaptive-writes.ts';
import * as area from './area.ts';
import type { Block } from './cache.ts';
import { CacheCounts } from './cache-counts.ts';
import { CodeSupply } from './code-supply.ts';
import { SegmentRegisters } from './segment-registers.ts';
import { SharedArea } from './shared-area.ts';
import { Stepping } from './stepping.ts';
import { type Callout, type Place, SAVED_EAX, SAVED_ECX, SAVED_EDX } from './unit.ts';

const CR0_MIRRORED = CR0_TS | CR0_EM | CR0_MP | CR0_AM;
const MSR_SYSENTER_CS = 0x174;
const CACHE_SELECTOR = CACHE_CODE | 1;
const POST_PORT = 0x80;
const DR6_BS = 0x4000;

/** The VMM. */
export class BinaryTranslationVmm extends DeprivilegedVmm {
  readonly technique = 'binary-translation';
  readonly #code: CodeSupply;
  readonly #area: SharedArea;
  readonly #segments: SegmentRegisters;
  readonly #stepping: Stepping;
  readonly #writes: AdaptiveWrites;
  readonly #counts: CacheCounts;
  /** Where in the cache the guest goes on; undefined: wherever its EIP says. */
  #resumeAt: number | undefined;
  #block: Block | undefined;
  #place: Place | undefined;
  #returnBySysexit = false;

  constructor(options: DomainOptions) {
    super(options);
    this.#area = new SharedArea(this.machine);
    this.#segments = new SegmentRegisters(this, this.machine.cpu, this.#area);
    this.#code = new CodeSupply(this, this.#area);
    this.#code.onTranslated = (text) => this.trace('blocks', text);
    this.#stepping = new Stepping(this, this.frame);
    this.#writes = new AdaptiveWrites(this, this.#code);
    this.#counts = new CacheCounts(this.#area, this.counters);
    this.memory.onDevice = (address, write) => this.#beforeDevice(address, write);
  }

  protected gateLevel(vector: number): 0 | 1 | 3 {
    if (vector === VECTOR_CALLOUT) return 1;
    return vector === 3 || vector === 4 || (vector >= 0x20 && vector < 0xf0) ? 3 : 0;
  }

  protected prepareStart(): void {
    // As the guest's: SYSENTER faults until the guest says where it goes.
    this.access.wrmsr(MSR_SYSENTER_CS, 0);
    this.#code.prepare();
    this.#area.storeControls(this.vcpu);
    this.#area.store(area.LATCH, this.domain.platform.portRead(POST_PORT, 1));
  }

  // ---- Entry ---------------------------------------------------------------------------------------------------------

  protected syncFromHardware(): void {
    const { frame } = this;
    this.#stepping.end();
    this.#returnBySysexit = false;
    if (frame.cs !== CACHE_SELECTOR) {
      this.vcpu.cpl = 3;
      this.#segments.adopt(CS, frame.cs);
      this.#segments.adopt(SS, frame.ss);
      this.#leftUser();
      return;
    }
    this.#resumeAt = frame.eip;
    this.#leftCache();
    const located = this.#code.cache.locate(frame.eip);
    this.#block = located?.block;
    this.#place = located?.place;
    if (located) frame.eip = located.place.eip;
  }

  /** What translated code may have changed. */
  #leftCache(): void {
    this.vcpu.interruptFlag = this.#area.loadShared(area.VIRTUAL_IF) !== 0;
    this.#counts.look();
    this.#segments.leftCache();
  }

  #leftUser(): void {
    this.#resumeAt = undefined;
    this.#block = undefined;
    this.#place = undefined;
    this.#returnBySysexit = false;
    this.#segments.leftUser();
  }

  protected override enterSysenter(): void {
    const { frame, access, machine } = this;
    const call = this.#area.load(area.CALL_NUMBER);
    const site = this.#code.callSite(call);
    if (!site) {
      super.enterSysenter();
      return;
    }
    this.lightEntry = true;
    this.#area.forget(area.CALL_NUMBER);
    this.#area.store(area.CALL_NUMBER, 0);
    access.charge('pushf');
    frame.eflags = (machine.cpu.eflags | FLAG_IF) >>> 0;
    frame.esp = this.#area.load(area.SAVE_ESP);
    frame.cs = CACHE_SELECTOR;
    frame.ss = this.#segments.stackSelector;
    this.#stepping.end();
    this.#returnBySysexit = false;
    this.#leftCache();
    this.#callout(site.callout, site.block);
  }

  protected sysenterTrap(): void {
    this.frame.eflags = (this.machine.cpu.eflags | FLAG_IF) >>> 0;
    this.access.charge('pushf');
    this.#leftUser();
    sysenter(this);
  }

  /** The state the guest has before the instruction at hand: what a sequence saved is put back. */
  #materialize(saved = this.#place?.saved ?? 0): void {
    const { access } = this;
    if (saved & SAVED_EAX) access.setReg(EAX, this.#area.load(area.SAVE_EAX));
    if (saved & SAVED_ECX) access.setReg(ECX, this.#area.load(area.SAVE_ECX));
    if (saved & SAVED_EDX) access.setReg(EDX, this.#area.load(area.SAVE_EDX));
    this.#resumeAt = undefined;
    this.#place = undefined;
  }

  // ---- Traps ---------------------------------------------------------------------------------------------------------

  protected trap(vector: number, error: number): void {
    if (this.frame.cs === CACHE_SELECTOR) this.#cacheTrap(vector, error);
    else this.#userTrap(vector, error);
  }

  #cacheTrap(vector: number, error: number): void {
    const { vcpu } = this;
    switch (vector) {
      case VECTOR_CALLOUT:
        this.#interruptCallout();
        return;
      case VECTOR_PF:
        this.#cachePageFault(error);
        return;
      case 1:
        this.#debugTrap();
        return;
      case 12:
      case VECTOR_GP: {
        // Beyond a truncated limit, or the guest's own fault: the emulator knows the guest's limits.
        this.#materialize();
        const instruction = this.#block?.instructions.get(this.eip);
        if (instruction) this.emulateInstruction(instruction, new GuestFault(vector, error));
        else this.emulateCurrent(new GuestFault(vector, error));
        return;
      }
      default:
        this.#materialize();
        this.injectException(vector, error);
        vcpu.shadowAddress = undefined;
    }
  }

  #cachePageFault(error: number): void {
    const linear = this.machine.cpu.cr2 >>> 0;
    this.access.charge('cr-read');
    const write = (error & PF_WRITE) !== 0;
    const outcome = this.shadow.fault(linear, { write, user: false, fetch: false });
    this.trace('paging', () => `${outcome.kind} fault for ${linear.toString(16)} at ${this.where()}`);
    if (outcome.kind === 'filled') {
      if (this.#block && !this.#block.valid) this.#materialize();
      return;
    }
    this.#materialize();
    if (outcome.kind === 'true') {
      this.inject(new GuestFault(VECTOR_PF, outcome.error, linear));
      return;
    }
    const block = this.#block;
    const { eip } = this;
    const instruction = block?.instructions.get(eip);
    if (!block || !instruction) {
      this.emulateCurrent();
      return;
    }
    this.emulateInstruction(instruction);
    if (!write || !block.valid) return;
    const adapted = this.#writes.trapped(eip, instruction, outcome, linear);
    if (adapted === undefined) return;
    this.trace('blocks', () => `adapted to ${adapted} at ${eip.toString(16)}`);
    this.#code.retranslate(block);
  }

  /** TF: the VMM looks for a boundary, or the guest steps itself. */
  #debugTrap(): void {
    const { vcpu, frame } = this;
    const status = this.takeDebugStatus();
    this.#stepping.hideOwn(this.#resumeAt);
    // An instruction was executed, whatever there was in its shadow.
    vcpu.shadowAddress = undefined;
    this.#stepping.pendingDebug |= status & 0xf;
    if (frame.eflags & FLAG_TF) this.#stepping.pendingDebug |= status & DR6_BS;
    if (this.#stepping.pendingDebug === 0) return;
    if (!this.atBoundary()) {
      this.waitForBoundary();
      return;
    }
    vcpu.dr[6] = (vcpu.dr[6]! | this.#stepping.pendingDebug) >>> 0;
    this.#stepping.pendingDebug = 0;
    this.#materialize();
    this.injectEvent({ vector: 1, kind: 'trap' });
  }

  #userTrap(vector: number, error: number): void {
    switch (vector) {
      case VECTOR_PF:
        if (!this.pageFault(error | PF_USER)) this.emulateCurrent();
        return;
      case 10:
      case 11:
      case 12:
      case VECTOR_GP:
        if (error !== 0 && (error & 2) === 0 && this.#segments.descriptors.sync(error & 0xffff)) return;
        this.emulateCurrent(new GuestFault(vector, error));
        return;
      default:
        this.passOn(vector, error);
    }
  }

  // ---- Call-outs -----------------------------------------------------------------------------------------------------

  #interruptCallout(): void {
    const at = this.#resumeAt!;
    if (at === this.#code.missCallout) {
      this.counters.add('callouts', 'lookup');
      this.frame.eip = this.#area.load(area.TARGET);
      this.#resumeAt = undefined;
      this.#place = undefined;
      this.#block = undefined;
      const block = this.#blockAt(this.frame.eip);
      if (block) this.#code.cache.addLookup(block);
      return;
    }
    const found = this.#code.cache.callout(at);
    if (!found) throw new Error(`binary-translation: no call-out returns to ${at.toString(16)}`);
    this.#callout(found.callout, found.block);
  }

  #callout(callout: Callout, block: Block): void {
    this.counters.add('callouts', callout.kind);
    this.access.charge('alu', 6);
    this.#block = block;
    this.frame.eip = callout.eip;
    this.#materialize(callout.saved);
    switch (callout.kind) {
      case 'exit': {
        const target = this.#blockAt(callout.eip);
        const exit = block.exits.find(({ stub }) => stub === callout.at - 2);
        if (target && exit && block.valid && target.valid) this.#code.cache.chain(exit, target);
        this.#block = target;
        return;
      }
      case 'interrupt':
        if (callout.length === 1) this.vcpu.shadowAddress = (this.segment(CS).base + callout.eip) >>> 0;
        return;
      case 'write':
        this.#writes.callOut(block, callout.eip, (instruction) => this.emulateInstruction(instruction));
        return;
      default: {
        const instruction = block.instructions.get(callout.eip);
        if (!instruction) this.emulateCurrent();
        else this.#emulateCallout(instruction);
      }
    }
  }

  #emulateCallout(instruction: GuestInstruction): void {
    this.emulateInstruction(instruction);
    if (instruction.op === 'sysexit' && this.vcpu.cpl === 3) this.#returnBySysexit = true;
    if (instruction.op === 'out') this.#area.forget(area.LATCH);
  }

  // ---- Translation ---------------------------------------------------------------------------------------------------

  /** The block at a guest EIP, translated if need be; undefined when its code cannot be fetched (the guest was told). */
  #blockAt(eip: number): Block | undefined {
    try {
      return this.#code.blockAt(eip);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      this.inject(error);
      return undefined;
    }
  }

  protected override codeChanged(frame: number, offset: number, length: number): void {
    this.#writes.sawCode();
    this.#code.cache.invalidateFrame(frame, offset, offset + length);
  }

  protected override rangeChanged(linear: number, length: number): void {
    this.#code.cache.invalidateRange(linear, length);
  }

  // ---- Exit ----------------------------------------------------------------------------------------------------------

  protected syncToHardware(): void {
    const { vcpu } = this;
    if (vcpu.shutdown) return;
    this.#area.storeControls(vcpu);
    if (vcpu.cpl === 3) {
      this.#enterUser();
      return;
    }
    this.#returnBySysexit = false;
    if (this.frame.eflags & FLAG_TF) this.#skipExitJump();
    const at = this.#resumeAddress();
    if (vcpu.cpl === 3 || at === undefined) {
      // Delivering the fault of the fetch changed everything.
      this.syncToHardware();
      return;
    }
    this.#enterCache(at);
  }

  /** The guest steps itself: jumps between blocks are no instructions of its own. */
  #skipExitJump(): void {
    const place = this.#place;
    if (!place?.boundary || place.at !== this.#resumeAt) return;
    const block = this.#block;
    if (!block) return;
    if (!block.instructions.has(place.eip) || this.#code.cache.boundary(block, place.eip) !== place.at)
      this.#resumeAt = undefined;
  }

  #resumeAddress(): number | undefined {
    if (this.#resumeAt !== undefined) return this.#resumeAt;
    const { eip } = this;
    const block = this.#block;
    const isInside = block?.instructions.has(eip) === true || !(this.frame.eflags & FLAG_TF);
    if (block?.valid && isInside && block.space === this.#code.cache.current && block.space === this.#code.space()) {
      this.access.charge('alu', 4);
      const at = block.eip === eip ? block.entry : this.#code.cache.boundary(block, eip);
      if (at !== undefined) return at;
    }
    const target = this.#blockAt(eip);
    return target?.eip === eip ? target.entry : undefined;
  }

  #enterCache(at: number): void {
    const { frame, vcpu, domain } = this;
    this.#segments.loadSlots();
    this.#area.store(area.VIRTUAL_IF, vcpu.interruptFlag ? 0x200 : 0);
    this.#area.store(area.VIRTUAL_IOPL, vcpu.iopl << 12);
    this.#area.store(area.PENDING, domain.interruptPending ? 0x200 : 0);
    if (!this.#area.isKnown(area.LATCH)) this.#area.store(area.LATCH, domain.platform.portRead(POST_PORT, 1));
    this.#code.priority.toArea();
    frame.cs = CACHE_SELECTOR;
    frame.ss = this.#segments.stackSelector;
    frame.eip = at;
    this.#stepping.begin();
  }

  #enterUser(): void {
    const { frame, vcpu } = this;
    this.#segments.loadUser();
    this.#resumeAt = undefined;
    this.#block = undefined;
    this.#stepping.begin();
    frame.cs = vcpu.segment(CS).selector;
    frame.ss = vcpu.segment(SS).selector;
  }

  /** SYSEXIT back to user code that came by SYSENTER, where nothing came in between. */
  protected override returnInstruction(): Fault | undefined {
    const { machine, frame, access } = this;
    if (!this.#returnBySysexit || frame.eip !== machine.cpu.reg(EDX) || frame.esp !== machine.cpu.reg(ECX)) {
      return access.iret();
    }
    access.charge('popf');
    machine.cpu.eflags = frame.eflags;
    return access.sysexit();
  }

  // ---- The virtual CPU -----------------------------------------------------------------------------------------------

  segment(n: number): VirtualSegment {
    return this.vcpu.segment(n);
  }

  setSegment(n: number, segment: VirtualSegment): void {
    this.#segments.set(n, segment);
  }

  override changed(what: ControlChange): void {
    const before = this.lastCr0;
    if (what === 'cr3' || what === 'cr0' || what === 'cr4') this.#code.changeSpace(() => super.changed(what));
    else super.changed(what);
    if (what === 'dr' && this.debug.stopsAtInstructions) {
      this.notSupported('instruction breakpoints in translated kernel code');
    }
    if (what !== 'cr0' || !((before ^ this.vcpu.cr0) & CR0_MIRRORED)) return;
    this.access.writeCr0(((this.machine.cpu.cr0 & ~CR0_MIRRORED) | (this.vcpu.cr0 & CR0_MIRRORED)) >>> 0);
  }

  override invlpg(linear: number): void {
    super.invlpg(linear);
    this.#code.checkPriorities();
  }

  protected override tableChanged(what: ControlChange): void {
    switch (what) {
      case 'ldtr':
        this.#segments.descriptors.syncTable('ldt');
        this.access.lldt(this.vcpu.ldtr.rights & RIGHTS_UNUSABLE ? 0 : HOST_LDT);
        return;
      case 'sysenter': {
        const selector = this.vcpu.msrs.get(MSR_SYSENTER_CS)?.[0] ?? 0;
        this.access.wrmsr(MSR_SYSENTER_CS, selector);
        if (selector === 0) this.#code.cache.flush();
        return;
      }
      case 'gdtr':
        this.#segments.descriptors.syncTable('gdt');
        return;
      default:
    }
  }

  // ---- Interrupts ----------------------------------------------------------------------------------------------------

  protected override atBoundary(): boolean {
    if (this.vcpu.cpl === 3 || this.#resumeAt === undefined) return true;
    const place = this.#place;
    if (!place?.boundary || place.at !== this.#resumeAt) return false;
    for (const [eip, { op, length }] of this.#block?.instructions ?? []) {
      if (op === 'sti' && (eip + length) >>> 0 === place.eip) return false;
    }
    return true;
  }

  /** Run on to the next boundary with TF set. */
  protected override waitForBoundary(): void {
    this.#stepping.want();
  }

  protected override beforeInterrupt(): void {
    if (this.#resumeAt !== undefined) this.#materialize();
  }

  protected override beforeDevices(): void {
    this.#code.priority.toApic();
  }

  #beforeDevice(address: number, write: boolean): void {
    if (write) this.#writes.sawDevice();
    if (this.domain.isLocalApic(address)) this.#code.priority.toApic();
  }

  // ---- State ---------------------------------------------------------------------------------------------------------

  protected override saveTechnique(): Fields {
    return {
      code: this.#code.save(),
      segments: this.#segments.save(),
      ...this.#stepping.save(),
      area: this.#area.save(),
      seenInCache: this.#counts.save(),
    };
  }

  protected override loadTechnique(fields: Fields): void {
    this.#code.load(fields.code as Fields);
    this.#segments.load(fields.segments as Fields);
    this.#stepping.load(fields);
    this.#area.restore(fields.area!);
    this.#counts.restore(fields.seenInCache!);
    this.#resumeAt = undefined;
    this.#block = undefined;
    this.#place = undefined;
  }
}
