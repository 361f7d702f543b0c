/**
 * NestJS's microservices, by RabbitMQ: `tracedClient` sends headers with every message, and `SpanwiseModule` lets a handler
 * that only sees the payload find them. Any other transport needs no other code.
 *
 * ```text
 * buy [tool] session=s-1
 * └─ OrdersController.place [chain] CONSUMER
 *    └─ OrdersController.reserve [tool]
 * reserved tea
 * ```
 */
import 'reflect-metadata';
import { Controller, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  MessagePattern,
  Payload,
  Transport,
  type MicroserviceOptions,
  type RmqOptions,
} from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { DistributedEntry, SessionTracer, Trace, withSession, withSpan } from 'spanwise';
import { SpanwiseModule, tracedClient } from 'spanwise/nestjs';
import { recordSpans } from 'spanwise/testing';

const spans = recordSpans();
const tracer = SessionTracer.init({ project: 'examples', spanProcessors: [spans] });

@Controller()
class OrdersController {
  @MessagePattern('place')
  @DistributedEntry({ eventType: 'chain' })
  async place(@Payload() order: { item: string }): Promise<string> {
    return this.reserve(order.item);
  }

  @Trace()
  async reserve(item: string): Promise<string> {
    return `reserved ${item}`;
  }
}

@Module({ imports: [SpanwiseModule.forRoot()], controllers: [OrdersController] })
class AppModule {}

const rabbitmq: RmqOptions = {
  transport: Transport.RMQ,
  options: {
    urls: [process.env['BROKER_URL'] ?? 'amqp://127.0.0.1'],
    queue: 'orders',
    queueOptions: { durable: false },
  },
};
Logger.overrideLogger(false);
const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
  ...rabbitmq,
  logger: false,
});
await app.listen();

const orders = tracedClient(ClientProxyFactory.create(rabbitmq));
const answer = await withSession('s-1', () =>
  withSpan('buy', () => lastValueFrom(orders.send<string>('place', { item: 'tea' }))),
);
await orders.close();
await app.close();
await tracer.shutdown();
console.log(spans.tree());
console.log(answer);
