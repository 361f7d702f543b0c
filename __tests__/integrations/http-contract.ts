/** The contract that every framework's middleware is held to, on a real server of its own. */
import { once } from 'node:events';
import http from 'node:http';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { context, propagation, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DistributedEntry, getBaggage, SessionTracer, trace, withSpan } from '../../lib/index.js';
import type { HttpEntryOptions } from '../../lib/integrations/http-entry.js';
import type { SessionTracerOptions } from '../../lib/session/options.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import {
  collectDiagnostics,
  parentId,
  Recorder,
  shutdownAll,
  spanId,
  startTracer,
  traceId,
} from '../support/harness.js';

/** A running server of the framework under test. */
export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

/** What the routes of every framework's server call. */
export const app = {
  /** `GET /users/:id`. */
  async user(id: string): Promise<object> {
    await delay(Math.random() * 10);
    return withSpan('work', async () => {
      await delay(Math.random() * 5);
      return { id, session: getBaggage('session_id') };
    });
  },
  /** `POST /echo`, after the body was parsed. */
  async echo(body: unknown): Promise<object> {
    return withSpan('work', async () => ({ body, session: getBaggage('session_id') }));
  },
  /** `GET /boom`. */
  boom(): never {
    throw new RangeError('boom');
  },
  /** `GET /entry/:id`: a handler that never sees the request. */
  entry: trace((id: string) => service().invoke(id), { name: 'handler' }),
  /** `GET /stream`: three chunks, the last after `release`. */
  async *chunks(): AsyncGenerator<string> {
    yield 'one ';
    await delay(5);
    yield 'two ';
    await held.promise;
    await withSpan('late', () => delay(1));
    yield 'three';
  },
  /** `GET /hang`: no answer before the caller has gone. */
  async hang(): Promise<string> {
    hanging.resolve();
    await held.promise;
    return 'too late';
  },
};

let made: { invoke(id: string): Promise<object> } | undefined;
const service = () => (made ??= new (serviceClass())());
/** Decorated when a test asks for it, in whichever protocol the project compiles to. */
const serviceClass = () => {
  class Service {
    @DistributedEntry()
    async invoke(id: string): Promise<object> {
      return { id, session: getBaggage('session_id') };
    }
  }
  return Service;
};

let held = gate();
let hanging = gate();
function gate() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve, reject: resolve };
}

const TRACE = (i: number): string => `${String(i).padStart(4, '0')}${'a'.repeat(28)}`;
const SPAN = (i: number): string => `${String(i).padStart(4, '0')}${'b'.repeat(12)}`;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: any;
}

/**
 * Asks over a connection of its own, outside of any context.
 */
function ask(
  port: number,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          let json: unknown;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          resolve({ status: response.statusCode as number, text, json });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** One request that dispatches another inside of the process, without a connection. */
export function dispatch(handler: (request: any, response: any) => unknown, url: string): Promise<any> {
  const request = new http.IncomingMessage(new Socket());
  Object.assign(request, { method: 'GET', url, headers: { host: 'inside' } });
  request.push(null);
  const response = new http.ServerResponse(request);
  let text = '';
  const sink = new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) });
  response.assignSocket(sink as never);
  const answered = once(response, 'finish').then(
    () => JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as unknown,
  );
  handler(request, response);
  return answered;
}

/** Waits until the spans that a test expects have ended. */
async function until(
  recorder: Recorder,
  count: number,
  filter: (span: ReadableSpan) => boolean = isServer,
): Promise<ReadableSpan[]> {
  for (let i = 0; i < 500; i++) {
    const found = recorder.spans.filter(filter);
    if (found.length >= count) return found;
    await delay(5);
  }
  throw new Error(`${count} spans did not end; there are: ${recorder.names.join(', ')}`);
}

const isServer = (span: ReadableSpan): boolean => span.kind === SpanKind.SERVER;

/**
 * @param framework its name
 * @param start starts a server with the routes above behind the middleware with these options
 */
