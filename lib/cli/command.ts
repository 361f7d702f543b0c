/** What a subcommand is, and how it talks to the outside. */

/** The command's surroundings, so that tests need no process. */
export interface Terminal {
  /** Writes a line of results. */
  readonly out: (text: string) => void;
  /** Writes a line about what is wrong. */
  readonly error: (text: string) => void;
  /** Calls back when the user wants the command to end. */
  readonly onStop: (stop: () => void) => void;
}

/** Exit codes, as scripts see them. */
export const EXIT_OK = 0;
/** The command could not do what it was asked to. */
export const EXIT_FAILED = 1;
/** The command was called wrongly. */
export const EXIT_USAGE = 2;

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  /** Resolves to the exit code when the command is done. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>;
}

/** The command was called wrongly; the message says how. */
export class UsageError extends Error {}
