/** `spanwise viewer`: a local backend to send spans to, to query, and to look at. */
import { parseArgs } from 'node:util';
import { isLoopback } from '../viewer/access.js';
import { startViewer, type ViewerOptions } from '../viewer/start-viewer.js';
import { EXIT_OK, UsageError, type Command, type Terminal } from './command.js';

const HELP = `Usage: spanwise viewer [options]

Receives spans over OTLP, answers HoneyHive's session and event requests, and shows sessions on a page.

Options:
  --port PORT        where to listen; 0 takes a free port (default 4318)
  --host ADDRESS     the address to listen on; there is no password, so anything but loopback
                     is open to the network (default 127.0.0.1)
  --allow-host NAME  a further host name that leads here; may be given again
  --retention SIZE   how much is kept, such as 512MB or 2GB; the oldest sessions go first (default 256MB)
  --refuse-when-full answer 429 instead of forgetting the oldest sessions
  --persist FILE     keep everything in this file over a restart
  --strict           refuse what HoneyHive refuses, such as filters of the type "id"
  --help             show this

Exit codes: 0 ended by the user, 1 could not start, 2 called wrongly.`;

export const viewerCommand: Command = {
  summary: 'receive spans on this machine and look at them',
  help: HELP,
  run: runViewer,
};

async function runViewer(args: readonly string[], terminal: Terminal): Promise<number> {
  const options = viewerOptions(args);
  const viewer = await startViewer(options);
  terminal.out(`Viewer:  ${viewer.url}`);
  terminal.out(`Traces:  ${viewer.url}/v1/traces (OTLP over HTTP, protobuf or JSON)`);
  if (options.persist !== undefined) terminal.out(`Kept in: ${options.persist}`);
  if (!isLoopback(viewer.host)) {
    terminal.error(`Everyone who can reach ${viewer.host} can read and write here: there is no password.`);
  }
  await new Promise<void>((resolve) => terminal.onStop(resolve));
  await viewer.close();
  return EXIT_OK;
}

function viewerOptions(args: readonly string[]): ViewerOptions {
  const { values } = parse(args);
  const options: ViewerOptions = { strict: values.strict, refuseWhenFull: values['refuse-when-full'] };
  if (values.port !== undefined) options.port = portOf(values.port);
  if (values.host !== undefined) options.host = filled('--host', values.host);
  if (values['allow-host'] !== undefined) options.allowedHosts = values['allow-host'];
  if (values.retention !== undefined) options.retentionBytes = bytesOf(values.retention);
  if (values.persist !== undefined) options.persist = filled('--persist', values.persist);
  return options;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'allow-host': { type: 'string', multiple: true },
        retention: { type: 'string' },
        'refuse-when-full': { type: 'boolean', default: false },
        persist: { type: 'string' },
        strict: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    // Node's messages name the option; what follows is advice on how to escape, which is not ours to give.
    throw new UsageError((error as Error).message.split(/[.\n]/, 1)[0]!);
  }
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535))
    throw new UsageError(`--port must be a number from 0 to 65535, not ${JSON.stringify(text)}`);
  return port;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

function bytesOf(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*([KMG]?)B?$/i.exec(text);
  const bytes = match === null ? NaN : Math.floor(Number(match[1]) * UNITS[match[2]!.toUpperCase()]!);
  if (!(bytes >= 1024 * 1024)) {
    throw new UsageError(
      `--retention must be a size of at least 1MB, such as 512MB, not ${JSON.stringify(text)}`,
    );
  }
  return bytes;
}

function filled(option: string, text: string): string {
  if (text === '') throw new UsageError(`${option} needs a value`);
  return text;
}
