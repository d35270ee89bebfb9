// What the outside sees of the processor: segments, tables, stops, counters, exceptions.

/** A segment register with its descriptor cache. `rights` are in the VMX format (SDM Vol. 3 "Guest Register State"). */
export interface Segment {
  readonly selector: number;
  readonly rights: number;
  readonly base: number;
  /** Byte granular. */
  readonly limit: number;
}

/** GDTR or IDTR. */
export interface TableRegister {
  readonly base: number;
  readonly limit: number;
}

/** Why the processor stopped running. */
export type CpuStop =
  | { readonly reason: 'deadline' }
  | { readonly reason: 'halt' }
  /** An instruction was fetched from the doorway page at offset `entry`. */
  | { readonly reason: 'doorway'; readonly entry: number }
  | { readonly reason: 'shutdown' }
  | { readonly reason: 'vmx-abort' }
  | { readonly reason: 'request' }
  /** Several processors: others should run before this one goes on. */
  | { readonly reason: 'yield' };

/** Up to when to run: an instruction starts only while both counts are below these. */
export interface Deadline {
  readonly cycles?: number;
  readonly instructions?: number;
}

/** One exception that was raised. */
export interface ExceptionRecord {
  readonly vector: number;
  readonly error: number;
  readonly rip: number;
  readonly cr2: number;
}

/** What the processor counted. */
export interface CpuCounters {
  readonly instructions: number;
  readonly cycles: number;
  readonly userInstructions: number;
  readonly nonRootInstructions: number;
  /** Deliveries through the IDT, by vector. */
  readonly vectors: Readonly<Record<number, number>>;
  /** VM exits by basic exit reason. */
  readonly vmExits: Readonly<Record<number, number>>;
  readonly tlbMisses: number;
  readonly walkReferences: number;
  readonly eptReferences: number;
  readonly tlbFlushes: number;
}

/** A fault of an access or instruction made from above the doorway; it was not delivered to the guest. */
export interface Fault {
  readonly vector: number;
  readonly error: number;
  readonly cr2: number;
}
