// The limits of System V IPC that can be set under /proc/sys/kernel, for each IPC namespace on its own (sysvipc(7)).

/** The values of a namespace. */
export class IpcControls {
  /** Bytes of a message: msgmax. */
  mostMessage = 8192;
  /** Bytes of a queue: msgmnb. */
  mostQueue = 16384;
  /** Queues: msgmni. */
  queues = 32000;
  /** Segments: shmmni. */
  segments = 4096;
  /** Bytes of a segment: shmmax. */
  mostSegment = Number.MAX_SAFE_INTEGER;
}
