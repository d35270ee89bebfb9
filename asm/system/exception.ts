// What happens to a fault: log, VMX, #DF, triple fault, delivery (SDM Vol. 3A "Interrupt 8—Double Fault Exception (#DF)").
import {
  CR2,
  DR,
  EXCEPTION_LOG,
  EXCEPTION_LOG_NEXT,
  EXCEPTION_LOG_STRIDE,
  INTERRUPTIBILITY,
  PENDING_DEBUG,
  RIP,
  STOP_ARGUMENT,
  STOP_REASON,
  STOP_SHUTDOWN,
} from '../layout';
import { COST_PAGE_FAULT } from '../gen/costs';
import { charge } from '../charge';
import { clearFault, DB, DF, faultError, faultLinear, faultVector, PF } from '../fault';
import { faulted } from '../globals';
import { FAULT_VM_EXIT, interceptException, interceptTripleFault } from '../vmx/intercept-events';
import { endIret } from './iret';
import { DR6_BD, DR7_GD } from './debug-registers';
import { inRealMode } from './mode-8086';
import {
  deliverEvent,
  deliversAsUsual,
  deliveringInfo,
  endDelivery,
  EVENT_EXCEPTION,
  EVENT_HAS_ERROR,
  eventType,
  markGeneralDetect,
} from './interrupt';

/** Vectors that push an error code: #DF #TS #NP #SS #GP #PF #AC. */
const WITH_ERROR: u32 = 0x0002_7d00;
/** Exceptions have smaller numbers. */
const VECTORS: u32 = 32;
/** #DE #TS #NP #SS #GP. */
const CONTRIBUTORY: u32 = 0x3c01;

/** VMX interruption information of an exception. Real-address mode has no error codes. */
export function exceptionInfo(vector: u32): u32 {
  const pushes = !inRealMode() && ((WITH_ERROR >> vector) & 1) != 0;
  return vector | (EVENT_EXCEPTION << 8) | (pushes ? EVENT_HAS_ERROR : 0);
}

/**
 * So many exceptions in a row, each met while the one before was being delivered, never end: nothing but accessed bits and
 * busy tasks changes between them. An alignment check met while pushing the frame of an alignment check is an example.
 */
const ENDLESS = 256;

/** Notes an exception where a triple fault's report finds the chain. */
function logException(vector: u32, error: u32, linear: u64, rip: u64): void {
  const count = load<u32>(EXCEPTION_LOG_NEXT);
  const entry = <usize>EXCEPTION_LOG + (count & 7) * EXCEPTION_LOG_STRIDE;
  store<u32>(entry, vector);
  store<u32>(entry, error, 4);
  store<u64>(entry, rip, 8);
  store<u64>(entry, vector == PF ? linear : load<u64>(CR2), 16);
  store<u32>(EXCEPTION_LOG_NEXT, count + 1);
}

/** Do two exceptions, the second while the first was being delivered, make a double fault? */
function makesDoubleFault(first: u32, second: u32): bool {
  if (first == PF) return second == PF || ((CONTRIBUTORY >> second) & 1) != 0;
  return ((CONTRIBUTORY >> first) & 1) != 0 && ((CONTRIBUTORY >> second) & 1) != 0;
}

/**
 * Called by the outer loop when `faulted`; RIP in the state points at the faulting instruction. True: go on executing;
 * false: shutdown (STOP_REASON is set) and `run` returns. A chain that would keep a processor busy for ever, deaf to every
 * interrupt, is a shutdown as well.
 */
export function deliverFault(): bool {
  for (let chain = 0; faulted; chain++) {
    const vector = faultVector;
    const error = faultError;
    const linear = faultLinear;
    clearFault();
    if (exits(vector, error, linear)) return true;
    const first = deliveringInfo;
    const isNested = first != 0 && eventType(first) == EVENT_EXCEPTION;
    const earlier = first & 0xff;
    if (chain == ENDLESS) return shutdown();
    if (isNested && earlier == DF && (vector == PF || (CONTRIBUTORY >> vector) & 1)) return shutdown();
    if (isNested && makesDoubleFault(earlier, vector)) {
      // handlers of #DF look there for the stack that was missing
      if (vector == PF) store<u64>(CR2, linear);
      if (exits(DF, 0, 0)) return true;
      deliverEvent(exceptionInfo(DF), 0, 0);
    } else {
      prepare(vector, linear);
      deliverEvent(exceptionInfo(vector), error, 0);
    }
  }
  return true;
}

/**
 * Delivers the fault that was raised if nothing about it is unusual: the loop that met it may go on with the handler. False:
 * nothing has changed, and `deliverFault` has to see to it.
 */
export function deliverFaultAsUsual(): bool {
  const vector = faultVector;
  if (vector >= VECTORS || vector == DB || deliveringInfo || load<u32>(INTERRUPTIBILITY) & 3) return false;
  const error = faultError;
  const linear = faultLinear;
  const rip = load<u64>(RIP);
  markGeneralDetect(false);
  if (!deliversAsUsual(exceptionInfo(vector), error, 0)) return false;
  clearFault();
  logException(vector, error, linear, rip);
  endIret();
  prepare(vector, linear);
  return true;
}

/** Logs the exception; true if it caused a VM exit. */
function exits(vector: u32, error: u32, linear: u64): bool {
  if (vector != FAULT_VM_EXIT) logException(vector, error, linear, load<u64>(RIP));
  const hasExited = interceptException(vector, error, linear);
  if (hasExited) endDelivery();
  endIret();
  return hasExited;
}

/** What an exception leaves behind besides the stack frame: CR2, DR6. */
function prepare(vector: u32, linear: u64): void {
  markGeneralDetect(false);
  // data breakpoints of an instruction that faults are not reported
  if (vector != DB && !(load<u32>(INTERRUPTIBILITY) & 2)) store<u32>(PENDING_DEBUG, 0);
  if (vector == PF) {
    charge(COST_PAGE_FAULT, 1);
    store<u64>(CR2, linear);
  } else if (vector == DB) {
    markGeneralDetect((linear & DR6_BD) != 0);
    const dr6 = DR + 6 * 8;
    store<u64>(dr6, (load<u64>(dr6) & ~0xf) | (linear & 0xe00f));
    const dr7 = DR + 7 * 8;
    store<u64>(dr7, load<u64>(dr7) & ~DR7_GD);
  }
}

/** Triple fault. */
function shutdown(): bool {
  if (interceptTripleFault()) {
    endDelivery();
    return true;
  }
  endDelivery();
  store<u32>(STOP_REASON, STOP_SHUTDOWN);
  store<u32>(
    STOP_ARGUMENT,
    load<u32>(EXCEPTION_LOG + ((load<u32>(EXCEPTION_LOG_NEXT) - 1) & 7) * EXCEPTION_LOG_STRIDE),
  );
  return false;
}
