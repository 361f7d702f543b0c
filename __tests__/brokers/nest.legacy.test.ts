import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { headers as natsHeaders } from '@nats-io/transport-node';
import {
  ClientProxyFactory,
  MqttRecordBuilder,
  NatsRecordBuilder,
  RmqRecordBuilder,
  Transport,
  type ClientOptions,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { SpanKind } from '@opentelemetry/api';
import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { tracedClient } from '../../lib/integrations/nestjs.js';
import { shutdownAll } from '../support/harness.js';
import { describeBroker, freePort, type BrokerName, type Place } from './broker.js';
import { Exchange, MANGLED } from './contract.js';
import { current, startNest } from './nest-app.legacy.js';

type Options = MicroserviceOptions & ClientOptions;
type Headers = Record<string, string>;

interface Row {
  options(place: Place): Options;
  kind: SpanKind;
  /** A message with headers of the application's own, as the transport's documentation has it. */
  record(data: object, headers: Headers): unknown;
  /** The application's own header, as the handler reads it. */
  tenant(context: any): unknown;
  /** Keeps open what the client needs for answers. */
  hold?: (client: ClientProxy) => Promise<void>;
}

const ROWS: Record<Exclude<BrokerName, 'kafka'> | 'tcp', Row> = {
  tcp: {
    options: ({ host, port }) => ({ transport: Transport.TCP, options: { host, port } }),
    kind: SpanKind.SERVER,
    record: (data) => data,
    tenant: () => 'a',
  },
  redis: {
    options: ({ host, port }) => ({ transport: Transport.REDIS, options: { host, port } }),
    kind: SpanKind.CONSUMER,
    record: (data) => data,
    tenant: () => 'a',
  },
  nats: {
    options: ({ url }) => ({ transport: Transport.NATS, options: { servers: [url] } }),
    kind: SpanKind.CONSUMER,
    record: (data, given) => {
      const made = natsHeaders();
      for (const [key, value] of Object.entries(given)) made.set(key, value);
      return new NatsRecordBuilder(data).setHeaders(made).build();
    },
    tenant: (context) => context.getHeaders()?.get('tenant'),
  },
  rabbitmq: {
    options: ({ url }) => ({
      transport: Transport.RMQ,
      options: { urls: [url], queue: 'orders', queueOptions: { durable: false } },
    }),
    kind: SpanKind.CONSUMER,
    record: (data, headers) => new RmqRecordBuilder(data).setOptions({ headers }).build(),
    tenant: (context) => context.getMessage().properties.headers?.tenant,
  },
  mqtt: {
    options: ({ url }) => ({ transport: Transport.MQTT, options: { url, protocolVersion: 5 } }),
    kind: SpanKind.CONSUMER,
    record: (data, userProperties) => new MqttRecordBuilder(data).setProperties({ userProperties }).build(),
    tenant: (context) => context.getPacket().properties?.userProperties?.tenant,
    hold: async (client) => {
      // NestJS's client gives up the topic of replies with the first of several answers, while the request after it
      // has subscribed already and is not counted yet: its answer is lost. Counted once more, the topic is kept.
      await client.connect();
      const { mqttClient, subscriptionsCount } = client as unknown as {
        mqttClient: { subscribeAsync(topic: string): Promise<unknown> };
        subscriptionsCount: Map<string, number>;
      };
      for (const pattern of ['with-context', 'payload-only']) {
        await mqttClient.subscribeAsync(`${pattern}/reply`);
        subscriptionsCount.set(`${pattern}/reply`, 1);
      }
    },
  },
};

function contract(row: Row, place: () => Place): void {
  let running: Awaited<ReturnType<typeof startNest>>;
  let plain: ClientProxy;
  let client: ClientProxy;
  let exchange: Exchange;

  beforeAll(async () => {
    running = await startNest(row.options(place()), row.options(place()));
    plain = ClientProxyFactory.create(row.options(place())) as ClientProxy;
    client = tracedClient(running.client);
    for (const one of [running.client, plain]) await row.hold?.(one);
  }, 30_000);
  afterAll(async () => {
    await plain?.close();
    await running?.close();
  });
  beforeEach(() => {
    exchange = new Exchange();
    current.exchange = exchange;
    current.contexts.length = 0;
  });
  afterEach(shutdownAll);

  it.each(['with-context', 'payload-only'])(
    '20 concurrent requests continue 20 sessions: %s',
    async (pattern) => {
      const answers: unknown[] = [];
      const texts = await exchange.send(20, async (text) => {
        answers.push(await firstValueFrom(client.send(pattern, { text })));
      });
      exchange.expectContinued(texts, row.kind);
      expect(answers.sort()).toEqual(texts.map((text) => `answer to ${text}`).sort());
    },
  );

  it('20 concurrent events continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) =>
      lastValueFrom(client.emit('event', { text }), { defaultValue: 0 }),
    );
    exchange.expectContinued(texts, row.kind);
  });

  it('a request belongs to where it was made, wherever it is subscribed to', async () => {
    const requests: (() => Promise<unknown>)[] = [];
    const sent = exchange.send(3, async (text) => {
      const request = client.send('with-context', { text });
      requests.push(() => firstValueFrom(request));
    });
    while (requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all(requests.map((request) => request()));
    exchange.expectContinued(await sent, row.kind);
  });

  it('headers of the application travel beside ours', async () => {
    const texts = await exchange.send(2, (text) =>
      firstValueFrom(client.send('with-context', row.record({ text }, { tenant: 'a' }))),
    );
    exchange.expectContinued(texts, row.kind);
    expect(current.contexts.map(row.tenant)).toEqual(['a', 'a']);
  });

  it('messages without headers, or with mangled ones, are handled', async () => {
    const { none: _, ...cases } = MANGLED;
    const ask = (data: unknown): Promise<unknown> => firstValueFrom(plain.send('with-context', data));
    expect(await ask({ text: 'plain' })).toBe('answer to plain');
    for (const [text, headers] of Object.entries(cases)) {
      plain.setOnDispatchHook((packet) => (packet.metadata = headers as Headers));
      expect(await ask(row.record({ text }, headers as Headers))).toBe(`answer to ${text}`);
    }
    plain.setOnDispatchHook(() => undefined);
    await exchange.arrival(['plain', ...Object.keys(cases)]);
    exchange.expectUncontinued(['plain', ...Object.keys(cases)], row.kind);
  });
}

