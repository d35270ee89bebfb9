// What a user can get wrong about a machine.

/** What is wrong, in a word. */
export type MachineErrorCode = 'bad-memory-size' | 'no-host-memory';

/** A machine that cannot be built as asked; the message is one full sentence. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
  readonly code: MachineErrorCode;

  constructor(code: MachineErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
