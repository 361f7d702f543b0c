import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { parentId, shutdownAll, spanId } from '../support/harness.js';
import { describeBroker } from './broker.js';
import { Exchange, MANGLED } from './contract.js';

describeBroker('redis', 'Redis, by BullMQ and ioredis', (place) => {
  let queue: Queue;
  let worker: Worker;
  let exchange: Exchange;

  class Orders {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async placed(job: Job<{ text: string }>): Promise<string> {
      return exchange.handle(job.data.text);
    }

    @DistributedEntry({
      tracer: () => exchange.receiver,
      carrier: (job) => job.data.trace,
      kind: SpanKind.CONSUMER,
    })
    async byData(job: Job<{ text: string; trace?: unknown }>): Promise<string> {
      return exchange.handle(job.data.text);
    }

    @DistributedEntry({
      tracer: () => exchange.receiver,
      carrier: (message) => message.trace,
      kind: SpanKind.CONSUMER,
    })
    async published(message: { text: string; trace?: unknown }): Promise<string> {
      return exchange.handle(message.text);
    }
  }
  const orders = new Orders();
  const telemetry = (headers: object): object => ({ telemetry: { metadata: JSON.stringify(headers) } });

  beforeAll(async () => {
    const { host, port } = place();
    const name = randomUUID();
    queue = new Queue(name, { connection: { host, port } });
    worker = new Worker(name, (job) => (job.name === 'data' ? orders.byData(job) : orders.placed(job)), {
      connection: { host, port },
      concurrency: 20,
    });
    await worker.waitUntilReady();
  });
  afterAll(async () => {
    await worker?.close();
    await queue?.close();
  });
  beforeEach(() => {
    exchange = new Exchange();
  });
  afterEach(shutdownAll);

  it('20 concurrent jobs continue 20 sessions by the place that BullMQ has for headers', async () => {
    const texts = await exchange.send(20, (text) =>
      queue.add('options', { text }, telemetry(injectContextIntoCarrier({}))),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('20 concurrent jobs continue 20 sessions by headers in their data', async () => {
    const texts = await exchange.send(20, (text) =>
      queue.add('data', { text, trace: injectContextIntoCarrier({}) }),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });

  it('handles jobs whose headers were dropped or mangled', async () => {
    for (const [text, headers] of Object.entries(MANGLED))
      await queue.add('options', { text }, telemetry(headers));
    const metadata: Record<string, unknown> = {
      'no JSON': '{"traceparent": ',
      'a list': '[1]',
      'a number': 5,
      'an object': { traceparent: 'x' },
      long: `{"traceparent":"${'x'.repeat(100_000)}"}`,
    };
    for (const [text, given] of Object.entries(metadata)) {
      await queue.add('options', { text }, { telemetry: { metadata: given as string } });
    }
    await queue.add('options', { text: 'no options' });
    await queue.add('data', { text: 'wrong data', trace: [5, null] });
    const texts = [...Object.keys(MANGLED), ...Object.keys(metadata), 'no options', 'wrong data'];
    await exchange.arrival(texts);
    exchange.expectUncontinued(texts, SpanKind.CONSUMER);
  });

  it('continues the caller again when a job is tried again', async () => {
    let tries = 0;
    const name = randomUUID();
    const { host, port } = place();
    const flaky = new Queue(name, { connection: { host, port } });
    const retrying = new Worker(
      name,
      async (job: Job<{ text: string }>) => {
        tries++;
        await orders.placed(job);
        if (tries === 1) throw new Error('try again');
      },
      { connection: { host, port } },
    );
    const [text] = await exchange.send(1, (text) =>
      flaky.add('options', { text }, { attempts: 2, ...telemetry(injectContextIntoCarrier({})) }),
    );
    while (exchange.seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const sent = exchange.recorder.span(`send ${text}`);
    const entries = exchange.recorder.spans.filter((span) => span.name === 'Orders.placed');
    expect(entries.map(parentId)).toEqual([spanId(sent), spanId(sent)]);
    await retrying.close();
    await flaky.close();
  });

  it('20 concurrent messages of publish and subscribe continue 20 sessions by an envelope', async () => {
    const { host, port } = place();
    const subscriber = new Redis(port, host);
    const publisher = new Redis(port, host);
    await subscriber.subscribe('orders');
    subscriber.on('message', (_channel: string, json: string) => void orders.published(JSON.parse(json)));
    const texts = await exchange.send(20, (text) =>
      publisher.publish('orders', JSON.stringify({ text, trace: injectContextIntoCarrier({}) })),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
    subscriber.disconnect();
    publisher.disconnect();
  });
});
