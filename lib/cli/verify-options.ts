/** What `spanwise verify` is called with. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEFAULT_OTLP_ENDPOINT, ENV } from '../conventions.js';
import { UsageError } from './command.js';
import { DEFAULT_BAGGAGE_KEYS, type ExpectedSession, type VerifyRules } from './verify-rules.js';

/** What is asked of the verifier. */
export interface VerifyOptions {
  readonly expected: readonly ExpectedSession[];
  readonly rules: VerifyRules;
  readonly project: string | undefined;
  readonly url: string;
  readonly json: boolean;
  readonly waitMs: number;
  /** Milliseconds since the epoch. */
  readonly since: number | undefined;
}

/**
 * Reads the command's arguments, and the file they may name.
 *
 * @throws `UsageError` if they cannot be what was meant
 */
export function verifyOptions(args: readonly string[]): VerifyOptions {
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
    ...(values.lost === undefined ? {} : { lost: listOf(values.lost) }),
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
  const ids = new Set<string>();
  const repeated = expected.find(({ sessionId }) => ids.size === ids.add(sessionId).size);
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
    since: timeIn('--since', values.since),
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
        lost: text,
        since: text,
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
      ...servicesIn(session['service_spans']),
      ...lostIn(session['lost_services']),
    };
  });
}

function numberAs(from: Record<string, unknown>, key: string, name: string): Record<string, number> {
  const value = from[key];
  return typeof value === 'number' ? { [name]: value } : {};
}

function servicesIn(told: unknown): { services?: Record<string, number> } {
  if (told === undefined) return {};
  if (typeof told !== 'object' || told === null || Object.values(told).some((n) => typeof n !== 'number')) {
    throw new UsageError('--from: service_spans must be an object of numbers by service');
  }
  return { services: told as Record<string, number> };
}

function lostIn(told: unknown): { lost?: string[] } {
  if (told === undefined) return {};
  if (!Array.isArray(told) || told.some((service) => typeof service !== 'string')) {
    throw new UsageError('--from: lost_services must be a list of services');
  }
  return { lost: told as string[] };
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

function timeIn(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(time)) {
    throw new UsageError(`${option} must be a date or milliseconds, not ${JSON.stringify(text)}`);
  }
  return time;
}

function urlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new UsageError(`--url must be an http address, not ${JSON.stringify(text)}`);
  }
  return text;
}
