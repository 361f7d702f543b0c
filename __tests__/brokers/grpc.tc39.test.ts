import {
  credentials,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { shutdownAll } from '../support/harness.js';
import { Exchange, MANGLED } from './contract.js';
import { ORDERS } from './grpc-service.js';

interface Order {
  text: string;
}

describe('gRPC, by @grpc/grpc-js', () => {
  let server: Server;
  let client: any;
  let exchange: Exchange;

  class Orders {
    @DistributedEntry({ tracer: () => exchange.receiver })
    async place(call: ServerUnaryCall<Order, Order>): Promise<Order> {
      return { text: await exchange.handle(call.request.text) };
    }

    @DistributedEntry({ tracer: () => exchange.receiver })
    async watch(call: ServerWritableStream<Order, Order>): Promise<void> {
      call.write({ text: await exchange.handle(call.request.text) });
      call.end();
    }
  }

  beforeAll(async () => {
    const service = (loadPackageDefinition(ORDERS) as any).shop.Orders;
    const orders = new Orders();
    server = new Server();
    server.addService(service.service, {
      Place: (call: ServerUnaryCall<Order, Order>, answer: sendUnaryData<Order>) =>
        void orders.place(call).then((value) => answer(null, value), answer),
      Watch: (call: ServerWritableStream<Order, Order>) => void orders.watch(call),
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    client = new service(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  afterAll(() => {
    client?.close();
    server?.forceShutdown();
  });
  beforeEach(() => {
    exchange = new Exchange();
  });
  afterEach(shutdownAll);

  const place = (text: string, metadata: Metadata): Promise<string> =>
    new Promise((resolve, reject) =>
      client.Place({ text }, metadata, (error: Error | null, answer: Order) =>
        error === null ? resolve(answer.text) : reject(error),
      ),
    );

  it('20 concurrent calls continue 20 sessions, and each gets its own answer', async () => {
    const answers: string[] = [];
    const texts = await exchange.send(20, async (text) => {
      const metadata = new Metadata();
      metadata.set('tenant', 'a');
      answers.push(await place(text, injectContextIntoCarrier(metadata)));
    });
    exchange.expectContinued(texts, SpanKind.SERVER);
    expect(answers.sort()).toEqual(texts.map((text) => `answer to ${text}`).sort());
  });

  it('20 concurrent streams continue 20 sessions', async () => {
    const texts = await exchange.send(20, async (text) => {
      for await (const _ of client.Watch({ text }, injectContextIntoCarrier(new Metadata()))) break;
    });
    exchange.expectContinued(texts, SpanKind.SERVER);
  });

  it('handles calls whose metadata was dropped or mangled', async () => {
    // The protocol itself refuses headers of more than 8 kB.
    const cases = { ...MANGLED, 'far too long': { traceparent: '0'.repeat(4_000) } };
    for (const [text, headers] of Object.entries(cases)) {
      const metadata = new Metadata();
      for (const [key, value] of Object.entries(headers)) metadata.set(key, String(value));
      expect(await place(text, metadata)).toBe(`answer to ${text}`);
    }
    const twice = new Metadata();
    twice.add('traceparent', `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`);
    twice.add('traceparent', `00-${'2'.repeat(32)}-${'2'.repeat(16)}-01`);
    twice.set('baggage-bin', Buffer.from([0xff, 0x00]));
    expect(await place('twice', twice)).toBe('answer to twice');
    exchange.expectUncontinued([...Object.keys(cases), 'twice'], SpanKind.SERVER);
  });
});