export function describeHttpContract(
  framework: string,
  start: (options: HttpEntryOptions) => Promise<Running>,
): void {
  let tracer: SessionTracer;
  let recorder: Recorder;
  let server: Running;
  const begin = async (
    options: HttpEntryOptions = {},
    tracing: SessionTracerOptions = {},
  ): Promise<number> => {
    ({ tracer, recorder } = startTracer(tracing));
    server = await start(options);
    return server.port;
  };
  beforeEach(() => {
    held = gate();
    hanging = gate();
  });
  afterEach(async () => {
    held.resolve();
    await server.close();
    await shutdownAll();
  });

  describe(`${framework}: a request`, () => {
    it('has one server span with the route’s template and the HTTP attributes', async () => {
      const port = await begin();
      const answer = await ask(port, '/users/42?color=red&token=abc', {
        headers: { 'user-agent': 'tester' },
      });
      expect(answer.json.id).toBe('42');
      const [span] = await until(recorder, 1);
      expect(span!.name).toBe('GET /users/:id');
      expect(span!.attributes).toMatchObject({
        'http.request.method': 'GET',
        'http.route': '/users/:id',
        'http.response.status_code': 200,
        'url.path': '/users/42',
        'url.scheme': 'http',
        'url.query': 'color=red&token=[REDACTED]',
        'server.address': '127.0.0.1',
        'server.port': port,
        'user_agent.original': 'tester',
      });
      expect(span!.status.code).toBe(SpanStatusCode.UNSET);
      expect(parentId(span!)).toBeUndefined();
      expect(parentId(recorder.span('work'))).toBe(spanId(span!));
    });

    it('continues its caller’s trace and session without configuration', async () => {
      const port = await begin();
      const answer = await ask(port, '/users/7', {
        headers: {
          traceparent: `00-${TRACE(1)}-${SPAN(1)}-01`,
          baggage: 'session_id=theirs,project=upstream',
        },
      });
      expect(answer.json.session).toBe('theirs');
      const [span] = await until(recorder, 1);
      expect(traceId(span!)).toBe(TRACE(1));
      expect(parentId(span!)).toBe(SPAN(1));
      expect(span!.attributes['honeyhive.session_id']).toBe('theirs');
      expect(span!.attributes['honeyhive.project']).toBe('upstream');
    });

    it('keeps its context behind the parser of its body', async () => {
      const port = await begin();
      const answer = await ask(port, '/echo', {
        method: 'POST',
        headers: { 'content-type': 'application/json', baggage: 'session_id=posted' },
        body: JSON.stringify({ text: 'x'.repeat(100_000) }),
      });
      expect(answer.json.session).toBe('posted');
      expect(answer.json.body.text).toHaveLength(100_000);
      const [span] = await until(recorder, 1);
      expect(span!.name).toBe('POST /echo');
      expect(parentId(recorder.span('work'))).toBe(spanId(span!));
    });

    it('fails with what was thrown and a status of 500', async () => {
      const port = await begin();
      expect((await ask(port, '/boom')).status).toBe(500);
      const [span] = await until(recorder, 1);
      expect(span!.name).toBe('GET /boom');
      expect(span!.attributes['http.response.status_code']).toBe(500);
      expect(span!.attributes['error.type']).toBe('RangeError');
      expect(span!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'boom' });
      expect(span!.events.filter(({ name }) => name === 'exception')).toHaveLength(1);
    });

    it('that nobody answers is named by its method and has not failed', async () => {
      const port = await begin();
      expect((await ask(port, '/nowhere/at/all')).status).toBe(404);
      const [span] = await until(recorder, 1);
      expect(span!.name).toBe('GET');
      expect(span!.attributes['http.response.status_code']).toBe(404);
      expect(span!.attributes).not.toHaveProperty('http.route');
      expect(span!.status.code).toBe(SpanStatusCode.UNSET);
    });

    it('with a streaming answer ends with the last chunk', async () => {
      const port = await begin();
      const answer = ask(port, '/stream');
      await delay(50);
      expect(recorder.spans.filter(isServer)).toEqual([]);
      held.resolve();
      expect((await answer).text).toBe('one two three');
      const [span] = await until(recorder, 1);
      expect(span!.name).toBe('GET /stream');
      expect(span!.attributes['http.response.status_code']).toBe(200);
      const late = (await until(recorder, 1, ({ name }) => name === 'late'))[0]!;
      expect(traceId(late)).toBe(traceId(span!));
    });

    it('whose caller goes away ends then, marked as aborted', async () => {
      const port = await begin();
      const request = http.get({ host: '127.0.0.1', port, path: '/hang', agent: false });
      const gone = new Promise((resolve) => request.on('error', resolve));
      await hanging.promise;
      request.destroy();
      await gone;
      const [span] = await until(recorder, 1);
      expect(span!.attributes['spanwise.aborted']).toBe(true);
      expect(span!.status.code).toBe(SpanStatusCode.UNSET);
      held.resolve();
      await delay(10);
      expect(recorder.spans.filter(isServer)).toHaveLength(1);
    });

    it('is found by a handler that never sees it, without a second server span', async () => {
      const port = await begin();
      const answer = await ask(port, '/entry/9', {
        headers: { traceparent: `00-${TRACE(2)}-${SPAN(2)}-01`, baggage: 'session_id=hidden' },
      });
      expect(answer.json).toEqual({ id: '9', session: 'hidden' });
      const [span] = await until(recorder, 1);
      const entry = recorder.span('Service.invoke');
      expect(entry.kind).toBe(SpanKind.INTERNAL);
      expect(parentId(entry)).toBe(spanId(recorder.span('handler')));
      expect(parentId(recorder.span('handler'))).toBe(spanId(span!));
      expect(recorder.spans.filter(isServer)).toHaveLength(1);
    });

    it('is the parent of a request that is dispatched inside of it', async () => {
      const port = await begin();
      expect((await ask(port, '/dispatch')).json.id).toBe('inner');
      const servers = await until(recorder, 2);
      const outer = servers.find(({ name }) => name === 'GET /dispatch')!;
      const inner = servers.find(({ name }) => name === 'GET /users/:id')!;
      expect(parentId(inner)).toBe(spanId(outer));
      expect(parentId(recorder.span('work'))).toBe(spanId(inner));
    });

    it('is one of 20 at once, each in its own session and trace', async () => {
      const port = await begin();
      const asked = Array.from({ length: 20 }, async (_, i) => {
        const answer = await ask(port, i % 2 === 0 ? `/users/${i}` : '/echo', {
          method: i % 2 === 0 ? 'GET' : 'POST',
          headers: {
            'content-type': 'application/json',
            traceparent: `00-${TRACE(i)}-${SPAN(i)}-01`,
            baggage: `session_id=session-${i}`,
          },
          ...(i % 2 === 0 ? {} : { body: '{}' }),
        });
        return answer.json.session as string;
      });
      expect(await Promise.all(asked)).toEqual(Array.from({ length: 20 }, (_, i) => `session-${i}`));
      const servers = await until(recorder, 20);
      expect(servers).toHaveLength(20);
      const seen = servers.map((span) => {
        const i = Number(String(span.attributes['honeyhive.session_id']).slice('session-'.length));
        const work = recorder.spans.find((other) => parentId(other) === spanId(span))!;
        expect(work.attributes['honeyhive.session_id']).toBe(`session-${i}`);
        expect([traceId(span), parentId(span), traceId(work)]).toEqual([TRACE(i), SPAN(i), TRACE(i)]);
        return i;
      });
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    });
  });

  describe(`${framework}: the options`, () => {
    it('refuse an untrusted caller: a new root with a link, and nothing of its baggage', async () => {
      const port = await begin({ trust: 'link' });
      const answer = await ask(port, '/users/1', {
        headers: { traceparent: `00-${TRACE(3)}-${SPAN(3)}-01`, baggage: 'session_id=stranger,role=admin' },
      });
      expect(answer.json.session).toBe(tracer.sessionId);
      const [span] = await until(recorder, 1);
      expect(traceId(span!)).not.toBe(TRACE(3));
      expect(parentId(span!)).toBeUndefined();
      expect(span!.links.map(({ context: linked }) => linked.spanId)).toEqual([SPAN(3)]);
    });

    it('choose a session, leave requests out, and survive callbacks that throw', async () => {
      const lines = collectDiagnostics();
      const port = await begin({
        sessionId: (): string => {
          throw new Error('no session');
        },
        ignore: () => false,
      });
      expect((await ask(port, '/users/1', { headers: { baggage: 'session_id=kept' } })).json.session).toBe(
        'kept',
      );
      await until(recorder, 1);
      expect(lines.join()).toContain('SPW_CALLBACK');
      await server.close();
      server = await start({ sessionId: () => 'chosen' });
      expect((await ask(server.port, '/users/1')).json.session).toBe('chosen');
      await until(recorder, 2);
      await server.close();
      server = await start({ ignore: () => true });
      const before = recorder.spans.filter(isServer).length;
      expect((await ask(server.port, '/users/1')).status).toBe(200);
      expect(recorder.spans.filter(isServer)).toHaveLength(before);
    });

    it('start a session per request if they say so', async () => {
      const port = await begin({ newSession: true });
      const first = (await ask(port, '/users/1')).json.session as string;
      const second = (await ask(port, '/users/2')).json.session as string;
      expect(new Set([first, second, tracer.sessionId]).size).toBe(3);
      const spans = await until(recorder, 2);
      expect(spans.map(({ attributes }) => attributes['honeyhive.session_id'])).toEqual([first, second]);
    });

    it('need no tracer: requests are served as if nothing were there', async () => {
      server = await start({});
      expect((await ask(server.port, '/users/3')).json.id).toBe('3');
      expect((await ask(server.port, '/boom')).status).toBe(500);
    });
  });

  describe(`${framework}: under OpenTelemetry’s HTTP instrumentation`, () => {
    const instrumentation = new HttpInstrumentation();
    type Patchable = {
      name: string;
      patch(m: unknown, v?: string): unknown;
      unpatch(m: unknown, v?: string): unknown;
    };
    // Hooks on `require` do not reach an ESM test: the same patch is put on Node's module by hand.
    const modules = (instrumentation as unknown as { _modules: Patchable[] })._modules.filter(
      (m) => m.name === 'http',
    );
    beforeAll(() => modules.forEach((m) => m.patch(http, process.version)));
    afterAll(() => {
      modules.forEach((m) => m.unpatch(http, process.version));
      instrumentation.disable();
    });
    const beginInstrumented = async (options: HttpEntryOptions = {}, tracing: SessionTracerOptions = {}) => {
      const port = await begin(options, { ...tracing, instrumentations: [] });
      instrumentation.setTracerProvider(tracer.provider);
      return port;
    };
    // The test's own client is instrumented too; its spans and headers stay out of it.
    const askQuietly: typeof ask = (port, path, rest) =>
      context.with(context.active().setValue(QUIET, true), () => ask(port, path, rest));

    it('there is one server span, which gets the route and the session', async () => {
      const port = await beginInstrumented();
      const answer = await askQuietly(port, '/users/1', {
        headers: { traceparent: `00-${TRACE(4)}-${SPAN(4)}-01`, baggage: 'session_id=theirs' },
      });
      expect(answer.json.session).toBe('theirs');
      const servers = await until(recorder, 1);
      await delay(10);
      expect(servers).toHaveLength(1);
      const span = servers[0]!;
      expect(span.instrumentationScope.name).toContain('instrumentation-http');
      expect(span.name).toBe('GET /users/:id');
      expect(span.attributes['honeyhive.session_id']).toBe('theirs');
      expect([traceId(span), parentId(span)]).toEqual([TRACE(4), SPAN(4)]);
      expect(parentId(recorder.span('work'))).toBe(spanId(span));
      expect(recorder.spans.filter(isServer)).toHaveLength(1);
    });

    it('a request that is dispatched inside has a span of its own below', async () => {
      const port = await beginInstrumented();
      expect((await askQuietly(port, '/dispatch')).json.id).toBe('inner');
      const servers = await until(recorder, 2);
      const inner = servers.find(({ name }) => name === 'GET /users/:id')!;
      const outer = servers.find(({ name }) => name === 'GET /dispatch')!;
      expect(parentId(inner)).toBe(spanId(outer));
    });

    it('a chosen session is also on the instrumentation’s span', async () => {
      const port = await beginInstrumented({ sessionId: () => 'chosen' });
      expect((await askQuietly(port, '/users/1')).json.session).toBe('chosen');
      const [span] = await until(recorder, 1);
      expect(span!.attributes['honeyhive.session_id']).toBe('chosen');
    });

    it.each([
      ['our propagator with the same trust', { trust: 'restart' } as const, {}],
      ['a propagator that trusts', {}, { trust: 'restart' } as const],
    ])('an untrusted entry takes nothing that was let in before it: %s', async (_, tracing, options) => {
      const port = await beginInstrumented(options, tracing);
      const answer = await askQuietly(port, '/users/1', {
        headers: { traceparent: `00-${TRACE(5)}-${SPAN(5)}-01`, baggage: 'session_id=stranger,role=admin' },
      });
      expect(answer.json.session).toBe(tracer.sessionId);
      await until(recorder, 1);
      const work = recorder.span('work');
      expect(traceId(work)).not.toBe(TRACE(5));
      expect(work.attributes['honeyhive.session_id']).toBe(tracer.sessionId);
      const parent = recorder.spans.find((span) => spanId(span) === parentId(work))!;
      expect(parent.kind).toBe(SpanKind.SERVER);
      expect(parent.name).toBe('GET /users/:id');
    });
  });

  afterAll(() => propagation.disable());
}

/** OpenTelemetry's own mark for work that is telemetry itself. */
const QUIET = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
