/** `spanwise verify`: holds sessions against everything that a backend received, and says what is wrong with them. */
import { DEFAULT_OTLP_ENDPOINT, ENV } from '../conventions.js';
import { HoneyHiveClient } from '../honeyhive/client.js';
import { whereIs, type EventFilter } from '../honeyhive/filter.js';
import { EXIT_FAILED, EXIT_OK, type Command, type Terminal } from './command.js';
import { reportText } from './verify-report.js';
import { verifyOptions, type VerifyOptions } from './verify-options.js';
import { DEFAULT_BAGGAGE_KEYS, FAULTS } from './verify-rules.js';
import { verifyEvidence } from './verify-session.js';
import { Evidence } from './verify-evidence.js';

const MARGIN_MS = 60_000;
const PAGE = 1_000;
/** Where there is much, fewer pages spare the backend finding and sorting it as often. */
const LONG_PAGE = 5_000;
/** Up to here each session is asked for by itself, and then only for its time. */
const ASK_EACH = 50;

const HELP = `Usage: spanwise verify --session ID [--session ID …] [options]
       spanwise verify --from FILE [options]

Checks sessions in a viewer or in HoneyHive: each of a session's traces belongs to it alone, remote spans hang below
the call that caused them, every span carries its own session's baggage and no other session's, calls went both to
another service and not, and the sessions ran at the same time. A span that has the same keys as metadata says itself
whom it works for, and must be right.

Options:
  --session ID       a session to check; may be given again, or several with commas between
  --identifiers A,B  what the sessions carry as session_identifier, in the same order
  --users A,B        what the sessions carry as user_id, in the same order
  --from FILE        sessions from a JSON file, or from standard input with "-": a list, or an object with a list
                     "results", of { session_id, session_identifier, user_id }, and where known spans, service_spans
                     (by service), traces, remote_calls, lost_services
  --project NAME     only events of this project
  --traces N         how many traces each session has
  --spans N          how many spans each session has
  --remote N         how many calls of each session reach another service (default: at least one)
  --lost A,B         services that were killed meanwhile: of their spans some may lack, and nothing else
  --since TIME       only what began since then (a date, or milliseconds): before the sessions did. Faster where the
                     backend has much else
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
    const evidence = await fetchEvidence(client, options);
    const report = verifyEvidence(evidence, options.expected, options.rules);
    // Spans may still be under way, so only what lasts is a fault.
    if (report.ok || Date.now() + pause > deadline) {
      terminal.out(options.json ? JSON.stringify(report, null, 2) : reportText(report));
      return report.ok ? EXIT_OK : EXIT_FAILED;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** The sessions, everything else of their time, and whatever carries what is theirs. */
async function fetchEvidence(client: HoneyHiveClient, options: VerifyOptions): Promise<Evidence> {
  const { project, expected, rules, since } = options;
  const keys = rules.baggageKeys ?? DEFAULT_BAGGAGE_KEYS;
  const evidence = new Evidence(keys);
  let first = Infinity;
  let last = -Infinity;
  const take = async (filters: EventFilter[], limit: number, dateRange?: { $gte: number; $lte?: number }) => {
    const query = {
      ...(project === undefined ? {} : { project }),
      ...(dateRange === undefined ? {} : { dateRange }),
      filters,
      limit,
    };
    // Page by page, so that only what the rules need of each event is held.
    for await (const events of client.exportPages(query)) {
      evidence.add(events);
      for (const { start_time: start, end_time: end } of events) {
        if (start < first) first = start;
        if (end > last) last = end;
      }
    }
  };
  // What began before the sessions did can be none of theirs, so then this is all there is to see.
  if (since !== undefined || expected.length > ASK_EACH) {
    await take([], LONG_PAGE, since === undefined ? undefined : { $gte: since });
    return evidence;
  }
  for (const { sessionId } of expected) await take([whereIs('session_id', sessionId)], PAGE);
  if (first <= last) await take([], PAGE, { $gte: first - MARGIN_MS, $lte: last + MARGIN_MS });
  for (const { baggage = {} } of expected) {
    for (const key of keys) {
      const value = baggage[key];
      if (value !== undefined) await take([whereIs(`metadata.baggage.${key}`, value)], PAGE);
    }
  }
  return evidence;
}
