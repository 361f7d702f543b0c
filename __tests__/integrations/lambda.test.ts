import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from '@jest/globals';
import { getBaggage, withSpan } from '../../lib/index.js';
import { spanwise, type LambdaContext } from '../../lib/integrations/lambda.js';
import { SessionTracer } from '../../lib/session/session-tracer.js';
import type { ReadableSpan } from '../../lib/tracer/sdk-contract.js';
import {
  collectDiagnostics,
  parentId,
  shutdownAll,
  startTracer,
  traceId,
  type Recorder,
} from '../support/harness.js';

afterEach(shutdownAll);

const TRACE = 'c'.repeat(32);
const SPAN = 'd'.repeat(16);
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const HEADERS = { Traceparent: TRACEPARENT, Baggage: 'session_id=theirs,user_id=u1' };
const lists = (headers: Record<string, string>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));

const LAMBDA: LambdaContext = {
  functionName: 'orders',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:orders:live',
  awsRequestId: 'r-1',
  getRemainingTimeInMillis: () => 10_000,
};

const sqs = (id: string, headers: Record<string, string>, more: object = {}): object => ({
  messageId: id,
  receiptHandle: `h-${id}`,
  body: '{"traceparent":"not a header"}',
  attributes: { SentTimestamp: '1545082649183' },
  messageAttributes: Object.fromEntries(
    Object.entries(headers).map(([name, stringValue]) => [
      name.toLowerCase(),
      { stringValue, dataType: 'String', stringListValues: [], binaryListValues: [] },
    ]),
  ),
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:orders-queue',
  awsRegion: 'eu-central-1',
  ...more,
});
const snsAttributes = (headers: Record<string, string>): object =>
  Object.fromEntries(
    Object.entries(headers).map(([name, Value]) => [name.toLowerCase(), { Type: 'String', Value }]),
  );
const sns = (headers: Record<string, string>): object => ({
  EventSource: 'aws:sns',
  EventVersion: '1.0',
  Sns: {
    MessageId: 'm-1',
    TopicArn: 'arn:aws:sns:eu-central-1:123456789012:prices',
    Message: 'Hello',
    MessageAttributes: snsAttributes(headers),
  },
});

