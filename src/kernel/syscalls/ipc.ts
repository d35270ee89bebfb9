// ipc(2): i386's one call for all of System V IPC.
import { fail } from '../error.ts';
import type { Call, CallResult } from './call.ts';
import { control as controlMessages, getQueue, receive, send } from './messages.ts';
import { control as controlSemaphores, getSet, operate, stopWaiting } from './semaphores.ts';
import { attach, control as controlMemory, detach, getSegment } from './shared-memory.ts';
import { full, type Implementations } from './table.ts';

const IPC_64 = 0x100;
const VERSION = 16;

function ipc(call: Call): CallResult {
  const version = call.arg(0) >>> VERSION;
  const [first, second, third, pointer, fifth] = [1, 2, 3, 4, 5].map((n) => call.arg(n)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const signed = second | 0;
  switch (call.arg(0) & 0xffff) {
    case 1:
      return operate(call, first, pointer, second);
    case 2:
      return getSet(call, first, signed, third);
    case 3:
      return pointer === 0
        ? fail('EINVAL')
        : controlSemaphores(call, first, signed, third & ~IPC_64, call.readWord(pointer));
    case 4:
      return operate(call, first, pointer, second, fifth >>> 0);
    case 11:
      return send(call, first, pointer, second, third);
    case 12:
      return receiveFrom(call, version, { first, size: second, third, pointer, fifth });
    case 13:
      return getQueue(call, first, second);
    case 14:
      return controlMessages(call, first, second & ~IPC_64, pointer);
    case 21:
      if (version === 1) fail('EINVAL');
      call.writeWord(third, attach(call, first, pointer, second));
      return 0;
    case 22:
      return detach(call, pointer);
    case 23:
      return getSegment(call, first, second, third);
    case 24:
      return controlMemory(call, first, second & ~IPC_64, pointer);
    default:
      return fail('ENOSYS');
  }
}

/** Version 0 passes message and type through memory. */
function receiveFrom(
  call: Call,
  version: number,
  request: { first: number; size: number; third: number; pointer: number; fifth: number },
): CallResult {
  const { first, size, third, pointer, fifth } = request;
  if (version !== 0) return receive(call, first, pointer, size, fifth, third);
  if (pointer === 0) return fail('EINVAL');
  return receive(call, first, call.readWord(pointer), size, call.readWord(pointer + 4) | 0, third);
}

export const ipcCalls: Implementations = {
  ipc: full(ipc, { interruption: 'never', interrupted: stopWaiting }),
};
