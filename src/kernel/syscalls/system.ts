// About the system: uname(2), sysinfo(2), getrandom(2), sethostname(2).
import { fail } from '../error.ts';
import { CAP_SYS_TTY_CONFIG, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { encodeText } from './text.ts';
import { full, type Implementations, partial } from './table.ts';

const FIELD = 65;
export const RELEASE = '6.1.0-anillo';

function uname(call: Call): number {
  const bytes = new Uint8Array(6 * FIELD);
  const { hostname, domainname } = call.task.namespaces.uts;
  const machine = call.is32 ? 'i686' : 'x86_64';
  ['Linux', hostname, RELEASE, '#1 SMP', machine, domainname].forEach((text, n) => {
    bytes.set(encodeText(text).subarray(0, FIELD - 1), n * FIELD);
  });
  call.write(call.arg(0), bytes);
  return 0;
}

function sysinfo(call: Call): number {
  const { frames } = call.kernel;
  const { tasks } = call.pids;
  const word = call.wordSize;
  const bytes = new Uint8Array(call.is32 ? 64 : 112);
  const view = new DataView(bytes.buffer);
  const put = (n: number, value: number) => {
    if (word === 4) view.setUint32(4 * n, value, true);
    else view.setBigUint64(8 * n, BigInt(value), true);
  };
  put(0, Number((call.kernel.monotonic + call.task.namespaces.time.boottime) / 1_000_000_000n));
  put(4, frames.total * 4096);
  put(5, (frames.total - frames.used) * 4096);
  view.setUint16(word * 10, tasks.size, true);
  view.setUint32(call.is32 ? 52 : 104, 1, true);
  call.write(call.arg(0), bytes);
  return 0;
}

function getrandom(call: Call): number {
  if (call.arg(2) & ~7) fail('EINVAL');
  const bytes = new Uint8Array(Math.min(call.arg(1), 0x1ff_ffff));
  call.kernel.random.fill(bytes);
  call.write(call.arg(0), bytes);
  return bytes.length;
}

export const systemCalls: Implementations = {
  uname: full(uname),
  sysinfo: full(sysinfo),
  getrandom: full(getrandom),
  sync: full(() => 0),
  personality: partial('only the default persona', (call) =>
    call.arg(0) === 0xffff_ffff || call.arg(0) === 0 ? 0 : fail('EINVAL'),
  ),
  vhangup: partial('the terminal stays', (call) =>
    hasCapability(call.task.credentials, CAP_SYS_TTY_CONFIG) ? 0 : fail('EPERM'),
  ),
  rseq: {
    run: () => fail('ENOSYS'),
    support: 'error',
    note: 'threads go on without restartable sequences',
    interruption: 'restart',
  },
};