/** Events with a caller, as AWS documents them, and the span each makes. */
const EVENTS: [string, object, { name: string; kind?: SpanKind; attributes: object }][] = [
  [
    'API Gateway, REST API',
    {
      resource: '/users/{id}',
      path: '/users/7',
      httpMethod: 'GET',
      headers: { ...HEADERS, Host: 'api.example.com', 'User-Agent': 'curl/8', 'X-Forwarded-Proto': 'https' },
      multiValueHeaders: lists({
        ...HEADERS,
        Host: 'api.example.com',
        'User-Agent': 'curl/8',
        'X-Forwarded-Proto': 'https',
      }),
      queryStringParameters: { token: 'secret', a: '1' },
      multiValueQueryStringParameters: { token: ['secret'], a: ['1', '2'] },
      pathParameters: { id: '7' },
      requestContext: {
        resourcePath: '/users/{id}',
        httpMethod: 'GET',
        protocol: 'HTTP/1.1',
        stage: 'prod',
        identity: { sourceIp: '10.0.0.1' },
      },
      body: null,
    },
    {
      name: 'GET /users/{id}',
      attributes: {
        'faas.trigger': 'http',
        'http.request.method': 'GET',
        'http.route': '/users/{id}',
        'url.path': '/users/7',
        'url.query': 'token=[REDACTED]&a=1&a=2',
        'url.scheme': 'https',
        'server.address': 'api.example.com',
        'user_agent.original': 'curl/8',
        'client.address': '10.0.0.1',
        'network.protocol.version': '1.1',
      },
    },
  ],
  [
    'API Gateway, HTTP API',
    {
      version: '2.0',
      routeKey: 'POST /users/{id}',
      rawPath: '/users/7',
      rawQueryString: 'a=1',
      headers: { traceparent: TRACEPARENT, baggage: HEADERS.Baggage, host: 'api.example.com' },
      requestContext: {
        http: { method: 'POST', path: '/users/7', protocol: 'HTTP/1.1', sourceIp: '10.0.0.2' },
        stage: '$default',
        domainName: 'api.example.com',
      },
    },
    {
      name: 'POST /users/{id}',
      attributes: { 'http.route': '/users/{id}', 'url.query': 'a=1', 'client.address': '10.0.0.2' },
    },
  ],
  [
    'a function URL',
    {
      version: '2.0',
      routeKey: '$default',
      rawPath: '/x',
      rawQueryString: '',
      headers: { traceparent: TRACEPARENT, baggage: HEADERS.Baggage },
      requestContext: { http: { method: 'GET', path: '/x', protocol: 'HTTP/1.1' }, domainName: 'u.on.aws' },
    },
    { name: 'GET', attributes: { 'server.address': 'u.on.aws', 'url.path': '/x' } },
  ],
  [
    'a load balancer',
    {
      requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:x' } },
      httpMethod: 'GET',
      path: '/lambda',
      queryStringParameters: { q: '1' },
      headers: { ...HEADERS, host: 'lb.example.com', 'x-forwarded-proto': 'http' },
      body: '',
    },
    { name: 'GET', attributes: { 'url.scheme': 'http', 'url.query': 'q=1', 'faas.trigger': 'http' } },
  ],
  [
    'a load balancer with lists of headers',
    {
      requestContext: { elb: {} },
      httpMethod: 'GET',
      path: '/lambda',
      multiValueHeaders: lists(HEADERS),
    },
    { name: 'GET', attributes: { 'url.path': '/lambda' } },
  ],
  [
    'a WebSocket that connects',
    {
      headers: HEADERS,
      requestContext: { routeKey: '$connect', eventType: 'CONNECT', connectionId: 'c-1' },
    },
    { name: '$connect', attributes: { 'faas.trigger': 'http' } },
  ],
  [
    'one message of SQS',
    { Records: [sqs('m-1', HEADERS)] },
    {
      name: 'orders-queue process',
      kind: SpanKind.CONSUMER,
      attributes: {
        'faas.trigger': 'pubsub',
        'messaging.system.name': 'aws.sqs',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'orders-queue',
        'messaging.message.id': 'm-1',
      },
    },
  ],
  [
    'one message of SQS that came from SNS',
    {
      Records: [
        sqs(
          'm-1',
          {},
          {
            body: JSON.stringify({
              Type: 'Notification',
              TopicArn: 'arn:aws:sns:eu-central-1:123456789012:prices',
              Message: 'Hello',
              MessageAttributes: snsAttributes(HEADERS),
            }),
          },
        ),
      ],
    },
    { name: 'orders-queue process', kind: SpanKind.CONSUMER, attributes: {} },
  ],
  [
    'SNS',
    { Records: [sns(HEADERS)] },
    {
      name: 'prices process',
      kind: SpanKind.CONSUMER,
      attributes: { 'messaging.system.name': 'aws.sns', 'messaging.destination.name': 'prices' },
    },
  ],
  [
    'EventBridge',
    {
      version: '0',
      'detail-type': 'OrderPlaced',
      source: 'shop.orders',
      detail: { id: 7, _meta: { traceparent: TRACEPARENT, baggage: HEADERS.Baggage } },
    },
    { name: 'orders', kind: SpanKind.CONSUMER, attributes: { 'faas.trigger': 'pubsub' } },
  ],
];

/** Events that nobody sent, or nobody we could continue. */
const CALLERLESS: [string, unknown, { kind?: SpanKind; trigger: string }][] = [
  [
    'a schedule',
    { 'detail-type': 'Scheduled Event', source: 'aws.events', time: '2026-11-20T00:00:00Z', detail: {} },
    { trigger: 'timer' },
  ],
  [
    'a bucket',
    { Records: [{ eventSource: 'aws:s3', s3: { object: { key: 'a' } } }] },
    { kind: SpanKind.CONSUMER, trigger: 'datasource' },
  ],
  [
    'a direct call',
    { traceparent: TRACEPARENT, headers: { traceparent: TRACEPARENT } },
    { trigger: 'other' },
  ],
  ['text', 'hello', { trigger: 'other' }],
  ['nothing', null, { trigger: 'other' }],
  ['a broken request', { requestContext: 5, headers: 7 }, { trigger: 'other' }],
  ['broken records', { Records: [null, 4] }, { trigger: 'other' }],
  [
    'a message on a WebSocket',
    { requestContext: { routeKey: 'say', connectionId: 'c' }, body: '' },
    { trigger: 'http' },
  ],
];

