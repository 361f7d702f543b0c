/**
 * The verifier's rules: events in, findings out.
 *
 * Nothing here filters by session first: a span that landed in the wrong session must not hide from the check of the
 * right one. So the rules look at all events there are, and ask of each session what others have of it.
 */
import type { HoneyHiveEvent } from '../honeyhive/event.js';
import { countOverlaps, Evidence, spanOfTime } from './verify-evidence.js';
import {
  DEFAULT_BAGGAGE_KEYS,
  type ExpectedSession,
  type Fault,
  type Finding,
  type SessionReport,
  type VerifyReport,
  type VerifyRules,
} from './verify-rules.js';
import type { VerifiedSpan } from './verify-span.js';

const DEFAULT_SKEW_MS = 1_000;
/** Starts are rounded, and a process may correct its clock. */
const SAME_CLOCK_MS = 5;

/**
 * Checks sessions against all events of their time.
 *
 * @param events every event there is, of these sessions and of others
 * @param expected the sessions to check
 * @param rules see {@link VerifyRules}
 * @returns what was found per session
 */
export function verifySessions(
  events: Iterable<HoneyHiveEvent>,
  expected: readonly ExpectedSession[],
  rules: VerifyRules = {},
): VerifyReport {
  return verifyEvidence(new Evidence(rules.baggageKeys ?? DEFAULT_BAGGAGE_KEYS).add(events), expected, rules);
}

/** The same for events that came bit by bit. */
export function verifyEvidence(
  evidence: Evidence,
  expected: readonly ExpectedSession[],
  rules: VerifyRules,
): VerifyReport {
  const keys = rules.baggageKeys ?? DEFAULT_BAGGAGE_KEYS;
  const overlaps = countOverlaps(expected.map(({ sessionId }) => spanOfTime(evidence.spansOf(sessionId))));
  const sessions = expected.map((session, index) =>
    new SessionCheck(session, evidence, keys, {
      ...rules,
      overlap: rules.overlap ?? expected.length > 1,
    }).report(overlaps[index]!),
  );
  const faults: Partial<Record<Fault, number>> = {};
  for (const { findings } of sessions) {
    for (const { fault } of findings) faults[fault] = (faults[fault] ?? 0) + 1;
  }
  return { ok: sessions.every(({ ok }) => ok), sessions, spansSeen: evidence.size, faults };
}

/** The rules for one session. */
class SessionCheck {
  readonly #findings: Finding[] = [];
  readonly #spans: readonly VerifiedSpan[];
  readonly #traces: ReadonlySet<string>;
  readonly #home: string | undefined;
  readonly #parentOf = new Map<VerifiedSpan, VerifiedSpan>();

  constructor(
    readonly expected: ExpectedSession,
    readonly evidence: Evidence,
    readonly keys: readonly string[],
    readonly rules: VerifyRules,
  ) {
    this.#spans = evidence.spansOf(expected.sessionId);
    this.#traces = new Set(this.#spans.flatMap(({ traceId }) => traceId ?? []));
    // The session's own service is where its first span without a parent began.
    const tops = this.#spans.filter(({ parentId }) => parentId === undefined);
    this.#home = earliest(tops.length > 0 ? tops : this.#spans)?.service;
    for (const span of this.#spans) {
      const parent = span.parentId === undefined ? undefined : evidence.byEventId.get(span.parentId);
      if (parent !== undefined) this.#parentOf.set(span, parent);
    }
  }

