/**
 * A service whose `Object.prototype` is not what it was: polluted, or frozen. The first argument says how, and whether
 * before the library was loaded or after. Prints what a traced, decorated call did and what was recorded of it.
 */
import assert from 'node:assert/strict';
import { pollute } from './pollution.js';
import {
  bindContext,
  DistributedEntry,
  Enrich,
  enrichSpan,
  extractContextFromCarrier,
  injectContextIntoCarrier,
  SessionTracer,
  Trace,
  trace,
  withBaggage,
  withSession,
  withSpan,
} from '../../../lib/index.js';
import { trace as otelTrace } from '@opentelemetry/api';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const caller = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, baggage: 'session_id=s-1,toString=x' };

class Service {
  @DistributedEntry({ carrier: 0 })
  @Trace({ eventType: 'chain', inputs: true, outputs: true })
  @Enrich({ metadata: { tier: 'gold' } })
  async answer(_headers: object, query: object): Promise<object> {
    await Promise.resolve();
    enrichSpan({ metrics: { toString: 1, constructor: 2 } });
    return { query, value: 42 };
  }

  @Trace
  get total(): number {
    return 7;
  }

  @Trace({ outputs: true })
  *pages(): Generator<number> {
    yield 1;
    yield 2;
  }

  @Trace
  static fail(): void {
    throw new TypeError('theirs');
  }
}

async function main(): Promise<void> {
  const [, , how = 'none', when = 'after'] = process.argv;
  if (when === 'after') pollute(how);
  const spans: any[] = [];
  const tracer = SessionTracer.init({
    project: 'realm',
    testMode: true,
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: (span: any) => spans.push(span),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  });
  const service = new Service();
  const query = JSON.parse('{"toString": "a", "value": "b", "get": "c", "__proto__": {"d": 1}}') as object;

  const answer = (await service.answer(caller, query)) as { query: object; value: number };
  assert.equal(answer.query, query);
  assert.equal(answer.value, 42);
  assert.equal(service.total, 7);
  assert.deepEqual([...service.pages()], [1, 2]);
  assert.throws(() => Service.fail(), { message: 'theirs' });

  const sum = trace((a: number, b: number) => a + b, { name: 'sum', inputs: true });
  assert.equal(sum(1, 2), 3);
  assert.equal(sum.length, 2);
  class Lazy extends Promise<number> {}
  assert.equal(await trace(() => Lazy.resolve(5), 'lazy')(), 5);
  assert.equal(bindContext(() => 6)(), 6);

  const sent = withSession('s-2', () =>
    withBaggage({ toString: 'y', value: 'z' } as never, () =>
      withSpan({ name: 'send', attributes: { toString: 'x', value: 'y' } as never }, () =>
        injectContextIntoCarrier<Record<string, string>>({ accept: '*/*' }),
      ),
    ),
  );
  assert.match(sent['baggage']!, /session_id=s-2/);
  assert.match(sent['baggage']!, /toString=y/);
  assert.equal(otelTrace.getSpanContext(extractContextFromCarrier(caller))?.traceId, TRACE);
  assert.equal(otelTrace.getSpanContext(extractContextFromCarrier({})), undefined);
  await tracer.shutdown();

  const own = (span: any, name: string): unknown => {
    const found = Object.getOwnPropertyDescriptor(span.attributes as object, name);
    return found !== undefined && Object.hasOwn(found, 'value') ? found.value : undefined;
  };
  const [entry] = spans.filter((span) => span.name === 'Service.answer');
  process.stdout.write(
    JSON.stringify({
      names: spans.map((span) => span.name as string).sort(),
      trace: entry.spanContext().traceId === TRACE,
      session: own(entry, 'honeyhive.session_id'),
      input: ['toString', 'value', 'get'].map((name) => own(entry, `honeyhive_inputs.arg1.${name}`)),
      result: own(entry, 'honeyhive_outputs.result.value'),
      metrics: own(entry, 'honeyhive_metrics.toString'),
      attributes: ['toString', 'value'].map((name) =>
        own(
          spans.find(({ name: n }) => n === 'send'),
          name,
        ),
      ),
    }),
    () => process.exit(0),
  );
}

void main();
