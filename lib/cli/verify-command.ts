/** `spanwise verify`: holds sessions against everything that a backend received, and says what is wrong with them. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEFAULT_OTLP_ENDPOINT, ENV } from '../conventions.js';
import { HoneyHiveClient } from '../honeyhive/client.js';
import type { HoneyHiveEvent } from '../honeyhive/event.js';
import { whereIs, type EventFilter } from '../honeyhive/filter.js';
import { EXIT_FAILED, EXIT_OK, UsageError, type Command, type Terminal } from './command.js';
import { reportText } from './verify-report.js';
import { DEFAULT_BAGGAGE_KEYS, FAULTS, type ExpectedSession, type VerifyRules } from './verify-rules.js';
import { verifySessions } from './verify-session.js';

const MARGIN_MS = 60_000;
const PAGE = 1_000;
/** Up to here each session is asked for by itself, so that none is missed for the time it ran at. */
const ASK_EACH = 200;

const HELP = `Usage: spanwise verify --session ID [--session ID …] [options]
       spanwise verify --from FILE [options]

Checks sessions in a viewer or in HoneyHive: each of a session's traces belongs to it alone, remote spans hang below
the call that caused them, every span carries its own session's baggage and no other session's, calls went both to
another service and not, and the sessions ran at the same time.

Options:
  --session ID       a session to check; may be given again, or several with commas between
  --identifiers A,B  what the sessions carry as session_identifier, in the same order
  --users A,B        what the sessions carry as user_id, in the same order
  --from FILE        sessions from a JSON file, or from standard input with "-": a list, or an object with a list
                     "results", of { session_id, session_identifier, user_id }, and where known spans, traces,
                     remote_calls
  --project NAME     only events of this project
  --traces N         how many traces each session has
  --spans N          how many spans each session has
  --remote N         how many calls of each session reach another service (default: at least one)
  --no-local         no call needs to stay in the service
  --no-overlap       the sessions need not have run at the same time
  --caller NAME      the span that each remote span has to be directly below
  --baggage A,B      the baggage that tells sessions apart (default ${DEFAULT_BAGGAGE_KEYS.join(',')})
  --skew MS          how far the clocks of services may be apart (default 1000)
  --wait SECONDS     look again for so long until everything holds (default 10)
  --url URL          the backend (default HH_API_URL, else ${DEFAULT_OTLP_ENDPOINT}); the key is HH_API_KEY's
  --json             print everything as JSON
  --help             show this

Faults: ${Object.keys(FAULTS).join(', ')}.
Exit codes: 0 all of it holds, 1 it does not or the backend did not answer, 2 called wrongly.`;

export const verifyCommand: Command = {
  summary: 'check that sessions are whole and do not mix',
  help: HELP,
  run: runVerify,
};