async function invoke(event: unknown, options = {}, result: unknown = { statusCode: 200 }) {
  const handler = spanwise(async (_event: unknown, _context: LambdaContext) => {
    withSpan('inside', () => undefined);
    return result;
  }, options);
  expect(await handler(event, LAMBDA)).toBe(result);
}
const entryOf = (recorder: Recorder): ReadableSpan => {
  const [entry, ...others] = recorder.spans.filter(({ name }) => name !== 'inside');
  expect(others).toEqual([]);
  return entry!;
};

describe.each(EVENTS)('%s', (_what, event, { name, kind = SpanKind.SERVER, attributes }) => {
  it('continues the caller’s trace and session', async () => {
    const { recorder } = startTracer();
    await invoke(event);
    const entry = entryOf(recorder);
    expect([entry.name, entry.kind]).toEqual([name, kind]);
    expect([traceId(entry), parentId(entry)]).toEqual([TRACE, SPAN]);
    expect(entry.attributes).toMatchObject({ ...attributes, 'honeyhive.session_id': 'theirs' });
    expect(recorder.span('inside').attributes['honeyhive.session_id']).toBe('theirs');
    expect(traceId(recorder.span('inside'))).toBe(TRACE);
  });

  it('of a stranger is not continued', async () => {
    const { recorder } = startTracer({ trust: 'restart' });
    await invoke(event);
    const entry = entryOf(recorder);
    expect(traceId(entry)).not.toBe(TRACE);
    expect(entry.attributes['honeyhive.session_id']).not.toBe('theirs');
    expect(entry.links).toEqual([]);
  });
});

describe.each(CALLERLESS)('%s', (_what, event, { kind = SpanKind.SERVER, trigger }) => {
  it('starts a trace', async () => {
    const { recorder } = startTracer();
    await invoke(event);
    const entry = entryOf(recorder);
    expect([entry.kind, entry.attributes['faas.trigger']]).toEqual([kind, trigger]);
    expect(traceId(entry)).not.toBe(TRACE);
    expect(parentId(entry)).toBeUndefined();
  });
});

describe('every invocation', () => {
  it('says what the function is, and has a cold start at most once', async () => {
    const { recorder } = startTracer();
    await invoke({});
    await invoke({});
    expect(recorder.spans.filter(({ name }) => name === 'orders')[1]!.attributes).toMatchObject({
      'faas.invocation_id': 'r-1',
      'faas.name': 'orders',
      'faas.version': '$LATEST',
      'cloud.provider': 'aws',
      'cloud.region': 'eu-central-1',
      'cloud.account.id': '123456789012',
      'cloud.resource_id': LAMBDA.invokedFunctionArn,
      'faas.coldstart': false,
    });
  });

  it('takes a session from its event, before the caller’s, and survives a callback that throws', async () => {
    const said = collectDiagnostics();
    const { recorder } = startTracer();
    await invoke({ ...EVENTS[0]![1], user: 'u7' }, { sessionId: (event: { user: string }) => event.user });
    expect(entryOf(recorder).attributes['honeyhive.session_id']).toBe('u7');
    await invoke(null, { sessionId: (event: { user: string }) => event.user });
    expect(said.join()).toContain('SPW_CALLBACK');
  });

  it('without a caller has a session of its own if asked for', async () => {
    const { recorder } = startTracer({ newSession: true });
    await invoke({});
    await invoke({});
    const sessions = recorder.spans.map(({ attributes }) => attributes['honeyhive.session_id']);
    expect(new Set(sessions).size).toBe(2);
    expect(sessions[0]).toBe(sessions[1]);
  });

  it('takes a carrier that is named', async () => {
    const { recorder } = startTracer();
    await invoke(
      { job: { meta: HEADERS } },
      { carrier: (event: { job: { meta: object } }) => event.job.meta },
    );
    expect(parentId(entryOf(recorder))).toBe(SPAN);
  });

  it.each([
    [200, SpanStatusCode.UNSET],
    [404, SpanStatusCode.UNSET],
    ['502', SpanStatusCode.ERROR],
  ])('that answers HTTP %s has its status', async (statusCode, code) => {
    const { recorder } = startTracer();
    await invoke(EVENTS[1]![1], {}, { statusCode });
    const entry = entryOf(recorder);
    expect(entry.status.code).toBe(code);
    expect(entry.attributes['http.response.status_code']).toBe(Number(statusCode));
  });

  it('keeps 20 sessions at once apart', async () => {
    startTracer();
    const handler = spanwise(async (_event: object) => {
      await new Promise((resolve) => setImmediate(resolve));
      return getBaggage('session_id');
    });
    const sessions = await Promise.all(
      Array.from({ length: 20 }, (_, i) => handler({ Records: [sqs('m', { baggage: `session_id=s${i}` })] })),
    );
    expect(sessions).toEqual(Array.from({ length: 20 }, (_, i) => `s${i}`));
  });

  it('without a tracer just runs', async () => {
    await invoke(EVENTS[0]![1]);
    await expect(spanwise(() => Promise.reject(new Error('mine')))()).rejects.toThrow('mine');
  });
});

