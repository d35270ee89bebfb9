// What a task or process has used besides processor time: the counts of getrusage(2).

/** Counts of getrusage(2). */
export interface Usage {
  minorFaults: number;
  majorFaults: number;
  /** Bytes that went to and came from files that are kept elsewhere. */
  bytesRead: number;
  bytesWritten: number;
  /** The processor was given up to wait for something, or was taken. */
  waits: number;
  preemptions: number;
}

/** Nothing used yet. */
export function noUsage(): Usage {
  return { minorFaults: 0, majorFaults: 0, bytesRead: 0, bytesWritten: 0, waits: 0, preemptions: 0 };
}

/** Adds what another has used. */
export function addUsage(to: Usage, more: Usage): Usage {
  to.minorFaults += more.minorFaults;
  to.majorFaults += more.majorFaults;
  to.bytesRead += more.bytesRead;
  to.bytesWritten += more.bytesWritten;
  to.waits += more.waits;
  to.preemptions += more.preemptions;
  return to;
}
