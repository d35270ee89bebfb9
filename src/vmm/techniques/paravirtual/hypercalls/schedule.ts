// sched_op, set_timer_op, vcpu_op: giving up the CPU and being woken (Xen public headers "sched.h", "vcpu.h").

import { STATUS_RESET, STATUS_SHUTDOWN } from '../../../../pc/exit.ts';
import {
  EVENT_CHANNELS,
  SCHEDOP_BLOCK,
  SCHEDOP_POLL,
  SCHEDOP_SHUTDOWN,
  SCHEDOP_YIELD,
  SHUTDOWN_CRASH,
  SHUTDOWN_POWEROFF,
  SHUTDOWN_REBOOT,
  VCPUOP_GET_RUNSTATE_INFO,
  VCPUOP_IS_UP,
  VCPUOP_SET_PERIODIC_TIMER,
  VCPUOP_SET_SINGLESHOT_TIMER,
  VCPUOP_STOP_PERIODIC_TIMER,
  VCPUOP_STOP_SINGLESHOT_TIMER,
} from '../../../xen/abi.ts';
import { EFAULT, EINVAL, ENOENT, ENOSYS } from '../../../xen/errno.ts';
import type { Xen } from '../xen.ts';

const TWO_32 = 0x1_0000_0000;
/** A tick shorter than this would leave the guest no time (Xen's own bound is 1 ms). */
const PERIOD_MINIMUM = 1_000_000;

/** sched_op(command, argument). */
export function schedOp(xen: Xen, args: readonly number[]): number {
  const [command, argument] = args as [number, number];
  switch (command) {
    case SCHEDOP_YIELD:
      return 0;
    case SCHEDOP_BLOCK:
      return block(xen);
    case SCHEDOP_SHUTDOWN: {
      const reason = xen.copy.read(argument);
      return reason === undefined ? -EFAULT : shutDown(xen, reason);
    }
    case SCHEDOP_POLL:
      return poll(xen, argument);
    default:
      xen.warn(`The guest used sched_op command ${command}, which is not available; it got ENOSYS.`);
      return -ENOSYS;
  }
}

/** The first form: the reason of a shutdown is the argument itself. */
export function schedOpCompat(xen: Xen, args: readonly number[]): number {
  const [command, argument] = args as [number, number];
  if (command === SCHEDOP_SHUTDOWN) return shutDown(xen, argument);
  if (command === SCHEDOP_BLOCK) return block(xen);
  return command === SCHEDOP_YIELD ? 0 : -ENOSYS;
}

/** Unmasks events and waits for one. */
function block(xen: Xen): number {
  xen.events.upcallMasked = false;
  if (!xen.events.upcallPending) {
    xen.state.blocked = true;
    xen.state.polledPorts = [];
  }
  return 0;
}

function shutDown(xen: Xen, reason: number): number {
  if (reason === SHUTDOWN_POWEROFF) xen.end({ reason: 'power-off', status: 0 });
  else if (reason === SHUTDOWN_REBOOT) xen.end({ reason: 'reset', status: STATUS_RESET });
  else if (reason === SHUTDOWN_CRASH) {
    xen.end({
      reason: 'shutdown',
      status: STATUS_SHUTDOWN,
      report: `The guest says that it crashed, at ${xen.where()}.`,
    });
  } else {
    xen.warn(`The guest asked for shutdown reason ${reason}, which is not available; it got EINVAL.`);
    return -EINVAL;
  }
  return 0;
}

/** {ports, count, timeout u64}: waits for one of the ports, pending even if masked. */
function poll(xen: Xen, argument: number): number {
  const words = xen.copy.readWords(argument, 4);
  if (words === undefined) return -EFAULT;
  const [list, count, low, high] = words as [number, number, number, number];
  if (count > 128) return -EINVAL;
  const ports = xen.copy.readWords(list, count);
  if (ports === undefined) return -EFAULT;
  if (ports.some((port) => port >= EVENT_CHANNELS)) return -EINVAL;
  if (ports.length === 0 || ports.some((port) => xen.events.isPending(port))) return 0;
  xen.state.polledPorts = ports;
  xen.state.blocked = true;
  xen.time.setPoll(low === 0 && high === 0 ? undefined : high * TWO_32 + low);
  return 0;
}

/** set_timer_op(time, high): absolute system time in nanoseconds, 0 stops the timer. */
export function setTimerOp(xen: Xen, args: readonly number[]): number {
  const [low, high] = args as [number, number];
  xen.time.setSingleShot(low === 0 && high === 0 ? undefined : high * TWO_32 + low);
  return 0;
}

/** vcpu_op(command, vcpu, argument). */
export function vcpuOp(xen: Xen, args: readonly number[]): number {
  const [command, vcpu, argument] = args as [number, number, number];
  if (vcpu !== 0) return -ENOENT;
  switch (command) {
    case VCPUOP_IS_UP:
      return 1;
    case VCPUOP_GET_RUNSTATE_INFO: {
      const now = xen.time.now();
      const time = [(now % TWO_32) >>> 0, Math.floor(now / TWO_32)];
      const words = [0, ...[0, 0], ...time, 0, 0, 0, 0, 0, 0];
      return xen.copy.writeWords(argument, words) ? 0 : -EFAULT;
    }
    case VCPUOP_SET_PERIODIC_TIMER: {
      const words = xen.copy.readWords(argument, 2);
      if (words === undefined) return -EFAULT;
      const period = words[1]! * TWO_32 + words[0]!;
      if (period < PERIOD_MINIMUM) return -EINVAL;
      xen.time.setPeriodic(period);
      return 0;
    }
    case VCPUOP_STOP_PERIODIC_TIMER:
      xen.time.setPeriodic(undefined);
      return 0;
    case VCPUOP_SET_SINGLESHOT_TIMER: {
      const words = xen.copy.readWords(argument, 2);
      if (words === undefined) return -EFAULT;
      xen.time.setSingleShot(words[1]! * TWO_32 + words[0]!);
      return 0;
    }
    case VCPUOP_STOP_SINGLESHOT_TIMER:
      xen.time.setSingleShot(undefined);
      return 0;
    default:
      xen.warn(`The guest used vcpu_op command ${command}, which is not available; it got ENOSYS.`);
      return -ENOSYS;
  }
}
