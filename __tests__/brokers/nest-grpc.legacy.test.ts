import 'reflect-metadata';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Logger, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  GrpcMethod,
  Transport,
  type ClientGrpc,
  type GrpcOptions,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { SpanKind } from '@opentelemetry/api';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { DistributedEntry, injectContextIntoCarrier } from '../../lib/index.js';
import { SpanwiseModule, tracedClient } from '../../lib/integrations/nestjs.js';
import { shutdownAll } from '../support/harness.js';
import { freePort } from './broker.js';
import { Exchange } from './contract.js';
import { ORDERS } from './grpc-service.js';

interface Order {
  text: string;
}
interface OrderService {
  place(order: Order, metadata?: Metadata): Observable<Order>;
  watch(order: Order): Observable<Order>;
}
let exchange: Exchange;
let tenants: unknown[];

@Controller()
class Orders {
  @GrpcMethod('Orders', 'Place')
  @DistributedEntry({ tracer: () => exchange.receiver })
  async place(order: Order, metadata: Metadata): Promise<Order> {
    tenants.push(metadata.get('tenant')[0]);
    return { text: await exchange.handle(order.text) };
  }

  @GrpcMethod('Orders', 'Watch')
  @DistributedEntry({ tracer: () => exchange.receiver })
  watch(order: Order): Observable<Order> {
    return from(exchange.handle(order.text).then((text) => ({ text })));
  }
}

@Module({ imports: [SpanwiseModule.forRoot()], controllers: [Orders] })
class AppModule {}

describe('NestJS by gRPC', () => {
  let app: INestMicroservice;
  let client: ClientGrpc & { close(): void };
  let orders: OrderService;
  let plain: OrderService;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    const options = (url: string): GrpcOptions => ({
      transport: Transport.GRPC,
      options: { package: 'shop', packageDefinition: ORDERS, url },
    });
    const url = `127.0.0.1:${await freePort()}`;
    app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
      ...options(url),
      logger: false,
    });
    await app.listen();
    const make = (): any => ClientProxyFactory.create(options(url));
    client = make();
    plain = make().getService('Orders');
    orders = tracedClient(client).getService<OrderService>('Orders');
  });
  afterAll(async () => {
    client?.close();
    await app?.close();
  });
  beforeEach(() => {
    exchange = new Exchange();
    tenants = [];
  });
  afterEach(shutdownAll);

  it('20 concurrent calls continue 20 sessions', async () => {
    const answers: string[] = [];
    const texts = await exchange.send(20, async (text) => {
      answers.push((await lastValueFrom(orders.place({ text }))).text);
    });
    exchange.expectContinued(texts, SpanKind.SERVER);
    expect(answers.sort()).toEqual(texts.map((text) => `answer to ${text}`).sort());
  });

  it('20 concurrent streams continue 20 sessions', async () => {
    const texts = await exchange.send(20, (text) => lastValueFrom(orders.watch({ text })));
    exchange.expectContinued(texts, SpanKind.SERVER);
  });

  it('metadata of the application travels beside ours, and stays its own', async () => {
    const metadata = new Metadata();
    metadata.set('tenant', 'a');
    const texts = await exchange.send(3, (text) => lastValueFrom(orders.place({ text }, metadata)));
    exchange.expectContinued(texts, SpanKind.SERVER);
    expect(tenants).toEqual(['a', 'a', 'a']);
    expect(Object.keys(metadata.getMap())).toEqual(['tenant']);
  });

  it('a client as it is continues by metadata that was injected, and without them is handled', async () => {
    const texts = await exchange.send(3, (text) =>
      lastValueFrom(plain.place({ text }, injectContextIntoCarrier(new Metadata()))),
    );
    exchange.expectContinued(texts, SpanKind.SERVER);
    await lastValueFrom(plain.place({ text: 'plain' }));
    exchange.expectUncontinued(['plain'], SpanKind.SERVER);
  });
});
