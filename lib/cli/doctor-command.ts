/** `spanwise doctor`: looks at a project, and says what to do. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT_FAILED, EXIT_OK, UsageError, type Command, type Terminal } from './command.js';
import { checkBackend, checkContext } from './doctor-backend.js';
import { checkDecorators } from './doctor-compiler.js';
import type { Finding } from './doctor-finding.js';
import { checkApi, checkSdk } from './doctor-packages.js';

const HELP = `Usage: spanwise doctor [options]

Looks at a project: copies of OpenTelemetry's API, the line of its SDK, decorator flags, the context manager, and
whether the backend takes a span and shows it. The span's name is spanwise-doctor.

Options:
  --project FOLDER  the project (default: this folder)
  --offline         leave the backend out
  --wait SECONDS    how long the backend may take to show the span (default 10)
  --json            print the findings as JSON
  --help            show this

Exit codes: 0 nothing must be done, 1 something must be done, 2 called wrongly.`;

export const doctorCommand: Command = {
  summary: 'look at a project and say what keeps it from being traced',
  help: HELP,
  run: runDoctor,
};

async function runDoctor(args: readonly string[], terminal: Terminal): Promise<number> {
  const { project, offline, json, waitMs } = doctorOptions(args);
  const findings: Finding[] = [checkApi(project), checkSdk(project), ...checkDecorators(project)];
  findings.push(await checkContext(project));
  if (!offline) findings.push(...(await checkBackend(process.env, waitMs)));
  const ok = findings.every(({ status }) => status !== 'problem');
  if (json) terminal.out(JSON.stringify({ ok, project, findings }, null, 2));
  else for (const finding of findings) print(finding, terminal);
  return ok ? EXIT_OK : EXIT_FAILED;
}

function print({ check, status, message, remedy, code }: Finding, { out }: Terminal): void {
  out(`${status.padEnd(7)}  ${check}: ${message}${code === undefined ? '' : ` [${code}]`}`);
  if (remedy !== undefined) out(`${' '.repeat(9)}→ ${remedy}`);
}

function doctorOptions(args: readonly string[]) {
  const { project, wait, offline, json } = parse(args);
  const folder = path.resolve(project);
  if (!existsSync(folder)) throw new UsageError(`there is no folder ${project}`);
  const seconds = /^\d{1,4}(?:\.\d+)?$/.test(wait) ? Number(wait) : undefined;
  if (seconds === undefined)
    throw new UsageError(`--wait must be a number of seconds, not ${JSON.stringify(wait)}`);
  return { project: realpathSync(folder), offline, json, waitMs: seconds * 1_000 };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        project: { type: 'string', default: '.' },
        wait: { type: 'string', default: '10' },
        offline: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(/[.\n]/, 1)[0]!);
  }
}
