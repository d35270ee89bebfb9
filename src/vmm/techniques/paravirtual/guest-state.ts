// What the hypervisor keeps for the one virtual CPU of a domain besides its registers: trap table, callbacks, kernel stack,
// descriptor tables, base pointer (Xen public header "arch-x86/xen.h", vcpu_guest_context).

import type { Fields, Stateful } from '../../../machine/stateful.ts';
import { booleanField, listField, numberField, numbersField } from '../../../machine/stateful.ts';

/** A line of the trap table. */
export interface TrapHandler {
  /** Least privileged ring that may INT n here. */
  readonly dpl: number;
  readonly masksEvents: boolean;
  readonly cs: number;
  readonly address: number;
}

/** Where an upcall goes; `address` 0 for nowhere. */
export interface Callback {
  cs: number;
  address: number;
}

/** The virtual CPU's state outside its registers. */
export class GuestState implements Stateful {
  readonly name = 'paravirtual vcpu';
  readonly version = 1;
  readonly traps: (TrapHandler | undefined)[] = new Array<TrapHandler | undefined>(256).fill(undefined);
  readonly eventCallback: Callback = { cs: 0, address: 0 };
  readonly failsafeCallback: Callback = { cs: 0, address: 0 };
  kernelSs = 0;
  kernelSp = 0;
  /** Frame of the page directory in use. */
  directory = 0;
  /** Frames of the GDT, in order. */
  gdtFrames: number[] = [];
  /** Frames of the LDT, in order. */
  ldtFrames: number[] = [];
  /** I/O privilege level that port emulation goes by; the real one is always 0. */
  iopl = 0;
  taskSwitched = false;
  blocked = false;
  /** Ports a poll waits for. */
  polledPorts: number[] = [];
  /** DR0 to DR7 as the guest set them. */
  debugRegisters: number[] = [0, 0, 0, 0, 0, 0, 0xffff_0ff0, 0x400];
  /** Frames given back to the hypervisor. */
  freeFrames: number[] = [];
  /** Frames the domain owns. */
  pages = 0;
  consoleMfn = 0;
  consolePort = 0;

  save(): Fields {
    return {
      traps: this.traps.map((trap) => (trap === undefined ? null : { ...trap })),
      eventCallback: { ...this.eventCallback },
      failsafeCallback: { ...this.failsafeCallback },
      kernelSs: this.kernelSs,
      kernelSp: this.kernelSp,
      directory: this.directory,
      gdtFrames: [...this.gdtFrames],
      ldtFrames: [...this.ldtFrames],
      iopl: this.iopl,
      taskSwitched: this.taskSwitched,
      blocked: this.blocked,
      polledPorts: [...this.polledPorts],
      debugRegisters: [...this.debugRegisters],
      freeFrames: [...this.freeFrames],
      pages: this.pages,
      consoleMfn: this.consoleMfn,
      consolePort: this.consolePort,
    };
  }

  load(fields: Fields): void {
    listField(fields, 'traps').forEach((trap, vector) => {
      this.traps[vector] = (trap as TrapHandler | null) ?? undefined;
    });
    Object.assign(this.eventCallback, fields.eventCallback);
    Object.assign(this.failsafeCallback, fields.failsafeCallback);
    this.kernelSs = numberField(fields, 'kernelSs');
    this.kernelSp = numberField(fields, 'kernelSp');
    this.directory = numberField(fields, 'directory');
    this.gdtFrames = numbersField(fields, 'gdtFrames');
    this.ldtFrames = numbersField(fields, 'ldtFrames');
    this.iopl = numberField(fields, 'iopl');
    this.taskSwitched = booleanField(fields, 'taskSwitched');
    this.blocked = booleanField(fields, 'blocked');
    this.polledPorts = numbersField(fields, 'polledPorts');
    this.debugRegisters = numbersField(fields, 'debugRegisters');
    this.freeFrames = numbersField(fields, 'freeFrames');
    this.pages = numberField(fields, 'pages');
    this.consoleMfn = numberField(fields, 'consoleMfn');
    this.consolePort = numberField(fields, 'consolePort');
  }
}
