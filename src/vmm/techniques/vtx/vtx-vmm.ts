// A VMM on VT-x: the guest runs unmodified in VMX non-root operation, the VMM in root operation behind the doorway.
// Memory is virtualized by shadow page tables or by EPT (SDM Vol. 3C "Virtual-Machine Monitor Programming
// Considerations"; Adams & Agesen 2006, section 4).

import type { BootOptions } from '../../../boot/multiboot.ts';
import type { RunLimits } from '../../../pc/machine.ts';
import type { Ring0 } from '../../../cpu/ring0.ts';
import { describeEntryCheck } from '../../../cpu/entry-checks/entry-checks.ts';
import { failedEntryCheck } from '../../../cpu/vmcs.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import type { Fields, Stateful } from '../../../machine/stateful.ts';
import { booleanField, fieldsField, numberField } from '../../../machine/stateful.ts';
import type { MachineStop } from '../../../pc/exit.ts';
import { STATUS_IDLE, STATUS_SHUTDOWN } from '../../../pc/exit.ts';
import type { Machine } from '../../../pc/machine.ts';
import { describeException } from '../../../pc/shutdown-report.ts';
import { vectorName, VmmCounters } from '../../counters.ts';
import { Domain } from '../../domain.ts';
import { GuestMemory } from '../../guest-memory.ts';
import { GuestPaging } from '../../guest-paging.ts';
import type { GuestFault } from '../../host-access.ts';
import {
  AREA_OFFSET,
  ENTRY_VMEXIT,
  HOST_CODE,
  HOST_DATA,
  IDLE_OFFSET,
  IDT_OFFSET,
  PagePool,
  regionLinear,
} from '../../host-memory.ts';
import { hostMachine, STACK_TOP } from '../../host-setup.ts';
import { canonical, significant } from '../../emulate/long.ts';
import { ShadowPaging } from '../../shadow-paging.ts';
import type { DomainOptions, Finding, PagingMode, TraceKind, Vmm } from '../../technique.ts';
import { EDX, ESP, FLAG_IF, Vcpu } from '../../vcpu.ts';
import { decodeExit, eventInformation, readExitRecord } from './exits.ts';
import { describeExit } from './describe-exit.ts';
import { handleExit } from './exit-handlers.ts';
import { GuestEvents } from './guest-events.ts';
import { GuestPeek } from './guest-peek.ts';
import { GuestControls } from './guest-controls.ts';
import { GuestInstructions } from './guest-instructions.ts';
import { createHostSpace } from './host-space.ts';
import { becomeLongHost } from './long-host.ts';
import { HostTimer } from './host-timer.ts';
import {
  APIC_ACCESS_PAGE,
  enterVmxOperation,
  fillEpt,
  fillMsrBitmap,
  GUEST_APIC,
  writeControlsAndHost,
  writeGuest,
  writeResetGuest,
} from './vmcs-setup.ts';
import { VirtualTpr } from './virtual-tpr.ts';
import { VmcsGuest } from './vmcs-guest.ts';

/** Six bytes for LIDT. */
const IDT_OPERAND = regionLinear(AREA_OFFSET + 0xfe0);
const IDT_LIMIT = 0x7ff;
/** CD, NW, ET. */
const CR0_AFTER_RESET = 0x6000_0010;
const MULTIBOOT_MAGIC = 0x2bad_b002;
/**
 * Work of the exit and entry paths beyond the accesses that are charged one by one, in instructions: choosing a
 * handler, statistics, looking for pending work. Assumed; a hosted VMM of the time retires some hundreds on each exit.
 */
const EXIT_WORK = 150;
const ENTRY_WORK = 150;
/** Pages of its own code and data that the VMM touches in an exit; the transition has emptied the TLB. Assumed. */
const WORKING_SET = 8;
/** A miss in the VMM's PAE tables: directory and page-table entry. */
const MISS_REFERENCES = 2;
const LONG_MISS_REFERENCES = 4;

/** The VMM of one domain. */
export class VtxVmm implements Vmm, Stateful {
  readonly technique = 'vtx';
  readonly name = 'vtx vmm';
  readonly version = 1;
  readonly paging: PagingMode;
  readonly machine: Machine;
  readonly access: Ring0;
  readonly domain: Domain;
  readonly vcpu = new Vcpu();
  readonly counters = new VmmCounters();
  readonly guest: VmcsGuest;
  /** Absent under EPT. */
  readonly shadow: ShadowPaging | undefined;
  readonly #options: DomainOptions;
  readonly #timer: HostTimer;
  readonly #warned = new Set<string>();
  #stop: MachineStop | undefined;
  /** The host waits in its idle loop. */
  #idle = false;
  #inside = false;
  #launched = false;
  readonly #events: GuestEvents;
  readonly #tpr: VirtualTpr;
  readonly #peek: GuestPeek;
  readonly #controls: GuestControls;
  readonly #instructions: GuestInstructions;

