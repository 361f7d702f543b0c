/** Finds the subcommand and turns what goes wrong into a line and an exit code. */
import { VERSION } from '../conventions.js';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { SpanwiseError } from '../diagnostics.js';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError, type Command, type Terminal } from './command.js';
import { verifyCommand } from './verify-command.js';
import { doctorCommand } from './doctor-command.js';
import { viewerCommand } from './viewer-command.js';

const COMMANDS: Readonly<Record<string, Command>> = {
  viewer: viewerCommand,
  verify: verifyCommand,
  doctor: doctorCommand,
};

/**
 * Runs `spanwise ARGS`.
 *
 * @param args what stands behind the command's name
 * @param terminal where to write, and how the user ends it
 * @returns the exit code: 0 done, 1 failed, 2 called wrongly
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(helpText());
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  if (name === '--version' || name === '-v') {
    terminal.out(VERSION);
    return EXIT_OK;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    terminal.error(`spanwise: there is no command ${JSON.stringify(name)}; see spanwise --help`);
    return EXIT_USAGE;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(command.help);
    return EXIT_OK;
  }
  showDiagnostics(terminal);
  try {
    return await command.run(rest, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.error(`spanwise ${name}: ${error.message}; see spanwise ${name} --help`);
      return EXIT_USAGE;
    }
    if (!(error instanceof SpanwiseError)) throw error;
    terminal.error(`spanwise ${name}: ${error.message}`);
    return EXIT_FAILED;
  }
}

/** A command has a user in front of it, so its warnings are shown. */
function showDiagnostics(terminal: Terminal): void {
  const quiet = () => undefined;
  diag.setLogger(
    { error: terminal.error, warn: terminal.error, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function helpText(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const list = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Usage: spanwise COMMAND [options]',
    '',
    'Commands:',
    ...list,
    '',
    'spanwise COMMAND --help tells more.',
  ].join('\n');
}
