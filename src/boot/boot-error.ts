// What can be wrong with an image that should be booted.

/** What is wrong, in a word. */
export type BootErrorCode =
  | 'empty'
  | 'bad-size'
  | 'too-large'
  | 'no-header'
  | 'bad-checksum'
  | 'unsupported-flags'
  | 'truncated'
  | 'not-for-this-cpu'
  | 'nothing-to-load'
  | 'bad-addresses'
  | 'outside-memory'
  | 'overlap'
  | 'bad-entry'
  | 'command-line-too-long'
  | 'no-room-for-module';

/** An image that cannot be booted; the message is one full sentence: what is wrong and what would be right. */
export class BootError extends Error {
  override readonly name = 'BootError';
  readonly code: BootErrorCode;

  constructor(code: BootErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
