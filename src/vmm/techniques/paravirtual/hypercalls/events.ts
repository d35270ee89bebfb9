// event_channel_op (Xen public header "event_channel.h"). There is one domain, so channels between domains cannot be bound.

import {
  DOMID_SELF,
  EVENT_CHANNELS,
  EVTCHNOP_ALLOC_UNBOUND,
  EVTCHNOP_BIND_INTERDOMAIN,
  EVTCHNOP_BIND_IPI,
  EVTCHNOP_BIND_PIRQ,
  EVTCHNOP_BIND_VCPU,
  EVTCHNOP_BIND_VIRQ,
  EVTCHNOP_CLOSE,
  EVTCHNOP_RESET,
  EVTCHNOP_SEND,
  EVTCHNOP_STATUS,
  EVTCHNOP_UNMASK,
  VIRQ_TIMER,
  VIRQS,
} from '../../../xen/abi.ts';
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSPC, ENOSYS, EPERM } from '../../../xen/errno.ts';
import type { Binding } from '../event-channels.ts';
import type { Xen } from '../xen.ts';

/** event_channel_op(command, argument). */
export function eventChannelOp(xen: Xen, args: readonly number[]): number {
  const [command, argument] = args as [number, number];
  xen.cpu.charge('alu', 4);
  switch (command) {
    case EVTCHNOP_BIND_VIRQ:
      return bindVirq(xen, argument);
    case EVTCHNOP_BIND_IPI:
      return bind(xen, argument, 1, { kind: 'ipi' });
    case EVTCHNOP_ALLOC_UNBOUND:
      return allocUnbound(xen, argument);
    case EVTCHNOP_BIND_INTERDOMAIN:
      return -ENOENT;
    case EVTCHNOP_BIND_PIRQ:
      return -EPERM;
    case EVTCHNOP_STATUS:
      return status(xen, argument);
    case EVTCHNOP_CLOSE:
    case EVTCHNOP_SEND:
    case EVTCHNOP_UNMASK:
      return withPort(xen, command, argument);
    case EVTCHNOP_BIND_VCPU:
      return bindVcpu(xen, argument);
    case EVTCHNOP_RESET:
      xen.events.closeAll();
      return 0;
    default:
      xen.warn(`The guest used event_channel_op command ${command}, which is not available; it got ENOSYS.`);
      return -ENOSYS;
  }
}

/** The first form: one structure, command first. */
export function eventChannelOpCompat(xen: Xen, args: readonly number[]): number {
  const command = xen.copy.read(args[0]!);
  return command === undefined ? -EFAULT : eventChannelOp(xen, [command, args[0]! + 4]);
}

/** Writes the port to word `portWord` of the argument. */
function bind(xen: Xen, argument: number, portWord: number, binding: Binding): number {
  const port = xen.events.bind(binding);
  if (port === undefined) return -ENOSPC;
  if (xen.copy.write(argument + portWord * 4, port)) return 0;
  xen.events.close(port);
  return -EFAULT;
}

function bindVirq(xen: Xen, argument: number): number {
  const words = xen.copy.readWords(argument, 2);
  if (words === undefined) return -EFAULT;
  const [virq, vcpu] = words as [number, number];
  if (virq >= VIRQS) return -EINVAL;
  if (vcpu !== 0) return -ENOENT;
  if (xen.events.virqPort(virq) !== undefined) return -EEXIST;
  const result = bind(xen, argument, 2, { kind: 'virq', virq });
  // The periodic tick runs from now on, so its deadline has to be found out.
  if (result === 0 && virq === VIRQ_TIMER) xen.time.expire(true);
  return result;
}

function allocUnbound(xen: Xen, argument: number): number {
  const domains = xen.copy.read(argument);
  if (domains === undefined) return -EFAULT;
  if ((domains & 0xffff) !== DOMID_SELF) return -EPERM;
  return bind(xen, argument, 1, { kind: 'unbound', remote: domains >>> 16 });
}

/** {dom u16, port u32, status u32, vcpu u32, union}. */
function status(xen: Xen, argument: number): number {
  const words = xen.copy.readWords(argument, 2);
  if (words === undefined) return -EFAULT;
  const [domain, port] = words as [number, number];
  if ((domain & 0xffff) !== DOMID_SELF) return -EPERM;
  if (port >= EVENT_CHANNELS) return -EINVAL;
  const binding = xen.events.binding(port);
  const detail = binding?.kind === 'virq' ? binding.virq : 0;
  return xen.copy.writeWords(argument + 8, [xen.events.status(port), 0, detail]) ? 0 : -EFAULT;
}

function withPort(xen: Xen, command: number, argument: number): number {
  const port = xen.copy.read(argument);
  if (port === undefined) return -EFAULT;
  if (port >= EVENT_CHANNELS) return -EINVAL;
  const { events } = xen;
  if (command === EVTCHNOP_UNMASK) {
    events.unmask(port);
    return 0;
  }
  const binding = events.binding(port);
  if (binding === undefined) return -EINVAL;
  if (command === EVTCHNOP_CLOSE) {
    events.close(port);
    return 0;
  }
  if (binding.kind === 'ipi') events.raise(port);
  else if (binding.kind === 'console') {
    if (xen.console.transmit()) events.raise(port);
  } else if (binding.kind === 'store') {
    xen.warn('The guest asked the store (xenstore) for something; there is no store, so it waits in vain.');
  } else if (binding.kind === 'virq') return -EINVAL;
  return 0;
}

function bindVcpu(xen: Xen, argument: number): number {
  const words = xen.copy.readWords(argument, 2);
  if (words === undefined) return -EFAULT;
  return words[1] === 0 && xen.events.binding(words[0]!) !== undefined ? 0 : -EINVAL;
}
