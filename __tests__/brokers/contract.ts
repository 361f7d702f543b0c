/** What every transport has to hold, whatever its client looks like. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { getBaggage, withSession, withSpan, type SessionTracer } from '../../lib/index.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import { parentId, type Recorder, spanId, startTracer, traceId } from '../support/harness.js';

const SESSION = 'honeyhive.session_id';
/** How long a message may be under way before a test gives up. */
const ARRIVAL_MS = 15_000;

/** A sender and a receiver in one process, which know of each other only what travels in messages. */
export class Exchange {
  readonly sender: SessionTracer;
  readonly receiver: SessionTracer;
  readonly recorder: Recorder;
  /** What handlers were given, in the order in which they ended. */
  readonly seen: { text: string; session: unknown }[] = [];
  private readonly id = randomBytes(4).toString('hex');

  constructor() {
    const receiver = startTracer({ name: `receiver-${this.id}`, project: 'messages', source: 'receiver' });
    this.receiver = receiver.tracer;
    this.recorder = receiver.recorder;
    const own = { name: `sender-${this.id}`, project: 'messages', source: 'sender' };
    this.sender = startTracer({ ...own, spanProcessors: [this.recorder] }).tracer;
  }

  /** The body of every handler: some work across awaits, and what the session is then. */
  async handle(text: string): Promise<string> {
    await delay(Math.random() * 10);
    const session = await withSpan(`work ${text}`, async () => {
      await delay(1);
      return getBaggage('session_id');
    });
    this.seen.push({ text, session });
    return `answer to ${text}`;
  }

  /** Sends messages at once, each in a session and a span of its own, and waits until all were handled. */
  async send(count: number, send: (text: string) => Promise<unknown>): Promise<string[]> {
    const texts = Array.from({ length: count }, (_, i) => `${this.id}-${this.seen.length}-${i}`);
    await Promise.all(
      texts.map((text) =>
        withSession({ sessionId: `session-${text}`, tracer: this.sender }, () =>
          withSpan({ name: `send ${text}`, kind: SpanKind.PRODUCER, tracer: this.sender }, () => send(text)),
        ),
      ),
    );
    await this.arrival(texts);
    return texts;
  }

  /** Waits until the handler has ended for each of these texts. */
  async arrival(texts: readonly string[]): Promise<void> {
    const until = Date.now() + ARRIVAL_MS;
    const waiting = (): string[] => texts.filter((text) => !this.seen.some((seen) => seen.text === text));
    while (waiting().length > 0) {
      if (Date.now() > until) throw new Error(`never handled: ${waiting().join(', ')}`);
      await delay(5);
    }
    // The span of a handler ends right after its body.
    await delay(5);
  }

  /** The entry's span of one text. */
  entryOf(text: string): ReadableSpan {
    const work = this.recorder.span(`work ${text}`);
    const entry = this.recorder.spans.find((span) => spanId(span) === parentId(work));
    if (entry === undefined) throw new Error(`no entry is above the work of ${text}`);
    return entry;
  }

  /** Trace, parent, session and kind of every text. */
  expectContinued(texts: readonly string[], kind: SpanKind): void {
    const wrong = texts.flatMap((text) => {
      const sent = this.recorder.span(`send ${text}`);
      const entry = this.entryOf(text);
      const found = {
        text,
        trace: traceId(entry),
        parent: parentId(entry),
        kind: entry.kind,
        session: entry.attributes[SESSION],
        workSession: this.recorder.span(`work ${text}`).attributes[SESSION],
        source: entry.attributes['honeyhive.source'],
        handlers: this.seen.filter((seen) => seen.text === text),
      };
      const session = `session-${text}`;
      const wanted = {
        text,
        trace: traceId(sent),
        parent: spanId(sent),
        kind,
        session,
        workSession: session,
        source: 'sender',
        handlers: [{ text, session }],
      };
      return JSON.stringify(found) === JSON.stringify(wanted) ? [] : [{ found, wanted }];
    });
    expect(wrong).toEqual([]);
    expect(texts.length).toBeGreaterThan(0);
  }

  /** Messages whose headers say nothing usable: handled once, under a root span, in the receiver's own session. */
  expectUncontinued(texts: readonly string[], kind: SpanKind): void {
    for (const text of texts) {
      const entry = this.entryOf(text);
      expect([text, parentId(entry), entry.kind]).toEqual([text, undefined, kind]);
      expect([text, entry.attributes[SESSION]]).toEqual([text, this.receiver.sessionId]);
      expect(this.seen.filter((seen) => seen.text === text)).toHaveLength(1);
    }
  }
}

/** Headers as a careless, old or hostile peer may write them; which a client can send depends on its protocol. */
export const MANGLED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  none: {},
  'empty values': { traceparent: '', tracestate: '', baggage: '' },
  'no traceparent at all': { traceparent: 'garbage', baggage: '====;;;,,,' },
  'zero ids': { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` },
  'an unknown and long version': { traceparent: `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
  'far too long': { traceparent: '0'.repeat(4_000), baggage: `x=${'y'.repeat(9_000)}` },
  'broken escapes': { traceparent: '%00%ff', baggage: 'tenant=%E0%A4%A,=,session_id' },
};

/** The same, for protocols whose values are bytes. */
export const MANGLED_BYTES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'no UTF-8': { traceparent: Buffer.from([0xff, 0xfe, 0x00, 0x80]), baggage: Buffer.from([0xc3, 0x28]) },
  'a NUL': { traceparent: Buffer.from('00-\0\0-\0-01') },
  'many times': {
    traceparent: [`00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`, `00-${'2'.repeat(32)}-${'2'.repeat(16)}-01`],
  },
};
