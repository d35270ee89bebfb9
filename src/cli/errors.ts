// How the command ends: exit statuses, and the one class for what a user can mend.

/** Statuses of the command itself; a guest's own endings are in src/pc/exit.ts. The README lists both. */
export const EXIT = {
  ok: 0,
  /** An image, snapshot or another file cannot be used, or the host refused (full disk, no permission). */
  failure: 1,
  /** Unknown option, technique, profile or guest; a value out of range; choices that do not go together. */
  usage: 2,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** `container run` has failed, and not its program (docker-run(1) "Exit status"). */
export const RUN_FAILED = 125;

/** `oci exec` has failed, and not its program (runc-exec(8) "EXIT STATUS"). */
export const EXEC_FAILED = 255;

/** A mistake that the user can mend: one full sentence and the exit status it deserves. */
export class CliError extends Error {
  readonly exitStatus: number;

  constructor(message: string, exitStatus: number = EXIT.usage) {
    super(message);
    this.name = 'CliError';
    this.exitStatus = exitStatus;
  }
}