describe('NestJS by TCP', () => {
  const place: Place = { host: '127.0.0.1', port: 0, url: '' };
  beforeAll(async () => {
    place.port = await freePort();
  });
  contract(ROWS.tcp, () => place);

  it('what no client of NestJS is stays as it is', () => {
    const other = { send: () => 1 };
    const { send } = other;
    expect(tracedClient(other)).toBe(other);
    expect(other.send).toBe(send);
  });
});
describeBroker('redis', 'NestJS by Redis', (place) => contract(ROWS.redis, place));
describeBroker('nats', 'NestJS by NATS', (place) => contract(ROWS.nats, place));
describeBroker('rabbitmq', 'NestJS by RabbitMQ', (place) => contract(ROWS.rabbitmq, place));
describeBroker('mqtt', 'NestJS by MQTT 5', (place) => contract(ROWS.mqtt, place));

describeBroker('kafka', 'NestJS by Kafka', (place) => {
  let running: Awaited<ReturnType<typeof startNest>>;
  let exchange: Exchange;

  beforeAll(async () => {
    const options = (): Options => ({
      transport: Transport.KAFKA,
      options: {
        client: { brokers: [place().url], logLevel: 0 },
        consumer: { groupId: 'orders', maxWaitTimeInMs: 50, heartbeatInterval: 500 },
        subscribe: { fromBeginning: true },
      },
    });
    running = await startNest(options(), options());
    tracedClient(running.client);
    (running.client as unknown as { subscribeToResponseOf(pattern: string): void }).subscribeToResponseOf(
      'with-context',
    );
    await running.client.connect();
  }, 30_000);
  afterAll(() => running?.close());
  beforeEach(() => {
    exchange = new Exchange();
    current.exchange = exchange;
    current.contexts.length = 0;
  });
  afterEach(shutdownAll);

  it('20 concurrent requests continue 20 sessions', async () => {
    const answers: unknown[] = [];
    const texts = await exchange.send(20, async (text) => {
      answers.push(await firstValueFrom(running.client.send('with-context', { text })));
    });
    exchange.expectContinued(texts, SpanKind.CONSUMER);
    expect(answers.sort()).toEqual(texts.map((text) => `answer to ${text}`).sort());
  });

  it('20 concurrent events continue 20 sessions, beside headers of the application', async () => {
    const texts = await exchange.send(20, (text) =>
      lastValueFrom(running.client.emit('event', { key: text, value: { text }, headers: { tenant: 'a' } })),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
    const tenants = current.contexts.map((context: any) => String(context.getMessage().headers.tenant));
    expect(new Set(tenants)).toEqual(new Set(['a']));
  });

  it('a batch of events has headers in every message', async () => {
    const client = running.client as unknown as {
      emitBatch(pattern: string, data: { messages: object[] }): Observable<unknown>;
    };
    const texts = await exchange.send(2, (text) =>
      lastValueFrom(client.emitBatch('event', { messages: [{ value: { text } }] })),
    );
    exchange.expectContinued(texts, SpanKind.CONSUMER);
  });
});
