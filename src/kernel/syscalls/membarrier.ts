// membarrier(2): one task runs at a time, so that every command is done when it is asked for; what has to be registered
// first is kept.
import { fail } from '../error.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';

const QUERY = 0;
const GLOBAL = 1;
const GLOBAL_EXPEDITED = 2;
const REGISTER_GLOBAL = 4;
const PRIVATE = 8;
const REGISTER_PRIVATE = 16;
const PRIVATE_SYNC_CORE = 32;
const REGISTER_PRIVATE_SYNC_CORE = 64;
const PRIVATE_RSEQ = 128;
const REGISTER_PRIVATE_RSEQ = 256;
const GET_REGISTRATIONS = 512;
const ALL = 511;
const REGISTRATIONS = REGISTER_GLOBAL | REGISTER_PRIVATE | REGISTER_PRIVATE_SYNC_CORE | REGISTER_PRIVATE_RSEQ;
const CMD_FLAG_CPU = 1;

function membarrier(call: Call): number {
  const [command, flags] = [call.arg(0), call.arg(1)];
  const { memory } = call;
  if (flags !== 0 && (command !== PRIVATE_RSEQ || flags !== CMD_FLAG_CPU)) fail('EINVAL');
  switch (command) {
    case QUERY:
      return ALL;
    case GLOBAL:
    case GLOBAL_EXPEDITED:
      return 0;
    case REGISTER_GLOBAL:
    case REGISTER_PRIVATE:
    case REGISTER_PRIVATE_SYNC_CORE:
    case REGISTER_PRIVATE_RSEQ:
      memory.barriers |= command;
      return 0;
    case PRIVATE:
    case PRIVATE_SYNC_CORE:
    case PRIVATE_RSEQ:
      // the registration of a command is the next bit
      return memory.barriers & (command << 1) ? 0 : fail('EPERM');
    case GET_REGISTRATIONS:
      return memory.barriers & REGISTRATIONS;
    default:
      return fail('EINVAL');
  }
}

export const membarrierCalls: Implementations = { membarrier: full(membarrier) };
