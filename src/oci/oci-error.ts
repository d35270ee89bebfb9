// What can be wrong with images, archives and the data directory.

/** What is wrong, in a word. */
export type OciErrorCode =
  | 'bad-reference'
  | 'not-found'
  | 'ambiguous'
  | 'in-use'
  | 'bad-option'
  | 'nothing-to-run'
  | 'cannot-run'
  | 'bad-state'
  | 'bad-document'
  | 'bad-digest'
  | 'truncated'
  | 'bad-archive'
  | 'unsafe-archive'
  | 'too-large'
  | 'unsupported'
  | 'damaged-store';

/** An image or archive that cannot be used; the message is one full sentence: what is wrong and what would be right. */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: OciErrorCode;

  constructor(code: OciErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