async function runVerify(args: readonly string[], terminal: Terminal): Promise<number> {
  const options = verifyOptions(args);
  const apiKey = process.env[ENV.apiKey];
  const client = new HoneyHiveClient({
    serverUrl: options.url,
    timeoutMs: 60_000,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  const deadline = Date.now() + options.waitMs;
  for (let pause = 100; ; pause = Math.min(2_000, pause * 1.5)) {
    const events = await fetchEvents(client, options.project, options.expected, options.rules);
    const report = verifySessions(events, options.expected, options.rules);
    // Spans may still be under way, so only what lasts is a fault.
    if (report.ok || Date.now() + pause > deadline) {
      terminal.out(options.json ? JSON.stringify(report, null, 2) : reportText(report));
      return report.ok ? EXIT_OK : EXIT_FAILED;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** The sessions, everything else of their time, and whatever carries what is theirs. */
async function fetchEvents(
  client: HoneyHiveClient,
  project: string | undefined,
  expected: readonly ExpectedSession[],
  rules: VerifyRules,
): Promise<Iterable<HoneyHiveEvent>> {
  const events: HoneyHiveEvent[] = [];
  const seen = new Set<string>();
  let first = Infinity;
  let last = -Infinity;
  const take = (found: readonly HoneyHiveEvent[]): void => {
    for (const event of found) {
      // Two queries may give the same event, which is not the fault of a span that exists twice.
      if (seen.has(event.event_id)) continue;
      seen.add(event.event_id);
      events.push(event);
    }
  };
  const ask = (filters: EventFilter[], dateRange?: { $gte: number; $lte: number }) =>
    client.exportAllEvents({
      ...(project === undefined ? {} : { project }),
      ...(dateRange === undefined ? {} : { dateRange }),
      filters,
      limit: PAGE,
    });
  const few = expected.length <= ASK_EACH;
  if (!few) {
    take(await ask([]));
    return events;
  }
  for (const { sessionId } of expected) {
    const own = await ask([whereIs('session_id', sessionId)]);
    for (const { start_time: start, end_time: end } of own) {
      if (start < first) first = start;
      if (end > last) last = end;
    }
    take(own);
  }
  if (first <= last) take(await ask([], { $gte: first - MARGIN_MS, $lte: last + MARGIN_MS }));
  for (const { baggage = {} } of expected) {
    for (const key of rules.baggageKeys ?? DEFAULT_BAGGAGE_KEYS) {
      const value = baggage[key];
      if (value !== undefined) take(await ask([whereIs(`metadata.baggage.${key}`, value)]));
    }
  }
  return events;
}

interface VerifyOptions {
  readonly expected: readonly ExpectedSession[];
  readonly rules: VerifyRules;
  readonly project: string | undefined;
  readonly url: string;
  readonly json: boolean;
  readonly waitMs: number;
}

function verifyOptions(args: readonly string[]): VerifyOptions {
  const values = parse(args);
  const baggageKeys = values.baggage === undefined ? DEFAULT_BAGGAGE_KEYS : listOf(values.baggage);
  const traces = wholeNumber('--traces', values.traces);
  const spans = wholeNumber('--spans', values.spans);
  const remote = wholeNumber('--remote', values.remote);
  const common = {
    ...(traces === undefined ? {} : { traces }),
    ...(spans === undefined ? {} : { spans }),
    ...(remote === undefined ? {} : { remote }),
    ...(values['no-local'] ? { local: false } : {}),
  };
  const named = listOf(...(values.session ?? []));
  const identifiers = parallel('--identifiers', values.identifiers, named.length);
  const users = parallel('--users', values.users, named.length);
  const expected: ExpectedSession[] = named.map((sessionId, index) => ({
    ...common,
    sessionId,
    baggage: {
      ...(identifiers === undefined ? {} : { session_identifier: identifiers[index]! }),
      ...(users === undefined ? {} : { user_id: users[index]! }),
    },
  }));
  if (values.from !== undefined) {
    for (const session of readSessions(values.from)) expected.push({ ...common, ...session });
  }
  if (expected.length === 0) throw new UsageError('name the sessions to check with --session or --from');
  const repeated = expected.find(
    ({ sessionId }, index) => index !== expected.findIndex((one) => one.sessionId === sessionId),
  );
  if (repeated !== undefined) throw new UsageError(`session ${repeated.sessionId} is named twice`);
  const skewMs = wholeNumber('--skew', values.skew);
  const rules: VerifyRules = {
    baggageKeys,
    ...(values['no-overlap'] ? { overlap: false } : {}),
    ...(values.caller === undefined ? {} : { caller: values.caller }),
    ...(skewMs === undefined ? {} : { skewMs }),
  };
  return {
    expected,
    rules,
    project: values.project,
    url: urlOf(values.url ?? (process.env[ENV.serverUrl] || DEFAULT_OTLP_ENDPOINT)),
    json: values.json,
    waitMs: (wholeNumber('--wait', values.wait) ?? 10) * 1_000,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        session: { type: 'string', multiple: true },
        identifiers: text,
        users: text,
        from: text,
        project: text,
        traces: text,
        spans: text,
        remote: text,
        caller: text,
        baggage: text,
        skew: text,
        wait: text,
        url: text,
        'no-local': flag,
        'no-overlap': flag,
        json: flag,
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(/[.\n]/, 1)[0]!);
  }
}

function readSessions(file: string): ExpectedSession[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch {
    throw new UsageError(`--from: ${file === '-' ? 'standard input' : file} is not readable as JSON`);
  }
  const list: unknown = Array.isArray(content) ? content : (content as { results?: unknown } | null)?.results;
  if (!Array.isArray(list))
    throw new UsageError('--from needs a list of sessions, or an object with "results"');
  return list.map((entry: unknown) => {
    const session = (entry ?? {}) as Record<string, unknown>;
    const id = session['session_id'];
    if (typeof id !== 'string' || id === '') throw new UsageError('--from: a session has no session_id');
    const baggage: Record<string, string> = {};
    for (const key of DEFAULT_BAGGAGE_KEYS) {
      if (typeof session[key] === 'string') baggage[key] = session[key];
    }
    return {
      sessionId: id,
      baggage,
      ...numberAs(session, 'spans', 'spans'),
      ...numberAs(session, 'traces', 'traces'),
      ...numberAs(session, 'remote_calls', 'remote'),
      ...(session['interrupted'] === true ? { interrupted: true } : {}),
    };
  });
}

function numberAs(from: Record<string, unknown>, key: string, name: string): Record<string, number> {
  const value = from[key];
  return typeof value === 'number' ? { [name]: value } : {};
}

function listOf(...texts: string[]): string[] {
  return texts.flatMap((text) => text.split(',')).flatMap((part) => part.trim() || []);
}

function parallel(option: string, text: string | undefined, count: number): string[] | undefined {
  if (text === undefined) return undefined;
  const list = listOf(text);
  if (list.length !== count)
    throw new UsageError(`${option} names ${list.length}, but there are ${count} sessions`);
  return list;
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`${option} must be a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}

function urlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new UsageError(`--url must be an http address, not ${JSON.stringify(text)}`);
  }
  return text;
}
