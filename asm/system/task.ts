// Hardware task switches (SDM Vol. 3A "Task Management"): a VM exit in VMX non-root operation, else not supported.
import { NOT_SUPPORTED_TASK_SWITCH } from '../layout';
import { GP, raise } from '../fault';
import { faulted } from '../globals';
import { notSupported } from '../host';
import { interceptTaskSwitch } from '../vmx/intercepts';
import { selectorError } from './segment';

/** Sources of a task switch, as in the exit qualification. */
export const TASK_BY_CALL: u32 = 0;
export const TASK_BY_IRET: u32 = 1;
export const TASK_BY_JMP: u32 = 2;
export const TASK_GATE_IN_IDT: u32 = 3;

/** The instruction or event asks for a switch to the task `selector`. */
export function taskSwitch(selector: u32, source: u32, length: u32): void {
  if (interceptTaskSwitch(selector, source, length) || faulted) return;
  notSupported(NOT_SUPPORTED_TASK_SWITCH, selector);
  raise(GP, selectorError(selector));
}