  constructor(options: DomainOptions) {
    this.#options = options;
    this.paging = options.paging ?? 'shadow';
    this.machine = hostMachine(options, (what) => this.notSupported(what));
    this.access = this.machine.cpu.ring0;
    const signature = this.machine.cpu.reg(EDX);
    const { access, vcpu, counters } = this;
    this.domain = new Domain({
      machine: this.machine,
      memory: options.memory,
      serialOut: options.serialOut,
      ...(options.board === undefined ? {} : { board: options.board }),
      nmi: () => {
        this.#events.nmiPending = true;
      },
    });
    this.domain.kick = () => {
      if (!this.#inside) this.#timer.fire();
    };
    this.#timer = new HostTimer(this.machine, access);
    const pool = new PagePool();
    const hostRoot = this.#prepareHost(pool);
    this.shadow = this.paging === 'shadow' ? this.#createShadow(pool) : undefined;
    const walker = this.shadow?.guest ?? new GuestPaging(access, vcpu, this.domain);
    const { domain, shadow, paging } = this;
    this.#peek = new GuestPeek(this.machine, vcpu, domain);
    this.#tpr = new VirtualTpr(access, domain);
    const memory = new GuestMemory({
      access,
      domain,
      paging: walker,
      shared: false,
      counters,
      ...(shadow ? { shadow } : {}),
    });
    this.guest = new VmcsGuest({
      machine: this.machine,
      access,
      vcpu,
      memory,
      domain,
      counters,
      paging,
      changed: (what) => this.#controls.changed(what),
      // VM entry empties the TLB, and the shadow tables follow the guest's tables by tracing
      invlpg: (linear) => shadow?.invlpg(linear),
      notSupported: (what) => this.notSupported(what),
    });
    this.#events = new GuestEvents(this.guest, paging);
    this.#controls = new GuestControls(access, vcpu, paging, shadow, () => {
      becomeLongHost(this.machine, pool, hostRoot);
      this.guest.isLongHost = true;
      this.#launched = false;
    });
    this.#instructions = new GuestInstructions(this.guest, this.#events, this);
    const { model } = this.machine.cpu;
    this.#controls.isTagged = paging === 'ept' && model.features.has('vpid');
    writeControlsAndHost(access, model, paging, hostRoot);
    this.machine.doorway = (entry) => this.enter(entry);
    for (const part of this.parts) this.machine.addPart(part);
    if (options.board?.rom) this.#startAtReset(signature);
  }

  get parts(): readonly Stateful[] {
    return [this.vcpu, this.domain, ...(this.shadow ? [this.shadow] : []), this.counters, this];
  }

  findings(): readonly Finding[] {
    return [];
  }

  serialIn(byte: number): void {
    this.machine.serialIn(byte);
  }

  run(limits: RunLimits): MachineStop {
    const stop = this.machine.runUntil(limits);
    return this.#stop ?? stop;
  }

  start(image: Uint8Array, options: BootOptions): void {
    const { entry, info } = this.domain.loadMultiboot(image, options);
    this.#inside = true;
    writeGuest(this.access, this.paging, entry, this.vcpu.cr0);
    this.guest.loadContext();
    if (this.shadow) this.shadow.activate();
    const { cpu } = this.machine;
    for (let n = 0; n < 8; n++) cpu.setReg(n, 0);
    cpu.setReg(0, MULTIBOOT_MAGIC);
    cpu.setReg(3, info);
    this.#resume();
  }

  /** The guest begins in its ROM, at the reset vector. */
  #startAtReset(signature: number): void {
    this.#inside = true;
    this.vcpu.cr0 = CR0_AFTER_RESET;
    this.#controls.lastCr0 = CR0_AFTER_RESET;
    writeResetGuest(this.access, this.paging, CR0_AFTER_RESET);
    this.guest.loadContext();
    this.vcpu.cr0 = CR0_AFTER_RESET;
    this.guest.real?.begin(this.guest);
    this.shadow?.activate();
    for (let n = 0; n < 8; n++) this.machine.cpu.setReg(n, 0);
    this.machine.cpu.setReg(EDX, signature);
    this.#resume();
  }

  // ---- Host ---------------------------------------------------------------------------------------------------------

  /** The VMM's own address space and VMX root operation; returns the root of its page tables. */
  #prepareHost(pool: PagePool): number {
    const { machine, access } = this;
    const root = createHostSpace(machine, pool);
    fillMsrBitmap(machine.cpu.ram);
    if (this.paging === 'ept') fillEpt(machine.cpu.ram, this.domain);
    enterVmxOperation(access);
    access.store(IDT_OPERAND, 2, IDT_LIMIT);
    access.store(IDT_OPERAND + 2, 4, regionLinear(IDT_OFFSET));
    return root;
  }

  #createShadow(pool: PagePool): ShadowPaging {
    const { access, vcpu, domain, counters } = this;
    return new ShadowPaging({
      access,
      vcpu,
      counters,
      pool,
      domain: {
        ramSize: domain.ramSize,
        hostPhysical: (gpa) => (gpa === GUEST_APIC ? APIC_ACCESS_PAGE : domain.hostPhysical(gpa)),
      },
      isMapped: (gpa) => (gpa >= GUEST_APIC && gpa < GUEST_APIC + 0x1000) || domain.isRom(gpa),
      isReadOnly: (gpa) => domain.isRom(gpa),
      clearPage: (page) => this.machine.cpu.ram.fill(0, page, page + 0x1000),
      loadRoot: (root) => access.vmwrite(F.F_GUEST_CR3, root),
      invalidate: () => {},
    });
  }

  // ---- Exit and entry -----------------------------------------------------------------------------------------------

  /** The doorway: a VM exit, or a host interrupt that ended the idle loop. */
  enter(entry: number): void {
    this.#inside = true;
    this.counters.entries++;
    this.access.charge('software-emulation', EXIT_WORK);
    // with VPID the VMM's own translations are still there
    const references = this.#controls.isTagged ? 0 : this.#controls.isLongHost ? LONG_MISS_REFERENCES : MISS_REFERENCES;
    this.access.charge('tlb-walk-reference', WORKING_SET * references);
    if (entry === ENTRY_VMEXIT) {
      this.#saveGuest();
      this.#tpr.load();
      this.guest.loadContext();
      const record = readExitRecord(this.access, this.#controls.isLongHost);
      const exit = decodeExit(this.access, record);
      this.counters.add('exits', exit.reason);
      this.trace('exits', () => `${describeExit(exit)} at ${this.where()}`);
      const error = (): number => this.access.vmread(F.F_IDT_VECTORING_ERROR);
      this.#events.interrupted = eventInformation(record.vectoring, error);
      this.#events.interruptedLength = record.length;
      this.#instructions.exitLength = record.length;
      handleExit(this, exit);
    } else {
      this.#idle = false;
      this.counters.add('traps', 'host interrupt while idle');
      this.guest.loadContext();
      this.#timer.acknowledge(entry);
    }
    this.#resume();
  }

  /** PUSHA, CR2: what VM exits leave in the processor; LIDT: they set the limit of the host's IDTR to 0xffff. */
  #saveGuest(): void {
    this.access.charge('stack-frame');
    this.access.lidt(IDT_OPERAND);
    this.access.charge('cr-read');
    this.vcpu.cr2 = significant(this.machine.cpu.cr2Wide);
  }

  #restoreGuest(): void {
    this.machine.cpu.cr2Wide = canonical(this.vcpu.cr2);
    this.access.charge('cr4-write');
    this.access.charge('stack-frame');
  }

  #resume(): void {
    this.#update();
    if (!this.#stop && !this.vcpu.halted && !this.#events.commit()) this.shutDown();
    if (this.#stop) {
      this.machine.requestStop();
      this.#goIdle();
    } else if (this.vcpu.halted) {
      this.guest.storeContext();
      this.#timer.program(this.domain.nextEvent);
      this.#goIdle();
    } else {
      this.#enterGuest();
    }
    this.#inside = false;
  }

  #enterGuest(): void {
    const { access } = this;
    this.#tpr.store();
    this.#timer.limit(this.domain.nextEvent);
    this.guest.storeContext();
    access.charge('software-emulation', ENTRY_WORK);
    this.#restoreGuest();
    const result = this.#launched ? access.vmresume() : access.vmlaunch();
    this.#launched = true;
    if (result !== 'succeed') this.entryFailed(`VM-instruction error ${access.vmread(F.F_INSTRUCTION_ERROR)}`);
  }

  /** VM entry was refused: a bug of this VMM, told with the rule it broke. */
  entryFailed(how: string): never {
    const check = describeEntryCheck(failedEntryCheck(this.machine.cpu), (field) => this.access.vmread64(field));
    throw new Error(`vtx: VM entry failed (${how}). ${check}`);
  }

  /** Same-privilege IRET into `hlt; jmp $-1`: a host interrupt brings us back. */
  #goIdle(): void {
    const { access } = this;
    this.#idle = true;
    // a 64-bit host pops the stack pointer, too
    const frame = [regionLinear(IDLE_OFFSET), HOST_CODE, FLAG_IF | 2];
    if (this.#controls.isLongHost) frame.push(STACK_TOP, HOST_DATA);
    const start = STACK_TOP - 4 * frame.length;
    for (const [n, value] of frame.entries()) access.store(start + 4 * n, 4, value);
    const stack = this.machine.cpu.reg64(ESP);
    access.setReg(ESP, start);
    access.iret();
    this.machine.cpu.setReg64(ESP, stack);
  }

  hostInterrupt(vector: number): void {
    this.#timer.acknowledge(vector);
    this.deliverAgain();
  }

  // ---- Events for the guest -----------------------------------------------------------------------------------------

  /** Something is put before the guest at the next VM entry. */
  get isInjecting(): boolean {
    return this.#events.isInjecting;
  }

  /** The exit interrupted the delivery of an event. */
  get isDelivering(): boolean {
    return this.#events.interrupted !== undefined;
  }

  /** The exit had nothing to do with the event it interrupted: deliver that once more. */
  deliverAgain(): void {
    this.#events.deliverAgain();
  }

  /** Puts an exception before the guest. */
  inject(fault: GuestFault): void {
    this.trace('interrupts', () => `${vectorName(fault.vector)} for the guest at ${this.where()}`);
    if (!this.#events.raise(fault)) this.shutDown();
  }

  /** An INT3 or the like that exited instead of going through the guest's table. */
  raiseSoftware(vector: number): void {
    this.#events.raiseSoftware(vector, this.#instructions.exitLength);
  }

  /** Virtual chips act; what they ask for is injected where the guest takes it, else its window is watched. */
  #update(): void {
    const { vcpu, domain } = this;
    // virtual time follows the time-stamp counter
    this.access.charge('rdtsc');
    domain.update();
    this.access.charge('software-emulation', 4);
    this.#events.interrupted = undefined;
    if (this.#stop) return;
    if (vcpu.halted && this.#events.wakes) vcpu.halted = false;
    if (!vcpu.halted) this.#events.offerInterrupts();
    else if (!this.#events.isWakeable) this.#stop = { reason: 'idle', status: STATUS_IDLE, wakeable: false };
  }

  // ---- Instructions -------------------------------------------------------------------------------------------------

  countEmulated(mnemonic: string): void {
    this.counters.instructionsEmulated++;
    this.counters.add('emulated', mnemonic);
  }

  /** The instruction that exited is done. */
  skipInstruction(): void {
    this.#instructions.skip();
  }

  /**
   * Fetches, decodes and emulates the instruction at the guest's RIP. `otherwise` is the exception that an instruction raises
   * which the emulator does not know.
   */
  emulateCurrent(otherwise?: GuestFault): void {
    this.#instructions.emulate(otherwise);
  }

  // ---- Reports ------------------------------------------------------------------------------------------------------

  shutDown(): void {
    const chain = this.machine.cpu.exceptions().map((record) => `  ${describeException(record)}`);
    const report = [
      `The guest's processor shut down (triple fault) at ${this.where()} under ${this.technique}.`,
      'The last exceptions the processor raised in it, oldest first:',
      ...chain,
    ].join('\n');
    this.#stop = { reason: 'shutdown', status: STATUS_SHUTDOWN, report };
  }

  notSupported(what: string): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    this.#options.warn?.(`The guest asked for ${what}, which this version does not have.`);
  }

  trace(kind: TraceKind, text: () => string): void {
    if (this.#options.trace && this.#options.traceKinds?.has(kind)) this.#options.trace(kind, text());
  }

  /** Where the guest is, for messages: nothing is charged. */
  where(): string {
    return this.#peek.where();
  }

  save(): Fields {
    return {
      idle: this.#idle,
      launched: this.#launched,
      lastCr0: this.#controls.lastCr0,
      longHost: this.#controls.isLongHost,
      real: this.guest.real?.save() ?? {},
      threshold: this.#tpr.threshold,
      events: this.#events.save(),
      timerDue: Number.isFinite(this.#timer.due) ? this.#timer.due : -2,
    };
  }

  load(fields: Fields): void {
    this.#idle = booleanField(fields, 'idle');
    this.#launched = booleanField(fields, 'launched');
    this.#controls.lastCr0 = numberField(fields, 'lastCr0');
    this.#controls.isLongHost = booleanField(fields, 'longHost');
    this.guest.isLongHost = this.#controls.isLongHost;
    this.guest.real?.load(fieldsField(fields, 'real'));
    this.#tpr.threshold = numberField(fields, 'threshold');
    this.#events.load(fieldsField(fields, 'events'));
    const due = numberField(fields, 'timerDue');
    this.#timer.due = due === -2 ? Number.POSITIVE_INFINITY : due;
  }
}