  report(overlaps: number): SessionReport {
    const { expected } = this;
    let calls = { remote: 0, local: 0 };
    const services: Record<string, number> = {};
    for (const { service = 'unknown' } of this.#spans) services[service] = (services[service] ?? 0) + 1;
    if (this.#spans.length === 0) {
      // Nothing was expected of a session that ended before its first span.
      if (expected.spans !== 0) this.#found('no-spans', `session ${expected.sessionId} has no spans`);
    } else {
      this.#checkReadable();
      this.#checkTraces();
      this.#checkDuplicates();
      this.#checkParents();
      calls = this.#checkCalls();
      this.#checkCounts(services);
      if (this.rules.overlap === true && overlaps === 0) {
        this.#found('no-overlap', 'no other session ran at the same time');
      }
    }
    const baggage = this.#checkBaggage();
    const [start, end] = spanOfTime(this.#spans);
    return {
      sessionId: expected.sessionId,
      baggage,
      ok: this.#findings.length === 0,
      spans: this.#spans.length,
      traces: this.#traces.size,
      services,
      remoteCalls: calls.remote,
      localCalls: calls.local,
      overlaps,
      durationMs: Math.max(0, end - start),
      findings: this.#findings,
    };
  }

  #found(fault: Fault, message: string): void {
    this.#findings.push({ fault, message });
  }

  #checkReadable(): void {
    for (const [what, lacking] of [
      ['trace id', this.#spans.find(({ traceId }) => traceId === undefined)],
      ['service', this.#spans.find(({ service }) => service === undefined)],
    ] as const) {
      if (lacking !== undefined) this.#found('unreadable', `${label(lacking)} has no ${what}`);
    }
  }

  #checkTraces(): void {
    for (const traceId of this.#traces) {
      const others = [...this.evidence.sessionsOfTrace.get(traceId)!].filter(
        (id) => id !== this.expected.sessionId,
      );
      if (others.length > 0)
        this.#found('mixed-session', `trace ${traceId} also has spans of ${others.join(', ')}`);
    }
    const { traces } = this.expected;
    const count = this.#traces.size;
    // A lost call takes a trace with it only if nobody else has part in that.
    if (traces !== undefined && (this.#mayLack(this.#home) ? count > traces : count !== traces)) {
      this.#found('trace-count', `${count} traces, expected ${traces}`);
    }
  }

  #checkDuplicates(): void {
    const seen = new Set<string>();
    for (const span of this.#spans) {
      if (seen.has(span.identity)) this.#found('duplicate', `${label(span)} is there more than once`);
      seen.add(span.identity);
    }
  }

  #checkParents(): void {
    const { skewMs = DEFAULT_SKEW_MS, caller } = this.rules;
    for (const span of this.#spans) {
      const parent = this.#parentOf.get(span);
      if (parent === undefined) {
        this.#checkTop(span);
        continue;
      }
      if (parent.sessionId !== span.sessionId || parent.traceId !== span.traceId) {
        this.#found('wrong-parent', `${label(span)} is below ${label(parent)} of another session or trace`);
      }
      const remote = parent.service !== span.service;
      // One process has one clock; two may differ.
      const slack = remote ? skewMs : Math.min(skewMs, SAME_CLOCK_MS);
      if (span.start < parent.start - slack || (remote && span.start > parent.end + slack)) {
        this.#found('wrong-parent', `${label(span)} did not begin while ${label(parent)} ran`);
      }
      if (remote && (parent.mode === 'local' || (caller !== undefined && parent.name !== caller))) {
        const why = parent.mode === 'local' ? 'a call that stayed local' : `not ${caller}`;
        this.#found('wrong-parent', `${label(span)} is below ${label(parent)}, ${why}`);
      }
      if (this.#loops(span)) this.#found('wrong-parent', `${label(span)} is its own ancestor`);
    }
  }

  #checkTop(span: VerifiedSpan): void {
    if (span.parentId !== undefined) {
      // What lacks is a span of the killed service itself, in a trace that is known from those that were not killed.
      if (this.#mayLack(span.service) && this.#isKnown(span.traceId)) return;
      this.#found('orphan', `${label(span)} names the parent ${span.parentId}, which is not there`);
    } else if (span.service !== this.#home && (this.#losesAny || this.expected.traces === undefined)) {
      this.#found('orphan', `${label(span)} begins a trace, though the session began in ${this.#home}`);
    }
  }

  /** Whether a service that has lost nothing has part in a trace; taken for granted if the first one did. */
  #isKnown(traceId: string | undefined): boolean {
    if (this.#mayLack(this.#home)) return true;
    return this.#spans.some((span) => span.traceId === traceId && !this.#mayLack(span.service));
  }

  get #losesAny(): boolean {
    return this.expected.lost !== undefined && this.expected.lost.length > 0;
  }

