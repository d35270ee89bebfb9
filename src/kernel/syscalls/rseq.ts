// rseq(2): registering restartable sequences; what they do is in ../task/restartable.ts.
import { fail } from '../error.ts';
import { tellCpu } from '../task/restartable.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';

const RSEQ_FLAG_UNREGISTER = 1;
const RSEQ_SIZE = 32;
const UNINITIALIZED = -1;

function rseq(call: Call): number {
  const { task } = call;
  const [address, length, flags, signature] = [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];
  const old = task.rseq;
  if (flags & ~RSEQ_FLAG_UNREGISTER) fail('EINVAL');
  if (flags & RSEQ_FLAG_UNREGISTER) {
    if (old.address === 0 || old.address !== address || old.length !== length) fail('EINVAL');
    if (old.signature !== signature) fail('EPERM');
    tellCpu(task, UNINITIALIZED);
    task.rseq = { address: 0, length: 0, signature: 0 };
    return 0;
  }
  if (old.address !== 0) {
    if (old.address !== address || old.length !== length) fail('EINVAL');
    return fail(old.signature === signature ? 'EBUSY' : 'EPERM');
  }
  if (address % RSEQ_SIZE !== 0 || length !== RSEQ_SIZE) fail('EINVAL');
  if (address === 0 || address + length > call.memory.end) fail('EFAULT');
  task.rseq = { address, length, signature };
  tellCpu(task, 0);
  return 0;
}

export const rseqCalls: Implementations = { rseq: full(rseq) };
