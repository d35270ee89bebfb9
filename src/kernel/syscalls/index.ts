// All that this kernel implements.
import { attributeCalls } from './attributes.ts';
import { aioCalls } from './aio.ts';
import { adviceCalls } from './advice.ts';
import { capabilityCalls } from './capabilities.ts';
import { eventCalls } from './events.ts';
import { fileCalls } from './files.ts';
import { futexCalls } from './futex.ts';
import { i386FirstCalls } from './i386-firsts.ts';
import { identityCalls } from './identity.ts';
import { absentCalls } from './absent.ts';
import { membarrierCalls } from './membarrier.ts';
import { memoryPolicyCalls } from './memory-policy.ts';
import { keyCalls } from './keys.ts';
import { landlockCalls } from './landlock.ts';
import { lockCalls } from './locks.ts';
import { inotifyCalls } from './inotify.ts';
import { memoryCalls } from './memory.ts';
import { remapCalls } from './remap.ts';
import { memoryAdviceCalls } from './memory-advice.ts';
import { mountingCalls } from './mount.ts';
import { memoryLockCalls } from './memory-lock.ts';
import { inspectionCalls } from './inspection.ts';
import { pidfdCalls } from './pidfds.ts';
import { mountContextCalls } from './mount-contexts.ts';
import { mountObjectCalls } from './mount-objects.ts';
import { mountCalls } from './mounts.ts';
import { namespaceCalls } from './namespaces.ts';
import { pathCalls } from './paths.ts';
import { openCalls } from './open.ts';
import { statusCalls } from './file-status.ts';
import { pollCalls } from './poll.ts';
import { prctlCalls } from './prctl.ts';
import { processCalls } from './processes.ts';
import { cloneCalls } from './clone.ts';
import { waitCalls } from './wait.ts';
import { adjustmentCalls } from './adjtime.ts';
import { ipcCalls } from './ipc.ts';
import { messageCalls } from './messages.ts';
import { posixQueueCalls } from './posix-queues.ts';
import { posixTimerCalls } from './posix-timers.ts';
import { semaphoreCalls } from './semaphores.ts';
import { sharedMemoryCalls } from './shared-memory.ts';
import { futexWaitvCalls } from './futex-waitv.ts';
import { seccompCalls } from './seccomp.ts';
import { rseqCalls } from './rseq.ts';
import { resourceCalls } from './resources.ts';
import { schedulingCalls } from './scheduling.ts';
import { signalCalls } from './signals.ts';
import { socketCalls } from './sockets.ts';
import { spliceCalls } from './splice.ts';
import { systemCalls } from './system.ts';
import type { Implementations } from './table.ts';
import { threadAreaCalls } from './thread-area.ts';
import { traceCalls } from './ptrace.ts';
import { timeCalls } from './time.ts';

/** Implementations of all groups. */
export const implementations: Implementations = {
  ...fileCalls,
  ...i386FirstCalls,
  ...adviceCalls,
  ...aioCalls,
  ...pathCalls,
  ...openCalls,
  ...statusCalls,
  ...attributeCalls,
  ...mountCalls,
  ...mountingCalls,
  ...mountObjectCalls,
  ...mountContextCalls,
  ...pollCalls,
  ...eventCalls,
  ...absentCalls,
  ...membarrierCalls,
  ...memoryPolicyCalls,
  ...inotifyCalls,
  ...spliceCalls,
  ...keyCalls,
  ...landlockCalls,
  ...lockCalls,
  ...memoryCalls,
  ...remapCalls,
  ...memoryAdviceCalls,
  ...memoryLockCalls,
  ...inspectionCalls,
  ...traceCalls,
  ...pidfdCalls,
  ...processCalls,
  ...cloneCalls,
  ...waitCalls,
  ...signalCalls,
  ...socketCalls,
  ...futexCalls,
  ...threadAreaCalls,
  ...timeCalls,
  ...identityCalls,
  ...capabilityCalls,
  ...prctlCalls,
  ...namespaceCalls,
  ...resourceCalls,
  ...schedulingCalls,
  ...rseqCalls,
  ...seccompCalls,
  ...futexWaitvCalls,
  ...adjustmentCalls,
  ...ipcCalls,
  ...messageCalls,
  ...semaphoreCalls,
  ...sharedMemoryCalls,
  ...posixTimerCalls,
  ...posixQueueCalls,
  ...systemCalls,
};