describe('a batch of messages', () => {
  const caller = (digit: string): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;

  it('links to every sender, each once, and is nobody’s child', async () => {
    const { recorder } = startTracer();
    const records = ['1', '2', '2'].map((digit, i) => sqs(`m${i}`, { traceparent: caller(digit) }));
    await invoke({ Records: [...records, sqs('m3', {})] });
    const entry = entryOf(recorder);
    expect(parentId(entry)).toBeUndefined();
    expect(entry.links.map(({ context }) => context.traceId)).toEqual(['1'.repeat(32), '2'.repeat(32)]);
    expect(entry.attributes).toMatchObject({
      'messaging.batch.message_count': 4,
      'messaging.destination.name': 'orders-queue',
    });
  });

  it.each([
    ['that all have', ['same', 'same'], 'same'],
    ['that some have', ['same', ''], undefined],
    ['that differ', ['one', 'two'], undefined],
  ])('is in the session %s', async (_what, sessions, expected) => {
    const { recorder, tracer } = startTracer();
    const records = sessions.map((id, i) =>
      sqs(`m${i}`, { traceparent: caller('1'), ...(id === '' ? {} : { baggage: `session_id=${id}` }) }),
    );
    await invoke({ Records: records });
    expect(entryOf(recorder).attributes['honeyhive.session_id']).toBe(expected ?? tracer.sessionId);
  });

  it('of strangers has links where those are kept, and never their session', async () => {
    const Records = [1, 2].map((i) => sqs(`m${i}`, { traceparent: caller('1'), baggage: 'session_id=same' }));
    for (const [trust, links] of [
      ['link', 1],
      ['restart', 0],
    ] as const) {
      const { recorder } = startTracer({ trust });
      await invoke({ Records });
      expect(entryOf(recorder).links).toHaveLength(links);
      expect(entryOf(recorder).attributes['honeyhive.session_id']).not.toBe('same');
      await shutdownAll();
    }
  });

  it('of several queues says so', async () => {
    const { recorder } = startTracer();
    await invoke({ Records: [sqs('a', {}), sqs('b', {}, { eventSourceARN: 'arn:aws:sqs:x:1:other' })] });
    expect(entryOf(recorder).name).toBe('multiple_sources process');
  });
});