  /** Whether spans of this service may have gone with its process. */
  #mayLack(service: string | undefined): boolean {
    const { lost = [] } = this.expected;
    return lost === 'any' || (service !== undefined && lost.includes(service));
  }

  #loops(span: VerifiedSpan): boolean {
    let ancestor = this.#parentOf.get(span);
    for (let steps = 0; ancestor !== undefined; steps++) {
      if (ancestor === span || steps > this.#spans.length) return true;
      ancestor = this.#parentOf.get(ancestor);
    }
    return false;
  }

  /** Which calls left the service is told by spans of other services alone: a name proves nothing. */
  #checkCalls(): { remote: number; local: number } {
    const entries = this.#spans.filter((span) => {
      const parent = this.#parentOf.get(span);
      return parent !== undefined && parent.service !== span.service;
    });
    const callers = new Set(entries.map((entry) => this.#parentOf.get(entry)!));
    const leads = new Set<VerifiedSpan>();
    for (const caller of callers) {
      for (let at: VerifiedSpan | undefined = caller; at !== undefined && !leads.has(at);) {
        leads.add(at);
        at = this.#parentOf.get(at);
      }
    }
    const local = this.#spans.filter((span) => {
      const parent = this.#parentOf.get(span);
      if (parent === undefined || span.service !== this.#home) return false;
      // A call that says it is remote is no local one, though the other side of it may be lost.
      return !leads.has(span) && span.mode !== 'remote';
    }).length;
    const { remote: expected, local: wantsLocal = true } = this.expected;
    if (expected !== undefined && entries.length > expected) {
      this.#found('duplicate', `${entries.length} calls reached another service, expected ${expected}`);
    }
    if (!this.#losesAny) this.#checkRemote(entries.length, callers);
    if (wantsLocal && local === 0 && !this.#mayLack(this.#home)) {
      this.#found('missing-local', 'every call went to another service');
    }
    return { remote: entries.length, local };
  }

  #checkRemote(count: number, callers: ReadonlySet<VerifiedSpan>): void {
    const { remote: expected } = this.expected;
    if (expected !== undefined) {
      if (count < expected)
        this.#found('missing-remote', `${count} calls reached another service, expected ${expected}`);
      return;
    }
    if (count === 0) this.#found('missing-remote', 'no span of another service hangs below a call');
    for (const span of this.#spans) {
      if (span.mode === 'remote' && !callers.has(span)) {
        this.#found('missing-remote', `${label(span)} has no span of another service below it`);
      }
    }
  }

  #checkCounts(services: Readonly<Record<string, number>>): void {
    const check = (what: string, count: number, expected: number, mayLack: boolean): void => {
      if (count === expected || (mayLack && count < expected)) return;
      this.#found('span-count', `${count} spans${what}, expected ${mayLack ? 'at most ' : ''}${expected}`);
    };
    const { spans, services: expected = {} } = this.expected;
    if (spans !== undefined) check('', this.#spans.length, spans, this.#losesAny);
    for (const [service, count] of Object.entries(expected)) {
      check(` of ${service}`, services[service] ?? 0, count, this.#mayLack(service));
    }
  }

  #checkBaggage(): Record<string, string> {
    const own: Record<string, string> = {};
    const { sessionId, baggage = {} } = this.expected;
    for (const key of this.keys) {
      const value = baggage[key] ?? mostFrequent(this.#spans.flatMap((span) => span.baggage.get(key) ?? []));
      if (value === undefined) {
        if (this.#spans.length > 0) this.#found('missing-baggage', `no span carries ${key}`);
        continue;
      }
      own[key] = value;
      for (const span of this.#spans) {
        const told: string = span.told.get(key) ?? value;
        if (told !== value)
          this.#found('mixed-session', `${label(span)} says it is for ${key} ${told}, not ${value}`);
        const carried = span.baggage.get(key);
        if (carried === value) continue;
        if (carried === undefined) this.#found('missing-baggage', `${label(span)} does not carry ${key}`);
        else this.#found('foreign-baggage', `${label(span)} carries ${key} ${carried}, not ${value}`);
      }
      const others = [...(this.evidence.sessionsOfBaggage.get(key)?.get(value) ?? [])].filter(
        (id) => id !== sessionId,
      );
      if (others.length > 0) {
        this.#found('foreign-baggage', `${key} ${value} is also carried by ${others.join(', ')}`);
      }
    }
    return own;
  }
}

function label({ name, eventId }: VerifiedSpan): string {
  return `${name} (${eventId})`;
}

function earliest(spans: readonly VerifiedSpan[]): VerifiedSpan | undefined {
  let first = spans[0];
  for (const span of spans) if (span.start < first!.start) first = span;
  return first;
}

function mostFrequent(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best: string | undefined;
  for (const [value, count] of counts) if (best === undefined || count > counts.get(best)!) best = value;
  return best;
}
