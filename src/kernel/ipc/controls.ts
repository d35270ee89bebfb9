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
  /** Identifiers asked for, each for the next object of its kind: msg_next_id and its like; -1 for any. */
  nextQueue = -1;
  nextSet = -1;
  nextSegment = -1;
}