/** How a handler may answer. */
describe('a handler', () => {
  type Done = (error?: unknown, result?: unknown) => void;

  it('keeps its name, length, receiver and marks', async () => {
    startTracer();
    const streaming = Symbol.for('aws.lambda.runtime.handler.streaming');
    const original = Object.assign(
      async function named(this: unknown, _event: object, _context: object) {
        return this;
      },
      { [streaming]: 'response' },
    );
    const handler = spanwise(original);
    expect([handler.name, handler.length, handler[streaming]]).toEqual(['named', 2, 'response']);
    expect(await handler.call('me', {}, LAMBDA)).toBe('me');
  });

  it('that throws or rejects does so with the same error, recorded once', async () => {
    const { recorder } = startTracer();
    const error = new RangeError('mine');
    await expect(spanwise(async () => Promise.reject(error))()).rejects.toBe(error);
    await expect(
      spanwise((): Promise<void> => {
        throw error;
      })(),
    ).rejects.toBe(error);
    for (const { status, events } of recorder.spans) {
      expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'mine' });
      expect(events).toHaveLength(1);
    }
    expect(recorder.spans).toHaveLength(2);
  });

  it('may answer by callback: the first word counts, after the delivery', async () => {
    const { recorder } = startTracer();
    const handler = spanwise((_event: object, _context: object, done: Done) => {
      setImmediate(() => {
        done(null, 'first');
        done(null, 'second');
      });
      return setImmediate(() => undefined);
    });
    const answers: unknown[] = [];
    await new Promise<void>((resolve) => {
      handler({}, LAMBDA, (...answer: unknown[]) => {
        answers.push(answer, recorder.spans.length);
        resolve();
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toEqual([[null, 'first'], 1]);
  });

  it.each([
    ['done', (context: any) => context.done(null, 'ok'), [null, 'ok'], SpanStatusCode.UNSET],
    ['succeed', (context: any) => context.succeed('ok'), ['ok'], SpanStatusCode.UNSET],
    ['fail', (context: any) => context.fail(new Error('no')), [new Error('no')], SpanStatusCode.ERROR],
  ])('may answer by context.%s', async (name, answer, expected, code) => {
    const { recorder } = startTracer();
    const given = await new Promise<unknown[]>((resolve) => {
      const said = (...args: unknown[]): void => resolve(args);
      const ignored = (): void => undefined;
      const context = { ...LAMBDA, done: ignored, succeed: ignored, fail: ignored, [name]: said };
      spanwise((_event: object, own: object, _done: Done) => void setImmediate(() => answer(own)))(
        {},
        context,
        ignored,
      );
    });
    expect(given).toEqual(expected);
    expect(entryOf(recorder).status.code).toBe(code);
  });

  it('that answers at once still delivers first where there is no callback', async () => {
    const { recorder } = startTracer();
    const handler = spanwise((_event: object, _context: object): unknown => 'at once');
    expect(await handler({}, LAMBDA)).toBe('at once');
    expect(recorder.spans).toHaveLength(1);
  });
});

describe('the delivery', () => {
  /** Remembers how long it was told to take, and takes for ever. */
  class Slow extends SessionTracer {
    readonly asked: (number | undefined)[] = [];
    override flush(options?: { timeoutMs?: number }): Promise<any> {
      this.asked.push(options?.timeoutMs);
      return this.asked.length > 1 ? super.flush(options) : new Promise(() => undefined);
    }
  }

  it.each([
    ['2 seconds', 60_000, {}, 2_000],
    ['what is left but 100 ms', 350, {}, 250],
    ['what the option says', 60_000, { flushTimeoutMs: 30 }, 30],
  ])('takes at most %s', async (_what, remaining, options, expected) => {
    const tracer = Slow.init({ testMode: true });
    const handler = spanwise(async (_event: object, _context: object) => 'ok', options);
    // A delivery that never ends is waited for no longer: the answer is there.
    if (expected < 1_000) {
      expect(await handler({}, { ...LAMBDA, getRemainingTimeInMillis: () => remaining })).toBe('ok');
    } else {
      void handler({}, { ...LAMBDA, getRemainingTimeInMillis: () => remaining });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(tracer.asked).toEqual([expected]);
  });

  it('is not tried when there is no time left', async () => {
    const tracer = Slow.init({ testMode: true });
    const handler = spanwise(async (_event: object, _context: object) => 'ok');
    expect(await handler({}, { ...LAMBDA, getRemainingTimeInMillis: () => 50 })).toBe('ok');
    expect(tracer.asked).toEqual([]);
  });

  it('that fails, or a context that throws, is no failure of the handler', async () => {
    class Broken extends SessionTracer {
      override flush(): Promise<any> {
        return Promise.reject(new Error('no'));
      }
    }
    Broken.init({ testMode: true });
    const handler = spanwise(async (_event: object, _context: object) => 'ok');
    const getRemainingTimeInMillis = (): never => {
      throw new Error('no');
    };
    expect(await handler({}, { ...LAMBDA, getRemainingTimeInMillis })).toBe('ok');
  });
});
