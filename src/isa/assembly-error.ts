// The one error of the assembler: what is wrong in which line.

/** Kind of mistake. */
export type AssemblyErrorCode =
  | 'syntax'
  | 'unknown-instruction'
  | 'operands'
  | 'size'
  | 'range'
  | 'symbol'
  | 'mode'
  | 'directive';

/** A mistake in assembly source. */
export class AssemblyError extends Error {
  readonly code: AssemblyErrorCode;
  /** Line, counted from 1; 0 while not yet known. */
  readonly line: number;
  constructor(code: AssemblyErrorCode, message: string, line = 0) {
    super(line === 0 ? message : `line ${line}: ${message}`);
    this.name = 'AssemblyError';
    this.code = code;
    this.line = line;
  }
}
